"""A plant in which things go wrong: any plant, behind the same protocol."""

from __future__ import annotations

import importlib
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Protocol, runtime_checkable

from drivers.plant import Plant, PlantPoint
from simulators.faults.fault_kinds import INSTANT, MEASURED, Fault, FaultKind, hits, parsed
from simulators.faults.fault_script import TimedFault, read_script

_DROPOUT_S = 60.0


@runtime_checkable
class Breakable(Protocol):
    """A plant whose machines can be broken and reset inside."""

    def inject(self, kind: str, target: str, on: bool) -> None:
        """Begin or end it; raises KeyError for an unknown target, ValueError for a kind."""
        ...


@dataclass
class _Active:
    """A fault that holds, with what it remembers."""

    fault: Fault
    since: datetime
    names: tuple[str, ...]
    """The points that it hits."""
    frozen: dict[str, float] = field(default_factory=dict)
    held: set[str] = field(default_factory=set)
    """Enables that a failed start keeps off by now."""


class FaultedPlant:
    """A plant with faults between it and whoever looks at it.

    Machines are stopped and started by the commands that reach the plant, sensors lie in what
    is read, so that every plant can be wrapped. What was commanded meanwhile is kept: the
    command's register still shows it, and it is in force when the fault ends.

    As a plant of its own: `plant` is module:Class, `faults` a script's file, and every other
    option goes to the plant. Raises ValueError or OSError for one that cannot be used.
    """

    def __init__(self, start: datetime, plant: str, faults: str = "", **options: str) -> None:
        module, _, name = plant.partition(":")
        made: Plant = getattr(importlib.import_module(module), name)(start=start, **options)
        self._begin(made, start, read_script(Path(faults), start) if faults else [])

    @classmethod
    def around(
        cls, plant: Plant, start: datetime, script: Sequence[TimedFault] = ()
    ) -> FaultedPlant:
        """Wrap a plant that is there already."""
        wrapped = cls.__new__(cls)
        wrapped._begin(plant, start, script)
        return wrapped

    def _begin(self, plant: Plant, start: datetime, script: Sequence[TimedFault]) -> None:
        self.plant = plant
        """The plant inside."""
        self._time = start.astimezone(UTC)
        self._script = sorted(script, key=lambda timed: timed.at)
        self._active: list[_Active] = []
        self._shifts: dict[str, float] = {}
        self._points = tuple(plant.points())
        self._writable = frozenset(p.name for p in self._points if p.writable)
        self._told: dict[str, float | None] = {}
        """What was commanded last, as far as it was not released."""
        self._forced: dict[str, float | None] = {}

    # --- the protocol of a plant ------------------------------------------------------------

    def points(self) -> Sequence[PlantPoint]:
        """Every point of the plant inside."""
        return self._points

    def read(self) -> Mapping[str, float]:
        """What instruments show: NaN where there is no value."""
        inside = self.plant.read()
        if not self._active and not self._shifts:
            return inside
        values = dict(inside)
        for name, shift in self._shifts.items():
            values[name] += shift
        for name in self._forced:
            told = self._told.get(name)
            if told is not None:
                values[name] = told
        for active in self._active:
            self._lie(active, values)
        return values

    def write(self, values: Mapping[str, float | None]) -> None:
        """Command points, all or none; what does not answer takes nothing, and says nothing.

        Raises KeyError for an unknown name, ValueError for one that cannot be written.
        """
        through: dict[str, float | None] = {}
        for name, value in values.items():
            if name in self._writable and self._is_silent(name):
                continue
            if name in self._forced:
                if value is not None and not math.isfinite(value):
                    raise ValueError(f"{name}: {value} is not a finite number")
            else:
                through[name] = value
        self.plant.write(through)
        for name, value in values.items():
            if not self._is_silent(name):
                self._told[name] = value
        if any(active.fault.kind is FaultKind.NO_START for active in self._active):
            self._force()

    def advance(self, until: datetime) -> datetime:
        """Simulate up to `until`, with what the script and ends of faults bring on the way."""
        while True:
            at = self._next(until)
            if at is None:
                break
            if at > self._time:
                self._time = self.plant.advance(at)
            self._happen(at)
        self._time = max(self._time, self.plant.advance(until))
        return self._time

    def close(self) -> None:
        """Close the plant inside."""
        self.plant.close()

    # --- faults -----------------------------------------------------------------------------

    def fault(self, fault: Fault | str) -> None:
        """Let something go wrong from now on; words are read as `parsed` does.

        Raises ValueError for what cannot be read or hits nothing.
        """
        if isinstance(fault, str):
            fault = parsed(fault)
        names = [p.name for p in self._points if fault.hits(p.name)]
        if not names:
            raise ValueError(f"'{fault.target}' is no point, machine or base of this plant")
        if fault.kind in INSTANT:
            self._at_once(fault, names)
            return
        if self._is_inner(fault, names):
            self._inject(fault, names, on=True)
        active = _Active(fault, self._time, tuple(names))
        if fault.kind in (FaultKind.FREEZE, FaultKind.STICK):
            # A sensor freezes as it shows, a valve sticks where it is.
            now = self.read() if fault.kind is FaultKind.FREEZE else self.plant.read()
            active.frozen = {name: now[name] for name in names}
        self._active.append(active)
        self._force()

    def clear(self, target: str = "*") -> int:
        """End what hits a target, or everything; returns how many faults ended."""
        kept: list[_Active] = []
        ended: list[_Active] = []
        for active in self._active:
            same = target in ("*", active.fault.target, str(active.fault.kind))
            inside = any(hits(target, name) for name in active.names)
            (ended if same or inside else kept).append(active)
        self._end(ended, kept)
        return len(ended)

    def active(self) -> list[Fault]:
        """What is wrong now, in the order in which it began."""
        return [active.fault for active in self._active]

    # --- inside -----------------------------------------------------------------------------

    def _next(self, until: datetime) -> datetime | None:
        """The next moment of the script, or end of a fault, up to `until`."""
        moments = [timed.at for timed in self._script[:1]]
        moments += [end for active in self._active if (end := _end_of(active)) is not None]
        soonest = min(moments, default=None)
        return soonest if soonest is not None and soonest <= until else None

    def _happen(self, at: datetime) -> None:
        over = [a for a in self._active if (end := _end_of(a)) is not None and end <= at]
        if over:
            self._end(over, [a for a in self._active if a not in over])
        while self._script and self._script[0].at <= at:
            timed = self._script.pop(0)
            if timed.fault is not None:
                self.fault(timed.fault)
            else:
                self.clear(timed.clears)

    def _end(self, ended: Iterable[_Active], kept: list[_Active]) -> None:
        self._active = kept
        for active in ended:
            if self._is_inner(active.fault, active.names):
                self._inject(active.fault, active.names, on=False)
            if active.fault.kind is FaultKind.POWER_FAILURE:
                for name in active.names:  # the controller comes back and knows nothing
                    self._told.pop(name, None)
        self._force()

    def _at_once(self, fault: Fault, names: Sequence[str]) -> None:
        if fault.kind is FaultKind.REBOOT:
            commands = [name for name in names if name in self._writable]
            self.plant.write({name: None for name in commands if name not in self._forced})
            for name in commands:
                self._told.pop(name, None)
        elif fault.kind is FaultKind.REGISTER:
            inside = self.plant.read()
            for name in names:
                self._shifts[name] = fault.value - inside[name]
        else:
            self._inject(fault, names, on=True)

    def _is_inner(self, fault: Fault, names: Sequence[str]) -> bool:
        """Whether only the plant inside can do it: what turns, and valves that nobody commands."""
        if fault.kind is FaultKind.STICK:
            return not any(name in self._writable for name in names)
        return fault.kind in (FaultKind.BREAK, FaultKind.RESET)

    def _inject(self, fault: Fault, names: Sequence[str], *, on: bool) -> None:
        """Hand on what only the plant inside can do."""
        if not isinstance(self.plant, Breakable):
            raise ValueError(f"this plant does not know how to {fault.kind} '{fault.target}'")
        targets = set(names)
        if fault.kind is not FaultKind.STICK:
            targets = {name.rpartition(".")[0] for name in names}
        for target in sorted(targets):
            self.plant.inject(str(fault.kind), target, on)

    def _force(self) -> None:
        """Bring the commands that reach the plant in line with the faults that hold."""
        before, self._forced = self._forced, dict(self._wanted())
        changed: dict[str, float | None] = {
            name: value
            for name, value in self._forced.items()
            if name not in before or before[name] != value
        }
        changed |= {name: self._told.get(name) for name in before if name not in self._forced}
        if changed:
            self.plant.write(changed)

    def _wanted(self) -> Iterator[tuple[str, float | None]]:
        """What faults put in place of commands; of several for a point the last wins."""
        for active in self._active:
            fault = active.fault
            for name in active.names:
                if name not in self._writable:
                    continue
                enable = name.endswith(".enable")
                if fault.kind is FaultKind.STICK:
                    yield name, active.frozen[name]
                elif fault.kind is FaultKind.POWER_FAILURE:
                    yield name, None
                elif not enable:
                    continue
                elif fault.kind in (FaultKind.TRIP, FaultKind.HAND_OFF, FaultKind.POWER_DIP):
                    yield name, 0.0
                elif fault.kind is FaultKind.HAND_ON:
                    yield name, 1.0
                elif fault.kind is FaultKind.NO_START:
                    status = self.plant.read().get(f"{name.removesuffix('enable')}status", 0.0)
                    if not self._told.get(name) or status == 0.0:
                        active.held.add(name)
                    if name in active.held:
                        yield name, 0.0

    def _is_silent(self, name: str) -> bool:
        return any(
            active.fault.kind in (FaultKind.SILENT, FaultKind.POWER_FAILURE)
            and name in active.names
            for active in self._active
        )

    def _lie(self, active: _Active, values: dict[str, float]) -> None:
        """Change what is shown, as one fault does."""
        fault = active.fault
        for name in active.names:
            role = name.rpartition(".")[2]
            if fault.kind in (FaultKind.SILENT, FaultKind.POWER_FAILURE):
                values[name] = math.nan
            elif fault.kind in MEASURED:
                values[name] = self._measured(active, name, values[name])
            elif (fault.kind is FaultKind.TRIP and role == "fault") or (
                fault.kind in (FaultKind.HAND_OFF, FaultKind.HAND_ON) and role == "local"
            ):
                values[name] = 1.0

    def _measured(self, active: _Active, name: str, value: float) -> float:
        fault = active.fault
        since_s = (self._time - active.since).total_seconds()
        if fault.kind is FaultKind.BIAS:
            return value + fault.value
        if fault.kind is FaultKind.DRIFT:
            return value + fault.value * since_s / 3600.0
        if fault.kind is FaultKind.FREEZE:
            return active.frozen[name]
        if fault.kind is FaultKind.SHOW:
            return fault.value
        if fault.kind is FaultKind.NOISE:
            return value + Random(f"{name} {since_s}").gauss(0.0, fault.value)
        if fault.kind is FaultKind.DROPOUT:
            lost = Random(f"{name} {since_s // _DROPOUT_S}").random() < fault.value
            return math.nan if lost else value
        return math.nan


def _end_of(active: _Active) -> datetime | None:
    if active.fault.for_s is None:
        return None
    return active.since + timedelta(seconds=active.fault.for_s)
