"""Pumps that fill a tank or empty a pit, by its level. Pure.

Two pumps take turns; a further one comes as the level goes on falling (filling) or rising
(emptying); at the alarm level all run, in a pit in every mode. `economy` lets a tank fall further
in hours in which electricity is dear. Fallbacks:

- instruments contradict each other: what most agree on; else the safe side for each decision;
- nothing tells the level of a tank: it is filled by no more than surely fits above the last level
  that was known;
- nothing tells the level of a pit: one pump runs for two minutes in each quarter of an hour.
"""

from __future__ import annotations

from datetime import datetime

from bms.config.site import Group
from bms.control.blocks.commanded import NOTHING, Commanded
from bms.control.blocks.delays import held_for, holds_since, later, passed_s, soonest
from bms.control.blocks.replacing import replace
from bms.control.blocks.unmoved import Unmoved
from bms.control.protect.level.tank_gauge import TankGauge
from bms.control.strategies import group as groups
from bms.control.strategies.water_supply.leak_watch import (
    Night,
    next_change,
    watch_days,
    watch_night,
)
from bms.control.strategies.water_supply.level_orders import LevelOrders
from bms.control.strategies.water_supply.level_parameters import (
    MODES,
    START_PCT,
    STOP_PCT,
    LevelParameters,
)
from bms.control.strategies.water_supply.level_state import LevelLook, LevelState
from bms.control.strategies.water_supply.level_steps import count, steps_of
from bms.control.strategies.water_supply.pump_house import PumpHouse
from bms.core.decisions import Award, Condition, Decision, Priority, Severity, Snapshot, Stage
from bms.texts.messages import msg
from drivers.points import PointId

LEAST_RUN_S = 600.0
UNKNOWN_RUN_S = 3600.0
RUN_MARGIN = 3.0
LONGEST_STEP_S = 900.0
STEP_PCT, STEP_M3H = 1.0, 0.2
"""Smaller moves of a level or a flow change nothing (D)."""
PUMPING_S = 300.0
"""While pumps run and nothing is odd, they are looked at so often, and whenever the level moves."""
AT_NIGHT_S = 60.0
"""The flow at night is a mean: it is looked at so often."""


class LevelController:
    """Runs the pumps of one tank or pit; see the module."""

    stage = Stage.SEQUENCE
    priority = Priority.SEQUENCE

    def __init__(self, group: Group) -> None:
        parameters: LevelParameters = group.parameters
        self.name = f"level_pumps:{group.id}"
        self._group = group
        self._parameters = parameters
        tank = group.equipment[parameters.tank]
        members = list(group.members)
        others = [e for e in group.equipment.values() if e not in members]
        name = groups.short(tank)
        fillers = members if parameters.fills else [e for e in others if e.relations.fills == name]
        drawers = [e for e in others if e.relations.draws_from == name]
        self._gauge = TankGauge(tank, fillers, drawers if parameters.fills else members)
        self._flow = self._flow_point(group, parameters)
        self._drawn = tank.points.get("outflow") if parameters.fills else None
        """What people, and leaks, take out of the tank."""
        self._house = PumpHouse(group, members, parameters.proof_s, self._flow)
        rates = [pump.design.flow_m3h for pump in members]
        volume_m3 = tank.design.volume_m3
        self._rate_pct_h: float | None = None
        """What one pump moves, at the most; None where nobody wrote it down."""
        if volume_m3 is not None and all(rates):
            self._rate_pct_h = 100.0 * max(rate for rate in rates if rate) / volume_m3
        night = parameters.night
        self._night = Night(group.zone, night.from_h, night.to_h, night.usual_m3h)
        self._setpoints = (group.setpoint_point(START_PCT), group.setpoint_point(STOP_PCT))
        self._orders = LevelOrders(group, self._house, self._gauge.limits, self._night, self.name)
        self.writes = frozenset(self._house.enables)
        flows = (self._flow, self._drawn)
        self.reads: frozenset[PointId] = frozenset(
            {group.mode_point, *self._setpoints, *(p for p in flows if p is not None)}
            | self._gauge.reads
            | self._house.reads
        )
        self._stands_on = self.reads | self.writes
        creeps = dict.fromkeys(self._gauge.transmitters, STEP_PCT)
        creeps |= {point: STEP_M3H for point in flows if point is not None}
        self._unmoved: Unmoved[LevelState] = Unmoved(self._stands_on, creeps)
        self._last = NOTHING

    def initial(self) -> LevelState:
        return LevelState()

    def decide(self, snapshot: Snapshot, state: LevelState, now: datetime) -> Decision[LevelState]:
        stands = self._unmoved.stands(snapshot, state, now)
        return self._unmoved.keep(self._decide(snapshot, state, now)) if stands is None else stands

    def _decide(self, snapshot: Snapshot, state: LevelState, now: datetime) -> Decision[LevelState]:
        mode = snapshot.awards.get(self._group.mode_point)
        if mode is None or mode.value not in MODES:
            unknown = () if mode is None else (_unknown_mode(self._group, mode),)
            return Decision((), replace(state, count=0), unknown)
        look, state = self._look(snapshot, state, mode, now)
        wanted = self._count(look, state)
        house, views = self._house.look(snapshot, state.house, wanted)
        state = self._run(look, replace(state, count=wanted, house=house))
        look = replace(look, views=views)
        if self._last.key != (key := self._orders.key(look, state)):
            self._last = Commanded(key, self._orders.commands(look, state))
        conditions = self._orders.conditions(look, state)
        facts = self._orders.facts(look, state)
        if self._house.steady(house, views) and state.count and state.blind_since_s is None:
            longest_s = later(state.run_since_s, self._longest_s(look))
            return Decision(
                self._last.commands, state, conditions, facts,
                stands_until=next_change(self._night, now),
                stands_until_s=soonest(look.watched_s, look.watched_s + PUMPING_S, longest_s),
                depends_on=self._stands_on,
            )  # fmt: skip
        if state.count or state.blind_since_s is not None or not self._house.rests(house, views):
            return Decision(self._last.commands, state, conditions, facts)
        return Decision(
            self._last.commands, state, conditions, facts,
            stands_until=next_change(self._night, now),
            stands_until_s=look.watched_s + AT_NIGHT_S if state.night.night is not None else None,
            depends_on=self._stands_on,
        )  # fmt: skip

    def _flow_point(self, group: Group, parameters: LevelParameters) -> PointId | None:
        """What measures the flow of all pumps: the file's meter, or the tank's own."""
        if parameters.flow is not None:
            return group.equipment[parameters.flow].points.get("flow")
        role = "inflow" if parameters.fills else "outflow"
        return group.equipment[parameters.tank].points.get(role)

    # --- what is known -----------------------------------------------------------------------

    def _look(
        self, snapshot: Snapshot, state: LevelState, mode: Award, now: datetime
    ) -> tuple[LevelLook, LevelState]:
        watched_s = snapshot.watched_s
        gauge = self._gauge.judge(snapshot, state.gauge)
        level = self._gauge.level(snapshot, gauge)
        start = groups.setpoint(snapshot, self._group, START_PCT)
        stop = groups.setpoint(snapshot, self._group, STOP_PCT)
        steps = steps_of(
            self._parameters, self._gauge.limits, (start, stop),
            economy=mode.value == "economy", floats_only=not self._gauge.transmitters,
        )  # fmt: skip
        flow = None if self._flow is None else snapshot.number(self._flow)
        blind_since_s = holds_since(not level.known, state.blind_since_s, watched_s)
        step_s = min(LONGEST_STEP_S, passed_s(state.watched_s, watched_s))
        blind_s = 0.0 if level.known else state.blind_s
        if not level.known and state.house.on:
            blind_s += step_s * len(state.house.on)
        shown = level.shown_pct
        night = state.night
        if self._drawn is not None:
            drawn_m3h = snapshot.number(self._drawn)
            night = watch_night(night, self._night, drawn_m3h, now, watched_s)
        hours = sum(one.lifetime_h for one in state.house.record.machines.values())
        state = replace(
            state,
            gauge=gauge,
            last_pct=state.last_pct if shown is None else shown,
            blind_s=blind_s,
            blind_since_s=blind_since_s,
            night=night,
            days=watch_days(state.days, hours, self._group.zone, now),
            watched_s=watched_s,
        )
        return LevelLook(snapshot, mode, level, steps, {}, flow), state

    # --- how many ----------------------------------------------------------------------------

    def _count(self, look: LevelLook, state: LevelState) -> int:
        pumps = len(self._house.pumps)
        if look.level.known:
            flooding = not look.steps.fills and look.steps.alarming(look.level)
            if look.mode.value == "off":
                return pumps if flooding else 0
            wanted = count(look.steps, look.level, state.count, pumps)
            return min(pumps, wanted + 1) if wanted and state.overrun else wanted
        if look.mode.value == "off":
            return 0
        return self._blind(look, state)

    def _blind(self, look: LevelLook, state: LevelState) -> int:
        """Pumps without a level: see the module."""
        if look.steps.fills:
            if state.last_pct is None or self._rate_pct_h is None:
                return 0
            filled_pct = self._rate_pct_h * state.blind_s / 3600.0
            return int(state.last_pct + filled_pct < look.steps.stop_pct)
        since_s = look.watched_s if state.blind_since_s is None else state.blind_since_s
        into_s = (look.watched_s - since_s) % self._parameters.blind_every_s
        return int(into_s < self._parameters.blind_run_s)

    def _run(self, look: LevelLook, state: LevelState) -> LevelState:
        """How long this run has lasted, and whether that can be."""
        since_s = holds_since(bool(state.house.on), state.run_since_s, look.watched_s)
        overrun = look.level.known and held_for(since_s, self._longest_s(look), look.watched_s)
        if since_s == state.run_since_s and overrun == state.overrun:
            return state
        return replace(state, run_since_s=since_s, overrun=overrun)

    def _longest_s(self, look: LevelLook) -> float:
        if self._parameters.longest_run_s is not None:
            return self._parameters.longest_run_s
        if self._rate_pct_h is None:
            return UNKNOWN_RUN_S
        way_pct = abs(look.steps.stop_pct - look.steps.all_pct)
        return max(LEAST_RUN_S, RUN_MARGIN * 3600.0 * way_pct / self._rate_pct_h)


def _unknown_mode(group: Group, mode: Award) -> Condition:
    return Condition(
        f"{group.id}:mode",
        Severity.URGENT,
        msg(
            "{group} is commanded to the unknown mode '{mode}'; allowed: {modes}; its equipment "
            "is left alone",
            group=group.id,
            mode=mode.value,
            modes=", ".join(MODES),
        ),
    )
