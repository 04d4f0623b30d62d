"""Terminals of an air handler: setpoints handed on, and boxes that the controller moves. Pure.

Guideline 36, 5.6 and 5.7, thinned: a box's cooling loop moves its air from the least to its design,
its heating loop the reheat coil at the least air. A box that holds its zone by itself gets its
setpoints and no more.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime

from bms.config.site import Group
from bms.control.blocks.delays import passed_s
from bms.control.blocks.resets.linear_reset import Line
from bms.control.strategies import group as groups
from bms.control.strategies.air.asked import (
    MODES,
    STILL,
    asked,
    number_asked,
    own_mode_point,
    pair_of,
)
from bms.control.strategies.air.handling.moved_outputs import Outputs, Wish, moved
from bms.control.strategies.air.handling.supply_air import ZoneLoops, follow_zone
from bms.control.strategies.air.planning.zone_requests import temperature_of
from bms.control.strategies.air.served import Unit
from bms.core.decisions import Award, Decision, Priority, Snapshot, Stage
from bms.core.equipment import Equipment
from bms.texts.messages import Message, msg

LOOK_S = 10.0


@dataclass(frozen=True, slots=True)
class BoxState:
    """Its zone's loops, and where its outputs stand."""

    loops: ZoneLoops = field(default_factory=ZoneLoops)
    outputs: dict[str, float] = field(default_factory=dict)
    looked_s: float | None = None


class Box:
    """One terminal of a handler; see the module."""

    stage = Stage.SEQUENCE
    priority = Priority.SEQUENCE

    def __init__(self, group: Group, unit: Unit, terminal: Equipment) -> None:
        self.name = f"box:{terminal.id}"
        self._group = group
        self._unit = unit
        self._terminal = terminal
        leave = unit.parameters.leave
        self._points = {
            role: point
            for role in terminal.points
            if (point := terminal.commanded(role)) is not None and role not in leave
        }
        self.reads = frozenset(
            {group.mode_point, own_mode_point(unit.machine), *terminal.points.values()}
        )
        self.writes = frozenset(self._points.values())
        self._outputs = Outputs(self.name, self.priority)
        self._last: tuple[Award, Decision[BoxState]] | None = None

    def initial(self) -> BoxState:
        return BoxState()

    def decide(
        self,
        snapshot: Snapshot,
        state: BoxState,
        now: datetime,  # noqa: ARG002
    ) -> Decision[BoxState]:
        mode = asked(snapshot, self._group, self._unit.machine, "mode")
        if mode is None or mode.value not in MODES:
            return Decision((), BoxState())
        watched_s, last = snapshot.watched_s, self._last
        if last is not None and state.looked_s is not None:
            young = 0.0 <= watched_s - state.looked_s < LOOK_S
            if young and last[0] == mode and last[1].state is state:
                return last[1]
        on = mode.value not in STILL
        loops = self._follow(snapshot, state, on and mode.value not in ("vent", "purge"))
        wishes = self._wishes(snapshot, loops, on, groups.because(_told(mode), mode))
        shown = {role: snapshot.number(self._points[role]) for role in wishes}
        positions = moved(state.outputs, wishes, shown, passed_s(state.looked_s, watched_s))
        state = replace(state, loops=loops, outputs=positions, looked_s=watched_s)
        decision = Decision(
            self._outputs.commands(self._points, wishes, positions),
            state,
            stands_until_s=watched_s + LOOK_S,
            depends_on=frozenset({self._group.mode_point, own_mode_point(self._unit.machine)}),
        )
        self._last = (mode, decision)
        return decision

    def _follow(self, snapshot: Snapshot, state: BoxState, works: bool) -> ZoneLoops:
        moves = self._points.keys() & {"damper", "airflow_setpoint", "reheat_valve"}
        if not moves or "zone_temp" not in self._terminal.points:
            return state.loops
        zone_c = temperature_of(snapshot, self._terminal)
        pair = pair_of(snapshot, self._group, self._unit, self._terminal)
        return follow_zone(
            state.loops,
            None if zone_c is None else zone_c - pair.cooling_c,
            None if zone_c is None else pair.heating_c - zone_c,
            works,
            snapshot.watched_s,
        )

    def _wishes(
        self, snapshot: Snapshot, loops: ZoneLoops, on: bool, because: Message
    ) -> dict[str, Wish]:
        p = self._unit.parameters
        cooling, heating = loops.cooling.output_pct, loops.heating.output_pct
        wishes = {"enable": Wish(int(on), because)}
        if "zone_temp" in self._terminal.points:
            share = Line(0.0, p.least_box_pct, 100.0, 100.0).at(cooling) if on else 0.0
            need = msg("the zone needs {need_pct:.0f} % of cooling", need_pct=cooling)
            reason = msg("{action} ← {reason}", action=need, reason=because)
            wishes["damper"] = Wish(share, reason, True)
            design = self._terminal.design.airflow_m3h
            if design is not None:
                wishes["airflow_setpoint"] = Wish(round(design * share / 100.0, 0), reason)
            need = msg("the zone needs {need_pct:.0f} % of heating", need_pct=heating)
            reason = msg("{action} ← {reason}", action=need, reason=because)
            wishes["reheat_valve"] = Wish(heating if on else 0.0, reason, True)
        names = ("zone_setpoint_c", "heating_setpoint_c", "cooling_setpoint_c")
        machine = self._unit.machine
        given = [number_asked(snapshot, self._group, machine, name) for name in names]
        if on and any(value is not None for value in given):
            pair = pair_of(snapshot, self._group, self._unit, self._terminal)
            middle = sum(pair) / 2.0 if given[0] is None else given[0]
            wishes["zone_setpoint"] = Wish(middle, because)
            wishes["heating_setpoint"] = Wish(pair.heating_c, because)
            wishes["cooling_setpoint"] = Wish(pair.cooling_c, because)
        return {role: wish for role, wish in wishes.items() if role in self._points}


def _told(mode: Award) -> Message:
    return msg("group {mode}", mode=mode.value)
