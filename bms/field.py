"""The field as the controller sees it: one poller per link, one process image for all.

A link polls at its own pace and writes when asked to. Whatever it does, it can only age its own
points: nothing here waits for a link, and a link that hangs hurts nobody else.
"""

from __future__ import annotations

import asyncio
import logging
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from bms.model import Condition, Severity
from drivers.backoff import without_countdown
from drivers.base import Driver, Write, WriteResult, WriteStatus
from drivers.points import PointId, Quality, Sample

_log = logging.getLogger(__name__)

STALE_AFTER_POLLS = 3
"""Missed polls after which a silent link's points stop being GOOD (control reference, 7)."""
OFFLINE_AFTER_S = 30.0
"""Without one good value for this long, a link or a device raises its alarm."""
CALL_LIMIT_S = 30.0
"""Backstop over a driver's own deadlines: a driver that breaks its promise is restarted."""


@dataclass(frozen=True, slots=True)
class LinkHealth:
    """How one link is doing."""

    link: str
    endpoint: str
    online: bool
    last_good: datetime | None
    points: int
    good: int
    polls: int
    overruns: int
    write_failures: int
    detail: str


class FieldLink:
    """Polls one driver and carries its writes. Owns the points of its link in the image."""

    def __init__(
        self,
        name: str,
        endpoint: str,
        driver: Driver,
        *,
        poll_s: float,
        now: Callable[[], datetime],
        deliver: Callable[[Iterable[Sample]], None],
        report: Callable[[Sequence[WriteResult]], None],
    ) -> None:
        self.name = name
        self.endpoint = endpoint
        self._driver = driver
        self._ids = [point.id for point in driver.points]
        self._poll_s = poll_s
        self._now = now
        self._deliver = deliver
        self._report = report
        self._pending: dict[PointId, Write] = {}
        self._writing = False
        self._wake = asyncio.Event()
        self.polled = asyncio.Event()
        """One poll is finished, whatever came of it."""
        self.last_finished: datetime | None = None
        self._started = now()
        self._last_good: datetime | None = None
        self._last_good_by_device: dict[str, datetime] = {}
        self._good = 0
        self._polls = 0
        self._overruns = 0
        self._write_failures = 0
        self._detail = "not polled yet"
        self._detail_by_device: dict[str, str] = {}
        for point in self._ids:
            self._last_good_by_device.setdefault(_device(point), self._started)

    @property
    def points(self) -> Sequence[PointId]:
        return self._ids

    @property
    def stale_after(self) -> timedelta:
        return timedelta(seconds=max(STALE_AFTER_POLLS * self._poll_s, 3.0))

    @property
    def busy(self) -> bool:
        """Writes are queued or on the wire."""
        return bool(self._pending) or self._writing

    def submit(self, writes: Iterable[Write]) -> None:
        """Queue writes; for one point the latest wins. They overtake the next poll."""
        for write in writes:
            self._pending[write.point] = write
        self._wake.set()

    async def run(self) -> None:
        """Poll and write until cancelled. Survives anything the driver does wrong."""
        loop = asyncio.get_running_loop()
        async with self._driver:
            # Spread the links over the period, the same way after every restart.
            phase = zlib.crc32(self.name.encode()) % 1000 / 1000 * min(self._poll_s, 0.5)
            due = loop.time() + phase
            while True:
                await self._wait_until(due)
                try:
                    async with asyncio.timeout(CALL_LIMIT_S):
                        if self._pending and self._last_good is not None:
                            await self._write()
                        if loop.time() >= due:
                            await self._poll()
                            if self._pending and self._last_good is None:
                                await self._write()
                except TimeoutError:
                    self._failed(f"the driver did not return within {CALL_LIMIT_S:.0f} s")
                except Exception as error:
                    # A driver is total; what lands here is a defect, and must not end the polling.
                    _log.exception("link %s: unexpected error", self.name)
                    self._failed(f"internal error: {error}")
                    await asyncio.sleep(min(self._poll_s, 1.0))
                behind = loop.time() - due
                if behind >= 0:  # skip the ticks that passed meanwhile; never queue them
                    passed = int(behind // self._poll_s)
                    self._overruns += passed
                    due += (passed + 1) * self._poll_s

    async def _wait_until(self, due: float) -> None:
        if self._pending and self._last_good is not None:
            return
        self._wake.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout_at(due):
                await self._wake.wait()
                if self._last_good is None:  # nothing is written before a look at the devices
                    await asyncio.Event().wait()

    async def _poll(self) -> None:
        samples = await self._driver.read(self._ids)
        self._polls += 1
        first_look = self._last_good is None
        self._finish(samples)
        if first_look and self._last_good is not None:
            self._forget("decided before the devices were first read")

    def _forget(self, why: str) -> None:
        """Drop queued writes unsent: the next cycle decides again, knowing what runs."""
        dropped = list(self._pending.values())
        self._pending.clear()
        if dropped:
            self._report(
                [
                    WriteResult(w.point, w.value, WriteStatus.TIMEOUT, f"not sent: {why}")
                    for w in dropped
                ]
            )

    def _finish(self, samples: Sequence[Sample]) -> None:
        now = self._now()
        good = 0
        detail = ""
        for sample in samples:
            if sample.quality is Quality.GOOD:
                good += 1
                self._last_good_by_device[_device(sample.point)] = now
            elif sample.detail:
                detail = sample.detail
                self._detail_by_device[_device(sample.point)] = detail
        self._good = good
        if good:
            if self._last_good is None or not self._online(now):
                _log.info("link %s (%s): answering", self.name, self.endpoint)
            self._last_good = now
        elif without_countdown(self._detail) != without_countdown(detail):
            _log.warning("link %s (%s): %s", self.name, self.endpoint, detail or "no answer")
        self._detail = detail
        self.last_finished = now
        self._deliver(samples)
        self.polled.set()

    def _failed(self, detail: str) -> None:
        self._good = 0
        self._detail = detail

    async def _write(self) -> None:
        writes = list(self._pending.values())
        self._pending.clear()
        self._writing = True
        results: Sequence[WriteResult] | None = None
        try:
            results = await self._driver.write(writes)
        finally:
            self._writing = False
            if results is None:  # interrupted: the devices may or may not have acted
                self._report(
                    [
                        WriteResult(w.point, w.value, WriteStatus.TIMEOUT, "write interrupted")
                        for w in writes
                    ]
                )
        failures = [r for r in results if r.status is not WriteStatus.OK]
        self._write_failures += len(failures)
        for failure in failures:
            _log.warning(
                "link %s: write %s = %s: %s %s",
                self.name,
                failure.point,
                failure.value,
                failure.status.value,
                failure.detail,
            )
        # Read back at once: a write is confirmed by what the device then shows.
        try:
            self._deliver(await self._driver.read([write.point for write in writes]))
        finally:  # a read-back that hangs does not unmake what the devices acknowledged
            self._report(results)

    def not_after(self, now: datetime) -> None:
        """After the clock was set back, silence is counted from `now`, not from the future."""
        if self._started <= now and (self.last_finished is None or self.last_finished <= now):
            return
        self._started = min(self._started, now)
        if self.last_finished is not None:
            self.last_finished = min(self.last_finished, now)
        if self._last_good is not None:
            self._last_good = min(self._last_good, now)
        for device, since in self._last_good_by_device.items():
            self._last_good_by_device[device] = min(since, now)

    def _online(self, now: datetime) -> bool:
        since = self._last_good or self._started
        return now - since <= timedelta(seconds=OFFLINE_AFTER_S)

    def health(self, now: datetime) -> LinkHealth:
        return LinkHealth(
            self.name,
            self.endpoint,
            self._last_good is not None and self._online(now) and self._good > 0,
            self._last_good,
            len(self._ids),
            self._good,
            self._polls,
            self._overruns,
            self._write_failures,
            self._detail,
        )

    def conditions(self, now: datetime) -> list[Condition]:
        """One alarm for a silent link; otherwise one per silent device, never one per point."""
        if not self._online(now):
            since = self._last_good or self._started
            return [
                Condition(
                    f"link:{self.name}",
                    Severity.URGENT,
                    f"link {self.name} ({self.endpoint}): no good value since "
                    f"{since:%Y-%m-%d %H:%M:%S}Z: {without_countdown(self._detail) or 'no answer'}",
                )
            ]
        if self._good == len(self._ids):
            return []
        limit = now - timedelta(seconds=OFFLINE_AFTER_S)
        return [
            Condition(
                f"device:{device}",
                Severity.URGENT,
                f"{device}: no good value since {since:%Y-%m-%d %H:%M:%S}Z: "
                f"{without_countdown(self._detail_by_device.get(device, 'no answer'))}",
            )
            for device, since in self._last_good_by_device.items()
            if since < limit
        ]


def _device(point: PointId) -> str:
    return point.rsplit(".", 1)[0]


class Field:
    """All links of a site and the latest sample of every point."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._image: dict[PointId, Sample] = {}
        self._results: list[WriteResult] = []
        self._links: list[FieldLink] = []
        self._link_of: dict[PointId, FieldLink] = {}

    def add(self, name: str, endpoint: str, driver: Driver, *, poll_s: float) -> None:
        """Take in a link; its poller runs once `run` does."""
        link = FieldLink(
            name,
            endpoint,
            driver,
            poll_s=poll_s,
            now=self._now,
            deliver=self._deliver,
            report=self._results.extend,
        )
        self._links.append(link)
        now = self._now()
        for point in link.points:
            self._link_of[point] = link
            self._image[point] = Sample(point, None, Quality.BAD, now, "not read yet")

    def _deliver(self, samples: Iterable[Sample]) -> None:
        for sample in samples:
            self._image[sample.point] = sample

    async def run(self) -> None:
        """Run all pollers until cancelled."""
        async with asyncio.TaskGroup() as group:
            for link in self._links:
                group.create_task(link.run(), name=f"link {link.name}")

    async def first_polls(self, limit_s: float) -> None:
        """Wait until every link has finished a poll, at most `limit_s`."""
        with suppress(TimeoutError):
            async with asyncio.timeout(limit_s):
                for link in self._links:
                    await link.polled.wait()

    def snapshot(self, now: datetime) -> Mapping[PointId, Sample]:
        """The latest samples; those of a link that has fallen silent are STALE, never GOOD."""
        for link in self._links:
            link.not_after(now)
            finished = link.last_finished
            if finished is not None and now - finished > link.stale_after:
                for point in link.points:
                    sample = self._image[point]
                    if sample.quality is Quality.GOOD:
                        self._image[point] = sample._replace(
                            quality=Quality.STALE, detail="the link has not finished a poll"
                        )
        return self._image.copy()

    def submit(self, writes: Iterable[Write]) -> None:
        """Hand writes to their links; those for points on no link (group points) have no wire."""
        by_link: dict[FieldLink, list[Write]] = {}
        for write in writes:
            link = self._link_of.get(write.point)
            if link is not None:
                by_link.setdefault(link, []).append(write)
        for link, batch in by_link.items():
            link.submit(batch)

    def take_results(self) -> list[WriteResult]:
        """What became of the writes since the last call."""
        results = self._results.copy()
        self._results.clear()
        return results

    async def settle(self, limit_s: float) -> None:
        """Wait until every queued write has been carried out, at most `limit_s`."""
        with suppress(TimeoutError):
            async with asyncio.timeout(limit_s):
                while any(link.busy for link in self._links):
                    await asyncio.sleep(0.01)

    def conditions(self, now: datetime) -> list[Condition]:
        return [condition for link in self._links for condition in link.conditions(now)]

    def health(self, now: datetime) -> list[LinkHealth]:
        return [link.health(now) for link in self._links]
