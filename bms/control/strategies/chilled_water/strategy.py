"""The strategy `chilled_water_plant`: what a site may write, needs and gets. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bms.config.site import Group, Setpoint, StrategySpec
from bms.control.protect.flow.flow_demands import unproven_flows
from bms.control.strategies import group as groups
from bms.control.strategies.chilled_water.parameters import (
    DEMAND_LIMIT,
    PRESSURE,
    SETPOINT,
    ChilledWaterPlantParameters,
)
from bms.control.strategies.chilled_water.plant_controller import ChilledWaterPlant
from bms.control.strategies.chilled_water.plant_layout import condenser_name
from bms.control.strategies.chilled_water.plant_state import FACTS
from bms.control.strategies.chilled_water.reset_plan import FACTS as RESET_FACTS
from bms.control.strategies.chilled_water.reset_plan import ChilledWaterReset
from bms.core.decisions import Controller, FactKind
from bms.core.equipment import Equipment
from bms.texts.messages import msg


def _build(group: Group) -> Sequence[Controller[Any]]:
    plant = ChilledWaterPlant(group)
    return (plant, ChilledWaterReset(group)) if _resets(group) else (plant,)


def _resets(group: Group) -> bool:
    parameters: ChilledWaterPlantParameters = group.parameters
    return parameters.does("reset") and bool(group.consumers.get(parameters.header))


def _tells(group: Group) -> Mapping[str, FactKind]:
    return {**FACTS, **RESET_FACTS} if _resets(group) else FACTS


def _check(group: Group) -> Sequence[groups.Finding]:
    parameters: ChilledWaterPlantParameters = group.parameters
    where: tuple[str | int, ...] = ("parameters", "header")
    several = len(parameters.trains) > 1
    loop = ["supply_temp", "return_temp", *(["flow"] if several else [])]
    found = [*groups.named(group, where, parameters.header, "water_loop", loop)]
    if parameters.weather is not None:
        where = ("parameters", "weather")
        roles = ["outdoor_temp"]
        found += groups.named(group, where, parameters.weather, "weather_station", roles)
    if parameters.condenser is not None:
        where = ("parameters", "condenser")
        found += groups.named(group, where, parameters.condenser, "water_loop", [])
    if parameters.economizer is not None:
        where = ("parameters", "economizer")
        found += groups.named(group, where, parameters.economizer, "heat_exchanger", [])
    for index, name in enumerate(parameters.pressures):
        known = group.equipment.get(name)
        if known is None or "differential_pressure" not in known.points:
            text = msg("'{name}' has no '{role}' point", name=name, role="differential_pressure")
            found.append((("parameters", "pressures", index), text))
    return [*found, *(_trains(group) if parameters.trains else _relations(group))]


def _trains(group: Group) -> Sequence[groups.Finding]:
    """What is wrong with the trains."""
    parameters: ChilledWaterPlantParameters = group.parameters
    found: list[groups.Finding] = []
    seen: set[str] = set()
    for i, train in enumerate(parameters.trains):
        here: tuple[str | int, ...] = ("parameters", "trains", i)
        roles = ["enable", "status"]
        wrong = groups.named(group, (*here, "chiller"), train.chiller, "chiller", roles)
        found += wrong
        if not wrong and group.equipment[train.chiller].capacity_kw is None:
            found.append(
                ((*here, "chiller"), msg("'{chiller}' has no capacity_kw", chiller=train.chiller))
            )
        if train.chiller in seen:
            found.append(
                (
                    (*here, "chiller"),
                    msg("'{chiller}' is in an earlier train already", chiller=train.chiller),
                )
            )
        seen.add(train.chiller)
        for key, name, kind in (
            ("chw_pump", train.chw_pump, "pump"),
            ("cw_pump", train.cw_pump, "pump"),
            ("tower", train.tower, "cooling_tower"),
        ):
            if name is not None:
                found += groups.named(group, (*here, key), name, kind, ["enable"])
    return found


def _relations(group: Group) -> Sequence[groups.Finding]:
    """What a plant lacks that is made from the relations of its members."""
    parameters: ChilledWaterPlantParameters = group.parameters
    chillers = [member for member in group.members if member.kind.name == "chiller"]
    header = group.equipment.get(parameters.header)
    if header is None or header.kind.name != "water_loop":
        return []  # said already
    if not chillers:
        text = msg("no member is a chiller: give trains, or make the chillers members")
        return [(("members",), text)]
    commanded = [chiller for chiller in chillers if chiller.commanded("enable") is not None]
    if not commanded and not any(header.commanded(role) for role in ("enable", "loop_setpoint")):
        text = msg(
            "nothing can be commanded: neither a chiller nor the loop '{header}' has an 'enable' "
            "or a set point that is writable",
            header=parameters.header,
        )
        return [(("members",), text)]
    found: list[groups.Finding] = []
    for chiller in commanded:
        found += _chiller(group, chiller)
    loads = all("load" in chiller.points for chiller in commanded)
    if len(commanded) > 1 and "flow" not in header.points and not loads:
        text = msg("'{name}' has no '{role}' point", name=parameters.header, role="flow")
        found.append((("parameters", "header"), text))
    return found


def _chiller(group: Group, chiller: Equipment) -> Sequence[groups.Finding]:
    """What a chiller lacks that is started and stopped."""
    parameters: ChilledWaterPlantParameters = group.parameters
    name = groups.short(chiller)
    found: list[groups.Finding] = []
    if "status" not in chiller.points:
        text = msg("'{name}' has no '{role}' point", name=name, role="status")
        found.append((("members",), text))
    if chiller.capacity_kw is None:
        found.append((("members",), msg("'{chiller}' has no capacity_kw", chiller=name)))
    header = chiller.relations.header
    if header and header != parameters.header:
        text = msg(
            "'{chiller}' feeds '{header}', not '{plant_header}'",
            chiller=name,
            header=header,
            plant_header=parameters.header,
        )
        found.append((("members",), text))
    pumps = [
        member
        for member in group.members
        if member.kind.name == "pump"
        and (name in member.relations.serves or member.relations.header == parameters.header)
    ]
    if not pumps:
        text = msg(
            "no pump moves water through '{chiller}': a member needs `header: {header}` or "
            "`serves: [{chiller}]`",
            chiller=name,
            header=parameters.header,
        )
        found.append((("members",), text))
    condenser = condenser_name(group)
    rejects = chiller.relations.rejects_to
    if rejects and condenser and rejects != condenser:
        text = msg(
            "'{chiller}' rejects to '{header}', not '{plant_header}'",
            chiller=name,
            header=rejects,
            plant_header=condenser,
        )
        found.append((("members",), text))
    return found


CHILLED_WATER_PLANT = StrategySpec(
    name="chilled_water_plant",
    summary=msg("chillers staged by load, lead by run hours, with pumps and towers in order"),
    modes=groups.MODES,
    setpoints={
        SETPOINT: Setpoint.of("chw_setpoint", "degC"),
        PRESSURE: Setpoint.of("dp_setpoint", "kPa"),
        DEMAND_LIMIT: Setpoint("%", 0.0, 100.0),
    },
    parameters=ChilledWaterPlantParameters,
    check=_check,
    build=_build,
    tells=_tells,
    demands=unproven_flows,
)
