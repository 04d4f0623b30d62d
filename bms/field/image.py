"""The field as the controller sees it: one driver per link, one process image for all.

Nothing here waits for a link, and a link that hangs hurts nobody else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import datetime

from bms.core.decisions import Condition
from bms.field.field_link import FieldLink, LinkHealth
from bms.texts.messages import msg
from drivers.base import Driver, Write, WriteResult
from drivers.points import PointId, Quality, Sample
from drivers.polled import Polled


class Field:
    """All links of a site and the latest sample of every point."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._image: dict[PointId, Sample] = {}
        self._results: list[WriteResult] = []
        self._links: list[FieldLink] = []
        self._link_of: dict[PointId, FieldLink] = {}
        self._looked = now()

    def add(self, name: str, endpoint: str, driver: Driver, *, poll_s: float) -> None:
        """Take in a link; it is read once `run` runs."""
        link = FieldLink(
            name,
            endpoint,
            driver,
            poll_s=poll_s,
            now=self._now,
            image=self._image,
            report=self._results.extend,
        )
        self._links.append(link)
        self._link_of.update(dict.fromkeys(link.points, link))

    def driver(self, name: str) -> Driver:
        """The driver of a link, for looking at its devices by hand. KeyError if there is none."""
        for link in self._links:
            if link.name == name:
                driver = link.driver
                return driver.inner if isinstance(driver, Polled) else driver
        raise KeyError(name)

    async def run(self) -> None:
        """Run all links until cancelled."""
        async with asyncio.TaskGroup() as group:
            for link in self._links:
                group.create_task(link.run(), name=f"link {link.name}")

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
            finished = link.last_finished
            if finished is not None and now - finished > link.stale_after:
                for point in link.points:
                    sample = self._image[point]
                    if sample.quality is Quality.GOOD:
                        self._image[point] = sample._replace(
                            quality=Quality.STALE, detail=msg("the link does not deliver")
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
