"""Problems as people read them: the line, and a mark under the place."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence

from bms.texts.language import told
from bms.texts.problems import Problem

_BREAK = re.compile(r"\r\n|[\n\r\x85\u2028\u2029]")  # the line breaks that YAML positions count
_TOKEN = re.compile(r"\"[^\"]*\"|'[^']*'|[^\s,\[\]{}:#]+(?::(?=\S)[^\s,\[\]{}]+)*")


_LONGEST = 160
"""Characters of a source line that are shown."""


def render(problems: Sequence[Problem], sources: Mapping[str, str]) -> str:
    """Every problem with its source line and a mark below.

    `sources` has the texts by the file names of the problems; without the text, or beyond its
    end, only the message is shown. The mark stands right under full-width characters too, which
    take two columns of a terminal. Empty for no problems.
    """
    lines: dict[str, list[str]] = {}
    parts: list[str] = []
    for problem in problems:
        if problem.file not in lines:
            lines[problem.file] = _BREAK.split(sources.get(problem.file, ""))
        parts.append(_one(problem, lines[problem.file]))
    return "\n".join(parts)


def problem_line(problem: Problem) -> str:
    """A problem on one line, in the language that is spoken."""
    text = f"{problem.file}:{problem.line}:{problem.column}: {told(problem.message)}"
    return f"{text}; {told(problem.hint)}" if problem.hint else text


def _one(problem: Problem, lines: Sequence[str]) -> str:
    head = f"{problem.file}:{problem.line}:{problem.column}: {told(problem.message)}"
    if problem.line > len(lines) or not lines[problem.line - 1].strip():
        return f"{head}\n      {told(problem.hint)}" if problem.hint else head
    line = "".join(c if c.isprintable() else " " for c in lines[problem.line - 1])
    start = min(problem.column - 1, len(line))
    token = _TOKEN.match(line, start)
    end = token.end() if token else start + 1
    line, start, end = _clipped(line.rstrip(), start, end)
    before, marked = width(line[:start]), max(width(line[start:end]), 1)
    hint = f" {told(problem.hint)}" if problem.hint else ""
    return f"{head}\n{problem.line:>5} | {line}\n{'':>5} | {' ' * before}{'^' * marked}{hint}"


def _clipped(line: str, start: int, end: int) -> tuple[str, int, int]:
    """A line that is too long for a terminal as the part around the mark, which is cut as well."""
    if len(line) <= _LONGEST:
        return line, start, end
    end = min(end, start + _LONGEST // 2)
    first = max(0, min(start - _LONGEST // 4, len(line) - _LONGEST))
    last = first + _LONGEST
    part = line[first:last]
    if first:
        part = f"…{part[1:]}"
    if last < len(line):
        part = f"{part[:-1]}…"
    return part, start - first, end - first


def width(text: str) -> int:
    """Columns that a text takes in a terminal: wide characters two, combining marks none."""
    return sum(
        2
        if unicodedata.east_asian_width(character) in "WF"
        else 0
        if unicodedata.combining(character)
        else 1
        for character in text
    )
