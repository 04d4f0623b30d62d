"""Compressors and dryers as points, and what each shows of its work. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bms.config.site import Group
from bms.control.engine.protection import is_on
from bms.control.protect.run_evidence import LEAST_KW, RunEvidence, loaded_evidence
from bms.control.strategies import group as groups
from bms.control.strategies.compressed_air.compressor_parameters import CompressorParameters
from bms.core.decisions import Award, Priority, Snapshot
from bms.core.equipment import Equipment
from drivers.points import PointId

UNLOADED_SHARE = 0.28
"""Of its rating, a screw that delivers nothing draws this (control reference, 10)."""
UNLOADED_PCT = 2.0
"""A unit that shows less than this delivers nothing (D)."""


@dataclass(frozen=True, slots=True)
class AirUnit:
    """One compressor."""

    name: str
    id: str
    enable: PointId
    runs: RunEvidence | None
    """None: nothing but the pressure shows whether it runs."""
    fault: PointId | None
    load: PointId | None
    power: PointId | None
    speed: PointId | None
    setpoint: PointId | None
    rated_kw: float | None
    size: float
    """What it can give by what the others can, in the unit that all of them are known in."""
    flow_m3h: float | None
    proves_s: float
    stands_by_for: tuple[str, ...]

    @property
    def inputs(self) -> tuple[PointId, ...]:
        """What is read of it."""
        shown = () if self.runs is None else self.runs.points
        return (*shown, *(p for p in (self.fault, self.load, self.power) if p is not None))


@dataclass(frozen=True, slots=True)
class UnitView:
    """One compressor as it is in this cycle."""

    running: bool | None
    """None: it cannot be seen."""
    available: bool
    """In order, and nobody of a higher priority keeps it off."""
    manual: bool
    """Somebody of a higher priority wants it to run."""
    faulty: bool = False


@dataclass(frozen=True, slots=True)
class AirLayout:
    """The machines of a station."""

    units: Mapping[str, AirUnit]
    """In the order of the file."""
    dryers: tuple[Equipment, ...]
    others: tuple[PointId, ...]
    """What else is switched with the group."""
    alike: bool
    """All units can give the same, as far as anybody knows."""


def air_layout(group: Group) -> AirLayout:
    """The machines of a group, by kind."""
    compressors = [m for m in group.members if m.kind.name == "air_compressor"]
    sizes = _sizes(compressors)
    units = [_unit(m, size) for m, size in zip(compressors, sizes, strict=True)]
    dryers = tuple(m for m in group.members if m.kind.name == "air_dryer")
    rest = [m for m in group.members if m.kind.name not in ("air_compressor", "air_dryer")]
    return AirLayout(
        {unit.name: unit for unit in units},
        dryers,
        tuple(machine.points["enable"] for machine in rest),
        len(set(sizes)) <= 1,
    )


def trims(layout: AirLayout, parameters: CompressorParameters) -> tuple[str, ...]:
    """The units that trim, the first choice first; the others are base units."""
    if parameters.trim:
        return parameters.trim
    driven = [name for name, unit in layout.units.items() if unit.speed is not None]
    return tuple(sorted(driven, key=lambda name: -layout.units[name].size))


class UnitViews:
    """Every unit as it is now; the same object while nothing about them changes."""

    def __init__(self, units: Mapping[str, AirUnit]) -> None:
        self._units = units
        shown = {p for u in units.values() if u.runs is not None for p in u.runs.points}
        faults = {unit.fault for unit in units.values() if unit.fault is not None}
        self._flags = sorted(shown | faults)
        self._drawn = any(u.runs is not None and (u.runs.above or u.runs.drawn) for u in
                          units.values())  # fmt: skip
        self._last: tuple[Mapping[PointId, Award], list[object], dict[str, UnitView]] | None = None

    def look(self, snapshot: Snapshot) -> Mapping[str, UnitView]:
        """All units; what they deliver is asked apart, because it is another at each look."""
        shown = self._shown(snapshot)
        # The engine hands out one awards mapping for as long as no award in it changes.
        if self._last is not None:
            awards, before, found = self._last
            if awards is snapshot.awards and shown == before:
                return found
        made = {name: _view(snapshot, unit) for name, unit in self._units.items()}
        self._last = (snapshot.awards, shown, made)
        return made

    def _shown(self, snapshot: Snapshot) -> list[object]:
        if not self._drawn:
            return [*groups.flags(snapshot, self._flags)]
        faults = [None if u.fault is None else snapshot.flag(u.fault) for u in self._units.values()]
        runs = [None if u.runs is None else u.runs.flag(snapshot) for u in self._units.values()]
        return [*faults, *runs]


def unit_loads(
    snapshot: Snapshot, units: Mapping[str, AirUnit], views: Mapping[str, UnitView]
) -> dict[str, float | None]:
    """The share that each gives of what it can; None where that is not known, or it stands."""
    return {
        name: _load(snapshot, unit) if views[name].running else None for name, unit in units.items()
    }


def _sizes(machines: Sequence[Equipment]) -> list[float]:
    """Free air delivered if all files say so, else electrical ratings, else all the same."""
    flows = [m.design.flow_m3h for m in machines]
    if all(flows):
        return [float(flow or 0.0) for flow in flows]
    ratings = [m.rated_kw for m in machines]
    if all(ratings):
        return [float(rated or 0.0) for rated in ratings]
    return [1.0 for _ in machines]


def _unit(machine: Equipment, size: float) -> AirUnit:
    points = machine.points
    return AirUnit(
        groups.short(machine),
        machine.id,
        points["enable"],
        loaded_evidence(machine),
        points.get("fault"),
        points.get("load"),
        points.get("power"),
        machine.commanded("speed"),
        machine.commanded("pressure_setpoint"),
        machine.rated_kw,
        size,
        machine.design.flow_m3h,
        machine.kind.proves_s,
        machine.relations.stands_by_for,
    )


def _view(snapshot: Snapshot, unit: AirUnit) -> UnitView:
    running = None if unit.runs is None else unit.runs.flag(snapshot)
    faulty = unit.fault is not None and bool(snapshot.flag(unit.fault))
    award = groups.overruled(snapshot, unit.enable, Priority.SEQUENCE)
    manual = award is not None and groups.manually_on(snapshot, unit.enable, Priority.SEQUENCE)
    return UnitView(
        running,
        not faulty and (award is None or is_on(award.value)),
        manual and not faulty,
        faulty,
    )


def _load(snapshot: Snapshot, unit: AirUnit) -> float | None:
    """The share of what it can give that a running unit gives.

    A unit that draws nothing shows nothing of its load, whatever the register of the load says.
    """
    power_kw = None if unit.power is None else snapshot.number(unit.power)
    if power_kw is not None and power_kw <= LEAST_KW:
        return None
    load_pct = None if unit.load is None else snapshot.number(unit.load)
    if load_pct is not None:
        return min(max(load_pct / 100.0, 0.0), 1.0)
    if power_kw is None or unit.rated_kw is None or unit.speed is not None:
        return None
    share = (power_kw / unit.rated_kw - UNLOADED_SHARE) / (1.0 - UNLOADED_SHARE)
    return min(max(share, 0.0), 1.0)
