"""What must survive a power cut: operators' overrides, what is switched, the controllers' states.

Everything is on disk when the call returns.
"""

from __future__ import annotations

import json
import logging
import shutil
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime
from math import isfinite
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bms.core.decisions import Override
from bms.core.errors import DiskError, Refused, StoreError, UnusableFile
from bms.core.machines.interventions import NO_INTERVENTIONS, Interventions
from bms.core.switched import NOTHING_SWITCHED, Spell, Switched
from bms.storage.anchors import ANCHORS, Anchors
from bms.storage.aside import opened
from bms.storage.intervention_store import (
    INTERVENTIONS,
    InterventionStore,
    read_interventions,
)
from bms.storage.outbox import Outbox
from bms.storage.reading import connect_to_read
from bms.storage.sqlite import (
    Closing,
    Layout,
    open_copy,
    open_database,
    store_errors,
    transaction,
)
from bms.storage.switched_store import TABLES_1, TO_2, SwitchedStore, read_rows
from bms.storage.switched_store import from_us as _time
from bms.storage.switched_store import to_us as _us
from bms.texts.messages import made_of, msg, remade
from drivers.points import PointId

_log = logging.getLogger(__name__)

FILE_NAME = "state.db"
LAYOUT = Layout(
    msg("state"),
    0x424D5353,  # "BMSS"
    4,
    f"""
CREATE TABLE override (id INTEGER PRIMARY KEY AUTOINCREMENT, point TEXT NOT NULL,
    value TEXT NOT NULL, start_us INTEGER NOT NULL, until_us INTEGER NOT NULL,
    reason TEXT NOT NULL, owner TEXT NOT NULL, ended_us INTEGER, ended TEXT,
    reason_made_of TEXT, ended_made_of TEXT);
CREATE UNIQUE INDEX override_open ON override (point) WHERE ended_us IS NULL;
CREATE TABLE state (name TEXT PRIMARY KEY, state TEXT NOT NULL) WITHOUT ROWID;
{TABLES_1};
{TO_2};
{ANCHORS};
{INTERVENTIONS}
""",
    {
        1: "ALTER TABLE override ADD COLUMN reason_made_of TEXT;"
        f"ALTER TABLE override ADD COLUMN ended_made_of TEXT; {TABLES_1}; {TO_2}",
        2: ANCHORS,
        3: INTERVENTIONS,
    },
)
_COLUMNS = "id, point, value, start_us, until_us, reason, owner, reason_made_of"


@dataclass(frozen=True, slots=True)
class PastOverride:
    """An override as the record keeps it; `ended` says how it ended, None while it is open."""

    override: Override
    ended_at: datetime | None
    ended: str | None


def open_store(directory: Path, now: Callable[[], datetime]) -> tuple[Store, DiskError | None]:
    """The state database; on a disk that is full or read-only, a copy of it in memory and why.

    Who goes on with the copy knows the overrides and states that were, and can keep no new ones.
    A file that can never be used is put aside, and a new one is empty.
    """
    path = directory / FILE_NAME
    try:
        return _opened(directory, now), None
    except DiskError as error:
        try:
            return _read_through(Store(directory, _copied(path)), now()), error
        except (StoreError, ValueError, TypeError, LookupError, ArithmeticError) as unread:
            _log.error("%s: going on without overrides and states: %s", path, unread)
            return Store(directory, _empty()), error


def _opened(directory: Path, now: Callable[[], datetime]) -> Store:
    """The store on the disk. What a later version of the program kept is whole, and what of it is
    in force goes on; of a file that is damaged no value can be believed."""
    path = directory / FILE_NAME
    try:
        return _read_through(Store(directory), now())
    except UnusableFile as error:
        found = _in_force(path, now()) if error.why == "newer" else None
        store = opened(path, lambda: _read_through(Store(directory), now()), now)
        if found is not None:
            store.take_over(found, now())
        return store
    except (ValueError, TypeError, LookupError, ArithmeticError):
        return opened(path, lambda: _read_through(Store(directory), now()), now)


def _in_force(path: Path, now: datetime) -> InForce | None:
    """What is in force by a file of any layout; None if it says so in another way than this one."""
    try:
        with store_errors(path), closing(connect_to_read(path)) as connection:
            active = tuple(_active(connection, path, now))
            switched = read_rows(connection, path, now)
            try:
                return InForce(active, switched, read_interventions(connection, path))
            except StoreError:  # a layout that has none
                return InForce(active, switched)
    except (StoreError, ValueError, TypeError, LookupError, ArithmeticError) as error:
        _log.error("%s: what is in force cannot be taken over: %s", path, error)
        return None


def _read_through(store: Store, now: datetime) -> Store:
    """The store, all of which reads back; closed if something does not."""
    try:
        store.active(now)
        store.last_number()
        store.load_states()
        store.switched.read(now)
        store.interventions.read()
    except BaseException:
        store.close()
        raise
    return store


def _empty() -> sqlite3.Connection:
    memory = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    memory.executescript(LAYOUT.ddl)
    return memory


def _copied(path: Path) -> sqlite3.Connection:
    """What the file and its write-ahead log say, in memory; empty if they cannot be read."""
    memory = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    try:
        with TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as folder:
            for name in (path.name, f"{path.name}-wal"):
                if (path.parent / name).exists():
                    shutil.copyfile(path.parent / name, Path(folder) / name)
            with closing(open_database(Path(folder) / path.name, LAYOUT)) as copy:
                copy.backup(memory)
    except (OSError, StoreError) as error:
        memory.close()
        memory = _empty()
        _log.error("%s cannot be read: going on without overrides and states: %s", path, error)
    return memory


class Store(Closing):
    """The state database of one site. A context manager; one thread at a time.

    Every method raises StoreError, naming the file and the way out, if the database cannot be
    opened, read or written.
    """

    def __init__(self, directory: Path, copy: sqlite3.Connection | None = None) -> None:
        """`copy` stands in for the file in `directory`."""
        self._path = directory / FILE_NAME
        self._connection = copy or open_database(self._path, LAYOUT)
        self._saved: dict[str, str] | None = None
        try:
            self.outbox = Outbox(self._connection, self._path)
            self.switched = SwitchedStore(self._connection, self._path, self.outbox)
            self.interventions = InterventionStore(self._connection, self._path, self.outbox)
            self.outbox.deliver()
            self.anchors = Anchors(self._connection, self._path)
        except BaseException:
            self._connection.close()
            raise

    def close(self) -> None:
        self._connection.close()

    # --- overrides ---------------------------------------------------------------------------

    def last_number(self) -> int:
        """The greatest id that an override has had; 0 if there was none."""
        with store_errors(self._path):
            found = self._connection.execute("SELECT max(id) FROM override").fetchone()
        return int(found[0] or 0)

    def add(self, override: Override) -> Override:
        """Keep an override; returns it with its id. Replaces any other on the same point.

        It keeps its id if that is not 0 and no other has it. Raises Refused if it ends before it
        starts or its value is not a finite number, a switch position or a text.
        """
        if override.until <= override.start:
            raise Refused(
                msg("an override of {point} must end after it starts", point=override.point)
            )
        if isinstance(override.value, float) and not isfinite(override.value):
            raise Refused(msg("an override of {point} needs a finite value", point=override.point))
        start_us = _us(override.start)
        replaced = msg("replaced by {user}", user=override.owner)
        with transaction(self._connection, self._path):
            self._expire(override.point, start_us)
            self._connection.execute(
                "UPDATE override SET ended_us = ?, ended = ?, ended_made_of = ? "
                "WHERE point = ? AND ended_us IS NULL",
                (start_us, replaced, made_of(replaced), override.point),
            )
            kept = self._insert(override)
            self._note(kept, "override.set", override.start, override.owner, override.reason)
        self.outbox.deliver()
        return kept

    def _insert(self, override: Override) -> Override:
        cursor = self._connection.execute(
            "INSERT INTO override (id, point, value, start_us, until_us, reason, "
            "reason_made_of, owner) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                self._free(override.id),
                override.point,
                json.dumps(override.value, ensure_ascii=False),
                _us(override.start),
                _us(override.until),
                override.reason,
                made_of(override.reason),
                override.owner,
            ),
        )
        assert cursor.lastrowid is not None
        return replace(override, id=cursor.lastrowid)

    def _free(self, number: int) -> int | None:
        """The number if no override has it, for a new one; None for the next."""
        taken = self._connection.execute(
            "SELECT count(*) FROM override WHERE id = ?", (number,)
        ).fetchone()
        return None if number == 0 or taken[0] else number

    def extend(self, override: Override, now: datetime, by: str, why: str) -> bool:
        """Keep a later end and another reason of an override; False if it is not in force."""
        with transaction(self._connection, self._path):
            done = self._connection.execute(
                "UPDATE override SET until_us = ?, reason = ?, reason_made_of = ? "
                "WHERE id = ? AND ended_us IS NULL",
                (_us(override.until), override.reason, made_of(override.reason), override.id),
            )
            if done.rowcount == 1:
                self._note(override, "override.extend", now, by, why)
        self.outbox.deliver()
        return done.rowcount == 1

    def clear(
        self, which: int | PointId, now: datetime, by: str = "", why: str = ""
    ) -> Override | None:
        """End an override by id or point; returns it, or None if it is not in force."""
        column = "id" if isinstance(which, int) else "point"
        now_us = _us(now)
        how = msg("cleared by {user}", user=by) if by else msg("cleared")
        with transaction(self._connection, self._path):
            row = self._connection.execute(
                f"SELECT {_COLUMNS} FROM override "
                f"WHERE {column} = ? AND ended_us IS NULL AND until_us > ?",
                (which, now_us),
            ).fetchone()
            if row is None:
                return None
            self._connection.execute(
                "UPDATE override SET ended_us = ?, ended = ?, ended_made_of = ? WHERE id = ?",
                (now_us, how, made_of(how), row[0]),
            )
            self._note(_override(row), "override.clear", now, by, why)
        self.outbox.deliver()
        return _override(row)

    def active(self, now: datetime) -> list[Override]:
        """The overrides in force at `now`, oldest first."""
        return _active(self._connection, self._path, now)

    def overrides_since(self, since: datetime) -> list[PastOverride]:
        """The record of all overrides in force at or after `since`, oldest first."""
        return _overrides_since(self._connection, self._path, since)

    def _note(self, override: Override, what: str, now: datetime, by: str, why: str) -> None:
        details = {
            "override": override.id,
            "point": override.point,
            "value": override.value,
            "until": override.until.isoformat(timespec="seconds"),
        }
        self.outbox.note(now, by, "api", what, why, details)

    def _expire(self, point: PointId, now_us: int) -> None:
        how = msg("expired")
        self._connection.execute(
            "UPDATE override SET ended_us = until_us, ended = ?, ended_made_of = ? "
            "WHERE point = ? AND ended_us IS NULL AND until_us <= ?",
            (how, made_of(how), point, now_us),
        )

    def take_over(self, found: InForce, now: datetime) -> None:
        """Keep in a new file what was in force before: it has its entries in the audit already."""
        with transaction(self._connection, self._path):
            for override in found.overrides or ():
                self._insert(override)
            self.switched.take_over(found.switched, now)
            self.interventions.take_over(found.interventions)

    # --- controller states -------------------------------------------------------------------

    def save_states(
        self, states: Mapping[str, Any], spells: Sequence[Spell] = (), now: datetime | None = None
    ) -> None:
        """Keep JSON-able states by controller name; only those that changed are written.

        `spells` are seasons that began by themselves, decided at `now` together with these states:
        what decided and what was decided are kept both, or neither.
        """
        texts = {
            name: json.dumps(state, ensure_ascii=False, sort_keys=True)
            for name, state in states.items()
        }
        saved = self._saved if self._saved is not None else self._stored()
        changed = [(name, text) for name, text in texts.items() if saved.get(name) != text]
        if changed or spells:
            self._put(changed, spells, now)
        if spells or self.outbox.trouble is not None:
            self.outbox.deliver()
        self._saved = {**saved, **texts}

    def load_states(self) -> dict[str, Any]:
        """The states last saved, by controller name."""
        return {name: json.loads(text) for name, text in self._stored().items()}

    def _stored(self) -> dict[str, str]:
        with store_errors(self._path):
            return dict(self._connection.execute("SELECT name, state FROM state").fetchall())

    def _put(
        self, rows: Iterable[tuple[str, str]], spells: Sequence[Spell], now: datetime | None
    ) -> None:
        with transaction(self._connection, self._path):
            if now is not None:
                self.switched.begun(spells, now)
            self._connection.executemany(
                "INSERT INTO state VALUES (?, ?) "
                "ON CONFLICT (name) DO UPDATE SET state = excluded.state",
                rows,
            )


@dataclass(frozen=True, slots=True)
class InForce:
    """What people decided and is in force at a moment."""

    overrides: tuple[Override, ...] | None
    """The oldest first; None if this site was never controlled."""
    switched: Switched
    interventions: Interventions = NO_INTERVENTIONS


def read_in_force(directory: Path, now: datetime) -> InForce:
    """What is in force, read beside the controller that may be running and may be of an earlier
    version: the file stays as it is. Raises StoreError."""
    path = directory / FILE_NAME
    if not path.exists():
        return InForce(None, NOTHING_SWITCHED)
    with closing(open_copy(path, LAYOUT)) as copy:
        return InForce(tuple(_active(copy, path, now)), read_rows(copy, path, now))


def read_overrides(directory: Path, since: datetime) -> list[PastOverride]:
    """The record of overrides in force at or after `since`, for who does not own the file; none
    before there is one. Raises StoreError."""
    path = directory / FILE_NAME
    if not path.exists():
        return []
    with closing(open_copy(path, LAYOUT)) as copy:
        return _overrides_since(copy, path, since)


def _overrides_since(
    connection: sqlite3.Connection, path: Path, since: datetime
) -> list[PastOverride]:
    with store_errors(path):
        rows = connection.execute(
            f"SELECT {_COLUMNS}, ended_us, ended, ended_made_of FROM override "
            "WHERE coalesce(ended_us, until_us) >= ? ORDER BY id",
            (_us(since),),
        ).fetchall()
    return [
        PastOverride(_override(columns), None, None)
        if ended_us is None
        else PastOverride(_override(columns), _time(ended_us), remade(ended, made))
        for *columns, ended_us, ended, made in rows
    ]


def _active(connection: sqlite3.Connection, path: Path, now: datetime) -> list[Override]:
    with store_errors(path):
        rows = connection.execute(
            f"SELECT {_COLUMNS} FROM override WHERE ended_us IS NULL AND until_us > ? ORDER BY id",
            (_us(now),),
        ).fetchall()
    return [_override(row) for row in rows]


def _override(row: Sequence[Any]) -> Override:
    number, point, value, start_us, until_us, reason, owner, made = row
    start, until = _time(start_us), _time(until_us)
    return Override(number, point, json.loads(value), start, until, remade(reason, made), owner)
