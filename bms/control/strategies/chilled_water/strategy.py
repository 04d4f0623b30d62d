"""The strategy `chilled_water_plant`: what a site may write, needs and gets. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bms.config.site import Group, Setpoint, StrategySpec
from bms.control.strategies import group as groups
from bms.control.strategies.chilled_water.parameters import SETPOINT, ChilledWaterPlantParameters
from bms.control.strategies.chilled_water.plant_controller import ChilledWaterPlant
from bms.core.decisions import Controller
from bms.texts.messages import msg


def _build(group: Group) -> Sequence[Controller[Any]]:
    return (ChilledWaterPlant(group),)


def _check(group: Group) -> Sequence[groups.Finding]:
    parameters: ChilledWaterPlantParameters = group.parameters
    where: tuple[str | int, ...] = ("parameters", "header")
    loop = ["supply_temp", "return_temp", *(["flow"] if len(parameters.trains) > 1 else [])]
    found = [*groups.named(group, where, parameters.header, "water_loop", loop)]
    if parameters.weather is not None:
        where = ("parameters", "weather")
        roles = ["outdoor_temp"]
        found += groups.named(group, where, parameters.weather, "weather_station", roles)
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


CHILLED_WATER_PLANT = StrategySpec(
    name="chilled_water_plant",
    summary=msg("chillers staged by load, lead by run hours, with pumps and towers in order"),
    modes=groups.MODES,
    setpoints={SETPOINT: Setpoint.of("chw_setpoint", "degC")},
    parameters=ChilledWaterPlantParameters,
    check=_check,
    build=_build,
)
