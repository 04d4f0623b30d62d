"""The YAML that people write, read at ten times the speed; everything else is left to ruamel.

Site files are block mappings and sequences, one-line `{...}` and `[...]`, and scalars on one
line. Whatever is written in another way, or wrong, makes `read_plain` give up: then the whole
text is parsed by ruamel, which knows all of YAML 1.2 and what to say about mistakes. Tests hold
this reader to ruamel's answers on mutated files.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NoReturn

from bms.texts.problems import Document, Origin, Path

_LONGEST_LINE = 1000
_DEEPEST = 20
# Line ends other than \n, tabs, and what YAML calls not printable.
_UNUSUAL = re.compile("[^\n\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd]")
_KEY = re.compile(
    r"""(?:(?P<plain>\w(?:[\w,.*{}/-]|\ (?=[\w,.*{}/-]))*)|"(?P<quoted>[^"\\]*)"):(?=\ |$)""",
    re.VERBOSE,
)
_FLOW_KEY = re.compile(r"""(?:(?P<plain>\w[\w./-]*)|"(?P<quoted>[^"\\]*)"): +""")
_QUOTED = re.compile(r"""(?:"(?P<double>[^"\\]*)"|'(?P<single>[^']*)')""")
_PLAIN_WORD = r"""[^\s,\[\]{}#:'"&*!|>%@`]"""
_FLOW_PLAIN = re.compile(
    rf"(?:\w|[./+~](?={_PLAIN_WORD})|-(?=[\w.]))"
    rf"(?:{_PLAIN_WORD}|\*|:(?={_PLAIN_WORD})|\ +(?={_PLAIN_WORD}))*"
)
# A value up to the line's end or a comment; a colon only where it cannot make a key.
_BLOCK_PLAIN = re.compile(r"(?:\w|[./+~](?=\w)|-(?=[\w.]))(?:[^:#\s]|:(?=[^\s])|\ +(?=[^\s#]))*")
_END = re.compile(r" *(?: #.*)?$")


class _UnusualError(Exception):
    """Something that this reader does not read."""


def read_plain(file: str, text: str, plain: Callable[[str], Any]) -> Document | None:
    """The document, or None if ruamel has to read it. `plain` makes values of unquoted text."""
    if _UNUSUAL.search(text):
        return None
    try:
        return _Reader(file, plain).document(text)
    except _UnusualError:
        return None


class _Reader:
    """Walks through lines; `lines` are those that are neither empty nor comments."""

    def __init__(self, file: str, plain: Callable[[str], Any]) -> None:
        self._file = file
        self._plain = plain
        self._keys: dict[Path, Origin] = {}
        self._values: dict[Path, Origin] = {}
        self._lines: list[tuple[int, int, str]] = []
        """Line number, indent, text without indent."""
        self._at = 0

    def document(self, text: str) -> Document:
        for number, line in enumerate(text.split("\n"), start=1):
            content = line.lstrip(" ")
            if not content or content[0] == "#":
                continue
            if len(line) > _LONGEST_LINE:
                _give_up()
            self._lines.append((number, len(line) - len(content), content))
        if not self._lines or self._lines[0][1] != 0:
            _give_up()
        data = self._node(0, ())
        if self._at != len(self._lines):
            _give_up()
        return Document(self._file, data, self._keys, self._values)

    def _node(self, indent: int, path: Path) -> Any:
        """The mapping or sequence that begins on the line reached, at this indent."""
        if len(path) > _DEEPEST:
            _give_up()
        number, _, text = self._lines[self._at]
        self._values[path] = Origin(self._file, number, indent + 1)
        if text.startswith("- "):
            return self._sequence(indent, path)
        return self._mapping(indent, path)

    def _mapping(self, indent: int, path: Path) -> dict[str, Any]:
        data: dict[str, Any] = {}
        lines = self._lines
        while self._at < len(lines) and lines[self._at][1] == indent:
            number, _, text = lines[self._at]
            found = _KEY.match(text)
            if found is None:
                if text.startswith("- ") and data:
                    break  # a sequence's next item, which holds this mapping at its own indent
                _give_up()
            key = found["plain"] if found["plain"] is not None else found["quoted"]
            if key in data:
                _give_up()
            here = (*path, key)
            self._keys[here] = place = Origin(self._file, number, indent + 1)
            rest = text[found.end() :]
            if _END.match(rest):
                self._at += 1
                data[key] = self._below(indent, here, place)
            else:
                data[key] = self._value(number, indent, text, found.end(), here)
        self._check_indent(indent)
        return data

    def _sequence(self, indent: int, path: Path) -> list[Any]:
        data: list[Any] = []
        lines = self._lines
        while self._at < len(lines) and lines[self._at][1] == indent:
            number, _, text = lines[self._at]
            if not text.startswith("- "):
                break
            here = (*path, len(data))
            content = text[2:].lstrip(" ")
            inner = indent + len(text) - len(content)
            if _KEY.match(content):
                lines[self._at] = (number, inner, content)
                data.append(self._node(inner, here))
            elif not content or content[0] in "-#":
                if not re.match(r"-[\w.]", content):
                    _give_up()
                data.append(self._value(number, indent, text, len(text) - len(content), here))
            else:
                data.append(self._value(number, indent, text, len(text) - len(content), here))
        self._check_indent(indent)
        return data

    def _check_indent(self, indent: int) -> None:
        if self._at < len(self._lines) and self._lines[self._at][1] > indent:
            _give_up()

    def _below(self, indent: int, path: Path, place: Origin) -> Any:
        """The value of a key whose line has none: on the lines below, or nothing."""
        if self._at < len(self._lines):
            _, inner, text = self._lines[self._at]
            if inner > indent or (inner == indent and text.startswith("- ")):
                return self._node(inner, path)
        self._values[path] = place
        return None

    def _value(self, number: int, indent: int, text: str, start: int, path: Path) -> Any:
        """The value on the rest of a line, from `start` in its text."""
        start += len(text[start:]) - len(text[start:].lstrip(" "))
        first = text[start]
        if first in "{[":
            data, end = self._flow(number, indent, text, start, path)
        else:
            self._values[path] = Origin(self._file, number, indent + start + 1)
            data, end = self._scalar(text, start, _BLOCK_PLAIN)
        if not _END.match(text, end):
            _give_up()
        self._at += 1
        self._check_indent(indent)
        return data

    def _scalar(self, text: str, start: int, plain: re.Pattern[str]) -> tuple[Any, int]:
        quoted = _QUOTED.match(text, start)
        if quoted is not None:
            double = quoted["double"]
            return (quoted["single"] if double is None else double), quoted.end()
        found = plain.match(text, start)
        if found is None:
            _give_up()
        value = self._plain(found[0])
        if isinstance(value, float) and value - value != 0:
            _give_up()
        return value, found.end()

    def _flow(self, number: int, indent: int, text: str, start: int, path: Path) -> tuple[Any, int]:
        """A `{...}` or `[...]` that ends on its line, and where it ends."""
        if len(path) > _DEEPEST:
            _give_up()
        self._values[path] = Origin(self._file, number, indent + start + 1)
        is_mapping = text[start] == "{"
        close = "}" if is_mapping else "]"
        mapping: dict[str, Any] = {}
        items: list[Any] = []
        at = _skip(text, start + 1)
        while text[at : at + 1] != close:
            here: Path
            if is_mapping:
                found = _FLOW_KEY.match(text, at)
                if found is None:
                    _give_up()
                key = found["plain"] if found["plain"] is not None else found["quoted"]
                if key in mapping:
                    _give_up()
                here = (*path, key)
                self._keys[here] = Origin(self._file, number, indent + at + 1)
                at = found.end()
            else:
                here = (*path, len(items))
            if text[at : at + 1] in ("{", "["):
                value, at = self._flow(number, indent, text, at, here)
            else:
                self._values[here] = Origin(self._file, number, indent + at + 1)
                value, at = self._scalar(text, at, _FLOW_PLAIN)
            if is_mapping:
                mapping[key] = value
            else:
                items.append(value)
            at = _skip(text, at)
            if text[at : at + 1] == ",":
                at = _skip(text, at + 1)
                if text[at : at + 1] == close:
                    _give_up()
            elif text[at : at + 1] != close:
                _give_up()
        return (mapping if is_mapping else items), at + 1


def _skip(text: str, at: int) -> int:
    while text[at : at + 1] == " ":
        at += 1
    return at


def _give_up() -> NoReturn:
    raise _UnusualError
