"""Equipment with its own schedule: a group of one, taken out of the group it belongs to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from bms.config.site import Group, Site
from bms.texts.problems import Problem
from schedules.library import Library


def regroup(declared: Mapping[str, Group], library: Library) -> dict[str, Group]:
    """The groups as they run under a library that was checked against them.

    A group of one has the strategy and the parameters of its group. A group whose members all
    have their own schedules is left out.
    """
    groups: dict[str, Group] = {}
    apart: dict[str, tuple[str, ...]] = {}
    for group in declared.values():
        singles = [m for m in group.members if m.id in library.governed and m.id not in declared]
        rest = tuple(member for member in group.members if member not in singles)
        if rest:
            groups[group.id] = replace(group, members=rest) if singles else group
        if singles:
            apart[group.id] = tuple(machine.id for machine in singles)
        for machine in singles:
            groups[machine.id] = replace(
                group,
                id=machine.id,
                members=(machine,),
                meter=machine if "energy" in machine.points else None,
                title=machine.title,
                origin=library.claims[machine.id],
            )
    if apart:
        groups = {name: _with_apart(group, apart) for name, group in groups.items()}
    consumers = {base: _consumers(groups, base) for base in {g.base for g in groups.values()}}
    return {
        name: replace(group, consumers=consumers[group.base])
        if group.consumers != consumers[group.base]
        else group
        for name, group in groups.items()
    }


def _with_apart(group: Group, apart: Mapping[str, tuple[str, ...]]) -> Group:
    """A group that knows of others which of their members run by themselves."""
    if not any(other.id in apart for other in group.neighbours.values()):
        return group
    neighbours = {
        name: replace(other, apart=apart.get(other.id, ()))
        for name, other in group.neighbours.items()
    }
    return replace(group, neighbours=neighbours)


def _consumers(groups: Mapping[str, Group], base: str) -> dict[str, tuple[str, ...]]:
    """By loop: the groups whose members draw from it, in the order of the files."""
    found: dict[str, dict[str, None]] = {}
    for group in groups.values():
        if group.base != base:
            continue
        for member in group.members:
            for loop in (member.relations.cooled_by, member.relations.heated_by):
                if loop:
                    found.setdefault(loop, {})[group.id] = None
    return {loop: tuple(ids) for loop, ids in found.items()}


def with_library(site: Site, library: Library, unmet: Sequence[Problem] = ()) -> Site:
    """The site under other schedules; `unmet` are the demands that these do not meet."""
    declared = site.declared
    groups = regroup(declared, library)
    others = [problem for problem in site.unmet if not problem.file.startswith("schedules/")]
    return replace(
        site, library=library, groups=groups, regrouped_from=declared, unmet=(*others, *unmet)
    )
