"""How far each sink has taken the log, and what its server will not have: `sinks.db`.

Apart from the history, so that a sink never waits for the controller's commits nor they for it.
"""

from __future__ import annotations

import zlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from bms.database import Layout, open_database, store_errors, transaction
from bms.historian.records import from_ms, to_ms

FILE_NAME = "sinks.db"
INFLUX = "influx"
"""The sink that `influx` in site.yaml configures."""
LAYOUT = Layout(
    "sink cursor",
    0x424D534B,  # "BMSK"
    1,
    """
CREATE TABLE cursor (sink TEXT PRIMARY KEY, history TEXT NOT NULL, seq INTEGER NOT NULL)
    WITHOUT ROWID;
CREATE TABLE dead (id INTEGER PRIMARY KEY, sink TEXT NOT NULL, time_ms INTEGER NOT NULL,
    reason TEXT NOT NULL, lines INTEGER NOT NULL, body BLOB NOT NULL)
""",
)


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """Lines that a server refused for good, with its reason."""

    time: datetime
    reason: str
    lines: Sequence[bytes]


class SinkCursor:
    """The cursor of one sink in a state directory. A context manager; one thread at a time."""

    def __init__(self, directory: Path, sink: str, history: str, last_seq: int) -> None:
        """`history` and `last_seq` are the identity and the newest row of the history.

        A cursor into another history starts over; one beyond the newest row (the history was
        restored from a backup) steps back to it.
        """
        self._path = directory / FILE_NAME
        self._sink = sink
        self._connection = open_database(self._path, LAYOUT)
        try:
            with transaction(self._connection, self._path):
                self._connection.execute(
                    "INSERT INTO cursor VALUES (?1, ?2, 0) ON CONFLICT DO UPDATE SET seq = "
                    "CASE WHEN history = ?2 THEN min(seq, ?3) ELSE 0 END, history = ?2",
                    (sink, history, last_seq),
                )
        except BaseException:
            self._connection.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._connection.close()

    @property
    def seq(self) -> int:
        """Everything up to this log row has been delivered or dead-lettered."""
        with store_errors(self._path):
            row = self._connection.execute(
                "SELECT seq FROM cursor WHERE sink = ?", (self._sink,)
            ).fetchone()
        return int(row[0])

    def advance(self, seq: int, dead: Sequence[DeadLetter] = ()) -> None:
        """Move the cursor and keep the dead letters of the step, in one durable transaction."""
        with transaction(self._connection, self._path):
            self._connection.executemany(
                "INSERT INTO dead (sink, time_ms, reason, lines, body) VALUES (?, ?, ?, ?, ?)",
                [
                    (
                        self._sink,
                        to_ms(letter.time),
                        letter.reason,
                        len(letter.lines),
                        zlib.compress(b"\n".join(letter.lines)),
                    )
                    for letter in dead
                ],
            )
            self._connection.execute("UPDATE cursor SET seq = ? WHERE sink = ?", (seq, self._sink))

    def dead_letters(self) -> list[DeadLetter]:
        """All dead letters of this sink, oldest first."""
        with store_errors(self._path):
            rows = self._connection.execute(
                "SELECT time_ms, reason, body FROM dead WHERE sink = ? ORDER BY id", (self._sink,)
            ).fetchall()
        return [
            DeadLetter(from_ms(ms), reason, zlib.decompress(body).split(b"\n"))
            for ms, reason, body in rows
        ]


def least_taken(directory: Path, sinks: Collection[str] | None, history: str) -> int | None:
    """The row of this history's log that all sinks have taken; None if there is no sink.

    `sinks` None means every sink with a cursor here; a named one without a cursor took nothing.
    """
    path = directory / FILE_NAME
    cursors: dict[str, int] = {}
    if path.exists() and (sinks is None or sinks):
        with store_errors(path):
            connection = open_database(path, LAYOUT, read_only=True)
            try:
                for sink, uid, seq in connection.execute("SELECT sink, history, seq FROM cursor"):
                    cursors[sink] = seq if uid == history else 0
            finally:
                connection.close()
    names = cursors if sinks is None else sinks
    return min((cursors.get(name, 0) for name in names), default=None)
