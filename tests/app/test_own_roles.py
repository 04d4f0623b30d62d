"""Points that the kind of equipment does not know: read, recorded, commanded like any other."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bms.config.load import check
from bms.control import STRATEGIES
from bms.historian.log.embedded import History
from tests.app.test_app import FILES, controlled
from tests.asking import ask
from tests.patience import async_until

OWN = """\
  voltage_l1: {table: holding, address: 10, type: uint16, unit: V, scale: 0.1, own: measurement}
  power_factor: {table: holding, address: 11, type: int16, scale: 0.001, own: measurement}
  run_hours: {table: holding, address: 12, type: uint32, unit: h, own: counter}
  damper_open: {table: coil, address: 5, type: bool, own: state}
  boost: {table: coil, address: 6, type: bool, writable: true, own: command}
  tower_setpoint:
    {table: holding, address: 14, type: uint16, unit: degC, scale: 0.1, writable: true,
     range: [10, 35], own: setpoint}
"""
DEVICE = FILES["devices/fan.yaml"] + OWN
EQUIPMENT = FILES["equipment/b.yaml"].replace(
    "outputs: {enable: {min_on_s: 0}}",
    "outputs: {enable: {min_on_s: 0}, tower_setpoint: {default: 24}}",
)


@pytest.mark.case(
    "N5",
    when="A device has a point that its kind of equipment does not know, as a voltage",
    then="Its file says what the point is, by 'own' and a unit; it is read, recorded and, if it "
    "may be, commanded like any other",
)
async def test_roles_of_the_devices_own_are_points_like_any_other(tmp_path: Path) -> None:
    files = {"devices/fan.yaml": DEVICE, "equipment/b.yaml": EQUIPMENT}
    async with controlled(tmp_path, **files) as (_, _task, told):
        state = tmp_path / "state"
        await async_until(lambda: told.get("b.holds.tower_setpoint") == 24.0)
        rows = await asyncio.to_thread(ask, state, "points", filter="b.holds.*")
        units = {row["point"].rpartition(".")[2]: row["unit"] for row in rows}
        assert (units["voltage_l1"], units["power_factor"], units["run_hours"]) == ("V", "", "h")
        asked = {"duration": "1h", "reason": "hot day"}
        for point, value in (("b.holds.tower_setpoint", "28.5"), ("b.lets-go.boost", "on")):
            await asyncio.to_thread(ask, state, "override.set", point=point, value=value, **asked)
        await async_until(lambda: told.get("b.holds.tower_setpoint") == 28.5)
        await async_until(lambda: told.get("b.lets-go.boost") == 1.0)
        assert "b.lets-go.tower_setpoint" not in told
    with History(state, read_only=True) as history:
        series = {row.point: (row.unit, row.klass.value) for row in history.series()}
    assert series["b.holds.voltage_l1"] == ("V", "analog")
    assert series["b.holds.run_hours"] == ("h", "analog")
    assert series["b.holds.damper_open"] == ("", "state")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("  voltage_l1: {at: 1, unit: V}\n", "own: measurement"),
        (
            "  power: {at: 1, unit: kW, own: measurement}\n",
            "a role of kind fan",
        ),
        (
            "  mode: {at: 1, own: measurement}\n",
            "what groups are commanded by",
        ),
        (
            "  level_pct: {at: 1, own: setpoint}\n",
            "what groups are commanded by",
        ),
        ("  open: {at: 1, bit: 0, unit: V, own: state}\n", "no unit"),
        ("  text: {at: 1, type: string, length: 2, own: measurement}\n", "a number"),
        ("  voltage_l1: {at: 1, unit: V, own: meter}\n", "measurement"),
    ],
)
def test_a_role_of_ones_own_is_checked(tmp_path: Path, line: str, words: str) -> None:
    device = FILES["devices/fan.yaml"] + line.replace("at: 1", "table: holding, address: 1")
    for name, text in {**FILES, "devices/fan.yaml": device}.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    _, problems = check(tmp_path, STRATEGIES)
    assert {problem.file for problem in problems} == {"devices/fan.yaml"}
    assert any(words in str(problem) for problem in problems), problems
