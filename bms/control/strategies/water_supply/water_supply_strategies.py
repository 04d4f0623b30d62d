"""What a site may write of `level_pumps` and `pressure_pumps`, needs for them and gets. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bms.config.site import Group, Setpoint, StrategySpec
from bms.control.protect.level.tank_gauge import FLOATS, TRANSMITTERS, limits_of
from bms.control.strategies import group as groups
from bms.control.strategies.water_supply.level_controller import LevelController
from bms.control.strategies.water_supply.level_orders import LEVEL, NIGHT_FLOW, PUMPS
from bms.control.strategies.water_supply.level_parameters import (
    MODES,
    START_PCT,
    STOP_PCT,
    LevelParameters,
)
from bms.control.strategies.water_supply.pressure_controller import PressureController
from bms.control.strategies.water_supply.pressure_parameters import PRESSURE_KPA, PressureParameters
from bms.core.decisions import Controller, FactKind
from bms.core.equipment import Equipment
from bms.texts.messages import msg

_BASINS = ("tank", "sump")


def _build_level(group: Group) -> Sequence[Controller[Any]]:
    return (LevelController(group),)


def _build_pressure(group: Group) -> Sequence[Controller[Any]]:
    return (PressureController(group),)


def _members(group: Group, kinds: tuple[str, ...]) -> list[groups.Finding]:
    """What is wrong with the kinds of members, and with what cannot be switched."""
    found: list[groups.Finding] = []
    for member in group.members:
        if member.kind.name not in kinds:
            text = msg(
                "'{equipment}' is a {kind}, a {expected_kind} belongs here",
                equipment=groups.short(member),
                kind=member.kind.name,
                expected_kind=" / ".join(kinds),
            )
            found.append((("members",), text))
        elif member.commanded("enable") is None:
            text = msg("'{equipment}' cannot be switched", equipment=groups.short(member))
            found.append((("members",), text))
    return found


def _check_level(group: Group) -> Sequence[groups.Finding]:
    parameters: LevelParameters = group.parameters
    at: tuple[str | int, ...] = ("parameters", "tank")
    found = _members(group, ("pump", "valve") if parameters.fills else ("pump",))
    if parameters.flow is not None:
        kind = getattr(group.equipment.get(parameters.flow), "kind", None)
        kinds = ("water_main", "water_meter")
        expected = kind.name if kind is not None and kind.name in kinds else kinds[0]
        here: tuple[str | int, ...] = ("parameters", "flow")
        found += groups.named(group, here, parameters.flow, expected, ["flow"])
    tank = group.equipment.get(parameters.tank)
    kind_name = "tank" if tank is None or tank.kind.name not in _BASINS else tank.kind.name
    found += groups.named(group, at, parameters.tank, kind_name, [])
    if tank is None or tank.kind.name not in _BASINS:
        return found
    if not any(role in tank.points for role in (*TRANSMITTERS, *FLOATS)):
        found.append((at, msg("'{tank}' has neither transmitter nor float", tank=parameters.tank)))
    elif not any(role in tank.points for role in TRANSMITTERS):
        needed = ("low_float", "high_float")
        found += [
            (at, msg("'{tank}' has no transmitter, and no '{role}'", tank=parameters.tank,
                     role=role))
            for role in needed
            if role not in tank.points
        ]  # fmt: skip
    found += [
        (("members",), _unrelated(member, parameters))
        for member in group.members
        if not _related(member, parameters)
    ]
    limits = limits_of(tank)
    start, stop = parameters.start_pct, parameters.stop_pct
    for key, level in (("start_pct", start), ("stop_pct", stop)):
        if level is not None and not limits.dry_pct < level < limits.brim_pct:
            text = msg("'{key}' must lie between {dry_pct:g} % and {brim_pct:g} %", key=key,
                       dry_pct=limits.dry_pct, brim_pct=limits.brim_pct)  # fmt: skip
            found.append((("parameters", key), text))
    if parameters.fills and start is not None and limits.reserve_pct >= start:
        text = msg("start_pct lies within the fire reserve of {reserve_pct:.0f} %",
                   reserve_pct=limits.reserve_pct)  # fmt: skip
        found.append((("parameters", "start_pct"), text))
    return found


def _related(member: Equipment, parameters: LevelParameters) -> bool:
    relations = member.relations
    return parameters.tank == (relations.fills if parameters.fills else relations.draws_from)


def _unrelated(member: Equipment, parameters: LevelParameters) -> Any:
    name = groups.short(member)
    if parameters.fills:
        return msg("'{equipment}' does not say that it fills '{tank}': write 'fills: {tank}' in "
                   "its equipment file", equipment=name, tank=parameters.tank)  # fmt: skip
    return msg("'{equipment}' does not say that it draws from '{tank}': write 'draws_from: {tank}' "
               "in its equipment file", equipment=name, tank=parameters.tank)  # fmt: skip


def _check_pressure(group: Group) -> Sequence[groups.Finding]:
    parameters: PressureParameters = group.parameters
    at: tuple[str | int, ...] = ("parameters", "main")
    found = _members(group, ("pump",))
    return [*found, *groups.named(group, at, parameters.main, "water_main", ["pressure"])]


def _level_tells(group: Group) -> Mapping[str, FactKind]:
    parameters: LevelParameters = group.parameters
    found = {LEVEL: FactKind("%"), PUMPS: FactKind()}
    tank = group.equipment.get(parameters.tank)
    if parameters.fills and tank is not None and "outflow" in tank.points:
        found[NIGHT_FLOW] = FactKind("m3/h")
    return found


def _pressure_tells(group: Group) -> Mapping[str, FactKind]:
    parameters: PressureParameters = group.parameters
    main = group.equipment.get(parameters.main)
    found = {PUMPS: FactKind()}
    if main is not None and "flow" in main.points:
        found[NIGHT_FLOW] = FactKind("m3/h")
    return found


LEVEL_PUMPS = StrategySpec(
    name="level_pumps",
    summary=msg("pumps that fill a tank or empty a pit by its level, taking turns"),
    modes=MODES,
    setpoints={START_PCT: Setpoint("%", 0, 100), STOP_PCT: Setpoint("%", 0, 100)},
    parameters=LevelParameters,
    check=_check_level,
    build=_build_level,
    tells=_level_tells,
)

PRESSURE_PUMPS = StrategySpec(
    name="pressure_pumps",
    summary=msg("boosters by speed and number, for the pressure of a water main"),
    modes=groups.MODES,
    setpoints={PRESSURE_KPA: Setpoint.of("pressure_setpoint", "kPa")},
    parameters=PressureParameters,
    check=_check_pressure,
    build=_build_pressure,
    tells=_pressure_tells,
)
