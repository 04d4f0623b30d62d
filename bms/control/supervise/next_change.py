"""When a schedule next does something else: what people call the end of a block, and how long it
had stood still before. Pure."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TypeAlias

from bms.control.engine.protection import is_on
from schedules.answering.answers import Change, Entry
from schedules.answering.resolve import Resolver


def next_effective_change(
    resolver: Resolver, now: datetime, horizon: timedelta = timedelta(days=14)
) -> Change | None:
    """The next change of mode or setpoints: another line deciding the same is none for people.

    None if there is none within `horizon`.
    """
    entry, at, end = resolver.effective(now), now, now + horizon
    while (change := resolver.next_change(at, horizon_days=horizon.days + 1)) is not None:
        if change.time > end:
            return None
        if (change.entry.mode, change.entry.setpoints) != (entry.mode, entry.setpoints):
            return change
        at = change.time
    return None


LONGEST_REST = timedelta(days=10)
"""How far back a block is looked for."""

Steps: TypeAlias = Callable[[Entry, Entry], bool]
"""Whether a change from one entry to the other, both running, is a step of the setpoint."""


def no_step(_: Entry, __: Entry) -> bool:
    """Only what switches on or off counts."""
    return False


def next_switch(
    resolver: Resolver, now: datetime, horizon: timedelta, steps: Steps = no_step
) -> Change | None:
    """The next change from standing still to running, or back, or a step of the setpoint.

    None within `horizon`.
    """
    before, at, end = resolver.effective(now), now, now + horizon
    while (change := resolver.next_change(at, horizon_days=horizon.days + 1)) is not None:
        if change.time > end:
            return None
        on = is_on(change.entry.mode)
        if on != is_on(before.mode) or (on and steps(before, change.entry)):
            return change
        before, at = change.entry, change.time
    return None


def rested(resolver: Resolver, at: datetime) -> timedelta:
    """How long the schedule had stood still before the block that holds or begins at `at`.

    `LONGEST_REST` if nothing ran in that time.
    """
    begun: datetime | None = None
    """Of the block that was met last, and when the one before it ended."""
    ended = before = at - LONGEST_REST
    for stretch in resolver.preview(at - LONGEST_REST, LONGEST_REST.days + 2):
        if stretch.start > at:
            break
        if not is_on(stretch.entry.mode):
            continue
        if begun is None or stretch.start != ended:
            before, begun = ended, stretch.start
        ended = stretch.end
    if begun is None or at >= ended:
        return at - ended
    return max(timedelta(0), begun - before)
