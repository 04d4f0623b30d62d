"""Which marks of a register are believed: not those between a jump and the return from it.

Zero comes from a gateway whose meter is offline, all ones from one that boots. Otherwise coming
back would count the whole register as energy. A register that was reset and climbs past where it
was looks alike: then the reading is believed that fits what the register did before. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Final

from bms.core.instants import DAY_MS
from bms.energy.register import HELD_COUNTS, Mark, Register
from bms.texts.messages import msg

CAME_BACK: Final = Fraction(9, 10)
"""Marks are not believed if one step away and one step back make up this share of each other.
A reset register climbs back in small steps, if ever."""

RETURN_WITHIN_MS: Final = 7 * DAY_MS
"""A register that comes back later than this is believed in what it showed meanwhile: so a week
of marks decides about any mark, and late ones redo a week and not a meter's life."""


def held(ordered: Sequence[Mark], most: int) -> Sequence[Mark]:
    """The marks, those that fell by no more than the register's resolution at what was before."""
    if not any(one.counts > other.counts for one, other in pairwise(ordered)):
        return ordered
    found: list[Mark] = []
    for mark in ordered:
        if found and found[-1].counts - most <= mark.counts < found[-1].counts:
            found.append(mark._replace(counts=found[-1].counts))
        else:
            found.append(mark)
    return found


def suspicious(counts: Sequence[int]) -> bool:
    """Whether a register in time order does anything but stand or rise."""
    return any(one > other + HELD_COUNTS for one, other in pairwise(counts))


def believed(
    ordered: Sequence[Mark], register: Register
) -> tuple[Sequence[Mark], Mapping[int, str]]:
    """The marks without those between a jump and the return from it, and what was left out, by
    the time of the mark after it. The first and the last are always believed."""
    if all(before.counts <= after.counts for before, after in pairwise(ordered)):
        return ordered, {}
    kept: list[Mark] = []
    skipped: dict[int, str] = {}
    high: int | None = None  # the last mark before a step back
    for mark in ordered:
        first = None  # the first of the kept ones that is not believed
        if kept and mark.counts < kept[-1].counts:
            first = _spike(kept, mark, register)
            if first is None:
                high = len(kept) - 1
        elif high is not None and mark.counts >= kept[high].counts:
            fall = kept[high].counts - kept[high + 1].counts
            if (
                mark.counts - kept[-1].counts >= CAME_BACK * fall
                and mark.ms - kept[high].ms <= RETURN_WITHIN_MS
                and not _climbed(kept, high, mark, register)
            ):
                first = high + 1
            high = None
        if first is not None:
            skipped[mark.ms] = msg(
                "the register jumped from {before} to {after} counts and back",
                before=kept[first - 1].counts,
                after=kept[first].counts,
            )
            del kept[first:]
            if high is not None and high >= len(kept) - 1:
                high = None
        kept.append(mark)
    return kept, skipped


def _climbed(kept: Sequence[Mark], high: int, after: Mark, register: Register) -> bool:
    """Whether a register that fell and is now above where it was was reset, and climbed.

    Both readings are held against the rate of the day before the fall: the rise above where it
    was since then, and the rise since it was last seen down there. The nearer one counts.
    """
    climb = after.counts - kept[-1].counts
    span = after.ms - kept[-1].ms
    if not register.plausible(climb, span):
        return False
    first = high
    while (
        first > 0
        and kept[first - 1].counts <= kept[first].counts
        and kept[high].ms - kept[first - 1].ms <= DAY_MS
    ):
        first -= 1
    # What it rose by since it last changed is no rise of the moment before it was looked at.
    while first > 0 and kept[first - 1].counts == kept[first].counts:
        first -= 1
    rise = kept[high].counts - kept[first].counts
    if rise <= 0:
        return False
    rate = Fraction(rise, kept[high].ms - kept[first].ms)
    back = after.counts - kept[high].counts
    return _off(climb, rate * span) < _off(back, rate * (after.ms - kept[high].ms))


def _off(counts: int, expected: Fraction) -> Fraction:
    """How many times too much or too little."""
    share = max(counts, 1) / expected
    return max(share, 1 / share)


def _spike(kept: Sequence[Mark], after: Mark, register: Register) -> int | None:
    """Where a jump up began from which `after` is the return; None if it is no return."""
    first = len(kept) - 1
    while first > 0 and kept[first - 1].counts > after.counts:
        first -= 1
        if after.ms - kept[first].ms > RETURN_WITHIN_MS:
            return None
    if first == 0 or after.ms - kept[first - 1].ms > RETURN_WITHIN_MS:
        return None
    rise = kept[first].counts - kept[first - 1].counts
    fall = kept[-1].counts - after.counts
    if rise < CAME_BACK * fall:
        return None
    since = after.ms - kept[-1].ms
    if register.rolled_over(kept[-1].counts, after.counts, since):
        # A small register that was quiet and then rolled over looks like a jump and its return.
        span = kept[first].ms - kept[first - 1].ms
        if register.most_per_h is not None and register.plausible(rise, span):
            return None
    return first
