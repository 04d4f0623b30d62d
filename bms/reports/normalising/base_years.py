"""The years of one base as tables by day: its load, and what drives it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from zoneinfo import ZoneInfo

from bms.config.shapes.driver_files import BaseDrivers
from bms.config.site import Base, Site
from bms.energy.comparing.day_values import Day, Period, same_date, whole_kwh, whole_year
from bms.energy.comparing.loads import period_of
from bms.energy.models.daily_frames import DayClass, Frame, classes_of
from bms.ledger.database.store import Ledger
from bms.reports.free_days import known_holidays
from bms.reports.normalising.driver_days import (
    Books,
    DriverDays,
    declared_drivers,
    driver_days,
)

WEATHER_YEARS: Final = 12
"""So far back the weather is looked at, for what the rest of a year may bring."""


@dataclass(frozen=True)
class BaseYears:
    """One base in the reported year and the one before."""

    base: str
    year: int
    before: int
    period: Period
    """The complete days of the reported year."""
    kwh: Mapping[date, float]
    """The load of days that all meters know in full, of both years."""
    told: DriverDays
    classes: Mapping[date, DayClass]

    def frame(self, days: Sequence[date]) -> Frame:
        """Some days of either year."""
        return Frame.of(
            days,
            self.kwh,
            outdoor_c=self.told.outdoor_c,
            drivers=self.told.drivers,
            class_of=self.classes.__getitem__,
        )

    def reported(self) -> Frame:
        """The complete days of the reported year."""
        return self.frame(list(self.period))

    def baseline(self) -> Frame:
        """All days of the year before."""
        return self.frame(list(whole_year(self.before)))

    def pairs(self) -> tuple[Frame, Frame]:
        """Both years row by row, the same date of either: 29 February is paired with the 28th."""
        theirs = Period(same_date(self.period.first, self.before), self._last_before())
        if theirs.days > self.period.days:
            rows = [(same_date(day, self.year), day) for day in theirs]
        else:
            rows = [(day, same_date(day, self.before)) for day in self.period]
        return self.frame([ours for ours, _ in rows]), self.frame([other for _, other in rows])

    def _last_before(self) -> date:
        return same_date(self.period.last, self.before)


def base_years(site: Site, base: Base, books: Books, year: int, now: datetime) -> BaseYears | None:
    """None if the base has no meters, or the year no complete day yet."""
    before = year - 1 if base.file.baseline_year is None else base.file.baseline_year
    period = period_of(year, now, ZoneInfo(base.zone))
    if period is None or not base.imports or before == year:
        return None
    asked = Period(date(min(before, year - WEATHER_YEARS), 1, 1), date(max(year, before), 12, 31))
    kwh: dict[date, float] = {}
    for one in (before, year):
        kwh |= load_days(site, base, books.ledger, whole_year(one))
    told = declared_drivers(site).get(base.id, BaseDrivers())
    holidays = known_holidays(site, base, year, before)
    class_of = classes_of(holidays, (before, year))
    return BaseYears(
        base.id,
        year,
        before,
        period,
        {day: amount for day, amount in kwh.items() if day.year != year or day in period},
        driver_days(site, base, told, books, asked),
        {day: class_of(day) for one in (before, year) for day in whole_year(one)},
    )


def load_days(site: Site, base: Base, ledger: Ledger, days: Period) -> dict[date, float]:
    """Imports + generation - exports of the local days that every meter knows in full."""
    meters = [
        (sign, {d: Day(*v) for d, v in ledger.days(spec, days.first, days.last).items()})
        for sign, names in ((1, base.imports), (1, base.generation), (-1, base.exports))
        for spec in map(site.meter_named, names)
    ]
    found: dict[date, float] = {}
    for day in days:
        amounts = [(sign, whole_kwh(known, day)) for sign, known in meters]
        if all(amount is not None for _, amount in amounts):
            found[day] = sum(sign * (amount or 0.0) for sign, amount in amounts)
    return found
