"""The power beside a register, asked only where the register itself is in doubt.

A point in the wrong unit, of the wrong sign, or BAD must not make good energy missing. So power
says something only if it was known most of the time, if it is worth some counts, and if it once
agreed with the register: in the hours before, or else at least in its greatest rate.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from math import isfinite
from typing import Final, NamedTuple

from bms.config.site import MeterRole, MeterSpec
from bms.core.instants import DAY_MS, from_ms, to_ms
from bms.energy.register import HOUR_MS, Power
from bms.historian.log.log_queries import Queries
from drivers.points import PointId, Quality, Sample

HOLDS_MS: Final = 20 * 60_000
"""A value stands for no longer than this: analog points are recorded every few minutes."""
KNOWN: Final = Fraction(3, 4)
"""The share of the time for which power has to be known."""
LEAST_COUNTS: Final = 10
"""Less than this is rounding, or a meter's own starting current."""
AGREES_WITHIN: Final = 3
"""Register and power were of one unit if they differed by no more than this factor before; a
wrong unit is 10 or 1000, a forgotten transformer ratio 20 and more."""
BEFORE_MS: Final = 6 * HOUR_MS
"""How long before is looked at for that: a shift."""
GREATEST: Final = 2
"""Where the register did not move before, power may be this many times its greatest rate."""
UNPROVEN_COUNTS: Final = 1000
"""Where the register never moved at all, power has to be worth so many counts: then it is right
even if it is shown in W for kW."""


class _Stretch(NamedTuple):
    """What one point showed from one instant to another, both included."""

    first_ms: int
    last_ms: int
    times_ms: Sequence[int]
    values: Sequence[float | None]
    """None where there was no good number."""


class PowerRecord:
    """The history of power, read by days: a register that stands asks for one hour after the
    other. It is forgotten when the ledger makes its next step: samples may have come late."""

    def __init__(self, history: Queries) -> None:
        self.history = history
        self._read: dict[PointId, _Stretch] = {}

    def forget(self) -> None:
        """Read again what is asked from now on."""
        self._read.clear()

    def positive(self, point: PointId, first_ms: int, last_ms: int) -> float | None:
        """The integral of positive values in their unit times hours; None: too little is known."""
        held_ms = first_ms - HOLDS_MS
        found = self._read.get(point)
        if found is None or held_ms < found.first_ms or last_ms > found.last_ms:
            found = self._read[point] = self._stretch(
                point, held_ms, max(last_ms, held_ms + DAY_MS)
            )
        begin = bisect_left(found.times_ms, held_ms)
        end = bisect_right(found.times_ms, last_ms)
        return _positive(found.times_ms[begin:end], found.values[begin:end], first_ms, last_ms)

    def _stretch(self, point: PointId, first_ms: int, last_ms: int) -> _Stretch:
        samples = self.history.samples(point, from_ms(first_ms), from_ms(last_ms))
        times_ms = [to_ms(sample.time) for sample in samples]
        return _Stretch(first_ms, last_ms, times_ms, [_number(sample) for sample in samples])


def power_beside(record: PowerRecord | None, spec: MeterSpec, resolution: Fraction) -> Power | None:
    """What power says that the register of a meter must have counted; None without such a point.

    An export register stands while its site imports, and many meters show both as one power: of
    those nothing is said.
    """
    if record is None or not spec.power or spec.role is MeterRole.EXPORT:
        return None
    powers: PowerRecord = record
    past = powers.history

    def counts(first_ms: int, last_ms: int) -> int | None:
        worth = resolution * spec.ratio(last_ms)
        found = powers.positive(spec.power, first_ms, last_ms)
        return None if found is None else int(Fraction(found) / worth)

    def agreed(first_ms: int) -> bool | None:
        """Whether power and register said the same before; None: the register did not move."""
        begin = first_ms - BEFORE_MS
        own = past.meter(spec.id)
        marks = past.counts(spec.id, begin, first_ms)
        if own is None or len(marks) < 2:
            return None
        rise = int((marks[-1][1] - marks[0][1]) * Fraction(own.resolution) / resolution)
        if rise < LEAST_COUNTS:
            return None
        power = counts(marks[0][0], marks[-1][0])
        return power is None or rise <= AGREES_WITHIN * power <= AGREES_WITHIN**2 * rise

    def said(first_ms: int, last_ms: int, most: int) -> int | None:
        # Most that stands takes no power now: that is seen without reading the whole hour.
        if not counts(max(first_ms, last_ms - HOLDS_MS), last_ms):
            return None
        expected = counts(first_ms, last_ms)
        if expected is None or expected < LEAST_COUNTS:
            return None
        before = agreed(first_ms)
        if before is None:
            if most == 0 and expected < UNPROVEN_COUNTS:
                return None
            if most and expected * HOUR_MS > GREATEST * most * (last_ms - first_ms):
                return None
        return expected if before is not False else None

    return said


def _number(sample: Sample) -> float | None:
    value = sample.value
    if sample.quality is not Quality.GOOD or isinstance(value, str) or value is None:
        return None
    return float(value) if isfinite(value) else None


def _positive(
    times_ms: Sequence[int], values: Sequence[float | None], first_ms: int, last_ms: int
) -> float | None:
    known_ms, total = 0, 0.0
    for value, (begin, end) in zip(values, pairwise([*times_ms, last_ms]), strict=True):
        if value is None:
            continue
        span = min(end, last_ms, begin + HOLDS_MS) - max(begin, first_ms)
        if span > 0:
            known_ms += span
            total += max(0.0, value) * span / HOUR_MS
    return total if known_ms >= KNOWN * (last_ms - first_ms) else None
