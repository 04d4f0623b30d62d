"""Reads a site's links, devices and equipment as plain data, to serve the other end of each link.

A small, separate reader: tests compare it with how the controller reads the same files.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError


class SiteFilesError(Exception):
    """The site files cannot be served; the message names the file and what is missing."""


@dataclass(frozen=True, slots=True)
class ServedPoint:
    """One point of a device as the site files describe it; `at` is its entry in the device file."""

    name: str
    """The plant's name for it: `<base>.<equipment>.<role>`."""
    unit: int
    """Modbus unit id; 0 for OPC-UA."""
    at: Mapping[str, Any]
    writable: bool


@dataclass(slots=True)
class ServedLink:
    """One endpoint to open."""

    id: str
    protocol: str
    points: list[ServedPoint] = field(default_factory=list)


def read_links(site: Path) -> list[ServedLink]:
    """All links of a site with the points behind them; raises SiteFilesError."""
    links = {
        name: ServedLink(name, entry["protocol"])
        for name, entry in _load(site / "links.yaml")["links"].items()
    }
    devices = _devices(site)
    for path in sorted((site / "equipment").glob("*.yaml")):
        file = _load(path)
        for key, entry in file["equipment"].items():
            for name, unit in _expanded(key, entry.get("unit"), path):
                device = devices.get(entry["device"])
                link = links.get(entry["link"])
                if device is None or link is None:
                    missing = "device" if device is None else "link"
                    raise SiteFilesError(f"{path}: {key}: unknown {missing} '{entry[missing]}'")
                link.points += _points(file["base"], name, unit, device)
    return list(links.values())


def _points(
    base: str, equipment: str, unit: str, device: Mapping[str, Any]
) -> Iterator[ServedPoint]:
    defaults = device.get("defaults") or {}
    for role, point in device["points"].items():
        at = {**defaults, **point}
        if "node" in at:
            at["namespace"] = device["namespace"]
            at["node"] = at["node"].format(base=base, equipment=equipment, unit=unit)
        number = int(unit) if unit and "node" not in at else 0
        yield ServedPoint(f"{base}.{equipment}.{role}", number, at, bool(at.get("writable", False)))


def _devices(site: Path) -> dict[str, Mapping[str, Any]]:
    """The shipped catalogue, under the site's own device files."""
    shipped = Path(str(files("drivers"))) / "devices"
    found = {}
    for path in [*sorted(shipped.rglob("*.yaml")), *sorted((site / "devices").rglob("*.yaml"))]:
        device = _load(path)
        found[device["device"]] = device
    return found


def _load(path: Path) -> Any:
    try:
        return YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    except (OSError, YAMLError) as error:
        raise SiteFilesError(f"{path}: {error}") from error


_RANGE = re.compile(r"\{(\d+)\.\.(\d+)\}")


def _expanded(name: str, unit: object, path: Path) -> Iterator[tuple[str, str]]:
    """`ahu-{01..03}` with unit `{1..3}` gives (ahu-01, 1), (ahu-02, 2), (ahu-03, 3)."""
    names = list(_numbers(name))
    units = list(_numbers("" if unit is None else str(unit)))
    if len(units) not in (1, len(names)):
        raise SiteFilesError(f"{path}: {name}: {len(names)} names, but {len(units)} units")
    yield from zip(names, units if len(units) == len(names) else units * len(names), strict=True)


def _numbers(text: str) -> Iterator[str]:
    match = _RANGE.search(text)
    if match is None:
        yield text
        return
    low, high = match.groups()
    for number in range(int(low), int(high) + 1):
        yield f"{text[: match.start()]}{number:0{len(low)}d}{text[match.end() :]}"
