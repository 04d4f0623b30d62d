"""When a chilled-water plant has to be asked while it is off."""

from __future__ import annotations

from datetime import datetime

import pytest

from bms.control.strategies.chilled_water.plant_controller import ChilledWaterPlant
from bms.control.strategies.chilled_water.plant_state import PlantState
from bms.core.decisions import Decision, Snapshot
from tests.control.test_chilled_water import Plant


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """When a plant was asked, in watched seconds."""
    times: list[float] = []
    decide = ChilledWaterPlant.decide

    def noted(
        plant: ChilledWaterPlant, snapshot: Snapshot, state: PlantState, now: datetime
    ) -> Decision[PlantState]:
        times.append(snapshot.watched_s)
        return decide(plant, snapshot, state, now)

    monkeypatch.setattr(ChilledWaterPlant, "decide", noted)
    return times


def test_a_plant_that_weather_keeps_off_looks_twice_a_minute(asked: list[float]) -> None:
    rig = Plant()
    rig.put("wx.outdoor_temp", 2.0)
    rig.mode("on")
    rig.run(100)
    asked.clear()
    rig.run(400)
    assert 1 <= len(asked) <= 11


def test_a_plant_that_weather_keeps_off_starts_in_the_cycle_in_which_it_is_warm(
    asked: list[float],
) -> None:
    rig = Plant()
    rig.put("wx.outdoor_temp", 9.0)
    rig.mode("on")
    rig.run(1000)
    asked.clear()
    rig.put("wx.outdoor_temp", 11.0)
    rig.step(1001)
    assert len(asked) == 1
    rig.run(1005)
    assert rig.chillers() == {"ch-1"}
