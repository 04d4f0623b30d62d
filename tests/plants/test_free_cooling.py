"""A plant with a heat exchanger beside its chiller, through winter and spring: who cools, and
whether anybody notices."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bms.control.strategies.chilled_water.plant_state import PlantState
from simulators.faults.faulted import FaultedPlant
from simulators.parks.works.works import Works
from tests.extent import extent
from tests.plants.life import Life
from tests.plants.works_site import Plan, site_of, works_of

GOLDEN = Path(__file__).parent / "golden"
WINTER = datetime(2026, 1, 11, 16, tzinfo=UTC)
SPRING = datetime(2026, 3, 18, 16, tzinfo=UTC)
"""Days in which the wet bulb rises from 6 to 12 degC: the exchanger no longer suffices."""
SETPOINT_C = 14.0
"""For machines, not for air: they want cool water all the year."""
BEGINS = timedelta(hours=1)
"""A plant begins with water of 20 degC, in its loop and in its basins."""
STEP_S = 90.0


class Free:
    """One chiller, an exchanger in series before it, and machines that run all the year."""

    def __init__(self, directory: Path, start: datetime, load_kw: float = 300.0) -> None:
        plant = works_of(
            chillers={"ch-1": {"curve": "centrifugal_vsd", "capacity_kw": 600}},
            chw_pumps={"chwp-1": None, "chwp-2": None},
            cw_pumps={"cwp-1": None, "cwp-2": None},
            towers={"ct-1": None, "ct-2": None},
            economizer={"wse": {"design_kw": 500}},
            cw_bypass=True,
            processes={"line": {"design_kw": 400}},
        )
        self.start = start
        self.works = Works.of(start, plant)
        self.works.force("line", load_kw)
        assert self.works.cold is not None
        self.cold = self.works.cold.plant
        plan = Plan(cold={"lockout_oat_c": -20.0}, setpoints=(SETPOINT_C, 60.0))
        self.plant = FaultedPlant.around(self.works, start)
        self.life = Life(site_of(directory, plant, plan), self.plant, start)
        self.warmest_c = 0.0
        self.chiller_s = self.exchanger_s = 0.0

    def true(self, point: str) -> float:
        return self.works.read()[f"works.{point}"]

    @property
    def state(self) -> PlantState:
        saved = self.life.engine.states()["chilled_water_plant:works.cold"]
        state: PlantState = self.life.engine._codec.decode(PlantState, saved)
        return state

    def live(self, days: float) -> None:
        """Live for so long, and note who cools and how warm the water gets."""
        end = self.life.now + timedelta(days=days)
        while self.life.now < end:
            self.life.step(STEP_S)
            self.chiller_s += STEP_S * bool(self.true("ch-1.status"))
            self.exchanger_s += STEP_S * (self.cold.economizer_kw > 10.0)
            if self.life.now - self.start > BEGINS:
                self.warmest_c = max(self.warmest_c, self.true("chw-header.supply_temp"))


@pytest.mark.slow
def test_a_winter_week_runs_on_the_exchanger_alone(tmp_path: Path) -> None:
    free = Free(tmp_path, WINTER)
    days = extent(2, 7)
    free.live(days)
    assert free.chiller_s == 0.0
    assert free.exchanger_s > (days - 0.02) * 86400.0
    assert free.warmest_c < SETPOINT_C + 1.5
    assert free.life.seen.conditions == {}
    assert "the economizer suffices" in free.life.why("works.ch-1.enable")


@pytest.mark.slow
def test_in_spring_the_chiller_takes_over_without_a_gap(tmp_path: Path) -> None:
    free = Free(tmp_path, SPRING)
    free.live(2.5)
    assert free.exchanger_s > 0.8 * 86400.0
    assert free.true("ch-1.status")
    assert free.warmest_c < SETPOINT_C + 3.0
    assert free.life.seen.conditions == {}
    assert free.cold.chillers[0].dry_s == 0.0


def test_a_chiller_that_fails_in_winter_leaves_the_exchanger_its_way(tmp_path: Path) -> None:
    """Water of the exchanger goes on through chillers that stand: their valves are open."""
    free = Free(tmp_path, WINTER)
    free.plant.fault("trip works.ch-1")
    free.life.run(2 * 3600, 60)
    assert free.true("ch-1.valve_open")
    assert free.cold.economizer_kw > 200.0
    assert free.true("chw-header.supply_temp") < SETPOINT_C + 1.5


# --- golden trajectory -----------------------------------------------------------------------

HEAD = ("s", "wanted", "ch-1", "free", "exchanging", "chw_pumps", "cw_pumps", "cells", "bypass")


def _rows(free: Free, seconds: float) -> Iterator[tuple[str, ...]]:
    begun, last = free.life.now, None
    while (free.life.now - begun).total_seconds() < seconds:
        free.life.step(STEP_S)
        state = free.state
        condensing = state.condensing
        here = (
            "+".join(state.choice.machines),
            state.units["ch-1"].step.value if state.units else "",
            str(int(condensing.free.on)),
            str(int(condensing.exchanging)),
            str(state.chilled.stage.count),
            str(condensing.pumps),
            str(condensing.cells),
            str(int(condensing.bypass.output_pct > 50.0)),
        )
        if here != last:
            last = here
            yield (f"{(free.life.now - begun).total_seconds():.0f}", *here)


def _lived(directory: Path) -> list[list[str]]:
    """Two days of spring; on the second one the chiller takes over."""
    free = Free(directory, SPRING)
    return [list(HEAD), *map(list, _rows(free, 36 * 3600))]


@pytest.mark.slow
def test_free_cooling_goes_the_way_it_went(tmp_path: Path) -> None:
    """A change of it is a change of how plants behave: say why in the commit.

    `python -m tests.plants.test_free_cooling` writes it.
    """
    with (GOLDEN / "free_cooling.csv").open(newline="", encoding="utf-8") as file:
        golden = list(csv.reader(file))
    assert _lived(tmp_path) == golden
    assert len(golden) > 5


def write() -> None:
    """Write the golden file again."""
    import tempfile

    with tempfile.TemporaryDirectory() as directory:
        rows = _lived(Path(directory))
    with (GOLDEN / "free_cooling.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)


if __name__ == "__main__":
    write()
