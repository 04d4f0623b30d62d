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
            refs = self._connection.execute("SELECT ref FROM unaudited ORDER BY ref").fetchall()
        self.trouble = None
        try:
            for (ref,) in refs:
                self._deliver(ref)
        except StoreError as error:
            self.trouble = error

    def _deliver(self, ref: int) -> None:
        """One entry. In a transaction: a command and the controller may both find it waiting.
        Whoever was killed in one may have left it in the file and here."""
        directory = self._path.parent
        mark = f"{self._name}:{ref}" if self._name else ref
        with transaction(self._connection, self._path):
            row = self._connection.execute(
                "SELECT entry FROM unaudited WHERE ref = ?", (ref,)
            ).fetchone()
            if row is None:
                return
            entry = json.loads(row[0])
            time = datetime.fromisoformat(entry.pop("time"))
            # By what it says, too: a file in place of a damaged one counts from one again.
            if not audit.has(directory, mark, entry):
                audit.record(directory, time, **entry, ref=mark)
            self._connection.execute("DELETE FROM unaudited WHERE ref = ?", (ref,))
