"""Which water each machine needs, and what can prove that it flows. Pure.

Read from the relations of equipment (`header`, `rejects_to`, isolation valves) and from the
parameters of groups that name trains. A machine of which nothing says that it has water on a side
is not guarded there: its maker's own switch is all that protects it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from bms.config.site import Group
from bms.control.protect.run_evidence import RunEvidence, run_evidence
from bms.core.equipment import Equipment
from drivers.points import PointId

WATER_KINDS: Final = ("chiller", "boiler", "heat_pump", "heat_exchanger")
OF_LEAST: Final = 0.85
"""A bypass that holds the least flow swings around it: so much of it still proves flow (D)."""
OF_DESIGN: Final = 0.05
"""Where no least flow is written down: less is leakage or the zero of the meter (D)."""
DESIGN_K: Final = 5.0
KWH_PER_M3K: Final = 1.163
LEAST_M3H: Final = 0.1


@dataclass(frozen=True, slots=True)
class FlowPath:
    """The water of one side of a machine."""

    side: str
    """`chilled`, `condenser`, `hot` or `water`."""
    least_m3h: float
    meters: tuple[PointId, ...] = ()
    """The machine's own before the header's."""
    pressure: PointId | None = None
    switches: tuple[PointId, ...] = ()
    valves: tuple[PointId, ...] = ()
    """End switches that have to be on."""
    pumps: Mapping[str, RunEvidence] = field(default_factory=dict)
    """Of all pumps that can drive it, by short name, what shows that they run."""
    drivers: tuple[Equipment, ...] = ()
    """Those pumps, also where nothing shows that they run."""

    @property
    def provable(self) -> bool:
        """Whether anything can prove that it flows."""
        return bool(self.meters or self.pressure or self.switches or self.pumps)

    @property
    def reads(self) -> frozenset[PointId]:
        """Every point that is looked at."""
        found = {*self.meters, *self.switches, *self.valves, self.pressure or ""}
        return frozenset(found - {""}) | {evidence.point for evidence in self.pumps.values()}


@dataclass(frozen=True, slots=True)
class GuardedMachine:
    """A machine that needs water, and the point that starts it."""

    machine: Equipment
    enable: PointId
    runs: RunEvidence | None
    paths: tuple[FlowPath, ...]
    towers: tuple[Equipment, ...] = ()
    """Those that only it uses."""


def as_commanded(guarded: GuardedMachine) -> GuardedMachine:
    """The machine as shadow mode sees it: pumps follow their commands, and no water does."""
    paths = tuple(
        replace(path, meters=(), pressure=None, switches=(), valves=()) for path in guarded.paths
    )
    return replace(guarded, paths=paths)


@dataclass(frozen=True, slots=True)
class _Train:
    """What a group's parameters say of a chiller."""

    header: str = ""
    chw_pump: str | None = None
    cw_pump: str | None = None
    tower: str | None = None


def guarded_machines(
    equipment: Mapping[str, Equipment], groups: Iterable[Group]
) -> tuple[GuardedMachine, ...]:
    """Those of one base that need water on at least one side; `equipment` by short name."""
    trains: dict[str, _Train] = {}
    for group in groups:
        trains |= _trains(group)
    found = []
    for name, machine in equipment.items():
        enable = machine.commanded("enable")
        if enable is None or machine.kind.name not in WATER_KINDS or machine.exempt:
            continue
        train = trains.get(name, _Train())
        paths = tuple(_paths(machine, train, equipment))
        if paths:
            tower = equipment.get(train.tower or "")
            towers = () if tower is None else (tower,)
            found.append(GuardedMachine(machine, enable, run_evidence(machine), paths, towers))
    return tuple(found)


def _trains(group: Group) -> dict[str, _Train]:
    """By machine. Strategies that name no trains may still name the header of their members."""
    parameters: Any = group.parameters
    header = getattr(parameters, "header", "") or ""
    header = header if isinstance(header, str) else ""
    known = group.equipment.get(header)
    header = header if known is not None and known.kind.name == "water_loop" else ""
    found = {
        member.id.rpartition(".")[2]: _Train(header)
        for member in group.members
        if member.kind.name in WATER_KINDS
    }
    for train in getattr(parameters, "trains", None) or ():
        chiller = getattr(train, "chiller", None)
        if isinstance(chiller, str):
            found[chiller] = _Train(
                header,
                getattr(train, "chw_pump", None),
                getattr(train, "cw_pump", None),
                getattr(train, "tower", None),
            )
    return found


def _paths(
    machine: Equipment, train: _Train, equipment: Mapping[str, Equipment]
) -> Iterable[FlowPath]:
    relations, design, kind = machine.relations, machine.design, machine.kind.name
    first = {"chiller": "chilled", "boiler": "hot"}.get(kind, "water")
    header = relations.header or train.header
    least = _least_m3h(design.min_flow_m3h, design.flow_m3h, machine.capacity_kw)
    meter = {"chiller": "chw_flow", "boiler": "hw_flow", "heat_pump": "flow"}.get(kind, "")
    if header or train.chw_pump or meter in machine.points or "flow_switch" in machine.points:
        yield _path(
            first, least, machine, equipment, header, train.chw_pump,
            (meter, "valve_open", relations.isolation_valve),
        )  # fmt: skip
    if kind == "boiler":
        return
    rejects = relations.rejects_to
    if rejects or train.cw_pump or train.tower or "cw_flow" in machine.points:
        least = _least_m3h(None, design.cw_flow_m3h, machine.capacity_kw)
        yield _path(
            "condenser", least, machine, equipment, rejects, train.cw_pump,
            ("cw_flow", "cw_valve_open", relations.cw_isolation_valve),
        )  # fmt: skip


def _path(
    side: str,
    least_m3h: float,
    machine: Equipment,
    equipment: Mapping[str, Equipment],
    header: str,
    pump: str | None,
    own: tuple[str, str, str],
) -> FlowPath:
    """`own` names the machine's meter and end switch, and the valve in front of it."""
    meter, end, valve = own
    loop = equipment.get(header)
    points, shared = machine.points, {} if loop is None else loop.points
    drivers = _drivers(machine.id.rpartition(".")[2], equipment, header, pump)
    switches = [] if side == "condenser" else [points.get("flow_switch", "")]
    pressure = shared.get("differential_pressure")
    if pump is not None and pressure is None:
        pressure = drivers[0].points.get("differential_pressure") if drivers else None
    meters = [points.get(meter, ""), shared.get("flow", "")]
    if pump is not None and drivers:
        meters.insert(1, drivers[0].points.get("flow", ""))
    isolation = equipment.get(valve)
    ends = [points.get(end, ""), "" if isolation is None else isolation.points.get("open", "")]
    return FlowPath(
        side,
        least_m3h,
        tuple(point for point in meters if point),
        pressure,
        tuple(p for p in (*switches, shared.get("flow_switch", "")) if p),
        tuple(point for point in ends if point),
        {
            driver.id.rpartition(".")[2]: evidence
            for driver in drivers
            if (evidence := run_evidence(driver)) is not None
        },
        drivers,
    )


def _drivers(
    name: str, equipment: Mapping[str, Equipment], header: str, pump: str | None
) -> tuple[Equipment, ...]:
    """The pump of its train, else those that serve the machine, else all on the header."""
    if pump is not None and pump in equipment:
        return (equipment[pump],)
    shared = tuple(
        other
        for other in equipment.values()
        if header and other.kind.name == "pump" and other.relations.header == header
    )
    own = tuple(other for other in shared if name in other.relations.serves)
    return own or shared


def _least_m3h(
    least_m3h: float | None, design_m3h: float | None, capacity_kw: float | None
) -> float:
    if least_m3h:
        return OF_LEAST * least_m3h
    if design_m3h is None and capacity_kw is not None:
        design_m3h = capacity_kw / (KWH_PER_M3K * DESIGN_K)
    return max(LEAST_M3H, OF_DESIGN * (design_m3h or 0.0))
