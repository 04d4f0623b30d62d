"""One timer for all links: fires due calls in batches, and sweeps for overdue ones.

Waking up costs a gateway more than the work it wakes up for. 400 devices, each with a sleeping
task, take twice the processor time of one timer that fires everything due at once (measured:
`make bench ONLY=modbus`).
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import logging
import math
from collections.abc import Callable
from typing import Any, TypeVar

_log = logging.getLogger(__name__)

T = TypeVar("T")

STEP_S = 0.05
"""What falls due within one step fires together, at its end."""


class Paced:
    """One call that repeats. `cancel` ends it."""

    __slots__ = ("call", "cancelled", "due", "period_s")

    def __init__(self, call: Callable[[], None], due: float, period_s: float) -> None:
        self.call = call
        self.due = due
        self.period_s = period_s
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class Ticker:
    """Shared by all drivers of a process, and used on one loop only."""

    def __init__(self) -> None:
        self._queue: list[tuple[float, int, Paced]] = []
        self._numbers = itertools.count()
        self._watched: dict[Callable[[float], bool], None] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._at = math.inf

    def every(self, period_s: float, phase_s: float, call: Callable[[], None]) -> Paced:
        """Call at `phase_s` from now and every `period_s` (above 0) after that.

        Ticks that were missed are skipped, never made up for.
        """
        loop = asyncio.get_running_loop()
        paced = Paced(call, loop.time() + phase_s, period_s)
        heapq.heappush(self._queue, (paced.due, next(self._numbers), paced))
        self._arm(loop)
        return paced

    def watch(self, check: Callable[[float], bool]) -> None:
        """Call `check(loop time)` at each step until it answers False."""
        self._watched[check] = None
        self._arm(asyncio.get_running_loop())

    def _arm(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._watched:
            due = loop.time()
        elif self._queue:
            due = self._queue[0][0]
        else:
            return
        at = (math.floor(due / STEP_S) + 1) * STEP_S
        if at < self._at:
            if self._timer is not None:
                self._timer.cancel()
            self._at = at
            self._timer = loop.call_at(at, self._step, loop)

    def _step(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer, self._at = None, math.inf
        now = loop.time()
        try:
            for check in list(self._watched):
                if not _safely(check, now):
                    self._watched.pop(check, None)
            while self._queue and self._queue[0][0] <= now:
                paced = heapq.heappop(self._queue)[2]
                if paced.cancelled:
                    continue
                missed = int((now - paced.due) // paced.period_s)
                paced.due += (missed + 1) * paced.period_s
                heapq.heappush(self._queue, (paced.due, next(self._numbers), paced))
                _safely(paced.call)
        finally:
            self._arm(loop)


def _safely(call: Callable[..., T], *args: Any) -> T | None:
    """One link's defect must not stop the clock of all the others."""
    try:
        return call(*args)
    except Exception:
        _log.exception("ticker: %r failed", call)
        return None
