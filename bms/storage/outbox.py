"""Entries of the audit on their way into its file, from within the state database.

A change and its entry are one transaction. The entry then waits in the database until it is in
the audit file, whenever the power goes or the disk fills up.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from bms.core.errors import StoreError
from bms.storage import audit
from bms.storage.sqlite import store_errors, transaction

TABLE = (
    "CREATE TABLE IF NOT EXISTS unaudited (ref INTEGER PRIMARY KEY AUTOINCREMENT, "
    "entry TEXT NOT NULL)"
)
"""Made when it is first needed: not every file of an earlier version has it."""


class Outbox:
    """The entries that wait, in a database with a table `unaudited`.

    `name` tells entries of one database from those of another; that of the state has none.
    """

    def __init__(self, connection: sqlite3.Connection, path: Path, name: str = "") -> None:
        self._connection = connection
        self._path = path
        self._name = name
        # After a restart the file may have entries whose waiting rows could not be removed.
        self._unsure = True
        self.trouble: StoreError | None = None
        """Why entries wait; None while none do."""

    def note(
        self, now: datetime, who: str, via: str, what: str, why: str, details: Mapping[str, Any]
    ) -> None:
        """Add an entry, inside the transaction of the change that it tells of."""
        entry = {
            "time": now.isoformat(),
            "who": who,
            "via": via,
            "what": what,
            "why": why,
            **details,
        }
        self._connection.execute(
            "INSERT INTO unaudited (entry) VALUES (?)",
            (json.dumps(audit.kept(entry), ensure_ascii=False),),
        )

    def deliver(self) -> None:
        """Bring what waits into the audit file; what cannot be written there waits on, and
        `trouble` says why. Raises StoreError if the database cannot be read."""
        with store_errors(self._path):
            rows = self._connection.execute(
                "SELECT ref, entry FROM unaudited ORDER BY ref"
            ).fetchall()
        try:
            self._deliver(rows)
        except StoreError as error:
            self._unsure = True
            self.trouble = error
        else:
            self._unsure = False
            self.trouble = None

    def _deliver(self, rows: list[tuple[int, str]]) -> None:
        directory = self._path.parent
        known = {e.get("ref") for e in audit.entries(directory)} if rows and self._unsure else set()
        for ref, text in rows:
            entry = json.loads(text)
            time = datetime.fromisoformat(entry.pop("time"))
            mark = f"{self._name}:{ref}" if self._name else ref
            if mark not in known:
                audit.record(directory, time, **entry, ref=mark)
            with transaction(self._connection, self._path):
                self._connection.execute("DELETE FROM unaudited WHERE ref = ?", (ref,))
