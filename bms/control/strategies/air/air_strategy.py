"""`air_handlers`: air handlers with what they serve, fan coils, fans, and a small group's sources.
Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from bms.config.site import Ability, Group, Setpoint, StrategySpec
from bms.control.protect.flow.flow_demands import unproven_flows
from bms.control.strategies import group as groups
from bms.control.strategies.air.air_facts import tells
from bms.control.strategies.air.air_parameters import (
    FUNCTION_TITLES,
    AirParameters,
    Function,
)
from bms.control.strategies.air.asked import MODES
from bms.control.strategies.air.handling.freeze_guard import FreezeGuard
from bms.control.strategies.air.handling.handler_controller import AirHandler
from bms.control.strategies.air.planning.air_plan import AirPlan
from bms.control.strategies.air.rooms.boxes import Box
from bms.control.strategies.air.rooms.fan_coils import FanCoil
from bms.control.strategies.air.rooms.fans import AirFan, duty_of
from bms.control.strategies.air.rooms.own_sources import OwnSource
from bms.control.strategies.air.served import (
    SOURCE_KINDS,
    lacking,
    unit_of,
    units_of,
)
from bms.core.decisions import Controller
from bms.core.equipment import Equipment
from bms.texts.messages import msg

SETPOINTS: Mapping[str, Setpoint] = MappingProxyType(
    {
        "zone_setpoint_c": Setpoint.of("zone_setpoint", "degC"),
        "heating_setpoint_c": Setpoint.of("heating_setpoint", "degC"),
        "cooling_setpoint_c": Setpoint.of("cooling_setpoint", "degC"),
        "supply_setpoint_c": Setpoint.of("supply_setpoint", "degC"),
        "humidity_setpoint_pct": Setpoint.of("humidity_setpoint", "%"),
        "speed_pct": Setpoint.of("speed", "%"),
    }
)
KINDS = ("air_handler", "terminal_unit", "fan_coil", "fan", *SOURCE_KINDS, "pump")
"""Kinds that may be members. Terminals may also stand in `serves` alone."""


def _build(group: Group) -> Sequence[Controller[Any]]:
    parameters: AirParameters = group.parameters
    made: list[Controller[Any]] = [AirPlan(group)]
    handlers = units_of(group, ("air_handler",))
    coils = units_of(group, ("fan_coil",))
    rooms = tuple(point for unit in coils for point in unit.zone_temps)
    for index, machine in enumerate(group.members):
        unit, stagger_s = unit_of(group, machine), index * parameters.stagger_s
        kind = machine.kind.name
        if kind == "air_handler":
            made.append(AirHandler(group, unit, stagger_s))
            if Function.FREEZE_PROTECTION in unit.active:
                made.append(FreezeGuard(group, unit))
        elif kind == "fan_coil":
            others = tuple(point for point in rooms if point not in unit.zone_temps)
            made.append(FanCoil(group, unit, stagger_s, others))
        elif kind == "fan":
            made.append(AirFan(group, unit, duty_of(group, unit, handlers), stagger_s))
    made += [
        Box(group, unit, terminal)
        for unit in handlers
        for terminal in unit.terminals
        if _moves(terminal)
    ]
    sources = tuple(m for m in group.members if m.kind.name in SOURCE_KINDS)
    if sources:
        pumps = tuple(m for m in group.members if m.kind.name == "pump")
        made.append(OwnSource(group, sources, pumps))
    return made


def _check(group: Group) -> Sequence[groups.Finding]:
    parameters: AirParameters = group.parameters
    found: list[groups.Finding] = []
    for member in group.members:
        if member.kind.name not in KINDS:
            text = msg(
                "'{equipment}' is a {kind}, a {expected_kind} belongs here",
                equipment=groups.short(member),
                kind=member.kind.name,
                expected_kind=" / ".join(KINDS),
            )
            found.append((("members",), text))
        elif not _moves(member):
            text = msg("'{name}' has no point that can be commanded", name=groups.short(member))
            found.append((("members",), text))
    if parameters.weather is not None:
        at = ("parameters", "weather")
        found += groups.named(group, at, parameters.weather, "weather_station", ["outdoor_temp"])
    for key in ("exhaust", "toilets", "full_outdoor_air"):
        names = {groups.short(member) for member in group.members}
        for index, name in enumerate(getattr(parameters, key)):
            if name not in names:
                text = msg("'{name}' is no member of this group", name=name)
                found.append((("parameters", key, index), text))
    if parameters.supply_min_c > parameters.supply_max_c:
        at = ("parameters", "supply_min_c")
        found.append((at, msg("supply_min_c must not be above supply_max_c")))
    if parameters.heating_c >= parameters.cooling_c:
        found.append((("parameters", "heating_c"), msg("heating_c must be below cooling_c")))
    return found


def _moves(machine: Equipment) -> bool:
    return any(machine.commanded(role) is not None for role in machine.points)


def _abilities(group: Group) -> Sequence[Ability]:
    """What it can do for each machine, and why not."""
    return [
        Ability(unit.name, FUNCTION_TITLES[function], lacking(unit, function))
        for unit in units_of(group, ("air_handler",))
        for function in Function
    ]


AIR_HANDLERS = StrategySpec(
    name="air_handlers",
    summary=msg(
        "air handlers by what their zones need: supply air, outdoor air, CO2, humidity, frost"
    ),
    modes=MODES,
    setpoints=SETPOINTS,
    parameters=AirParameters,
    check=_check,
    build=_build,
    each=True,
    single_modes=True,
    demands=unproven_flows,
    tells=tells,
    can=_abilities,
)
