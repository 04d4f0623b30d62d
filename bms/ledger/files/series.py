"""What a file of readings holds, whatever wrote it: series of values, and what was left alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Final, Literal, TypeAlias

from bms.config.shapes.reading_formats import ReadingsFormat
from bms.core.readings import Label
from bms.texts.messages import Message, msg
from bms.texts.problems import Problem

Holds: TypeAlias = Literal["registers", "intervals", "power"]
LEFT_ALONE: Final = "-"
"""In place of a meter."""
ALL: Final = "*"
"""In place of a name: the only series of a file, whatever it is called."""
MOST_BYTES: Final = 50_000_000
MOST_VALUES: Final = 1_000_000
"""Of all series of one file, and of the cells of a table."""


@dataclass(slots=True)
class Series:
    """The values of one meter as the file names it, in the order of the file.

    `times` are naive where the file does not say the zone. A value None was left empty.
    """

    name: str
    unit: str = ""
    holds: Holds | None = None
    step: timedelta | None = None
    stamp: Literal["start", "end"] | None = None
    column: int = 1
    """Where its values stand; the others where its times and its name do."""
    time_column: int = 1
    name_column: int = 1
    days_only: bool = False
    """Its times are days, without a time of day."""
    months_only: bool = False
    """They are months, without a day."""
    ends: list[datetime] | None = None
    """When each interval ends, if the file says so; `times` are then their starts."""
    times: list[datetime] = field(default_factory=list)
    values: list[Fraction | None] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    labels: dict[int, Label] = field(default_factory=dict)
    """By index; measured if not said."""
    offsets: dict[int, timedelta] = field(default_factory=dict)
    """By index: how long after the start of the local day, where intervals of a day are counted."""
    title: str = ""
    """Of the column, where `name` says the line's meter too."""
    zones: dict[int, str] = field(default_factory=dict)
    """The zone's abbreviation that stands behind a time, by index."""

    def add(self, time: datetime, value: Fraction | None, line: int) -> None:
        self.times.append(time)
        self.values.append(value)
        self.lines.append(line)


@dataclass(slots=True)
class Left:
    """What was not taken, by why; lines count from 1."""

    lines: dict[Message, list[int]] = field(default_factory=dict)

    def add(self, why: Message, line: int) -> None:
        self.lines.setdefault(why, []).append(line)


@dataclass(frozen=True, slots=True)
class Question:
    """What a file does not say, and a person has to, once for all files of its kind."""

    key: str
    """Of `ReadingsFormat`; `meters` with `about`."""
    text: Message
    line: int = 1
    column: int = 1
    choices: tuple[str, ...] = ()
    """Empty: a text."""
    about: str = ""
    """The name in the file that a meter is asked for."""

    @property
    def answer(self) -> str:
        """What to pass on the command line."""
        if self.key == "meters":
            return f"--meter '{self.about}=METER'"
        if not self.choices:
            return f"--format {self.key}=…"
        return " / ".join(f"--format {self.key}={choice}" for choice in self.choices)

    def problem(self, file: str) -> Problem:
        return Problem(
            file, self.line, self.column, self.text, msg("add {option}", option=self.answer)
        )


@dataclass(slots=True)
class Contents:
    """All that a reader finds in one file."""

    kind: Message
    format: ReadingsFormat
    """What was declared of files of this kind; its `header` is by which the next one is known."""
    series: list[Series] = field(default_factory=list)
    left: Left = field(default_factory=Left)
    problems: list[Problem] = field(default_factory=list)
    questions: list[Question] = field(default_factory=list)
    strict_names: bool = False
    """The file follows our own columns: a name that no meter has is a mistake of its line."""
