"""The loads that may be shed: what is commanded, what each draws now, what shedding it gives. Pure.

A load of a plant is asked through its group (mode, `demand_limit_pct`, a setpoint): no machine is
pulled from beneath a sequence. What a load draws is measured by its meter or the power points of
its machines; without them it is its design while it is on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from bms.config.site import Group, Neighbour
from bms.control.engine.protection import is_on
from bms.control.protect.withheld import Cause, causes
from bms.control.strategies.demand.demand_parameters import Comfort, LoadFile
from bms.core.decisions import Award, Priority, Snapshot
from bms.core.equipment import Equipment
from drivers.points import PointId, Value

DEMAND_LIMIT: Final = "demand_limit_pct"
"""The setpoint by which plants take a limit."""
GUESSED_SHARE: Final = 0.1
"""Of what a load draws, a shifted setpoint gives so much where no `kw` says it (D)."""


@dataclass(frozen=True, slots=True)
class Bound:
    """A comfort limit with its point."""

    point: PointId
    limit: Comfort
    name: str

    def allows(self, snapshot: Snapshot, shed: bool) -> bool | None:
        """Whether the load may be shed; None: nobody knows, so it may not."""
        shown = snapshot.number(self.point)
        if shown is None:
            return None
        inside = 0.0 if shed else self.limit.band
        low, high = self.limit.least, self.limit.most
        return (low is None or shown >= low + inside) and (high is None or shown <= high - inside)


@dataclass(frozen=True, slots=True)
class Target:
    """One point that a load is shed by."""

    point: PointId
    value: float | str
    """What it is commanded to; of a shift, by how much."""
    low: float = 0.0
    high: float = 0.0
    """A shift stays between these."""


@dataclass(frozen=True, slots=True)
class Load:
    """One load, resolved."""

    name: str
    file: LoadFile
    order: int
    targets: tuple[Target, ...]
    machines: tuple[Equipment, ...]
    meter: PointId | None
    bounds: tuple[Bound, ...]
    modes: tuple[PointId, ...]
    """Of a group: its mode points, which say whether it is on."""
    design_kw: float

    @property
    def points(self) -> tuple[PointId, ...]:
        """What is commanded."""
        return tuple(target.point for target in self.targets)

    @property
    def reads(self) -> frozenset[PointId]:
        """What it looks at."""
        return frozenset(
            {
                *self.points,
                *self.modes,
                *(bound.point for bound in self.bounds),
                *((self.meter,) if self.meter else ()),
                *(
                    machine.points[role]
                    for machine in self.machines
                    for role in ("enable", "status", "power")
                    if role in machine.points
                ),
            }
        )


@dataclass(frozen=True, slots=True)
class LoadSeen:
    """What a load does now."""

    draws_kw: float
    measured: bool
    """By a meter or power points, not by design."""
    on: bool
    """Somebody wants it on, and nobody stronger than a demand limit has it."""
    gives_kw: float
    """What shedding it would give by what it draws, without what was learned."""
    by_hand: bool = False
    """A person, or protection, commands it."""
    restarts: bool = False
    """It waits for its turn after an outage."""
    ready_in_s: float = 0.0
    """A minimum time keeps it on for so long."""
    comfortable: bool | None = True
    """Within its comfort limits; None: not known."""
    status: bool | None = None
    """Whether any of it shows that it runs."""


def load_of(group: Group, order: int) -> Load:
    """A load of a checked group."""
    file: LoadFile = group.parameters.loads[order]
    neighbour = None if file.group is None else group.neighbours[file.group]
    members = () if neighbour is None else neighbour.members
    machines = members or tuple(group.equipment[name] for name in file.machines)
    bounds = tuple(
        Bound(
            group.equipment[limit.equipment].points[limit.role],
            limit,
            f"{limit.equipment}.{limit.role}",
        )
        for limit in file.comfort
    )
    modes = () if neighbour is None else _of_group(neighbour, "mode")
    return Load(
        file.title,
        file,
        order,
        _targets(group, file, neighbour),
        tuple(machines),
        _meter(group, file, neighbour),
        bounds,
        modes,
        _design_kw(file, machines),
    )


def _of_group(neighbour: Neighbour, name: str) -> tuple[PointId, ...]:
    """A point of a group, and of its members that run by themselves."""
    return tuple(f"{owner}.{name}" for owner in (neighbour.id, *neighbour.apart))


def _targets(group: Group, file: LoadFile, neighbour: Neighbour | None) -> tuple[Target, ...]:
    if neighbour is None:
        found = []
        for name in file.machines:
            machine = group.equipment[name]
            role = file.role if file.how == "limit" else "enable"
            point = machine.commanded(role)
            assert point is not None
            found.append(Target(point, 0.0 if file.how == "off" else file.to or 0.0))
        return tuple(found)
    if file.how == "off":
        return tuple(Target(point, "off") for point in _of_group(neighbour, "mode"))
    name = file.setpoint or DEMAND_LIMIT
    kind = neighbour.setpoints[name]
    amount = (file.by if file.how == "shift" else file.to) or 0.0
    return tuple(
        Target(point, amount, kind.least, kind.most) for point in _of_group(neighbour, name)
    )


def _meter(group: Group, file: LoadFile, neighbour: Neighbour | None) -> PointId | None:
    if file.meter is not None:
        return group.equipment[file.meter].points["power"]
    if neighbour is not None and neighbour.meter is not None:
        return neighbour.meter.points.get("power")
    return None


def _design_kw(file: LoadFile, machines: tuple[Equipment, ...]) -> float:
    """What the load draws by design, or gives, where its file says."""
    if file.kw is not None:
        return file.kw
    return sum(machine.rated_kw or 0.0 for machine in machines)


# --- what a load does now --------------------------------------------------------------------


def see(load: Load, snapshot: Snapshot, now: datetime, *, shed: bool) -> LoadSeen:
    """The load at a look; `shed`: it is shed by us at present."""
    awards = [snapshot.awards.get(point) for point in load.points]
    enables = [award for m in load.machines if (award := _enable(m, snapshot)) is not None]
    draws_kw, measured, status = _draws(load, snapshot)
    by_hand = any(_stronger(award) for award in awards)
    by_hand = by_hand or (bool(enables) and all(_stronger(award) for award in enables))
    on = _wanted(load, snapshot, awards)
    return LoadSeen(
        draws_kw,
        measured,
        on and not by_hand,
        _gives(load, draws_kw, measured),
        by_hand,
        any(Cause.RESTART in causes(award) for award in enables),
        0.0 if load.file.how != "off" else max((_kept_on_s(a, now) for a in enables), default=0.0),
        _comfortable(load, snapshot, shed=shed),
        status,
    )


def _enable(machine: Equipment, snapshot: Snapshot) -> Award | None:
    point = machine.points.get("enable")
    return None if point is None else snapshot.awards.get(point)


def _stronger(award: Award | None) -> bool:
    """Somebody above a demand limit commands it, minimum times aside."""
    if award is None:
        return False
    for command in (award.winner, *award.losers):
        if command.priority is not Priority.MIN_ON_OFF:
            return command.priority < Priority.DEMAND
    return False


def _kept_on_s(award: Award, now: datetime) -> float:
    winner = award.winner
    kept = winner.priority is Priority.MIN_ON_OFF and is_on(winner.value)
    if not kept or winner.expires is None:
        return 0.0
    return max(0.0, (winner.expires - now).total_seconds())


def _wanted(load: Load, snapshot: Snapshot, awards: list[Award | None]) -> bool:
    """Whether schedules want it on; a machine without one is on if it shows that it is."""
    if load.modes:
        modes = (snapshot.awards.get(point) for point in load.modes)
        return any(mode is not None and mode.value != "off" for mode in modes)
    if load.file.how == "off":
        known = [award for award in awards if award is not None]
        if known and not any(is_on(award.value) for award in known):
            return False
    return True


def _draws(load: Load, snapshot: Snapshot) -> tuple[float, bool, bool | None]:
    """kW now, whether they are measured, and whether any of it shows that it runs."""
    flags = [_runs(machine, snapshot) for machine in load.machines]
    known = [flag for flag in flags if flag is not None]
    status = any(known) if known else None
    if load.meter is not None:
        metered = snapshot.number(load.meter)
        if metered is not None:
            return max(0.0, metered), True, status
    powers = [
        snapshot.number(machine.points["power"]) if "power" in machine.points else None
        for machine in load.machines
    ]
    measured = [power for power in powers if power is not None]
    if measured and len(measured) == len(powers):
        return max(0.0, sum(measured)), True, status
    if load.file.kw is not None:
        return (0.0 if status is False else load.file.kw), False, status
    whole = sum(
        machine.rated_kw or 0.0
        for machine, flag in zip(load.machines, flags, strict=True)
        if flag is not False
    )
    return whole, False, status


def _runs(machine: Equipment, snapshot: Snapshot) -> bool | None:
    for role in ("status", "enable"):
        if role in machine.points:
            flag = snapshot.flag(machine.points[role])
            if flag is not None:
                return flag
    return None


def _gives(load: Load, draws_kw: float, measured: bool) -> float:
    """What shedding gives, by what the load draws."""
    file = load.file
    if file.how == "off":
        return draws_kw
    if file.how == "shift":
        if file.kw is not None:
            return min(file.kw, draws_kw) if measured else file.kw
        return GUESSED_SHARE * draws_kw
    if file.kw is not None and not measured:
        return file.kw
    rated_kw = sum(machine.rated_kw or 0.0 for machine in load.machines) or draws_kw
    capped_kw = rated_kw * min(1.0, (file.to or 0.0) / 100.0)
    most_kw = max(0.0, draws_kw - capped_kw)
    return most_kw if file.kw is None else min(file.kw, draws_kw)


def _comfortable(load: Load, snapshot: Snapshot, *, shed: bool) -> bool | None:
    found: bool | None = True
    for bound in load.bounds:
        allowed = bound.allows(snapshot, shed)
        if allowed is False:
            return False
        found = None if allowed is None else found
    return found


# --- commands --------------------------------------------------------------------------------


def values_of(
    load: Load, snapshot: Snapshot, held: Mapping[PointId, float]
) -> Mapping[PointId, Value]:
    """What its points are commanded to while it is shed; `held` is kept from when it was."""
    found: dict[PointId, Value] = {}
    for target in load.targets:
        if isinstance(target.value, str):
            found[target.point] = target.value
        elif load.file.how == "off":
            found[target.point] = 0
        elif load.file.how == "shift":
            award = snapshot.awards.get(target.point)
            given = None if award is None or isinstance(award.value, str) else float(award.value)
            if given is not None:
                shifted = min(max(given + target.value, target.low), target.high)
                found[target.point] = round(shifted, 2)
        else:
            found[target.point] = held.get(target.point, target.value)
    return found


def held_now(load: Load, snapshot: Snapshot) -> dict[PointId, float]:
    """Of a limit: no higher than what the machine is at now, so that a limit raises nothing."""
    if load.file.how != "limit" or load.modes:
        return {}
    found = {}
    for target in load.targets:
        assert not isinstance(target.value, str)
        shown = snapshot.number(target.point)
        found[target.point] = target.value if shown is None else min(shown, target.value)
    return found
