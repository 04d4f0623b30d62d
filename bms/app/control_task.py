"""Runs the cycle at its pace, and knows how well it keeps it."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from typing import Any

from bms.control.engine.cycle import Cycle
from bms.core.clock import Clock
from bms.core.decisions import Condition, Severity
from bms.operations.runtime import Runtime
from bms.texts.messages import msg

_log = logging.getLogger(__name__)

KNOW_BEFORE_CONTROL_S = 5.0
"""The first cycle waits this long for links that have not finished their first poll."""

MOST_FAILURES = 10
"""Cycles in a row that fail before the process ends: what began it anew may do better."""
FAILED = "control:failed"
UNRECORDED = "control:unrecorded"


class ControlTask:
    """The control of a site. `after` takes each cycle."""

    def __init__(self, runtime: Runtime, clock: Clock, after: Callable[[Cycle], None]) -> None:
        self._runtime = runtime
        self._clock = clock
        self._after = after
        self._period_s = runtime.site.file.cycle_s
        self.cycles = 0
        self._failures = 0
        self._unrecorded = False
        self._overruns = 0
        self._durations_ms: deque[float] = deque(maxlen=600)
        self._late_ms: deque[float] = deque(maxlen=600)

    async def run(self) -> None:
        """Control until cancelled. Raises what fails in every one of the last `MOST_FAILURES`."""
        loop = asyncio.get_running_loop()
        # Decisions made before anything is read would stop machines that run, and start others.
        await self._runtime.field.first_polls(KNOW_BEFORE_CONTROL_S)
        due = loop.time()
        while True:
            await asyncio.sleep(max(0.0, due - loop.time()))
            begun = loop.time()
            self._late_ms.append((begun - due) * 1000)
            self._control()
            self.cycles += 1
            ended = loop.time()
            self._durations_ms.append((ended - begun) * 1000)
            # Late ticks are skipped, never queued. A timer may be due a little before its time.
            skipped = max(0, int((ended - due) // self._period_s))
            self._overruns += skipped
            due += (skipped + 1) * self._period_s

    def _control(self) -> None:
        """One cycle, and what hangs on it; a single one that fails ends nothing."""
        try:
            cycle = self._runtime.cycle(self._clock.now(), self._clock.steady())
        except Exception as error:
            self._failures += 1
            if self._failures >= MOST_FAILURES:
                raise
            _log.exception("the control cycle failed")
            text = msg(
                "the control cycle failed ({error}): outputs stay as they are; see the log",
                error=repr(error),
            )
            self._runtime.raise_own(Condition(FAILED, Severity.CRITICAL, text))
            return
        if self._failures:
            self._failures = 0
            self._runtime.clear_own(FAILED)
        _log_alarms(cycle)
        try:
            self._after(cycle)
        except Exception as error:
            if not self._unrecorded:
                _log.exception("what a cycle decided cannot be taken")
            self._unrecorded = True
            text = msg("cycles are not being recorded ({error}); see the log", error=repr(error))
            self._runtime.raise_own(Condition(UNRECORDED, Severity.CRITICAL, text))
        else:
            if self._unrecorded:
                self._unrecorded = False
                self._runtime.clear_own(UNRECORDED)

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
