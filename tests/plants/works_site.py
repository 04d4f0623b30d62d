"""The site files of any works: what a facilities department would write down of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from bms.config.load import check
from bms.config.site import Site
from bms.control import STRATEGIES
from simulators.parks.works.blueprint import Blueprint, blueprint
from simulators.parks.works.works_site import site_files


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
    unseen: frozenset[str] = frozenset()
    """Roles of machines and loops that the site has no points for."""
    keys: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Keys of equipment entries over those made here, by name."""


def files_of(plant: Blueprint, plan: Plan | None = None) -> dict[str, str]:
    """Every file of the site, by its path within it."""
    plan = plan or Plan()
    made = site_files(plant)
    made["links.yaml"] = made["links.yaml"].replace('"{site}/../blueprint.yaml"', '""')
    path = f"equipment/{plant.base}.yaml"
    if plan.keys:
        file = _read(made[path])
        for name, keys in plan.keys.items():
            file["equipment"][name] |= dict(keys)
        made[path] = json.dumps(file)
    for name, text in made.items():
        if name.startswith("devices/") and plan.unseen:
            device = _read(text)
            if device["kind"] in ("pump", "water_loop", "chiller", "boiler"):
                device["points"] = {
                    role: point
                    for role, point in device["points"].items()
                    if role not in plan.unseen
                }
                made[name] = json.dumps(device)
    made["groups/works.yaml"] = json.dumps({"base": plant.base, "groups": _groups(plant, plan)})
    return made | {name: json.dumps(data) for name, data in _schedules(plant, plan).items()}


def _read(text: str) -> Any:
    return YAML(typ="safe", pure=True).load(text)


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
