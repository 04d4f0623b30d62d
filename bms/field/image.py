"""The field as the controller sees it: one driver per link, one process image for all.

Nothing here waits for a link, and a link that hangs hurts nobody else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from datetime import datetime
from types import MappingProxyType

from bms.core.decisions import Condition
from bms.field.field_link import FieldLink, LinkHealth
from bms.texts.messages import msg
from drivers.base import Driver, Write, WriteResult
from drivers.points import PointId, Quality, Sample
from drivers.polled import Polled

_SILENT = msg("the link does not deliver")


class Field:
    """All links of a site and the latest sample of every point."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self.now = now
        self._image: dict[PointId, Sample] = {}
        self._results: list[WriteResult] = []
        self._links: list[FieldLink] = []
        self._link_of: dict[PointId, FieldLink] = {}
        self._looked = now()
        self._group: asyncio.TaskGroup | None = None
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._facts: Mapping[PointId, Sample] = MappingProxyType({})
        self._left: frozenset[PointId] = frozenset()
        """Points that were let go: nobody commands them where they are."""

    def add(
        self,
        name: str,
        endpoint: str,
        driver: Driver,
        *,
        poll_s: float,
        known: Mapping[PointId, Sample] = MappingProxyType({}),
    ) -> None:
        """Take in a link; it is read once `run` runs.

        `known` are samples of points that were read a moment ago on a link that this one takes the
        place of: they hold until they are read again, or too old.
        """
        link = FieldLink(
            name,
            endpoint,
            driver,
            poll_s=poll_s,
            now=self.now,
            image=self._image,
            report=self._results.extend,
        )
        link.go_on(known)
        self._links.append(link)
        self._link_of.update(dict.fromkeys(link.points, link))
        if self._group is not None:
            self._start(link)

    async def let_go(self, points: Iterable[PointId], limit_s: float) -> None:
        """Release outputs before their links are closed; nothing else is written there then."""
        self._left = frozenset(points)
        self._hand_out(Write(point, None) for point in self._left)
        await self.settle(limit_s)

    async def close(self, names: Collection[str], limit_s: float) -> Mapping[PointId, Sample]:
        """Leave links: nothing is read or written there once this returns. Their last samples."""
        closed = [link for link in self._links if link.name in names]
        self._links = [link for link in self._links if link.name not in names]
        tasks = [task for name in names if (task := self._tasks.pop(name, None)) is not None]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=limit_s)
        last: dict[PointId, Sample] = {}
        for link in closed:
            link.refresh(self.now())
            for point in link.points:
                last[point] = self._image.pop(point)
                del self._link_of[point]
        self._left -= last.keys()
        return last

    def driver(self, name: str) -> Driver:
        """The driver of a link, for looking at its devices by hand. KeyError if there is none."""
        for link in self._links:
            if link.name == name:
                driver = link.driver
                return driver.inner if isinstance(driver, Polled) else driver
        raise KeyError(name)

    async def run(self) -> None:
        """Run all links until cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                for link in self._links:
                    self._start(link)
                await asyncio.Event().wait()  # links come and go
        finally:
            self._group = None

    def _start(self, link: FieldLink) -> None:
        assert self._group is not None
        task = self._group.create_task(link.run(), name=f"link {link.name}")
        self._tasks[link.name] = task

    async def first_polls(self, limit_s: float) -> None:
        """Wait until every link has delivered all its points once, at most `limit_s`."""
        with suppress(TimeoutError):
            async with asyncio.timeout(limit_s):
                for link in self._links:
                    await link.polled.wait()

    def snapshot(self, now: datetime) -> Mapping[PointId, Sample]:
        """The latest samples; those of a link that has fallen silent are STALE, never GOOD."""
        set_back = now < self._looked
        self._looked = now
        for link in self._links:
            if set_back:
                link.not_after(now)
            if link.refresh(now):
                continue
            for point in link.silent(now):
                sample = self._image[point]
                if sample.quality is Quality.GOOD:
                    self._image[point] = sample._replace(quality=Quality.STALE, detail=_SILENT)
        return self._image.copy()

    def publish(self, facts: Mapping[PointId, Sample]) -> None:
        """Samples that come from no link: what controllers have worked out."""
        for point in self._facts.keys() - facts.keys():
            self._image.pop(point, None)
        self._image.update(facts)
        self._facts = facts

    def submit(self, writes: Iterable[Write]) -> None:
        """Hand writes to their links; those for points on no link (group points) have no wire."""
        if self._left:
            writes = [write for write in writes if write.point not in self._left]
        self._hand_out(writes)

    def _hand_out(self, writes: Iterable[Write]) -> None:
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
