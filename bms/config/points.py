"""What a point of a site is: unit, class, owner, the group that runs it, its zone. Pure.

A point id is `<base>.<equipment>.<role>`, or `<base>.<group>.mode` and `<base>.<group>.<setpoint>`
for the points that groups have.
"""

from __future__ import annotations

from collections.abc import Mapping

from bms.config.site import Group, Site, StrategySpec
from bms.core.equipment import PointClass, Role, base_of
from drivers.points import PointId, Value


def owner_of(point: PointId) -> str:
    """The id of the equipment or the group that has the point."""
    return point.rpartition(".")[0]


def zone_of(site: Site, name: str) -> str:
    """The IANA zone of a point, a piece of equipment, a group or a base; of what lies in no base
    of the site, the site's."""
    base = site.bases.get(base_of(name))
    return base.zone if base is not None else site.file.zone


def known_units(site: Site, strategies: Mapping[str, StrategySpec]) -> dict[PointId, str]:
    """Every point of a site with its unit: those of its links, and those that groups have."""
    units = {point.id: point.unit for link in site.links.values() for point in link.points}
    for group in site.groups.values():
        units[group.mode_point] = ""
        setpoints = strategies[group.strategy].setpoints
        units |= {group.setpoint_point(name): found.unit for name, found in setpoints.items()}
        units |= {point: kind.unit for point, kind in group.facts.items()}
        for single in group.each:
            units[single.mode_point] = ""
            units |= {single.setpoint_point(name): found.unit for name, found in setpoints.items()}
    return units


def role_of(site: Site, point: PointId) -> Role | None:
    """What a point means for its equipment; None for those of groups."""
    owner, _, name = point.rpartition(".")
    equipment = site.equipment.get(owner)
    return equipment.kind.roles.get(name) if equipment is not None else None


def point_class(site: Site, point: PointId) -> PointClass:
    """Counter, state or analog, by the role of the point."""
    role = role_of(site, point)
    if role is not None:
        return role.klass
    group = own_group(site, point)
    fact = group.facts.get(point) if group is not None else None
    if fact is None:
        return PointClass.ANALOG
    if fact.text:
        return PointClass.EVENT
    return PointClass.STATE if fact.state else PointClass.ANALOG


def shown(site: Site, point: PointId, value: Value) -> Value:
    """A commanded value as the field shows it: strategies command states as 1 and 0."""
    if isinstance(value, int | float) and point_class(site, point) is PointClass.STATE:
        return bool(value)
    return value


def own_group(site: Site, point: PointId) -> Group | None:
    """The group whose mode or setpoint the point is; None for the points of equipment.

    A machine with a schedule for itself is a group by the machine's id, too.
    """
    owner, _, role = point.rpartition(".")
    machine = site.equipment.get(owner)
    return None if machine is not None and role in machine.points else site.groups.get(owner)


def groups_of(site: Site, point: PointId) -> list[Group]:
    """The group that has the point, or the groups that run the equipment that has it."""
    owner = owner_of(point)
    if owner in site.groups:
        return [site.groups[owner]]
    return [g for g in site.groups.values() if any(member.id == owner for member in g.members)]


def points_behind(
    site: Site, strategies: Mapping[str, StrategySpec], point: PointId
) -> list[PointId]:
    """The group points that a command for equipment comes from: the mode, and the setpoint named
    like the role (`zone_setpoint_c` for `zone_setpoint`). Empty for points that groups have."""
    if point not in site.outputs:
        return []
    role = point.rpartition(".")[2]
    found = []
    for group in groups_of(site, point):
        names = strategies[group.strategy].setpoints
        found += [group.setpoint_point(n) for n in names if role in (n, n.rpartition("_")[0])]
        found.append(group.mode_point)
        found += [single.mode_point for single in group.each if single.id == owner_of(point)]
    return found
