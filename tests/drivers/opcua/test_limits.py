"""Servers that take less than others: fewer nodes at a time, no dead-bands, no subscriptions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import pytest_asyncio
from asyncua import ua
from asyncua.server.internal_session import InternalSession
from asyncua.ua.status_codes import StatusCodes
from asyncua.ua.uaerrors import UaStatusCodeError

from drivers.base import Write, WriteStatus
from drivers.opcua import driver as driver_module
from drivers.opcua.driver import OpcUaDriver
from drivers.opcua.subscribing.feeding import Following
from drivers.points import Quality
from drivers.times import Times
from tests.drivers.opcua.test_feed import MANY, Park, Received, fed, park, point
from tests.machine_time import utc_now

__all__ = ["park"]
pytestmark = pytest.mark.asyncio(loop_scope="module")
TAKEN = 100


class Asked:
    """What reaches one service of the server; the test may put itself in between."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, owner: Any, name: str) -> None:
        self.calls: list[Any] = []
        self.before: Callable[[Any], None] = lambda params: None
        self.after: Callable[[Any, Any], Any] = lambda params, found: found
        service = getattr(owner, name)

        async def between(*args: Any, **settings: Any) -> Any:
            params = args[-1]
            self.calls.append(params)
            self.before(params)
            return self.after(params, await service(*args, **settings))

        monkeypatch.setattr(owner, name, between)


def refuse(code: int) -> UaStatusCodeError:
    return UaStatusCodeError(code)


@pytest_asyncio.fixture(loop_scope="module")
async def items(park: Park, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Asked]:
    yield Asked(monkeypatch, park.server.iserver.subscription_service, "create_monitored_items")


def good(received: Received, name: str) -> Callable[[], bool]:
    return lambda: received.quality(name) is Quality.GOOD


async def test_fewer_nodes_at_a_time_are_asked_of_a_server_that_states_no_limit(
    park: Park, items: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    def few(count: Callable[[Any], int]) -> Callable[[Any], None]:
        def check(params: Any) -> None:
            if count(params) > TAKEN:
                raise refuse(StatusCodes.BadTooManyOperations)

        return check

    items.before = few(lambda params: len(params.ItemsToCreate))
    reads = Asked(monkeypatch, InternalSession, "read")
    reads.before = few(lambda params: len(params.NodesToRead))
    names = [f"m{number}" for number in range(MANY)]
    async with fed(park, *map(point, names)) as (driver, received):
        await received.until(
            lambda: (
                len(received.latest) == MANY
                and all(s.quality is Quality.GOOD for s in received.latest.values())
            )
        )
        samples = await driver.read(names)
        assert [s.value for s in samples] == [float(n) for n in range(MANY)]
        refused = len([p for p in reads.calls if len(p.NodesToRead) > TAKEN])
        await driver.read(names)
        assert len([p for p in reads.calls if len(p.NodesToRead) > TAKEN]) == refused, "learned"
        assert driver.health().failures == 0


async def test_writes_too(park: Park, monkeypatch: pytest.MonkeyPatch) -> None:
    writes = Asked(monkeypatch, InternalSession, "write")

    def one(params: Any) -> None:
        if len(params.NodesToWrite) > 1:
            raise refuse(StatusCodes.BadTooManyOperations)

    writes.before = one
    async with OpcUaDriver(park.url, [point("a"), point("b")], times=Times(now=utc_now)) as driver:
        results = await driver.write([Write("a", 1.5), Write("b", 2.5)])
    assert [r.status for r in results] == [WriteStatus.OK] * 2


async def test_without_dead_bands_every_change_comes(park: Park, items: Asked) -> None:
    def unfiltered(params: Any, results: list[Any]) -> list[Any]:
        for item, result in zip(params.ItemsToCreate, results, strict=True):
            if hasattr(item.RequestedParameters.Filter, "DeadbandValue"):
                code = StatusCodes.BadMonitoredItemFilterUnsupported
                result.StatusCode = ua.StatusCode(ua.UInt32(code))
        return results

    items.after = unfiltered
    async with fed(park, point("a", deadband=5.0), point("b")) as (_, received):
        await received.until(good(received, "a"))
        await park.node("a").write_value(2.0)
        await received.until(lambda: received.value("a") == 2.0)
        await park.node("a").write_value(1.5)


async def test_the_server_is_asked_for_the_sampling_and_the_queue_of_the_link(
    park: Park, items: Asked
) -> None:
    async with fed(park, point("a"), following=Following(sampling_s=0.01, queue=7)) as (
        _,
        received,
    ):
        await received.until(good(received, "a"))
    (asked,) = [i.RequestedParameters for call in items.calls for i in call.ItemsToCreate]
    assert (asked.SamplingInterval, asked.QueueSize) == (10.0, 7)


async def test_a_server_without_a_subscription_left_is_asked_again(
    park: Park, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(driver_module, "SUBSCRIBE_AGAIN_S", 0.2)
    service = park.server.iserver.subscription_service
    made = Asked(monkeypatch, service, "create_subscription")
    full = True

    def none_left(params: Any) -> None:
        if full:
            raise refuse(StatusCodes.BadTooManySubscriptions)

    made.before = none_left
    async with fed(park, point("a")) as (driver, received):
        await received.until(good(received, "a"))
        assert "BadTooManySubscriptions" in driver.health().detail
        await received.until(lambda: len(made.calls) >= 2)
        full = False
        await received.until(lambda: bool(service.subscriptions) and not driver.health().detail)
        await received.until(good(received, "a"))


async def test_a_subscribed_link_knows_how_fast_its_server_answers(park: Park) -> None:
    async with fed(park, point("a")) as (driver, received):
        await received.until(good(received, "a"))
        health = driver.health()
        assert health.latency_p99_ms is not None
        assert 0 < health.latency_p99_ms < 5000
        assert (health.failures, health.timeouts) == (0, 0)


async def test_time_outs_are_counted(park: Park, monkeypatch: pytest.MonkeyPatch) -> None:
    go_on = asyncio.Event()
    read = InternalSession.read

    async def late(session: InternalSession, params: Any) -> Any:
        await go_on.wait()
        return await read(session, params)

    async with OpcUaDriver(
        park.url, [point("a")], timeout_s=0.5, times=Times(now=utc_now)
    ) as driver:
        await driver.read(["a"])
        monkeypatch.setattr(InternalSession, "read", late)
        (sample,) = await driver.read(["a"])
        go_on.set()
        assert sample.quality is Quality.STALE
        health = driver.health()
        assert (health.failures, health.timeouts) == (1, 1)
        assert health.requests == 3, "connecting, and two reads"
