"""Reads `schedules/calendars/*.yaml`: several files may complete one calendar, year by year."""

from __future__ import annotations

from datetime import date, timedelta
from types import MappingProxyType

from bms.texts.messages import msg
from bms.texts.problems import Origin, Path, TextError
from bms.texts.yaml.sheet import Sheet
from schedules.files import keys
from schedules.model.calendar import Calendar, CalendarEntry, DateSpan, Span, parse_span

_MARGIN = timedelta(days=31)
"""A holiday of January may begin, or be worked off, in the December before."""


def read_calendar(sheet: Sheet) -> Calendar | None:
    """What one file says of a calendar; None if it has problems."""
    before = len(sheet.problems)
    sheet.keys((), *keys.CALENDAR.names)
    calendar_id = (
        sheet.identifier(("calendar",), msg("calendar")) if sheet.has(("calendar",)) else None
    )
    years = _years(sheet) if sheet.has(("years",)) else None
    title = sheet.title(("title",))
    entries: dict[str, tuple[CalendarEntry, ...]] = {}
    if sheet.has(("entries",)):
        for kind in sheet.mapping(("entries",)):
            places = sheet.items(("entries", kind), msg("entries"))
            read = [_entry(sheet, place, years) for place in places]
            entries[kind] = tuple(entry for entry in read if entry is not None)
        _contradictions(sheet, entries)
        if not sheet.has(("years",)) and any(
            _dated(entry) for e in entries.values() for entry in e
        ):
            hint = msg("add the years for which the file is complete")
            sheet.complain((), msg("'years' is missing"), hint, key=True)
    if len(sheet.problems) > before or calendar_id is None:
        return None
    return Calendar(calendar_id, years, MappingProxyType(entries), title)


def whole_calendar(parts: list[Calendar]) -> Calendar:
    """One calendar out of what its files say, in order of name; not empty."""
    kinds = dict.fromkeys(kind for part in parts for kind in part.entries)
    entries = {
        kind: tuple(entry for part in parts for entry in part.entries.get(kind, ()))
        for kind in kinds
    }
    dated = [part.years for part in parts if part.years is not None]
    return Calendar(
        parts[0].id,
        frozenset().union(*dated) if dated else None,
        MappingProxyType(entries),
        next((part.title for part in parts if part.title), parts[0].title),
    )


def check_years(sheets: list[Sheet]) -> None:
    """Each year of a calendar, and what it has for every year, may be given in one file only."""
    first: dict[tuple[str, object], Origin] = {}
    for sheet in sheets:
        data = sheet.document.data
        name, years = data.get("calendar"), data.get("years")
        if not isinstance(name, str):
            continue
        listed = years if isinstance(years, list) else [years]
        for year in dict.fromkeys(y for y in listed if y is None or type(y) is int):
            other = first.get((name, year))
            if other is None:
                first[(name, year)] = sheet.at(("calendar",))
                continue
            message = (
                msg("what recurs of calendar '{calendar}' is already in {file}",
                    calendar=name, file=other)
                if year is None
                else msg("the year {year} of calendar '{calendar}' is already in {file}",
                    year=year, calendar=name, file=other)
            )  # fmt: skip
            path = ("calendar",) if year is None else ("years",)
            sheet.complain(path, message, msg("give each year in one file, or another calendar id"))


def _years(sheet: Sheet) -> frozenset[int]:
    years: set[int] = set()
    for place in sheet.one_or_more(("years",), msg("year")):
        year = sheet.value(place)
        if isinstance(year, bool) or not isinstance(year, int) or not 1970 <= year <= 2200:
            sheet.complain(
                place, msg("{year!r} is not a year", year=year), msg("write years as [2026]")
            )
        else:
            years.add(year)
    return frozenset(years)


def _entry(sheet: Sheet, path: Path, years: frozenset[int] | None) -> CalendarEntry | None:
    if not sheet.keys(path, *keys.ENTRY.names):
        return None
    name = sheet.word((*path, "name"), msg("the name"))
    spans: list[Span] = []
    for place in sheet.one_or_more((*path, "dates"), msg("date")):
        span = sheet.read(place, lambda text: _within(parse_span(text), years))
        if span is not None:
            spans.append(span)
    return CalendarEntry(name, tuple(spans), sheet.at(path), years) if name and spans else None


def _within(span: Span, years: frozenset[int] | None) -> Span:
    """The span, if it lies in (or close to) the calendar's years, or recurs."""
    if not isinstance(span, DateSpan) or years is None:
        return span
    for day in (span.first, span.last):
        if years and all(
            day < date(year, 1, 1) - _MARGIN or day > date(year, 12, 31) + _MARGIN for year in years
        ):
            listed = ", ".join(map(str, sorted(years)))
            raise TextError(
                msg("{day} is not in the calendar's years ({listed})", day=day, listed=listed),
                msg("check the year"),
            )
    return span


def _dated(entry: CalendarEntry) -> bool:
    return any(isinstance(span, DateSpan) for span in entry.spans)


def _contradictions(sheet: Sheet, entries: dict[str, tuple[CalendarEntry, ...]]) -> None:
    """A day cannot be a holiday and a make-up workday."""
    for workday in entries.get("workday", ()):
        for holiday in entries.get("holiday", ()):
            shared = [
                max(a.first, b.first)
                for a in workday.spans
                for b in holiday.spans
                if isinstance(a, DateSpan) and isinstance(b, DateSpan)
                if max(a.first, b.first) <= min(a.last, b.last)
            ]
            if shared:
                sheet.complain_at(
                    workday.origin,
                    msg(
                        "{shared} is also the holiday '{name}' on line {line}",
                        shared=shared[0],
                        name=holiday.name,
                        line=holiday.origin.line,
                    ),
                    msg("a day is one or the other"),
                )
