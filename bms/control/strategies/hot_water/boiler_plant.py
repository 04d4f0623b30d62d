"""A heat plant as its sequence sees it: boilers with their valves, pumps, the loop. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from bms.config.site import Group
from bms.control.blocks.machines.start_proof import ProofRules
from bms.control.blocks.plants.pump_stages import FlowRange
from bms.control.strategies import group as groups
from bms.control.strategies.hot_water.hot_water_parameters import HotWaterPlantParameters
from bms.control.strategies.water.fittings import Machine, Valve, machine_of, valve_of
from bms.core.equipment import Equipment
from bms.core.machines.relations import StartLimits
from drivers.points import PointId

HEATERS = ("boiler", "heat_pump")
LEAST_FIRING_PCT = 20.0
"""Of a boiler of which nobody wrote it down (D)."""
ELECTRIC_SHARE = 0.5
"""A boiler rated for this share of its capacity, or more, heats by electricity: the fan of a burner
takes a few percent, a boiler of electrodes all of it (D)."""
HEAT_PUMP_COP = 3.0
"""Of a heat pump of which nobody wrote it down (D)."""


@dataclass(frozen=True, slots=True)
class HeatUnit:
    """A boiler or heat pump with what is there for it alone."""

    machine: Machine
    capacity_kw: float
    least_kw: float
    condensing: bool
    """It may be fed cold water: condensing boilers and heat pumps."""
    setpoint: PointId | None = None
    heating: PointId | None = None
    """Of a heat pump that also cools: the point that says which."""
    valve: Valve | None = None
    pumps: tuple[Machine, ...] = ()
    flow: FlowRange | None = None
    starts: StartLimits = field(default_factory=StartLimits)
    electric_kw: float = 0.0
    """What it draws at design, if it heats by electricity; 0: it burns fuel."""
    limit: PointId | None = None
    """Of one that takes a limit of its power."""

    @property
    def name(self) -> str:
        """The short name of the boiler."""
        return self.machine.name

    @property
    def valves(self) -> tuple[Valve, ...]:
        """What has to be open while it fires."""
        return () if self.valve is None else (self.valve,)


@dataclass(frozen=True, slots=True)
class HeatLayout:
    """A whole heat plant."""

    units: Mapping[str, HeatUnit]
    pumps: tuple[Machine, ...]
    """On the header, for all boilers."""
    header: Mapping[str, PointId]
    """The loop's points by role."""
    header_commands: Mapping[str, PointId]
    """Those of them that the controller can write."""
    outdoor: PointId | None = None
    pressures: tuple[PointId, ...] = ()

    @property
    def commanded(self) -> bool:
        """Whether boilers are switched; otherwise the loop is, which stages them by itself."""
        return any(unit.machine.enable is not None for unit in self.units.values())

    def within(
        self, order: Sequence[str], on: Collection[str], limit_pct: float | None
    ) -> list[str]:
        """Of the heaters that may run those that a demand limit bears together, in their order.
        What is `on` stays; what burns fuel is not bound."""
        if limit_pct is None:
            return list(order)
        whole_kw = sum(unit.electric_kw for unit in self.units.values())
        left_kw = limit_pct / 100.0 * whole_kw - sum(self.units[n].electric_kw for n in on)
        found = []
        for name in order:
            takes_kw = 0.0 if name in on else self.units[name].electric_kw
            if takes_kw > max(0.0, left_kw) + 1e-6:
                continue
            left_kw -= takes_kw
            found.append(name)
        return found

    @property
    def machines(self) -> tuple[Machine, ...]:
        """All that starts and stops, each once."""
        found = {}
        for unit in self.units.values():
            found[unit.name] = unit.machine
            found.update({pump.name: pump for pump in unit.pumps})
        found.update({pump.name: pump for pump in self.pumps})
        return tuple(found.values())

    @property
    def design_m3h(self) -> float | None:
        """The design flow of all boilers, or of all pumps; None where nobody wrote them down."""
        ranges = [unit.flow for unit in self.units.values()]
        if ranges and all(found is not None for found in ranges):
            return sum(found.most for found in ranges if found is not None)
        flows = [pump.design.flow_m3h for pump in self.pumps]
        return sum(f for f in flows if f) if flows and all(flows) else None


def heat_layout(group: Group) -> HeatLayout:
    """The plant of a group whose `check` found nothing."""
    parameters: HotWaterPlantParameters = group.parameters
    loop = group.equipment[parameters.header]
    heaters = [m for m in group.members if m.kind.name in HEATERS]
    pumps = [m for m in group.members if m.kind.name == "pump"]
    own = {
        groups.short(heater): [p for p in pumps if groups.short(heater) in p.relations.serves]
        for heater in heaters
    }
    owned = {pump.id for found in own.values() for pump in found}
    weather = group.equipment.get(parameters.weather or "")
    commands = ("enable", "loop_setpoint", "dp_setpoint", "bypass_valve", "speed")
    return HeatLayout(
        units={groups.short(h): _unit(group, h, own[groups.short(h)]) for h in heaters},
        pumps=tuple(machine_of(pump) for pump in pumps if pump.id not in owned),
        header=loop.points,
        header_commands={
            role: point for role in commands if (point := loop.commanded(role)) is not None
        },
        outdoor=weather.points["outdoor_temp"] if weather is not None else None,
        pressures=_pressures(group, parameters, loop),
    )


def _unit(group: Group, heater: Equipment, pumps: list[Equipment]) -> HeatUnit:
    design, capacity_kw = heater.design, heater.capacity_kw or 0.0
    least_pct = LEAST_FIRING_PCT if design.min_load_pct is None else design.min_load_pct
    flow = None
    if design.flow_m3h is not None:
        flow = FlowRange(design.min_flow_m3h or 0.0, design.flow_m3h)
    return HeatUnit(
        machine_of(heater),
        capacity_kw,
        capacity_kw * least_pct / 100.0,
        heater.kind.name == "heat_pump" or bool(design.condensing),
        heater.commanded("hw_setpoint"),
        heater.commanded("heating"),
        valve_of(group, heater),
        tuple(machine_of(pump) for pump in pumps),
        flow,
        heater.starts,
        _electric_kw(heater),
        heater.commanded("demand_limit"),
    )


def _electric_kw(heater: Equipment) -> float:
    capacity_kw, rated_kw = heater.capacity_kw or 0.0, heater.rated_kw or 0.0
    if heater.kind.name == "heat_pump":
        cop = HEAT_PUMP_COP if heater.design.cop is None else heater.design.cop
        return rated_kw or capacity_kw / cop or 1.0  # alone it needs no capacity: all or nothing
    return rated_kw if rated_kw > 0.0 and rated_kw >= ELECTRIC_SHARE * capacity_kw else 0.0


def _pressures(
    group: Group, parameters: HotWaterPlantParameters, loop: Equipment
) -> tuple[PointId, ...]:
    """Differential pressures that the pumps hold: far ones first, the header's only alone."""
    far = [group.equipment[name].points["differential_pressure"] for name in parameters.pressures]
    if "far_pressure" in loop.points:
        far.append(loop.points["far_pressure"])
    if not far and "differential_pressure" in loop.points:
        far.append(loop.points["differential_pressure"])
    return tuple(far)


def proof_rules(layout: HeatLayout, parameters: HotWaterPlantParameters) -> dict[str, ProofRules]:
    """What proves each machine, by name."""
    times = parameters.proof_s
    rules: dict[str, ProofRules] = {}
    for machine in layout.machines:
        heats = machine.name in layout.units
        rules[machine.name] = ProofRules(
            within_s=times.boiler if heats else times.pump,
            cycles=heats,
            provable=machine.status is not None,
        )
    return rules
