"""How many boilers a heat plant runs. Pure.

Guideline 36, 5.21.3 (control reference, 4). Boilers that may be fed cold water come first, and
early: they burn best when they burn low, so the next one comes once the load is 150 % of what the
next stage gives at least. Boilers that must not condense come late, at 90 % of what runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import Enum

from bms.control.blocks.delays import Accumulated, accumulate, held_for, holds_since
from bms.control.blocks.plants.approach import Approach, approach
from bms.control.blocks.plants.stage_changes import (
    OwnStops,
    larger_counts,
    noted,
    patience,
    stopped_themselves,
)
from bms.control.strategies.hot_water.boiler_plant import HeatUnit
from bms.texts.messages import msg

FAILSAFE_S = 900.0
CONDENSING_DOWN_S = 300.0
"""Guideline 36, 5.21.3: boilers that condense go sooner."""
LEAST_FIRING = 1.1
"""Below this share of its least firing a stage of condensing boilers may shrink."""
LEAVES = 0.9
"""Of the load that would bring a stage back: it goes below that (D)."""


class HeatStep(Enum):
    """What the stage should do."""

    HOLD = "hold"
    UP = "up"
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class BoilerStage:
    """Boilers that run together."""

    capacity_kw: float
    least_kw: float
    condensing: bool

    @classmethod
    def of(cls, units: Sequence[HeatUnit]) -> BoilerStage:
        """The stage that units make."""
        return cls(
            sum(unit.capacity_kw for unit in units),
            sum(unit.least_kw for unit in units),
            all(unit.condensing for unit in units),
        )


@dataclass(frozen=True, slots=True)
class BoilerStageRules:
    """Shares of 1, times in watched seconds."""

    up: float = 0.9
    condensing_up: float = 1.5
    down: float = 0.8
    delay_s: float = 600.0
    min_stage_s: float = 600.0
    failsafe_k: float = 5.6


@dataclass(frozen=True, slots=True)
class HeatNeed:
    """What is known of the load now. None: not known, so it changes nothing."""

    load_kw: float | None
    supply_c: float | None
    setpoint_c: float
    bypassing: bool
    """The bypass is open: the boilers get more water than the consumers take."""
    paused: tuple[str, ...] = ()
    """Boilers that are told to run, and that their own thermostats stop."""


@dataclass(frozen=True, slots=True)
class BoilerTimers:
    """How long each reason to change the stage has held."""

    stage_since_s: float | None = None
    up: Accumulated = field(default_factory=Accumulated)
    down: Accumulated = field(default_factory=Accumulated)
    failsafe_since_s: float | None = None
    warming: Approach = field(default_factory=Approach)
    changes_s: tuple[float, ...] = ()
    """When the stage changed within the last day."""
    smaller_s: float | None = None
    """When a smaller stage was last taken."""
    own: OwnStops = field(default_factory=OwnStops)
    """How often boilers of this stage stopped by themselves."""


@dataclass(frozen=True, slots=True)
class BoilerDecision:
    """The step to take now, and why, for people."""

    step: HeatStep
    reason: str
    timers: BoilerTimers


def next_boilers(
    timers: BoilerTimers,
    rules: BoilerStageRules,
    need: HeatNeed,
    stages: tuple[BoilerStage, BoilerStage | None, BoilerStage | None],
    watched_s: float,
) -> BoilerDecision:
    """Decide on the stage. `stages` are the one that runs, the next above and the next below."""
    here, above, below = stages
    load_kw = need.load_kw
    cold_k = None if need.supply_c is None else need.setpoint_c - need.supply_c
    cold = cold_k is not None and cold_k > rules.failsafe_k
    warming = approach(timers.warming, need.supply_c, watched_s, rising=True)
    rises = warming.goes_on(watched_s)
    own = stopped_themselves(timers.own, need.paused, watched_s)
    high = low = False
    limit_kw = _limit_kw(rules, here, above)
    if load_kw is not None:
        high = load_kw > limit_kw
        if below is not None and (not cold or own.lately(watched_s)):
            # Not where it would come back at once: condensing stages begin far below capacity.
            low_kw = min(rules.down * below.capacity_kw, LEAVES * _limit_kw(rules, below, here))
            low = load_kw < low_kw
            if here.condensing:
                low = low and (load_kw < LEAST_FIRING * here.least_kw or need.bypassing)
    down_s = min(CONDENSING_DOWN_S, rules.delay_s) if here.condensing else rules.delay_s
    down_s *= patience(timers.changes_s, own)
    timers = BoilerTimers(
        timers.stage_since_s,
        accumulate(timers.up, high, watched_s, rules.delay_s),
        accumulate(timers.down, low, watched_s, down_s),
        holds_since(cold and not rises, timers.failsafe_since_s, watched_s),
        warming,
        timers.changes_s,
        timers.smaller_s,
        own,
    )
    began_s = timers.stage_since_s
    if began_s is not None and not held_for(began_s, rules.min_stage_s, watched_s):
        return BoilerDecision(HeatStep.HOLD, "", timers)
    if below is not None and low and timers.down.held_s >= down_s:
        reason = msg(
            "load {load_kw:.0f} kW suits a smaller stage of {lower_capacity_kw:.0f} kW",
            load_kw=load_kw,
            lower_capacity_kw=below.capacity_kw,
        )
        return BoilerDecision(HeatStep.DOWN, reason, timers)
    if above is None:
        return BoilerDecision(HeatStep.HOLD, "", timers)
    if high and timers.up.held_s >= rules.delay_s:
        reason = msg(
            "load {load_kw:.0f} kW above {limit_kw:.0f} kW", load_kw=load_kw, limit_kw=limit_kw
        )
        return BoilerDecision(HeatStep.UP, reason, timers)
    if held_for(timers.failsafe_since_s, FAILSAFE_S, watched_s):
        reason = msg("supply {too_cold_k:.1f} K below its setpoint", too_cold_k=cold_k)
        return BoilerDecision(HeatStep.UP, reason, timers)
    return BoilerDecision(HeatStep.HOLD, "", timers)


def _limit_kw(rules: BoilerStageRules, here: BoilerStage, above: BoilerStage | None) -> float:
    """The load above which the next stage is taken."""
    limit_kw = rules.up * here.capacity_kw
    if above is not None and above.condensing:
        limit_kw = min(limit_kw, rules.condensing_up * above.least_kw)
    return limit_kw


def changed_boilers(
    watched_s: float, before: BoilerTimers | None = None, *, counts: int = 0
) -> BoilerTimers:
    """The timers of a new stage; a change for a failed boiler or a person does not count."""
    before = BoilerTimers() if before is None else before
    changes_s = noted(before.changes_s, watched_s, counts=counts)
    return BoilerTimers(
        watched_s, warming=before.warming, changes_s=changes_s, smaller_s=before.smaller_s
    )


def restaged(watched_s: float, before: BoilerTimers, step: HeatStep) -> BoilerTimers:
    """The timers after a step that was taken for the load."""
    if step is HeatStep.UP:
        counts = larger_counts(before.smaller_s, watched_s)
        return changed_boilers(watched_s, before, counts=counts)
    return replace(changed_boilers(watched_s, before, counts=1), smaller_s=watched_s)
