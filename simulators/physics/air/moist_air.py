"""Moist air at sea level."""

from __future__ import annotations

import math
from typing import NamedTuple

CP_KJ_KGK = 1.02
"""Of moist air: 1.006 and the vapour of 8 g/kg."""
HFG_KJ_KG = 2501.0
DENSITY_KG_M3 = 1.2
KG_S_PER_M3H = DENSITY_KG_M3 / 3600.0
_PRESSURE_PA = 101_325.0
OUTDOOR_CO2_PPM = 420.0


class Air(NamedTuple):
    """A state of air."""

    temp_c: float
    water: float
    """kg of vapour per kg."""
    co2_ppm: float = OUTDOOR_CO2_PPM

    @property
    def enthalpy(self) -> float:
        """kJ/kg above dry air at 0 degC."""
        return CP_KJ_KGK * self.temp_c + HFG_KJ_KG * self.water


def saturated_water(temp_c: float) -> float:
    """Most vapour that air holds, kg/kg (Magnus)."""
    pressure = 611.2 * math.exp(17.62 * temp_c / (243.12 + temp_c))
    return 0.622 * pressure / (_PRESSURE_PA - pressure)


def water_of(temp_c: float, humidity_pct: float) -> float:
    """Vapour in kg/kg at a relative humidity."""
    pressure = 6.112 * humidity_pct * math.exp(17.62 * temp_c / (243.12 + temp_c))
    return 0.622 * pressure / (_PRESSURE_PA - pressure)


def relative_pct(temp_c: float, water: float) -> float:
    """Relative humidity, 0-100."""
    pressure = water * _PRESSURE_PA / (0.622 + water)
    saturated = 611.2 * math.exp(17.62 * temp_c / (243.12 + temp_c))
    return min(100.0, 100.0 * pressure / saturated)


def saturated_enthalpy(temp_c: float) -> float:
    """kJ/kg of saturated air."""
    return CP_KJ_KGK * temp_c + HFG_KJ_KG * saturated_water(temp_c)


def saturated_temp_c(enthalpy: float, guess_c: float = 12.0) -> float:
    """The temperature of saturated air of this enthalpy, by Newton's method."""
    t = guess_c
    for _ in range(6):
        w = saturated_water(t)
        slope = CP_KJ_KGK + HFG_KJ_KG * w * 4283.8 / (243.12 + t) ** 2
        step = (CP_KJ_KGK * t + HFG_KJ_KG * w - enthalpy) / slope
        t -= step
        if abs(step) < 1e-6:
            break
    return t


def mixed(one: Air, share: float, other: Air) -> Air:
    """`share` (0-1) of one, the rest of the other."""
    rest = 1.0 - share
    return Air(
        share * one.temp_c + rest * other.temp_c,
        share * one.water + rest * other.water,
        share * one.co2_ppm + rest * other.co2_ppm,
    )
