"""The whole controller in process, against real servers: stopping, releasing, copying."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from bms.app.composition import composed
from bms.config.load import load, with_endpoints
from bms.control import STRATEGIES
from bms.core.clock import SystemClock
from bms.core.errors import InvalidInput
from bms.historian.log.embedded import History
from bms.operations.editing.loading import load_to_run
from simulators.modbus_server import ModbusServer
from simulators.sitefiles import read_links
from tests.asking import ask
from tests.historian.influx_server import InfluxServer, ok
from tests.patience import async_until, patience

FILES = {
    "site.yaml": "id: small\nzone: Asia/Shanghai\ncycle_s: 0.05\nbases: {b: {}}\n"
    "history: {commit_s: 0.1, trend_s: 0.2}\n",
    "links.yaml": "links:\n  plc: {protocol: modbus_tcp, host: 127.0.0.1, poll_s: 0.05}\n",
    "devices/fan.yaml": """\
device: two-fans
kind: fan
document: test
protocol: modbus
points:
  enable: {table: coil, address: 0, type: bool, writable: true, release_value: false}
  speed: {table: holding, address: 0, type: uint16, unit: "%", writable: true, release_value: 30}
""",
    "equipment/b.yaml": """\
base: b
equipment:
  holds: {kind: fan, device: two-fans, link: plc, unit: 1, outputs: {enable: {min_on_s: 0}}}
  lets-go:
    kind: fan
    device: two-fans
    link: plc
    unit: 2
    outputs: {enable: {on_stop: release}, speed: {on_stop: release}}
""",
    "groups/b.yaml": "base: b\ngroups: {air: {strategy: on_off, members: [holds, lets-go]}}\n",
    "schedules/air.yaml": "schedule: air\ngoverns: [b.air]\n"
    "otherwise: {mode: 'on', speed_pct: 80}\nweek: {any: {}}\n",
}


@asynccontextmanager
async def controlled(
    directory: Path, **changes: str
) -> AsyncIterator[tuple[asyncio.Event, asyncio.Task[None], dict[str, float]]]:
    """What stops a running controller, its task, and what the devices were last told."""
    for name, text in {**FILES, **changes}.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    told: dict[str, float] = {}
    link = next(link for link in read_links(directory) if link.id == "plc")

    def written(values: Mapping[str, float]) -> None:
        told.update(values)

    server = ModbusServer(link.points, written)
    await server.start()
    site, problems = load_to_run(directory, STRATEGIES)
    site = with_endpoints(site, {"plc": server.endpoint()})
    stop, ready = asyncio.Event(), asyncio.Event()
    async with composed(site, SystemClock(), problems) as app:
        task = asyncio.create_task(app.run(stop, ready.set))
        try:
            await ready.wait()
            yield stop, task, told
        finally:
            stop.set()
            await task
            await server.stop()


async def test_at_a_stop_outputs_hold_or_are_released_as_each_says(tmp_path: Path) -> None:
    commanded = {
        "b.holds.enable": 1.0,
        "b.holds.speed": 80.0,
        "b.lets-go.enable": 1.0,
        "b.lets-go.speed": 80.0,
    }
    async with controlled(tmp_path) as (stop, task, told):
        await async_until(lambda: told == commanded)
        stop.set()
        await task
        assert told == commanded | {"b.lets-go.enable": 0.0, "b.lets-go.speed": 30.0}
    with History(tmp_path / "state", read_only=True) as history:
        assert history.span() != (None, None)
        # Not at the end of the span: samples keep the time they were read at, and when the stop
        # comes right after the first cycle, all of them were read before its award.
        award = history.award_at("b.holds.enable", SystemClock().now())
        assert award is not None
        assert award.award is not None
        assert "schedules/air.yaml:3" in award.award.winner.reason


@pytest.mark.parametrize("broken", ["otherwise: # 关".encode("gb18030"), None])
async def test_a_schedule_that_cannot_be_read_is_a_broken_edit(
    tmp_path: Path, broken: bytes | None
) -> None:
    async with controlled(tmp_path) as (_, task, told):
        await async_until(lambda: told.get("b.holds.speed") == 80.0)
        edited = tmp_path / "schedules" / "edited.yaml"
        if broken is None:
            edited.mkdir()
        else:
            edited.write_bytes(broken)

        async def alarms() -> str:
            answer = await asyncio.to_thread(ask, tmp_path / "state", "status")
            return " ".join(alarm["text"] for alarm in answer["alarms"])

        async with patience():
            while "schedules/edited.yaml:1" not in (text := await alarms()):
                await asyncio.sleep(0.01)
        assert "last good ones still are" in text
        assert not task.done()


async def test_history_reaches_an_influxdb_that_comes_late(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BMS_INFLUX_TOKEN", "secret")
    async with InfluxServer() as server:
        site = FILES["site.yaml"] + f"influx: {{url: '{server.url}', org: o, bucket: raw}}\n"
        server.script = lambda _lines: web.Response(status=503)
        async with controlled(tmp_path, **{"site.yaml": site}):
            await async_until(lambda: server.requests)
            server.script = ok
            await async_until(lambda: any("b.holds" in line for line in server.stored))
        first = server.requests[0][0]
    assert first.startswith("bms_")
    assert server.stored[0] == first  # what was refused at first is there, and first


async def test_an_influxdb_without_its_token_is_said_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BMS_INFLUX_TOKEN", raising=False)
    site = FILES["site.yaml"] + "influx: {url: 'http://127.0.0.1:1', org: o, bucket: raw}\n"
    for name, text in {**FILES, "site.yaml": site}.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    with pytest.raises(InvalidInput, match="BMS_INFLUX_TOKEN"):
        async with composed(load(tmp_path, STRATEGIES), SystemClock()):
            pass
