"""One block read again and again, at its own pace."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from bms.texts.messages import msg
from drivers.errors import DriverError
from drivers.modbus.job import Job
from drivers.modbus.link import ModbusLink
from drivers.modbus.reading.read_job import Reading, Reads
from drivers.modbus.reading.readplan import Group
from drivers.modbus.wire.frames import Request
from drivers.ticker import Paced, Ticker

LATE_AFTER = 3
"""Ticks in a row that found the block still waiting, after which its values are called old."""
_REST_S = 0.05
"""Between reads that go on without a pause, while something is wrong."""


class Overloaded(DriverError):
    """The link has more to read than it can."""


class Poll(Job):
    """Reads one group every `period_s`; 0: as soon as it was read.

    A tick that finds the last read unfinished is skipped and counted, never queued. One object
    serves all its reads: the usual one, of a block that is answered as a whole, makes nothing new
    but the samples.
    """

    __slots__ = ("_behind", "_busy", "_link", "_paced", "_reading", "_steps", "_timer",
                 "group", "overruns", "period_s")  # fmt: skip

    def __init__(self, group: Group, period_s: float, reading: Reading, link: ModbusLink) -> None:
        super().__init__(group.unit)
        self.group = group
        self.period_s = period_s
        self.overruns = 0
        self._reading = reading
        self._link = link
        self._busy = False
        self._behind = 0
        self._steps: Reads | None = None
        self._paced: Paced | None = None
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, ticker: Ticker, phase: float) -> None:
        """Go on by the clock; `phase` is a part of the period."""
        if self.period_s:
            self._paced = ticker.every(self.period_s, phase * self.period_s, self.fire)

    def end(self) -> None:
        """Read no more; what is on its way is not delivered."""
        self.cancelled = True
        if self._paced is not None:
            self._paced.cancel()
        if self._timer is not None:
            self._timer.cancel()

    def fire(self) -> None:
        """Read now, if the last read is finished."""
        if self._busy:
            self.overruns += 1
            self._behind += 1
            if self._behind >= LATE_AFTER:
                late = msg(
                    "not read for {periods} periods: the link is overloaded", periods=self._behind
                )
                self._reading.missed(self.group, Overloaded(late))
            return
        self._busy = True
        self._link.submit(self)

    def step(self, body: bytes | None) -> Request | None:
        if self._steps is None:
            if body is not None:
                self._reading.take(self.group.whole, body)
                return None
            if not self.group.learned and self.group.whole.also is None:
                return None if self.cancelled else self.group.whole.request
            self._steps = self._reading.one(self.group)
        return self._go_on(self._steps.send, body)

    def fail(self, error: DriverError) -> Request | None:
        if self._steps is None:
            self._steps = self._reading.rest(self.group, error)
            return self._go_on(self._steps.send, None)
        return self._go_on(self._steps.throw, error)

    def _go_on(self, call: Callable[[Any], Request], what: object) -> Request | None:
        try:
            return call(what)
        except StopIteration:
            return None

    def finish(self, broken: Exception | None = None) -> None:
        straight = self._steps is None and broken is None
        self._steps = None
        self._busy = False
        self._behind = 0
        if self.period_s or self.cancelled:
            return
        if straight:
            self.fire()
        else:
            self._timer = asyncio.get_running_loop().call_later(_REST_S, self.fire)
