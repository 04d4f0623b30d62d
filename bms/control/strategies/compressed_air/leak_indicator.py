"""What leaks: the least hour of the last seven days. Pure.

    leaks m3/h        = least hourly mean of the flow within seven days
    share of leaks %  = 100 x that / mean flow of the seven days

Whatever the works use in their quietest hour counts as a leak, so that the indicator is the most
that leaks; at a station that has a quiet night or Sunday it is the leaks. Flow is that of the
header's meter; without one it is the sum of load x free air of the units, and without their free
air the load itself, which gives the share alone. Hours that nobody saw in full count for nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from bms.control.blocks.delays import passed_s

HOUR_S: Final = 3600.0
SEEN_S: Final = 3000.0
"""An hour counts if the flow was known for so long of it."""
HOURS: Final = 7 * 24
LEAST_HOURS: Final = 24
"""Before a day is complete there is no quietest hour."""
COUNTED_EVERY_S: Final = 60.0
LONGEST_S: Final = 1800.0
"""A flow is not believed to have stood for longer than that between two looks."""


@dataclass(frozen=True, slots=True)
class LeakState:
    """The hours of the last seven days, and the one that runs."""

    hours: tuple[float, ...] = ()
    """Mean flow of complete hours, oldest first."""
    begun_s: float | None = None
    seen_s: float = 0.0
    amount: float = 0.0
    """Flow times seconds, of the running hour."""
    flow: float | None = None
    """The flow at the last look that counted, and when that was."""
    counted_s: float | None = None


def count_flow(state: LeakState, flow: float | None, watched_s: float) -> LeakState:
    """The hours at a look. The same object within a minute of the last."""
    step_s = passed_s(state.counted_s, watched_s)
    if state.counted_s is not None and 0.0 < step_s < COUNTED_EVERY_S:
        return state
    if state.begun_s is None or state.counted_s is None or watched_s < state.counted_s:
        return LeakState(state.hours, watched_s, 0.0, 0.0, flow, watched_s)
    seen_s, amount = state.seen_s, state.amount
    if state.flow is not None and step_s <= LONGEST_S:
        seen_s, amount = seen_s + step_s, amount + state.flow * step_s
    if watched_s - state.begun_s < HOUR_S:
        return LeakState(state.hours, state.begun_s, seen_s, amount, flow, watched_s)
    hours = state.hours
    if seen_s >= SEEN_S:
        hours = (*hours[-(HOURS - 1) :], amount / seen_s)
    return LeakState(hours, watched_s, 0.0, 0.0, flow, watched_s)


@dataclass(frozen=True, slots=True)
class Leaks:
    """What the hours say."""

    least: float
    """The mean of the quietest hour, in the unit of the flow."""
    mean: float

    @property
    def share_pct(self) -> float:
        """The part of the air that is not used, at most."""
        return 100.0 * self.least / self.mean


def leaks(state: LeakState) -> Leaks | None:
    """What leaks at most; None before a day is seen, and while nothing flows."""
    if len(state.hours) < LEAST_HOURS:
        return None
    mean = sum(state.hours) / len(state.hours)
    return Leaks(min(state.hours), mean) if mean > 0.0 else None
