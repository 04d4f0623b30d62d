"""Reading raw samples: from the segments, and from the part of the log not yet compacted."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from bms.core.errors import StoreError
from bms.historian.files.roll_layout import FILE_NAME as ROLL_FILE
from bms.historian.files.roll_layout import GivenUp, Progress
from bms.historian.files.rolldb import RollDb
from bms.historian.files.segments import columns_of, read_series, series_in
from bms.historian.formats.blob import DamagedBlob, damaged_row, decode
from bms.historian.formats.columns import Ints
from bms.historian.formats.rollups import NOTHING, QUARTER_MS, Samples, Sessions, finite_numbers
from bms.historian.manifest import Segment
from bms.storage.sqlite import store_errors
from bms.texts.messages import msg

ROWS_AT_ONCE: Final = 256
LATE_ROWS: Final = 10_000
SAMPLES_AT_ONCE: Final = 750_000
"""Most samples in order at once. A quarter hour of 5,000 samples a second took 370 MiB with twice
as many."""


class LogView:
    """The log of a history as columns. Every method raises StoreError."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self._path = path

    def _all(self, sql: str, *arguments: int) -> list[Any]:
        with store_errors(self._path):
            return self._connection.execute(sql, arguments).fetchall()

    def _one(self, sql: str, *arguments: int) -> int | None:
        rows = self._all(sql, *arguments)
        found: int | None = rows[0][0] if rows else None
        return found

    def _widest_ms(self) -> int:
        return self._one("SELECT widest_ms FROM about") or 0

    def sessions(self) -> Sessions:
        rows = self._all("SELECT begun_ms, seen_ms FROM session ORDER BY begun_ms, id")
        return Sessions(
            np.array([begun for begun, _ in rows], np.int64),
            np.array([seen for _, seen in rows], np.int64),
        )

    def whole(self) -> bool:
        """Whether no row was ever deleted."""
        first, last = self._one("SELECT min(seq) FROM log"), self.last_seq()
        return first == 1 or last == 0

    def last_seq(self) -> int:
        """The newest row there ever was."""
        return self._one("SELECT seq FROM sqlite_sequence WHERE name = 'log'") or 0

    def seen_ms(self) -> int:
        """Until when it was recorded; 0 before the first time."""
        return self._one("SELECT max(seen_ms) FROM session") or 0

    def first_ms(self, after_ms: int | None = None) -> int | None:
        """The earliest sample, or (roughly) the earliest from `after_ms` on."""
        if after_ms is None:
            return self._one("SELECT min(t0) FROM log")
        return self._one("SELECT min(t0) FROM log WHERE t0 >= ?", after_ms)

    def next_ms(self, seq: int) -> int | None:
        """The earliest sample of the row after `seq`."""
        return self._one("SELECT t0 FROM log WHERE seq > ? ORDER BY seq LIMIT 1", seq)

    def any_between(self, start_ms: int, end_ms: int) -> bool:
        """Whether a row may have samples from `start_ms` to before `end_ms`."""
        sql = "SELECT 1 FROM log WHERE t0 BETWEEN ? AND ? AND t1 >= ? LIMIT 1"
        return bool(self._all(sql, start_ms - self._widest_ms(), end_ms - 1, start_ms))

    def last_before(self, seq: int, start_ms: int, end_ms: int) -> int:
        """The row up to which a pass over that range takes the log; at least `seq`.

        It takes all that was recorded of the range, however far ahead a clock once was between,
        and whatever came late directly after `seq`.
        """
        sql = "SELECT max(seq) FROM log WHERE t0 BETWEEN ? AND ?"
        last = self._one(sql, start_ms - self._widest_ms(), end_ms - 1) or 0
        late = seq
        for number, t0 in self._all(
            "SELECT seq, t0 FROM log WHERE seq > ? ORDER BY seq LIMIT ?", seq, LATE_ROWS
        ):
            if t0 >= end_ms:
                break
            late = number
        return max(seq, last, late)

    def bytes_until(self, progress: Progress) -> int:
        """About how large the rows are that a prune may delete."""
        if progress.horizon_ms is None:
            return 0
        sql = "SELECT sum(length(blob)) FROM log WHERE seq <= ? AND t1 < ?"
        return self._one(sql, progress.seq, progress.horizon_ms) or 0

    def pending(self, seq: int, last: int, horizon_ms: int) -> tuple[list[int], int]:
        """The rows after `seq` up to `last`, those before with samples not yet taken; how many."""
        rows = self._all("SELECT seq, n FROM log WHERE seq > ? AND seq <= ?", seq, last)
        rows += self._all(
            "SELECT seq, n FROM log WHERE t0 >= ? AND t1 >= ? AND seq <= ?",
            horizon_ms - self._widest_ms(),
            horizon_ms,
            seq,
        )
        return sorted(number for number, _ in rows), sum(n for _, n in rows)

    def fresh(
        self, progress: Progress, start_ms: int, end_ms: int, series: Ints | None = None
    ) -> Iterator[tuple[int, Samples]]:
        """Row number and samples of the range that are not in segments yet, in recorded order."""
        horizon = progress.horizon_ms
        rule = "t0 BETWEEN ? AND ? AND t1 >= ?"
        arguments = [start_ms - self._widest_ms(), end_ms - 1, start_ms]
        if horizon is not None:
            rule, arguments = (
                f"{rule} AND (seq > ? OR t1 >= ?)",
                [*arguments, progress.seq, horizon],
            )
        found = self._all(f"SELECT seq FROM log WHERE {rule} ORDER BY seq", *arguments)
        for seq, rows in self.rows([number for (number,) in found], series):
            use = (rows.times_ms >= start_ms) & (rows.times_ms < end_ms)
            if horizon is not None and seq <= progress.seq:
                use &= rows.times_ms >= horizon
            if use.any():
                yield seq, rows if use.all() else rows.where(use)

    def rows(
        self, numbers: Sequence[int], series: Ints | None = None
    ) -> Iterator[tuple[int, Samples]]:
        """Decoded rows, all samples or those of some series. One deleted meanwhile is left out."""
        for first in range(0, len(numbers), ROWS_AT_ONCE):
            part = numbers[first : first + ROWS_AT_ONCE]
            marks = ",".join("?" * len(part))
            sql = f"SELECT seq, t0, blob FROM log WHERE seq IN ({marks}) ORDER BY seq"
            for seq, t0, blob in self._all(sql, *part):
                try:
                    yield seq, samples_of(blob, t0, series)
                except DamagedBlob as error:
                    damage = damaged_row(seq, error)
                    raise StoreError(
                        msg("{path}: {problem}", path=self._path, problem=damage)
                    ) from error


def samples_of(blob: bytes, t0: int, series: Ints | None = None) -> Samples:
    """The samples of a log blob; raises DamagedBlob."""
    columns = decode(blob)
    ids = np.frombuffer(columns.series, np.uint32).astype(np.int64)
    use: Ints | slice = slice(None)
    if series is not None:
        use = np.flatnonzero(ids == series[0] if len(series) == 1 else np.isin(ids, series))
        if not len(use):
            return NOTHING
    return Samples(
        ids[use],
        np.frombuffer(columns.after_ms, np.uint64).astype(np.int64)[use] + t0,
        np.frombuffer(columns.values, np.float64)[use],
        np.frombuffer(columns.status, np.uint8).astype(np.int64)[use],
    )


def segment_samples(
    directory: Path,
    segments: Sequence[Segment],
    start_ms: int,
    end_ms: int,
    series: Collection[int] | None,
) -> Samples:
    """The samples of some series in segments, first recorded first. A lost file is a gap here."""
    parts = []
    for segment in sorted(segments, key=lambda s: s.last_seq):
        if segment.t1 >= start_ms and segment.t0 < end_ms:
            try:
                parts.append(columns_of(read_series(directory, segment, series), start_ms, end_ms))
            except FileNotFoundError:
                continue
    return Samples.joined(parts)


def whole_series(
    directory: Path, segments: Sequence[Segment], start_ms: int, end_ms: int
) -> Iterator[Samples]:
    """The samples of all series in order, so many whole series at a time as memory allows."""
    near = [s for s in segments if s.t1 >= start_ms and s.t0 < end_ms]
    numbers: set[int] = set()
    for segment in near:
        numbers.update(series_in(directory, segment))
    ordered = sorted(numbers)
    total = sum(s.samples for s in near) or 1
    at_once = max(1, SAMPLES_AT_ONCE * len(ordered) // total)
    for at in range(0, len(ordered), at_once):
        some = ordered[at : at + at_once]
        samples = segment_samples(directory, near, start_ms, end_ms, some).in_order()
        if len(samples):
            yield samples


def counted(directory: Path, segment: Segment, edges_ms: Collection[int]) -> GivenUp:
    """How many samples a segment has by series and quarter hour, split at `edges_ms` too.

    Raises FileNotFoundError if it is gone, StoreError if it is damaged.
    """
    extra = np.array(sorted(edges_ms), np.int64)
    columns: list[list[Ints]] = [[], [], [], [], []]
    for number, times, values, status in read_series(directory, segment):
        part = times // QUARTER_MS * (len(extra) + 1) + np.searchsorted(extra, times, side="right")
        at = np.flatnonzero(np.concatenate(([True], part[1:] != part[:-1])))
        ends = np.append(at[1:], len(times))
        finite = finite_numbers(values, status)
        for column, found in zip(
            columns,
            (
                np.full(len(at), number, np.int64),
                times[at],
                times[ends - 1],
                ends - at,
                np.add.reduceat(finite.astype(np.int64), at),
            ),
            strict=True,
        ):
            column.append(found)
    return GivenUp(segment.group, *(np.concatenate(column) for column in columns))


def stored(
    directory: Path, roll: RollDb, start_ms: int, end_ms: int, series: Collection[int]
) -> tuple[Samples, list[GivenUp]]:
    """The samples of some series in segments, by series and time, and those given up."""
    while True:
        lost = roll.given_up(start_ms, end_ms)
        segments = roll.segments(start_ms, end_ms)
        found = segment_samples(directory, segments, start_ms, end_ms, series).in_order()
        # Merged or given up meanwhile: a sample must be seen once, in one of both places.
        names = [s.name for s in roll.segments(start_ms, end_ms)]
        if names == [s.name for s in segments]:
            return found, lost


def raw(
    directory: Path,
    roll: RollDb | None,
    log: LogView,
    start_ms: int,
    end_ms: int,
    series: Collection[int],
) -> Samples:
    """All samples of some series from `start_ms` to before `end_ms`, by series and time."""
    if not series:
        return NOTHING
    for attempt in range(3):
        # The manifest first: what is compacted after this look is still in the log.
        progress = Progress() if roll is None else roll.progress()
        segments = [] if roll is None else roll.segments(start_ms, end_ms)
        wanted = np.array(sorted(series), np.int64)
        fresh = [rows for _, rows in log.fresh(progress, start_ms, end_ms, wanted)]
        gone = [s for s in segments if not (directory / s.name).exists()]
        if not gone or attempt == 2:
            break
        # Merged or given up since we looked: look again. A file that is really lost is a gap.
    old = segment_samples(directory, segments, start_ms, end_ms, series)
    return Samples.joined([old, *fresh]).in_order()


def samples_between(
    directory: Path, log: LogView, history: str, series: int, start_ms: int, end_ms: int
) -> Iterator[tuple[int, float, int]]:
    """Time, number and status of one series' samples, both ends included, by time."""
    roll = None
    if (directory / ROLL_FILE).exists():
        roll = RollDb(directory, history, read_only=True)
    try:
        found = raw(directory, roll, log, start_ms, end_ms + 1, [series])
    finally:
        if roll is not None:
            roll.connection.close()
    return zip(found.times_ms.tolist(), found.values.tolist(), found.status.tolist(), strict=True)
