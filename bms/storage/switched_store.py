"""Seasons, overlay levels and extensions in the state database.

Rows are never removed: what is withdrawn, replaced or cleared says so and when. A change, what it
takes the place of and its entry of the audit are one transaction, on disk when the call returns;
the entry waits in the database until it is in the audit file, whenever the power goes.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any

from bms.core.switched import EXTENSIONS_KEPT, Cause, Spell, SpellKey, Switched
from bms.storage.outbox import Outbox
from bms.storage.sqlite import store_errors, transaction
from bms.texts.messages import made_of, msg, remade
from schedules.model.context import Extension, OverlayLevel

TABLES_1 = """
CREATE TABLE IF NOT EXISTS season_spell (id INTEGER PRIMARY KEY, set_id TEXT NOT NULL,
    base TEXT NOT NULL, start_us INTEGER NOT NULL, season TEXT NOT NULL, cause TEXT NOT NULL,
    by TEXT NOT NULL, reason TEXT NOT NULL, made_us INTEGER NOT NULL, withdrawn_us INTEGER,
    withdrawn TEXT);
CREATE TABLE IF NOT EXISTS overlay_level (id INTEGER PRIMARY KEY, overlay TEXT NOT NULL,
    level TEXT NOT NULL, start_us INTEGER NOT NULL, until_us INTEGER NOT NULL, by TEXT NOT NULL,
    reason TEXT NOT NULL, ended_us INTEGER, ended TEXT);
CREATE UNIQUE INDEX IF NOT EXISTS overlay_level_open ON overlay_level (overlay)
    WHERE ended_us IS NULL;
CREATE TABLE IF NOT EXISTS extension (id INTEGER PRIMARY KEY AUTOINCREMENT, unit TEXT NOT NULL,
    target TEXT NOT NULL, start_us INTEGER NOT NULL, end_us INTEGER NOT NULL, mode TEXT NOT NULL,
    setpoints TEXT NOT NULL, by TEXT NOT NULL, reason TEXT NOT NULL, ended_us INTEGER,
    ended TEXT);
CREATE TABLE IF NOT EXISTS unaudited (ref INTEGER PRIMARY KEY AUTOINCREMENT, entry TEXT NOT NULL)
"""
"""As layout 1 had them: made when they were first needed, so that not every file has them."""
TO_2 = """
ALTER TABLE season_spell ADD COLUMN reason_made_of TEXT;
ALTER TABLE season_spell ADD COLUMN withdrawn_made_of TEXT;
ALTER TABLE overlay_level ADD COLUMN reason_made_of TEXT;
ALTER TABLE overlay_level ADD COLUMN ended_made_of TEXT;
ALTER TABLE extension ADD COLUMN reason_made_of TEXT;
ALTER TABLE extension ADD COLUMN ended_made_of TEXT
"""
"""What messages were made of (`bms.texts.messages.made_of`), beside their English text."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_SPELL = "set_id, base, start_us, season, cause, by, reason, reason_made_of"
_LEVEL = "overlay, level, start_us, until_us, by, reason, reason_made_of"
_EXTENSION = "id, unit, target, start_us, end_us, mode, setpoints, by, reason, reason_made_of"


def to_us(time: datetime) -> int:
    """Microseconds since 1970, exactly."""
    return (time - _EPOCH) // _MICROSECOND


def from_us(microseconds: int) -> datetime:
    """The instant (UTC) of microseconds since 1970."""
    return _EPOCH + microseconds * _MICROSECOND


class SwitchedStore:
    """The part of the state database about what is switched; see `bms.storage.state.Store`."""

    def __init__(self, connection: sqlite3.Connection, path: Path, outbox: Outbox) -> None:
        self._connection = connection
        self._path = path
        self._outbox = outbox

    def read(self, now: datetime) -> Switched:
        """What stands switched, with the extensions that ended a few days before `now`."""
        return read_rows(self._connection, self._path, now)

    # --- seasons -----------------------------------------------------------------------------

    def switch(self, spells: Sequence[Spell], now: datetime) -> None:
        """Keep what a person switched, in place of everything planned for the same bases."""
        with self._change():
            for key in dict.fromkeys(spell.key for spell in spells):
                self._withdraw(key, now, msg("replaced by {user}", user=spells[0].by))
            self._insert(spells, now, "api")

    def withdraw_planned(self, key: SpellKey, now: datetime, by: str, reason: str) -> None:
        """Take back what is planned for one set and base."""
        with self._change():
            self._withdraw(key, now, msg("withdrawn by {user}", user=by))
            details = {"set": key.set_id, "base": key.base}
            self._note(now, by, "api", "season.withdraw", reason, details)

    def begun(self, spells: Sequence[Spell], now: datetime) -> None:
        """Add spells that began by themselves, inside the caller's transaction.

        Those that had begun by themselves later were made while the clock was ahead.
        """
        how = msg("the clock was ahead")
        for spell in spells:
            self._connection.execute(
                "UPDATE season_spell SET withdrawn_us = ?, withdrawn = ?, withdrawn_made_of = ? "
                "WHERE set_id = ? AND base = ? AND start_us > ? AND cause <> 'hand' "
                "AND withdrawn_us IS NULL",
                (to_us(now), how, made_of(how), *spell.key, to_us(spell.start)),
            )
        self._insert(spells, now, "bms")

    def _withdraw(self, key: SpellKey, now: datetime, how: str) -> None:
        self._connection.execute(
            "UPDATE season_spell SET withdrawn_us = ?, withdrawn = ?, withdrawn_made_of = ? "
            "WHERE set_id = ? AND base = ? AND start_us > ? AND withdrawn_us IS NULL",
            (to_us(now), how, made_of(how), *key, to_us(now)),
        )

    def _insert(self, spells: Iterable[Spell], now: datetime, via: str) -> None:
        for spell in spells:
            self._put_spell(spell, now)
            details = {
                "set": spell.set_id,
                "base": spell.base,
                "season": spell.season,
                "from": spell.start.isoformat(),
                "cause": spell.cause,
            }
            self._note(now, spell.by, via, "season.switch", spell.reason, details)

    def _put_spell(self, spell: Spell, now: datetime) -> None:
        row = (*spell.key, to_us(spell.start), spell.season, spell.cause, spell.by)
        self._connection.execute(
            f"INSERT INTO season_spell ({_SPELL}, made_us) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (*row, spell.reason, made_of(spell.reason), to_us(now)),
        )

    def take_over(self, switched: Switched, now: datetime) -> None:
        """Keep in a new file what stood switched before, inside the caller's transaction: all of
        it has its entries in the audit already."""
        for spell in switched.spells:
            self._put_spell(spell, now)
        for level in switched.levels:
            self._put_level(level)
        for x in switched.extensions:
            setpoints = json.dumps(dict(x.setpoints), sort_keys=True)
            self._connection.execute(
                f"INSERT INTO extension ({_EXTENSION}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (x.id, x.unit, x.target, to_us(x.start), to_us(x.end), x.mode, setpoints, x.by,
                 x.reason, made_of(x.reason)),
            )  # fmt: skip

    # --- overlays ----------------------------------------------------------------------------

    def put_level(self, level: OverlayLevel, now: datetime) -> None:
        """Keep a level in place of the one that the overlay has."""
        with self._change():
            self._end_level(level.overlay, now, msg("replaced by {user}", user=level.by))
            self._put_level(level)
            details = {
                "overlay": level.overlay,
                "level": level.level,
                "until": level.until.isoformat(),
            }
            self._note(now, level.by, "api", "overlay.set", level.reason, details)

    def _put_level(self, level: OverlayLevel) -> None:
        row = (level.overlay, level.level, to_us(level.start), to_us(level.until), level.by)
        self._connection.execute(
            f"INSERT INTO overlay_level ({_LEVEL}) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (*row, level.reason, made_of(level.reason)),
        )

    def clear_level(self, overlay: str, now: datetime, by: str, reason: str) -> None:
        """End the level that an overlay has."""
        with self._change():
            self._end_level(
                overlay, now, msg("cleared by {user}: {reason}", user=by, reason=reason)
            )
            self._note(now, by, "api", "overlay.clear", reason, {"overlay": overlay})

    def _end_level(self, overlay: str, now: datetime, how: str) -> None:
        self._connection.execute(
            "UPDATE overlay_level SET ended_us = ?, ended = ?, ended_made_of = ? "
            "WHERE overlay = ? AND ended_us IS NULL",
            (to_us(now), how, made_of(how), overlay),
        )

    # --- extensions --------------------------------------------------------------------------

    def put_extensions(
        self,
        extensions: Sequence[Extension],
        now: datetime,
        *,
        ended: Sequence[int] = (),
        by: str = "",
        reason: str = "",
    ) -> tuple[Extension, ...]:
        """Keep extensions that one person asked for at once; returns them with their ids.

        Extensions in `ended` end at `now`; what has not begun never begins.
        """
        with self._change():
            for number in ended:
                self._end_extension(number, now, by, reason)
            return tuple(self._add_extension(extension, now) for extension in extensions)

    def _add_extension(self, extension: Extension, now: datetime) -> Extension:
        row = (extension.unit, extension.target, to_us(extension.start))
        setpoints = dict(extension.setpoints)
        cursor = self._connection.execute(
            "INSERT INTO extension (unit, target, start_us, end_us, mode, setpoints, by, "
            "reason, reason_made_of) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *row,
                to_us(extension.end),
                extension.mode,
                json.dumps(setpoints, sort_keys=True),
                extension.by,
                extension.reason,
                made_of(extension.reason),
            ),
        )
        assert cursor.lastrowid is not None
        kept = replace(extension, id=cursor.lastrowid)
        details = {
            "extension": kept.id,
            "unit": kept.unit,
            "target": kept.target,
            "mode": kept.mode,
            "from": kept.start.isoformat(),
            "until": kept.end.isoformat(),
            **({"setpoints": setpoints} if setpoints else {}),
        }
        self._note(now, kept.by, "api", "unit.extend", kept.reason, details)
        return kept

    def _end_extension(self, number: int, now: datetime, by: str, reason: str) -> None:
        how = msg("ended by {user}: {reason}", user=by, reason=reason)
        self._connection.execute(
            "UPDATE extension SET ended_us = ?1, ended = ?2, ended_made_of = ?3, "
            "end_us = max(start_us, ?1) WHERE id = ?4 AND ended_us IS NULL AND end_us > ?1",
            (to_us(now), how, made_of(how), number),
        )
        self._note(now, by, "api", "unit.end", reason, {"extension": number})

    # --- the audit ---------------------------------------------------------------------------

    @contextmanager
    def _change(self) -> Iterator[None]:
        """A durable change that is in the audit too, or waits for it."""
        with transaction(self._connection, self._path):
            yield
        self._outbox.deliver()

    def _note(
        self, now: datetime, who: str, via: str, what: str, why: str, details: Mapping[str, Any]
    ) -> None:
        self._outbox.note(now, who, via, what, why, details)


def read_rows(connection: sqlite3.Connection, path: Path, now: datetime) -> Switched:
    """What stands switched, with the extensions that ended a few days before `now`."""
    with store_errors(path):
        spells = connection.execute(
            f"SELECT {_SPELL} FROM season_spell WHERE withdrawn_us IS NULL ORDER BY start_us, id"
        ).fetchall()
        levels = connection.execute(
            f"SELECT {_LEVEL} FROM overlay_level WHERE ended_us IS NULL ORDER BY id"
        ).fetchall()
        extensions = connection.execute(
            f"SELECT {_EXTENSION} FROM extension "
            "WHERE end_us > ? AND (ended_us IS NULL OR ended_us > start_us) ORDER BY id",
            (to_us(now - EXTENSIONS_KEPT),),
        ).fetchall()
    return Switched(
        tuple(_spell(row) for row in spells),
        tuple(_level(row) for row in levels),
        tuple(_extension(row) for row in extensions),
    )


def _spell(row: tuple[str, str, int, str, Cause, str, str, str | None]) -> Spell:
    set_id, base, start_us, season, cause, by, reason, made = row
    return Spell(set_id, base, from_us(start_us), season, cause, by, remade(reason, made))


def _level(row: tuple[str, str, int, int, str, str, str | None]) -> OverlayLevel:
    overlay, level, start_us, until_us, by, reason, made = row
    start, until = from_us(start_us), from_us(until_us)
    return OverlayLevel(overlay, level, start, until, by, remade(reason, made))


def _extension(row: tuple[int, str, str, int, int, str, str, str, str, str | None]) -> Extension:
    number, unit, target, start_us, end_us, mode, setpoints, by, reason, made = row
    values: Mapping[str, float] = MappingProxyType(json.loads(setpoints))
    start, end, why = from_us(start_us), from_us(end_us), remade(reason, made)
    return Extension(number, unit, target, start, end, mode, values, by, why)
