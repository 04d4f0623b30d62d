"""Whether a machine of air runs, as far as it shows, and how its start and its loss go. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from bms.control.blocks.delays import held_for, holds_since
from bms.control.strategies.air.served import Unit
from bms.core.decisions import Snapshot

LOST_S = 15.0
"""A fan that ran and has shown nothing for so long is lost (control reference, 5)."""
DAMPER_S = 120.0
"""An outdoor damper opens within this time."""
BLIND_DAMPER_S = 30.0
"""Without an end switch the fan waits so long for its damper (D)."""
PREHEAT_S = 60.0
PREHEAT_BELOW_C = 5.0
PREHEAT_PCT = 30.0
"""Fresh-air units in the cold: the coil is warm before the fan starts (control reference, 5)."""


@dataclass(frozen=True, slots=True)
class FanState:
    """A fan between the wish and its proof."""

    wanted_since_s: float | None = None
    proven: bool = False
    """It has run since it was wanted."""
    lost_since_s: float | None = None
    shut_since_s: float | None = None
    """Since when its damper was told to open and has not said that it did."""


@dataclass(frozen=True, slots=True)
class FanSeen:
    """What shows whether it may start, and whether it runs."""

    status: bool | None
    """None: not good, or there is none."""
    stagger_s: float = 0.0
    damper_first: bool = False
    damper_told: bool = False
    """Its damper is told to open."""
    damper_open: bool | None = None
    """Its end switch; None: there is none, or it is not good."""
    has_end_switch: bool = False
    cold: bool = False
    """A fresh-air unit whose coil has to be warm first."""


def proven(snapshot: Snapshot, unit: Unit, wanted: bool) -> bool:
    """Whether air moves: by the status, else by the enable that the device shows, else the wish."""
    for role in ("status", "enable"):
        point = unit.measured(role)
        if point is not None:
            return bool(snapshot.flag(point))
    return wanted


def look(state: FanState, wanted: bool, seen: FanSeen, watched_s: float) -> FanState:
    """The fan at a look."""
    if not wanted:
        return state if state == NOT_WANTED else NOT_WANTED
    since_s = holds_since(True, state.wanted_since_s, watched_s)
    is_proven = state.proven or bool(seen.status)
    lost_since_s = holds_since(is_proven and seen.status is False, state.lost_since_s, watched_s)
    shut = seen.has_end_switch and seen.damper_told and seen.damper_open is False
    shut_since_s = holds_since(shut, state.shut_since_s, watched_s)
    return FanState(since_s, is_proven, lost_since_s, shut_since_s)


def may_start(state: FanState, seen: FanSeen, watched_s: float) -> bool:
    """Whether the fan may be told to run. One that runs is not stopped to wait for its turn."""
    if seen.status or state.proven:
        return True
    since_s = state.wanted_since_s
    waits_s = seen.stagger_s + (PREHEAT_S if seen.cold else 0.0)
    if not held_for(since_s, waits_s, watched_s):
        return False
    if not seen.damper_first:
        return True
    if seen.has_end_switch:
        return bool(seen.damper_open)
    return held_for(since_s, seen.stagger_s + BLIND_DAMPER_S, watched_s)


def damper_stuck(state: FanState, watched_s: float) -> bool:
    """The damper was told to open, and its end switch does not say so."""
    return held_for(state.shut_since_s, DAMPER_S, watched_s)


def lost(state: FanState, watched_s: float) -> bool:
    """It ran, and has stood still for 15 s although it is told to run."""
    return held_for(state.lost_since_s, LOST_S, watched_s)


NOT_WANTED = FanState()
