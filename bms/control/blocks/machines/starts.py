"""How often machines start: limits for each hour and each day, as sliding windows. Pure.

Control reference, 7: chillers 8 starts a day; a machine's own numbers are its maker's
(`StartLimits`). Times are `Snapshot.steady_s`: it goes on while the controller is down, which
rests a machine, and over a boot it stands still, so that nothing is forgotten too early. A start
counts when a machine comes on, commanded or seen, whoever started it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from bms.core.machines.relations import StartLimits

HOUR_S = 3600.0
DAY_S = 86400.0
CHILLER_STARTS = StartLimits(per_day=8)
"""Where the maker gives none (control reference, 7)."""


@dataclass(frozen=True, slots=True)
class Starts:
    """When each machine started within the last day, oldest first; and which are on."""

    times_s: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    on: tuple[str, ...] = ()

    def within(self, machine: str, window_s: float, steady_s: float) -> int:
        """How often it started in the last `window_s` seconds."""
        return sum(steady_s - time_s < window_s for time_s in self.times_s.get(machine, ()))


def count_starts(starts: Starts, on: Collection[str], steady_s: float) -> Starts:
    """The record at a look: `on` are the machines that are commanded on or seen running now."""
    if len(on) == len(starts.on) and all(name in on for name in starts.on):
        return starts
    times_s = {
        name: kept
        for name, times in starts.times_s.items()
        if (kept := tuple(time_s for time_s in times if steady_s - time_s < DAY_S))
    }
    for name in on:
        if name not in starts.on:
            times_s[name] = (*times_s.get(name, ()), steady_s)
    return Starts(times_s, tuple(sorted(on)))


def may_start_s(starts: Starts, machine: str, limits: StartLimits, steady_s: float) -> float:
    """In how many seconds the machine may start: 0 for now, and for one that is on."""
    if machine in starts.on:
        return 0.0
    times = starts.times_s.get(machine, ())
    waits = [0.0]
    for most, window_s in ((limits.per_hour, HOUR_S), (limits.per_day, DAY_S)):
        if most is not None and len(times) >= most:
            # The start that has to leave the window before another one fits in.
            waits.append(times[-most] + window_s - steady_s if most else window_s)
    return max(waits)


def may_start(starts: Starts, machine: str, limits: StartLimits, steady_s: float) -> bool:
    """Whether the machine may start now."""
    return may_start_s(starts, machine, limits, steady_s) <= 0.0
