"""Rooms: temperature of air and of walls, moisture, carbon dioxide."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from simulators.physics.air.moist_air import (
    CP_KJ_KGK,
    DENSITY_KG_M3,
    HFG_KJ_KG,
    KG_S_PER_M3H,
    Air,
)

_PERSON_KW = 0.075
"""Sensible heat of a person at a desk."""
_PERSON_KG_S = 0.055 / 3600.0
"""Vapour."""
_PERSON_CO2_M3H = 0.019
_AIR_KJ_M2K = 15.0
"""Air, furniture and the skin of walls: what follows supply air within minutes."""
_NIGHT = 0.05
"""Of lamps and machines at night and on Sundays (DOE prototype): nobody is there for it."""
_MOISTURE_BUFFER = 5.0
"""Furniture and walls hold that many times the vapour of the air."""


@dataclass(frozen=True, slots=True)
class RoomSpec:
    """A room by its floor; defaults are an office of medium weight (ISO 13790, DOE prototype)."""

    area_m2: float
    height_m: float = 3.0
    ua_w_m2k: float = 1.2
    """Walls and windows per floor."""
    infiltration_ach: float = 0.15
    mass_kj_m2k: float = 165.0
    """All that warms and cools, air with it."""
    people_m2: float = 0.08
    light_w_m2: float = 8.0
    plug_w_m2: float = 10.0
    solar_m2: float = 0.0
    """Effective glass; 0: 5 % of the floor."""
    machines_kw: float = 0.0
    """Process heat at full production."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What acts on rooms from outside of their units during a step."""

    outdoor: Air
    irradiance_w_m2: float
    occupancy: float
    production: float


class Room:
    """Air and mass of one room. Supply air acts on the state at the beginning of a step."""

    __slots__ = (
        "_air_kj_k", "_coupling", "_glass", "_infiltration", "_mass_kj_k", "_ua", "air",
        "drawn_kg_s", "gain_kw", "lost_kw", "mass_c", "people", "spec", "volume_m3",
    )  # fmt: skip

    def __init__(self, spec: RoomSpec) -> None:
        self.spec = spec
        self.volume_m3 = spec.area_m2 * spec.height_m
        self.air = Air(22.0, 0.009, 450.0)
        self.mass_c = 22.0
        self._ua = spec.ua_w_m2k * spec.area_m2 * 0.001
        self._air_kj_k = _AIR_KJ_M2K * spec.area_m2
        self._mass_kj_k = (spec.mass_kj_m2k - _AIR_KJ_M2K) * spec.area_m2
        # Air follows its walls with a time constant of 15 min.
        self._coupling = self._air_kj_k / 900.0
        self._infiltration = spec.infiltration_ach * self.volume_m3 * KG_S_PER_M3H
        self._glass = (spec.solar_m2 or 0.05 * spec.area_m2) * 0.001
        self.people = 0.0
        self.drawn_kg_s = 0.0
        """Outdoor air that extract fans draw in besides, through cracks and doors."""
        self.gain_kw = 0.0
        """People (with their vapour), lamps, machines and sun, mean over the last step."""
        self.lost_kw = 0.0
        """Through walls and by infiltration, with its moisture."""

    def step(self, supply: Air, air_kg_s: float, around: Surroundings, dt_s: float) -> None:
        """Advance; as much air leaves as comes, in the state the room has now."""
        spec, air, outdoor = self.spec, self.air, around.outdoor
        present = max(0.0, around.occupancy - _NIGHT) / (1.0 - _NIGHT)
        self.people = people = spec.people_m2 * spec.area_m2 * present
        sensible = (
            people * _PERSON_KW
            + (spec.light_w_m2 + spec.plug_w_m2) * spec.area_m2 * 0.001 * around.occupancy
            + self._glass * around.irradiance_w_m2
            + spec.machines_kw * around.production
        )
        vapour = people * _PERSON_KG_S
        cracks = self._infiltration + self.drawn_kg_s
        cold = cracks * CP_KJ_KGK
        # Explicit in supply air, implicit in walls: stable and exact in heat at any step that
        # supply air allows.
        blown = air_kg_s * CP_KJ_KGK * (supply.temp_c - air.temp_c)
        per = dt_s / self._air_kj_k
        outward = self._ua + cold
        temp = (
            air.temp_c
            + per * (sensible + blown + outward * outdoor.temp_c + self._coupling * self.mass_c)
        ) / (1.0 + per * (outward + self._coupling))
        self.mass_c += dt_s / self._mass_kj_k * self._coupling * (temp - self.mass_c)
        kg = self.volume_m3 * DENSITY_KG_M3
        share = dt_s / kg
        leak = cracks * (outdoor.water - air.water)
        gained = air_kg_s * (supply.water - air.water) + vapour + leak
        co2 = air.co2_ppm + share * (
            air_kg_s * (supply.co2_ppm - air.co2_ppm) + cracks * (outdoor.co2_ppm - air.co2_ppm)
        )
        co2 += people * _PERSON_CO2_M3H * 1e6 / self.volume_m3 * dt_s / 3600.0
        self.air = Air(temp, air.water + share / _MOISTURE_BUFFER * gained, co2)
        self.gain_kw = sensible + HFG_KJ_KG * vapour
        self.lost_kw = outward * (temp - outdoor.temp_c) - HFG_KJ_KG * leak

    @property
    def stored_kj(self) -> float:
        """Heat above 0 degC and dry air."""
        moist = self.volume_m3 * DENSITY_KG_M3 * _MOISTURE_BUFFER * HFG_KJ_KG * self.air.water
        return self._air_kj_k * self.air.temp_c + self._mass_kj_k * self.mass_c + moist

    def state(self) -> list[float]:
        return [*self.air, self.mass_c]

    def restore(self, values: Sequence[float]) -> None:
        self.air = Air(*values[:3])
        self.mass_c = values[3]
