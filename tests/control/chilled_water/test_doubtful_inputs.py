"""Values that are GOOD and cannot be: not used, told to somebody, and the plant goes on."""

from __future__ import annotations

import random

import pytest

from tests.control.test_chilled_water import FLOW_M3H, SETPOINT_C, Plant, plant


class Alive(Plant):
    """A plant whose load moves a little, as loads do."""

    def __init__(self) -> None:
        super().__init__()
        self.shown: dict[str, float] = {}
        self.plant = self._moving
        self.mode("on")

    def _moving(self) -> None:
        self._loop()
        swing = (self.seconds // 600) % 7
        self.put("hdr.flow", FLOW_M3H + swing)
        self.put("hdr.supply_temp", self.supply_c + 0.05 * swing)
        self.put("hdr.return_temp", SETPOINT_C + (300.0 + 30.0 * swing) / (1.163 * FLOW_M3H))
        for point, value in self.shown.items():
            self.put(point, value)


@pytest.mark.case(
    "P20",
    when="The load is at 94 % and the flow meter's value jumps by 3 % every second.",
    then="The second machine comes after its delay, once; the noise adds no change.",
)
def test_noise_neither_blocks_nor_causes_a_change_of_stage() -> None:
    rig = Plant()
    rig.mode("on")
    rng = random.Random(5)

    def noisy() -> None:
        load_kw = 0.94 * 700.0
        rig.put("hdr.supply_temp", SETPOINT_C)
        rig.put("hdr.flow", FLOW_M3H * (1.0 + rng.uniform(-0.03, 0.03)))
        rig.put("hdr.return_temp", SETPOINT_C + load_kw / (1.163 * FLOW_M3H))

    rig.plant = noisy
    rig.run(3600, 2)
    assert len(rig.chillers()) == 2
    rig.run(5 * 3600, 10)
    assert [count for _, count in rig.stages] == [0, 1, 2]
    up_s = rig.stages[-1][0]
    assert 900 <= up_s <= 1300


@pytest.mark.case(
    "P21",
    when="The outdoor sensor says -50 degC in July.",
    then="It is not believed: the plant goes on, and an alarm names the sensor.",
)
def test_an_impossible_outdoor_temperature_stops_no_plant() -> None:
    rig = Alive()
    rig.run(1200, 5)
    assert rig.chillers() == {"ch-1"}
    rig.put("wx.outdoor_temp", -50.0)
    rig.run(6000, 5)
    assert rig.chillers() == {"ch-1"}
    assert {"b.g:outdoor-temp", "b.wx.outdoor_temp:implausible"} <= rig.active()
    rig.put("wx.outdoor_temp", 30.0)
    rig.run(8000, 5)
    assert rig.active() == set()


@pytest.mark.case(
    "P22",
    when="The return water is shown colder than the supply for hours while chillers run.",
    then="Neither is believed to be a load: the stage is held, and an alarm says which way round.",
)
def test_a_return_below_the_supply_is_no_load() -> None:
    rig = Alive()
    rig.load_kw = lambda seconds: 690.0
    rig.run(1200, 5)
    rig.shown = {"hdr.return_temp": 4.0}
    rig.run(5 * 3600, 10)
    assert len(rig.chillers()) == 1
    assert "b.hdr.return_temp:implausible" in rig.active()
    assert "b.g:load" in rig.active()


@pytest.mark.case(
    "P23",
    when="The header shows 1 degC while 7 degC are asked for.",
    then="It is not used: what the running chillers show stands in, and an alarm says so.",
)
def test_a_header_colder_than_any_machine_makes_it_is_not_used() -> None:
    rig = Alive()
    rig.run(1200, 5)
    rig.shown = {"hdr.supply_temp": 1.0, "ch-1.chw_supply_temp": 9.5}
    rig.run(6000, 5)
    assert "b.hdr.supply_temp:implausible" in rig.active()
    # 9.5 degC is 2.5 K too warm: the failsafe sees it through the chiller's own sensor.
    assert len(rig.chillers()) > 1


@pytest.mark.case(
    "P24",
    when="A water temperature stands still for an hour while machines run and the other end moves.",
    then="It is flagged as frozen within the hour.",
)
@pytest.mark.parametrize("role", ["supply_temp", "return_temp"])
def test_a_frozen_temperature_is_flagged_within_the_hour(role: str) -> None:
    rig = Alive()
    rig.run(1200, 5)
    moves = {"supply_temp": "hdr.return_temp", "return_temp": "hdr.supply_temp"}[role]
    frozen = {"supply_temp": 9.3, "return_temp": 10.1}[role]

    def stuck() -> None:
        rig._moving()
        swing = (rig.seconds // 600) % 7
        rig.put(f"hdr.{role}", frozen)
        rig.put(moves, (11.0 if moves.startswith("hdr.return") else 7.0) + 0.5 * swing)

    rig.plant = stuck
    rig.run(1200 + 3600 + 900, 10)
    assert f"b.hdr.{role}:implausible" in rig.active()
    (alarm,) = [a for a in rig.engine.alarms() if a.key == f"b.hdr.{role}:implausible"]
    assert "60 min" in alarm.text


@pytest.mark.case(
    "P25",
    when="The supply, the return or the flow of the header cannot be read.",
    then="The stage stays as it is, and one alarm says which it is.",
)
@pytest.mark.parametrize("role", ["supply_temp", "return_temp", "flow"])
def test_an_instrument_that_is_silent_changes_no_stage(role: str) -> None:
    rig = Alive()
    rig.run(1200, 5)
    rig.bad.add(f"b.hdr.{role}")
    rig.run(6000, 5)
    assert rig.chillers() == {"ch-1"}
    assert rig.active() == ({"b.g:load"} if role != "supply_temp" else set())


def test_a_start_settles_before_anything_is_called_too_quick() -> None:
    rig = Plant(plant(1))
    rig.mode("on")
    rig.load_kw = lambda seconds: 600.0 if seconds > 60 else 0.0
    rig.run(1200, 5)
    assert rig.active() == set()
