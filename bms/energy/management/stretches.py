"""Times as stretches from one instant to another: what lies in both, what is left, how long. Pure.

Lists are in order and do not overlap themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TypeAlias

Stretch: TypeAlias = tuple[datetime, datetime]


def in_both(one: Sequence[Stretch], other: Sequence[Stretch]) -> list[Stretch]:
    """What lies in both."""
    found = []
    left, right = 0, 0
    while left < len(one) and right < len(other):
        start = max(one[left][0], other[right][0])
        end = min(one[left][1], other[right][1])
        if start < end:
            found.append((start, end))
        if one[left][1] <= other[right][1]:
            left += 1
        else:
            right += 1
    return found


def without(whole: Sequence[Stretch], parts: Sequence[Stretch]) -> list[Stretch]:
    """What of the first lies in none of the second."""
    found = []
    for start, end in whole:
        at = start
        for begin, until in parts:
            if until <= at:
                continue
            if begin >= end:
                break
            if begin > at:
                found.append((at, begin))
            at = max(at, until)
        if at < end:
            found.append((at, end))
    return found


def together(parts: Iterable[Stretch]) -> list[Stretch]:
    """The same, in order, each instant once."""
    found: list[Stretch] = []
    for start, end in sorted(parts):
        if found and start <= found[-1][1]:
            found[-1] = found[-1][0], max(found[-1][1], end)
        elif start < end:
            found.append((start, end))
    return found


def hours(parts: Iterable[Stretch]) -> float:
    """How long they are together."""
    return sum((end - start).total_seconds() for start, end in parts) / 3600
