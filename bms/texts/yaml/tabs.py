"""Tabs where YAML lets them separate: before a comment, behind a value, on an empty line.

ruamel refuses them there, as it does where they indent, which YAML forbids. So they are taken for
spaces before anything is read; no place in the text moves.
"""

from __future__ import annotations

import re
from typing import Final

import yaml
from yaml.error import MarkedYAMLError, YAMLError
from yaml.events import ScalarEvent

_MOST: Final = 500
"""Lines of one file that begin with a tab before a comment; each costs a look at the file."""
_TO_COMMENT: Final = re.compile(r"[ \t]*(?=#|\r|\n|\Z)")
_HEADER: Final = re.compile(r"[^\r\n]*")
_READ_OTHERWISE: Final = re.compile("[\x85\u2028\u2029\ufeff]")
"""What YAML 1.1 has for line ends or for nothing: places would differ."""
_NO_SCALAR: Final = re.compile(r"(?:[\s:,\[\]{}?-]|(?:^|(?<=\s))#[^\r\n]*)*")
"""White space, signs and comments alone."""


def spaced(text: str) -> str:
    """The text with a space for each tab that only separates; else the text as it is."""
    if "\t" not in text or not yaml.__with_libyaml__ or _READ_OTHERWISE.search(text):
        return text
    for _ in range(_MOST):
        text, tab = _between_scalars(text)
        run = _TO_COMMENT.match(text, tab) if tab is not None else None
        if run is None or run.end() == tab:
            return text
        text = text[:tab] + run[0].replace("\t", " ") + text[run.end() :]
    return text


def _between_scalars(text: str) -> tuple[str, int | None]:
    """Spaces for the tabs outside scalars, as far as libyaml can read; and the tab that it stops
    at, if it stops at one."""
    parts: list[str] = []
    at, stopped = 0, None
    try:
        for event in yaml.parse(text, yaml.CSafeLoader):
            if type(event) is not ScalarEvent:
                continue
            begun, ended = event.start_mark, event.end_mark
            if begun is None or ended is None:
                continue
            start, end = begun.index, ended.index
            if event.style in ("|", ">"):  # a comment may stand behind the sign
                header = _HEADER.match(text, start)
                start = min(header.end(), end) if header is not None else start
            parts += [text[at:start].replace("\t", " "), text[start:end]]
            at = max(at, end)
    except MarkedYAMLError as error:
        mark = error.problem_mark
        if mark is not None and text[mark.index : mark.index + 1] == "\t":
            stopped = mark.index
            if stopped > at and _NO_SCALAR.fullmatch(text, at, stopped):
                parts.append(text[at:stopped].replace("\t", " "))
                at = stopped
        parts.append(text[at:])
    except (YAMLError, UnicodeEncodeError, ValueError):
        parts.append(text[at:])
    else:
        parts.append(text[at:].replace("\t", " "))
    return "".join(parts), stopped
