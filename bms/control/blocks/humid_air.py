"""Water in air. Pure."""

from __future__ import annotations

import math


def saturation_pa(dry_bulb_c: float) -> float:
    """The most water that air of a temperature holds, as pressure (Magnus formula, within 0.5 %
    from -40 to 60 degC)."""
    return 611.2 * math.exp(17.62 * dry_bulb_c / (243.12 + dry_bulb_c))


def vapour_pressure_pa(dry_bulb_c: float, humidity_pct: float) -> float:
    """Of the water in moist air."""
    return saturation_pa(dry_bulb_c) * min(max(humidity_pct, 0.0), 100.0) / 100.0


def humidity_at_pct(humidity_pct: float, dry_bulb_c: float, other_c: float) -> float:
    """The relative humidity that air would have at another temperature, with the same water."""
    return humidity_pct * saturation_pa(dry_bulb_c) / saturation_pa(other_c)
