"""Coils: cooling that dries the air by its enthalpy potential, and heating."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

from simulators.physics.air.moist_air import (
    CP_KJ_KGK,
    HFG_KJ_KG,
    KG_S_PER_M3H,
    Air,
    saturated_enthalpy,
    saturated_temp_c,
    saturated_water,
)
from simulators.physics.water.actuators import Actuator, equal_percentage
from simulators.physics.water.exchanger import coil_ua, counterflow
from simulators.physics.water.hydraulics import KW_PER_M3H_K, conductance

_SUMMER = Air(27.0, 0.0112)
"""27 degC and half saturated: return air with a part of outdoor air."""


@dataclass(frozen=True)
class CoilSpec:
    """A coil at its design point; negative `design_kw` heats."""

    design_kw: float
    airflow_m3h: float
    entering: Air = _SUMMER
    water_c: float = 7.0
    water_k: float = 5.0
    drop_kpa: float = 100.0
    """Coil and open valve."""
    travel_s: float = 90.0

    @property
    def flow_m3h(self) -> float:
        return abs(self.design_kw) / (KW_PER_M3H_K * self.water_k)

    @cached_property
    def ua_kw_k(self) -> float:
        """What gives the design heat at the design point; found by halving."""
        air = self.airflow_m3h * KG_S_PER_M3H
        low, high = 0.0, 100.0 * abs(self.design_kw)
        for _ in range(60):
            ua = 0.5 * (low + high)
            sides = Sides(air, KW_PER_M3H_K * self.flow_m3h, 2.0 * ua, 2.0 * ua)
            heat, _ = exchanged(self.entering, self.water_c, sides)
            if abs(heat) < abs(self.design_kw):
                low = ua
            else:
                high = ua
        return 0.5 * (low + high)


@dataclass(frozen=True, slots=True)
class Sides:
    """The two sides of a coil now."""

    air_kg_s: float
    water_kw_k: float
    ua_air: float
    ua_water: float


def exchanged(air: Air, water_c: float, sides: Sides) -> tuple[float, Air]:
    """Heat taken from the air (kW; negative: given to it), and the air behind the coil.

    A coil is taken as all dry or all wet, whichever gives more (Braun 1988): both fall short
    of what a partly wet one gives, by at most 5 %.
    """
    m, cw = sides.air_kg_s, sides.water_kw_k
    ca = m * CP_KJ_KGK
    ua = 1.0 / (1.0 / sides.ua_air + 1.0 / sides.ua_water)
    dry = counterflow(ua, ca, cw) * min(ca, cw) * (air.temp_c - water_c)
    after = Air(air.temp_c - dry / ca, air.water, air.co2_ppm)
    if dry <= 0.0 or water_c >= air.temp_c or saturated_water(water_c) >= air.water:
        return dry, after
    at_water = saturated_enthalpy(water_c)
    # Saturated air between water and wet bulb, as a heat capacity: water gets no warmer.
    cs = (air.enthalpy - at_water) / (saturated_temp_c(air.enthalpy, water_c + 8.0) - water_c)
    ratio = m * cs / cw
    outside, inside = sides.ua_air / ca, sides.ua_water / cw
    ntu = outside / (1.0 + ratio * outside / inside)
    if abs(ratio - 1.0) < 1e-9:
        share = ntu / (1.0 + ntu)
    elif ratio < 1.0:
        fall = math.exp(-ntu * (1.0 - ratio))
        share = (1.0 - fall) / (1.0 - ratio * fall)
    else:
        fall = math.exp(-ntu * (ratio - 1.0))
        share = (1.0 - fall) / (ratio - fall)
    wet = share * m * (air.enthalpy - at_water)
    if wet <= dry:
        return dry, after
    left = air.enthalpy - wet / m
    kept = math.exp(-outside)
    surface = saturated_temp_c(air.enthalpy - (air.enthalpy - left) / (1.0 - kept), water_c + 4.0)
    temp = surface + (air.temp_c - surface) * kept
    water = (left - CP_KJ_KGK * temp) / HFG_KJ_KG
    if water >= air.water:  # nothing condenses at this surface after all
        return wet, Air((left - HFG_KJ_KG * air.water) / CP_KJ_KGK, air.water, air.co2_ppm)
    return wet, Air(temp, water, air.co2_ppm)


class Coil:
    """A coil with its valve: a consumer of a loop, which air passes.

    Set `entering` and `air_kg_s` before the loop's step; `leaving` and `heat_kw` hold after it.
    """

    __slots__ = (
        "_open", "_ua", "air_kg_s", "entering", "frozen_s", "heat_kw", "leaving", "spec",
        "valve",
    )  # fmt: skip

    def __init__(self, spec: CoilSpec) -> None:
        self.spec = spec
        self.valve = Actuator(spec.travel_s)
        self._open = conductance(spec.flow_m3h, spec.drop_kpa)
        self._ua = spec.ua_kw_k
        self.entering = self.leaving = Air(20.0, 0.007)
        self.air_kg_s = 0.0
        self.heat_kw = 0.0
        """Taken from the air, mean over the last step; negative: given to it."""
        self.frozen_s = 0.0
        """How long air below freezing passed it while its water stood, since the beginning."""

    def conductance(self) -> float:
        return self._open * equal_percentage(self.valve.position)

    def draw(self, flow_m3h: float, supply_c: float, dt_s: float) -> float:
        if flow_m3h <= 1e-6 * self.spec.flow_m3h or self.air_kg_s <= 0.0:
            self.heat_kw = 0.0
            self.leaving = self.entering
            if self.air_kg_s > 0.0 and self.entering.temp_c < 0.0:
                self.frozen_s += dt_s
            return supply_c
        spec = self.spec
        air = self.air_kg_s / (KG_S_PER_M3H * spec.airflow_m3h)
        cw = KW_PER_M3H_K * flow_m3h
        ua = self._ua
        sides = Sides(
            self.air_kg_s,
            cw,
            2.0 * coil_ua(ua, air, 1.0, 1.0),
            2.0 * coil_ua(ua, 1.0, flow_m3h / spec.flow_m3h, 0.0),
        )
        self.heat_kw, self.leaving = exchanged(self.entering, supply_c, sides)
        return supply_c + self.heat_kw / cw
