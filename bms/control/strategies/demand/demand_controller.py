"""The demand limit of one metering boundary: the PLAN stage of `demand_limit`. Pure.

A look goes: what is measured, how the interval will end, what comes back because it must, what is
shed, what may come back. A meter that is silent: known loads stand in where they are declared;
else what is shed stays so for a while, then comes back one after the other, and nothing is shed
that nobody measures.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from bms.config.site import Group
from bms.control.blocks.commanded import NOTHING, Commanded
from bms.control.blocks.inputs.moving_mean import MeanState
from bms.control.blocks.replacing import replace
from bms.control.engine.shadowed import ASSUMED
from bms.control.strategies.demand import demand_telling, load_learning, shedding
from bms.control.strategies.demand.boundary_watch import BoundaryWatch, Measured
from bms.control.strategies.demand.demand_parameters import DemandParameters
from bms.control.strategies.demand.demand_state import DemandState
from bms.control.strategies.demand.sheddable_loads import (
    Load,
    LoadSeen,
    held_now,
    load_of,
    see,
    values_of,
)
from bms.control.strategies.demand.shedding import LoadState, Outlook
from bms.core.decisions import Command, Condition, Decision, Priority, Snapshot, Stage
from bms.texts.messages import Message
from drivers.points import PointId

LOOK_S = 10.0
QUIET_LOOK_S = 300.0
"""While the power is far below the limit, and nothing is shed; and when an interval ends."""
QUIET_SHARE = 0.7
WAKES_SHARE = 0.75
REST_S = 1500.0
"""A power that stands still far below the limit needs no look."""
SHORT_S = 60.0
"""A limit that cannot be held for so long is told."""
TOLD_S = 86400.0
"""A register that jumped is told for a day."""
POWER_DOUBTS = 8
"""Intervals in which power and registers are far apart before it is told (D)."""


class DemandLimit:
    """See the module."""

    stage = Stage.PLAN
    priority = Priority.DEMAND

    def __init__(self, group: Group) -> None:
        parameters: DemandParameters = group.parameters
        self.name = f"demand_limit:{group.id}"
        self._group, self._parameters = group, parameters
        self._interval_h = parameters.interval_min / 60.0
        self._watch = BoundaryWatch(group)
        self._loads = tuple(load_of(group, order) for order in range(len(parameters.loads)))
        self.writes = frozenset(point for load in self._loads for point in load.points)
        reads = frozenset[PointId]().union(*(load.reads for load in self._loads))
        self.reads = self._watch.reads | reads
        self._last: Decision[DemandState] | None = None
        self._quiet = False
        self._wakes_kw = 0.0
        self._ends_s = 0.0
        self._orders = (group.mode_point, self._watch.limit_point)
        self._asked: tuple[object, object] = ((), ())
        self._commanded = NOTHING
        self._reasons: dict[str, Message] = {}

    def initial(self) -> DemandState:
        return DemandState()

    def decide(
        self, snapshot: Snapshot, state: DemandState, now: datetime
    ) -> Decision[DemandState]:
        last = self._last
        otherwise = self._otherwise(snapshot)
        if last is not None and last.state is state and self._stands(snapshot, state, otherwise):
            return last
        state = self._known(state)
        on = self._on(snapshot)
        steady_s = snapshot.steady_s
        acted = state.acted_s is not None and steady_s - state.acted_s < 300.0
        measured, state = self._watch.look(snapshot, state, now, acted)
        before = state
        seen: Mapping[str, LoadSeen] = {}
        outlook = self._calm_outlook(state, measured, steady_s)
        left_kwh = 0.0
        if outlook is None:
            seen = {
                load.name: see(load, snapshot, now, shed=state.loads[load.name].shed)
                for load in self._loads
            }
            before = state = self._judged(snapshot, state, seen, measured)
            outlook = self._outlook(snapshot, state, seen, measured)
            state = self._act(snapshot, state, seen, measured, outlook, on=on)
            if measured.live:
                outlook = self._outlook(snapshot, state, seen, measured)
            left_kwh = shedding.left_kwh(
                self._loads, seen, state.loads, outlook.remaining_s, steady_s
            )
        shed_kw = shedding.shed_kw(state.loads)
        forecast_kw = None
        if measured.live:
            target_kwh = self._target_kwh(measured.limit_kw)
            forecast_kw = max(0.0, (outlook.need_kwh + target_kwh) / self._interval_h)
        short_s = self._short_s(snapshot, state, measured, outlook.need_kwh - left_kwh, on=on)
        state = replace(state, looked_s=snapshot.watched_s, short_s=short_s)
        commands = self._commands(snapshot, before, state, (forecast_kw, measured))
        conditions = self._conditions(snapshot, state, seen, measured, forecast_kw)
        demand_kw = measured.used_kwh / self._interval_h if measured.live else None
        told = demand_telling.facts(
            self._group, state, (demand_kw, forecast_kw, measured.limit_kw), shed_kw
        )
        self._quiet = self._rests(state, measured, on=on)
        self._wakes_kw = WAKES_SHARE * measured.limit_kw
        self._ends_s = snapshot.watched_s + measured.remaining_s
        rest_s = REST_S if self._quiet else LOOK_S
        decision = Decision(
            commands,
            state,
            conditions,
            told,
            stands_until_s=snapshot.watched_s + rest_s,
            depends_on=self._watch.wakes,
        )
        self._last = decision
        return decision

    # --- when to look ------------------------------------------------------------------------

    def _otherwise(self, snapshot: Snapshot) -> tuple[bool, bool]:
        """What is not as when this was asked last: what is measured, what is ordered."""
        awards = snapshot.awards
        found = [snapshot.samples.get(point) for point in self._watch.wakes]
        shown = [(one.value, one.quality) if one is not None else None for one in found]
        orders = [award.value if (award := awards.get(p)) else None for p in self._orders]
        before, self._asked = self._asked, (shown, orders)
        return before[0] != shown, before[1] != orders

    def _stands(self, snapshot: Snapshot, state: DemandState, otherwise: tuple[bool, bool]) -> bool:
        """Whether the last decision is young, and nothing quick has happened."""
        assert state.looked_s is not None
        age_s = snapshot.watched_s - state.looked_s
        if age_s < 0.0 or self._watch.wants_look(snapshot, state):
            return False
        if not self._quiet or not any(otherwise):
            return age_s < (REST_S if self._quiet else LOOK_S)
        young = age_s < QUIET_LOOK_S and snapshot.watched_s < self._ends_s
        calls = otherwise[1] or not self._watch.below(snapshot, state, age_s, self._wakes_kw)
        return young and not calls

    def _rests(self, state: DemandState, measured: Measured, *, on: bool) -> bool:
        if not measured.live or measured.stands_in or any(s.shed for s in state.loads.values()):
            return False
        assert measured.power_kw is not None
        most_kw = measured.power_kw + measured.sun_kw
        return not on or most_kw < QUIET_SHARE * measured.limit_kw

    def _on(self, snapshot: Snapshot) -> bool:
        award = snapshot.awards.get(self._group.mode_point)
        return award is None or award.value != "off"

    def _known(self, state: DemandState) -> DemandState:
        """A state that knows every load, and no other."""
        if state.loads.keys() == {load.name for load in self._loads}:
            return state
        loads = {load.name: state.loads.get(load.name, LoadState()) for load in self._loads}
        return replace(state, loads=loads)

    # --- how it will end ---------------------------------------------------------------------

    def _target_kwh(self, limit_kw: float) -> float:
        return limit_kw * (1.0 - self._parameters.margin_pct / 100.0) * self._interval_h

    def _unsent_kw(self, snapshot: Snapshot, state: DemandState) -> float:
        """What loads that are commanded in shadow only would not draw."""
        return sum(
            state.loads[load.name].expected_kw * state.loads[load.name].learned
            for load in self._loads
            if state.loads[load.name].shed and _unsent(load, snapshot)
        )

    def _outlook(
        self,
        snapshot: Snapshot,
        state: DemandState,
        seen: Mapping[str, LoadSeen],
        measured: Measured,
    ) -> Outlook:
        unsent = [load for load in self._loads if _unsent(load, snapshot)]
        pending_kw = sum(
            load_learning.pending_kw(
                load, state.loads[load.name], seen[load.name], snapshot.steady_s
            )
            for load in self._loads
            if load not in unsent
        )
        unsent_kw = self._unsent_kw(snapshot, state)
        used_kwh = measured.used_kwh
        if unsent:
            used_kwh = max(0.0, used_kwh - state.interval.shed_kwh)
        return self._ending(measured, used_kwh, pending_kw - unsent_kw)

    def _calm_outlook(
        self, state: DemandState, measured: Measured, steady_s: float
    ) -> Outlook | None:
        """The outlook if nothing is shed, comes back or is needed: loads, half the cost of a look,
        need none. Else None."""
        if state.interval.shed_kwh:
            return None
        for load in self._loads:
            one = state.loads[load.name]
            young = one.back_s is not None and steady_s - one.back_s <= load.file.takes_s
            if one.shed or young:
                return None
        outlook = self._ending(measured, measured.used_kwh, 0.0)
        return outlook if outlook.need_kwh + outlook.sun_kwh <= 0.0 else None

    def _ending(self, measured: Measured, used_kwh: float, more_kw: float) -> Outlook:
        """How an interval ends in which so much was used; `more_kw` is not in its power yet."""
        rules, remaining_s = self._parameters, measured.remaining_s
        hours = remaining_s / 3600.0
        power_kw = max(0.0, (measured.power_kw or 0.0) + more_kw)
        target_kwh = self._target_kwh(measured.limit_kw)
        doubtful_kw = measured.sun_kw * (1.0 - rules.pv_firm_pct / 100.0)
        return Outlook(
            used_kwh + power_kw * hours + measured.trend_kwh - target_kwh,
            rules.error_pct / 100.0 * power_kw * hours,
            doubtful_kw * hours,
            remaining_s,
            doubtful_kw,
            target_kwh / self._interval_h - power_kw,
            rules.restore_pct / 100.0 * measured.limit_kw * self._interval_h,
        )

    # --- what is done ------------------------------------------------------------------------

    def _act(
        self,
        snapshot: Snapshot,
        state: DemandState,
        seen: Mapping[str, LoadSeen],
        measured: Measured,
        outlook: Outlook,
        *,
        on: bool,
    ) -> DemandState:
        steady_s = snapshot.steady_s
        loads = dict(state.loads)
        outside: list[str] = []
        for load in self._loads:
            one = loads[load.name]
            if not one.shed:
                continue
            if seen[load.name].by_hand or shedding.must_return(
                load, seen[load.name], one, steady_s
            ):
                loads[load.name] = shedding.back_now(one, steady_s)
                outside.append(load.name)
        if outside:
            return _acted(state, loads, steady_s)
        if on and measured.live:
            choice = shedding.choose(self._loads, seen, loads, outlook, self._parameters, steady_s)
            if choice.shed:
                return self._shed(snapshot, state, choice.shed, seen, measured)
        back = self._back(snapshot, state, seen, measured, outlook, on=on)
        if back is None:
            return state
        loads[back] = shedding.back_now(loads[back], steady_s)
        return _acted(state, loads, steady_s)

    def _shed(
        self,
        snapshot: Snapshot,
        state: DemandState,
        names: tuple[str, ...],
        seen: Mapping[str, LoadSeen],
        measured: Measured,
    ) -> DemandState:
        steady_s = snapshot.steady_s
        calm = state.acted_s is None or steady_s - state.acted_s > 300.0
        loads = dict(state.loads)
        for load in self._loads:
            if load.name in names:
                loads[load.name] = shedding.shed_now(
                    loads[load.name],
                    seen[load.name],
                    measured.power_kw,
                    steady_s,
                    held_now(load, snapshot),
                    alone=calm and len(names) == 1,
                )
        return _acted(state, loads, steady_s)

    def _back(
        self,
        snapshot: Snapshot,
        state: DemandState,
        seen: Mapping[str, LoadSeen],
        measured: Measured,
        outlook: Outlook,
        *,
        on: bool,
    ) -> str | None:
        """The load that may come back now: one after the other, none while an outage ends."""
        if not any(one.shed for one in state.loads.values()):
            return None
        steady_s = snapshot.steady_s
        waits_s = self._parameters.restore_every_s
        if state.acted_s is not None and steady_s - state.acted_s < waits_s:
            return None
        if any(one.restarts for one in seen.values()):
            return None
        able = shedding.available(self._loads, seen, state.loads, steady_s)
        left_kw = sum(shedding.gives_kw(seen[x.name], state.loads[x.name]) for x in able)
        free = replace(outlook, spare_kw=outlook.spare_kw - max(0.0, outlook.sun_kw - left_kw))
        blind_s = state.blind_s
        if not on or (
            blind_s is not None and steady_s - blind_s >= self._parameters.blind_s
        ):  # the limit does not hold, or nobody can say whether it does
            free = replace(outlook, need_kwh=float("-inf"), spare_kw=float("inf"))
        elif not measured.live:
            return None
        return shedding.returning(self._loads, state.loads, free, steady_s)

    def _judged(
        self,
        snapshot: Snapshot,
        state: DemandState,
        seen: Mapping[str, LoadSeen],
        measured: Measured,
    ) -> DemandState:
        loads = {
            load.name: state.loads[load.name]
            if _unsent(load, snapshot)
            else load_learning.judged(
                load,
                state.loads[load.name],
                seen[load.name],
                measured.power_kw,
                snapshot.steady_s,
            )
            for load in self._loads
        }
        return state if loads == state.loads else replace(state, loads=loads)

    def _short_s(
        self,
        snapshot: Snapshot,
        state: DemandState,
        measured: Measured,
        lacking_kwh: float,
        *,
        on: bool,
    ) -> float | None:
        """Since when more is needed than all that may still be shed gives."""
        over_kwh = self._parameters.margin_pct / 100.0 * measured.limit_kw * self._interval_h
        short = on and measured.live and lacking_kwh > over_kwh
        return (state.short_s or snapshot.steady_s) if short else None

    # --- what is said ------------------------------------------------------------------------

    def _commands(
        self,
        snapshot: Snapshot,
        before: DemandState,
        state: DemandState,
        numbers: tuple[float | None, Measured],
    ) -> tuple[Command, ...]:
        forecast_kw, measured = numbers
        wishes = []
        for load in self._loads:
            one = state.loads[load.name]
            if not one.shed:
                self._reasons.pop(load.name, None)
                continue
            reason = self._reasons.get(load.name)
            if reason is None or not before.loads[load.name].shed:
                minutes = measured.remaining_s / 60.0
                reason = demand_telling.why_shed(load, forecast_kw, measured.limit_kw, minutes)
                self._reasons[load.name] = reason
            for point, value in values_of(load, snapshot, one.held).items():
                wishes.append((point, value, reason))
        key = tuple(wishes)
        if self._commanded.key != key:
            commands = tuple(
                Command(
                    point=point,
                    value=value,
                    priority=self.priority,
                    source=self.name,
                    reason=reason,
                )
                for point, value, reason in wishes
            )
            self._commanded = Commanded(key, commands)
        return self._commanded.commands

    def _conditions(
        self,
        snapshot: Snapshot,
        state: DemandState,
        seen: Mapping[str, LoadSeen],
        measured: Measured,
        forecast_kw: float | None,
    ) -> tuple[Condition, ...]:
        group, steady_s = self._group, snapshot.steady_s
        found = list(demand_telling.disobeying(group, self._loads, state.loads, seen))
        if measured.stands_in or state.blind_s is not None:
            gave_up = (
                state.blind_s is not None and steady_s - state.blind_s >= self._parameters.blind_s
            )
            found.append(demand_telling.blind(group, stands_in=measured.stands_in, gave_up=gave_up))
        if (
            forecast_kw is not None
            and state.short_s is not None
            and steady_s - state.short_s >= SHORT_S
        ):
            found.append(demand_telling.short(group, forecast_kw, measured.limit_kw))
        if state.swapped_s is not None and steady_s - state.swapped_s < TOLD_S:
            found.append(demand_telling.swapped(group))
        if state.pulse.missed:
            found.append(demand_telling.no_pulse(group))
        if state.power_doubts >= POWER_DOUBTS:
            found.append(demand_telling.wrong_power(group, state.factor))
        return tuple(found)


def _acted(state: DemandState, loads: Mapping[str, LoadState], steady_s: float) -> DemandState:
    """Something was shed or comes back: the mean of the power begins again."""
    filters = tuple(replace(one, mean=MeanState()) for one in state.filters)
    return replace(state, loads=loads, acted_s=steady_s, filters=filters)


def _unsent(load: Load, snapshot: Snapshot) -> bool:
    """Whether what it is commanded is not sent: its machines are in shadow."""
    points = [m.points["enable"] for m in load.machines if "enable" in m.points]
    for point in (*load.points, *points):
        sample = snapshot.samples.get(point)
        if sample is not None and sample.detail == ASSUMED:
            return True
    return False
