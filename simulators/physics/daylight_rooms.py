"""What a light sensor sees: the sky through windows, and lamps."""

from __future__ import annotations

LUX_PER_W_M2 = 110.0
"""Luminous efficacy of daylight (global, mean of clear and overcast skies)."""
_FULL_MOON_LUX = 0.25


def outdoor_lux(irradiance_w_m2: float) -> float:
    """Light on the horizontal outside."""
    return _FULL_MOON_LUX + LUX_PER_W_M2 * max(0.0, irradiance_w_m2)


def room_lux(irradiance_w_m2: float, daylight_factor: float, lamps_lux: float) -> float:
    """Light on the desks of a room: daylight by its factor (0.005 to 0.05), and the lamps."""
    return daylight_factor * outdoor_lux(irradiance_w_m2) + lamps_lux
