"""How far each sink has taken each stream, what it missed and what its server refuses.

`sinks.db` lies apart from the history, so that a sink and the controller's commits never wait for
each other. A *cursor* is where live copying stands; a *gap* is a range behind it that has still
to be sent; a *dead letter* is lines that a server refused for good. The tags that points are sent
with are kept here too: a line sent again must be the same line (see `forward.tags`).
"""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from bms.historian.records import from_ms, to_ms
from bms.storage.sqlite import Closing, Layout, open_database, store_errors, transaction
from bms.texts.messages import made_of, msg, plural, remade

FILE_NAME = "sinks.db"
LOG = "log"
"""The stream of raw samples."""
DAY_MS = 86_400_000
LAST_PLACE = 1 << 62
"""Beyond every number that `place_of` gives."""
MOST_DEAD_BYTES = 64 << 20
"""Of refused lines of one sink, compressed: a column of another type refuses every line for ever.
The store here has what they say; `bms influx backfill` sends it again."""
STORED = ":stored"
"""Ends the name of a stream whose gaps are filled from what the store keeps by series."""
_LOST = """
CREATE TABLE lost (sink TEXT NOT NULL, grp TEXT NOT NULL, day INTEGER NOT NULL,
    t0 INTEGER NOT NULL, t1 INTEGER NOT NULL, samples INTEGER NOT NULL,
    PRIMARY KEY (sink, grp, day)) WITHOUT ROWID
"""
_SAME = "CREATE INDEX dead_sum ON dead (sink, stream, substr(body, -4))"
"""By the checksum that ends what zlib packs: whether lines are kept already."""
GAP_COLUMNS = "id, stream, first, last, from_ms, until_ms, why, made_of"
LAYOUT = Layout(
    msg("sink cursor"),
    0x424D534B,  # "BMSK"
    5,
    """
CREATE TABLE cursor (sink TEXT NOT NULL, stream TEXT NOT NULL, history TEXT NOT NULL,
    seq INTEGER NOT NULL, newest_ms INTEGER NOT NULL, PRIMARY KEY (sink, stream)) WITHOUT ROWID;
CREATE TABLE gap (id INTEGER PRIMARY KEY, sink TEXT NOT NULL, stream TEXT NOT NULL,
    first INTEGER NOT NULL, last INTEGER NOT NULL, from_ms INTEGER, why TEXT NOT NULL,
    until_ms INTEGER, made_of TEXT);
CREATE TABLE dead (id INTEGER PRIMARY KEY, sink TEXT NOT NULL, time_ms INTEGER NOT NULL,
    reason TEXT NOT NULL, lines INTEGER NOT NULL, body BLOB NOT NULL, stream TEXT NOT NULL,
    made_of TEXT);
CREATE TABLE known (sink TEXT NOT NULL, key TEXT NOT NULL, value INTEGER NOT NULL,
    PRIMARY KEY (sink, key)) WITHOUT ROWID;
CREATE TABLE tag (point TEXT NOT NULL, since_ms INTEGER NOT NULL, tags TEXT NOT NULL,
    PRIMARY KEY (point, since_ms)) WITHOUT ROWID;
"""
    + _LOST
    + ";"
    + _SAME,
    {
        1: """
ALTER TABLE cursor RENAME TO cursor_1;
CREATE TABLE cursor (sink TEXT NOT NULL, stream TEXT NOT NULL, history TEXT NOT NULL,
    seq INTEGER NOT NULL, newest_ms INTEGER NOT NULL, PRIMARY KEY (sink, stream)) WITHOUT ROWID;
INSERT INTO cursor SELECT sink, 'log', history, seq,
    CAST(strftime('%s', 'now') AS INTEGER) * 1000 FROM cursor_1;
DROP TABLE cursor_1;
CREATE TABLE gap (id INTEGER PRIMARY KEY, sink TEXT NOT NULL, stream TEXT NOT NULL,
    first INTEGER NOT NULL, last INTEGER NOT NULL, from_ms INTEGER, why TEXT NOT NULL);
ALTER TABLE dead ADD COLUMN stream TEXT NOT NULL DEFAULT 'log';
CREATE TABLE known (sink TEXT NOT NULL, key TEXT NOT NULL, value INTEGER NOT NULL,
    PRIMARY KEY (sink, key)) WITHOUT ROWID;
CREATE TABLE tag (point TEXT NOT NULL, since_ms INTEGER NOT NULL, tags TEXT NOT NULL,
    PRIMARY KEY (point, since_ms)) WITHOUT ROWID
""",
        2: f"ALTER TABLE gap ADD COLUMN until_ms INTEGER; {_LOST}",
        3: _SAME,
        4: "ALTER TABLE gap ADD COLUMN made_of TEXT; ALTER TABLE dead ADD COLUMN made_of TEXT",
    },
    {
        4: {
            "gap": "SELECT *, NULL AS made_of FROM main.gap",
            "dead": "SELECT *, NULL AS made_of FROM main.dead",
        }
    },
)


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """Lines that a server refused for good, with its reason."""

    time: datetime
    reason: str
    lines: Sequence[bytes]
    stream: str = LOG
    number: int = 0


@dataclass(frozen=True, slots=True)
class Gap:
    """Rows `first` to `last` of a stream, both included, that a sink still has to send."""

    number: int
    stream: str
    first: int
    last: int
    from_ms: int | None
    """The time of the oldest row, where known."""
    why: str
    until_ms: int | None = None
    """Of a gap that is filled by time: before when; and what is lost in it counts as lost."""

    @property
    def rows(self) -> int:
        """How many rows; 0 if it is not counted in rows."""
        return 0 if self.stream.endswith(STORED) else self.last - self.first + 1


@dataclass(frozen=True, slots=True)
class Lost:
    """Samples that were given up before a sink took them."""

    group: str
    """Of points, as in the store: `analog` or `state`."""
    start_ms: int
    end_ms: int
    """The first and the last of them."""
    samples: int

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "class": self.group,
            "start": from_ms(self.start_ms).isoformat(),
            "end": from_ms(self.end_ms).isoformat(),
            "samples": self.samples,
        }


def place_of(day: int, series: int = 0, hour: int = 0) -> int:
    """The number of an hour of a series on a day of UTC (counted from 1970): gaps by time."""
    return (day << 24 | series) << 5 | hour


def day_of(place: int) -> int:
    """The day of UTC of such a number."""
    return place >> 29


class _Key(NamedTuple):
    """Whose cursor it is."""

    sink: str
    stream: str


class SinkCursor(Closing):
    """One stream of one sink in a state directory. A context manager; one thread at a time."""

    def __init__(
        self, directory: Path, sink: str, history: str, last_seq: int, *, stream: str = LOG
    ) -> None:
        """`history` and `last_seq` are the identity of the history and its newest row.

        A cursor into another history starts over; one beyond the newest row (the history was
        restored from a backup) steps back to it. So do gaps.
        """
        self._path = directory / FILE_NAME
        self._key = _Key(sink, stream)
        self._connection = open_database(self._path, LAYOUT)
        try:
            with transaction(self._connection, self._path):
                execute = self._connection.execute
                # The rows that a restored history lost have their numbers given out again.
                execute(
                    "DELETE FROM gap WHERE sink = ?1 AND stream = ?2 AND (first > ?4 OR EXISTS "
                    "(SELECT 1 FROM cursor WHERE sink = ?1 AND stream = ?2 AND history != ?3))",
                    (sink, stream, history, last_seq),
                )
                execute(
                    "UPDATE gap SET last = min(last, ?3) WHERE sink = ?1 AND stream = ?2",
                    (sink, stream, last_seq),
                )
                execute(
                    "INSERT INTO cursor VALUES (?1, ?2, ?3, 0, 0) ON CONFLICT DO UPDATE SET seq = "
                    "CASE WHEN history = ?3 THEN min(seq, ?4) ELSE 0 END, history = ?3",
                    (sink, stream, history, last_seq),
                )
        except BaseException:
            self._connection.close()
            raise

    def close(self) -> None:
        self._connection.close()

    @property
    def stream(self) -> str:
        return self._key.stream

    @property
    def seq(self) -> int:
        """Everything up to this row has been delivered or dead-lettered, except the gaps."""
        with store_errors(self._path):
            row = self._connection.execute(
                "SELECT seq FROM cursor WHERE sink = ? AND stream = ?", self._key
            ).fetchone()
        return int(row[0])

    @property
    def newest_ms(self) -> int:
        """The newest time that was delivered; 0 before the first."""
        with store_errors(self._path):
            row = self._connection.execute(
                "SELECT newest_ms FROM cursor WHERE sink = ? AND stream = ?", self._key
            ).fetchone()
        return int(row[0])

    def gaps(self) -> list[Gap]:
        """What is missing behind the cursor, oldest first."""
        with store_errors(self._path):
            rows = self._connection.execute(
                f"SELECT {GAP_COLUMNS} FROM gap WHERE sink = ? AND stream = ? ORDER BY first, id",
                self._key,
            ).fetchall()
        return [gap_of(*row) for row in rows]

    def advance(
        self, seq: int, dead: Sequence[DeadLetter] = (), newest_ms: int | None = None
    ) -> None:
        """Move the cursor and keep the dead letters of the step, in one durable transaction."""
        with transaction(self._connection, self._path):
            self._bury(dead)
            self._move(seq, newest_ms)

    def leave(self, last: int, from_ms: int | None, why: str) -> None:
        """Make everything after the cursor up to `last` a gap, and go on behind it."""
        with transaction(self._connection, self._path):
            sink, stream = self._key
            first = self.seq + 1
            joined = self._connection.execute(
                "UPDATE gap SET last = ?4 WHERE sink = ?1 AND stream = ?2 AND last = ?3 - 1",
                (sink, stream, first, last),
            )
            if joined.rowcount == 0:
                self._add(first, last, from_ms, why)
            self._move(last, None)

    def add_gap(
        self, first: int, last: int, from_ms: int | None, why: str, until_ms: int | None = None
    ) -> None:
        """Have rows sent again that were sent, or thought to be. One that is there stays one."""
        with transaction(self._connection, self._path):
            if not any(
                (gap.first, gap.last, gap.from_ms, gap.until_ms) == (first, last, from_ms, until_ms)
                for gap in self.gaps()
            ):
                self._add(first, last, from_ms, why, until_ms)

    def fill(
        self,
        gap: Gap,
        upto: int,
        dead: Sequence[DeadLetter] = (),
        newest_ms: int | None = None,
        lost: Sequence[Lost] = (),
    ) -> None:
        """Note that a gap's rows up to `upto` have been delivered, dead-lettered or are lost."""
        with transaction(self._connection, self._path):
            self._bury(dead)
            self._connection.executemany(
                "INSERT INTO lost VALUES (?1, ?2, ?3 / 86400000, ?3, ?4, ?5) ON CONFLICT DO UPDATE "
                "SET t0 = min(t0, ?3), t1 = max(t1, ?4), samples = samples + ?5",
                [(self._key.sink, x.group, x.start_ms, x.end_ms, x.samples) for x in lost],
            )
            self._connection.execute(
                "UPDATE gap SET first = max(first, ?), from_ms = ? WHERE id = ?",
                (upto + 1, gap.from_ms if newest_ms is None else newest_ms + 1, gap.number),
            )
            self._connection.execute("DELETE FROM gap WHERE id = ? AND first > last", (gap.number,))

    def _add(
        self, first: int, last: int, from_ms: int | None, why: str, until_ms: int | None = None
    ) -> None:
        sink, stream = self._key
        if first <= last:
            self._connection.execute(
                "INSERT INTO gap (sink, stream, first, last, from_ms, why, made_of, until_ms) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (sink, stream, first, last, from_ms, why, made_of(why), until_ms),
            )

    def _move(self, seq: int, newest_ms: int | None) -> None:
        self._connection.execute(
            "UPDATE cursor SET seq = max(seq, ?3), newest_ms = max(newest_ms, ?4) "
            "WHERE sink = ?1 AND stream = ?2",
            (*self._key, seq, newest_ms or 0),
        )

    def _bury(self, dead: Sequence[DeadLetter]) -> None:
        """Keep letters; lines that are kept already are not kept twice, too many only counted."""
        sink, stream = self._key
        if not dead:
            return
        (size,) = self._connection.execute(
            "SELECT coalesce(sum(length(body)), 0) FROM dead WHERE sink = ?", (sink,)
        ).fetchone()
        for letter in dead:
            body = zlib.compress(b"\n".join(letter.lines))
            reason, lines = letter.reason, len(letter.lines)
            if lines and size + len(body) > MOST_DEAD_BYTES:
                reason = plural(
                    "{count} line, not kept beside so many: {reason}",
                    "{count} lines, not kept beside so many: {reason}",
                    count=lines,
                    reason=reason,
                )
                body = zlib.compress(b"")
            size += len(body)
            self._connection.execute(
                "INSERT INTO dead (sink, time_ms, reason, lines, body, stream, made_of) "
                "SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?8 WHERE ?5 = ?7 OR NOT EXISTS (SELECT 1 FROM dead "
                "WHERE sink = ?1 AND stream = ?6 AND substr(body, -4) = substr(?5, -4) "
                "AND body = ?5)",
                (
                    sink,
                    to_ms(letter.time),
                    reason,
                    lines,
                    body,
                    stream,
                    zlib.compress(b""),
                    made_of(reason),
                ),
            )

    def dead_letters(self) -> list[DeadLetter]:
        """All dead letters of this sink, of any stream, oldest first."""
        return _dead_letters(self._connection, self._path, self._key.sink)

    def dead_lines(self) -> int:
        """How many lines of this sink, of any stream, are dead letters."""
        with store_errors(self._path):
            row = self._connection.execute(
                "SELECT coalesce(sum(lines), 0) FROM dead WHERE sink = ?", (self._key.sink,)
            ).fetchone()
        return int(row[0])

    def known(self, key: str, default: int) -> int:
        """A whole number that the sink learnt and kept with `know`."""
        with store_errors(self._path):
            row = self._connection.execute(
                "SELECT value FROM known WHERE sink = ? AND key = ?", (self._key.sink, key)
            ).fetchone()
        return default if row is None else int(row[0])

    def know(self, key: str, value: int) -> None:
        with transaction(self._connection, self._path):
            self._connection.execute(
                "INSERT INTO known VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET value = ?3",
                (self._key.sink, key, value),
            )


def dead_letters(directory: Path, sink: str) -> list[DeadLetter]:
    """The dead letters of a sink, oldest first."""
    path = directory / FILE_NAME
    if not path.exists():
        return []
    with closing(open_database(path, LAYOUT, read_only=True)) as connection:
        return _dead_letters(connection, path, sink)


def forget_dead(directory: Path, numbers: Iterable[int]) -> None:
    """Remove dead letters that the server has now."""
    path = directory / FILE_NAME
    with closing(open_database(path, LAYOUT)) as connection, transaction(connection, path):
        connection.executemany("DELETE FROM dead WHERE id = ?", [(n,) for n in numbers])


def remember_tags(
    directory: Path, tags: Mapping[str, str], now_ms: int
) -> dict[str, list[tuple[int, str]]]:
    """Keep the tags that points have from now on; every version so far, by point, oldest first.

    `tags` are texts that are ready for a line. While nothing was ever sent, a version holds for
    all the past; afterwards only for what is later than `now_ms` and than anything that was sent,
    so that nothing can go out twice under two names.
    """
    path = directory / FILE_NAME
    versions: dict[str, list[tuple[int, str]]] = {}
    with closing(open_database(path, LAYOUT)) as connection, transaction(connection, path):
        execute = connection.execute
        (newest,) = execute("SELECT coalesce(max(newest_ms), 0) FROM cursor").fetchone()
        since = max(now_ms, newest + 1)
        for point, since_ms, text in execute(
            "SELECT point, since_ms, tags FROM tag ORDER BY point, since_ms"
        ):
            versions.setdefault(point, []).append((since_ms, text))
        for point, text in tags.items():
            found = versions.setdefault(point, [])
            if found and found[-1][1] == text:
                continue
            version = (since if found or newest else 0, text)
            execute("INSERT OR REPLACE INTO tag VALUES (?, ?, ?)", (point, *version))
            found.append(version)
    return versions


def _dead_letters(connection: sqlite3.Connection, path: Path, sink: str) -> list[DeadLetter]:
    with store_errors(path):
        rows = connection.execute(
            "SELECT time_ms, reason, made_of, body, stream, id FROM dead WHERE sink = ? "
            "ORDER BY id",
            (sink,),
        ).fetchall()
    return [
        DeadLetter(from_ms(ms), remade(reason, made), _lines(body), stream, number)
        for ms, reason, made, body, stream, number in rows
    ]


def gap_of(
    number: int, stream: str, first: int, last: int, from_ms: int | None, until_ms: int | None,
    *why: Any,
) -> Gap:  # fmt: skip
    return Gap(number, stream, first, last, from_ms, remade(*why), until_ms)


def _lines(body: bytes) -> list[bytes]:
    text = zlib.decompress(body)
    return text.split(b"\n") if text else []
