"""One document being checked: every question gets a usable answer or leaves a problem."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from types import MappingProxyType
from typing import Any, TypeVar

from bms.texts.messages import Message, message_of, msg
from bms.texts.problems import Document, Origin, Path, Problem, TextError, nearest, suggestion

T = TypeVar("T")

_IDENTIFIER = re.compile(r"[a-z][a-z0-9-]{0,63}")
_LANGUAGES = ("zh", "en")


class Sheet:
    """Wraps a document; `problems` grows as it is read."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.problems: list[Problem] = []

    def complain(self, path: Path, message: Message, hint: str = "", *, key: bool = False) -> None:
        """Note a problem at a value or its key."""
        self.problems.append(self.document.problem(path, message, hint, key=key))

    def complain_at(self, place: Origin, message: Message, hint: str = "") -> None:
        """Note a problem at a place of this file."""
        self.problems.append(Problem(place.file, place.line, place.column, message, hint))

    def at(self, path: Path, *, key: bool = False) -> Origin:
        """Where a value or its key stands."""
        return self.document.at(path, key=key)

    def has(self, path: Path) -> bool:
        """Whether a path is written at all."""
        return path in self.document.values

    def value(self, path: Path) -> Any:
        """The data at a path that exists."""
        data = self.document.data
        for step in path:
            data = data[step]
        return data

    def mapping(self, path: Path) -> dict[str, Any]:
        """The mapping at a path; empty, with a problem, if it is not one."""
        data = self.value(path)
        if isinstance(data, dict):
            return data
        self.complain(path, msg("keys with values belong here"), msg("write 'key: value' lines"))
        return {}

    def keys(self, path: Path, required: Collection[str], optional: Collection[str] = ()) -> bool:
        """Whether the mapping at `path` has all required keys; unknown ones are problems."""
        data = self.mapping(path)
        if not isinstance(self.value(path), dict):
            return False
        missing = [name for name in required if name not in data]
        known = {*required, *optional}
        for name in data:
            if name not in known:
                hint = suggestion(name, known)
                self.complain((*path, name), msg("unknown key '{name}'", name=name), hint, key=True)
        misspelt = [near for name in data.keys() - known for near in nearest(name, missing)]
        for name in missing:
            if name not in misspelt:
                self.complain(path, msg("'{name}' is missing", name=name), msg("add it"), key=True)
        return not missing

    def items(self, path: Path, what: str) -> list[Path]:
        """The paths of the items of the list at a path; none, with a problem, if it is no list."""
        data = self.value(path)
        if isinstance(data, list):
            return [(*path, index) for index in range(len(data))]
        self.complain(
            path,
            msg("a list of {items} belongs here", items=what),
            msg("write [...], or lines with '- '"),
        )
        return []

    def one_or_more(self, path: Path, what: str) -> list[Path]:
        """The paths of the items of a list that may be written as a single value."""
        data = self.value(path)
        if data is None or data == []:
            self.complain(
                path,
                msg("no {item} given here", item=what),
                msg("write at least one {item}", item=what),
            )
            return []
        return [(*path, n) for n in range(len(data))] if isinstance(data, list) else [path]

    def read(self, path: Path, parse: Callable[[Any], T], *, key: bool = False) -> T | None:
        """The value (or the key) at a path through a parser that raises TextError."""
        try:
            return parse(path[-1] if key else self.value(path))
        except TextError as error:
            self.complain(path, message_of(error), error.hint, key=key)
            return None

    def word(self, path: Path, what: str) -> str | None:
        """A text that is not empty."""
        data = self.value(path)
        if isinstance(data, str) and data.strip():
            return data
        hint = (
            msg('write "{text}", in quotes', text=data)
            if type(data) in (int, float)
            else msg("write a word")
        )
        wrong = (
            msg("{item} is empty", item=what)
            if data is None or data == ""
            else msg("{item} is {text}, not a text", item=what, text=_shown(data))
        )
        self.complain(path, wrong, hint)
        return None

    def number(self, path: Path, least: float, most: float, *, whole: bool = False) -> float:
        """A number in a range; `least`, with a problem, if it is none."""
        data = self.value(path)
        if isinstance(data, bool) or not isinstance(data, int if whole else int | float):
            wrong = (
                msg("'{text}' is not a whole number", text=_shown(data))
                if whole
                else msg("'{text}' is not a number", text=_shown(data))
            )
            self.complain(
                path,
                wrong,
                msg("write {least:g} to {most:g}", least=least, most=most),
            )
            return least
        if not least <= data <= most:
            self.complain(
                path,
                msg("{number:g} is out of range", number=data),
                msg("write {least:g} to {most:g}", least=least, most=most),
            )
            return least
        return data

    def choice(self, path: Path, what: str, allowed: Collection[str]) -> str | None:
        """One of a few words."""
        data = self.value(path)
        if isinstance(data, str) and data in allowed:
            return data
        self.complain(
            path,
            msg("unknown {item} '{text}'", item=what, text=_shown(data)),
            suggestion(data, allowed),
        )
        return None

    def identifier(self, path: Path, what: str, *, key: bool = False) -> str | None:
        """An id: a-z, 0-9 and `-`, beginning with a letter."""
        data = path[-1] if key else self.value(path)
        if isinstance(data, str) and _IDENTIFIER.fullmatch(data):
            return data
        self.complain(
            path,
            msg("'{text}' is not an id of a {item}", text=_shown(data), item=what),
            msg("use a-z, 0-9 and '-', beginning with a letter"),
            key=key,
        )
        return None

    def title(self, path: Path) -> Mapping[str, str]:
        """A name for people, by language; a single text is the name in every language."""
        if not self.has(path):
            return MappingProxyType({})
        data = self.value(path)
        if isinstance(data, dict):
            self.keys(path, (), _LANGUAGES)
            texts = {name: self.word((*path, name), msg("a title")) for name in data}
        else:
            text = self.word(path, msg("a title"))
            texts = dict.fromkeys(_LANGUAGES, text)
        return MappingProxyType({name: text for name, text in texts.items() if text})


def _shown(data: Any) -> str:
    """Data as it is written in a file, if it is short."""
    if data is None:
        return ""
    if isinstance(data, bool):
        return str(data).lower()
    return str(data) if isinstance(data, str | int | float) else "…"
