"""A cold plant on its physics: order of steps, swaps, headers, and everything that fails."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from bms.control.strategies.chilled_water.plant_state import PlantState
from simulators.faults.faulted import FaultedPlant
from simulators.parks.works.works import Works
from simulators.physics.loops.cold_plant import ColdPlant
from tests.plants.life import START, Life
from tests.plants.works_site import Plan, site_of, works_of

GOLDEN = Path(__file__).parent / "golden"
CHILLERS = ("ch-1", "ch-2", "ch-3")
PUMPS = ("chwp-1", "chwp-2", "chwp-3")
CW_PUMPS = ("cwp-1", "cwp-2", "cwp-3")
TOWERS = ("ct-1", "ct-2", "ct-3")
SIZES = {
    "ch-1": {"curve": "centrifugal_vsd", "capacity_kw": 700},
    "ch-2": {"curve": "centrifugal_vsd", "capacity_kw": 700},
    "ch-3": {"curve": "screw", "capacity_kw": 350},
}


class Cold:
    """A works of unlike chillers on headers with its site, lived."""

    def __init__(
        self,
        directory: Path,
        load_kw: float = 300.0,
        plan: Plan | None = None,
        *,
        chillers: Mapping[str, Mapping[str, object]] = SIZES,
        cw_pumps: tuple[str, ...] = CW_PUMPS,
    ) -> None:
        plant = works_of(
            chillers=chillers,
            chw_pumps=dict.fromkeys(PUMPS),
            cw_pumps=dict.fromkeys(cw_pumps),
            towers=dict.fromkeys(TOWERS),
            cw_bypass=True,
            processes={"hall": {"design_kw": 1500}},
        )
        self.works = Works.of(START, plant)
        assert self.works.cold is not None
        _as_on_a_summer_morning(self.works.cold.plant)
        self.load(load_kw)
        self.plant = FaultedPlant.around(self.works, START)
        self.life = Life(site_of(directory, plant, plan), self.plant, START)

    def load(self, load_kw: float) -> None:
        """What the hall wants from now on."""
        self.works.force("hall", load_kw)

    def true(self, point: str) -> float:
        """What truly is, beneath lying sensors."""
        return self.works.read()[f"works.{point}"]

    def running(self, machines: tuple[str, ...] = CHILLERS) -> list[str]:
        """Short names of those that truly run."""
        shown = self.works.read()
        return [name for name in machines if shown.get(f"works.{name}.status")]

    @property
    def state(self) -> PlantState:
        """What the plant's controller remembers."""
        saved = self.life.engine.states()["chilled_water_plant:works.cold"]
        state: PlantState = self.life.engine._codec.decode(PlantState, saved)
        return state

    @property
    def dry_s(self) -> float:
        """How long chillers were enabled without flow."""
        assert self.works.cold is not None
        return sum(chiller.dry_s for chiller in self.works.cold.plant.chillers)

    def cooled(self) -> None:
        """Live for the half hour in which the plant begins."""
        self.life.run(1800)

    def whole(self, count: int, most_s: float = 3600.0) -> None:
        """Live until so many chillers run, and nothing is on its way."""
        self.life.until(
            lambda: len(self.running()) == count and self.life.fact("works.cold.staging") == 0.0,
            most_s,
        )


def _as_on_a_summer_morning(plant: ColdPlant) -> None:
    """Water as a plant leaves it overnight: no machine meets the lift of an empty plant."""
    plant.header.temp_c = 13.0
    for pipe in (plant.supply, plant.back):
        pipe.restore([13.0, pipe.volume_m3, 13.0])
    condenser = plant.condenser
    condenser.towers.basin.temp_c = 26.0
    for pipe in (condenser.supply, condenser.back):
        pipe.restore([26.0, pipe.volume_m3, 26.0])


def test_a_cold_start_goes_valves_water_chiller(tmp_path: Path) -> None:
    cold = Cold(tmp_path)
    seen: list[str] = []

    def note(name: str, here: bool) -> None:
        if here and name not in seen:
            seen.append(name)

    for _ in range(90):
        cold.life.step(10)
        note("valve", any(cold.true(f"{c}.valve_open") for c in CHILLERS))
        note("pump", bool(cold.running(PUMPS)))
        note("cw pump", bool(cold.running(CW_PUMPS)))
        note("chiller", bool(cold.running()))
    assert seen.index("valve") < seen.index("pump") < seen.index("chiller")
    assert seen.index("cw pump") < seen.index("chiller")
    assert cold.running() == ["ch-3"]  # the smallest leads
    assert cold.dry_s == 0.0


def test_the_plant_follows_the_load_with_unlike_machines_and_no_dry_second(tmp_path: Path) -> None:
    cold = Cold(tmp_path, 600.0)
    cold.cooled()
    seen = [tuple(cold.running())]
    for load_kw, hours in ((1200.0, 3), (500.0, 3), (200.0, 3)):
        cold.load(load_kw)
        cold.life.run(hours * 3600.0)
        seen.append(tuple(cold.running()))
        assert cold.true("chw-header.supply_temp") < 8.6
    capacities = [sum(float(str(SIZES[n]["capacity_kw"])) for n in names) for names in seen]
    assert capacities[1] >= 1400.0
    assert capacities[2] == 700.0
    assert capacities[3] == 350.0
    assert cold.dry_s == 0.0
    assert cold.life.holding == set()


def test_water_goes_through_headers_not_through_pairs(tmp_path: Path) -> None:
    cold = Cold(tmp_path, 1200.0)
    cold.cooled()
    cold.whole(2)
    assert len(cold.running(CW_PUMPS)) >= 2
    # Fans are cheap when slow: all cells share the water.
    cold.life.until(lambda: len(cold.running(TOWERS)) == 3, 3600)
    before = cold.running(CW_PUMPS)
    cold.plant.fault(f"trip works.{before[0]}")
    cold.life.run(180, 10)
    assert before[0] not in cold.running(CW_PUMPS)
    assert set(cold.running(CW_PUMPS)) == set(CW_PUMPS) - {before[0]}
    assert len(cold.running()) == 2


def test_why_says_the_step_and_the_numbers(tmp_path: Path) -> None:
    cold = Cold(tmp_path, 1200.0)
    cold.life.until(lambda: len(cold.state.choice.machines) > 1, 3 * 3600)
    coming = next(n for n in cold.state.choice.machines if n not in cold.running())
    why = cold.life.why(f"works.{coming}.enable")
    assert f"{coming} starting" in why
    assert "kW" in why
    assert "above" in why


# --- what fails ------------------------------------------------------------------------------


@pytest.mark.case(
    "P26",
    when="A chilled-water pump trips while chillers run on its header.",
    then="Another pump takes over; the pump is named, and no chiller is out of use.",
)
def test_a_pump_that_trips_is_replaced_on_the_header(tmp_path: Path) -> None:
    cold = Cold(tmp_path)
    cold.cooled()
    (pump,) = cold.running(PUMPS)
    cold.plant.fault(f"trip works.{pump}")
    cold.life.run(120, 10)
    assert pump not in cold.running(PUMPS)
    assert cold.running(PUMPS)
    cold.life.until(lambda: bool(cold.running()), 1800)
    assert {f"works.{pump}:fault", f"works.{pump}:proof"} & set(cold.life.seen.conditions)
    assert not [key for key in cold.life.holding if key.startswith("works.ch-")]
    assert cold.dry_s <= 60.0


@pytest.mark.case(
    "P27",
    when="A chiller's isolation valve is stuck shut at its start.",
    then="Its steps are undone, it is out of use and named, and the next one starts.",
)
def test_a_valve_that_is_stuck_costs_only_its_chiller(tmp_path: Path) -> None:
    cold = Cold(tmp_path)
    cold.plant.fault("stick works.ch-3.valve_enable")
    cold.life.until(lambda: bool(cold.running()), 1800, 10)
    assert cold.running() != ["ch-3"]
    assert "works.ch-3:proof" in cold.life.holding
    condition = cold.life.condition("works.ch-3:proof")
    assert condition is not None
    assert "valve is not open" in condition.text
    assert cold.dry_s == 0.0


@pytest.mark.case(
    "P28",
    when="A chiller never shows that it runs.",
    then="Within its proof time it is out of use, named, its water goes, and the next one begins "
    "within 10 s.",
)
def test_a_chiller_that_does_not_start_is_replaced(tmp_path: Path) -> None:
    cold = Cold(tmp_path)
    cold.plant.fault("no_start works.ch-3")
    cold.life.until(lambda: "works.ch-3:proof" in cold.life.holding, 1200, 5)
    failed = cold.life.now
    cold.life.run(10, 5)
    assert [n for n, u in cold.state.units.items() if u.starting] in (["ch-1"], ["ch-2"])
    cold.life.until(lambda: bool(cold.running()), 1200, 10)
    assert (cold.life.now - failed).total_seconds() < 900
    assert "ch-3" not in cold.running()


@pytest.mark.case(
    "P29",
    when="A tower's fan fails.",
    then="The other cells carry on; the fan is named, and the chillers run.",
)
def test_a_tower_that_fails_leaves_the_others(tmp_path: Path) -> None:
    cold = Cold(tmp_path, 600.0)
    cold.cooled()
    cold.life.until(lambda: bool(cold.running(TOWERS)), 3600)
    tower = cold.running(TOWERS)[0]
    cold.plant.fault(f"trip works.{tower}")
    cold.life.run(1200)
    assert any(key.startswith(f"works.{tower}:") for key in cold.life.seen.conditions)
    assert cold.running()
    assert tower not in cold.running(TOWERS)


@pytest.mark.parametrize(
    "sensor",
    [
        "chw-header.supply_temp", "chw-header.return_temp", "chw-header.flow",
        "chw-header.differential_pressure", "cw-header.supply_temp", "cw-header.return_temp",
        "weather.outdoor_temp", "weather.wet_bulb_temp",
    ],
)  # fmt: skip
def test_the_plant_goes_on_without_any_one_sensor(tmp_path: Path, sensor: str) -> None:
    cold = Cold(tmp_path)
    cold.cooled()
    cold.plant.fault(f"silent works.{sensor}")
    cold.life.run(3 * 3600)
    assert cold.running()
    assert cold.true("chw-header.supply_temp") < 12.0


@pytest.mark.case(
    "P38",
    when="Everything loses its power for two minutes.",
    then="The plant goes through its start again by itself; no machine is out of use for it.",
)
def test_a_power_dip_is_no_fault_of_machines(tmp_path: Path) -> None:
    cold = Cold(tmp_path, 600.0)
    cold.cooled()
    cold.plant.fault("power_dip works.* for 120s")
    cold.life.run(600, 10)
    cold.life.until(lambda: bool(cold.running()), 3600)
    cold.life.until(lambda: cold.true("chw-header.supply_temp") < 9.0, 7200)
    assert not [key for key in cold.life.holding if key.endswith((":proof", ":latched"))]


def _only_one_condenser_pump(directory: Path) -> Cold:
    return Cold(directory, 500.0, cw_pumps=("cwp-1",), chillers={"ch-1": SIZES["ch-1"]})


@pytest.mark.case(
    "P75",
    when="The only pump of a plant is without power for ten minutes, and nothing else is.",
    then="The pump is named, and tried again after 15 minutes. The plant runs by itself.",
)
def test_the_only_pump_is_tried_again(tmp_path: Path) -> None:
    cold = _only_one_condenser_pump(tmp_path)
    cold.cooled()
    cold.plant.fault("power_dip works.cwp-1 for 600s")
    cold.life.run(300, 10)
    assert cold.running() == []
    condition = cold.life.condition("works.cwp-1:proof")
    assert condition is not None
    assert "tried again after 15, 30 and then every 60 min" in str(condition.text)
    assert "tried again" in cold.life.why("works.cwp-1.enable")
    took_s = cold.life.until(lambda: bool(cold.running()), 3600)
    assert took_s > 300.0
    cold.life.run(120)
    assert "works.cwp-1:proof" not in cold.life.holding
    assert cold.dry_s <= 150.0


@pytest.mark.case(
    "P76",
    when="The only pump of a plant is broken, and nobody comes for a day.",
    then="It is tried at most eight times, and its alarm stays on all the time.",
)
def test_a_broken_pump_is_named_all_the_time(tmp_path: Path) -> None:
    cold = _only_one_condenser_pump(tmp_path)
    cold.cooled()
    cold.plant.fault("no_start works.cwp-1")
    cold.plant.fault("power_dip works.cwp-1 for 40s")
    cold.life.until(lambda: "works.cwp-1:proof" in cold.life.holding, 600)
    starts, before = 0, False
    for _ in range(23 * 120):
        cold.life.step(30)
        told = bool(cold.life.cycle_award("works.cwp-1.enable"))
        starts += told and not before
        before = told
        assert "works.cwp-1:proof" in cold.life.holding
    assert 4 <= starts <= 8
    cold.plant.clear()


def test_a_valve_of_the_only_chiller_is_tried_again(tmp_path: Path) -> None:
    cold = _only_one_condenser_pump(tmp_path)
    cold.plant.fault("stick works.ch-1.valve_enable for 1200s")
    cold.life.until(lambda: "works.ch-1:proof" in cold.life.holding, 900)
    cold.life.until(lambda: bool(cold.running()), 3600)
    cold.life.run(60)
    assert "works.ch-1:proof" not in cold.life.holding


def test_functions_can_be_switched_off_one_by_one(tmp_path: Path) -> None:
    names = (
        "requests", "reset", "pumps", "limit", "condenser", "head_pressure", "winter",
        "economizer", "least_power", "night",
    )  # fmt: skip
    # Without the bypass these chillers would stop for want of flow.
    cold = Cold(tmp_path, plan=Plan(cold={"functions": dict.fromkeys(names, False)}))
    cold.life.run(3 * 3600)
    assert cold.running()


# --- golden trajectories ---------------------------------------------------------------------


def _rows(cold: Cold, seconds: float) -> Iterator[tuple[str, ...]]:
    """What is commanded, whenever it changes; times since the beginning of the trajectory."""
    begun, last = cold.life.now, None
    while (cold.life.now - begun).total_seconds() < seconds:
        cold.life.step(10)
        state = cold.state
        here = (
            "+".join(state.choice.machines),
            *(state.units[name].step.value for name in CHILLERS),
            str(int(bool(state.chilled.limit.limit_pct))),
            str(state.chilled.stage.count),
            str(state.condensing.pumps),
            str(state.condensing.cells),
        )
        if here != last:
            last = here
            yield (f"{(cold.life.now - begun).total_seconds():.0f}", *here)


def _cold_start(cold: Cold) -> Iterator[tuple[str, ...]]:
    yield from _rows(cold, 900)


def _stage_up_with_swap(cold: Cold) -> Iterator[tuple[str, ...]]:
    cold.load(150.0)
    cold.life.run(3 * 3600)
    cold.life.until(lambda: cold.running() == ["ch-3"], 6 * 3600)
    cold.life.run(1800)
    cold.load(480.0)
    yield from _rows(cold, 3600)


def _stage_down(cold: Cold) -> Iterator[tuple[str, ...]]:
    cold.load(1200.0)
    cold.cooled()
    cold.whole(2)
    cold.load(500.0)
    yield from _rows(cold, 5400)


def _plant_off(cold: Cold) -> Iterator[tuple[str, ...]]:
    cold.life.run(2 * 3600 - 600)
    yield from _rows(cold, 1800)


TRAJECTORIES: dict[str, Callable[[Cold], Iterator[tuple[str, ...]]]] = {
    "cold_start": _cold_start,
    "stage_up_with_swap": _stage_up_with_swap,
    "stage_down": _stage_down,
    "plant_off": _plant_off,
}
HEAD = ("s", "wanted", *CHILLERS, "limit", "chw_pumps", "cw_pumps", "cells")


def _lived(directory: Path, name: str) -> list[list[str]]:
    plan = Plan(hours=("00:00", "02:00")) if name == "plant_off" else None
    cold = Cold(directory, 300.0, plan)
    return [list(HEAD), *(list(row) for row in TRAJECTORIES[name](cold))]


@pytest.mark.parametrize("name", TRAJECTORIES)
def test_a_plant_goes_the_way_it_went(tmp_path: Path, name: str) -> None:
    """A change of one is a change of how plants behave: say why in the commit.

    `python -m tests.plants.test_cold` writes them.
    """
    with (GOLDEN / f"{name}.csv").open(newline="", encoding="utf-8") as file:
        golden = list(csv.reader(file))
    assert _lived(tmp_path, name) == golden
    assert len(golden) > 3


def write() -> None:
    """Write the golden files again."""
    import tempfile

    GOLDEN.mkdir(exist_ok=True)
    for name in TRAJECTORIES:
        with tempfile.TemporaryDirectory() as directory:
            rows = _lived(Path(directory), name)
        with (GOLDEN / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
            csv.writer(file, lineterminator="\n").writerows(rows)


if __name__ == "__main__":
    write()
