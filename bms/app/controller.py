"""The running controller of one site.

One TaskGroup holds everything. Only the control cycle, and the loss of the site to another
controller, end it; the process ends then, and whoever runs it starts it again. Every other task is
supervised by itself: it fails, is an alarm, and is tried again, and the outputs stay controlled.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from bms.api.server import ApiServer
from bms.app.control_task import ControlTask
from bms.app.recording import Recording
from bms.app.schedule_task import ScheduleTask
from bms.app.state_task import StateTask
from bms.app.watching.dated import Dated
from bms.app.watching.state_watch import StateWatch
from bms.app.watching.supervision import Supervisor
from bms.field.image import Field
from bms.forward.platforms.upload_task import UploadTask
from bms.ledger.ledger_task import LedgerTask
from bms.operations.changes import Changes
from bms.operations.overrides.override_record import OverrideRecord
from bms.operations.runtime import Runtime
from bms.texts.messages import Message, msg
from drivers.base import Write

if TYPE_CHECKING:
    from bms.forward.copying.sink import InfluxSink

Run: TypeAlias = Callable[[], Awaitable[None]]

STOP_WITHIN_S = 2.0
"""Outputs are released and the last batch is stored within this; the process ends within 3 s."""
LISTEN_WITHIN_S = 1.0
"""The control does not wait longer for the local socket."""


@dataclass(frozen=True, slots=True)
class App:
    """All parts of a controller, put together by `bms.app.composition`."""

    field: Field
    links: Run
    runtime: Runtime
    control: ControlTask
    states: StateTask
    overrides: OverrideRecord
    changes: Changes
    schedules: ScheduleTask
    recording: Recording
    ledger: LedgerTask
    sinks: Sequence[InfluxSink]
    uploads: UploadTask
    api: ApiServer
    watch: StateWatch
    daily: Dated
    supervisor: Supervisor

    async def run(self, stop: asyncio.Event, ready: Callable[[], None] = lambda: None) -> None:
        """Control until `stop` is set, then return within 3 s.

        Raises Refused if another controller has taken the site.
        """
        listening = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(self.supervisor.keep(name, run), name=str(name))
                for name, run in self._beside(listening)
            ]
            with suppress(TimeoutError):
                async with asyncio.timeout(LISTEN_WITHIN_S):
                    await listening.wait()
            tasks.append(group.create_task(self.watch.hold(), name="lock"))
            control = group.create_task(self.control.run(), name="control")
            ready()
            await stop.wait()
            control.cancel()
            with suppress(asyncio.CancelledError):
                await control
            await self._release_outputs()
            await self.recording.finish(STOP_WITHIN_S)
            await self.changes.drained(STOP_WITHIN_S / 4)
            await self.overrides.drained(STOP_WITHIN_S / 4)
            await self.states.save()
            for task in tasks:
                task.cancel()

    def _beside(
        self, listening: asyncio.Event
    ) -> list[tuple[Message, Callable[[], Awaitable[None]]]]:
        """What runs beside the cycle, by name."""
        return [
            (msg("local socket"), lambda: self.api.run(listening)),
            (msg("links"), self.links),
            (msg("schedule files"), self.schedules.run),
            (msg("states"), self.states.run),
            (msg("overrides"), self.overrides.run),
            *((msg("copy {name}", name=sink.name), sink.run) for sink in self.sinks),
            (msg("uploads"), self.uploads.run),
            (msg("history"), self.recording.writer.run),
            (msg("upkeep"), self.recording.upkeep.run),
            (msg("alarms of upkeep"), self.recording.watch_upkeep),
            (msg("energy ledger"), self.ledger.run),
            (msg("files put aside"), self.watch.tell),
            (msg("daily jobs"), self.daily.run),
        ]

    async def _release_outputs(self) -> None:
        """At a stop each output holds its last value, or is released, as its settings say."""
        releases = [
            Write(point, None)
            for point, rules in self.runtime.site.outputs.items()
            if rules.release_on_stop and self.runtime.award(point) is not None
        ]
        if releases:
            self.field.submit(releases)
            await self.field.settle(STOP_WITHIN_S / 2)
