"""The subscriptions of one driver: built again for each session, and watched."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal, cast

from asyncua import ua
from asyncua.ua.status_codes import StatusCodes

from bms.texts.messages import message_of, msg
from drivers.base import Batch, Deliver
from drivers.errors import DeviceRefused, DriverError
from drivers.opcua.opcua_times import from_filetime
from drivers.opcua.session.items import QUEUE, MonitoredItem
from drivers.opcua.session.portions import BATCH
from drivers.opcua.session.session import OpcUaSession, UnknownNamespace
from drivers.opcua.subscribing.decode import Published
from drivers.opcua.subscribing.publishing import Publishing
from drivers.opcua.subscribing.subscription import Items
from drivers.opcua.values.meaning import Meaning
from drivers.opcua.values.walking import UNREADABLE, SentValue
from drivers.points import OpcUaAddress, Point, PointId

RETRY_ITEMS_S = 60.0
"""Between attempts to monitor nodes that the server does not have: they may come back."""
SILENT_AFTER = 4.0
"""Longest intervals without any response, after which a subscription is taken for dead."""
GRACE_S = 5.0
"""And the time that a busy server may take on top."""
PROBE_S = 5.0
"""Between requests that show that the server answers, how fast, and in which state it is."""
_SPARE_REQUESTS = 2
_STRIKES = 10
"""Responses in a row that nobody can read, after which polling is better."""
_FILTER_REFUSED = (
    StatusCodes.BadMonitoredItemFilterUnsupported,
    StatusCodes.BadMonitoredItemFilterInvalid,
    StatusCodes.BadFilterNotAllowed,
    StatusCodes.BadDeadbandFilterInvalid,
)
"""No dead-band here: not on this server, or not for nodes of this type."""
_FULL = (StatusCodes.BadTooManyMonitoredItems, StatusCodes.BadOutOfMemory)
"""No more items in this subscription, or on this server."""


class _Full(Exception):
    """A subscription took only so many items."""

    def __init__(self, taken: int, status: str) -> None:
        super().__init__(status)
        self.taken = taken
        self.status = status


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
    spoiling: set[int] = field(default_factory=set)
    """Places among them whose values make a response unreadable."""
    building: bool = True
    """Not all items have been asked for."""
    unreadable: bool = False
    """A response of it could not be read: nobody knows what has changed."""


class Feeding:
    """Delivers what subscriptions say. `classes` are the points by period in seconds."""

    def __init__(
        self,
        classes: Mapping[float, Sequence[Point]],
        meanings: Mapping[PointId, Meaning],
        now: Callable[[], datetime],
        following: Following,
    ) -> None:
        self._classes = classes
        self._meanings = meanings
        self._now = now
        self._following = following
        self._parts: list[tuple[float, Sequence[Point], Items]] = []
        self._of: dict[PointId, Items] = {}
        self._most = 0
        self._divide(BATCH)
        self._live: dict[int, _Live] = {}
        self._session: OpcUaSession | None = None
        self._publishing: Publishing | None = None
        self._deliver: Deliver = _nowhere
        self._broken: asyncio.Future[str] | None = None
        self._strikes = 0
        self.responses = 0
        self.clock_skew_s: float | None = None

    def _divide(self, most: int) -> None:
        """Deal the points out to subscriptions of at most so many items."""
        if most == self._most:
            return
        self._most = most
        self._parts = [
            (period, part, Items([p.id for p in part], [self._meanings[p.id] for p in part]))
            for period, points in self._classes.items()
            for start in range(0, len(points), most)
            for part in (points[start : start + most],)
        ]
        self._of = {point.id: items for _, points, items in self._parts for point in points}

    async def begin(self, session: OpcUaSession, deliver: Deliver) -> None:
        """Subscribe in a new session. Raises DriverError; DeviceRefused if it has no subscriptions.

        Delivers no value before the server has sent it; then everything, without duplicates.
        """
        self.end()
        self._strikes = 0
        self._session = session
        self._broken = asyncio.get_running_loop().create_future()
        self._deliver = deliver
        self._publishing = session.publish(self._published, self._unreadable, self._break)
        portion = session.portions.subscription
        while True:
            self._divide(min(portion.size, BATCH))
            try:
                for period, points, items in self._parts:
                    items.begin()
                    await self._follow(session, period, points, items)
            except _Full as full:
                if not full.taken:
                    raise DeviceRefused(full.status) from None
                portion.limited(full.taken)
                await self._give_up(session, list(self._live))
            else:
                break
        self._publishing.expecting_none = False
        self._publishing.keep(len(self._live) + _SPARE_REQUESTS)

    async def _follow(
        self,
        session: OpcUaSession,
        period: float,
        points: Sequence[Point],
        items: Items,
        without: frozenset[int] = frozenset(),
    ) -> None:
        """Make one subscription, for all but the places that are left out."""
        number, every_s = await session.subscribe(period)
        loop = asyncio.get_running_loop()
        live = self._live[number] = _Live(items, points, period, every_s, loop.time())
        if self._publishing is not None:
            self._publishing.keep(len(self._live))
        wanted = [place for place in range(len(points)) if place not in without]
        failed = await self._monitor(session, number, live, wanted)
        live.failed, live.spoiling = (*failed, *sorted(without)), set(without)
        live.building = False

    async def broken(self) -> str:
        """Wait until the subscriptions stop bringing anything; return why.

        Raises DeviceRefused if nobody can read what they bring.
        """
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
                    await self._probe(self._session)
                if now >= retry_at and not self._broken.done():
                    retry_at = now + RETRY_ITEMS_S
                    await self._retry(self._session)
            except DriverError as error:
                self._break(message_of(error))
            await self._mend_all(self._session)
        return self._broken.result()

    async def _probe(self, session: OpcUaSession) -> None:
        before = session.doubt
        await session.probe()
        if session.doubt != before:
            for live in self._live.values():
                self._deliver(live.items.batch(self._now(), session.doubt))

    async def _mend_all(self, session: OpcUaSession) -> None:
        """Raises DeviceRefused if the server's subscriptions are of no use."""
        assert self._broken is not None
        try:
            for number, live in list(self._live.items()):
                if live.unreadable and not self._broken.done():
                    await self._mend(session, number, live)
        except DeviceRefused:
            raise
        except DriverError as error:
            self._break(message_of(error))

    async def _mend(self, session: OpcUaSession, number: int, live: _Live) -> None:
        """Find the values that nobody can read, and subscribe to the others.

        Meanwhile the values are those that were read.
        """
        self._strikes += 1
        if self._strikes > _STRIKES:
            raise DeviceRefused(msg("what it publishes cannot be read"))
        spoiling = set(live.spoiling)
        at = 0
        while at < len(live.points):
            places = range(at, min(at + session.portions.read.size, len(live.points)))
            asked = {place: self._node(session, live, place) for place in places}
            known = {place: node for place, node in asked.items() if node is not None}
            found = await session.values(list(known.values()))
            for place, read in zip(known, found, strict=True):
                live.items.know(place, read.value, read.status, read.source_time)
                if read.value is UNREADABLE:
                    spoiling.add(place)
            at = places.stop
        self._deliver(live.items.batch(self._now(), session.doubt))
        await self._give_up(session, [number])
        without = frozenset(spoiling)
        try:
            await self._follow(session, live.period_s, live.points, live.items, without)
        except _Full as full:
            raise DeviceRefused(full.status) from None
        if self._publishing is not None:
            self._publishing.expecting_none = False
            self._publishing.keep(len(self._live) + _SPARE_REQUESTS)

    async def _give_up(self, session: OpcUaSession, numbers: Sequence[int]) -> None:
        """Delete subscriptions, to make others in their place."""
        for number in numbers:
            del self._live[number]
        if self._publishing is not None:
            self._publishing.expecting_none = True
        await session.unsubscribe(numbers)

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

    def learn(self, point: PointId, read: SentValue) -> None:
        """What a read brought, which an older notification must not undo."""
        items = self._of.get(point)
        if items is not None and self._session is not None:
            items.learn(point, read.value, read.status, read.source_time)

    async def _monitor(
        self, session: OpcUaSession, number: int, live: _Live, places: Sequence[int]
    ) -> tuple[int, ...]:
        """Ask for items by place; those that the server does not monitor."""
        asked: list[tuple[int, MonitoredItem]] = []
        failed: list[int] = []
        for place in places:
            address = cast("OpcUaAddress", live.points[place].address)
            node = self._node(session, live, place)
            if node is None:
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
        full = [status.name for status in statuses if status.value in _FULL]
        if full and live.building:
            raise _Full(len(asked) - len(full), full[0])
        for (place, _), status in zip(asked, statuses, strict=True):
            if not status.is_good():
                live.items.fail(place, status.name)
                failed.append(place)
        return tuple(failed)

    def _node(self, session: OpcUaSession, live: _Live, place: int) -> ua.NodeId | None:
        """The node of a place; None, and the point is BAD, if the server has no such namespace."""
        try:
            return session.node(cast("OpcUaAddress", live.points[place].address))
        except UnknownNamespace as error:
            live.items.fail(place, message_of(error))
            return None

    async def _retry(self, session: OpcUaSession) -> None:
        """Ask again for what the server did not monitor, or what spoiled its responses."""
        for number, live in list(self._live.items()):
            for place in sorted(live.spoiling):
                node = self._node(session, live, place)
                if node is not None:
                    (read,) = await session.values([node])
                    if read.value is not UNREADABLE:
                        live.spoiling.discard(place)
            again = [place for place in live.failed if place not in live.spoiling]
            if again:
                failed = await self._monitor(session, number, live, again)
                live.failed = (*failed, *sorted(live.spoiling))

    def _published(self, published: Published) -> None:
        self.responses += 1
        live = self._live.get(published.subscription)
        if live is None or self._session is None:
            return
        doubt = self._session.doubt
        live.heard = asyncio.get_running_loop().time()
        if live.unreadable:
            return  # it is given up, and nobody knows which message it was
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
        self._strikes = 0
        if live.building:
            self._deliver(live.items.told(now, doubt))
            return
        self._deliver(live.items.batch(now, doubt))

    def _unreadable(self, subscription: int) -> None:
        live = self._live.get(subscription)
        if live is not None:
            live.unreadable = True
            live.heard = asyncio.get_running_loop().time()

    def _break(self, reason: str) -> None:
        if self._broken is not None and not self._broken.done():
            self._broken.set_result(reason)


def _nowhere(batch: Batch) -> None:
    """Takes what comes after the end."""
