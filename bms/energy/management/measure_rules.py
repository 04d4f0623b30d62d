"""What a measure is expected to save in a year of which it works a part only, and how many
manual interventions fell away. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Final

from bms.energy.management.managed_items import Measure

DAYS_A_YEAR: Final = 365
_MOST_MONTHS: Final = 12


@dataclass(frozen=True, slots=True)
class Interventions:
    """Overrides and locks by people in a mean month before a measure and since it works.

    None: no whole month of it is recorded.
    """

    before: float | None
    since: float | None
    months_before: int = 0
    months_since: int = 0


def days_in_year(measure: Measure, year: int) -> int:
    """On how many days of a year it works; 0 of one that is planned or has no first day."""
    if measure.first_day is None or measure.state == "planned":
        return 0
    first = max(measure.first_day, date(year, 1, 1))
    last = min(measure.last_day or date(year, 12, 31), date(year, 12, 31))
    return min(max((last - first).days + 1, 0), DAYS_A_YEAR)


def expected_in_year_kwh(measure: Measure, year: int) -> float | None:
    """Its expected saving of a year, times the part of that year in which it works."""
    if measure.expected_kwh is None:
        return None
    return measure.expected_kwh * days_in_year(measure, year) / DAYS_A_YEAR


def interventions(
    measure: Measure, days: Iterable[date], recorded_from: date | None, today: date
) -> Interventions:
    """Interventions per month before and since: whole calendar months, at most twelve each.

    `days` are those on which somebody intervened, once for each time; the record begins at
    `recorded_from`, and its first month counts only if it is whole.
    """
    if measure.first_day is None or recorded_from is None:
        return Interventions(None, None)
    counted: dict[int, int] = {}
    for day in days:
        counted[_month(day)] = counted.get(_month(day), 0) + 1
    first = _month(recorded_from) + (recorded_from.day > 1)
    begin = _month(measure.first_day)
    whole_begin = begin + (measure.first_day.day > 1)
    before = range(max(first, begin - _MOST_MONTHS), begin)
    since = range(max(first, whole_begin), min(_month(today), whole_begin + _MOST_MONTHS))
    return Interventions(_mean(counted, before), _mean(counted, since), len(before), len(since))


def _month(day: date) -> int:
    return day.year * 12 + day.month - 1


def _mean(counted: dict[int, int], months: range) -> float | None:
    if not months:
        return None
    return sum(counted.get(month, 0) for month in months) / len(months)
