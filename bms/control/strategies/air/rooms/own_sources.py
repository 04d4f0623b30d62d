"""The heat pump or chiller of a small group, with its pumps: a showroom joined to itself. Pure.

Pumps first, their proof, then the machine; the machine stops first, its pumps three minutes later.
It is asked for by the group's own fan coils and air handlers: as soon as one of them needs water,
until none has for three minutes. A heat pump turns to heating or cooling by what more of them need,
and not back within a quarter of an hour.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from bms.config.site import Group
from bms.control.blocks.delays import held_for, holds_since
from bms.control.strategies import fact_names
from bms.control.strategies import group as groups
from bms.control.strategies.air.asked import MODES, STILL, unknown_mode
from bms.control.strategies.air.handling.moved_outputs import Outputs, Wish
from bms.control.strategies.group import short
from bms.core.decisions import (
    Award,
    Condition,
    Decision,
    Priority,
    Severity,
    Snapshot,
    Stage,
)
from bms.core.equipment import Equipment
from bms.texts.messages import Message, msg

PROOF_S = 30.0
OVERRUN_S = 180.0
QUIET_S = 180.0
"""Control reference, 3: a plant stops once nobody has asked for 3 min."""
TURN_S = 900.0
"""A heat pump keeps its direction at least so long (D)."""
COLD_WATER_C = (7.0, 12.0)
WARM_WATER_C = (35.0, 45.0)
RESETS_FULL = 3.0


@dataclass(frozen=True, slots=True)
class SourceState:
    """Where a small plant stands."""

    wanted: bool = False
    quiet_since_s: float | None = None
    pumps_since_s: float | None = None
    stopped_since_s: float | None = None
    heating: bool = False
    turned_s: float | None = None
    failed: bool = False


class OwnSource:
    """See the module. One for all sources of a group; they run together."""

    stage = Stage.SEQUENCE
    priority = Priority.SEQUENCE

    def __init__(self, group: Group, sources: tuple[Equipment, ...], pumps: tuple[Equipment, ...]):
        self.name = f"sources:{group.id}"
        self._group = group
        self._sources = sources
        self._pumps = pumps
        self._points = {
            f"{short(m)}.{role}": point
            for m in (*sources, *pumps)
            for role in ("enable", "heating", "chw_setpoint", "hw_setpoint")
            if (point := m.commanded(role)) is not None
        }
        facts = {
            group.fact_point(name)
            for name in (
                fact_names.CHW_REQUESTS,
                fact_names.CHW_RESETS,
                fact_names.HW_REQUESTS,
                fact_names.HW_RESETS,
            )
        }
        seen = {m.points["status"] for m in (*sources, *pumps) if "status" in m.points}
        self.reads = frozenset({group.mode_point, *facts, *seen})
        self.writes = frozenset(self._points.values())
        self._outputs = Outputs(self.name, self.priority)

    def initial(self) -> SourceState:
        return SourceState()

    def decide(
        self,
        snapshot: Snapshot,
        state: SourceState,
        now: datetime,  # noqa: ARG002
    ) -> Decision[SourceState]:
        mode = snapshot.awards.get(self._group.mode_point)
        if mode is None:
            return Decision((), SourceState())
        if mode.value not in MODES:
            return Decision((), SourceState(), (unknown_mode(self._group, mode.value),))
        watched_s = snapshot.watched_s
        cold, hot = self._fact(snapshot, "chw_requests"), self._fact(snapshot, "hw_requests")
        state = self._turn(self._want(state, mode, cold + hot, watched_s), cold, hot, watched_s)
        proven = self._proven(snapshot)
        pumps_since_s = state.pumps_since_s
        if state.wanted:
            pumps_since_s = watched_s if pumps_since_s is None else pumps_since_s
            stopped_since_s = None
        else:
            still = not any(self._flag(snapshot, source) for source in self._sources)
            stopped_since_s = holds_since(still, state.stopped_since_s, watched_s)
            if held_for(stopped_since_s, OVERRUN_S, watched_s):
                pumps_since_s = None
        failed = state.wanted and not proven and held_for(pumps_since_s, PROOF_S, watched_s)
        after = replace(
            state, pumps_since_s=pumps_since_s, stopped_since_s=stopped_since_s, failed=failed
        )
        state = state if after == state else after
        wishes = self._wishes(snapshot, state, proven, self._reason(state, mode, cold, hot))
        return Decision(
            self._outputs.commands(self._points, wishes, {}), state, self._conditions(state)
        )

    def _want(
        self, state: SourceState, mode: Award, requests: float, watched_s: float
    ) -> SourceState:
        off = mode.value in (*STILL, "vent", "purge")
        quiet_since_s = holds_since(requests <= 0.0, state.quiet_since_s, watched_s)
        wanted = state.wanted
        if off:
            wanted = False
        elif requests > 0.0:
            wanted = True
        elif held_for(quiet_since_s, QUIET_S, watched_s):
            wanted = False
        return replace(state, wanted=wanted, quiet_since_s=quiet_since_s)

    def _turn(self, state: SourceState, cold: float, hot: float, watched_s: float) -> SourceState:
        heating = hot > cold if hot != cold else state.heating
        kept = state.turned_s is not None and not held_for(state.turned_s, TURN_S, watched_s)
        if heating == state.heating or kept:
            return state
        return replace(state, heating=heating, turned_s=watched_s)

    def _proven(self, snapshot: Snapshot) -> bool:
        """Water flows: every pump shows that it runs. A machine without pumps has its own."""
        return all(self._flag(snapshot, pump) for pump in self._pumps if "status" in pump.points)

    def _wishes(
        self, snapshot: Snapshot, state: SourceState, proven: bool, reason: Message
    ) -> dict[str, Wish]:
        pumps_on = state.pumps_since_s is not None
        wishes: dict[str, Wish] = {}
        for pump in self._pumps:
            wishes[f"{short(pump)}.enable"] = Wish(int(pumps_on), reason)
        for source in self._sources:
            name, can_turn = short(source), source.commanded("heating") is not None
            fits = can_turn or state.heating == (source.kind.name == "boiler")
            on = state.wanted and pumps_on and proven and fits
            wishes[f"{name}.enable"] = Wish(int(on), reason)
            wishes[f"{name}.heating"] = Wish(int(state.heating), reason)
            cold = self._water(snapshot, fact_names.CHW_RESETS, *reversed(COLD_WATER_C))
            warm = self._water(snapshot, fact_names.HW_RESETS, *WARM_WATER_C)
            wishes[f"{name}.chw_setpoint"] = Wish(cold, reason)
            wishes[f"{name}.hw_setpoint"] = Wish(warm, reason)
        return {role: wish for role, wish in wishes.items() if role in self._points}

    def _water(self, snapshot: Snapshot, resets: str, mild_c: float, strong_c: float) -> float:
        """Water as mild as the requests allow, in steps of half a kelvin."""
        share = min(self._fact(snapshot, resets) / RESETS_FULL, 1.0)
        return round(2.0 * (mild_c + share * (strong_c - mild_c))) / 2.0

    def _reason(self, state: SourceState, mode: Award, cold: float, hot: float) -> Message:
        what = msg("{cold:g} ask for cold water, {hot:g} for hot", cold=cold, hot=hot)
        told = groups.because(msg("group {mode}", mode=mode.value), mode)
        if state.failed:
            what = msg("its pump does not show that it runs")
        return msg("{action} ← {reason}", action=what, reason=told)

    def _conditions(self, state: SourceState) -> tuple[Condition, ...]:
        if not state.failed:
            return ()
        names = ", ".join(short(pump) for pump in self._pumps)
        text = msg(
            "{group}: {pumps} is commanded on and does not run: its source waits",
            group=self._group.id,
            pumps=names,
        )
        return (Condition(f"{self._group.id}:pumps", Severity.URGENT, text),)

    def _fact(self, snapshot: Snapshot, name: str) -> float:
        return snapshot.number(self._group.fact_point(name)) or 0.0

    @staticmethod
    def _flag(snapshot: Snapshot, machine: Equipment) -> bool:
        point = machine.points.get("status", machine.points.get("enable"))
        return point is not None and bool(snapshot.flag(point))
