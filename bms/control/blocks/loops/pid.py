"""PID loop: limits, rate limit, anti-windup, bumpless transfer. Pure.

Guideline 36, 5.1.9: a loop output moves by at most 25 %/min. Gains to begin with (control
reference, head of the page): zone 0.1/K and 900 s, supply air 0.05/K and 600 s, static pressure
0.1 of the normalised error and 60 s, plant 0.1 and 10 s. Output in percent, 0 to 100 by default;
input in its own unit, so that a gain has percent per unit.

The integral is the area under the error (trapezoids), the same at steps of 1 s and of 15 s. A
step longer than the integration time (and a minute) adds no more than that: what the plant did in
between was not seen, and half an hour of an old error would drive a valve to its end. The integral
stands while the output is at a limit, or as fast as it may be, in the direction of the error.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from bms.control.blocks.delays import passed_s

MOST_RATE_PCT_PER_MIN = 25.0
"""Guideline 36, 5.1.9."""
DERIVATIVE_FILTER = 10.0
"""The derivative is smoothed over a tenth of its time."""
LONGEST_INTEGRAL_S = 60.0
"""A longer step counts as this, or as the integration time if that is longer (D)."""


@dataclass(frozen=True, slots=True)
class PidRules:
    """Gains and limits of one loop.

    `gain_pct` is percent of output per unit of the input, above 0. `integral_s` and
    `derivative_s` in seconds; an integral time of 0 is a loop without one. `direct`: the output
    rises when the input is above its setpoint (cooling); otherwise when it is below (heating).
    """

    gain_pct: float
    integral_s: float
    derivative_s: float = 0.0
    direct: bool = False
    low_pct: float = 0.0
    high_pct: float = 100.0
    rate_pct_per_min: float = MOST_RATE_PCT_PER_MIN


ZONE = PidRules(10.0, 900.0)
"""Per kelvin of a zone; heating. Cooling: `replace(ZONE, direct=True)`."""
SUPPLY_AIR = PidRules(5.0, 600.0)
"""Per kelvin of supply air; heating."""
STATIC_PRESSURE = PidRules(10.0, 60.0)
"""Per unit of normalised error: give pressure and setpoint as shares of the design pressure."""
PLANT = PidRules(10.0, 10.0)
"""Per unit of normalised error, as `STATIC_PRESSURE`."""


@dataclass(frozen=True, slots=True)
class PidState:
    """What a loop remembers: its output and its integral in percent, and its last look."""

    output_pct: float = 0.0
    integral_pct: float = 0.0
    error: float | None = None
    """In the direction of the output; None: the next look is a start."""
    measured: float | None = None
    derivative_pct: float = 0.0
    watched_s: float | None = None


def track(state: PidState, output_pct: float, watched_s: float) -> PidState:
    """The loop while somebody else moves its output, or it stands: it goes on from there.

    Use it in manual, under an override, and with the output of a machine that is off. While
    nothing moves it is the same object.
    """
    if state.output_pct == output_pct and state.error is None:
        return state
    return PidState(output_pct=output_pct, watched_s=watched_s)


def regulate(
    state: PidState, rules: PidRules, setpoint: float, measured: float | None, watched_s: float
) -> PidState:
    """The loop at a look; its output is `output_pct`.

    The first look, and the first one after `track`, leaves the output where it stands: within
    its limits, from where it moves no faster than the rate. `measured` None (not good): the
    output is held, nothing is integrated. What to do if that lasts is the strategy's to say.
    """
    if measured is None:
        if state.error is None:
            return state
        return replace(state, error=None, measured=None, derivative_pct=0.0, watched_s=watched_s)
    error = measured - setpoint if rules.direct else setpoint - measured
    proportional = rules.gain_pct * error
    if state.error is None:
        output = _within(state.output_pct, rules.low_pct, rules.high_pct)
        # Kept within the limits: where P alone asks for more, the output goes there at its rate.
        integral = _within(output - proportional, rules.low_pct, rules.high_pct)
        if not rules.integral_s:
            integral = 0.0
        return PidState(output, integral, error, measured, 0.0, watched_s)
    step_s = passed_s(state.watched_s, watched_s)
    derivative = _derivative(state, rules, measured, step_s)
    integral = state.integral_pct
    added = _area(state.error, error, step_s, rules)
    wished = proportional + integral + added + derivative
    most = rules.rate_pct_per_min * step_s / 60.0
    low = max(rules.low_pct, state.output_pct - most)
    high = min(rules.high_pct, state.output_pct + most)
    if not ((wished > high and added > 0.0) or (wished < low and added < 0.0)):
        integral = _within(integral + added, rules.low_pct, rules.high_pct)
    output = _within(proportional + integral + derivative, low, high)
    return PidState(output, integral, error, measured, derivative, watched_s)


def _area(before: float, error: float, step_s: float, rules: PidRules) -> float:
    if not rules.integral_s:
        return 0.0
    counted_s = min(step_s, max(rules.integral_s, LONGEST_INTEGRAL_S))
    return rules.gain_pct * (before + error) / 2.0 * counted_s / rules.integral_s


def _derivative(state: PidState, rules: PidRules, measured: float, step_s: float) -> float:
    """Of the measured value, so that a new setpoint makes no jump; smoothed."""
    if not rules.derivative_s or state.measured is None:
        return 0.0
    smooth_s = rules.derivative_s / DERIVATIVE_FILTER
    if not step_s:
        return state.derivative_pct
    moved = measured - state.measured if rules.direct else state.measured - measured
    part = smooth_s * state.derivative_pct + rules.gain_pct * rules.derivative_s * moved
    return part / (smooth_s + step_s)


def _within(value: float, low: float, high: float) -> float:
    return min(max(value, low), high)
