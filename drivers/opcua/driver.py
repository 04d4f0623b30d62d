"""OPC-UA behind the `Driver` protocol, by polling."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from types import TracebackType
from typing import Self, cast

from asyncua import ua
from asyncua.ua.uaerrors import UaError

from drivers.backoff import Backoff, waiting
from drivers.base import Write, WriteResult, WriteStatus
from drivers.errors import ConnectionLost, DeviceRefused, DriverError
from drivers.memory import Memory
from drivers.opcua.session import BATCH, OpcUaSession, UnknownNamespace, open_session
from drivers.opcua.values import usable_value, variant
from drivers.points import OpcUaAddress, Point, PointId, Quality, Sample
from drivers.times import utc_now


class OpcUaDriver:
    """All points of one OPC-UA server, over one session without security.

    `timeout_s` bounds connecting (session included) and each request. Nodes are found by
    namespace URI in each new session. A node's StatusCode becomes its quality: Good is GOOD,
    Uncertain is STALE, Bad is BAD, the last two with the code's name. Writes carry the node's
    own data type; each is sent once. `read` and `write` run one after the other.

    Raises ValueError if a point's address makes no sense for OPC-UA.
    """

    def __init__(
        self,
        url: str,
        points: Iterable[Point],
        *,
        timeout_s: float = 4.0,
        now: Callable[[], datetime] = utc_now,
        monotonic: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._url = url
        self._points = tuple(points)
        self._by_id = {point.id: point for point in self._points}
        for point in self._points:
            _check(point)
        self._timeout_s = timeout_s
        self._now = now
        self._monotonic = monotonic
        self._session: OpcUaSession | None = None
        self._backoff = Backoff(chance)
        self._reason = ""
        self._memory = Memory()
        self._lock = asyncio.Lock()

    @property
    def points(self) -> Sequence[Point]:
        return self._points

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
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
        points = [self._by_id[write.point] for write in writes]
        async with self._lock:
            return await self._write(writes, points)

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
                samples[point] = self._memory.unusable(point, self._now(), str(error))
        ids = list(nodes)
        for start in range(0, len(ids), BATCH):
            batch = ids[start : start + BATCH]
            try:
                answer = await session.values([nodes[point] for point in batch])
            except DriverError as error:
                if await self._failed(error):
                    samples |= self._missed(ids[start:], error)
                    break
                samples |= self._missed(batch, error)
            else:
                self._backoff.succeeded()
                samples |= self._take(batch, answer)
        return samples

    def _take(
        self, points: Sequence[PointId], answer: Sequence[ua.DataValue]
    ) -> dict[PointId, Sample]:
        time = self._now()
        samples = {p: self._sample(p, d, time) for p, d in zip(points, answer, strict=True)}
        good = {p: s for p, s in samples.items() if s.quality is Quality.GOOD}
        self._memory.good(list(good), list(good.values()))
        return samples

    def _sample(self, point: PointId, data: ua.DataValue, time: datetime) -> Sample:
        status = data.StatusCode
        if status is not None and status.is_bad():
            return self._memory.unusable(point, time, status.name)
        value, wrong = usable_value(data.Value.Value if data.Value is not None else None)
        if value is None:
            return self._memory.unusable(point, time, wrong)
        if status is not None and not status.is_good():
            return Sample(point, value, Quality.STALE, time, status.name)
        return Sample(point, value, Quality.GOOD, time)

    def _missed(self, points: Iterable[PointId], error: DriverError) -> dict[PointId, Sample]:
        now, detail = self._now(), str(error)
        return {point: self._memory.missed(point, now, detail) for point in points}

    async def _write(self, writes: Sequence[Write], points: Sequence[Point]) -> list[WriteResult]:
        results: list[WriteResult | None] = [None] * len(writes)
        ready: list[tuple[int, ua.NodeId, ua.Variant]] = []
        for number, (write, point) in enumerate(zip(writes, points, strict=True)):
            value = point.release_value if write.value is None else write.value
            status, detail = WriteStatus.REFUSED, ""
            if not point.writable:
                detail = "the point is not writable"
            elif value is None:
                detail = "the point cannot be released: no release_value"
            else:
                try:
                    session = await self._connected()
                    node = session.node(_address(point))
                    ready.append((number, node, variant(value, await session.kind(node))))
                    continue
                except (ValueError, UnknownNamespace, DeviceRefused) as error:
                    detail = str(error)
                except DriverError as error:
                    await self._failed(error)
                    status, detail = WriteStatus.TIMEOUT, f"not sent: {error}"
            results[number] = WriteResult(write.point, write.value, status, detail)
        for start in range(0, len(ready), BATCH):
            batch = ready[start : start + BATCH]
            for (number, _, _), (status, detail) in zip(
                batch, await self._send(batch), strict=True
            ):
                write = writes[number]
                results[number] = WriteResult(write.point, write.value, status, detail)
        return cast("list[WriteResult]", results)

    async def _send(
        self, batch: Sequence[tuple[int, ua.NodeId, ua.Variant]]
    ) -> list[tuple[WriteStatus, str]]:
        session = self._session
        if session is None:
            return [(WriteStatus.TIMEOUT, f"not sent: {self._reason}")] * len(batch)
        try:
            answer = await session.write([b[1] for b in batch], [b[2] for b in batch])
        except DeviceRefused as error:
            return [(WriteStatus.REFUSED, str(error))] * len(batch)
        except DriverError as error:
            await self._failed(error)
            return [(WriteStatus.TIMEOUT, str(error))] * len(batch)
        self._backoff.succeeded()
        return [
            (WriteStatus.OK, "") if code.is_good() else (WriteStatus.REFUSED, code.name)
            for code in answer
        ]

    async def _connected(self) -> OpcUaSession:
        if self._session is not None:
            return self._session
        wait = self._backoff.remaining_s(self._monotonic())
        if wait:
            raise ConnectionLost(waiting(self._reason, wait))
        try:
            self._session = await open_session(self._url, self._timeout_s)
        except DriverError as error:
            self._reason = str(error)
            self._backoff.failed(self._monotonic())
            # A refusal while connecting is no answer about any point.
            raise ConnectionLost(self._reason) from None
        return self._session

    async def _failed(self, error: DriverError) -> bool:
        """Throw the session away unless the server answered; True if it is gone."""
        if isinstance(error, DeviceRefused):
            return False
        session, self._session = self._session, None
        if session is not None:
            self._reason = str(error)
            self._backoff.failed(self._monotonic())
            await session.close()
        return True


def _address(point: Point) -> OpcUaAddress:
    return cast("OpcUaAddress", point.address)


def _check(point: Point) -> None:
    if not isinstance(point.address, OpcUaAddress):
        raise ValueError(f"{point.id}: not an OPC-UA address: {point.address}")
    try:
        ua.NodeId.from_string(f"ns=1;{point.address.node}")
    except (UaError, ValueError) as error:
        raise ValueError(f"{point.id}: {point.address.node!r} is not a node: {error}") from None
