"""Dates and calendars.

Dates are written `2026-03-28`, or without a year (`03-28`) for every year; ranges with two dots
include both ends (`2026-10-01..2026-10-07`). A range without a year may run over new year
(`12-24..01-02`). `02-29` without a year is only in leap years. Days of a month are written in
words (`schedules.model.recurring`): `last sat of 03`, `2nd mon`, `odd days`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TypeAlias

from bms.texts.messages import msg
from bms.texts.problems import Origin, TextError
from schedules.model.recurring import AlternateDays, MonthlyDays, parse_recurring

MonthDay: TypeAlias = tuple[int, int]
"""Month 1-12 and day of the month."""

_LEAP_YEAR = 2024
_ANSWERS_KEPT = 4096
YEAR: tuple[MonthDay, ...] = tuple(
    (day.month, day.day) for day in (date(_LEAP_YEAR, 1, 1) + timedelta(days=n) for n in range(366))
)
"""All days a year can have, in order."""


@dataclass(frozen=True, slots=True)
class DateSpan:
    """Certain days, `first` to `last`, both included."""

    first: date
    last: date

    def __contains__(self, day: date) -> bool:
        return self.first <= day <= self.last


@dataclass(frozen=True, slots=True)
class YearlySpan:
    """The same days of every year, both ends included; runs over new year if `last < first`."""

    first: MonthDay
    last: MonthDay

    def __contains__(self, day: date) -> bool:
        return self.has((day.month, day.day))

    def has(self, day: MonthDay) -> bool:
        """Whether a day of the year is in the span."""
        if self.first <= self.last:
            return self.first <= day <= self.last
        return day >= self.first or day <= self.last


Span: TypeAlias = DateSpan | YearlySpan | MonthlyDays | AlternateDays


@dataclass(frozen=True, slots=True)
class CalendarEntry:
    """A named set of dates in a calendar, e.g. a public holiday."""

    name: str
    spans: tuple[Span, ...]
    origin: Origin
    years: frozenset[int] | None = None
    """What recurs every year or month does so in these years only; None: in all."""

    def __contains__(self, day: date) -> bool:
        return any(
            day in span
            for span in self.spans
            if isinstance(span, DateSpan) or self.years is None or day.year in self.years
        )


@dataclass(frozen=True, slots=True)
class Calendar:
    """Dates that many schedules share, by kind: `holiday`, `workday` or any other word."""

    id: str
    years: frozenset[int] | None
    """The years for which it is complete; None: for all, since every date in it recurs."""
    entries: Mapping[str, tuple[CalendarEntry, ...]]
    title: Mapping[str, str]
    _found: dict[tuple[str, date], CalendarEntry | None] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    """Answers given: all schedules ask about the same few dates."""

    def entry(self, kind: str, day: date) -> CalendarEntry | None:
        """The first entry of a kind that has the date."""
        key = (kind, day)
        if key not in self._found:
            if len(self._found) >= _ANSWERS_KEPT:
                self._found.clear()
            entries = self.entries.get(kind, ())
            self._found[key] = next((entry for entry in entries if day in entry), None)
        return self._found[key]

    def lacks(self, year: int) -> bool:
        """Whether it says nothing about a year."""
        return self.years is not None and year not in self.years


_DATE = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
_MONTH_DAY = re.compile(r"([0-9]{2})-([0-9]{2})")
_LOOSE = re.compile(r"(?:([0-9]{4})[-/.年])?([0-9]{1,2})[-/.月]([0-9]{1,2})日?")
_FORMS = msg(
    "write {dates}, {day} for every year, or {words}",
    dates="2026-10-01, 2026-10-01..2026-10-07",
    day="10-01",
    words="'last sat of 03', '2nd mon', 'odd days'",
)


def parse_span(value: object) -> Span:
    """A date or a range of dates, with or without a year, or days in words. Raises TextError."""
    if not isinstance(value, str):
        raise TextError(msg("{text!r} is not a date", text=value), _FORMS)
    recurring = parse_recurring(value)
    if recurring is not None:
        return recurring
    first_text, dots, last_text = value.partition("..")
    first = _day(first_text, value)
    last = _day(last_text, value) if dots else first
    if isinstance(first, date) and isinstance(last, date):
        if last < first:
            raise TextError(
                msg("the range {dates} ends before it begins", dates=value),
                msg("write {last_day}..{first_day}, or correct it", last_day=last, first_day=first),
            )
        return DateSpan(first, last)
    if isinstance(first, date) or isinstance(last, date):
        year = first.year if isinstance(first, date) else last.year if isinstance(last, date) else 0
        hint = msg(
            "write {first_day}..{last_day}, or no year at all",
            first_day=_with_year(first, year),
            last_day=_with_year(last, year),
        )
        raise TextError(
            msg("one end of the range {dates} has a year and the other has none", dates=value), hint
        )
    return YearlySpan(first, last)


def parse_yearly(value: object) -> YearlySpan:
    """A date or range without a year. Raises TextError."""
    span = parse_span(value)
    if isinstance(span, YearlySpan):
        return span
    if isinstance(span, DateSpan):
        raise TextError(
            msg("{dates} has a year; a season comes every year", dates=value),
            msg(
                "write {first_day:%m-%d}..{last_day:%m-%d}",
                first_day=span.first,
                last_day=span.last,
            ),
        )
    raise TextError(msg("'{text}' is no range of dates", text=value), msg("write 05-15..09-30"))


def month_day(day: MonthDay) -> str:
    """As it is written in files: `05-15`."""
    return f"{day[0]:02}-{day[1]:02}"


def spans_text(days: Sequence[MonthDay]) -> str:
    """Days of the year in a row, as ranges: `03-16..05-14, 10-01..11-14`."""
    runs: list[list[int]] = []
    for index in sorted(YEAR.index(day) for day in days):
        if runs and runs[-1][1] == index - 1:
            runs[-1][1] = index
        else:
            runs.append([index, index])
    return ", ".join(
        month_day(YEAR[a]) if a == b else f"{month_day(YEAR[a])}..{month_day(YEAR[b])}"
        for a, b in runs
    )


def _day(text: str, whole: str) -> date | MonthDay:
    full, short = _DATE.fullmatch(text), _MONTH_DAY.fullmatch(text)
    if full:
        year, month, day = (int(part) for part in full.groups())
        try:
            return date(year, month, day)
        except ValueError:
            raise TextError(
                msg("there is no day {text}", text=text), _last_day(year, month)
            ) from None
    if short:
        month, day = (int(part) for part in short.groups())
        if (month, day) not in YEAR:
            raise TextError(msg("there is no day {text}", text=text), _last_day(_LEAP_YEAR, month))
        return month, day
    shown = whole if text == whole else f"{text!r} in {whole}"
    raise TextError(msg("{text} is not a date", text=shown), _nearest(text))


def _nearest(text: str) -> str:
    """What was probably meant, if it is a date."""
    loose = _LOOSE.fullmatch(unicodedata.normalize("NFKC", text).strip())
    if not loose:
        return _FORMS
    year, month, day = loose.groups()
    written = f"{int(month):02}-{int(day):02}"
    return (
        msg("write {year}-{month_day}", year=year, month_day=written)
        if year
        else msg("write {text}", text=written)
    )


def _last_day(year: int, month: int) -> str:
    if not 1 <= month <= 12:
        return msg("months are 01 to 12, written year-month-day")
    last = max(d for m, d in YEAR if m == month)
    if month == 2 and not (year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)):
        last = 28
    return msg("the last day of that month is {last}", last=last)


def _with_year(day: date | MonthDay, year: int) -> str:
    return str(day) if isinstance(day, date) else f"{year}-{month_day(day)}"
