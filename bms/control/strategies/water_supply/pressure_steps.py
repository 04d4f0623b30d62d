"""How many boosters run, and how fast. Pure.

One more comes when the running ones are at full speed and the pressure is short; one goes when they
turn so slowly that the others carry it; the last one rests when nobody draws, and starts again
before people notice. A pump without a drive is staged by pressure alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final

from bms.control.blocks.delays import held_for, holds_since
from bms.control.blocks.loops.pid import PidRules, PidState, regulate, track
from bms.control.strategies.water_supply.pressure_parameters import PressureParameters

FULL_PCT: Final = 98.0
LOOP: Final = PidRules(60.0, 20.0, rate_pct_per_min=600.0)
"""Percent per unit of the pressure by its setpoint. Guideline 36 moves loops by 25 %/min, which is
for air and plants: a main loses its pressure within seconds (D)."""
CARRY_SHARE: Final = 0.8
"""Of their design flow that the pumps that stay have to carry (D)."""
NO_FLOW_SHARE: Final = 0.03
"""Of one pump's design flow: nobody draws (D)."""


@dataclass(frozen=True, slots=True)
class PressureState:
    """What is remembered of a main; times in watched seconds."""

    count: int = 0
    loop: PidState = field(default_factory=PidState)
    short_since_s: float | None = None
    slow_since_s: float | None = None
    still_since_s: float | None = None


@dataclass(frozen=True, slots=True)
class PressureInputs:
    """What is known now; None: not good, or not there."""

    pressure_kpa: float | None
    setpoint_kpa: float
    flow_m3h: float | None
    pump_m3h: float | None
    """The design flow of one pump."""
    running: int
    """Pumps that are proven."""


def step_pressure(
    state: PressureState,
    rules: PressureParameters,
    inputs: PressureInputs,
    *,
    pumps: int,
    drives: bool,
    watched_s: float,
) -> PressureState:
    """Number and speed at a look; `pumps` is how many there are."""
    pressure, setpoint = inputs.pressure_kpa, inputs.setpoint_kpa
    if pressure is None:
        loop = track(state.loop, rules.blind_speed_pct, watched_s)
        return PressureState(max(1, min(state.count, pumps)), loop)
    short = pressure < setpoint - rules.band_kpa
    if pressure > rules.highest_kpa * max(1.0, setpoint / rules.setpoint_kpa):
        return PressureState(0, track(state.loop, rules.least_speed_pct, watched_s))
    if state.count == 0:
        loop = track(state.loop, rules.least_speed_pct, watched_s)
        return replace(state, count=int(short), loop=loop)
    loop = state.loop
    if inputs.running:
        pid = replace(LOOP, low_pct=rules.least_speed_pct)
        loop = regulate(loop, pid, 1.0, pressure / setpoint, watched_s)
    full = not drives or loop.output_pct >= FULL_PCT
    weak = holds_since(short and full, state.short_since_s, watched_s)
    if held_for(weak, rules.add_delay_s, watched_s) and state.count < pumps:
        return PressureState(state.count + 1, loop)
    high = pressure >= setpoint - rules.band_kpa / 2.0
    easy = high and _one_less_would_do(state, inputs, loop, rules, drives=drives)
    slow = holds_since(easy and state.count > 1, state.slow_since_s, watched_s)
    if held_for(slow, rules.shed_delay_s, watched_s):
        return PressureState(state.count - 1, loop)
    resting = high and state.count == 1 and _nobody_draws(inputs, loop, rules, drives=drives)
    still = holds_since(resting, state.still_since_s, watched_s)
    if held_for(still, rules.rest_delay_s, watched_s):
        return PressureState(0, track(loop, rules.least_speed_pct, watched_s))
    return PressureState(state.count, loop, weak, slow, still)


def _one_less_would_do(
    state: PressureState,
    inputs: PressureInputs,
    loop: PidState,
    rules: PressureParameters,
    *,
    drives: bool,
) -> bool:
    """By the flow, where it is measured; else by speed, or by pressure alone."""
    if inputs.flow_m3h is not None and inputs.pump_m3h is not None:
        return inputs.flow_m3h < CARRY_SHARE * (state.count - 1) * inputs.pump_m3h
    if drives:
        return loop.output_pct < rules.shed_speed_pct
    return inputs.pressure_kpa is not None and inputs.pressure_kpa > inputs.setpoint_kpa


def _nobody_draws(
    inputs: PressureInputs, loop: PidState, rules: PressureParameters, *, drives: bool
) -> bool:
    if inputs.flow_m3h is not None:
        return inputs.flow_m3h < NO_FLOW_SHARE * (inputs.pump_m3h or 1.0)
    if not drives:
        return inputs.pressure_kpa is not None and inputs.pressure_kpa > inputs.setpoint_kpa
    return loop.output_pct <= rules.least_speed_pct
