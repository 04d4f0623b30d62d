"""Linear reset: a setpoint that follows another value along a line, within its ends. Pure.

Guideline 36: supply air by outdoor temperature (5.16.2: 16 to 21 degC maps the highest of the
reset to 12 degC), differential pressure and supply temperature by the plant reset (5.20.5), fans
of towers by load (5.20.12). With a hysteresis, the value has to move by that much before the
setpoint follows: a setpoint that is written at each flicker of a sensor wears out devices.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class Line:
    """From (`from_value`, `from_setpoint`) to (`to_value`, `to_setpoint`); level beyond both."""

    from_value: float
    from_setpoint: float
    to_value: float
    to_setpoint: float
    hysteresis: float = 0.0
    """In the unit of the value."""

    def at(self, value: float) -> float:
        """The setpoint for a value."""
        width = self.to_value - self.from_value
        if not width:
            return self.to_setpoint if value >= self.to_value else self.from_setpoint
        share = min(max((value - self.from_value) / width, 0.0), 1.0)
        return self.from_setpoint + share * (self.to_setpoint - self.from_setpoint)


@dataclass(frozen=True, slots=True)
class LinearState:
    """The value that the setpoint follows now; None: it has not begun."""

    followed: float | None = None


def follow(state: LinearState, line: Line, value: float | None) -> LinearState:
    """The reset at a look; `line.at(state.followed)` is its setpoint.

    A value that is not known (None) leaves it where it is. The ends of the line are reached
    exactly, however little the value moved to get there.
    """
    if value is None:
        return state
    before = state.followed
    ends = (line.from_value, line.to_value)
    beyond = value <= min(ends) or value >= max(ends)
    if before is not None and not beyond and abs(value - before) <= line.hysteresis:
        return state
    return state if before == value else LinearState(value)


class ChilledWaterSetpoints(NamedTuple):
    """What a chilled-water plant holds."""

    pressure_kpa: float
    """Of the differential pressure."""
    supply_c: float


@dataclass(frozen=True, slots=True)
class ChilledWaterLimits:
    """Guideline 36, 5.20.5. The highest pressure and the lowest temperature are the site's."""

    most_pressure_kpa: float
    design_supply_c: float
    least_pressure_kpa: float = 34.5
    warmest_supply_c: float = 15.6


def chilled_water(reset_pct: float, limits: ChilledWaterLimits) -> ChilledWaterSetpoints:
    """Setpoints by the plant reset: 0-50 % raises the pressure, 50-100 % lowers the temperature."""
    pressure = Line(0.0, limits.least_pressure_kpa, 50.0, limits.most_pressure_kpa)
    supply = Line(50.0, limits.warmest_supply_c, 100.0, limits.design_supply_c)
    return ChilledWaterSetpoints(pressure.at(reset_pct), supply.at(reset_pct))


def supply_air_by_outdoor(highest_c: float, lowest_c: float = 12.0) -> Line:
    """Guideline 36, 5.16.2: at 16 degC outdoors what trim and respond gives, at 21 the lowest."""
    return Line(16.0, highest_c, 21.0, lowest_c)


TOWER_FAN_BY_LOAD = Line(0.0, 70.0, 50.0, 100.0)
"""Guideline 36, 5.20.12: the cap of tower fans in percent, by part load of the plant in percent."""
