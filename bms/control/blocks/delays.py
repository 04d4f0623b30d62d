"""Delays in watched seconds, and times that accumulate. Pure.

Blocks take `watched_s`, which is `Snapshot.watched_s`: seconds that the controller has looked on,
over its whole life. It only grows; a clock that is set, a stop of the controller and a boot add
nothing, so that time that nobody watched counts for no delay, no mean and no proof. What blocks
remember of it is saved with their state and stays right after a restart. (Limits on starts, which
machines do not forget while a controller is down, take `Snapshot.steady_s`.)
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bms.core.instants import from_ms, to_ms

QUARTER_MS = 900_000


def passed_s(before_s: float | None, watched_s: float) -> float:
    """Seconds since `before_s`; 0 without one, and 0 if the count began again."""
    return 0.0 if before_s is None else max(0.0, watched_s - before_s)


def holds_since(holds: bool, since_s: float | None, watched_s: float) -> float | None:
    """Since when a condition has held without a break; None while it does not."""
    if not holds:
        return None
    return watched_s if since_s is None or since_s > watched_s else since_s


def held_for(since_s: float | None, duration_s: float, watched_s: float) -> bool:
    """Whether at least `duration_s` seconds have passed since `since_s`; False without it."""
    return since_s is not None and watched_s - since_s >= duration_s


def soonest(watched_s: float, *times_s: float | None) -> float | None:
    """The first of some times that is still to come: what `Decision.stands_until_s` takes."""
    return min(
        (time_s for time_s in times_s if time_s is not None and time_s > watched_s), default=None
    )


def quarter_after(now: datetime) -> datetime:
    """The next quarter hour of UTC. Plants that rest are looked at then, together, when meters are
    read as well: a simulation takes the time between in one step."""
    return from_ms((to_ms(now) // QUARTER_MS + 1) * QUARTER_MS)


def later(since_s: float | None, duration_s: float) -> float | None:
    """When a delay that began then is over."""
    return None if since_s is None else since_s + duration_s


@dataclass(frozen=True, slots=True)
class Accumulated:
    """How long a condition has held, on balance: what noise interrupts is not begun again.

    Control cases: at 94 % load with 2-3 % noise, a delay that any sample resets never ends.
    """

    held_s: float = 0.0
    holds: bool = False
    watched_s: float | None = None


def accumulate(
    timer: Accumulated, holds: bool, watched_s: float, most_s: float = 3600.0
) -> Accumulated:
    """The timer at a look. What held at the last look held until now.

    Time in which the condition does not hold is taken off again, down to 0; the balance never
    exceeds `most_s`, so that an old truth is forgotten within that time.
    """
    step_s = passed_s(timer.watched_s, watched_s)
    held_s = timer.held_s + step_s if timer.holds else timer.held_s - step_s
    return Accumulated(min(max(held_s, 0.0), most_s), holds, watched_s)


def above(value: float, limit: float, hysteresis: float, before: bool) -> bool:
    """Whether a value is above a limit: once it is, until it is `hysteresis` below it."""
    return value > limit - hysteresis if before else value > limit
