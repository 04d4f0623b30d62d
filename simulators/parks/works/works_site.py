"""The files of a site for a works: links, devices and equipment, as a controller wants them.

Groups and schedules are what people try on it; they are not written here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from drivers.plant import PlantPoint
from simulators.parks.works.blueprint import Blueprint, read_blueprint
from simulators.parks.works.works import Works
from simulators.physics.chiller import CENTRIFUGAL_VSD
from simulators.physics.machines.electric_chiller import ChillerSpec
from simulators.physics.machines.gas_boiler import BoilerSpec
from simulators.physics.machines.heat_pump import HeatPumpSpec
from simulators.physics.machines.tower_cells import CellSpec
from simulators.physics.water.hydraulics import PumpSpec

CHILLED, CONDENSER, HOT, SECONDARY = "chw-header", "cw-header", "hw-header", "chw-secondary"
_START = datetime(2026, 1, 1, tzinfo=UTC)


def write_site(source: Path, directory: Path) -> None:
    """Write `site/` into a directory, around the blueprint in `source`, which is copied beside it.

    Existing files of the same names are replaced. Raises ValueError for a file that is no
    blueprint, OSError for one that cannot be read or written.
    """
    written = {"blueprint.yaml": source.read_text(encoding="utf-8")}
    for name, text in site_files(read_blueprint(source)).items():
        written[f"site/{name}"] = text
    for name, text in written.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def site_files(blueprint: Blueprint) -> dict[str, str]:
    """Name of each file and its text; the link reads `blueprint.yaml` beside the site."""
    base = blueprint.base
    works = Works.of(_START, blueprint)
    points: dict[str, list[PlantPoint]] = {}
    for point in works.points():
        points.setdefault(point.name.split(".")[1], []).append(point)
    machines = dict(_machines(blueprint))
    devices: dict[str, str] = {}
    made: dict[tuple[str, str], str] = {}
    equipment: list[str] = []
    for name, (kind, told) in machines.items():
        body = "".join(_point(base, point) for point in points[name])
        device = made.get((kind, body))
        if device is None:
            number = sum(1 for other, _ in made if other == kind) + 1
            device = made[kind, body] = f"works-{kind.replace('_', '-')}" + (
                f"-{number}" if number > 1 else ""
            )
            devices[f"devices/{device}.yaml"] = (
                f"device: {device}\nkind: {kind}\ndocument: simulators.parks.works\n"
                f"protocol: plant\npoints:\n{body}"
            )
        keys = {"kind": kind, "device": device, "link": "works", **told}
        equipment.append(f"  {name}: {_flow(keys)}\n")
    return {
        "site.yaml": (
            f"id: {base}\nzone: Asia/Shanghai\nbases:\n  {base}:\n    location: [30.2, 120.2]\n"
            "    energy: {imports: [meter-main]}\n"
        ),
        "links.yaml": (
            "links:\n  works:\n    protocol: plant\n"
            "    plant: simulators.parks.works.works:Works\n"
            '    options: {blueprint: "{site}/../blueprint.yaml"}\n'
        ),
        "meters.yaml": _meters(blueprint, machines),
        f"equipment/{base}.yaml": f"base: {base}\nequipment:\n{''.join(equipment)}",
        **devices,
    }


def _meters(blueprint: Blueprint, machines: Mapping[str, tuple[str, Mapping[str, Any]]]) -> str:
    """The main meter's rating: all motors and chillers at once, and the rest of the works."""
    rated = sum(float(keys.get("rated_kw", 0.0)) for _, keys in machines.values())
    most = round(1.5 * (rated + blueprint.base_kw)) + 50
    return f"meters:\n  {blueprint.base}.meter-main: {{rated_kw: {most}}}\n"


def _point(base: str, point: PlantPoint) -> str:
    role = point.name.rpartition(".")[2]
    keys: dict[str, Any] = {"name": f"{base}.{{equipment}}.{role}"}
    if point.unit:
        keys["unit"] = point.unit
    else:
        keys["type"] = "bool"
    if point.writable:
        keys["writable"] = True
    return f"  {role}: {_flow(keys)}\n"


def _flow(keys: Mapping[str, Any]) -> str:
    """A mapping on one line: JSON is YAML."""
    return json.dumps(keys)


def _machines(blueprint: Blueprint) -> Iterator[tuple[str, tuple[str, dict[str, Any]]]]:
    """Name, kind and keys of everything that has points."""
    if blueprint.chillers:
        yield from _cold(blueprint)
    if blueprint.heat is not None:
        yield HOT, ("water_loop", {})
        for name, boiler in blueprint.boilers.items():
            yield name, ("boiler", _boiler(boiler))
        for name, heat_pump in blueprint.heat_pumps.items():
            yield name, ("heat_pump", _heat_pump(heat_pump))
        yield from _pumps(blueprint.hw_pumps, HOT)
        yield "meter-heat", ("meter", {})
    if blueprint.boilers:
        yield "meter-gas", ("gas_meter", {})
    yield from _air(blueprint)
    yield "meter-main", ("meter", {})
    yield "weather", ("weather_station", {})


def _cold(blueprint: Blueprint) -> Iterator[tuple[str, tuple[str, dict[str, Any]]]]:
    yield CHILLED, ("water_loop", {})
    yield CONDENSER, ("water_loop", {})
    for name, chiller in blueprint.chillers.items():
        yield name, ("chiller", _chiller(chiller))
    yield from _pumps(blueprint.chw_pumps, CHILLED)
    if blueprint.secondary_pumps:
        yield SECONDARY, ("water_loop", {})
        yield from _pumps(blueprint.secondary_pumps, SECONDARY)
    yield from _pumps(blueprint.cw_pumps, CONDENSER)
    for name, cell in blueprint.towers.items():
        yield name, ("cooling_tower", _tower(cell))
    for name, exchanger in blueprint.economizer.items():
        design = {"approach_k": exchanger.approach_k, "flow_m3h": round(exchanger.flow_m3h, 1)}
        keys = {"header": CHILLED, "rejects_to": CONDENSER, "design": design}
        yield name, ("heat_exchanger", {"capacity_kw": exchanger.design_kw, **keys})
    yield "meter-cold", ("meter", {})
    yield "meter-water", ("water_meter", {})


def _air(blueprint: Blueprint) -> Iterator[tuple[str, tuple[str, dict[str, Any]]]]:
    loops: dict[str, str] = {}
    if blueprint.chillers:
        loops["cooled_by"] = SECONDARY if blueprint.secondary_pumps else CHILLED
    if blueprint.heat is not None:
        loops["heated_by"] = HOT
    for name, unit in blueprint.air.items():
        rated = {"rated_kw": round(unit.spec.fan.rated_kw, 1)}
        if unit.coil_only:
            yield name, ("fan_coil", {**loops, **rated})
            continue
        spec = unit.spec
        design: dict[str, float] = {"airflow_m3h": spec.airflow_m3h, "static_pa": spec.static_pa}
        if spec.outdoor:
            design["min_oa_m3h"] = round(spec.least_oa * spec.airflow_m3h)
        keys: dict[str, Any] = {**rated, **loops, "design": design}
        boxes = not all(terminal.constant for terminal in spec.terminals)
        if boxes:
            keys["serves"] = list(unit.rooms)
        yield name, ("air_handler", keys)
        if boxes:
            for room in unit.rooms:
                yield room, ("terminal_unit", {})
    for name, fan in blueprint.fans.items():
        rated = {"rated_kw": round(fan.power_kw, 2)}
        yield (
            name,
            ("fan", {**rated, "serves": [fan.serves], "design": {"airflow_m3h": fan.airflow_m3h}}),
        )
    if blueprint.air:
        yield "meter-air", ("meter", {})


def _pumps(
    pumps: Mapping[str, PumpSpec], header: str
) -> Iterator[tuple[str, tuple[str, dict[str, Any]]]]:
    for name, pump in pumps.items():
        design = {"flow_m3h": round(pump.flow_m3h, 1), "head_kpa": pump.head_kpa}
        yield (
            name,
            (
                "pump",
                {"rated_kw": round(pump.rated_kw, 1), "header": header, "design": design},
            ),
        )


def _chiller(spec: ChillerSpec) -> dict[str, Any]:
    curve = spec.curve
    turned = "variable-centrifugal" if curve is CENTRIFUGAL_VSD else "positive-displacement"
    return {
        "capacity_kw": spec.capacity_kw,
        "rated_kw": round(spec.capacity_kw / curve.cop, 1),
        "header": CHILLED,
        "rejects_to": CONDENSER,
        "starts": {"per_day": 8},
        "design": {
            "compressor": turned,
            "cop": curve.cop,
            "curve": {
                "capacity": list(curve.capacity_by_temp),
                "eir": list(curve.eir_by_temp),
                "part_load": list(curve.eir_by_load),
            },
            "min_load_pct": 100.0 * curve.plr_min,
            "min_flow_m3h": round(spec.least_flow * spec.chw_m3h * 1.1, 1),
            "flow_m3h": round(spec.chw_m3h, 1),
            "cw_flow_m3h": round(spec.cw_m3h, 1),
            "supply_c": 7.0,
            "return_c": 12.0,
            "lift_min_k": spec.lift_k + 3.0,
        },
    }


def _tower(cell: CellSpec) -> dict[str, Any]:
    return {
        "rated_kw": round(cell.fan_kw, 1),
        "header": CONDENSER,
        "design": {
            "approach_k": cell.approach_k,
            "wet_bulb_c": cell.wet_bulb_c,
            "flow_m3h": round(cell.flow_m3h, 1),
        },
    }


def _boiler(spec: BoilerSpec) -> dict[str, Any]:
    return {
        "capacity_kw": spec.capacity_kw,
        "header": HOT,
        "design": {
            "condensing": spec.condensing,
            "min_load_pct": 100.0 * spec.least_fire,
            "min_flow_m3h": round(spec.least_flow * spec.hw_m3h * 1.1, 1),
            "flow_m3h": round(spec.hw_m3h, 1),
            "supply_c": 60.0,
            "return_c": 40.0,
        },
    }


def _heat_pump(spec: HeatPumpSpec) -> dict[str, Any]:
    return {
        "capacity_kw": spec.capacity_kw,
        "rated_kw": round(spec.capacity_kw / spec.cop, 1),
        "header": HOT,
        "design": {
            "cop": spec.cop,
            "min_load_pct": 100.0 * spec.least_load,
            "min_flow_m3h": round(spec.least_flow * spec.hw_m3h * 1.1, 1),
            "flow_m3h": round(spec.hw_m3h, 1),
            "supply_c": 45.0,
            "return_c": 35.0,
        },
    }
