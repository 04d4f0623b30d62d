"""What was measured over a long time across a period's border: how much of it lies inside."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from bms.core.instants import DAY_MS, from_ms, to_ms
from bms.energy.comparing.day_values import Period
from bms.energy.quarters import Stretch

_LEAST: Final = 0.05
_ONE_DAY: Final = 0.7
_EVENS_OUT: Final = 0.8
"""A piece of n days uses what its share of the time says, but for 5 % and 0.7 / n^0.8 of it: one
day may be a holiday, two weeks hardly differ from the month around them."""

_ALL: Final = 1.0


class Crossing(NamedTuple):
    """Energy whose total is known, measured across one or both borders of two periods."""

    meter: str
    day: date
    """The register at its beginning would tell how it divides."""
    kwh: float
    """So much more or less of it may lie inside."""
    this: bool
    before: bool
    """In which periods a part of it lies."""

    def doubt(self, at: float, before: float) -> float:
        """How far it lets a ratio move up or down, where `before` is the load below the line."""
        return self.kwh * (self.this + at * self.before) / before


def crossings(
    meter: str, stretches: Sequence[Stretch], this: Period, before: Period, zone: ZoneInfo
) -> list[Crossing]:
    """What long measurements of a meter leave open at the borders of the periods."""
    found: list[Crossing] = []
    edges = [tuple(map(to_ms, period.bounds(zone))) for period in (this, before)]
    for s in stretches:
        length = s.end_ms - s.start_ms
        if s.amount is None:
            continue
        inside = [max(0, min(s.end_ms, last) - max(s.start_ms, first)) for first, last in edges]
        borders = [ms for both in edges for ms in both if s.start_ms < ms < s.end_ms]
        if not borders or not any(inside):
            continue
        smaller = min(max(inside), length - max(inside)) / DAY_MS
        kwh = abs(float(s.amount)) * DAY_MS / length * smaller * _wrong_by(smaller)
        day = from_ms(borders[0]).astimezone(zone).date()
        found.append(Crossing(meter, day, kwh, inside[0] > 0, inside[1] > 0))
    return found


def _wrong_by(days: float) -> float:
    """By which share of itself a piece of so many days may differ from a straight line."""
    return min(_ALL, _LEAST + _ONE_DAY / float(max(days, 0.01) ** _EVENS_OUT))
