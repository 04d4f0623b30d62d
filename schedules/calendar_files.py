"""Reads `schedules/seasons.yaml` and `schedules/calendars/*.yaml`."""

from __future__ import annotations

import re
from datetime import date, timedelta
from types import MappingProxyType

from schedules.calendar import (
    YEAR,
    Calendar,
    CalendarEntry,
    DateSpan,
    MonthDay,
    TextError,
    YearlySpan,
    parse_dates,
    parse_yearly,
    spans_text,
)
from schedules.problems import Path
from schedules.programme import ANY_SEASON
from schedules.seasons import SeasonSet
from schedules.sheet import Sheet

REST = "rest"
"""Written in place of dates: the season of all other days."""

_NAME = re.compile(r"\w[\w-]*")
_MARGIN = timedelta(days=31)
"""A holiday of January may begin, or be worked off, in the December before."""


def read_seasons(sheet: Sheet) -> dict[str, SeasonSet | None]:
    """Season sets by id; None for one that has problems."""
    sets: dict[str, SeasonSet | None] = {}
    if not sheet.keys((), ("seasons",)):
        return sets
    for set_id in sheet.mapping(("seasons",)):
        path: Path = ("seasons", set_id)
        before = len(sheet.problems)
        sheet.identifier(path, "season set", key=True)
        by_day = _season_days(sheet, path)
        names = tuple(sheet.mapping(path)) if by_day is not None else ()
        sound = by_day is not None and len(sheet.problems) == before
        sets[set_id] = SeasonSet(set_id, names, MappingProxyType(by_day or {})) if sound else None
    return sets


def season_names(sheet: Sheet, set_id: str) -> tuple[str, ...] | None:
    """The season names that a set mentions, also if it has problems; None if it is no mapping."""
    seasons = sheet.document.data["seasons"][set_id]
    return tuple(seasons) if isinstance(seasons, dict) else None


def _season_days(sheet: Sheet, path: Path) -> dict[MonthDay, str] | None:
    """The season of all days of the year; None (or less than all) with problems."""
    seasons = sheet.mapping(path)
    if not isinstance(sheet.value(path), dict):
        return None
    found: dict[MonthDay, tuple[str, Path]] = {}
    rest = None
    for name in seasons:
        here = (*path, name)
        if not _NAME.fullmatch(name) or name in (ANY_SEASON, REST):
            message = f"'{name}' cannot be the name of a season"
            sheet.complain(here, message, "use letters, digits and '-'", key=True)
        if sheet.value(here) == REST:
            if rest is not None:
                first = sheet.at((*path, rest)).line
                message = f"'{rest}' on line {first} is already the rest of the year"
                sheet.complain(here, message, "give dates to one of the two")
            rest = rest or name
            continue
        for place in sheet.one_or_more(here, "range of dates"):
            span = sheet.read(place, parse_yearly)
            if span is not None:
                _claim(sheet, found, span, name, place)
    by_day = {day: name for day, (name, _) in found.items()}
    open_days = [day for day in YEAR if day not in by_day]
    if rest is None:
        days = f"{spans_text(open_days)} belong to none" if open_days else "there must be one"
        message = f"no season of '{path[-1]}' is '{REST}'; {days}"
        sheet.complain(
            path, message, f"write '{REST}' instead of the dates of one season", key=True
        )
        return None
    return {**by_day, **dict.fromkeys(open_days, rest)}


def _claim(
    sheet: Sheet,
    found: dict[MonthDay, tuple[str, Path]],
    span: YearlySpan,
    name: str,
    place: Path,
) -> None:
    days = [day for day in YEAR if span.has(day)]
    taken = [day for day in days if day in found]
    if taken:
        other, where = found[taken[0]]
        shared = spans_text([day for day in taken if found[day] == (other, where)])
        sheet.complain(
            place,
            f"{shared} already belongs to '{other}' on line {sheet.at(where).line}",
            "let every day belong to one season",
        )
    for day in days:
        found.setdefault(day, (name, place))


def read_calendar(sheet: Sheet) -> Calendar | None:
    """A calendar; None if it has problems."""
    before = len(sheet.problems)
    sheet.keys((), ("calendar", "years", "entries"), ("title",))
    calendar_id = sheet.identifier(("calendar",), "calendar") if sheet.has(("calendar",)) else None
    years = _years(sheet) if sheet.has(("years",)) else frozenset()
    title = sheet.title(("title",))
    entries: dict[str, tuple[CalendarEntry, ...]] = {}
    if sheet.has(("entries",)):
        for kind in sheet.mapping(("entries",)):
            places = sheet.items(("entries", kind), "entries")
            read = [_entry(sheet, place, years) for place in places]
            entries[kind] = tuple(entry for entry in read if entry is not None)
        _contradictions(sheet, entries)
    if len(sheet.problems) > before or calendar_id is None:
        return None
    return Calendar(calendar_id, years, MappingProxyType(entries), title)


def _years(sheet: Sheet) -> frozenset[int]:
    years: set[int] = set()
    for place in sheet.one_or_more(("years",), "year"):
        year = sheet.value(place)
        if isinstance(year, bool) or not isinstance(year, int) or not 1970 <= year <= 2200:
            sheet.complain(place, f"{year!r} is not a year", "write years as [2026]")
        else:
            years.add(year)
    return frozenset(years)


def _entry(sheet: Sheet, path: Path, years: frozenset[int]) -> CalendarEntry | None:
    if not sheet.keys(path, ("name", "dates")):
        return None
    name = sheet.word((*path, "name"), "the name")
    spans: list[DateSpan] = []
    for place in sheet.one_or_more((*path, "dates"), "date"):
        span = sheet.read(place, lambda text: _within(parse_dates(text), years))
        if span is not None:
            spans.append(span)
    return CalendarEntry(name, tuple(spans), sheet.at(path)) if name and spans else None


def _within(span: DateSpan, years: frozenset[int]) -> DateSpan:
    """The span, if it lies in (or close to) the calendar's years."""
    for day in (span.first, span.last):
        if years and all(
            day < date(year, 1, 1) - _MARGIN or day > date(year, 12, 31) + _MARGIN for year in years
        ):
            listed = ", ".join(map(str, sorted(years)))
            raise TextError(f"{day} is not in the calendar's years ({listed})", "check the year")
    return span


def _contradictions(sheet: Sheet, entries: dict[str, tuple[CalendarEntry, ...]]) -> None:
    """A day cannot be a holiday and a make-up workday."""
    for workday in entries.get("workday", ()):
        for holiday in entries.get("holiday", ()):
            shared = [
                max(a.first, b.first)
                for a in workday.spans
                for b in holiday.spans
                if max(a.first, b.first) <= min(a.last, b.last)
            ]
            if shared:
                sheet.complain_at(
                    workday.origin,
                    f"{shared[0]} is also the holiday '{holiday.name}' "
                    f"on line {holiday.origin.line}",
                    "a day is one or the other",
                )
