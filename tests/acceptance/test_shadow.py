"""A day in shadow mode beside the plant, with everything that passes the wire looked at."""

from __future__ import annotations

import asyncio
import shutil
import struct
from collections import Counter
from collections.abc import AsyncIterator, Collection
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import pytest

from bms.cli.common import load_site
from bms.config.load import with_endpoints
from bms.config.site import Site
from bms.field.image import Field
from bms.field.wiring import driver_for
from bms.historian.log.embedded import History
from bms.historian.recording.recorder import Recorder
from bms.historian.records import Batch
from bms.operations.runtime import Runtime
from bms.reports.shadow import shadow_report, to_json
from drivers.points import PointId
from drivers.ticker import Ticker
from simulators.parks.demo.park import Park
from simulators.serve import ParkServers
from simulators.sitefiles import read_links
from tests.patience import patience

SITE = Path(__file__).parents[2] / "simulators" / "parks" / "demo" / "site"
DAY = datetime(2026, 7, 14, 16, tzinfo=UTC)  # midnight in Hangzhou, at the height of summer
MODBUS_WRITES = (5, 6, 15, 16, 22, 23)
OPCUA_WRITES = (673, 712)
"""Identifiers of the binary encodings of WriteRequest and CallRequest (OPC 10000-6, annex A)."""


class Tap:
    """Passes bytes on between a client and a server, and counts what the client asks for."""

    def __init__(self, protocol: str, host: str, port: int) -> None:
        self.protocol = protocol
        self._to = host, port
        self.asked: Counter[int] = Counter()
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> dict[str, object]:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        if self.protocol == "opcua":
            return {"url": f"opc.tcp://127.0.0.1:{port}"}
        return {"host": "127.0.0.1", "port": port}

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.sleep(0)  # the sockets close in the next turn of the loop

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        there, here = await asyncio.open_connection(*self._to)
        back = asyncio.ensure_future(self._pass_on(there, writer))
        try:
            await self._watch(reader, here)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass  # the client went, or the test ends
        finally:
            back.cancel()
            for end in (here, writer):
                end.transport.abort()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()

    async def _watch(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            if self.protocol == "opcua":
                head = await reader.readexactly(8)
                body = await reader.readexactly(struct.unpack("<I", head[4:])[0] - 8)
                if head[:3] == b"MSG" and body[16:18] == b"\x01\x00":
                    self.asked[struct.unpack("<H", body[18:20])[0]] += 1
            else:
                head = await reader.readexactly(6)
                body = await reader.readexactly(struct.unpack(">H", head[4:])[0])
                self.asked[body[1]] += 1
            writer.write(head + body)
            await writer.drain()

    @property
    def writes(self) -> int:
        kinds = OPCUA_WRITES if self.protocol == "opcua" else MODBUS_WRITES
        return sum(self.asked[kind] for kind in kinds)


class Clock:
    def __init__(self) -> None:
        self.time = DAY

    def now(self) -> datetime:
        return self.time


@asynccontextmanager
async def tapped(
    directory: Path, mode: Literal["control", "shadow"]
) -> AsyncIterator[tuple[Site, list[Tap], ParkServers]]:
    """The demo park behind real servers, each reached through a tap."""
    plant = Park(DAY)
    servers = ParkServers(plant, read_links(directory))
    site = load_site(directory)
    taps: list[Tap] = []
    await servers.start()
    try:
        endpoints = {}
        for name, there in servers.endpoints.items():
            protocol = site.links[name].settings.protocol
            if protocol == "opcua":
                host, _, port = str(there["url"]).removeprefix("opc.tcp://").partition(":")
                tap = Tap(protocol, host, int(port.split("/")[0]))
            else:
                tap = Tap(protocol, str(there["host"]), int(str(there["port"])))
            taps.append(tap)
            endpoints[name] = await tap.start()
        site = with_endpoints(site, endpoints)
        links = {
            name: replace(link, settings=link.settings.model_copy(update={"poll_s": 0.05}))
            for name, link in site.links.items()
        }
        file = site.file.model_copy(update={"mode": mode})
        yield replace(site, links=links, file=file), taps, servers
    finally:
        for tap in taps:
            await tap.stop()
        await servers.stop()
        plant.close()


async def live(
    directory: Path, mode: Literal["control", "shadow"], hours: float, step: timedelta
) -> tuple[Site, list[Tap]]:
    """Decide through some hours, every point read again at each step; history is kept."""
    clock = Clock()
    async with AsyncExitStack() as stack:
        site, taps, servers = await stack.enter_async_context(tapped(directory, mode))
        history = stack.enter_context(History(site.state_dir))
        field = Field(clock.now)
        for link in site.links.values():
            driver, endpoint = driver_for(site, link, Ticker(), clock.now, stack)
            field.add(link.id, endpoint, driver, poll_s=link.settings.poll_s)
        runtime = Runtime(site, field, (), {})
        recorder = Recorder(site, trend_s=60.0, commit_s=1.0)
        running = asyncio.create_task(field.run())
        try:
            while clock.time < DAY + timedelta(hours=hours):
                await seen(field, clock.time, site.facts)
                cycle = runtime.cycle(clock.time)
                recorder.offer(cycle.time, cycle.snapshot.samples, cycle.changed, cycle.alarms)
                store(history, recorder.take(cycle.time))
                await field.settle(10)
                clock.time += step
                await servers.advance(clock.time)
            store(history, recorder.flush())
        finally:
            running.cancel()
            await asyncio.wait([running])
        return site, taps


def store(history: History, batch: Batch | None) -> None:
    if batch is not None:
        history.append(batch)


async def seen(field: Field, since: datetime, facts: Collection[PointId]) -> None:
    """Every point was read at `since` or later; what controllers work out is not read."""
    async with patience():
        while not all(
            sample.time >= since
            for point, sample in field.snapshot(since).items()
            if point not in facts
        ):
            await asyncio.sleep(0.01)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    site = tmp_path / "site"
    shutil.copytree(SITE, site, ignore=shutil.ignore_patterns("state"))
    (site / "state").mkdir()
    return site


async def check(directory: Path, hours: float, step: timedelta) -> None:
    site, taps = await live(directory, "shadow", hours, step)
    assert {tap.protocol for tap in taps} == {"modbus_tcp", "opcua"}
    assert all(tap.asked for tap in taps), "every link was read through its tap"
    assert sum(tap.writes for tap in taps) == 0
    with History(site.state_dir, read_only=True) as history:
        until = DAY + timedelta(hours=hours)
        rows = to_json(site, shadow_report(site, history, DAY, until))
        alarms = {row.key for row in history.alarms(DAY, until) if row.kind == "raised"}
    assert rows
    assert any(row["agrees"] is False for row in rows), "the plant does not follow"
    assert not [key for key in alarms if "uncommandable" in key or key.endswith(":proof")]


async def test_hours_in_shadow_write_nothing_and_list_what_they_would(directory: Path) -> None:
    await check(directory, 9, timedelta(minutes=30))


@pytest.mark.slow
async def test_a_day_in_shadow_writes_nothing(directory: Path) -> None:
    await check(directory, 24, timedelta(minutes=5))


async def test_the_same_hours_in_control_do_write(directory: Path) -> None:
    """So that the count above could have failed."""
    _, taps = await live(directory, "control", 9, timedelta(minutes=30))
    assert sum(tap.writes for tap in taps if tap.protocol == "modbus_tcp") > 0
    assert sum(tap.writes for tap in taps if tap.protocol == "opcua") > 0
