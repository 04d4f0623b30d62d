"""Who commands: schedules, operators, defaults, and one strategy per group. Pure.

To add a strategy, write its module and add its `StrategySpec` to `STRATEGIES`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from bms.config.models import Site, StrategySpec
from bms.control.chilled_water import CHILLED_WATER_PLANT
from bms.control.compressors import COMPRESSORS
from bms.control.defaults import DefaultsController
from bms.control.on_off import ON_OFF
from bms.control.optimal import optimal_controller
from bms.control.overrides import OverrideController
from bms.control.schedule import schedule_controller
from bms.model import Controller, Override
from schedules.context import NOTHING, Context

STRATEGIES: Mapping[str, StrategySpec] = MappingProxyType(
    {spec.name: spec for spec in (ON_OFF, COMPRESSORS, CHILLED_WATER_PLANT)}
)
"""Every strategy a group may name."""


def assemble(
    site: Site,
    overrides: Sequence[Override],
    context: Context = NOTHING,
) -> tuple[Controller[Any], ...]:
    """Every controller of a site. Names are stable, so that their states outlive a reload."""
    controllers: list[Controller[Any]] = []
    for group in site.groups.values():
        setpoints = frozenset(STRATEGIES[group.strategy].setpoints)
        schedule = schedule_controller(site, group, setpoints, context)
        if schedule is not None:
            controllers.append(schedule)
        optimal = optimal_controller(site, group, setpoints, context)
        if optimal is not None:
            controllers.append(optimal)
    controllers.extend(OverrideController(override) for override in overrides)
    if site.defaults:
        controllers.append(DefaultsController(site.defaults))
    for group in site.groups.values():
        controllers.extend(STRATEGIES[group.strategy].build(group))
    return tuple(controllers)
