"""Texts of schedule files into a library, or everything that is wrong with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import PurePosixPath
from types import MappingProxyType

from bms.texts.messages import msg
from bms.texts.problems import Origin, Problem
from bms.texts.yaml.parsing import read
from bms.texts.yaml.sheet import Sheet
from schedules.files.calendar_files import check_years, read_calendar, whole_calendar
from schedules.files.governing import settle
from schedules.files.overlay_files import read_overlays, settle_targets
from schedules.files.schedule_files import Known, read_schedule
from schedules.files.season_files import Seasons, read_seasons
from schedules.files.targets import Targets
from schedules.files.timeunit_files import read_time_units
from schedules.library import Library, Use
from schedules.model.calendar import Calendar
from schedules.model.programme import Schedule
from schedules.model.timeunits import TimeUnit

__all__ = ["Library", "Targets", "Use", "load"]

SEASONS = "seasons.yaml"
OVERLAYS = "overlays.yaml"
TIME_UNITS = "time-units.yaml"
CALENDARS = "calendars"

_SPECIAL = (SEASONS, OVERLAYS, TIME_UNITS)


def load(
    files: Mapping[str, str], targets: Targets | None = None
) -> tuple[Library | None, list[Problem]]:
    """A library from texts by path relative to the site, such as `schedules/warehouse.yaml`.

    `seasons.yaml` has the seasons, `overlays.yaml` and `time-units.yaml` what their names say,
    files in a folder `calendars` are calendars, all others are schedules. `targets` are those
    of the site; without them nobody can tell what a selection stands for. Returns None for the
    library if there is any problem; the problems are all there are, in order of place.
    """
    special = {name: text for name, text in files.items() if _name(name) in _SPECIAL}
    seasons, overlays, units = (
        _Part({name: text for name, text in special.items() if _name(name) == kind})
        for kind in _SPECIAL
    )
    calendars = _Part({name: text for name, text in files.items() if _folder(name) == CALENDARS})
    others = files.keys() - special.keys() - calendars.names
    schedules = _Part({name: files[name] for name in others})
    known = _known(seasons, calendars)
    read_schedules: dict[str, Schedule] = {}
    for sheet in schedules.sheets:
        schedule = read_schedule(sheet, known)
        if schedule is not None:
            read_schedules[schedule.id] = schedule
    _unique(schedules.sheets, "schedule")
    governed = settle(schedules.sheets, targets)
    if targets is not None and not schedules.complete:
        targets = replace(targets, complete=False)  # what is not read may govern anything
    laid = [overlay for sheet in overlays.sheets for overlay in read_overlays(sheet, known)]
    overlay_sheets = {sheet.document.file: sheet for sheet in overlays.sheets}
    laid_on = settle_targets(overlay_sheets, laid, governed.schedules, targets)
    time_units: dict[str, TimeUnit] = {}
    for sheet in units.sheets:
        time_units |= read_time_units(sheet, governed.schedules, read_schedules, targets)
    parts = (seasons, calendars, overlays, units, schedules)
    problems = [p for part in parts for p in part.problems()]
    if problems:
        return None, sorted(problems)
    library = Library(
        schedules=MappingProxyType(read_schedules),
        governed=MappingProxyType(dict(governed.schedules)),
        claims=MappingProxyType(dict(governed.claims)),
        seasons=MappingProxyType({k: v for k, v in known.seasons.sets.items() if v}),
        base_seasons=MappingProxyType(dict(known.seasons.of_base)),
        base_places=MappingProxyType(dict(known.seasons.places)),
        calendars=MappingProxyType({key: value for key, value in known.calendars.items() if value}),
        overlays=laid_on,
        time_units=MappingProxyType(time_units),
    )
    return library, []


class _Part:
    """The files of one kind, in order of name."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self.names = texts.keys()
        self.sheets: list[Sheet] = []
        self.complete = True
        """False if a file could not be parsed, and may define more."""
        self._problems: list[Problem] = []
        for name in sorted(texts):
            document, problems = read(name, texts[name])
            self._problems += problems
            if document is None:
                self.complete = False
                continue
            if document.data == {}:
                message, hint = (
                    msg("there is nothing in this file"),
                    msg("write it, or remove the file"),
                )
            elif not isinstance(document.data, dict):
                message, hint = msg("keys with values belong here"), msg("write 'key: value' lines")
            else:
                self.sheets.append(Sheet(document))
                continue
            self.complete = False
            self._problems.append(document.problem((), message, hint))

    def problems(self) -> list[Problem]:
        # What could not be read is missing, or wrong in kind, at the same place.
        unread = {(p.file, p.line, p.column) for p in self._problems}
        found = [p for sheet in self.sheets for p in sheet.problems]
        return [
            *self._problems,
            *(p for p in found if (p.file, p.line, p.column) not in unread),
        ]


def _name(path: str) -> str:
    return PurePosixPath(path).name if _folder(path) != CALENDARS else ""


def _folder(path: str) -> str:
    return PurePosixPath(path).parent.name


def _known(seasons: _Part, calendars: _Part) -> Known:
    read = Seasons()
    for sheet in seasons.sheets:
        before = len(read.sets)
        read_seasons(sheet, read)
        seasons.complete = seasons.complete and len(read.sets) > before
    kinds: dict[str, tuple[str, ...]] = {}
    parts: dict[str, list[Calendar | None]] = {}
    for sheet in calendars.sheets:
        calendar = read_calendar(sheet)
        calendar_id = sheet.document.data.get("calendar")
        entries = sheet.document.data.get("entries")
        if isinstance(calendar_id, str):
            listed = tuple(entries) if isinstance(entries, dict) else ()
            kinds[calendar_id] = tuple(dict.fromkeys((*kinds.get(calendar_id, ()), *listed)))
            parts.setdefault(calendar_id, []).append(calendar)
        else:
            calendars.complete = False
    check_years(calendars.sheets)
    whole = {
        name: whole_calendar([part for part in found if part is not None])
        if None not in found
        else None
        for name, found in parts.items()
    }
    return Known(read, kinds, whole, seasons.complete, calendars.complete)


def _unique(sheets: list[Sheet], key: str) -> None:
    """Each id may be given in one file only."""
    first: dict[str, Origin] = {}
    for sheet in sheets:
        name = sheet.document.data.get(key)
        if not isinstance(name, str):
            continue
        if name in first:
            message = msg(
                "{key} '{name}' is already in {file}", key=key, name=name, file=first[name]
            )
            sheet.complain((key,), message, msg("give each its own id"))
        else:
            first[name] = sheet.at((key,))
