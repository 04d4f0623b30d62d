"""One air handler: the SEQUENCE stage of `air_handlers`. Pure.

Modes, fan, supply air, outdoor air, coils, after Guideline 36, 5.16 and 5.18, with whatever points
the machine has. Fallbacks: supply temperature not good: in the cold the heating valve stands at
50 %, cooling is shut, outdoor air is at its minimum; a lost fan shuts dampers; a bad zone is left
out; without outdoor temperature outdoor air never cools.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from bms.config.site import Group
from bms.control.blocks.delays import passed_s
from bms.control.blocks.inputs.filtered import Flaw
from bms.control.engine.protection import is_on
from bms.control.strategies import group as groups
from bms.control.strategies.air.air_facts import UnitFact, fact_name, facts_of
from bms.control.strategies.air.asked import (
    MODES,
    asked,
    own_mode_point,
    unknown_mode,
)
from bms.control.strategies.air.handling import air_faults, fan_proof
from bms.control.strategies.air.handling.air_calls import called
from bms.control.strategies.air.handling.air_faults import AirSeen
from bms.control.strategies.air.handling.air_inputs import AirInputs, look, outdoor_share_pct
from bms.control.strategies.air.handling.air_wishes import Now, Wished, wishes_of
from bms.control.strategies.air.handling.handler_state import HandlerState
from bms.control.strategies.air.handling.moved_outputs import Outputs, moved
from bms.control.strategies.air.handling.occupancy_modes import AirMode, Called
from bms.control.strategies.air.handling.outdoor_air import doubt_co2
from bms.control.strategies.air.served import Unit
from bms.core.decisions import (
    Condition,
    Decision,
    Fact,
    Priority,
    Severity,
    Snapshot,
    Stage,
)
from bms.texts.messages import msg

LOOK_S = 5.0
"""Loops are asked so often, and proofs of 15 s are seen."""
REST_LOOK_S = 300.0
"""A machine that rests is asked so often: rooms change slowly."""


class AirHandler:
    """See the module."""

    stage = Stage.SEQUENCE
    priority = Priority.SEQUENCE

    def __init__(self, group: Group, unit: Unit, stagger_s: float) -> None:
        self.name = f"air:{unit.machine.id}"
        self._group = group
        self._unit = unit
        self._stagger_s = stagger_s
        machine = unit.machine
        self._points = unit.outputs
        self._facts = facts_of(unit)
        enable = self._points.get("enable")
        seen = {p for m in (machine, *unit.zones) for p in m.points.values()}
        self._modes = (group.mode_point, own_mode_point(machine))
        self._watched = self._modes if enable is None else (*self._modes, enable)
        """Awards that change at once what it does."""
        freeze = group.fact_point(fact_name(unit.name, UnitFact.FREEZE_STAGE))
        switches = ("status", "oa_damper_open", "freezestat", "fault")
        self._quick = frozenset(
            {*self._watched, freeze, *(machine.points[r] for r in switches if r in machine.points)}
        )
        self.reads = frozenset(seen | self._quick | {*unit.outdoor_points})
        self.writes = frozenset(self._points.values())
        self._outputs = Outputs(self.name, self.priority)
        self._last: tuple[object, Decision[HandlerState]] | None = None

    def initial(self) -> HandlerState:
        return HandlerState()

    def decide(
        self,
        snapshot: Snapshot,
        state: HandlerState,
        now: datetime,  # noqa: ARG002
    ) -> Decision[HandlerState]:
        mode = asked(snapshot, self._group, self._unit.machine, "mode")
        if mode is None:
            return Decision((), HandlerState())
        if mode.value not in MODES:
            return Decision((), HandlerState(), (unknown_mode(self._group, mode.value),))
        stands = self._stands(snapshot, state)
        if stands is not None:
            return stands
        watched_s = snapshot.watched_s
        inputs = look(snapshot, self._group, self._unit, state, self._stagger_s)
        call = called(self._unit, mode, inputs, state.mode)
        if not call.mode.runs and self._run_by_hand(snapshot):
            call = Called(AirMode.OCCUPIED, msg("somebody runs it"))
        because = msg(
            "{mode}, {numbers} ← group {asked} ← {reason}",
            mode=call.mode.value,
            numbers=call.reason,
            asked=mode.value,
            reason=mode.winner.reason,
        )
        fan = fan_proof.look(state.fan, call.mode.runs, inputs.fan, watched_s)
        held_off = self._held_off(snapshot)
        lost = fan_proof.lost(fan, watched_s) and not held_off
        proven = fan.proven and not held_off
        step_s = passed_s(state.looked_s, watched_s)
        state = replace(state, mode=call.mode, fan=fan, supply=inputs.supply)
        asked_now = Now(
            snapshot,
            self._group,
            self._unit,
            inputs,
            call.mode,
            mode,
            because,
            proven,
            lost,
        )
        wished = wishes_of(asked_now, state)
        shown = {role: snapshot.number(self._points[role]) for role in wished.wishes}
        positions = moved(state.outputs, wished.wishes, shown, step_s)
        state, conditions = self._judge(snapshot, wished, asked_now, positions)
        state = replace(state, outputs=positions, looked_s=watched_s)
        decision = Decision(
            self._outputs.commands(self._points, wished.wishes, positions),
            state,
            conditions,
            self._published(asked_now, state),
            stands_until_s=watched_s + (LOOK_S if call.mode.runs else REST_LOOK_S),
            depends_on=self._quick,
        )
        self._last = (self._key(snapshot), decision)
        return decision

    def _stands(self, snapshot: Snapshot, state: HandlerState) -> Decision[HandlerState] | None:
        """The last answer, while it is young and nothing quick has changed."""
        if self._last is None or state.looked_s is None:
            return None
        key, last = self._last
        if last.state is not state or last.stands_until_s is None:
            return None
        young = state.looked_s <= snapshot.watched_s < last.stands_until_s
        return last if young and key == self._key(snapshot) else None

    def _held_off(self, snapshot: Snapshot) -> bool:
        """Somebody stronger keeps the fan off: it is not lost."""
        enable = self._points.get("enable")
        award = None if enable is None else groups.overruled(snapshot, enable, self.priority)
        return award is not None and not is_on(award.value)

    def _run_by_hand(self, snapshot: Snapshot) -> bool:
        """Somebody stronger runs the fan: it gets its air and its coils."""
        enable = self._points.get("enable")
        return enable is not None and groups.manually_on(snapshot, enable, self.priority)

    def _key(self, snapshot: Snapshot) -> object:
        awards, samples = snapshot.awards, snapshot.samples
        seen = ((s.value, s.quality) if (s := samples.get(p)) else None for p in self._quick)
        return (*(awards.get(point) for point in self._watched), *seen)

    # --- what is wrong -----------------------------------------------------------------------

    def _judge(
        self, snapshot: Snapshot, wished: Wished, now: Now, positions: dict[str, float]
    ) -> tuple[HandlerState, tuple[Condition, ...]]:
        state, inputs, equipment = wished.state, now.inputs, self._unit.machine.id
        watched_s = snapshot.watched_s
        found: list[Condition] = []
        if now.lost:
            text = msg(
                "{equipment} is commanded on and its fan has stopped: its dampers are shut; look "
                "at its belt, its breaker and its filter",
                equipment=equipment,
            )
            found.append(Condition(f"{equipment}:fan", Severity.CRITICAL, text))
        if now.mode.runs and fan_proof.damper_stuck(state.fan, watched_s):
            text = msg(
                "the outdoor damper of {equipment} does not open: look at its drive and its end "
                "switch",
                equipment=equipment,
            )
            found.append(Condition(f"{equipment}:damper", Severity.URGENT, text))
        found += self._sensors(inputs, now)
        co2, doubt = doubt_co2(state.co2, inputs.co2_ppm, now.works, watched_s)
        if doubt is not None:
            text = msg("{equipment}: {reason}: calibrate it", equipment=equipment, reason=doubt)
            found.append(Condition(f"{equipment}:co2", Severity.NORMAL, text))
        seen = None
        if now.works:
            seen = AirSeen(
                inputs.supply_c,
                state.aim_c if now.mode.people else None,
                inputs.mixed_c,
                positions.get("cooling_valve"),
                positions.get("heating_valve", 0.0) + positions.get("preheat_valve", 0.0),
                inputs.return_c,
                inputs.outdoor_c,
            )
        faults = air_faults.doubts(state.faults, seen, watched_s)
        found += air_faults.found(equipment, faults)
        return replace(state, co2=co2, faults=faults), tuple(found)

    def _sensors(self, inputs: AirInputs, now: Now) -> list[Condition]:
        """Sensors that are not used now, once the machine needs them."""
        equipment = self._unit.machine.id
        point = self._unit.measured("supply_temp")
        if point is None or not now.works or inputs.supply_c is not None:
            return []
        if inputs.supply.flaw is Flaw.NONE and not inputs.supply.detail:
            return []
        text = msg(
            "{point} is not used: {detail}; {equipment} runs at its minimum of outdoor air, and "
            "its valves stand",
            point=point,
            detail=inputs.supply.detail,
            equipment=equipment,
        )
        return [Condition(f"{equipment}:supply-sensor", Severity.URGENT, text)]

    # --- what others read --------------------------------------------------------------------

    def _published(self, now: Now, state: HandlerState) -> tuple[Fact, ...]:
        facts: list[Fact] = []
        name = self._unit.name
        for what in self._facts:
            point = self._group.fact_point(fact_name(name, what))
            if what is UnitFact.AIR_MODE:
                facts.append(Fact(point, state.mode.value))
            elif what is UnitFact.SUPPLY_AIM_C and state.aim_c is not None:
                facts.append(Fact(point, round(state.aim_c, 2)))
            elif what is UnitFact.OUTDOOR_SHARE_PCT:
                share = outdoor_share_pct(now.inputs, self._unit, self._damper_pct(now, state))
                if share is not None:
                    facts.append(Fact(point, round(share, 0)))
        return tuple(facts)

    def _damper_pct(self, now: Now, state: HandlerState) -> float | None:
        """Where the outdoor damper stands: as commanded, else as shown."""
        if "oa_damper" in state.outputs:
            return state.outputs["oa_damper"]
        point = self._unit.measured("oa_damper")
        return None if point is None else now.snapshot.number(point)
