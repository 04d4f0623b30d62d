"""The fast reader against ruamel: the same document, with the same places, or no answer."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from bms.texts.yaml.fast import read_plain
from bms.texts.yaml.parsing import _plain, read, read_any

ROOT = Path(__file__).parents[3]
SHIPPED = sorted(
    path
    for folder in (
        "simulators/parks",
        "schedules/library",
        "bms/config/template",
        "drivers/devices",
    )
    for path in (ROOT / folder).rglob("*.yaml")
)
_SPLINTERS = [*" \n:-,{}[]#'\"*&!|>%@`?~.0a\\=<空：\t\r", ": ", " #", "- ", "\n  ", "---\n", "\n\n"]


def _same(text: str) -> bool:
    """Whether the fast reader answers; then ruamel has to say the same, without a problem."""
    fast = read_plain("f.yaml", text, _plain)
    if fast is None:
        return False
    slow, problems = read_any("f.yaml", text)
    assert problems == [], text
    assert fast == slow, text
    return True


def test_shipped_files_are_all_read_fast() -> None:
    assert len(SHIPPED) > 60
    for path in SHIPPED:
        assert _same(path.read_text(encoding="utf-8")), path


def _mutate(text: str, rng: random.Random) -> str:
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(len(text) + 1)
        what = rng.random()
        if what < 0.4:
            text = text[:at] + rng.choice(_SPLINTERS) + text[at:]
        elif what < 0.7:
            text = text[:at] + text[at + rng.randint(1, 3) :]
        else:
            other = rng.randrange(len(text) + 1)
            text = text[:at] + text[other : other + rng.randint(1, 12)] + text[at:]
    return text


def _mutated(seed: int, count: int) -> int:
    rng = random.Random(seed)
    texts = [path.read_text(encoding="utf-8") for path in SHIPPED]
    small = [text for text in texts if len(text) < 2500]
    answered = 0
    for _ in range(count):
        text = rng.choice(small)
        answered += _same(_mutate(text[: rng.randint(40, 500)], rng))
    return answered


def test_mutated_files_are_read_as_ruamel_reads_them_or_left_to_it() -> None:
    assert _mutated(seed=1, count=1200) > 150


@pytest.mark.slow
def test_a_great_many_mutated_files() -> None:
    assert sum(_mutated(seed, 2000) for seed in range(2, 22)) > 2000


@pytest.mark.parametrize(
    "text",
    [
        "a: {b: 1,\n  c: 2}\n", "a: |\n  text\n", "a: &x 1\nb: *x\n", "a: 'it''s'\n", "a:\tb\n",
        'a: "\\u4e00"\n', "a: b\n  c\n", "? a\n: b\n", "--- \na: 1\n", "a: 1\r\nb: 2\r\n",
        "[1, 2]\n", "a: .inf\n", "a: 1\na: 2\n", "- - 1\n", "a: [1, ]\n", "a: {b}\n", "a: 1\n...\n",
        "x\n", "",
    ],
)  # fmt: skip
def test_what_is_unusual_is_left_to_ruamel(text: str) -> None:
    assert read_plain("f.yaml", text, _plain) is None


def test_both_ways_are_one_to_the_reader() -> None:
    plain = "a: {b: [1, x], c: 07:30}\nd:\n- e: ~\n"
    unusual = plain.replace("[1, x]", "[1,\n x]")
    one, other = read("f.yaml", plain)[0], read("f.yaml", unusual)[0]
    assert one is not None
    assert other is not None
    assert one.data == other.data == {"a": {"b": [1, "x"], "c": "07:30"}, "d": [{"e": None}]}
