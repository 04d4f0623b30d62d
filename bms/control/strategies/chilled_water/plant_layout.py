"""A cold plant as its sequence sees it: chillers, banks on headers, loops, as points. Pure.

Two ways of saying it lead here. `trains` give each chiller pumps and a tower. Relations
say more: pumps and towers whose `header` is a loop serve all machines on it, those that `serve`
chillers belong to them, isolation valves stand before machines.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from bms.config.site import Group
from bms.control.blocks.machines.starts import CHILLER_STARTS
from bms.control.protect.withheld import reset_point
from bms.control.strategies import group as groups
from bms.control.strategies.chilled_water.parameters import ChilledWaterPlantParameters
from bms.control.strategies.water.fittings import Machine, Valve, machine_of, valve_of
from bms.core.equipment import Equipment
from bms.core.machines.relations import StartLimits
from drivers.points import PointId


@dataclass(frozen=True, slots=True)
class Unit:
    """A chiller with what is there for it alone."""

    chiller: Machine
    capacity_kw: float
    auxiliaries: tuple[Machine, ...] = ()
    """Pumps and towers that run with it; two chillers may share one."""
    chw_valve: Valve | None = None
    cw_valve: Valve | None = None
    setpoint: PointId | None = None
    limit: PointId | None = None
    """Where its load can be limited, in percent."""
    starts: StartLimits = CHILLER_STARTS
    cw_flow_m3h: float | None = None
    """Condenser water at design; 0: it is cooled by air."""

    @property
    def valves(self) -> tuple[Valve, ...]:
        """What has to be open while it runs."""
        return tuple(valve for valve in (self.chw_valve, self.cw_valve) if valve is not None)


@dataclass(frozen=True, slots=True)
class Layout:
    """A whole plant."""

    units: Mapping[str, Unit]
    header: Mapping[str, PointId]
    """The chilled-water loop's points by role."""
    trains: bool = True
    """Described by `trains`: nothing else is commanded than pumps, towers and chillers."""
    chw_pumps: tuple[Machine, ...] = ()
    """On the chilled-water header, for all machines."""
    cw_pumps: tuple[Machine, ...] = ()
    towers: tuple[Machine, ...] = ()
    """Cells on the condenser-water header."""
    condenser: Mapping[str, PointId] = field(default_factory=dict)
    """The condenser-water loop's points by role."""
    exchanger: Machine | None = None
    """The waterside economizer."""
    exchanger_cw: Valve | None = None
    """Its valve on the condenser's side."""
    weather: Mapping[str, PointId] = field(default_factory=dict)
    pressures: tuple[PointId, ...] = ()
    """Differential pressures that the pumps hold, the one at the header last."""

    @property
    def commanded(self) -> bool:
        """Whether chillers are commanded; otherwise the loop is, which stages them by itself."""
        return any(unit.chiller.enable is not None for unit in self.units.values())

    @property
    def throttled_by_valves(self) -> bool:
        """Head pressure throttles the water of each chiller by itself."""
        valves = [unit.cw_valve for unit in self.units.values()]
        return any(valve is not None and valve.throttles for valve in valves)

    @property
    def machines(self) -> tuple[Machine, ...]:
        """All that starts and stops, each once."""
        found = {
            m.name: m for unit in self.units.values() for m in (unit.chiller, *unit.auxiliaries)
        }
        for machine in (*self.chw_pumps, *self.cw_pumps, *self.towers):
            found[machine.name] = machine
        if self.exchanger is not None:
            found[self.exchanger.name] = self.exchanger
        return tuple(found.values())

    @property
    def valves(self) -> tuple[Valve, ...]:
        """All isolation valves."""
        found = [valve for unit in self.units.values() for valve in unit.valves]
        found += [machine.valve for machine in self.machines if machine.valve is not None]
        found += [self.exchanger_cw] if self.exchanger_cw is not None else []
        return tuple(found)


def layout_of(group: Group) -> Layout:
    """The plant of a group whose `check` found nothing."""
    parameters: ChilledWaterPlantParameters = group.parameters
    header = group.equipment[parameters.header].points
    weather = group.equipment.get(parameters.weather or "")
    station = weather.points if weather is not None else {}
    if parameters.trains:
        return Layout(_trains(group, parameters), header, weather=station, pressures=_far(group))
    condenser = condenser_name(group)
    loop = group.equipment.get(condenser)
    chillers = [m for m in group.members if m.kind.name == "chiller"]
    pumps = [m for m in group.members if m.kind.name == "pump"]
    towers = [m for m in group.members if m.kind.name == "cooling_tower"]
    own = {chiller.id: _serving(chiller, (*pumps, *towers)) for chiller in chillers}
    tied = {m.id for machines in own.values() for m in machines}
    free = [m for m in (*pumps, *towers) if m.id not in tied]
    exchanger = _exchanger(group)
    return Layout(
        units={
            groups.short(chiller): _unit(group, chiller, own[chiller.id]) for chiller in chillers
        },
        header=header,
        trains=False,
        chw_pumps=_bank(group, free, "pump", parameters.header),
        cw_pumps=_bank(group, free, "pump", condenser),
        towers=_bank(group, free, "cooling_tower", condenser),
        condenser=loop.points if loop is not None else {},
        exchanger=None if exchanger is None else machine_of(exchanger, valve_of(group, exchanger)),
        exchanger_cw=None if exchanger is None else valve_of(group, exchanger, "cw_valve"),
        weather=station,
        pressures=_far(group),
    )


def resets_of(layout: Layout) -> dict[PointId, tuple[str, ...]]:
    """Whom a person resets with a point: a machine, and with a chiller what it has for itself."""
    found = {reset_point(machine.id): {machine.name} for machine in layout.machines}
    for unit in layout.units.values():
        found[reset_point(unit.chiller.id)] |= {machine.name for machine in unit.auxiliaries}
    return {point: tuple(names) for point, names in found.items()}


def condenser_name(group: Group) -> str:
    """The condenser-water loop that a plant made from relations has; empty without one."""
    parameters: ChilledWaterPlantParameters = group.parameters
    if parameters.condenser is not None:
        return parameters.condenser
    chillers = [m for m in group.members if m.kind.name == "chiller"]
    return next((c.relations.rejects_to for c in chillers if c.relations.rejects_to), "")


def _far(group: Group) -> tuple[PointId, ...]:
    parameters: ChilledWaterPlantParameters = group.parameters
    header = group.equipment[parameters.header].points
    found = [group.equipment[name].points["differential_pressure"] for name in parameters.pressures]
    if "far_pressure" in header:
        found.append(header["far_pressure"])
    if not found and "differential_pressure" in header:
        found.append(header["differential_pressure"])
    return tuple(found)


def _trains(group: Group, parameters: ChilledWaterPlantParameters) -> dict[str, Unit]:
    units = {}
    for train in parameters.trains:
        chiller = group.equipment[train.chiller]
        names = (train.chw_pump, train.cw_pump, train.tower)
        units[train.chiller] = Unit(
            machine_of(chiller),
            chiller.capacity_kw or 0.0,
            tuple(machine_of(group.equipment[name]) for name in names if name is not None),
            setpoint=chiller.commanded("chw_setpoint"),
            limit=chiller.commanded("demand_limit") if parameters.functions.limit else None,
            starts=_starts(chiller),
            cw_flow_m3h=chiller.design.cw_flow_m3h,
        )
    return units


def _unit(group: Group, chiller: Equipment, own: Iterable[Equipment]) -> Unit:
    return Unit(
        machine_of(chiller),
        chiller.capacity_kw or 0.0,
        tuple(machine_of(machine) for machine in own),
        valve_of(group, chiller),
        valve_of(group, chiller, "cw_valve"),
        chiller.commanded("chw_setpoint"),
        chiller.commanded("demand_limit"),
        _starts(chiller),
        chiller.design.cw_flow_m3h if condenser_name(group) else 0.0,
    )


def _starts(chiller: Equipment) -> StartLimits:
    own = chiller.starts
    return own if own != StartLimits() else CHILLER_STARTS


def _serving(chiller: Equipment, machines: Iterable[Equipment]) -> tuple[Equipment, ...]:
    """Those that are there for this chiller."""
    name = groups.short(chiller)
    return tuple(machine for machine in machines if name in machine.relations.serves)


def _bank(
    group: Group, machines: Iterable[Equipment], kind: str, header: str
) -> tuple[Machine, ...]:
    """The machines of a kind on a header."""
    return tuple(
        machine_of(machine, valve_of(group, machine))
        for machine in machines
        if machine.kind.name == kind and header and machine.relations.header == header
    )


def _exchanger(group: Group) -> Equipment | None:
    parameters: ChilledWaterPlantParameters = group.parameters
    if parameters.economizer is not None:
        return group.equipment[parameters.economizer]
    return next((m for m in group.members if m.kind.name == "heat_exchanger"), None)
