"""Delays as instants, not counts of cycles: right at steps of a second and of a quarter hour."""

from __future__ import annotations

from datetime import datetime, timedelta


def since(holds: bool, before: datetime | None, now: datetime) -> datetime | None:
    """Since when a condition has held without a break; None while it does not.

    If the clock was set back, the time starts over.
    """
    if not holds:
        return None
    return now if before is None or before > now else before


def lasted(start: datetime | None, duration_s: float, now: datetime) -> bool:
    """Whether at least `duration_s` seconds have passed since `start`; False without a start."""
    return start is not None and (now - start).total_seconds() >= duration_s


def moved(start: datetime | None, by: timedelta) -> datetime | None:
    """A start as if the clock had always been `by` later: how long ago it was stays the same."""
    return None if start is None else start + by


def interruption(last: datetime | None, step_s: float, now: datetime) -> timedelta | None:
    """The time nobody looked on, or that never was: a stop of the controller, a clock that was set.

    `last` and `step_s` are the last look and its distance from the one before, 0 if there was
    none. None for a look that came in its turn, whatever the step.
    """
    if last is None:
        return None
    gap = now - last
    if timedelta(0) <= gap and (not step_s or gap.total_seconds() <= max(10.0, 10.0 * step_s)):
        return None
    return gap
