"""OPC-UA behind the `Feed` protocol: by subscription, or by polling where that is all there is."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterable, Sequence
from datetime import datetime
from time import monotonic
from typing import Any, Self, cast

from asyncua import ua
from asyncua.ua.uaerrors import UaError

from bms.texts.messages import message_of, msg
from drivers.backoff import Backoff, waiting
from drivers.base import Batch, Deliver, Write, WriteResult
from drivers.errors import ConnectionLost, DeviceRefused, DriverError, NoAnswer
from drivers.health import DriverHealth, Tally
from drivers.memory import Memory
from drivers.opcua.opcua_times import from_filetime, to_ns
from drivers.opcua.session.portions import Portions
from drivers.opcua.session.security import NO_SECURITY, Security
from drivers.opcua.session.session import OpcUaSession, UnknownNamespace, open_session
from drivers.opcua.subscribing.feeding import Feeding, Following
from drivers.opcua.values.meaning import Meaning
from drivers.opcua.values.walking import SentValue
from drivers.opcua.variants import from_text, plain, status_name, variant
from drivers.opcua.writing import write_all
from drivers.points import OpcUaAddress, Point, PointId, Quality, Sample
from drivers.times import Times

SUBSCRIBE_AGAIN_S = 600.0
"""A server that has no subscription left may have one later."""
STATE_EVERY_S = 2.0
"""How often a server that is polled is asked for its state."""
_STEP_S = 1.0
"""How often a link that is away says so, and looks whether it is time to try again."""


class OpcUaDriver:
    """All points of one OPC-UA server, over one session.

    `timeout_s` bounds connecting (session included) and each request. Nodes are found by
    namespace URI in each new session. A node's StatusCode becomes its quality: Good is GOOD,
    Uncertain is STALE, Bad is BAD, the last two with the code's name. As long as the server says
    that its state is not Running, nothing of it is GOOD. Writes carry the node's own data type;
    each is sent once, and ends no session. `read` and `write` run one after the other.

    `feed` subscribes, unless `following.mode` is "poll"; as long as the server refuses
    subscriptions it polls instead, and asks again every ten minutes. Every break ends the session:
    a new one is built from the driver's own list, never restored. With `shadow` nothing that could
    change the server leaves, and writes end as SHADOW.

    Raises ValueError if a point's address makes no sense for OPC-UA.
    """

    def __init__(
        self,
        url: str,
        points: Iterable[Point],
        *,
        timeout_s: float = 4.0,
        security: Security = NO_SECURITY,
        following: Following = Following(),  # noqa: B008 - frozen
        shadow: bool = False,
        times: Times,
    ) -> None:
        self._url = url
        self._points = tuple(points)
        self._by_id = {point.id: point for point in self._points}
        for point in self._points:
            _check(point)
        self._meanings = {point.id: Meaning(point) for point in self._points}
        self._portions = Portions()
        self._timeout_s = timeout_s
        self._security = security
        self._following = following
        self._shadow = shadow
        self._times = times
        self._session: OpcUaSession | None = None
        self._backoff = Backoff(times.chance)
        self._reason: str = msg("not connected yet")
        self._memory = Memory()
        self._lock = asyncio.Lock()
        self._feeding: Feeding | None = None
        self._tally = Tally()
        self._connects = 0
        self._instead = ""
        """Why it polls although it should subscribe."""

    @property
    def points(self) -> Sequence[Point]:
        return self._points

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        async with self._lock:
            session, self._session = self._session, None
            if session is not None:
                await session.close()

    async def read(self, points: Sequence[PointId]) -> list[Sample]:
        wanted = {point: _address(self._by_id[point]) for point in points}
        async with self._lock:
            samples = await self._read(wanted)
        return [samples[point] for point in points]

    async def write(self, writes: Sequence[Write]) -> list[WriteResult]:
        asked = [(w, self._by_id[w.point], self._meanings[w.point]) for w in writes]
        async with self._lock:
            return await write_all(
                asked,
                self._connected,
                self._write_failed,
                self._backoff.succeeded,
                shadow=self._shadow,
            )

    # --- by hand -----------------------------------------------------------------------------

    async def look(self, node: str) -> dict[str, Any]:
        """Value, type, status and times of one node, for commissioning. Raises DriverError."""
        async with self._lock:
            session = await self._connected()
            found = session.parsed(node)
            (data,) = await session.values([found])
        source_time = from_filetime(data.source_time)
        return {
            "node": node,
            "value": plain(data.value),
            "type": ua.VariantType(data.kind).name if data.kind else None,
            "status": status_name(data.status),
            "source_time": source_time.isoformat() if source_time is not None else None,
        }

    async def put(self, node: str, text: str) -> None:
        """Write one node by hand, as its own type. Raises DriverError, or ValueError if the text
        is no value of that type."""
        async with self._lock:
            session = await self._connected()
            found = session.parsed(node)
            kind = await session.scalar_kind(found)
            (status,) = await session.write([found], [variant(from_text(text, kind), kind)])
        if not status.is_good():
            raise DeviceRefused(status.name)

    # --- feeding -----------------------------------------------------------------------------

    async def feed(self, deliver: Deliver, period_s: float) -> None:
        """Deliver all points until cancelled (see `Feed`). `period_s` is also the publishing
        interval of points without a set pace. Without points there is nothing to connect for."""
        if not self._points:
            await asyncio.get_running_loop().create_future()
        classes: dict[float, list[Point]] = {}
        for point in self._points:
            classes.setdefault(point.scan_s or max(period_s, 0.05), []).append(point)
        feeding = Feeding(classes, self._meanings, self._times.now, self._following)
        try:
            while True:
                if self._following.mode == "poll":
                    await self._poll(deliver, classes, math.inf)
                session = None
                try:
                    async with self._lock:
                        session = await self._connected()
                    # A slow server takes its time: meanwhile it may be read and written.
                    self._feeding = feeding
                    await feeding.begin(session, deliver)
                except DeviceRefused as error:
                    await self._poll_instead(feeding, message_of(error))
                    await self._poll(deliver, classes, SUBSCRIBE_AGAIN_S)
                    continue
                except DriverError as error:
                    feeding.end()
                    async with self._lock:
                        if session is self._session:
                            await self._failed(error)
                    feeding.missed(deliver, self._why())
                    await asyncio.sleep(_STEP_S)
                    continue
                self._instead = ""
                self._backoff.succeeded()
                try:
                    reason = await feeding.broken()
                except DeviceRefused as error:  # nobody can read what it publishes
                    await self._poll_instead(feeding, message_of(error))
                    await self._poll(deliver, classes, SUBSCRIBE_AGAIN_S)
                    continue
                feeding.end()
                feeding.missed(deliver, reason)  # however short the break, it is marked
                async with self._lock:
                    if session is self._session:
                        await self._failed(ConnectionLost(reason))
        finally:
            feeding.end()
            self._feeding = None

    async def _poll_instead(self, feeding: Feeding, reason: str) -> None:
        """No subscriptions here, or none left. Those that were made end with the session."""
        feeding.end()
        self._feeding = None
        self._instead = msg(
            "polling, as the server refuses to be subscribed to: {reason}", reason=reason
        )
        async with self._lock:
            session, self._session = self._session, None
            if session is not None:
                await session.close()

    async def _poll(
        self, deliver: Deliver, classes: dict[float, list[Point]], for_s: float
    ) -> None:
        """Read each class at its pace, one turn of the fastest."""
        loop = asyncio.get_running_loop()
        end = loop.time() + for_s
        due = dict.fromkeys(classes, loop.time())
        while (now := loop.time()) < end:
            for period, points in classes.items():
                if due[period] > now:
                    continue
                due[period] += (int((now - due[period]) // period) + 1) * period
                ids = tuple(point.id for point in points)
                samples = await self.read(ids)
                good = all(sample.quality is Quality.GOOD for sample in samples)
                deliver(Batch(ids, samples, good))
            await asyncio.sleep(max(0.0, min(due.values()) - loop.time()))

    # --- one request after the other -----------------------------------------------------------

    async def _read(self, wanted: dict[PointId, OpcUaAddress]) -> dict[PointId, Sample]:
        samples: dict[PointId, Sample] = {}
        try:
            session = await self._connected()
        except DriverError as error:
            return self._missed(wanted, error)
        nodes: dict[PointId, ua.NodeId] = {}
        for point, address in wanted.items():
            try:
                nodes[point] = session.node(address)
            except UnknownNamespace as error:
                samples[point] = self._memory.unusable(point, self._times.now(), message_of(error))
        ids = list(nodes)
        while ids:
            batch = ids[: session.portions.read.size]
            try:
                if self._feeding is None and _asked_long_ago(session):
                    await session.probe()
                answer = await session.values([nodes[point] for point in batch])
            except DriverError as error:
                if await self._failed(error):
                    samples |= self._missed(ids, error)
                    break
                samples |= self._missed(batch, error)
            else:
                self._backoff.succeeded()
                samples |= self._take(batch, answer, session.doubt)
            ids = ids[len(batch) :]
        return samples

    def _take(
        self, points: Sequence[PointId], answer: Sequence[SentValue], doubt: str
    ) -> dict[PointId, Sample]:
        time = self._times.now()
        samples = {p: self._sample(p, d, time, doubt) for p, d in zip(points, answer, strict=True)}
        good = {p: s for p, s in samples.items() if s.quality is Quality.GOOD}
        self._memory.good(list(good), list(good.values()))
        return samples

    def _sample(self, point: PointId, data: SentValue, time: datetime, doubt: str) -> Sample:
        if self._feeding is not None:
            # The subscription may still have an older value on its way: it must not come back.
            self._feeding.learn(point, data)
        severity = data.status >> 30
        if severity > 1:
            return self._memory.unusable(point, time, status_name(data.status))
        value, wrong = self._meanings[point].value(data.value)
        if value is None:
            return self._memory.unusable(point, time, wrong)
        if severity or doubt:
            detail = doubt or status_name(data.status)
            return Sample(point, value, Quality.STALE, time, detail)
        return Sample(point, value, Quality.GOOD, time, "", to_ns(data.source_time))

    def _missed(self, points: Iterable[PointId], error: DriverError) -> dict[PointId, Sample]:
        now, detail = self._times.now(), message_of(error)
        return {point: self._memory.missed(point, now, detail) for point in points}

    # --- the session -------------------------------------------------------------------------

    async def _connected(self) -> OpcUaSession:
        if self._session is not None:
            return self._session
        if self._backoff.remaining_s(self._times.monotonic()):
            raise ConnectionLost(self._why())
        self._tally.requests += 1
        try:
            self._session = await open_session(
                self._url,
                self._timeout_s,
                self._security,
                now=self._times.now(),
                read_only=self._shadow,
                tally=self._tally,
                portions=self._portions,
            )
        except DriverError as error:
            self._reason = message_of(error)
            self._tally.failures += 1
            self._tally.timeouts += isinstance(error, NoAnswer)
            self._backoff.failed(self._times.monotonic())
            # A refusal while connecting is no answer about any point.
            raise ConnectionLost(self._reason) from None
        self._connects += 1
        return self._session

    def _why(self) -> str:
        wait = self._backoff.remaining_s(self._times.monotonic())
        return waiting(self._reason, wait) if wait else self._reason

    async def _failed(self, error: DriverError) -> bool:
        """Throw the session away unless the server answered; True if it is gone."""
        if isinstance(error, DeviceRefused):
            return False
        session, self._session = self._session, None
        if session is not None:
            self._reason = message_of(error)
            self._backoff.failed(self._times.monotonic())
            await session.close()
        return True

    async def _write_failed(self, error: DriverError) -> bool:
        """A write that is not answered says nothing about reading: only a lost connection does."""
        return isinstance(error, ConnectionLost) and await self._failed(error)

    @property
    def clock_skew_s(self) -> float | None:
        return self._feeding.clock_skew_s if self._feeding is not None else None

    def _doubt(self) -> str:
        return self._session.doubt if self._session is not None else ""

    def health(self) -> DriverHealth:
        feeding, tally = self._feeding, self._tally
        return DriverHealth(
            connected=self._session is not None,
            requests=tally.requests + (feeding.responses if feeding is not None else 0),
            failures=tally.failures,
            timeouts=tally.timeouts,
            connects=self._connects,
            latency_p50_ms=tally.latencies.percentile_ms(50),
            latency_p95_ms=tally.latencies.percentile_ms(95),
            latency_p99_ms=tally.latencies.percentile_ms(99),
            clock_skew_s=self.clock_skew_s,
            detail=self._doubt() or self._instead if self._session is not None else self._why(),
        )


def _asked_long_ago(session: OpcUaSession) -> bool:
    return monotonic() - session.state_asked > STATE_EVERY_S


def _address(point: Point) -> OpcUaAddress:
    return cast("OpcUaAddress", point.address)


def _check(point: Point) -> None:
    address = point.address
    if not isinstance(address, OpcUaAddress):
        raise ValueError(
            msg("{point}: not an OPC-UA address: {address}", point=point.id, address=address)
        )
    for text in (address.node, address.method):
        try:
            if text is not None:
                ua.NodeId.from_string(f"ns=1;{text}")
        except (UaError, ValueError) as error:
            raise ValueError(
                msg(
                    "{point}: {text!r} is not a node: {error}",
                    point=point.id,
                    text=text,
                    error=error,
                )
            ) from None
