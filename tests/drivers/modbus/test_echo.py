"""RS-485 adapters that bring back what is sent: an echo is never taken for an answer."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bms.config.shapes.links import ModbusRtuTcpLink, ModbusSerialLink, endpoint
from drivers.base import Write, WriteResult, WriteStatus
from drivers.modbus.driver import ModbusDriver
from drivers.modbus.wire.transport import Pacing, RtuOverTcp, Serial
from drivers.points import ModbusAddress, Point, Quality
from drivers.times import Times
from tests.drivers.fieldbus import Clocks
from tests.drivers.modbus.mutations import crc
from tests.patience import SILENCE_S
from tests.servers.streams import StreamServer

POINTS = [
    Point("b.e.word", ModbusAddress(1, "holding", 4), writable=True),
    Point("b.e.long", ModbusAddress(1, "holding", 6, "uint32"), writable=True),
    Point("b.e.bit", ModbusAddress(1, "holding", 9, "bool", bit=2, write="mask"), writable=True),
    Point("b.e.coil", ModbusAddress(1, "coil", 3, "bool"), writable=True),
]


@dataclass
class Line:
    """A device behind an adapter; what it does is up to the test."""

    echoes: bool = True
    cut: int = 0
    """The echo comes in two pieces, cut here."""
    deaf: bool = False
    """Writes are neither done nor answered."""
    refuses: bool = False
    registers: dict[int, int] = field(default_factory=lambda: {4: 778, 6: 0, 7: 0, 9: 0})
    coils: dict[int, bool] = field(default_factory=lambda: {3: False})
    asked: list[int] = field(default_factory=list)

    def answer(self, body: bytes) -> bytes:
        unit, function, address, count = struct.unpack_from(">BBHH", body)
        self.asked.append(function)
        if function == 3:
            words = [self.registers.get(address + n, 0) for n in range(count)]
            return bytes((unit, 3, 2 * count)) + struct.pack(f">{count}H", *words)
        if function == 1:
            bits = sum(self.coils.get(address + n, False) << n for n in range(count))
            return bytes((unit, 1, 1, bits))
        if self.deaf:
            return b""
        if self.refuses:
            return bytes((unit, function | 0x80, 4))
        if function == 5:
            self.coils[address] = count == 0xFF00
        elif function == 6:
            self.registers[address] = count
        elif function == 16:
            for n in range(count):
                (self.registers[address + n],) = struct.unpack_from(">H", body, 7 + 2 * n)
            return body[:6]
        elif function == 22:
            (other,) = struct.unpack_from(">H", body, 6)
            self.registers[address] = self.registers[address] & count | other & ~count
        return body


class Adapter(StreamServer):
    def __init__(self, line: Line) -> None:
        super().__init__()
        self.line = line

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            body = await reader.readexactly(6)
            if body[1] == 16:
                body += await reader.readexactly(1)
                body += await reader.readexactly(body[-1])
            elif body[1] == 22:
                body += await reader.readexactly(2)
            sent = body + await reader.readexactly(2)
            if self.line.echoes:
                for piece in (sent[: self.line.cut], sent[self.line.cut :]):
                    writer.write(piece)
                    await writer.drain()
                    await asyncio.sleep(0)
            if answer := self.line.answer(body):
                writer.write(answer + crc(answer))


@asynccontextmanager
async def driven(line: Line, echo: bool | None = None) -> AsyncIterator[ModbusDriver]:
    adapter, clocks = Adapter(line), Clocks()
    await adapter.start()
    driver = ModbusDriver(
        RtuOverTcp("127.0.0.1", adapter.port, echo),
        POINTS,
        pacing=Pacing(timeout_s=SILENCE_S),
        times=Times(now=clocks.now, monotonic=clocks.monotonic, chance=lambda: 0.5),
    )
    try:
        async with driver:
            yield driver
    finally:
        await adapter.stop()


async def read(driver: ModbusDriver) -> list[object]:
    samples = await driver.read([point.id for point in POINTS])
    assert all(sample.quality is Quality.GOOD for sample in samples), samples
    return [sample.value for sample in samples]


async def write(driver: ModbusDriver, role: str, value: float) -> WriteResult:
    (result,) = await driver.write([Write(f"b.e.{role}", value)])
    return result


WRITES = {"word": (4321, [6]), "long": (70000, [16]), "bit": (True, [22]), "coil": (True, [5])}


@pytest.mark.case(
    "M5",
    when="An RS-485 adapter brings back what is sent, and the device does nothing",
    then="The echo is not taken for an answer: the write is not reported as done",
)
@pytest.mark.parametrize("role", WRITES)
@pytest.mark.parametrize("looked", [True, False], ids=["read before", "at once"])
@pytest.mark.parametrize("echo", [None, True], ids=["auto", "told"])
async def test_an_echo_is_no_answer(role: str, looked: bool, echo: bool | None) -> None:
    line = Line(deaf=True)
    async with driven(line, echo) as driver:
        if looked:
            await read(driver)
        result = await write(driver, role, WRITES[role][0])
        assert result.status is WriteStatus.TIMEOUT
        assert "only the echo of the request came back" in result.detail
        assert line.registers[4] == 778


@pytest.mark.parametrize("role", WRITES)
@pytest.mark.parametrize("cut", [0, 1, 5, 7])
@pytest.mark.parametrize("looked", [True, False], ids=["read before", "at once"])
async def test_behind_the_echo_stands_the_answer(role: str, cut: int, looked: bool) -> None:
    line, (value, functions) = Line(cut=cut), WRITES[role]
    async with driven(line) as driver:
        if looked:
            await read(driver)
            line.asked.clear()
        result = await write(driver, role, value)
        assert (result.status, result.detail) == (WriteStatus.OK, "")
        assert line.asked[-1:] == functions
        assert line.asked.count(functions[0]) == 1, "written once"
        found = dict(zip(WRITES, await read(driver), strict=True))
        assert found[role] == value
        line.refuses = True
        refused = await write(driver, role, value)
        assert refused.status is WriteStatus.REFUSED


@pytest.mark.case(
    "M18",
    when="An RS-485 adapter brings back each request before its answer",
    then="The points are read as if there were no echo",
)
@pytest.mark.parametrize("cut", [0, 1, 3, 7])
async def test_behind_an_echo_all_is_read(cut: int) -> None:
    async with driven(Line(cut=cut)) as driver:
        for _ in range(3):
            assert await read(driver) == [778, 0, False, False]


@pytest.mark.parametrize("role", WRITES)
async def test_without_an_echo_the_answer_is_the_answer(role: str) -> None:
    line = Line(echoes=False)
    async with driven(line) as driver:
        await read(driver)
        assert (await write(driver, role, WRITES[role][0])).status is WriteStatus.OK
        line.deaf = True
        deaf = await write(driver, role, WRITES[role][0])
        assert deaf.status is WriteStatus.TIMEOUT
        assert "echo" not in deaf.detail


async def test_an_adapter_is_exchanged_and_that_is_noticed() -> None:
    line = Line(echoes=False)
    async with driven(line) as driver:
        await read(driver)
        line.echoes, line.deaf = True, True
        await read(driver)
        assert (await write(driver, "word", 4321)).status is WriteStatus.TIMEOUT
    line = Line()
    async with driven(line) as driver:
        await read(driver)
        line.echoes = False
        for _ in range(3):
            await read(driver)
        assert (await write(driver, "word", 4321)).status is WriteStatus.OK


async def test_told_that_there_is_none_it_is_not_looked_for() -> None:
    line = Line(echoes=False)
    async with driven(line, echo=False) as driver:
        assert (await write(driver, "word", 4321)).status is WriteStatus.OK
        assert line.asked == [6]


def test_the_setting_reaches_the_line() -> None:
    for told, echo in (({}, None), ({"echo": True}, True), ({"echo": False}, False)):
        tcp = ModbusRtuTcpLink.model_validate(
            {"protocol": "modbus_rtu_tcp", "host": "h", "port": 4} | told
        )
        serial = ModbusSerialLink.model_validate({"protocol": "modbus_rtu", "device": "d"} | told)
        assert endpoint(tcp, Path()) == RtuOverTcp("h", 4, echo)
        assert endpoint(serial, Path()) == Serial("d", echo=echo)
