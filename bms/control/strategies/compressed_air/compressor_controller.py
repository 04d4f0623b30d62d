"""Air compressors on one header, run as one machine. Pure.

What a look decides, in this order: what the pressure is and where it goes; how many units; which,
and which of them trims; which dryers. It stands on the mode, the cap, the pressure, and on what the
units show; of time, on the soonest of its delays. Fallbacks:

- one transmitter bad: the others count, with an alarm;
- no pressure: units stay as they are for 5 min, then they go by their own switches, and one more
  joins them when all are at full load; nothing is shed;
- a load not known: units are shed by pressure alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from bms.config.site import Group
from bms.control.blocks.commanded import NOTHING, Commanded
from bms.control.blocks.delays import later, soonest
from bms.control.blocks.inputs.filtered import filter_due_s
from bms.control.blocks.loops.pid import PidRules, regulate, track
from bms.control.blocks.machines.lead_lag import record_hours
from bms.control.blocks.machines.start_proof import ProofState
from bms.control.blocks.replacing import replace
from bms.control.strategies import group as groups
from bms.control.strategies.compressed_air.air_orders import (
    INPUT_ALARM_AFTER_S,
    AirOrders,
    Ordered,
)
from bms.control.strategies.compressed_air.air_units import (
    AirUnit,
    UnitView,
    UnitViews,
    air_layout,
    unit_loads,
)
from bms.control.strategies.compressed_air.compressor_parameters import CompressorParameters
from bms.control.strategies.compressed_air.compressor_state import (
    CompressorState,
    Look,
    taken_over,
)
from bms.control.strategies.compressed_air.dryers_follow import DryersFollow
from bms.control.strategies.compressed_air.header_pressure import (
    ANCHOR_KPA,
    PRESSURE,
    HeaderPressure,
)
from bms.control.strategies.compressed_air.leak_indicator import count_flow
from bms.control.strategies.compressed_air.pressure_proof import PressureProof
from bms.control.strategies.compressed_air.unit_choice import (
    TRADE_HOLD_S,
    TRADE_S,
    UnitChoice,
    unseen,
    with_units,
)
from bms.control.strategies.compressed_air.unit_count import (
    CRITICAL_FOR_S,
    EFFECT_S,
    FULL_FOR_S,
    HOLD_S,
    STILL_S,
    UnitCount,
    Work,
    work_of,
)
from bms.core.decisions import Award, Command, Decision, Priority, Snapshot, Stage
from drivers.points import PointId

MAX_UNITS: Final = "max_units"
LOOKED_AT_EVERY_S: Final = 900.0
"""At least so often, also where the pressure stands still: hours are counted in looks."""
SPEED: Final = PidRules(1.0, 20.0, low_pct=25.0, rate_pct_per_min=600.0)
"""Percent of speed per kPa of the trim unit: a drive passes its range in some 10 s, and a screw
below a quarter of its speed gets hot (D)."""
REGULATED_EVERY_S: Final = 5.0
QUIET_S: Final = 300.0
"""Within the band, with nothing but the pressure moving by less than what counts as a fall, and
what the units deliver, the last decision is repeated so long: more moves the pressure."""


class _Quiet(NamedTuple):
    """A decision that is repeated while nothing that it rests on is another."""

    decision: Decision[CompressorState]
    awards: Mapping[PointId, Award]
    flags: list[bool | None]
    kpa: tuple[float, ...]
    """What each transmitter showed."""
    from_s: float
    until_s: float


class _Settled(NamedTuple):
    """Units that stay while all this does."""

    views: Mapping[str, UnitView]
    wanted: tuple[str, ...]
    proofs: Mapping[str, ProofState]
    from_s: float
    until_s: float


class CompressorController:
    """Runs as many units as the pressure needs; see the module."""

    stage = Stage.SEQUENCE
    priority = Priority.SEQUENCE

    def __init__(self, group: Group) -> None:
        parameters: CompressorParameters = group.parameters
        self.name = f"compressors:{group.id}"
        self._group, self._parameters = group, parameters
        layout = air_layout(group)
        self._layout, self._units = layout, layout.units
        headers = (parameters.header, *parameters.transmitters)
        self._pressure = HeaderPressure(
            tuple(group.equipment[name].points["pressure"] for name in headers)
        )
        self._flow = group.equipment[parameters.header].points.get("flow")
        self._views = UnitViews(self._units)
        self._count = UnitCount(self._units, parameters)
        self._choice = UnitChoice(layout, parameters)
        self._proof = PressureProof(unseen(self._units), parameters)
        self._dryers = DryersFollow(layout.dryers)
        self._orders = AirOrders(group, layout, self._pressure, self._dryers, self.name)
        self._resets = {f"{unit.id}.reset": name for name, unit in self._units.items()}
        self._cap_point = group.setpoint_point(MAX_UNITS)
        own = frozenset({group.mode_point, self._cap_point, *self._pressure.points, *self._resets})
        flow = () if self._flow is None else (self._flow,)
        inputs = frozenset(point for unit in self._units.values() for point in unit.inputs)
        self.reads = own | inputs | self._dryers.reads | {*flow}
        self.writes = self._orders.writes
        enables = {*self._dryers.enables.values(), *(u.enable for u in self._units.values())}
        shown = {
            point
            for unit in self._units.values()
            for point in (None if unit.runs is None else unit.runs.point, unit.fault)
            if point is not None
        }
        # What the units deliver is looked at whenever the pressure moves: that is soon enough.
        self._looked_at = own | shown | enables | self._dryers.reads
        self._idle = frozenset({group.mode_point, *shown})
        self._flags = sorted(shown | self._dryers.reads)
        self._quiet: _Quiet | None = None
        self._settled: _Settled | None = None
        self._last = NOTHING

    def initial(self) -> CompressorState:
        return CompressorState()

    def decide(
        self,
        snapshot: Snapshot,
        state: CompressorState,
        now: datetime,  # noqa: ARG002
    ) -> Decision[CompressorState]:
        quiet = self._quiet
        if quiet is not None and self._repeats(quiet, snapshot, state):
            return quiet.decision
        decision = self._decided(snapshot, taken_over(state))
        self._quiet = self._repeatable(snapshot, decision)
        return decision

    def _decided(self, snapshot: Snapshot, state: CompressorState) -> Decision[CompressorState]:
        mode = snapshot.awards.get(self._group.mode_point)
        views = self._views.look(snapshot)
        on = [
            name
            for name, view in views.items()
            if view.running or (view.running is None and name in state.wanted)
        ]
        record = record_hours(
            state.record, [*on, *self._dryers.running(snapshot)], snapshot.watched_s
        )
        if record is not state.record:
            state = replace(state, record=record)
        rests = CompressorState(record=record, proofs=state.proofs, leaks=state.leaks)
        if mode is None:
            return Decision((), rests)
        if mode.value not in groups.MODES:
            return Decision((), rests, (groups.unknown_mode(self._group, mode.value),))
        look = self._look(snapshot, mode, views)
        if mode.value == "off":
            ordered = Ordered(look, rests, "", ())
            depends_on = None if on else self._idle
            conditions = tuple(self._orders.faults(look))
            return Decision(
                self._commanded(ordered),
                rests,
                conditions,
                self._orders.facts(rests),
                depends_on=depends_on,
            )
        work = work_of(self._units, look.loads, on)
        state = self._measure(look, state, on, work)
        state = self._units_for(look, state, on, work)
        trim = self._choice.trim_of(state.wanted)
        state = self._proof.look(self._regulate(look, state, trim), look)
        ordered = Ordered(look, state, trim, self._dryers_for(look, state))
        usable = any(view.available or view.manual for view in views.values())
        conditions = self._orders.conditions(ordered, usable)
        return Decision(
            self._commanded(ordered),
            state,
            (*conditions, *self._proof.conditions(state.proofs)),
            self._orders.facts(state),
            stands_until_s=self._due_s(look, state, trim),
            depends_on=None if self._proving(state) else self._looked_at,
        )

    def _repeats(self, quiet: _Quiet, snapshot: Snapshot, state: CompressorState) -> bool:
        if quiet.decision.state is not state or quiet.awards is not snapshot.awards:
            return False
        if not quiet.from_s <= snapshot.watched_s < quiet.until_s:
            return False
        low_kpa, high_kpa = self._parameters.low_kpa, self._parameters.high_kpa
        for point, before in zip(self._pressure.points, quiet.kpa, strict=True):
            kpa = snapshot.number(point)
            if kpa is None or abs(kpa - before) >= ANCHOR_KPA or not low_kpa <= kpa <= high_kpa:
                return False
        return groups.flags(snapshot, self._flags) == quiet.flags

    def _repeatable(self, snapshot: Snapshot, decision: Decision[CompressorState]) -> _Quiet | None:
        """The decision with what it rests on; None where it has to be made at each look."""
        shown = [snapshot.number(point) for point in self._pressure.points]
        kpa = tuple(value for value in shown if value is not None)
        state = decision.state
        if len(kpa) < len(shown) or self._parameters.regulate or not state.on:
            return None
        if decision.conditions or state.pressure.vote.apart_since_s is not None:
            return None
        if decision.depends_on is None or len(state.pressure.fall) > 1:
            return None
        due_s = decision.stands_until_s
        until_s = snapshot.watched_s + QUIET_S
        return _Quiet(
            decision,
            snapshot.awards,
            groups.flags(snapshot, self._flags),
            kpa,
            snapshot.watched_s,
            until_s if due_s is None else min(until_s, due_s),
        )

    # --- what is known -----------------------------------------------------------------------

    def _look(self, snapshot: Snapshot, mode: Award, views: Mapping[str, UnitView]) -> Look:
        whole = len(self._units)
        given = groups.setpoint(snapshot, self._group, MAX_UNITS)
        cap = whole if given is None else min(max(int(given), 0), whole)
        resets = frozenset(name for point, name in self._resets.items() if point in snapshot.awards)
        loads = unit_loads(snapshot, self._units, views)
        award = snapshot.awards.get(self._cap_point)
        return Look(snapshot, mode, views, loads, cap, award, resets)

    def _measure(
        self, look: Look, state: CompressorState, on: Sequence[str], work: Work | None
    ) -> CompressorState:
        load = None if work is None else work.share
        pressure = self._pressure.look(look.snapshot, state.pressure, bool(on), load)
        leaks = count_flow(state.leaks, self._flow_now(look, on, work), look.watched_s)
        return replace(state, pressure=pressure, leaks=leaks)

    def _flow_now(self, look: Look, on: Sequence[str], work: Work | None) -> float | None:
        """Free air in m3/h: metered, or what the units say; where neither can be, their work.

        Always the same of these for one station, so that hours compare.
        """
        if self._flow is not None:
            return look.snapshot.number(self._flow)
        if work is None:
            return None
        if not all(unit.flow_m3h for unit in self._units.values()):
            return work.given
        return sum((look.loads[name] or 0.0) * (self._units[name].flow_m3h or 0.0) for name in on)

    # --- how many, and which -----------------------------------------------------------------

    def _units_for(
        self, look: Look, state: CompressorState, on: Sequence[str], work: Work | None
    ) -> CompressorState:
        state = self._count.timed(state, look, work)
        counted = self._count.counted(state, look, work)
        if not state.on:
            # What runs already, because a state was lost, is kept; the pressure decides from here.
            running = sum(look.views[name].available for name in on)
            counted = replace(
                counted,
                state=replace(
                    state, on=True, timers=replace(state.timers, changed_s=look.watched_s)
                ),
                count=max(self._parameters.min_units, running),
            )
        state = counted.state
        limit = self._count.limit(state, look.cap)
        count = min(max(counted.count, self._count.least(look.cap)), limit)
        settled = self._settled
        if (
            settled is not None
            and count == len(state.wanted)
            and not counted.superfluous
            and settled.views is look.views
            and settled.wanted is state.wanted
            and settled.proofs is state.proofs
            and settled.from_s <= look.watched_s < settled.until_s
        ):
            return state
        chosen = self._choice.choose(state, look, replace(counted, count=count), work)
        state = with_units(state, chosen)
        until_s = self._choice.settled_until_s(state, look)
        self._settled = _Settled(look.views, state.wanted, state.proofs, look.watched_s, until_s)
        return state

    def _dryers_for(self, look: Look, state: CompressorState) -> tuple[str, ...]:
        units: list[AirUnit] = [self._units[n] for n in (*state.wanted, *state.leaving)]
        return self._dryers.choose(look.snapshot, units, state.record, on=state.on)

    def _regulate(self, look: Look, state: CompressorState, trim: str) -> CompressorState:
        """The speed of the trim unit, where it takes one."""
        if not self._regulates(trim):
            return state
        running = bool(look.views[trim].running)
        if running:
            loop = regulate(
                state.speed,
                SPEED,
                self._parameters.middle_kpa,
                state.pressure.kpa,
                look.watched_s,
            )
        else:
            loop = track(state.speed, SPEED.high_pct, look.watched_s)
        return state if loop is state.speed else replace(state, speed=loop)

    def _regulates(self, trim: str) -> bool:
        return self._parameters.regulate and bool(trim) and self._units[trim].speed is not None

    # --- what comes out ----------------------------------------------------------------------

    def _commanded(self, ordered: Ordered) -> tuple[Command, ...]:
        key = ordered.key()
        if self._last.key != key:
            self._last = Commanded(key, self._orders.commands(ordered))
        return self._last.commands

    def _proving(self, state: CompressorState) -> bool:
        return any(not proof.available for proof in state.proofs.values())

    def _due_s(self, look: Look, state: CompressorState, trim: str) -> float | None:
        """When a delay of this decision is over, or somebody has to look."""
        parameters, timers, pressure = self._parameters, state.timers, state.pressure
        now_s = look.watched_s
        times = [
            now_s + LOOKED_AT_EVERY_S,
            None if self._settled is None else self._settled.until_s,
            later(timers.low_s, parameters.add_delay_s),
            later(timers.high_s, parameters.shed_delay_s),
            later(timers.roomy_s, parameters.shed_delay_s),
            later(timers.critical_s, CRITICAL_FOR_S),
            later(timers.full_s, FULL_FOR_S),
            later(pressure.bad_since_s, INPUT_ALARM_AFTER_S),
            later(pressure.bad_since_s, HOLD_S),
            *(later(since_s, parameters.unloaded_stop_s) for since_s in state.unloaded_s.values()),
            *(later(since_s, STILL_S) for since_s in state.still_s.values()),
            *self._proof.due_s(state),
            *(filter_due_s(judged, PRESSURE) for judged in pressure.inputs.values()),
        ]
        if pressure.fall:
            times.append(later(timers.changed_s, EFFECT_S))
        if not self._layout.alike:
            times += [later(timers.changed_s, TRADE_HOLD_S), later(state.trade_s, TRADE_S)]
        if self._regulates(trim):
            times.append(now_s + REGULATED_EVERY_S)
        return soonest(now_s, *times)
