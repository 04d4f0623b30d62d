"""Watches the state directory of a running site: whose it is, and what was put aside in it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Final

from bms.app.watching.beginning import take
from bms.core.decisions import Condition, Severity
from bms.core.errors import Refused, StoreError, Unusable
from bms.core.threads import in_thread
from bms.operations.runtime import Runtime
from bms.storage.aside import Aside, lying_aside
from bms.storage.lock import SiteLock
from bms.storage.sqlite import make_directory
from bms.texts.messages import Message, message_of, msg

LOOK_S = 5.0
LOOKS_BEFORE_ENDING = 3
UNLOCKED = "store:lock"

_WHY: Final[Mapping[Unusable, Message]] = {
    "damaged": msg("it is damaged"),
    "foreign": msg("it is no file of this program"),
    "misplaced": msg("it belongs to another history"),
    "newer": msg("a later version of the program wrote it"),
    "unreadable": msg("this account may not read it"),
}
_LOST: Final[Mapping[str, Message]] = {
    "state.db": msg(
        "overrides, levels, switched seasons, timers and run hours that stood only in it are no "
        "longer in force: look at the plant and set them again"
    ),
    "history.db": msg(
        "the history begins afresh, and what was recorded before is not shown; the ledger and its "
        "reports go on"
    ),
    "ledger.db": msg(
        "quarter hours are made again from the readings; what people entered (replacements, "
        "corrections, imports) is missing: enter it again"
    ),
    "roll.db": msg("quarter hours are made again from the raw files"),
    "uploads.db": msg(
        "messages to platforms that were not acknowledged are missing; set `since` in uploads.yaml "
        "to the day from which they are made again"
    ),
    "management.db": msg(
        "goals, rounds, findings and measures begin at nothing: restore the file from a backup, or "
        "enter them again"
    ),
    "sinks.db": msg("copies in databases begin again from the start; twice does no harm"),
}
_ELSE: Final = msg("what stood in it is missing")


class StateWatch:
    """Holds the lock of a site, and tells of files that were put aside."""

    def __init__(
        self,
        runtime: Runtime,
        lock: SiteLock,
        thread: ThreadPoolExecutor,
        now: Callable[[], datetime],
    ) -> None:
        self._runtime = runtime
        self._lock = lock
        self._thread = thread
        self._now = now
        self._told: set[str] = set()

    async def hold(self) -> None:
        """Take the lock where it is not held (again), until cancelled. Raises Refused if another
        controller keeps it by now: two must never command one plant, so that this one ends."""
        refused = 0
        while True:
            try:
                await in_thread(self._thread, self._take)
            except Refused:
                # One that is started by mistake holds it for a moment, and finds us on the socket.
                refused += 1
                if refused >= LOOKS_BEFORE_ENDING:
                    raise
            except Exception as error:
                cause = message_of(error) if isinstance(error, StoreError) else repr(error)
                text = msg(
                    "the lock of this site cannot be held: {cause}; do not start a second "
                    "controller",
                    cause=cause,
                )
                self._runtime.raise_own(Condition(UNLOCKED, Severity.URGENT, text))
            else:
                refused = 0
                self._runtime.clear_own(UNLOCKED)
            await asyncio.sleep(LOOK_S)

    async def tell(self) -> None:
        """Raise one alarm for each file that lies aside, until cancelled."""
        state_dir = self._runtime.site.state_dir
        while True:
            found = await in_thread(self._thread, lying_aside, state_dir)
            conditions = {c.key: c for c in (_condition(aside) for aside in found)}
            for condition in conditions.values():
                self._runtime.raise_own(condition)
            for key in self._told - conditions.keys():
                self._runtime.clear_own(key)
            self._told = set(conditions)
            await asyncio.sleep(LOOK_S)

    def _take(self) -> None:
        if not self._lock.is_held:
            make_directory(self._runtime.site.state_dir)
            take(self._lock, self._now)


def _condition(aside: Aside) -> Condition:
    severity = Severity.CRITICAL if aside.name == "state.db" else Severity.URGENT
    text = msg(
        "{name} was put aside at {time:%Y-%m-%d %H:%M}Z, for {why}; {lost}. It lies in {folder}: "
        "keep what you need of it and move it out of the state directory, and this alarm ends",
        name=aside.name,
        time=aside.time,
        why=_WHY[aside.why],
        lost=_LOST.get(aside.name, _ELSE),
        folder=aside.folder,
    )
    return Condition(f"{aside.name}:aside", severity, text)
