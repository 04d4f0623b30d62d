"""A hot-water plant whose consumers and weather are restless all day."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bms.control.engine.cycle import Cycle
from bms.core.machines.relations import Relations, Standing
from tests.control.parts import Rig, group, machine

UNSEEN = ("valve", "valve_enable", "valve_position", "valve_open", "flow", "hw_flow")


TAKEN_K = 10.0
LOST_K = 0.5
"""What pipes lose: water comes back almost as it went while no valve lets any through."""


class Heat(Rig):
    """Two boilers with a pump each, and one consumer; `taken_k` is what it takes from the water,
    None: what its requests say, since a consumer that does not ask has shut its valves."""

    def __init__(self) -> None:
        boilers = [
            machine(f"boiler-{n}", "boiler", without=UNSEEN, capacity_kw=400.0) for n in (1, 2)
        ]
        pumps = [machine(f"hwp-{n}", "pump") for n in (1, 2)]
        feeds = Standing(Relations(header="hdr"))
        boilers, pumps = ([replace(m, standing=feeds) for m in some] for some in (boilers, pumps))
        others = [machine("hdr", "water_loop"), machine("wx", "weather_station")]
        made = group("hot_water_plant", [*boilers, *pumps], others, header="hdr", weather="wx")
        super().__init__(replace(made, consumers={"hdr": ("b.air",)}))
        self.taken_k: float | None = None
        self.changes = 0
        self._burnt = 0
        self.put("wx.outdoor_temp", 5.0)
        self.put("hdr.supply_temp", 60.0)
        self.put("hdr.flow", 10.0)
        self.put("air.hw_requests", 1.0)
        self.mode("on")

    def step(self, seconds: float) -> Cycle:
        asks = bool(self.get("air.hw_requests"))
        by_requests_k = TAKEN_K if asks else LOST_K
        self.put(
            "hdr.return_temp", 60.0 - (by_requests_k if self.taken_k is None else self.taken_k)
        )
        cycle = super().step(seconds)
        burning = len(self.burning())
        self.changes += burning != self._burnt
        self._burnt = burning
        return cycle

    def why(self, boiler: str) -> str:
        award = self.engine.why(f"b.{boiler}.enable")
        return "" if award is None else str(award.winner.reason)

    def burning(self) -> set[str]:
        return self.running("boiler")


def test_consumers_that_ask_now_and_then_do_not_switch_the_boilers_all_day() -> None:
    heat = Heat()
    for half_hour in range(48):
        heat.put("air.hw_requests", float(half_hour % 2 == 0))
        heat.run(1800.0 * (half_hour + 1), 120)
    assert 3 <= heat.changes <= 6
    assert heat.burning()  # whoever asks is served
    heat.run(heat.seconds + 5 * 3600, 120)
    assert not heat.burning()


@pytest.mark.case(
    "P78",
    when="In mild weather all heating valves are below 10 %, and rooms still take heat.",
    then="The boilers stay on for as long as heat is measured as taken, and stop once it is not.",
)
def test_heat_that_is_taken_keeps_the_boilers_though_nobody_asks() -> None:
    heat = Heat()
    heat.run(3600.0, 60)
    heat.put("air.hw_requests", 0.0)
    heat.taken_k = 3.5  # 40 kW of boilers that give 80 kW at least
    heat.run(8 * 3600.0, 60)
    assert heat.burning()
    assert "no consumer asks, but heat is taken" in heat.why(min(heat.burning()))
    heat.taken_k = LOST_K
    heat.run(10 * 3600.0, 60)
    assert not heat.burning()
    heat.taken_k = 3.5  # cold pipes that warm up, or a person at a valve, start nothing
    heat.run(11 * 3600.0, 60)
    assert not heat.burning()
    heat.put("air.hw_requests", 1.0)
    heat.run(12 * 3600.0, 60)
    assert heat.burning()


def test_without_a_flow_meter_requests_decide_alone() -> None:
    heat = Heat()
    heat.bad.add("b.hdr.flow")
    heat.run(3600.0, 60)
    heat.put("air.hw_requests", 0.0)
    heat.taken_k = 3.5
    heat.run(4 * 3600.0, 60)
    assert not heat.burning()


def test_outdoor_air_about_the_lockout_does_not_switch_the_boilers_all_day() -> None:
    heat = Heat()
    for quarter in range(96):
        heat.put("wx.outdoor_temp", 30.0 if quarter % 4 == 3 else 5.0)
        heat.run(900.0 * (quarter + 1), 120)
    assert 3 <= heat.changes <= 6
    heat.mode("off")
    heat.run(heat.seconds + 120, 60)
    assert not heat.burning()  # a schedule does not wait
