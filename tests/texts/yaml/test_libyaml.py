"""The events of libyaml against ruamel: the same document, with the same places, or no answer."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bms.texts.yaml.libyaml import read_well_formed
from bms.texts.yaml.parsing import read, read_and_diagnose
from tests.texts.yaml import ugly

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
_CHARACTERS = " \n:-,{}[]#'\"*&!|>%@`?~.0a\\=<空：😀\t\r"
_SPLINTERS = [
    *_CHARACTERS, ": ", " #", "- ", "\n  ", "---\n", "\n\n", "|\n", ">-\n", "|2\n", "? ", "...\n",
    "''", "\\x41", "\\u4e00", "{a}", "[a:b]", '{"a":1}', '["a":]', "{a: }", "<<: ", "\n \n   ",
    "\r\n", "k" * 1020,
]  # fmt: skip


def _same(text: str) -> bool:
    """Whether libyaml's events gave a document; then ruamel has to say the same, and no problem."""
    found = read_well_formed("f.yaml", text)
    if found is None:
        return False
    by_ruamel, problems = read_and_diagnose("f.yaml", text)
    assert problems == [], text
    assert by_ruamel is not None
    assert found == by_ruamel, text
    assert list(found.keys) == list(by_ruamel.keys)
    return True


def test_shipped_files_are_all_well_formed() -> None:
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
    for n in range(count):
        text = rng.choice(small)[: rng.randint(40, 500)] if n % 2 else ugly.document(rng).text
        answered += _same(_mutate(text.removeprefix("\ufeff"), rng))
    return answered


def test_mutated_files_are_read_as_ruamel_reads_them_or_left_to_it() -> None:
    assert _mutated(seed=1, count=1200) > 150


@pytest.mark.slow
def test_a_great_many_mutated_files() -> None:
    assert sum(_mutated(seed, 2000) for seed in range(2, 22)) > 2000


@given(st.lists(st.sampled_from([*_SPLINTERS, "\x85", "\u2028", "\ufeff", "b"])).map("".join))
@example("&a:b")
@example("- ['c':]")
@example("?\n>#\n [")
@example("a: |\n \n  b")
@example("\r%YAML 1.1\n--- {a: {? }}")
@example("a: '\ud83d'")
def test_any_text_is_read_as_ruamel_reads_it_or_left_to_it(text: str) -> None:
    _same(text)


@pytest.mark.parametrize(
    "text",
    [
        "a: {b: 1,\n  c: 2}\n", "a: |\n  text\n\n more: 1\n", "a: 'it''s'\n", "a: b\n  c\n",
        'a: "\\u4e00"\n', "? a\n: b\n", "--- \na: 1\n", "a: 1\r\nb: 2\r\n", "a: 1\rb: 2\r",
        "[1, 2]\n", "- - 1\n", "a: [1, ]\n", "a: {b}\n", "a: 1\n...\n", "😀: [😀, {b: >-\n",
        "a: >-\n  x\n  y\n\nb:\n", "a: {b: , c: [~, '']}\n", "0o17: 0o17\n", "a:\n- b\n-\n- c: \n",
    ],
)  # fmt: skip
def test_no_way_to_write_a_file_is_a_cliff(text: str) -> None:
    problems = read("f.yaml", text)[1]
    assert _same(text) is (problems == [])


@pytest.mark.parametrize(
    "text",
    [
        "a: &x 1\nb: *x\n", "a: &x 1\n", "a: !!str 1\n", "a: .inf\n", "a: 1\na: 2\n", "a:\tb\n",
        "<<: 1\n", "[a]: 1\n", "a: 1\n---\nb: 1\n", "%YAML 1.1\n---\na: 1\n", "x\n", "", "a: [\n",
        "[" * 60, "a: '\x85'\n", "[a: 1]\n", "a: |#\n", "\ufeffa: 1\n",
    ],
)  # fmt: skip
def test_what_may_be_wrong_is_left_to_ruamel(text: str) -> None:
    assert read_well_formed("f.yaml", text) is None


_WITHOUT = """
import json, sys
sys.modules["yaml._yaml"] = None
from bms.texts.yaml.libyaml import read_well_formed
from bms.texts.yaml.parsing import read
def told(text):
    document, problems = read("f.yaml", text)
    return [document and [document.data, str(document.keys), str(document.values)],
            [str(p) for p in problems]]
texts = json.load(sys.stdin)
assert all(read_well_formed("f.yaml", text) is None for text in texts)
json.dump([told(text) for text in texts], sys.stdout)
"""


def test_without_libyaml_everything_is_read_all_the_same() -> None:
    texts = ["a: {b: 1,\n  c: 2}\n", "a: 1\na: [\n", SHIPPED[0].read_text(encoding="utf-8")]
    ran = subprocess.run(
        [sys.executable, "-c", _WITHOUT],
        input=json.dumps(texts),
        capture_output=True,
        encoding="utf-8",
        cwd=ROOT,
        check=True,
    )
    for text, (document, problems) in zip(texts, json.loads(ran.stdout), strict=True):
        here, found = read("f.yaml", text)
        assert problems == list(map(str, found))
        assert document == (here and [here.data, str(here.keys), str(here.values)])
