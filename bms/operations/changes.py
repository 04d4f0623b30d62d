"""Changes that, once begun, are carried to their end, whatever becomes of who asked."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

from bms.core.decisions import Condition, Severity
from bms.core.errors import BmsError, Unfinished
from bms.operations.runtime import Runtime
from bms.storage.state import Store
from bms.texts.messages import message_of, msg

_log = logging.getLogger(__name__)

T = TypeVar("T")


class InStore(Protocol):
    """Runs a call with the state database beside the loop; durable when it returns. Raises
    StoreError while the disk does not take it."""

    async def __call__(self, call: Callable[[Store], T]) -> T: ...


WITHIN_S = 8.0
"""Who asks waits this long for a change to be stored: less than the socket waits for an answer."""

LOST = "changes:lost"
"""Key of the alarm that a change failed after whoever asked had gone."""


class Changes:
    """One change at a time: each is planned on what the one before has left."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._alone = asyncio.Lock()
        self._open: set[asyncio.Task[object]] = set()

    async def carry_out(
        self, change: Callable[[], Awaitable[T]], within_s: float | None = None
    ) -> T:
        """Check, store and put in force, as `change` does it.

        Raises what it raises, or Unfinished when it takes too long. It then goes on: it comes
        into force when it is stored, and an alarm says so if it fails.
        """
        limit_s = WITHIN_S if within_s is None else within_s
        task = asyncio.create_task(self._one(change))
        self._open.add(task)
        task.add_done_callback(self._open.discard)
        try:
            done, _ = await asyncio.wait({task}, timeout=limit_s)
        except asyncio.CancelledError:
            task.add_done_callback(self._ended)
            raise
        if not done:
            task.add_done_callback(self._ended)
            raise Unfinished(
                msg(
                    "not stored within {limit_s:g} s and not in force yet: it comes into force as "
                    "soon as it is stored; look before you ask again",
                    limit_s=limit_s,
                )
            )
        return task.result()

    async def drained(self, within_s: float) -> None:
        """Wait for what is being carried out; the process is about to end."""
        if self._open:
            await asyncio.wait(self._open, timeout=within_s)

    async def _one(self, change: Callable[[], Awaitable[T]]) -> T:
        async with self._alone:
            made = await change()
        self._runtime.clear_own(LOST)
        return made

    def _ended(self, task: asyncio.Task[T]) -> None:
        """Nobody waits for the outcome any longer."""
        if task.cancelled():
            return
        error = task.exception()
        if error is None:
            _log.warning("a change that nobody waited for any longer is stored and in force")
            return
        _log.error("a change that nobody waited for any longer failed: %s", error)
        cause = message_of(error) if isinstance(error, BmsError) else msg("see the log")
        text = msg(
            "a change that took long to store was not carried out: {cause}; ask for it again",
            cause=cause,
        )
        self._runtime.raise_own(Condition(LOST, Severity.URGENT, text))
