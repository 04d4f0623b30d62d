"""Protective stops of one base, at slot 5: faults, flow, levels, and what has to stop first.
Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, NamedTuple

from bms.control.blocks.commanded import NOTHING, Commanded
from bms.control.blocks.machines.start_proof import (
    Failure,
    MachinePhase,
    ProofInputs,
    ProofRules,
    ProofState,
)
from bms.control.blocks.unmoved import Unmoved
from bms.control.engine.protection import is_on
from bms.control.protect import fault_stops
from bms.control.protect.flow import flow_guard, stop_order
from bms.control.protect.flow.flow_guard import FlowHold
from bms.control.protect.flow.flow_paths import GuardedMachine
from bms.control.protect.level.level_guard import (
    DryContact,
    GuardedTank,
    TankHold,
    dry_contacts,
    guarded_tanks,
)
from bms.control.protect.run_evidence import RunEvidence
from bms.control.protect.scald_guard import GuardedStore, StoreHold, guarded_stores
from bms.control.protect.withheld import Cause, asked_on, reset_point, source_of, wanted
from bms.core.decisions import Command, Condition, Decision, Priority, Severity, Snapshot, Stage
from bms.core.equipment import Equipment
from bms.texts.messages import Message, msg
from drivers.points import PointId

TOGETHER: Final = 3
TOGETHER_S: Final = 10.0
"""So many faults within so short a time are none of machines: their supply has failed (D)."""
NO_SUPPLY_S: Final = 60.0
STEP: Final = 0.5
"""Smaller moves of a level (%) or a temperature (K) change nothing (D)."""
WAITS_S: Final = 60.0
"""Waiting so long for its flow is no longer a start: somebody has to look."""


@dataclass(frozen=True, slots=True)
class SafetyState:
    """What protection remembers, by the id of a machine; times in watched seconds."""

    faults: Mapping[str, ProofState] = field(default_factory=dict)
    flows: Mapping[str, FlowHold] = field(default_factory=dict)
    stops_s: Mapping[str, float] = field(default_factory=dict)
    """Since when a machine has had to stop before its pump."""
    rises_s: Mapping[str, float] = field(default_factory=dict)
    """When fault inputs came on, of the last seconds."""
    supply_lost_s: float | None = None
    """When many came on at once."""
    tanks: Mapping[str, TankHold] = field(default_factory=dict)
    """By the id of a tank or pit."""
    stores: Mapping[str, StoreHold] = field(default_factory=dict)
    """By the id of a hot-water store."""


@dataclass(frozen=True, slots=True)
class _Faulty:
    """A machine whose fault, or whose failed start, stops it."""

    machine: Equipment
    enable: PointId
    fault: PointId | None
    runs: RunEvidence | None
    rules: ProofRules


class _Found(NamedTuple):
    """What is wanted of one point: the strongest cause, and the others beneath it."""

    on: bool
    cause: Cause
    reason: str
    also: tuple[_Found, ...] = ()


class Safety:
    """Stops machines that must not run; see the modules of its parts."""

    stage = Stage.PROTECT
    priority = Priority.EQUIPMENT

    def __init__(
        self, base: str, equipment: Sequence[Equipment], guarded: tuple[GuardedMachine, ...]
    ) -> None:
        self.name = f"safety:{base}"
        self._base = base
        self._guarded = guarded
        self._faulty = tuple(_faulty(equipment))
        self._tanks: tuple[GuardedTank, ...] = guarded_tanks(
            {machine.id.removeprefix(f"{base}."): machine for machine in equipment}
        )
        self._dry: tuple[DryContact, ...] = dry_contacts(equipment)
        self._stores: tuple[GuardedStore, ...] = guarded_stores(
            {machine.id.removeprefix(f"{base}."): machine for machine in equipment}
        )
        enables = {one.enable for one in guarded} | {one.enable for one in self._faulty}
        drivers = {
            enable
            for one in guarded
            for driver in (*one.towers, *(d for path in one.paths for d in path.drivers))
            if not driver.exempt and (enable := driver.commanded("enable")) is not None
        }
        guards: list[GuardedTank | GuardedStore] = [*self._tanks, *self._stores]
        levels = [one.writes for one in guards]
        dry = {one.enable for one in self._dry}
        self.writes = frozenset(enables | drivers | dry).union(*levels)
        shows = [*(one.runs for one in guarded), *(one.runs for one in self._faulty)]
        seen = {runs.point for runs in shows if runs is not None}
        # What a machine draws is asked only while it starts, and then in each cycle.
        drawn = {point for runs in shows if runs is not None for point in runs.points}
        faults = {one.fault for one in self._faulty if one.fault is not None}
        resets = {reset_point(one.machine.id) for one in self._faulty}
        contacts = {one.contact for one in self._dry}
        self._always = frozenset(self.writes | seen | faults | resets | contacts).union(
            *(one.reads for one in guards)
        )
        self.reads = self._always.union(
            drawn, *(path.reads for one in guarded for path in one.paths)
        )
        creeps = [point for one in guards for point in one.creeps]
        self._unmoved: Unmoved[SafetyState] | None = None
        if creeps:
            self._unmoved = Unmoved(
                self.reads if guarded else self._always,
                dict.fromkeys(creeps, STEP),
                whole_awards=True,
            )
        self._last = NOTHING
        self._orders: Sequence[stop_order.Ordered] = ()
        self._after: SafetyState | None = None
        """The state after machines were last looked at."""
        self._moves = True
        """Whether a delay of theirs runs."""

    def initial(self) -> SafetyState:
        return SafetyState()

    def decide(
        self, snapshot: Snapshot, state: SafetyState, now: datetime
    ) -> Decision[SafetyState]:
        if self._unmoved is None:
            return self._decide(snapshot, state)
        stands = self._unmoved.stands(snapshot, state, now)
        return self._unmoved.keep(self._decide(snapshot, state)) if stands is None else stands

    def _decide(self, snapshot: Snapshot, state: SafetyState) -> Decision[SafetyState]:
        if not self._machines_stand(snapshot, state):
            state = self._machines(snapshot, state)
        orders, flows = self._orders, state.flows
        if self._tanks:
            tanks = {
                tank.tank.id: tank.look(snapshot, state.tanks.get(tank.tank.id, _UNSEEN))
                for tank in self._tanks
            }
            if tanks != state.tanks:
                state = replace(state, tanks=tanks)
        if self._stores:
            stores = {
                held.store.id: held.look(snapshot, state.stores.get(held.store.id, _COLD))
                for held in self._stores
            }
            if stores != state.stores:
                state = replace(state, stores=stores)
        found = self._found(snapshot, state, orders)
        if self._last.key != found:
            commands = tuple(self._command(point, one) for point, one in found.items())
            self._last = Commanded(found, commands)
        conditions = self._conditions(snapshot, state)
        if self._moves or any(tank.pending(state.tanks[tank.tank.id]) for tank in self._tanks):
            return Decision(self._last.commands, state, conditions)
        watched = [path.reads for o in self._guarded if o.machine.id in flows for path in o.paths]
        waits = [hold.since_s + WAITS_S for hold in flows.values() if not hold.allowed]
        for tank in self._tanks:
            waits += tank.due_s(state.tanks[tank.tank.id], snapshot.watched_s)
        for held in self._stores:
            waits += held.due_s(state.stores[held.store.id], snapshot.watched_s)
        later = [at_s for at_s in waits if at_s > snapshot.watched_s]
        return Decision(
            self._last.commands,
            state,
            conditions,
            stands_until_s=min(later, default=None),
            depends_on=self._always.union(*watched) if watched else self._always,
        )

    def _machines_stand(self, snapshot: Snapshot, state: SafetyState) -> bool:
        """Whether only levels and temperatures have moved since faults and flows were looked at.

        Measured on the demo: half of all that protection costs, as tanks move in each cycle.
        """
        after = self._after
        if after is None or self._moves or self._unmoved is None or not self._unmoved.still:
            return False
        if state.faults is not after.faults or state.flows is not after.flows:
            return False
        waits = (h.since_s + WAITS_S for h in state.flows.values() if not h.allowed)
        return not any(at_s <= snapshot.watched_s for at_s in waits)

    def _machines(self, snapshot: Snapshot, state: SafetyState) -> SafetyState:
        """Faults, flows and what has to stop first."""
        state = self._faults(snapshot, state)
        flows = {
            one.machine.id: hold
            for one in self._guarded
            if (hold := self._flow(one, state, snapshot)) is not None
        }
        self._orders, stops_s = stop_order.order(self._guarded, state.stops_s, snapshot)
        if flows != state.flows or stops_s != state.stops_s:
            state = replace(state, flows=flows, stops_s=stops_s)
        self._after, self._moves = state, self._pending(state)
        return state

    def _pending(self, state: SafetyState) -> bool:
        """Whether a delay of a machine runs: it is looked again in the next cycle."""
        if state.rises_s or state.stops_s or state.supply_lost_s is not None:
            return True
        proofs = state.faults.values()
        if any(p.unpowered or p.phase is MachinePhase.STARTING for p in proofs):
            return True
        if any(p.failure is not Failure.NONE and not p.latched for p in proofs):
            return True
        votes = (v for hold in state.flows.values() if hold.allowed for v in hold.votes.values())
        return any(not vote.proven for vote in votes)

    # --- parts -------------------------------------------------------------------------------

    def _faults(self, snapshot: Snapshot, state: SafetyState) -> SafetyState:
        now_s = snapshot.watched_s
        flags = {
            one.machine.id: None if one.fault is None else snapshot.flag(one.fault)
            for one in self._faulty
        }
        rises = {n: at_s for n, at_s in state.rises_s.items() if now_s - at_s < TOGETHER_S}
        for name, flag in flags.items():
            known = state.faults.get(name)
            if flag and name not in rises and (known is None or known.failure is Failure.NONE):
                rises[name] = now_s
        lost_s = state.supply_lost_s
        if len(rises) >= TOGETHER:
            lost_s = now_s
        elif lost_s is not None and now_s - lost_s >= NO_SUPPLY_S:
            lost_s = None
        faults: dict[str, ProofState] = {}
        for one in self._faulty:
            name = one.machine.id
            award = snapshot.awards.get(one.enable)
            inputs = ProofInputs(
                award is not None and is_on(award.value),
                None if one.runs is None else one.runs.flag(snapshot),
                flags[name],
                snapshot.flag(one.enable) is not False,
                powered=lost_s is None,
            )
            known = state.faults.get(name)
            after = fault_stops.watch_faults(one.machine, known, one.rules, snapshot, inputs)
            if after is not None:
                faults[name] = after
        if (faults, rises, lost_s) == (state.faults, state.rises_s, state.supply_lost_s):
            return state
        return replace(state, faults=faults, rises_s=rises, supply_lost_s=lost_s)

    def _flow(self, one: GuardedMachine, state: SafetyState, snapshot: Snapshot) -> FlowHold | None:
        before = state.flows.get(one.machine.id)
        return flow_guard.guard(one, before, snapshot, wanted=_wanted(snapshot, one.enable))

    # --- what comes out ----------------------------------------------------------------------

    def _found(
        self, snapshot: Snapshot, state: SafetyState, orders: Sequence[stop_order.Ordered]
    ) -> dict[PointId, _Found]:
        found: dict[PointId, _Found] = {}
        for one in self._faulty:
            known = state.faults.get(one.machine.id)
            if known is not None and not known.available:
                _add(found, one.enable, Cause.FAULT, fault_stops.why_stopped(known))
            elif one.fault is not None and snapshot.flag(one.fault):
                _add(found, one.enable, Cause.FAULT, _FAULT_ON)
        for ordered in orders:
            if ordered.on and ordered.point not in found:
                found[ordered.point] = _Found(True, Cause.ORDER, ordered.reason)
            elif not ordered.on:
                _add(found, ordered.point, Cause.ORDER, ordered.reason)
        for guarded in self._guarded:
            hold = state.flows.get(guarded.machine.id)
            if hold is not None and not (hold.allowed or hold.idle):
                _add(found, guarded.enable, Cause.FLOW, hold.why)
        for tank in self._tanks:
            for point, reason in tank.stops(snapshot, state.tanks[tank.tank.id]).items():
                _add(found, point, Cause.LEVEL, reason)
        for held in self._stores:
            for point, reason in held.stops(state.stores[held.store.id]).items():
                _add(found, point, Cause.SCALD, reason)
        for dry in self._dry:
            if snapshot.flag(dry.contact):
                _add(found, dry.enable, Cause.LEVEL, _NO_WATER)
        return found

    def _command(self, point: PointId, found: _Found) -> Command:
        return Command(
            point=point,
            value=int(found.on),
            priority=self.priority,
            source=source_of(found.cause, self._base),
            reason=found.reason,
            beaten=tuple(self._command(point, other) for other in found.also),
        )

    def _conditions(self, snapshot: Snapshot, state: SafetyState) -> tuple[Condition, ...]:
        conditions: list[Condition] = []
        for one in self._faulty:
            known = state.faults.get(one.machine.id)
            if known is None or known.failure is Failure.NONE:
                continue
            if known.latched:
                conditions.append(fault_stops.latched(one.machine, known))
            elif known.failure is not Failure.FAULT:
                conditions.append(fault_stops.replaced(one.machine, known))
        for guarded in self._guarded:
            hold = state.flows.get(guarded.machine.id)
            if hold is None or hold.allowed:
                continue
            if hold.lost or snapshot.watched_s - hold.since_s >= WAITS_S:
                conditions.append(_without_flow(guarded, hold, snapshot))
        for tank in self._tanks:
            conditions += tank.conditions(snapshot, state.tanks[tank.tank.id])
        for held in self._stores:
            conditions += held.conditions(state.stores[held.store.id])
        conditions += [one.told() for one in self._dry if snapshot.flag(one.contact)]
        return tuple(conditions)


def _wanted(snapshot: Snapshot, enable: PointId) -> bool:
    """Whether somebody wants it on, also while a minimum time off stands before that; what
    nobody commands is wanted while it is on."""
    return wanted(snapshot, enable) if enable in snapshot.awards else bool(snapshot.flag(enable))


_FAULT_ON: Final = msg("its fault input is on")
_NO_WATER: Final = msg("its own dry-run protection says that it has no water")
_UNSEEN: Final = TankHold()
_COLD: Final = StoreHold()


def _add(found: dict[PointId, _Found], point: PointId, cause: Cause, reason: str) -> None:
    here, before = _Found(False, cause, reason), found.get(point)
    if before is None or before.on:
        found[point] = here
    elif cause not in (before.cause, *(other.cause for other in before.also)):
        found[point] = before._replace(also=(*before.also, here))


def _faulty(equipment: Sequence[Equipment]) -> list[_Faulty]:
    found = []
    for machine in equipment:
        enable = machine.commanded("enable")
        if enable is None or machine.exempt:
            continue
        fault, runs = fault_stops.fault_point(machine), fault_stops.evidence_of(machine)
        rules = fault_stops.rules_of(machine, runs)
        if fault is not None or rules.provable:
            found.append(_Faulty(machine, enable, fault, runs, rules))
    return found


def _without_flow(guarded: GuardedMachine, hold: FlowHold, snapshot: Snapshot) -> Condition:
    name = guarded.machine.id
    wish = asked_on(snapshot, guarded.enable)
    text: Message
    if hold.lost:
        text = msg("{machine} was switched off: {reason}", machine=name, reason=hold.why)
    elif wish is not None:
        text = msg(
            "{machine} is not started, though {source} asks for it: {reason}",
            machine=name,
            source=wish.source,
            reason=hold.why,
        )
    else:
        text = msg("{machine} is not started: {reason}", machine=name, reason=hold.why)
    return Condition(f"{name}:flow", Severity.CRITICAL, text)
