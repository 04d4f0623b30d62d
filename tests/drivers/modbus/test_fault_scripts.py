"""Every fault of the catalogue, by both framings, against a driver that polls at its own pace.

For each: no wrong value is ever GOOD, the neighbour behind the same gateway stays fresh, all is
well again within one back-off, and no socket or task is left. All run side by side, each with
its own server and driver, so that the whole takes seconds.
"""

from __future__ import annotations

import asyncio
import random
import struct
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from drivers.backoff import LIMIT_S
from drivers.base import Batch
from drivers.modbus.driver import ModbusDriver
from drivers.modbus.wire.rtu import framed
from drivers.modbus.wire.transport import Pacing, RtuOverTcp, Tcp, UnitProfile
from drivers.points import ModbusAddress, Point, PointId, Quality, Sample
from drivers.ticker import Ticker
from drivers.times import Times
from tests.drivers.fieldbus import Clocks
from tests.patience import LOOK_AGAIN_S, patience
from tests.servers.streams import StreamServer

GOOD_UNIT, BAD_UNIT = 1, 5
PERIOD_S = 1.2
TIMEOUT_S = 0.8
ADDRESSES = (0, 1, 50, 51)
FAULTS_SEEN = 3
A_BACKOFF_S = LIMIT_S + 1
"""The longest; the jitter of these drivers is none."""
CLOSE = b"<close>"
WRONG = 60_000

Piece = bytes | float
"""What goes out; a number waits so many seconds."""


@dataclass(frozen=True)
class Asked:
    """One request, and how its framing wraps what is answered."""

    number: int
    tcp: bool
    transaction: bytes
    body: bytes
    late: list[bytes]
    """Answers of this connection that were kept."""

    @property
    def address(self) -> int:
        return int.from_bytes(self.body[2:4], "big")

    @property
    def count(self) -> int:
        return int.from_bytes(self.body[4:6], "big")

    def wrap(self, body: bytes, *, transaction: bytes | None = None) -> bytes:
        if not self.tcp:
            return framed(body)
        head = self.transaction if transaction is None else transaction
        return head + struct.pack(">HH", 0, len(body)) + body

    def words(self, *values: int) -> bytes:
        data = struct.pack(f">{len(values)}H", *values)
        return self.body[:2] + bytes((len(data),)) + data

    def right(self) -> bytes:
        unit = self.body[0]
        return self.wrap(self.words(*(unit * 1000 + self.address + n for n in range(self.count))))

    def wrong(self) -> bytes:
        return self.words(*[WRONG] * self.count)

    def exception(self, code: int) -> bytes:
        return self.wrap(bytes((self.body[0], self.body[1] | 0x80, code)))


Script = Callable[[Asked], list[Piece]]


def late(asked: Asked) -> list[Piece]:
    """Each answer comes with the next request, in place of that request's answer."""
    asked.late.append(asked.right())
    return [asked.late.pop(0)] if len(asked.late) > 1 else []


def garbage(asked: Asked) -> list[Piece]:
    return [random.Random(asked.number).randbytes(40)]


def one_bad_register(asked: Asked) -> list[Piece]:
    touched = asked.address <= 51 < asked.address + asked.count
    return [asked.exception(2) if touched else asked.right()]


BOTH: dict[str, Script] = {
    "silence": lambda a: [],
    "close instead of answer": lambda a: [CLOSE],
    "close half way": lambda a: [a.right()[:5], CLOSE],
    "late answers": late,
    "late by a little": lambda a: [TIMEOUT_S * 1.2, a.right()],
    "wrong unit": lambda a: [a.wrap(b"\x09" + a.wrong()[1:])],
    "wrong function": lambda a: [a.wrap(a.wrong()[:1] + b"\x04" + a.wrong()[2:])],
    "short": lambda a: [a.wrap(a.words(WRONG))],
    "over-long": lambda a: [a.wrap(a.words(*[WRONG] * (a.count + 1)))],
    "byte count of another length": lambda a: [a.wrap(a.wrong()[:2] + b"\x02" + a.wrong()[3:])],
    "half a frame": lambda a: [a.right()[:7]],
    "garbage": garbage,
    "a slow dribble": lambda a: [
        piece for byte in a.right() for piece in (bytes((byte,)), TIMEOUT_S / 8)
    ],
    **{f"exception {code}": lambda a, c=code: [a.exception(c)] for code in range(1, 12)},  # type: ignore[misc]
}
TCP_ONLY: dict[str, Script] = {
    "wrong transaction": lambda a: [
        a.wrap(a.wrong(), transaction=bytes(b ^ 1 for b in a.transaction))
    ],
    "transaction 0": lambda a: [a.wrap(a.wrong(), transaction=b"\0\0")],
    "a stale answer in place": lambda a: [
        a.wrap(a.wrong(), transaction=(a.number - 1).to_bytes(2, "big"))
    ],
    "not Modbus": lambda a: [b"HTTP/1.1 400 Bad Request\r\n\r\n"],
}
RTU_ONLY: dict[str, Script] = {
    "wrong crc": lambda a: [a.right()[:-1] + bytes((a.right()[-1] ^ 1,))],
}
HARMLESS: dict[str, Script] = {
    "split frames": lambda a: [a.right()[:3], 0.01, a.right()[3:6], 0.01, a.right()[6:]],
    "byte by byte": lambda a: [bytes((byte,)) for byte in a.right()],
}
ENDPOINT = ("accept then close", "accept then reset", "half-open", "no port")


class Server(StreamServer):
    """A gateway with two units. Unit 5 does as the script says; or the whole endpoint does."""

    def __init__(self, tcp: bool) -> None:
        super().__init__()
        self.tcp = tcp
        self.script: Script = lambda asked: [asked.right()]
        self.endpoint = ""
        self.faults = 0
        self.asked = 0

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.endpoint:
            self.faults += 1
        if self.endpoint == "half-open":
            await asyncio.get_running_loop().create_future()  # neither reads nor closes
        if self.endpoint == "accept then close":
            writer.close()
        elif not self.endpoint:
            await self._answer(reader, writer)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        kept: list[bytes] = []
        while True:
            head = await reader.readexactly(6 if self.tcp else 0)
            body = await reader.readexactly(6)
            if not self.tcp:
                await reader.readexactly(2)
            self.asked += 1
            asked = Asked(self.asked, self.tcp, head[:2], body, kept)
            pieces: list[Piece] = [asked.right()]
            if body[0] == BAD_UNIT:
                self.faults += 1
                pieces = self.script(asked)
            for piece in pieces:
                if isinstance(piece, float):
                    await asyncio.sleep(piece)
                elif piece == CLOSE:
                    return
                else:
                    writer.write(piece)
                    await asyncio.sleep(0)


class Watched:
    """What a driver delivers. `wrong` says what must never have come."""

    def __init__(self, problems: list[str], name: str) -> None:
        self._problems = problems
        self._name = name
        self.latest: dict[PointId, Sample] = {}
        self.calm = True
        """The neighbour has to be GOOD."""
        self._news = asyncio.Event()

    def say(self, text: str) -> None:
        self._problems.append(f"{self._name}: {text}")

    def __call__(self, batch: Batch) -> None:
        for sample in batch.samples:
            unit, address = map(int, sample.point.split(".r"))
            if sample.quality is Quality.GOOD and sample.value != unit * 1000 + address:
                self.say(f"wrong and GOOD: {sample}")
            if unit == GOOD_UNIT and self.calm and sample.quality is not Quality.GOOD:
                self.say(f"the neighbour suffers: {sample}")
            self.latest[sample.point] = sample
        self._news.set()

    async def until(self, condition: Callable[[], bool], what: str) -> None:
        try:
            async with patience():
                while not condition():
                    self._news.clear()
                    with suppress(TimeoutError):
                        await asyncio.wait_for(self._news.wait(), LOOK_AGAIN_S)
        except TimeoutError:
            self.say(f"never: {what}; {self.latest}")

    def good(self, *units: int) -> bool:
        return all(
            self.latest.get(f"{unit}.r{at}", NOTHING).quality is Quality.GOOD
            for unit in units
            for at in ADDRESSES
        )

    def bad(self, unit: int) -> bool:
        return not any(self.latest[f"{unit}.r{at}"].quality is Quality.GOOD for at in ADDRESSES)


NOTHING = Sample("", None, Quality.BAD, Clocks().time)


async def trial(
    name: str, tcp: bool, problems: list[str], script: Script | None, *, harmless: bool = False
) -> None:
    server, clocks = Server(tcp), Clocks()
    await server.start()
    watched = Watched(problems, f"{name} ({'TCP' if tcp else 'RTU'})")
    points = [
        Point(f"{unit}.r{at}", ModbusAddress(unit, "holding", at))
        for unit in (GOOD_UNIT, BAD_UNIT)
        for at in ADDRESSES
    ]
    driver = ModbusDriver(
        Tcp("127.0.0.1", server.port) if tcp else RtuOverTcp("127.0.0.1", server.port),
        points,
        profile=UnitProfile(max_gap=0),
        pacing=Pacing(timeout_s=TIMEOUT_S),
        times=Times(now=clocks.now, monotonic=clocks.monotonic, chance=lambda: 0.5),
        ticker=Ticker(),
    )
    async with driver:
        feeding = asyncio.create_task(driver.feed(watched, PERIOD_S))
        await watched.until(lambda: watched.good(GOOD_UNIT, BAD_UNIT), "all good at first")
        if script is None:
            await _endpoint_fails(name, server, watched, clocks)
        else:
            server.script = script
            for _ in range(FAULTS_SEEN):
                done = server.faults if harmless else driver.health().failures
                await watched.until(
                    partial(
                        lambda seen: (
                            server.faults > seen if harmless else driver.health().failures > seen
                        ),
                        done,
                    ),
                    "a fault",
                )
                clocks.pass_s(A_BACKOFF_S)
            if not harmless and name != "one bad register":
                await watched.until(lambda: watched.bad(BAD_UNIT), "the fault is seen")
            if name == "one bad register":
                await watched.until(
                    lambda: (
                        [watched.latest[f"5.r{at}"].quality.name for at in ADDRESSES]
                        == ["GOOD"] * 3 + ["BAD"]
                    ),
                    "only the bad register is BAD",
                )
            server.script = lambda asked: [asked.right()]
        # What a device refused is asked for again within an hour, all else within a back-off.
        refused = name in ("one bad register", "exception 2", "exception 3")
        clocks.pass_s(3600 if refused else A_BACKOFF_S)
        await watched.until(lambda: watched.good(GOOD_UNIT, BAD_UNIT), "all good again")
        feeding.cancel()
        await asyncio.wait([feeding])
    await server.stop()


async def _endpoint_fails(name: str, server: Server, watched: Watched, clocks: Clocks) -> None:
    watched.calm = False
    await server.stop()
    server.endpoint = name
    if name != "no port":
        await server.start()
    for _ in range(FAULTS_SEEN):
        await watched.until(lambda: watched.bad(GOOD_UNIT) and watched.bad(BAD_UNIT), "an outage")
        clocks.pass_s(A_BACKOFF_S)
    await server.stop()
    server.endpoint = ""
    await server.start()


def left() -> tuple[int, int]:
    return len(asyncio.all_tasks()), len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.parametrize("tcp", [True, False], ids=["TCP", "RTU over TCP"])
async def test_every_fault(tcp: bool) -> None:
    problems: list[str] = []
    before = left()
    scripts = BOTH | (TCP_ONLY if tcp else RTU_ONLY) | {"one bad register": one_bad_register}
    async with asyncio.TaskGroup() as group:
        for name, script in scripts.items():
            group.create_task(trial(name, tcp, problems, script))
        for name, script in HARMLESS.items():
            group.create_task(trial(name, tcp, problems, script, harmless=True))
        for name in ENDPOINT:
            group.create_task(trial(name, tcp, problems, None))
    assert not problems, "\n".join(problems)
    async with patience():
        while left() > before:
            await asyncio.sleep(0)


async def test_a_thousand_reconnections_leave_nothing() -> None:
    problems: list[str] = []
    server, clocks = Server(tcp=True), Clocks()
    await server.start()
    before = left()
    points = [Point("5.r0", ModbusAddress(BAD_UNIT, "holding", 0))]
    driver = ModbusDriver(
        Tcp("127.0.0.1", server.port),
        points,
        times=Times(now=clocks.now, monotonic=clocks.monotonic),
    )
    watched = Watched(problems, "reconnections")
    async with driver:
        scripts: tuple[Script, ...] = (lambda asked: [CLOSE], lambda asked: [asked.right()])
        for _ in range(1000):
            for script in scripts:
                server.script = script
                samples = await driver.read(["5.r0"])
                watched(Batch(["5.r0"], samples, False))
                clocks.pass_s(A_BACKOFF_S * 1.2)
            assert samples[0].quality is Quality.GOOD
    assert problems == []
    assert server.connections >= 1000
    async with patience():
        while left() > before:
            await asyncio.sleep(0)
    await server.stop()
