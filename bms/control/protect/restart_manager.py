"""Starts of one base, at slot 7: one after the other after an outage, and not too often. Pure.

What stands here holds machines off that stand still. It stops nothing that runs.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final

from bms.control.blocks.commanded import NOTHING, Commanded
from bms.control.blocks.machines.starts import Starts, count_starts, may_start_s
from bms.control.engine.protection import is_on
from bms.control.protect import restart
from bms.control.protect.outage import Restartable
from bms.control.protect.restart import Restart
from bms.control.protect.withheld import Cause, source_of
from bms.core.decisions import Command, Condition, Decision, Priority, Severity, Snapshot, Stage
from bms.core.equipment import Equipment
from bms.core.instants import local
from bms.core.machines.relations import StartLimits
from bms.texts.messages import Message, msg
from drivers.points import PointId

DEFAULT_STARTS: Final[Mapping[str, StartLimits]] = MappingProxyType(
    {
        "chiller": StartLimits(per_day=8),  # control reference, 7
        "heat_pump": StartLimits(per_day=24),  # D: they defrost, and houses are small
        "air_compressor": StartLimits(per_hour=4),  # control reference, 6
    }
)
"""By kind, where the equipment file gives no number."""
_AWAY: Final = msg("power, a PLC or the controller was away: waits until all is steady for 60 s")
_TURN: Final = msg("power, a PLC or the controller was away: waits for its turn to start")
_TRIED: Final = msg("tried first after an outage: it shows whether there is power")


@dataclass(frozen=True, slots=True)
class RestartState:
    """What is remembered of an outage, and of starts."""

    restart: Restart = field(default_factory=Restart)
    starts: Starts = field(default_factory=Starts)


class RestartManager:
    """Lets machines start in turn after an outage, and as often as their makers allow."""

    stage = Stage.PROTECT
    priority = Priority.RESTART

    def __init__(self, base: str, zone: str, machines: Sequence[Restartable]) -> None:
        self.name = f"restart:{base}"
        self._base, self._zone = base, zone
        self._machines = tuple(machines)
        self._limits = {
            one.name: (one, limits)
            for one in machines
            if (limits := limits_of(one.machine)) != StartLimits()
        }
        self.writes = frozenset(one.enable for one in machines)
        self.reads = self.writes | {one.runs.point for one in machines if one.runs is not None}
        self._last = NOTHING
        self._told: dict[tuple[str, tuple[float, ...]], Message] = {}

    def initial(self) -> RestartState:
        return RestartState()

    def decide(
        self, snapshot: Snapshot, state: RestartState, now: datetime
    ) -> Decision[RestartState]:
        after = restart.look(state.restart, self._machines, snapshot)
        starts = count_starts(state.starts, self._on(snapshot, state.starts), snapshot.steady_s)
        if after is not state.restart or starts is not state.starts:
            state = replace(state, restart=after, starts=starts)
        limited = self._limited(snapshot, state, now)
        held = restart.held(after)
        begun = after.healthy_s is not None and (
            snapshot.watched_s - after.healthy_s >= restart.HEALTHY_S
        )
        key = (held, begun, after.probe, limited)
        if self._last.key != key:
            commands = tuple(self._commands(held, limited, after.probe, begun=begun))
            self._last = Commanded(key, commands)
        conditions = self._conditions(snapshot, state, limited)
        seen = after.outage
        if not seen.over or seen.silent_s or seen.fell_s:
            return Decision(self._last.commands, state, conditions)
        waits_s = [
            may_start_s(starts, name, self._limits[name][1], snapshot.steady_s) for name in limited
        ]
        until_s = snapshot.watched_s + min(waits_s) if waits_s else None
        return Decision(
            self._last.commands, state, conditions, stands_until_s=until_s, depends_on=self.reads
        )

    def _on(self, snapshot: Snapshot, before: Starts) -> list[str]:
        """Machines whose starts are counted, and which are on; what cannot be read stays."""
        on = []
        for name, (one, _) in self._limits.items():
            flag = snapshot.flag(one.enable)
            if flag is None:
                flag = one.on(snapshot)
            if flag or (flag is None and name in before.on):
                on.append(name)
        return on

    def _limited(
        self, snapshot: Snapshot, state: RestartState, now: datetime
    ) -> Mapping[str, Message]:
        found: dict[str, Message] = {}
        for name, (_, limits) in self._limits.items():
            times_s = state.starts.times_s.get(name, ())
            if not times_s or name in state.starts.on:
                continue
            wait_s = may_start_s(state.starts, name, limits, snapshot.steady_s)
            if wait_s > 0.0:
                known = self._told.get((name, times_s))
                found[name] = known or self._too_often(name, limits, times_s, wait_s, now)
        if not found and self._told:
            self._told = {}
        return found

    def _too_often(
        self, name: str, limits: StartLimits, times_s: tuple[float, ...], wait_s: float,
        now: datetime,
    ) -> Message:  # fmt: skip
        next_minute = now + timedelta(seconds=wait_s + 59.0)
        when = local(next_minute.replace(second=0, microsecond=0), self._zone, "minutes")
        hourly = (
            limits.per_hour is not None
            and wait_s <= 3600.0
            and not (limits.per_day is not None and len(times_s) >= limits.per_day)
        )
        text = (
            msg("started {starts} times within 1 h; next start possible at {time}",
                starts=limits.per_hour, time=when)
            if hourly
            else msg("started {starts} times within 24 h; next start possible at {time}",
                     starts=len(times_s), time=when)
        )  # fmt: skip
        self._told[name, times_s] = text
        return text

    def _commands(
        self, held: Collection[str], limited: Mapping[str, Message], probe: str, *, begun: bool
    ) -> list[Command]:
        commands = []
        for one in self._machines:
            if one.name in held:
                commands.append(
                    self._command(one.enable, Cause.RESTART, 0, _TURN if begun else _AWAY)
                )
            elif one.name in limited:
                commands.append(self._command(one.enable, Cause.STARTS, 0, limited[one.name]))
            elif one.name == probe:
                commands.append(self._command(one.enable, Cause.RESTART, 1, _TRIED))
        return commands

    def _command(self, point: PointId, cause: Cause, on: int, reason: Message) -> Command:
        return Command(
            point=point,
            value=on,
            priority=self.priority,
            source=source_of(cause, self._base),
            reason=reason,
        )

    def _conditions(
        self, snapshot: Snapshot, state: RestartState, limited: Mapping[str, Message]
    ) -> tuple[Condition, ...]:
        conditions = []
        for name, reason in limited.items():
            award = snapshot.awards.get(self._limits[name][0].enable)
            if award is not None and is_on(award.value):
                text = msg("{machine} is not started: {reason}", machine=name, reason=reason)
                conditions.append(Condition(f"{name}:starts", Severity.URGENT, text))
        # Of a supply that is surely away the base's own alarm tells, once for all machines.
        for name in () if state.restart.outage.sure else state.restart.named:
            text = msg(
                "{machine} did not start in its turn after an outage: its power is still away, or "
                "it has failed; it is tried again",
                machine=name,
            )
            conditions.append(Condition(f"{name}:proof", Severity.URGENT, text))
        waiting = len(state.restart.outage.stopped)
        if waiting:
            text = msg(
                "{base}: machines start one after the other after an outage of power, of a PLC or "
                "of the controller; nobody has to do anything",
                base=self._base,
            )
            conditions.append(Condition(f"{self._base}:restart", Severity.URGENT, text))
        return tuple(conditions)


def limits_of(machine: Equipment) -> StartLimits:
    """How often a machine may start: its own numbers, else those of its kind."""
    own = machine.starts
    return DEFAULT_STARTS.get(machine.kind.name, own) if own == StartLimits() else own
