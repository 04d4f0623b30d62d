"""Goals, rounds, findings and measures of a site, with every version of each.

`management.db` lies apart from the state of the controller: no cycle waits for it. An item is
JSON of its model, and a change adds a version; nothing is overwritten. A change and its entry of
the audit are one transaction.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, TypeVar

from bms.core.errors import InvalidInput, StoreError, UnusableFile
from bms.core.instants import from_ms, to_ms
from bms.energy.management.managed_items import Finding, Goal, Item, Measure, Round
from bms.storage.aside import opened
from bms.storage.outbox import TABLE, Outbox
from bms.storage.sqlite import Closing, Layout, open_database, store_errors, transaction
from bms.texts.messages import Message, message_of, msg

FILE_NAME: Final = "management.db"
LAYOUT: Final = Layout(
    msg("energy management"),
    0x424D534D,  # "BMSM"
    1,
    f"""
CREATE TABLE version (id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL,
    number INTEGER NOT NULL, time_ms INTEGER NOT NULL, who TEXT NOT NULL, what TEXT NOT NULL,
    why TEXT NOT NULL, item TEXT NOT NULL);
CREATE INDEX version_item ON version (kind, number, id);
{TABLE}
""",
)
KINDS: Final[dict[type[Item], str]] = {
    Goal: "goal",
    Round: "round",
    Finding: "finding",
    Measure: "measure",
}

T = TypeVar("T", Goal, Round, Finding, Measure)


@dataclass(frozen=True, slots=True)
class Author:
    """Who changes something, when, and which way they came."""

    who: str
    now: datetime
    via: str


@dataclass(frozen=True, slots=True)
class Version:
    """One change of an item: `what` is a dotted word, as in the audit."""

    time: datetime
    who: str
    what: str
    why: str


class ManagementStore(Closing):
    """What is managed at one site. A context manager; one thread at a time. Raises StoreError."""

    def __init__(self, directory: Path, *, read_only: bool = False) -> None:
        self._path = directory / FILE_NAME
        self._db = open_database(self._path, LAYOUT, read_only=read_only)
        self._outbox = Outbox(self._db, self._path, "management")

    def close(self) -> None:
        self._db.close()

    def all(self, kind: type[T]) -> list[T]:
        """Every item of a kind as it stands, by number."""
        with store_errors(self._path):
            rows = self._db.execute(
                "SELECT item FROM version WHERE id IN "
                "(SELECT max(id) FROM version WHERE kind = ? GROUP BY number) ORDER BY number",
                (KINDS[kind],),
            ).fetchall()
        return [kind.model_validate_json(text) for (text,) in rows]

    def one(self, kind: type[T], number: int) -> T:
        """One item as it stands. Raises InvalidInput if there is none."""
        with store_errors(self._path):
            row = self._db.execute(
                "SELECT item FROM version WHERE kind = ? AND number = ? ORDER BY id DESC",
                (KINDS[kind], number),
            ).fetchone()
        if row is None:
            raise InvalidInput(no_such(kind, number))
        return kind.model_validate_json(row[0])

    def versions(self, kind: type[T], number: int) -> list[Version]:
        """The changes of an item, the first one first."""
        with store_errors(self._path):
            rows = self._db.execute(
                "SELECT time_ms, who, what, why FROM version WHERE kind = ? AND number = ? "
                "ORDER BY id",
                (KINDS[kind], number),
            ).fetchall()
        return [Version(from_ms(ms), *words) for ms, *words in rows]

    def read_through(self) -> None:
        """Return if everything reads back. Raises ValueError for what makes no sense."""
        self.all(Goal)
        self.all(Round)
        self.all(Finding)
        self.all(Measure)

    @contextmanager
    def changing(self) -> Iterator[None]:
        """A transaction around what is read and then put: others change before or after. What the
        audit cannot take now waits in this file."""
        with transaction(self._db, self._path):
            yield
        self.deliver()

    def deliver(self) -> None:
        """Bring entries into the audit that wait here."""
        self._outbox.deliver()

    def put(self, item: T, author: Author, verb: str, why: str = "") -> T:
        """Keep another version of an item, or a new one, which gets its number. In `changing`."""
        kind = KINDS[type(item)]
        with store_errors(self._path):
            number = item.number
            if not number:
                (last,) = self._db.execute(
                    "SELECT coalesce(max(number), 0) FROM version WHERE kind = ?", (kind,)
                ).fetchone()
                number = last + 1
            kept = item.model_copy(update={"number": number})
            what = f"{kind}.{verb}"
            self._db.execute(
                "INSERT INTO version (kind, number, time_ms, who, what, why, item) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)",
                (kind, number, to_ms(author.now), author.who, what, why, kept.model_dump_json()),
            )
            details = {kind: number, "title": item.title}
            self._outbox.note(author.now, author.who, author.via, what, why, details)
        return kept


def no_such(kind: type[T], number: int) -> Message:
    """That there is no item of that number."""
    if kind is Goal:
        return msg("there is no goal {number}", number=number)
    if kind is Round:
        return msg("there is no round {number}", number=number)
    if kind is Finding:
        return msg("there is no finding {number}", number=number)
    return msg("there is no measure {number}", number=number)


def open_to_change(directory: Path, now: datetime) -> ManagementStore:
    """The store for who changes it; made if there is none. A damaged file is put aside first."""
    return opened(directory / FILE_NAME, lambda: _read_through(directory), lambda: now)


def _read_through(directory: Path) -> ManagementStore:
    try:
        store = ManagementStore(directory)
    except UnusableFile as error:
        if error.why == "newer":  # its register is whole: a later version of the program reads it
            raise StoreError(message_of(error)) from error
        raise
    try:
        store.read_through()
        store.deliver()
    except BaseException:
        store.close()
        raise
    return store


@contextmanager
def reading(directory: Path) -> Iterator[ManagementStore | None]:
    """The store for who only looks; None before anything was kept."""
    if not (directory / FILE_NAME).exists():
        yield None
        return
    with ManagementStore(directory, read_only=True) as store:
        yield store


def kept(store: ManagementStore | None, kind: type[T]) -> list[T]:
    """Every item of a kind; none before anything was kept."""
    return [] if store is None else store.all(kind)
