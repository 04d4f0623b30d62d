"""Overrides and releases on their way to the disk, in the order in which they were asked for.

Each is stored together with its entry of the audit, and then in force. They alone may come before
that: a disk that is full or slow must not keep a person from a machine. What is not stored in time
is in force in memory, an alarm says so, and it is stored and audited when the disk takes it.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal, TypeVar

from bms.core.decisions import Condition, Override, Severity
from bms.core.errors import Refused, StoreError
from bms.operations import changes
from bms.operations.changes import InStore
from bms.operations.runtime import Runtime
from bms.storage.state import Store
from bms.texts.messages import message_of, msg, plural

_log = logging.getLogger(__name__)

T = TypeVar("T")

RETRY_S = 5.0

WAITING = "store:overrides"
"""Key of the alarm that overrides or releases are not on the disk."""


@dataclass(frozen=True, slots=True)
class OverrideChange:
    """What becomes of one override, who asked for it, and why."""

    what: Literal["set", "extend", "clear"]
    override: Override
    """As it is to be; of a release, as it was."""
    now: datetime
    who: str
    why: str


@dataclass(slots=True, eq=False)
class _Waiting:
    """A change that is not on the disk; `outcome` is the override and whether it is stored."""

    change: OverrideChange
    outcome: asyncio.Future[tuple[Override, bool]]
    in_force: bool = False


@dataclass(slots=True)
class OverrideRecord:
    """Puts overrides and releases on the disk and in force; `run` does the storing."""

    runtime: Runtime
    in_store: InStore
    last_number: int
    """The greatest number that an override has had."""
    _waiting: deque[_Waiting] = field(default_factory=deque, init=False)
    _asked: asyncio.Event = field(default_factory=asyncio.Event, init=False)
    _idle: asyncio.Event = field(default_factory=asyncio.Event, init=False)
    _trouble: str = field(default="", init=False)
    """Why the disk does not take what was tried last; nobody waits for it while it does not."""

    async def carry_out(self, change: OverrideChange) -> tuple[Override, bool]:
        """Store it and put it in force; returns the override, and whether it is on the disk.

        Raises Refused if the override was replaced or released meanwhile.
        """
        if change.what == "set":
            self.last_number += 1
            change = replace(change, override=replace(change.override, id=self.last_number))
        waiting = _Waiting(change, asyncio.get_running_loop().create_future())
        waiting.outcome.add_done_callback(asyncio.Future.exception)  # who asked may have gone
        self._waiting.append(waiting)
        self._asked.set()
        if self._trouble:
            self._go_ahead(self._trouble)
        done, _ = await asyncio.wait({waiting.outcome}, timeout=changes.WITHIN_S)
        if not done:
            self._go_ahead(msg("it takes more than {limit_s:g} s", limit_s=changes.WITHIN_S))
        return waiting.outcome.result()

    def is_stored(self, number: int) -> bool:
        """Whether everything that was asked of an override is on the disk."""
        return all(waiting.change.override.id != number for waiting in self._waiting)

    async def run(self) -> None:
        """Store what is asked for, one after the other, again until the disk takes it."""
        if self._waiting:
            self._asked.set()  # left from a run that failed
        try:
            while True:
                await self._asked.wait()
                self._asked.clear()
                self._idle.clear()
                while self._waiting:
                    if not await self._store_first():
                        await asyncio.sleep(RETRY_S)
                self._idle.set()
        finally:
            for waiting in self._waiting:
                change = waiting.change
                _log.error("override %d: its %s is not stored", change.override.id, change.what)

    async def drained(self, within_s: float) -> None:
        """Wait for what is being stored; the process is about to end."""
        if self._waiting:
            with suppress(TimeoutError):
                async with asyncio.timeout(within_s):
                    await self._idle.wait()

    async def _store_first(self) -> bool:
        waiting = self._waiting[0]
        try:
            stored = await self.in_store(lambda store: _stored(store, waiting.change))
        except StoreError as error:
            self._go_ahead(message_of(error))
            return False
        except Refused as error:
            self._waiting.remove(waiting)
            _log.error("override %d: %s", waiting.change.override.id, error)
            if not waiting.outcome.done():
                waiting.outcome.set_exception(error)
        else:
            self._waiting.remove(waiting)
            self._renumber(waiting.change.override, stored.id)
            if not waiting.in_force:
                waiting.change = replace(waiting.change, override=stored)
                self._put_in_force(waiting)
            if not waiting.outcome.done():
                waiting.outcome.set_result((stored, True))
        self._trouble = ""
        if not self._waiting:
            self.runtime.clear_own(WAITING)
        return True

    def _go_ahead(self, cause: str) -> None:
        """The disk does not take it now: everything that waits is in force from now on."""
        self._trouble = cause
        for waiting in tuple(self._waiting):
            if waiting.in_force:
                continue
            override = waiting.change.override
            if waiting.change.what == "extend" and override.id not in self.runtime.overrides:
                self._waiting.remove(waiting)
                waiting.outcome.set_exception(_gone(override))
                continue
            self._put_in_force(waiting)
            waiting.outcome.set_result((override, False))
        if not self._waiting:
            return
        text = plural(
            "{count} override or release is in force and not stored, a restart would forget it: "
            "{cause}",
            "{count} overrides and releases are in force and not stored, a restart would forget "
            "them: {cause}",
            count=len(self._waiting),
            cause=cause,
        )
        _log.error("%s", text)
        self.runtime.raise_own(Condition(WAITING, Severity.CRITICAL, text))

    def _put_in_force(self, waiting: _Waiting) -> None:
        waiting.in_force = True
        change = waiting.change
        override = change.override
        if change.what == "clear":
            self.runtime.drop_override(override.id)
        else:
            self.runtime.put_override(override)
        until = override.until.isoformat(timespec="seconds")
        _log.info(
            "override.%s %d: %s = %s by %s until %s: %s",
            change.what, override.id, override.point, override.value, change.who, until,
            change.why,
        )  # fmt: skip

    def _renumber(self, override: Override, number: int) -> None:
        """The database had the number already: it was not readable when the controller began."""
        if number == override.id:
            return
        self.last_number = max(self.last_number, number)
        for waiting in self._waiting:
            if waiting.change.override.id == override.id:
                named = replace(waiting.change.override, id=number)
                waiting.change = replace(waiting.change, override=named)
        live = self.runtime.overrides.get(override.id)
        if live is not None:
            self.runtime.put_override(replace(live, id=number))


def _stored(store: Store, change: OverrideChange) -> Override:
    override = change.override
    if change.what == "set":
        return store.add(override)
    if change.what == "extend":
        if not store.extend(override, change.now, change.who, change.why):
            raise _gone(override)
        return override
    store.clear(override.id, change.now, change.who, change.why)
    return override


def _gone(override: Override) -> Refused:
    return Refused(msg("override {number} has been cleared meanwhile", number=override.id))
