"""Mistakes in sound files and what people are told about them, as `problems*.txt` list them; and
files into which anything was written at random."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st

_CASE = re.compile(r"^## (.+): (.+)\n((?:[-+].*\n)+)((?:! .*\n)+)", re.MULTILINE)
_ODD = "~ [] {} [[]] {a:[b]} 5 -1.5 true .inf '' on mon 24:00 02-29 *x !t [1,[2]] 空"


def cases(name: str, *, least: int) -> list[Any]:
    """Each case of a list as the file, the text taken out, the text put in its place, and the
    problems. `least` is how many there have to be: a list that is read wrongly is short."""
    text = Path(__file__).with_name(name).read_text(encoding="utf-8")
    found = _CASE.findall(text)
    assert len(found) == text.count("\n## ") > least
    return [
        pytest.param(
            file, _side("-", lines), _side("+", lines),
            [f"schedules/{told[2:]}" for told in problems.splitlines()],
            id=title.replace(" ", "-"),
        )
        for title, file, lines, problems in found
    ]  # fmt: skip


def _side(sign: str, lines: str) -> str:
    return "".join(f"{line[1:]}\n" for line in lines.splitlines() if line.startswith(sign))


@st.composite
def garbled(draw: st.DrawFn, files: Mapping[str, str], more: str = "") -> dict[str, str]:
    """The files with up to three words replaced by odd ones, or by one of `more`."""
    odd = st.sampled_from(f"{_ODD} {more}".split())
    found = dict(files)
    for _ in range(draw(st.integers(1, 3))):
        name = draw(st.sampled_from(sorted(found)))
        words = found[name].replace("\n", " \n ").split(" ")
        index = draw(st.integers(0, len(words) - 1))
        if words[index] != "\n":
            words[index] = draw(odd) + ("," if words[index].endswith(",") else "")
        found[name] = " ".join(words).replace(" \n ", "\n")
    return found
