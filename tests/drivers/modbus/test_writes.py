"""All ways to write, on libmodbus, which has functions 5, 6, 15, 16, 22 and 23; paces and depth."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from drivers.base import Batch, Write, WriteStatus
from drivers.modbus.driver import ModbusDriver
from drivers.modbus.wire.transport import Pacing, Tcp, UnitProfile
from drivers.points import ModbusAddress, Point, PointId, Quality, Sample, Value, WriteFunction
from drivers.times import Times
from tests.drivers.fieldbus import Asked, Device, FieldBus, Reply, bench, holding
from tests.machine_time import utc_now
from tests.patience import patience
from tests.servers.peers import Libmodbus


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[Libmodbus, int]]:
    with Libmodbus() as made:
        made.say("unit", 1, 16, 16, 50, 16)
        yield made, made.listen()


CASES: list[tuple[ModbusAddress, Value, str, list[int], list[int]]] = [
    (ModbusAddress(1, "coil", 3, "bool", write="auto"), True, "5", [0], [1]),
    (ModbusAddress(1, "coil", 3, "bool", write="multiple"), True, "15", [0], [1]),
    (ModbusAddress(1, "holding", 3, write="auto"), 7, "6", [1], [7]),
    (ModbusAddress(1, "holding", 3, write="single"), 7, "6", [1], [7]),
    (ModbusAddress(1, "holding", 3, write="multiple"), 7, "16", [1], [7]),
    (ModbusAddress(1, "holding", 3, "uint32"), 65537, "16", [0, 0], [1, 1]),
    (ModbusAddress(1, "holding", 3, write="read_write"), 7, "23", [1], [7]),
    (ModbusAddress(1, "holding", 3, bit=4), True, "6", [0xF00F], [0xF01F]),
    (ModbusAddress(1, "holding", 3, bit=4, write="mask"), True, "22", [0xF00F], [0xF01F]),
    (ModbusAddress(1, "holding", 3, bit=0, write="mask"), False, "22", [0xF00F], [0xF00E]),
    (ModbusAddress(1, "holding", 3, "uint8", half="big"), 0xAB, "6", [0x1234], [0xAB34]),
    (ModbusAddress(1, "holding", 3, "uint8", write="mask"), 0xAB, "22", [0x1234], [0x12AB]),
    (
        ModbusAddress(1, "holding", 3, bit=4, byte_order="little", write="mask"),
        True, "22", [0], [0x1000],
    ),
    (ModbusAddress(1, "holding", 3, "string", length=2), "ab", "16", [1, 1], [0x6162, 0]),
    (ModbusAddress(1, "holding", 3, "int16", scale_address=9), 1.5, "6", [0], [15]),
]  # fmt: skip


@pytest.mark.parametrize(
    "case", CASES, ids=lambda case: f"{case[0].type} {case[0].write} {case[2]}"
)
async def test_every_way_to_write(
    server: tuple[Libmodbus, int],
    case: tuple[ModbusAddress, Value, str, list[int], list[int]],
) -> None:
    foreign, port = server
    address, value, function, before, after = case
    foreign.say("set", 1, address.table, 3, *before)
    foreign.say("set", 1, "holding", 9, 0xFFFF)  # a scale factor of -1
    served = dict(word.split(":") for word in foreign.say("served"))
    async with ModbusDriver(
        Tcp("127.0.0.1", port), [Point("p", address, "", True)], times=Times(now=utc_now)
    ) as driver:
        (result,) = await driver.write([Write("p", value)])
        assert (result.status, result.detail) == (WriteStatus.OK, "")
        (sample,) = await driver.read(["p"])
        assert (sample.value, sample.quality) == (value, Quality.GOOD)
    held = list(map(int, foreign.say("get", 1, address.table, 3, len(after))))
    assert held == after
    now = dict(word.split(":") for word in foreign.say("served"))
    wrote = {f for f in now if f not in ("1", "3") and now[f] != served.get(f)}
    assert wrote == {function}


@pytest.mark.parametrize(("has", "order"), [(16, [6, 16, 16]), (6, [6, 6])])
async def test_a_device_without_a_function_is_written_by_the_other(
    has: int, order: list[int]
) -> None:
    device = Device({(1, 0): 0})

    def script(asked: Asked) -> Reply:
        if asked.function in (6, 16) and asked.function != has:
            return asked.exception(1)
        return device(asked)

    async with bench(script, holding(0, writable=True)) as b:
        for value in (5, 6):
            (result,) = await b.driver.write([Write("u1.r0", value)])
            assert result.status is WriteStatus.OK
            assert device.holding[1, 0] == value
    assert [asked.function for asked in b.bus.asked] == order


@pytest.mark.parametrize("how", ["single", "multiple"])
async def test_what_was_declared_is_not_replaced(how: WriteFunction) -> None:
    point = Point("p", ModbusAddress(1, "holding", 0, write=how), "", True)
    async with bench(lambda asked: asked.exception(1), [point]) as b:
        (result,) = await b.driver.write([Write("p", 1)])
    assert result.status is WriteStatus.REFUSED
    assert len(b.bus.asked) == 1


async def test_each_point_is_read_at_its_own_pace() -> None:
    bus = FieldBus(Device({(1, at): at for at in range(100)}))
    await bus.start()
    slow = Point("slow", ModbusAddress(1, "holding", 50), scan_s=3600)
    fast = Point("fast", ModbusAddress(1, "holding", 0))
    latest: dict[PointId, Sample] = {}
    enough = asyncio.Event()

    def deliver(batch: Batch) -> None:
        latest.update(zip(batch.ids, batch.samples, strict=True))
        if sum(asked.address == 0 for asked in bus.asked) >= 4:
            enough.set()

    async with ModbusDriver(
        Tcp("127.0.0.1", bus.port), [slow, fast], times=Times(now=utc_now)
    ) as driver:
        feeding = asyncio.create_task(driver.feed(deliver, 0.05))
        async with patience():
            await enough.wait()
        feeding.cancel()
        await asyncio.wait([feeding])
    await bus.stop()
    assert {point: sample.value for point, sample in latest.items()} == {"slow": 50, "fast": 0}
    assert sum(asked.address == 50 for asked in bus.asked) == 1


async def test_several_requests_on_the_way_and_writes_alone() -> None:
    """With a depth of 4, answers come in any order; a write waits for reads, and they for it."""
    device = Device({(1, at): at for at in range(200)})
    bus = FieldBus(device)
    await bus.start()
    points = [
        Point(f"r{at}", ModbusAddress(1, "holding", at), "", True) for at in range(0, 160, 20)
    ]
    latest: dict[PointId, Sample] = {}
    news = asyncio.Event()

    def deliver(batch: Batch) -> None:
        latest.update(zip(batch.ids, batch.samples, strict=True))
        news.set()

    made = ModbusDriver(
        Tcp("127.0.0.1", bus.port),
        points,
        profile=UnitProfile(max_gap=0),
        pacing=Pacing(max_in_flight=4),
        times=Times(now=utc_now),
    )
    async with made as driver:
        feeding = asyncio.create_task(driver.feed(deliver, 0.0))
        for value in range(1000, 1020):
            (result,) = await driver.write([Write("r40", value)])
            assert result.status is WriteStatus.OK
            news.clear()
            async with patience():
                while latest.get("r40", Sample("", 0, Quality.BAD, None)).value != value:  # type: ignore[arg-type]
                    await news.wait()
                    news.clear()
        feeding.cancel()
        await asyncio.wait([feeding])
    await bus.stop()
    others = {point: sample.value for point, sample in latest.items() if point != "r40"}
    assert others == {f"r{at}": at for at in range(0, 160, 20) if at != 40}
