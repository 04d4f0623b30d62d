"""Whether a heat plant runs: schedule, weather, and what its consumers ask or take. Pure.

Guideline 36, 5.21.2, asks valves: from 95 % open they ask for heat, below 10 % they no longer do. A
building in mild weather is warm with all valves below 10 %, because the water is hot: a plant that
goes then lets the water cool until rooms are cold. So heat that is measured as taken keeps a plant
on, but never starts it: what a loop loses to its pipes and what a meter shows at its zero is less.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from bms.config.site import Group
from bms.control.blocks.delays import held_for, holds_since
from bms.control.blocks.plants.stage_changes import STOP_COUNTS, unneeded_s
from bms.control.strategies.fact_names import HW_REQUESTS, HW_RESETS
from bms.control.strategies.hot_water.boiler_stages import changed_boilers
from bms.control.strategies.hot_water.heat_state import HeatDemand, HeatState, Look
from bms.core.decisions import Snapshot
from bms.texts.messages import Message, msg
from drivers.points import PointId

LOCKOUT_HYSTERESIS_K = 1.0
"""Guideline 36, 5.21.2: disabled only this far above the lockout."""
PLANT_MIN_S = 900.0
"""Guideline 36, 5.21.2: off, and on, for at least 15 min; a schedule ends it at once."""
UNASKED_S = 180.0
"""Guideline 36, 5.21.2: nobody has asked for so long."""
TAKEN_SHARE = 0.25
"""Of what the smallest boiler gives at least: from there on heat is taken (D: a boiler that gives
more than twice as much pauses by itself; pipes and meters at their zero show less)."""


@dataclass(frozen=True, slots=True)
class Needs:
    """By what a plant judges whether it is needed."""

    lockout_oat_c: float | None
    """None: nothing measures the outdoor temperature."""
    least_kw: float
    """What the smallest boiler gives at least."""

    def takes(self, taken_kw: float | None) -> bool:
        """Whether a measured load is one; not where nobody measures it."""
        return taken_kw is not None and taken_kw > TAKEN_SHARE * self.least_kw > 0.0


class HeatCalls:
    """Listens to the groups whose members draw from a loop."""

    def __init__(self, group: Group, loop: str) -> None:
        consumers = [name for name in group.consumers.get(loop, ()) if name != group.id]
        self._requests = tuple(f"{name}.{HW_REQUESTS}" for name in consumers)
        self._resets = tuple(f"{name}.{HW_RESETS}" for name in consumers)
        self.reads = frozenset({*self._requests, *self._resets})

    def heard(self, snapshot: Snapshot) -> HeatDemand:
        """What they ask now. One that publishes what it needs and cannot tell asks for heat."""
        requests = _sum(snapshot, self._requests, unknown=1.0)
        return HeatDemand(requests, _sum(snapshot, self._resets, unknown=0.0))


def _sum(snapshot: Snapshot, points: tuple[PointId, ...], unknown: float) -> float | None:
    told = [point for point in points if point in snapshot.samples]
    if not told:
        return None
    numbers = [snapshot.number(point) for point in told]
    return sum(unknown if number is None else number for number in numbers)


def enable(look: Look, state: HeatState, needs: Needs) -> HeatState:
    """The plant at a look: whether it is on."""
    watched_s, oat_c, limit_c = look.watched_s, look.readings.outdoor_c, needs.lockout_oat_c
    locked = state.locked and limit_c is not None
    if oat_c is not None and limit_c is not None:
        locked = oat_c > limit_c + LOCKOUT_HYSTERESIS_K if state.enabled else oat_c >= limit_c
    asked = not look.demand.silent or (state.enabled and needs.takes(look.readings.taken_kw))
    unasked = holds_since(not asked, state.unasked_since_s, watched_s)
    unneeded = holds_since(locked or not asked, state.unneeded_since_s, watched_s)
    known = (state.locked, state.unasked_since_s, state.unneeded_since_s)
    if (locked, unasked, unneeded) != known:
        state = replace(state, locked=locked, unasked_since_s=unasked, unneeded_since_s=unneeded)
    on = look.mode.value == "on"
    if state.enabled:
        idle = locked or held_for(unasked, UNASKED_S, watched_s)
        # After many changes today it has to be unneeded for longer.
        patient_s = unneeded_s(state.timers.changes_s, watched_s)
        idle = idle and (patient_s == 0.0 or held_for(unneeded, patient_s, watched_s))
        goes = not on or (idle and held_for(state.since_s, PLANT_MIN_S, watched_s))
        if not goes:
            return state
        stops = STOP_COUNTS if idle and state.wanted else 0
        timers = changed_boilers(watched_s, state.timers, counts=stops)
        return replace(state, enabled=False, since_s=watched_s, wanted=(), reason="", timers=timers)
    rested = state.since_s is None or held_for(state.since_s, PLANT_MIN_S, watched_s)
    if not (on and asked and not locked and rested):
        return state
    return replace(
        state,
        enabled=True,
        since_s=watched_s,
        reason=msg("start"),
        timers=changed_boilers(watched_s, state.timers),
    )


def why_off(look: Look, state: HeatState, needs: Needs) -> Message:
    """What keeps the plant off, for people."""
    if look.mode.value != "on":
        return msg("plant off")
    if state.locked:
        return msg(
            "plant off: outdoor at or above {lockout_oat_c:g} degC",
            lockout_oat_c=needs.lockout_oat_c,
        )
    if look.demand.silent:
        return msg("plant off: no consumer asks for heat")
    return msg("plant off for at least {plant_min:g} min", plant_min=PLANT_MIN_S / 60)
