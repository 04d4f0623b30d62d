"""Schedules against the site they are for: groups, equipment, strategies, places, points."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import ceil, floor

from bms.config.reading.files import CALENDARS, OVERLAYS, SEASONS, TIME_UNITS
from bms.config.reading.sections import Names
from bms.config.site import Site, StrategySpec
from bms.core.equipment import base_of
from bms.texts.messages import Message, msg
from bms.texts.problems import Origin, Problem, suggestion
from drivers.points import PointId
from schedules.files.folder import load as load_library
from schedules.files.targets import Targets
from schedules.library import Library, Use
from schedules.model.context import Place
from schedules.model.seasons import OutdoorRule


@dataclass(frozen=True, slots=True)
class Governable:
    """What schedules may govern and depend on. Names whose own definition is broken count."""

    targets: Targets
    groups: Names
    strategies: Mapping[str, str]
    """The strategy of each group whose strategy exists."""
    bases: Names
    places: Mapping[str, Place]
    """By base, of those that say where they are."""
    points: frozenset[str]
    all_points: bool
    """False if some equipment could not be read."""
    whole: frozenset[PointId]
    """Outputs whose registers hold whole numbers, of which a fraction would matter."""
    exempt: frozenset[str] = frozenset()
    """Equipment that only a person may switch."""
    emergency: frozenset[str] = frozenset()
    """Equipment that nobody may switch."""


def check_schedules(
    site: Site, strategies: Mapping[str, StrategySpec], files: Mapping[str, str]
) -> tuple[Library | None, list[Problem]]:
    """Check schedule files against a site that is already loaded, for reloading them alone.

    `files` are texts by name relative to the site directory (`schedule_texts`). The library is
    None if anything is wrong that a site cannot run with; the problems are sorted by file and line.
    """
    members = {name: tuple(m.id for m in g.members) for name, g in site.declared.items()}
    known = Governable(
        Targets(members, frozenset(site.equipment)),
        Names(set(site.declared)),
        {group.id: group.strategy for group in site.declared.values()},
        Names(set(site.bases)),
        {base.id: base.place for base in site.bases.values() if base.place is not None},
        frozenset(p for machine in site.equipment.values() for p in machine.points.values()),
        all_points=True,
        whole=frozenset(point for point, rules in site.outputs.items() if rules.whole),
        exempt=frozenset(machine.id for machine in site.equipment.values() if machine.exempt),
        emergency=frozenset(m.id for m in site.equipment.values() if m.emergency),
    )
    library, problems = check_files(known, strategies, files)
    return (None if any(not p.withholds for p in problems) else library), problems


def check_files(
    known: Governable, strategies: Mapping[str, StrategySpec], files: Mapping[str, str]
) -> tuple[Library | None, list[Problem]]:
    """The same while the site itself may be broken."""
    library, found = load_library(files, known.targets)
    problems = set(found)
    for readable in [library] if library is not None else _readable(files, known.targets):
        problems.update(_check_targets(readable, known, strategies))
        problems.update(_check_seasons(readable, known))
        for use in readable.uses():
            problems.update(_check_use(use, known, strategies))
    return library, sorted(problems)


def _readable(files: Mapping[str, str], targets: Targets) -> list[Library]:
    """The schedules that would load alone, so that a broken one does not hide their problems."""
    shared = {n: t for n, t in files.items() if n == SEASONS or n.startswith(f"{CALENDARS}/")}
    names = sorted(files.keys() - shared - {OVERLAYS, TIME_UNITS})
    alone = [load_library({**shared, name: files[name]}, targets)[0] for name in names]
    return [library for library in alone if library is not None]


def _check_targets(
    library: Library, known: Governable, strategies: Mapping[str, StrategySpec]
) -> list[Problem]:
    """Equipment that cannot have its own schedule; schedules that need a place."""
    problems: list[Problem] = []
    owners = {m: name for name, members in known.targets.groups.items() for m in members}
    for target, place in library.claims.items():
        sun = library.schedules[library.governed[target]].hangs_on_sun
        base = base_of(target)
        if sun is not None and base in known.bases.known and base not in known.places:
            hint = msg(
                "add location: [30.18, 120.16] (latitude, longitude) to '{base}' in site.yaml",
                base=base,
            )
            message = msg("sunrise and sunset need the location of base '{base}'", base=base)
            problems.append(_problem(sun, message, hint))
        if target in known.groups.known or target not in known.targets.equipment:
            continue
        owner = owners.get(target)
        if target in known.emergency:
            message = msg("'{name}' is emergency lighting, which nobody may switch", name=target)
            problem = _problem(place, message, msg("remove it from 'governs'"))
            problems.append(replace(problem, withholds=target))
            continue
        if owner is None and target in known.exempt:
            message = msg("only a person may switch '{target}': it is exempt", target=target)
            problems.append(_problem(place, message, msg("remove it from 'governs'")))
            continue
        if owner is None:
            if known.targets.complete:
                hint = msg("only equipment of a group has a schedule: make it a group's member")
                problems.append(
                    _problem(place, msg("'{target}' belongs to no group", target=target), hint)
                )
            continue
        spec = strategies.get(known.strategies.get(owner, ""))
        if spec is not None and not spec.each:
            message = msg(
                "'{target}' is staged by group '{owner}' ({name})",
                target=target,
                owner=owner,
                name=spec.name,
            )
            problems.append(
                _problem(place, message, msg("schedule the group: {owner}", owner=owner))
            )
    return problems


def _check_seasons(library: Library, known: Governable) -> list[Problem]:
    """The bases that have seasons, and the outdoor temperatures that switch them."""
    problems: list[Problem] = []
    for name, place in library.base_places.items():
        base = base_of(name)
        if base not in known.bases.known:
            if known.bases.complete:
                hint = suggestion(base, known.bases.known)
                problems.append(_problem(place, msg("no base '{base}'", base=base), hint))
            continue
        if name != base and known.targets.complete and not known.targets.knows(name):
            hint = suggestion(name, known.groups.known)
            problems.append(_problem(place, msg("no group '{name}'", name=name), hint))
        rule = library.seasons[library.base_seasons[name]].rule
        if not isinstance(rule, OutdoorRule) or not known.all_points:
            continue
        point = rule.point_of(base)
        if point not in known.points:
            near = [p for p in known.points if p.startswith(f"{base}.") and "temp" in p]
            message = msg(
                "base '{base}' has no point '{point}' to switch its seasons by",
                base=base,
                point=point,
            )
            problems.append(_problem(place, message, suggestion(point, near)))
    return problems


def _check_use(
    use: Use, known: Governable, strategies: Mapping[str, StrategySpec]
) -> list[Problem]:
    owner = use.target
    if owner not in known.groups.known:
        groups = known.targets.groups.items()
        owner = next((name for name, members in groups if use.target in members), use.target)
    spec = strategies.get(known.strategies.get(owner, ""))
    if spec is None:
        if owner in known.groups.known or not known.groups.complete:
            return []
        if use.target in known.targets.equipment:
            return []
        hint = suggestion(use.target, known.groups.known)
        return [_problem(use.target_origin, msg("no group '{target}'", target=use.target), hint)]
    problems: list[Problem] = []
    whose = msg("strategy {strategy} of group '{group}'", strategy=spec.name, group=owner)
    if use.mode is not None and use.mode not in spec.modes:
        message = msg("no mode '{mode}' in {owner}", mode=use.mode, owner=whose)
        problems.append(_problem(use.mode_origin, message, suggestion(use.mode, spec.modes)))
    for name, asked in use.setpoints.items():
        setpoint = spec.setpoints.get(name)
        if setpoint is None:
            message = msg("no setpoint '{setpoint}' in {owner}", setpoint=name, owner=whose)
            problems.append(_problem(asked.origin, message, suggestion(name, spec.setpoints)))
            continue
        for value in dict.fromkeys((asked.least, asked.most)):
            if not setpoint.can_be(value):
                message = msg(
                    "{setpoint} cannot be {number:g} {unit}",
                    setpoint=name,
                    number=value,
                    unit=setpoint.unit,
                )
                hint = msg("write {least:g} to {most:g}", least=setpoint.least, most=setpoint.most)
                problems.append(_problem(asked.origin, message, hint))
        problems += _check_whole(use, name, setpoint.role, known)
    return problems


def _check_whole(use: Use, name: str, role: str, known: Governable) -> list[Problem]:
    """The demand for whole numbers where registers hold no others. A site of before may lack it:
    there the nearest one is written."""
    members = known.targets.groups.get(use.target, (use.target,))
    point = next((p for m in members if (p := f"{m}.{role}") in known.whole), None)
    asked = use.setpoints[name]
    if point is None:
        return []
    return [
        replace(
            _problem(
                asked.origin,
                msg(
                    "{setpoint} is {number:g}, and the register of {point} holds whole numbers",
                    setpoint=name,
                    number=value,
                    point=point,
                ),
                msg("write {below:g} or {above:g}", below=floor(value), above=ceil(value)),
            ),
            withholds=use.target,
        )
        for value in dict.fromkeys((asked.least, asked.most))
        if value != floor(value)
    ]


def _problem(place: Origin, message: Message, hint: str) -> Problem:
    return Problem(place.file, place.line, place.column, message, hint)
