"""The strategy `hot_tap_water`: what a site may write, needs and gets. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from bms.config.site import Group, Setpoint, StrategySpec
from bms.control.protect.flow.flow_demands import unproven_flows
from bms.control.strategies import group as groups
from bms.control.strategies.fact_names import HW_REQUESTS
from bms.control.strategies.hot_tap_water.hot_tap_controller import HotTapController
from bms.control.strategies.hot_tap_water.hot_tap_layout import COSTS, hot_tap_layout
from bms.control.strategies.hot_tap_water.hot_tap_orders import COLDEST
from bms.control.strategies.hot_tap_water.hot_tap_parameters import (
    MODES,
    STORE_C,
    HotTapParameters,
)
from bms.core.decisions import Controller, FactKind
from bms.texts.messages import msg

_MEMBERS: Final = ("hot_water_store", *COSTS, "mixing_valve", "valve")


def _build(group: Group) -> Sequence[Controller[Any]]:
    return (HotTapController(group),)


def _check(group: Group) -> Sequence[groups.Finding]:
    parameters: HotTapParameters = group.parameters
    found: list[groups.Finding] = []
    members = {groups.short(member): member for member in group.members}
    for name, member in members.items():
        if member.kind.name not in _MEMBERS:
            text = msg(
                "'{equipment}' is a {kind}, a {expected_kind} belongs here",
                equipment=name,
                kind=member.kind.name,
                expected_kind=" / ".join(_MEMBERS),
            )
            found.append((("members",), text))
        elif member.kind.name in COSTS and member.commanded("enable") is None:
            found.append((("members",), msg("'{equipment}' cannot be switched", equipment=name)))
    for index, source in enumerate(parameters.sources):
        at: tuple[str | int, ...] = ("parameters", "sources", index, "machine")
        if source.machine not in members:
            found.append((at, msg("'{name}' is no member of this group", name=source.machine)))
        elif members[source.machine].kind.name not in COSTS:
            text = msg("'{equipment}' is a {kind}, a {expected_kind} belongs here",
                       equipment=source.machine, kind=members[source.machine].kind.name,
                       expected_kind=" / ".join(COSTS))  # fmt: skip
            found.append((at, text))
    for index, name in enumerate(parameters.circulation):
        here: tuple[str | int, ...] = ("parameters", "circulation", index)
        found += groups.named(group, here, name, "pump", ["enable"])
    if parameters.loop is not None:
        here = ("parameters", "loop")
        found += groups.named(group, here, parameters.loop, "tap_water_loop", [])
    if found:
        return found
    stores = hot_tap_layout(group).stores
    if not stores:
        text = msg("no hot_water_store and no water_heater among the members")
        return [(("members",), text)]
    for store in stores:
        if not store.sensors:
            text = msg("'{store}' has no temperature that can be read", store=store.name)
            found.append((("members",), text))
        if not store.sources:
            text = msg("no heat source says that it 'serves' '{store}'", store=store.name)
            found.append((("members",), text))
        if parameters.disinfection is not None and not store.guarded:
            text = msg(
                "'{store}' would scald people: a disinfection needs a mixing valve that "
                "'draws_from' it and shows mixed_temp, or an isolation_valve with the end switch "
                "'closed'",
                store=store.name,
            )
            found.append((("parameters", "disinfection"), text))
    return found


def _tells(group: Group) -> Mapping[str, FactKind]:
    found = {COLDEST: FactKind("degC")}
    if any(member.kind.name == "pump" for member in group.members):
        found[HW_REQUESTS] = FactKind()
    return found


HOT_TAP_WATER = StrategySpec(
    name="hot_tap_water",
    summary=msg("hot tap water: stores heated in time, circulation, weekly disinfection"),
    modes=MODES,
    setpoints={STORE_C: Setpoint.of("tank_setpoint", "degC")},
    parameters=HotTapParameters,
    check=_check,
    build=_build,
    demands=unproven_flows,
    tells=_tells,
)
