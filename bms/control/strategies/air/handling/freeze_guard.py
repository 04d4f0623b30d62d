"""Freeze protection of one air handler: stages 1 to 3, the last one latched. Pure.

Guideline 36, 5.16.12. Stage 1 below 4.4 degC for 5 min: the handler keeps outdoor air at its
minimum, heats to 6 degC and asks for hot water, until 7 degC for 5 min. Stage 2 below 3.3 degC
for 5 min: dampers shut for an hour. Stage 3 by the freezestat, below 3.3 degC for 15 min or below
1 degC for 5 min: fans off, dampers shut, coils open, at slot 5, until a person resets the machine.
Nobody else speaks for an air handler at that slot: the protection of its base claims none.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bms.config.site import Group
from bms.control.blocks.delays import held_for, holds_since
from bms.control.engine.states import Words
from bms.control.protect.withheld import reset_now, reset_point
from bms.control.strategies.air.air_facts import UnitFact, fact_name
from bms.control.strategies.air.handling import fan_proof
from bms.control.strategies.air.handling.moved_outputs import Outputs, Wish
from bms.control.strategies.air.served import Unit
from bms.core.decisions import (
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

NEAR_C, NEAR_S = 4.4, 300.0
OVER_C, OVER_S = 7.0, 300.0
SHUT_C, SHUT_S = 3.3, 300.0
SHUT_FOR_S = 3600.0
TRIP_S = 900.0
TRIP_COLD_C, TRIP_COLD_S = 1.0, 300.0
LOOK_S = 5.0
HEAT_TO_C = 27.0
PCT_PER_K = 20.0


@dataclass(frozen=True, slots=True)
class FreezeState:
    """The stage, and since when the air has been how cold."""

    stage: int = 0
    near_since_s: float | None = None
    shut_since_s: float | None = None
    cold_since_s: float | None = None
    over_since_s: float | None = None
    entered_s: float | None = None
    """When stage 2 was entered."""
    tripped: Words = ""
    """Why stage 3 is latched."""


def freeze(
    state: FreezeState, supply_c: float | None, freezestat: bool | None, watched_s: float
) -> FreezeState:
    """The stage at a look. `supply_c` None: not known, or no air moves; nothing is concluded."""

    def below(limit_c: float, since_s: float | None) -> float | None:
        return holds_since(supply_c is not None and supply_c < limit_c, since_s, watched_s)

    near, shut = below(NEAR_C, state.near_since_s), below(SHUT_C, state.shut_since_s)
    cold = below(TRIP_COLD_C, state.cold_since_s)
    over = holds_since(supply_c is None or supply_c > OVER_C, state.over_since_s, watched_s)
    stage, entered_s, tripped = state.stage, state.entered_s, state.tripped
    if not tripped:
        tripped = _trip(supply_c, freezestat, shut, cold, watched_s)
    if tripped:
        stage = 3
    elif held_for(shut, SHUT_S, watched_s):
        stage = 2
    elif stage == 2 and not held_for(entered_s, SHUT_FOR_S, watched_s):
        pass
    elif held_for(over, OVER_S, watched_s):
        stage = 0
    elif held_for(near, NEAR_S, watched_s) or stage:
        stage = 1
    if stage == 2 and state.stage != 2:
        entered_s = watched_s
    after = FreezeState(stage, near, shut, cold, over, entered_s, tripped)
    return state if after == state else after


def _trip(
    supply_c: float | None,
    freezestat: bool | None,
    shut: float | None,
    cold: float | None,
    watched_s: float,
) -> str:
    if freezestat:
        return msg("the freezestat has tripped")
    if held_for(cold, TRIP_COLD_S, watched_s) or held_for(shut, TRIP_S, watched_s):
        return msg("supply air at {supply_c:.1f} degC", supply_c=supply_c)
    return ""


class FreezeGuard:
    """See the module. Its stage is a fact that the handler and its plan follow."""

    stage = Stage.PROTECT
    priority = Priority.EQUIPMENT

    def __init__(self, group: Group, unit: Unit) -> None:
        self.name = f"freeze:{unit.machine.id}"
        self._unit = unit
        machine = unit.machine
        roles = (
            "enable", "oa_damper", "return_damper", "exhaust_damper", "cooling_valve",
            "heating_valve", "preheat_valve",
        )  # fmt: skip
        self._points = {r: p for r in roles if (p := unit.commanded(r)) is not None}
        self._fact = group.fact_point(fact_name(unit.name, UnitFact.FREEZE_STAGE))
        seen = (machine.points.get(r) for r in ("freezestat", "status", "enable"))
        self._quick = frozenset({p for p in seen if p is not None} | {reset_point(machine.id)})
        supply = machine.points.get("supply_temp")
        self.reads = self._quick if supply is None else self._quick | {supply}
        self.writes: frozenset[PointId] = frozenset(self._points.values())
        self._outputs = Outputs(self.name, self.priority)

    def initial(self) -> FreezeState:
        return FreezeState()

    def decide(
        self,
        snapshot: Snapshot,
        state: FreezeState,
        now: datetime,  # noqa: ARG002
    ) -> Decision[FreezeState]:
        supply_c = self._supply(snapshot)
        freezestat = self._number(snapshot, "freezestat")
        if state.tripped and reset_now(snapshot, self._unit.machine.id) and not freezestat:
            state = FreezeState()
        state = freeze(
            state, supply_c, None if freezestat is None else freezestat != 0, snapshot.watched_s
        )
        facts = (Fact(self._fact, state.stage),)
        commands: tuple[Command, ...] = ()
        if state.stage == 3:
            wishes = self._wishes(supply_c, state)
            numbers = {role: float(wish.value) for role, wish in wishes.items() if wish.share}
            commands = self._outputs.commands(self._points, wishes, numbers)
        return Decision(
            commands,
            state,
            self._conditions(state),
            facts,
            stands_until_s=snapshot.watched_s + LOOK_S,
            depends_on=self._quick,
        )

    def _supply(self, snapshot: Snapshot) -> float | None:
        """Supply air while it moves: that of a machine at rest says nothing of its coil."""
        if not fan_proof.proven(snapshot, self._unit, False):
            return None
        return self._number(snapshot, "supply_temp")

    def _number(self, snapshot: Snapshot, role: str) -> float | None:
        point = self._unit.measured(role)
        return None if point is None else snapshot.number(point)

    def _wishes(self, supply_c: float | None, state: FreezeState) -> dict[str, Wish]:
        reason = msg("freeze protection: {reason}", reason=state.tripped)
        heat = 100.0 if supply_c is None else (HEAT_TO_C - supply_c) * PCT_PER_K
        heat = round(min(max(heat, 0.0), 100.0), 0)
        values = {
            "enable": 0, "oa_damper": 0.0, "return_damper": 100.0, "exhaust_damper": 0.0,
            "cooling_valve": 100.0, "heating_valve": heat, "preheat_valve": heat,
        }  # fmt: skip
        return {r: Wish(values[r], reason, share=r != "enable") for r in self._points}

    def _conditions(self, state: FreezeState) -> tuple[Condition, ...]:
        equipment = self._unit.machine.id
        key = f"{equipment}:freeze"
        if state.stage == 3:
            text = msg(
                "{equipment} is off, its coils would freeze: {reason}. Look at the coil and its "
                "dampers, then say 'bms reset {equipment}'",
                equipment=equipment,
                reason=state.tripped,
            )
            return (Condition(key, Severity.CRITICAL, text),)
        if state.stage == 2:
            text = msg(
                "{equipment} shuts its dampers: its coil is near freezing", equipment=equipment
            )
            return (Condition(key, Severity.URGENT, text),)
        return ()
