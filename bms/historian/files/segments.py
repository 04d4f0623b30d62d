"""Files of raw samples that never change: `raw-<from>-<group>.db`, one chunk per series.

A segment is written whole under another name, synced, and renamed. So it is there entirely or not
at all whenever the power fails (with the directory synced after it, 300 of 300 replayed power cuts
lost nothing). The manifest in `roll.db` says which segments count; a file that is not in it is a
leftover. Points of different groups lie in different files: giving up a group, or a day, is an
unlink, which works on a full disk.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Collection, Iterable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import numpy as np

from bms.core.errors import DiskError, StoreError
from bms.historian.formats.columns import DamagedColumns, Floats, Ints, pack, unpack
from bms.historian.formats.rollups import Samples
from bms.historian.manifest import ANALOG, Segment
from bms.storage.durable import open_file, sync_directory
from bms.storage.sqlite import Layout, open_database, store_errors
from bms.texts.messages import msg
from bms.texts.system_errors import os_cause

LAYOUT: Final = Layout(
    msg("raw history"),
    0x424D5352,  # "BMSR"
    1,
    """
CREATE TABLE chunk (series INTEGER PRIMARY KEY, t0 INTEGER NOT NULL, t1 INTEGER NOT NULL,
    n INTEGER NOT NULL, minimum REAL, maximum REAL, total REAL, blob BLOB NOT NULL)
""",
)
VARIABLES_AT_ONCE = 500


class SegmentWriter:
    """Writes one segment. `add` each series once, then `finish`; without it nothing remains."""

    def __init__(
        self, directory: Path, group: str, start_ms: int, last_seq: int, *, whole: bool = False
    ) -> None:
        """`whole`: it holds all there is of the group on that day of UTC, and replaces the rest."""
        start = datetime.fromtimestamp(start_ms / 1000, UTC)
        # The sequence number makes the name of late samples, or of a redone pass, its own.
        name = f"{start:%Y%m%d}-{group}" if whole else f"{start:%Y%m%dT%H%M}-{group}-{last_seq}"
        self._path = directory / f"raw-{name}.db"
        self._draft = Path(f"{self._path}.new")
        self._group = group
        self._last_seq = last_seq
        self._t0: int | None = None
        self._t1 = self._samples = 0
        try:
            self._draft.unlink(missing_ok=True)
            os.close(open_file(self._draft))
        except OSError as error:
            raise DiskError(
                msg("{file}: {cause}", file=self._draft, cause=os_cause(error))
            ) from error
        with store_errors(self._draft):
            self._connection = sqlite3.connect(self._draft, isolation_level=None)
            # No journal: a draft that breaks off is thrown away.
            self._connection.executescript(
                f"PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; BEGIN;"
                f"PRAGMA application_id={LAYOUT.application_id};"
                f"PRAGMA user_version={LAYOUT.version}; {LAYOUT.ddl};"
            )

    def add(self, series: int, times_ms: Ints, values: Floats, status: Ints) -> None:
        """The samples of one series, in order of time; not empty."""
        t0, t1 = int(times_ms[0]), int(times_ms[-1])
        numbers = values[np.isfinite(values)]
        blob = pack([times_ms, values, status])
        row = (
            series,
            t0,
            t1,
            len(times_ms),
            float(numbers.min()) if len(numbers) else None,
            float(numbers.max()) if len(numbers) else None,
            float(numbers.sum()) if len(numbers) else None,
            blob,
        )
        with store_errors(self._draft):
            self._connection.execute("INSERT INTO chunk VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
        self._t0 = t0 if self._t0 is None else min(self._t0, t0)
        self._t1 = max(self._t1, t1)
        self._samples += len(times_ms)

    def finish(self) -> Segment | None:
        """Sync and rename; the segment, or None (and no file) if nothing was added.

        The directory is not synced: `sync_directory` once, before the manifest names the file.
        """
        if self._t0 is None:
            self.drop()
            return None
        with store_errors(self._draft):
            self._connection.execute("COMMIT")
            self._connection.close()
        try:
            handle = os.open(self._draft, os.O_RDONLY)
            try:
                os.fsync(handle)
                size = os.fstat(handle).st_size
            finally:
                os.close(handle)
            self._draft.rename(self._path)
        except OSError as error:
            raise DiskError(
                msg("{path}: cannot be written: {error}", path=self._path, error=os_cause(error))
            ) from error
        return Segment(
            self._path.name,
            self._group,
            self._t0,
            self._t1,
            self._samples,
            size,
            self._last_seq,
        )

    def drop(self) -> None:
        """Leave nothing behind."""
        self._connection.close()
        self._draft.unlink(missing_ok=True)


def read_series(
    directory: Path, segment: Segment, series: Collection[int] | None = None
) -> Iterator[tuple[int, Ints, Floats, Ints]]:
    """Series, times, values and status of the chunks of a segment, all or those asked for.

    Raises FileNotFoundError if the segment is gone, StoreError if it is damaged.
    """
    path = whole(directory / segment.name)
    with closing(open_database(path, LAYOUT, read_only=True, immutable=True)) as connection:
        for number, blob in _chunks(connection, path, series):
            try:
                times, values, status = unpack(blob)
            except (DamagedColumns, ValueError) as error:
                raise StoreError(
                    msg(
                        "{path}: series {number} is damaged: {error}",
                        path=path,
                        number=number,
                        error=error,
                    )
                ) from error
            yield number, times.view(np.int64), values.view(np.float64), status.view(np.int64)


def whole(path: Path) -> Path:
    """A segment's file, if nothing of it was cut off.

    SQLite reads what is cut off as zeros, and finds nothing wrong with that. Raises
    FileNotFoundError, StoreError.
    """
    with path.open("rb") as file:
        header = file.read(32)
        size = os.fstat(file.fileno()).st_size
    # https://www.sqlite.org/fileformat.html: page size (1 is 65,536), pages
    page = int.from_bytes(header[16:18], "big")
    written = (65_536 if page == 1 else page) * int.from_bytes(header[28:32], "big")
    if header.startswith(b"SQLite format 3") and size < written:
        raise StoreError(
            msg(
                "{path}: the file is damaged: it has {size_bytes} bytes, {written_bytes} were "
                "written; restore it from a backup, or move it away: its samples are then a gap",
                path=path,
                size_bytes=size,
                written_bytes=written,
            )
        )
    return path


def _chunks(
    connection: sqlite3.Connection, path: Path, series: Collection[int] | None
) -> Iterator[tuple[int, bytes]]:
    with store_errors(path):
        if series is None:
            yield from connection.execute("SELECT series, blob FROM chunk ORDER BY series")
            return
        wanted = sorted(series)
        for first in range(0, len(wanted), VARIABLES_AT_ONCE):
            part = wanted[first : first + VARIABLES_AT_ONCE]
            marks = ",".join("?" * len(part))
            yield from connection.execute(
                f"SELECT series, blob FROM chunk WHERE series IN ({marks}) ORDER BY series", part
            )


def series_in(directory: Path, segment: Segment) -> list[int]:
    """Which series a segment holds; raises as `read_series` does."""
    path = whole(directory / segment.name)
    with (
        closing(open_database(path, LAYOUT, read_only=True, immutable=True)) as connection,
        store_errors(path),
    ):
        return [number for (number,) in connection.execute("SELECT series FROM chunk")]


def write_segments(
    directory: Path,
    groups: dict[str, SegmentWriter],
    samples: Samples,
    group_by_series: dict[int, str],
    start_ms: int,
    last_seq: int,
) -> None:
    """Add samples, which are in order, to the segments of their groups, made when first needed."""
    if not len(samples):
        return
    at = np.flatnonzero(np.concatenate(([True], samples.series[1:] != samples.series[:-1])))
    ends = np.append(at[1:], len(samples)).tolist()
    for first, end in zip(at.tolist(), ends, strict=True):
        number = int(samples.series[first])
        group = group_by_series.get(number, ANALOG)
        writer = groups.get(group)
        if writer is None:
            writer = groups[group] = SegmentWriter(directory, group, start_ms, last_seq)
        part = slice(first, end)
        writer.add(number, samples.times_ms[part], samples.values[part], samples.status[part])


def finish_segments(directory: Path, groups: Iterable[SegmentWriter]) -> list[Segment]:
    """Make all of them durable; the manifest may name them afterwards."""
    made = [segment for writer in groups if (segment := writer.finish()) is not None]
    if made:
        sync_directory(directory)
    return made


def columns_of(
    chunks: Iterable[tuple[int, Ints, Floats, Ints]], start_ms: int, end_ms: int
) -> Samples:
    """What `read_series` yields as one, from `start_ms` to before `end_ms`."""
    parts = []
    for number, times, values, status in chunks:
        a, b = np.searchsorted(times, (start_ms, end_ms))
        if a < b:
            ids = np.full(b - a, number, np.int64)
            parts.append(Samples(ids, times[a:b], values[a:b], status[a:b]))
    return Samples.joined(parts)
