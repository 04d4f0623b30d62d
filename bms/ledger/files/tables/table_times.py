"""The times of a table's lines: from one column or two, with the day first or the month."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final, Literal

from bms.ledger.files.series import Contents, Question, Series
from bms.ledger.files.tables.both_ends import set_ends
from bms.ledger.files.tables.cells import Cell, Row, serial_of
from bms.ledger.files.tables.layouts import Column, Layout
from bms.ledger.files.words.stamps import (
    YEARS,
    Clock,
    DateOrder,
    Stamp,
    at_clock,
    clock_of,
    is_month,
    orders,
    range_of,
    stamp_of,
)
from bms.texts.messages import msg
from bms.texts.problems import Problem

_DAY: Final = timedelta(days=1)


class RowTimes:
    """Reads the times of lines, once the order of the dates is known."""

    def __init__(self, file: str, layout: Layout, contents: Contents) -> None:
        assert layout.time is not None
        self._file = file
        self._layout = layout
        self._contents = contents
        self._time = layout.time
        self._order: DateOrder = "ymd"
        self._seen: dict[str, Stamp | datetime | None] = {}
        """Texts that were taken apart: a line is looked at again and again."""
        self._day: datetime | None = None
        """The last date that was written: a date may stand on the first of its lines only."""
        self._ends: dict[int, list[datetime]] = {}
        self._end_of_day = False
        self._days_only = True
        self._months_only = True
        self.stamp: Literal["start", "end"] | None = None
        by_title = layout.stamp_by_title
        if by_title == "end":
            self.stamp = "end"
        elif by_title == "start":
            self.stamp = "start"

    def order(self, rows: Sequence[Row]) -> None:
        """Find whether days or months come first: as declared, as the dates show, or asked."""
        stamps = [self._stamp(row.at(self._time)) for row in rows]
        possible, example = orders(stamps)
        given = self._contents.format.dates
        if given is not None:
            self._order = given
            return
        if not possible:
            message = msg("the dates have the day first and the month first")
            self._contents.problems.append(
                Problem(self._file, rows[0].line, self._time + 1, message)
            )
            return
        if example is not None and len(possible) > 1:
            possible = _consecutive(stamps, possible)
        if len(possible) > 1 and example is not None:
            at = stamps.index(example)
            self._contents.questions.append(
                Question(
                    "dates",
                    msg(
                        "'{text}' can be read in several ways: with the day, the month or the "
                        "year first",
                        text=rows[at].at(self._time).text,
                    ),
                    rows[at].line,
                    self._time + 1,
                    tuple(sorted(possible)),
                )
            )
        self._order = min(possible)

    def has_time(self, row: Row) -> bool:
        """Whether a line has a time that can be read."""
        cell = row.at(self._time)
        if self._stamp(cell) is not None or serial_of(cell) is not None:
            return True
        layout = self._layout
        return not cell.text and layout.clock is not None and bool(row.at(layout.clock).text)

    def of(self, row: Row, column: Column) -> datetime | Problem:
        """The time of a line (and of a column, where days are lines)."""
        cell = row.at(self._time)
        moment = self._moment(cell)
        if moment is None and not cell.text and self._layout.clock is not None:
            moment = self._day
        if moment is None:
            text = cell.text[:60]
            message = msg("'{text}' is not a time; write 2026-03-28 08:00", text=text)
            return Problem(self._file, row.line, self._time + 1, message)
        self._day = moment
        if self._layout.clock is not None:
            written = row.at(self._layout.clock).text
            clock = self._clock(written)
            if clock is None:
                message = msg("'{text}' is not a time of day; write 08:00", text=written[:60])
                return Problem(self._file, row.line, self._layout.clock + 1, message)
            moment = at_clock(moment, clock)
        elif column.clock:
            clock = self._clock(column.clock)
            if clock is not None:
                moment = at_clock(moment, self._of_column(clock))
        else:
            offset = self._offset(row, column)
            if isinstance(offset, Problem):
                return offset
            moment += offset or timedelta(0)
        if moment.year < YEARS[0]:
            message = msg("{time} is before 1990", time=cell.text[:60])
            return Problem(self._file, row.line, self._time + 1, message)
        if moment.year > YEARS[1]:
            message = msg("{time} has not come yet", time=cell.text[:60])
            return Problem(self._file, row.line, self._time + 1, message)
        return moment

    def _offset(self, row: Row, column: Column) -> timedelta | Problem | None:
        """How long after midnight an interval begins that is counted; None if it is not."""
        layout = self._layout
        step = timedelta(minutes=layout.number_min)
        if column.number is not None:
            return step * column.number
        if layout.number is None:
            return None
        text = row.at(layout.number).text
        if not text.isdecimal() or not text.isascii() or len(text) > 3:
            message = msg("'{text}' does not count the intervals of a day", text=text[:60])
            return Problem(self._file, row.line, layout.number + 1, message)
        return step * (int(text) - layout.first_number)

    def note(self, series: Series, row: Row, column: Column) -> None:
        """Remember what else a line says of the time just added: its end, its zone's name."""
        stamp = self._stamp(row.at(self._time))
        clock = stamp.clock if isinstance(stamp, Stamp) else None
        if self._layout.clock is not None:
            clock = self._clock(row.at(self._layout.clock).text)
        if clock is not None and clock.zone:
            series.zones[len(series.times) - 1] = clock.zone
        offset = self._offset(row, column)
        if isinstance(offset, timedelta):
            series.offsets[len(series.times) - 1] = offset
            series.step = timedelta(minutes=self._layout.number_min)
        end = None if column.clock else self._end(row)
        if end is not None:
            self._ends.setdefault(id(series), []).append(end)

    def finish(self, series: Sequence[Series]) -> None:
        """Give series the ends of their intervals, as far as all lines say them."""
        if self._end_of_day:
            self.stamp = "end"
        days = self._layout.clock is None and not self._layout.number_min
        days = days and not (self._layout.values and self._layout.values[0].clock)
        for one in series:
            one.days_only = days and self._days_only
            one.months_only = one.days_only and self._months_only
            ends = self._ends.get(id(one), [])
            if ends and len(ends) == len(one.times):
                question = set_ends(one, ends, self._contents.format.last_day)
                if question is not None:
                    self._contents.questions.append(question)
        if self._layout.values and self._layout.values[0].clock:
            clocks = [self._clock(column.clock) for column in self._layout.values]
            first, last = clocks[0], clocks[-1]
            midnight = first is not None and first.time.hour == first.time.minute == 0
            ended = last is not None and (last.days or last.time.hour == last.time.minute == 0)
            self.stamp = "end" if ended and not midnight else "start"

    def _of_column(self, clock: Clock) -> Clock:
        """The last column of a day may be called 00:00 and mean its end."""
        columns = self._layout.values
        first, last = self._clock(columns[0].clock), self._clock(columns[-1].clock)
        if clock == last and first is not None and first.time != clock.time:
            midnight = clock.time.hour == clock.time.minute == 0
            return clock._replace(days=1) if midnight else clock
        return clock

    def _clock(self, text: str) -> Clock | None:
        pair = range_of(text)
        found = clock_of(text if pair is None else pair[0])
        if found is not None and found.days and pair is None:
            self._end_of_day = True
        return found

    def _stamp(self, cell: Cell) -> Stamp | datetime | None:
        if cell.moment is not None and cell.moment.year >= YEARS[0]:
            return cell.moment
        if cell.text not in self._seen:
            pair = range_of(cell.text)
            self._seen[cell.text] = stamp_of(cell.text if pair is None else pair[0])
        found = self._seen[cell.text]
        if isinstance(found, Stamp) and found.clock is not None and found.clock.days:
            self._end_of_day = True
        return found

    def _moment(self, cell: Cell) -> datetime | None:
        found = self._stamp(cell)
        if isinstance(found, Stamp):
            self._days_only = self._days_only and found.clock is None
            self._months_only = self._months_only and is_month(cell.text)
            return found.moment(self._order)
        moment = serial_of(cell) if found is None else found
        if moment is not None and moment.time() != datetime.min.time():
            self._days_only = False
        return moment

    def _end(self, row: Row) -> datetime | None:
        layout = self._layout
        if layout.until is not None:
            return self._moment(row.at(layout.until))
        clock_cell = row.at(layout.clock_until) if layout.clock_until is not None else None
        start = self._day
        pair = range_of(row.at(layout.clock if layout.clock is not None else self._time).text)
        text = clock_cell.text if clock_cell is not None else pair[1] if pair is not None else ""
        if not text or start is None:
            return None
        clock = clock_of(text)
        if clock is None:
            stamp = stamp_of(text)
            return stamp.moment(self._order) if isinstance(stamp, Stamp) else stamp
        return at_clock(start, clock)


def _consecutive(
    stamps: Sequence[Stamp | datetime | None], possible: set[DateOrder]
) -> set[DateOrder]:
    """The orders in which lines of several a day go on from one day to the next."""
    found = [stamp for stamp in stamps if isinstance(stamp, Stamp)]
    days = [(s.one, s.two, s.three) for s in found]
    changes = [(a, b) for a, b in pairwise(found) if (a.one, a.two) != (b.one, b.two)]
    if not changes or len(days) < 4 * len(changes):
        return possible

    def next_days(order: DateOrder) -> bool:
        for before, after in changes:
            one = before._replace(clock=None).moment(order)
            other = after._replace(clock=None).moment(order)
            if one is None or other is None or abs(other - one) != _DAY:
                return False
        return True

    fitting = {order for order in possible if next_days(order)}
    return fitting or possible
