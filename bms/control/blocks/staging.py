"""When a plant of several machines goes one stage up or down, by thermal load.

After Guideline 36, 5.20.4: up above a share of the current capacity, or if the supply stays too
warm (failsafe); down below a share of the next lower stage's capacity; both only after a delay
and a minimum time in the stage.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from bms.control.blocks.timers import lasted, since
from bms.texts.messages import msg

WATER_KWH_PER_M3K = 1.163
"""Heat that one cubic metre of water takes up per kelvin (control reference, 9)."""


class Step(Enum):
    """What the stage should do."""

    HOLD = "hold"
    UP = "up"
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class StageRules:
    """Shares in percent, times in seconds, `failsafe_k` in kelvin above the supply setpoint."""

    up_pct: float = 90.0
    down_pct: float = 80.0
    delay_s: float = 900.0
    min_stage_s: float = 900.0
    failsafe_k: float = 1.0


@dataclass(frozen=True, slots=True)
class StageTimers:
    """Since when each reason to change the stage has held."""

    stage_since: datetime | None = None
    up_since: datetime | None = None
    down_since: datetime | None = None
    failsafe_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class StageDecision:
    """The step to take now, and why, for people."""

    step: Step
    reason: str
    timers: StageTimers


def cooling_load_kw(flow_m3h: float, return_c: float, supply_c: float) -> float:
    """Thermal load of a chilled-water loop in kW; negative if the return is the colder one."""
    return WATER_KWH_PER_M3K * flow_m3h * (return_c - supply_c)


def next_step(
    timers: StageTimers,
    rules: StageRules,
    *,
    load_kw: float | None,
    too_warm_k: float | None,
    capacity_kw: float,
    lower_capacity_kw: float | None,
    can_go_up: bool,
    now: datetime,
) -> StageDecision:
    """Decide on the stage.

    `load_kw` None: the load is not known, so it changes nothing. `too_warm_k` is supply
    temperature minus setpoint, None if either is not known: then the failsafe rests.
    `capacity_kw` is that of the running stage, `lower_capacity_kw` that of the stage below,
    None in the lowest. If both directions are due, down is taken (5.20.4).
    """
    warm = too_warm_k is not None and too_warm_k > rules.failsafe_k
    high_kw = capacity_kw * rules.up_pct / 100.0
    low_kw = None if lower_capacity_kw is None else lower_capacity_kw * rules.down_pct / 100.0
    low = load_kw is not None and low_kw is not None and load_kw < low_kw and not warm
    high = load_kw is not None and load_kw > high_kw
    timers = StageTimers(
        timers.stage_since,
        since(high, timers.up_since, now),
        since(low, timers.down_since, now),
        since(warm, timers.failsafe_since, now),
    )
    if timers.stage_since is not None and not lasted(timers.stage_since, rules.min_stage_s, now):
        return StageDecision(Step.HOLD, "", timers)
    if lasted(timers.down_since, rules.delay_s, now):
        reason = msg(
            "load {load_kw:.0f} kW below {down_pct:g} % of {lower_capacity_kw:.0f} kW",
            load_kw=load_kw,
            down_pct=rules.down_pct,
            lower_capacity_kw=lower_capacity_kw,
        )
        return StageDecision(Step.DOWN, reason, StageTimers(now))
    if can_go_up and lasted(timers.up_since, rules.delay_s, now):
        reason = msg(
            "load {load_kw:.0f} kW above {up_pct:g} % of {capacity_kw:.0f} kW",
            load_kw=load_kw,
            up_pct=rules.up_pct,
            capacity_kw=capacity_kw,
        )
        return StageDecision(Step.UP, reason, StageTimers(now))
    if can_go_up and lasted(timers.failsafe_since, rules.delay_s, now):
        reason = msg("supply {too_warm_k:.1f} K above its setpoint", too_warm_k=too_warm_k)
        return StageDecision(Step.UP, reason, StageTimers(now))
    return StageDecision(Step.HOLD, "", timers)
