"""Where every node of a YAML text begins and ends, in characters, so that it alone can be changed.

Built from the parser's events. A block collection ends with its last child, not where the parser
notices: behind comments, on a later line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from bms.texts.messages import msg
from bms.texts.problems import Path
from bms.texts.yaml.tabs import spaced

LINE_END = re.compile(r"\r\n|\r|\n")
_GAP = re.compile(r"(?:[ \t\r\n]+|(?:(?<=[\s,\[{])|^)#[^\r\n]*)*")
"""White space and comments between two tokens."""


_ANCHOR = re.compile(r"&[^\s,\[\]{}]+")


class NoSpan(ValueError):
    """The text has something whose place cannot be told."""


@dataclass(slots=True)
class Scalar:
    """One value or key; `style` is the quote, `|`, `>`, or empty if it is plain."""

    start: int
    end: int
    style: str
    empty: bool
    """Nothing is written: an empty plain value."""


@dataclass(slots=True)
class Sequence:
    """A list; in block style `dashes` has the place of each item's `-`."""

    start: int
    end: int
    flow: bool
    items: list[Node] = field(default_factory=list)
    dashes: list[int] = field(default_factory=list)


@dataclass(slots=True)
class Pair:
    """A key with its value; `colon` is where the `:` stands, None if there is none."""

    key: Scalar
    word: str
    value: Node
    colon: int | None

    @property
    def start(self) -> int:
        return self.key.start

    @property
    def end(self) -> int:
        if not (isinstance(self.value, Scalar) and self.value.empty):
            return self.value.end
        return self.key.end if self.colon is None else self.colon + 1


@dataclass(slots=True)
class Mapping:
    """Keys with values."""

    start: int
    end: int
    flow: bool
    pairs: list[Pair] = field(default_factory=list)


Node: TypeAlias = Scalar | Sequence | Mapping


def end_of(node: Node | Pair) -> int:
    """Where the last written character of a node ends."""
    if isinstance(node, Sequence) and not node.flow:
        last = node.items[-1]
        if isinstance(last, Scalar) and last.empty:
            return node.dashes[-1] + 1
        return end_of(last)
    if isinstance(node, Mapping) and not node.flow:
        return end_of(node.pairs[-1])
    if isinstance(node, Pair) and not (isinstance(node.value, Scalar) and node.value.empty):
        return end_of(node.value)
    return node.end


def after_gap(text: str, at: int) -> int:
    """The next character that is neither white space nor part of a comment."""
    found = _GAP.match(text, at)
    return found.end() if found else at


def root(text: str) -> Node | None:
    """The tree of the text's one document; None if there is nothing in it. Raises NoSpan."""
    events = iter(YAML(typ="safe", pure=True).parse(spaced(text)))
    try:
        for event in events:
            if isinstance(event, DocumentStartEvent):
                return _Tree(text, events).node(next(events))
    except (YAMLError, RecursionError) as error:
        raise NoSpan(str(error).splitlines()[0]) from None
    return None


def find(node: Node, path: Path) -> Node:
    """The node at a path. Raises KeyError."""
    for step in path:
        if isinstance(node, Sequence) and isinstance(step, int) and step < len(node.items):
            node = node.items[step]
        elif isinstance(node, Mapping):
            node = pair(node, step).value
        else:
            raise KeyError(step)
    return node


def pair(mapping: Mapping, word: str | int) -> Pair:
    """The pair of a key. Raises KeyError."""
    for one in mapping.pairs:
        if one.word == word:
            return one
    raise KeyError(word)


class _Tree:
    def __init__(self, text: str, events: Iterator[Event]) -> None:
        self.text = text
        self.events = events

    def node(self, event: Event) -> Node:
        start, end = event.start_mark.index, event.end_mark.index
        if isinstance(event, AliasEvent) or getattr(event, "tag", None) is not None:
            raise NoSpan(
                msg("line {line} has an anchor, an alias or a tag", line=event.start_mark.line + 1)
            )
        if isinstance(event, NodeEvent) and event.anchor is not None:
            # Nobody uses it: an alias would have been refused. What is changed is behind it.
            named = _ANCHOR.match(self.text, start)
            if named is None or named.end() > end:
                raise NoSpan(
                    msg(
                        "line {line} has an anchor, an alias or a tag",
                        line=event.start_mark.line + 1,
                    )
                )
            start = after_gap(self.text, named.end())
        if isinstance(event, ScalarEvent):
            style = event.style or ""
            if style in ("|", ">"):
                end = start + len(self.text[start:end].rstrip("\r\n \t"))
            return Scalar(start, end, style, empty=not style and not event.value)
        if isinstance(event, SequenceStartEvent):
            return self._sequence(event, start)
        if isinstance(event, MappingStartEvent):
            return self._mapping(event, start)
        raise NoSpan(msg("line {line} cannot be understood", line=event.start_mark.line + 1))

    def _sequence(self, opened: SequenceStartEvent, start: int) -> Sequence:
        made = Sequence(start, start, flow=bool(opened.flow_style))
        at = start
        while not isinstance(event := next(self.events), SequenceEndEvent):
            if not made.flow:
                at = after_gap(self.text, at)
                if self.text[at : at + 1] != "-":
                    raise NoSpan(
                        msg(
                            "the {dash} before line {line} is not found",
                            dash="'-'",
                            line=event.start_mark.line + 1,
                        )
                    )
                made.dashes.append(at)
            item = self.node(event)
            made.items.append(item)
            at = at + 1 if isinstance(item, Scalar) and item.empty else end_of(item)
        made.end = event.end_mark.index if made.flow else end_of(made)
        return made

    def _mapping(self, opened: MappingStartEvent, start: int) -> Mapping:
        made = Mapping(start, start, flow=bool(opened.flow_style))
        while not isinstance(event := next(self.events), MappingEndEvent):
            if not isinstance(event, ScalarEvent):
                raise NoSpan(
                    msg(
                        "line {line} has a key that is no plain word",
                        line=event.start_mark.line + 1,
                    )
                )
            key = self.node(event)
            assert isinstance(key, Scalar)
            at = after_gap(self.text, key.end)
            colon = at if self.text[at : at + 1] == ":" else None
            made.pairs.append(Pair(key, event.value, self.node(next(self.events)), colon))
        made.end = event.end_mark.index if made.flow else end_of(made)
        return made
