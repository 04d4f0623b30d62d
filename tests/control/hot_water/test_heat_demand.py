"""A demand limit of a heat plant: electric heat takes it, what burns fuel does not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bms.core.equipment import Equipment
from bms.core.machines.relations import Design, Relations, Standing
from tests.control.parts import Rig, group, machine

UNSEEN = ("valve", "valve_enable", "valve_position", "valve_open", "flow", "hw_flow", "heating")
FEEDS = Standing(Relations(header="hdr"))


def heater(name: str, kind: str, capacity_kw: float, rated_kw: float | None = None) -> Equipment:
    made = machine(name, kind, without=UNSEEN, capacity_kw=capacity_kw)
    return replace(made, standing=FEEDS, rated_kw=rated_kw)


class Heat(Rig):
    """Heaters on one loop, with more load than any one of them carries."""

    def __init__(self, *heaters: Equipment, load_kw: float = 1500.0) -> None:
        pumps = [replace(machine(f"hwp-{n}", "pump"), standing=FEEDS) for n in (1, 2)]
        others = [machine("hdr", "water_loop"), machine("wx", "weather_station")]
        made = group("hot_water_plant", [*heaters, *pumps], others, header="hdr", weather="wx")
        super().__init__(made)
        self.put("wx.outdoor_temp", 5.0)
        self.put("hdr.supply_temp", 40.0)
        self.put("hdr.return_temp", 40.0 - load_kw / (1.163 * 100.0))
        self.put("hdr.flow", 100.0)
        self.mode("on")

    def heating(self) -> set[str]:
        return self.running("heat_pump") | self.running("boiler")


@pytest.mark.case(
    "P82",
    when="A demand limit asks a plant of three heat pumps for half of its power.",
    then="No second one starts until the limit has gone; what runs stays, and is told its limit.",
)
def test_electric_heat_under_a_limit_starts_no_further_machine() -> None:
    rig = Heat(*(heater(f"hp-{n}", "heat_pump", 400.0, 130.0) for n in (1, 2, 3)))
    rig.give("demand_limit_pct", 50.0)
    rig.run(2 * 3600, 10)
    assert len(rig.heating()) == 1
    (one,) = rig.heating()
    assert rig.get(f"{one}.demand_limit") == 50
    assert "demand limit: 50 % of electric heat" in rig.reason(f"{one}.enable")
    assert not any("no-boiler" in key for _, _, key in rig.alarms)
    rig.give("demand_limit_pct", None)
    rig.run(4 * 3600, 10)
    assert len(rig.heating()) == 3
    assert rig.get(f"{one}.demand_limit") == 100


def test_a_limit_stops_nothing_that_runs() -> None:
    rig = Heat(*(heater(f"hp-{n}", "heat_pump", 400.0, 130.0) for n in (1, 2, 3)))
    rig.run(2 * 3600, 10)
    before = rig.heating()
    assert len(before) == 3
    rig.give("demand_limit_pct", 40.0)
    rig.run(3 * 3600, 10)
    assert rig.heating() == before


def test_what_burns_fuel_is_not_bound() -> None:
    rig = Heat(
        heater("hp-1", "heat_pump", 400.0, 130.0),
        heater("boiler-e", "boiler", 400.0, 408.0),
        heater("boiler-1", "boiler", 400.0, 3.0),
        heater("boiler-2", "boiler", 400.0),
    )
    rig.give("demand_limit_pct", 0.0)
    rig.run(3 * 3600, 10)
    assert rig.heating() == {"boiler-1", "boiler-2"}


def test_a_plant_that_waits_for_its_limit_is_no_failure() -> None:
    rig = Heat(heater("hp-1", "heat_pump", 400.0))
    rig.give("demand_limit_pct", 30.0)
    rig.run(3600, 10)
    assert rig.heating() == set()
    assert rig.active() == set()


def test_a_share_of_the_power_not_of_the_heat() -> None:
    """A heat pump gives three kW of heat for each of its power, an electric boiler one."""
    rig = Heat(
        replace(heater("hp-1", "heat_pump", 400.0), standing=replace(FEEDS, design=Design(cop=4))),
        heater("boiler-e", "boiler", 400.0, 400.0),
    )
    rig.give("demand_limit_pct", 30.0)  # of 100 + 400 kW
    rig.run(2 * 3600, 10)
    assert rig.heating() == {"hp-1"}
