"""Texts of schedule files into a library, or everything that is wrong with them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from types import MappingProxyType

from schedules.calendar import Calendar
from schedules.calendar_files import read_calendar, read_seasons, season_names
from schedules.model import Library, Use
from schedules.problems import Origin, Problem
from schedules.programme import Schedule
from schedules.schedule_files import Known, read_schedule
from schedules.seasons import SeasonSet
from schedules.sheet import Sheet
from schedules.yamltext import read

__all__ = ["Library", "Use", "load"]

SEASONS = "seasons.yaml"
CALENDARS = "calendars"


def load(files: Mapping[str, str]) -> tuple[Library | None, list[Problem]]:
    """A library from texts by path relative to the site, such as `schedules/warehouse.yaml`.

    `seasons.yaml` has the seasons, files in a folder `calendars` are calendars, all others are
    schedules. Returns None for the library if there is any problem; the problems are all there
    are, in order of place.
    """
    seasons = _Part({name: text for name, text in files.items() if _name(name) == SEASONS})
    calendars = _Part({name: text for name, text in files.items() if _folder(name) == CALENDARS})
    others = files.keys() - seasons.names - calendars.names
    schedules = _Part({name: files[name] for name in others})
    known = _known(seasons, calendars)
    read_schedules: dict[str, Schedule] = {}
    for sheet in schedules.sheets:
        schedule = read_schedule(sheet, known)
        if schedule is not None:
            read_schedules[schedule.id] = schedule
    _unique(schedules.sheets, "schedule")
    governed = _governed(schedules.sheets, read_schedules)
    problems = [p for part in (seasons, calendars, schedules) for p in part.problems()]
    if problems:
        return None, sorted(problems)
    library = Library(
        schedules=MappingProxyType(read_schedules),
        governed=MappingProxyType(governed),
        seasons=MappingProxyType({key: value for key, value in known.season_sets.items() if value}),
        calendars=MappingProxyType({key: value for key, value in known.calendars.items() if value}),
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
                message, hint = "there is nothing in this file", "write it, or remove the file"
            elif not isinstance(document.data, dict):
                message, hint = "keys with values belong here", "write 'key: value' lines"
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
    names: dict[str, tuple[str, ...] | None] = {}
    sets: dict[str, SeasonSet | None] = {}
    for sheet in seasons.sheets:
        found = read_seasons(sheet)
        seasons.complete = seasons.complete and bool(found)
        sets.update(found)
        names.update({set_id: season_names(sheet, set_id) for set_id in found})
    kinds: dict[str, tuple[str, ...]] = {}
    read_calendars: dict[str, Calendar | None] = {}
    for sheet in calendars.sheets:
        calendar = read_calendar(sheet)
        calendar_id = sheet.document.data.get("calendar")
        entries = sheet.document.data.get("entries")
        if isinstance(calendar_id, str):
            kinds[calendar_id] = tuple(entries) if isinstance(entries, dict) else ()
            read_calendars[calendar_id] = calendar
        else:
            calendars.complete = False
    _unique(calendars.sheets, "calendar")
    return Known(names, sets, kinds, read_calendars, seasons.complete, calendars.complete)


def _unique(sheets: list[Sheet], key: str) -> None:
    """Each id may be given in one file only."""
    first: dict[str, Origin] = {}
    for sheet in sheets:
        name = sheet.document.data.get(key)
        if not isinstance(name, str):
            continue
        if name in first:
            message = f"{key} '{name}' is already in {first[name]}"
            sheet.complain((key,), message, "give each its own id")
        else:
            first[name] = sheet.at((key,))


def _governed(sheets: list[Sheet], schedules: Mapping[str, Schedule]) -> dict[str, str]:
    """Group id to schedule id; a group that two schedules govern is a problem at the second.

    Looks at what is written, so that a schedule with another problem still counts.
    """
    first: dict[str, Origin] = {}
    for sheet in sheets:
        groups = sheet.document.data.get("governs")
        listed = groups if isinstance(groups, list) else [groups]
        here = {
            group: ("governs", n) if isinstance(groups, list) else ("governs",)
            for n, group in enumerate(listed)
            if isinstance(group, str)
        }
        for group, path in here.items():
            if group in first:
                message = f"group '{group}' is already governed in {first[group]}"
                sheet.complain(path, message, "let one schedule govern a group")
            else:
                first[group] = sheet.at(path)
    return {group: schedule.id for schedule in schedules.values() for group in schedule.governs}
