"""Heat exchangers by effectiveness and number of transfer units."""

from __future__ import annotations

import math


def counterflow(ua_kw_k: float, one_kw_k: float, other_kw_k: float) -> float:
    """Effectiveness (0-1) of a counterflow exchanger between two capacity flows."""
    low, high = (one_kw_k, other_kw_k) if one_kw_k < other_kw_k else (other_kw_k, one_kw_k)
    if low <= 0.0 or ua_kw_k <= 0.0:
        return 0.0
    ntu = ua_kw_k / low
    ratio = low / high
    if ratio > 0.999_999:
        return ntu / (1.0 + ntu)
    fall = math.exp(-ntu * (1.0 - ratio))
    return (1.0 - fall) / (1.0 - ratio * fall)


def coil_ua(ua_design_kw_k: float, air: float, water: float, air_part: float = 0.5) -> float:
    """UA at flows given as shares of design: 1/UA = 1/UAa m^-0.8 + 1/UAw m^-0.8.

    `air_part` is the share of the design resistance that lies on the air side.
    """
    if air <= 0.0 or water <= 0.0:
        return 0.0
    resistance = air_part * air**-0.8 + (1.0 - air_part) * water**-0.8
    return float(ua_design_kw_k / resistance)
