"""One fan coil: the SEQUENCE stage of `air_handlers` for rooms with a coil of their own. Pure.

Guideline 36, 5.22: one loop of cooling, one of heating; from 10 % the valve opens, from half on the
fan speeds up (cooling 20 to 100 %, heating 10 to 60 %). An open window takes the setpoints to 4 and
49 degC, an empty room by half a kelvin apart. Fallback: a bad zone is the median of the group's;
without that the valves are shut.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from statistics import median

from bms.config.site import Group
from bms.control.blocks.delays import held_for, holds_since, passed_s
from bms.control.blocks.resets.linear_reset import Line
from bms.control.strategies import group as groups
from bms.control.strategies.air.air_facts import UnitFact, fact_name
from bms.control.strategies.air.asked import (
    MODES,
    STILL,
    Pair,
    asked,
    number_asked,
    own_mode_point,
    pair_of,
    unknown_mode,
)
from bms.control.strategies.air.handling.moved_outputs import Outputs, Wish, moved
from bms.control.strategies.air.handling.supply_air import (
    DEADBAND_PCT,
    HALF_PCT,
    ZoneLoops,
    follow_zone,
)
from bms.control.strategies.air.planning.zone_requests import temperature_of
from bms.control.strategies.air.served import Unit
from bms.core.decisions import Decision, Fact, Priority, Snapshot, Stage
from bms.texts.messages import Message, msg
from drivers.points import PointId

LOOK_S = 10.0
WINDOW = Pair(4.0, 49.0)
EMPTY_S = 300.0
EMPTY_K = 0.5
VALVE = Line(DEADBAND_PCT, 0.0, HALF_PCT, 100.0)
COOLING_FAN = Line(HALF_PCT, 20.0, 100.0, 100.0)
HEATING_FAN = Line(HALF_PCT, 10.0, 100.0, 60.0)


@dataclass(frozen=True, slots=True)
class FanCoilState:
    """Its loops, and since when the room has been empty."""

    loops: ZoneLoops = field(default_factory=ZoneLoops)
    empty_since_s: float | None = None
    wanted_since_s: float | None = None
    outputs: dict[str, float] = field(default_factory=dict)
    looked_s: float | None = None


class FanCoil:
    """See the module."""

    stage = Stage.SEQUENCE
    priority = Priority.SEQUENCE

    def __init__(
        self, group: Group, unit: Unit, stagger_s: float, neighbours: tuple[PointId, ...]
    ) -> None:
        self.name = f"fan_coil:{unit.machine.id}"
        self._group = group
        self._unit = unit
        self._stagger_s = stagger_s
        self._neighbours = neighbours
        machine = unit.machine
        self._points = unit.outputs
        self._modes = (group.mode_point, own_mode_point(machine))
        self.reads = frozenset({*machine.points.values(), *self._modes, *neighbours})
        self.writes = frozenset(self._points.values())
        self._outputs = Outputs(self.name, self.priority)
        self._last: tuple[object, Decision[FanCoilState]] | None = None
        self._mode_fact = group.fact_point(fact_name(unit.name, UnitFact.AIR_MODE))

    def initial(self) -> FanCoilState:
        return FanCoilState()

    def decide(
        self,
        snapshot: Snapshot,
        state: FanCoilState,
        now: datetime,  # noqa: ARG002
    ) -> Decision[FanCoilState]:
        mode = asked(snapshot, self._group, self._unit.machine, "mode")
        if mode is None:
            return Decision((), FanCoilState())
        if mode.value not in MODES:
            return Decision((), FanCoilState(), (unknown_mode(self._group, mode.value),))
        watched_s = snapshot.watched_s
        enable = self._points.get("enable")
        key = (*map(snapshot.awards.get, self._modes), snapshot.awards.get(enable or ""))
        if self._last is not None and state.looked_s is not None:
            before, last = self._last
            young = 0.0 <= watched_s - state.looked_s < LOOK_S
            if young and before == key and last.state is state:
                return last
        by_hand = enable is not None and groups.manually_on(snapshot, enable, self.priority)
        on = mode.value not in STILL or by_hand
        because = groups.because(msg("group {mode}", mode=mode.value), mode)
        state = replace(state, wanted_since_s=holds_since(on, state.wanted_since_s, watched_s))
        started = on and (by_hand or held_for(state.wanted_since_s, self._stagger_s, watched_s))
        pair, why, state = self._pair(snapshot, state)
        zone_c = self._zone(snapshot)
        works = started and mode.value not in ("vent", "purge")
        loops = follow_zone(
            state.loops,
            None if zone_c is None else zone_c - pair.cooling_c,
            None if zone_c is None else pair.heating_c - zone_c,
            works and zone_c is not None,
            watched_s,
        )
        state = replace(state, loops=loops)
        wishes = self._wishes(snapshot, state, on, started, (pair, why, because))
        shown = {role: snapshot.number(self._points[role]) for role in wishes}
        step_s = passed_s(state.looked_s, watched_s)
        positions = moved(state.outputs, wishes, shown, step_s)
        state = replace(state, outputs=positions, looked_s=watched_s)
        decision = Decision(
            self._outputs.commands(self._points, wishes, positions),
            state,
            facts=(Fact(self._mode_fact, "occupied" if on else "unoccupied"),),
            stands_until_s=watched_s + LOOK_S,
            depends_on=frozenset({*self._modes} | ({enable} if enable else set())),
        )
        self._last = (key, decision)
        return decision

    def _pair(self, snapshot: Snapshot, state: FanCoilState) -> tuple[Pair, Message, FanCoilState]:
        """What its room is kept between now."""
        machine, watched_s = self._unit.machine, snapshot.watched_s
        window, people = machine.points.get("window"), machine.points.get("occupied")
        empty = people is not None and snapshot.flag(people) is False
        state = replace(state, empty_since_s=holds_since(empty, state.empty_since_s, watched_s))
        if window is not None and snapshot.flag(window):
            return WINDOW, msg("a window is open"), state
        pair = pair_of(snapshot, self._group, self._unit, machine)
        if held_for(state.empty_since_s, EMPTY_S, watched_s):
            wider = Pair(pair.heating_c - EMPTY_K, pair.cooling_c + EMPTY_K)
            return wider, msg("nobody is in the room"), state
        return pair, msg("people are there"), state

    def _zone(self, snapshot: Snapshot) -> float | None:
        """Its room, or what the other rooms of the group show in the middle."""
        machine = self._unit.machine
        own = temperature_of(snapshot, machine) if "zone_temp" in machine.points else None
        if own is not None:
            return own
        others = [v for p in self._neighbours if (v := snapshot.number(p)) is not None]
        return median(others) if others else None

    def _wishes(
        self,
        snapshot: Snapshot,
        state: FanCoilState,
        on: bool,
        started: bool,
        told: tuple[Pair, Message, Message],
    ) -> dict[str, Wish]:
        pair, why, because = told
        cooling, heating = state.loops.cooling.output_pct, state.loops.heating.output_pct
        reason = msg("{action} ← {reason}", action=why, reason=because)
        waits = msg(
            "{action} ← {reason}", action=msg("waits for its turn to start"), reason=because
        )
        wishes = {"enable": Wish(int(started), because if started or not on else waits)}
        was = state.outputs
        cooling_most = 100.0 if started and not was.get("heating_valve") else 0.0
        heating_most = 100.0 if started and not was.get("cooling_valve") else 0.0
        wishes["cooling_valve"] = Wish(VALVE.at(cooling), reason, True, 0.0, cooling_most)
        wishes["heating_valve"] = Wish(VALVE.at(heating), reason, True, 0.0, heating_most)
        given = number_asked(snapshot, self._group, self._unit.machine, "speed_pct")
        fan = HEATING_FAN.at(heating) if heating > cooling else COOLING_FAN.at(cooling)
        if not started:
            wishes["fan_speed"] = Wish(0.0, because, True)
        else:
            wishes["fan_speed"] = Wish(fan if given is None else given, reason, True)
        wishes |= self._setpoints(snapshot, pair, because)
        return {role: wish for role, wish in wishes.items() if role in self._points}

    def _setpoints(self, snapshot: Snapshot, pair: Pair, because: Message) -> dict[str, Wish]:
        """What is handed on to a thermostat of its own, where somebody asks for it."""
        machine = self._unit.machine
        middle, heating, cooling = (
            number_asked(snapshot, self._group, machine, name)
            for name in ("zone_setpoint_c", "heating_setpoint_c", "cooling_setpoint_c")
        )
        if (middle, heating, cooling) == (None, None, None):
            return {}
        zone = middle
        if zone is None:
            zone_c = self._zone(snapshot)
            warm = zone_c is not None and zone_c >= sum(pair) / 2.0
            zone = pair.cooling_c if warm else pair.heating_c
        return {
            "zone_setpoint": Wish(zone, because),
            "heating_setpoint": Wish(pair.heating_c, because),
            "cooling_setpoint": Wish(pair.cooling_c, because),
        }
