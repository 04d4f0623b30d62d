"""Devices that are read in their own way: scale factors far away, reads that begin at 0."""

from __future__ import annotations

import asyncio
import struct

import pytest

from drivers.base import Batch, Write, WriteStatus
from drivers.modbus.wire.transport import UnitProfile
from drivers.points import ModbusAddress, Point, Quality
from tests.drivers.fieldbus import Asked, Device, Reply, bench, holding
from tests.patience import async_until


def scaled(name: str, at: int, scale_at: int, *, writable: bool = False) -> Point:
    address = ModbusAddress(1, "holding", at, "int16", scale_address=scale_at)
    return Point(f"b.e.{name}", address, writable=writable)


@pytest.mark.case(
    "M11",
    when="A register and its scale factor are farther apart than one read may reach",
    then="They are read one after the other, and the value is right",
)
@pytest.mark.parametrize(("far", "most"), [(1438, 16), (60, 16), (60, 60), (203, 8), (65535, 120)])
async def test_a_scale_factor_far_away_is_read_by_itself(far: int, most: int) -> None:
    device = Device({(1, 0): 1234, (1, 1): 77, (1, far): 0xFFFF})
    points = [scaled("a", 0, far, writable=True), scaled("b", 1, far), *holding(1)]
    async with bench(device, points, max_registers=most) as b:
        for _ in range(2):
            samples = await b.driver.read(b.ids)
            assert [(s.value, s.quality) for s in samples] == [
                (123.4, Quality.GOOD),
                (7.7, Quality.GOOD),
                (77, Quality.GOOD),
            ]
        (result,) = await b.driver.write([Write("b.e.a", 5.5)])
        assert result.status is WriteStatus.OK
        assert device.holding[1, 0] == 55
        del device.holding[1, far]
        found = {s.point: s for s in await b.driver.read(b.ids)}
        assert found["b.e.a"].quality is Quality.BAD
        assert "illegal data address" in found["b.e.a"].detail
        assert found["u1.r1"].quality is Quality.GOOD


@pytest.mark.case(
    "M18",
    when="A device changes its scale factor while it runs",
    then="Each value is scaled by the factor that was read with it",
)
async def test_a_scale_factor_may_change_at_any_time() -> None:
    device = Device({(1, 0): 1234, (1, 1): 0, (1, 2): 0xFFFF})
    async with bench(device, [scaled("a", 0, 2)]) as b:
        for factor, value in ((0xFFFF, 123.4), (0xFFFE, 12.34), (1, 12340), (0, 1234)):
            device.holding[1, 2] = factor
            (sample,) = await b.driver.read(b.ids)
            assert (sample.value, sample.quality) == (value, Quality.GOOD)


async def test_the_feed_reads_a_scale_factor_far_away() -> None:
    device = Device({(1, 0): 1234, (1, 900): 1})
    async with bench(device, [scaled("a", 0, 900)]) as b:
        found: list[float] = []

        def deliver(batch: Batch) -> None:
            found.extend(s.value for s in batch.samples)  # type: ignore[misc]

        feed = asyncio.create_task(b.driver.feed(deliver, 0))
        await async_until(lambda: len(found) > 2)
        feed.cancel()
        await asyncio.wait([feed])
        assert set(found) == {12340}


STATE = (1, 0, 0, 1, 1)


def ignoring_the_start(asked: Asked) -> Reply:
    """What begins at 0, however the read begins; registers hold ten times their address."""
    if asked.function == 1:
        bits = sum(bit << n for n, bit in enumerate((*STATE, *(0,) * 2000)[: asked.count]))
        data = bits.to_bytes((asked.count + 7) // 8, "little")
        return asked.frame(bytes((1, len(data))) + data)
    if asked.function == 6:
        WRITTEN.append((asked.address, asked.count))
        return asked.frame(struct.pack(">BHH", 6, asked.address, asked.count))
    return asked.frame(asked.registers([10 * n for n in range(asked.count)]))


WRITTEN: list[tuple[int, int]] = []


@pytest.mark.case(
    "M7",
    when="A device ignores at which register a read begins, and its device file says so",
    then="Its table is read from the start, and each point shows the register it is meant for",
)
async def test_a_table_that_is_always_read_from_its_start() -> None:
    points = [Point(f"b.e.c{n}", ModbusAddress(1, "coil", n, "bool")) for n in (2, 3, 4)]
    points += holding(3, 90)
    points.append(Point("b.e.bit", ModbusAddress(1, "holding", 7, "bool", bit=0), "", True))
    profile = UnitProfile(60, 16, from_start=("coil", "holding"))
    async with bench(ignoring_the_start, points, profiles={1: profile}) as b:
        samples = await b.driver.read(b.ids)
        assert [s.value for s in samples] == [False, True, True, 30, 900, False]
        assert {(a.function, a.address, a.count) for a in b.bus.asked} == {(1, 0, 5), (3, 0, 91)}
        (result,) = await b.driver.write([Write("b.e.bit", True)])
        assert result.status is WriteStatus.OK
        assert WRITTEN[-1] == (7, 71), "the other bits of register 7 are as they were"


async def test_such_a_table_is_searched_from_its_start_too() -> None:
    """Register 5 is refused, and with it whatever reads beyond it."""

    def script(asked: Asked) -> Reply:
        return asked.exception(2) if asked.count > 5 else ignoring_the_start(asked)

    profile = UnitProfile(60, 16, from_start=("holding",))
    async with bench(script, holding(1, 3, 5), profiles={1: profile}) as b:
        for _ in range(2):
            samples = await b.driver.read(b.ids)
            assert [s.value for s in samples] == [10, 30, None]
        assert {a.address for a in b.bus.asked} == {0}
