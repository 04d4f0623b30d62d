"""The history of a running site: what is recorded, when it may be stored, how it is kept."""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

from bms.app.upkeep_round import COMMAND
from bms.config.site import Site
from bms.control.engine.cycle import Cycle
from bms.core.clock import Clock, SystemClock
from bms.core.decisions import Condition, Severity
from bms.core.errors import DiskError, StoreError, UnusableFile
from bms.core.threads import in_thread
from bms.forward.positions import least_taken
from bms.historian.files.roll_layout import made_from_history
from bms.historian.log.embedded import History
from bms.historian.log.log_queries import FILE_NAME
from bms.historian.recording.gate import ClockGate
from bms.historian.recording.recorder import Recorder
from bms.historian.recording.writer import HistoryWriter
from bms.historian.records import Batch
from bms.historian.upkeep.upkeep_task import UpkeepTask
from bms.operations.runtime import Runtime
from bms.storage.aside import opened, put_aside
from bms.texts.messages import msg

_log = logging.getLogger(__name__)

LOOK_AT_UPKEEP_S = 5.0


class Recording:
    """Takes every cycle. Run its `writer` and its `upkeep`; their failures become alarms."""

    def __init__(
        self, site: Site, runtime: Runtime, clock: Clock, thread: ThreadPoolExecutor
    ) -> None:
        """Opens the history; one that can never be used is put aside."""
        self._site = site
        self._runtime = runtime
        self._clock = clock
        self._thread = thread
        settings = site.file.history
        self.upkeep = UpkeepTask(site, clock.now, self._prune, self._raw_sinks(), COMMAND)
        self.writer = HistoryWriter(self._opened, self._put_aside, thread, self._trouble, clock.now)
        self._recorder = Recorder(
            site, trend_s=settings.trend_s, commit_s=settings.commit_s, events_at_once=True
        )
        newest = None if self.history is None else self.history.span()[1]
        self._gate = ClockGate(newest, settings.clock_wait_s)

    @property
    def history(self) -> History | None:
        """None while the disk does not let it be opened."""
        return self.writer.history

    def offer(self, cycle: Cycle) -> None:
        """Record a cycle; never waits."""
        changes = (*cycle.changed, *cycle.reordered)
        self._recorder.offer(cycle.time, cycle.snapshot.samples, changes, cycle.alarms)
        self._hand_on(self._recorder.take(cycle.time), cycle.time)

    def renew(self, site: Site) -> None:
        """Go on with other equipment."""
        self._hand_on(self._recorder.last(), self._clock.now())
        self._recorder.renew(site)
        self.upkeep.renew(site)

    def _hand_on(self, batch: Batch | None, now: datetime) -> None:
        if self._gate.open:
            self.writer.put(batch)
        else:
            self._wait_for_clock(batch, now)

    async def finish(self, limit_s: float) -> None:
        """At a stop: hand over unstored batches, and wait for the disk at most this long."""
        steady_s = asyncio.get_running_loop().time()
        for waiting in self._gate.release(self._clock.now(), steady_s):
            self.writer.put(waiting)
        self.writer.put(self._recorder.last())
        await self.writer.drain(limit_s)

    async def watch_upkeep(self) -> None:
        """Tell what the upkeep finds wrong, as alarms, until cancelled."""
        while True:
            for key in ("store:upkeep", "store:full"):
                self._runtime.clear_own(key)
            for condition in self.upkeep.conditions():
                self._runtime.raise_own(condition)
            await asyncio.sleep(LOOK_AT_UPKEEP_S)

    def view(self) -> dict[str, Any]:
        """For the status: plain JSON values."""
        return {
            "history_waiting": self.writer.waiting,
            "history_stored": self.writer.stored,
            "history_dropped": self.writer.dropped,
            "history": self.upkeep.view(),
        }

    def _wait_for_clock(self, batch: Batch | None, now: datetime) -> None:
        wait_s = self._site.file.history.clock_wait_s
        settled = not isinstance(self._clock, SystemClock) or self._clock.settled(wait_s)
        steady_s = asyncio.get_running_loop().time()
        for released in self._gate.offer(batch, now, steady_s, settled=settled):
            self.writer.put(released)
        if not self._gate.open:
            text = msg(
                "the clock is not set yet: {held} batches of history wait for it",
                held=self._gate.held,
            )
            self._runtime.raise_own(Condition("store:clock", Severity.NORMAL, text))
        else:
            self._runtime.clear_own("store:clock")
            if self._gate.moved:
                _log.warning("history of the start was moved by %s", self._gate.moved)

    def _trouble(self, error: StoreError | None) -> None:
        if error is None:
            self._runtime.clear_own("store:history")
        else:
            text = msg("history is not being stored: {error}", error=error)
            self._runtime.raise_own(Condition("store:history", Severity.CRITICAL, text))
            if isinstance(error, DiskError):
                self.upkeep.hurry()

    def _opened(self) -> History:
        def read_through() -> History:
            history = History(directory)
            try:
                history.span()
            except BaseException:
                history.close()
                raise
            return history

        directory = self._site.state_dir
        return opened(
            directory / FILE_NAME,
            read_through,
            self._clock.now,
            lambda: made_from_history(directory),
        )

    def _put_aside(self, error: UnusableFile) -> None:
        put_aside(error, self._clock.now(), made_from_history(self._site.state_dir))

    def _raw_sinks(self) -> list[str]:
        """The sinks that the log waits for."""
        return [sink.name for sink in self._site.file.influx if "raw" in sink.send]

    async def _prune(self, before: datetime, compacted: tuple[int, int], untaken: bool) -> int:
        history = self.history
        if history is None:
            return 0
        state_dir, sinks = self._site.state_dir, [] if untaken else self._raw_sinks()

        def prune() -> int:
            taken = least_taken(state_dir, sinks, history.uid())
            return history.prune(before, compacted=compacted, taken=taken)

        return await in_thread(self._thread, prune)
