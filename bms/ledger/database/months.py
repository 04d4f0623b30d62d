"""Months of a base's calendar, numbered `year * 12 + month - 1`."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from bms.core.instants import local_midnight, to_ms


def month_of(day: date) -> int:
    """The month that a local date lies in."""
    return day.year * 12 + day.month - 1


def first_day(month: int) -> date:
    """The first local day of a month."""
    return date(month // 12, month % 12 + 1, 1)


def month_edges(zone: str, first: int, last: int) -> tuple[int, int]:
    """The instants (ms) at which `first` begins and `last` ends."""
    info = ZoneInfo(zone)
    return (
        to_ms(local_midnight(first_day(first), info)),
        to_ms(local_midnight(first_day(last + 1), info)),
    )


def whole_months(zone: str, start: datetime, end: datetime) -> range:
    """The months that lie wholly between two instants; empty if none does."""
    info = ZoneInfo(zone)
    first = month_of((start.astimezone(info) - timedelta(microseconds=1)).date()) + 1
    last = month_of(end.astimezone(info).date())
    return range(first, last)
