"""Which set of unlike machines runs: candidates, when to go up or down, and to which. Pure.

Guideline 36, 5.20.4.14 and 15. A candidate is so many machines of each size. It goes up when the
load of the last 5 min, as a share of the design of what runs (OPLR), stays above a limit (SPLR),
or when water stays too warm or its pressure too low; down when the load stays below the limit of
a smaller candidate. Both wait a delay in watched time, and a least time in the stage.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum

from bms.control.blocks.delays import above, held_for, holds_since
from bms.control.blocks.machines import chooser
from bms.control.blocks.machines.chooser import Choice, Demand, Unit
from bms.control.blocks.plants.approach import Approach, approach
from bms.control.blocks.plants.plant_load import (
    FAILSAFE_K,
    FAILSAFE_KPA,
    Lift,
    share_to_go_down,
    share_to_go_up,
)
from bms.control.blocks.plants.stage_changes import (
    OwnStops,
    noted,
    patience,
    stopped_themselves,
)
from bms.core.machines.relations import Compressor
from bms.texts.messages import msg

ALIKE = 0.05
"""Machines whose capacities differ by less are of one size (D)."""
HYSTERESIS = 0.05
"""Of a share of the capacity: noise of 2-3 % neither begins nor ends a delay."""
LEAVES = 0.9
"""Of the load that would bring the larger set back: it goes below that (D)."""
SWAPS_FROM = 1.25
"""Machines are changed for others where the larger set has so much more capacity (D)."""
SETTLES_S = 900.0
"""Guideline 36, 5.20.4: after a change, the load of the stage is not judged for 15 min. Water that
warmed meanwhile is load too; if it stays warm, that alone asks for more."""


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
    settled_s: float | None = None
    """When the last change was complete."""
    cooling: Approach = field(default_factory=Approach)
    """Whether the water still becomes colder."""
    smaller_s: float | None = None
    """When a smaller stage was last taken."""
    own: OwnStops = field(default_factory=OwnStops)
    """How often machines of this stage stopped by themselves."""

    @property
    def patience(self) -> float:
        """By what the delay of a smaller stage is multiplied."""
        return patience(self.changes_s, self.own)


@dataclass(frozen=True, slots=True)
class Situation:
    """What is known of the load now. None: not known, so it changes nothing."""

    load_kw: float | None
    too_warm_k: float | None
    """Supply temperature minus setpoint."""
    low_pressure_kpa: float | None = None
    """Setpoint of the differential pressure minus what is measured."""
    supply_c: float | None = None
    colder_kw: float = 0.0
    """What makes supply water colder than its setpoint: part of what is given, not of the load."""
    paused: tuple[str, ...] = ()
    """Machines that are told to run, and that their own thermostats stop."""

    @property
    def given_kw(self) -> float:
        """What a smaller set would have to give; 0 without a load."""
        return 0.0 if self.load_kw is None else self.load_kw + self.colder_kw


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


def stays_below(
    rules: StageRules,
    current: Iterable[Compressor | None],
    smaller: Iterable[Compressor | None],
    lift: Lift | None,
) -> float:
    """The share of a smaller set below which the current one does not come back at once. The
    Guideline's shares up and down are the same, and a load between the two does not exist."""
    here, below = _known(current), _known(smaller)
    returns = rules.up
    if returns is None:
        returns = 0.9 if here is None or below is None else share_to_go_up(below, here, lift)
    return LEAVES * returns


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
    cooling = approach(timers.cooling, situation.supply_c, watched_s, rising=False)
    helped = cooling.arrives(warm_k, watched_s)
    settling = _settling(timers, watched_s)
    own = stopped_themselves(timers.own, situation.paused, watched_s)
    short = low_pressure or (warm and not own.lately(watched_s))
    high = low = False
    if load_kw is not None:
        if current.capacity_kw > 0.0 and not helped and (warm or not settling):
            share = load_kw / current.capacity_kw
            high = above(share, up, HYSTERESIS, timers.up_since_s is not None)
        if smaller is not None and not short and not settling:
            kept = HYSTERESIS if timers.down_since_s is not None else 0.0
            low = situation.given_kw < (down + kept) * smaller.capacity_kw
    timers = StageTimers(
        timers.stage_since_s,
        holds_since(high, timers.up_since_s, watched_s),
        holds_since(low, timers.down_since_s, watched_s),
        holds_since(failsafe and not helped, timers.failsafe_since_s, watched_s),
        timers.better_since_s,
        timers.changes_s,
        timers.settled_s,
        cooling,
        timers.smaller_s,
        own,
    )
    began_s = timers.stage_since_s
    if began_s is not None and not held_for(began_s, rules.min_stage_s, watched_s):
        return StageDecision(Step.HOLD, "", timers)
    if smaller is not None and held_for(
        timers.down_since_s, rules.delay_s * timers.patience, watched_s
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


def _settling(timers: StageTimers, watched_s: float) -> bool:
    """Whether other machines have just taken over from those that ran: the load is not known."""
    restaged = bool(timers.changes_s) and timers.changes_s[-1] == timers.stage_since_s
    settled_s = timers.settled_s
    return restaged and settled_s is not None and not held_for(settled_s, SETTLES_S, watched_s)


def changed(timers: StageTimers, watched_s: float, *, counts: int) -> StageTimers:
    """The timers of a new stage; a change for a failed machine or a person does not count."""
    changes_s = noted(timers.changes_s, watched_s, counts=counts)
    return StageTimers(
        watched_s, changes_s=changes_s, cooling=timers.cooling, smaller_s=timers.smaller_s
    )


def larger_for(
    found: Sequence[Candidate], current: Candidate, load_kw: float | None, share: float
) -> Candidate | None:
    """The set above `current` for a load: of those that it loads to `share` at most, the one that
    draws the least, else the smallest; the largest, if none suffices."""
    above_it = [c for c in found if c.capacity_kw > current.capacity_kw * (1.0 + 1e-6)]
    above_it = [c for c in above_it if _worth(current, c)] or above_it
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
        c for c in _below(found, current) if load_kw is not None and load_kw < share * c.capacity_kw
    ]
    return cheapest(below) if below else None


def next_below(found: Sequence[Candidate], current: Candidate) -> Candidate | None:
    """The next smaller set."""
    below = _below(found, current)
    return below[-1] if below else None


def _below(found: Sequence[Candidate], current: Candidate) -> list[Candidate]:
    smaller = [c for c in found if c.capacity_kw < current.capacity_kw * (1.0 - 1e-6)]
    return [c for c in smaller if _worth(c, current)]


def _worth(smaller: Candidate, larger: Candidate) -> bool:
    """Whether a change between two sets is worth its starts: one set within the other always is,
    one that changes machines for others only if the sizes differ by enough."""
    return (
        larger.capacity_kw >= smaller.capacity_kw * SWAPS_FROM
        or set(smaller.machines) <= set(larger.machines)
    )  # fmt: skip


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
