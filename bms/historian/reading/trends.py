"""What points did: raw samples, quarter hours and days, with the gaps there are.

`Trends` reads beside a running controller. Everything comes in blocks of one point, so that
memory stays bounded however long the period: raw samples by day of UTC, steps by point.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np

from bms.core.equipment import PointClass
from bms.historian.files.rawfiles import raw, stored
from bms.historian.files.roll_layout import FILE_NAME, GivenUp
from bms.historian.files.rolldb import RollDb
from bms.historian.formats.blob import TEXT, value_of
from bms.historian.formats.columns import Floats, Ints
from bms.historian.formats.rollups import (
    QUARTER_MS,
    Bools,
    Rollups,
    Samples,
    finite_numbers,
    summed,
)
from bms.historian.log.log_queries import Queries
from bms.historian.records import Dropped, from_ms, to_ms
from bms.historian.streams import RollupRow
from bms.storage.sqlite import Closing
from drivers.points import PointId, Value

DAY_MS: Final = 86_400_000
SERIES_AT_ONCE: Final = 50
"""Points whose raw samples of a day are read together."""


@dataclass(frozen=True, slots=True)
class RawBlock:
    """Samples of one point in order of time; `texts` by their numbers, where values are texts."""

    point: PointId
    times_ms: Ints
    values: Floats
    status: Ints
    """quality + 16 * kind."""
    texts: dict[int, str]

    def __len__(self) -> int:
        return len(self.times_ms)

    def value(self, row: int) -> Value | None:
        """The value with the type it was recorded with."""
        return value_of(int(self.status[row]), float(self.values[row]), self.texts.__getitem__)

    def numbers(self) -> Bools:
        """Which samples hold a finite number."""
        return finite_numbers(self.values, self.status)

    def quality(self, row: int) -> int:
        return int(self.status[row]) & 15


@dataclass(frozen=True, slots=True)
class StepBlock:
    """Quarter hours or days of one point, every one of the period from the first known on.

    NaN where nothing is known. `length_s` is how long each step is: days may have 23 or 25 hours.
    """

    point: PointId
    klass: PointClass
    starts_ms: Ints
    length_s: Floats
    rows: Rollups

    def mean(self) -> Floats:
        """Time-weighted over what is covered; NaN for counters, texts and gaps."""
        result = np.full(len(self.starts_ms), np.nan)
        if self.klass in (PointClass.ANALOG, PointClass.STATE):
            np.divide(
                self.rows.integral, self.rows.covered_s, out=result, where=self.rows.covered_s > 0
            )
        return result

    def coverage_pct(self) -> Floats:
        """0 to 100: the share of the step for which a good value was known."""
        return 100.0 * self.rows.covered_s / self.length_s


class Trends(Closing):
    """Reads the trends of one state directory. A context manager; one thread at a time.

    Raises StoreError. Ranges begin at `start` and end before `end`, both aware.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.history = Queries(directory, read_only=True)
        self._roll: RollDb | None = None
        self._numbers: dict[PointId, tuple[int, PointClass]] = {}
        self._points: dict[int, PointId] = {}
        try:
            self.learn()
        except BaseException:
            self.history.close()
            raise

    def close(self) -> None:
        if self._roll is not None:
            self._roll.connection.close()
        self.history.close()

    @property
    def roll(self) -> RollDb | None:
        """None before the first compaction."""
        if self._roll is None and (self.directory / FILE_NAME).exists():
            self._roll = RollDb(self.directory, self.history.uid(), read_only=True)
        return self._roll

    def learn(self) -> None:
        """Look for points that are new since this was opened."""
        for number, point, klass in self.history.series_rows():
            self._points[number] = point
            self._numbers[point] = number, PointClass(klass)

    def names(self) -> dict[int, PointId]:
        """Every point that history knows, by the number of its series."""
        return dict(self._points)

    def points(self) -> dict[PointId, PointClass]:
        """Every point that history knows, with its class."""
        return {point: klass for point, (_, klass) in self._numbers.items()}

    # --- raw ---------------------------------------------------------------------------------

    def raw(self, point: PointId, start: datetime, end: datetime) -> RawBlock:
        """All samples of one point at once: 26 bytes each."""
        if point not in self._numbers:
            empty = np.empty(0, np.int64)
            return RawBlock(point, empty, np.empty(0, np.float64), empty, {})
        number = self._numbers[point][0]
        samples = self._raw([number], to_ms(start), to_ms(end))
        return self._block(number, samples)

    def raw_samples(
        self, points: Sequence[PointId] | None, start: datetime, end: datetime
    ) -> Iterator[RawBlock]:
        """The samples of some points, or of all, day of UTC by day, oldest day first.

        Blocks of a day are in order of `points`. Memory is bounded by 50 points and a day.
        """
        chosen = sorted(self._numbers) if points is None else points
        numbers = [self._numbers[point][0] for point in chosen if point in self._numbers]
        at, last = to_ms(start), to_ms(end)
        while at < last:
            until = min(last, (at // DAY_MS + 1) * DAY_MS)
            for first in range(0, len(numbers), SERIES_AT_ONCE):
                some = numbers[first : first + SERIES_AT_ONCE]
                samples = self._raw(some, at, until)
                for number in some:
                    a, b = np.searchsorted(samples.series, (number, number + 1))
                    if a < b:
                        yield self._block(number, samples.where(np.arange(a, b)))
            at = until

    def stored(
        self, numbers: Sequence[int], start_ms: int, end_ms: int
    ) -> tuple[dict[int, RawBlock], list[GivenUp]]:
        """The samples of some series in segments, by number, and those given up of that time.

        Samples that are only in the log are left out.
        """
        if self.roll is None:
            return {}, []
        samples, lost = stored(self.directory, self.roll, start_ms, end_ms, numbers)
        blocks = {}
        for number in numbers:
            a, b = np.searchsorted(samples.series, (number, number + 1))
            if a < b:
                blocks[number] = self._block(number, samples.where(np.arange(a, b)))
        return blocks, lost

    def _raw(self, numbers: Sequence[int], start_ms: int, end_ms: int) -> Samples:
        return raw(self.directory, self.roll, self.history.log, start_ms, end_ms, numbers)

    def _block(self, number: int, samples: Samples) -> RawBlock:
        texts = np.unique(samples.values[samples.status >> 4 == TEXT]).astype(np.int64).tolist()
        return RawBlock(
            self._points[number],
            samples.times_ms,
            samples.values,
            samples.status,
            {text: self.history.text(text) for text in texts},
        )

    # --- steps -------------------------------------------------------------------------------

    def closed_until(self) -> datetime | None:
        """Quarter hours before this are known; None before the first."""
        horizon = None if self.roll is None else self.roll.progress().horizon_ms
        return None if horizon is None else from_ms(horizon)

    def quarters(self, point: PointId, start: datetime, end: datetime) -> StepBlock | None:
        """Every quarter hour that is closed and starts in the range; None: nothing is known."""
        first, last = -(-to_ms(start) // QUARTER_MS), -(-to_ms(end) // QUARTER_MS)
        if self.roll is None or point not in self._numbers:
            return None
        number, klass = self._numbers[point]
        horizon = self.roll.progress().horizon_ms or 0
        last = min(last, horizon // QUARTER_MS)
        rows = self.roll.quarters(first * QUARTER_MS, last * QUARTER_MS, [number])
        if not len(rows):
            return None
        starts = np.arange(rows.start_ms[0] // QUARTER_MS, last, dtype=np.int64) * QUARTER_MS
        filled = _filled(rows, rows.start_ms, starts)
        return StepBlock(point, klass, starts, np.full(len(starts), 900.0), filled)

    def days(self, point: PointId, first: date, last: date, zone: str) -> StepBlock | None:
        """Every day from `first` to `last` in the base's `zone`; the last one may not be over."""
        if self.roll is None or point not in self._numbers:
            return None
        number, klass = self._numbers[point]
        dates, rows = self.roll.days(first, last, [number])
        # A day that is not over yet has no row: it is the sum of its quarter hours.
        after = first if not len(dates) else date.fromordinal(int(dates[-1]) + 1)
        if after <= last:
            begin, end = _midnight(after, zone), _midnight(last + timedelta(days=1), zone)
            open_rows = self.roll.quarters(to_ms(begin), to_ms(end), [number])
            if len(open_rows):
                when = np.array([_ordinal(int(ms), zone) for ms in open_rows.start_ms], np.int64)
                rows = Rollups.joined([rows, summed(open_rows, [when])])
                dates = np.concatenate((dates, np.unique(when)))
        if not len(dates):
            return None
        known = np.arange(dates[0], min(last.toordinal(), int(dates[-1])) + 1, dtype=np.int64)
        edges = [
            to_ms(_midnight(date.fromordinal(int(day)), zone)) for day in [*known, known[-1] + 1]
        ]
        starts = np.array(edges, np.int64)
        return StepBlock(
            point, klass, starts[:-1], np.diff(starts) / 1000.0, _filled(rows, dates, known)
        )

    # --- gaps and streams --------------------------------------------------------------------

    def dropped(self, start: datetime, end: datetime) -> list[Dropped]:
        """What was given up, with its reason, oldest first."""
        found = self.history.dropped(start, end)
        if self.roll is not None:
            found += self.roll.dropped(to_ms(start), to_ms(end))
        return sorted(found, key=lambda item: item.start)

    def outages(self, start: datetime, end: datetime) -> list[tuple[datetime, datetime]]:
        """When nothing was recorded at all, within the range."""
        sessions = self.history.log.sessions()
        found = []
        covered = to_ms(start)
        for begun, seen in zip(sessions.begun_ms.tolist(), sessions.seen_ms.tolist(), strict=True):
            if begun >= to_ms(end):
                break
            if begun > covered + 1:
                found.append((from_ms(covered), from_ms(begun)))
            covered = max(covered, seen)
        return found

    def rollups(self, after: int, limit: int) -> Sequence[RollupRow]:
        """The next quarter hours after number `after`, in order, for a sink.

        Not empty if there are any; may be fewer than `limit`. Rows older than 35 days are no longer
        numbered: a sink that has not taken them sees `seq` jump, and finds them by `quarters`.
        """
        if self.roll is None:
            return ()
        first, rows, dates = self.roll.numbered(after, limit)
        if any(number not in self._points for number in np.unique(rows.series).tolist()):
            self.learn()
        columns = (column.tolist() for column in rows.columns())
        return [
            self._row(first + i, values, date.fromordinal(day))
            for i, (day, *values) in enumerate(zip(dates.tolist(), *columns, strict=True))
        ]

    def summed_quarters(
        self, numbers: Sequence[int], start_ms: int, end_ms: int
    ) -> list[RollupRow]:
        """Quarter hours that are gathered and no longer numbered, revisions summed.

        `rev` is 0, and `seq` how often the quarter hour was revised. Without what the numbered
        stream still has of it.
        """
        if self.roll is None:
            return []
        rows = self.roll.unnumbered(start_ms, end_ms, numbers)
        dates, days = self.roll.days(
            from_ms(start_ms).date() - timedelta(days=1),
            from_ms(end_ms).date() + timedelta(days=1),
            numbers,
        )
        found = []
        for values in zip(*(column.tolist() for column in rows.columns()), strict=True):
            series, start, rev, *_ = values
            begun = (days.series == series) & (days.start_ms <= start)
            if begun.any():
                day = date.fromordinal(int(dates[begun].max()))
                found.append(replace(self._row(rev, values, day), rev=0))
        return found

    def _row(self, seq: int, values: Sequence[Any], day: date) -> RollupRow:
        """One quarter hour; `values` as the columns of `Rollups` have them."""
        series, start, rev, n, integral, covered, least, most, last, on_s, switches = values
        return RollupRow(
            seq,
            self._points[series],
            start,
            rev,
            n,
            integral,
            covered,
            _none_if_nan(least),
            _none_if_nan(most),
            _none_if_nan(last),
            on_s,
            switches,
            day,
        )

    def last_rollup(self) -> int:
        """The newest number of the stream, 0 before the first."""
        return 0 if self.roll is None else self.roll.progress().rows


def _filled(rows: Rollups, keys: Ints, wanted: Ints) -> Rollups:
    """One row for each of `wanted`, in order; those without one are empty."""
    place = np.searchsorted(wanted, keys)
    inside = (place < len(wanted)) & (wanted[np.minimum(place, len(wanted) - 1)] == keys)
    place = place[inside]
    columns = []
    for name, column in zip(Rollups.__slots__, rows.columns(), strict=True):
        hollow = name in ("minimum", "maximum", "last")
        full = np.full(len(wanted), np.nan if hollow else 0, column.dtype)
        full[place] = column[inside]
        columns.append(full)
    return Rollups.of(columns)


def _midnight(day: date, zone: str) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone))


def _ordinal(ms: int, zone: str) -> int:
    return from_ms(ms).astimezone(ZoneInfo(zone)).toordinal()


def _none_if_nan(value: float) -> float | None:
    return None if value != value else value
