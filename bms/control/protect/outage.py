"""Was the power, a PLC or the controller away, and what did that stop? Pure.

A machine that stops alone has failed. Machines that stop all at once, though they are told to run,
had their power taken, where none runs on: three of one building or one link surely, two perhaps
(then each is tried once, and what does not start has failed). One that
stands still when its link is back, or when the controller is back after a stop or a boot, was
stopped while nobody looked. What never stopped is not touched.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from bms.control.protect.flow.flow_paths import WATER_KINDS
from bms.control.protect.run_evidence import RunEvidence
from bms.control.protect.withheld import wanted
from bms.core.decisions import Snapshot
from bms.core.equipment import Equipment
from drivers.points import PointId

AT_ONCE_S: Final = 60.0
"""Machines that stop within this time of each other stopped for one reason (D): links are read at
their own pace, and a large fan coasts."""
PERHAPS, SURELY = 2, 3
SILENT_S: Final = 10.0
"""A shorter silence is one late answer."""
AWAY_S: Final = 60.0
"""A longer pause of the controller is a stop: its machines are looked at like those of a link that
was away."""


@dataclass(frozen=True, slots=True)
class Restartable:
    """A machine as an outage sees it."""

    machine: Equipment
    enable: PointId
    runs: RunEvidence | None
    places: tuple[str, ...]
    """What it shares its power or its PLC with others by: its link, building and base."""

    @property
    def name(self) -> str:
        return self.machine.id

    def on(self, snapshot: Snapshot) -> bool | None:
        """Whether it runs; what shows nothing of itself runs while its command reads back on."""
        if self.runs is None:
            return snapshot.flag(self.enable)
        return self.runs.flag(snapshot)


@dataclass(frozen=True, slots=True)
class Outage:
    """What is remembered of who ran."""

    ran: tuple[str, ...] = ()
    """Machines that ran when they were last seen."""
    silent_s: Mapping[str, float] = field(default_factory=dict)
    """Since when a machine that ran cannot be seen (watched seconds)."""
    fell_s: Mapping[str, float] = field(default_factory=dict)
    """Machines that stopped by themselves a moment ago, and when."""
    stopped: tuple[str, ...] = ()
    """What an outage has stopped, and has not had its turn since."""
    places: tuple[str, ...] = ()
    """Where the outage was."""
    unknown_power: bool = False
    """Nothing shows yet that the power is back."""
    sure: bool = False
    """So many stopped at once that it can only have been the power."""
    boot: str = ""
    steady_s: float = 0.0
    watched_s: float = 0.0
    """When it was last looked."""

    @property
    def over(self) -> bool:
        """Nothing waits for its turn."""
        return not self.places


def look(state: Outage, machines: Sequence[Restartable], snapshot: Snapshot) -> Outage:
    """The state at a look."""
    now_s = snapshot.watched_s
    gap_s = (snapshot.steady_s - state.steady_s) - (now_s - state.watched_s)
    booted = bool(state.boot) and snapshot.boot != state.boot
    away = booted or gap_s > AWAY_S
    ran = dict.fromkeys(state.ran)
    silent = dict(state.silent_s)
    fell = {name: at_s for name, at_s in state.fell_s.items() if now_s - at_s < AT_ONCE_S}
    stopped = dict.fromkeys(state.stopped)
    found: list[Restartable] = []
    if away:
        silent |= {name: now_s - SILENT_S for name in ran if name not in silent}
    running: set[str] = set()
    for one in machines:
        name, on = one.name, one.on(snapshot)
        if on is None:
            if name in ran:
                silent.setdefault(name, now_s)
            continue
        silent_since_s = silent.pop(name, now_s)
        if on:
            running.add(name)
            ran[name] = None
            fell.pop(name, None)
            stopped.pop(name, None)
        elif name in ran:
            del ran[name]
            if not wanted(snapshot, one.enable):
                continue
            kept = snapshot.flag(one.enable)
            if now_s - silent_since_s < SILENT_S:
                fell[name] = now_s
            elif not (kept and one.machine.kind.cycles):  # else its thermostat pauses it
                found.append(one)
    places = {one.places[0] for one in found}
    dark, sure = _dark_places(machines, running, fell)
    places |= dark
    found += [one for one in machines if one.name in fell and dark & set(one.places)]
    if booted:
        places |= {place for one in machines for place in one.places}
    for one in found:
        stopped[one.name] = None
        fell.pop(one.name, None)
    unknown = (state.unknown_power or bool(dark)) and not _shown(machines, running, places, state)
    here = tuple(sorted({*state.places, *places}))
    after = Outage(
        tuple(name for name in ran), silent, fell, tuple(stopped), here, unknown,
        unknown and (sure or state.sure), snapshot.boot, snapshot.steady_s, now_s,
    )  # fmt: skip
    return _unchanged(state, after)


def ended(state: Outage) -> Outage:
    """Everything has had its turn."""
    return replace(state, stopped=(), places=(), unknown_power=False, sure=False)


def _dark_places(
    machines: Sequence[Restartable], running: Collection[str], fell: Mapping[str, float]
) -> tuple[set[str], bool]:
    """Where machines stopped by themselves, and nothing runs on; and whether that is sure.

    Machines that need water stop for want of it, too: they do not count, and go with the others.
    """
    if len(fell) < PERHAPS:
        return set(), False
    counts: dict[str, int] = {}
    lit = {place for one in machines if one.name in running for place in one.places}
    for one in machines:
        if one.name in fell and one.machine.kind.name not in WATER_KINDS:
            for place in one.places:
                counts[place] = counts.get(place, 0) + 1
    dark = {place for place, count in counts.items() if count >= PERHAPS and place not in lit}
    return dark, any(counts[place] >= SURELY for place in dark)


def _shown(
    machines: Sequence[Restartable], running: set[str], places: set[str], state: Outage
) -> bool:
    """Whether something runs where it was dark: then there is power."""
    dark = places | set(state.places)
    return any(one.name in running and dark & set(one.places) for one in machines)


def _unchanged(before: Outage, after: Outage) -> Outage:
    """The same object while only time has passed, unless that is news after a pause."""
    same = replace(after, steady_s=before.steady_s, watched_s=before.watched_s) == before
    recent = after.watched_s - before.watched_s < AWAY_S / 2
    return before if same and recent else after
