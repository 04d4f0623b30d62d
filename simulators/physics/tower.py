"""Cooling towers by their approach to the wet bulb."""

from __future__ import annotations

_DESIGN_APPROACH_K = 4.0
_STILL_AIR = 0.1
"""Natural draught: share of design air without a fan."""


def leaving_water_c(wet_bulb_c: float, load_share: float, fan_speed: float) -> float:
    """Temperature of the water that a tower gives back.

    Approach = 4 K * load / air^0.6, both as shares of design; an engineering fit that follows the
    shape of the YorkCalc correlation near design. Between 12 degC (bypass valve) and 45 degC.
    """
    air = fan_speed if fan_speed > _STILL_AIR else _STILL_AIR
    approach = _DESIGN_APPROACH_K * load_share / air**0.6
    return float(min(45.0, max(12.0, wet_bulb_c + 1.0 + approach)))
