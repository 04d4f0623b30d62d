"""Edited files are taken in while the controller runs, beside links that never notice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from bms.app.composition import composed
from bms.app.controller import App
from bms.config.load import load
from bms.control import STRATEGIES
from bms.core.clock import SystemClock
from bms.core.errors import InvalidInput, Refused
from bms.historian.log.embedded import History
from bms.operations.editing.last_good import LastGood
from bms.storage import audit
from drivers.points import Quality
from simulators.modbus_server import ModbusServer
from simulators.sitefiles import ServedPoint
from tests.app.test_app import FILES
from tests.asking import ask
from tests.patience import async_until, patience

ROLES = {
    "enable": {"table": "coil", "address": 0, "type": "bool"},
    "speed": {"table": "holding", "address": 0, "type": "uint16"},
}
EQUIPMENT = """\
base: b
equipment:
  holds: {kind: fan, device: two-fans, link: one, unit: 1, outputs: {enable: {min_on_s: 0}}}
  lets-go:
    kind: fan
    device: two-fans
    link: two
    unit: 2
    outputs: {enable: {on_stop: release}, speed: {on_stop: release}}
"""
NEW = "  new: {kind: fan, device: two-fans, link: two, unit: 3}\n"
GROUPS = "base: b\ngroups: {air: {strategy: on_off, members: [holds, lets-go]}}\n"


def units(*numbers: int) -> list[ServedPoint]:
    return [
        ServedPoint(f"{number}.{role}", number, at, writable=True)
        for number in numbers
        for role, at in ROLES.items()
    ]


@dataclass
class Rig:
    """A running site with two links, and what their devices were told."""

    site: Path
    app: App
    told: dict[str, float] = field(default_factory=dict)

    def edit(self, name: str, text: str) -> None:
        (self.site / name).write_text(text, encoding="utf-8")

    async def ask(self, op: str, **args: Any) -> Any:
        return await asyncio.to_thread(ask, self.site / "state", op, **args)

    async def reload(self, **args: Any) -> Any:
        return await self.ask("reload", reason="a new fan", **args)

    async def alarms(self) -> dict[str, str]:
        answer = await self.ask("status")
        return {alarm["key"]: alarm["text"] for alarm in answer["alarms"]}

    async def cycles(self, count: int) -> None:
        ends = self.app.control.cycles + count
        await async_until(lambda: self.app.control.cycles >= ends)

    @contextmanager
    def undisturbed(self, *points: str) -> Iterator[None]:
        """Fails if a point is not GOOD in any cycle, if cycles stop, or if a driver changes."""
        driver = self.app.runtime.field.driver("one")
        offer, seen = self.app.recording.offer, [0]

        def looked(cycle: Any) -> None:
            seen[0] += 1
            for point in points:
                assert cycle.snapshot.samples[point].quality is Quality.GOOD, point
            offer(cycle)

        self.app.recording.offer = looked  # type: ignore[method-assign]
        yield
        assert self.app.runtime.field.driver("one") is driver
        assert seen[0] > 3


@asynccontextmanager
async def running(directory: Path) -> AsyncIterator[Rig]:
    told: dict[str, float] = {}
    servers = [ModbusServer(units(1), told.update), ModbusServer(units(2, 3), told.update)]
    for server in servers:
        await server.start()
    links = "links:\n" + "".join(
        f"  {name}: {{protocol: modbus_tcp, host: 127.0.0.1, port: {server.port}, poll_s: 0.05}}\n"
        for name, server in zip(("one", "two"), servers, strict=True)
    )
    files = {"links.yaml": links, "equipment/b.yaml": EQUIPMENT, "groups/b.yaml": GROUPS}
    for name, text in {**FILES, **files}.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    stop, ready = asyncio.Event(), asyncio.Event()
    async with composed(load(directory, STRATEGIES), SystemClock()) as app:
        task = asyncio.create_task(app.run(stop, ready.set))
        try:
            await ready.wait()
            rig = Rig(directory, app, told)
            await async_until(lambda: told.get("1.speed") == told.get("2.speed") == 80.0)
            await async_until(lambda: LastGood(directory / "state").kept)
            await async_until((directory / "state" / "revisions" / "good.json").exists)
            yield rig
        finally:
            stop.set()
            await task
            for server in servers:
                await server.stop()


@pytest.mark.case(
    "N8",
    when="Devices, links, equipment or groups are edited while the controller runs",
    then="An alarm says that they wait; 'bms reload' takes them in while everything else runs on, "
    "or says what needs a restart",
)
async def test_a_new_machine_is_taken_in_beside_links_that_run_on(tmp_path: Path) -> None:
    async with running(tmp_path) as rig:
        asked = {"point": "b.holds.speed", "value": "55", "duration": "1h", "reason": "work"}
        await rig.ask("override.set", **asked)
        await async_until(lambda: rig.told["1.speed"] == 55.0)
        began = rig.app.runtime.engine.state_of("on_off:b.air")
        rig.edit("equipment/b.yaml", EQUIPMENT + NEW)
        rig.edit("groups/b.yaml", GROUPS.replace("lets-go]", "lets-go, new]"))
        async with patience():
            while "equipment/b.yaml" not in (await rig.alarms()).get("site:files", ""):
                await asyncio.sleep(0.01)
        trial = await rig.reload(dry_run=True)
        assert (trial["applied"], trial["opened"], trial["kept"]) == (False, ["two"], 1)
        assert "3.enable" not in rig.told
        with rig.undisturbed("b.holds.enable", "b.holds.speed"):
            made = await rig.reload()
            await async_until(lambda: rig.told.get("3.speed") == 80.0)
            await rig.cycles(5)
        assert made["files"] == ["equipment/b.yaml", "groups/b.yaml"]
        assert (made["opened"], made["closed"], made["released"]) == (["two"], [], [])
        assert rig.told["3.enable"] == 1.0
        assert (rig.told["1.speed"], rig.told["2.enable"], rig.told["2.speed"]) == (55, 1, 80)
        assert rig.app.runtime.engine.state_of("on_off:b.air") == began
        assert "site:files" not in await rig.alarms()
        assert [o["point"] for o in await rig.ask("override.list")] == ["b.holds.speed"]
        kept = LastGood(tmp_path / "state").read()
        assert kept is not None
        assert kept.texts["equipment/b.yaml"] == EQUIPMENT + NEW
        (entry,) = [e for e in audit.entries(tmp_path / "state") if e["what"] == "site.reload"]
        assert (entry["why"], entry["opened"]) == ("a new fan", ["two"])
        assert (await rig.reload())["files"] == []
        await async_until(lambda: "b.new.speed" in _series(tmp_path))


def _series(site: Path) -> set[str]:
    with History(site / "state", read_only=True) as history:
        return {row.point for row in history.series()}


async def test_a_machine_that_goes_is_released_as_its_settings_say(tmp_path: Path) -> None:
    async with running(tmp_path) as rig:
        first, _, _ = EQUIPMENT.partition("  lets-go:")
        rig.edit("equipment/b.yaml", first)
        rig.edit("groups/b.yaml", GROUPS.replace(", lets-go", ""))
        links = (tmp_path / "links.yaml").read_text("utf-8")
        rig.edit("links.yaml", links.partition("  two:")[0])
        with rig.undisturbed("b.holds.enable"):
            made = await rig.reload()
            await async_until(lambda: rig.told["2.speed"] == 30.0)
            await rig.cycles(5)
        assert made["released"] == ["b.lets-go.enable", "b.lets-go.speed"]
        assert (made["closed"], made["opened"], made["kept"]) == (["two"], [], 1)
        assert rig.told["2.enable"] == 0.0
        assert rig.told["1.enable"] == 1.0
        points = await rig.ask("points")
        assert {row["point"].split(".")[1] for row in points} == {"air", "holds"}
        assert "link:two" not in await rig.alarms()


async def test_a_machine_that_moved_is_let_go_there_and_commanded_here(tmp_path: Path) -> None:
    async with running(tmp_path) as rig:
        rig.edit("equipment/b.yaml", EQUIPMENT.replace("unit: 2", "unit: 3"))
        made = await rig.reload()
        assert made["released"] == ["b.lets-go.enable", "b.lets-go.speed"]
        await async_until(lambda: rig.told.get("3.speed") == 80.0)
        await async_until(lambda: rig.told.get("3.enable") == 1.0)
        assert (rig.told["2.enable"], rig.told["2.speed"]) == (0.0, 30.0)


async def test_what_leaves_the_shadow_is_commanded(tmp_path: Path) -> None:
    async with running(tmp_path) as rig:
        links = (tmp_path / "links.yaml").read_text("utf-8")
        rig.edit("links.yaml", links.replace("poll_s: 0.05}\n", "poll_s: 0.05, mode: shadow}\n"))
        made = await rig.reload()
        assert made["released"] == ["b.lets-go.enable", "b.lets-go.speed"]
        await async_until(lambda: rig.told["2.speed"] == 30.0)
        await rig.cycles(10)
        assert (rig.told["2.speed"], rig.told["1.speed"]) == (30.0, 80.0)
        rig.told.clear()
        rig.edit("links.yaml", links)
        await rig.reload()
        await async_until(lambda: rig.told == {"2.enable": 1.0, "2.speed": 80.0})


async def test_another_pace_bounces_nothing(tmp_path: Path) -> None:
    async with running(tmp_path) as rig:
        links = (tmp_path / "links.yaml").read_text("utf-8")
        rig.edit("links.yaml", links.replace("0.05", "0.04"))
        rig.told.clear()
        made = await rig.reload()
        assert made["opened"] == ["one", "two"]
        assert made["released"] == []
        await rig.cycles(10)
        assert rig.told == {}


@pytest.mark.parametrize(
    ("name", "old", "new", "error", "words"),
    [
        ("groups/b.yaml", "holds", "halds", InvalidInput, "1 problem"),
        ("site.yaml", "cycle_s: 0.05", "cycle_s: 0.06", Refused, "cycle_s"),
        ("site.yaml", "{commit_s: 0.1", "{commit_s: 0.2", Refused, "history"),
        ("groups/b.yaml", "{air:", "{era:", InvalidInput, "problem"),
    ],
)
async def test_what_cannot_be_taken_in_changes_nothing(
    tmp_path: Path, name: str, old: str, new: str, error: type[Exception], words: str
) -> None:
    async with running(tmp_path) as rig:
        rig.edit("equipment/b.yaml", EQUIPMENT + NEW)
        rig.edit(name, (tmp_path / name).read_text("utf-8").replace(old, new))
        with rig.undisturbed("b.holds.enable", "b.lets-go.enable"):
            with pytest.raises(error, match=words):
                await rig.reload()
            await rig.cycles(5)
        assert "b.new.speed" not in rig.app.runtime.units


async def test_a_broken_schedule_holds_nothing_else_up(tmp_path: Path) -> None:
    async with running(tmp_path) as rig:
        rig.edit("schedules/air.yaml", "schedule: [")
        rig.edit("equipment/b.yaml", EQUIPMENT + NEW)
        rig.edit("groups/b.yaml", GROUPS.replace("lets-go]", "lets-go, new]"))
        assert (await rig.reload())["files"] == ["equipment/b.yaml", "groups/b.yaml"]
        await async_until(lambda: rig.told.get("3.speed") == 80.0)
        async with patience():
            while "schedules:rejected" not in await rig.alarms():
                await asyncio.sleep(0.01)


async def test_a_name_that_an_override_needs_is_not_taken_away(tmp_path: Path) -> None:
    async with running(tmp_path) as rig:
        asked = {"point": "b.air.mode", "value": "off", "duration": "1h", "reason": "work"}
        await rig.ask("override.set", **asked)
        rig.edit("groups/b.yaml", GROUPS.replace("air:", "halls:"))
        rig.edit("schedules/air.yaml", FILES["schedules/air.yaml"].replace("b.air", "b.halls"))
        with pytest.raises(InvalidInput) as caught:
            await rig.reload()
        assert "b.air.mode" in str(caught.value.problems[0])
