"""Whatever the files hold, `check` answers with problems or a site."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from bms.config.load import check
from bms.config.writing.render import render
from bms.config.writing.scaffold import template
from tests.config.sites import STRATEGIES, write

TEMPLATE = template()
FILES = sorted(TEMPLATE)
SNIPPETS = st.sampled_from(
    [
        "", " ", "\n", "\n  ", ":", ": ", ",", "[", "]", "{", "}", "{}", "[]", "null", "~", "true",
        "-1", "1e999", ".nan", "99999999999999999999", "0x10", "'", '"', "#", "&a ", "*a", "!x ",
        "- ", "<<", "|", ">", "%", "@", "?", "\t", "\x00", "\x85", "\ufeff", "，", "：", "　",
        "空调", "{1..3}", "{3..1}", "*", "..", "2026-02-30", "25:00", "---", "...", "\\", "😀",
    ]
)  # fmt: skip


def check_texts(texts: dict[str, str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        site, problems = check(write(Path(folder), texts), STRATEGIES)
    assert (site is None) == any(not problem.withholds for problem in problems)
    assert problems == sorted(set(problems))
    for problem in problems:
        assert problem.message
        assert "\n" not in str(problem)
        assert problem.line >= 1
        assert problem.column >= 1
    assert bool(render(problems, texts)) == bool(problems)


@st.composite
def mutations(draw: st.DrawFn) -> dict[str, str]:
    texts = dict(TEMPLATE)
    for _ in range(draw(st.integers(1, 3))):
        name = draw(st.sampled_from(FILES))
        text = texts[name]
        start = draw(st.integers(0, len(text)))
        length = draw(st.sampled_from([0, 0, 1, 2, 5, 30, 500]))
        new = draw(SNIPPETS | st.text(max_size=8))
        texts[name] = text[:start] + new + text[start + length :]
    return texts


# What a value is replaced by, so that every field sees every type.
VALUES = st.sampled_from(
    ["null", "true", "3", "-0.5", "x", "''", "[]", "{}", "[1, [2]]", "{a: {b: c}}", "'{1..2}'"]
)


@st.composite
def other_values(draw: st.DrawFn) -> dict[str, str]:
    texts = dict(TEMPLATE)
    for _ in range(draw(st.integers(1, 3))):
        name = draw(st.sampled_from(FILES))
        lines = texts[name].splitlines()
        written = [n for n, line in enumerate(lines) if ": " in line and line.lstrip()[0] != "#"]
        if not written:
            continue
        index = draw(st.sampled_from(written))
        pieces = lines[index].split(": ")
        cut = draw(st.integers(1, len(pieces) - 1))
        tail = "}" * (": ".join(pieces[:cut]).count("{") - ": ".join(pieces[:cut]).count("}"))
        lines[index] = f"{': '.join(pieces[:cut])}: {draw(VALUES)}{tail}"
        texts[name] = "\n".join(lines) + "\n"
    return texts


@given(mutations() | other_values())
@settings(max_examples=40)
def test_nothing_is_raised(texts: dict[str, str]) -> None:
    # surrogates cannot be written as UTF-8; the disk would not hold them either
    check_texts({n: t.encode("utf-8", "replace").decode("utf-8") for n, t in texts.items()})
