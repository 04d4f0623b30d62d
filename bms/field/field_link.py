"""One link of the field: its feed into the process image, its queue of writes, its health.

The driver delivers at its own pace, and writes when asked to. Whatever it does, it can only age
its own points.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bms.config.points import owner_of
from bms.control.engine.protection import same
from bms.core.decisions import Condition, Severity
from bms.field.lacking import NO_ANSWER, OFFLINE_AFTER_S, PERIODS, Lacking, lasted
from bms.texts.messages import msg
from drivers.backoff import without_countdown
from drivers.base import Batch, Driver, Feed, Write, WriteResult, WriteStatus
from drivers.health import DriverHealth
from drivers.points import Point, PointId, Quality, Sample
from drivers.polled import Polled

_log = logging.getLogger(__name__)

STALE_AFTER_POLLS = 3
"""Missed polls after which a silent link's points stop being GOOD (control reference, 7)."""
SILENT_AFTER_S = 30.0
"""A driver that keeps its own pace ages its points itself; this is the backstop behind it."""
CALL_LIMIT_S = 30.0
"""Backstop over a driver's own deadlines: a call that breaks its promise is given up."""
WRITES_AT_ONCE = 64
"""So that the results of many writes come as they are made, and reads get between them."""
SETTLE_S = 0.5
"""A device may take a moment to show what it was given; then it is looked at once more."""
SKEW_LIMIT_S = 10.0
"""A server whose clock is this far off may refuse a secured session, and mistimes its values."""
RESTART_AFTER_S = 1.0
"""Between a feed that ended, which it never should, and the next."""


@dataclass(frozen=True, slots=True)
class LinkHealth:
    """How one link is doing."""

    link: str
    endpoint: str
    online: bool
    last_good: datetime | None
    points: int
    good: int
    write_failures: int
    detail: str
    driver: DriverHealth


class FieldLink:
    """Takes what one driver delivers and carries its writes. Owns its points in the image."""

    def __init__(
        self,
        name: str,
        endpoint: str,
        driver: Driver,
        *,
        poll_s: float,
        now: Callable[[], datetime],
        image: dict[PointId, Sample],
        report: Callable[[Sequence[WriteResult]], None],
    ) -> None:
        self.name = name
        self.endpoint = endpoint
        self._driver: Feed = driver if isinstance(driver, Feed) else Polled(driver, now)
        self._points: dict[PointId, Point] = {point.id: point for point in driver.points}
        self._ids = list(self._points)
        self._poll_s = poll_s
        self._stale_after = min(map(self._stale, self._points.values()), default=timedelta.max)
        """The same of the points that are read most often: then the link is silent."""
        self._now = now
        self._image = image
        self._report = report
        self._pending: dict[PointId, Write] = {}
        self._writing = False
        self._wake = asyncio.Event()
        self.polled = asyncio.Event()
        """Every point was delivered once, whatever its quality."""
        self._unseen = set(self._ids)
        self._fresh: dict[int, Batch] = {}
        """The latest batches, by the identity of their ids, oldest first."""
        self._delivered = False
        started = now()
        self.last_finished: datetime | None = None
        """When the driver last delivered anything."""
        self._last_good: datetime | None = None
        self._not_good: dict[PointId, datetime] = dict.fromkeys(self._ids, started)
        self._down_since: datetime | None = started
        """Since when no point is GOOD; None if one is."""
        self._announced: bool | None = None
        self._write_failures = 0
        self._detail: str = msg("not read yet")
        self._detail_by_device: dict[str, str] = {}
        periods = {point.id: self._period_s(point) for point in self._points.values()}
        self._lacking = Lacking(periods, image)
        self._offline_after_s = max(OFFLINE_AFTER_S, PERIODS * min(periods.values(), default=0.0))
        for point in self._ids:
            self._image[point] = Sample(point, None, Quality.BAD, started, msg("not read yet"))
        if not self._ids:
            self._down_since = None
            self._detail = msg("no points on this link")
            self.polled.set()

    def go_on(self, known: Mapping[PointId, Sample]) -> None:
        """Show samples that were read a moment ago until the first look, as long as silence may
        last."""
        going_on = {point: known[point] for point in self._ids if point in known}
        self._image.update(going_on)
        if going_on:
            self.last_finished = self._now()

    @property
    def points(self) -> Sequence[PointId]:
        return self._ids

    @property
    def driver(self) -> Feed:
        return self._driver

    def silent(self, now: datetime) -> Iterable[PointId]:
        """The points for which nothing was delivered for several of their own periods."""
        finished = self.last_finished
        if finished is None or now - finished <= self._stale_after:
            return ()
        return [p for p in self._ids if now - finished > self._stale(self._points[p])]

    def _stale(self, point: Point) -> timedelta:
        """How long without any delivery the last value of a point is believed."""
        least = 3.0 if isinstance(self._driver, Polled) else SILENT_AFTER_S
        return timedelta(seconds=max(STALE_AFTER_POLLS * self._period_s(point), least))

    def _period_s(self, point: Point) -> float:
        polled = isinstance(self._driver, Polled)
        return self._poll_s if polled or point.scan_s is None else point.scan_s

    @property
    def busy(self) -> bool:
        """Writes are queued or on the wire."""
        return bool(self._pending) or self._writing

    def submit(self, writes: Iterable[Write]) -> None:
        """Queue writes; for one point the latest wins. They overtake the reads."""
        for write in writes:
            self._pending[write.point] = write
        self._wake.set()

    async def run(self) -> None:
        """Read and write until cancelled. Survives anything the driver does wrong."""
        while True:
            try:
                async with self._driver, asyncio.TaskGroup() as group:
                    group.create_task(self._feed(), name=f"feed {self.name}")
                    await self._write_on_demand()
            except Exception as error:
                _log.exception("link %s: unexpected error", self.name)
                self._detail = msg("internal error: {error}", error=error)
            await asyncio.sleep(RESTART_AFTER_S)

    async def _feed(self) -> None:
        while True:
            try:
                await self._driver.feed(self._take, self._poll_s)
                self._detail = msg("the driver stopped reading")
                _log.error("link %s: %s", self.name, self._detail)
            except Exception as error:
                # A driver is total; what lands here is a defect, and must not end the reading.
                _log.exception("link %s: unexpected error", self.name)
                self._detail = msg("internal error: {error}", error=error)
            await asyncio.sleep(RESTART_AFTER_S)

    # --- what the driver delivers ------------------------------------------------------------

    def _take(self, batch: Batch) -> None:
        self._delivered = True
        if not batch.ids:
            return
        # Points that are read faster than anybody looks cost no more than the latest of them.
        fresh, key = self._fresh, id(batch.ids)
        if len(fresh) > 1:
            fresh.pop(key, None)  # so that what came last is also taken in last
        fresh[key] = batch
        if self._not_good or not batch.good:
            self._look(batch, self._now())

    def refresh(self, now: datetime) -> bool:
        """Bring the samples delivered since the last time into the image; False if none were."""
        if not self._delivered:
            return False
        self._delivered = False
        self.last_finished = now
        for batch in self._fresh.values():
            self._image.update(zip(batch.ids, batch.samples, strict=True))
        if self._fresh and len(self._not_good) < len(self._ids):
            self._last_good = now
        self._fresh.clear()
        return True

    def _look(self, batch: Batch, now: datetime) -> None:
        """Keep account of what is not good, and since when."""
        any_good = False
        for sample in batch.samples:
            point = sample.point
            if sample.quality is Quality.GOOD:
                any_good = True
                self._not_good.pop(point, None)
                continue
            if point not in self._not_good:
                self._not_good[point] = now
            if sample.detail:
                self._detail = self._detail_by_device[owner_of(point)] = sample.detail
        if any_good:
            self._last_good = now
        if len(self._not_good) < len(self._ids):
            self._down_since = None
        elif self._down_since is None:
            self._down_since = now
        if self._unseen:
            self._unseen.difference_update(batch.ids)
            if self._unseen:
                return
            self.polled.set()
            if self._last_good is not None:
                self._forget(msg("decided before the devices were first read"))
        self._announce()

    def _announce(self) -> None:
        """Log once on going and once on returning."""
        up = self._down_since is None
        if up is self._announced:
            return
        self._announced = up
        if up:
            self._detail = ""
            _log.info("link %s (%s): answering", self.name, self.endpoint)
        else:
            detail = self._detail or msg("no answer")
            _log.warning("link %s (%s): %s", self.name, self.endpoint, detail)

    # --- writing -----------------------------------------------------------------------------

    async def _write_on_demand(self) -> None:
        # Nothing is written before a look at the devices, even if that finds none.
        await self.polled.wait()
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._pending:
                try:
                    await self._write()
                except Exception:
                    _log.exception("link %s: unexpected error while writing", self.name)

    def _forget(self, why: str) -> None:
        """Drop queued writes unsent: the next cycle decides again, knowing what runs."""
        dropped = list(self._pending.values())
        self._pending.clear()
        if dropped:
            self._report(_not_done(dropped, msg("not sent: {reason}", reason=why)))

    async def _write(self) -> None:
        writes = list(self._pending.values())[:WRITES_AT_ONCE]
        for write in writes:
            del self._pending[write.point]
        self._writing = True
        results: Sequence[WriteResult] = _not_done(writes, msg("write interrupted"))
        try:
            async with asyncio.timeout(CALL_LIMIT_S):
                results = await self._driver.write(writes)
            results = await self._verified(results)
        except TimeoutError:
            pass  # a read-back that hangs does not unmake what the devices acknowledged
        finally:
            self._writing = False
            self._report(results)
        for result in results:
            if result.status not in (WriteStatus.OK, WriteStatus.SHADOW):
                self._write_failures += 1
                _log.warning(
                    "link %s: write %s = %s: %s %s",
                    self.name,
                    result.point,
                    result.value,
                    result.status.value,
                    result.detail,
                )

    async def _verified(self, results: Sequence[WriteResult]) -> Sequence[WriteResult]:
        """Read back at once: a value acknowledged but not shown is a mismatch."""
        looked = [r.point for r in results if r.status is WriteStatus.OK]
        found: dict[PointId, WriteResult] = {}
        for wait_s in (0.0, SETTLE_S):
            if not looked:
                break
            await asyncio.sleep(wait_s)
            try:
                async with asyncio.timeout(CALL_LIMIT_S):
                    samples = await self._driver.read(looked)
            except TimeoutError:
                break
            self._take(Batch(looked, samples, all(s.quality is Quality.GOOD for s in samples)))
            read = {sample.point: sample for sample in samples}
            found = {
                r.point: replace(r, status=WriteStatus.MISMATCH, detail=detail)
                for r in results
                if r.point in read and (detail := self._mismatch(r, read[r.point]))
            }
            looked = list(found)
        return [found.get(r.point, r) for r in results]

    def _mismatch(self, result: WriteResult, sample: Sample) -> str:
        """What the device shows instead of what it acknowledged; empty if it shows it."""
        point = self._points[result.point]
        wanted = point.release_value if result.value is None else result.value
        read = sample.value
        if not point.readback or wanted is None or sample.quality is not Quality.GOOD:
            return ""
        if read is None or same(wanted, read, point.tolerance or 0.0):
            return ""
        return msg(
            "reads {reading} after {written_value} was written", reading=read, written_value=wanted
        )

    # --- health ------------------------------------------------------------------------------

    def not_after(self, now: datetime) -> None:
        """After the clock was set back, silence is counted from `now`, not from the future."""
        if self.last_finished is not None:
            self.last_finished = min(self.last_finished, now)
        if self._last_good is not None:
            self._last_good = min(self._last_good, now)
        if self._down_since is not None:
            self._down_since = min(self._down_since, now)
        for point, since in self._not_good.items():
            self._not_good[point] = min(since, now)

    def _silent_since(self, now: datetime) -> datetime | None:
        """Since when there is nothing good from this link; None if there is."""
        finished = self.last_finished
        if finished is not None and now - finished > self._stale_after:
            return finished
        return self._down_since

    def _skew(self) -> list[Condition]:
        skew_s = self._driver.clock_skew_s
        if skew_s is None or abs(skew_s) <= SKEW_LIMIT_S:
            return []
        which = {"link": self.name, "endpoint": self.endpoint, "limit_s": SKEW_LIMIT_S}
        text = (
            msg("link {link} ({endpoint}): its clock is more than {limit_s:g} s ahead of ours",
                **which)
            if skew_s > 0
            else msg("link {link} ({endpoint}): its clock is more than {limit_s:g} s behind of "
                "ours", **which)
        )  # fmt: skip
        return [Condition(f"clock:{self.name}", Severity.NORMAL, text)]

    def health(self, now: datetime) -> LinkHealth:
        return LinkHealth(
            self.name,
            self.endpoint,
            self._silent_since(now) is None,
            self._last_good,
            len(self._ids),
            len(self._ids) - len(self._not_good),
            self._write_failures,
            self._detail,
            self._driver.health(),
        )

    def conditions(self, now: datetime) -> list[Condition]:
        """One alarm for a silent link; otherwise one per device that is silent or lacks points."""
        since = self._silent_since(now)
        if since is not None:
            if not lasted(since, now, self._offline_after_s):
                return []
            return [
                Condition(
                    f"link:{self.name}",
                    Severity.URGENT,
                    msg(
                        "link {link} ({endpoint}): no good value since "
                        "{since:%Y-%m-%d %H:%M:%S}Z: {detail}",
                        link=self.name,
                        endpoint=self.endpoint,
                        since=since,
                        detail=without_countdown(self._detail) or NO_ANSWER,
                    ),
                )
            ]
        skewed = self._skew()
        if not self._not_good:
            return skewed
        return skewed + self._lacking.conditions(self._not_good, self._detail_by_device, now)


def _not_done(writes: Iterable[Write], detail: str) -> list[WriteResult]:
    return [WriteResult(w.point, w.value, WriteStatus.TIMEOUT, detail) for w in writes]
