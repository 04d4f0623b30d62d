"""The subscriptions of one driver: built again for each session, and watched."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal, cast

from asyncua.ua.status_codes import StatusCodes

from bms.texts.messages import message_of, msg
from drivers.base import Batch, Deliver
from drivers.errors import DriverError
from drivers.opcua.opcua_times import from_filetime
from drivers.opcua.session.session import (
    BATCH,
    QUEUE,
    MonitoredItem,
    OpcUaSession,
    UnknownNamespace,
)
from drivers.opcua.subscribing.decode import Published
from drivers.opcua.subscribing.publishing import Publishing
from drivers.opcua.subscribing.subscription import Items
from drivers.points import OpcUaAddress, Point, PointId

RETRY_ITEMS_S = 60.0
"""Between attempts to monitor nodes that the server does not have: they may come back."""
SILENT_AFTER = 4.0
"""Longest intervals without any response, after which a subscription is taken for dead."""
GRACE_S = 5.0
"""And the time that a busy server may take on top."""
PROBE_S = 10.0
"""Between requests that only show that the server answers, and how fast."""
_SPARE_REQUESTS = 2
_FILTER_REFUSED = (
    StatusCodes.BadMonitoredItemFilterUnsupported,
    StatusCodes.BadMonitoredItemFilterInvalid,
    StatusCodes.BadFilterNotAllowed,
    StatusCodes.BadDeadbandFilterInvalid,
)
"""No dead-band here: not on this server, or not for nodes of this type."""


@dataclass(frozen=True, slots=True)
class Following:
    """How the values of a server are followed."""

    mode: Literal["subscribe", "poll"] = "subscribe"
    sampling_s: float | None = None
    """The server samples each item so often; None: as often as it publishes."""
    queue: int = QUEUE
    """So many values of an item the server keeps between two responses."""


@dataclass(slots=True)
class _Live:
    """One subscription in the present session."""

    items: Items
    points: Sequence[Point]
    period_s: float
    every_s: float
    """The longest time between two responses that the server agreed to."""
    heard: float
    """Loop time of the last response."""
    sequence: int | None = None
    failed: tuple[int, ...] = ()
    """Places that the server does not monitor."""


class Feeding:
    """Delivers what subscriptions say. `classes` are the points by period in seconds."""

    def __init__(
        self,
        classes: Mapping[float, Sequence[Point]],
        now: Callable[[], datetime],
        following: Following,
    ) -> None:
        self._now = now
        self._following = following
        self._parts = [
            (
                period,
                points[start : start + BATCH],
                Items([p.id for p in points[start : start + BATCH]]),
            )
            for period, points in classes.items()
            for start in range(0, len(points), BATCH)
        ]
        self._of: dict[PointId, Items] = {
            point.id: items for _, points, items in self._parts for point in points
        }
        self._live: dict[int, _Live] = {}
        self._session: OpcUaSession | None = None
        self._publishing: Publishing | None = None
        self._deliver: Deliver = _nowhere
        self._broken: asyncio.Future[str] | None = None
        self.responses = 0
        self.clock_skew_s: float | None = None

    async def begin(self, session: OpcUaSession, deliver: Deliver) -> None:
        """Subscribe in a new session. Raises DriverError; DeviceRefused if it has no subscriptions.

        Delivers no value before the server has sent it; then everything, without duplicates.
        """
        self.end()
        loop = asyncio.get_running_loop()
        self._session = session
        self._broken = loop.create_future()
        self._deliver = deliver
        for period, points, items in self._parts:
            items.begin()
            number, every_s = await session.subscribe(period)
            live = _Live(items, points, period, every_s, loop.time())
            live.failed = await self._monitor(session, number, live, range(len(points)))
            self._live[number] = live
        self._publishing = session.publish(self._published, self._break)
        self._publishing.begin(len(self._live) + _SPARE_REQUESTS)

    async def broken(self) -> str:
        """Wait until the subscriptions stop bringing anything; return why."""
        loop = asyncio.get_running_loop()
        assert self._broken is not None
        assert self._session is not None
        retry_at, probe_at = loop.time() + RETRY_ITEMS_S, loop.time()
        while not self._broken.done():
            await asyncio.wait((self._broken,), timeout=1.0)
            now = loop.time()
            for live in self._live.values():
                if now - live.heard > SILENT_AFTER * live.every_s + GRACE_S:
                    self._break(
                        msg("no publish response for {silence_s:.0f} s", silence_s=now - live.heard)
                    )
            try:
                if now >= probe_at and not self._broken.done():
                    probe_at = now + PROBE_S
                    await self._session.probe()
                if now >= retry_at and not self._broken.done():
                    retry_at = now + RETRY_ITEMS_S
                    await self._retry()
            except DriverError as error:
                self._break(message_of(error))
        return self._broken.result()

    def end(self) -> None:
        """Forget the session: deliver nothing more of it."""
        if self._publishing is not None:
            self._publishing.end()
            self._publishing = None
        self._deliver = _nowhere
        self._live.clear()
        self._session = None

    def missed(self, deliver: Deliver, detail: str) -> None:
        """Deliver that there is nothing."""
        now = self._now()
        for _, _, items in self._parts:
            deliver(items.missed(now, detail))

    def learn(self, point: PointId, value: object, status: int, source: int) -> None:
        """What a read brought, which an older notification must not undo."""
        items = self._of.get(point)
        if items is not None and self._session is not None:
            items.learn(point, value, status, source)

    async def _monitor(
        self, session: OpcUaSession, number: int, live: _Live, places: Sequence[int]
    ) -> tuple[int, ...]:
        """Ask for items by place; those that the server does not monitor."""
        asked: list[tuple[int, MonitoredItem]] = []
        failed: list[int] = []
        for place in places:
            address = cast("OpcUaAddress", live.points[place].address)
            try:
                node = session.node(address)
            except UnknownNamespace as error:
                live.items.fail(place, message_of(error))
                failed.append(place)
            else:
                sampling_s = self._following.sampling_s
                every_s = live.period_s if sampling_s is None else sampling_s
                item = MonitoredItem(node, place, address.deadband, every_s, self._following.queue)
                asked.append((place, item))
        items = [item for _, item in asked]
        statuses = await session.monitor(number, items)
        unfiltered = [
            n
            for n, status in enumerate(statuses)
            if items[n].deadband and status.value in _FILTER_REFUSED
        ]
        # More than was asked for is better than nothing.
        again = await session.monitor(number, [replace(items[n], deadband=0) for n in unfiltered])
        for n, status in zip(unfiltered, again, strict=True):
            statuses[n] = status
        for (place, _), status in zip(asked, statuses, strict=True):
            if not status.is_good():
                live.items.fail(place, status.name)
                failed.append(place)
        return tuple(failed)

    async def _retry(self) -> None:
        for number, live in list(self._live.items()):
            if live.failed and self._session is not None:
                live.failed = await self._monitor(self._session, number, live, live.failed)

    def _published(self, published: Published) -> None:
        self.responses += 1
        live = self._live.get(published.subscription)
        if live is None:
            return
        live.heard = asyncio.get_running_loop().time()
        now = self._now()
        server = from_filetime(published.server_time)
        if server is not None:
            self.clock_skew_s = (server - now).total_seconds()
        expected = None if live.sequence is None else live.sequence % 0xFFFFFFFF + 1
        if not published.keep_alive:
            if expected is not None and published.sequence != expected:
                # What was lost may have been a change: only a new subscription tells all again.
                self._break(
                    msg(
                        "message {number} of subscription {subscription} is lost",
                        number=expected,
                        subscription=published.subscription,
                    )
                )
                return
            live.sequence = published.sequence
        live.items.take(published.changes)
        self._deliver(live.items.batch(now))

    def _break(self, reason: str) -> None:
        if self._broken is not None and not self._broken.done():
            self._broken.set_result(reason)


def _nowhere(batch: Batch) -> None:
    """Takes what comes after the end."""
