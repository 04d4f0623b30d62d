"""A cooling tower that gives a known heat away: for loops that are not followed in detail."""

from __future__ import annotations

from simulators.physics.machines.yorkcalc import MOST_WATER_PER_AIR, RANGE_K, approach_k

_DESIGN_RANGE_K = 5.0
"""Condenser water at full load."""
_WATER_PER_AIR = 1.15
"""At design: 4.4 K of approach at a wet bulb of 25.55 degC, a tower with some years behind it."""
_FAN_RULES = 0.3
"""Above this speed natural draught does not matter."""
_FREE_CONVECTION = 0.125
"""Heat without a fan as a share of that with it."""


def leaving_water_c(wet_bulb_c: float, load_share: float, fan_speed: float) -> float:
    """Temperature of the water that a tower gives back, by YorkCalc.

    `load_share` is heat over that at design, `fan_speed` 0-1. Between 12 degC (bypass valve) and
    45 degC.
    """
    cooling_k = _DESIGN_RANGE_K * load_share
    if fan_speed > _FAN_RULES:
        leaving = wet_bulb_c + _approach(wet_bulb_c, cooling_k, fan_speed)
        return min(45.0, max(12.0, leaving))
    # Without a fan, water has to come so warm that an eighth of what a fan would do is enough.
    all_of_it = cooling_k / _FREE_CONVECTION
    leaving = wet_bulb_c + _approach(wet_bulb_c, all_of_it, 1.0) + all_of_it - cooling_k
    if fan_speed > 0.0:
        leaving = min(leaving, wet_bulb_c + _approach(wet_bulb_c, cooling_k, fan_speed))
    return min(45.0, max(12.0, leaving))


def _approach(wet_bulb_c: float, cooling_k: float, air: float) -> float:
    ratio = _WATER_PER_AIR / air
    held = min(MOST_WATER_PER_AIR, ratio)
    approach = approach_k(wet_bulb_c, cooling_k, held) * ratio / held
    least = RANGE_K[0]
    return approach if cooling_k >= least else approach * cooling_k / least
