"""Amounts that are not known, and between what they let the ratio of two sums lie."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, NamedTuple

from bms.energy.comparing.day_values import Period

_ROUNDS: Final = 30


class Sums(NamedTuple):
    """Load of this year's period and of the one it is compared with, in kWh."""

    this: float
    before: float


@dataclass(frozen=True, slots=True)
class Unknown:
    """What one meter used in days of which nobody knows."""

    meter: str
    days: Period
    reading: date
    """The register of that day would tell."""
    mid: Sums
    """What it probably adds to the loads; an export takes away."""
    corners: tuple[Sums, ...]
    """The least and the most that it can add; one of these is the worst case, whatever is asked."""


class Interval(NamedTuple):
    """A ratio: at least, probably, at most."""

    low: float
    mid: float
    high: float


def ratio(known: Sums, unknowns: Sequence[Unknown]) -> Interval | None:
    """This over before, with each unknown amount anywhere within its bounds.

    None if the load before may be zero or less.
    """
    least = known.before + sum(min(c.before for c in u.corners) for u in unknowns)
    mid = _total(known, (u.mid for u in unknowns))
    if least <= 0 or mid.before <= 0:
        return None
    return Interval(
        _extreme(known, unknowns, mid, -1), mid.this / mid.before, _extreme(known, unknowns, mid, 1)
    )


def _total(known: Sums, parts: Iterable[Sums]) -> Sums:
    this, before = known
    for part in parts:
        this, before = this + part.this, before + part.before
    return Sums(this, before)


def _extreme(known: Sums, unknowns: Sequence[Unknown], mid: Sums, sign: int) -> float:
    """The greatest ratio (sign 1) or the least (-1), by Dinkelbach's method: for a ratio that is
    tried, each unknown takes the corner that is worst; what they make is the next to try."""
    tried = mid.this / mid.before
    for _ in range(_ROUNDS):
        at = tried
        total = _total(
            known,
            (max(u.corners, key=lambda c: sign * (c.this - at * c.before)) for u in unknowns),
        )
        following = total.this / total.before
        if abs(following - tried) < 1e-12:
            break
        tried = following
    return tried


def doubt(unknown: Unknown, at: float, before: float) -> float:
    """How much of the interval's width comes from one unknown amount, at a ratio."""
    values = [c.this - at * c.before for c in unknown.corners]
    return (max(values) - min(values)) / before
