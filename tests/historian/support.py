"""A small site and sample makers for the tests of history, energy and reports."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bms.config.resolving.energy.meters import MeterEntry, meter_specs
from bms.config.shapes.links import ModbusLink
from bms.config.shapes.models import BaseFile, EnergyBoundary, SiteFile
from bms.config.site import Base, Link, MeterRegister, Site
from bms.core.equipment import Equipment
from bms.core.machines.equipment_kinds import KINDS
from drivers.points import ModbusAddress, Point, PointId, Quality, Sample, Value
from schedules.library import Library

START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def good(point: PointId, value: Value, seconds: float = 0.0) -> Sample:
    return Sample(point, value, Quality.GOOD, at(seconds))


def image(samples: Iterable[Sample]) -> dict[PointId, Sample]:
    return {sample.point: sample for sample in samples}


def make_site(
    directory: Path,
    equipment: Mapping[str, str],
    boundaries: Mapping[str, EnergyBoundary] | None = None,
    *,
    zone: str = "Asia/Shanghai",
    resolution: float = 0.01,
    target_growth_pct: float = 5.0,
    baseline_year: int | None = None,
    entries: Mapping[str, MeterEntry] | None = None,
) -> Site:
    """A site whose `equipment` maps full ids (`plant.ch-1`) to kinds, all behind one link.

    `entries` are those of meters.yaml.
    """
    boundaries = boundaries or {}
    made: dict[str, Equipment] = {}
    points: list[Point] = []
    meters: dict[PointId, MeterRegister] = {}
    for full, kind_name in equipment.items():
        base = full.split(".")[0]
        kind = KINDS[kind_name]
        ids = {role: f"{full}.{role}" for role in kind.roles}
        made[full] = Equipment(full, base, kind, ids)
        for role, point in ids.items():
            points.append(
                Point(point, ModbusAddress(1, "input", len(points)), kind.roles[role].unit)
            )
        if kind.counter is not None:
            counter = ids[kind.counter]
            meters[counter] = MeterRegister(full, counter, base, resolution, medium=kind.medium)
    names = sorted({full.split(".")[0] for full in equipment} | set(boundaries))
    files = {
        name: BaseFile(
            energy=boundaries.get(name),
            target_growth_pct=target_growth_pct,
            baseline_year=baseline_year,
        )
        for name in names
    }
    bases = {
        name: Base(
            name,
            zone,
            file,
            *(
                (
                    tuple(f"{name}.{m}" for m in file.energy.imports),
                    tuple(f"{name}.{m}" for m in file.energy.generation),
                    tuple(f"{name}.{m}" for m in file.energy.exports),
                )
                if file.energy
                else ()
            ),
        )
        for name, file in files.items()
    }
    link = Link("field", ModbusLink(protocol="modbus_tcp", host="127.0.0.1"), tuple(points))
    return Site(
        directory,
        SiteFile(id="park", zone=zone, bases=files),
        bases,
        {"field": link},
        made,
        {},
        Library(),
        {},
        {},
        meters,
        meter_specs(bases, made, meters, entries),
    )
