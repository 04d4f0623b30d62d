"""Water that goes where nobody uses it: flow at night, and pumps that run longer than they did.
Pure.

The least flow of a night is what leaks: a building that sleeps uses next to nothing. What is usual
is learned: the least of the last nights without a finding, or what the file gives. Three nights in
a row above it are a leak. Pumps of a pit are watched by their hours a day in the same way.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from statistics import median
from typing import Final
from zoneinfo import ZoneInfo

from bms.control.blocks.inputs.moving_mean import MeanState, average, covered_s, mean_of

NIGHTS: Final = 3
"""So many in a row are no party (D)."""
LEARNS_FROM: Final = 5
KEPT: Final = 28
NIGHT_MARGIN: Final = 1.5
LEAST_RISE_M3H: Final = 0.2
RUN_MARGIN: Final = 2.0
LEAST_RISE_H: Final = 0.5
WINDOW_S: Final = 300.0


@dataclass(frozen=True, slots=True)
class NightState:
    """What is remembered of nights."""

    mean: MeanState = field(default_factory=MeanState)
    least_m3h: float | None = None
    """Of the night that is under way."""
    night: int | None = None
    """Its day, as an ordinal."""
    usual: tuple[float, ...] = ()
    """The least flows of nights without a finding, oldest first."""
    above: int = 0
    """Nights in a row above what is usual."""
    last_m3h: float | None = None
    """The least flow of the last whole night."""

    def usual_m3h(self, given: float | None) -> float | None:
        """What flows in a usual night; None while it is learned."""
        if given is not None:
            return given
        return min(self.usual) if len(self.usual) >= LEARNS_FROM else None


@dataclass(frozen=True, slots=True)
class Night:
    """Hours on the wall in which a base sleeps, and what then flows."""

    zone: str
    from_h: float
    to_h: float
    usual_m3h: float | None = None

    def day(self, now: datetime) -> int | None:
        """The day whose night it is; None while people are up."""
        local = now.astimezone(ZoneInfo(self.zone))
        hour = local.hour + local.minute / 60.0
        if self.from_h <= self.to_h:
            return local.toordinal() if self.from_h <= hour < self.to_h else None
        if hour >= self.from_h:
            return local.toordinal() + 1
        return local.toordinal() if hour < self.to_h else None


def watch_night(
    state: NightState, night: Night, flow_m3h: float | None, now: datetime, watched_s: float
) -> NightState:
    """The nights at a look; a flow that is not good counts for nothing."""
    day = night.day(now)
    if day is None:
        return state if state.night is None else _night_over(state, night)
    if state.night is not None and state.night != day:
        state = _night_over(state, night)
    mean = average(state.mean, flow_m3h, watched_s, WINDOW_S)
    shown = mean_of(mean, WINDOW_S) if covered_s(mean, WINDOW_S) >= WINDOW_S else None
    least = state.least_m3h
    if shown is not None:
        least = shown if least is None else min(least, shown)
    return replace(state, mean=mean, least_m3h=least, night=day)


def _night_over(state: NightState, night: Night) -> NightState:
    least = state.least_m3h
    if least is None:
        return replace(state, mean=MeanState(), night=None)
    usual = state.usual_m3h(night.usual_m3h)
    if usual is not None and least > max(NIGHT_MARGIN * usual, usual + LEAST_RISE_M3H):
        return NightState(usual=state.usual, above=state.above + 1, last_m3h=least)
    return NightState(usual=(*state.usual, least)[-KEPT:], last_m3h=least)


def leaks_m3h(state: NightState, night: Night) -> float | None:
    """What leaks; None while nothing is found."""
    usual = state.usual_m3h(night.usual_m3h)
    if state.above < NIGHTS or state.last_m3h is None or usual is None:
        return None
    return state.last_m3h - usual


@dataclass(frozen=True, slots=True)
class RunDays:
    """Hours that pumps ran, day by day."""

    day: int | None = None
    begun_h: float = 0.0
    """Run hours of all pumps at the beginning of the day."""
    usual: tuple[float, ...] = ()
    above: int = 0
    last_h: float | None = None


def watch_days(state: RunDays, hours: float, zone: str, now: datetime) -> RunDays:
    """The days at a look; `hours` are the run hours of all pumps since ever."""
    day = now.astimezone(ZoneInfo(zone)).toordinal()
    if state.day is None or hours < state.begun_h:
        return replace(state, day=day, begun_h=hours)
    if day == state.day:
        return state
    if day != state.day + 1:  # nobody watched for a while
        return replace(state, day=day, begun_h=hours)
    ran_h = hours - state.begun_h
    usual = usual_hours(state)
    if usual is not None and ran_h > max(RUN_MARGIN * usual, usual + LEAST_RISE_H):
        return RunDays(day, hours, state.usual, state.above + 1, ran_h)
    return RunDays(day, hours, (*state.usual, ran_h)[-KEPT:], 0, ran_h)


def usual_hours(state: RunDays) -> float | None:
    """What pumps run on a usual day; None while it is learned."""
    return median(state.usual) if len(state.usual) >= LEARNS_FROM else None


def runs_too_much(state: RunDays) -> bool:
    """Whether pumps have run far longer than usual for days."""
    return state.above >= NIGHTS


def next_change(night: Night, now: datetime) -> datetime:
    """When the night next begins or ends, at the latest in an hour: clocks may change."""
    local = now.astimezone(ZoneInfo(night.zone))
    hour = local.hour + local.minute / 60.0 + local.second / 3600.0
    left_h = min((edge - hour) % 24.0 or 24.0 for edge in (night.from_h, night.to_h))
    return now + timedelta(hours=min(left_h, 1.0))
