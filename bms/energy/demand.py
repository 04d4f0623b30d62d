"""Fifteen-minute demand: mean power over the quarter hours of the utility's clock.

Those are the quarter hours of UTC, which are those of every time zone in use. A quarter hour of
which less than `FILLED_PCT` is known, or whose shape is a guess, cannot set a peak; a month with
such quarter hours has a peak that may be understated, and says by how much of it is known.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Final
from zoneinfo import ZoneInfo

from bms.core.instants import from_ms
from bms.core.readings import Label
from bms.energy.quarters import QUARTER_MS, Slot

FILLED_PCT: Final = 95
_KNOWN_SHAPE: Final = (Label.MEASURED, Label.CORRECTED, Label.DERIVED)
PER_H: Final = 4


@dataclass(frozen=True, slots=True)
class Peak:
    """The demand of one month of a base's calendar, in the meter's unit per hour."""

    month: str
    """`2026-03`."""
    peak: Fraction | None
    """None: no quarter hour of the month is known well enough."""
    start: datetime | None
    """When the quarter hour of the peak began; the first of equal ones."""
    filled_pct: float
    """The share of the month's quarter hours, up to the last known one, that could set it."""


def fit_for_demand(slot: Slot) -> bool:
    """Whether a quarter hour may set a peak."""
    # A quarter hour known in part carries the label MISSING, however little is missing.
    filled = slot.covered_ms * 100 >= FILLED_PCT * QUARTER_MS
    partly = slot.label is Label.MISSING and slot.covered_ms < QUARTER_MS
    return filled and (partly or slot.label in _KNOWN_SHAPE)


def demand(slots: Iterable[tuple[int, Slot]]) -> list[tuple[int, Fraction]]:
    """The mean rates (unit per hour) of the quarter hours that may set a peak, by start (ms)."""
    return [
        (ms, slot.amount * PER_H * QUARTER_MS / slot.covered_ms)
        for ms, slot in slots
        if fit_for_demand(slot)
    ]


def peaks(
    slots: Sequence[tuple[int, Slot]], zone: ZoneInfo, start: datetime, end: datetime
) -> list[Peak]:
    """The peak of each month between two instants, by the calendar of `zone`."""
    expected: dict[str, int] = {}
    first, last = (int(t.timestamp() * 1000) for t in (start, end))
    for ms in range(first, last, QUARTER_MS):
        month = f"{from_ms(ms).astimezone(zone):%Y-%m}"
        expected[month] = expected.get(month, 0) + 1
    found: dict[str, tuple[Fraction, int]] = {}
    filled: dict[str, int] = {}
    for ms, rate in demand(slots):
        if not first <= ms < last:
            continue
        month = f"{from_ms(ms).astimezone(zone):%Y-%m}"
        filled[month] = filled.get(month, 0) + 1
        if month not in found or rate > found[month][0]:
            found[month] = rate, ms
    return [
        Peak(
            month,
            found[month][0] if month in found else None,
            from_ms(found[month][1]) if month in found else None,
            100 * filled.get(month, 0) / count,
        )
        for month, count in expected.items()
    ]
