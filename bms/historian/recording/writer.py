"""Brings batches to the history one after the other, beside the control loop."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime

from bms.core.errors import DiskError, StoreError, UnusableFile
from bms.core.threads import in_thread
from bms.historian.log.embedded import History
from bms.historian.records import Batch, Dropped, Meter, Series
from bms.texts.messages import msg
from drivers.points import PointId

_log = logging.getLogger(__name__)

QUEUED_BATCHES = 600
"""Ten minutes of one-second commits while the disk is stuck; then the oldest trends go first."""
RETRY_S = 5.0


class HistoryWriter:
    """A queue in memory in front of the disk. `trouble` is told why nothing is stored, or None."""

    def __init__(
        self,
        open_history: Callable[[], History],
        put_aside: Callable[[UnusableFile], object],
        thread: ThreadPoolExecutor,
        trouble: Callable[[StoreError | None], None],
        now: Callable[[], datetime],
    ) -> None:
        """Opens the history. What does not open now is tried again while `run` runs.

        `open_history` finds a file that can never be opened out of its way; one that turns out to
        be damaged later is given to `put_aside`. Both raise StoreError.
        """
        self._open = open_history
        self._put_aside = put_aside
        self._series: dict[PointId, Series] = {}
        self._meters: dict[PointId, Meter] = {}
        self._uid = ""
        """Of the history that all of these are declared in."""
        self._thread = thread
        self._trouble = trouble
        self._now = now
        self._batches: deque[Batch] = deque()
        self._ready = asyncio.Event()
        self.history: History | None = None
        self.dropped = 0
        """Samples that were given up because the disk was stuck for too long."""
        self.stored = 0
        """The newest log row that is on disk: a power cut can no longer take it."""
        try:
            self.history = open_history()
        except StoreError as error:
            _log.error("history: going on without it: %s", error)
            trouble(error)

    def close(self) -> None:
        """Close the history; the thread has ended."""
        if self.history is not None:
            self.history.close()

    @property
    def waiting(self) -> int:
        return len(self._batches)

    def put(self, batch: Batch | None) -> None:
        """Take a batch; never waits."""
        if batch is None:
            return
        if len(self._batches) >= QUEUED_BATCHES:
            # The disk has been stuck for minutes. Trends of the oldest batch go, with a note;
            # readings, awards and alarms are kept by joining them to the next batch.
            oldest = self._batches.popleft()
            note = self._note(oldest, msg("the disk was stuck"))
            self._batches[0] = oldest.without_samples().joined(self._batches[0]).noting(note)
        self._batches.append(batch)
        self._ready.set()

    async def run(self) -> None:
        """Store what is put until cancelled."""
        if self._batches:
            self._ready.set()  # left from a run that failed
        while True:
            await self._ready.wait()
            self._ready.clear()
            while self._batches:
                batch = self._batches[0]
                try:
                    await self._append(batch)
                except DiskError as error:
                    _log.error("history: keeping it in memory and trying again: %s", error)
                    self._trouble(error)
                    await asyncio.sleep(RETRY_S)
                    await self._reopen()
                    continue
                except UnusableFile as error:
                    self._trouble(error)
                    if not await self._renew(error):
                        await asyncio.sleep(RETRY_S)
                    continue
                except StoreError as error:
                    _log.error("history: keeping it in memory and trying again: %s", error)
                    self._trouble(error)
                    await asyncio.sleep(RETRY_S)
                    continue
                except Exception:
                    # It would fail for ever, and everything after it wait for ever.
                    _log.exception("history: what cannot be stored is left out")
                    note = self._note(batch, msg("it cannot be stored"))
                    await self._declare_again(batch, note)
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
        if self.history is None:
            await self._reopen()
        if self.history is None:
            raise DiskError(msg("the history cannot be opened; check the disk"))
        self._series.update((series.point, series) for series in batch.series)
        self._meters.update((meter.point, meter) for meter in batch.meters)
        history = self.history

        def append() -> int:
            if (uid := history.uid()) == self._uid:
                return history.append(batch)
            # Only the first batch declares what it has; this is another history.
            declared = Batch(series=[*self._series.values()], meters=[*self._meters.values()])
            stored = history.append(declared.joined(batch))
            self._uid = uid
            return stored

        self.stored = await in_thread(self._thread, append)

    async def _reopen(self) -> None:
        """A connection made before a disk was remounted never writes again: make another."""

        def renew() -> History:
            if self.history is not None:
                self.history.close()
                self.history = None
            return self._open()

        with suppress(StoreError):
            self.history = await in_thread(self._thread, renew)

    async def _renew(self, error: UnusableFile) -> bool:
        """Go on with a new history, this one is damaged; whether there is one."""

        def renew() -> History:
            if self.history is not None:
                self.history.close()
                self.history = None
            self._put_aside(error)
            return self._open()

        try:
            self.history = await in_thread(self._thread, renew)
        except StoreError as failed:
            _log.error("history: cannot begin a new one: %s", failed)
            return False
        return True

    async def _declare_again(self, batch: Batch, note: Sequence[Dropped]) -> None:
        """Only the first batch declares points and meters: later ones need them all the same."""
        with suppress(Exception):
            await self._append(
                Batch(
                    series=batch.series,
                    meters=batch.meters,
                    alive=batch.alive,
                    begun=batch.begun,
                    dropped=note,
                )
            )

    def _note(self, batch: Batch, reason: str) -> Sequence[Dropped]:
        """What is lost with the samples of a batch, counted."""
        if not batch.samples:
            return ()
        times = [sample.time for sample in batch.samples]
        self.dropped += len(times)
        return (Dropped(self._now(), "all", min(times), max(times), len(times), 0, reason),)
