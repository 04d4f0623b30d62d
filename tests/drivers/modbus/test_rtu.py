"""RTU over TCP under all that serial lines and their gateways do. No transaction id helps here.

Each register holds its own address and unit, so that an answer to another request is recognised.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from pymodbus.framer.rtu import FramerRTU

from drivers.base import Write, WriteStatus
from drivers.modbus.driver import ModbusDriver
from drivers.modbus.wire.rtu import crc
from drivers.modbus.wire.transport import Pacing, RtuOverTcp, UnitProfile
from drivers.points import ModbusAddress, Point, Quality
from drivers.times import Times
from tests.drivers.fieldbus import Clocks
from tests.patience import patience
from tests.servers.streams import StreamServer

TIMEOUT_S = 0.5
A_BACKOFF_S = 75.0


def value_of(unit: int, address: int) -> int:
    return unit * 1000 + address


def framed(body: bytes) -> bytes:
    return body + FramerRTU.compute_CRC(body).to_bytes(2, "big")


def right(body: bytes) -> bytes:
    """The answer of a device that does everything right."""
    unit, function, address, count = struct.unpack(">BBHH", body[:6])
    if function == 6:
        return framed(body)
    data = struct.pack(f">{count}H", *(value_of(unit, address + n) for n in range(count)))
    return framed(bytes((unit, function, len(data))) + data)


Script = Callable[["Gateway", bytes], list[bytes]]


class Gateway(StreamServer):
    """Answers as its script says; what a script keeps it may send later."""

    def __init__(self) -> None:
        super().__init__()
        self.script: Script = lambda gateway, body: [right(body)]
        self.asked: list[bytes] = []
        self.kept: list[bytes] = []

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            body = await reader.readexactly(6)
            await reader.readexactly(2)
            self.asked.append(body)
            for piece in self.script(self, body):
                if piece == b"<close>":
                    return
                writer.write(piece)
                await asyncio.sleep(0)


@dataclass
class Bench:
    gateway: Gateway
    driver: ModbusDriver
    clocks: Clocks
    points: list[Point]

    async def poll(self) -> dict[str, int | None]:
        """What is GOOD, by point; and no wrong value ever is."""
        samples = await self.driver.read([point.id for point in self.points])
        found: dict[str, int | None] = {}
        for sample, point in zip(samples, self.points, strict=True):
            assert isinstance(point.address, ModbusAddress)
            if sample.quality is Quality.GOOD:
                assert sample.value == value_of(point.address.unit, point.address.address)
            found[sample.point] = 1 if sample.quality is Quality.GOOD else None
        return found

    async def all_good(self) -> bool:
        return all((await self.poll()).values())


@asynccontextmanager
async def bench(units: tuple[int, ...] = (1,)) -> AsyncIterator[Bench]:
    """Three blocks of the same size per unit: their answers look alike."""
    gateway, clocks = Gateway(), Clocks()
    await gateway.start()
    points = [
        Point(f"u{unit}.r{at}", ModbusAddress(unit, "holding", at), "", True)
        for unit in units
        for at in (0, 1, 10, 11, 20, 21)
    ]
    driver = ModbusDriver(
        RtuOverTcp("127.0.0.1", gateway.port),
        points,
        profile=UnitProfile(max_gap=0),
        pacing=Pacing(timeout_s=TIMEOUT_S),
        times=Times(now=clocks.now, monotonic=clocks.monotonic, chance=lambda: 0.5),
    )
    try:
        async with driver:
            yield Bench(gateway, driver, clocks, points)
    finally:
        await gateway.stop()


def test_the_crc_is_that_of_pymodbus() -> None:
    for text in (b"", b"\0", b"\x01\x03\0\0\0\x0a", bytes(range(256))):
        assert crc(text) == FramerRTU.compute_CRC(text).to_bytes(2, "big")
    assert framed(b"\x01\x03\0\0\0\x0a").hex() == "01030000000ac5cd"


async def test_a_late_answer_is_never_taken_for_the_next_one() -> None:
    """One answer comes a request late, and from then on they all do, as through a slow gateway."""

    def shifted(gateway: Gateway, body: bytes) -> list[bytes]:
        gateway.kept.append(right(body))
        return [gateway.kept.pop(0)] if len(gateway.kept) > 1 else []

    async with bench() as b:
        assert await b.all_good()
        b.gateway.script = shifted
        for _ in range(8):
            await b.poll()
            b.clocks.pass_s(A_BACKOFF_S)
        b.gateway.script = kept_and_right
        await b.poll()
        b.clocks.pass_s(A_BACKOFF_S)
        await b.poll()
        assert await b.all_good()


def keep(gateway: Gateway, body: bytes) -> list[bytes]:
    gateway.kept.append(right(body))
    return []


def kept_and_right(gateway: Gateway, body: bytes) -> list[bytes]:
    kept, gateway.kept = gateway.kept, []
    return [*kept, right(body)]


async def test_the_first_answer_comes_with_the_second() -> None:
    async with bench() as b:
        assert await b.all_good()
        b.gateway.script = keep
        await b.poll()
        b.gateway.script = kept_and_right
        b.clocks.pass_s(A_BACKOFF_S)
        asked = len(b.gateway.asked)
        assert await b.all_good()
        first = struct.unpack(">HH", b.gateway.asked[asked][2:])
        assert first == (0, 1), "a probe of another length first"


async def test_a_late_exception_is_not_taken_for_the_next_answer() -> None:
    exception = framed(bytes((1, 0x83, 2)))
    async with bench() as b:
        assert await b.all_good()
        b.gateway.script = lambda gateway, body: []
        await b.poll()
        b.clocks.pass_s(A_BACKOFF_S)
        b.gateway.script = lambda gateway, body: (
            [exception, right(body)] if len(gateway.asked) < 6 else [right(body)]
        )
        assert await b.all_good(), "the exception was owed; nothing is illegal here"


async def test_a_device_that_refuses_every_other_length_is_read_again() -> None:
    """The probe's exception is believed when nothing better comes in time."""

    def exact(gateway: Gateway, body: bytes) -> list[bytes]:
        count = struct.unpack(">H", body[4:6])[0]
        return [right(body) if count == 2 else framed(bytes((body[0], 0x83, 3)))]

    async with bench() as b:
        b.gateway.script = exact
        assert await b.all_good()
        b.gateway.script = lambda gateway, body: []
        await b.poll()
        b.gateway.script = exact
        b.clocks.pass_s(A_BACKOFF_S)
        assert await b.all_good()


SCRIPTS: dict[str, Script] = {
    "silence": lambda g, body: [],
    "wrong crc": lambda g, body: [right(body)[:-1] + b"\0"],
    "garbage": lambda g, body: [bytes(range(40))],
    "half an answer": lambda g, body: [right(body)[:5]],
    "short": lambda g, body: [framed(bytes((body[0], 3, 2, 0x12, 0x34)))],
    "over-long": lambda g, body: [framed(bytes((body[0], 3, 6)) + bytes(6))],
    "wrong byte count": lambda g, body: [framed(bytes((body[0], 3, 9)) + bytes(4))],
    "wrong unit": lambda g, body: [right(bytes((body[0] + 1,)) + body[1:])],
    "wrong function": lambda g, body: [right(body[:1] + b"\x04" + body[2:])],
    "closing": lambda g, body: [b"<close>"],
    "closing half way": lambda g, body: [right(body)[:4], b"<close>"],
    **{
        f"exception {code}": lambda g, body, code=code: [  # type: ignore[misc]
            framed(bytes((body[0], body[1] | 0x80, code)))
        ]
        for code in range(1, 12)
    },
}


@pytest.mark.parametrize("name", SCRIPTS)
async def test_what_is_no_answer_is_never_good_and_passes_when_it_ends(name: str) -> None:
    async with bench() as b:
        assert await b.all_good()
        b.gateway.script = SCRIPTS[name]
        for _ in range(3):
            assert not any((await b.poll()).values())
            b.clocks.pass_s(A_BACKOFF_S)
        b.gateway.script = lambda gateway, body: [right(body)]
        b.clocks.pass_s(3600)  # refused registers are tried again within an hour
        await b.poll()
        b.clocks.pass_s(A_BACKOFF_S)
        assert await b.all_good()


@pytest.mark.parametrize("name", [n for n in SCRIPTS if "closing" not in n])
async def test_a_bad_unit_leaves_its_neighbours_fresh(name: str) -> None:
    async with bench((1, 5)) as b:
        assert await b.all_good()
        bad = SCRIPTS[name]
        b.gateway.script = lambda g, body: bad(g, body) if body[0] == 5 else [right(body)]
        for _ in range(3):
            found = await b.poll()
            assert all(found[p.id] for p in b.points if p.id.startswith("u1."))
            assert not any(found[p.id] for p in b.points if p.id.startswith("u5."))
            b.clocks.pass_s(A_BACKOFF_S)


PIECES: dict[str, Script] = {
    "byte by byte": lambda g, body: [bytes((byte,)) for byte in right(body)],
    "a glitch first": lambda g, body: [b"\0\xff" + right(body)],
    "a late answer of another unit first": lambda g, body: [
        right(bytes((9,)) + body[1:]) + right(body)
    ],
    "noise behind": lambda g, body: [right(body) + b"\xff\xff"],
}


@pytest.mark.parametrize("name", PIECES)
async def test_answers_in_pieces_and_between_noise_are_found(name: str) -> None:
    async with bench() as b:
        b.gateway.script = PIECES[name]
        for _ in range(3):
            assert await b.all_good()


async def test_a_write_is_sent_once_and_its_silence_said() -> None:
    async with bench() as b:
        assert await b.all_good()
        b.gateway.script = lambda gateway, body: []
        b.gateway.asked.clear()
        (result,) = await b.driver.write([Write("u1.r0", 7)])
        assert result.status is WriteStatus.TIMEOUT
        assert len(b.gateway.asked) == 1
        b.gateway.script = lambda gateway, body: [right(body)]
        b.clocks.pass_s(A_BACKOFF_S)
        (result,) = await b.driver.write([Write("u1.r0", 7)])
        assert result.status is WriteStatus.OK
        assert [body[1] for body in b.gateway.asked] == [6, 3, 6], "a late echo would look alike"


async def test_a_thousand_connections_later_nothing_is_left() -> None:
    async with bench() as b:
        assert await b.all_good()
        tasks, files = len(asyncio.all_tasks()), len(list(Path("/proc/self/fd").iterdir()))
        for number in range(1000):
            b.gateway.script = lambda gateway, body: [b"<close>"]
            await b.poll()
            b.clocks.pass_s(A_BACKOFF_S)
            b.gateway.script = lambda gateway, body: [right(body)]
            await b.poll()
            b.clocks.pass_s(A_BACKOFF_S)
            if number % 100 == 0:
                assert await b.all_good()
        assert b.gateway.connections >= 1000
        async with patience():
            while (
                len(asyncio.all_tasks()) > tasks
                or len(list(Path("/proc/self/fd").iterdir())) > files
            ):
                await asyncio.sleep(0)
