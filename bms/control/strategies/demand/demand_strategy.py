"""The strategy `demand_limit`: what a site may write, needs and gets. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bms.config.site import Group, Neighbour, Setpoint, StrategySpec
from bms.control.strategies import group as groups
from bms.control.strategies.demand.demand_controller import DemandLimit
from bms.control.strategies.demand.demand_parameters import LIMIT, DemandParameters, LoadFile
from bms.control.strategies.demand.demand_telling import tells
from bms.control.strategies.demand.sheddable_loads import DEMAND_LIMIT
from bms.core.decisions import Controller
from bms.core.equipment import Equipment
from bms.texts.messages import Message, msg

Where = tuple[str | int, ...]
SOURCES = ("chiller", "boiler", "heat_pump", "heat_exchanger")


def _build(group: Group) -> Sequence[Controller[Any]]:
    return (DemandLimit(group),)


def _check(group: Group) -> Sequence[groups.Finding]:
    parameters: DemandParameters = group.parameters
    found: list[groups.Finding] = [
        (
            ("members",),
            msg(
                "'{equipment}' is a {kind}, a {expected_kind} belongs here",
                equipment=groups.short(member),
                kind=member.kind.name,
                expected_kind="meter",
            ),
        )
        for member in group.members
        if member.kind.name != "meter"
    ]
    for key, names in (("pv", parameters.pv), ("known", parameters.known)):
        for index, name in enumerate(names):
            found += _has(group, ("parameters", key, index), name, "power")
    if parameters.sync is not None:
        found += _has(group, ("parameters", "sync"), parameters.sync, "sync")
    titles = [load.title for load in parameters.loads]
    for index, load in enumerate(parameters.loads):
        at: Where = ("parameters", "loads", index)
        if load.title in titles[:index]:
            text = msg("'{name}' is the name of an earlier load", name=load.title)
            found.append((at, text))
        found += _load(group, load, at)
    return found


def _has(group: Group, at: Where, name: str, role: str) -> list[groups.Finding]:
    equipment = group.equipment.get(name)
    if equipment is None:
        return [(at, msg("no equipment '{name}' in base '{base}'", name=name, base=group.base))]
    if role not in equipment.points:
        return [(at, msg("'{name}' has no '{role}' point", name=name, role=role))]
    return []


def _load(group: Group, load: LoadFile, at: Where) -> list[groups.Finding]:
    found: list[groups.Finding] = []
    if load.meter is not None:
        found += _has(group, (*at, "meter"), load.meter, "power")
    for index, limit in enumerate(load.comfort):
        found += _has(group, (*at, "comfort", index, "equipment"), limit.equipment, limit.role)
    if load.group is not None:
        neighbour = group.neighbours.get(load.group)
        if neighbour is None:
            text = msg("no group '{name}' in base '{base}'", name=load.group, base=group.base)
            return [*found, ((*at, "group"), text)]
        return [*found, *_group_load(neighbour, load, at)]
    machines: list[Equipment] = []
    for index, name in enumerate(load.machines):
        here = (*at, "machines", index)
        equipment = group.equipment.get(name)
        if equipment is None:
            text = msg("no equipment '{name}' in base '{base}'", name=name, base=group.base)
            found.append((here, text))
            continue
        machines.append(equipment)
        if refused := _never(equipment) or _sequenced(group, equipment):
            found.append((here, refused))
            continue
        role = load.role if load.how == "limit" else "enable"
        if equipment.commanded(role) is None:
            text = msg("'{name}' has no '{role}' that can be commanded", name=name, role=role)
            found.append((here, text))
    if machines and not found and load.kw is None and load.meter is None:
        found += _worth(load, machines, at)
    return found


def _worth(load: LoadFile, machines: Sequence[Equipment], at: Where) -> list[groups.Finding]:
    if all("power" in m.points or m.rated_kw is not None for m in machines):
        return []
    text = msg("nothing says what shedding '{name}' gives: write 'kw'", name=load.title)
    return [(at, text)]


def _group_load(neighbour: Neighbour, load: LoadFile, at: Where) -> list[groups.Finding]:
    here = (*at, "group")
    for member in neighbour.members:
        if refused := _never(member):
            return [(here, refused)]
    if load.how == "off":
        if "off" not in neighbour.modes:
            return [(here, msg("'{name}' has no mode '{mode}'", name=load.group, mode="off"))]
    else:
        name = load.setpoint or DEMAND_LIMIT
        kind = neighbour.setpoints.get(name)
        if kind is None:
            text = msg("'{name}' takes no '{setpoint}'", name=load.group, setpoint=name)
            return [((*at, "setpoint") if load.setpoint else here, text)]
        if load.how == "limit" and load.to is not None and not kind.can_be(load.to):
            text = msg(
                "{number:g} is out of range: {least:g} to {most:g}",
                number=load.to,
                least=kind.least,
                most=kind.most,
            )
            return [((*at, "to"), text)]
    metered = neighbour.meter is not None and "power" in neighbour.meter.points
    if load.kw is None and load.meter is None and not metered:
        return _worth(load, neighbour.members, at)
    return []


def _never(equipment: Equipment) -> Message | None:
    """Why equipment is never shed; None if it may be."""
    name = groups.short(equipment)
    if equipment.critical:
        return msg("'{name}' is critical: it is never shed", name=name)
    if equipment.emergency:
        return msg("'{name}' is emergency lighting, which nobody may switch", name=name)
    if equipment.exempt:
        return msg("only a person may switch '{target}': it is exempt", target=equipment.id)
    return None


def _sequenced(group: Group, equipment: Equipment) -> Message | None:
    """Why a machine is to be asked through its group; None if nothing lives on it."""
    name = groups.short(equipment)
    for neighbour in group.neighbours.values():
        if not neighbour.each and equipment.id in {member.id for member in neighbour.members}:
            return msg(
                "'{name}' runs in the sequence of '{group}': shed the group, which knows what "
                "lives on it",
                name=name,
                group=neighbour.id.partition(".")[2],
            )
    relations = equipment.relations
    loops = {relations.header, relations.rejects_to} - {""}
    for other in group.equipment.values():
        if other.id == equipment.id or other.kind.name not in SOURCES:
            continue
        theirs = {other.relations.header, other.relations.rejects_to} - {""}
        valves = {other.relations.isolation_valve, other.relations.cw_isolation_valve} - {""}
        if loops & theirs or groups.short(other) in relations.serves or name in valves:
            return msg(
                "'{machine}' lives on '{name}': shed the group of the plant",
                machine=groups.short(other),
                name=name,
            )
    return None


DEMAND = StrategySpec(
    name="demand_limit",
    summary=msg("sheds loads in order, late and little, so that no interval exceeds the limit"),
    modes=groups.MODES,
    setpoints={LIMIT: Setpoint("kW", 0.0, 1_000_000.0)},
    parameters=DemandParameters,
    check=_check,
    build=_build,
    tells=tells,
    reaches=True,
)
