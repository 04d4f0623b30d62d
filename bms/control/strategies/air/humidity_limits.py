"""What zones that are nearly too damp or too dry allow of supply air and of outdoor air. Pure.

Both limits work over a span, not as a switch, which would swing the zones; and both end a margin
before the limit, as sensors are no better.
"""

from __future__ import annotations

from dataclasses import dataclass

from bms.control.blocks.humid_air import vapour_pressure_pa
from bms.control.blocks.resets.linear_reset import Line
from bms.control.strategies.air.air_parameters import AirParameters

MARGIN_PCT = 3.0
DRYING_SPAN_PCT = 10.0
"""Supply air is coldest at the margin below the limit, and gets colder over the span below (D)."""
DRY_SPAN_PCT = 5.0
"""Outdoor air cools no more at the margin above the limit, less and less over the span (D)."""


@dataclass(frozen=True, slots=True)
class DriestZone:
    """Of the zones whose humidity is good."""

    humidity_pct: float
    zone_c: float
    """Its temperature, or the mean of the others."""


def at_dampest(humidity_pct: float | None, parameters: AirParameters) -> bool:
    """Whether zones need the coldest supply air to stay dry enough."""
    return humidity_pct is not None and humidity_pct >= parameters.max_humidity_pct - MARGIN_PCT


def drying_c(humidity_pct: float, parameters: AirParameters) -> float | None:
    """The warmest supply air that dries zones enough: ever colder, the nearer they are to their
    limit. None: any does."""
    ends_pct = parameters.max_humidity_pct - MARGIN_PCT
    begins_pct = ends_pct - DRYING_SPAN_PCT
    if humidity_pct <= begins_pct:
        return None
    return Line(begins_pct, parameters.supply_max_c, ends_pct, parameters.supply_min_c).at(
        humidity_pct
    )


def dry_most_pct(
    driest: DriestZone | None,
    outdoor_c: float | None,
    outdoor_humidity_pct: float | None,
    parameters: AirParameters,
) -> float:
    """How much outdoor air may cool, 0 to 100 %, so that no zone gets too dry.

    Only air that holds less water than the zone dries it. Where nobody measures how much it holds,
    it counts as drier: cold air is, once it is warmed up.
    """
    if driest is None or outdoor_c is None:
        return 100.0
    if outdoor_humidity_pct is not None:
        outdoor_pa = vapour_pressure_pa(outdoor_c, outdoor_humidity_pct)
        if outdoor_pa >= vapour_pressure_pa(driest.zone_c, driest.humidity_pct):
            return 100.0
    ends_pct = parameters.min_humidity_pct + MARGIN_PCT
    return Line(ends_pct, 0.0, ends_pct + DRY_SPAN_PCT, 100.0).at(driest.humidity_pct)
