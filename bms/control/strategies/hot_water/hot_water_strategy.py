"""The strategy `hot_water_plant`: what a site may write, needs and gets. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bms.config.site import Group, Setpoint, StrategySpec
from bms.control.protect.flow.flow_demands import unproven_flows
from bms.control.strategies import group as groups
from bms.control.strategies.fact_names import LOAD_KW, STAGE
from bms.control.strategies.hot_water.boiler_plant import HEATERS
from bms.control.strategies.hot_water.heat_orders import SUPPLY_C
from bms.control.strategies.hot_water.hot_water_parameters import (
    DEMAND_LIMIT,
    HW_PRESSURE,
    HW_SETPOINT,
    HotWaterPlantParameters,
)
from bms.control.strategies.hot_water.hot_water_plant import HotWaterPlant
from bms.core.decisions import Controller, FactKind
from bms.texts.messages import msg

_MEMBERS = (*HEATERS, "pump")


def _build(group: Group) -> Sequence[Controller[Any]]:
    return (HotWaterPlant(group),)


def _check(group: Group) -> Sequence[groups.Finding]:
    parameters: HotWaterPlantParameters = group.parameters
    where: tuple[str | int, ...] = ("parameters", "header")
    roles = ["supply_temp", "return_temp"]
    found = [*groups.named(group, where, parameters.header, "water_loop", roles)]
    if parameters.weather is not None:
        where = ("parameters", "weather")
        roles = ["outdoor_temp"]
        found += groups.named(group, where, parameters.weather, "weather_station", roles)
    for index, name in enumerate(parameters.pressures):
        here: tuple[str | int, ...] = ("parameters", "pressures", index)
        roles = ["differential_pressure"]
        found += groups.named(group, here, name, "water_loop", roles)
    heaters = [member for member in group.members if member.kind.name in HEATERS]
    if not heaters:
        found.append((("members",), msg("no boiler and no heat pump among the members")))
    loop = group.equipment.get(parameters.header)
    loop_commanded = loop is not None and loop.commanded("loop_setpoint") is not None
    for member in group.members:
        name = groups.short(member)
        if member.kind.name not in _MEMBERS:
            text = msg(
                "'{equipment}' is a {kind}, a {expected_kind} belongs here",
                equipment=name,
                kind=member.kind.name,
                expected_kind=" / ".join(_MEMBERS),
            )
            found.append((("members",), text))
        elif member.commanded("enable") is None and not loop_commanded:
            text = msg(
                "'{equipment}' cannot be switched, and '{loop}' takes no set point",
                equipment=name,
                loop=parameters.header,
            )
            found.append((("members",), text))
        elif member.kind.name in HEATERS and member.capacity_kw is None and len(heaters) > 1:
            text = msg("'{equipment}' has no capacity_kw", equipment=name)
            found.append((("members",), text))
    return found


def _tells(_group: Group) -> Mapping[str, FactKind]:
    return {LOAD_KW: FactKind("kW"), STAGE: FactKind(), SUPPLY_C: FactKind("degC")}


HOT_WATER_PLANT = StrategySpec(
    name="hot_water_plant",
    summary=msg("boilers and heat pumps by need, with pumps and valves in order"),
    modes=groups.MODES,
    setpoints={
        HW_SETPOINT: Setpoint.of("hw_setpoint", "degC"),
        HW_PRESSURE: Setpoint.of("dp_setpoint", "kPa"),
        DEMAND_LIMIT: Setpoint("%", 0.0, 100.0),
    },
    parameters=HotWaterPlantParameters,
    check=_check,
    build=_build,
    tells=_tells,
    demands=unproven_flows,
)
