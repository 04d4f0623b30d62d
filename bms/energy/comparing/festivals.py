"""Free days, and festivals that fall on other dates every year."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final, NamedTuple

from bms.energy.comparing.day_values import Period, same_date
from bms.texts.messages import msg

_FIRST_YEAR: Final = 2000
_NEW_YEARS: Final = (
    "02050124021202010122020901290218020701260214020301230210013102190208012802160205"
    "01250212020101220210012902170206012602130203012302110131021902080128021502040124"
    "02120201012202100130021702060126021402020123021102010219020801280215020401240212"
    "02020121020901290217020501260214020301230211"
)
"""The first day of the Chinese year, month and day, from 2000 on: a test holds them against a
library."""

_EVE: Final = timedelta(days=1)
_SEVENTH: Final = timedelta(days=6)
"""Where no calendar tells a year's holidays, the festival is taken from its eve to the seventh day
of the year: the eight days of the notices since 2024."""

_MOVES_DAYS: Final = 3
"""A holiday that shifts by no more keeps its date: a bridge day, not the moon."""

_LONG_DAYS: Final = 5
"""Around a festival that is so long, a park slows down before and starts up after."""

AROUND: Final = 10
"""For so many days before and after a long festival."""


@dataclass(frozen=True, slots=True)
class Holidays:
    """Free days by name, and weekend days that are worked, as far as calendars tell."""

    free: Mapping[date, str] = field(default_factory=dict)
    worked: frozenset[date] = frozenset()

    def runs(self, year: int) -> Mapping[str, Period]:
        """The longest run of days under each name within a year."""
        found: dict[str, Period] = {}
        for day, name in sorted(self.free.items()):
            if day.year != year:
                continue
            before = found.get(name)
            if before is None or (day - before.last).days > 1:
                if before is None or before.days == 1:
                    found[name] = Period(day, day)
            else:
                found[name] = Period(before.first, day)
        return found


class Moved(NamedTuple):
    """A festival that falls on other dates in two years."""

    name: str
    this: Period
    before: Period

    @property
    def long(self) -> bool:
        """Whether the days around it are no usual days either."""
        return min(self.this.days, self.before.days) >= _LONG_DAYS


def new_year(year: int) -> date | None:
    """The first day of the Chinese year that begins in `year`; None beyond the table."""
    at = 4 * (year - _FIRST_YEAR)
    if not 0 <= at < len(_NEW_YEARS):
        return None
    return date(year, int(_NEW_YEARS[at : at + 2]), int(_NEW_YEARS[at + 2 : at + 4]))


def with_spring_festival(holidays: Holidays, years: Iterable[int]) -> Holidays:
    """The same, with the Spring Festival in every year, under one name."""
    found = {year: day for year in years if (day := new_year(year)) is not None}
    told = [holidays.free[day] for day in found.values() if day in holidays.free]
    name = told[0] if told else msg("Spring Festival")
    free = {day: name if other in told else other for day, other in holidays.free.items()}
    for day in found.values():
        if day not in free:
            free |= dict.fromkeys(Period(day - _EVE, day + _SEVENTH), name)
    return Holidays(free, holidays.worked - free.keys())


def moved(holidays: Holidays, this: int, before: int) -> tuple[Moved, ...]:
    """The festivals that do not keep their date from one year to the other."""
    ours, theirs = holidays.runs(this), holidays.runs(before)
    return tuple(
        Moved(name, ours[name], theirs[name])
        for name in ours.keys() & theirs.keys()
        if abs((ours[name].first - same_date(theirs[name].first, this)).days) > _MOVES_DAYS
    )
