"""What the audit's last entry was at earlier times, kept where nobody who writes the audit's files
again thinks of it: in the state database."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

from bms.storage import audit
from bms.storage.audit import Head
from bms.storage.reading import connect_to_read
from bms.storage.sqlite import store_errors, transaction
from bms.texts.messages import Message, msg

ANCHORS: Final = """
CREATE TABLE IF NOT EXISTS audit_anchor (number INTEGER PRIMARY KEY, hash TEXT NOT NULL)
"""


class Anchors:
    """The entries that were the last ones once, in a database with a table `audit_anchor`."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self._path = path
        self._last: Head | None = None
        """The newest that is kept; None until somebody has looked."""
        self.trouble: Message | None = None
        """What is wrong with the audit beside what was kept; None if nothing."""

    @property
    def last(self) -> Head | None:
        """The newest that is kept, as far as somebody has looked."""
        return self._last

    def keep(self) -> Head | None:
        """Keep what the audit's last entry is now; returns it if it is a new one.

        Nothing is ever replaced. Raises StoreError.
        """
        newest = audit.head(self._path.parent)
        if self._last is None:
            self._last = max(_kept(self._connection, self._path), default=Head(0, audit.ORIGIN))
        last = self._last
        if newest == last:
            self.trouble = None
            return None
        if newest.number <= last.number:
            self.trouble = msg(
                "the audit ends at entry {number}, and had entry {kept} before: somebody cut it "
                "or wrote it again ('bms audit verify')",
                number=newest.number,
                kept=last.number,
            )
            return None
        with transaction(self._connection, self._path):
            self._connection.execute(
                "INSERT OR IGNORE INTO audit_anchor VALUES (?, ?)", (newest.number, newest.digest)
            )
        self._last, self.trouble = newest, None
        return newest


def read_anchors(path: Path) -> list[Head]:
    """What a state database keeps, the oldest first; nothing if it is of an earlier layout.

    Raises StoreError.
    """
    if not path.exists():
        return []
    with store_errors(path), closing(connect_to_read(path)) as connection:
        return _kept(connection, path)


def _kept(connection: sqlite3.Connection, path: Path) -> list[Head]:
    with store_errors(path):
        there = connection.execute(
            "SELECT count(*) FROM sqlite_schema WHERE name = 'audit_anchor'"
        ).fetchone()[0]
        if not there:
            return []
        rows = connection.execute("SELECT number, hash FROM audit_anchor ORDER BY number")
        return [Head(int(number), str(digest)) for number, digest in rows]
