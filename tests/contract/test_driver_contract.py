"""What every driver promises, proved on all of them against real servers over real sockets."""

from __future__ import annotations

import asyncio
import gc
import os
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any

import pytest
import pytest_asyncio

from drivers.base import Batch, Driver, Feed, Write, WriteStatus
from drivers.points import PointId, Quality, Sample
from drivers.polled import Polled
from tests.contract.foreign import (
    LibmodbusRig,
    LibmodbusRtuTcpRig,
    LibmodbusSerialRig,
    LibmodbusTlsRig,
    NodeOpcUaRig,
)
from tests.contract.rigs import ModbusRig, ModbusRtuTcpRig, MuteServer, OpcUaRig, PlantRig, Rig
from tests.drivers.fieldbus import Clocks
from tests.patience import SILENCE_S, patience

RIGS: dict[str, Callable[[], Rig]] = {
    "modbus": ModbusRig,
    "modbus rtu over tcp": ModbusRtuTcpRig,
    "libmodbus": LibmodbusRig,
    "libmodbus tls": LibmodbusTlsRig,
    "libmodbus rtu over tcp": LibmodbusRtuTcpRig,
    "libmodbus serial": LibmodbusSerialRig,
    "opcua": OpcUaRig,
    "node-opcua": NodeOpcUaRig,
    "plant": PlantRig,
}
ON_WIRES = [name for name in RIGS if name not in ("plant", "libmodbus serial")]
"""Those with a connection that can be lost."""
A_BACKOFF_S = 75.0
"""Longer than any back-off."""


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def rigs() -> AsyncIterator[dict[str, Rig]]:
    made: dict[str, Rig] = {}
    yield made
    for one in made.values():
        await one.end()


@pytest_asyncio.fixture(params=RIGS, loop_scope="module")
async def rig(request: pytest.FixtureRequest, rigs: dict[str, Rig]) -> AsyncIterator[Rig]:
    one = rigs.get(request.param)
    if one is None:  # a server that is not built here skips its own tests only
        one = rigs[request.param] = RIGS[request.param]()
    await one.start()
    yield one
    if not isinstance(one, OpcUaRig):
        await one.stop()


@pytest.fixture
def clocks() -> Clocks:
    return Clocks()


on_wires = pytest.mark.parametrize("rig", ON_WIRES, indirect=True)


async def qualities(driver: Driver, points: list[PointId]) -> set[Quality]:
    return {sample.quality for sample in await driver.read(points)}


def existing(rig: Rig) -> list[PointId]:
    return list(rig.expected)


async def test_every_type_is_read_as_the_server_holds_it(rig: Rig, clocks: Clocks) -> None:
    async with rig.driver(clocks) as driver:
        samples = await driver.read(existing(rig))
    assert {s.point: s.value for s in samples} == rig.expected
    assert {s.point: type(s.value) for s in samples} == {
        p: type(v) for p, v in rig.expected.items()
    }
    assert {(s.quality, s.time, s.detail) for s in samples} == {(Quality.GOOD, clocks.time, "")}


async def test_one_sample_per_request_in_order(rig: Rig, clocks: Clocks) -> None:
    async with rig.driver(clocks) as driver:
        assert [point.id for point in driver.points] == [point.id for point in rig.points]
        asked = [*reversed(existing(rig)), rig.missing, *existing(rig)[:2]]
        samples = await driver.read(asked)
        assert await driver.read([]) == []
        assert await driver.write([]) == []
    assert [sample.point for sample in samples] == asked
    for sample in samples:
        assert sample.value == rig.expected.get(sample.point)


async def test_a_missing_point_is_bad_and_its_neighbours_are_good(rig: Rig, clocks: Clocks) -> None:
    async with rig.driver(clocks) as driver:
        for _ in range(3):
            samples = await driver.read([rig.missing, *existing(rig)])
            assert samples[0].quality is Quality.BAD
            assert samples[0].value is None
            assert samples[0].detail
            assert {s.quality for s in samples[1:]} == {Quality.GOOD}


async def test_an_unknown_point_is_a_programming_error(rig: Rig, clocks: Clocks) -> None:
    async with rig.driver(clocks) as driver:
        with pytest.raises(KeyError, match=r"b\.e\.unknown"):
            await driver.read(["b.e.unknown"])
        with pytest.raises(KeyError, match=r"b\.e\.unknown"):
            await driver.write([Write("b.e.flag", False), Write("b.e.unknown", 1)])
    assert await rig.inside("b.e.flag") == 1, "nothing may be written if one point is unknown"


WRITES: dict[str, list[Any]] = {
    "flag": [False, True],
    "bit": [True, False],
    "int16": [-32768, 77],
    "uint16": [0, 65535],
    "int32": [2**31 - 1],
    "uint32": [2**32 - 1],
    "int64": [-(2**63)],
    "uint64": [2**64 - 1],
    "float32": [-7.25],
    "float64": [2.718281828459045],
    "scaled": [-3.21],
    "text": ["停"],
}


async def test_what_is_written_is_what_the_server_holds(rig: Rig, clocks: Clocks) -> None:
    async with rig.driver(clocks) as driver:
        for name, values in WRITES.items():
            point = f"b.e.{name}"
            if point not in rig.expected:
                continue
            for value in values:
                (result,) = await driver.write([Write(point, value)])
                assert (result.status, result.detail) == (WriteStatus.OK, "")
                assert (result.point, result.value) == (point, value)
                inside = await rig.inside(point)
                if name == "bit":  # and the other fifteen bits are as they were
                    assert inside == (0xFFFF if value else 0xFFEF)
                else:
                    assert inside == (-321 if name == "scaled" else value)
                (sample,) = await driver.read([point])
                assert (sample.value, sample.quality) == (value, Quality.GOOD)


async def test_several_writes_are_answered_in_order(rig: Rig, clocks: Clocks) -> None:
    writes = [
        Write("b.e.float32", 1.5),
        Write("b.e.float_ro", 1.0),
        Write("b.e.flag", False),
        Write("b.e.int16", float("nan")),
        Write("b.e.int16", 5),
        Write("b.e.float32", 2.5),
    ]
    async with rig.driver(clocks) as driver:
        results = await driver.write(writes)
    assert [(r.point, r.status) for r in results] == [
        ("b.e.float32", WriteStatus.OK),
        ("b.e.float_ro", WriteStatus.REFUSED),
        ("b.e.flag", WriteStatus.OK),
        ("b.e.int16", WriteStatus.REFUSED),
        ("b.e.int16", WriteStatus.OK),
        ("b.e.float32", WriteStatus.OK),
    ]
    assert "not writable" in results[1].detail
    assert "nan" in results[3].detail
    assert await rig.inside("b.e.float32") == 2.5
    assert await rig.inside("b.e.int16") == 5
    assert await rig.inside("b.e.flag") == 0


async def test_a_value_of_the_wrong_sort_is_refused(rig: Rig, clocks: Clocks) -> None:
    async with rig.driver(clocks) as driver:
        (result,) = await driver.write([Write("b.e.int16", "warm")])
        assert result.status is WriteStatus.REFUSED
        assert "'warm' is not a number" in result.detail
    assert await rig.inside("b.e.int16") == -1234


@on_wires
async def test_a_value_out_of_range_is_refused_and_never_wraps(rig: Rig, clocks: Clocks) -> None:
    async with rig.driver(clocks) as driver:
        for value in (32768, -32769, 1e30):
            (result,) = await driver.write([Write("b.e.int16", value)])
            assert result.status is WriteStatus.REFUSED
            assert "out of range" in result.detail
        (result,) = await driver.write([Write("b.e.flag", 2)])
        assert (result.status, result.detail.split(";")[0]) == (
            WriteStatus.REFUSED,
            "2 is neither on nor off",
        )
    assert await rig.inside("b.e.int16") == -1234
    assert await rig.inside("b.e.flag") == 1


async def test_release_writes_the_release_value(rig: Rig, clocks: Clocks) -> None:
    async with rig.driver(clocks) as driver:
        (result,) = await driver.write([Write("b.e.float32", None)])
        assert (result.status, result.value) == (WriteStatus.OK, None)
    assert await rig.inside("b.e.float32") == 18.5


@on_wires
async def test_a_point_without_release_value_cannot_be_released(rig: Rig, clocks: Clocks) -> None:
    async with rig.driver(clocks) as driver:
        (result,) = await driver.write([Write("b.e.int16", None)])
    assert result.status is WriteStatus.REFUSED
    assert "released" in result.detail
    assert await rig.inside("b.e.int16") == -1234


@on_wires
async def test_a_server_that_goes_away_and_comes_back(rig: Rig, clocks: Clocks) -> None:
    """GOOD, then STALE twice with the last value, then BAD without one; and GOOD again."""
    points = existing(rig)
    async with rig.driver(clocks) as driver:
        read_at = clocks.time
        assert await qualities(driver, points) == {Quality.GOOD}
        for _ in range(2):  # the second time round proves that nothing is left of the first
            await rig.stop()
            seen = []
            for _ in range(4):
                clocks.pass_s(5)
                samples = await driver.read(points)
                assert all(sample.detail for sample in samples)
                seen.append({sample.quality for sample in samples})
                for sample in samples:
                    stale = sample.quality is Quality.STALE
                    assert sample.value == (rig.expected[sample.point] if stale else None)
                    assert sample.time == (read_at if stale else clocks.time)
            assert seen == [{Quality.STALE}, {Quality.STALE}, {Quality.BAD}, {Quality.BAD}]
            (result,) = await driver.write([Write("b.e.flag", False)])
            assert result.status is WriteStatus.TIMEOUT
            assert "not sent" in result.detail
            await rig.start()
            clocks.pass_s(A_BACKOFF_S)
            read_at = clocks.time
            assert await qualities(driver, points) == {Quality.GOOD}
        (result,) = await driver.write([Write("b.e.flag", False)])
        assert result.status is WriteStatus.OK


@on_wires
async def test_a_server_that_was_never_there(rig: Rig, clocks: Clocks) -> None:
    await rig.stop()
    async with rig.driver(clocks) as driver:
        samples = await driver.read(existing(rig))
        assert {s.quality for s in samples} == {Quality.BAD}
        assert all("no connection" in s.detail for s in samples)
        clocks.pass_s(0.1)
        again = await driver.read(existing(rig))
        assert all("next attempt in 0.9 s" in s.detail for s in again)
        await rig.start()
        clocks.pass_s(A_BACKOFF_S)
        assert await qualities(driver, existing(rig)) == {Quality.GOOD}


@on_wires
async def test_a_restart_between_two_polls_is_bridged(rig: Rig, clocks: Clocks) -> None:
    async with rig.driver(clocks) as driver:
        assert await qualities(driver, existing(rig)) == {Quality.GOOD}
        await rig.stop()
        await rig.start()
        clocks.pass_s(1)
        first = await qualities(driver, existing(rig))
        assert first <= {Quality.GOOD, Quality.STALE}
        clocks.pass_s(A_BACKOFF_S)
        assert await qualities(driver, existing(rig)) == {Quality.GOOD}


@on_wires
async def test_a_server_that_hangs_is_given_up_at_the_deadline(rig: Rig, clocks: Clocks) -> None:
    await rig.stop()
    mute = MuteServer()
    await mute.start(rig.port)
    try:
        async with rig.driver(clocks, timeout_s=SILENCE_S) as driver:
            for _ in range(4):
                async with patience():
                    assert await qualities(driver, existing(rig)) == {Quality.BAD}
                    (result,) = await driver.write([Write("b.e.flag", False)])
                assert result.status is WriteStatus.TIMEOUT
                clocks.pass_s(A_BACKOFF_S)
        assert mute.connections >= 2, "a silent socket must be given up"
    finally:
        await mute.stop()
    await rig.start()


@on_wires
async def test_cancelling_a_read_is_never_swallowed(rig: Rig, clocks: Clocks) -> None:
    await rig.stop()
    mute = MuteServer()
    await mute.start(rig.port)
    async with rig.driver(clocks) as driver:
        reading = asyncio.create_task(driver.read(existing(rig)))
        async with patience():
            await mute.received.wait()
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        await mute.stop()
        await rig.start()
        clocks.pass_s(A_BACKOFF_S)
        for _ in range(2):  # a connection lost while nobody waited may cost one poll
            found = await qualities(driver, existing(rig))
            clocks.pass_s(A_BACKOFF_S)
        assert found == {Quality.GOOD}


async def settled(tasks: set[asyncio.Task[Any]], sockets: int) -> bool:
    """True as soon as no more tasks and sockets are there than before."""
    with suppress(TimeoutError):
        async with patience():
            while asyncio.all_tasks() - tasks or open_sockets() > sockets:
                await asyncio.sleep(0.01)
            return True
    return False


def open_sockets() -> int:
    found = 0
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208
        with suppress(OSError):
            found += os.readlink(f"/proc/self/fd/{name}").startswith("socket:")  # noqa: PTH115
    return found


@on_wires
async def test_nothing_is_left_behind(rig: Rig, clocks: Clocks) -> None:
    """Ten outages in one driver's life, and not one socket or task more than before."""
    await asyncio.sleep(0)
    tasks, sockets = asyncio.all_tasks(), open_sockets()
    async with rig.driver(clocks) as driver:
        await driver.read(existing(rig))
        with_one = open_sockets()
        for _ in range(10):
            await rig.stop()
            clocks.pass_s(A_BACKOFF_S)
            await driver.read(existing(rig))
            await rig.start()
            clocks.pass_s(A_BACKOFF_S)
            await driver.read(existing(rig))
        assert open_sockets() <= with_one + 1
    await rig.stop()
    await rig.start()
    left = asyncio.all_tasks()
    assert await settled(tasks | {t for t in left if is_servers(t)}, sockets)
    gc.collect()


def is_servers(task: asyncio.Task[Any]) -> bool:
    name = getattr(task.get_coro(), "__qualname__", "")
    return name.startswith("BinaryServer.")


async def test_entering_and_leaving_need_no_server(rig: Rig, clocks: Clocks) -> None:
    await rig.stop()
    async with rig.driver(clocks) as driver:
        assert len(driver.points) == len(rig.points)
    await rig.start()


async def test_a_feed_brings_every_point_and_then_what_changes(rig: Rig, clocks: Clocks) -> None:
    latest: dict[PointId, Sample] = {}
    news = asyncio.Event()

    def deliver(batch: Batch) -> None:
        latest.update(zip(batch.ids, batch.samples, strict=True))
        news.set()

    async def until(condition: Callable[[], bool]) -> None:
        async with patience():
            while not condition():
                news.clear()
                await news.wait()

    async with rig.driver(clocks) as made:
        driver = made if isinstance(made, Feed) else Polled(made, clocks.now)
        feeding = asyncio.create_task(driver.feed(deliver, 0.1))
        try:
            await until(
                lambda: (
                    latest.keys() == {point.id for point in rig.points}
                    and all(latest[point].quality is Quality.GOOD for point in rig.expected)
                )
            )
            assert {p: latest[p].value for p in rig.expected} == rig.expected
            assert latest[rig.missing].quality is Quality.BAD
            (result,) = await driver.write([Write("b.e.flag", False)])
            assert result.status is WriteStatus.OK
            await until(lambda: latest["b.e.flag"].value in (False, 0))
            health = driver.health()
            assert health.connected
            assert health.requests > 0
        finally:
            feeding.cancel()
            with suppress(asyncio.CancelledError):
                await feeding
