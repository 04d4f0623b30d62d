"""NEM12, the interval data of Australian utilities (MDFF specification of AEMO)."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from fractions import Fraction
from typing import Final

from bms.config.shapes.reading_formats import ReadingsFormat
from bms.core.readings import Label
from bms.ledger.files.series import MOST_VALUES, Contents, Series
from bms.ledger.files.words.numerals import cut_digits, no_value, parse_number
from bms.texts.messages import Message, msg
from bms.texts.problems import Problem

HEADER: Final = "nem12"
_ZONE: Final = timezone(timedelta(hours=10))
"""Market time: Eastern Standard Time all year, wherever the meter stands."""
_DAY_MIN: Final = 1440
_ESTIMATED: Final = ("E", "F", "S")
_SURE: Final = ("A", "N", "V", "")


def is_nem12(text: str) -> bool:
    """Whether this begins like a file of NEM12."""
    first = text.lstrip("\ufeff \r\n")[:60].upper()
    return first.startswith(("100,NEM12", '"100","NEM12"', "100,NEM13")) or (
        first.startswith("200,") and first.count(",") >= 3
    )


def read_nem12(file: str, text: str, given: ReadingsFormat) -> Contents:
    """Every channel as a series of intervals, stamped by their start in market time."""
    reader = _Nem12(file, given)
    lines = csv.reader(io.StringIO(text, newline=""))
    try:
        for cells in lines:
            reader.take(lines.line_num, [cell.strip() for cell in cells])
    except csv.Error as error:
        reader.wrong(max(1, lines.line_num), 1, msg("not CSV: {error}", error=error))
    if not reader.ended:
        message = msg("the file ends without its record 900: a part of it is missing")
        reader.wrong(max(1, lines.line_num), 1, message)
    return reader.contents


class _Nem12:
    def __init__(self, file: str, given: ReadingsFormat) -> None:
        self.contents = Contents(msg("NEM12"), given.model_copy(update={"header": HEADER}))
        self.ended = False
        self._file = file
        self._series: dict[str, Series] = {}
        self._current: Series | None = None
        self._width = 0
        self._variable: tuple[int, int] | None = None
        """Where a day begins in its series, and at which line, that records 400 describe."""
        self._count = 0

    def wrong(self, line: int, column: int, message: Message) -> None:
        self.contents.problems.append(Problem(self._file, line, column, message))

    def take(self, line: int, cells: Sequence[str]) -> None:
        """One record."""
        if not any(cells):
            return
        kind = cells[0]
        if kind != "400":
            self._variable = None
        if kind == "100":
            if len(cells) > 1 and cells[1].upper() != "NEM12":
                message = msg("'{kind}' is not taken: NEM12 is", kind=cells[1])
                self.wrong(line, 2, message)
        elif kind == "200":
            self._channel(line, cells)
        elif kind == "300":
            self._day(line, cells)
        elif kind == "400":
            self._quality(line, cells)
        elif kind == "900":
            self.ended = True
        elif kind != "500":
            self.wrong(line, 1, msg("'{kind}' is no record of NEM12", kind=kind[:20]))

    def _channel(self, line: int, cells: Sequence[str]) -> None:
        self._current = None
        step = cells[8] if len(cells) > 8 else ""
        if not step.isdecimal() or len(step) > 4 or int(step) not in (1, 5, 10, 15, 20, 30, 60):
            self.wrong(line, 9, msg("'{text}' is no length of an interval", text=step[:20]))
            return
        suffix = cells[4] or cells[3]
        name = f"{cells[1]}/{suffix}" if suffix else cells[1]
        self._width = _DAY_MIN // int(step)
        key = f"{name} {step} {cells[7]}"
        found = self._series.get(key)
        if found is None:
            found = Series(
                name, cells[7], "intervals", timedelta(minutes=int(step)), "start", column=2
            )
            self._series[key] = found
            self.contents.series.append(found)
        self._current = found

    def _day(self, line: int, cells: Sequence[str]) -> None:
        series = self._current
        if series is None or series.step is None:
            if not self.contents.problems:
                self.wrong(line, 1, msg("there is no record 200 before this one"))
            return
        day = _date(cells[1] if len(cells) > 1 else "")
        if day is None:
            self.wrong(
                line, 2, msg("'{text}' is not a day", text=cells[1][:20] if cells[1:] else "")
            )
            return
        values = cells[2 : 2 + self._width]
        quality = cells[2 + self._width] if len(cells) > 2 + self._width else ""
        if len(values) < self._width or quality[:1].upper() not in (*_SURE, *_ESTIMATED):
            message = msg("this day has no {count} values and their quality", count=self._width)
            self.wrong(line, 1, message)
            return
        self._count += self._width
        if self._count > MOST_VALUES:
            if self._count - self._width <= MOST_VALUES:
                self.wrong(
                    line, 1, msg("more than {limit} values; split the file", limit=MOST_VALUES)
                )
            return
        begin = len(series.values)
        label = _label(quality)
        for at, text in enumerate(values):
            value = self._value(line, at + 3, text, quality)
            series.add(day + at * series.step, value, line)
            if label is not None:
                series.labels[begin + at] = label
        if quality[:1].upper() == "V":
            self._variable = begin, line

    def _value(self, line: int, column: int, text: str, quality: str) -> Fraction | None:
        if no_value(text) or quality[:1].upper() == "N":
            self.contents.left.add(msg("cells without a value"), line)
            return None
        value = parse_number(text, "point")
        if value is None or cut_digits(text):
            self.wrong(line, column, msg("'{text}' is not a number", text=text[:40]))
            return None
        return Fraction(value)

    def _quality(self, line: int, cells: Sequence[str]) -> None:
        """How good some intervals of the day before are."""
        if self._variable is None or self._current is None:
            self.wrong(line, 1, msg("there is no day of variable quality before this record"))
            return
        ends = cells[1:3]
        if len(cells) < 4 or not all(end.isdecimal() and len(end) < 5 for end in ends):
            self.wrong(line, 2, msg("this record does not say which intervals it is about"))
            return
        first, last = (int(end) for end in ends)
        begin, _ = self._variable
        for at in range(max(1, first), min(last, self._width) + 1):
            index = begin + at - 1
            if cells[3][:1].upper() == "N":
                self._current.values[index] = None
                self.contents.left.add(msg("cells without a value"), line)
            label = _label(cells[3])
            if label is not None:
                self._current.labels[index] = label


def _date(text: str) -> datetime | None:
    try:
        found = datetime.strptime(text, "%Y%m%d")  # noqa: DTZ007 - the zone follows
    except ValueError:
        return None
    return found.replace(tzinfo=_ZONE) if 1990 <= found.year < 2200 and len(text) == 8 else None


def _label(quality: str) -> Label | None:
    """Substituted and estimated values are somebody's estimate; None: measured."""
    return Label.ESTIMATED if quality[:1].upper() in _ESTIMATED else None
