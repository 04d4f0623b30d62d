"""A server that is there and says nothing: half-open connections, under a subscription."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
import pytest_asyncio

from drivers.opcua.driver import OpcUaDriver
from drivers.opcua.subscribing import feeding as feeding_module
from drivers.points import Quality
from drivers.times import Times
from tests.contract.foreign import Proxy
from tests.drivers.opcua.test_feed import PERIOD_S, Park, Received, park, point
from tests.machine_time import utc_now
from tests.servers.opcua_parts import listener

__all__ = ["park"]
pytestmark = pytest.mark.asyncio(loop_scope="module")


class Freezer(Proxy):
    """What went through it before it was frozen stays stuck for good; new connections work."""

    def __init__(self, port: int) -> None:
        super().__init__(port)
        self._flowing = asyncio.Event()
        self.thaw()

    def freeze(self) -> None:
        self._flowing.clear()

    def thaw(self) -> None:
        self._flowing = asyncio.Event()
        self._flowing.set()

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        flowing = self._flowing
        there, here = await asyncio.open_connection("127.0.0.1", self._to)
        back = asyncio.ensure_future(_pass_on(there, writer, flowing))
        try:
            await _pass_on(reader, here, flowing)
        finally:
            back.cancel()
            with suppress(asyncio.CancelledError):
                await back
            here.transport.abort()


async def _pass_on(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, flowing: asyncio.Event
) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(65536):
            await flowing.wait()
            writer.write(data)
            await writer.drain()


@pytest_asyncio.fixture(loop_scope="module")
async def between(park: Park) -> AsyncIterator[Freezer]:
    made = Freezer(listener(park.server).port)
    await made.start()
    yield made
    await made.stop()


async def test_a_connection_that_is_half_open_is_noticed_and_replaced(
    park: Park, between: Freezer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeding_module, "GRACE_S", 0.3)
    received = Received()
    clock = [0.0]
    driver = OpcUaDriver(
        f"opc.tcp://127.0.0.1:{between.port}",
        [point("a"), point("b")],
        timeout_s=1.0,
        times=Times(now=utc_now, monotonic=lambda: clock[0], chance=lambda: 0.5),
    )
    async with driver:
        feeding = asyncio.create_task(driver.feed(received, PERIOD_S))
        try:
            for _ in range(2):
                await received.until(lambda: received.quality("b") is Quality.GOOD)
                connections = between.connections
                between.freeze()
                await park.node("b").write_value(8.5)  # nobody hears of it
                await received.until(lambda: received.quality("b") is not Quality.GOOD)
                assert received.quality("a") is Quality.STALE
                assert received.value("b") == 2.5
                assert received.latest["b"].detail
                between.thaw()
                clock[0] += 75.0
                await received.until(
                    lambda: received.quality("b") is Quality.GOOD and received.value("b") == 8.5
                )
                assert between.connections > connections
                await park.node("b").write_value(2.5)
                await received.until(lambda: received.value("b") == 2.5)
        finally:
            feeding.cancel()
            await asyncio.wait([feeding])
