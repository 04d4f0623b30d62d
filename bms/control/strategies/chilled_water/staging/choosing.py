"""Which chillers of a plant run: by load, by weather and hour, by who is available. Pure.

A machine that fails is replaced in the same look. At night the set that draws the least for a
small load runs, whatever its size (control reference, 3). The reference says "non-summer"; the
season is not asked here, because what it stands for is: a summer night of great load is above the
share, and on one of little load the lift says which machine draws less (400 kW at 20 degC the
screw, 600 kW at 29 degC the large one). A calendar would only forbid a saving that was found.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from bms.control.blocks.delays import held_for, holds_since
from bms.control.blocks.machines.chooser import Demand, Unit
from bms.control.blocks.machines.curves import ChillerModel, Learned, LearningRules, correction
from bms.control.blocks.machines.lead_lag import RunRecord
from bms.control.blocks.plants.approach import approach
from bms.control.blocks.plants.plant_load import Lift, water_kw
from bms.control.blocks.plants.stage_changes import STOP_COUNTS, larger_counts
from bms.control.engine.states import Words
from bms.control.strategies.chilled_water.instruments import Measured
from bms.control.strategies.chilled_water.parameters import ChilledWaterPlantParameters
from bms.control.strategies.chilled_water.plant_layout import Layout
from bms.control.strategies.chilled_water.staging.stages import (
    NONE,
    Candidate,
    Situation,
    StageRules,
    StageTimers,
    Step,
    candidates,
    changed,
    cheapest,
    larger_for,
    limits_of,
    next_below,
    next_step,
    replacing,
    smaller_for,
    stays_below,
)
from bms.core.machines.relations import Compressor
from bms.texts.messages import msg

SAVES = 0.95
"""Another set is taken for its power alone if it draws less than this share (D)."""
NIGHT_HOLD_S = 3600.0
"""Control reference, 3: a set of the night is kept for 60 min."""
NIGHT = (20, 7)
"""Hours by the clock of the base: from, to."""
NIGHT_SHARE = 0.3
"""Below this share of a large unit the load of a night is small."""
ALONE_WARM = ((2.0, 600.0), (1.0, 1200.0))
"""From the economizer alone to a chiller: kelvin above the setpoint, and for how long."""
MIXED = 0.8
"""Of the failsafe: so much warmer, water of standing chillers may make the supply (D)."""
LEARNING = LearningRules()
SETTLED_EVERY_S = 60.0
"""The end of a change is known to so many seconds."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """The chillers that shall run, and why."""

    machines: tuple[str, ...] = ()
    reason: Words = ""
    timers: StageTimers = field(default_factory=StageTimers)


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What the choice is made from."""

    usable: Collection[str]
    """May go on running."""
    startable: Collection[str]
    """May be started: in order, provable, starts left, nobody against it."""
    running: Collection[str]
    """Show that they run."""
    manual: Collection[str]
    """A person wants them to run."""
    measured: Measured
    setpoint_c: float | None
    too_warm_k: float | None
    low_pressure_kpa: float | None
    staging: bool
    """A change of the stage is on its way."""
    night: bool
    free: bool = False
    """The economizer runs."""
    alone: bool = False
    """It suffices alone."""
    paused: tuple[str, ...] = ()
    """Told to run, and stopped by their own thermostats."""
    exchanging: bool = False
    """It cools: what it leaves counts from then on."""


class Chooser:
    """Chooses for one plant."""

    def __init__(self, layout: Layout, parameters: ChilledWaterPlantParameters, zone: str) -> None:
        self._layout = layout
        self._zone = ZoneInfo(zone)
        self._rules = StageRules(
            parameters.up_share,
            parameters.down_share,
            parameters.stage_delay_s,
            parameters.min_stage_s,
            parameters.failsafe_k,
        )
        self._least_power = parameters.does("least_power")
        self._night = parameters.does("night")
        self._compressors = {
            name: unit.chiller.design.compressor for name, unit in layout.units.items()
        }
        self._models = {name: model_of(layout, name) for name in layout.units}
        self._auxiliary_kw = {name: _auxiliary_kw(layout, name) for name in layout.units}
        lifts = [unit.chiller.design for unit in layout.units.values()]
        self._lift_k = (
            max([d.lift_min_k for d in lifts if d.lift_min_k is not None], default=12.0),
            max([d.lift_max_k for d in lifts if d.lift_max_k is not None], default=30.0),
        )
        self._through_m3h = {
            name: unit.chiller.design.flow_m3h or unit.capacity_kw
            for name, unit in layout.units.items()
            if layout.chw_pumps and unit.chw_valve is None
        }
        """By chiller through which water of the header flows though it stands; a capacity stands
        in for a flow, since only shares matter."""
        self._last: tuple[object, Mapping[str, Learned], list[Candidate]] | None = None
        self._largest_kw = max((u.capacity_kw for u in layout.units.values()), default=0.0)

    def capacity_kw(self, names: Collection[str]) -> float:
        """Of a set, at design."""
        return sum(self._layout.units[name].capacity_kw for name in names)

    @staticmethod
    def off(before: Wanted, manual: Sequence[str], watched_s: float, *, unneeded: bool) -> Wanted:
        """The chillers of a plant that is off: those that a person runs."""
        if before.machines == tuple(manual):
            return before
        # What it did today still counts when it is on again.
        stops = STOP_COUNTS if unneeded and not manual else 0
        timers = changed(before.timers, watched_s, counts=stops)
        return Wanted(tuple(manual), timers=replace(timers, stage_since_s=None))

    def is_night(self, now: datetime) -> bool:
        """Whether it is night where the plant is, and that matters."""
        begins, ends = NIGHT
        return self._night and not ends <= now.astimezone(self._zone).hour < begins

    def choose(
        self,
        before: Wanted,
        around: Circumstances,
        record: RunRecord,
        learned: Mapping[str, Learned],
        watched_s: float,
    ) -> Wanted:
        """The chillers at a look, for a plant that is on."""
        found = self._candidates(before, around, record, learned)
        chosen = self._kept(before, around, found, watched_s)
        if chosen is not before:
            return chosen
        if around.staging:
            return self._staging(before, watched_s)
        if not before.machines:
            return self._first(before, around, found, watched_s)
        return self._staged(before, around, found, watched_s)

    @staticmethod
    def _staging(before: Wanted, watched_s: float) -> Wanted:
        """While a change of the stage is on its way, nothing counts."""
        timers = before.timers
        noted = timers.settled_s is not None and not held_for(
            timers.settled_s, SETTLED_EVERY_S, watched_s
        )
        if noted and timers.up_since_s is None and timers.down_since_s is None:
            return before
        timers = replace(timers, up_since_s=None, down_since_s=None, settled_s=watched_s)
        return replace(before, timers=timers)

    def _candidates(
        self,
        before: Wanted,
        around: Circumstances,
        record: RunRecord,
        learned: Mapping[str, Learned],
    ) -> list[Candidate]:
        """Every set that may run; the same list while nothing that it is made of changes."""
        order = self._order(before, around, record)
        demand = self._demand(around)
        key = (
            order, before.machines, tuple(around.usable), tuple(around.startable),
            tuple(around.running), tuple(around.manual), demand,
        )  # fmt: skip
        if self._last is not None and self._last[0] == key and self._last[1] is learned:
            return self._last[2]
        units = self._units(order, before, around, learned)
        found = candidates(units, before.machines, demand)
        self._last = (key, learned, found)
        return found

    def _order(self, before: Wanted, around: Circumstances, record: RunRecord) -> tuple[str, ...]:
        """The chillers in lead order."""
        return tuple(
            sorted(
                self._layout.units,
                key=lambda name: (
                    name not in before.machines and name not in around.running,
                    name not in around.running,
                    record.of(name).staging_h,
                ),
            )
        )

    def _units(
        self,
        order: Sequence[str],
        before: Wanted,
        around: Circumstances,
        learned: Mapping[str, Learned],
    ) -> list[Unit]:
        found = []
        for name in order:
            unit = self._layout.units[name]
            on = name in before.machines or name in around.running
            found.append(
                Unit(
                    name,
                    unit.capacity_kw,
                    unit.capacity_kw * (unit.chiller.design.min_load_pct or 0.0) / 100.0,
                    1.0,
                    name in (around.usable if on else around.startable),
                    name in around.manual,
                    self._models[name] if self._least_power else None,
                    correction(learned.get(name, Learned()), LEARNING),
                    self._auxiliary_kw[name],
                )
            )
        return found

    def _demand(self, around: Circumstances) -> Demand | None:
        load_kw = around.measured.load_kw
        if not self._least_power or load_kw is None:
            return None
        return Demand(load_kw, around.setpoint_c, around.measured.cw_supply_c)

    def _kept(
        self,
        before: Wanted,
        around: Circumstances,
        found: Sequence[Candidate],
        watched_s: float,
    ) -> Wanted:
        """Who fell out is replaced at once; who a person runs counts."""
        manual = [name for name in around.manual if name in around.usable]
        there = [name for name in before.machines if name in around.usable]
        missing = [name for name in manual if name not in there]
        if len(there) == len(before.machines) and not missing:
            return before
        if len(there) == len(before.machines):
            machines: tuple[str, ...] = (*there, *missing)
            if self.capacity_kw(there) and there != manual:
                # As many as before, with what the person runs among them.
                rest = [name for name in there if name not in manual]
                machines = (*manual, *rest[: max(0, len(there) - len(manual))])
            reason: str = msg("a person runs {machines}", machines=", ".join(manual))
        else:
            lost = Candidate(before.machines, self.capacity_kw(before.machines))
            machines = replacing(found, lost).machines
            reason = before.reason
        timers = changed(before.timers, watched_s, counts=0)
        return Wanted(tuple(dict.fromkeys(machines)), reason, timers)

    def _first(
        self, before: Wanted, around: Circumstances, found: Sequence[Candidate], watched_s: float
    ) -> Wanted:
        """The first machines of a plant that is on: what already runs, else the smallest set."""
        running = tuple(name for name in self._layout.units if name in around.running)
        running = tuple(name for name in running if name in around.usable)
        if running:
            return Wanted(running, msg("start"), changed(before.timers, watched_s, counts=0))
        if (around.free or around.alone) and not self._too_warm(before, around, watched_s):
            timers = before.timers
            cooling = approach(timers.cooling, around.measured.supply_c, watched_s, rising=False)
            warm = self._warm(around, ALONE_WARM[1][0])
            warm = warm and around.exchanging
            warm = warm and not cooling.arrives(around.too_warm_k, watched_s)
            since_s = holds_since(warm, timers.failsafe_since_s, watched_s)
            reason = before.reason or msg("the economizer suffices")
            if (since_s, cooling, reason) == (
                timers.failsafe_since_s, timers.cooling, before.reason
            ):  # fmt: skip
                return before
            timers = replace(timers, failsafe_since_s=since_s, cooling=cooling)
            return replace(before, timers=timers, reason=reason)
        if not found:
            return before
        begins = found[0]  # nobody knows the load of a plant that stood
        timers = changed(before.timers, watched_s, counts=0)
        return Wanted(begins.machines, msg("start"), timers)

    @staticmethod
    def _warm(around: Circumstances, above_k: float) -> bool:
        return around.too_warm_k is None or around.too_warm_k > above_k

    def _too_warm(self, before: Wanted, around: Circumstances, watched_s: float) -> bool:
        since_s = before.timers.failsafe_since_s
        (much_k, soon_s), (little_k, late_s) = ALONE_WARM
        return (self._warm(around, much_k) and held_for(since_s, soon_s, watched_s)) or (
            self._warm(around, little_k) and held_for(since_s, late_s, watched_s)
        )

    def _staged(
        self, before: Wanted, around: Circumstances, found: Sequence[Candidate], watched_s: float
    ) -> Wanted:
        here = Candidate(before.machines, self.capacity_kw(before.machines))
        load_kw = around.measured.load_kw
        smaller = self.unmixed(found, around)
        below, above_it = next_below(smaller, here), larger_for(found, here, None, 1.0)
        kinds, lift = (self._kinds(here), self._kinds(below)), self._lift(around)
        up, down = limits_of(self._rules, kinds[0], self._kinds(above_it), kinds[1], lift)
        limits = up, min(down, stays_below(self._rules, *kinds, lift))
        measured = around.measured
        colder_kw = 0.0
        if around.too_warm_k is not None and around.too_warm_k < 0.0:
            colder_kw = water_kw(measured.flow_mean_m3h or 0.0, 0.0, around.too_warm_k)
        situation = Situation(
            load_kw, around.too_warm_k, around.low_pressure_kpa, measured.supply_c, colder_kw,
            around.paused,
        )  # fmt: skip
        decision = next_step(before.timers, self._rules, situation, here, limits, below, watched_s)
        target: Candidate | None = None
        if decision.step is Step.UP:
            asked_kw = None if decision.timers.up_since_s is None else load_kw
            target = larger_for(found, here, asked_kw, limits[0])
        elif decision.step is Step.DOWN:
            target = smaller_for(smaller, here, situation.given_kw, limits[1])
        if target is not None:
            timers, up = decision.timers, decision.step is Step.UP
            counts = larger_counts(timers.smaller_s, watched_s) if up else 1
            timers = changed(timers, watched_s, counts=counts)
            if not up:
                timers = replace(timers, smaller_s=watched_s)
            return Wanted(target.machines, decision.reason, timers)
        timers = decision.timers
        if around.alone and not around.manual:
            return self._to_free(replace(before, timers=timers), watched_s)
        if around.night:
            return self._at_night(replace(before, timers=timers), around, smaller, here, watched_s)
        if timers.better_since_s is not None:
            timers = replace(timers, better_since_s=None)
        return before if timers == before.timers else replace(before, timers=timers)

    def unmixed(self, found: Sequence[Candidate], around: Circumstances) -> Sequence[Candidate]:
        """The sets that keep supply water cold enough. Where chillers have no valves, return water
        passes those that stand, and mixes with what the others make."""
        return_c, setpoint_c = around.measured.return_c, around.setpoint_c
        if not self._through_m3h or return_c is None or setpoint_c is None:
            return found
        spread_k, most_k = return_c - setpoint_c, MIXED * self._rules.failsafe_k
        whole_m3h = sum(self._through_m3h.values())
        return [
            c
            for c in found
            if spread_k
            * sum(m3h for name, m3h in self._through_m3h.items() if name not in c.machines)
            <= most_k * whole_m3h
        ]

    def _to_free(self, before: Wanted, watched_s: float) -> Wanted:
        """The economizer takes over once it has sufficed for as long as any smaller stage."""
        since_s = holds_since(True, before.timers.better_since_s, watched_s)
        timers = replace(before.timers, better_since_s=since_s)
        stays = not held_for(timers.stage_since_s, self._rules.min_stage_s, watched_s)
        delay_s = self._rules.delay_s * timers.patience
        if stays or not held_for(since_s, delay_s, watched_s):
            return replace(before, timers=timers)
        reason = msg("the economizer suffices")
        return Wanted((), reason, changed(timers, watched_s, counts=1))

    def _at_night(
        self,
        before: Wanted,
        around: Circumstances,
        found: Sequence[Candidate],
        here: Candidate,
        watched_s: float,
    ) -> Wanted:
        """Control reference, 3, "Night low-load chiller": for little load the set that draws the
        least, by weather (lift), hour and load."""
        timers, load_kw = before.timers, around.measured.load_kw
        better: Candidate | None = None
        drawn_kw = next((c.power_kw for c in found if set(c.machines) == set(here.machines)), None)
        if load_kw is not None and load_kw < NIGHT_SHARE * self._largest_kw and drawn_kw:
            able = [c for c in found if load_kw <= 0.9 * c.capacity_kw]
            other = cheapest(able) if able else NONE
            if other.power_kw is not None and other.power_kw < SAVES * drawn_kw:
                better = other
        since_s = holds_since(better is not None, timers.better_since_s, watched_s)
        timers = replace(timers, better_since_s=since_s)
        if (
            better is None
            or not held_for(since_s, self._rules.delay_s * timers.patience, watched_s)
            or not held_for(timers.stage_since_s, NIGHT_HOLD_S, watched_s)
        ):
            return replace(before, timers=timers)
        reason = msg(
            "night, load {load_kw:.0f} kW: {power_kw:.0f} kW in place of {drawn_kw:.0f} kW",
            load_kw=load_kw,
            power_kw=better.power_kw,
            drawn_kw=drawn_kw,
        )
        return Wanted(better.machines, reason, changed(timers, watched_s, counts=1))

    def _kinds(self, candidate: Candidate | None) -> list[Compressor | None]:
        return [] if candidate is None else [self._compressors[n] for n in candidate.machines]

    def _lift(self, around: Circumstances) -> Lift | None:
        lift_k = around.measured.lift_k
        return None if lift_k is None else Lift(lift_k, *self._lift_k)


def _auxiliary_kw(layout: Layout, name: str) -> float:
    """What runs for a chiller beside it: its own, and its part of what is on headers."""
    unit = layout.units[name]
    own_kw = sum(machine.rated_kw or 0.0 for machine in unit.auxiliaries)
    shared_kw = sum(m.rated_kw or 0.0 for m in (*layout.cw_pumps, *layout.towers))
    whole_kw = sum(u.capacity_kw for u in layout.units.values())
    return own_kw + (shared_kw * unit.capacity_kw / whole_kw if whole_kw else 0.0)


def model_of(layout: Layout, name: str) -> ChillerModel | None:
    """What a chiller draws; None where its file says too little."""
    unit = layout.units[name]
    design = unit.chiller.design
    if design.curve is None or design.cop is None or unit.capacity_kw <= 0.0:
        return None
    least = 0.1 if design.min_load_pct is None else design.min_load_pct / 100.0
    return ChillerModel(unit.capacity_kw, design.cop, design.curve, max(least, 0.02))
