"""Base Chongqing: a warehouse with 64 air handlers, offices, two unequal refrigeration units."""

from __future__ import annotations

from operator import itemgetter
from random import Random
from typing import Any

from simulators.parks.board import Board, keys
from simulators.parks.demo.metering import Metering
from simulators.parks.demo.surroundings import (
    CoolingPlant,
    Step,
    Switched,
    WeatherStation,
    latent_factor,
)
from simulators.physics.chilled_water import TrainSpec
from simulators.physics.chiller import CENTRIFUGAL_VSD, SCREW
from simulators.physics.zones import Around, Water, ZoneBank, ZoneSpec

BASE = "chongqing"
_PRODUCTION_KW = 1000.0
_GROWTH = 1.04
"""Production energy grows by 4 % a year; with what does not grow, the base by about 3.5 %."""
_LARGE = TrainSpec(CENTRIFUGAL_VSD, 1400.0, 37.0, 30.0, 15.0)
_SMALL = TrainSpec(SCREW, 780.0, 22.0, 18.5, 7.5)
_AHUS = tuple(f"ahu-{n:02}" for n in range(1, 65))
_COILS = tuple(f"fc-{n}" for n in range(1, 8))
_FANS = {"dress-fan-1": 7.5, "dress-fan-2": 7.5}
_OFFICE = ZoneSpec(0.5, 36_000.0, 8.0, 8.0, 20.0, 0.0, 0.4)


def _bays() -> list[ZoneSpec]:
    """64 bays of the warehouse: alike, and no two the same."""
    random = Random("chongqing bays")
    bays = []
    for _ in _AHUS:
        size, sun, busy = (random.uniform(0.85, 1.15) for _ in range(3))
        bays.append(
            ZoneSpec(1.3 * size, 84_000.0 * size, 6.0 * busy, 8.0 * sun, 24.0 * size, 0.0, 4.0)
        )
    return bays


class Chongqing:
    """See the module; steps are driven by the park."""

    def __init__(self, board: Board) -> None:
        self._values = board.values
        self._weather = WeatherStation(board, BASE)
        self._cooling = CoolingPlant(board, BASE, ("ref-1", "ref-2"), (_LARGE, _SMALL), 80.0)
        self._bays = ZoneBank(_bays())
        for name in _AHUS:
            board.add(
                BASE, name,
                "enable zone_setpoint status supply_temp zone_temp =cooling_valve power",
            )  # fmt: skip
        self._offices = ZoneBank([_OFFICE] * 7)
        for name in _COILS:
            board.add(BASE, name, "enable zone_setpoint status zone_temp power")
        self._fans = Switched(board, BASE, _FANS, "speed")
        self._metering = Metering(
            board,
            BASE,
            {
                "meter-refrigeration": self._cooling.machines,
                "meter-warehouse": _AHUS,
                "meter-fan-coils": _COILS,
                "meter-dressing": [*_FANS],
            },
            counted=("ref-1", "ref-2"),
        )
        self._bay_commands = [
            itemgetter(*keys(BASE, _AHUS, role)) for role in ("enable", "zone_setpoint")
        ]
        self._office_commands = [
            itemgetter(*keys(BASE, _COILS, role)) for role in ("enable", "zone_setpoint")
        ]
        self._bay_keys = [
            name
            for role in ("status", "supply_temp", "zone_temp", "cooling_valve")
            for name in keys(BASE, _AHUS, role)
        ]
        self._office_keys = [
            name for role in ("status", "zone_temp") for name in keys(BASE, _COILS, role)
        ]
        self._full_speed = [1.0] * len(_AHUS)

    def step(self, step: Step) -> None:
        """Advance the base by one step."""
        values, dt, mean = self._values, step.dt_s, step.mean
        occupancy, production = step.activity
        bays, offices = self._bays, self._offices
        bays_on, bay_setpoints = (get(values) for get in self._bay_commands)
        offices_on, office_setpoints = (get(values) for get in self._office_commands)

        latent = latent_factor(mean.wet_bulb_c)
        cold_kw = self._cooling.begin(step)
        wanted = (bays.demand_kw(bays_on) + offices.demand_kw(offices_on)) * latent
        cold = self._cooling.plant.coil_share()
        if wanted > cold_kw:
            cold *= cold_kw / wanted
        water = Water(cold, 0.0)
        # Work in the warehouse follows production, in the offices people.
        around = Around(mean.outdoor_temp_c, mean.irradiance_w_m2, production)
        bays.step(dt, around, bays_on, bay_setpoints, self._full_speed, water)
        around = around._replace(occupancy=occupancy)
        offices.step(dt, around, offices_on, office_setpoints, self._full_speed[:7], water)
        powers = self._cooling.finish((bays.cooling_kw + offices.cooling_kw) * latent, dt)
        powers += bays.powers_kw
        powers += offices.powers_kw
        powers += self._fans.step(3)

        shown = bays.running + bays.supply_c + bays.temps_c + bays.valves_pct
        values.update(zip(self._bay_keys, shown, strict=True))
        values.update(zip(self._office_keys, offices.running + offices.temps_c, strict=True))
        self._weather.show(step.end)
        self._metering.book(powers, _PRODUCTION_KW * production * _GROWTH**step.years, dt)

    def state(self) -> dict[str, Any]:
        return {
            "cooling": self._cooling.plant.state(),
            "bays": self._bays.state(),
            "offices": self._offices.state(),
            "kwh": self._metering.counters.kwh,
        }

    def restore(self, state: dict[str, Any]) -> None:
        self._cooling.plant.restore(state["cooling"])
        self._bays.restore(state["bays"])
        self._offices.restore(state["offices"])
        self._metering.counters.restore(state["kwh"])
