"""Plausibility: values that contradict each other for long. Pure.

What a range and a rate cannot see (control cases: a return below its supply for hours while the
plant cools, a header at 1 degC with 7 asked, -50 degC outdoors in July). A contradiction has to
last on balance, so that neither noise nor a start makes one; it goes again as slowly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from statistics import median

from bms.control.blocks.delays import Accumulated, accumulate
from bms.control.engine.states import Words
from bms.texts.messages import Message, msg


class Contradiction(StrEnum):
    """How two values cannot both be true."""

    NONE = "none"
    BACKWARDS = "backwards"
    """The return lies on the wrong side of the supply."""
    BEYOND = "beyond"
    """Further than any machine takes it: a supply far past its setpoint."""
    APART = "apart"
    """Far from what others show, or from what it has been."""


LASTS_S = {
    Contradiction.BACKWARDS: 7200.0,
    Contradiction.BEYOND: 600.0,
    Contradiction.APART: 900.0,
}
"""How long it is a doubt before it is a fault (D)."""
WRONG_SIDE_K = 0.5
BEYOND_K = 3.0
"""Machines overshoot by less (D)."""


def backwards(supply_c: float | None, return_c: float | None, cooling: bool) -> Contradiction:
    """Whether the return lies on the wrong side of the supply. Ask only while the plant works."""
    if supply_c is None or return_c is None:
        return Contradiction.NONE
    wrong_k = supply_c - return_c if cooling else return_c - supply_c
    return Contradiction.BACKWARDS if wrong_k > WRONG_SIDE_K else Contradiction.NONE


def beyond(
    measured: float | None, setpoint: float | None, cooling: bool, most_k: float = BEYOND_K
) -> Contradiction:
    """Whether a supply is further past its setpoint than machines take it."""
    if measured is None or setpoint is None:
        return Contradiction.NONE
    past_k = setpoint - measured if cooling else measured - setpoint
    return Contradiction.BEYOND if past_k > most_k else Contradiction.NONE


def apart(value: float | None, others: Sequence[float], most: float) -> Contradiction:
    """Whether a value is further than `most` from the median of others that should be like it.

    The others may be instruments of other machines, or its own mean of the last days.
    """
    if value is None or not others:
        return Contradiction.NONE
    return Contradiction.APART if abs(value - median(others)) > most else Contradiction.NONE


@dataclass(frozen=True, slots=True)
class PlausibleState:
    """What is remembered of one pair of values."""

    doubted: Accumulated = field(default_factory=Accumulated)
    found: Contradiction = Contradiction.NONE
    """The contradiction that has lasted: the value is not to be used."""
    detail: Words = ""
    kind: Contradiction = Contradiction.NONE
    """The last one that was seen."""


def doubt(
    state: PlausibleState,
    seen: Contradiction,
    values: tuple[float | None, float | None],
    watched_s: float,
) -> PlausibleState:
    """The judgement at a look; `values` are the two that contradict each other, for the text."""
    kind = seen if seen is not Contradiction.NONE else state.kind
    lasts_s = LASTS_S.get(kind, 0.0)
    doubted = accumulate(state.doubted, seen is not Contradiction.NONE, watched_s, lasts_s)
    if state.found is Contradiction.NONE:
        if kind is Contradiction.NONE or doubted.held_s < lasts_s:
            return PlausibleState(doubted, kind=kind)
        return PlausibleState(doubted, kind, _told(kind, values), kind)
    if doubted.held_s > 0.0:
        return PlausibleState(doubted, state.found, state.detail, kind)
    return PlausibleState(doubted)


def _told(kind: Contradiction, values: tuple[float | None, float | None]) -> Message:
    first, second = (0.0 if value is None else value for value in values)
    if kind is Contradiction.BACKWARDS:
        return msg(
            "supply {supply_c:.1f} degC and return {return_c:.1f} degC are the wrong way round",
            supply_c=first,
            return_c=second,
        )
    if kind is Contradiction.BEYOND:
        return msg(
            "{reading:.1f} is further past the setpoint {setpoint:.1f} than a machine takes it",
            reading=first,
            setpoint=second,
        )
    return msg("{reading:.1f} is far from {expected:.1f}", reading=first, expected=second)
