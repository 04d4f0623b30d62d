"""Subscriptions against asyncua's server: what changes, what stays, what breaks and comes back."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from asyncua import ua
from asyncua.server.server import Server
from asyncua.ua.status_codes import StatusCodes
from asyncua.ua.uaerrors import UaStatusCodeError

from drivers.base import Batch, Feed, Write, WriteStatus
from drivers.opcua import driver as driver_module
from drivers.opcua.driver import OpcUaDriver
from drivers.opcua.subscribing import feeding as feeding_module
from drivers.opcua.subscribing.decode import Changes
from drivers.opcua.subscribing.feeding import Following
from drivers.opcua.subscribing.subscription import NOT_REPORTED, Items
from drivers.points import OpcUaAddress, Point, PointId, Quality, Sample
from drivers.times import Times
from tests.machine_time import utc_now
from tests.patience import PATIENCE_S, patience
from tests.servers.opcua_parts import node_id, ua_time, url_of

pytestmark = pytest.mark.asyncio(loop_scope="module")
PERIOD_S = 0.05
MANY = 700


class Park:
    """The server, and the calls that its methods got."""

    def __init__(self, server: Server, index: int) -> None:
        self.server = server
        self.index = index
        self.calls: list[tuple[Any, ...]] = []

    @property
    def url(self) -> str:
        return url_of(self.server)

    def node(self, name: str) -> Any:
        return self.server.get_node(node_id(name, self.index))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def park() -> AsyncIterator[Park]:
    server = Server()
    await server.init()
    server.set_endpoint("opc.tcp://127.0.0.1:0")
    server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
    index = await server.register_namespace("urn:a")
    made = Park(server, index)
    folder = await server.nodes.objects.add_object(node_id("machine", index), "machine")
    for name, value in (("a", 1.5), ("b", 2.5), ("text", "冷机")):
        node = await folder.add_variable(node_id(name, index), name, value)
        await node.set_writable()
    for number in range(MANY):
        await folder.add_variable(node_id(f"m{number}", index), f"m{number}", float(number))

    async def start(parent: Any) -> list[Any]:
        made.calls.append(("start",))
        return []

    async def level(parent: Any, value: Any) -> list[Any]:
        made.calls.append(("level", value.Value))
        if value.Value < 0:
            return ua.StatusCode(ua.UInt32(StatusCodes.BadOutOfRange))  # type: ignore[return-value]
        return []

    await folder.add_method(node_id("start", index), "start", start, [], [])
    kinds = [ua.VariantType.Float]
    await folder.add_method(node_id("level", index), "level", level, kinds, [])
    await server.start()
    yield made
    await server.stop()


def point(name: str, *, method: str | None = None, deadband: float = 0.0) -> Point:
    node = "s=machine" if method else f"s={name}"
    address = OpcUaAddress("urn:a", node, f"s={method}" if method else None, deadband)
    return Point(name, address, "", True)


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def ours() -> int:
    """The tasks of clients; the server runs in this process too."""
    names = [getattr(task.get_coro(), "__qualname__", "") for task in asyncio.all_tasks()]
    return sum(name.startswith(("Client.", "OpcUaDriver.", "UaClient.")) for name in names)


class Received:
    """The latest of each point, and a way to wait for what is to come."""

    def __init__(self) -> None:
        self.latest: dict[PointId, Sample] = {}
        self.batches = 0
        self._news = asyncio.Event()

    def __call__(self, batch: Batch) -> None:
        self.latest.update(zip(batch.ids, batch.samples, strict=True))
        self.batches += 1
        self._news.set()

    async def until(self, condition: Callable[[], object]) -> None:
        async with patience():
            while not condition():
                self._news.clear()
                await self._news.wait()

    def value(self, name: str) -> object:
        return self.latest[name].value if name in self.latest else None

    def quality(self, name: str) -> Quality | None:
        return self.latest[name].quality if name in self.latest else None


@asynccontextmanager
async def fed(
    park: Park, *points: Point, monotonic: Callable[[], float] = time.monotonic, **settings: Any
) -> AsyncIterator[tuple[OpcUaDriver, Received]]:
    received = Received()
    async with OpcUaDriver(
        park.url, points, times=Times(utc_now, monotonic, lambda: 0.0), **settings
    ) as driver:
        assert isinstance(driver, Feed)
        task = asyncio.create_task(driver.feed(received, PERIOD_S))
        try:
            yield driver, received
        finally:
            task.cancel()
            await asyncio.wait([task])


async def test_all_points_come_first_and_then_what_changes(park: Park) -> None:
    async with fed(park, point("a"), point("text")) as (driver, received):
        await received.until(lambda: received.quality("text") is Quality.GOOD)
        assert (received.value("a"), received.value("text")) == (1.5, "冷机")
        assert received.latest["a"].source_time is not None
        await park.node("a").write_value(9.5)
        await received.until(lambda: received.value("a") == 9.5)
        await park.node("a").write_value(1.5)
        await received.until(lambda: received.value("a") == 1.5)
        health = driver.health()
        assert health.connected
        assert health.connects == 1
        assert health.clock_skew_s is not None
        assert abs(health.clock_skew_s) < 5


async def test_a_value_that_does_not_change_is_confirmed_by_each_response(park: Park) -> None:
    async with fed(park, point("b")) as (_, received):
        await received.until(lambda: received.quality("b") is Quality.GOOD)
        first = received.latest["b"]
        await received.until(lambda: received.latest["b"].time > first.time)
        assert received.latest["b"].source_time == first.source_time
        assert (utc_now() - received.latest["b"].time).total_seconds() < 60


async def test_more_items_than_one_subscription_takes(park: Park) -> None:
    points = [point(f"m{number}") for number in range(MANY)]
    async with fed(park, *points, timeout_s=PATIENCE_S) as (_, received):
        await received.until(
            lambda: (
                len(received.latest) == MANY
                and all(s.quality is Quality.GOOD for s in received.latest.values())
            )
        )
        assert [received.value(f"m{n}") for n in range(MANY)] == [float(n) for n in range(MANY)]


async def test_a_status_is_a_quality_and_says_its_name(park: Park) -> None:
    async with fed(park, point("a"), point("b")) as (_, received):
        await received.until(lambda: received.quality("b") is Quality.GOOD)
        for code, quality in (
            (StatusCodes.BadSensorFailure, Quality.BAD),
            (StatusCodes.UncertainLastUsableValue, Quality.STALE),
        ):
            data = ua.DataValue(ua.Variant(3.5), ua.StatusCode(ua.UInt32(code)))
            await park.server.write_attribute_value(park.node("a").nodeid, data)
            await received.until(partial(lambda wanted: received.quality("a") is wanted, quality))
            assert received.latest["a"].detail == ua.StatusCode(ua.UInt32(code)).name
            assert received.quality("b") is Quality.GOOD
        await park.node("a").write_value(1.5)
        await received.until(lambda: received.quality("a") is Quality.GOOD)


async def test_a_node_that_comes_later_is_found(
    park: Park, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeding_module, "RETRY_ITEMS_S", 0.1)
    async with fed(park, point("a"), point("late")) as (_, received):
        await received.until(lambda: received.quality("a") is Quality.GOOD)
        assert received.quality("late") is Quality.BAD
        assert received.latest["late"].detail == "BadNodeIdUnknown"
        folder = park.node("machine")
        await folder.add_variable(node_id("late", park.index), "late", 4.0)
        await received.until(lambda: received.value("late") == 4.0)


async def test_a_dead_band_keeps_small_changes_back(park: Park) -> None:
    async with fed(park, point("a", deadband=5.0), point("b")) as (_, received):
        await received.until(lambda: received.quality("a") is Quality.GOOD)
        await park.node("a").write_value(2.0)
        await park.node("b").write_value(3.0)
        await received.until(lambda: received.value("b") == 3.0)
        assert received.value("a") == 1.5
        await park.node("a").write_value(20.0)
        await received.until(lambda: received.value("a") == 20.0)
        await park.node("a").write_value(1.5)
        await park.node("b").write_value(2.5)
        await received.until(lambda: received.value("a") == 1.5)


async def test_after_a_break_all_is_built_anew_without_duplicates(park: Park) -> None:
    async with fed(park, point("a"), point("b")) as (driver, received):
        await received.until(lambda: received.quality("a") is Quality.GOOD)
        for _ in range(3):
            sessions = len(park.server.iserver.subscription_service.subscriptions)
            before = driver.health().connects
            assert driver._session is not None
            driver._session._client.disconnect_socket()
            await received.until(lambda: received.quality("a") is not Quality.GOOD)
            assert received.latest["a"].detail
            await received.until(lambda: received.quality("a") is Quality.GOOD)
            assert driver.health().connects == before + 1
            await asyncio.sleep(0)
            assert len(park.server.iserver.subscription_service.subscriptions) <= sessions + 1


async def test_a_read_is_not_undone_by_an_older_notification(park: Park) -> None:
    async with fed(park, point("a")) as (driver, received):
        await received.until(lambda: received.quality("a") is Quality.GOOD)
        (result,) = await driver.write([Write("a", 7.0)])
        assert result.status is WriteStatus.OK
        (sample,) = await driver.read(["a"])
        assert sample.value == 7.0
        seen = received.batches
        await received.until(lambda: received.batches >= seen + 2)
        assert received.value("a") == 7.0
        await driver.write([Write("a", 1.5)])


@pytest.mark.parametrize("broken", [False, True], ids=["in a session", "over a restart"])
async def test_a_server_whose_clock_is_set_back_is_followed(park: Park, broken: bool) -> None:
    """A controller without a battery starts in the year 2000 after a power cut."""
    async with fed(park, point("a"), point("b")) as (driver, received):
        await park.node("b").write_value(2.25)
        await received.until(lambda: received.value("b") == 2.25)
        if broken:
            assert driver._session is not None
            driver._session._client.disconnect_socket()
            await received.until(lambda: received.quality("b") is not Quality.GOOD)
        old = datetime(2000, 1, 1, tzinfo=UTC)
        data = ua.DataValue(ua.Variant(2.75), SourceTimestamp=ua_time(old))
        await park.server.write_attribute_value(park.node("b").nodeid, data)
        await received.until(
            lambda: received.quality("b") is Quality.GOOD and received.value("b") == 2.75
        )
        assert received.latest["b"].source_time == old
        await park.node("b").write_value(2.5)
        await received.until(lambda: received.value("b") == 2.5)


async def test_polling_where_it_is_wanted(park: Park) -> None:
    async with fed(park, point("a"), following=Following("poll")) as (driver, received):
        await received.until(lambda: received.batches >= 3)
        assert received.value("a") == 1.5
        assert driver.health().requests >= 3


async def test_polling_where_the_server_has_no_subscriptions(
    park: Park, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*args: Any, **settings: Any) -> None:
        raise UaStatusCodeError(StatusCodes.BadServiceUnsupported)

    monkeypatch.setattr(park.server.iserver.subscription_service, "create_subscription", refuse)
    async with fed(park, point("a")) as (_, received):
        await received.until(lambda: received.batches >= 3)
        assert received.value("a") == 1.5


async def test_methods_are_called_by_writing(park: Park) -> None:
    points = [point("go", method="start"), point("level", method="level")]
    park.calls.clear()
    async with OpcUaDriver(park.url, points, times=Times(now=utc_now)) as driver:
        results = await driver.write([Write("go", True), Write("level", 55)])
        assert [r.status for r in results] == [WriteStatus.OK] * 2
        assert park.calls == [("start",), ("level", 55.0)]
        results = await driver.write([Write("go", False), Write("level", -1)])
        assert [r.status for r in results] == [WriteStatus.REFUSED] * 2
        assert "only 'on' calls it" in results[0].detail
        assert results[1].detail == "BadOutOfRange"


async def test_in_shadow_nothing_is_written_and_nothing_called(park: Park) -> None:
    points = [point("a"), point("go", method="start")]
    park.calls.clear()
    async with OpcUaDriver(park.url, points, times=Times(now=utc_now), shadow=True) as driver:
        results = await driver.write([Write("a", 99.0), Write("go", True)])
        assert [r.status for r in results] == [WriteStatus.SHADOW] * 2
        (sample, _) = await driver.read(["a", "go"])
        assert sample.value == 1.5
        assert park.calls == []
        # And at the lowest place: whoever gets past the driver does not get past the socket.
        assert driver._session is not None
        with pytest.raises(Exception, match="shadow mode"):
            await driver._session._client.get_node(node_id("a", park.index)).write_value(99.0)
    assert await park.node("a").read_value() == 1.5


async def test_no_subscription_socket_or_task_is_left(park: Park) -> None:
    async with fed(park, point("a")) as (_, received):
        await received.until(lambda: received.quality("a") is Quality.GOOD)
    tasks, files = len(asyncio.all_tasks()), open_files()
    for _ in range(10):
        async with fed(park, point("a")) as (_, received):
            await received.until(lambda: received.quality("a") is Quality.GOOD)
    async with patience():
        while (len(asyncio.all_tasks()), open_files()) > (tasks, files):
            await asyncio.sleep(0)


@pytest.mark.parametrize("breaks", [100, pytest.param(1000, marks=pytest.mark.slow)])
async def test_breaks_leave_nothing_behind(
    park: Park, monkeypatch: pytest.MonkeyPatch, breaks: int
) -> None:
    monkeypatch.setattr(driver_module, "_STEP_S", 0.01)
    later = itertools.count(0, 100)  # every look at the clock finds the back-off over

    def monotonic() -> float:
        return float(next(later))

    async with fed(park, point("a"), point("b"), monotonic=monotonic) as (driver, received):
        files = 0
        for number in range(breaks):
            await received.until(lambda: received.quality("b") is Quality.GOOD)
            if number == 20:
                files = open_files()
            assert driver._session is not None
            assert driver._feeding is not None
            if number % 50 == 49:  # the server keeps such a session for a minute, and only so many
                driver._session._client.disconnect_socket()
            else:
                driver._feeding._break("trial")
            await received.until(lambda: received.quality("b") is not Quality.GOOD)
        await received.until(lambda: received.quality("b") is Quality.GOOD)
        assert driver.health().connects == breaks + 1
        assert len(park.server.iserver.subscription_service.subscriptions) <= 25
        async with patience():
            # The server, in this process too, still has the sessions that were cut off.
            while ours() > 8 or open_files() > files + 5:
                await asyncio.sleep(0)


def told(*values: float, source: int = 10) -> Changes:
    places = list(range(len(values)))
    return Changes(places, list(values), [0] * len(values), [source] * len(values))


async def test_what_a_new_session_has_not_told_yet_is_not_good() -> None:
    items = Items(["a", "b"])
    then = utc_now()
    items.take(told(1.0, 2.0))
    assert items.batch(then).good
    items.begin()
    items.take(told(5.0))
    now = then + timedelta(seconds=5)
    a, b = items.batch(now).samples
    assert (a.value, a.quality) == (5.0, Quality.GOOD)
    assert b == Sample("b", 2.0, Quality.STALE, then, NOT_REPORTED)
    a, b = items.batch(then + timedelta(minutes=5)).samples
    assert (b.value, b.quality, b.detail) == (None, Quality.BAD, NOT_REPORTED)
    items.take(told(6.0, 2.0))
    assert items.batch(now).good


async def test_only_what_a_read_has_overtaken_is_passed_over() -> None:
    items = Items(["a", "b"])
    items.take(told(1.0, 2.0, source=100))
    items.learn("a", 7.0, 0, 200)
    items.take(told(1.0, 2.0, source=150))  # was on its way
    assert [s.value for s in items.batch(utc_now()).samples] == [7.0, 2.0]
    items.learn("a", 1.0, 0, 120)  # an answer that a notification has overtaken
    assert items.batch(utc_now()).samples[0].value == 7.0
    for _ in range(2):
        items.take(Changes())
    items.take(told(3.0, 4.0, source=50))  # the server's clock was set back
    assert [s.value for s in items.batch(utc_now()).samples] == [3.0, 4.0]


async def test_an_item_is_bad_until_the_server_says_something() -> None:
    batch = Items(["a"]).batch(utc_now())
    assert not batch.good
    (sample,) = batch.samples
    assert (sample.quality, sample.detail) == (Quality.BAD, NOT_REPORTED)
