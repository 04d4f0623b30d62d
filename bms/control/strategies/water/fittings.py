"""Machines and isolation valves of a water plant as points. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bms.config.site import Group
from bms.control.strategies import group as groups
from bms.core.equipment import Equipment
from bms.core.machines.relations import Design
from drivers.points import PointId


@dataclass(frozen=True, slots=True)
class Valve:
    """An isolation valve, as points of its machine or as equipment."""

    name: str
    """The equipment that has it."""
    command: PointId
    full: float
    """What opens it: 1 for a coil, 100 for a position."""
    opened: PointId | None = None
    """The switch of its open end."""
    feedback: PointId | None = None
    """Its way in percent."""

    @property
    def inputs(self) -> tuple[PointId, ...]:
        """What is read of it."""
        return tuple(point for point in (self.opened, self.feedback) if point is not None)

    @property
    def modulates(self) -> bool:
        """It takes positions between its ends."""
        return self.full > 1.0

    @property
    def throttles(self) -> bool:
        """Head pressure may throttle it: one with a switch at its open end proves flow by it, and
        has to stay there."""
        return self.modulates and self.opened is None


@dataclass(frozen=True, slots=True)
class Machine:
    """A chiller, boiler, pump, tower or heat exchanger."""

    name: str
    id: str
    enable: PointId | None
    """None: the controller cannot switch it."""
    status: PointId | None
    fault: PointId | None
    speed: PointId | None
    design: Design
    valve: Valve | None = None
    stands_by_for: tuple[str, ...] = ()
    rated_kw: float | None = None
    points: Mapping[str, PointId] = field(default_factory=dict)

    @property
    def inputs(self) -> tuple[PointId, ...]:
        """What is read of it to prove it."""
        return tuple(point for point in (self.status, self.fault) if point is not None)


def machine_of(machine: Equipment, valve: Valve | None = None) -> Machine:
    """A machine of a plant; `valve` is the one that isolates it, where it is not a unit's."""
    points = machine.points
    return Machine(
        groups.short(machine),
        machine.id,
        machine.commanded("enable"),
        points.get("status"),
        points.get("fault"),
        machine.commanded("speed"),
        machine.design,
        valve,
        machine.relations.stands_by_for,
        machine.rated_kw,
        points,
    )


def valve_of(group: Group, machine: Equipment, role: str = "valve") -> Valve | None:
    """The valve that isolates a machine: its own of that role (`valve`, `cw_valve`), or the
    equipment that it names. None if there is none that the controller can move."""
    own = _valve(groups.short(machine), machine, role, f"{role}_enable", role)
    if own is not None:
        return own
    relations = machine.relations
    name = relations.cw_isolation_valve if role == "cw_valve" else relations.isolation_valve
    valve = group.equipment.get(name)
    return None if valve is None else _valve(name, valve, "position", "enable", "")


def _valve(name: str, machine: Equipment, position: str, switch: str, prefix: str) -> Valve | None:
    points = machine.points
    opened = points.get(f"{prefix}_open" if prefix else "open")
    feedback = points.get(f"{prefix}_position" if prefix else "feedback")
    command = machine.commanded(position)
    if command is not None:
        return Valve(name, command, 100.0, opened, feedback)
    command = machine.commanded(switch)
    return None if command is None else Valve(name, command, 1.0, opened, feedback)
