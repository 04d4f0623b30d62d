"""Formulas of moist air and of the sun."""

from __future__ import annotations

import math
from datetime import date


def _magnus(temp_c: float) -> float:
    """Exponent of the saturation pressure over water (Alduchov and Eskridge 1996)."""
    return 17.625 * temp_c / (243.04 + temp_c)


def humidity_pct(temp_c: float, dew_point_c: float) -> float:
    """Relative humidity in % of air at `temp_c` with the given dew point (not above it)."""
    return 100.0 * math.exp(_magnus(dew_point_c) - _magnus(temp_c))


def wet_bulb_c(temp_c: float, relative_humidity_pct: float) -> float:
    """Wet bulb at sea level (Stull 2011: within 0.65 K from 5 to 99 % and -20 to 50 degC).

    Never above the dry bulb, where the fit would leave physics at saturation.
    """
    rh = min(99.0, max(5.0, relative_humidity_pct))
    wet = (
        temp_c * math.atan(0.151977 * math.sqrt(rh + 8.313659))
        + math.atan(temp_c + rh)
        - math.atan(rh - 1.676331)
        + 0.00391838 * rh * math.sqrt(rh) * math.atan(0.023101 * rh)
        - 4.686035
    )
    return min(temp_c, wet)


def sun_height(day: date, utc_hour: float, latitude_deg: float, longitude_deg: float) -> float:
    """Cosine of the sun's zenith angle; negative at night.

    Declination after Cooper (1969), equation of time after Spencer (1971).
    """
    n = day.timetuple().tm_yday
    declination = math.radians(23.45) * math.sin(2 * math.pi * (284 + n) / 365)
    b = 2 * math.pi * (n - 1) / 365
    minutes = 229.2 * (
        0.000075
        + 0.001868 * math.cos(b)
        - 0.032077 * math.sin(b)
        - 0.014615 * math.cos(2 * b)
        - 0.04089 * math.sin(2 * b)
    )
    solar_hour = utc_hour + longitude_deg / 15 + minutes / 60
    latitude = math.radians(latitude_deg)
    return math.sin(latitude) * math.sin(declination) + math.cos(latitude) * math.cos(
        declination
    ) * math.cos(math.radians(15 * (solar_hour - 12)))


def clear_sky_w_m2(day: date, utc_hour: float, latitude_deg: float, longitude_deg: float) -> float:
    """Global irradiance on the horizontal without clouds (Haurwitz 1945)."""
    height = sun_height(day, utc_hour, latitude_deg, longitude_deg)
    return 1098.0 * height * math.exp(-0.057 / height) if height > 0.0 else 0.0
