"""Hot-water plant: enabled by need, reset, staged, started in order. Pure.

After Guideline 36, 5.21. What a look decides, in this order: is heat needed; how hot; which
boilers; where each stands between off and firing; which pumps, how fast; the bypass. Fallbacks:

- outdoor temperature not known: the lockout stays as it was;
- flow or return not known: the stage stays, only the failsafe may raise it;
- supply not known as well: the stage stays;
- a consumer that cannot say whether it needs heat counts as one that does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from bms.config.site import Group
from bms.control.blocks.commanded import NOTHING, Commanded
from bms.control.blocks.delays import later, soonest
from bms.control.blocks.machines.lead_lag import Candidate, lead_order, record_hours
from bms.control.blocks.machines.retries import retry_due_s
from bms.control.blocks.machines.start_proof import STILL
from bms.control.blocks.machines.starts import count_starts, may_start
from bms.control.engine.states import Words
from bms.control.strategies import group as groups
from bms.control.strategies.hot_water.boiler_plant import (
    HeatLayout,
    HeatUnit,
    heat_layout,
    proof_rules,
)
from bms.control.strategies.hot_water.boiler_stages import (
    BoilerDecision,
    BoilerStage,
    BoilerStageRules,
    HeatNeed,
    HeatStep,
    changed_boilers,
    next_boilers,
    restaged,
)
from bms.control.strategies.hot_water.heat_calls import (
    PLANT_MIN_S,
    HeatCalls,
    Needs,
    enable,
    why_off,
)
from bms.control.strategies.hot_water.heat_flow import HeatFlow
from bms.control.strategies.hot_water.heat_meters import HeatMeters
from bms.control.strategies.hot_water.heat_orders import HeatOrders, Ordered, cold
from bms.control.strategies.hot_water.heat_reset import (
    CONDENSING_C,
    NON_CONDENSING_C,
    Asked,
    HeatRange,
    reset_water,
    water_c,
)
from bms.control.strategies.hot_water.heat_state import HeatDemand, HeatState, Look, rests
from bms.control.strategies.hot_water.hot_water_parameters import (
    DEMAND_LIMIT,
    HW_PRESSURE,
    HW_SETPOINT,
    HotWaterPlantParameters,
)
from bms.control.strategies.water.machinery import (
    Machinery,
    open_valves,
    paused_of,
    proven,
    usable,
)
from bms.control.strategies.water.pump_bank import NOBODY, latched_of_short
from bms.control.strategies.water.unit_steps import (
    Outcome,
    UnitInputs,
    UnitRules,
    UnitState,
    move,
)
from bms.core.decisions import Award, Decision, Priority, Snapshot, Stage
from bms.texts.messages import joined, msg

REST_S = 900.0
"""A plant that is off, and of which nothing is abnormal, is looked at so often."""
IDLE_LOOK_S = 30.0
"""The same while its schedule has it on, and weather or consumers do not: outdoor air is slow."""
SETTLES_S = 30.0
"""Guideline 36, 5.21.3: after the valve and the pump, before it fires."""


class HotWaterPlant:
    """Runs as many boilers as the load needs; see the module."""

    stage = Stage.SEQUENCE
    priority = Priority.SEQUENCE

    def __init__(self, group: Group) -> None:
        parameters: HotWaterPlantParameters = group.parameters
        self.name = f"hot_water_plant:{group.id}"
        self._group = group
        self._parameters = parameters
        self._layout: HeatLayout = heat_layout(group)
        self._units = self._layout.units
        self._machinery = Machinery(self._layout.machines, proof_rules(self._layout, parameters))
        self._meters = HeatMeters(self._layout, parameters.design_dp_kpa)
        self._calls = HeatCalls(group, parameters.header)
        least_kw = min((unit.least_kw for unit in self._units.values()), default=0.0)
        outdoor = self._layout.outdoor is not None
        self._needs = Needs(parameters.lockout_oat_c if outdoor else None, least_kw)
        self._flow = HeatFlow(self._layout, parameters)
        self._orders = HeatOrders(group, self._layout, self.name, self._flow.regulated)
        self._rules = BoilerStageRules(
            parameters.stage_up_pct / 100.0,
            parameters.condensing_up_pct / 100.0,
            parameters.stage_down_pct / 100.0,
            parameters.stage_delay_s,
            parameters.min_stage_s,
            parameters.failsafe_k,
        )
        self._unit_rules = UnitRules(
            parameters.pump_overrun_s, parameters.proof_s.valve, SETTLES_S, SETTLES_S
        )
        valves = [p for unit in self._units.values() for v in unit.valves for p in v.inputs]
        self._resets = {f"{m.id}.reset": m.name for m in self._layout.machines}
        self.reads = frozenset(
            {group.mode_point, group.setpoint_point(HW_SETPOINT)}
            | {group.setpoint_point(DEMAND_LIMIT), *valves, *self._resets}
            | self._meters.reads
            | self._machinery.reads
            | self._calls.reads
        )
        self.writes = self._orders.writes
        setpoints = map(group.setpoint_point, (HW_SETPOINT, HW_PRESSURE, DEMAND_LIMIT))
        enables = [m.enable for m in self._layout.machines if m.enable is not None]
        self._events = frozenset(
            {group.mode_point, *setpoints, *enables, *self._resets}
            | self._machinery.reads
            | self._calls.reads
        )
        """What a plant at rest answers at once; what is measured may wait for its next look."""
        self._last = NOTHING

    def initial(self) -> HeatState:
        return HeatState()

    def decide(self, snapshot: Snapshot, state: HeatState, now: datetime) -> Decision[HeatState]:  # noqa: ARG002
        mode = snapshot.awards.get(self._group.mode_point)
        if mode is None or mode.value not in groups.MODES:
            unknown = () if mode is None else (groups.unknown_mode(self._group, mode.value),)
            kept = HeatState(record=state.record, starts=state.starts, proofs=state.proofs)
            return Decision((), kept, unknown)
        look, state = self._look(snapshot, state, mode)
        state = enable(look, state, self._needs)
        state = self._stage(look, state)
        state = self._move(look, state)
        state = self._pump(look, state)
        state = self._prove(look, state)
        ordered = Ordered(look, state, self._why(look, state))
        if self._last.key != (key := self._orders.key(ordered)):
            self._last = Commanded(key, self._orders.commands(ordered))
        conditions = self._orders.conditions(ordered, self._usable(look, state))
        told = self._orders.facts(ordered)
        if conditions or not rests(look, state):
            return Decision(self._last.commands, state, conditions, told)
        rest_s = REST_S if mode.value == "off" else IDLE_LOOK_S
        return Decision(
            self._last.commands,
            state,
            conditions,
            told,
            stands_until_s=soonest(
                look.watched_s, look.watched_s + rest_s, later(state.since_s, PLANT_MIN_S)
            ),
            depends_on=self._events,
        )

    # --- what is known -----------------------------------------------------------------------

    def _look(self, snapshot: Snapshot, state: HeatState, mode: Award) -> tuple[Look, HeatState]:
        watched_s = snapshot.watched_s
        views = self._machinery.views(snapshot)
        demand = (
            self._calls.heard(snapshot) if self._parameters.functions.requests else HeatDemand()
        )
        staging = any(unit.starting for unit in state.units.values())
        running = any(unit.chiller_on for unit in state.units.values())
        on = [name for name, view in views.items() if view.status]
        within = self._range(snapshot, state)
        readings = self._meters.readings(state.meters)
        asked = Asked(
            demand.resets if self._parameters.functions.reset else None,
            readings.outdoor_c if self._parameters.functions.outdoor else None,
            running,
            staging,
            demand.requests,
        )
        reset = reset_water(state.reset, within, asked, watched_s)
        setpoint_c, why = water_c(reset, within, asked)
        meters = self._meters.judge(snapshot, state.meters, setpoint_c, tuple(on), staging=staging)
        state = replace(
            state,
            reset=reset,
            meters=meters,
            record=record_hours(state.record, on, watched_s),
            starts=count_starts(
                state.starts,
                [n for n in self._units if n in on or state.units.get(n, _STILL).chiller_on],
                snapshot.steady_s,
            ),
        )
        resets = frozenset(name for point, name in self._resets.items() if point in snapshot.awards)
        readings = self._meters.readings(meters)
        pressure_kpa = groups.setpoint(snapshot, self._group, HW_PRESSURE)
        if pressure_kpa is None:
            pressure_kpa = self._parameters.design_dp_kpa
        limit_pct = groups.setpoint(snapshot, self._group, DEMAND_LIMIT)
        look = Look(
            snapshot, mode, views, readings, demand, setpoint_c, why, pressure_kpa, resets,
            limit_pct,
        )  # fmt: skip
        return look, state

    def _range(self, snapshot: Snapshot, state: HeatState) -> HeatRange:
        """How hot and how cool the water may be now."""
        parameters = self._parameters
        most_c = groups.setpoint(snapshot, self._group, HW_SETPOINT)
        if most_c is None:
            most_c = parameters.design_supply_c
        least_c = parameters.coolest_supply_c
        if least_c is None:
            least_c = CONDENSING_C
            if not all(unit.condensing for unit in self._units.values()):
                least_c = NON_CONDENSING_C
        burning = [self._units[name] for name in state.wanted if name in self._units]
        if any(not unit.condensing for unit in burning):
            least_c = max(least_c, NON_CONDENSING_C)
        return HeatRange(
            most_c, min(least_c, most_c), parameters.design_oat_c, parameters.lockout_oat_c
        )

    # --- which boilers -----------------------------------------------------------------------

    def _order(self, look: Look, state: HeatState) -> list[str]:
        """The boilers that may run, in the order in which they come."""
        candidates = [
            Candidate(
                name,
                state.units.get(name, _STILL).needs_water,
                self._may_run(name, look, state),
                state.proofs.get(name, STILL).failed_s,
                unit.machine.stands_by_for,
            )
            for name, unit in self._units.items()
        ]
        available = {candidate.name for candidate in candidates if candidate.available}
        order = [name for name in lead_order(candidates, state.record) if name in available]
        return sorted(order, key=lambda name: not self._units[name].condensing)

    def _may_run(self, name: str, look: Look, state: HeatState) -> bool:
        unit = self._units[name]
        if not usable(name, look.views, state.proofs) or name in state.valve_faults:
            return False
        if unit.pumps and not any(usable(p.name, look.views, state.proofs) for p in unit.pumps):
            return False
        return may_start(state.starts, name, unit.starts, look.snapshot.steady_s)

    def _usable(self, look: Look, state: HeatState) -> bool:
        """Whether any boiler may run, now or when its minimum time is over."""
        return bool(self._order(look, state)) or any(look.views[n].waits for n in self._units)

    def _stage(self, look: Look, state: HeatState) -> HeatState:
        on = {n for n, unit in state.units.items() if unit.needs_water or look.views[n].status}
        order = self._layout.within(self._order(look, state), on, look.limit_pct)
        manual = tuple(name for name in self._units if look.views[name].manual)
        if not state.enabled:
            return state if state.wanted == manual else replace(state, wanted=manual)
        kept = tuple(name for name in state.wanted if name in order or name in manual)
        lost = len(state.wanted) - len(kept)
        count = max(1, len(state.wanted))
        if not state.wanted:
            # What runs already, because a state was lost or a person started it, stays.
            kept = tuple(name for name in order if look.views[name].status)
            count = max(1, len(kept))
        reason, timers = state.reason, state.timers
        if not lost and state.wanted:
            decision = self._next(look, state, order)
            timers = decision.timers
            if decision.step is not HeatStep.HOLD:
                count += 1 if decision.step is HeatStep.UP else -1
                reason = decision.reason
                timers = restaged(look.watched_s, timers, decision.step)
        elif lost:
            timers = changed_boilers(look.watched_s, timers)
        wanted = self._chosen(order, kept, count)
        wanted = (*manual, *(name for name in wanted if name not in manual))
        if (wanted, reason, timers) == (state.wanted, state.reason, state.timers):
            return state
        return replace(state, wanted=wanted, reason=reason, timers=timers)

    def _chosen(self, order: Sequence[str], kept: Sequence[str], count: int) -> tuple[str, ...]:
        """So many boilers: those that run stay, the first in the order come, the last go."""
        ranked = [*(n for n in order if n in kept), *(n for n in order if n not in kept)]
        return tuple(ranked[:count])

    def _next(self, look: Look, state: HeatState, order: Sequence[str]) -> BoilerDecision:
        running = [self._units[name] for name in state.wanted]
        others = [self._units[name] for name in order if name not in state.wanted]
        below = self._chosen(order, state.wanted, len(running) - 1)
        readings = look.readings
        return next_boilers(
            state.timers,
            self._rules,
            HeatNeed(
                readings.load_kw,
                readings.supply_c,
                look.setpoint_c,
                state.flow.bypassing,
                paused_of(state.wanted, state.proofs),
            ),
            (
                BoilerStage.of(running),
                BoilerStage.of([*running, others[0]]) if others else None,
                BoilerStage.of([self._units[name] for name in below]) if below else None,
            ),
            look.watched_s,
        )

    # --- where each stands -------------------------------------------------------------------

    def _move(self, look: Look, state: HeatState) -> HeatState:
        units: dict[str, UnitState] = {}
        failed, failures = self._valves(look, state)
        for name, unit in self._units.items():
            before = state.units.get(name, _STILL)
            view = look.views[name]
            running = bool(view.status) or view.kept_on
            moved = move(
                before,
                self._unit_rules,
                UnitInputs(
                    wanted=name in state.wanted,
                    available=self._may_stay(name, look, state),
                    running=running,
                    still=not running,
                    water=self._water(unit, state),
                    flow_raised=self._flow.raised(look.readings, unit),
                    valves_open=open_valves(look.snapshot, unit.valves),
                ),
                True,
                look.watched_s,
            )
            units[name] = moved.state
            if moved.outcome is Outcome.VALVE:
                failed.append(name)
                failures[name] = (*failures.get(name, ()), look.watched_s)
        before_all = (state.units, state.valve_faults, state.valve_failures)
        if (units, tuple(failed), failures) == before_all:
            return state
        return replace(state, units=units, valve_faults=tuple(failed), valve_failures=failures)

    def _valves(
        self, look: Look, state: HeatState
    ) -> tuple[list[str], dict[str, tuple[float, ...]]]:
        """Boilers whose valve did not open, and when: until a person says that it is whole, or,
        where nothing stands in for it, until it is tried again and its boiler fires."""
        failures = {
            name: failures_s
            for name, failures_s in state.valve_failures.items()
            if name not in look.resets and not state.units.get(name, _STILL).chiller_on
        }
        failed = [name for name in state.valve_faults if name not in look.resets]
        if failed and self._short(look, state):
            due_s = {name: retry_due_s(failures.get(name, ()), look.watched_s) for name in failed}
            failed = [n for n in failed if (at_s := due_s[n]) is None or look.watched_s < at_s]
        return failed, failures

    def _short(self, look: Look, state: HeatState) -> bool:
        """Whether nothing stands in for a boiler that is out of use: none is whole, or all whole
        ones are asked for and water stays too cold."""
        order = self._order(look, state)
        supply_c = look.readings.supply_c
        return not order or (
            {*order} <= {*state.wanted}
            and supply_c is not None
            and supply_c < look.setpoint_c - self._parameters.failsafe_k
        )

    def _may_stay(self, name: str, look: Look, state: HeatState) -> bool:
        return usable(name, look.views, state.proofs) and name not in state.valve_faults

    def _water(self, unit: HeatUnit, state: HeatState) -> bool:
        """Whether its pumps, its own and one at least on the header, are proven."""
        if not all(proven(pump.name, state.proofs) for pump in unit.pumps):
            return False
        header = self._layout.pumps
        return not header or any(proven(pump.name, state.proofs) for pump in header)

    def _pump(self, look: Look, state: HeatState) -> HeatState:
        flow = self._flow.step(look, state)
        return state if flow == state.flow else replace(state, flow=flow)

    def _prove(self, look: Look, state: HeatState) -> HeatState:
        on = {name for name, unit in state.units.items() if unit.chiller_on}
        on |= set(state.flow.pumps)
        for name, unit in state.units.items():
            if unit.needs_water:
                on |= {pump.name for pump in self._units[name].pumps}
        needed = cold(self._units, state, look)
        proofs = self._machinery.prove(
            state.proofs, look.views, on, needed, look.resets, look.watched_s,
            self._alone(look, state),
        )  # fmt: skip
        return state if proofs is state.proofs else replace(state, proofs=proofs)

    def _alone(self, look: Look, state: HeatState) -> frozenset[str]:
        """The latched machines that nothing stands in for."""
        if not state.enabled or not any(proof.latched for proof in state.proofs.values()):
            return NOBODY
        count = state.flow.stage.count
        found = latched_of_short(self._layout.pumps, look.views, state.proofs, count)
        if self._short(look, state):
            own = {pump.name for unit in self._units.values() for pump in unit.pumps}
            own |= set(self._units)
            found |= {name for name in own if state.proofs.get(name, STILL).latched}
        return found

    # --- in words ----------------------------------------------------------------------------

    def _why(self, look: Look, state: HeatState) -> Words:
        if not state.enabled:
            return why_off(look, state, self._needs)
        served = state.unneeded_since_s is None and look.demand.silent
        stage = msg(
            "stage {stage} of {boilers} ({reason}), water {setpoint}",
            stage=len(state.wanted),
            boilers=len(self._units),
            reason=msg("no consumer asks, but heat is taken") if served else state.reason,
            setpoint=look.why_setpoint,
        )
        if look.limit_pct is None:
            return stage
        limit = msg("demand limit: {limit_pct:g} % of electric heat", limit_pct=look.limit_pct)
        return joined(", ", stage, limit)


_STILL = UnitState()
