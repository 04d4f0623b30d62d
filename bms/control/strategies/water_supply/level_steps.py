"""How many pumps a level asks for. Pure.

Levels count in the direction of the need: filling, it grows as the water falls; emptying, as it
rises. A pump that a level has brought stays until the stop, so that waves start nothing twice.
"""

from __future__ import annotations

from dataclasses import dataclass

from bms.control.blocks.inputs.level_vote import Level, Place
from bms.control.protect.level.tank_gauge import Limits
from bms.control.strategies.water_supply.level_parameters import LevelParameters

RESERVE_MARGIN_PCT = 8.0
"""Pumps start so far above the fire reserve at least: it is never needed (D)."""
INSIDE_PCT = 5.0
"""And stop so far below the brim, or above where pumps draw air (D)."""


@dataclass(frozen=True, slots=True)
class Steps:
    """The levels at which pumps start and stop, in percent."""

    fills: bool
    start_pct: float
    stop_pct: float
    lag_pct: float
    all_pct: float

    def start_of(self, pump: int) -> float:
        """Where the pump of that number, from 1, starts; never beyond where all run."""
        sign = -1.0 if self.fills else 1.0
        level = self.start_pct + sign * self.lag_pct * (pump - 1)
        return max(level, self.all_pct) if self.fills else min(level, self.all_pct)

    def asks(self, level: Level, limit_pct: float) -> bool:
        """Whether the water may be at a starting level, or beyond it."""
        return any(_at(place, limit_pct, falling=self.fills) for place in level.places)

    def done(self, level: Level) -> bool:
        """Whether pumps stop: filling, as soon as one place says so; emptying, when all do."""
        reached = (_at(place, self.stop_pct, falling=not self.fills) for place in level.places)
        return any(reached) if self.fills else all(reached)

    def alarming(self, level: Level) -> bool:
        """Whether all pumps have to run."""
        return self.asks(level, self.all_pct)


def count(steps: Steps, level: Level, before: int, pumps: int) -> int:
    """So many pumps at a look; `level` is known."""
    if steps.done(level):
        return 0
    if steps.alarming(level):
        return pumps
    asked = sum(steps.asks(level, steps.start_of(pump)) for pump in range(1, pumps + 1))
    return max(before, asked)


def _at(place: Place, limit_pct: float, *, falling: bool) -> bool:
    if place.shown_pct is not None:
        return place.shown_pct <= limit_pct if falling else place.shown_pct >= limit_pct
    return place.high_pct <= limit_pct if falling else place.low_pct >= limit_pct


def steps_of(
    parameters: LevelParameters,
    limits: Limits,
    given: tuple[float | None, float | None],
    *,
    economy: bool,
    floats_only: bool,
) -> Steps:
    """The levels in force: of the file, of the schedule (`given`: start, stop), kept inside."""
    fills = parameters.fills
    start, stop = parameters.start_pct, parameters.stop_pct
    if start is None:
        start = (limits.low_pct if fills else limits.high_pct) if floats_only else 70.0
        if not fills and not floats_only:
            start = 60.0
    if stop is None:
        stop = (limits.high_pct if fills else limits.low_pct) if floats_only else 90.0
        if not fills and not floats_only:
            stop = 20.0
    all_pct = parameters.all_pct
    if all_pct is None:
        all_pct = 15.0 if fills else 85.0
        if floats_only:
            all_pct = limits.dry_pct if fills else limits.brim_pct
    if economy:
        halfway, usual = (start + all_pct) / 2.0, start
        start = parameters.economy_start_pct
        start = halfway if start is None else start
        stop = parameters.economy_stop_pct
        stop = usual if stop is None else stop
    start = start if given[0] is None else given[0]
    stop = stop if given[1] is None else given[1]
    if fills:
        least = limits.dry_pct + INSIDE_PCT
        if limits.reserve_pct:
            least = max(least, limits.reserve_pct + RESERVE_MARGIN_PCT)
            all_pct = max(all_pct, limits.reserve_pct + INSIDE_PCT)
        if not floats_only:
            stop = min(stop, limits.brim_pct - INSIDE_PCT)
            start = max(start, least)
        start = min(start, stop)
        return Steps(True, start, stop, parameters.lag_pct, min(all_pct, start))
    if not floats_only:
        stop = max(stop, limits.dry_pct + INSIDE_PCT)
    start = max(start, stop)
    return Steps(False, start, stop, parameters.lag_pct, max(all_pct, start))
