"""Which meter readings a clock stamped that was ahead, told once it was set back. Pure.

They lie in the future, and the register has already passed what they show: beside the readings
of the right clock their energy would count twice. A clock that is behind looks alike, and there
the readings in the future are right. Then the register seems to have run much faster than before.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Final

LOOK_BACK_MS: Final = 86_400_000
FASTER: Final = 4
"""So many times its rate of before a register may have run while the clock was wrong: a night
turns into a day shift. A clock that is behind by a day makes a register 96 times as fast."""
SLACK: Final = 10
"""Counts that are always possible."""
LONGEST_MS: Final = 7 * 86_400_000
"""What lies further ahead than a week is left as it is: no clock is wrong for so long unseen."""


def stamped_ahead(
    before: Sequence[tuple[int, int]], reading: tuple[int, int], after: Sequence[tuple[int, int]]
) -> list[int]:
    """The instants of the readings in `after` that a clock stamped which was ahead.

    Readings are instants (ms) and counts, by time: those of the day `before` the newest one, and
    those that lie ahead of the clock now and were there first.
    """
    if not before or not after or after[-1][0] - reading[0] > LONGEST_MS:
        return []
    known_ms, known = before[-1]
    ms, counts = reading
    if any(not known <= shown <= counts for _, shown in after):
        return []
    rise = counts - known - SLACK
    rates = [
        Fraction(run[-1][1] - run[0][1], run[-1][0] - run[0][0])
        for run in (before, after)
        if len(run) > 1
    ]
    if rise > 0 and rise > FASTER * max(rates, default=Fraction(0)) * (ms - known_ms):
        return []
    return [instant for instant, _ in after]
