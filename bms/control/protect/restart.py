"""After an outage machines start one after the other, by class and index. Pure.

Control reference, 7: power healthy for 60 s, then pumps and towers 10 s apart, air handlers 15 s
apart, chillers after 300 s and one at a time; all through slot 7. It holds off what stands still,
and never what runs: a minimum time on keeps nothing running that the outage has stopped. Where
nothing shows whether the power is back, one machine is tried; while it does not run, the outage
goes on, and its missing proof is nobody's fault.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from bms.control.protect import outage
from bms.control.protect.outage import Outage, Restartable
from bms.control.protect.withheld import wanted
from bms.core.decisions import Priority, Snapshot
from drivers.points import PointId

HEALTHY_S: Final = 60.0
LINGERS_S: Final = 3600.0
"""Heavy machines wait for each other for so long after the last one: a plant that takes back its
load wants more of them only once the first ones run (D)."""
PROBE_S: Final = 30.0
"""A machine that is tried shows within this time whether there is power (pumps: 30 s)."""


@dataclass(frozen=True, slots=True)
class Turn:
    """When machines of one class begin after the power is healthy, and how far apart."""

    name: str
    after_s: float
    apart_s: float


_WATER = Turn("water", HEALTHY_S, 10.0)
_AIR = Turn("air", HEALTHY_S, 15.0)
_HEAVY = Turn("heavy", 300.0, 300.0)
_HEAT = Turn("heat", HEALTHY_S, 60.0)
_COMPRESSED = Turn("compressed", HEALTHY_S, 30.0)
_OTHER = Turn("other", HEALTHY_S, 5.0)
TURNS: Final[Mapping[str, Turn]] = {
    "pump": _WATER,
    "cooling_tower": _WATER,
    "heat_exchanger": _WATER,
    "valve": _WATER,
    "air_handler": _AIR,
    "fan": _AIR,
    "fan_coil": _AIR,
    "chiller": _HEAVY,
    "heat_pump": _HEAVY,
    "boiler": _HEAT,
    "air_compressor": _COMPRESSED,
}
"""By kind (control reference, 7; boilers, compressors and the rest D)."""


@dataclass(frozen=True, slots=True)
class Restart:
    """Where a restart stands; times in watched seconds."""

    outage: Outage = field(default_factory=Outage)
    healthy_s: float | None = None
    """Since when the power is taken for healthy."""
    next_s: Mapping[str, float] = field(default_factory=dict)
    """By class: when the next of it may start."""
    released: tuple[str, ...] = ()
    """Those that have had their turn in this restart."""
    probe: str = ""
    """The machine that is tried."""
    probe_s: float = 0.0
    tried: tuple[str, ...] = ()
    """Those that were tried in this round and did not run: it is another one's turn."""
    named: tuple[str, ...] = ()
    """Those that did not run in their turn since the outage began."""


def turn_of(one: Restartable) -> Turn:
    """The class of a machine."""
    return TURNS.get(one.machine.kind.name, _OTHER)


def look(state: Restart, machines: Sequence[Restartable], snapshot: Snapshot) -> Restart:
    """The restart at a look."""
    seen = outage.look(state.outage, machines, snapshot)
    now_s = snapshot.watched_s
    if seen.over:
        return state if seen is state.outage else replace(state, outage=seen)
    if seen.stopped != state.outage.stopped and not set(seen.stopped) <= set(state.outage.stopped):
        # Something more has stopped: the power is not healthy yet.
        state = replace(state, healthy_s=now_s, released=(), next_s={})
    elif state.healthy_s is None:
        state = replace(state, healthy_s=now_s)
    state = replace(state, outage=seen)
    here = [one for one in machines if set(one.places) & set(seen.places)]
    state = _queue(state, here, snapshot)
    if state.outage.unknown_power:
        return _probe(state, here, snapshot)
    if state.probe:  # it runs: the power is back
        turns = {turn_of(one) for one in here if one.name == state.probe}
        next_s = {turn.name: now_s + turn.apart_s for turn in turns}
        state = replace(state, probe="", tried=(), named=(), next_s={**state.next_s, **next_s})
    return _release(state, here, snapshot)


def held(state: Restart) -> frozenset[str]:
    """Those that wait."""
    if state.outage.over:
        return frozenset()
    return frozenset(state.outage.stopped) - {state.probe}


def _queue(state: Restart, here: Sequence[Restartable], snapshot: Snapshot) -> Restart:
    """What stands still where the outage was, and is wanted now, waits like what it stopped."""
    stopped = state.outage.stopped
    lingers = not stopped and _HEAVY.name in state.next_s
    more = [
        one.name
        for one in here
        if one.name not in stopped
        and ((turn_of(one) is _HEAVY) if lingers else one.name not in state.released)
        and one.on(snapshot) is False
        and wanted(snapshot, one.enable)
        and not (one.machine.kind.cycles and snapshot.flag(one.enable))
    ]
    if not more:
        return state
    order = {one.name: index for index, one in enumerate(here)}
    names = sorted({*stopped, *more}, key=lambda name: order.get(name, len(order)))
    return replace(state, outage=replace(state.outage, stopped=tuple(names)))


def _probe(state: Restart, here: Sequence[Restartable], snapshot: Snapshot) -> Restart:
    """Try whether there is power, with one machine that shows whether it runs."""
    now_s = snapshot.watched_s
    if state.probe:
        if now_s - state.probe_s < PROBE_S:
            return state
        named = state.named if state.probe in state.named else (*state.named, state.probe)
        state = replace(state, probe="", tried=(*state.tried, state.probe), named=named)
    elif state.healthy_s is None or now_s - state.healthy_s < HEALTHY_S:
        return state
    waiting = [
        one
        for one in here
        if one.name in state.outage.stopped
        and one.runs is not None
        and turn_of(one) is not _HEAVY
        and _may_start(one.enable, snapshot)
    ]
    if not waiting:
        # Nothing can show it: it is taken for healthy.
        nobody = not any(one.runs for one in here if one.name in state.outage.stopped)
        return replace(state, outage=replace(state.outage, unknown_power=not nobody))
    fresh = [one for one in waiting if one.name not in state.tried]
    if not fresh and state.outage.sure:
        return replace(state, tried=(), healthy_s=now_s)
    if not fresh:  # each has had its turn: what does not start has failed, and others go on
        return Restart(outage=outage.ended(state.outage))
    first = min(fresh, key=lambda one: turn_of(one).apart_s)
    return replace(state, probe=first.name, probe_s=now_s)


def _release(state: Restart, here: Sequence[Restartable], snapshot: Snapshot) -> Restart:
    """Let go of those whose turn it is."""
    now_s = snapshot.watched_s
    assert state.healthy_s is not None
    next_s = dict(state.next_s)
    released = list(state.released)
    waiting = dict.fromkeys(state.outage.stopped)
    for one in here:
        if one.name not in waiting:
            continue
        turn = turn_of(one)
        due_s = next_s.get(turn.name, state.healthy_s + turn.after_s)
        if now_s < due_s:
            continue
        if not _may_start(one.enable, snapshot):
            continue  # its minimum time off lasts longer, and would let two start together
        del waiting[one.name]
        released.append(one.name)
        if turn is _HEAVY or wanted(snapshot, one.enable):
            next_s[turn.name] = now_s + turn.apart_s
    known = {one.name for one in here}
    waiting = {name: None for name in waiting if name in known}
    heavy_s = next_s.get(_HEAVY.name)
    lingers = heavy_s is not None and now_s < heavy_s + LINGERS_S
    if not waiting and not lingers and now_s - state.healthy_s >= HEALTHY_S:
        return Restart(outage=outage.ended(state.outage))
    if len(waiting) == len(state.outage.stopped):
        return state
    seen = replace(state.outage, stopped=tuple(waiting))
    return replace(state, outage=seen, next_s=next_s, released=tuple(released))


def _may_start(enable: PointId, snapshot: Snapshot) -> bool:
    """Whether no minimum time keeps it off."""
    award = snapshot.awards.get(enable)
    return award is None or award.winner.priority is not Priority.MIN_ON_OFF
