"""The running controller of one site.

One TaskGroup holds everything: the link pollers, the control cycle, the history writer, the
schedule watcher, the local API, the InfluxDB sinks and the scheduler of dated jobs. When one of
them fails for good, all stop and the process ends: a supervisor restarts it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from apscheduler.schedulers.asyncio import AsyncIOScheduler

from bms.api.server import ApiServer
from bms.app.control_task import ControlTask
from bms.app.recording import Recording
from bms.app.schedule_task import ScheduleTask
from bms.app.state_task import StateTask
from bms.config.site import Site
from bms.field.image import Field
from bms.ledger.ledger_task import LedgerTask
from bms.operations.changes import Changes
from bms.operations.overrides.override_record import OverrideRecord
from bms.operations.runtime import Runtime
from drivers.base import Write

if TYPE_CHECKING:
    from bms.forward.copying.sink import InfluxSink

STOP_WITHIN_S = 2.0
"""Outputs are released and the last batch is stored within this; the process ends within 3 s."""


@dataclass(frozen=True, slots=True)
class App:
    """All parts of a controller, put together by `bms.app.composition`."""

    site: Site
    field: Field
    runtime: Runtime
    control: ControlTask
    states: StateTask
    overrides: OverrideRecord
    changes: Changes
    schedules: ScheduleTask
    recording: Recording
    ledger: LedgerTask
    sinks: Sequence[InfluxSink]
    api: ApiServer
    scheduler: AsyncIOScheduler

    async def run(self, stop: asyncio.Event, ready: Callable[[], None] = lambda: None) -> None:
        """Control until `stop` is set, then return within 3 s.

        Raises Refused if this site is already being controlled.
        """
        listening = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self.api.run(listening), name="api")]
            await _first(listening, tasks[0])
            tasks.append(group.create_task(self.field.run(), name="field"))
            tasks.append(group.create_task(self.schedules.run(), name="schedules"))
            tasks.append(group.create_task(self.states.run(), name="states"))
            tasks.append(group.create_task(self.overrides.run(), name="overrides"))
            tasks += [group.create_task(s.run(), name=f"sink {s.name}") for s in self.sinks]
            tasks.append(group.create_task(self.recording.writer.run(), name="history"))
            tasks.append(group.create_task(self.recording.upkeep.run(), name="upkeep"))
            tasks.append(group.create_task(self.ledger.run(), name="ledger"))
            self.scheduler.start()
            control = group.create_task(self.control.run(), name="control")
            ready()
            await stop.wait()
            control.cancel()
            with suppress(asyncio.CancelledError):
                await control
            await self._release_outputs()
            if self.scheduler.running:
                self.scheduler.shutdown(wait=False)
            await self.recording.finish(STOP_WITHIN_S)
            await self.changes.drained(STOP_WITHIN_S / 4)
            await self.overrides.drained(STOP_WITHIN_S / 4)
            await self.states.save()
            for task in tasks:
                task.cancel()

    async def _release_outputs(self) -> None:
        """At a stop each output holds its last value, or is released, as its settings say."""
        releases = [
            Write(point, None)
            for point, rules in self.site.outputs.items()
            if rules.release_on_stop and self.runtime.award(point) is not None
        ]
        if releases:
            self.field.submit(releases)
            await self.field.settle(STOP_WITHIN_S / 2)


async def _first(event: asyncio.Event, task: asyncio.Task[None]) -> None:
    """Wait for the event, or for the task to fail before it."""
    waiting = asyncio.ensure_future(event.wait())
    await asyncio.wait({waiting, task}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if task.done():
        await task
