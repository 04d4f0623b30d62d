"""When a hot-water plant has to be asked: at rest it is left alone, and wakes at once."""

from __future__ import annotations

from datetime import datetime

import pytest

from bms.control.strategies.hot_water.heat_state import HeatState
from bms.control.strategies.hot_water.hot_water_plant import HotWaterPlant
from bms.core.decisions import Decision, Snapshot
from tests.control.parts import Rig, group, machine


class Heat(Rig):
    """Two boilers on a winter day."""

    def __init__(self) -> None:
        boilers = [machine(f"boiler-{n}", "boiler", capacity_kw=400.0) for n in (1, 2)]
        pumps = [machine(f"hwp-{n}", "pump") for n in (1, 2)]
        others = [machine("hdr", "water_loop"), machine("wx", "weather_station")]
        made = group("hot_water_plant", [*boilers, *pumps], others, header="hdr", weather="wx")
        super().__init__(made)
        self.outdoor(2.0)
        self.put("hdr.supply_temp", 60.0)
        self.put("hdr.return_temp", 50.0)
        self.put("hdr.flow", 20.0)

    def outdoor(self, outdoor_c: float) -> None:
        self.put("wx.outdoor_temp", outdoor_c)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """When a plant was asked, in watched seconds."""
    times: list[float] = []
    decide = HotWaterPlant.decide

    def noted(
        plant: HotWaterPlant, snapshot: Snapshot, state: HeatState, now: datetime
    ) -> Decision[HeatState]:
        times.append(snapshot.watched_s)
        return decide(plant, snapshot, state, now)

    monkeypatch.setattr(HotWaterPlant, "decide", noted)
    return times


def test_a_plant_that_is_off_is_asked_four_times_an_hour(asked: list[float]) -> None:
    rig = Heat()
    rig.mode("off")
    rig.run(60)
    asked.clear()
    rig.run(60 + 3600, step_s=5.0)
    assert 1 <= len(asked) <= 5


def test_a_plant_at_rest_starts_in_the_cycle_that_switches_it_on(asked: list[float]) -> None:
    rig = Heat()
    rig.mode("off")
    rig.run(60)
    assert "plant off" in rig.reason("boiler-1.enable")
    asked.clear()
    rig.mode("on")
    rig.step(61)
    assert len(asked) == 1
    assert "stage 1 of 2" in rig.reason("boiler-1.enable")


def test_a_plant_that_runs_is_asked_in_each_cycle(asked: list[float]) -> None:
    rig = Heat()
    rig.mode("on")
    rig.run(400)
    asked.clear()
    rig.run(500)
    assert len(asked) == 100


def test_a_boiler_that_somebody_runs_by_hand_wakes_a_plant_at_rest(asked: list[float]) -> None:
    rig = Heat()
    rig.mode("off")
    rig.run(60)
    asked.clear()
    rig.operator.values["b.boiler-1.enable"] = 1
    rig.run(65)
    assert len(asked) >= 4


def test_a_plant_that_weather_keeps_off_looks_twice_a_minute(asked: list[float]) -> None:
    rig = Heat()
    rig.outdoor(25.0)
    rig.mode("on")
    rig.run(1200)
    asked.clear()
    rig.run(1500)
    assert len(asked) <= 11
