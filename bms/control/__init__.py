"""Who commands: schedules, overlays, operators, defaults, and one strategy per group. Pure.

To add a strategy, write its module and add its `StrategySpec` to `STRATEGIES`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from bms.config.site import Group, Site, StrategySpec
from bms.control.protect.by_hand import by_hand
from bms.control.protect.protections import protections
from bms.control.strategies.air.air_strategy import AIR_HANDLERS
from bms.control.strategies.chilled_water.strategy import CHILLED_WATER_PLANT
from bms.control.strategies.compressed_air.compressor_strategy import COMPRESSORS
from bms.control.strategies.demand.demand_strategy import DEMAND
from bms.control.strategies.hot_tap_water.heat_up import heat_up
from bms.control.strategies.hot_tap_water.hot_tap_strategy import HOT_TAP_WATER
from bms.control.strategies.hot_water.hot_water_strategy import HOT_WATER_PLANT
from bms.control.strategies.lighting.lighting_strategy import LIGHTING
from bms.control.strategies.on_off import ON_OFF
from bms.control.strategies.water_supply.water_supply_strategies import LEVEL_PUMPS, PRESSURE_PUMPS
from bms.control.supervise.ahead.early_rise import early_rises
from bms.control.supervise.behind import behind
from bms.control.supervise.defaults import DefaultsController
from bms.control.supervise.operator import OverrideController
from bms.control.supervise.optimal import optimal_controllers
from bms.control.supervise.overlay import OverlayController
from bms.control.supervise.scheduled import ScheduleController, resolver_of
from bms.core.decisions import Controller, Override
from bms.core.machines.interventions import NO_INTERVENTIONS, Interventions
from schedules.model.context import NOTHING, Context

STRATEGIES: Mapping[str, StrategySpec] = MappingProxyType(
    {
        spec.name: spec
        for spec in (
            ON_OFF,
            COMPRESSORS,
            CHILLED_WATER_PLANT,
            HOT_WATER_PLANT,
            AIR_HANDLERS,
            LIGHTING,
            LEVEL_PUMPS,
            PRESSURE_PUMPS,
            DEMAND,
            HOT_TAP_WATER,
        )
    }
)
"""Every strategy a group may name."""


def scheduled(site: Site, group: Group, context: Context) -> list[Controller[Any]]:
    """Those that command a group as its schedule and the overlays say; none without a schedule."""
    resolver = resolver_of(site, group.id, context)
    if resolver is None:
        return []
    setpoints = frozenset(STRATEGIES[group.strategy].setpoints)
    controllers: list[Controller[Any]] = [ScheduleController(group, setpoints, resolver)]
    if site.library.overlays:
        controllers.append(OverlayController(group, setpoints, resolver))
    return controllers


def assemble(
    site: Site,
    overrides: Sequence[Override],
    context: Context = NOTHING,
    interventions: Interventions = NO_INTERVENTIONS,
) -> tuple[Controller[Any], ...]:
    """Every controller of a site. Names are stable, so that their states outlive a reload."""
    controllers: list[Controller[Any]] = []
    for group in site.groups.values():
        controllers.extend(scheduled(site, group, context))
        setpoints = frozenset(STRATEGIES[group.strategy].setpoints)
        controllers.extend(optimal_controllers(site, group, setpoints, context))
        controllers.extend(early_rises(site, group, STRATEGIES[group.strategy], context))
        controllers.extend(heat_up(group, resolver_of(site, group.id, context)))
        plant = behind(site, group)
        if plant is not None:
            controllers.append(plant)
    controllers.extend(OverrideController(override) for override in overrides)
    controllers.extend(by_hand(site, interventions))
    if site.defaults:
        controllers.append(DefaultsController(site.defaults))
    for group in site.groups.values():
        controllers.extend(STRATEGIES[group.strategy].build(group))
    controllers.extend(protections(site))
    return tuple(controllers)
