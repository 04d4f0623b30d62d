"""When a schedule next does something else: what people call the end of a block. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from bms.control.engine.protection import is_on
from schedules.answering.answers import Change
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


def next_switch(resolver: Resolver, now: datetime, horizon: timedelta) -> Change | None:
    """The next change from standing still to running, or back; None within `horizon`."""
    on, at, end = is_on(resolver.effective(now).mode), now, now + horizon
    while (change := resolver.next_change(at, horizon_days=horizon.days + 1)) is not None:
        if change.time > end:
            return None
        if is_on(change.entry.mode) != on:
            return change
        at = change.time
    return None
