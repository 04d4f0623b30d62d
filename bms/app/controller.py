"""Puts one site's controller together and runs it: the only place where the parts meet.

One TaskGroup holds everything: the link pollers, the control cycle, the history writer, the
schedule watcher, the local API, the InfluxDB sink and the scheduler of dated jobs. When one of
them fails for good, all stop and the process ends: a supervisor restarts it.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from apscheduler.schedulers.asyncio import AsyncIOScheduler

from bms.api.handlers import Handlers
from bms.api.protocol import socket_path
from bms.api.server import ApiServer
from bms.api.switches import SwitchHandlers
from bms.app.upkeep_round import COMMAND
from bms.config.site import Site
from bms.config.writing.render import problem_line
from bms.control import STRATEGIES
from bms.control.engine.cycle import Cycle
from bms.core.clock import Clock, SystemClock
from bms.core.decisions import Condition, Severity
from bms.core.errors import DiskError, StoreError
from bms.core.switched import Spell
from bms.energy.today import EnergyToday
from bms.field.image import Field
from bms.field.wiring import driver_for
from bms.forward.positions import least_taken
from bms.historian.log.embedded import History
from bms.historian.recording.gate import ClockGate
from bms.historian.recording.recorder import Recorder
from bms.historian.recording.writer import HistoryWriter
from bms.historian.records import Batch
from bms.historian.upkeep.upkeep_task import UpkeepTask
from bms.ledger.ledger_task import LedgerTask
from bms.operations.editing.watcher import Found, ScheduleFiles
from bms.operations.overrides.kept import Keeping
from bms.operations.runtime import Runtime
from bms.storage.sqlite import make_directory
from bms.storage.state import Store, open_store
from bms.storage.switches import SwitchStore
from bms.texts.messages import msg
from bms.texts.yaml.parsing import Problem
from drivers.base import Write
from drivers.ticker import Ticker

if TYPE_CHECKING:
    from bms.forward.copying.sink import InfluxSink

_log = logging.getLogger(__name__)

T = TypeVar("T")

STOP_WITHIN_S = 2.0
"""Outputs are released and the last batch is stored within this; the process ends within 3 s."""
SAVE_STATES_S = 10.0
"""How much of timers and run hours a power cut may lose."""
KNOW_BEFORE_CONTROL_S = 5.0
"""The first cycle waits this long for links that have not finished their first poll."""


class App:
    """The running controller of one site."""

    def __init__(self, site: Site, clock: Clock, schedule_problems: Sequence[Problem] = ()) -> None:
        """`schedule_problems` are those of the files on the disk, where `site` has older ones."""
        self._site = site
        self._clock = clock
        self._schedule_problems = tuple(schedule_problems)
        # One thread per database: SQLite work never runs on the loop, and stays in order.
        self._history_thread = ThreadPoolExecutor(1, thread_name_prefix="history")
        self._store_thread = ThreadPoolExecutor(1, thread_name_prefix="store")
        self._files_thread = ThreadPoolExecutor(1, thread_name_prefix="files")
        self._field = Field(clock.now)
        self._stop = asyncio.Event()
        self._begun = asyncio.Event()
        self._begun_before: tuple[Spell, ...] = ()
        self._cycles = 0
        self._overruns = 0
        self._durations_ms: deque[float] = deque(maxlen=600)
        self._late_ms: deque[float] = deque(maxlen=600)

    def stop(self) -> None:
        """Ask for an orderly stop; `run` returns within 3 s."""
        self._stop.set()

    async def run(self, ready: Callable[[], None] = lambda: None) -> None:
        """Control until `stop`. Raises Refused if this site is already being controlled."""
        state_dir = self._site.state_dir
        make_directory(state_dir)
        async with AsyncExitStack() as stack:
            self._store, self._store_trouble = open_store(state_dir)
            stack.callback(lambda: self._store.close())
            now = self._clock.now()
            self._runtime = Runtime(
                self._site,
                self._field,
                self._store.active(now),
                self._store.load_states(),
                self._store.switches.read(now),
            )
            if self._schedule_problems:
                self._runtime.reject(self._schedule_problems)
            self._upkeep = UpkeepTask(
                self._site, self._clock.now, self._prune, self._raw_sinks(), COMMAND
            )
            self._writer = HistoryWriter(
                lambda: History(state_dir),
                self._history_thread,
                self._history_trouble,
                self._clock.now,
            )
            stack.callback(self._writer.close)
            # Before the databases close: SQLite crashes the process (measured with Python 3.11) if
            # a connection is closed while another thread is in a statement.
            for thread in (self._history_thread, self._store_thread, self._files_thread):
                stack.callback(thread.shutdown, wait=True, cancel_futures=True)
            self._recorder = Recorder(
                self._site,
                trend_s=self._site.file.history.trend_s,
                commit_s=self._site.file.history.commit_s,
                events_at_once=True,
            )
            newest = None if self._history is None else self._history.span()[1]
            self._gate = ClockGate(newest, self._site.file.history.clock_wait_s)
            self._today = EnergyToday(self._site)
            self._ledger = LedgerTask(
                self._site, self._clock.now, self._runtime.raise_own, self._runtime.clear_own
            )
            stack.callback(self._ledger.close)
            ticker = Ticker()
            for link in self._site.links.values():
                driver, endpoint = driver_for(self._site, link, ticker, self._clock.now, stack)
                self._field.add(link.id, endpoint, driver, poll_s=link.settings.poll_s)
            # What was built lives as long as the process: keep it out of every later collection.
            gc.collect()
            gc.freeze()
            await self._run_tasks(ready)

    async def _run_tasks(self, ready: Callable[[], None]) -> None:
        listening = asyncio.Event()
        api = ApiServer(socket_path(self._site.state_dir), self._handlers().table())
        self._sinks = self._make_sinks()
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(api.run(listening), name="api")]
            await _first(listening, tasks[0])
            tasks.append(group.create_task(self._field.run(), name="field"))
            tasks.append(group.create_task(self._watch_schedules(), name="schedules"))
            tasks.append(group.create_task(self._save_states(), name="states"))
            tasks += [group.create_task(s.run(), name=f"sink {s.name}") for s in self._sinks]
            tasks.append(group.create_task(self._writer.run(), name="history"))
            tasks.append(group.create_task(self._upkeep.run(), name="upkeep"))
            tasks.append(group.create_task(self._ledger.run(), name="ledger"))
            scheduler = self._dated_jobs()
            control = group.create_task(self._control(), name="control")
            ready()
            await self._stop.wait()
            control.cancel()
            with suppress(asyncio.CancelledError):
                await control
            await self._release_outputs()
            if scheduler.running:
                scheduler.shutdown(wait=False)
            steady_s = asyncio.get_running_loop().time()
            for waiting in self._gate.release(self._clock.now(), steady_s):
                self._writer.put(waiting)
            self._writer.put(self._recorder.flush())
            await self._writer.drain(STOP_WITHIN_S)
            await self._store_states()
            for task in tasks:
                task.cancel()

    @property
    def _history(self) -> History | None:
        """None while the disk does not let it be opened."""
        return self._writer.history

    # --- the cycle ---------------------------------------------------------------------------

    async def _control(self) -> None:
        loop = asyncio.get_running_loop()
        period_s = self._site.file.cycle_s
        # Decisions made before anything is read would stop machines that run, and start others.
        await self._field.first_polls(KNOW_BEFORE_CONTROL_S)
        due = loop.time()
        while True:
            await asyncio.sleep(max(0.0, due - loop.time()))
            begun = loop.time()
            self._late_ms.append((begun - due) * 1000)
            now = self._clock.now()
            cycle = self._runtime.cycle(now)
            self._record(cycle)
            if (spells := self._runtime.standing.begun()) != self._begun_before:
                self._begun_before = spells
                self._begun.set()  # kept at once, not with the next states
            self._cycles += 1
            ended = loop.time()
            self._durations_ms.append((ended - begun) * 1000)
            skipped = int((ended - due) // period_s)  # late ticks are skipped, never queued
            self._overruns += skipped
            due += (skipped + 1) * period_s

    def _record(self, cycle: Cycle) -> None:
        samples = cycle.snapshot.samples
        changes = (*cycle.changed, *cycle.reordered)
        self._recorder.offer(cycle.time, samples, changes, cycle.alarms)
        self._today.offer(cycle.time, samples)
        for event in cycle.alarms:
            _log.log(
                logging.WARNING if event.kind != "cleared" else logging.INFO,
                "alarm %s: %s",
                event.kind,
                event.text,
            )
        batch = self._recorder.take(cycle.time)
        if self._gate.open:
            self._writer.put(batch)
        else:
            self._wait_for_clock(batch, cycle.time)

    def _wait_for_clock(self, batch: Batch | None, now: datetime) -> None:
        wait_s = self._site.file.history.clock_wait_s
        settled = not isinstance(self._clock, SystemClock) or self._clock.settled(wait_s)
        steady_s = asyncio.get_running_loop().time()
        for released in self._gate.offer(batch, now, steady_s, settled=settled):
            self._writer.put(released)
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

    def _history_trouble(self, error: StoreError | None) -> None:
        if error is None:
            self._runtime.clear_own("store:history")
        else:
            text = msg("history is not being stored: {error}", error=error)
            self._runtime.raise_own(Condition("store:history", Severity.CRITICAL, text))
            if isinstance(error, DiskError):
                self._upkeep.hurry()

    async def _release_outputs(self) -> None:
        """At a stop each output holds its last value, or is released, as its settings say."""
        releases = [
            Write(point, None)
            for point, rules in self._site.outputs.items()
            if rules.release_on_stop and self._runtime.award(point) is not None
        ]
        if releases:
            self._field.submit(releases)
            await self._field.settle(STOP_WITHIN_S / 2)

    async def _save_states(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(SAVE_STATES_S):
                    await self._begun.wait()
            self._begun.clear()
            await self._store_states()

    async def _store_states(self) -> None:
        states, begun = self._runtime.states(), self._runtime.standing.begun()
        now = self._clock.now()
        try:
            if self._store_trouble is not None:
                await self._in(self._store_thread, self._try_store_again)
            await self._in(self._store_thread, self._store.save_states, states, begun, now)
        except StoreError as error:
            # A full disk must not stop the control of a park: go on, and say so.
            _log.error("states: cannot store: %s", error)
            text = msg("controller states are not being stored: {error}", error=error)
            self._runtime.raise_own(Condition("store:states", Severity.CRITICAL, text))
        else:
            self._runtime.standing.kept(begun)
            self._runtime.clear_own("store:states")

    def _try_store_again(self) -> None:
        """Leave the copy in memory once the disk takes the real one; raises StoreError."""
        store = Store(self._site.state_dir)
        copy, self._store = self._store, store
        self._store_trouble = None
        copy.close()

    # --- schedules ---------------------------------------------------------------------------

    async def _watch_schedules(self) -> None:
        """Notice edits on disk, check them beside the loop, adopt or reject them whole."""
        files = ScheduleFiles(self._site, STRATEGIES, self._clock.now)
        while True:
            found = await self._in(self._files_thread, files.look)
            if found is not None:
                self._take_schedules(found)
            await asyncio.sleep(min(0.1, self._site.file.cycle_s / 8))

    def _take_schedules(self, found: Found) -> None:
        if found.trouble:
            _log.error("schedules: %s", found.trouble)
            text = msg(
                "what became of edited schedules is not being kept: {trouble}",
                trouble=found.trouble,
            )
            self._runtime.raise_own(Condition("store:revisions", Severity.URGENT, text))
        else:
            self._runtime.clear_own("store:revisions")
        if found.library is None or found.problems:
            self._runtime.reject(found.problems)
            for problem in found.problems:
                _log.error("schedules not adopted: %s", problem_line(problem))
        else:
            self._runtime.adopt(found.library)
            _log.info("schedules adopted")

    # --- dated jobs --------------------------------------------------------------------------

    def _dated_jobs(self) -> AsyncIOScheduler:
        # APScheduler's default grace of one second drops jobs on a busy or restarted machine.
        scheduler = AsyncIOScheduler(
            timezone=self._site.file.zone,
            job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
        )
        scheduler.add_job(self._watch_upkeep, "interval", seconds=5, id="upkeep")
        scheduler.start()
        return scheduler

    async def _watch_upkeep(self) -> None:
        """What the upkeep finds wrong, as alarms."""
        for key in ("store:upkeep", "store:full"):
            self._runtime.clear_own(key)
        for condition in self._upkeep.conditions():
            self._runtime.raise_own(condition)

    def _raw_sinks(self) -> list[str]:
        """The sinks that the log waits for."""
        return [sink.name for sink in self._site.file.influx if "raw" in sink.send]

    async def _prune(self, before: datetime, compacted: tuple[int, int], untaken: bool) -> int:
        history = self._history
        if history is None:
            return 0
        state_dir, sinks = self._site.state_dir, [] if untaken else self._raw_sinks()

        def prune() -> int:
            taken = least_taken(state_dir, sinks, history.uid())
            return history.prune(before, compacted=compacted, taken=taken)

        return await self._in(self._history_thread, prune)

    # --- the local API -----------------------------------------------------------------------

    def _handlers(self) -> Handlers:
        keeping = Keeping(
            self._runtime,
            self._known_store,
            lambda: self._history,
            store_thread=self._store_thread,
            history_thread=self._history_thread,
            files_thread=self._files_thread,
        )
        now = self._clock.now
        switches = SwitchHandlers(self._runtime, now, self._in_switches, self._beside)
        return Handlers(self._runtime, now, self._cycle_view, self._kwh_today, keeping, switches)

    def _known_store(self) -> Store:
        """The store on the disk; raises StoreError while there is only a copy in memory."""
        if self._store_trouble is not None:
            raise self._store_trouble
        return self._store

    async def _in_switches(self, call: Callable[[SwitchStore], T]) -> T:
        return await self._in(self._store_thread, lambda: call(self._known_store().switches))

    async def _beside(self, call: Callable[[], T]) -> T:
        return await self._in(self._files_thread, call)

    def _cycle_view(self) -> dict[str, Any]:
        durations = sorted(self._durations_ms) or [0.0]
        late = sorted(self._late_ms) or [0.0]
        return {
            "pid": os.getpid(),
            "period_s": self._site.file.cycle_s,
            "count": self._cycles,
            "overruns": self._overruns,
            "p50_ms": round(durations[len(durations) // 2], 2),
            "p99_ms": round(durations[int(len(durations) * 0.99)], 2),
            "late_p99_ms": round(late[int(len(late) * 0.99)], 2),
            "history_waiting": self._writer.waiting,
            "history_stored": self._writer.stored,
            "history_dropped": self._writer.dropped,
            "sinks": [sink.status.to_json() for sink in self._sinks],
            "history": self._upkeep.view(),
        }

    async def _kwh_today(self, now: datetime) -> Mapping[str, float | None]:
        days = await self._ledger.days(self._today.wanted(), now)
        return self._today.kwh(now, days)

    def _make_sinks(self) -> list[InfluxSink]:
        if not self._site.file.influx:
            return []
        # influxdb-client costs 0.7 s and 30 MB to import: only who uses it pays.
        from bms.forward.site_sinks import make_sinks

        return make_sinks(self._site, self._clock.now(), self._sink_trouble)

    def _sink_trouble(self, key: str, text: str) -> None:
        if text:
            self._runtime.raise_own(Condition(key, Severity.NORMAL, text))
        else:
            self._runtime.clear_own(key)

    @staticmethod
    async def _in(thread: ThreadPoolExecutor, call: Callable[..., T], *args: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(thread, call, *args)


async def _first(event: asyncio.Event, task: asyncio.Task[None]) -> None:
    """Wait for the event, or for the task to fail before it."""
    waiting = asyncio.ensure_future(event.wait())
    await asyncio.wait({waiting, task}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if task.done():
        await task
