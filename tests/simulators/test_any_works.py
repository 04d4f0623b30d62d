"""Any plant, any commands, any faults: values stay possible and balances close."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest

from drivers.plant import PlantPoint
from simulators.faults.fault_kinds import INSTANT, Fault, FaultKind
from simulators.faults.faulted import FaultedPlant
from simulators.parks.works.blueprint import blueprint
from simulators.parks.works.works import Works

RANGES = {"chw_setpoint": (4.0, 20.0), "hw_setpoint": (25.0, 85.0)}
ALLOWED = 0.001
"""Share of what went through a side that its balance may miss."""


def some(random: Random, name: str, most: int, entry: object = None) -> dict[str, object]:
    return {f"{name}-{n}": entry for n in range(random.randint(1, most))}


def any_blueprint(random: Random) -> Mapping[str, Any]:
    """A plant that nobody has thought of."""
    given: dict[str, Any] = {
        "chillers": {
            f"ch-{n}": {
                "capacity_kw": random.choice([100, 350, 700, 1400]),
                "curve": random.choice(["screw", "centrifugal_vsd"]),
            }
            for n in range(random.randint(1, 4))
        },
        "chw_pumps": some(random, "chwp", 4),
        "cw_pumps": some(random, "cwp", 4, {"head_kpa": random.uniform(120.0, 300.0)}),
        "towers": some(random, "ct", 3),
        "processes": {"line": {"design_kw": random.uniform(50.0, 1500.0)}},
        "fan_coils": some(random, "fc", 2, {"area_m2": random.uniform(20.0, 200.0)}),
        "air_handlers": {
            f"ahu-{n}": {
                "open": random.random() < 0.4,
                "constant": random.random() < 0.4,
                "outdoor": random.random() < 0.8,
                "rooms": some(
                    random,
                    f"room-{n}",
                    4,
                    {"area_m2": random.uniform(50, 1500), "people_m2": random.uniform(0, 0.5)},
                ),
            }
            for n in range(random.randint(1, 3))
        },
    }
    given["fans"] = some(
        random, "ex", 2, {"serves": "ahu-0", "airflow_m3h": random.uniform(500.0, 9000.0)}
    )
    for key in ("valves", "bypass", "cw_bypass"):
        given[key] = random.random() < 0.7
    if random.random() < 0.4:
        given["secondary_pumps"] = some(random, "schwp", 3)
    if random.random() < 0.5:
        given["economizer"] = {"wse": {"design_kw": random.uniform(50.0, 600.0)}}
    if random.random() < 0.7:
        given["boilers"] = some(
            random, "boiler", 3, {"capacity_kw": 300, "condensing": random.random() < 0.5}
        )
        given["hw_pumps"] = some(random, "hwp", 3)
        if random.random() < 0.5:
            given["heat_pumps"] = some(random, "hp", 2, {"capacity_kw": 150})
    return given


def any_command(random: Random, point: PlantPoint) -> float:
    role = point.name.rpartition(".")[2]
    if point.unit == "":
        return float(random.random() < 0.75)
    if point.unit == "degC":
        return random.uniform(*RANGES.get(role, (5.0, 40.0)))
    return random.uniform(0.0, 100.0 if point.unit == "%" else 600.0)


def any_fault(random: Random, names: list[str]) -> Fault:
    kind = random.choice(list(FaultKind))
    target = random.choice(names)
    if random.random() < 0.6:
        target = target.rpartition(".")[0]
    for_s = None if kind in INSTANT else random.choice([60.0, 600.0, 3600.0])
    return Fault(kind, target, random.uniform(-5.0, 5.0), for_s)


class Balanced(Works):
    """A works that adds up what goes through it, and what its balances miss, kWh and m3."""

    through: dict[str, float]
    missed: dict[str, float]

    def _step(self, dt_s: float) -> None:
        before = self._stored()
        super()._step(dt_s)
        after = self._stored()
        for side, gains in self._gains().items():
            self.through[side] += sum(map(abs, gains)) / 2.0 * dt_s / 3600.0
            gained = sum(gains) * dt_s / 3600.0
            self.missed[side] += abs(after[side] - before[side] - gained)

    def _stored(self) -> dict[str, float]:
        units = [unit.physics for unit in self.air.units]
        stored = {"air": sum(unit.stored_kj for unit in units) / 3600.0}
        if self.cold is not None:
            stored["cold"] = self.cold.plant.stored_kwh
            stored["water"] = self.cold.plant.condenser.towers.basin.volume_m3
        if self.heat is not None:
            stored["heat"] = self.heat.plant.stored_kwh
        return stored

    def _gains(self) -> dict[str, list[float]]:
        units = [unit.physics for unit in self.air.units]
        gains = {
            "air": [unit.gains_kw(self.outdoor) for unit in units]
            + [-unit.water_kw for unit in units]
        }
        if self.cold is not None:
            plant = self.cold.plant
            towers = plant.condenser.towers
            gains["cold"] = [
                plant.drawn_kw, plant.ambient_kw, plant.pumps.heat_kw, plant.secondary.heat_kw,
                plant.condenser.pumps.heat_kw, towers.heating_kw, -towers.rejected_kw,
                -towers.water_kw, *(chiller.power_kw for chiller in plant.chillers),
            ]  # fmt: skip
            gains["water"] = [towers.makeup_m3h, -towers.lost_m3h]
        if self.heat is not None:
            boilers = self.heat.plant
            gains["heat"] = [
                -boilers.drawn_kw, boilers.ambient_kw, boilers.pumps.heat_kw, boilers.gas_kw,
                *(-boiler.flue_kw for boiler in boilers.boilers),
                *(heat_pump.heating_kw for heat_pump in boilers.heat_pumps),
            ]  # fmt: skip
        return gains


@pytest.mark.parametrize("seed", range(12))
def test_any_works_stays_possible_and_balances(seed: int) -> None:
    random = Random(seed)
    start = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=random.randrange(8760))
    works = Balanced.of(start, blueprint(any_blueprint(random)))
    plant = FaultedPlant.around(works, start)
    works.through = dict.fromkeys(("cold", "heat", "air", "water"), 0.0)
    works.missed = dict.fromkeys(works.through, 0.0)
    points = [point for point in plant.points() if point.writable]
    names = [point.name for point in plant.points()]
    for _ in range(240):
        if random.random() < 0.3:
            chosen = random.sample(points, min(len(points), 12))
            plant.write({point.name: any_command(random, point) for point in chosen})
        if random.random() < 0.05:
            try:
                plant.fault(any_fault(random, names))
            except ValueError as error:
                assert "nothing to" in str(error)  # noqa: PT017
        plant.advance(works.time + timedelta(seconds=random.choice([1, 30, 60, 900])))
        for name, value in works.read().items():
            assert math.isfinite(value), name
            role = name.rpartition(".")[2]
            if role.endswith("temp"):
                assert -30.0 < value < 110.0, name
            elif role in ("flow", "power", "airflow", "load", "firing", "co2"):
                assert value >= 0.0, name
            elif role == "humidity":
                assert 0.0 <= value <= 100.0, name
    for side, through in works.through.items():
        assert works.missed[side] <= ALLOWED * through + 1e-9, side
