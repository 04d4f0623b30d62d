"""Delays as instants, not counts of cycles: right at steps of a second and of a quarter hour."""

from __future__ import annotations

from datetime import datetime


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
