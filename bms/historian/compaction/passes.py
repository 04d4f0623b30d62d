"""One pass over the log: what is over becomes segments and quarter hours, all of it or nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np

from bms.core.equipment import PointClass, base_of
from bms.historian.files.rawfiles import SAMPLES_AT_ONCE, LogView, segment_samples
from bms.historian.files.rolldb import RollDb
from bms.historian.files.segments import SegmentWriter, finish_segments, write_segments
from bms.historian.formats.columns import Ints
from bms.historian.formats.rollups import (
    NONE,
    NOTHING,
    QUARTER_MS,
    Rollups,
    Samples,
    last_of,
    local_dates,
    quarters,
    revised,
)
from bms.historian.log.log_queries import Queries
from bms.historian.manifest import Segment, group_of

DAY_MS: Final = 86_400_000
REACH_MS: Final = 25 * 3_600_000
"""How far a value before or after a late sample is looked for: states repeat once a day."""
ROWS_AT_ONCE: Final = 100_000
"""Quarter hours computed together: few enough to stay in the processor's cache (a month of 829
points took twice as long, and 700 MB, in one piece)."""
LATE_SERIES_AT_ONCE: Final = 20
"""Around late samples up to 50 hours of each series are read."""


def quarter_of(ms: int) -> int:
    """Where the quarter hour of an instant begins."""
    return ms // QUARTER_MS * QUARTER_MS


@dataclass(slots=True)
class Points:
    """What is known of the points, by the number of their series."""

    default_zone: str
    base_zones: Mapping[str, str]
    classes: dict[int, PointClass] = field(default_factory=dict)
    groups: dict[int, str] = field(default_factory=dict)
    zones: dict[int, str] = field(default_factory=dict)

    def learn(self, history: Queries) -> None:
        for number, point, klass in history.series_rows():
            self.classes[number] = PointClass(klass)
            self.groups[number] = group_of(PointClass(klass))
            self.zones[number] = self.base_zones.get(base_of(point), self.default_zone)

    def dates(self, rows: Rollups) -> Ints:
        """The local date (ordinal) of each row."""
        return local_dates(rows.start_ms, rows.series, self.zones, self.default_zone)


@dataclass(frozen=True, slots=True)
class Passed:
    """What a pass did."""

    samples: int
    late: int
    rows: int
    revisions: Rollups
    """Quarter hours from before the pass that became others."""


class Pass:
    """One pass over the log."""

    def __init__(
        self, directory: Path, points: Points, log: LogView, roll: RollDb, *, publish: bool
    ) -> None:
        self._directory = directory
        self._points = points
        self._log = log
        self._roll = roll
        self._publish = publish
        self._sessions = log.sessions()

    def run(self, start: int, end: int) -> Passed:
        """Take the range, and whatever came late before it."""
        progress = self._roll.progress()
        last = self._log.last_before(progress.seq, start, end)
        numbers, total = self._log.pending(progress.seq, last, start)
        parts = -(-total // SAMPLES_AT_ONCE) or 1
        held = self._roll.held()
        writers: dict[str, SegmentWriter] = {}
        fresh_rows, late_parts, held_parts = [], [], []
        taken = 0
        try:
            for part in range(parts):
                fresh, late, before = self._read(
                    numbers, progress.seq, start, end, part, parts, held
                )
                late_parts.append(late)
                taken += len(fresh) + len(late)
                write_segments(self._directory, writers, fresh, self._points.groups, start, last)
                # A late sample may be newer than the value that was held.
                known = Samples.joined([before, _newest(late)]).in_order()
                known = last_of(known)
                timeline = Samples.joined([known, fresh]).in_order()
                for piece in _pieces(timeline, (end - start) // QUARTER_MS):
                    rows = quarters(piece, start, end, self._sessions, self._points.classes)
                    if len(rows):
                        fresh_rows.append(rows)
                held_parts.append(last_of(timeline))
            made = finish_segments(self._directory, writers.values())
            writers.clear()
            late = Samples.joined(late_parts).in_order()
            late_made = self._write_late(late, last)
        except BaseException:
            for writer in writers.values():
                writer.drop()
            raise
        revisions = self._revisions(late, late_made, start)
        self._commit(fresh_rows, revisions, [*made, *late_made], last, start, end, held_parts)
        return Passed(taken, len(late), sum(map(len, fresh_rows)) + len(revisions), revisions)

    def _commit(
        self,
        fresh: list[Rollups],
        revisions: Rollups,
        made: list[Segment],
        last: int,
        start: int,
        end: int,
        held: list[Samples],
    ) -> None:
        roll = self._roll
        with roll.transaction():
            roll.put_segments(made)
            if self._publish:
                rows = _in_stream_order(Rollups.joined(fresh or [NONE]))
                roll.append(rows, self._points.dates(rows))
            elif end > start:
                for rows in fresh:  # whole series, in order of time
                    roll.gather(start, end, rows)
                roll.merge(start, end, roll.progress().rows)
            roll.append(revisions, self._points.dates(revisions))
            roll.advance(last, end, Samples.joined(held))

    def _read(
        self,
        numbers: list[int],
        seq: int,
        start: int,
        end: int,
        part: int,
        parts: int,
        held: Samples,
    ) -> tuple[Samples, Samples, Samples]:
        """Fresh samples in order, late ones, and the held ones, of one part of the series."""
        fresh, late = [], []
        for number, rows in self._log.rows(numbers):
            if parts > 1:
                rows = rows.where(rows.series % parts == part)
            now = (rows.times_ms >= start) & (rows.times_ms < end)
            if now.any():
                fresh.append(rows if now.all() else rows.where(now))
            if number > seq:
                before = rows.times_ms < start
                if before.any():
                    late.append(rows.where(before))
        mine = held if parts == 1 else held.where(held.series % parts == part)
        return Samples.joined(fresh).in_order(), Samples.joined(late), mine

    # --- late samples ------------------------------------------------------------------------

    def _write_late(self, late: Samples, last: int) -> list[Segment]:
        made: list[Segment] = []
        for day, samples in _by_day(late):
            writers: dict[str, SegmentWriter] = {}
            # Never the name of a fresh segment: those begin on the quarter hour.
            start = day * DAY_MS + 60_000
            write_segments(self._directory, writers, samples, self._points.groups, start, last)
            made += finish_segments(self._directory, writers.values())
        return made

    def _revisions(self, late: Samples, made: list[Segment], horizon: int) -> Rollups:
        found = []
        for _, samples in _by_day(late):
            numbers = np.unique(samples.series).tolist()
            for at in range(0, len(numbers), LATE_SERIES_AT_ONCE):
                some = numbers[at : at + LATE_SERIES_AT_ONCE]
                mine = samples.where(np.isin(samples.series, some))
                found.append(self._revise(mine, some, made, horizon))
        rows = _in_stream_order(Rollups.joined([f for f in found if len(f)] or [NONE]))
        if len(rows) < 2:
            return rows
        # Late samples of two days may touch the same quarter hour: both saw all of them.
        again = (rows.series[1:] == rows.series[:-1]) & (rows.start_ms[1:] == rows.start_ms[:-1])
        return rows.where(np.concatenate(([True], ~again)))

    def _revise(
        self, late: Samples, numbers: list[int], made: list[Segment], horizon: int
    ) -> Rollups:
        """Quarter hours from the first late sample to where the next known one takes over."""
        first, last = int(late.times_ms.min()), int(late.times_ms.max())
        start = quarter_of(first)
        reach = min(horizon, last + REACH_MS)
        known = self._around(start - REACH_MS, reach, numbers, made)
        later = _first_after(known, last)
        if len(later) < len(numbers) and reach < horizon:
            # A point so quiet that its late value holds for longer than a day.
            reach = horizon
            known = self._around(start - REACH_MS, reach, numbers, made)
            later = _first_after(known, last)
        end = reach
        if len(later) == len(numbers):
            end = min(reach, quarter_of(int(later.times_ms.max())) + QUARTER_MS)
        end = min(-(-end // QUARTER_MS) * QUARTER_MS, horizon)
        if end <= start:
            return NONE
        before = last_of(known.where(known.times_ms < start))
        quiet = sorted(set(numbers) - set(before.series.tolist()))
        if quiet:
            session = int(self._sessions.of(np.array([start]))[0])
            begun = int(self._sessions.begun_ms[session]) if session >= 0 else start
            older = self._around(begun, start - REACH_MS, quiet, made)
            before = Samples.joined([before, last_of(older)])
        window = known.where((known.times_ms >= start) & (known.times_ms < end))
        timeline = Samples.joined([before, window]).in_order()
        new = quarters(timeline, start, end, self._sessions, self._points.classes)
        return revised(self._roll.quarters(start, end, numbers), new)

    def _around(self, start: int, end: int, numbers: list[int], made: list[Segment]) -> Samples:
        if end <= start:
            return NOTHING
        segments = [*self._roll.segments(start, end), *made]
        return segment_samples(self._directory, segments, start, end, numbers).in_order()


def _first_after(samples: Samples, ms: int) -> Samples:
    """The first sample of each series after `ms`."""
    later = samples.where(samples.times_ms > ms)
    if not len(later):
        return later
    return later.where(np.concatenate(([True], later.series[1:] != later.series[:-1])))


def _pieces(samples: Samples, quarter_hours: int) -> Iterator[Samples]:
    """Whole series, some at a time, so that not too many quarter hours come of them."""
    if not len(samples) or not quarter_hours:
        return
    at = np.flatnonzero(np.concatenate(([True], samples.series[1:] != samples.series[:-1])))
    each = max(1, ROWS_AT_ONCE // quarter_hours)
    edges = [*at[::each].tolist(), len(samples)]
    for first, end in pairwise(edges):
        yield samples.where(slice(first, end))


def _newest(samples: Samples) -> Samples:
    return last_of(samples.in_order()) if len(samples) else NOTHING


def _by_day(samples: Samples) -> Iterator[tuple[int, Samples]]:
    days = samples.times_ms // DAY_MS
    for day in np.unique(days).tolist():
        yield day, samples.where(days == day)


def _in_stream_order(rows: Rollups) -> Rollups:
    return rows.where(np.lexsort((rows.series, rows.start_ms)))
