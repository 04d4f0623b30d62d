"""The site files of any works: what a facilities department would write down of it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bms.config.load import check
from bms.config.site import Site
from bms.control import STRATEGIES
from simulators.parks.works.blueprint import Blueprint, blueprint
from simulators.parks.works.works import Works
from simulators.physics.chiller import ChillerCurve

LINK = "works"
_KINDS = {
    "chillers": "chiller", "chw_pumps": "pump", "secondary_pumps": "pump", "cw_pumps": "pump",
    "towers": "cooling_tower", "economizer": "heat_exchanger", "boilers": "boiler",
    "hw_pumps": "pump",
}  # fmt: skip
_ROLES = {"load": "firing"}
"""What a boiler's point is called in a site."""


@dataclass(frozen=True)
class Plan:
    """What is decided about a works beside its machines."""

    cold: Mapping[str, Any] = field(default_factory=dict)
    """Parameters of its chilled-water plant."""
    heat: Mapping[str, Any] = field(default_factory=dict)
    """Parameters of its hot-water plant."""
    hours: tuple[str, str] = ("00:00", "24:00")
    strategies: tuple[str, str] = ("chilled_water_plant", "hot_water_plant")
    setpoints: tuple[float, float] = (7.0, 60.0)
    """Of chilled and of hot water."""
    proven_by: frozenset[str] = frozenset({"status", "flow", "differential_pressure"})
    """What the site can see of flow."""
    keys: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Keys of equipment entries over those made here, by name."""


def files_of(plant: Blueprint, plan: Plan | None = None) -> dict[str, str]:
    """Every file of the site, by its path within it."""
    plan = plan or Plan()
    works = Works.of(datetime(2026, 1, 1, tzinfo=UTC), plant)
    points: dict[str, dict[str, tuple[str, bool]]] = {}
    for point in works.points():
        _, machine, role = point.name.split(".")
        points.setdefault(machine, {})[role] = (point.unit, point.writable)
    equipment: dict[str, dict[str, Any]] = {}
    devices: dict[str, dict[str, Any]] = {}
    for section, kind in _KINDS.items():
        for name in getattr(plant, section):
            renamed = _ROLES if kind == "boiler" else {}
            roles = {renamed.get(role, role): role for role in points[name]}
            if "status" not in plan.proven_by and kind == "pump":
                roles.pop("status", None)
            _add(devices, equipment, plant.base, name, kind, roles, points[name])
    for loop, far in (("chw-header", "chw-far"), ("cw-header", ""), ("hw-header", "hw-far")):
        if loop in points:
            seen = {role: role for role in points[loop]}
            for role in ("flow", "differential_pressure"):
                if role not in plan.proven_by:
                    seen.pop(role, None)
            _add(devices, equipment, plant.base, loop, "water_loop", seen, points[loop])
            if far in points and "differential_pressure" in plan.proven_by:
                devices[f"works-{loop}"]["points"]["far_pressure"] = {
                    "name": f"{plant.base}.{far}.differential_pressure",
                    "unit": "kPa",
                }
    for name, kind in (
        ("weather", "weather_station"), ("meter-main", "meter"), ("meter-cold", "meter"),
        ("meter-heat", "meter"), ("meter-gas", "gas_meter"), ("meter-water", "water_meter"),
    ):  # fmt: skip
        if name in points:
            roles = {role: role for role in points[name]}
            _add(devices, equipment, plant.base, name, kind, roles, points[name])
    equipment["meter-main"]["rated_kw"] = 20_000
    for name, keys in _standing(plant).items():
        equipment[name] |= keys
    for name, own in plan.keys.items():
        equipment[name] |= dict(own)
    made: dict[str, dict[str, Any]] = {
        "site.yaml": {
            "id": plant.base,
            "zone": "Asia/Shanghai",
            "bases": {plant.base: {"energy": {"imports": ["meter-main"]}}},
        },
        "links.yaml": {
            "links": {
                LINK: {"protocol": "plant", "plant": "simulators.parks.works.works:Works"},
            }
        },
        "equipment/works.yaml": {"base": plant.base, "equipment": equipment},
        "groups/works.yaml": {"base": plant.base, "groups": _groups(plant, plan)},
        **{f"devices/{name}.yaml": device for name, device in devices.items()},
        **_schedules(plant, plan),
    }
    # JSON is YAML; no writer's taste comes between.
    return {name: json.dumps(data, indent=1) + "\n" for name, data in made.items()}


def write_files(directory: Path, plant: Blueprint, plan: Plan | None = None) -> Path:
    """Write the site of a works."""
    for name, text in files_of(plant, plan).items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return directory


def site_of(directory: Path, plant: Blueprint, plan: Plan | None = None) -> Site:
    """The site of a works; its files have no problem."""
    site, problems = check(write_files(directory, plant, plan), STRATEGIES)
    assert site is not None, "\n".join(map(str, problems))
    assert not problems, "\n".join(map(str, problems))
    return site


def works_of(**sections: Any) -> Blueprint:
    """A blueprint from the sections of its file."""
    return blueprint({"base": "works", **sections})


def _add(
    devices: dict[str, dict[str, Any]],
    equipment: dict[str, dict[str, Any]],
    base: str,
    name: str,
    kind: str,
    roles: Mapping[str, str],
    points: Mapping[str, tuple[str, bool]],
) -> None:
    device = f"works-{name}"
    entries: dict[str, dict[str, Any]] = {}
    for role, theirs in roles.items():
        unit, writable = points[theirs]
        entry: dict[str, Any] = {"name": f"{base}.{name}.{theirs}"}
        if unit:
            entry["unit"] = unit
        else:
            entry["type"] = "bool"
        if writable:
            entry["writable"] = True
        entries[role] = entry
    devices[device] = {
        "device": device,
        "kind": kind,
        "document": "the works' own points",
        "protocol": "plant",
        "points": entries,
    }
    equipment[name] = {"kind": kind, "device": device, "link": LINK}


def _standing(plant: Blueprint) -> dict[str, dict[str, Any]]:
    """What machines are to each other, and were built for."""
    found: dict[str, dict[str, Any]] = {}
    for name, chiller in plant.chillers.items():
        found[name] = {
            "capacity_kw": chiller.capacity_kw,
            "header": "chw-header",
            "rejects_to": "cw-header",
            "starts": {"per_hour": 4, "per_day": 8},
            "design": {
                "compressor": "positive-displacement"
                if "screw" in chiller.curve.name.lower()
                else "variable-centrifugal",
                "cop": chiller.curve.cop,
                "curve": _curve(chiller.curve),
                "min_load_pct": 100.0 * chiller.curve.plr_min,
                "flow_m3h": chiller.chw_m3h,
                "min_flow_m3h": 1.2 * chiller.least_flow * chiller.chw_m3h,
                "cw_flow_m3h": chiller.cw_m3h,
                "supply_c": 7.0,
                "lift_min_k": 8.0,
            },
        }
    for section, header in (
        ("chw_pumps", "chw-header"), ("cw_pumps", "cw-header"), ("hw_pumps", "hw-header"),
    ):  # fmt: skip
        for name, pump in getattr(plant, section).items():
            found[name] = {
                "header": header,
                "rated_kw": 1.5 * pump.shaft_kw,
                "design": {"flow_m3h": pump.flow_m3h, "head_kpa": pump.head_kpa},
            }
    for name, cell in plant.towers.items():
        found[name] = {
            "header": "cw-header",
            "rated_kw": cell.fan_kw,
            "design": {
                "flow_m3h": cell.flow_m3h,
                "approach_k": cell.approach_k,
                "wet_bulb_c": cell.wet_bulb_c,
            },
        }
    for name in plant.economizer:
        found[name] = {
            "header": "chw-header",
            "rejects_to": "cw-header",
            "design": {"approach_k": 1.5},
        }
    for name, boiler in plant.boilers.items():
        found[name] = {
            "capacity_kw": boiler.capacity_kw,
            "header": "hw-header",
            "design": {
                "condensing": boiler.condensing,
                "min_load_pct": 100.0 * boiler.least_fire,
                "flow_m3h": boiler.hw_m3h,
                "min_flow_m3h": 1.2 * boiler.least_flow * boiler.hw_m3h,
            },
        }
    return found


def _curve(curve: ChillerCurve) -> dict[str, list[float]]:
    return {
        "capacity": list(curve.capacity_by_temp),
        "eir": list(curve.eir_by_temp),
        "part_load": list(curve.eir_by_load),
    }


def _groups(plant: Blueprint, plan: Plan) -> dict[str, dict[str, Any]]:
    groups: dict[str, dict[str, Any]] = {}
    cold, heat = plan.strategies
    if plant.chillers:
        groups["cold"] = {
            "strategy": cold,
            "members": [
                *plant.chillers, *plant.chw_pumps, *plant.cw_pumps, *plant.towers,
                *plant.economizer,
            ],
            "meter": "meter-cold",
            "parameters": {"header": "chw-header", "weather": "weather", **plan.cold},
        }  # fmt: skip
    if plant.boilers and heat in STRATEGIES:
        groups["heat"] = {
            "strategy": heat,
            "members": [*plant.boilers, *plant.hw_pumps],
            "meter": "meter-heat",
            "parameters": {"header": "hw-header", "weather": "weather", **plan.heat},
        }
    return groups


def _schedules(plant: Blueprint, plan: Plan) -> dict[str, dict[str, Any]]:
    begin, end = plan.hours
    chilled, hot = plan.setpoints
    made: dict[str, dict[str, Any]] = {}
    for name, setpoint in (("cold", {"chw_setpoint_c": chilled}), ("heat", {"hw_setpoint_c": hot})):
        if name in _groups(plant, plan):
            block = {"from": begin, "to": end, "mode": "on", **setpoint}
            made[f"schedules/{name}.yaml"] = {
                "schedule": name,
                "governs": [f"{plant.base}.{name}"],
                "otherwise": {"mode": "off"},
                "week": {"any": {"daily": [block]}},
            }
    return made


def machines_of(plant: Blueprint, sections: Sequence[str] = ("chillers", "boilers")) -> list[str]:
    """The ids of machines that need flow."""
    return [f"{plant.base}.{name}" for section in sections for name in getattr(plant, section)]
