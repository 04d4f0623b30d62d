"""A Modbus TCP endpoint scripted by the test, on a real socket. Frames are built by hand."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from drivers.modbus.driver import ModbusDriver
from drivers.modbus.wire.transport import Pacing, Tcp, UnitProfile
from drivers.points import ModbusAddress, Point, RegisterType
from drivers.times import Times
from tests.patience import PATIENCE_S
from tests.servers.streams import StreamServer

Reply = bytes | list[bytes] | None
"""What goes out: one piece, several pieces one after the other, or nothing. CLOSE ends the line."""
CLOSE = b"<close>"


@dataclass(frozen=True)
class Asked:
    """One request as it came in."""

    transaction: int
    unit: int
    function: int
    address: int
    count: int
    """Or the value, for a write of one coil or register."""
    data: bytes = b""

    def frame(
        self,
        pdu: bytes,
        *,
        transaction: int | None = None,
        unit: int | None = None,
        protocol: int = 0,
        length: int | None = None,
    ) -> bytes:
        """A frame around `pdu` that is right except for what is given."""
        return (
            struct.pack(
                ">HHHB",
                self.transaction if transaction is None else transaction,
                protocol,
                len(pdu) + 1 if length is None else length,
                self.unit if unit is None else unit,
            )
            + pdu
        )

    def registers(self, values: list[int], function: int | None = None) -> bytes:
        """The PDU of a read answer."""
        body = struct.pack(f">{len(values)}H", *values)
        return bytes((self.function if function is None else function, len(body))) + body

    def exception(self, code: int) -> bytes:
        return self.frame(bytes((self.function | 0x80, code)))


@dataclass
class Device:
    """Registers by (unit, address); a read that touches a hole is an illegal address."""

    holding: dict[tuple[int, int], int] = field(default_factory=dict)
    longest: int = 125

    def __call__(self, asked: Asked) -> Reply:
        if asked.function in (6, 16):
            words = (
                [asked.count]
                if asked.function == 6
                else list(struct.unpack(f">{asked.count}H", asked.data[1:]))
            )
            for offset, word in enumerate(words):
                self.holding[asked.unit, asked.address + offset] = word
            return asked.frame(struct.pack(">BHH", asked.function, asked.address, asked.count))
        if asked.function != 3:
            return asked.exception(1)
        if asked.count > self.longest:
            return asked.exception(3)
        wanted = [(asked.unit, asked.address + n) for n in range(asked.count)]
        if any(place not in self.holding for place in wanted):
            return asked.exception(2)
        return asked.frame(asked.registers([self.holding[place] for place in wanted]))


class FieldBus(StreamServer):
    """The server: `script` decides each answer; everything asked is kept."""

    def __init__(self, script: Callable[[Asked], Reply]) -> None:
        super().__init__()
        self.script = script
        self.asked: list[Asked] = []

    async def leave(self, writer: asyncio.StreamWriter) -> None:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head = await reader.readexactly(6)
            transaction, _, length = struct.unpack(">HHH", head)
            body = await reader.readexactly(length)
            unit, function, address, count = struct.unpack_from(">BBHH", body.ljust(6, b"\0"))
            asked = Asked(transaction, unit, function, address, count, body[6:])
            self.asked.append(asked)
            reply = self.script(asked)
            for piece in reply if isinstance(reply, list) else [reply]:
                if piece is None:
                    continue
                if piece == CLOSE:
                    return
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0)


@dataclass
class Clocks:
    """Time as the driver sees it: stands still until a test moves it."""

    time: datetime = datetime(2026, 3, 2, 8, tzinfo=UTC)
    monotonic_s: float = 1000.0

    def now(self) -> datetime:
        return self.time

    def monotonic(self) -> float:
        return self.monotonic_s

    def pass_s(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)
        self.monotonic_s += seconds


def holding(
    *addresses: int, unit: int = 1, kind: RegisterType = "uint16", writable: bool = False
) -> list[Point]:
    """One point per address, named `u<unit>.r<address>`."""
    return [
        Point(f"u{unit}.r{at}", ModbusAddress(unit, "holding", at, kind), "", writable)
        for at in addresses
    ]


@dataclass
class Bench:
    bus: FieldBus
    driver: ModbusDriver
    clocks: Clocks

    @property
    def ids(self) -> list[str]:
        return [point.id for point in self.driver.points]


@asynccontextmanager
async def bench(
    script: Callable[[Asked], Reply], points: list[Point], **settings: Any
) -> AsyncIterator[Bench]:
    """A scripted endpoint and a driver for it."""
    bus, clocks = FieldBus(script), Clocks()
    await bus.start()
    shape = {k: settings.pop(k) for k in ("max_registers", "max_gap") if k in settings}
    pacing = {k: settings.pop(k) for k in ("timeout_s", "max_in_flight") if k in settings}
    made = ModbusDriver(
        Tcp("127.0.0.1", bus.port, settings.pop("transaction_ids", True)),
        points,
        profile=UnitProfile(**shape),
        pacing=Pacing(**{"timeout_s": PATIENCE_S, **pacing}),
        times=Times(now=clocks.now, monotonic=clocks.monotonic, chance=lambda: 0.5),
        **settings,
    )
    try:
        async with made as driver:
            yield Bench(bus, driver, clocks)
    finally:
        await bus.stop()
