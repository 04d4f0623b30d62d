"""The usual course of a week, to spread what was measured across a gap."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Final
from zoneinfo import ZoneInfo

from bms.core.instants import DAY_MS, from_ms, to_ms
from bms.energy.quarters import QUARTER_MS

WEEKS: Final = 4
"""How many weeks before a gap are looked at: enough to find the weekday once without a holiday."""

_CLOCK_CHANGE_MS: Final = 7_200_000


def usual(
    measured: Callable[[int, int], Mapping[int, int]], zone: ZoneInfo, first: int, last: int
) -> Sequence[int] | None:
    """Weights of the quarter hours from `first` to before `last` (ms): what was measured at the
    same local weekday and time in up to `WEEKS` weeks before. `measured` gives counts by start.

    None if that is not known for every one of them: then no shape is better than a straight line.
    """
    known: dict[int, int] = {}
    for week in range(1, WEEKS + 1):
        shift = week * 7 * DAY_MS
        known |= measured(first - shift - _CLOCK_CHANGE_MS, last - shift + _CLOCK_CHANGE_MS)
    if not known:
        return None
    weights: list[int] = []
    for ms in range(first, last, QUARTER_MS):
        local = from_ms(ms).astimezone(zone)
        found: list[int] = []
        for week in range(1, WEEKS + 1):
            # By the wall clock: a day with 23 or 25 hours in between shifts the instant.
            then = to_ms((local - timedelta(days=7 * week)).astimezone(zone))
            if then < first and then in known:
                found.append(known[then])
        if not found:
            return None
        # Means of as many weeks as there are, as whole numbers of equal weight.
        weights.append(max(0, sum(found)) * 12 // len(found))
    return weights if any(weights) else None
