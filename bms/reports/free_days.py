"""The free days of a base, as its calendars tell them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Final

from bms.config.site import Base, Site
from bms.energy.comparing.day_values import Period, years_asked
from bms.energy.comparing.festivals import Holidays, with_spring_festival
from schedules.model.calendar import Calendar

_CHINESE_NEW_YEAR: Final = frozenset(
    [
        "Asia/Chongqing",
        "Asia/Chungking",
        "Asia/Harbin",
        "Asia/Hong_Kong",
        "Asia/Kashgar",
        "Asia/Macao",
        "Asia/Macau",
        "Asia/Shanghai",
        "Asia/Taipei",
        "Asia/Urumqi",
        "Hongkong",
        "PRC",
        "ROC",
    ]
)
"""Zones in which parks rest at the Chinese New Year, whether or not a calendar says so."""


def known_holidays(site: Site, base: Base, this: int, before: int) -> Holidays:
    """Free days and make-up workdays of the years that growth may ask about.

    Of the calendars that the schedules of the base use; of all, if they use none.
    """
    years = years_asked(this, before)
    free: dict[date, str] = {}
    worked: set[date] = set()
    for calendar in _calendars(site, base):
        for year in years:
            for day in Period(date(year, 1, 1), date(year, 12, 31)):
                entry = calendar.entry("holiday", day)
                if entry is not None:
                    free.setdefault(day, entry.name)
                elif calendar.entry("workday", day) is not None:
                    worked.add(day)
    found = Holidays(free, frozenset(worked - free.keys()))
    return with_spring_festival(found, years) if base.zone in _CHINESE_NEW_YEAR else found


def _calendars(site: Site, base: Base) -> Iterable[Calendar]:
    library = site.library
    used = {
        rule.calendar.id: rule.calendar
        for target, schedule in library.governed.items()
        if target.partition(".")[0] == base.id
        for rule in library.schedules[schedule].exceptions
        if rule.calendar is not None
    }
    return list(used.values()) or list(library.calendars.values())
