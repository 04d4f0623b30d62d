"""A driver that only answers, made into one that keeps its own pace."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import datetime
from types import TracebackType
from typing import Self

from bms.texts.messages import msg
from drivers.base import Batch, Deliver, Driver, Write, WriteResult
from drivers.health import DriverHealth, Latencies
from drivers.memory import bad_sample
from drivers.points import Point, PointId, Quality, Sample

_log = logging.getLogger(__name__)

CALL_LIMIT_S = 30.0
"""Backstop over a driver's own deadlines: a call that breaks its promise is given up."""


class Polled:
    """Reads all points of a driver once per period. Reads and writes take turns."""

    def __init__(self, driver: Driver, now: Callable[[], datetime]) -> None:
        self._driver = driver
        self._now = now
        self._turn = asyncio.Lock()
        self._latencies = Latencies()
        self._reads = self._failures = self._timeouts = self._overruns = 0
        self._detail = ""

    @property
    def inner(self) -> Driver:
        """The driver that only answers."""
        return self._driver

    @property
    def points(self) -> Sequence[Point]:
        return self._driver.points

    async def __aenter__(self) -> Self:
        await self._driver.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._driver.__aexit__(kind, error, trace)

    async def read(self, points: Sequence[PointId]) -> list[Sample]:
        async with self._turn:
            return await self._driver.read(points)

    async def write(self, writes: Sequence[Write]) -> list[WriteResult]:
        async with self._turn:
            return await self._driver.write(writes)

    async def feed(self, deliver: Deliver, period_s: float) -> None:
        """Deliver all points once per period until cancelled; late ticks are skipped."""
        loop = asyncio.get_running_loop()
        ids = [point.id for point in self.points]
        due = loop.time()
        while True:
            begun = loop.time()
            samples = await self._read(ids)
            deliver(Batch(ids, samples, all(s.quality is Quality.GOOD for s in samples)))
            if not self._detail:
                self._latencies.add(loop.time() - begun)
            due += period_s
            if due < loop.time():
                missed = int((loop.time() - due) // period_s) + 1 if period_s else 0
                self._overruns += missed
                due = due + missed * period_s if period_s else loop.time()
            await asyncio.sleep(max(0.0, due - loop.time()))

    async def _read(self, ids: Sequence[PointId]) -> list[Sample]:
        self._reads += 1
        try:
            async with asyncio.timeout(CALL_LIMIT_S):
                samples = await self.read(ids)
        except TimeoutError:
            self._timeouts += 1
            self._detail = msg(
                "the driver did not return within {limit_s:.0f} s", limit_s=CALL_LIMIT_S
            )
        except Exception as error:
            # A driver is total; what lands here is a defect, and must not end the polling.
            _log.exception("unexpected error while reading")
            self._detail = msg("internal error: {error}", error=repr(error))
        else:
            self._detail = ""
            return samples
        self._failures += 1
        now = self._now()
        return [bad_sample(point, now, self._detail) for point in ids]

    @property
    def clock_skew_s(self) -> float | None:
        return None

    def health(self) -> DriverHealth:
        return DriverHealth(
            connected=not self._detail and self._reads > 0,
            requests=self._reads,
            failures=self._failures,
            timeouts=self._timeouts,
            overruns=self._overruns,
            latency_p50_ms=self._latencies.percentile_ms(50),
            latency_p95_ms=self._latencies.percentile_ms(95),
            latency_p99_ms=self._latencies.percentile_ms(99),
            detail=self._detail,
        )
