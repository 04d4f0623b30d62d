"""How many boilers a heat plant runs. Pure.

Guideline 36, 5.21.3 (control reference, 4). Boilers that may be fed cold water come first, and
early: they burn best when they burn low, so the next one comes once the load is 150 % of what the
next stage gives at least. Boilers that must not condense come late, at 90 % of what runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum

from bms.control.blocks.delays import Accumulated, accumulate, held_for, holds_since
from bms.control.blocks.plants.stage_changes import noted, patience
from bms.control.strategies.hot_water.boiler_plant import HeatUnit
from bms.texts.messages import msg

FAILSAFE_S = 900.0
CONDENSING_DOWN_S = 300.0
"""Guideline 36, 5.21.3: boilers that condense go sooner."""
LEAST_FIRING = 1.1
"""Below this share of its least firing a stage of condensing boilers may shrink."""


RISES_K = 1.0
RISES_WITHIN_S = 300.0
"""Water that has risen by a kelvin within 5 min is on its way (D)."""
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


@dataclass(frozen=True, slots=True)
class Warming:
    """The warmest water lately, and when it became so: what still rises needs no help."""

    supply_c: float | None = None
    since_s: float = 0.0


def warmed(before: Warming, supply_c: float | None, watched_s: float) -> Warming:
    """One look later."""
    if supply_c is None or before.supply_c is None:
        return Warming(supply_c, watched_s)
    if supply_c >= before.supply_c + RISES_K or supply_c < before.supply_c - RISES_K:
        return Warming(supply_c, watched_s)
    return before


@dataclass(frozen=True, slots=True)
class BoilerTimers:
    """How long each reason to change the stage has held."""

    stage_since_s: float | None = None
    up: Accumulated = field(default_factory=Accumulated)
    down: Accumulated = field(default_factory=Accumulated)
    failsafe_since_s: float | None = None
    warming: Warming = field(default_factory=lambda: Warming())
    changes_s: tuple[float, ...] = ()
    """When the stage changed within the last day."""


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
    warming = warmed(timers.warming, need.supply_c, watched_s)
    rises = watched_s - warming.since_s < RISES_WITHIN_S
    high = low = False
    limit_kw = _limit_kw(rules, here, above)
    if load_kw is not None:
        high = load_kw > limit_kw
        if below is not None and not cold:
            # Not where it would come back at once: condensing stages begin far below capacity.
            low_kw = min(rules.down * below.capacity_kw, LEAVES * _limit_kw(rules, below, here))
            low = load_kw < low_kw
            if here.condensing:
                low = low and (load_kw < LEAST_FIRING * here.least_kw or need.bypassing)
    down_s = min(CONDENSING_DOWN_S, rules.delay_s) if here.condensing else rules.delay_s
    down_s *= patience(timers.changes_s)
    timers = BoilerTimers(
        timers.stage_since_s,
        accumulate(timers.up, high, watched_s, rules.delay_s),
        accumulate(timers.down, low, watched_s, down_s),
        holds_since(cold and not rises, timers.failsafe_since_s, watched_s),
        warming,
        timers.changes_s,
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
    changes_s = () if before is None else before.changes_s
    return BoilerTimers(watched_s, changes_s=noted(changes_s, watched_s, counts=counts))
