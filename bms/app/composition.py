"""Puts one site's controller together: the only place where the parts meet."""

from __future__ import annotations

import gc
import logging
import os
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Self, TypeVar

from bms.api.places import socket_path
from bms.api.server import ApiServer
from bms.app.control_task import ControlTask
from bms.app.controller import App
from bms.app.recording import Recording
from bms.app.reload import Reload
from bms.app.schedule_task import ScheduleTask
from bms.app.state_task import StateFile, StateTask
from bms.app.watching.beginning import Beginning
from bms.app.watching.dated import Dated, every_midnight
from bms.app.watching.state_watch import StateWatch
from bms.app.watching.supervision import Supervisor
from bms.config.site import Site
from bms.control import STRATEGIES
from bms.control.engine.cycle import Cycle
from bms.core.clock import Clock
from bms.core.decisions import Condition, Severity
from bms.core.errors import StoreError
from bms.core.threads import in_thread
from bms.energy.today import EnergyToday
from bms.field.plant_points import with_plant_problems
from bms.forward.platforms.upload_task import UploadTask
from bms.forward.positions import without_unusable
from bms.ledger.ledger_task import LedgerTask
from bms.operations.changes import Changes
from bms.operations.editing.last_good import LastGood
from bms.operations.editing.site_files import SiteFiles
from bms.operations.editing.watcher import ScheduleFiles
from bms.operations.overrides.override_record import OverrideRecord
from bms.operations.past import Past
from bms.operations.registry import served_by
from bms.operations.requests.live_requests import CycleView
from bms.operations.running import Running
from bms.operations.runtime import Runtime
from bms.texts.messages import message_of, msg, quoted
from bms.texts.problems import Problem

if TYPE_CHECKING:
    from bms.forward.copying.sink import InfluxSink

T = TypeVar("T")

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Threads:
    """One thread per database: SQLite's work never runs on the loop, and stays in order."""

    history: ThreadPoolExecutor
    store: ThreadPoolExecutor
    files: ThreadPoolExecutor
    """Looks at the site's files; what people ask never waits for a large one to be checked."""
    asked: ThreadPoolExecutor

    @classmethod
    def made(cls) -> Self:
        return cls(
            history=ThreadPoolExecutor(1, thread_name_prefix="history"),
            store=ThreadPoolExecutor(1, thread_name_prefix="store"),
            files=ThreadPoolExecutor(1, thread_name_prefix="files"),
            asked=ThreadPoolExecutor(2, thread_name_prefix="asked"),
        )

    def join(self) -> None:
        """Wait for what is under way; nothing else is begun."""
        for thread in (self.asked, self.files, self.store, self.history):
            thread.shutdown(wait=True, cancel_futures=True)


@asynccontextmanager
async def composed(
    site: Site,
    clock: Clock,
    schedule_problems: Sequence[Problem] = (),
    begun: Beginning | None = None,
) -> AsyncIterator[App]:
    """The controller of a site, everything open; afterwards everything is closed.

    `schedule_problems` are those of the files on the disk, where `site` has older ones; `begun` is
    the site if it was taken already. Raises
    InvalidInput for what a link or a sink lacks, Refused if another controller has the site,
    StoreError where nothing can keep two apart. What the disk does not give is done without.
    """
    now = clock.now
    site = with_plant_problems(site, now())
    async with AsyncExitStack() as stack:
        # Whoever opens the databases may put damaged ones aside: no second one comes so far.
        if begun is None:
            begun = await Beginning.of(site, now, stack)
        field = begun.field
        threads = Threads.made()
        file = StateFile(site.state_dir, now)
        stack.callback(file.close)
        start, store = now(), file.store
        runtime = Runtime(
            site,
            field,
            store.active(start),
            store.load_states(),
            store.switched.read(start),
            store.interventions.read(),
        )
        # What is wrong with other files is told by whoever looks at them.
        if edited := [p for p in schedule_problems if p.file.startswith("schedules/")]:
            runtime.reject(edited)
        recording = Recording(site, runtime, clock, threads.history)
        stack.callback(recording.writer.close)
        # Before the databases close: SQLite crashes the process (measured with Python 3.11) if
        # a connection is closed while another thread is in a statement.
        stack.callback(threads.join)
        states = StateTask(runtime, file, threads.store, now)
        today = EnergyToday(site)
        ledger = LedgerTask(site, now, runtime.raise_own, runtime.clear_own)
        stack.callback(ledger.close)

        def after(cycle: Cycle) -> None:
            recording.offer(cycle)
            today.offer(cycle.time, cycle.snapshot.samples)
            states.look()

        _take_cursors(site, now)
        control = ControlTask(runtime, clock, after)
        sinks, tag = _sinks(site, runtime, now)

        def view() -> CycleView:
            copies = {"sinks": [sink.status.to_json() for sink in sinks]}
            told = {"pid": os.getpid()} | control.view() | recording.view() | copies
            return CycleView.model_validate(told)

        async def kwh_today(at: datetime) -> Mapping[str, float | None]:
            return today.kwh(at, await ledger.days(today.wanted(), at))

        async def beside(call: Callable[[], T]) -> T:
            return await in_thread(threads.asked, call)

        schedules = ScheduleTask(
            runtime,
            ScheduleFiles(site, STRATEGIES, now),
            SiteFiles(site, STRATEGIES, now),
            threads.files,
        )
        uploads = UploadTask(
            site, now, lambda: ledger.kept_until, runtime.raise_own, runtime.clear_own
        )
        parts = (recording, today, ledger, uploads)
        overrides = OverrideRecord(runtime, states.in_store, store.last_number())
        changes = Changes(runtime)
        running = Running(
            runtime=runtime,
            now=now,
            in_store=states.in_store,
            beside=beside,
            changes=changes,
            overrides=overrides,
            past=Past(runtime, lambda: recording.history, threads.history),
            cycle=view,
            kwh_today=kwh_today,
            reload=Reload(runtime, schedules, parts, begun.ticker, stack, beside, tag),
            entered=Changes(runtime),
        )
        app = App(
            field=field,
            links=begun.read,
            runtime=runtime,
            control=control,
            states=states,
            overrides=overrides,
            changes=changes,
            schedules=schedules,
            recording=recording,
            ledger=ledger,
            sinks=sinks,
            uploads=uploads,
            api=ApiServer(socket_path(site.state_dir), served_by(running)),
            watch=StateWatch(runtime, begun.lock, threads.files, now),
            daily=Dated(lambda: every_midnight(site.file.zone), states.tell_audit, now),
            supervisor=Supervisor(runtime.raise_own, runtime.clear_own),
        )
        # What was built lives as long as the process: keep it out of every later collection.
        gc.collect()
        gc.freeze()
        gc.enable()
        yield app


def _take_cursors(site: Site, now: Callable[[], datetime]) -> None:
    """The cursors of copies least of all may keep a park from its control."""
    try:
        without_unusable(site.state_dir, now)
    except (StoreError, OSError) as error:
        _log.error("what copies have taken is not known: %s", error)


def _sinks(
    site: Site, runtime: Runtime, now: Callable[[], datetime]
) -> tuple[Sequence[InfluxSink], Callable[[Site], None]]:
    """The copies in databases, and what has them know the points of another site."""
    if not site.file.influx:
        return (), lambda _site: None
    # influxdb-client costs 0.7 s and 30 MB to import: only who uses it pays.
    from bms.forward.copying.timing import Timing
    from bms.forward.site_sinks import lacking, make_sinks, tag_again, tagging_of

    def trouble(key: str, text: str) -> None:
        if text:
            runtime.raise_own(Condition(key, Severity.NORMAL, quoted(text)))
        else:
            runtime.clear_own(key)

    lacks = lacking(site)
    for name, error in lacks.items():
        if not LastGood(site.state_dir).kept:  # at a first start somebody is looking
            raise error
        text = msg("{name}: nothing is copied: {problem}", name=name, problem=message_of(error))
        runtime.raise_own(Condition(f"sink:{name}:lacks", Severity.URGENT, text))
    tagging = tagging_of(site, now())
    sinks = make_sinks(site, Timing(now), tagging, trouble, lacks)
    return sinks, lambda renewed: tag_again(tagging, renewed, now())
