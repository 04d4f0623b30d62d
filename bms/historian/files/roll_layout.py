"""The tables of `roll.db`, and what a row of its small ones means.

`about` is one row: how far the log has been compacted. `segment` is the manifest of the raw files,
`dropped` and `given_up` tell of those that are gone.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bms.storage.sqlite import Layout, open_database, parts
from bms.texts.messages import msg

if TYPE_CHECKING:
    from bms.historian.formats.columns import Ints
    from bms.historian.formats.rollups import Bools

FILE_NAME: Final = "roll.db"

_RESTORING: Final = """
CREATE TABLE IF NOT EXISTS restoring (only INTEGER PRIMARY KEY CHECK (only = 1),
    from_ms INTEGER NOT NULL, until_ms INTEGER NOT NULL)
"""
_GIVEN_UP: Final = """
CREATE TABLE IF NOT EXISTS given_up (id INTEGER PRIMARY KEY, t0 INTEGER NOT NULL,
    t1 INTEGER NOT NULL, grp TEXT NOT NULL, blob BLOB NOT NULL)
"""
"""What was in segments that are given up, counted. Only some files of layout 1 have these two."""
LAYOUT: Final = Layout(
    msg("roll-up"),
    0x424D5351,  # "BMSQ"
    2,
    f"""
CREATE TABLE about (only INTEGER PRIMARY KEY CHECK (only = 1), history TEXT NOT NULL,
    seq INTEGER NOT NULL, horizon_ms INTEGER, rows INTEGER NOT NULL, held BLOB);
INSERT INTO about VALUES (1, '', 0, NULL, 0, NULL);
CREATE TABLE segment (name TEXT PRIMARY KEY, grp TEXT NOT NULL, t0 INTEGER NOT NULL,
    t1 INTEGER NOT NULL, samples INTEGER NOT NULL, bytes INTEGER NOT NULL,
    last_seq INTEGER NOT NULL);
CREATE TABLE block (first INTEGER PRIMARY KEY, n INTEGER NOT NULL, t0 INTEGER NOT NULL,
    t1 INTEGER NOT NULL, blob BLOB NOT NULL);
CREATE INDEX block_time ON block (t0);
CREATE TABLE merged (t0 INTEGER PRIMARY KEY, t1 INTEGER NOT NULL, last INTEGER NOT NULL);
CREATE TABLE q15 (series INTEGER NOT NULL, t0 INTEGER NOT NULL, t1 INTEGER NOT NULL,
    n INTEGER NOT NULL, integral REAL NOT NULL, covered_s REAL NOT NULL, minimum REAL,
    maximum REAL, blob BLOB NOT NULL, UNIQUE (series, t0));
CREATE TABLE day (series INTEGER NOT NULL, date INTEGER NOT NULL, start_ms INTEGER NOT NULL,
    rev INTEGER NOT NULL, n INTEGER NOT NULL, integral REAL NOT NULL, covered_s REAL NOT NULL,
    minimum REAL, maximum REAL, last REAL, on_s REAL NOT NULL, switches INTEGER NOT NULL,
    PRIMARY KEY (series, date)) WITHOUT ROWID;
CREATE TABLE dropped (id INTEGER PRIMARY KEY, time_ms INTEGER NOT NULL, grp TEXT NOT NULL,
    t0 INTEGER NOT NULL, t1 INTEGER NOT NULL, samples INTEGER NOT NULL, bytes INTEGER NOT NULL,
    reason TEXT NOT NULL, made_of TEXT);
{_RESTORING};
{_GIVEN_UP}
""",
    {1: f"ALTER TABLE dropped ADD COLUMN made_of TEXT; {_RESTORING}; {_GIVEN_UP}"},
    {
        1: {
            "dropped": "SELECT *, NULL AS made_of FROM main.dropped",
            "restoring": "SELECT 0 AS only, 0 AS from_ms, 0 AS until_ms WHERE 0",
            "given_up": "SELECT 0 AS id, 0 AS t0, 0 AS t1, '' AS grp, x'' AS blob WHERE 0",
        }
    },
)


def made_from_history(directory: Path) -> list[Path]:
    """The files that mean nothing beside another history: they know its points by number."""
    rolled = [path for path in parts(directory / FILE_NAME) if path.exists()]
    return [*sorted(directory.glob("raw-*.db*")), *rolled]


def bring_up_to_date(directory: Path) -> None:
    """Bring a file of an earlier layout to this one, if there is any. Raises StoreError."""
    path = directory / FILE_NAME
    if path.exists():
        open_database(path, LAYOUT).close()


@dataclass(frozen=True, slots=True)
class GivenUp:
    """How many samples segments had that are given up: columns of equal length, in no order."""

    group: str
    series: Ints
    start_ms: Ints
    """The first sample counted in a row; the others follow before the next row of the series,
    and within the same quarter hour."""
    end_ms: Ints
    """The last one."""
    samples: Ints
    numbers: Ints
    """Those of them that hold a finite number."""

    def where(self, rows: Bools) -> GivenUp:
        columns = (self.series, self.start_ms, self.end_ms, self.samples, self.numbers)
        return GivenUp(self.group, *(column[rows] for column in columns))


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the log has been compacted."""

    seq: int = 0
    """Log rows up to here are in segments and roll-ups, except those after `horizon_ms`."""
    horizon_ms: int | None = None
    rows: int = 0
    """The newest number of the stream of roll-ups."""
