"""YAML without a mistake, read from the events of libyaml: at ten times ruamel's speed.

Wherever libyaml, which reads YAML 1.1, could differ from ruamel, which reads 1.2, or anything is
wrong, `read_well_formed` has no answer. Then ruamel reads the text: it knows all of YAML 1.2, and
what to say about mistakes. Tests hold both to the same answers on mutated and on random texts.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any, NoReturn

import yaml
from yaml.error import YAMLError
from yaml.events import (
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from bms.texts.problems import Document, Origin, Path
from bms.texts.yaml.core_schema import plain_value

_DEEPEST = 50
_READ_OTHERWISE = re.compile("[\t\x85\u2028\u2029\ufeff]|(?:^|[\r\n])%")
"""Tabs, which ruamel refuses in most places; what ends a line in YAML 1.1 alone; directives."""
_BLOCK_READ_OTHERWISE = re.compile(r"[|>][-+0-9]*(?:#|[^\r\n]*(?:\r\n|\r|\n) +[\r\n])")
"""A block scalar with a comment right behind its `|`, or a first line of spaces alone."""


class _NoAnswer(Exception):
    """Something that is wrong, or that ruamel may read in another way."""


def read_well_formed(file: str, text: str) -> Document | None:
    """The document, or None if ruamel has to read it. `text` begins without a byte order mark."""
    # A PyYAML built from source may lack libyaml: then ruamel reads everything.
    if not yaml.__with_libyaml__ or _READ_OTHERWISE.search(text):
        return None
    try:
        return _Reader(file, text).document()
    except (YAMLError, UnicodeEncodeError, _NoAnswer):  # half of a surrogate pair is no UTF-8
        return None


class _Reader:
    """Builds data from events, and notes the place of everything on the way."""

    def __init__(self, file: str, text: str) -> None:
        self._file = file
        self._text = text
        # Any: the stubs let every mark of an event be None, but libyaml always has one.
        self._next: Callable[[], Any] = yaml.CSafeLoader(text).get_event
        self._keys: dict[Path, Origin] = {}
        self._values: dict[Path, Origin] = {}

    def document(self) -> Document:
        self._next()  # the stream starts
        if type(self._next()) is not DocumentStartEvent:
            _give_up()
        root = self._next()
        if type(root) is ScalarEvent:
            _give_up()
        data = self._value(root, (), None)
        self._next()  # the document ends
        if type(self._next()) is not StreamEndEvent:
            _give_up()
        return Document(self._file, data, self._keys, self._values)

    def _place(self, event: Any) -> Origin:
        mark = event.start_mark
        return Origin(self._file, mark.line + 1, mark.column + 1)

    def _value(self, event: Any, path: Path, key: Origin | None) -> Any:
        """The value that an event begins; `key` is the place of its key, if it has one."""
        # Types are compared, not isinstance: this runs once for every word of every file.
        kind = type(event)
        if kind is ScalarEvent:
            return self._scalar(event, path, key)
        if len(path) >= _DEEPEST or event.anchor is not None or event.tag is not None:
            _give_up()
        self._values[path] = self._place(event)
        if kind is MappingStartEvent:
            if event.flow_style and self._text[event.start_mark.index] != "{":
                _give_up()  # a key with its value as an item of [...]
            return self._mapping(path)
        if kind is not SequenceStartEvent:  # an alias
            _give_up()
        items: list[Any] = []
        while type(item := self._next()) is not SequenceEndEvent:
            items.append(self._value(item, (*path, len(items)), None))
        return items

    def _mapping(self, path: Path) -> dict[str, Any]:
        result: dict[str, Any] = {}
        while type(event := self._next()) is not MappingEndEvent:
            if type(event) is not ScalarEvent or event.anchor is not None or event.tag is not None:
                _give_up()
            word = event.value
            if word in result or word in ("", "<<") or event.style in ("|", ">"):
                _give_up()
            here = (*path, word)
            self._keys[here] = place = self._place(event)
            result[word] = self._value(self._next(), here, place)
        return result

    def _scalar(self, event: Any, path: Path, key: Origin | None) -> Any:
        if event.anchor is not None or event.tag is not None:
            _give_up()
        style, text = event.style, event.value
        place = self._place(event)
        value = text
        if not style:
            if not text:
                place = key or place  # the parser puts an empty value on a later line
            value = plain_value(text)
            if isinstance(value, float) and not math.isfinite(value):
                _give_up()
        elif style in "|>" and _BLOCK_READ_OTHERWISE.match(self._text, event.start_mark.index):
            _give_up()
        self._values[path] = place
        return value


def _give_up() -> NoReturn:
    raise _NoAnswer
