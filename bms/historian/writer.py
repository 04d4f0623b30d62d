"""Brings batches to the history one after the other, beside the control loop."""

from __future__ import annotations

import asyncio
import functools
import logging
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from bms.errors import StoreError
from bms.historian.embedded import History
from bms.historian.records import Batch

_log = logging.getLogger(__name__)

QUEUED_BATCHES = 600
"""Ten minutes of one-second commits while the disk is stuck; then the oldest trends go first."""
RETRY_S = 5.0


class HistoryWriter:
    """A queue in memory in front of the disk. `trouble` is told why nothing is stored, or None."""

    def __init__(
        self,
        history: History,
        thread: ThreadPoolExecutor,
        trouble: Callable[[StoreError | None], None],
    ) -> None:
        self._history = history
        self._thread = thread
        self._trouble = trouble
        self._batches: deque[Batch] = deque()
        self._ready = asyncio.Event()
        self.dropped = 0
        """Batches whose samples were given up."""

    @property
    def waiting(self) -> int:
        return len(self._batches)

    def put(self, batch: Batch | None) -> None:
        """Take a batch; never waits."""
        if batch is None:
            return
        if len(self._batches) >= QUEUED_BATCHES:
            # The disk has been stuck for minutes. Trends of the oldest batch go; readings,
            # awards and alarms are kept by joining them to the next batch.
            oldest = self._batches.popleft()
            self._batches[0] = oldest.without_samples().joined(self._batches[0])
            self.dropped += 1
        self._batches.append(batch)
        self._ready.set()

    async def run(self) -> None:
        """Store what is put until cancelled."""
        while True:
            await self._ready.wait()
            self._ready.clear()
            while self._batches:
                batch = self._batches[0]
                try:
                    await self._append(batch)
                except StoreError as error:
                    _log.error("history: keeping it in memory and trying again: %s", error)
                    self._trouble(error)
                    await asyncio.sleep(RETRY_S)
                    continue
                except Exception:
                    # It would fail for ever, and everything after it wait for ever.
                    _log.exception("history: what cannot be stored is left out")
                    self.dropped += 1
                    await self._declare_again(batch)
                else:
                    self._trouble(None)
                if self._batches and self._batches[0] is batch:
                    self._batches.popleft()

    async def drain(self, limit_s: float) -> None:
        """Wait until everything is stored, at most `limit_s`."""
        with suppress(TimeoutError):
            async with asyncio.timeout(limit_s):
                while self._batches:
                    await asyncio.sleep(0.01)
        if self._batches:
            _log.error("history: %d batches could not be stored before the stop", self.waiting)

    async def _append(self, batch: Batch) -> None:
        append = functools.partial(self._history.append, batch)
        await asyncio.get_running_loop().run_in_executor(self._thread, append)

    async def _declare_again(self, batch: Batch) -> None:
        """Only the first batch declares points and meters: later ones need them all the same."""
        with suppress(Exception):
            await self._append(Batch(series=batch.series, meters=batch.meters))
