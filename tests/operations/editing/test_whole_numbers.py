"""Fractions for registers that hold whole numbers: refused in what is new, told of what runs."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bms.config.load import check, check_schedules, load
from bms.config.resolving.singles import with_library
from bms.control import STRATEGIES
from bms.operations.editing.editor import Editor
from bms.operations.editing.loading import load_to_run
from bms.operations.editing.watcher import ScheduleFiles
from bms.operations.runtime import unmet_conditions
from bms.texts.problems import Problem
from tests.app.test_app import FILES, controlled
from tests.asking import ask
from tests.config.sites import write
from tests.operations.editing.sites import NOW
from tests.patience import patience

AIR, OTHER = "schedules/air.yaml", "schedules/other.yaml"
DEVICE = """\
device: two-fans
kind: air_handler
document: test
protocol: modbus
points:
  enable: {table: coil, address: 0, type: bool, writable: true, release_value: false}
  zone_setpoint: {table: holding, address: 0, type: int16, unit: degC, writable: true}
"""
SITE = {
    **FILES,
    "devices/fan.yaml": DEVICE,
    "equipment/b.yaml": "base: b\nequipment:\n"
    "  holds: {kind: air_handler, device: two-fans, link: plc, unit: 1}\n"
    "  lets-go: {kind: air_handler, device: two-fans, link: plc, unit: 2}\n"
    "  third: {kind: air_handler, device: two-fans, link: plc, unit: 3}\n",
    "groups/b.yaml": "base: b\ngroups:\n  air: {strategy: on_off, members: [holds, lets-go]}\n"
    "  more: {strategy: on_off, members: [third]}\n",
    AIR: "schedule: air\ngoverns: [b.air]\n"
    "otherwise: {mode: 'on', zone_setpoint_c: 26.5}\nweek: {any: {}}\n",
    OTHER: "schedule: other\ngoverns: [b.more]\n"
    "otherwise: {mode: 'on', zone_setpoint_c: 26.0}\nweek: {any: {}}\n",
}
SAID = (
    "schedules/air.yaml:3:25: zone_setpoint_c is 26.5, and the register of b.holds.zone_setpoint "
    "holds whole numbers; write 26 or 27"
)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return write(tmp_path, SITE)


def whole(directory: Path) -> list[Problem]:
    return check(directory, STRATEGIES)[1]


@pytest.mark.case(
    "M15 check",
    when="A schedule asks for 26.5 where the register holds whole numbers only",
    then="'bms check' and edits refuse it; a site that runs with it goes on, with an alarm",
)
def test_a_fraction_is_refused_and_a_site_of_before_runs(directory: Path) -> None:
    site, problems = check(directory, STRATEGIES)
    assert [str(problem) for problem in problems] == [SAID]
    assert problems[0].withholds == "b.air"
    assert site is not None
    assert site.unmet == tuple(problems)
    assert load_to_run(directory, STRATEGIES)[1] == []


@pytest.mark.parametrize("asked", ["26", "26.0", "27.0"])
def test_whole_numbers_are_taken(directory: Path, asked: str) -> None:
    write(directory, {AIR: SITE[AIR].replace("26.5", asked)})
    assert whole(directory) == []


@pytest.mark.parametrize("register", ["type: float32", "type: int16, scale: 0.5"])
def test_a_register_that_holds_fractions_is_asked_for_them(directory: Path, register: str) -> None:
    write(directory, {"devices/fan.yaml": DEVICE.replace("type: int16", register)})
    assert whole(directory) == []


def test_equipment_with_its_own_schedule_is_asked_by_itself(directory: Path) -> None:
    own = SITE[OTHER].replace("b.more", "b.more, b.lets-go").replace("26.0", "25.5")
    write(directory, {OTHER: own})
    assert {(p.file, p.withholds) for p in whole(directory)} == {
        (AIR, "b.air"),
        (OTHER, "b.more"),
        (OTHER, "b.lets-go"),
    }


def test_what_runs_holds_no_edit_of_another_file_up(directory: Path) -> None:
    files = ScheduleFiles(load(directory, STRATEGIES), STRATEGIES, lambda: NOW)
    files.look(), files.look()
    write(directory, {OTHER: SITE[OTHER].replace("26.0", "25.0")})
    files.look()
    found = files.look()
    assert found is not None
    assert found.library is not None
    assert (list(found.problems), [str(p) for p in found.unmet]) == ([], [SAID])
    write(directory, {OTHER: SITE[OTHER].replace("26.0", "25.5")})
    files.look()
    found = files.look()
    assert found is not None
    (problem,) = found.problems
    assert (problem.file, problem.withholds) == (OTHER, "b.more")
    write(directory, {OTHER: SITE[OTHER], AIR: SITE[AIR].replace("26.5", "26")})
    files.look()
    found = files.look()
    assert found is not None
    assert (list(found.problems), list(found.unmet)) == ([], [])
    write(directory, {AIR: SITE[AIR]})
    files.look()
    found = files.look()
    assert found is not None
    assert [str(p) for p in found.problems] == [SAID], "what was mended is not let in again"


def test_an_edit_by_command_refuses_it(directory: Path) -> None:
    editor = Editor(directory, directory / "state")
    found = editor.draft(
        OTHER, lambda data: {**data, "otherwise": {"mode": "on", "zone_setpoint_c": 25.5}}
    )
    assert [p.withholds for p in editor.problems_of(found)] == ["b.more"]


async def test_a_running_site_tells_it_until_it_is_mended(tmp_path: Path) -> None:
    async def told() -> dict[str, str]:
        status = await asyncio.to_thread(ask, tmp_path / "state", "status")
        return {alarm["key"]: alarm["text"] for alarm in status["alarms"]}

    async with controlled(tmp_path, **SITE):
        async with patience():
            while "b.air:unmet" not in (alarms := await told()):
                await asyncio.sleep(0.01)
        assert SAID in alarms["b.air:unmet"]
        write(tmp_path, {AIR: SITE[AIR].replace("26.5", "26")})
        async with patience():
            while "b.air:unmet" in await told():
                await asyncio.sleep(0.01)


def test_more_than_one_fraction_of_a_group_is_one_alarm(directory: Path) -> None:
    two = SITE[AIR].replace(
        "week: {any: {}}",
        "week: {any: {daily: [{from: '07:00', to: '08:00', mode: 'on', zone_setpoint_c: 24.5}]}}",
    )
    write(directory, {AIR: two})
    site, problems = check(directory, STRATEGIES)
    assert site is not None
    assert [p.withholds for p in problems] == ["b.air", "b.air"]
    library, unmet = check_schedules(site, STRATEGIES, {AIR: two, OTHER: SITE[OTHER]})
    assert library is not None
    assert with_library(site, library, unmet).unmet == site.unmet
    assert len({condition.key for condition in unmet_conditions(site.unmet)}) == 1
