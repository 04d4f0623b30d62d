"""What a cell holds, and what the columns of a table of readings are."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from bms.ledger.files.tables.cells import Cell, Row, serial_of
from bms.ledger.files.tables.column_words import TOTALS
from bms.ledger.files.words.measures import bare
from bms.ledger.files.words.numerals import looks_like_number, no_value
from bms.ledger.files.words.stamps import clock_of, plausible, range_of, stamp_of

_END_WORDS: Final = re.compile(r"\bend|ending|until|\bto\b|\bbis\b|\bfin\b|结束|截止|止")
_START_WORDS: Final = re.compile(r"\bstart|begin|\bfrom\b|\bvon\b|début|inicio|beginn|开始|起始|起")
_LABEL: Final = re.compile(r"[\d\W]+$|\d+")
_SHOWN: Final = re.compile(r"\d{8}|\d{12}|\d{14}|1\d{9}|1\d{12}")


class Kind(Enum):
    """What stands in a cell."""

    BLANK = "blank"
    STAMP = "stamp"
    DAY = "day"
    CLOCK = "clock"
    NUMBER = "number"
    TEXT = "text"


def kind_of(cell: Cell) -> Kind:
    """What a cell holds, as far as it says itself."""
    if cell.moment is not None and cell.moment.year >= 1990:
        return Kind.DAY if cell.moment.time().isoformat() == "00:00:00" else Kind.STAMP
    if cell.number is not None and cell.moment is None:
        return Kind.NUMBER
    text = cell.text
    if no_value(text):
        return Kind.BLANK
    if looks_like_number(bare(text)) and ":" not in text:
        dotted = text.count(".") == 2 or text.count("-") == 2
        if not dotted or stamp_of(text) is None:
            return Kind.NUMBER
    if clock_of(text) is not None:
        return Kind.CLOCK
    found = stamp_of(text)
    if found is not None:
        has_clock = not hasattr(found, "clock") or found.clock is not None
        return Kind.STAMP if has_clock else Kind.DAY
    pair = range_of(text)
    if pair is not None:
        return Kind.CLOCK if clock_of(pair[0]) else Kind.STAMP
    return Kind.TEXT


def digit_time(cell: Cell) -> bool:
    """Whether a number can be a date: as digits, or as a workbook keeps dates."""
    if _SHOWN.fullmatch(cell.text):
        return plausible(cell.text)
    return serial_of(cell) is not None


@dataclass(slots=True)
class Column:
    """One column of values."""

    at: int
    title: str
    """As the header has it."""
    unit: str = ""
    clock: str = ""
    """Of a day per line: the time of day that the column is for."""
    number: int | None = None
    """Of a day per line: which of the day's intervals it is, counted from 0."""


@dataclass(slots=True)
class Layout:
    """Where a table has what; columns count from 0."""

    titles: list[str]
    first: int
    """The index of the first row of data."""
    header_line: int = 1
    time: int | None = None
    until: int | None = None
    clock: int | None = None
    clock_until: int | None = None
    number: int | None = None
    """A column that counts the intervals of a day (hour 1 to 24)."""
    first_number: int = 1
    number_min: int = 0
    """How long an interval is that is counted, in minutes; 0: none is."""
    meter: int | None = None
    unit: int | None = None
    quality: int | None = None
    ratio: int | None = None
    """What the numbers of a line may still have to be multiplied by."""
    kinds: list[int] = field(default_factory=list)
    """Columns of words that tell lines of one meter and time apart (consumption, generation)."""
    values: list[Column] = field(default_factory=list)
    others: list[Column] = field(default_factory=list)
    preamble: list[Row] = field(default_factory=list)
    ours: bool = False
    """The header has our own three columns."""

    @property
    def known_by(self) -> str:
        """By which another file of its kind is known: what its lines before the table are about,
        and its header. Many a logger's header is no more than `time | kwh`."""
        about = [_LABEL.sub("", row.at(0).text.partition(":")[0]).strip() for row in self.preamble]
        words = [*(text for text in about[:20] if text), *self.titles]
        return " | ".join(word.lower()[:200] for word in words)[:20_000]

    @property
    def stamp_by_title(self) -> str:
        """`end` or `start` if the header says so of its time column, else empty."""
        if self.time is None:
            return ""
        if self.number_min:
            return "start"
        at = self.time if self.clock is None else self.clock
        title = self.titles[at].lower() if at < len(self.titles) else ""
        if _END_WORDS.search(title):
            return "end"
        return "start" if _START_WORDS.search(title) else ""


def is_total(row: Row) -> bool:
    """Whether a row sums up others."""
    first = next((cell.text for cell in row.cells if cell.text), "")
    return TOTALS.match(first) is not None
