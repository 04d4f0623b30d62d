"""Which days of another year a day can be compared with.

A working day is compared with working days around the same date, a Saturday with Saturdays, a
Sunday with Sundays; a day of a holiday with the same holiday, and a day around a long festival
that moves with the days that lie as far from it in the other year.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Final, NamedTuple

from bms.energy.comparing.day_values import Period, same_date
from bms.energy.comparing.festivals import AROUND, Holidays, moved

NEAR: Final = 10
"""Partners lie at most so many days from the same date: a season moves little in that time."""

FAR: Final = 24
"""Where a festival lies around the same date of the other year, none is so near."""

_NEAR_FESTIVAL: Final = 2


class Kind(NamedTuple):
    """`week` is what the day is by its weekday: `work`, `sat`, `sun`. A holiday has its `name`
    and the day's number within it; days before a festival count from -1 down, those after it from
    1,000 up."""

    week: str
    name: str = ""
    offset: int = 0


_AFTER: Final = 1000


class DayKinds:
    """The kinds of all days of some years, and their partners in the others."""

    def __init__(self, holidays: Holidays, years: frozenset[int]) -> None:
        self._holidays = holidays
        self._runs = {year: holidays.runs(year) for year in years}
        long = {
            found.name
            for one in years
            for other in years
            if one < other
            for found in moved(holidays, one, other)
            if found.long
        }
        self._zones: dict[int, list[tuple[str, Period]]] = {
            year: [(name, run) for name, run in runs.items() if name in long]
            for year, runs in self._runs.items()
        }
        self._kinds: dict[date, Kind] = {}
        self._partners: dict[tuple[date, int], Sequence[date]] = {}

    def kind(self, day: date) -> Kind:
        """What a day is compared as."""
        found = self._kinds.get(day)
        if found is None:
            found = self._kinds[day] = self._kind(day)
        return found

    def _kind(self, day: date) -> Kind:
        weekday = day.weekday()
        week = "work" if weekday < 5 or day in self._holidays.worked else _WEEKEND[weekday]
        for name, run in self._zones.get(day.year, ()):
            if day in run:
                return Kind("free", name, (day - run.first).days)
            before, after = (run.first - day).days, (day - run.last).days
            if 0 < before <= AROUND:
                return Kind(week, name, -before)
            if 0 < after <= AROUND:
                return Kind(week, name, _AFTER + after)
        if day in self._holidays.free:
            return Kind("free", self._holidays.free[day])
        return Kind(week)

    def partners(self, day: date, year: int) -> Sequence[date]:
        """The days of another year that are like this one."""
        found = self._partners.get((day, year))
        if found is None:  # every meter of a base asks
            found = self._partners[day, year] = tuple(self._find_partners(day, year))
        return found

    def _find_partners(self, day: date, year: int) -> Iterator[date]:
        kind = self.kind(day)
        if not kind.name:
            around = same_date(day, year)
            for shift in range(-NEAR, NEAR + 1):
                other = around + timedelta(days=shift)
                if other.year == year and self.kind(other) == kind:
                    yield other
            return
        run = self._runs.get(year, {}).get(kind.name)
        if run is None:
            return
        for other in Period(run.first - timedelta(days=AROUND), run.last + timedelta(days=AROUND)):
            found = self.kind(other)
            if (
                found.name == kind.name
                and found.week == kind.week
                and abs(found.offset - kind.offset) <= _NEAR_FESTIVAL
            ):
                yield other

    def distant(self, day: date, year: int) -> Iterator[date]:
        """The days of another year to ask where too few are like this one: usual days of the same
        weekday class further from the same date. For a holiday they are Sundays."""
        week = self.kind(day).week
        usual = Kind("sun" if week == "free" else week)
        around = same_date(day, year)
        for shift in range(-FAR, FAR + 1):
            other = around + timedelta(days=shift)
            if other.year == year and self.kind(other) == usual:
                yield other

    def neighbours(self, day: date, days: int, *, same_week: bool) -> Iterator[date]:
        """The days around it in its own year; only those like it if `same_week`."""
        week = self.kind(day).week
        for shift in range(-days, days + 1):
            other = day + timedelta(days=shift)
            alike = not same_week or self.kind(other).week == week
            if shift and other.year == day.year and alike:
                yield other

    def usual_around(self, day: date, days: int) -> Iterator[date]:
        """The days of the same weekday class around it that are no holiday nor near one."""
        week = "work" if day.weekday() < 5 else _WEEKEND[day.weekday()]
        for shift in range(-days, days + 1):
            other = day + timedelta(days=shift)
            if other.year == day.year and self.kind(other) == Kind(week):
                yield other


_WEEKEND = {5: "sat", 6: "sun"}
