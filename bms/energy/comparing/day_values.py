"""What is known of one local day, and of a stretch of days, from a meter."""

from __future__ import annotations

from calendar import isleap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final, NamedTuple, TypeAlias
from zoneinfo import ZoneInfo

from bms.core.instants import local_midnight

WHOLE: Final = 0.995
"""A day with this share of its time is as good as a whole one (7 minutes are missing)."""


_YEARS_BACK: Final = 3
"""So many years before each of the two compared are asked what a lost day may have used."""


class Day(NamedTuple):
    """The energy of one local day as far as it is known, and for which share of the day it is."""

    kwh: float
    covered: float


Days: TypeAlias = Mapping[date, Day]
"""A day that is not in it is not known at all."""


def whole_kwh(days: Days, day: date) -> float | None:
    """The energy of a day; None unless all of it is known."""
    found = days.get(day)
    return None if found is None or found.covered < WHOLE else found.kwh / found.covered


@dataclass(frozen=True, slots=True)
class Period:
    """Whole local days, both ends included."""

    first: date
    last: date

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1

    def __contains__(self, day: date) -> bool:
        return self.first <= day <= self.last

    def __iter__(self) -> Iterator[date]:
        return (self.first + timedelta(days=n) for n in range(self.days))

    def bounds(self, zone: ZoneInfo) -> tuple[datetime, datetime]:
        """Start and end in UTC."""
        return local_midnight(self.first, zone), local_midnight(self.last + timedelta(days=1), zone)

    def has_leap_day(self) -> bool:
        return isleap(self.first.year) and self.first <= date(self.first.year, 2, 29) <= self.last


def whole_year(year: int) -> Period:
    return Period(date(year, 1, 1), date(year, 12, 31))


def same_date(day: date, year: int) -> date:
    """The same day of another year; 28 February where there is no 29th."""
    try:
        return day.replace(year=year)
    except ValueError:
        return date(year, 2, 28)


def years_asked(this: int, before: int) -> list[int]:
    """The years of which days are looked at, to compare two of them."""
    return sorted({year - back for year in (this, before) for back in range(_YEARS_BACK + 1)})
