"""Which points a person means: by point, wildcard, equipment, group, base or class. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase

from bms.config.site import Site
from bms.core.equipment import PointClass
from bms.core.errors import InvalidInput
from bms.texts.messages import msg
from bms.texts.problems import suggestion
from drivers.points import PointId


def select(
    site: Site,
    known: Mapping[PointId, PointClass],
    names: Sequence[str],
    klass: PointClass | None = None,
) -> list[PointId]:
    """The points of `known` that any of `names` means, each once, by name; no names: all.

    A name is a point, a wildcard (`binjiang.ch-*.power`), a piece of equipment, a group (the
    points of its members) or a base. Points that history knows and the site no longer has are
    found by their id. Raises InvalidInput for a name that means nothing.
    """
    found: set[PointId] = set()
    for name in names or ["*"]:
        matching = [point for point in known if _means(site, name, point)]
        if not matching:
            things = [*known, *site.equipment, *site.groups, *site.bases]
            raise InvalidInput(
                msg(
                    "the history has nothing of '{name}'; {suggestion}",
                    name=name,
                    suggestion=suggestion(name, things),
                )
            )
        found.update(matching)
    return sorted(point for point in found if klass is None or known[point] is klass)


def _means(site: Site, name: str, point: PointId) -> bool:
    if point == name:
        return True
    if any(sign in name for sign in "*?["):
        return fnmatchcase(point, name)
    if name in site.groups:
        members = (member.id for member in site.groups[name].members)
        return any(point.startswith(f"{member}.") for member in (*members, name))
    # A base or equipment, whether it is still in the site or not.
    return point.startswith(f"{name}.")
