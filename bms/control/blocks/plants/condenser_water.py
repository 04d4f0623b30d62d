"""Condenser water: the lift reset, the fans of towers, head pressure. Pure.

Guideline 36, 5.20.10 and 5.20.12 (control reference, 3; the origin is Taylor, ASHRAE Journal, June
2012: fit A and B to the site). The return setpoint follows the part load between the least and the
most lift; for the first ten minutes it is 5.6 K below design, and then it ramps to the reset.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from bms.control.blocks.delays import held_for, holds_since
from bms.control.blocks.resets.linear_reset import TOWER_FAN_BY_LOAD, Line

LEAST_LIFT_K = 12.0
"""A sample of the reference: ask the maker."""
START_BELOW_DESIGN_K = 5.6
START_S = 600.0
RAMP_S = 600.0
HEAD_PRESSURE_K = 10.0
"""The lift that head pressure control holds at least."""


@dataclass(frozen=True, slots=True)
class LiftReset:
    """Of one plant: design condenser return and lowest chilled-water supply in degC."""

    design_return_c: float
    least_supply_c: float
    least_lift_k: float = LEAST_LIFT_K
    slope_k: float | None = None
    """A, if it was fitted to the site; otherwise 1.1 (most - least)."""

    @property
    def most_lift_k(self) -> float:
        """At design."""
        return max(self.design_return_c - self.least_supply_c, self.least_lift_k)

    def lift_k(self, part_load: float) -> float:
        """The lift for a part load (a part of 1): A PLR + B, within its ends."""
        most_k = self.most_lift_k
        slope_k = 1.1 * (most_k - self.least_lift_k) if self.slope_k is None else self.slope_k
        lift_k = slope_k * part_load + (most_k - slope_k)
        return min(max(lift_k, self.least_lift_k), most_k)


def return_setpoint_c(
    reset: LiftReset, supply_setpoint_c: float, part_load: float, on_for_s: float
) -> float:
    """The setpoint of the condenser return `on_for_s` watched seconds after the plant started."""
    aim_c = supply_setpoint_c + reset.lift_k(part_load)
    start_c = reset.design_return_c - START_BELOW_DESIGN_K
    share = min(max((on_for_s - START_S) / RAMP_S, 0.0), 1.0)
    return start_c + share * (aim_c - start_c)


def supply_setpoint_c(return_c: float, range_k: float) -> float:
    """For pipes of over 30 m: the supply setpoint, by a 5-min mean of the range."""
    return return_c - max(range_k, 0.0)


@dataclass(frozen=True, slots=True)
class FanRules:
    """When fans of towers stop and start: kelvin about the setpoint, times in seconds."""

    band_k: float = 0.56
    least_speed_s: float = 300.0
    """At their least speed for so long before they stop."""
    off_s: float = 60.0
    least_pct: float = 10.0
    """The least speed that they run at (D)."""


@dataclass(frozen=True, slots=True)
class FanState:
    """The fans of the towers of a plant."""

    on: bool = False
    speed_pct: float = 0.0
    slow_since_s: float | None = None
    off_since_s: float | None = None


def run_fans(
    state: FanState,
    rules: FanRules,
    error_k: float | None,
    caps_pct: tuple[float, ...],
    watched_s: float,
) -> FanState:
    """The fans at a look. `error_k`: water minus its setpoint; None keeps them on or off.

    `caps_pct`: what each may at most be: the loop's output, `head_pressure`, `fan_by_load`.
    """
    asked_pct = min(caps_pct, default=100.0)
    if not state.on:
        off_since_s = holds_since(True, state.off_since_s, watched_s)
        rested = state.off_since_s is None or held_for(off_since_s, rules.off_s, watched_s)
        if rested and error_k is not None and error_k > rules.band_k:
            return FanState(True, max(asked_pct, rules.least_pct))
        return state if state.off_since_s == off_since_s else FanState(off_since_s=off_since_s)
    slow = asked_pct <= rules.least_pct
    slow_since_s = holds_since(slow, state.slow_since_s, watched_s)
    cold = error_k is not None and error_k < -rules.band_k
    if cold and held_for(slow_since_s, rules.least_speed_s, watched_s):
        return FanState(off_since_s=watched_s)
    return FanState(True, max(asked_pct, rules.least_pct), slow_since_s)


def fan_by_load(part_load: float) -> float:
    """The cap of fans in percent by part load (a part of 1): 70 % at none, 100 % from a half."""
    return TOWER_FAN_BY_LOAD.at(100.0 * part_load)


class HeadPressure(NamedTuple):
    """What a short lift limits, in percent."""

    fan_most_pct: float
    valve_pct: float
    """The condenser-water valve of a chiller, or the speed of its pump."""


UNLIMITED = HeadPressure(100.0, 100.0)


def head_pressure(
    output_pct: float, least_valve_pct: float, free_cooling: bool = False
) -> HeadPressure:
    """Limits by the output of the loop that holds the lift: 0 for none, 100 for most.

    The first half lowers the fans, the second throttles the water. With free cooling running the
    fans are needed cold, and only the water of each chiller is throttled.
    """
    if output_pct <= 0.0:
        return UNLIMITED
    if free_cooling:
        return HeadPressure(100.0, Line(0.0, 100.0, 100.0, least_valve_pct).at(output_pct))
    return HeadPressure(
        Line(0.0, 100.0, 50.0, 0.0).at(output_pct),
        Line(50.0, 100.0, 100.0, least_valve_pct).at(output_pct),
    )
