"""`roll.db`: how far the log is compacted, and which raw segments there are, and were."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import astuple
from pathlib import Path
from typing import Any

import numpy as np

from bms.core.errors import StoreError, UnusableFile
from bms.historian.files.roll_layout import FILE_NAME, LAYOUT, GivenUp, Progress
from bms.historian.formats.columns import DamagedColumns, pack, unpack
from bms.historian.formats.rollups import (
    NOTHING,
    Samples,
)
from bms.historian.manifest import Segment
from bms.historian.records import Dropped, from_ms, to_ms
from bms.storage.sqlite import Closing, open_database, store_errors, transaction
from bms.texts.messages import made_of, msg, remade


class RollManifest(Closing):
    """What `roll.db` says of the raw files and of how far the log is compacted.

    `history` is the identity of the history it belongs to; one made from another is refused.
    """

    def __init__(self, directory: Path, history: str, *, read_only: bool = False) -> None:
        self.path = directory / FILE_NAME
        self.connection = open_database(self.path, LAYOUT, read_only=read_only)
        try:
            found = self.rows_of("SELECT history FROM about")[0][0]
            if found == "" and not read_only:
                with self.transaction():
                    self.connection.execute("UPDATE about SET history = ?", (history,))
            elif found not in ("", history):
                other = msg(
                    "{path} was made from another history.db; put back the one that belongs "
                    "to it, or move roll.db and raw-*.db away to make them again from what "
                    "is there",
                    path=self.path,
                )
                raise UnusableFile(other, self.path, "misplaced")
        except BaseException:
            self.connection.close()
            raise

    def close(self) -> None:
        self.connection.close()

    def transaction(self) -> Any:
        return transaction(self.connection, self.path)

    def rows_of(self, sql: str, *arguments: Any) -> list[Any]:
        with store_errors(self.path):
            return self.connection.execute(sql, arguments).fetchall()

    # --- progress and manifest ---------------------------------------------------------------

    def progress(self) -> Progress:
        return Progress(*self.rows_of("SELECT seq, horizon_ms, rows FROM about")[0])

    def held(self) -> Samples:
        """The last sample of each series before the horizon: what may still hold after it."""
        blob = self.rows_of("SELECT held FROM about")[0][0]
        return NOTHING if blob is None else Samples(*self.unpacked(blob, msg("the held values")))

    def advance(self, seq: int, horizon_ms: int, held: Samples) -> None:
        """Within a transaction."""
        blob = pack([held.series, held.times_ms, held.values, held.status])
        self.connection.execute(
            "UPDATE about SET seq = ?, horizon_ms = ?, held = ?", (seq, horizon_ms, blob)
        )

    def restoring(self) -> tuple[int, int] | None:
        """The time whose roll-ups have still to be made from segments."""
        rows = self.rows_of("SELECT from_ms, until_ms FROM restoring WHERE from_ms < until_ms")
        return (int(rows[0][0]), int(rows[0][1])) if rows else None

    def put_restoring(self, from_ms: int, until_ms: int) -> None:
        """Within a transaction."""
        self.connection.execute(
            "INSERT OR REPLACE INTO restoring VALUES (1, ?, ?)", (from_ms, until_ms)
        )

    def segments(self, start_ms: int | None = None, end_ms: int | None = None) -> list[Segment]:
        """Those with samples from `start_ms` to before `end_ms`, oldest first."""
        rows = self.rows_of(
            "SELECT name, grp, t0, t1, samples, bytes, last_seq FROM segment "
            "WHERE (?1 IS NULL OR t1 >= ?1) AND (?2 IS NULL OR t0 < ?2) ORDER BY t0, last_seq",
            start_ms,
            end_ms,
        )
        return [Segment(*row) for row in rows]

    def put_segments(self, made: Iterable[Segment], gone: Iterable[Segment] = ()) -> None:
        """Within a transaction."""
        self.connection.executemany(
            "DELETE FROM segment WHERE name = ?", [(segment.name,) for segment in gone]
        )
        self.connection.executemany(
            "INSERT OR REPLACE INTO segment VALUES (?, ?, ?, ?, ?, ?, ?)",
            [astuple(segment) for segment in made],
        )

    def note_dropped(self, dropped: Dropped) -> None:
        """Within a transaction."""
        d = dropped
        self.connection.execute(
            "INSERT INTO dropped (time_ms, grp, t0, t1, samples, bytes, reason, made_of) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                to_ms(d.time),
                d.group,
                to_ms(d.start),
                to_ms(d.end),
                d.samples,
                d.bytes,
                d.reason,
                made_of(d.reason),
            ),
        )

    def note_given_up(self, counts: GivenUp) -> None:
        """Within a transaction."""
        columns = [counts.series, counts.start_ms, counts.end_ms, counts.samples, counts.numbers]
        if len(counts.series):
            self.connection.execute(
                "INSERT INTO given_up (t0, t1, grp, blob) VALUES (?, ?, ?, ?)",
                (
                    int(counts.start_ms.min()),
                    int(counts.end_ms.max()),
                    counts.group,
                    pack(columns),
                ),
            )

    def given_up(self, start_ms: int, end_ms: int) -> list[GivenUp]:
        """What was given up of the time from `start_ms` to before `end_ms`, by segment."""
        return [
            GivenUp(
                group,
                *(
                    c.view(np.int64)
                    for c in self.unpacked(blob, msg("counts {number}", number=number))
                ),
            )
            for number, group, blob in self.rows_of(
                "SELECT id, grp, blob FROM given_up WHERE t1 >= ? AND t0 < ? ORDER BY id",
                start_ms,
                end_ms,
            )
        ]

    def dropped(self, start_ms: int, end_ms: int) -> list[Dropped]:
        rows = self.rows_of(
            "SELECT time_ms, grp, t0, t1, samples, bytes, reason, made_of FROM dropped "
            "WHERE t1 >= ? AND t0 < ? ORDER BY t0, id",
            start_ms,
            end_ms,
        )
        return [
            Dropped(from_ms(at), group, from_ms(a), from_ms(b), n, size, remade(*why))
            for at, group, a, b, n, size, *why in rows
        ]

    def unpacked(self, blob: bytes, what: str) -> list[Any]:
        try:
            return list(unpack(blob))
        except DamagedColumns as error:
            raise StoreError(
                msg(
                    "{path}: {block}: the columns are damaged: {error}",
                    path=self.path,
                    block=what,
                    error=error,
                )
            ) from error
