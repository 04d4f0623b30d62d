"""Groups that run as their schedule says: air handlers, fans, lighting, pumps, heaters. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from pydantic import Field

from bms.config.shapes.filemodel import FileModel
from bms.config.site import Group, Setpoint, StrategySpec
from bms.control.blocks.commanded import NOTHING, Commanded
from bms.control.protect.flow.flow_demands import unproven_flows
from bms.control.strategies import group as groups
from bms.core.decisions import Award, Command, Controller, Decision, Priority, Snapshot, Stage
from bms.texts.messages import msg
from drivers.points import PointId, Value

SETPOINTS: Mapping[str, Setpoint] = MappingProxyType(
    {
        "zone_setpoint_c": Setpoint.of("zone_setpoint", "degC"),
        "supply_setpoint_c": Setpoint.of("supply_setpoint", "degC"),
        "hw_setpoint_c": Setpoint.of("hw_setpoint", "degC"),
        "tank_setpoint_c": Setpoint.of("tank_setpoint", "degC"),
        "level_pct": Setpoint.of("level", "%"),
        "speed_pct": Setpoint.of("speed", "%"),
    }
)
_ROLES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "zone_setpoint_c": ("zone_setpoint",),
        "supply_setpoint_c": ("supply_setpoint",),
        "hw_setpoint_c": ("hw_setpoint",),
        "tank_setpoint_c": ("tank_setpoint",),
        "level_pct": ("level",),
        "speed_pct": ("speed",),
    }
)


class OnOffParameters(FileModel):
    """Parameters of `on_off`."""

    stagger_s: float = Field(default=0.0, ge=0, le=3600)
    """Seconds between one member's start and the next one's."""


@dataclass(frozen=True, slots=True)
class OnOffState:
    """When the group was switched on; None while it is off."""

    started: datetime | None = None


class OnOffController:
    """Enables all members in mode `on`, disables them in `off`, and hands on the setpoints.

    Member i starts i * stagger_s after the group; one that already runs is not stopped to wait
    for its turn. Without a mode everything is relinquished.
    """

    stage = Stage.SEQUENCE
    priority = Priority.SEQUENCE

    def __init__(self, group: Group) -> None:
        parameters: OnOffParameters = group.parameters
        self.name = f"on_off:{group.id}"
        self._group = group
        self._stagger_s = parameters.stagger_s
        self._enables = tuple(member.points["enable"] for member in group.members)
        self._statuses = tuple(member.points.get("status") for member in group.members)
        self._setpoints = tuple(
            (group.setpoint_point(name), member.points[role])
            for name in SETPOINTS
            for role in _ROLES[name]
            for member in group.members
            if role in member.points and member.kind.roles[role].command
        )
        self._inputs = (
            group.mode_point,
            *dict.fromkeys(given_by for given_by, _ in self._setpoints),
        )
        self._started_last = (len(self._enables) - 1) * self._stagger_s
        self._given = frozenset(self._inputs)
        self.reads = frozenset({*self._given, *(point for point in self._statuses if point)})
        self.writes = frozenset({*self._enables, *(point for _, point in self._setpoints)})
        self._last = NOTHING
        self._settled: tuple[list[Award | None], Decision[OnOffState]] | None = None
        """The answer as long as these awards stand: every member has had its turn."""

    def initial(self) -> OnOffState:
        return OnOffState()

    def decide(self, snapshot: Snapshot, state: OnOffState, now: datetime) -> Decision[OnOffState]:
        given = snapshot.awards.get
        awards = [given(point) for point in self._inputs]
        if self._settled is not None:
            before, answer = self._settled
            if state is answer.state and awards == before:
                return answer
            self._settled = None
        mode = awards[0]
        if mode is None:
            return Decision((), OnOffState(), depends_on=self._given)
        if mode.value not in groups.MODES:
            unknown = groups.unknown_mode(self._group, mode.value)
            return Decision((), OnOffState(), (unknown,), depends_on=self._given)
        turn: datetime | None = None
        if mode.value == "off":
            running: tuple[bool, ...] = ()
            state = state if state.started is None else OnOffState()
        else:
            started = state.started
            if started is None or started > now:
                state = OnOffState(started := now)
            elapsed_s = (now - started).total_seconds()
            running = self._running(snapshot, elapsed_s)
            if running:
                turns = int(elapsed_s // self._stagger_s) + 1
                turn = started + timedelta(seconds=turns * self._stagger_s)
        key = (running, *awards)
        if self._last.key != key:
            self._last = Commanded(key, tuple(self._commands(mode, running, awards)))
        decision = Decision(
            self._last.commands,
            state,
            stands_until=turn,
            depends_on=self.reads if running else self._given,
        )
        if not running:
            self._settled = (awards, decision)
        return decision

    def _running(self, snapshot: Snapshot, elapsed_s: float) -> tuple[bool, ...]:
        """Which members have had their turn; empty stands for "all" once the last one had."""
        if elapsed_s >= self._started_last:
            return ()
        return tuple(
            i * self._stagger_s <= elapsed_s or (status is not None and bool(snapshot.flag(status)))
            for i, status in enumerate(self._statuses)
        )

    def _commands(
        self, mode: Award, running: tuple[bool, ...], awards: Sequence[Award | None]
    ) -> list[Command]:
        group_state = groups.because(msg("group {mode}", mode=mode.value), mode)
        commands = []
        for i, point in enumerate(self._enables):
            on = mode.value == "on" and (not running or running[i])
            waits = mode.value == "on" and not on
            reason = (
                groups.because(msg("waits for its turn to start"), mode) if waits else group_state
            )
            commands.append(self._command(point, int(on), reason))
        given = dict(zip(self._inputs, awards, strict=True))
        for given_by, point in self._setpoints:
            award = given[given_by]
            if award is not None:
                name = given_by.rpartition(".")[2]
                reason = groups.because(msg("group {name}", name=name), award)
                commands.append(self._command(point, award.value, reason))
        return commands

    def _command(self, point: PointId, value: Value, reason: str) -> Command:
        return Command(
            point=point, value=value, priority=self.priority, source=self.name, reason=reason
        )


def _build(group: Group) -> Sequence[Controller[Any]]:
    return (OnOffController(group),)


def _check(group: Group) -> Sequence[groups.Finding]:
    return groups.members_without(group, "enable")


ON_OFF = StrategySpec(
    name="on_off",
    summary=msg("all members on or off as the schedule says, setpoints handed on"),
    modes=groups.MODES,
    setpoints=SETPOINTS,
    parameters=OnOffParameters,
    check=_check,
    build=_build,
    each=True,
    demands=unproven_flows,
)
