"""How busy a Chinese industrial park is at an instant: workdays, weekends, holidays."""

from __future__ import annotations

from datetime import date, timedelta
from typing import NamedTuple

_UNIX_ORDINAL = date(1970, 1, 1).toordinal()

_FIRST_NEW_YEAR = 2007
_NEW_YEARS = (
    (2, 18), (2, 7), (1, 26), (2, 14), (2, 3), (1, 23), (2, 10), (1, 31), (2, 19), (2, 8),
    (1, 28), (2, 16), (2, 5), (1, 25), (2, 12), (2, 1), (1, 22), (2, 10), (1, 29), (2, 17),
    (2, 6), (1, 26), (2, 13), (2, 3),
)  # fmt: skip
"""Chinese New Year, 2007 to 2030; the park keeps no Spring Festival in other years."""


class Activity(NamedTuple):
    """Shares of full activity, 0-1."""

    occupancy: float
    """People in offices and halls."""
    production: float


class _Day(NamedTuple):
    """Values at the beginning of each hour."""

    occupancy: tuple[float, ...]
    production: tuple[float, ...]


# Occupancy follows the DOE prototype office; production is a two-shift plant with a night crew.
_WORKDAY = _Day(
    (0.05,) * 6 + (0.1, 0.3) + (0.9,) * 10 + (0.7, 0.5, 0.5, 0.3, 0.3, 0.1),
    (0.52,) * 6 + (0.6, 0.85) + (1.0,) * 10 + (0.95, 0.9, 0.9, 0.88, 0.7, 0.55),
)
_SATURDAY = _Day(
    (0.05,) * 8 + (0.3,) * 10 + (0.1,) * 6,
    (0.45,) * 8 + (0.7,) * 10 + (0.5,) * 6,
)
_REST_DAY = _Day((0.05,) * 24, (0.35,) * 8 + (0.42,) * 10 + (0.35,) * 6)
_FESTIVAL = _Day((0.03,) * 24, (0.25,) * 24)


def _profile(day: date) -> _Day:
    if _is_festival(day):
        return _FESTIVAL
    if (day.month, day.day) in ((1, 1), (4, 5)):
        return _REST_DAY
    if (day.month == 5 and day.day <= 5) or (day.month == 10 and day.day <= 7):
        return _REST_DAY
    return (_WORKDAY, _SATURDAY, _REST_DAY)[max(0, day.weekday() - 4)]


def _is_festival(day: date) -> bool:
    """From the eve of Chinese New Year to its sixth day."""
    number = day.year - _FIRST_NEW_YEAR
    if not 0 <= number < len(_NEW_YEARS):
        return False
    new_year = date(day.year, *_NEW_YEARS[number])
    return new_year - timedelta(days=1) <= day <= new_year + timedelta(days=5)


class WorkCalendar:
    """Activity at any time; remembers the day it was last asked about."""

    __slots__ = ("_day", "_unix_day")

    def __init__(self) -> None:
        self._unix_day = -1
        self._day = _REST_DAY

    def at(self, local_s: float) -> Activity:
        """Activity at `local_s`, seconds since 1970-01-01 00:00 of the park's standard time."""
        unix_day, second = divmod(local_s, 86400.0)
        if unix_day != self._unix_day:
            self._unix_day = int(unix_day)
            self._day = _profile(date.fromordinal(self._unix_day + _UNIX_ORDINAL))
        people, production = self._day
        hour = second / 3600.0
        h = int(hour)
        part = hour - h
        after = h + 1 if h < 23 else h
        return Activity(
            people[h] + (people[after] - people[h]) * part,
            production[h] + (production[after] - production[h]) * part,
        )
