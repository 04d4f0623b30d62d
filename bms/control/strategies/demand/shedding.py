"""Which loads are shed and which come back: as late as is safe, as little as is needed. Pure.

What is needed is the energy by which the interval would end above its target. Shedding waits while
what could still be shed is well above that: forecasts become better, and most overshoots of a
forecast never come. It begins when the need, with the error of a forecast and the sun that may go,
reaches a share of what is left to shed, or a few minutes before the end. Loads come back in
reverse order, if the interval and the time after it bear them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from bms.control.strategies.demand.demand_parameters import DemandParameters
from bms.control.strategies.demand.sheddable_loads import Load, LoadSeen
from drivers.points import PointId

LEAST_KW = 0.2
"""A load that gives less is not shed."""


@dataclass(frozen=True, slots=True)
class LoadState:
    """What is remembered of one load. Times are steady seconds."""

    shed_s: float | None = None
    """Since when it is shed."""
    back_s: float | None = None
    """When it last came back."""
    total_s: float = 0.0
    """For how long it was shed in all: who was shed least is the next of its level."""
    expected_kw: float = 0.0
    """What shedding was to give, when it began."""
    before_kw: float = 0.0
    """What the load drew, or the whole boundary if it has no measurement."""
    alone: bool = False
    """Nothing else was shed or came back when it was: the boundary shows what it gave."""
    learned: float = 1.0
    """What it gave, of what was expected."""
    judged: bool = False
    obeys: bool = True
    held: Mapping[PointId, float] = field(default_factory=dict)

    @property
    def shed(self) -> bool:
        """Whether it is shed."""
        return self.shed_s is not None


@dataclass(frozen=True, slots=True)
class Outlook:
    """How the interval will end, in kWh and kW."""

    need_kwh: float
    """By which it would end above its target; below 0, what is left."""
    error_kwh: float
    """By which the rest may come out higher."""
    sun_kwh: float
    """That the sun may not give."""
    remaining_s: float
    sun_kw: float
    """The part of the present sun that is not counted on."""
    spare_kw: float
    """Target power less power now: what the time after bears."""
    hysteresis_kwh: float


@dataclass(frozen=True, slots=True)
class Choice:
    """What is done at a look: at most one of both."""

    shed: tuple[str, ...] = ()
    back: tuple[str, ...] = ()


Loads = Mapping[str, LoadState]


def gives_kw(seen: LoadSeen, state: LoadState) -> float:
    """What shedding would give, by what was learned."""
    return seen.gives_kw * state.learned if state.obeys else 0.0


def available(
    loads: Sequence[Load], seen: Mapping[str, LoadSeen], states: Loads, steady_s: float
) -> list[Load]:
    """The loads that may be shed now, in their order."""
    found = [
        load for load in loads if _may_be_shed(load, seen[load.name], states[load.name], steady_s)
    ]
    found.sort(key=lambda load: (load.file.level, round(states[load.name].total_s), load.order))
    return found


def _may_be_shed(load: Load, seen: LoadSeen, state: LoadState, steady_s: float) -> bool:
    if state.shed or not seen.on or seen.restarts or seen.comfortable is not True:
        return False
    if state.back_s is not None and steady_s - state.back_s < load.file.min_back_s:
        return False
    return gives_kw(seen, state) >= LEAST_KW


def left_s(load: Load, seen: LoadSeen, remaining_s: float) -> float:
    """For how long shedding it still counts in the interval."""
    return max(0.0, remaining_s - seen.ready_in_s - load.file.takes_s)


def _amount_kwh(
    load: Load, seen: Mapping[str, LoadSeen], states: Loads, remaining_s: float
) -> float:
    kw = gives_kw(seen[load.name], states[load.name])
    return kw * left_s(load, seen[load.name], remaining_s) / 3600.0


def left_kwh(
    loads: Sequence[Load],
    seen: Mapping[str, LoadSeen],
    states: Loads,
    remaining_s: float,
    steady_s: float,
) -> float:
    """What shedding all that is left would give until the interval's end."""
    able = available(loads, seen, states, steady_s)
    return sum(_amount_kwh(load, seen, states, remaining_s) for load in able)


def choose(
    loads: Sequence[Load],
    seen: Mapping[str, LoadSeen],
    states: Loads,
    outlook: Outlook,
    rules: DemandParameters,
    steady_s: float,
) -> Choice:
    """What to shed at a look, if anything."""
    able = available(loads, seen, states, steady_s)
    amounts = {load.name: _amount_kwh(load, seen, states, outlook.remaining_s) for load in able}
    able = [load for load in able if amounts[load.name] > 0.0]
    if not able:
        return Choice()
    whole_kwh = sum(amounts[load.name] for load in able)
    use_kwh = rules.use_pct / 100.0 * whole_kwh
    expected_kwh = outlook.need_kwh
    doubtful_kwh = expected_kwh + outlook.sun_kwh
    late = outlook.remaining_s <= rules.latest_s
    if expected_kwh > 0.0 and (late or doubtful_kwh + outlook.error_kwh >= use_kwh):
        return Choice(_enough(able, amounts, expected_kwh))
    if outlook.sun_kwh > 0.0 and doubtful_kwh >= use_kwh:
        return Choice((able[0].name,))
    return Choice()


def _enough(able: Sequence[Load], amounts: Mapping[str, float], need_kwh: float) -> tuple[str, ...]:
    """The first loads in order that suffice; of the last level that is needed, only what is."""
    chosen: list[str] = []
    left_kwh = need_kwh
    for load in able:
        if left_kwh <= 0.0:
            break
        chosen.append(load.name)
        left_kwh -= amounts[load.name]
    # A large load that came late may have made an earlier one of its own level needless.
    spare_kwh = -left_kwh
    last = next(load.file.level for load in able if load.name == chosen[-1])
    for load in able:
        if load.name == chosen[-1] or load.file.level != last or load.name not in chosen:
            continue
        if amounts[load.name] <= spare_kwh:
            chosen.remove(load.name)
            spare_kwh -= amounts[load.name]
    return tuple(chosen)


def must_return(load: Load, seen: LoadSeen, state: LoadState, steady_s: float) -> bool:
    """Whether a shed load comes back whatever the demand."""
    if state.shed_s is None:
        return False
    return seen.comfortable is not True or steady_s - state.shed_s >= load.file.longest_s


def returning(
    loads: Sequence[Load],
    states: Loads,
    outlook: Outlook,
    steady_s: float,
) -> str | None:
    """The load that may come back now, the last of the order first."""
    shed = [load for load in loads if states[load.name].shed]
    shed.sort(
        key=lambda load: (load.file.level, states[load.name].shed_s or 0.0, load.order),
        reverse=True,
    )
    waits_at = 0
    for load in shed:
        state = states[load.name]
        assert state.shed_s is not None
        if load.file.level < waits_at:
            return None
        if steady_s - state.shed_s < load.file.min_shed_s:
            waits_at = load.file.level
            continue
        kw = state.expected_kw * state.learned
        back_kwh = kw * outlook.remaining_s / 3600.0
        if outlook.need_kwh + back_kwh > -outlook.hysteresis_kwh:
            return None  # in reverse order: none before the one that is next
        return load.name if kw <= outlook.spare_kw else None
    return None


def shed_now(
    state: LoadState, seen: LoadSeen, boundary_kw: float | None, steady_s: float,
    held: Mapping[PointId, float], *, alone: bool,
) -> LoadState:  # fmt: skip
    """The load as it is when its shedding begins."""
    before_kw = seen.draws_kw if seen.measured else boundary_kw or 0.0
    return replace(
        state,
        shed_s=steady_s,
        expected_kw=seen.gives_kw,
        before_kw=before_kw,
        alone=alone,
        judged=False,
        held=dict(held),
    )


def back_now(state: LoadState, steady_s: float) -> LoadState:
    """The load as it is when it comes back."""
    shed_for_s = 0.0 if state.shed_s is None else max(0.0, steady_s - state.shed_s)
    return replace(
        state,
        shed_s=None,
        back_s=steady_s,
        total_s=state.total_s + shed_for_s,
        obeys=True,
        held={},
    )


def shed_kw(loads: Loads) -> float:
    """What all that is shed would draw."""
    return sum(one.expected_kw * one.learned for one in loads.values() if one.shed and one.obeys)
