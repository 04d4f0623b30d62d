"""Which of several unlike machines run for a load: the capacity chooser. Pure.

Control reference, 3: a set is feasible if each of its machines gets at least 1.1 times its least
load, all together no more than the staging share of their design capacity, and the lift is in
their envelope. Of the feasible ones that with the least modelled power counts (GB 50019-2015
11.7.4 wants the combination chosen by load and part-load efficiency, with few starts); without
curves the smallest. A set in use is given up for another one once the load has been beyond it, or
the other one better by a margin, on balance for a delay, and after a hold time. Machines share a
load by what they can give, as they do on one header.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import TypeAlias

from bms.control.blocks.delays import Accumulated, accumulate, held_for
from bms.control.blocks.machines.curves import (
    ChillerModel,
    FullLoad,
    full_load,
    part_load_kw,
)
from bms.control.engine.states import Words
from bms.texts.messages import Message, msg

LEAST_LOAD_FACTOR = 1.1
"""Of a machine's least load, so that it does not cycle at the first cloud."""


@dataclass(frozen=True, slots=True)
class Unit:
    """One machine that can be chosen."""

    name: str
    capacity_kw: float
    """At design, above 0."""
    least_kw: float = 0.0
    """The least load at which it runs on."""
    share: float = 0.9
    """Up to this share of its capacity it is loaded before another one comes (SPLR)."""
    available: bool = True
    """It may run: in order, its starts not used up if it is off."""
    kept: bool = False
    """It runs in any case: a person wants it."""
    model: ChillerModel | None = None
    factor: float = 1.0
    """Correction of its power, learned from its meter."""
    auxiliary_kw: float = 0.0
    """Its pumps and tower, while it runs."""
    lift_k: tuple[float, float] | None = None
    """The least and the most lift that it can run on."""

    @property
    def kind(self) -> tuple[object, ...]:
        """Units of one kind are alike: which of them runs is for their hours to say."""
        return (
            self.capacity_kw, self.least_kw, self.share, self.model, self.auxiliary_kw, self.lift_k,
            round(self.factor, 2),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Demand:
    """What is asked of the machines together."""

    load_kw: float
    """A mean over 5 min."""
    chw_c: float | None = None
    """Leaving chilled water, and entering condenser water; None where it is not known: then
    curves and lifts are left out of it."""
    cw_c: float | None = None


@dataclass(frozen=True, slots=True)
class ChooserRules:
    """Delays in seconds; shares as parts of 1, savings in percent."""

    short_s: float = 900.0
    """The load is beyond the set for so long before another one is taken."""
    better_s: float = 900.0
    hold_s: float = 900.0
    """A set is kept for at least so long (15 min per stage)."""
    swap_hold_s: float = 3600.0
    """The same before one is given up that would do, only for power (60 min)."""
    saving_pct: float = 5.0
    """So much less power is worth a change (D)."""
    hysteresis: float = 0.05
    """A set of less capacity has to have so much of a share to spare."""
    every_s: float = 60.0
    """Sets are weighed so often while a change is in the air; what must be seen to at once is."""
    quiet_s: float = 300.0
    """The same while nothing speaks for a change and the load stays where it is."""
    quiet_pct: float = 2.0
    """How far the load may move for that, in percent of itself (D)."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One set of machines for a load."""

    names: tuple[str, ...]
    feasible: bool
    power_kw: float | None
    """Modelled; None without curves."""
    capacity_kw: float


def candidates(units: Sequence[Unit], always: Collection[str] = ()) -> Iterator[tuple[Unit, ...]]:
    """Sets of available units: of those alike the first ones in the order given (the lead order).

    A set has every unit that is `kept`; those in `always` go before others of their kind.
    """
    kinds: dict[tuple[object, ...], list[Unit]] = {}
    for unit in units:
        if unit.available or unit.kept:
            kinds.setdefault(unit.kind, []).append(unit)
    choices = []
    for alike in kinds.values():
        ordered = sorted(alike, key=lambda unit: (not unit.kept, unit.name not in always))
        kept = sum(unit.kept for unit in alike)
        choices.append([ordered[:count] for count in range(kept, len(ordered) + 1)])
    for parts in product(*choices):
        found = tuple(unit for part in parts for unit in part)
        if found:
            yield found


Full: TypeAlias = Mapping[str, FullLoad]
"""Full load of each unit that has a curve, at the temperatures of a demand."""


def full_loads(units: Sequence[Unit], demand: Demand) -> Full:
    """Worked out once for all sets of the units."""
    chw_c, cw_c = demand.chw_c, demand.cw_c
    if chw_c is None or cw_c is None:
        return {}
    return {u.name: full_load(u.model, chw_c, cw_c) for u in units if u.model is not None}


def judge(
    units: Sequence[Unit], demand: Demand, spare: float = 0.0, full: Full | None = None
) -> Choice:
    """A set for a load: whether it is feasible, and what it takes.

    `spare` is left free of the share of each machine.
    """
    names = tuple([unit.name for unit in units])
    load_kw = demand.load_kw
    if not units:
        return Choice(names, load_kw <= 0.0, 0.0, 0.0)
    capacity_kw = most_kw = 0.0
    for unit in units:
        capacity_kw += unit.capacity_kw
        most_kw += (unit.share - spare) * unit.capacity_kw
    feasible = load_kw <= most_kw
    for unit in units:
        given_kw = load_kw * unit.capacity_kw / capacity_kw
        if given_kw < LEAST_LOAD_FACTOR * unit.least_kw:
            feasible = False
    if demand.chw_c is not None and demand.cw_c is not None:
        lift_k = demand.cw_c - demand.chw_c
        for unit in units:
            if unit.lift_k is not None and not unit.lift_k[0] <= lift_k <= unit.lift_k[1]:
                feasible = False
    full = full_loads(units, demand) if full is None else full
    return Choice(names, feasible, _power_kw(units, load_kw, full), capacity_kw)


def _power_kw(units: Sequence[Unit], load_kw: float, full: Full) -> float | None:
    """Of the whole set; None unless every machine has a curve."""
    can_kw = 0.0
    for unit in units:
        here = full.get(unit.name)
        if here is None:
            return None
        can_kw += here.can_kw
    total_kw = 0.0
    for unit in units:
        if unit.model is not None:
            here = full[unit.name]
            part_kw = part_load_kw(unit.model, here, load_kw * here.can_kw / can_kw)
            total_kw += unit.auxiliary_kw + unit.factor * part_kw
    return total_kw


def best(
    units: Sequence[Unit],
    demand: Demand,
    running: Collection[str] = (),
    full: Full | None = None,
) -> Choice | None:
    """The best set for a load; None if no unit is available.

    Where none is feasible: above all of them, the one of most capacity; below, the one that can
    go lowest. `running`: among equals, what runs stays.
    """
    full = full_loads(units, demand) if full is None else full
    found = [judge(units_, demand, 0.0, full) for units_ in candidates(units, running)]
    if not found:
        return None
    feasible = [choice for choice in found if choice.feasible]
    if feasible:
        modelled = all(choice.power_kw is not None for choice in feasible)
        return min(feasible, key=lambda choice: _cost(choice, modelled, running))
    by_name = {unit.name: unit for unit in units}
    able = [c for c in found if demand.load_kw <= _most_kw(c, by_name)]
    if able:
        return min(able, key=lambda choice: (_least_kw(choice, by_name), len(choice.names)))
    return max(found, key=lambda choice: (_most_kw(choice, by_name), -len(choice.names)))


def _cost(
    choice: Choice, modelled: bool, running: Collection[str]
) -> tuple[float, float, int, int]:
    """Power, or capacity; then as few machines as can be, and as few changes."""
    power = choice.power_kw if modelled and choice.power_kw is not None else 0.0
    changes = len(set(choice.names) ^ set(running))
    return round(power, 3), choice.capacity_kw, len(choice.names), changes


def _most_kw(choice: Choice, by_name: dict[str, Unit]) -> float:
    return sum(by_name[name].share * by_name[name].capacity_kw for name in choice.names)


def _least_kw(choice: Choice, by_name: dict[str, Unit]) -> float:
    """The lowest load at which none of its machines cycles."""
    return max(
        choice.capacity_kw * by_name[name].least_kw / by_name[name].capacity_kw
        for name in choice.names
    )


@dataclass(frozen=True, slots=True)
class ChooserState:
    """The set in use, why, and for how long it has been too small, or worse than another one."""

    chosen: tuple[str, ...] = ()
    reason: Words = ""
    since_s: float | None = None
    by_supply: bool = False
    """It was taken because the supply said so: no load that was reckoned undoes it soon."""
    short: Accumulated = field(default_factory=Accumulated)
    better: Accumulated = field(default_factory=Accumulated)
    weighed_s: float | None = None
    """When sets were last weighed, and for which load."""
    weighed_kw: float = 0.0


def choose(
    state: ChooserState,
    rules: ChooserRules,
    units: Sequence[Unit],
    demand: Demand | None,
    watched_s: float,
    short: bool = False,
) -> ChooserState:
    """The set at a look; the units in lead order.

    With no load known (`demand` None) the set stays. `short`: the supply says that the set is too
    small, whatever the load is reckoned to be. A machine that goes out of use, or that a person
    wants on, is seen to at once; so is the first set after a stop (`ChooserState()`).
    """
    by_name = {unit.name: unit for unit in units}
    usable = [name for name in state.chosen if name in by_name and _usable(by_name[name])]
    missing = any(unit.kept and unit.name not in usable for unit in units)
    stands = bool(state.chosen) and len(usable) == len(state.chosen) and not missing
    if stands and not _due(state, rules, demand, watched_s, short):
        return state
    if demand is None:
        return _without_load(state, units, usable, watched_s)
    full = full_loads(units, demand)
    wished = best(units, demand, usable, full)
    if wished is None:
        return state if not state.chosen else ChooserState((), msg("none is available"), watched_s)
    if not stands:
        return _taken(wished, demand, watched_s)
    here = judge([by_name[name] for name in state.chosen], demand, 0.0, full)
    too_small = short or demand.load_kw > _most_kw(here, by_name)
    spare = rules.hysteresis if wished.capacity_kw < here.capacity_kw else 0.0
    roomy = judge([by_name[name] for name in wished.names], demand, spare, full)
    other = set(wished.names) != set(state.chosen)
    gains = other and not too_small and _gains(here, roomy, rules)
    after = replace(
        state,
        short=accumulate(state.short, too_small, watched_s, rules.short_s),
        better=accumulate(state.better, gains, watched_s, rules.better_s),
        weighed_s=watched_s,
        weighed_kw=demand.load_kw,
    )
    if not held_for(state.since_s, rules.hold_s, watched_s):
        return after
    if too_small and after.short.held_s >= rules.short_s:
        larger = _larger(units, demand, here, usable) if short else wished
        if larger is None or set(larger.names) == set(state.chosen):
            return after
        return replace(_taken(larger, demand, watched_s), by_supply=short)
    if gains and after.better.held_s >= rules.better_s:
        fewer = set(wished.names) < set(state.chosen) or not here.feasible
        at_once = fewer and not state.by_supply
        if at_once or held_for(state.since_s, rules.swap_hold_s, watched_s):
            return _taken(wished, demand, watched_s)
    return after


def _due(
    state: ChooserState, rules: ChooserRules, demand: Demand | None, watched_s: float, short: bool
) -> bool:
    """Whether sets are to be weighed at this look, while the set in use can go on."""
    if state.weighed_s is None or watched_s < state.weighed_s:
        return True
    if short and not state.short.holds:
        return True
    since_s = watched_s - state.weighed_s
    if since_s < rules.every_s or since_s >= rules.quiet_s:
        return since_s >= rules.quiet_s
    if state.short.held_s or state.better.held_s or state.short.holds or state.better.holds:
        return True
    moved_kw = 0.0 if demand is None else abs(demand.load_kw - state.weighed_kw)
    return moved_kw > state.weighed_kw * rules.quiet_pct / 100.0


def _usable(unit: Unit) -> bool:
    return unit.available or unit.kept


def _without_load(
    state: ChooserState, units: Sequence[Unit], usable: Sequence[str], watched_s: float
) -> ChooserState:
    """What can still run stays; whoever is missing is replaced by what comes nearest to it."""
    by_name = {unit.name: unit for unit in units}
    kept = {unit.name for unit in units if unit.kept}
    spare = [u for u in units if _usable(u) and u.name not in usable and u.name not in kept]
    names = [*usable, *sorted(kept - set(usable))]
    if not state.chosen and not names and spare:
        names = [min(spare, key=lambda unit: unit.capacity_kw).name]
    for name in state.chosen:
        if name not in usable and spare:
            gone_kw = by_name[name].capacity_kw if name in by_name else 0.0
            found = min(spare, key=lambda unit: abs(unit.capacity_kw - gone_kw))
            spare.remove(found)
            names.append(found.name)
    if set(names) == set(state.chosen):
        return state
    return ChooserState(tuple(names), msg("the load is not known"), watched_s)


def _gains(here: Choice, other: Choice, rules: ChooserRules) -> bool:
    """Whether another set is worth a change."""
    if not other.feasible:
        return False
    if not here.feasible:
        return True
    if here.power_kw is None or other.power_kw is None:
        return other.capacity_kw < here.capacity_kw
    return other.power_kw < here.power_kw * (1.0 - rules.saving_pct / 100.0)


def _larger(
    units: Sequence[Unit], demand: Demand, here: Choice, running: Collection[str]
) -> Choice | None:
    """The smallest set of more capacity than the one that does not suffice."""
    found = [judge(units_, demand) for units_ in candidates(units, running)]
    more = [choice for choice in found if choice.capacity_kw > here.capacity_kw]
    if not more:
        return None
    return min(more, key=lambda c: (c.capacity_kw, len(set(c.names) ^ set(running))))


def _taken(choice: Choice, demand: Demand, watched_s: float) -> ChooserState:
    return ChooserState(choice.names, _why(choice, demand), watched_s)


def _why(choice: Choice, demand: Demand) -> Message:
    if not choice.feasible:
        return msg("load {load_kw:.0f} kW: no set of machines fits it", load_kw=demand.load_kw)
    if choice.power_kw is not None:
        return msg(
            "load {load_kw:.0f} kW: least power, {power_kw:.0f} kW as modelled",
            load_kw=demand.load_kw,
            power_kw=choice.power_kw,
        )
    return msg(
        "load {load_kw:.0f} kW: {capacity_kw:.0f} kW is the least that does",
        load_kw=demand.load_kw,
        capacity_kw=choice.capacity_kw,
    )
