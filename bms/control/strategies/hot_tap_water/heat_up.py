"""When stores are heated before they are used: lead = density V cp dT / P, learned. Pure.

Before the schedule's next hours of use the group's mode is `heat`, at the slot of optimal start:
the store is heated, and nothing circulates yet. How long stores really take is learned: each
heat-up is compared with what volume and power say, and the factor between them follows within
bounds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from bms.config.site import Group
from bms.control.blocks.delays import quarter_after
from bms.control.engine.protection import is_on
from bms.control.strategies.hot_tap_water.hot_tap_layout import StoreLayout, hot_tap_layout
from bms.control.strategies.hot_tap_water.hot_tap_parameters import HotTapParameters
from bms.control.strategies.hot_tap_water.store_heat import STOP_K, shown_c
from bms.control.supervise.next_change import next_switch
from bms.core.decisions import Command, Controller, Decision, Priority, Snapshot, Stage
from bms.texts.messages import msg
from schedules.answering.resolve import Resolver

LEARNS: Final = 0.25
"""Control reference, 5: the weight of the last one."""
LEAST_FACTOR, MOST_FACTOR = 0.8, 3.0
LEAST_K: Final = 5.0
"""A heat-up of less tells little."""
MARGIN_S: Final = 900.0
"""So long before use the store is hot."""
LOOK_S: Final = 300.0


@dataclass(frozen=True, slots=True)
class HeatUpState:
    """What was learned, and what is under way."""

    factor: float = 1.0
    """How much longer stores take than volume and power say."""
    begun: datetime | None = None
    """Of the heat-up that is under way."""
    use: datetime | None = None
    """The hours of use that it is for."""
    reckoned_h: float = 0.0
    """What volume and power said."""
    from_c: float = 0.0
    """The coldest store when it began."""


class HeatUpController:
    """Begins to heat stores before they are used; see the module."""

    stage = Stage.PLAN
    priority = Priority.OPTIMISER

    def __init__(self, group: Group, resolver: Resolver) -> None:
        parameters: HotTapParameters = group.parameters
        self.name = f"heat_up:{group.id}"
        self._group = group
        self._parameters = parameters
        self._resolver = resolver
        self._stores: tuple[StoreLayout, ...] = hot_tap_layout(group).stores
        self.reads = frozenset(p for store in self._stores for p in store.sensors)
        self.writes = frozenset({group.mode_point})
        self._last: Decision[HeatUpState] | None = None

    def initial(self) -> HeatUpState:
        return HeatUpState()

    def decide(
        self, snapshot: Snapshot, state: HeatUpState, now: datetime
    ) -> Decision[HeatUpState]:
        last = self._last
        if last is None or last.state is not state or not _stands(last, now):
            last = self._last = self._decide(snapshot, state, now)
        return last

    def _decide(
        self, snapshot: Snapshot, state: HeatUpState, now: datetime
    ) -> Decision[HeatUpState]:
        in_force = self._resolver.effective(now)
        state = self._learn(snapshot, state, now)
        under_way = state.begun is not None
        later = now + timedelta(seconds=LOOK_S) if under_way else quarter_after(now)
        if is_on(in_force.mode):
            return Decision((), state, stands_until=later, depends_on=frozenset())
        most = timedelta(hours=self._parameters.max_lead_h)
        change = next_switch(self._resolver, now, most + timedelta(minutes=15))
        if change is None or not is_on(change.entry.mode):
            return Decision((), state, stands_until=later, depends_on=frozenset())
        reckoned_h = self._reckoned_h(snapshot)
        if reckoned_h is None:
            lead = most
        else:
            lead = min(most, timedelta(hours=state.factor * reckoned_h, seconds=MARGIN_S))
        began = state.use == change.time
        begins = change.time - lead
        if not began and (now < begins or reckoned_h == 0.0):
            until = min(later, begins) if now < begins else later
            return Decision((), state, stands_until=until, depends_on=frozenset())
        if not began:
            state = HeatUpState(
                state.factor, now, change.time, reckoned_h or 0.0, self._coldest_c(snapshot) or 0.0
            )
        reason = msg(
            "heated for {time:%H:%M}: {target_c:g} degC takes {minutes:.0f} min, reckoned from "
            "volume and power times {factor:.2f} that was learned",
            time=change.time.astimezone(ZoneInfo(self._group.zone)),
            target_c=self._parameters.store_c,
            minutes=60.0 * state.factor * state.reckoned_h,
            factor=state.factor,
        )
        command = Command(
            point=self._group.mode_point,
            value="heat",
            priority=self.priority,
            source=self.name,
            reason=reason,
        )
        soon = min(now + timedelta(seconds=LOOK_S), change.time)
        return Decision((command,), state, stands_until=soon, depends_on=frozenset())

    def _reckoned_h(self, snapshot: Snapshot) -> float | None:
        """What the slowest store takes; None: a store shows nothing, or nobody wrote it down."""
        longest = 0.0
        for store in self._stores:
            known = [c for p in store.sensors if (c := shown_c(snapshot, p)) is not None]
            if not known:
                return None
            target_c = self._parameters.store_c + STOP_K
            lead_h = store.lead_h(sum(known) / len(known), target_c)
            if lead_h is None:
                return None
            longest = max(longest, lead_h)
        return longest

    def _coldest_c(self, snapshot: Snapshot) -> float | None:
        known = [
            c for store in self._stores for p in store.sensors
            if (c := shown_c(snapshot, p)) is not None
        ]  # fmt: skip
        return min(known, default=None)

    def _learn(self, snapshot: Snapshot, state: HeatUpState, now: datetime) -> HeatUpState:
        """The factor after a heat-up that is over: all is hot, or use has begun."""
        if state.begun is None or state.use is None:
            return state
        coldest_c = self._coldest_c(snapshot)
        there = coldest_c is not None and coldest_c >= self._parameters.store_c
        if not there and now < state.use:
            return state
        took_h = (now - state.begun).total_seconds() / 3600.0
        rose_k = self._parameters.store_c - state.from_c
        factor = state.factor
        if rose_k >= LEAST_K and state.reckoned_h > 0.0 and took_h > 0.0:
            seen = took_h / state.reckoned_h
            if not there:  # it would have taken longer still
                seen = max(seen * 1.25, factor)
            factor += LEARNS * (min(max(seen, LEAST_FACTOR), MOST_FACTOR) - factor)
        return HeatUpState(factor, None, state.use)


def _stands(decision: Decision[HeatUpState], now: datetime) -> bool:
    return decision.stands_until is not None and now < decision.stands_until


def heat_up(group: Group, resolver: Resolver | None) -> Sequence[Controller[Any]]:
    """The controller that heats a group's stores in time; none without a schedule, or where
    optimal start does it."""
    parameters = group.parameters
    if not isinstance(parameters, HotTapParameters) or resolver is None:
        return ()
    if group.optimal is not None or not parameters.max_lead_h:
        return ()
    return (HeatUpController(group, resolver),)
