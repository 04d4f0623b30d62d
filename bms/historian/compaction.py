"""Turns the log into raw segments and roll-ups; redoing any part of it changes nothing.

A *pass* takes the log from where the last one ended to a quarter hour that is over: its samples
become segments (one file per group), then one transaction of `roll.db` names these files, appends
the quarter hours and moves the horizon. What breaks off before that transaction left only files
that no manifest names. Samples that came late (their time lies before the horizon) get segments of
their own; the quarter hours they touch are computed again, and the signed difference is appended
as a new revision. Log rows are not deleted here: the history does that once they are old, taken
by every sink, and compacted.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from time import perf_counter
from typing import Final

import numpy as np

from bms.equipment import PointClass
from bms.errors import StoreError
from bms.historian.columns import Ints
from bms.historian.queries import Queries
from bms.historian.rawfiles import SAMPLES_AT_ONCE, LogView, segment_samples
from bms.historian.records import to_ms
from bms.historian.rolldb import RollDb, local_dates
from bms.historian.rollups import (
    NONE,
    NOTHING,
    QUARTER_MS,
    Rollups,
    Samples,
    last_of,
    quarters,
    revised,
    summed,
)
from bms.historian.segments import (
    Segment,
    SegmentWriter,
    finish_segments,
    group_of,
    series_in,
    write_segments,
)

GRACE: Final = timedelta(minutes=2)
"""Links may deliver this late before their quarter hour is closed."""
DAY_MS: Final = 86_400_000
SETTLED_MS: Final = 2 * 3_600_000
"""A day is gathered this long after its end, when most late samples have come."""
REACH_MS: Final = 25 * 3_600_000
"""How far a value before or after a late sample is looked for: states repeat once a day."""
SERIES_AT_ONCE: Final = 200
ROWS_AT_ONCE: Final = 100_000
"""Quarter hours computed together: few enough to stay in the processor's cache (a month of 829
points took twice as long, and 700 MB, in one piece)."""
LATE_SERIES_AT_ONCE: Final = 20
"""Around late samples up to 50 hours of each series are read."""
BLOCKS_KEPT: Final = timedelta(days=35)
"""The stream of roll-ups is kept this long; older quarter hours are there by series."""
QUARTERS_KEPT: Final = timedelta(days=6 * 366)
LOCK: Final = "compaction.lock"


@dataclass(frozen=True, slots=True)
class Zones:
    """Where the days of the points are: by base, and for everything else."""

    default: str
    bases: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Compacted:
    """What a run did."""

    passes: int
    samples: int
    late: int
    rows: int
    """Quarter hours appended."""
    finished: bool
    """False: there is more, and the time given was over."""
    seq: int
    """Log rows up to here are compacted, but for what lies after `horizon_ms`."""
    horizon_ms: int | None


class Compaction:
    """Compacts one state directory, one process at a time."""

    def __init__(self, directory: Path, zones: Zones, *, publish: bool = True) -> None:
        """Without `publish` (simulated history) quarter hours go straight to their series."""
        self.directory = directory
        self._zones = zones
        self.publish = publish
        self.series: dict[int, PointClass] = {}
        self.groups: dict[int, str] = {}
        self._zone_by_series: dict[int, str] = {}

    def run(
        self, now: datetime, *, whole_days: bool = True, within_s: float = float("inf")
    ) -> Compacted:
        """Compact everything that is over at `now`.

        Raises StoreError, and BlockingIOError if another process is at it.

        `whole_days` keeps passes within days of UTC, so that a day can be gathered; without it
        one pass takes all there is.
        """
        begun = perf_counter()
        passes = samples = late = rows = 0
        with (
            _locked(self.directory),
            Queries(self.directory, read_only=True) as history,
            RollDb(self.directory, history.uid()) as roll,
        ):
            log = history.log
            self._clean(roll)
            # What is still in the recorder's memory is not over, however late it is.
            target = _floor(min(to_ms(now - GRACE), log.seen_ms()))
            while (ends := self._next(log, roll, target, whole_days)) is not None:
                self._know(history)
                done = _Pass(self, log, roll).run(*ends)
                passes, samples = passes + 1, samples + done[0]
                late, rows = late + done[1], rows + done[2]
                self._days(roll, *ends)
                if perf_counter() - begun > within_s:
                    break
            if whole_days:
                self._know(history)
                self._gather(roll, target)
            with roll.transaction():
                roll.prune(to_ms(now - BLOCKS_KEPT), to_ms(now - QUARTERS_KEPT))
            left = self._next(log, roll, target, whole_days) is not None
            progress = roll.progress()
            return Compacted(
                passes, samples, late, rows, not left, progress.seq, progress.horizon_ms
            )

    def _know(self, history: Queries) -> None:
        """Classes, groups and zones of all series as they are now."""
        for number, point, klass in history.series_rows():
            self.series[number] = PointClass(klass)
            self.groups[number] = group_of(PointClass(klass))
            zone = self._zones.bases.get(point.split(".", 1)[0], self._zones.default)
            self._zone_by_series[number] = zone

    def dates(self, rows: Rollups) -> Ints:
        return local_dates(rows.start_ms, rows.series, self._zone_by_series, self._zones.default)

    def _clean(self, roll: RollDb) -> None:
        """Remove what a pass that broke off left behind."""
        known = {segment.name for segment in roll.segments()}
        for path in self.directory.glob("raw-*.db*"):
            if path.name not in known:
                with suppress(OSError):
                    path.unlink()

    @staticmethod
    def _next(log: LogView, roll: RollDb, target: int, whole_days: bool) -> tuple[int, int] | None:
        """The range of the next pass; None if there is nothing to do."""
        progress = roll.progress()
        horizon = progress.horizon_ms
        if horizon is None:
            first = log.first_ms()
            if first is None:
                return None
            horizon = _floor(first)
        if horizon >= target:
            # Nothing more is over; but what came late is taken at once.
            following = log.next_ms(progress.seq)
            if progress.horizon_ms is None or following is None or following >= horizon:
                return None
            return horizon, horizon
        end = target
        if whole_days:
            end = min(end, (horizon // DAY_MS + 1) * DAY_MS)
            if end < target and not log.any_between(horizon, end):
                # A long time without a sample is passed over at once.
                first = log.first_ms(end)
                end = target if first is None else max(end, min(target, _floor(first)))
        return horizon, end

    # --- days and tiles ----------------------------------------------------------------------

    def _days(self, roll: RollDb, start: int, end: int) -> None:
        """Write the day rows of dates that ended in this pass, in any zone."""
        for zone in sorted({self._zones.default, *self._zones.bases.values()}):
            numbers = [n for n, name in self._zone_by_series.items() if name == zone]
            edges = np.array([start, end], np.int64)
            both = local_dates(edges, np.zeros(2, np.int64), {}, zone)
            if both[0] == both[1] or not numbers:
                continue
            first = _day_start(int(both[0]), zone)
            last = _day_start(int(both[1]), zone)
            each = max(1, ROWS_AT_ONCE * QUARTER_MS // (last - first))
            for at in range(0, len(numbers), each):
                self._put_days(roll, numbers[at : at + each], first, last)

    def _put_days(self, roll: RollDb, numbers: list[int], start: int, end: int) -> None:
        rows = roll.quarters(start, end, numbers)
        if not len(rows):
            return
        dates = self.dates(rows)
        days = summed(rows, [rows.series, dates])
        with roll.transaction():
            roll.put_days(days, self.dates(days))

    def redo_days(self, roll: RollDb, rows: Rollups, horizon: int) -> None:
        """Days that `rows` revise, if they were over; within no transaction."""
        if not len(rows):
            return
        for zone, day in sorted(
            {
                (self._zone_by_series.get(int(s), self._zones.default), int(d))
                for s, d in zip(rows.series, self.dates(rows), strict=True)
            }
        ):
            start, end = _day_start(day, zone), _day_start(day + 1, zone)
            if end <= horizon:
                touched = rows.series[(rows.start_ms >= start) & (rows.start_ms < end)]
                numbers = [
                    n for n in np.unique(touched).tolist() if self._zone_by_series[n] == zone
                ]
                for at in range(0, len(numbers), SERIES_AT_ONCE):
                    self._put_days(roll, numbers[at : at + SERIES_AT_ONCE], start, end)

    def _gather(self, roll: RollDb, target: int) -> None:
        """Once a day of UTC is over: its quarter hours by series, its segments as one each."""
        tiles = roll.tiles()
        horizon = roll.progress().horizon_ms
        for t0, t1, last in tiles:
            changed = roll.changed_since(t0, t1, last)
            if changed:
                self._gather_tile(roll, t0, t1, changed)
        first = roll.first_start()
        # What was simulated in between is a tile of its own, and leaves holes beside it.
        begins = [] if first is None or not tiles else [(first, first)]
        for (_, hole, *_), (end, *_) in pairwise([*begins, *tiles]):
            if hole < end:
                self._gather_tile(roll, hole, end, sorted(self.series))
        start = tiles[-1][1] if tiles else first
        if start is None or horizon is None:
            return
        while (end := (start // DAY_MS + 1) * DAY_MS) + SETTLED_MS <= min(horizon, target):
            self._gather_tile(roll, start, end, sorted(self.series))
            start = end
        self._merge_segments(roll, min(horizon, target) - SETTLED_MS)

    def _gather_tile(self, roll: RollDb, t0: int, t1: int, numbers: list[int]) -> None:
        last = roll.progress().rows
        with roll.transaction():
            for at in range(0, len(numbers), SERIES_AT_ONCE):
                roll.gather(t0, t1, roll.quarters(t0, t1, numbers[at : at + SERIES_AT_ONCE]))
            roll.merge(t0, t1, last)

    def _merge_segments(self, roll: RollDb, before: int) -> None:
        """Segments of a group within one day of UTC as one file, one chunk per series."""
        days: dict[tuple[str, int], list[Segment]] = {}
        for segment in roll.segments():
            day = segment.t0 // DAY_MS
            if segment.t1 // DAY_MS == day and (day + 1) * DAY_MS <= before:
                days.setdefault((segment.group, day), []).append(segment)
        for (group, day), parts in sorted(days.items()):
            if len(parts) < 2:
                continue
            present = [p for p in parts if (self.directory / p.name).exists()]
            numbers: set[int] = set()
            for part in present:
                numbers.update(series_in(self.directory, part))
            writer = SegmentWriter(
                self.directory, group, day * DAY_MS, max(p.last_seq for p in parts), whole=True
            )
            ordered = sorted(numbers)
            at_once = max(1, SAMPLES_AT_ONCE * len(ordered) // (sum(p.samples for p in parts) or 1))
            for at in range(0, len(ordered), at_once):
                some = ordered[at : at + at_once]
                samples = segment_samples(
                    self.directory, present, day * DAY_MS, (day + 1) * DAY_MS, some
                ).in_order()
                write_segments(
                    self.directory, {group: writer}, samples, dict.fromkeys(some, group), 0, 0
                )
            made = finish_segments(self.directory, [writer])
            with roll.transaction():
                roll.put_segments(made, parts)
            for part in present:
                if part.name not in {m.name for m in made}:
                    (self.directory / part.name).unlink(missing_ok=True)


class _Pass:
    """One pass over the log."""

    def __init__(self, compaction: Compaction, log: LogView, roll: RollDb) -> None:
        self._c = compaction
        self._log = log
        self._roll = roll
        self._directory = compaction.directory
        self._sessions = log.sessions()

    def run(self, start: int, end: int) -> tuple[int, int, int]:
        """Samples taken, late ones among them, rows appended."""
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
                write_segments(self._directory, writers, fresh, self._c.groups, start, last)
                # A late sample may be newer than the value that was held.
                known = Samples.joined([before, _newest(late)]).in_order()
                known = last_of(known)
                timeline = Samples.joined([known, fresh]).in_order()
                for piece in _pieces(timeline, (end - start) // QUARTER_MS):
                    rows = quarters(piece, start, end, self._sessions, self._c.series)
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
        self._c.redo_days(self._roll, revisions, end)
        return taken, len(late), sum(map(len, fresh_rows)) + len(revisions)

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
            if self._c.publish:
                rows = _in_stream_order(Rollups.joined(fresh or [NONE]))
                roll.append(rows, self._c.dates(rows))
            elif end > start:
                for rows in fresh:  # whole series, in order of time
                    roll.gather(start, end, rows)
                roll.merge(start, end, roll.progress().rows)
            roll.append(revisions, self._c.dates(revisions))
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
            write_segments(self._directory, writers, samples, self._c.groups, start, last)
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
        start = _floor(first)
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
            end = min(reach, _floor(int(later.times_ms.max())) + QUARTER_MS)
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
        new = quarters(timeline, start, end, self._sessions, self._c.series)
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


def _floor(ms: int) -> int:
    return ms // QUARTER_MS * QUARTER_MS


def _day_start(ordinal: int, zone: str) -> int:
    from datetime import date
    from zoneinfo import ZoneInfo

    day = date.fromordinal(ordinal)
    return to_ms(datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone)))


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    try:
        handle = (directory / LOCK).open("w")
    except OSError as error:
        raise StoreError(f"{directory / LOCK}: {error.strerror}") from error
    with handle:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
