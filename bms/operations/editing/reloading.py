"""What another version of a site's files changes about the one that runs, and what it may not.

Reads the disk where it says so; else pure.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from bms.config.load import check, with_endpoints
from bms.config.shapes.links import LinkSettings, OpcUaLink, PlantLink, place
from bms.config.site import Link, Site, StrategySpec
from bms.core.decisions import Override
from bms.core.errors import InvalidInput, Refused
from bms.field.plant_points import plant_problems_again
from bms.field.wiring import in_shadow
from bms.operations.editing.loading import SCHEDULES, fatal, with_good_schedules, with_removed
from bms.operations.editing.site_files import differing
from bms.operations.overrides import orphaned
from bms.texts.messages import msg
from bms.texts.problems import Problem, counted
from drivers.points import PointId

FIXED: Final = ("id", "zone", "cycle_s", "state_dir", "history", "influx")
"""Keys of site.yaml that are read at the start alone."""


@dataclass(frozen=True, slots=True)
class Change:
    """From the site that runs to another one."""

    site: Site
    files: tuple[str, ...]
    opened: tuple[str, ...]
    """Links to be opened, those included that are opened again."""
    closed: tuple[str, ...]
    """Links to be closed, those included that are opened again."""
    moved: frozenset[PointId]
    """Outputs that keep their name and are at another place."""
    removed: frozenset[PointId]
    """Outputs that are gone."""
    same: frozenset[PointId]
    """Points of opened links that were at the same place before."""


def read_again(
    running: Site,
    strategies: Mapping[str, StrategySpec],
    overrides: Iterable[Override],
    now: datetime,
    unopened: Collection[str] = (),
) -> Change:
    """The change to the files on the disk; links that are `unopened` are tried again. Reads the
    disk, and makes the in-process plants of links that are others now.

    Raises InvalidInput with the problems that they have, Refused for what cannot be taken in while
    the controller runs.
    """
    site, problems = check(running.directory, strategies)
    if site is not None:
        site, held = with_removed(site, strategies)
        problems = [*problems, *held]
    elif all(problem.file.startswith(f"{SCHEDULES}/") for problem in fatal(problems)):
        # What is wrong with schedules is told by itself, and holds nothing else up.
        site = with_good_schedules(running.directory, strategies)
        problems = problems if site is None else list(site.unmet)
    if site is not None and (lacking := plant_problems_again(running, site, now)):
        site = replace(site, unmet=tuple(sorted({*site.unmet, *lacking})))
        problems = [*problems, *lacking]
    known = {(problem.file, problem.message) for problem in running.unmet}
    new = [p for p in problems if not (p.withholds and (p.file, p.message) in known)]
    if site is None or new:
        raise _invalid(new or fatal(problems))
    site = with_endpoints(
        site, {name: to for name, to in running.endpoints.items() if name in site.links}
    )
    if asked := orphaned.problems(site, overrides):
        raise _invalid(asked)
    fixed = [key for key in FIXED if getattr(running.file, key) != getattr(site.file, key)]
    if fixed:
        raise Refused(
            msg(
                "site.yaml: {keys} changed, which needs a restart of the controller; nothing was "
                "taken in",
                keys=", ".join(fixed),
            )
        )
    return changed(running, site, unopened)


def changed(running: Site, site: Site, unopened: Collection[str] = ()) -> Change:
    """What is different in the second one."""
    before = {
        link.id: None if link.id in unopened else _shape(running, link)
        for link in running.links.values()
    }
    after = {link.id: _shape(site, link) for link in site.links.values()}
    was, then = _places(running), _places(site)
    kept = running.outputs.keys() & site.outputs.keys()
    return Change(
        site,
        differing(running.texts, site.texts),
        tuple(name for name, shape in after.items() if before.get(name) != shape),
        tuple(name for name, shape in before.items() if after.get(name) != shape),
        frozenset(point for point in kept if was.get(point) != then.get(point)),
        frozenset(running.outputs.keys() - site.outputs.keys()),
        frozenset(point for point, at in then.items() if was.get(point) == at),
    )


def _shape(site: Site, link: Link) -> tuple[object, ...]:
    """All that a driver is made of."""
    return link.settings, link.points, link.profiles, site.file.mode


def _places(site: Site) -> dict[PointId, tuple[object, ...]]:
    """Where each point of the links is, how it is read there, and whether it is written."""
    found: dict[PointId, tuple[object, ...]] = {}
    for link in site.links.values():
        at = _where(link.settings), in_shadow(site, link.settings)
        found |= {point.id: (*at, point.address, point.unit) for point in link.points}
    return found


def _where(settings: LinkSettings) -> str:
    if isinstance(settings, OpcUaLink):
        return settings.url
    return settings.plant if isinstance(settings, PlantLink) else place(settings)


def _invalid(problems: list[Problem]) -> InvalidInput:
    count = counted(problems)
    return InvalidInput(msg("the files have {count}; nothing was taken in", count=count), problems)
