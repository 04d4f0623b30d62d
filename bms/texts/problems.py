"""Where something is written, and what is wrong with it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from bms.texts.messages import Message, joined, msg, plural

Path: TypeAlias = tuple[str | int, ...]
"""Keys and indices from the document's root to a node."""


class TextError(ValueError):
    """A text that cannot be used; `hint` says what to write instead."""

    def __init__(self, message: Message, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Origin:
    """Where something is written; line and column count from 1."""

    file: str
    line: int
    column: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing wrong at one place; `hint` says what to write instead."""

    file: str
    line: int
    column: int
    message: Message
    hint: str = ""
    withholds: str = ""
    """Set for a demand that sites of before may not meet: the point, equipment or group that goes
    without what the demand is about while the rest of the site runs. An edit and `bms check`
    refuse it like any other problem. Empty: a site cannot run with this problem."""

    @property
    def sentence(self) -> Message:
        """The place, what is wrong there and what to write instead, as one message."""
        place = f"{self.file}:{self.line}:{self.column}"
        found = joined("; ", self.message, self.hint) if self.hint else self.message
        return msg("{place}: {problem}", place=place, problem=found)

    def __str__(self) -> str:
        return str(self.sentence)


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed file: plain dicts, lists and scalars, and the place of every node."""

    file: str
    data: Any
    keys: Mapping[Path, Origin] = field(default_factory=dict)
    """Where the key of a mapping entry stands."""
    values: Mapping[Path, Origin] = field(default_factory=dict)
    """Where a value stands."""

    def at(self, path: Path, *, key: bool = False) -> Origin:
        """The place of a value (or of its key); of the nearest written ancestor if it has none."""
        for end in range(len(path), -1, -1):
            here = path[:end]
            if (key or end < len(path)) and here in self.keys:
                return self.keys[here]
            if here in self.values:
                return self.values[here]
        return Origin(self.file, 1)

    def problem(
        self,
        path: Path,
        message: Message,
        hint: str = "",
        *,
        key: bool = False,
        withholds: str = "",
    ) -> Problem:
        """A problem at the place of `path`."""
        place = self.at(path, key=key)
        return Problem(self.file, place.line, place.column, message, hint, withholds)


def nearest(word: object, allowed: Iterable[str]) -> list[str]:
    """The one of `allowed` that is spelt most like `word`, if any is alike."""
    return difflib.get_close_matches(str(word), sorted(set(allowed)), n=1, cutoff=0.5)


def suggestion(word: object, allowed: Iterable[str]) -> str:
    """`did you mean 'x'? allowed: …` for a word that is not one of `allowed`."""
    choices = sorted(set(allowed))
    near = nearest(word, choices)
    shown = ", ".join(choices[:12]) + (", …" if len(choices) > 12 else "")
    listed = msg("allowed: {names}", names=shown) if choices else msg("nothing is defined here")
    return msg("did you mean '{near}'? {listed}", near=near[0], listed=listed) if near else listed


def counted(problems: Sequence[Problem]) -> str:
    """How many there are, in words."""
    return plural("{count} problem", "{count} problems", count=len(problems))
