"""Which set of unlike machines runs: candidates, when to go up or down, and to which. Pure.

Guideline 36, 5.20.4.14 and 15. A candidate is so many machines of each size. It goes up when the
load of the last 5 min, as a share of the design of what runs (OPLR), stays above a limit (SPLR),
or when water stays too warm or its pressure too low; down when the load stays below the limit of
a smaller candidate. Both wait a delay in watched time, and a least time in the stage.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

from bms.control.blocks.delays import above, held_for, holds_since
from bms.control.blocks.machines import chooser
from bms.control.blocks.machines.chooser import Choice, Demand, Unit
from bms.control.blocks.plants.plant_load import (
    FAILSAFE_K,
    FAILSAFE_KPA,
    Lift,
    share_to_go_down,
    share_to_go_up,
)
from bms.control.blocks.plants.stage_changes import noted, patience
from bms.core.machines.relations import Compressor
from bms.texts.messages import msg

ALIKE = 0.05
"""Machines whose capacities differ by less are of one size (D)."""
HYSTERESIS = 0.05
"""Of a share of the capacity: noise of 2-3 % neither begins nor ends a delay."""


class Step(Enum):
    """What the stage should do."""

    HOLD = "hold"
    UP = "up"
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class Candidate:
    """Machines that may run together."""

    machines: tuple[str, ...]
    capacity_kw: float
    power_kw: float | None = None
    """Modelled for the load; None without curves, or where it does not matter."""
    feasible: bool = True
    """Each machine gets its least load, and the lift is in its envelope."""


NONE = Candidate((), 0.0)


@dataclass(frozen=True, slots=True)
class StageRules:
    """Limits as shares of capacity (None: by compressor), times in seconds of watched time."""

    up: float | None = 0.9
    down: float | None = 0.8
    delay_s: float = 900.0
    min_stage_s: float = 900.0
    failsafe_k: float = FAILSAFE_K


@dataclass(frozen=True, slots=True)
class StageTimers:
    """Since when each reason to change the stage has held."""

    stage_since_s: float | None = None
    up_since_s: float | None = None
    down_since_s: float | None = None
    failsafe_since_s: float | None = None
    better_since_s: float | None = None
    """Since when another set would draw less for the same load."""
    changes_s: tuple[float, ...] = ()
    """When the stage changed within the last day."""


@dataclass(frozen=True, slots=True)
class Situation:
    """What is known of the load now. None: not known, so it changes nothing."""

    load_kw: float | None
    too_warm_k: float | None
    """Supply temperature minus setpoint."""
    low_pressure_kpa: float | None = None
    """Setpoint of the differential pressure minus what is measured."""


@dataclass(frozen=True, slots=True)
class StageDecision:
    """The step to take now, and why, for people."""

    step: Step
    reason: str
    timers: StageTimers


def candidates(
    units: Sequence[Unit], running: Collection[str], demand: Demand | None
) -> list[Candidate]:
    """Every set of available machines, by capacity; of those alike the first in lead order, what
    runs before the others. With a `demand`, what each would draw."""
    found = []
    for members in chooser.candidates(units, running):
        if demand is None:
            names, capacity_kw = tuple(u.name for u in members), sum(u.capacity_kw for u in members)
            found.append(Candidate(names, capacity_kw))
        else:
            choice: Choice = chooser.judge(members, demand)
            found.append(
                Candidate(choice.names, choice.capacity_kw, choice.power_kw, choice.feasible)
            )
    return sorted(
        found,
        key=lambda c: (round(c.capacity_kw, 3), len(c.machines), len({*c.machines} ^ {*running})),
    )


def limits_of(
    rules: StageRules,
    current: Iterable[Compressor | None],
    larger: Iterable[Compressor | None],
    smaller: Iterable[Compressor | None],
    lift: Lift | None,
) -> tuple[float, float]:
    """SPLR for stage up and down: as the site says, else by the compressors of the sets."""
    here, above_it, below = _known(current), _known(larger), _known(smaller)
    up, down = rules.up, rules.down
    if up is None:
        up = 0.9 if here is None or above_it is None else share_to_go_up(here, above_it, lift)
    if down is None:
        down = 0.8 if here is None or below is None else share_to_go_down(here, below, lift)
    return up, down


def _known(kinds: Iterable[Compressor | None]) -> list[Compressor] | None:
    """The compressors, None if nobody wrote one of them down."""
    found = list(kinds)
    known = [kind for kind in found if kind is not None]
    return known if known and len(known) == len(found) else None


def next_step(
    timers: StageTimers,
    rules: StageRules,
    situation: Situation,
    current: Candidate,
    limits: tuple[float, float],
    smaller: Candidate | None,
    watched_s: float,
) -> StageDecision:
    """Decide on the stage.

    `limits` are the shares for up (of `current`) and down (of `smaller`, None in the lowest). If
    both directions are due, down is taken (5.20.4).
    """
    up, down = limits
    load_kw, warm_k, low_kpa = situation.load_kw, situation.too_warm_k, situation.low_pressure_kpa
    warm = warm_k is not None and above(
        warm_k, rules.failsafe_k, 0.2, timers.failsafe_since_s is not None
    )
    low_pressure = low_kpa is not None and low_kpa > FAILSAFE_KPA
    failsafe = warm or low_pressure
    high = low = False
    if load_kw is not None:
        if current.capacity_kw > 0.0:
            share = load_kw / current.capacity_kw
            high = above(share, up, HYSTERESIS, timers.up_since_s is not None)
        if smaller is not None and not failsafe:
            kept = HYSTERESIS if timers.down_since_s is not None else 0.0
            low = load_kw < (down + kept) * smaller.capacity_kw
    timers = StageTimers(
        timers.stage_since_s,
        holds_since(high, timers.up_since_s, watched_s),
        holds_since(low, timers.down_since_s, watched_s),
        holds_since(failsafe, timers.failsafe_since_s, watched_s),
        timers.better_since_s,
        timers.changes_s,
    )
    began_s = timers.stage_since_s
    if began_s is not None and not held_for(began_s, rules.min_stage_s, watched_s):
        return StageDecision(Step.HOLD, "", timers)
    if smaller is not None and held_for(
        timers.down_since_s, rules.delay_s * patience(timers.changes_s), watched_s
    ):
        reason = msg(
            "load {load_kw:.0f} kW below {down_pct:g} % of {lower_capacity_kw:.0f} kW",
            load_kw=load_kw,
            down_pct=round(100.0 * down, 1),
            lower_capacity_kw=smaller.capacity_kw,
        )
        return StageDecision(Step.DOWN, reason, timers)
    if held_for(timers.up_since_s, rules.delay_s, watched_s):
        reason = msg(
            "load {load_kw:.0f} kW above {up_pct:g} % of {capacity_kw:.0f} kW",
            load_kw=load_kw,
            up_pct=round(100.0 * up, 1),
            capacity_kw=current.capacity_kw,
        )
        return StageDecision(Step.UP, reason, timers)
    if held_for(timers.failsafe_since_s, rules.delay_s, watched_s):
        if warm:
            reason = msg("supply {too_warm_k:.1f} K above its setpoint", too_warm_k=warm_k)
        else:
            reason = msg("pressure {low_kpa:.0f} kPa below its setpoint", low_kpa=low_kpa)
        return StageDecision(Step.UP, reason, timers)
    return StageDecision(Step.HOLD, "", timers)


def changed(timers: StageTimers, watched_s: float, *, counts: int) -> StageTimers:
    """The timers of a new stage; a change for a failed machine or a person does not count."""
    return StageTimers(watched_s, changes_s=noted(timers.changes_s, watched_s, counts=counts))


def larger_for(
    found: Sequence[Candidate], current: Candidate, load_kw: float | None, share: float
) -> Candidate | None:
    """The set above `current` for a load: of those that it loads to `share` at most, the one that
    draws the least, else the smallest; the largest, if none suffices."""
    above_it = [c for c in found if c.capacity_kw > current.capacity_kw * (1.0 + 1e-6)]
    if not above_it or load_kw is None:
        return above_it[0] if above_it else None
    enough = [c for c in above_it if load_kw <= share * c.capacity_kw]
    return cheapest(enough) if enough else above_it[-1]


def smaller_for(
    found: Sequence[Candidate], current: Candidate, load_kw: float | None, share: float
) -> Candidate | None:
    """The set below `current` that a load leaves in its share: the one that draws the least, else
    the smallest. None if none does."""
    below = [
        c
        for c in found
        if c.capacity_kw < current.capacity_kw * (1.0 - 1e-6)
        and load_kw is not None
        and load_kw < share * c.capacity_kw
    ]
    return cheapest(below) if below else None


def next_below(found: Sequence[Candidate], current: Candidate) -> Candidate | None:
    """The next smaller set."""
    below = [c for c in found if c.capacity_kw < current.capacity_kw * (1.0 - 1e-6)]
    return below[-1] if below else None


def cheapest(found: Sequence[Candidate]) -> Candidate:
    """The set that draws the least, of at least one; the smallest, where not all are modelled."""
    feasible = [c for c in found if c.feasible] or list(found)
    powers = [c.power_kw for c in feasible]
    if any(power is None for power in powers):
        return feasible[0]
    return min(feasible, key=lambda c: (round(c.power_kw or 0.0, 2), c.capacity_kw))


def replacing(found: Sequence[Candidate], lost: Candidate) -> Candidate:
    """The set in place of one that is not available: as large, or the largest there is."""
    enough = [c for c in found if c.capacity_kw >= lost.capacity_kw * (1.0 - ALIKE)]
    return enough[0] if enough else found[-1] if found else NONE
