"""Overrides that point at nothing: their group, machine or setpoint has another name, or is gone.

Such an override commands nothing, while whoever made it believes a machine held.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from bms.config.site import Site
from bms.control import STRATEGIES
from bms.core.decisions import Condition, Override, Severity
from bms.core.errors import StoreError
from bms.storage.state import read_in_force
from bms.texts.messages import msg
from bms.texts.problems import Problem
from drivers.points import PointId


def points_at_nothing(site: Site, point: PointId) -> bool:
    """Whether a command for the point has nobody to take it."""
    if point in site.outputs:
        return False
    owner, _, name = point.rpartition(".")
    group = site.groups.get(owner)
    return group is None or not (
        point == group.mode_point or name in STRATEGIES[group.strategy].setpoints
    )


def orphaned(site: Site, overrides: Iterable[Override]) -> list[Override]:
    """Those that point at nothing, by number."""
    found = [override for override in overrides if points_at_nothing(site, override.point)]
    return sorted(found, key=lambda override: override.id)


def conditions(site: Site, overrides: Iterable[Override]) -> tuple[Condition, ...]:
    """One alarm for each override that points at nothing."""
    return tuple(
        Condition(
            f"override:{override.id}",
            Severity.URGENT,
            msg(
                "override {number} of {owner} on {point} does nothing: the site has no such point "
                "to command; override what it is called now, and clear this one",
                number=override.id,
                owner=override.owner,
                point=override.point,
            ),
        )
        for override in orphaned(site, overrides)
    )


def problems(site: Site, overrides: Iterable[Override]) -> list[Problem]:
    """The same for a site that would be put in force."""
    return [
        Problem(
            "groups",
            1,
            1,
            msg(
                "override {number} of {owner} on {point} would do nothing",
                number=override.id,
                owner=override.owner,
                point=override.point,
            ),
            msg("clear it first, or leave the name as it is"),
            withholds=override.point,
        )
        for override in orphaned(site, overrides)
    ]


def without_point(site: Site, now: datetime) -> list[Problem]:
    """The overrides in force for which these files of a site have no point, as problems.

    None where nobody knows what is in force.
    """
    try:
        return problems(site, read_in_force(site.state_dir, now).overrides or ())
    except StoreError:
        return []
