"""Festivals that lie in one of two periods and not, or less, in the other.

Then the same dates are not the same days: growth by dates says who was on holiday.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from statistics import median
from typing import Final, NamedTuple

from bms.energy.comparing.day_kinds import DayKinds
from bms.energy.comparing.day_values import Period, same_date, whole_kwh
from bms.energy.comparing.festivals import Holidays, Moved, moved
from bms.energy.comparing.gaps import MeterDays, Pair
from bms.energy.comparing.unknowns import Sums

TAIL_DAYS: Final = 7
"""A park starts up for about a week after a long festival, and slows down before it."""

_NEIGHBOURS_DAYS: Final = 28


class Shifted(NamedTuple):
    """A festival of which the two periods do not have the same days."""

    festival: Moved
    effect: Sums
    """What the loads would be more if nobody had been on holiday on the days that only one of
    the periods has (kWh)."""
    until: date
    """From this day on both have all of it."""


def shifted(
    holidays: Holidays, meters: Sequence[MeterDays], pair: Pair, kinds: DayKinds
) -> list[Shifted]:
    """The festivals that the two periods do not share wholly."""
    result: list[Shifted] = []
    for festival in moved(holidays, pair.this.first.year, pair.before.first.year):
        margin = timedelta(days=TAIL_DAYS if festival.long else 0)
        this, before = (
            Period(run.first - margin, run.last + margin)
            for run in (festival.this, festival.before)
        )
        ours = _places(this, pair.this)
        theirs = _places(before, pair.before)
        # A festival of another length in the other year is no shift, once both are over.
        whole = len(ours) == this.days and len(theirs) == before.days
        if whole or ours == theirs:
            continue
        effect = Sums(
            _held_back(meters, kinds, _those(this, ours - theirs), pair.this),
            _held_back(meters, kinds, _those(before, theirs - ours), pair.before),
        )
        until = max(this.last, same_date(before.last, this.last.year)) + timedelta(days=1)
        result.append(Shifted(festival, effect, until))
    return result


def _places(run: Period, period: Period) -> frozenset[int]:
    """The days of a run that lie in a period, by their number in the run."""
    return frozenset(n for n, day in enumerate(run) if day in period)


def _those(run: Period, places: frozenset[int]) -> list[date]:
    return [day for n, day in enumerate(run) if n in places]


def _held_back(
    meters: Sequence[MeterDays], kinds: DayKinds, days: Sequence[date], period: Period
) -> float:
    """What days used less than usual days around them, over all meters."""
    total = 0.0
    for meter in meters:
        for day in days:
            used = whole_kwh(meter.days, day)
            usual = [
                kwh
                for other in kinds.usual_around(day, _NEIGHBOURS_DAYS)
                if other in period and (kwh := whole_kwh(meter.days, other)) is not None
            ]
            if used is not None and usual:
                total += meter.sign * (median(usual) - used)
    return total
