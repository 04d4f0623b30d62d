"""XML that anybody may have written: no document types, no entities, bounded in depth and size."""

from __future__ import annotations

import xml.parsers.expat
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from bms.texts.messages import msg

MOST_DEPTH: Final = 60
MOST_NODES: Final = 6_000_000
MOST_TEXT: Final = 100_000
"""Characters of one element."""


class BadXml(ValueError):
    """Not XML, or XML that is not taken; says why and at which line."""


@dataclass(slots=True)
class Node:
    """An element; names have no namespaces."""

    name: str
    attributes: dict[str, str]
    children: list[Node] = field(default_factory=list)
    text: str = ""

    def first(self, *path: str) -> Node | None:
        """The first child of a name, and of that one, and so on."""
        node = self
        for name in path:
            found = next((child for child in node.children if child.name == name), None)
            if found is None:
                return None
            node = found
        return node

    def all(self, name: str) -> list[Node]:
        """The children of a name."""
        return [child for child in self.children if child.name == name]

    def said(self, *path: str) -> str:
        """The text of the first child of a path; "" if there is none."""
        node = self.first(*path)
        return "" if node is None else node.text.strip()

    def whole_text(self, name: str) -> str:
        """The text of all elements of a name, here and below."""
        parts = [self.text] if self.name == name else []
        return "".join([*parts, *(child.whole_text(name) for child in self.children)])


def elements(chunks: Iterable[bytes], wanted: str, take: Callable[[Node, int], None]) -> None:
    """Call `take` with every element of a name and the line where it begins.

    What lies outside such elements is not kept. Raises BadXml.
    """
    reader = _Reader(wanted, take)
    parser = xml.parsers.expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = reader.doctype
    parser.EntityDeclHandler = reader.doctype
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.data
    reader.line_of = lambda: parser.CurrentLineNumber
    for chunk in chunks:
        _parse(parser, chunk, last=False)
    _parse(parser, b"", last=True)


def _parse(parser: xml.parsers.expat.XMLParserType, chunk: bytes, *, last: bool) -> None:
    try:
        parser.Parse(chunk, last)
    except BadXml:
        raise
    except (xml.parsers.expat.ExpatError, ValueError, LookupError) as error:
        raise BadXml(msg("it is no XML: {error}", error=error)) from None


class _Reader:
    def __init__(self, wanted: str, take: Callable[[Node, int], None]) -> None:
        self.line_of: Callable[[], int] = lambda: 1
        self._wanted = wanted
        self._take = take
        self._open: list[Node] = []
        self._depth = 0
        self._nodes = 0
        self._line = 1

    def doctype(self, *_: object) -> None:
        raise BadXml(msg("it defines document types or entities, which no file of readings needs"))

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        self._nodes += 1
        if self._depth > MOST_DEPTH or self._nodes > MOST_NODES:
            raise BadXml(msg("it is nested too deeply, or has too many elements"))
        local = name.rpartition(" ")[2]
        if not self._open and local != self._wanted:
            return
        if not self._open:
            self._line = self.line_of()
        plain = {key.rpartition(" ")[2]: value for key, value in attributes.items()}
        node = Node(local, plain)
        if self._open:
            self._open[-1].children.append(node)
        self._open.append(node)

    def end(self, _name: str) -> None:
        self._depth -= 1
        if not self._open:
            return
        node = self._open.pop()
        if not self._open:
            self._take(node, self._line)

    def data(self, text: str) -> None:
        if self._open:
            node = self._open[-1]
            if len(node.text) + len(text) > MOST_TEXT:
                raise BadXml(msg("a text in it is too long"))
            node.text += text
