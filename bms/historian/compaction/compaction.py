"""Turns the log into raw segments and roll-ups; redoing any part of it changes nothing.

A *pass* takes the log from where the last one ended to a quarter hour that is over: its samples
become segments (one file per group), then one transaction of `roll.db` names these files, appends
the quarter hours and moves the horizon. A pass that breaks off before that transaction leaves only
files that no manifest names. Samples that came late (their time lies before the horizon) get
separate segments; the quarter hours they touch are computed again, and the signed difference is
appended as a new revision. Log rows are not deleted here: the history does that once they are old,
taken by every sink, and compacted.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from time import perf_counter
from typing import Final

import numpy as np

from bms.core.errors import DiskError, StoreError
from bms.historian.compaction.passes import DAY_MS, ROWS_AT_ONCE, Pass, Points, quarter_of
from bms.historian.compaction.restoring import adopt, restore_day
from bms.historian.files.rawfiles import LogView, whole_series
from bms.historian.files.rolldb import RollDb
from bms.historian.files.segments import SegmentWriter, finish_segments, write_segments
from bms.historian.formats.rollups import QUARTER_MS, Rollups, local_dates, summed
from bms.historian.log.log_queries import Queries
from bms.historian.manifest import Segment
from bms.historian.records import to_ms
from bms.storage.durable import open_file
from bms.texts.messages import message_of, msg
from bms.texts.system_errors import os_cause

GRACE: Final = timedelta(minutes=2)
"""Links may deliver this late before their quarter hour is closed."""
SETTLED_MS: Final = 2 * 3_600_000
"""A day is gathered this long after its end, when most late samples have come."""
SERIES_AT_ONCE: Final = 200
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
    """Log rows up to here are compacted, except those after `horizon_ms`."""
    horizon_ms: int | None
    damaged: str = ""
    """What is wrong with a file that could not be merged with the others of its day."""


class Compaction:
    """Compacts one state directory, one process at a time."""

    def __init__(self, directory: Path, zones: Zones, *, publish: bool = True) -> None:
        """Without `publish` (simulated history) quarter hours go straight to their series."""
        self._directory = directory
        self._zones = zones
        self._publish = publish
        self._damaged = ""
        self._points = Points(zones.default, zones.bases)

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
            _locked(self._directory),
            Queries(self._directory, read_only=True) as history,
            RollDb(self._directory, history.uid()) as roll,
        ):
            log = history.log
            adopt(self._directory, log, roll)
            self._clean(roll)
            self._points.learn(history)
            while (span := roll.restoring()) is not None:
                from_ms, until_ms = span
                end = restore_day(self._directory, self._points, log, roll, from_ms)
                self._days(roll, from_ms, end)
                with roll.transaction():
                    roll.put_restoring(end, until_ms)
                if perf_counter() - begun > within_s:
                    progress = roll.progress()
                    return Compacted(0, 0, 0, 0, False, progress.seq, progress.horizon_ms)
            # What is still in the recorder's memory is not over, however late it is.
            target = quarter_of(min(to_ms(now - GRACE), log.seen_ms()))
            while (ends := self._next(log, roll, target, whole_days)) is not None:
                _, end_ms = ends
                self._points.learn(history)
                done = Pass(self._directory, self._points, log, roll, publish=self._publish).run(
                    *ends
                )
                passes, samples = passes + 1, samples + done.samples
                late, rows = late + done.late, rows + done.rows
                self._redo_days(roll, done.revisions, end_ms)
                self._days(roll, *ends)
                if perf_counter() - begun > within_s:
                    break
            if whole_days:
                self._points.learn(history)
                self._gather(roll, target)
            with roll.transaction():
                roll.prune(to_ms(now - BLOCKS_KEPT), to_ms(now - QUARTERS_KEPT))
            left = self._next(log, roll, target, whole_days) is not None
            progress = roll.progress()
            return Compacted(
                passes, samples, late, rows, not left, progress.seq, progress.horizon_ms,
                self._damaged,
            )  # fmt: skip

    def _clean(self, roll: RollDb) -> None:
        """Remove what a pass that broke off left behind."""
        known = {segment.name for segment in roll.segments()}
        for path in self._directory.glob("raw-*.db*"):
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
            horizon = quarter_of(first)
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
                end = target if first is None else max(end, min(target, quarter_of(first)))
        return horizon, end

    # --- days and tiles ----------------------------------------------------------------------

    def _days(self, roll: RollDb, start: int, end: int) -> None:
        """Write the day rows of dates that ended in this pass, in any zone."""
        for zone in sorted({self._zones.default, *self._zones.bases.values()}):
            numbers = [n for n, name in self._points.zones.items() if name == zone]
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
        dates = self._points.dates(rows)
        days = summed(rows, [rows.series, dates])
        with roll.transaction():
            roll.put_days(days, self._points.dates(days))

    def _redo_days(self, roll: RollDb, rows: Rollups, horizon: int) -> None:
        """Days that `rows` revise, if they were over; within no transaction."""
        if not len(rows):
            return
        for zone, day in sorted(
            {
                (self._points.zones.get(int(s), self._zones.default), int(d))
                for s, d in zip(rows.series, self._points.dates(rows), strict=True)
            }
        ):
            start, end = _day_start(day, zone), _day_start(day + 1, zone)
            if end <= horizon:
                touched = rows.series[(rows.start_ms >= start) & (rows.start_ms < end)]
                numbers = [n for n in np.unique(touched).tolist() if self._points.zones[n] == zone]
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
        # A time simulated in between is a separate tile, and leaves holes beside it.
        begins = [] if first is None or not tiles else [(first, first)]
        for (_, hole, *_), (end, *_) in pairwise([*begins, *tiles]):
            if hole < end:
                self._gather_tile(roll, hole, end, sorted(self._points.classes))
        start = tiles[-1][1] if tiles else first
        if start is None or horizon is None:
            return
        while (end := (start // DAY_MS + 1) * DAY_MS) + SETTLED_MS <= min(horizon, target):
            self._gather_tile(roll, start, end, sorted(self._points.classes))
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
            present = [p for p in parts if (self._directory / p.name).exists()]
            try:
                made = self._merged(group, day, parts, present)
            except DiskError:
                raise
            except StoreError as error:
                self._damaged = message_of(error)  # one day that stays in parts holds up no other
                continue
            with roll.transaction():
                roll.put_segments(made, parts)
            for part in present:
                if part.name not in {m.name for m in made}:
                    (self._directory / part.name).unlink(missing_ok=True)

    def _merged(
        self, group: str, day: int, parts: list[Segment], present: list[Segment]
    ) -> list[Segment]:
        last_seq = max(p.last_seq for p in parts)
        writer = SegmentWriter(self._directory, group, day * DAY_MS, last_seq, whole=True)
        start = day * DAY_MS
        try:
            for samples in whole_series(self._directory, present, start, start + DAY_MS):
                groups = dict.fromkeys(np.unique(samples.series).tolist(), group)
                write_segments(self._directory, {group: writer}, samples, groups, 0, 0)
        except BaseException:
            writer.drop()
            raise
        return finish_segments(self._directory, [writer])


def _day_start(ordinal: int, zone: str) -> int:
    from datetime import date
    from zoneinfo import ZoneInfo

    day = date.fromordinal(ordinal)
    return to_ms(datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone)))


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    try:
        handle = os.fdopen(open_file(directory / LOCK), "w")
    except OSError as error:
        raise StoreError(
            msg("{file}: {cause}", file=directory / LOCK, cause=os_cause(error))
        ) from error
    with handle:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
