"""How often a plant has changed its stage within a day, and how much longer it then waits. Pure.

A plant that starts, stops and starts again wears its machines out and wastes what each start costs.
Machines come as soon as they are needed. The more a plant has changed lately, the longer it waits
before one goes, so that it is not changed more than about six times in a day.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

CALM_CHANGES = 4
"""So many changes of the stage in 24 h are usual; after each further one smaller stages wait
longer, so that there are not more than six (D)."""
DAY_S = 86400.0
STOP_COUNTS = 2
"""Who stops because nothing is needed starts again when it is: both are changes."""
RETURNS_WITHIN_S = 3600.0
RETURN_COUNTS = 3
"""A machine that has to come back within an hour after another one went: the smaller stage was a
mistake, and the plant tries the next one much later (D)."""
OWN_STOPS = RETURN_COUNTS
"""Machines that have stopped by themselves so often in a stage wear no less by staying in it: a
smaller one waits no longer for what the day was, even if it should have to return (D)."""
SWINGS_S = 1200.0
"""For so long after a machine stopped by itself its water may still swing: thermostats of little
load switch three to seven times an hour (D)."""
UNNEEDED_S = 1800.0
"""A plant that has changed often is unneeded for this long, times its patience, before it stops
(D)."""


@dataclass(frozen=True, slots=True)
class OwnStops:
    """How often machines have stopped by their own thermostats since the stage changed."""

    count: int = 0
    paused: tuple[str, ...] = ()
    """Who pauses now."""
    last_s: float | None = None
    """When one last stopped."""

    def lately(self, watched_s: float) -> bool:
        """Whether they stop and start at present: their water swings with their thermostats, and
        warm or cold, it says nothing of what they could give."""
        swings = self.last_s is not None and 0.0 <= watched_s - self.last_s < SWINGS_S
        return bool(self.paused) or swings


NO_STOPS = OwnStops()


def stopped_themselves(before: OwnStops, paused: Collection[str], watched_s: float) -> OwnStops:
    """One look later."""
    now = tuple(paused)
    if now == before.paused:
        return before
    stopped = len(set(now) - set(before.paused))
    return OwnStops(before.count + stopped, now, watched_s if stopped else before.last_s)


def patience(changes_s: Sequence[float], own: OwnStops = NO_STOPS) -> float:
    """By what the delay of smaller stages is multiplied, after so many changes in a day, while
    machines of the stage have stopped by themselves so often."""
    if own.count >= OWN_STOPS:
        return 1.0
    over = len(changes_s) - CALM_CHANGES
    return 1.0 if over < 0 else 2.0 if over < 1 else 8.0 if over < 3 else 32.0


def noted(changes_s: Sequence[float], watched_s: float, *, counts: int) -> tuple[float, ...]:
    """The changes of the last day, with as many now as count.

    A stop for want of need counts for `STOP_COUNTS`. What a schedule, a person or a failure does
    counts for nothing.
    """
    kept = tuple(time_s for time_s in changes_s if 0.0 <= watched_s - time_s < DAY_S)
    return (*kept, *(watched_s for _ in range(counts)))


def larger_counts(smaller_s: float | None, watched_s: float) -> int:
    """For how many changes a larger stage counts; `smaller_s` is when a smaller one was taken."""
    soon = smaller_s is not None and 0.0 <= watched_s - smaller_s < RETURNS_WITHIN_S
    return RETURN_COUNTS if soon else 1


def unneeded_s(changes_s: Sequence[float], watched_s: float) -> float:
    """For how long nothing may need a plant before it stops; 0 on a calm day."""
    if len(changes_s) < CALM_CHANGES:
        return 0.0
    waits = min(patience(noted(changes_s, watched_s, counts=0)), 8.0)
    return UNNEEDED_S * waits if waits > 1.0 else 0.0
