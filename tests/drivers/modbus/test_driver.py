"""Planning, health of units, refused registers, pacing: the driver against scripted devices."""

from __future__ import annotations

import asyncio
import struct
from datetime import UTC, datetime
from itertools import pairwise

import pytest

from drivers.base import Write, WriteStatus
from drivers.modbus.driver import ModbusDriver
from drivers.modbus.wire.transport import Pacing, Tcp, UnitProfile
from drivers.points import ModbusAddress, OpcUaAddress, Point, Quality
from drivers.times import Times
from tests.drivers.fieldbus import CLOSE, Asked, Bench, Device, Reply, bench, holding
from tests.machine_time import utc_now
from tests.patience import SILENCE_S


def full(*units: int, size: int = 200) -> Device:
    return Device({(unit, at): at for unit in units for at in range(size)})


async def poll(b: Bench) -> dict[str, tuple[object, Quality]]:
    return {s.point: (s.value, s.quality) for s in await b.driver.read(b.ids)}


def good(*addresses: int, unit: int = 1) -> dict[str, tuple[object, Quality]]:
    return {f"u{unit}.r{at}": (at, Quality.GOOD) for at in addresses}


def shapes(b: Bench) -> list[tuple[int, int]]:
    return [(a.address, a.count) for a in b.bus.asked]


async def test_points_are_read_together() -> None:
    async with bench(full(1), holding(0, 1, 10, 60, 61), max_gap=16) as b:
        assert await poll(b) == good(0, 1, 10, 60, 61)
        assert shapes(b) == [(0, 11), (60, 2)]


async def test_reads_stay_under_the_limit_of_the_device() -> None:
    async with bench(full(1), holding(*range(100)), max_registers=40) as b:
        assert await poll(b) == good(*range(100))
        assert shapes(b) == [(0, 20), (20, 40), (60, 40)]


async def test_floats_that_are_no_numbers_are_bad_and_their_neighbours_good() -> None:
    device = Device()
    for n, value in enumerate((1.5, float("nan"), float("-inf"), 2.5)):
        words = struct.unpack(">HH", struct.pack(">f", value))
        device.holding |= {(1, 2 * n): words[0], (1, 2 * n + 1): words[1]}
    async with bench(device, holding(0, 2, 4, 6, kind="float32")) as b:
        samples = await b.driver.read(b.ids)
    assert [s.value for s in samples] == [1.5, None, None, 2.5]
    assert [s.quality.name for s in samples] == ["GOOD", "BAD", "BAD", "GOOD"]
    assert [s.detail for s in samples[1:3]] == ["the device sends nan", "the device sends -inf"]


# --- refused registers -----------------------------------------------------------------------


async def test_one_refused_register_costs_only_its_own_point() -> None:
    device = full(1)
    del device.holding[1, 37]
    async with bench(device, holding(*range(60))) as b:
        expected = good(*(n for n in range(60) if n != 37)) | {"u1.r37": (None, Quality.BAD)}
        assert await poll(b) == expected
        samples = await b.driver.read(["u1.r37"])
        assert samples[0].detail == "holding 37: exception 2 (illegal data address)"
        searched = len(b.bus.asked)
        assert searched < 20
        b.bus.asked.clear()
        assert await poll(b) == expected
        assert all(not a.address <= 37 < a.address + a.count for a in b.bus.asked), "remembered"
        assert len(b.bus.asked) <= 8


async def test_a_hole_between_points_costs_no_point() -> None:
    device = full(1)
    del device.holding[1, 5]
    async with bench(device, holding(0, 1, 10, 11)) as b:
        for _ in range(2):
            assert await poll(b) == good(0, 1, 10, 11)
        assert shapes(b) == [(0, 12), (0, 2), (10, 2), (0, 2), (10, 2)]


async def test_a_device_that_takes_only_short_reads_is_read_in_short_ones() -> None:
    device = full(1)
    device.longest = 50
    async with bench(device, holding(*range(120))) as b:
        assert await poll(b) == good(*range(120))
        b.bus.asked.clear()
        assert await poll(b) == good(*range(120))
        assert [count for _, count in shapes(b)] == [30] * 4


async def test_a_whole_device_that_refuses_does_not_take_for_ever_to_find_out() -> None:
    async with bench(Device(), holding(*range(0, 240, 2))) as b:
        for _ in range(8):
            b.bus.asked.clear()
            samples = await b.driver.read(b.ids)
            assert {s.quality for s in samples} == {Quality.BAD}
            assert len(b.bus.asked) <= 80
        assert b.bus.asked == [], "all is known by now"


async def test_refused_registers_are_tried_again_and_come_back() -> None:
    device = full(1)
    gone = {key: device.holding.pop(key) for key in [(1, 3), (1, 8)]}
    async with bench(device, holding(*range(10))) as b:
        assert sum(q is Quality.BAD for _, q in (await poll(b)).values()) == 2
        device.holding[1, 3] = gone[1, 3]
        b.clocks.pass_s(9)
        assert (await poll(b))["u1.r3"][1] is Quality.BAD, "not yet"
        b.clocks.pass_s(2)
        assert await poll(b) == good(*(n for n in range(10) if n != 8)) | {
            "u1.r8": (None, Quality.BAD)
        }
        device.holding[1, 8] = gone[1, 8]
        b.clocks.pass_s(21)
        assert await poll(b) == good(*range(10))
        b.bus.asked.clear()
        assert await poll(b) == good(*range(10))
        assert shapes(b) == [(0, 10)], "read in one again"


async def test_probes_of_a_register_that_stays_away_become_rare() -> None:
    device = full(1)
    del device.holding[1, 3]
    async with bench(device, holding(*range(10))) as b:
        probes = 0
        for _ in range(24 * 60):  # a day, polled each minute
            b.bus.asked.clear()
            await poll(b)
            probes += any(a.count == 1 and a.address == 3 for a in b.bus.asked)
            b.clocks.pass_s(75)
    assert 24 <= probes <= 40


async def test_bits_of_one_refused_register_share_its_fate() -> None:
    device = full(1, size=2)
    points = [Point(f"u1.b{n}", ModbusAddress(1, "holding", 2, bit=n)) for n in range(3)]
    async with bench(device, holding(0, 1) + points) as b:
        found = await poll(b)
    assert found == good(0, 1) | {f"u1.b{n}": (None, Quality.BAD) for n in range(3)}


# --- health of units -------------------------------------------------------------------------


class Gateway:
    """Several units behind one endpoint; some of them dead."""

    def __init__(self, *units: int, how: Reply = None) -> None:
        self.device = full(*units)
        self.dead: set[int] = set()
        self.how = how

    def __call__(self, asked: Asked) -> Reply:
        return self.how if asked.unit in self.dead else self.device(asked)


def points_of(*units: int) -> list[Point]:
    return [point for unit in units for point in holding(0, 1, 50, unit=unit)]


async def test_a_dead_unit_costs_its_neighbours_one_time_out_per_back_off() -> None:
    gateway = Gateway(1, 2, 3)
    async with bench(gateway, points_of(1, 2, 3), timeout_s=SILENCE_S) as b:
        assert all(q is Quality.GOOD for _, q in (await poll(b)).values())
        gateway.dead = {1}
        asked = []
        for _ in range(60):  # a minute, polled each second
            b.bus.asked.clear()
            found = await poll(b)
            asked.append([a.unit for a in b.bus.asked])
            for unit in (2, 3):
                assert {n: v for n, v in found.items() if n.startswith(f"u{unit}.")} == good(
                    0, 1, 50, unit=unit
                )
            b.clocks.pass_s(1)
        probes = sum(units.count(1) for units in asked)
        assert 5 <= probes <= 7  # 1, 2, 4, 8, 16 and 32 s apart
        assert max(units.count(1) for units in asked) == 1, "one time-out a poll at most"
        assert all(units[-1] == 1 for units in asked[1:] if 1 in units), "neighbours go first"
        assert b.bus.connections == 1, "the others answer: the socket is alive"
        samples = await b.driver.read(["u1.r0"])
        assert "unit 1 does not answer" in samples[0].detail
        gateway.dead = set()
        b.clocks.pass_s(40)
        assert all(q is Quality.GOOD for _, q in (await poll(b)).values())


async def test_many_dead_units_cost_one_poll_three_time_outs() -> None:
    gateway = Gateway(*range(1, 31))
    gateway.dead = set(range(1, 30))
    async with bench(gateway, points_of(*range(1, 31)), timeout_s=SILENCE_S / 2) as b:
        alive = 0
        for _ in range(15):
            b.bus.asked.clear()
            found = await poll(b)
            assert sum(asked.unit in gateway.dead for asked in b.bus.asked) <= 3
            alive += found["u30.r0"] == (0, Quality.GOOD)
            b.clocks.pass_s(1)
        assert alive >= 4, "the living unit is found, and then it comes first"
        assert found["u30.r0"] == (0, Quality.GOOD)


@pytest.mark.parametrize("code", [10, 11])
async def test_a_unit_that_the_gateway_cannot_reach_is_left_alone_for_a_while(code: int) -> None:
    gateway = Gateway(1, 2)

    def script(asked: Asked) -> Reply:
        return asked.exception(code) if asked.unit == 1 else gateway(asked)

    async with bench(script, points_of(1, 2)) as b:
        for _ in range(10):
            found = await poll(b)
            assert found["u2.r0"] == (0, Quality.GOOD)
            assert found["u1.r0"] == (None, Quality.BAD)
        assert sum(a.unit == 1 for a in b.bus.asked) <= 2


async def test_a_unit_that_breaks_the_connection_is_asked_last_and_rarely() -> None:
    gateway = Gateway(1, 2, how=CLOSE)
    async with bench(gateway, points_of(1, 2)) as b:
        await poll(b)
        gateway.dead = {1}
        found = []
        for _ in range(30):
            b.clocks.pass_s(1)
            found.append((await poll(b))["u2.r0"][1])
        assert found.count(Quality.GOOD) >= 28
        assert Quality.BAD not in found


async def test_a_silent_socket_is_replaced_after_three_requests() -> None:
    gateway = Gateway(1)
    async with bench(gateway, points_of(1), timeout_s=SILENCE_S) as b:
        await poll(b)
        gateway.dead = {1}
        for _ in range(3):
            b.clocks.pass_s(75)
            await poll(b)
        assert b.bus.connections == 1
        gateway.dead = set()
        b.clocks.pass_s(75)
        assert all(q is Quality.GOOD for _, q in (await poll(b)).values())
        assert b.bus.connections == 2


async def test_accepting_is_no_sign_of_life() -> None:
    """The back-off grows although each connection succeeds, until an answer comes."""
    attempts = []
    async with bench(lambda a: CLOSE, holding(0)) as b:
        for _ in range(140):
            before = b.bus.connections
            await poll(b)
            if b.bus.connections > before:
                attempts.append(b.clocks.monotonic_s)
            b.clocks.pass_s(0.5)
    gaps = [later - earlier for earlier, later in pairwise(attempts)]
    assert gaps == [1, 2, 4, 8, 16, 32]


# --- writes ----------------------------------------------------------------------------------


async def test_a_bit_is_written_by_reading_setting_and_writing() -> None:
    device = Device({(1, 4): 0b1010})
    points = [Point(f"b{n}", ModbusAddress(1, "holding", 4, bit=n), "", True) for n in range(4)]
    async with bench(device, points) as b:
        results = await b.driver.write([Write("b0", True), Write("b1", False), Write("b3", True)])
        assert [r.status for r in results] == [WriteStatus.OK] * 3
        assert device.holding[1, 4] == 0b1001
        assert [a.function for a in b.bus.asked] == [3, 6] * 3
        (result,) = await b.driver.write([Write("b0", 3)])
        assert result.status is WriteStatus.REFUSED


async def test_a_point_in_a_table_that_cannot_be_written_is_refused_even_if_said_writable() -> None:
    points = [Point("a", ModbusAddress(1, "input", 0), "", True)]
    async with bench(full(1), points) as b:
        (result,) = await b.driver.write([Write("a", 1)])
        assert result.status is WriteStatus.REFUSED
        assert b.bus.asked == []


# --- pacing ----------------------------------------------------------------------------------


async def test_devices_that_need_time_get_it() -> None:
    """The waits are real, and never shorter than asked for."""
    loop = asyncio.get_running_loop()
    times: list[float] = []
    device = full(1)

    def script(asked: Asked) -> Reply:
        times.append(loop.time())
        return device(asked)

    points = holding(0, 50, 100)
    async with bench(script, points) as b:
        driver = ModbusDriver(
            Tcp("127.0.0.1", b.bus.port),
            points,
            profile=UnitProfile(max_gap=0),
            pacing=Pacing(connect_delay_s=0.05, min_gap_s=0.03),
            times=Times(now=utc_now),
        )
        begun = loop.time()
        async with driver:
            samples = await driver.read(b.ids)
    assert {s.quality for s in samples} == {Quality.GOOD}
    assert times[0] - begun >= 0.045
    assert all(later - earlier >= 0.025 for earlier, later in pairwise(times))


async def test_many_different_reads_do_not_pile_up() -> None:
    async with bench(full(1), holding(*range(100))) as b:
        for n in range(99):
            found = await b.driver.read([f"u1.r{n}", f"u1.r{n + 1}"])
            assert [s.value for s in found] == [n, n + 1]
        assert len(b.driver._plans) <= 32


async def test_the_default_clock_is_utc() -> None:
    async with (
        bench(full(1), holding(0)) as b,
        ModbusDriver(
            Tcp("127.0.0.1", b.bus.port), b.driver.points, times=Times(now=utc_now)
        ) as driver,
    ):
        (sample,) = await driver.read(["u1.r0"])
    assert sample.time.tzinfo is UTC
    assert abs((datetime.now(UTC) - sample.time).total_seconds()) < 60


@pytest.mark.parametrize(
    ("address", "words"),
    [
        (OpcUaAddress("urn:x", "s=a"), "a: not a Modbus address"),
        (ModbusAddress(1, "holding", 65536), "a: address 65536"),
    ],
)
async def test_an_address_that_makes_no_sense_is_refused_at_once(
    address: ModbusAddress | OpcUaAddress, words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        ModbusDriver(Tcp("127.0.0.1"), [Point("a", address)], times=Times(now=utc_now))


async def test_a_host_that_cannot_be_found_is_an_outage() -> None:
    driver = ModbusDriver(
        Tcp("no-such-host.invalid"),
        holding(0),
        pacing=Pacing(timeout_s=2.0),
        times=Times(now=utc_now),
    )
    async with driver:
        (sample,) = await driver.read(["u1.r0"])
    assert sample.quality is Quality.BAD
    assert "no connection" in sample.detail
