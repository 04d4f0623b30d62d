"""A ledger and roll-ups in SQLite, with the interfaces that sinks know, for tests of the copy."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from pathlib import Path

from bms.core.readings import Label
from bms.forward.streams.outgoing import Outgoing
from bms.forward.streams.sources import Sources
from bms.historian.streams import EnergyRow, RollupRow

FILE_NAME = "rows.db"


class Rows:
    """Append-only energy and roll-up rows of one directory."""

    def __init__(self, directory: Path) -> None:
        self._db = sqlite3.connect(
            directory / FILE_NAME, isolation_level=None, check_same_thread=False
        )
        self._db.executescript(
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"
            "CREATE TABLE IF NOT EXISTS energy (seq INTEGER PRIMARY KEY, meter, start_ms, "
            "numerator, denominator, label, rev, day);"
            "CREATE TABLE IF NOT EXISTS rollup (seq INTEGER PRIMARY KEY, point, start_ms, rev, n, "
            "integral, covered_s, minimum, maximum, last, on_s, switches, day);"
        )

    def close(self) -> None:
        self._db.close()

    def add_energy(self, rows: Iterable[EnergyRow]) -> None:
        self._db.execute("BEGIN")
        self._db.executemany(
            "INSERT INTO energy VALUES (NULL, ?, ?, ?, ?, ?, ?, ?)",
            [
                (r.meter, r.start_ms, *r.amount.as_integer_ratio(), r.label.value, r.rev,
                 r.local_date.isoformat())
                for r in rows
            ],
        )  # fmt: skip
        self._db.execute("COMMIT")

    def add_rollups(self, rows: Iterable[RollupRow]) -> None:
        self._db.execute("BEGIN")
        self._db.executemany(
            "INSERT INTO rollup VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (r.point, r.start_ms, r.rev, r.n, r.integral, r.covered_s, r.minimum, r.maximum,
                 r.last, r.on_s, r.switches, r.local_date.isoformat())
                for r in rows
            ],
        )  # fmt: skip
        self._db.execute("COMMIT")

    def energy(self, after: int, limit: int) -> Sequence[EnergyRow]:
        return [
            EnergyRow(seq, meter, ms, Fraction(n, d), Label(label), rev, date.fromisoformat(day))
            for seq, meter, ms, n, d, label, rev, day in self._db.execute(
                "SELECT * FROM energy WHERE seq > ? ORDER BY seq LIMIT ?", (after, limit)
            )
        ]

    def last_energy(self) -> int:
        return int(self._db.execute("SELECT coalesce(max(seq), 0) FROM energy").fetchone()[0])

    def rollups(self, after: int, limit: int) -> Sequence[RollupRow]:
        return [
            RollupRow(*[*values, date.fromisoformat(day)])
            for *values, day in self._db.execute(
                "SELECT * FROM rollup WHERE seq > ? ORDER BY seq LIMIT ?", (after, limit)
            )
        ]

    def last_rollup(self) -> int:
        return int(self._db.execute("SELECT coalesce(max(seq), 0) FROM rollup").fetchone()[0])


@contextmanager
def all_sources(directory: Path) -> Iterator[Sources]:
    """The history of a directory with its `Rows`."""
    with Outgoing(directory, read_only=True) as history, closing(Rows(directory)) as rows:
        yield Sources(history, rows, rows, "rows")


@dataclass(frozen=True, slots=True)
class Quarter:
    """One quarter hour of one meter, in thousandths of a kWh."""

    meter: str
    start_ms: int
    wh: int
    day: date
    rev: int = 0
    label: Label = Label.MEASURED

    def row(self) -> EnergyRow:
        return EnergyRow(
            0, self.meter, self.start_ms, Fraction(self.wh, 1000), self.label, self.rev, self.day
        )
