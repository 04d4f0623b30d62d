"""Fans beside air handlers: exhaust, toilets, fresh-air ventilators. Pure.

Exhaust follows the air handlers that it serves, or all of the group, and goes on for a minute after
them, toilets for half an hour; in epidemic ventilation both run as long as anything does. Fresh-air
ventilators run as the group says, by CO2 where they can. A fan that was proven and is lost for 15 s
is replaced by the one that stands by for it, and named.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime

from bms.config.site import Group
from bms.control.blocks.delays import held_for, holds_since
from bms.control.strategies import group as groups
from bms.control.strategies.air.air_parameters import AirParameters
from bms.control.strategies.air.asked import (
    MODES,
    STILL,
    asked,
    number_asked,
    own_mode_point,
    unknown_mode,
)
from bms.control.strategies.air.handling import fan_proof
from bms.control.strategies.air.handling.fan_proof import FanSeen, FanState
from bms.control.strategies.air.handling.moved_outputs import Outputs, Wish
from bms.control.strategies.air.served import Unit
from bms.core.decisions import (
    Award,
    Condition,
    Decision,
    Priority,
    Severity,
    Snapshot,
    Stage,
)
from bms.core.equipment import Equipment
from bms.texts.messages import Message, msg


@dataclass(frozen=True, slots=True)
class AirFanState:
    """Its fan, and since when what it follows has stood still."""

    fan: FanState = field(default_factory=FanState)
    alone_since_s: float | None = None
    ran: bool = False
    """What it follows has run, and its overrun is not over."""


@dataclass(frozen=True)
class Duty:
    """What a fan is for."""

    follows: tuple[Unit, ...] = ()
    """Air handlers; empty: it runs as the group says."""
    overrun_s: float = 0.0
    covers: tuple[Equipment, ...] = ()
    """Fans in whose place it runs when they are lost."""


class AirFan:
    """See the module."""

    stage = Stage.SEQUENCE
    priority = Priority.SEQUENCE

    def __init__(self, group: Group, unit: Unit, duty: Duty, stagger_s: float) -> None:
        self.name = f"fan:{unit.machine.id}"
        self._group = group
        self._unit = unit
        self._duty = duty
        self._stagger_s = stagger_s
        self._parameters: AirParameters = group.parameters
        machine = unit.machine
        self._points = unit.outputs
        self._modes = (group.mode_point, own_mode_point(machine))
        others = [u.machine for u in duty.follows] + list(duty.covers)
        seen = {m.points[r] for m in others for r in ("status", "enable") if r in m.points}
        own = {machine.points[r] for r in ("status", "damper_open", "co2") if r in machine.points}
        self.reads = frozenset({*self._modes, *seen, *own, *unit.co2_points})
        self.writes = frozenset(self._points.values())
        self._outputs = Outputs(self.name, self.priority)

    def initial(self) -> AirFanState:
        return AirFanState()

    def decide(
        self,
        snapshot: Snapshot,
        state: AirFanState,
        now: datetime,  # noqa: ARG002
    ) -> Decision[AirFanState]:
        mode = asked(snapshot, self._group, self._unit.machine, "mode")
        if mode is None:
            return Decision((), AirFanState())
        if mode.value not in MODES:
            return Decision((), AirFanState(), (unknown_mode(self._group, mode.value),))
        watched_s = snapshot.watched_s
        wanted, why, state = self._wanted(snapshot, state, mode)
        status, end_switch = (self._unit.measured(r) for r in ("status", "damper_open"))
        seen = FanSeen(
            status=None if status is None else snapshot.flag(status),
            stagger_s=self._stagger_s,
            damper_first="damper" in self._points,
            damper_told="damper" in self._points,
            damper_open=None if end_switch is None else snapshot.flag(end_switch),
            has_end_switch=end_switch is not None,
        )
        fan = fan_proof.look(state.fan, wanted, seen, watched_s)
        after = AirFanState(fan, state.alone_since_s, state.ran)
        state = state if after == state else after
        on = wanted and fan_proof.may_start(fan, seen, watched_s)
        reason = msg("{action} ← {reason}", action=why, reason=groups.because(_told(mode), mode))
        wishes = {"enable": Wish(int(on), reason), "damper": Wish(100.0 * wanted, reason)}
        speed = self._speed(snapshot, mode)
        if speed is not None:
            wishes["speed"] = Wish(speed, reason)
        wishes = {role: wish for role, wish in wishes.items() if role in self._points}
        commands = self._outputs.commands(self._points, wishes, {})
        return Decision(commands, state, self._conditions(state, watched_s))

    def _wanted(
        self, snapshot: Snapshot, state: AirFanState, mode: Award
    ) -> tuple[bool, Message, AirFanState]:
        """Whether it is to run, and why."""
        watched_s = snapshot.watched_s
        if self._duty.covers:
            lost = [m for m in self._duty.covers if self._is_lost(snapshot, m)]
            if not lost:
                return False, msg("stands by"), state
            name = groups.short(lost[0])
            return True, msg("in place of {machine}, which is lost", machine=name), state
        if mode.value == "isolate":
            return False, msg("nothing may carry the air on"), replace(state, ran=False)
        if not self._duty.follows:
            return mode.value not in STILL, msg("the ventilation of the group"), state
        runs = any(
            fan_proof.proven(snapshot, unit, mode.value not in STILL) for unit in self._duty.follows
        )
        runs = runs or mode.value in ("elevated", "full")
        ran = state.ran or runs
        alone_since_s = holds_since(not runs, state.alone_since_s, watched_s)
        over = not ran or held_for(alone_since_s, self._duty.overrun_s, watched_s)
        if not runs and over:
            ran = False
        state = replace(state, alone_since_s=alone_since_s, ran=ran)
        if runs:
            return True, msg("air handlers run"), state
        return (
            ran,
            msg("goes on after the air handlers") if ran else msg("air handlers rest"),
            state,
        )

    def _is_lost(self, snapshot: Snapshot, machine: Equipment) -> bool:
        """A fan is told to run and shows that it does not, or reports a fault."""
        fault, status = machine.points.get("fault"), machine.points.get("status")
        if fault is not None and snapshot.flag(fault):
            return True
        enable = machine.points.get("enable")
        told = enable is not None and bool(snapshot.flag(enable))
        return told and status is not None and snapshot.flag(status) is False

    def _speed(self, snapshot: Snapshot, mode: Award) -> float | None:
        """As asked; in epidemics all of it; by CO2 where it is measured."""
        if mode.value in ("elevated", "full", "purge"):
            return 100.0
        given = number_asked(snapshot, self._group, self._unit.machine, "speed_pct")
        if given is not None or self._duty.follows:
            return given
        values = [v for p in self._unit.co2_points if (v := snapshot.number(p)) is not None]
        if not values:
            return None
        p = self._parameters
        need = min(max((max(values) - p.co2_limit_ppm + 200.0) / 200.0, 0.0), 1.0)
        return round(p.min_speed_pct + (100.0 - p.min_speed_pct) * need, 0)

    def _conditions(self, state: AirFanState, watched_s: float) -> tuple[Condition, ...]:
        equipment = self._unit.machine.id
        if fan_proof.lost(state.fan, watched_s):
            text = msg(
                "{equipment} is commanded on and has stopped: look at its belt and its breaker",
                equipment=equipment,
            )
            return (Condition(f"{equipment}:fan", Severity.URGENT, text),)
        if fan_proof.damper_stuck(state.fan, watched_s):
            text = msg(
                "the damper of {equipment} does not open: its fan waits; look at its drive and "
                "its end switch",
                equipment=equipment,
            )
            return (Condition(f"{equipment}:damper", Severity.URGENT, text),)
        return ()


def _told(mode: Award) -> Message:
    return msg("group {mode}", mode=mode.value)


def duty_of(group: Group, unit: Unit, handlers: tuple[Unit, ...]) -> Duty:
    """What a fan of the group is for."""
    parameters: AirParameters = group.parameters
    covers = tuple(
        found
        for name in unit.machine.relations.stands_by_for
        if (found := group.equipment.get(name)) is not None
    )
    if covers:
        return Duty(covers=covers)
    served = tuple(h for h in handlers if h.name in unit.machine.relations.serves)
    if unit.name in parameters.toilets:
        return Duty(served or handlers, parameters.toilet_overrun_s)
    if served or unit.name in parameters.exhaust:
        return Duty(served or handlers, parameters.overrun_s)
    return Duty()
