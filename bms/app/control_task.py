"""Runs the cycle at its pace, and knows how well it keeps it."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from datetime import datetime
from typing import Any

from bms.control.engine.cycle import Cycle
from bms.operations.runtime import Runtime

_log = logging.getLogger(__name__)

KNOW_BEFORE_CONTROL_S = 5.0
"""The first cycle waits this long for links that have not finished their first poll."""


class ControlTask:
    """The control of a site. `after` takes each cycle."""

    def __init__(
        self, runtime: Runtime, now: Callable[[], datetime], after: Callable[[Cycle], None]
    ) -> None:
        self._runtime = runtime
        self._now = now
        self._after = after
        self._period_s = runtime.site.file.cycle_s
        self.cycles = 0
        self._overruns = 0
        self._durations_ms: deque[float] = deque(maxlen=600)
        self._late_ms: deque[float] = deque(maxlen=600)

    async def run(self) -> None:
        """Control until cancelled."""
        loop = asyncio.get_running_loop()
        # Decisions made before anything is read would stop machines that run, and start others.
        await self._runtime.field.first_polls(KNOW_BEFORE_CONTROL_S)
        due = loop.time()
        while True:
            await asyncio.sleep(max(0.0, due - loop.time()))
            begun = loop.time()
            self._late_ms.append((begun - due) * 1000)
            cycle = self._runtime.cycle(self._now())
            self._after(cycle)
            _log_alarms(cycle)
            self.cycles += 1
            ended = loop.time()
            self._durations_ms.append((ended - begun) * 1000)
            skipped = int((ended - due) // self._period_s)  # late ticks are skipped, never queued
            self._overruns += skipped
            due += (skipped + 1) * self._period_s

    def view(self) -> dict[str, Any]:
        """For the status: plain JSON values."""
        durations = sorted(self._durations_ms) or [0.0]
        late = sorted(self._late_ms) or [0.0]
        return {
            "period_s": self._period_s,
            "count": self.cycles,
            "overruns": self._overruns,
            "p50_ms": round(durations[len(durations) // 2], 2),
            "p99_ms": round(durations[int(len(durations) * 0.99)], 2),
            "late_p99_ms": round(late[int(len(late) * 0.99)], 2),
        }


def _log_alarms(cycle: Cycle) -> None:
    for event in cycle.alarms:
        _log.log(
            logging.WARNING if event.kind != "cleared" else logging.INFO,
            "alarm %s: %s",
            event.kind,
            event.text,
        )
