"""Keeps what a power cut must leave: the controllers' states, and the seasons that began."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from bms.core.decisions import Condition, Severity
from bms.core.errors import StoreError, UnusableFile
from bms.core.switched import Spell
from bms.core.threads import in_thread
from bms.operations.runtime import Runtime
from bms.storage.aside import opened, put_aside
from bms.storage.state import FILE_NAME, InForce, Store, open_store
from bms.texts.messages import msg

T = TypeVar("T")

_log = logging.getLogger(__name__)

CHAIN = "audit:chain"
"""Key of the alarm that the audit is another one than it was."""

SAVE_STATES_S = 10.0
"""How much of timers and run hours a power cut may lose."""


class StateFile:
    """The state database of a running site; a copy of it in memory while the disk refuses it."""

    def __init__(self, directory: Path, now: Callable[[], datetime]) -> None:
        self._directory = directory
        self._now = now
        self.store, self._trouble = open_store(directory, now)
        """What is known now, whether it can be kept or not."""

    def close(self) -> None:
        self.store.close()

    def try_again(self) -> None:
        """Leave the copy once the disk takes the file; raises StoreError while it does not."""
        if self._trouble is None:
            return
        path = self._directory / FILE_NAME
        store = opened(path, lambda: Store(self._directory), self._now)
        copy, self.store = self.store, store
        self._trouble = None
        copy.close()

    def renew(self, error: UnusableFile, known: InForce) -> None:
        """Go on with a new file that has what is in force: this one turned out to be damaged.

        Raises StoreError.
        """
        now = self._now()
        put_aside(error, now)
        store = Store(self._directory)
        try:
            store.take_over(known, now)
        except BaseException:
            store.close()
            raise
        damaged, self.store = self.store, store
        damaged.close()


class StateTask:
    """Stores the states now and then, and at once what began by itself."""

    def __init__(
        self,
        runtime: Runtime,
        file: StateFile,
        thread: ThreadPoolExecutor,
        now: Callable[[], datetime],
    ) -> None:
        self._runtime = runtime
        self._file = file
        self._thread = thread
        self._now = now
        self._begun = asyncio.Event()
        self._begun_before: tuple[Spell, ...] = ()

    async def run(self) -> None:
        """Store until cancelled."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(SAVE_STATES_S):
                    await self._begun.wait()
            self._begun.clear()
            await self.save()
            await self._anchor()

    async def _anchor(self) -> None:
        """Keep what the audit's last entry is; the log takes it off this machine."""
        try:
            new = await self.in_store(lambda store: store.anchors.keep())
        except StoreError:
            return  # said by `save`
        trouble = self._file.store.anchors.trouble
        if trouble is None:
            self._runtime.clear_own(CHAIN)
        else:
            self._runtime.raise_own(Condition(CHAIN, Severity.CRITICAL, trouble))
        if new is not None:
            _log.info("audit: entry %d has the hash %s", new.number, new.digest)

    async def tell_audit(self) -> None:
        """Put the audit's last entry into the log: once a day, where logs are kept for weeks."""
        last = self._file.store.anchors.last
        if last is not None and last.number:
            _log.info("audit: entry %d has the hash %s", last.number, last.digest)

    def look(self) -> None:
        """After a cycle: a season that began is kept at once, not with the next states."""
        if (spells := self._runtime.live_switched.begun()) != self._begun_before:
            self._begun_before = spells
            self._begun.set()

    async def in_store(self, call: Callable[[Store], T]) -> T:
        """What a call with the store on the disk answers; durable when this returns.

        Raises StoreError while the disk does not take it. What waits to be audited is an alarm.
        """

        runtime = self._runtime
        known = InForce(
            tuple(runtime.overrides.values()),
            runtime.live_switched.switched,
            runtime.interventions,
        )

        def work() -> tuple[T, StoreError | None]:
            self._file.try_again()
            try:
                answer = call(self._file.store)
            except UnusableFile as error:
                self._file.renew(error, known)
                answer = call(self._file.store)
            return answer, self._file.store.outbox.trouble

        answer, unaudited = await in_thread(self._thread, work)
        if unaudited is None:
            self._runtime.clear_own("audit")
        else:
            text = msg("changes are not being audited: {error}", error=unaudited)
            self._runtime.raise_own(Condition("audit", Severity.CRITICAL, text))
        return answer

    async def save(self) -> None:
        """Store now; what keeps the disk from it becomes an alarm."""
        states, begun = self._runtime.states(), self._runtime.live_switched.begun()
        now = self._now()
        try:
            await self.in_store(lambda store: store.save_states(states, begun, now))
        except StoreError as error:
            # A full disk must not stop the control of a park: go on, and say so.
            _log.error("states: cannot store: %s", error)
            text = msg("controller states are not being stored: {error}", error=error)
            self._runtime.raise_own(Condition("store:states", Severity.CRITICAL, text))
        else:
            self._runtime.live_switched.kept(begun)
            self._runtime.clear_own("store:states")
