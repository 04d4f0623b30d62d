"""Valves and dampers: they travel, they can stick, and they have a characteristic."""

from __future__ import annotations

import math


class Actuator:
    """Moves from 0 to 1 in `travel_s`; a stuck one stays where it is."""

    __slots__ = ("position", "stuck", "travel_s")

    def __init__(self, travel_s: float, position: float = 0.0) -> None:
        self.travel_s = travel_s
        self.position = position
        self.stuck = False

    def move(self, target: float, dt_s: float) -> float:
        """Go towards `target` (0-1) for `dt_s`; returns the mean position meanwhile."""
        before = self.position
        gap = target - before
        if gap == 0.0 or self.stuck:
            return before
        reach = dt_s / self.travel_s if self.travel_s > 0.0 else 1.0
        if abs(gap) <= reach:
            self.position = target
            moved = abs(gap) / reach if self.travel_s > 0.0 else 0.0
            return target - gap * 0.5 * moved
        self.position = before + math.copysign(reach, gap)
        return 0.5 * (before + self.position)


def equal_percentage(opening: float, rangeability: float = 50.0) -> float:
    """Share of the full conductance; shut is shut, although the curve itself leaves 1/R."""
    if opening <= 0.0:
        return 0.0
    if opening >= 1.0:
        return 1.0
    share = rangeability ** (opening - 1.0)
    # The last 2 % of the way close the leak that the curve would leave.
    return float(share if opening >= 0.02 else share * opening / 0.02)
