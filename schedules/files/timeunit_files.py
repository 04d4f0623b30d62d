"""Reads `schedules/time-units.yaml`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from bms.texts.messages import msg
from bms.texts.problems import Path, TextError
from bms.texts.yaml.sheet import Sheet
from schedules.files import keys
from schedules.files.governing import complain_nothing, read_targets
from schedules.files.targets import Targets, chosen
from schedules.model.programme import Schedule
from schedules.model.timeunits import TimeUnit
from schedules.model.week import DAY_MINUTES, parse_minutes, parse_time, parse_weekdays

_OFF = "off"


def read_time_units(
    sheet: Sheet,
    governed: Mapping[str, str],
    schedules: Mapping[str, Schedule],
    targets: Targets | None,
) -> dict[str, TimeUnit]:
    """The time units of a file by id; those with problems are left out."""
    if not sheet.keys((), *keys.TIME_UNITS.names):
        return {}
    units: dict[str, TimeUnit] = {}
    for name in sheet.mapping(("time_units",)):
        path: Path = ("time_units", name)
        sheet.identifier(path, msg("time unit"), key=True)
        if not sheet.keys(path, *keys.TIME_UNIT.names):
            continue
        before = len(sheet.problems)
        areas = _targets(sheet, path, governed, targets)
        unit = _unit(sheet, path, name, areas)
        if len(sheet.problems) == before:
            units[name] = unit
        _lint(sheet, path, areas, governed, schedules)
    return units


def _unit(sheet: Sheet, path: Path, name: str, areas: list[str]) -> TimeUnit:
    longest = sheet.read((*path, "longest"), _longest) or 0
    latest = sheet.read((*path, "latest"), _latest) or 0
    days = list(range(7))
    if sheet.has((*path, "days")) and sheet.word((*path, "days"), msg("the days")):
        days = sheet.read((*path, "days"), parse_weekdays) or days
    cancel = sheet.value((*path, "cancel")) if sheet.has((*path, "cancel")) else True
    if not isinstance(cancel, bool):
        sheet.complain(
            (*path, "cancel"),
            msg("{cancel!r} is neither true nor false", cancel=cancel),
            msg("write true or false"),
        )
    return TimeUnit(
        name,
        sheet.title((*path, "title")),
        tuple(areas),
        _words(sheet, (*path, "people"), msg("person"), msg("the person")),
        _words(sheet, (*path, "modes"), msg("mode"), msg("the mode")),
        _ranges(sheet, (*path, "setpoints")),
        longest,
        latest,
        frozenset(days),
        bool(cancel),
        sheet.at(path, key=True),
    )


def _targets(
    sheet: Sheet, path: Path, governed: Iterable[str], targets: Targets | None
) -> list[str]:
    ids = list(governed)
    found: dict[str, None] = {}
    for text, place in read_targets(sheet, (*path, "targets")).items():
        names = chosen(text, ids, targets)
        found |= dict.fromkeys(names)
        if not names and targets is not None and targets.complete:
            complain_nothing(sheet, place, text, ids, targets)
    return list(found)


def _words(sheet: Sheet, path: Path, item: str, named: str) -> tuple[str, ...]:
    words = [sheet.word(place, named) for place in sheet.one_or_more(path, item)]
    return tuple(dict.fromkeys(word for word in words if word))


def _ranges(sheet: Sheet, path: Path) -> Mapping[str, tuple[float, float]]:
    ranges: dict[str, tuple[float, float]] = {}
    for name in sheet.mapping(path) if sheet.has(path) else ():
        here = (*path, name)
        data = sheet.value(here)
        if not isinstance(data, list) or len(data) != 2:
            sheet.complain(
                here, msg("'{name}' needs its least and its most", name=name), msg("write [24, 28]")
            )
            continue
        least, most = (sheet.number((*here, n), -1e9, 1e9) for n in (0, 1))
        if least > most:
            sheet.complain(
                here,
                msg("the range of '{name}' is empty", name=name),
                msg("write [{most:g}, {least:g}]", most=most, least=least),
            )
        ranges[name] = (least, most)
    return MappingProxyType(ranges)


def _longest(value: object) -> int:
    minutes = parse_minutes(value)
    if not 0 < minutes <= DAY_MINUTES:
        raise TextError(
            msg("{text} is no length for an extension", text=value), msg("write up to 24h")
        )
    return minutes


def _latest(value: object) -> int:
    """`22:00`, or `+02:00` for two hours after midnight, on the next day."""
    if isinstance(value, str) and value.startswith("+"):
        return DAY_MINUTES + parse_time(value[1:])
    return parse_time(value)


def _lint(
    sheet: Sheet,
    path: Path,
    areas: list[str],
    governed: Mapping[str, str],
    schedules: Mapping[str, Schedule],
) -> None:
    """Outside working hours an area is off, or its people would have nothing to extend."""
    for name in dict.fromkeys(governed[area] for area in areas):
        schedule = schedules.get(name)
        if schedule is not None and schedule.otherwise.mode != _OFF:
            place = schedule.otherwise.mode_origin
            sheet.complain(
                (*path, "targets"),
                msg(
                    "{place} runs in '{mode}' outside of its blocks",
                    place=place,
                    mode=schedule.otherwise.mode,
                ),
                msg(
                    "what a time unit extends is off by default: write {setting} there",
                    setting='otherwise: {mode: "off"}',
                ),
            )
