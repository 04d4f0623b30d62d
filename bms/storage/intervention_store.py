"""Locks and resets of machines, as the state database keeps them."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from bms.core.errors import Refused
from bms.core.machines.interventions import Interventions, Lock, Reset
from bms.storage.outbox import Outbox
from bms.storage.sqlite import store_errors, transaction
from bms.storage.switched_store import from_us, to_us
from bms.texts.messages import made_of, msg, remade

INTERVENTIONS = """
CREATE TABLE IF NOT EXISTS intervention (id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL,
    machine TEXT NOT NULL, start_us INTEGER NOT NULL, by TEXT NOT NULL, reason TEXT NOT NULL,
    reason_made_of TEXT, ended_us INTEGER, ended TEXT, ended_made_of TEXT);
CREATE UNIQUE INDEX IF NOT EXISTS intervention_lock ON intervention (machine)
    WHERE kind = 'lock' AND ended_us IS NULL
"""
"""A lock that stands has no `ended_us`; a reset is done when it is made, and has one."""


class InterventionStore:
    """The part of the state database about single machines; see `bms.storage.state.Store`."""

    def __init__(self, connection: sqlite3.Connection, path: Path, outbox: Outbox) -> None:
        self._connection = connection
        self._path = path
        self._outbox = outbox

    def read(self) -> Interventions:
        """What is in force."""
        return read_interventions(self._connection, self._path)

    def lock(self, machine: str, now: datetime, by: str, reason: str) -> Lock:
        """Keep a lock. Raises Refused if the machine is locked already."""
        if any(lock.machine == machine for lock in self.read().locks):
            raise Refused(msg("{machine} is locked already", machine=machine))
        number = self._put("lock", machine, now, by, reason, None)
        return Lock(number, machine, now, by, reason)

    def unlock(self, machine: str, now: datetime, by: str, reason: str) -> Lock:
        """End the lock of a machine; returns it. Raises Refused if there is none."""
        found = [lock for lock in self.read().locks if lock.machine == machine]
        if not found:
            raise Refused(msg("{machine} is not locked", machine=machine))
        how = msg("unlocked by {user}", user=by)
        with transaction(self._connection, self._path):
            self._connection.execute(
                "UPDATE intervention SET ended_us = ?, ended = ?, ended_made_of = ? WHERE id = ?",
                (to_us(now), how, made_of(how), found[0].id),
            )
            self._note(now, by, "machine.unlock", reason, {"machine": machine})
        self._outbox.deliver()
        return found[0]

    def reset(self, machine: str, now: datetime, by: str, reason: str) -> Reset:
        """Keep that a machine may be used again."""
        return Reset(self._put("reset", machine, now, by, reason, to_us(now)), by, reason)

    def take_over(self, found: Interventions) -> None:
        """Keep in a new file what was in force before, inside the caller's transaction."""
        for lock in found.locks:
            self._insert("lock", lock.machine, to_us(lock.start), lock.by, lock.reason, None)

    def _put(
        self, kind: str, machine: str, now: datetime, by: str, reason: str, ended_us: int | None
    ) -> int:
        with transaction(self._connection, self._path):
            number = self._insert(kind, machine, to_us(now), by, reason, ended_us)
            self._note(now, by, f"machine.{kind}", reason, {"machine": machine})
        self._outbox.deliver()
        return number

    def _insert(
        self, kind: str, machine: str, start_us: int, by: str, reason: str, ended_us: int | None
    ) -> int:
        cursor = self._connection.execute(
            "INSERT INTO intervention (kind, machine, start_us, by, reason, reason_made_of, "
            "ended_us) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (kind, machine, start_us, by, reason, made_of(reason), ended_us),
        )
        assert cursor.lastrowid is not None
        return cursor.lastrowid

    def _note(
        self, now: datetime, who: str, what: str, why: str, details: Mapping[str, Any]
    ) -> None:
        self._outbox.note(now, who, "api", what, why, details)


def read_interventions(connection: sqlite3.Connection, path: Path) -> Interventions:
    """What is in force by a database of this layout."""
    with store_errors(path):
        locks = connection.execute(
            "SELECT id, machine, start_us, by, reason, reason_made_of FROM intervention "
            "WHERE kind = 'lock' AND ended_us IS NULL ORDER BY id"
        ).fetchall()
        resets = connection.execute(
            "SELECT machine, max(id), by, reason, reason_made_of FROM intervention "
            "WHERE kind = 'reset' GROUP BY machine"
        ).fetchall()
    return Interventions(
        tuple(
            Lock(number, machine, from_us(start_us), by, remade(reason, made))
            for number, machine, start_us, by, reason, made in locks
        ),
        {
            machine: Reset(number, by, remade(reason, made))
            for machine, number, by, reason, made in resets
        },
    )
