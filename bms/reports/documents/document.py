"""A report as plain frozen values: it has no language, no format and no clock yet. Pure.

Texts are messages (`bms.texts.messages`), somebody's own words, or a `Name` with its languages;
a face says them. A total is a formula over rows or columns and is worked out by each face in the
same way (`arithmetic.py`); a workbook keeps it alive.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from fractions import Fraction
from typing import Literal, Self, TypeAlias

from bms.core.readings import Label
from bms.reports.pictures.marks import Picture

Quantity: TypeAlias = Fraction | float | int


@dataclass(frozen=True, slots=True)
class Name:
    """What somebody named a thing: by language where titles are given, else as it is keyed."""

    key: str
    titles: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, key: str, title: str | Mapping[str, str]) -> Self:
        """As files give titles: one text serves every language, none leaves the key."""
        if isinstance(title, str):
            return cls(key, {"zh": title, "en": title} if title else {})
        return cls(key, title)


Text: TypeAlias = str | Name


@dataclass(frozen=True, slots=True)
class Figure:
    """A number with how it was come by. What is missing is None with the reason, never 0."""

    value: Quantity | None
    label: Label = Label.MEASURED
    reason: Text = ""
    """Why it is missing, or what a reader has to know of it."""
    least: Quantity | None = None
    most: Quantity | None = None
    """What it can have been at least and at most, where that is known."""


def missing(reason: Text, least: Quantity | None = None, most: Quantity | None = None) -> Figure:
    """A figure that nobody knows."""
    return Figure(None, Label.MISSING, reason, least, most)


Cell: TypeAlias = Figure | str | Name | date | datetime | None
"""A `datetime` is aware, in the zone that its reader lives in."""


class Kind(StrEnum):
    """What a column holds."""

    TEXT = "text"
    NUMBER = "number"
    CHANGE = "change"
    """A number that is shown with its sign."""
    DAY = "day"
    MOMENT = "moment"
    """A day with its time, to the minute."""


@dataclass(frozen=True, slots=True)
class Sum:
    """Rows or columns added up, each with its sign: `(1, key)` or `(-1, key)`."""

    terms: tuple[tuple[Literal[1, -1], str], ...]


@dataclass(frozen=True, slots=True)
class Ratio:
    """One row or column over another, times `times`, minus `less`: a price, a share, a growth."""

    above: str
    below: str
    times: Fraction | int = 1
    less: int = 0


@dataclass(frozen=True, slots=True)
class Product:
    """One row or column times another, over `over`."""

    one: str
    other: str
    over: int = 1


Formula: TypeAlias = Sum | Ratio | Product


def sum_of(*keys: str) -> Sum:
    """All of them together."""
    return Sum(tuple((1, key) for key in keys))


def difference(one: str, other: str) -> Sum:
    """The first without the second."""
    return Sum(((1, one), (-1, other)))


def change_pct(new: str, old: str) -> Ratio:
    """By how many per cent the new one lies above the old one."""
    return Ratio(new, old, 100, 100)


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its key stands in CSV and JSON and never changes, its title is said."""

    key: str
    title: Text
    kind: Kind = Kind.TEXT
    unit: Text = ""
    decimals: int = 0
    formula: Formula | None = None
    """Worked out from other columns of the same row."""
    summed: bool = True
    """Whether a row that is a formula over rows has a figure here. Not of prices."""
    width: int = 0
    """Characters; 0: by what it holds."""

    @property
    def numeric(self) -> bool:
        """Numbers stand at the right, all else at the left."""
        return self.kind in (Kind.NUMBER, Kind.CHANGE)


@dataclass(frozen=True, slots=True)
class Row:
    """One row; what has no cell is empty, or follows from a formula."""

    key: str
    cells: Mapping[str, Cell]
    formula: Formula | None = None
    """Worked out from other rows, in every column that is summed and has no cell here."""
    total: bool = False
    """Set apart by a line and strong type."""
    marked: bool = False
    """What is wrong, or out of plan."""
    depth: int = 0
    """How far its first cell is set in: of parts beneath a whole."""


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart of a workbook, over rows that are no totals."""

    kind: Literal["column", "bar", "line"]
    across: str
    """The column of the names."""
    series: tuple[str, ...]
    title: Text = ""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under typed columns."""

    key: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    title: Text = ""
    notes: tuple[Text, ...] = ()
    chart: Chart | None = None
    empty: Text = ""
    """What stands in place of no rows."""


@dataclass(frozen=True, slots=True)
class Headline:
    """One figure that is read first."""

    key: str
    title: Text
    figure: Figure
    unit: Text = ""
    decimals: int = 0
    detail: Text = ""
    sign: bool = False


@dataclass(frozen=True, slots=True)
class Headlines:
    """Figures side by side."""

    figures: tuple[Headline, ...]


@dataclass(frozen=True, slots=True)
class Lines:
    """Sentences, one below the other."""

    sentences: tuple[Text, ...]
    heading: bool = False
    """They stand above what follows, as its name."""


@dataclass(frozen=True, slots=True)
class Blank:
    """Room for what people write by hand."""

    lines: int = 3


Part: TypeAlias = Table | Headlines | Lines | Picture | Blank


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a report under its title."""

    key: str
    title: Text
    parts: tuple[Part, ...]
    detail: Text = ""
    """Beside the title in grey: the unit, the period."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the figures stand on, so that anybody can get them again."""

    code: str
    """The version that worked them out."""
    data: str
    """A hash over what was read."""
    files: str = ""
    """A hash over the files of the site that say how it is read."""
    meters: tuple[str, ...] = ()
    factors: tuple[str, ...] = ()
    """Sets of factors and tariffs, by id."""
    model: Text = ""
    assumptions: tuple[Text, ...] = ()


@dataclass(frozen=True, slots=True)
class Document:
    """A whole report."""

    kind: str
    """`month`, `growth` …: in JSON and in names of files."""
    title: Text
    site: Name
    subject: Name
    """The base, area or group that it is about."""
    period: str
    """As files name it: `2026-03`, `2026`."""
    start: datetime
    end: datetime
    """Aware, in the zone of what it is about; the end is not included."""
    answer: Text
    """One sentence before all figures."""
    sections: tuple[Section, ...]
    receipt: Receipt
    issue: int = 1
    changes: tuple[Text, ...] = ()
    """What differs from the issue before."""
    signatures: tuple[Text, ...] = ()
    """Who signs: each gets a line, and one for the date."""
