"""Pumps side by side: which of them run for a count, and whether they move water. Pure.

Those that run stay; the one that has not started for longest comes next, so that pumps take turns
whatever each run takes. One that fails, that
may not start yet, or that turns without moving water is passed over at once. Where fewer than are
asked for are left, those are tried again now and then (`blocks/machines/retries`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from bms.config.site import Group
from bms.control.blocks.delays import held_for, holds_since
from bms.control.blocks.machines.lead_lag import MachineHours, RunRecord, record_hours
from bms.control.blocks.machines.retries import retry_due_s
from bms.control.blocks.machines.start_proof import STILL, MachinePhase, ProofRules
from bms.control.blocks.machines.starts import Starts, count_starts, may_start_s
from bms.control.blocks.replacing import replace
from bms.control.strategies.water.fittings import Machine, machine_of
from bms.control.strategies.water.machinery import (
    Machinery,
    Proofs,
    View,
    proven,
    tellable,
    tried_again,
    usable,
)
from bms.control.strategies.water.pump_bank import NOBODY, chosen
from bms.core.decisions import Condition, Severity, Snapshot
from bms.core.equipment import Equipment, base_of
from bms.texts.messages import Message, msg
from drivers.points import PointId

MOVES_WITHIN_S: Final = 60.0
"""A pump that runs shows flow within this time (D: air in the pipe, a slow check valve)."""
MOVES_SHARE: Final = 0.05
"""Of its design flow: less is leakage or the zero of the meter (D)."""
LEAST_M3H: Final = 0.1


@dataclass(frozen=True, slots=True)
class HouseState:
    """What is remembered of pumps side by side, by short name; times in watched seconds."""

    on: tuple[str, ...] = ()
    proofs: Proofs = field(default_factory=dict)
    record: RunRecord = field(default_factory=RunRecord)
    starts: Starts = field(default_factory=Starts)
    idle_since_s: Mapping[str, float] = field(default_factory=dict)
    """Since when a pump runs and its flow shows nothing."""
    turns: tuple[str, ...] = ()
    """All that have started, the last one at the end."""
    idlers: tuple[str, ...] = ()
    """Those that turned without moving water: out of use until they are reset or tried again."""
    idled_s: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    """When that was, until they move water or are reset."""


@dataclass(frozen=True, slots=True)
class _Witness:
    """What shows that a pump moves water: its own meter or switch, or one of all pumps."""

    own: PointId | None
    switch: PointId | None
    shared: PointId | None
    least_m3h: float


class PumpHouse:
    """The pumps (or fill valves) of a group. `shared` is the meter of all of them."""

    def __init__(
        self, group: Group, pumps: Sequence[Equipment], proof_s: float, shared: PointId | None
    ) -> None:
        self.group = group
        self.pumps: tuple[Machine, ...] = tuple(_machine(pump) for pump in pumps)
        rules = {
            pump.name: ProofRules(within_s=proof_s, provable=pump.status is not None)
            for pump in self.pumps
        }
        self.machinery = Machinery(self.pumps, rules)
        self._limits = {pump.id.rpartition(".")[2]: pump.starts for pump in pumps}
        self._witnesses = {
            pump.id.rpartition(".")[2]: _Witness(
                pump.points.get("flow"),
                pump.points.get("flow_switch"),
                shared,
                max(LEAST_M3H, MOVES_SHARE * (pump.design.flow_m3h or 0.0)),
            )
            for pump in pumps
        }
        self._resets = {f"{pump.id}.reset": pump.name for pump in self.pumps}
        found = {p for w in self._witnesses.values() for p in (w.own, w.switch, w.shared)}
        self.reads = self.machinery.reads | {p for p in found if p is not None} | {*self._resets}
        self.enables = tuple(pump.enable for pump in self.pumps if pump.enable is not None)

    def look(
        self, snapshot: Snapshot, state: HouseState, count: int, *, draws: bool = True
    ) -> tuple[HouseState, Mapping[str, View]]:
        """The pumps at a look, so many of them asked for. Without `draws` nobody may be drawing:
        no flow then says nothing of a pump."""
        watched_s = snapshot.watched_s
        views = self.machinery.views(snapshot)
        resets = frozenset(name for p, name in self._resets.items() if p in snapshot.awards)
        state = self._move_water(snapshot, state, views, resets, draws)
        alone = self._alone(state, views, count)
        if alone and state.idlers:
            state = _tried_again(state, watched_s)
        running = [name for name, view in views.items() if view.status]
        starts = count_starts(state.starts, {*running, *state.on}, snapshot.steady_s)
        state = replace(state, starts=starts, record=record_hours(state.record, running, watched_s))
        bank = [pump for pump in self.pumps if self._may(pump.name, state, snapshot, running)]
        order = self._turns(state.turns)
        on = chosen(bank, views, state.proofs, order, state.on, count) if bank else ()
        proofs = self.machinery.prove(state.proofs, views, on, None, resets, watched_s, alone)
        failed = [n for n in on if not proofs.get(n, STILL).available]
        if failed:  # the next one comes in the same look
            on = chosen(bank, views, proofs, order, on, count)
            proofs = self.machinery.prove(proofs, views, on, None, (), watched_s, alone)
        started = [name for name in on if name not in state.on]
        turns = state.turns
        if started:
            turns = (*(name for name in turns if name not in started), *started)
        return replace(state, on=on, proofs=proofs, turns=turns), views

    def _alone(self, state: HouseState, views: Mapping[str, View], count: int) -> frozenset[str]:
        """Those out of use, if fewer whole ones than are asked for are left."""
        out = {*state.idlers, *(name for name, proof in state.proofs.items() if proof.latched)}
        if not out:
            return NOBODY
        whole = sum(
            pump.name not in out and tellable(pump.name, views, state.proofs) for pump in self.pumps
        )
        return frozenset(out) if whole < count else NOBODY

    def _turns(self, turns: tuple[str, ...]) -> RunRecord:
        """Whose turn is next, as an order of hours."""
        return RunRecord({name: MachineHours(1.0 + place) for place, name in enumerate(turns)})

    def _may(
        self, name: str, state: HouseState, snapshot: Snapshot, running: Collection[str]
    ) -> bool:
        if name in state.idlers:
            return False
        if name in state.on or name in running:
            return True
        return may_start_s(state.starts, name, self._limits[name], snapshot.steady_s) <= 0.0

    def _move_water(
        self,
        snapshot: Snapshot,
        state: HouseState,
        views: Mapping[str, View],
        resets: Collection[str],
        draws: bool,
    ) -> HouseState:
        """Who turns without moving water, as far as meters and switches show."""
        turning = [name for name, view in views.items() if view.status and name in state.on]
        since: dict[str, float] = {}
        idlers = [name for name in state.idlers if name not in resets]
        idled = {name: at_s for name, at_s in state.idled_s.items() if name not in resets}
        for name in turning:
            moves = self._moves(snapshot, name, alone=len(turning) == 1) if draws else None
            if moves and name not in idlers:
                idled.pop(name, None)
            since_s = holds_since(moves is False, state.idle_since_s.get(name), snapshot.watched_s)
            if since_s is None:
                continue
            since[name] = since_s
            if held_for(since_s, MOVES_WITHIN_S, snapshot.watched_s) and name not in idlers:
                idlers.append(name)
                idled[name] = (*idled.get(name, ()), snapshot.watched_s)
        known = (state.idle_since_s, state.idlers, state.idled_s)
        if (since, tuple(idlers), idled) == known:
            return state
        return replace(state, idle_since_s=since, idlers=tuple(idlers), idled_s=idled)

    def _moves(self, snapshot: Snapshot, name: str, *, alone: bool) -> bool | None:
        """None: nothing tells. A meter of all pumps speaks of one that runs alone."""
        witness = self._witnesses[name]
        flow = None if witness.own is None else snapshot.number(witness.own)
        if flow is None and witness.switch is not None:
            return snapshot.flag(witness.switch)
        if flow is None and alone and witness.shared is not None:
            flow = snapshot.number(witness.shared)
        return None if flow is None else flow >= witness.least_m3h

    # --- questions ---------------------------------------------------------------------------

    def able(self, state: HouseState, views: Mapping[str, View]) -> bool:
        """Whether any pump may run, now or when it has waited."""
        return any(
            pump.name not in state.idlers
            and (usable(pump.name, views, state.proofs) or views[pump.name].waits)
            for pump in self.pumps
        )

    def proven(self, state: HouseState) -> tuple[str, ...]:
        """Those that run and show it."""
        return tuple(name for name in state.on if proven(name, state.proofs))

    def steady(self, state: HouseState, views: Mapping[str, View]) -> bool:
        """Whether all that is told to run is proven, and nothing else is waited for."""
        if state.idle_since_s or set(self.proven(state)) != {*state.on}:
            return False
        return all(
            proof.phase in (MachinePhase.OFF, MachinePhase.RUNNING)
            and proof.available
            and not proof.unpowered
            for proof in state.proofs.values()
        ) and not any(view.status and name not in state.on for name, view in views.items())

    def rests(self, state: HouseState, views: Mapping[str, View]) -> bool:
        """Whether nothing runs, and nothing is waited for that may come with any look."""
        if state.on or state.idle_since_s:
            return False
        if any(view.status or view.manual for view in views.values()):
            return False
        return all(
            proof.phase is MachinePhase.OFF and proof.available and not proof.unpowered
            for proof in state.proofs.values()
        )

    def tried_again(self, pump: Machine, state: HouseState) -> Message | None:
        """What is to be told of a pump that is, or will be, tried again by itself."""
        if pump.name in state.idled_s and pump.name not in state.idlers:
            return msg(
                "{machine} ran and moved no water; nothing stands in for it, so it is tried again",
                machine=pump.id,
            )
        return tried_again(pump.id, state.proofs.get(pump.name, STILL))

    def conditions(self, state: HouseState) -> list[Condition]:
        """Pumps that are out of use."""
        found = []
        base = base_of(self.group.id)
        for pump in self.pumps:
            machine = f"{base}.{pump.name}"
            proof = state.proofs.get(pump.name, STILL)
            again = self.tried_again(pump, state)
            if again is not None:
                text = again
            elif pump.name in state.idlers:
                text = msg(
                    "{machine} runs and moves no water: it is out of use until it is reset; look "
                    "at its coupling, its valves and its strainer",
                    machine=machine,
                )
            elif not proof.available and proof.latched:
                text = msg("{machine} is out of use until it is reset: {reason}", machine=machine,
                           reason=proof.failed)  # fmt: skip
            elif not proof.available:
                text = msg("{machine} is out of use: {reason}", machine=machine,
                           reason=proof.failed)  # fmt: skip
            else:
                continue
            found.append(Condition(f"{machine}:proof", Severity.URGENT, text))
        return found


def _tried_again(state: HouseState, watched_s: float) -> HouseState:
    """Pumps that moved no water, and whose next try is due, are no longer passed over."""
    idlers = tuple(
        name
        for name in state.idlers
        if (due_s := retry_due_s(state.idled_s.get(name, ()), watched_s)) is None
        or watched_s < due_s
    )
    return state if idlers == state.idlers else replace(state, idlers=idlers)


def _machine(pump: Equipment) -> Machine:
    """A pump, or a valve that shows by its open end that it is open."""
    made = machine_of(pump)
    if made.status is None and pump.kind.name == "valve":
        return replace(made, status=pump.points.get("open"))
    return made
