"""Equipment with its own schedule: a group of one, taken out of the group it belongs to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from bms.config.site import Group, Site
from schedules.library import Library


def regroup(declared: Mapping[str, Group], library: Library) -> dict[str, Group]:
    """The groups as they run under a library that was checked against them.

    A group of one has the strategy and the parameters of its group. A group whose members all
    have their own schedules is left out.
    """
    groups: dict[str, Group] = {}
    for group in declared.values():
        singles = [m for m in group.members if m.id in library.governed and m.id not in declared]
        rest = tuple(member for member in group.members if member not in singles)
        if rest:
            groups[group.id] = replace(group, members=rest) if singles else group
        for machine in singles:
            groups[machine.id] = replace(
                group,
                id=machine.id,
                members=(machine,),
                meter=machine if "energy" in machine.points else None,
                title=machine.title,
                origin=library.claims[machine.id],
            )
    return groups


def with_library(site: Site, library: Library) -> Site:
    """The site under other schedules."""
    declared = site.declared
    groups = regroup(declared, library)
    return replace(site, library=library, groups=groups, regrouped_from=declared)
