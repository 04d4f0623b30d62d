"""Schedules against the groups they govern."""

from __future__ import annotations

from collections.abc import Mapping

from bms.config.files import CALENDARS, SEASONS
from bms.config.models import Group, StrategySpec
from bms.config.sections import Names
from schedules.load import load as load_library
from schedules.model import Library, Use
from schedules.yamltext import Origin, Problem, suggestion


def check_schedules(
    groups: Mapping[str, Group], strategies: Mapping[str, StrategySpec], files: Mapping[str, str]
) -> tuple[Library | None, list[Problem]]:
    """Check schedule files against a site that is already loaded, for reloading them alone.

    `files` are texts by name relative to the site directory (`schedule_texts`). The library is
    None if anything is wrong; the problems are sorted by file and line.
    """
    names = Names(set(groups))
    used = {group.id: group.strategy for group in groups.values()}
    library, problems = check_files(names, used, strategies, files)
    return (None if problems else library), problems


def check_files(
    names: Names,
    used: Mapping[str, str],
    strategies: Mapping[str, StrategySpec],
    files: Mapping[str, str],
) -> tuple[Library | None, list[Problem]]:
    """The same while the groups themselves may be broken: `used` has the strategies known."""
    library, found = load_library(files)
    problems = set(found)
    for readable in [library] if library is not None else _readable(files):
        for use in readable.uses():
            problems.update(_check_use(use, names, used, strategies))
    return library, sorted(problems)


def _readable(files: Mapping[str, str]) -> list[Library]:
    """The schedules that would load alone, so that a broken one does not hide their problems."""
    shared = {n: t for n, t in files.items() if n == SEASONS or n.startswith(f"{CALENDARS}/")}
    alone = [load_library({**shared, n: files[n]})[0] for n in sorted(files.keys() - shared)]
    return [library for library in alone if library is not None]


def _check_use(
    use: Use, names: Names, used: Mapping[str, str], strategies: Mapping[str, StrategySpec]
) -> list[Problem]:
    spec = strategies.get(used.get(use.group_id, ""))
    if spec is None:
        if use.group_id in names.known or not names.complete:
            return []
        hint = suggestion(use.group_id, names.known)
        return [_problem(use.group_origin, f"no group '{use.group_id}'", hint)]
    problems: list[Problem] = []
    whose = f"strategy {spec.name} of group '{use.group_id}'"
    if use.mode not in spec.modes:
        message = f"no mode '{use.mode}' in {whose}"
        problems.append(_problem(use.mode_origin, message, suggestion(use.mode, spec.modes)))
    for name, origin in use.setpoints.items():
        if name not in spec.setpoints:
            message = f"no setpoint '{name}' in {whose}"
            problems.append(_problem(origin, message, suggestion(name, spec.setpoints)))
    return problems


def _problem(place: Origin, message: str, hint: str) -> Problem:
    return Problem(place.file, place.line, place.column, message, hint)
