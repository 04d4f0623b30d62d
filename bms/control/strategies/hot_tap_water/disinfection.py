"""The weekly heat that kills legionella, and what keeps it from scalding people. Pure.

It begins only where a mixing valve is proven, or the outlets are proven shut, and ends at once when
that is lost. What was not reached is tried again the next night; ten days without one are an alarm.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from bms.control.blocks.delays import held_for, holds_since
from bms.control.protect.scald_guard import OPEN_C
from bms.control.strategies.hot_tap_water.hot_tap_parameters import DisinfectionFile

OVERDUE_S: Final = 10 * 86400.0
SHUTS_WITHIN_S: Final = 180.0
"""Outlets are shut, or a mixing valve is proven, within this time of being asked (D)."""


class DisinfectionPhase(StrEnum):
    """Where a disinfection stands."""

    IDLE = "idle"
    SECURING = "securing"
    """Outlets are told to shut."""
    HEATING = "heating"
    HOLDING = "holding"
    COOLING = "cooling"
    """Done; outlets stay shut until the store scalds nobody."""


@dataclass(frozen=True, slots=True)
class Disinfection:
    """What is remembered of one store's."""

    phase: DisinfectionPhase = DisinfectionPhase.IDLE
    since_s: float | None = None
    held_since_s: float | None = None
    done_s: float | None = None
    """When the last one was whole (steady seconds); at first, when it was first looked at."""
    due: bool = False
    """One was not reached: it is tried the next night, whatever the weekday."""
    tried: int | None = None
    """The day of the last attempt, as an ordinal."""
    failed: str = ""
    """Why the last one was not reached."""

    @property
    def hot(self) -> bool:
        """Whether the store is heated beyond its usual target."""
        return self.phase in (DisinfectionPhase.HEATING, DisinfectionPhase.HOLDING)

    @property
    def shuts(self) -> bool:
        """Whether outlets are told to shut."""
        return self.phase is not DisinfectionPhase.IDLE


@dataclass(frozen=True, slots=True)
class DisinfectionInputs:
    """What is known at a look; None: not known."""

    asked: bool
    """By the mode of the group."""
    secured: bool
    """The interlock is proven now."""
    low_c: float | None
    hottest_c: float | None
    return_c: float | None
    measures_return: bool
    steady_s: float
    watched_s: float
    now: datetime
    zone: str


NOT_SECURED: Final = "interlock"
NOT_HOT: Final = "temperature"


def step_disinfection(
    state: Disinfection, rules: DisinfectionFile, inputs: DisinfectionInputs
) -> Disinfection:
    """The disinfection at a look."""
    if state.done_s is None:
        state = replace(state, done_s=inputs.steady_s)
    day = _night(rules, inputs)
    phase, since_s = state.phase, state.since_s
    if phase is DisinfectionPhase.IDLE:
        begins = day is not None and day != state.tried and (_its_day(rules, inputs) or state.due)
        if not (begins or inputs.asked):
            return state
        tried = state.tried if day is None else day
        return replace(
            state, phase=DisinfectionPhase.SECURING, since_s=inputs.watched_s, tried=tried
        )
    if phase is DisinfectionPhase.COOLING:
        cool = inputs.hottest_c is not None and inputs.hottest_c <= OPEN_C - 2.0
        return replace(state, phase=DisinfectionPhase.IDLE, since_s=None) if cool else state
    if phase is DisinfectionPhase.SECURING:
        if inputs.secured:
            return replace(state, phase=DisinfectionPhase.HEATING, since_s=inputs.watched_s)
        late = held_for(since_s, SHUTS_WITHIN_S, inputs.watched_s)
        return _ended(state, NOT_SECURED) if late else state
    if not inputs.secured:
        return _ended(state, NOT_SECURED)
    if held_for(since_s, rules.within_h * 3600.0, inputs.watched_s):
        return _ended(state, NOT_HOT)
    hot = inputs.low_c is not None and inputs.low_c >= rules.store_c
    if inputs.measures_return:
        hot = hot and inputs.return_c is not None and inputs.return_c >= rules.return_c
    held = holds_since(hot, state.held_since_s, inputs.watched_s)
    if held_for(held, rules.hold_min * 60.0, inputs.watched_s):
        return Disinfection(
            DisinfectionPhase.COOLING, inputs.watched_s, None, inputs.steady_s, False, state.tried
        )
    phase = DisinfectionPhase.HOLDING if hot else DisinfectionPhase.HEATING
    return replace(state, phase=phase, held_since_s=held)


def _ended(state: Disinfection, why: str) -> Disinfection:
    """Not reached: outlets stay shut while the store is too hot."""
    return replace(state, phase=DisinfectionPhase.COOLING, held_since_s=None, due=True, failed=why)


def overdue(state: Disinfection, steady_s: float) -> bool:
    """Whether the last one lies too far back."""
    return state.done_s is not None and steady_s - state.done_s > OVERDUE_S


def _night(rules: DisinfectionFile, inputs: DisinfectionInputs) -> int | None:
    """The day whose window it is, counted from where it begins; None outside."""
    local = inputs.now.astimezone(ZoneInfo(inputs.zone))
    into = local - timedelta(hours=rules.from_h)
    hours = into.hour + into.minute / 60.0
    return into.toordinal() if hours < rules.within_h / 2.0 else None


def _its_day(rules: DisinfectionFile, inputs: DisinfectionInputs) -> bool:
    local = inputs.now.astimezone(ZoneInfo(inputs.zone)) - timedelta(hours=rules.from_h)
    return local.weekday() == rules.weekday
