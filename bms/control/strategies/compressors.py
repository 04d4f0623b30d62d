"""Air compressors on one header: as many as the pressure needs, lead by run hours. Pure.

One pressure band for the network (control reference, 6). `max_units` caps how many may run, as
a Sunday exception of the schedule does. Fallback for a bad pressure: the units that run go on,
within the cap.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from pydantic import Field

from bms.config.shapes.filemodel import FileModel
from bms.config.site import Group, Setpoint, StrategySpec
from bms.control.blocks.commanded import NOTHING, Commanded
from bms.control.blocks.rotation import RunHours, accumulate, by_run_hours
from bms.control.blocks.timers import lasted, since
from bms.control.engine.protection import is_on
from bms.control.strategies import group as groups
from bms.core.decisions import (
    Award,
    Command,
    Condition,
    Controller,
    Decision,
    Priority,
    Severity,
    Snapshot,
    Stage,
)
from bms.texts.messages import joined, msg
from drivers.points import PointId

MAX_UNITS = "max_units"
CRITICAL_FOR_S = 60.0
"""Below the critical pressure for this long, the cap is released (control reference, 6)."""
CRITICAL_BELOW_LOW_KPA = 50.0
"""Where no critical pressure is given, it lies this far below the low one."""
LOOKED_AT_EVERY = timedelta(minutes=15)
"""At least so often, also where the pressure stands still: run hours are counted in looks."""
INPUT_ALARM_AFTER_S = 10.0
"""A bad pressure falls back at once; it is an alarm once it lasts."""


class CompressorParameters(FileModel):
    """Parameters of `compressors`: gauge pressures of the header in kPa, times in seconds."""

    header: str
    """Equipment of kind air_header."""
    low_kpa: float = Field(default=650.0, gt=0)
    """Below it for `add_delay_s`, another unit starts."""
    high_kpa: float = Field(default=700.0, gt=0)
    """Above it for `shed_delay_s`, a unit stops."""
    critical_kpa: float | None = Field(default=None, gt=0)
    """Below it for 60 s, the cap `max_units` is released; 50 kPa below `low_kpa` if absent."""
    add_delay_s: float = Field(default=20.0, ge=0)
    """How long the pressure has to be low."""
    shed_delay_s: float = Field(default=300.0, ge=0)
    """How long it has to be high."""
    min_units: int = Field(default=1, ge=0)
    """So many run at least while the group is on."""
    rotate_h: float = Field(default=168.0, gt=0)
    """A unit with so many run hours more than an idle one hands over to it."""


@dataclass(frozen=True, slots=True)
class CompressorState:
    """Which units should run, lead first, and since when the pressure has been where it is."""

    on: bool = False
    wanted: tuple[str, ...] = ()
    cap_released: bool = False
    low_since: datetime | None = None
    high_since: datetime | None = None
    critical_since: datetime | None = None
    bad_since: datetime | None = None
    run: RunHours = field(default_factory=RunHours)


@dataclass(frozen=True, slots=True)
class _Unit:
    """One compressor now."""

    running: bool
    available: bool
    manual: bool


class CompressorController:
    """Adds a unit when the pressure is low, sheds one when it is high; see the module."""

    stage = Stage.SEQUENCE
    priority = Priority.SEQUENCE

    def __init__(self, group: Group) -> None:
        parameters: CompressorParameters = group.parameters
        self.name = f"compressors:{group.id}"
        self._group = group
        self._parameters = parameters
        critical = parameters.critical_kpa
        self._critical_kpa = (
            parameters.low_kpa - CRITICAL_BELOW_LOW_KPA if critical is None else critical
        )
        self._units = {groups.short(m): m for m in group.members if m.kind.name == "air_compressor"}
        self._others = tuple(
            m.points["enable"] for m in group.members if m.kind.name != "air_compressor"
        )
        self._pressure = group.equipment[parameters.header].points["pressure"]
        self._cap_point = group.setpoint_point(MAX_UNITS)
        statuses = {unit.points["status"] for unit in self._units.values()}
        faults = {u.points["fault"] for u in self._units.values() if "fault" in u.points}
        self.reads = frozenset({group.mode_point, self._cap_point, self._pressure}) | {
            *statuses,
            *faults,
        }
        self._idle = frozenset({group.mode_point, *statuses, *faults})
        self.writes = frozenset({u.points["enable"] for u in self._units.values()}) | {
            *self._others
        }
        self._looked_at = self.reads | {u.points["enable"] for u in self._units.values()}
        self._last = NOTHING

    def initial(self) -> CompressorState:
        return CompressorState()

    def decide(
        self, snapshot: Snapshot, state: CompressorState, now: datetime
    ) -> Decision[CompressorState]:
        units = {name: self._unit(snapshot, name) for name in self._units}
        run = accumulate(state.run, [n for n, unit in units.items() if unit.running], now)
        state = replace(state, run=run)
        mode = snapshot.awards.get(self._group.mode_point)
        if mode is None:
            return Decision((), CompressorState(run=run))
        if mode.value not in groups.MODES:
            unknown = groups.unknown_mode(self._group, mode.value)
            return Decision((), CompressorState(run=run), (unknown,))
        faults = self._faults(snapshot)
        if mode.value == "off":
            resting = not any(unit.running for unit in units.values())
            # Hours begin to count again with the first that runs: until then nobody has to look.
            state = CompressorState(run=RunHours(run.hours) if resting else run)
            commands = self._commands(state, mode, None, None)
            return Decision(commands, state, faults, depends_on=self._idle if resting else None)
        pressure_kpa = snapshot.number(self._pressure)
        cap_award = snapshot.awards.get(self._cap_point)
        cap = self._cap(snapshot)
        state = self._time(state, pressure_kpa, now)
        if not state.on:
            # What runs already, because a state was lost, is kept; the pressure decides from here.
            running = sum(unit.running and unit.available for unit in units.values())
            state = replace(state, on=True)
            count = max(self._parameters.min_units, running)
        else:
            count = len(state.wanted)
            state, count = self._count(state, count, cap, now)
        limit = len(units) if state.cap_released else cap
        count = min(max(count, self._least(cap)), limit)
        state = self._choose(state, count, units, pressure_kpa)
        return Decision(
            self._commands(state, mode, cap_award, cap),
            state,
            (*faults, *self._conditions(state, cap, now)),
            stands_until=self._handover(state, units, now),
            depends_on=None if self._counts(state) else self._looked_at,
        )

    def _counts(self, state: CompressorState) -> bool:
        """Whether a delay runs: then it is asked in each cycle."""
        timed = (state.low_since, state.high_since, state.critical_since, state.bad_since)
        return state.cap_released or any(start is not None for start in timed)

    def _handover(
        self, state: CompressorState, units: Mapping[str, _Unit], now: datetime
    ) -> datetime:
        """When a unit that has run less may be due; a while from now at the latest."""
        spare = [state.run.of(n) for n, u in units.items() if u.available and n not in state.wanted]
        if not spare or not state.wanted:
            return now + LOOKED_AT_EVERY
        ahead_h = max(map(state.run.of, state.wanted)) - min(spare)
        left = timedelta(hours=self._parameters.rotate_h - ahead_h)
        return now + min(max(left, timedelta(0)), LOOKED_AT_EVERY)

    # --- how many ----------------------------------------------------------------------------

    def _time(
        self, state: CompressorState, pressure_kpa: float | None, now: datetime
    ) -> CompressorState:
        known, p = pressure_kpa is not None, pressure_kpa or 0.0
        timed = (
            since(known and p < self._parameters.low_kpa, state.low_since, now),
            since(known and p > self._parameters.high_kpa, state.high_since, now),
            since(known and p < self._critical_kpa, state.critical_since, now),
            since(not known, state.bad_since, now),
        )
        low, high, critical, bad = timed
        return replace(
            state, low_since=low, high_since=high, critical_since=critical, bad_since=bad
        )

    def _count(
        self, state: CompressorState, count: int, cap: int, now: datetime
    ) -> tuple[CompressorState, int]:
        """The number of units the pressure asks for. Each change restarts its delay.

        A released cap is in force again once the pressure has shed the units above it.
        """
        if lasted(state.critical_since, CRITICAL_FOR_S, now) and not state.cap_released:
            if count >= cap and cap < len(self._units):
                return replace(state, cap_released=True, low_since=now), count + 1
        elif state.cap_released and state.critical_since is None and count <= cap:
            state = replace(state, cap_released=False)
        limit = len(self._units) if state.cap_released else cap
        if lasted(state.low_since, self._parameters.add_delay_s, now) and count < limit:
            return replace(state, low_since=now), count + 1
        if lasted(state.high_since, self._parameters.shed_delay_s, now) and count > self._least(
            cap
        ):
            return replace(state, high_since=now), count - 1
        return state, count

    def _least(self, cap: int) -> int:
        """A cap below `min_units` counts; else, once released, it could never be in force again."""
        return min(self._parameters.min_units, cap)

    def _cap(self, snapshot: Snapshot) -> int:
        given = groups.setpoint(snapshot, self._group, MAX_UNITS)
        return len(self._units) if given is None else min(max(int(given), 0), len(self._units))

    # --- which -------------------------------------------------------------------------------

    def _choose(
        self,
        state: CompressorState,
        count: int,
        units: Mapping[str, _Unit],
        pressure_kpa: float | None,
    ) -> CompressorState:
        """Those that run go on; the least run is added, the most run is shed or relieved.

        A unit that an operator runs counts as one of them.
        """
        manual = [name for name, unit in units.items() if unit.manual]
        kept = [n for n in state.wanted if n in units and units[n].available and n not in manual]
        kept = [*manual, *by_run_hours(kept, state.run)][: max(count, len(manual))]
        spare = [
            *by_run_hours(
                (n for n, unit in units.items() if unit.available and n not in kept),
                state.run,
                first=[n for n, unit in units.items() if unit.running],
            )
        ]
        while len(kept) < count and spare:
            kept.append(spare.pop(0))
        if spare and len(kept) > len(manual) and self._calm(pressure_kpa):
            most = kept[-1]
            least = min(spare, key=state.run.of)
            if state.run.of(most) - state.run.of(least) >= self._parameters.rotate_h:
                kept[-1] = least
        wanted = tuple(kept)
        return state if wanted == state.wanted else replace(state, wanted=wanted)

    def _calm(self, pressure_kpa: float | None) -> bool:
        """Enough pressure to do without a unit while another starts."""
        middle = (self._parameters.low_kpa + self._parameters.high_kpa) / 2
        return pressure_kpa is not None and pressure_kpa >= middle

    def _unit(self, snapshot: Snapshot, name: str) -> _Unit:
        points = self._units[name].points
        enable = points["enable"]
        award = groups.overruled(snapshot, enable, self.priority)
        faulty = "fault" in points and bool(snapshot.flag(points["fault"]))
        return _Unit(
            bool(snapshot.flag(points["status"])),
            not faulty and (award is None or is_on(award.value)),
            groups.manually_on(snapshot, enable, self.priority) and not faulty,
        )

    # --- what comes out ----------------------------------------------------------------------

    def _commands(
        self, state: CompressorState, mode: Award, cap_award: Award | None, cap: int | None
    ) -> tuple[Command, ...]:
        key = (state.wanted, state.cap_released, mode, cap_award)
        if self._last.key == key:
            return self._last.commands
        reason = groups.because(msg("group {mode}", mode=mode.value), mode)
        if state.on:
            text = msg("{units} of at most {cap} units", units=len(state.wanted), cap=cap)
            if state.cap_released:
                text = msg(
                    "{units} units, cap of {cap} released for lack of pressure",
                    units=len(state.wanted),
                    cap=cap,
                )
            elif cap_award is not None:
                text = groups.because(text, cap_award)
            reason = joined("; ", text, reason)
        commands = []
        for name, unit in self._units.items():
            on = name in state.wanted
            place = (
                msg("place {index} in the order", index=state.wanted.index(name) + 1)
                if on
                else msg("standby")
            )
            text = msg("{place}: {reason}", place=place, reason=reason) if state.on else reason
            commands.append(self._command(unit.points["enable"], on, text))
        plain = groups.because(msg("group {mode}", mode=mode.value), mode)
        commands += [self._command(point, state.on, plain) for point in self._others]
        self._last = Commanded(key, tuple(commands))
        return self._last.commands

    def _command(self, point: PointId, on: bool, reason: str) -> Command:
        return Command(
            point=point, value=int(on), priority=self.priority, source=self.name, reason=reason
        )

    def _faults(self, snapshot: Snapshot) -> tuple[Condition, ...]:
        return tuple(
            Condition(
                f"{unit.id}:fault",
                Severity.URGENT,
                msg("{equipment} reports a fault", equipment=unit.id),
            )
            for unit in self._units.values()
            if "fault" in unit.points and snapshot.flag(unit.points["fault"])
        )

    def _conditions(self, state: CompressorState, cap: int, now: datetime) -> tuple[Condition, ...]:
        found = []
        group = self._group.id
        if lasted(state.critical_since, CRITICAL_FOR_S, now) or state.cap_released:
            text = msg(
                "{group}: pressure below {critical_kpa:g} kPa for {critical_for_s:g} s",
                group=group,
                critical_kpa=self._critical_kpa,
                critical_for_s=CRITICAL_FOR_S,
            )
            if state.cap_released:
                released = msg("the cap of {cap} units is released", cap=cap)
                text = joined("; ", text, released)
            found.append(Condition(f"{group}:pressure", Severity.CRITICAL, text))
        if lasted(state.bad_since, INPUT_ALARM_AFTER_S, now):
            text = msg(
                "{pressure} is not good: {units} units go on as they were",
                pressure=self._pressure,
                units=len(state.wanted),
            )
            found.append(Condition(f"{group}:pressure-sensor", Severity.URGENT, text))
        return tuple(found)


def _build(group: Group) -> Sequence[Controller[Any]]:
    return (CompressorController(group),)


def _check(group: Group) -> Sequence[groups.Finding]:
    parameters: CompressorParameters = group.parameters
    where = ("parameters", "header")
    found = [*groups.named(group, where, parameters.header, "air_header", ["pressure"])]
    found += groups.members_without(group, "enable")
    units = [m for m in group.members if m.kind.name == "air_compressor"]
    if not units:
        found.append((("members",), msg("no member is an air_compressor")))
    found += [
        (
            ("members",),
            msg("{short} (air_compressor) has no 'status' point", short=groups.short(unit)),
        )
        for unit in units
        if "status" not in unit.points
    ]
    if parameters.low_kpa >= parameters.high_kpa:
        found.append((("parameters", "low_kpa"), msg("low_kpa must be below high_kpa")))
    if parameters.critical_kpa is not None and parameters.critical_kpa >= parameters.low_kpa:
        found.append((("parameters", "critical_kpa"), msg("critical_kpa must be below low_kpa")))
    if parameters.min_units > len(units):
        found.append(
            (
                ("parameters", "min_units"),
                msg("the group has {units} compressors", units=len(units)),
            )
        )
    return found


COMPRESSORS = StrategySpec(
    name="compressors",
    summary=msg("air compressors by header pressure, lead by run hours, capped by the schedule"),
    modes=groups.MODES,
    setpoints={MAX_UNITS: Setpoint("units", 0, 100)},
    parameters=CompressorParameters,
    check=_check,
    build=_build,
)
