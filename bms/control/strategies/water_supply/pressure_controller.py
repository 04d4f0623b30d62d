"""Boosters that hold the pressure of a water main. Pure.

Speeds by pressure, pumps by need, turns by run hours. Two transmitters vote; where they disagree
for long, the higher one counts, so that pipes are safe. Nothing tells the pressure: one pump runs
at a fixed speed. Whether the tank behind has water is the level guard's business.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from bms.config.site import Group
from bms.control.blocks.commanded import NOTHING, Commanded
from bms.control.blocks.delays import held_for, holds_since
from bms.control.blocks.inputs.signals import signal_of
from bms.control.blocks.inputs.voted import SafeSide, VoteRules, VoteState, vote
from bms.control.engine.states import Words
from bms.control.strategies import group as groups
from bms.control.strategies.water.machinery import View
from bms.control.strategies.water_supply.leak_watch import (
    Night,
    NightState,
    leaks_m3h,
    next_change,
    watch_night,
)
from bms.control.strategies.water_supply.level_orders import NIGHT_FLOW, PUMPS, leak_condition
from bms.control.strategies.water_supply.pressure_parameters import PRESSURE_KPA, PressureParameters
from bms.control.strategies.water_supply.pressure_steps import (
    PressureInputs,
    PressureState,
    step_pressure,
)
from bms.control.strategies.water_supply.pump_house import HouseState, PumpHouse
from bms.core.decisions import (
    Award,
    Command,
    Condition,
    Decision,
    Fact,
    Priority,
    Severity,
    Snapshot,
    Stage,
)
from bms.texts.messages import msg
from drivers.points import PointId

CRITICAL_FOR_S: Final = 60.0
BURST_FOR_S: Final = 600.0
BLIND_FOR_S: Final = 10.0
"""A pressure that is not known falls back at once; it is an alarm once it lasts."""
FLOW_MARGIN: Final = 1.1
"""Pumps carry more than their design at less than their pressure."""


@dataclass(frozen=True, slots=True)
class BoosterState:
    """What boosters remember; times in watched seconds."""

    steps: PressureState = field(default_factory=PressureState)
    house: HouseState = field(default_factory=HouseState)
    vote: VoteState = field(default_factory=VoteState)
    night: NightState = field(default_factory=NightState)
    blind_since_s: float | None = None
    low_since_s: float | None = None
    burst_since_s: float | None = None


@dataclass(frozen=True, slots=True)
class _Look:
    snapshot: Snapshot
    mode: Award
    pressure_kpa: float | None
    setpoint_kpa: float
    flow_m3h: float | None
    odd: str


class PressureController:
    """Runs the boosters of one main; see the module."""

    stage = Stage.SEQUENCE
    priority = Priority.SEQUENCE

    def __init__(self, group: Group) -> None:
        parameters: PressureParameters = group.parameters
        self.name = f"pressure_pumps:{group.id}"
        self._group = group
        self._parameters = parameters
        main = group.equipment[parameters.main]
        self._pressures = tuple(
            main.points[role] for role in ("pressure", "second_pressure") if role in main.points
        )
        self._flow = main.points.get("flow")
        self._main_setpoint = main.commanded("pressure_setpoint")
        self._house = PumpHouse(group, group.members, parameters.proof_s, self._flow)
        self._speeds = {pump.name: pump.speed for pump in self._house.pumps if pump.speed}
        flows = [pump.design.flow_m3h for pump in group.members]
        self._pump_m3h = max((flow for flow in flows if flow), default=None)
        self._burst_m3h = parameters.burst_m3h
        if self._burst_m3h is None and flows and all(flows):
            self._burst_m3h = FLOW_MARGIN * sum(flow for flow in flows if flow)
        night = parameters.night
        self._night = Night(group.zone, night.from_h, night.to_h, night.usual_m3h)
        self._setpoint = group.setpoint_point(PRESSURE_KPA)
        commanded = [*self._house.enables, *self._speeds.values()]
        if self._main_setpoint is not None:
            commanded.append(self._main_setpoint)
        self.writes = frozenset(commanded)
        seen = {*self._pressures, *((self._flow,) if self._flow else ())}
        self.reads: frozenset[PointId] = frozenset(
            {group.mode_point, self._setpoint, *seen} | self._house.reads
        )
        self._stands_on = frozenset({group.mode_point, self._setpoint, *self._house.enables}) | (
            self._house.machinery.reads
        )
        self._last = NOTHING

    def initial(self) -> BoosterState:
        return BoosterState()

    def decide(
        self, snapshot: Snapshot, state: BoosterState, now: datetime
    ) -> Decision[BoosterState]:
        mode = snapshot.awards.get(self._group.mode_point)
        if mode is None or mode.value not in groups.MODES:
            unknown = () if mode is None else (groups.unknown_mode(self._group, mode.value),)
            return Decision((), replace(state, steps=PressureState()), unknown)
        look, state = self._look(snapshot, state, mode, now)
        on = mode.value == "on"
        steps = PressureState()
        if on:
            inputs = PressureInputs(
                look.pressure_kpa, look.setpoint_kpa, look.flow_m3h, self._pump_m3h,
                len(self._house.proven(state.house)),
            )  # fmt: skip
            steps = step_pressure(
                state.steps, self._parameters, inputs, pumps=len(self._house.pumps),
                drives=bool(self._speeds), watched_s=look.snapshot.watched_s,
            )  # fmt: skip
        short_kpa = look.setpoint_kpa - self._parameters.band_kpa
        draws = look.pressure_kpa is not None and look.pressure_kpa < short_kpa
        house, views = self._house.look(snapshot, state.house, steps.count, draws=draws)
        state = replace(state, steps=steps, house=house)
        key = (mode, look.setpoint_kpa, house.on, steps.count, _speed(steps),
               look.pressure_kpa is None)  # fmt: skip
        if self._last.key != key:
            self._last = Commanded(key, self._commands(look, state))
        conditions = self._conditions(look, state, views)
        facts = self._facts(state)
        if on or not self._house.rests(house, views):
            return Decision(self._last.commands, state, conditions, facts)
        return Decision(
            self._last.commands, state, conditions, facts,
            stands_until=next_change(self._night, now), depends_on=self._stands_on,
        )  # fmt: skip

    def _look(
        self, snapshot: Snapshot, state: BoosterState, mode: Award, now: datetime
    ) -> tuple[_Look, BoosterState]:
        watched_s = snapshot.watched_s
        given = groups.setpoint(snapshot, self._group, PRESSURE_KPA)
        setpoint = self._parameters.setpoint_kpa if given is None else given
        rules = VoteRules(max(10.0, 0.05 * setpoint), SafeSide.HIGH)
        signals = {point: signal_of(snapshot.samples.get(point)) for point in self._pressures}
        voted = vote(state.vote, rules, signals, watched_s)
        pressure = voted.result.good
        flow = None if self._flow is None else snapshot.number(self._flow)
        on = mode.value == "on"
        low = on and pressure is not None and pressure < self._parameters.lowest_kpa
        burst = self._burst_m3h is not None and flow is not None and flow > self._burst_m3h
        night = state.night
        if self._flow is not None:
            night = watch_night(night, self._night, flow, now, watched_s)
        state = replace(
            state,
            vote=voted.state,
            night=night,
            blind_since_s=holds_since(pressure is None and on, state.blind_since_s, watched_s),
            low_since_s=holds_since(low, state.low_since_s, watched_s),
            burst_since_s=holds_since(burst, state.burst_since_s, watched_s),
        )
        odd = voted.result.detail if voted.state.flagged else ""
        return _Look(snapshot, mode, pressure, setpoint, flow, odd), state

    # --- what comes out ----------------------------------------------------------------------

    def _commands(self, look: _Look, state: BoosterState) -> tuple[Command, ...]:
        why = groups.because(self._why(look, state), look.mode)
        speed = _speed(state.steps)
        wishes: list[tuple[PointId | None, float | int, Words]] = []
        for pump in self._house.pumps:
            told = self._house.tried_again(pump, state.house) or why
            wishes.append((pump.enable, int(pump.name in state.house.on), told))
            wishes.append((pump.speed, speed, why))
        wishes.append((self._main_setpoint, look.setpoint_kpa, why))
        return tuple(
            Command(
                point=point,
                value=wish,
                priority=self.priority,
                source=self.name,
                reason=reason,
            )
            for point, wish, reason in wishes
            if point is not None
        )

    def _why(self, look: _Look, state: BoosterState) -> Words:
        if look.mode.value != "on":
            return msg("group {mode}", mode=look.mode.value)
        if look.pressure_kpa is None:
            return msg("pressure not known: {count} pumps at {speed_pct:g} %",
                       count=state.steps.count, speed_pct=_speed(state.steps))  # fmt: skip
        if not state.steps.count:
            return msg("nobody draws: pumps start below {start_kpa:g} kPa",
                       start_kpa=look.setpoint_kpa - self._parameters.band_kpa)  # fmt: skip
        return msg("{count} of {pumps} pumps hold {setpoint_kpa:g} kPa", count=state.steps.count,
                   pumps=len(self._house.pumps), setpoint_kpa=look.setpoint_kpa)  # fmt: skip

    def _facts(self, state: BoosterState) -> tuple[Fact, ...]:
        found = [Fact(self._group.fact_point(PUMPS), float(len(state.house.on)))]
        if state.night.last_m3h is not None:
            point = self._group.fact_point(NIGHT_FLOW)
            found.append(Fact(point, round(state.night.last_m3h, 2)))
        return tuple(found)

    def _conditions(
        self, look: _Look, state: BoosterState, views: Mapping[str, View]
    ) -> tuple[Condition, ...]:
        found = self._house.conditions(state.house)
        group, watched_s = self._group.id, look.snapshot.watched_s
        if state.steps.count and not self._house.able(state.house, views):
            text = msg("{group}: no pump can run, and people draw water", group=group)
            found.append(Condition(f"{group}:no-pump", Severity.CRITICAL, text))
        if held_for(state.blind_since_s, BLIND_FOR_S, watched_s):
            text = msg("{group}: the pressure is not known; look at its transmitters", group=group)
            found.append(Condition(f"{group}:pressure-sensor", Severity.URGENT, text))
        elif look.odd:
            text = msg("{group}: {flaw}; the higher one counts", group=group, flaw=look.odd)
            found.append(Condition(f"{group}:pressure-sensor", Severity.URGENT, text))
        if held_for(state.burst_since_s, BURST_FOR_S, watched_s):
            text = msg(
                "{group}: {flow_m3h:.1f} m3/h, more than the pumps are made for: a burst pipe?",
                group=group,
                flow_m3h=look.flow_m3h or 0.0,
            )
            found.append(Condition(f"{group}:burst", Severity.CRITICAL, text))
        if held_for(state.low_since_s, CRITICAL_FOR_S, watched_s):
            text = msg("{group}: pressure below {critical_kpa:g} kPa for a minute", group=group,
                       critical_kpa=self._parameters.lowest_kpa)  # fmt: skip
            found.append(Condition(f"{group}:pressure", Severity.CRITICAL, text))
        leak = leaks_m3h(state.night, self._night)
        if leak is not None:
            found.append(leak_condition(group, leak))
        return tuple(found)


def _speed(steps: PressureState) -> float:
    return round(steps.loop.output_pct, 1)
