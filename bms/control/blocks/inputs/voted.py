"""Voted input: one value from several instruments that should show the same. Pure.

Control reference, 7: of three or more the median, and who is off by more than twice the tolerance
is flagged; of two their mean, and if they disagree for 5 min the one on the safe side, with a
flag; of one itself; of none what can be worked out instead (a virtual sensor), with the quality
that has. Only GOOD inputs vote.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from statistics import median

from bms.control.blocks.delays import held_for, holds_since
from bms.control.blocks.inputs.signals import MISSING, Signal
from bms.control.engine.states import Words
from bms.texts.messages import Message, msg
from drivers.points import Quality


class SafeSide(StrEnum):
    """Which of two values does less harm if the other one is right."""

    LOW = "low"
    HIGH = "high"
    MEAN = "mean"
    """Neither."""


@dataclass(frozen=True, slots=True)
class VoteRules:
    """`tolerance` in the unit of the value: how far good instruments differ. Above 0."""

    tolerance: float
    safe_side: SafeSide = SafeSide.MEAN
    disagree_s: float = 300.0


@dataclass(frozen=True, slots=True)
class VoteState:
    """What a vote remembers: who is flagged, and since when two have disagreed."""

    flagged: tuple[str, ...] = ()
    detail: Words = ""
    """What was odd when they were flagged."""
    apart_since_s: float | None = None


@dataclass(frozen=True, slots=True)
class Vote:
    """The outcome of a vote at a look."""

    state: VoteState
    result: Signal
    voters: int
    """How many good instruments it rests on; 0: it is worked out, or there is none."""
    disputed: bool = False
    """Two disagree, and nobody knows which is right."""


_NOTHING_ODD = VoteState()


def vote(
    state: VoteState,
    rules: VoteRules,
    signals: Mapping[str, Signal],
    watched_s: float,
    virtual: Signal = MISSING,
) -> Vote:
    """The value of several instruments by name; `state.flagged` names those that are off.

    A flag comes at more than twice the tolerance from the median and goes within once the
    tolerance. The detail of the result says what is odd.
    """
    values: dict[str, float] = {}
    for name, signal in signals.items():
        if signal.good is not None:
            values[name] = signal.good
    if len(values) > 2:
        return _of_many(state, rules, values)
    if len(values) == 2:
        return _of_two(state, rules, values, watched_s)
    if values:
        (value,) = values.values()
        return Vote(_NOTHING_ODD, Signal(value, Quality.GOOD), 1)
    return Vote(_NOTHING_ODD, virtual if virtual.value is not None else _none(signals), 0)


def _of_many(state: VoteState, rules: VoteRules, values: Mapping[str, float]) -> Vote:
    middle = median(values.values())
    flagged = tuple(
        name
        for name, value in values.items()
        if abs(value - middle) > rules.tolerance * (1.0 if name in state.flagged else 2.0)
    )
    if flagged != state.flagged or state.apart_since_s is not None:
        state = VoteState(flagged, _off(flagged[0], values, middle)) if flagged else _NOTHING_ODD
    return Vote(state, Signal(middle, Quality.GOOD, state.detail), len(values))


def _of_two(
    state: VoteState, rules: VoteRules, values: Mapping[str, float], watched_s: float
) -> Vote:
    low, high = sorted(values.values())
    since_s = holds_since(high - low > rules.tolerance, state.apart_since_s, watched_s)
    mean = (low + high) / 2.0
    if not held_for(since_s, rules.disagree_s, watched_s):
        return Vote(VoteState(apart_since_s=since_s), Signal(mean, Quality.GOOD), 2)
    names = tuple(values)
    if state.flagged != names or state.apart_since_s != since_s:
        state = VoteState(names, _apart(values), since_s)
    by_side = {SafeSide.LOW: low, SafeSide.HIGH: high, SafeSide.MEAN: mean}
    result = Signal(by_side[rules.safe_side], Quality.GOOD, state.detail)
    return Vote(state, result, 2, disputed=True)


def _none(signals: Mapping[str, Signal]) -> Signal:
    """Nothing to go by: the reason of the first that gives one."""
    details = [s.detail for s in signals.values() if s.detail]
    return Signal(None, Quality.BAD, details[0] if details else "")


def _off(name: str, values: Mapping[str, float], middle: float) -> Message:
    return msg(
        "{point} shows {reading:g}, the others {middle:g}",
        point=name,
        reading=values[name],
        middle=middle,
    )


def _apart(values: Mapping[str, float]) -> Message:
    (one, first), (other, second) = values.items()
    return msg(
        "{point} shows {reading:g}, {other_point} shows {other_reading:g}",
        point=one,
        reading=first,
        other_point=other,
        other_reading=second,
    )
