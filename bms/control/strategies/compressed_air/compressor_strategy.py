"""The strategy `compressors`: what a site may write, needs and gets. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

from bms.config.site import Group, Setpoint, StrategySpec
from bms.control.strategies import group as groups
from bms.control.strategies.compressed_air.air_orders import LEAK_FLOW, LEAK_SHARE
from bms.control.strategies.compressed_air.compressor_controller import (
    MAX_UNITS,
    CompressorController,
)
from bms.control.strategies.compressed_air.compressor_parameters import CompressorParameters
from bms.control.strategies.fact_names import STAGE
from bms.core.decisions import Controller, FactKind
from bms.texts.messages import msg


def _build(group: Group) -> Sequence[Controller[Any]]:
    return (CompressorController(group),)


def _check(group: Group) -> Sequence[groups.Finding]:
    parameters: CompressorParameters = group.parameters
    where: tuple[str | int, ...] = ("parameters", "header")
    found = [*groups.named(group, where, parameters.header, "air_header", ["pressure"])]
    for index, name in enumerate(parameters.transmitters):
        where = ("parameters", "transmitters", index)
        found += groups.named(group, where, name, "air_header", ["pressure"])
    found += groups.members_without(group, "enable")
    units = [m for m in group.members if m.kind.name == "air_compressor"]
    if not units:
        found.append((("members",), msg("no member is an air_compressor")))
    names = {groups.short(unit) for unit in units}
    found += [
        (("parameters", "trim", index), msg("no compressor '{name}' in the group", name=name))
        for index, name in enumerate(parameters.trim)
        if name not in names
    ]
    return [*found, *_bounds(parameters, len(units))]


def _bounds(parameters: CompressorParameters, units: int) -> Iterator[groups.Finding]:
    if parameters.low_kpa >= parameters.high_kpa:
        yield ("parameters", "low_kpa"), msg("low_kpa must be below high_kpa")
    if parameters.critical_kpa is not None and parameters.critical_kpa >= parameters.low_kpa:
        yield ("parameters", "critical_kpa"), msg("critical_kpa must be below low_kpa")
    if parameters.min_units > units:
        yield ("parameters", "min_units"), msg("the group has {units} compressors", units=units)


def _tells(group: Group) -> Mapping[str, FactKind]:
    parameters: CompressorParameters = group.parameters
    told = {STAGE: FactKind(), LEAK_SHARE: FactKind("%")}
    header = group.equipment.get(parameters.header)
    units = [m for m in group.members if m.kind.name == "air_compressor"]
    metered = header is not None and "flow" in header.points
    if metered or (units and all(m.design.flow_m3h for m in units)):
        told[LEAK_FLOW] = FactKind("m3/h")
    return told


def _early(group: Group) -> Mapping[str, timedelta]:
    parameters: CompressorParameters = group.parameters
    return {MAX_UNITS: timedelta(minutes=parameters.restore_min)}


COMPRESSORS = StrategySpec(
    name="compressors",
    summary=msg(
        "air compressors by header pressure and what they deliver, capped by the schedule, "
        "with their dryers"
    ),
    modes=groups.MODES,
    setpoints={MAX_UNITS: Setpoint("units", 0, 100)},
    parameters=CompressorParameters,
    check=_check,
    build=_build,
    tells=_tells,
    early=_early,
)
