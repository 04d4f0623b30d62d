"""Modbus TCP behind the `Driver` protocol."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from types import TracebackType
from typing import Self

from drivers.base import Write, WriteResult, WriteStatus
from drivers.codec import Codec, as_bool, codec, is_bit_table
from drivers.errors import DeviceRefused, DriverError
from drivers.memory import Memory
from drivers.modbus.frames import (
    PAYLOAD_AT,
    Request,
    read_request,
    write_coil_request,
    write_registers_request,
)
from drivers.modbus.link import ModbusLink, NotSent
from drivers.modbus.plan import ModbusPoint
from drivers.modbus.reading import Reading
from drivers.modbus.readplan import ReadPlan
from drivers.points import ModbusAddress, Point, PointId, Sample, Value
from drivers.times import utc_now

_PLANS_KEPT = 32
_EXTRA_REQUESTS = 64
"""Most additional requests that one read spends on finding refused registers."""


class ModbusTcpDriver:
    """All points of one Modbus TCP endpoint (`host:port`), over one connection.

    `timeout_s` bounds each request and each attempt to connect. A read asks healthy units first,
    spends at most three timeouts, and gives the rest their last values as STALE, then BAD.
    `max_registers` and `max_gap` shape the reads (see `plan`). `connect_delay_s` is waited after
    connecting and `min_gap_s` between an answer and the next request, for devices that need it.

    `read` and `write` run one after the other, so the answer to a read sent before a write can
    never bring the old value back after it. A write is sent once. One bit of a register is
    written by reading the register, setting the bit and writing it, with nothing in between.

    Raises ValueError if a point's address makes no sense for Modbus.
    """

    def __init__(
        self,
        host: str,
        port: int,
        points: Iterable[Point],
        *,
        timeout_s: float = 1.0,
        max_registers: int = 120,
        max_gap: int = 16,
        connect_delay_s: float = 0.0,
        min_gap_s: float = 0.0,
        now: Callable[[], datetime] = utc_now,
        monotonic: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._points = tuple(points)
        self._by_id: dict[PointId, ModbusPoint] = {}
        self._codecs: dict[PointId, Codec] = {}
        for point in self._points:
            if not isinstance(point.address, ModbusAddress):
                raise ValueError(f"{point.id}: not a Modbus address: {point.address}")
            try:
                self._codecs[point.id] = codec(point.address)
            except ValueError as error:
                raise ValueError(f"{point.id}: {error}") from None
            self._by_id[point.id] = ModbusPoint(point, point.address)
        self._max_registers = max_registers
        self._max_gap = max_gap
        self._now = now
        self._monotonic = monotonic
        self._link = ModbusLink(
            host,
            port,
            timeout_s=timeout_s,
            connect_delay_s=connect_delay_s,
            min_gap_s=min_gap_s,
            monotonic=monotonic,
            chance=chance,
        )
        self._lock = asyncio.Lock()
        self._memory = Memory()
        self._plans: dict[tuple[PointId, ...], ReadPlan] = {}

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
            await self._link.close()

    async def read(self, points: Sequence[PointId]) -> list[Sample]:
        plan = self._plan(tuple(points))
        async with self._lock:
            samples = await Reading(
                plan, self._link, self._memory, now=self._now, monotonic=self._monotonic
            ).run()
        if plan.repeats is not None:
            return [samples[position] for position in plan.repeats]
        return samples

    async def write(self, writes: Sequence[Write]) -> list[WriteResult]:
        points = [self._by_id[write.point] for write in writes]
        async with self._lock:
            return [
                await self._write(write, point) for write, point in zip(writes, points, strict=True)
            ]

    def _plan(self, ids: tuple[PointId, ...]) -> ReadPlan:
        plan = self._plans.get(ids)
        if plan is None:
            plan = ReadPlan(
                ids,
                self._by_id,
                self._codecs,
                max_registers=self._max_registers,
                max_gap=self._max_gap,
            )
            if len(self._plans) >= _PLANS_KEPT:
                # The oldest but the first: that one is the poll of the whole link.
                del self._plans[next(key for n, key in enumerate(self._plans) if n == 1)]
            self._plans[ids] = plan
        return plan

    async def _write(self, write: Write, target: ModbusPoint) -> WriteResult:
        def result(status: WriteStatus, detail: str = "") -> WriteResult:
            return WriteResult(write.point, write.value, status, detail)

        point = target.point
        if not point.writable or target.address.table not in ("coil", "holding"):
            return result(WriteStatus.REFUSED, "the point is not writable")
        value = point.release_value if write.value is None else write.value
        if value is None:
            return result(WriteStatus.REFUSED, "the point cannot be released: no release_value")
        try:
            request = await self._write_request(target.address, self._codecs[point.id], value)
        except ValueError as error:
            return result(WriteStatus.REFUSED, str(error))
        except DeviceRefused as error:
            return result(WriteStatus.REFUSED, f"not sent: reading the register: {error}")
        except DriverError as error:
            return result(WriteStatus.TIMEOUT, f"not sent: {error}")
        try:
            await self._link.send(request)
        except DeviceRefused as error:
            return result(WriteStatus.REFUSED, str(error))
        except NotSent as error:
            return result(WriteStatus.TIMEOUT, f"not sent: {error}")
        except DriverError as error:
            return result(WriteStatus.TIMEOUT, str(error))
        return result(WriteStatus.OK)

    async def _write_request(self, address: ModbusAddress, item: Codec, value: Value) -> Request:
        if is_bit_table(address):
            return write_coil_request(address.unit, address.address, as_bool(value))
        if item.bit is None:
            return write_registers_request(address.unit, address.address, item.encode(value))
        as_bool(value)  # before anything is asked
        frame = await self._link.send(read_request(address.unit, "holding", address.address, 1))
        register = item.set_bit(frame[PAYLOAD_AT:], value)
        return write_registers_request(address.unit, address.address, register)
