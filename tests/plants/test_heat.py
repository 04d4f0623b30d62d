"""A hot-water plant on boilers, pumps and pipes: order, need, faults, and what is never done."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bms.core.decisions import Override
from simulators.faults.faulted import FaultedPlant
from simulators.parks.works.works import Works
from tests.plants.life import Life
from tests.plants.works_site import Plan, site_of, works_of

WINTER = datetime(2026, 1, 4, 16, 0, tzinfo=UTC)
"""A Monday at midnight in China: a few degrees above zero."""
B1, B2 = "works.boiler-1", "works.boiler-2"
P1, P2 = "works.hwp-1", "works.hwp-2"
ALIKE = {"boiler-1": {"capacity_kw": 400}, "boiler-2": {"capacity_kw": 400}}
MIXED = {
    "boiler-1": {"capacity_kw": 400, "condensing": False},
    "boiler-2": {"capacity_kw": 400},
}


class Heat:
    """A works of boilers with its site, lived."""

    def __init__(
        self,
        directory: Path,
        load_kw: float | None = 300.0,
        boilers: Mapping[str, Any] = ALIKE,
        plan: Plan | None = None,
        start: datetime = WINTER,
    ) -> None:
        plant = works_of(
            boilers=boilers,
            hw_pumps={"hwp-1": None, "hwp-2": None},
            processes={"radiators": {"design_kw": -700}},
        )
        self.works = Works.of(start, plant)
        self.works.force("radiators", load_kw)
        self.plant = FaultedPlant.around(self.works, start)
        self.life = Life(site_of(directory, plant, plan), self.plant, start)

    def true(self, point: str) -> float:
        """What truly is, beneath lying sensors."""
        return self.works.read()[f"works.{point}"]

    @property
    def dry_s(self) -> float:
        """How long boilers were enabled without flow."""
        assert self.works.heat is not None
        return sum(boiler.dry_s for boiler in self.works.heat.plant.boilers)

    def boilers(self) -> list[str]:
        shown = self.plant.read()
        return [boiler for boiler in (B1, B2) if shown.get(f"{boiler}.status")]

    def warm(self) -> None:
        """Live until a boiler has run for a while."""
        self.life.until(lambda: bool(self.boilers()), 900)
        self.life.run(1200)


def test_a_cold_start_opens_the_valve_then_pumps_then_fires(tmp_path: Path) -> None:
    heat = Heat(tmp_path)
    seen: list[str] = []
    for _ in range(60):
        heat.life.step(10)
        for name, here in (
            ("valve", heat.true("boiler-1.valve_open")),
            ("pump", heat.true("hwp-1.status") + heat.true("hwp-2.status")),
            ("boiler", heat.true("boiler-1.status")),
        ):
            if here and name not in seen:
                seen.append(name)
    assert seen == ["valve", "pump", "boiler"]
    assert heat.dry_s == 0.0
    assert heat.life.holding == set()
    assert heat.life.why(f"{B1}.enable").startswith(
        "boiler-1 running, stage 1 of 2 (start), water "
    )


def test_the_second_boiler_comes_and_goes_with_the_load(tmp_path: Path) -> None:
    heat = Heat(tmp_path, 600.0)
    heat.life.until(lambda: len(heat.boilers()) == 2, 3600)
    assert heat.dry_s == 0.0
    heat.works.force("radiators", 120.0)
    heat.life.until(lambda: heat.life.fact("works.heat.stage") == 1.0, 7200)
    stages = [1.0]
    for _ in range(4 * 120):
        heat.life.step()
        if (stage := heat.life.fact("works.heat.stage")) != stages[-1]:
            stages.append(stage)
    assert stages == [1.0]
    assert heat.life.seen.conditions == {}


def test_a_load_that_stays_hunts_no_stage(tmp_path: Path) -> None:
    heat = Heat(tmp_path, 300.0)
    heat.life.until(lambda: len(heat.boilers()) == 2, 3600)
    changes = 0
    before = heat.life.fact("works.heat.stage")
    for _ in range(12 * 120):
        heat.life.step()
        stage = heat.life.fact("works.heat.stage")
        changes += stage != before
        before = stage
    assert changes <= 1


def test_a_cold_plant_that_warms_up_needs_no_second_boiler(tmp_path: Path) -> None:
    heat = Heat(tmp_path, 60.0)
    heat.life.until(lambda: heat.true("hw-header.supply_temp") > 44.0, 5400)
    assert heat.life.fact("works.heat.stage") == 1.0


@pytest.mark.parametrize("fault", ["trip works.hwp-*", "no_start works.hwp-*"])
def test_a_boiler_never_burns_without_a_pump(tmp_path: Path, fault: str) -> None:
    heat = Heat(tmp_path)
    heat.warm()
    if fault.startswith("trip"):
        heat.plant.fault(fault)
        heat.life.run(600, 10)
        assert heat.dry_s <= 60.0
    else:
        heat.plant.fault("power_dip works.hwp-* for 40s")
        heat.plant.fault(fault)
        heat.life.run(600, 10)
    assert heat.boilers() == []
    assert {"works.hwp-1:proof", "works.hwp-2:proof"} <= heat.life.seen.conditions.keys()


def test_another_pump_takes_over_and_heat_goes_on(tmp_path: Path) -> None:
    heat = Heat(tmp_path, 150.0)
    heat.warm()
    heat.life.until(lambda: len(heat.life.running([P1, P2])) == 1, 3600)
    running = heat.life.running([P1, P2])
    heat.plant.fault(f"trip {running[0]}")
    heat.life.run(120, 10)
    assert heat.life.running([P1, P2]) == [p for p in (P1, P2) if p != running[0]]
    assert f"{running[0]}:proof" in heat.life.holding
    heat.life.until(lambda: bool(heat.boilers()), 600)
    assert heat.dry_s <= 60.0


def test_a_boiler_that_trips_is_named_and_replaced(tmp_path: Path) -> None:
    heat = Heat(tmp_path, 150.0)
    heat.warm()
    lost = heat.boilers()[0]
    other = B2 if lost == B1 else B1
    heat.plant.fault(f"trip {lost}")
    heat.life.until(lambda: heat.life.on(other), 900)
    assert f"{lost}:proof" in heat.life.holding
    assert "its fault input is on" in heat.life.why(f"{lost}.enable")


@pytest.mark.parametrize("load_kw", [45.0, 90.0, 240.0])
def test_boilers_that_pause_by_their_thermostats_are_not_taken_for_failed(
    tmp_path: Path, load_kw: float
) -> None:
    heat = Heat(tmp_path, load_kw, MIXED)
    heat.life.run(6 * 3600, 60)
    assert not [key for key in heat.life.seen.conditions if key.endswith(":proof")]


def test_a_valve_that_does_not_open_keeps_its_boiler_off(tmp_path: Path) -> None:
    heat = Heat(tmp_path, 150.0)
    heat.plant.fault(f"stick {B1}.valve_enable")
    heat.life.until(lambda: heat.life.on(B2), 900)
    condition = heat.life.condition(f"{B1}:proof")
    assert condition is not None
    assert "its valve does not open" in condition.text
    assert heat.dry_s == 0.0
    # It stays out until a person has looked, nights and restarts included.
    heat.plant.clear()
    heat.life.restart(60.0)
    heat.life.run(1800)
    assert not heat.life.on(B1)


def test_the_only_boiler_with_a_valve_that_stuck_for_a_while_is_tried_again(
    tmp_path: Path,
) -> None:
    heat = Heat(tmp_path, 150.0, {"boiler-1": {"capacity_kw": 400}})
    heat.plant.fault(f"stick {B1}.valve_enable for 1200s")
    heat.life.until(lambda: f"{B1}:proof" in heat.life.holding, 900)
    heat.life.run(300)
    heat.life.until(lambda: heat.life.on(B1), 3600)
    heat.life.run(60)
    assert f"{B1}:proof" not in heat.life.holding


@pytest.mark.parametrize("name", ["hwp-*", "boiler-1"])
def test_heat_comes_back_after_parts_of_the_plant_were_without_power(
    tmp_path: Path, name: str
) -> None:
    heat = Heat(tmp_path, 150.0, {"boiler-1": {"capacity_kw": 400}})
    heat.warm()
    heat.plant.fault(f"power_dip works.{name} for 1200s")
    heat.life.run(1500, 10)
    heat.life.until(lambda: heat.life.on(B1), 7200)
    heat.life.run(600)
    assert heat.life.on(B1)
    assert heat.dry_s <= 150.0
    assert not [key for key in heat.life.holding if key.endswith(":proof")]


def test_nobody_heats_when_it_is_warm_outside(tmp_path: Path) -> None:
    heat = Heat(tmp_path, None, start=datetime(2026, 7, 5, 16, tzinfo=UTC))
    heat.life.run(1800)
    assert heat.boilers() == []
    assert heat.life.why(f"{B1}.enable").startswith(
        "boiler-1 off, plant off: outdoor at or above 18 degC"
    )


def test_off_is_a_boiler_then_water_for_three_minutes(tmp_path: Path) -> None:
    heat = Heat(tmp_path, 150.0, plan=Plan(hours=("00:00", "01:00")))
    heat.life.until(lambda: bool(heat.boilers()), 900)
    last = heat.boilers()[0]
    heat.life.until(lambda: not heat.life.cycle_award(f"{last}.enable"), 5400)
    still = heat.life.until(lambda: not heat.life.running([P1, P2]), 900, 10)
    assert 150 <= still <= 260
    heat.life.run(120)
    assert heat.true(f"{last.removeprefix('works.')}.valve_open") == 0.0
    assert heat.life.holding == set()


@pytest.mark.parametrize(
    ("sensor", "kind"),
    [
        ("hw-header.flow", "bad"),
        ("hw-header.return_temp", "bad"),
        ("hw-header.supply_temp", "bad"),
        ("weather.outdoor_temp", "bad"),
        ("hw-header.flow", "show 400"),
        ("hw-header.supply_temp", "show 300"),
        ("weather.outdoor_temp", "show -90"),
    ],
)
def test_without_one_of_its_instruments_it_goes_on_heating(
    tmp_path: Path, sensor: str, kind: str
) -> None:
    heat = Heat(tmp_path, 150.0)
    heat.warm()
    stage = heat.life.fact("works.heat.stage")
    word, _, number = kind.partition(" ")
    heat.plant.fault(f"{word} works.{sensor} {number}".strip())
    stages: set[float] = set()
    idle = 0
    for _ in range(240):
        heat.life.step()
        stages.add(heat.life.fact("works.heat.stage"))
        idle = 0 if heat.boilers() else idle + 1
        assert idle < 40
    assert stages == {stage}
    assert heat.dry_s <= 60.0
    if number:
        assert f"works.{sensor}:doubt" in heat.life.holding
    assert ("works.heat:load" in heat.life.holding) == (
        sensor in ("hw-header.flow", "hw-header.return_temp")
    )


def test_boilers_that_must_not_condense_get_warm_water(tmp_path: Path) -> None:
    plan = Plan(setpoints=(7.0, 80.0))
    heat = Heat(tmp_path, 380.0, MIXED, plan)
    heat.life.until(lambda: len(heat.boilers()) == 2, 7200)
    heat.life.run(3600)
    # The one that may condense leads, and is set lower while the other one burns.
    assert heat.true("boiler-1.hw_setpoint") >= 68.3
    assert heat.true("boiler-2.hw_setpoint") == pytest.approx(
        heat.true("boiler-1.hw_setpoint") - 10.0, abs=0.11
    )


def test_a_person_stops_a_boiler_and_the_other_one_heats(tmp_path: Path) -> None:
    heat = Heat(tmp_path, 150.0)
    heat.warm()
    mine = heat.boilers()[0]
    other = B2 if mine == B1 else B1
    until = heat.life.now.replace(year=2027)
    heat.life.override(
        Override(1, f"{mine}.enable", 0, heat.life.now, until, "maintenance", "wang")
    )
    heat.life.until(lambda: heat.life.on(other), 1800)
    assert not heat.life.on(mine)
    assert heat.life.holding == set()


def test_nothing_changes_over_a_restart(tmp_path: Path) -> None:
    heat = Heat(tmp_path, 300.0)
    heat.life.until(lambda: len(heat.boilers()) == 2, 3600)
    heat.life.run(600)
    heat.life.restart(120.0)
    for _ in range(60):
        heat.life.step(10)
        assert len(heat.boilers()) == 2
    heat.life.restart(0.0, boot="two")
    for _ in range(60):
        heat.life.step(10)
        assert len(heat.boilers()) == 2
    assert heat.life.seen.conditions == {}
