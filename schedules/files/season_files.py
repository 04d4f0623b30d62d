"""Reads `schedules/seasons.yaml`: sets of seasons, and which base has which."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from bms.texts.messages import msg
from bms.texts.problems import Origin, Path, suggestion
from bms.texts.yaml.sheet import Sheet
from schedules.files import keys
from schedules.model.calendar import YEAR, MonthDay, YearlySpan, parse_yearly, spans_text
from schedules.model.programme import ANY_SEASON
from schedules.model.seasons import (
    SUMMER,
    TRANSITIONAL,
    WINTER,
    HandRule,
    OutdoorRule,
    SeasonRule,
    SeasonSet,
    Thresholds,
)

REST = "rest"
"""Written in place of dates: the season of all other days."""
BY = "by"
_WAYS = {
    "dates": keys.SEASONS_BY_DATES,
    "outdoor": keys.SEASONS_BY_OUTDOOR,
    "hand": keys.SEASONS_BY_HAND,
}
_MEANS = {"running": "running", "five-day": "five_day"}
_DEFAULTS = OutdoorRule("")

_NAME = re.compile(r"\w[\w-]*")
_BASE = re.compile(r"[a-z][a-z0-9-]*(\.[a-z][a-z0-9-]*)?")
_POINT = re.compile(r"(\{base\}|[a-z][a-z0-9-]*)(\.[a-z][a-z0-9_-]*){2}")


@dataclass(slots=True)
class Seasons:
    """What the season files say. A set whose own definition is broken still counts as a name."""

    sets: dict[str, SeasonSet | None] = field(default_factory=dict)
    names: dict[str, tuple[str, ...] | None] = field(default_factory=dict)
    """The seasons that each set mentions, also if it has problems; None if nobody can tell."""
    of_base: dict[str, str] = field(default_factory=dict)
    """By base, or by target where it differs: the id of a set, which may be broken."""
    places: dict[str, Origin] = field(default_factory=dict)
    """Where each of `of_base` is written."""


def read_seasons(sheet: Sheet, seasons: Seasons) -> None:
    """Add what a sheet says."""
    if not sheet.keys((), *keys.SEASONS.names):
        return
    for set_id in sheet.mapping(("seasons",)):
        path: Path = ("seasons", set_id)
        before = len(sheet.problems)
        sheet.identifier(path, msg("season set"), key=True)
        written = sheet.value(path)
        if isinstance(written, dict) and BY in written:
            found = _switched(sheet, path, set_id)
            dates = written.get("dates")
        else:
            by_day = _season_days(sheet, path)
            found = _made(sheet, path, set_id, by_day, None)
            dates = written
        seasons.names[set_id] = tuple(dates) if isinstance(dates, dict) else None
        seasons.sets[set_id] = found if len(sheet.problems) == before else None
    if sheet.has(("bases",)):
        _bases(sheet, seasons)


def _bases(sheet: Sheet, seasons: Seasons) -> None:
    for name in sheet.mapping(("bases",)):
        path: Path = ("bases", name)
        if not _BASE.fullmatch(name):
            hint = msg("write the id of a base, or <base>.<group> where it differs")
            sheet.complain(path, msg("'{name}' is no base", name=name), hint, key=True)
            continue
        set_id = sheet.value(path)
        if not isinstance(set_id, str) or set_id not in seasons.sets:
            sheet.complain(
                path,
                msg("no seasons '{set_id}' in seasons.yaml", set_id=set_id),
                suggestion(set_id, seasons.sets),
            )
            continue
        seasons.of_base[name] = set_id
        seasons.places[name] = sheet.at(path, key=True)


def _made(
    sheet: Sheet,
    path: Path,
    set_id: str,
    by_day: dict[MonthDay, str] | None,
    rule: SeasonRule | None,
) -> SeasonSet | None:
    if by_day is None:
        return None
    names = tuple(sheet.mapping((*path, "dates") if sheet.has((*path, BY)) else path))
    return SeasonSet(set_id, names, MappingProxyType(by_day), rule, sheet.at(path, key=True))


def _switched(sheet: Sheet, path: Path, set_id: str) -> SeasonSet | None:
    """A set that says what switches it."""
    by = sheet.choice((*path, BY), msg("way of switching seasons"), _WAYS)
    if by is not None and not sheet.keys(path, *_WAYS[by].names):
        return None
    if not sheet.has((*path, "dates")):
        return None
    by_day = _season_days(sheet, (*path, "dates"))
    names = tuple(sheet.mapping((*path, "dates"))) if by_day is not None else ()
    if by_day is not None and by != "dates" and TRANSITIONAL not in names:
        message = msg(
            "a set switched by {way} needs '{season}': it lies between two seasons",
            way=by,
            season=TRANSITIONAL,
        )
        sheet.complain(
            (*path, "dates"),
            message,
            msg("add {season}: {keyword}", season=TRANSITIONAL, keyword=REST),
            key=True,
        )
    rule: SeasonRule | None = None
    if by == "outdoor":
        rule = _outdoor(sheet, path, names)
    elif by == "hand":
        rule = _by_hand(sheet, path, names)
    return _made(sheet, path, set_id, by_day, rule)


def _outdoor(sheet: Sheet, path: Path, names: tuple[str, ...]) -> OutdoorRule:
    for name in names:
        if name not in (SUMMER, TRANSITIONAL, WINTER):
            message = msg("the weather does not know a season '{name}'", name=name)
            hint = msg(
                "allowed: {summer}, {transitional}, {winter}",
                summer=SUMMER,
                transitional=TRANSITIONAL,
                winter=WINTER,
            )
            sheet.complain((*path, "dates", name), message, hint, key=True)
    point = sheet.word((*path, "point"), msg("the point")) or ""
    if point and not _POINT.fullmatch(point):
        hint = msg("write {example}: base, equipment, role", example='"{base}.weather.oat"')
        sheet.complain(
            (*path, "point"), msg("'{point}' is not the id of a point", point=point), hint
        )
    mean = _MEANS.get(_choice(sheet, (*path, "mean"), "mean", _MEANS, "running"), "running")
    return OutdoorRule(
        point=point,
        mean="five_day" if mean == "five_day" else "running",
        alpha=_number(sheet, (*path, "alpha"), _DEFAULTS.alpha, 0, 0.99),
        summer=_thresholds(sheet, path, SUMMER, names, _DEFAULTS.summer),
        winter=_thresholds(sheet, path, WINTER, names, _DEFAULTS.winter),
        confirm_days=int(_number(sheet, (*path, "confirm_days"), _DEFAULTS.confirm_days, 1, 60)),
        dwell_days=int(_number(sheet, (*path, "dwell_days"), _DEFAULTS.dwell_days, 0, 180)),
        permitted=_permitted(sheet, (*path, "permitted"), names),
        fallback_h=_number(sheet, (*path, "fallback_h"), _DEFAULTS.fallback_h, 1, 24 * 60),
    )


def _choice(sheet: Sheet, path: Path, what: str, allowed: Mapping[str, str], default: str) -> str:
    if not sheet.has(path):
        return default
    return sheet.choice(path, what, tuple(allowed)) or default


def _number(sheet: Sheet, path: Path, default: float, least: float, most: float) -> float:
    return (
        sheet.number(path, least, most, whole=isinstance(default, int))
        if sheet.has(path)
        else default
    )


def _thresholds(
    sheet: Sheet, path: Path, season: str, names: tuple[str, ...], default: Thresholds | None
) -> Thresholds | None:
    here = (*path, season)
    if not sheet.has(here):
        return default if season in names else None
    if names and season not in names:
        sheet.complain(
            here,
            msg("the set has no '{season}'", season=season),
            msg("give it dates, or remove this"),
            key=True,
        )
        return None
    if not sheet.keys(here, *keys.THRESHOLDS.names):
        return None
    enter = sheet.number((*here, "enter_c"), -60, 60)
    leave = sheet.number((*here, "leave_c"), -60, 60)
    wrong = leave >= enter if season == SUMMER else leave <= enter
    if wrong:
        message = (
            msg("{season} has to end below where it begins", season=season)
            if season == SUMMER
            else msg("{season} has to end above where it begins", season=season)
        )
        sheet.complain((*here, "leave_c"), message, msg("or it would switch to and fro"))
    return Thresholds(enter, leave)


def _permitted(
    sheet: Sheet, path: Path, names: tuple[str, ...]
) -> Mapping[str, tuple[YearlySpan, ...]]:
    if not sheet.has(path):
        return MappingProxyType({n: w for n, w in _DEFAULTS.permitted.items() if n in names})
    windows: dict[str, tuple[YearlySpan, ...]] = {}
    for season in sheet.mapping(path):
        here = (*path, season)
        if names and (season not in names or season == TRANSITIONAL):
            allowed = [name for name in names if name != TRANSITIONAL]
            message = msg("no season '{season}' to permit", season=season)
            sheet.complain(here, message, suggestion(season, allowed), key=True)
        spans = [sheet.read(place, parse_yearly) for place in sheet.one_or_more(here, msg("range"))]
        windows[season] = tuple(span for span in spans if span is not None)
    return MappingProxyType(windows)


def _by_hand(sheet: Sheet, path: Path, names: tuple[str, ...]) -> HandRule:
    checklists: dict[str, tuple[Mapping[str, str], ...]] = {}
    here = (*path, "checklist")
    for season in sheet.mapping(here) if sheet.has(here) else ():
        if names and season not in names:
            hint = suggestion(season, names)
            sheet.complain(
                (*here, season), msg("unknown season '{season}'", season=season), hint, key=True
            )
        lines = sheet.items((*here, season), msg("things to have done"))
        checklists[season] = tuple(sheet.title(line) for line in lines)
    dwell_days = int(_number(sheet, (*path, "dwell_days"), 0, 0, 180))
    return HandRule(MappingProxyType(checklists), dwell_days)


def _season_days(sheet: Sheet, path: Path) -> dict[MonthDay, str] | None:
    """The season of all days of the year; None (or less than all) with problems."""
    seasons = sheet.mapping(path)
    if not isinstance(sheet.value(path), dict):
        return None
    before = len(sheet.problems)
    found: dict[MonthDay, tuple[str, Path]] = {}
    rest = None
    for name in seasons:
        here = (*path, name)
        if not _NAME.fullmatch(name) or name in (ANY_SEASON, REST, BY):
            message = msg("'{name}' cannot be the name of a season", name=name)
            sheet.complain(here, message, msg("use letters, digits and '-'"), key=True)
        if sheet.value(here) == REST:
            if rest is not None:
                first = sheet.at((*path, rest)).line
                message = msg(
                    "'{season}' on line {line} is already the rest of the year",
                    season=rest,
                    line=first,
                )
                sheet.complain(here, message, msg("give dates to one of the two"))
            rest = rest or name
            continue
        for place in sheet.one_or_more(here, msg("range of dates")):
            span = sheet.read(place, parse_yearly)
            if span is not None:
                _claim(sheet, found, span, name, place)
    by_day = {day: name for day, (name, _) in found.items()}
    open_days = [day for day in YEAR if day not in by_day]
    if rest is None:
        message = (
            msg("no season of '{set}' is '{keyword}'; {days} belong to none",
                set=path[-1], keyword=REST, days=spans_text(open_days))
            if open_days
            else msg("no season of '{set}' is '{keyword}'; there must be one",
                set=path[-1], keyword=REST)
        )  # fmt: skip
        sheet.complain(
            path,
            message,
            msg("write '{keyword}' instead of the dates of one season", keyword=REST),
            key=True,
        )
        return None
    by_day |= dict.fromkeys(open_days, rest)
    if len(sheet.problems) == before:
        _check_way(sheet, path, found, by_day)
    return by_day


def _check_way(
    sheet: Sheet,
    path: Path,
    found: Mapping[MonthDay, tuple[str, Path]],
    by_day: Mapping[MonthDay, str],
) -> None:
    """Summer and winter do not touch: plants are switched over by way of `transitional`."""
    for index, day in enumerate(YEAR):
        before = YEAR[index - 1]
        if {by_day[before], by_day[day]} == {SUMMER, WINTER}:
            where = found.get(day) or found.get(before)
            sheet.complain(
                where[1] if where is not None else path,
                msg(
                    "'{season}' runs straight into '{next_season}' on {last_day} and {first_day}",
                    season=by_day[before],
                    next_season=by_day[day],
                    last_day=spans_text([before]),
                    first_day=spans_text([day]),
                ),
                msg("leave days between for '{transitional}'", transitional=TRANSITIONAL),
            )
            return


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
            msg(
                "{days} already belongs to '{season}' on line {line}",
                days=shared,
                season=other,
                line=sheet.at(where).line,
            ),
            msg("let every day belong to one season"),
        )
    for day in days:
        found.setdefault(day, (name, place))
