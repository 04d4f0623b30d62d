"""Modbus behind the `Feed` protocol, over TCP, TLS, RTU over TCP and serial lines."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Generator, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Self

from bms.texts.messages import msg
from drivers.base import Batch, Deliver, Write, WriteResult, WriteStatus
from drivers.codec.encoding import Codec, codec
from drivers.errors import DriverError
from drivers.health import DriverHealth
from drivers.modbus.link import ModbusLink
from drivers.modbus.reading.pace import Poll
from drivers.modbus.reading.plan import Block, ModbusPoint, plan
from drivers.modbus.reading.read_job import Reading
from drivers.modbus.reading.readplan import Group, groups
from drivers.modbus.steps import Steps, Task
from drivers.modbus.wire.frames import Request
from drivers.modbus.wire.transport import Endpoint, Pacing, UnitProfile
from drivers.modbus.writing import Writing, refusal_of
from drivers.points import ModbusAddress, Point, PointId, Sample
from drivers.ticker import Ticker
from drivers.times import Times

_PLANS_KEPT = 32
_NO_PROFILES: Mapping[int, UnitProfile] = MappingProxyType({})


class ModbusDriver:
    """All points of one Modbus endpoint, over one connection.

    `profiles` say what single units can take, `profile` what all others can, `pacing` how fast
    the endpoint can be spoken to. With `shadow` nothing that could change a device is sent, and
    writes end as SHADOW. The drivers of a process share `ticker`.

    Reads and writes run one after the other, so the answer to a read sent before a write can
    never bring the old value back after it. A write is sent once. One bit of a register is
    written by reading the register, setting the bit and writing it, with nothing in between.

    Raises ValueError if a point's address makes no sense for Modbus.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        points: Iterable[Point],
        *,
        profiles: Mapping[int, UnitProfile] = _NO_PROFILES,
        profile: UnitProfile = UnitProfile(),  # noqa: B008 - frozen
        pacing: Pacing = Pacing(),  # noqa: B008 - frozen
        shadow: bool = False,
        ticker: Ticker | None = None,
        times: Times,
    ) -> None:
        self._points = tuple(points)
        self._by_id: dict[PointId, ModbusPoint] = {}
        self._codecs: dict[PointId, Codec] = {}
        for point in self._points:
            if not isinstance(point.address, ModbusAddress):
                raise ValueError(
                    msg(
                        "{point}: not a Modbus address: {address}",
                        point=point.id,
                        address=point.address,
                    )
                )
            try:
                self._codecs[point.id] = codec(point.address)
            except ValueError as error:
                raise ValueError(msg("{point}: {error}", point=point.id, error=error)) from None
            self._by_id[point.id] = ModbusPoint(point, point.address)
        self._profiles = profiles
        self._profile = profile
        self._shadow = shadow
        self._ticker = ticker if ticker is not None else Ticker()
        self._times = times
        self._name = str(endpoint)
        self._link = ModbusLink(endpoint, pacing, times, self._ticker, shadow=shadow)
        self._writing = Writing(self._profile_of)
        self._plans: dict[tuple[PointId, ...], list[Group]] = {}
        self._polls: list[Poll] = []
        self._plan((*self._by_id,))  # the poll of the whole link, which is kept

    @property
    def points(self) -> Sequence[Point]:
        return self._points

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._link.close()

    async def read(self, points: Sequence[PointId]) -> list[Sample]:
        found: dict[PointId, Sample] = {}

        def deliver(batch: Batch) -> None:
            found.update(zip(batch.ids, batch.samples, strict=True))

        reading = Reading(deliver, now=self._times.now, monotonic=self._times.monotonic)
        groups = sorted(self._plan(tuple(points)), key=lambda g: self._link.failures(g.unit))
        await self._run(reading.all(groups))
        return [found[point] for point in points]

    async def write(self, writes: Sequence[Write]) -> list[WriteResult]:
        targets = [(write, self._by_id[write.point], self._codecs[write.point]) for write in writes]
        if self._shadow:
            return [_shadowed(write, target) for write, target, _ in targets]
        results: list[WriteResult] = await self._run(self._writing.all(targets), urgent=True)
        return results

    async def ask(self, request: Request) -> bytes:
        """One request of any kind, for commissioning: the body of its checked answer.

        Raises the errors of `drivers.errors`; an exception of the device as ExceptionAnswer,
        anything that writes in shadow mode as ReadOnly.
        """

        def steps() -> Generator[Request, bytes, bytes | DriverError]:
            try:
                return (yield request)
            except DriverError as error:
                return error

        answer: bytes | DriverError = await self._run(steps(), urgent=not request.reads)
        if isinstance(answer, DriverError):
            raise answer
        return answer

    async def _run(self, steps: Steps, *, urgent: bool = False) -> Any:
        task = Task(steps)
        self._link.submit(task, urgent=urgent)
        try:
            return await task.future
        except asyncio.CancelledError:
            self._link.give_up(task)
            raise

    async def feed(self, deliver: Deliver, period_s: float) -> None:
        """Poll every point at its own pace until cancelled (see `Feed`).

        All is read once at the start; from then on each block has its own phase, the same after
        every restart, so that the blocks of a site are spread over the period.
        """
        reading = Reading(deliver, now=self._times.now, monotonic=self._times.monotonic, quiet=True)
        by_period: dict[float, list[ModbusPoint]] = {}
        for point in self._by_id.values():
            by_period.setdefault(point.point.scan_s or period_s, []).append(point)
        self._polls = polls = [
            Poll(group, period, reading, self._link)
            for period, points in by_period.items()
            for group in groups(self._blocks(points), self._codecs, period_s=period)
        ]
        try:
            for poll in polls:
                poll.fire()
            for poll in polls:
                key = f"{self._name} {poll.group.whole.block}".encode()
                poll.begin(self._ticker, zlib.crc32(key) % 1000 / 1000)
            await asyncio.get_running_loop().create_future()
        finally:
            self._polls = []
            reading.stop()
            for poll in polls:
                poll.end()

    @property
    def clock_skew_s(self) -> float | None:
        return None

    def health(self) -> DriverHealth:
        return self._link.health(sum(poll.overruns for poll in self._polls))

    def _blocks(self, points: Iterable[ModbusPoint]) -> list[Block]:
        return plan(points, self._profile_of)

    def _profile_of(self, unit: int) -> UnitProfile:
        return self._profiles.get(unit, self._profile)

    def _plan(self, ids: tuple[PointId, ...]) -> list[Group]:
        found = self._plans.get(ids)
        if found is None:
            points = [self._by_id[point] for point in dict.fromkeys(ids)]
            found = groups(self._blocks(points), self._codecs)
            if len(self._plans) >= _PLANS_KEPT:
                # The oldest but the first: that one is the poll of the whole link.
                del self._plans[next(key for n, key in enumerate(self._plans) if n == 1)]
            self._plans[ids] = found
        return found


def _shadowed(write: Write, target: ModbusPoint) -> WriteResult:
    refusal = refusal_of(write, target)
    status = WriteStatus.REFUSED if refusal else WriteStatus.SHADOW
    return WriteResult(write.point, write.value, status, refusal)
