"""`roll.db`: quarter hours and days of every point, and what the raw segments are.

New quarter hours are appended as *blocks* (columns over all points), numbered row by row: the
stream that sinks copy, and the place where the open day is read. Once a day is over, its rows are
gathered by series (`q15`, one blob per series and *tile* of time), for long queries; `merged` says
up to which number the rows of a tile are in there. `day` holds one row per series and date of the
base's zone.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date
from typing import Any, Final

import numpy as np

from bms.historian.files.roll_manifest import RollManifest
from bms.historian.formats.columns import Ints, pack
from bms.historian.formats.rollups import (
    ADDED,
    NONE,
    QUARTER_MS,
    Rollups,
    summed,
)
from bms.texts.messages import msg

BLOCK_ROWS: Final = 8192
SERIES_AT_ONCE: Final = 500


class RollDb(RollManifest):
    """The roll-up database of one state directory. A context manager; one thread at a time.

    `history` is the identity of the history it belongs to; one made from another is refused.
    """

    # --- the stream --------------------------------------------------------------------------

    def append(self, rows: Rollups, dates: Ints) -> None:
        """Number and append rows with their local dates (ordinals). Within a transaction."""
        number = self.progress().rows
        for first in range(0, len(rows), BLOCK_ROWS):
            part = slice(first, first + BLOCK_ROWS)
            block = rows.where(part)
            blob = pack([*block.columns(), dates[part]])
            start, end = int(block.start_ms.min()), int(block.start_ms.max())
            self.connection.execute(
                "INSERT INTO block VALUES (?, ?, ?, ?, ?)",
                (number + 1, len(block), start, end, blob),
            )
            number += len(block)
        self.connection.execute("UPDATE about SET rows = ?", (number,))

    def numbered(self, after: int, limit: int) -> tuple[int, Rollups, Ints]:
        """The first number, the rows and their dates: of the next rows after `after`, some.

        At least one row if there is any, at most `limit`. Rows that were already given up (they
        are in `q15`) are passed over.
        """
        found = self.rows_of(
            "SELECT first, blob FROM block WHERE first + n > ? ORDER BY first LIMIT 1", after + 1
        )
        if not found:
            return after + 1, NONE, np.empty(0, np.int64)
        first, blob = found[0]
        *columns, dates = self.unpacked(blob, msg("block {number}", number=first))
        skip = max(0, after + 1 - first)
        part = slice(skip, skip + limit)
        return first + skip, Rollups.of(columns).where(part), dates.view(np.int64)[part]

    # --- quarter hours by series -------------------------------------------------------------

    def quarters(
        self, start_ms: int, end_ms: int, series: Collection[int] | None = None
    ) -> Rollups:
        """Each quarter hour that starts from `start_ms` to before `end_ms`, revisions summed."""
        wanted = None if series is None else np.array(sorted(series), np.int64)
        tiles = self.rows_of(
            "SELECT t0, t1, last FROM merged WHERE t0 < ? AND t1 > ? ORDER BY t0", end_ms, start_ms
        )
        parts = [self._gathered(start_ms, end_ms, wanted, tiles)]
        starts = np.array([t0 for t0, _, _ in tiles], np.int64)
        ends = np.array([t1 for _, t1, _ in tiles], np.int64)
        lasts = np.array([last for *_, last in tiles], np.int64)
        least = 0
        if len(tiles) and (starts[1:] == ends[:-1]).all():
            least = int(lasts.min())
        for first, n, t0, t1, blob in self.rows_of(
            "SELECT first, n, t0, t1, blob FROM block WHERE t0 < ? AND t1 >= ? ORDER BY first",
            end_ms,
            start_ms,
        ):
            if first + n - 1 <= least and t0 >= starts[0] and t1 < ends[-1]:
                continue
            rows = Rollups.of(self.unpacked(blob, msg("block {number}", number=first))[:-1])
            use = (rows.start_ms >= start_ms) & (rows.start_ms < end_ms)
            if len(tiles):
                tile = np.searchsorted(starts, rows.start_ms, side="right") - 1
                known = (tile >= 0) & (rows.start_ms < ends[tile])
                use &= ~(known & (first + np.arange(n) <= lasts[tile]))
            if wanted is not None:
                use &= np.isin(rows.series, wanted)
            if use.any():
                parts.append(rows.where(use))
        parts = [part for part in parts if len(part)]
        if not parts:
            return NONE
        rows = Rollups.joined(parts)
        return summed(rows, [rows.series, rows.start_ms], revisions=True)

    def _gathered(
        self, start_ms: int, end_ms: int, wanted: Ints | None, tiles: Sequence[tuple[int, int, int]]
    ) -> Rollups:
        if not tiles:
            return NONE
        parts = []
        rule = "t0 >= ? AND t0 < ? AND t1 > ?"
        arguments = [tiles[0][0], end_ms, start_ms]
        if wanted is None:
            found = self.rows_of(f"SELECT series, t0, blob FROM q15 WHERE {rule}", *arguments)
        else:
            found = []
            for number in wanted.tolist():
                found += self.rows_of(
                    f"SELECT series, t0, blob FROM q15 WHERE series = ? AND {rule}",
                    number,
                    *arguments,
                )
        for number, t0, blob in found:
            offset, *columns = self.unpacked(
                blob, msg("series {number} from {start_ms}", number=number, start_ms=t0)
            )
            start = t0 + offset.view(np.int64) * QUARTER_MS
            rows = Rollups.of([np.full(len(start), number, np.int64), start, *columns])
            if t0 < start_ms or int(start[-1]) >= end_ms:
                rows = rows.where((start >= start_ms) & (start < end_ms))
            parts.append(rows)
        return Rollups.joined(parts) if parts else NONE

    def unnumbered(self, start_ms: int, end_ms: int, series: Collection[int]) -> Rollups:
        """The quarter hours of [start, end) that are no longer numbered, summed.

        `rev` is the newest revision in the sum.
        """
        rows = self.quarters(start_ms, end_ms, series)
        wanted = np.array(sorted(series), np.int64)
        numbered = []
        for number, blob in self.rows_of(
            "SELECT first, blob FROM block WHERE t0 < ? AND t1 >= ?", end_ms, start_ms
        ):
            block = Rollups.of(self.unpacked(blob, msg("block {number}", number=number))[:-1])
            use = (block.start_ms >= start_ms) & (block.start_ms < end_ms)
            numbered.append(block.where(use & np.isin(block.series, wanted)))
        if not len(rows) or not any(map(len, numbered)):
            return rows
        columns = {n: c.copy() for n, c in zip(Rollups.__slots__, rows.columns(), strict=True)}
        place = {key: i for i, key in enumerate(_keys(rows))}
        keep = np.ones(len(rows), np.bool_)
        for block in numbered:
            for i, key in enumerate(_keys(block)):
                at = place.get(key)
                if at is None:
                    continue
                if block.rev[i] == 0:  # all of it is numbered
                    keep[at] = False
                    continue
                columns["rev"][at] = min(columns["rev"][at], block.rev[i] - 1)
                for name in ADDED:
                    columns[name][at] -= getattr(block, name)[i]
        return Rollups.of(list(columns.values())).where(keep)

    def gather(self, t0: int, t1: int, rows: Rollups) -> None:
        """Put the quarter hours of some series in one tile (`merge` marks it). In a transaction."""
        if not len(rows):
            return
        at = np.flatnonzero(np.concatenate(([True], rows.series[1:] != rows.series[:-1])))
        ends = np.append(at[1:], len(rows)).tolist()
        for first, end in zip(at.tolist(), ends, strict=True):
            part = rows.where(slice(first, end))
            with np.errstate(invalid="ignore"):
                least, most = np.fmin.reduce(part.minimum), np.fmax.reduce(part.maximum)
            blob = pack([(part.start_ms - t0) // QUARTER_MS, *part.columns()[2:]], level=1)
            self.connection.execute(
                "INSERT OR REPLACE INTO q15 (series, t0, t1, n, integral, covered_s, minimum, "
                "maximum, blob) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    int(part.series[0]),
                    t0,
                    t1,
                    int(part.n.sum()),
                    float(part.integral.sum()),
                    float(part.covered_s.sum()),
                    _number(least),
                    _number(most),
                    blob,
                ),
            )

    def merge(self, t0: int, t1: int, last: int) -> None:
        """Say that the rows of a tile up to number `last` are gathered. Within a transaction."""
        self.connection.execute("INSERT OR REPLACE INTO merged VALUES (?, ?, ?)", (t0, t1, last))

    def tiles(self) -> list[tuple[int, int, int]]:
        """Start, end and last number of all tiles, oldest first."""
        return self.rows_of("SELECT t0, t1, last FROM merged ORDER BY t0")

    def changed_since(self, t0: int, t1: int, last: int) -> list[int]:
        """Series with rows after number `last` whose quarter hour lies in the tile."""
        series: set[int] = set()
        for first, n, blob in self.rows_of(
            "SELECT first, n, blob FROM block WHERE first + n > ? AND t0 < ? AND t1 >= ?",
            last + 1,
            t1,
            t0,
        ):
            rows = Rollups.of(self.unpacked(blob, msg("block {number}", number=first))[:-1])
            use = (rows.start_ms >= t0) & (rows.start_ms < t1) & (first + np.arange(n) > last)
            series.update(rows.series[use].tolist())
        return sorted(series)

    def first_start(self) -> int | None:
        """The earliest quarter hour in the blocks."""
        found: int | None = self.rows_of("SELECT min(t0) FROM block")[0][0]
        return found

    # --- days --------------------------------------------------------------------------------

    def put_days(self, rows: Rollups, dates: Ints) -> None:
        """Replace day rows; `dates` are ordinals, one per row. Within a transaction."""
        columns = [column.tolist() for column in rows.columns()]
        self.connection.executemany(
            "INSERT OR REPLACE INTO day VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (series, day, *(_number(value) for value in rest))
                for day, series, *rest in zip(dates.tolist(), *columns, strict=True)
            ],
        )

    def days(
        self, first: date, last: date, series: Collection[int] | None = None
    ) -> tuple[Ints, Rollups]:
        """Dates (ordinals) and rows of the days from `first` to `last`, by series and date."""
        ends = first.toordinal(), last.toordinal()
        found: list[Any] = []
        if series is None:
            sql = "SELECT * FROM day WHERE date BETWEEN ? AND ? ORDER BY series, date"
            found = self.rows_of(sql, *ends)
        else:
            for number in sorted(series):
                sql = "SELECT * FROM day WHERE series = ? AND date BETWEEN ? AND ? ORDER BY date"
                found += self.rows_of(sql, number, *ends)
        if not found:
            return np.empty(0, np.int64), NONE
        numbers, dates, *rest = zip(*found, strict=True)
        floats = (False, False, False, True, True, True, True, True, True, False)
        return np.array(dates, np.int64), Rollups.of(
            [
                np.array(numbers, np.int64),
                *(
                    np.array(column, np.float64 if real else np.int64)
                    for column, real in zip(rest, floats, strict=True)
                ),
            ]
        )

    def last_day(self) -> date | None:
        """The newest date that has rows."""
        found = self.rows_of("SELECT max(date) FROM day")[0][0]
        return None if found is None else date.fromordinal(found)

    # --- what is kept ------------------------------------------------------------------------

    def prune(self, blocks_before_ms: int, quarters_before_ms: int) -> None:
        """Delete gathered blocks and quarter hours that are old enough. Within a transaction."""
        first_ms, end_ms = self.rows_of("SELECT min(t0), max(t1) FROM merged")[0]
        if first_ms is not None:
            self.connection.execute(
                "DELETE FROM block WHERE t0 >= ? AND t1 < ?",
                (first_ms, min(blocks_before_ms, end_ms)),
            )
        self.connection.execute("DELETE FROM q15 WHERE t1 < ?", (quarters_before_ms,))
        self.connection.execute("DELETE FROM merged WHERE t1 < ?", (quarters_before_ms,))


def _keys(rows: Rollups) -> list[tuple[int, int]]:
    return list(zip(rows.series.tolist(), rows.start_ms.tolist(), strict=True))


def _number(value: Any) -> Any:
    """A plain number for SQLite; None for NaN."""
    if isinstance(value, int):
        return value
    number = float(value)
    return None if number != number else number
