"""Puts edited files of a site in force while it runs: links that stay are not touched."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

from bms.app.schedule_task import ScheduleTask
from bms.config.site import Site
from bms.control import STRATEGIES
from bms.field.unopened import UnopenedLink
from bms.field.wiring import driver_for
from bms.operations.editing.reloading import Change, read_again
from bms.operations.requests.live_requests import ReloadSite, SiteReloaded
from bms.operations.runtime import Runtime
from bms.storage import audit
from drivers.base import Driver
from drivers.points import PointId
from drivers.ticker import Ticker

T = TypeVar("T")

_log = logging.getLogger(__name__)

RELEASE_WITHIN_S: Final = 2.0
"""Outputs that are gone are released within this; a device that is silent cannot be."""
CLOSE_WITHIN_S: Final = 2.0


class Renewed(Protocol):
    """A part of the controller that holds the site."""

    def renew(self, site: Site) -> None: ...


class Beside(Protocol):
    """Runs a call that reads or writes the disk beside the loop."""

    async def __call__(self, call: Callable[[], T]) -> T: ...


@dataclass(frozen=True, slots=True)
class _Opened:
    """A link that is ready to be run."""

    name: str
    endpoint: str
    driver: Driver


class Reload:
    """Takes the files of the site in, all of them or none. Make one change at a time."""

    def __init__(
        self,
        runtime: Runtime,
        schedules: ScheduleTask,
        parts: Sequence[Renewed],
        ticker: Ticker,
        stack: AsyncExitStack,
        beside: Beside,
        tags: Callable[[Site], None],
    ) -> None:
        """`stack` closes what drivers do not, at the end of the process; `tags` has the copies in
        databases know the points of a site, on the disk."""
        self._runtime = runtime
        self._schedules = schedules
        self._parts = parts
        self._ticker = ticker
        self._stack = stack
        self._beside = beside
        self._tags = tags

    async def __call__(self, asked: ReloadSite, user: str) -> SiteReloaded:
        """Take them in. Raises InvalidInput, Refused, StoreError before anything has changed."""
        runtime = self._runtime
        running, overrides = runtime.site, list(runtime.overrides.values())
        unopened = [n for n in running.links if isinstance(runtime.field.driver(n), UnopenedLink)]
        now = runtime.field.now()
        change = await self._beside(
            lambda: read_again(running, STRATEGIES, overrides, now, unopened)
        )
        if asked.dry_run or not (change.files or change.opened):
            return self._told(change, applied=not asked.dry_run)
        async with AsyncExitStack() as made:
            opened = self._opened(change, made)
            await self._beside(lambda: self._audit(change, asked, user))
            self._stack.push_async_exit(made.pop_all())
        answer = self._told(change, applied=True)
        async with self._schedules.looking:
            await self._put(change, opened, answer.released)
        _log.info("files taken in: %s", ", ".join(change.files))
        return answer

    async def _put(
        self, change: Change, opened: Sequence[_Opened], released: Sequence[PointId]
    ) -> None:
        field, site = self._runtime.field, change.site
        await field.let_go(released, RELEASE_WITHIN_S)
        last = await field.close(change.closed, CLOSE_WITHIN_S)
        # Nothing waits from here until all parts have the site: no cycle sees half of the change.
        known = {point: sample for point, sample in last.items() if point in change.same}
        for link in opened:
            poll_s = site.links[link.name].settings.poll_s
            field.add(link.name, link.endpoint, link.driver, poll_s=poll_s, known=known)
        self._runtime.renew(site, change.moved)
        for part in self._parts:
            part.renew(site)
        await self._beside(lambda: self._tags(site))
        await self._schedules.renew(site)

    def _opened(self, change: Change, made: AsyncExitStack) -> list[_Opened]:
        """The drivers of all links that are opened; they do nothing yet."""
        found = []
        for name in change.opened:
            link = change.site.links[name]
            driver, endpoint = driver_for(
                change.site, link, self._ticker, self._runtime.field.now, made
            )
            found.append(_Opened(name, endpoint, driver))
        return found

    def _audit(self, change: Change, asked: ReloadSite, user: str) -> None:
        audit.record(
            change.site.state_dir,
            self._runtime.field.now(),
            who=user,
            via="api",
            what="site.reload",
            why=asked.reason,
            files=list(change.files),
            opened=list(change.opened),
            closed=list(change.closed),
        )

    def _told(self, change: Change, *, applied: bool) -> SiteReloaded:
        there = change.site.links.keys()
        return SiteReloaded(
            applied=applied,
            files=change.files,
            opened=change.opened,
            closed=tuple(name for name in change.closed if name not in there),
            kept=len(there - set(change.opened)),
            removed=tuple(sorted(change.removed)),
            released=tuple(self._to_release(change)),
        )

    def _to_release(self, change: Change) -> list[PointId]:
        """What is commanded today, and is to be let go because its place is no longer ours."""
        rules = self._runtime.site.outputs
        return [
            point
            for point in sorted(change.removed | change.moved)
            if rules[point].release_on_stop and self._runtime.award(point) is not None
        ]
