"""Whether a plant runs at all: schedule, weather, and whether anybody asks for cold water. Pure.

Guideline 36, 5.20.2: on after 15 min off, if the schedule says so, consumers ask and it is not too
cold outside; off after 15 min on, if the schedule ends, nobody has asked for 3 min, or it is 0.56 K
colder than the lockout. A plant that has changed often today stays on for longer before it stops
for want of need, never before a schedule stops it. What cannot be read leaves it as it was.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bms.control.blocks.delays import held_for, holds_since
from bms.control.blocks.plants.stage_changes import unneeded_s
from bms.core.decisions import Snapshot
from bms.texts.messages import msg
from drivers.points import PointId

LOCKOUT_HYSTERESIS_K = 0.56
PLANT_MIN_S = 900.0
IDLE_S = 180.0


@dataclass(frozen=True, slots=True)
class EnableState:
    """Whether the plant is on, and what keeps it off."""

    enabled: bool = False
    since_s: float | None = None
    """When it was last enabled or disabled."""
    locked: bool = False
    """Too cold outside to be needed."""
    idle_since_s: float | None = None
    """Since when nobody has asked for cold water."""
    outdoor_bad_since_s: float | None = None
    unneeded_since_s: float | None = None
    """Since when it is locked, or nobody asks."""

    def idle(self, watched_s: float) -> bool:
        """Whether nobody needs it."""
        return held_for(self.idle_since_s, IDLE_S if self.enabled else 0.0, watched_s)

    def next_s(self, watched_s: float, most_s: float) -> float:
        """When to look again: within `most_s`, and when the plant's minimum time has passed."""
        due_s = watched_s if self.since_s is None else self.since_s + PLANT_MIN_S
        return min(watched_s + most_s, due_s) if due_s > watched_s else watched_s + most_s


def asked(snapshot: Snapshot, points: Sequence[PointId]) -> float | None:
    """All requests of consumers; None if there are none to ask, or none can be read."""
    found = [number for point in points if (number := snapshot.number(point)) is not None]
    return sum(found) if found else None


def enable(
    state: EnableState,
    wanted: bool,
    lockout_c: float | None,
    outdoor_c: float | None,
    requests: float | None,
    watched_s: float,
    stays_s: float = 0.0,
) -> EnableState:
    """The plant at a look. `lockout_c` None: nothing measures the outdoor temperature.

    `requests` None: the schedule decides alone. `stays_s`: how long at least nothing may need a
    plant that runs before it stops; a schedule stops it without.
    """
    locked = False
    if lockout_c is not None:
        if outdoor_c is None:
            locked = state.locked
        elif state.enabled:
            locked = outdoor_c < lockout_c - LOCKOUT_HYSTERESIS_K
        else:
            locked = outdoor_c <= lockout_c
    unasked = requests is not None and requests <= 0.0
    idle_s = holds_since(unasked, state.idle_since_s, watched_s)
    unknown = lockout_c is not None and outdoor_c is None
    bad_s = holds_since(unknown, state.outdoor_bad_since_s, watched_s)
    free_s = holds_since(locked or unasked, state.unneeded_since_s, watched_s)
    known = (state.locked, state.idle_since_s, state.outdoor_bad_since_s, state.unneeded_since_s)
    if (locked, idle_s, bad_s, free_s) != known:
        state = EnableState(state.enabled, state.since_s, locked, idle_s, bad_s, free_s)
    needed = not locked and not state.idle(watched_s)
    if state.enabled and stays_s > 0.0:
        needed = needed or not held_for(free_s, stays_s, watched_s)
    on = wanted and needed
    if on != state.enabled and (
        state.since_s is None or held_for(state.since_s, PLANT_MIN_S, watched_s)
    ):
        return replace(state, enabled=on, since_s=watched_s)
    return state


def why_on(
    state: EnableState, stage: str, wanted: bool, changes_s: Sequence[float], watched_s: float
) -> str:
    """What keeps the plant on, for people, after its `stage`."""
    if wanted and state.unneeded_since_s is not None and unneeded_s(changes_s, watched_s) > 0.0:
        return msg(
            "{stage}, stays on for longer: {changes} changes of the stage within 24 h",
            stage=stage,
            changes=len(changes_s),
        )
    if not wanted or state.locked:
        return msg(
            "{stage}, plant on for at least {plant_min:g} min",
            stage=stage,
            plant_min=PLANT_MIN_S / 60,
        )
    return stage


def why_off(state: EnableState, wanted: bool, lockout_c: float, watched_s: float) -> str:
    """What keeps the plant off, for people."""
    if not wanted:
        return msg("plant off")
    if state.locked:
        return msg("plant off: outdoor at or below {lockout_oat_c:g} degC", lockout_oat_c=lockout_c)
    if state.idle(watched_s):
        return msg("plant off: nobody asks for chilled water")
    return msg("plant off for at least {plant_min:g} min", plant_min=PLANT_MIN_S / 60)
