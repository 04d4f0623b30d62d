"""What a works is made of: a mapping of names and sizes, as YAML has it, to specifications.

What is not said is sized by the rest: pumps share the flow of the machines and have the head
that the loop takes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from simulators.parks.works.air_blueprint import air_handler, fan_coil
from simulators.parks.works.air_side import FanBlueprint, UnitBlueprint
from simulators.parks.works.declared import entries, made
from simulators.physics.chiller import CENTRIFUGAL_VSD, SCREW, ChillerCurve
from simulators.physics.loops.cold_plant import ColdSpec, EconomizerSpec
from simulators.physics.loops.condenser_loop import CondenserSpec
from simulators.physics.loops.consumers import ProcessSpec
from simulators.physics.loops.heat_plant import HeatSpec
from simulators.physics.machines.electric_chiller import ChillerSpec
from simulators.physics.machines.gas_boiler import BoilerSpec
from simulators.physics.machines.heat_pump import HeatPumpSpec
from simulators.physics.machines.tower_cells import CellSpec
from simulators.physics.water.hydraulics import PumpSpec

CURVES: Mapping[str, ChillerCurve] = {"centrifugal_vsd": CENTRIFUGAL_VSD, "screw": SCREW}
_COIL_KPA = 100.0
"""Coil and valve of a consumer at design flow; half of it each."""


@dataclass(frozen=True, slots=True)
class LoadPattern:
    """How much of its design a process load wants: a base, people, and the weather."""

    base: float = 0.1
    people: float = 0.3
    weather: float = 0.6
    """Share at 35 degC (cooling) or -5 degC (heating), falling to nothing at 15 degC."""

    def share(self, occupancy: float, outdoor_c: float, *, heating: bool) -> float:
        """Share of the design load, 0-1."""
        swing = (15.0 - outdoor_c if heating else outdoor_c - 15.0) / 20.0
        wanted = self.base + self.people * occupancy + self.weather * max(0.0, swing)
        return min(1.0, wanted)


@dataclass(frozen=True)
class Blueprint:
    """A works. Every mapping is of a machine's name to its specification, in order."""

    base: str = "works"
    chillers: Mapping[str, ChillerSpec] = field(default_factory=dict)
    chw_pumps: Mapping[str, PumpSpec] = field(default_factory=dict)
    secondary_pumps: Mapping[str, PumpSpec] = field(default_factory=dict)
    cw_pumps: Mapping[str, PumpSpec] = field(default_factory=dict)
    towers: Mapping[str, CellSpec] = field(default_factory=dict)
    economizer: Mapping[str, EconomizerSpec] = field(default_factory=dict)
    """None or one."""
    boilers: Mapping[str, BoilerSpec] = field(default_factory=dict)
    heat_pumps: Mapping[str, HeatPumpSpec] = field(default_factory=dict)
    hw_pumps: Mapping[str, PumpSpec] = field(default_factory=dict)
    processes: Mapping[str, tuple[ProcessSpec, LoadPattern]] = field(default_factory=dict)
    """Loads without air; what has a negative design takes heat."""
    air: Mapping[str, UnitBlueprint] = field(default_factory=dict)
    """Air handlers and fan coils."""
    fans: Mapping[str, FanBlueprint] = field(default_factory=dict)
    """Extract fans."""
    valves: bool = True
    """There are isolation valves; without them water passes all machines of a header."""
    bypass: bool = True
    cw_bypass: bool = False
    basin_heater_kw: float = 0.0
    base_kw: float = 0.0
    """What else the main meter measures at full activity."""

    @property
    def cold(self) -> ColdSpec | None:
        """The chilled-water plant; None without chillers."""
        if not self.chillers:
            return None
        return ColdSpec(
            tuple(self.chillers.values()),
            tuple(self.chw_pumps.values()),
            CondenserSpec(
                tuple(self.cw_pumps.values()),
                tuple(self.towers.values()),
                bypass=self.cw_bypass,
                heater_kw=self.basin_heater_kw,
            ),
            secondary=tuple(self.secondary_pumps.values()),
            economizer=next(iter(self.economizer.values()), None),
            bypass=self.bypass and not self.secondary_pumps,
        )

    @property
    def heat(self) -> HeatSpec | None:
        """The hot-water plant; None without boilers and heat pumps."""
        if not self.boilers and not self.heat_pumps:
            return None
        return HeatSpec(
            tuple(self.boilers.values()),
            tuple(self.hw_pumps.values()),
            tuple(self.heat_pumps.values()),
            bypass=self.bypass,
        )


def blueprint(given: Mapping[str, Any]) -> Blueprint:
    """Read a mapping; raises ValueError for what is unknown or missing, with its place."""
    allowed = {f.name for f in fields(Blueprint)} - {"air"} | {"air_handlers", "fan_coils"}
    unknown = given.keys() - allowed
    if unknown:
        raise ValueError(f"a works has no '{min(unknown)}'")
    chillers = {name: _chiller(name, entry) for name, entry in entries(given, "chillers")}
    boilers = {name: made(BoilerSpec, name, entry) for name, entry in entries(given, "boilers")}
    if chillers and not (given.get("chw_pumps") and given.get("cw_pumps") and given.get("towers")):
        raise ValueError("chillers need chw_pumps, cw_pumps and towers")
    heat_pumps = {
        name: made(HeatPumpSpec, name, entry) for name, entry in entries(given, "heat_pumps")
    }
    if (boilers or heat_pumps) and not given.get("hw_pumps"):
        raise ValueError("boilers and heat pumps need hw_pumps")
    chw = sum(c.chw_m3h for c in chillers.values())
    cw = sum(c.cw_m3h for c in chillers.values())
    hw = sum(b.hw_m3h for b in boilers.values()) + sum(h.hw_m3h for h in heat_pumps.values())
    primary = 60.0 if given.get("secondary_pumps") else 60.0 + 60.0 + _COIL_KPA
    sizes = {
        "chw_pumps": (chw, primary),
        "secondary_pumps": (chw, 60.0 + _COIL_KPA),
        "cw_pumps": (cw, 40.0 + 40.0 + 50.0 + 30.0),
        "hw_pumps": (hw, 30.0 + 40.0 + _COIL_KPA),
    }
    pumps = {key: _pumps(given, key, *size) for key, size in sizes.items()}
    names = list(entries(given, "towers"))
    towers = {
        name: made(CellSpec, name, {"flow_m3h": cw / len(names), **_fan(entry, cw, names)})
        for name, entry in names
    }
    processes = {}
    for name, entry in entries(given, "processes"):
        pattern = made(LoadPattern, name, entry.get("pattern") or {})
        rest = {key: value for key, value in entry.items() if key != "pattern"}
        if rest.get("design_kw", 0.0) < 0.0:
            warm = {"design_supply_c": 60.0, "design_return_c": 40.0, "other_c": 20.0}
            rest = {**warm, **rest}
        processes[name] = (made(ProcessSpec, name, rest), pattern)
    has = {"cold": bool(chillers), "heat": bool(boilers or heat_pumps)}
    air = {name: air_handler(name, entry, **has) for name, entry in entries(given, "air_handlers")}
    air |= {name: fan_coil(name, entry, **has) for name, entry in entries(given, "fan_coils")}
    fans = {name: made(FanBlueprint, name, entry) for name, entry in entries(given, "fans")}
    for name, fan in fans.items():
        if fan.serves not in air:
            raise ValueError(f"{name}: there is no unit '{fan.serves}'")
    plain: dict[str, Any] = {
        key: given[key]
        for key in ("base", "valves", "bypass", "cw_bypass", "basin_heater_kw", "base_kw")
        if key in given
    }
    return Blueprint(
        chillers=chillers,
        towers=towers,
        economizer={
            name: made(EconomizerSpec, name, entry) for name, entry in entries(given, "economizer")
        },
        boilers=boilers,
        heat_pumps=heat_pumps,
        processes=processes,
        air=air,
        fans=fans,
        chw_pumps=pumps["chw_pumps"],
        secondary_pumps=pumps["secondary_pumps"],
        cw_pumps=pumps["cw_pumps"],
        hw_pumps=pumps["hw_pumps"],
        **plain,
    )


def read_blueprint(path: Path) -> Blueprint:
    """The blueprint in a YAML file; raises ValueError if it is none, OSError if unreadable."""
    try:
        given = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    except YAMLError as error:
        raise ValueError(f"{path}: {error}") from error
    if not isinstance(given, dict):
        raise ValueError(f"{path} is no works: a mapping of kinds of machines is expected")
    try:
        return blueprint(given)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path}: {error}") from error


def _chiller(name: str, entry: dict[str, Any]) -> ChillerSpec:
    curve = CURVES.get(str(entry.get("curve", "screw")))
    if curve is None:
        raise ValueError(f"{name}: no curve '{entry['curve']}'; there are {', '.join(CURVES)}")
    return made(ChillerSpec, name, {**entry, "curve": curve})


def _pumps(
    given: Mapping[str, Any], key: str, flow_m3h: float, head_kpa: float
) -> dict[str, PumpSpec]:
    found = entries(given, key)
    return {
        name: made(
            PumpSpec,
            name,
            {"flow_m3h": flow_m3h / len(found), "head_kpa": head_kpa, **entry},
        )
        for name, entry in found
    }


def _fan(entry: dict[str, Any], flow_m3h: float, names: Sequence[object]) -> dict[str, Any]:
    """A fan of 0.045 kW for each m3/h that the cell cools, unless it is said."""
    flow = float(entry.get("flow_m3h", flow_m3h / len(names)))
    return {"fan_kw": 0.045 * flow, **entry}
