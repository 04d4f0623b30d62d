"""All chillers of a plant one look further: one after the other, swaps, roll-back. Pure.

One chiller starts at a time. In a swap the one that goes stays until the one that comes is proven;
if that one fails, its steps are undone, and whoever is chosen next begins in the same look.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from bms.control.blocks.delays import held_for
from bms.control.blocks.machines.retries import retry_due_s
from bms.control.blocks.machines.start_proof import MachinePhase
from bms.control.protect.withheld import reset_now
from bms.control.strategies.chilled_water.circuits.chilled_side import ChilledSide
from bms.control.strategies.chilled_water.looking import Look
from bms.control.strategies.chilled_water.plant_layout import Layout, Unit
from bms.control.strategies.chilled_water.plant_state import PlantState
from bms.control.strategies.water.fittings import Machine
from bms.control.strategies.water.machinery import (
    View,
    open_valves,
    proven,
    tellable,
)
from bms.control.strategies.water.unit_steps import (
    Outcome,
    Step,
    UnitHold,
    UnitInputs,
    UnitRules,
    UnitState,
    move,
)
from bms.core.decisions import Snapshot
from bms.texts.messages import msg

NO_FLOW_RESTS_S = 900.0
"""A chiller whose flow did not come is tried again after this (D)."""
LEAST_CW_SHARE = 0.7
"""Of the condenser pumps that are asked for, so many start a chiller while others are out of use
(D: it keeps well above the least flow of condensers)."""
WARMS_WITHIN_S = 600.0
"""A chiller that takes over from the economizer waits so long for warmer condenser water (D)."""
TOO_WARM_K = 3.0
"""Water so much above its setpoint needs every chiller that may be whole (D)."""
_STILL = UnitState()


@dataclass(frozen=True, slots=True)
class _Moved:
    units: Mapping[str, UnitState]
    holds: Mapping[str, UnitHold]
    valve_failures: Mapping[str, tuple[float, ...]]
    gave_up: bool
    """A chiller's flow did not come."""


class Sequence:
    """The sequence of one plant."""

    def __init__(self, layout: Layout, rules: UnitRules, chilled: ChilledSide) -> None:
        self._layout = layout
        self._rules = rules
        self._chilled = chilled

    def usable(self, name: str, state: PlantState, views: Mapping[str, View]) -> bool:
        """Whether a chiller may run, with all that is there for it alone."""
        unit = self._layout.units[name]
        if name in state.holds:
            return False
        for machine in (unit.chiller, *unit.auxiliaries):
            if not tellable(machine.name, views, state.proofs):
                return False
        return True

    def staging(self, state: PlantState) -> bool:
        """Whether the stage is on its way: somebody starts, or is to stop for somebody else."""
        wanted = set(state.choice.machines)
        for name, unit in state.units.items():
            if unit.starting or (unit.chiller_on and (name not in wanted or not _ran(name, state))):
                return True
        return any(state.units.get(name, _STILL).step is Step.OFF for name in wanted)

    def short(self, look: Look, state: PlantState) -> bool:
        """Whether nothing stands in for a chiller that is out of use: none is whole, or all whole
        ones are asked for and water stays too warm."""
        whole = {name for name in self._layout.units if self.usable(name, state, look.views)}
        warm_k = look.too_warm_k
        return not whole or (
            whole <= {*state.choice.machines} and warm_k is not None and warm_k > TOO_WARM_K
        )

    def released(self, look: Look, state: PlantState) -> PlantState:
        """What a person has reset, and what has rested, is tried again."""
        snapshot = look.snapshot
        if state.valve_failures:
            state = self._forgiven(snapshot, state)
        if not state.holds:
            return state
        short = self.short(look, state)
        holds = {
            name: hold
            for name, hold in state.holds.items()
            if name in self._layout.units and not self._over(snapshot, name, hold, short)
        }
        return state if holds == state.holds else replace(state, holds=holds)

    def _forgiven(self, snapshot: Snapshot, state: PlantState) -> PlantState:
        """Valves count as whole once their chiller is told to run, or a person says so."""
        failures = {
            name: failures_s
            for name, failures_s in state.valve_failures.items()
            if name in self._layout.units
            and not state.units.get(name, _STILL).chiller_on
            and not self._reset(snapshot, name)
        }
        same = len(failures) == len(state.valve_failures)
        return state if same else replace(state, valve_failures=failures)

    def _over(self, snapshot: Snapshot, name: str, hold: UnitHold, short: bool) -> bool:
        """Whether a hold ends; one for a valve by itself only if the plant is `short`."""
        rests_s = hold.rests_until_s
        rested = rests_s is not None and snapshot.watched_s >= rests_s
        return (rested and (short or not hold.failed)) or self._reset(snapshot, name)

    def _reset(self, snapshot: Snapshot, name: str) -> bool:
        return reset_now(snapshot, self._layout.units[name].chiller.id)

    def move(self, look: Look, state: PlantState) -> PlantState:
        """Each chiller one look further."""
        moved = self._moved(look, state)
        if moved.units == state.units and moved.holds == state.holds and not moved.gave_up:
            return state
        return replace(
            state,
            units=moved.units if moved.units != state.units else state.units,
            holds=moved.holds,
            valve_failures=moved.valve_failures,
            no_flow_s=look.watched_s if moved.gave_up else state.no_flow_s,
        )

    def _moved(self, look: Look, state: PlantState) -> _Moved:
        wanted = state.choice.machines
        units = {name: state.units.get(name, _STILL) for name in self._layout.units}
        holds, failures, gave_up = dict(state.holds), dict(state.valve_failures), False
        starting = {name for name, unit in units.items() if self._starts(name, unit, state)}
        usable = {name: self.usable(name, state, look.views) for name in units}
        coming = any(
            not (units[name].chiller_on and proven(name, state.proofs)) and usable[name]
            for name in wanted
        )
        for name, unit in self._layout.units.items():
            before, view = units[name], look.views[name]
            runs = bool(view.status) or view.kept_on
            available = usable[name]
            wish = name in wanted
            if before.step is Step.CHILLER and wish and available:
                continue  # it runs on
            if before.step is Step.OFF and not runs and not (wish and available):
                continue  # it stands still
            queued = bool(starting - {name}) and not self._layout.trains
            if wish and queued and before.step is Step.OFF and not runs:
                continue  # one after the other
            if not wish and before.chiller_on and available and coming:
                wish = state.enabling.enabled  # a swap: it stays until the other one runs
            others = any(
                other != name and (look.views[other].status or units[other].chiller_on)
                for other in units
            )
            inputs = UnitInputs(
                wish,
                available,
                runs,
                not runs,
                self._water(unit, look, state),
                self._chilled.others_ready(state.chilled) or look.overloaded,
                self._chilled.flow_raised(state.chilled, look.measured.flow_m3h),
                open_valves(look.snapshot, unit.valves),
            )
            moved = move(before, self._rules, inputs, not others, look.watched_s)
            units[name] = moved.state
            if self._starts(name, moved.state, state):
                starting.add(name)
            if moved.outcome is Outcome.VALVE:
                text = msg(
                    "its valve is not open within {proof_s:g} s", proof_s=self._rules.valve_s
                )
                failures[name] = (*failures.get(name, ()), look.watched_s)
                holds[name] = UnitHold(text, retry_due_s(failures[name], look.watched_s))
            elif moved.outcome is Outcome.NO_FLOW:
                holds[name], gave_up = UnitHold("", look.watched_s + NO_FLOW_RESTS_S), True
        return _Moved(units, holds, failures, gave_up)

    @staticmethod
    def _starts(name: str, unit: UnitState, state: PlantState) -> bool:
        return unit.starting or (unit.chiller_on and not _ran(name, state))

    def _water(self, unit: Unit, look: Look, state: PlantState) -> bool:
        """Whether the pumps and towers that a chiller needs show that they run."""
        runs = bool(look.views[unit.chiller.name].status)
        here = state.units.get(unit.chiller.name, _STILL)
        warms = state.condensing.warming and here.step is Step.WATER and not runs
        if warms and not held_for(here.since_s, WARMS_WITHIN_S, look.watched_s):
            return False  # after the economizer condenser water is too cold: the load warms it
        if not all(_shows(machine, look, state, runs) for machine in unit.auxiliaries):
            return False
        pumps = self._layout.chw_pumps
        if pumps and not any(_shows(pump, look, state, runs) for pump in pumps):
            return False
        if unit.cw_flow_m3h == 0.0 or not self._layout.cw_pumps:
            return True
        ready = sum(_shows(pump, look, state, runs) for pump in self._layout.cw_pumps)
        if runs:
            return ready >= 1
        whole = sum(tellable(pump.name, look.views, state.proofs) for pump in self._layout.cw_pumps)
        asked = state.condensing.pumps
        if whole < asked:  # one of many is out of use
            asked = max(whole, math.ceil(LEAST_CW_SHARE * asked))
        return ready >= max(1, asked)


def _shows(machine: Machine, look: Look, state: PlantState, chiller_runs: bool) -> bool:
    """Whether a machine shows that it runs; one that shows nothing is believed once it is told
    to, or while the chiller runs on it."""
    if machine.status is None:
        return proven(machine.name, state.proofs) or chiller_runs
    view = look.views[machine.name]
    return bool(view.status) and not view.fault


def _ran(name: str, state: PlantState) -> bool:
    """Whether a chiller that is told to run has shown that it does; it may pause by itself."""
    proof = state.proofs.get(name)
    return proof is not None and proof.phase in (MachinePhase.RUNNING, MachinePhase.PAUSED)
