"""kWh from meter registers, by difference, in whole counts: nothing is invented, nothing lost.

A *reading* is a register value in whole counts of the meter's resolution (kWh per count).
Between two readings lies an *interval*, whose counts are the difference of the two. Hence the
counts of a stretch of intervals always sum to its last reading minus its first, exactly.
A register that steps back is not explained away: its interval is missing, with the reason.
Only a register that jumps away and comes back is taken at its word before and after: what it
showed in between (zero from a gateway whose meter is offline, all ones from one that boots) is
not believed, or coming back would count the whole register as energy.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, localcontext
from enum import StrEnum
from fractions import Fraction
from itertools import pairwise
from operator import attrgetter
from typing import NamedTuple
from zoneinfo import ZoneInfo

from drivers.points import PointId

BORDER_LIMIT = timedelta(hours=1)
"""The longest interval whose linear share on one side of a border still counts as covered.

Across a longer gap the total is true but its shape is a guess, so a share of it is included in
the energy and not in the coverage.
"""

ROLLOVER_HIGH = Fraction(95, 100)
ROLLOVER_LOW = Fraction(5, 100)
"""A step back is a rollover only from the last to the first twentieth of the register."""

CAME_BACK = Fraction(9, 10)
"""Readings are not believed if one step away and one step back make up this share of each other.
A reset register climbs back in small steps, if ever."""

_MICROSECOND = timedelta(microseconds=1)


class Reading(NamedTuple):
    """A register value: `meter` is the point id of the energy counter, `time` aware UTC."""

    meter: PointId
    time: datetime
    counts: int


class Label(StrEnum):
    """How the counts of an interval were come by."""

    MEASURED = "measured"
    CORRECTED = "corrected"
    """Measured across a rollover of a register whose size is declared, or across readings that
    are not believed."""
    MISSING = "missing"


class Interval(NamedTuple):
    """Energy between two readings; `counts` is None exactly when the label is missing.

    A tuple because a meter makes 35,000 a year.
    """

    start: datetime
    end: datetime
    counts: int | None
    label: Label
    reason: str = ""
    """For people; empty when measured."""


@dataclass(frozen=True, slots=True)
class Energy:
    """Energy of a period. No readings make `exact_kwh` None, never 0."""

    start: datetime
    end: datetime
    exact_kwh: Fraction | None
    """Adjacent periods sum exactly to the whole."""
    covered: Fraction
    """Share of the period that lies inside measured intervals, 0 to 1."""
    estimated_kwh: Fraction = Fraction(0)
    """The part of `exact_kwh` that is a linear share of a gap longer than `BORDER_LIMIT`."""
    problems: tuple[str, ...] = ()
    """Why parts of the period are missing, oldest first, at most `MAX_PROBLEMS`."""

    @property
    def kwh(self) -> Decimal | None:
        """`exact_kwh` to 28 significant digits: exact where the borders fall on readings."""
        return None if self.exact_kwh is None else to_decimal(self.exact_kwh)

    @property
    def coverage_pct(self) -> float:
        return float(self.covered * 100)


MAX_PROBLEMS = 5


def to_decimal(value: Fraction) -> Decimal:
    """The nearest decimal of 28 significant digits."""
    with localcontext() as context:
        context.prec = 28
        return Decimal(value.numerator) / Decimal(value.denominator)


def intervals(readings: Iterable[Reading], *, register_size: int | None = None) -> list[Interval]:
    """The intervals between consecutive readings of one meter, in time order.

    `register_size` is the number of counts after which the register is back at zero (1,000,000
    for six digits), if declared: then a step back from its last to its first twentieth is a
    rollover. Every other step back is missing. Readings may come in any order and repeated;
    raises ValueError for two different readings of one instant.
    """
    ordered = sorted(readings, key=attrgetter("time"))
    for before, after in pairwise(ordered):
        if before.time == after.time and before.counts != after.counts:
            raise ValueError(f"{after.meter}: two readings at {after.time.isoformat()}")
    result: list[Interval] = []
    believed, skipped = _believed(ordered)
    for before, after in pairwise(believed):
        step = after.counts - before.counts
        if before.time == after.time:
            continue
        if step >= 0:
            reason = skipped.get(after.time, "")
            label = Label.CORRECTED if reason else Label.MEASURED
            result.append(Interval(before.time, after.time, step, label, reason))
        elif register_size is not None and _rolled_over(before.counts, after.counts, register_size):
            counts = register_size + step
            reason = f"the register rolled over from {before.counts} to {after.counts} counts"
            result.append(Interval(before.time, after.time, counts, Label.CORRECTED, reason))
        else:
            reason = f"the register stepped back from {before.counts} to {after.counts} counts"
            result.append(Interval(before.time, after.time, None, Label.MISSING, reason))
    return result


def energy(
    readings: Iterable[Reading],
    start: datetime,
    end: datetime,
    resolution: Decimal,
    *,
    register_size: int | None = None,
) -> Energy:
    """Energy between two instants from one meter's readings (those around the period included)."""
    return energy_of(intervals(readings, register_size=register_size), start, end, resolution)


def energy_of(
    parts: Sequence[Interval], start: datetime, end: datetime, resolution: Decimal
) -> Energy:
    """Energy between two instants from one meter's intervals, in time order.

    An interval across a border is shared linearly by time. `resolution` is kWh per count.
    Raises ValueError unless start < end.
    """
    if not start < end:
        raise ValueError(f"an energy period must have a length: {start} to {end}")
    counts = 0
    shared = Fraction(0)
    guessed = Fraction(0)
    covered_us = 0
    touched = False
    problems: list[str] = []
    for part in parts[bisect_right(parts, start, key=attrgetter("end")) :]:
        if part.start >= end:
            break
        if part.counts is None:
            if len(problems) < MAX_PROBLEMS:
                problems.append(f"{part.start:%Y-%m-%d %H:%M}Z: {part.reason}")
            continue
        touched = True
        if part.start >= start and part.end <= end:
            counts += part.counts
            covered_us += _us(part.start, part.end)
            continue
        inside_us = _us(max(part.start, start), min(part.end, end))
        share = Fraction(part.counts * inside_us, _us(part.start, part.end))
        shared += share
        if part.end - part.start <= BORDER_LIMIT:
            covered_us += inside_us
        else:
            guessed += share
    scale = Fraction(resolution)
    return Energy(
        start,
        end,
        (counts + shared) * scale if touched else None,
        Fraction(covered_us, _us(start, end)),
        guessed * scale,
        tuple(problems),
    )


def local_midnight(day: date, zone: ZoneInfo) -> datetime:
    """The instant (UTC) at which a local day starts; days have 23 to 25 hours."""
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)


def daily(
    parts: Sequence[Interval], first: date, last: date, zone: ZoneInfo, resolution: Decimal
) -> list[tuple[date, Energy]]:
    """Energy of each local day from `first` to `last` inclusive."""
    result = []
    day = first
    while day <= last:
        following = day + timedelta(days=1)
        borders = local_midnight(day, zone), local_midnight(following, zone)
        result.append((day, energy_of(parts, *borders, resolution)))
        day = following
    return result


def _believed(ordered: Sequence[Reading]) -> tuple[Sequence[Reading], dict[datetime, str]]:
    """The readings without those between a jump and the return from it, and what was left out,
    by the time of the reading after it. The first and the last are always believed."""
    if all(before.counts <= after.counts for before, after in pairwise(ordered)):
        return ordered, {}
    kept: list[Reading] = []
    skipped: dict[datetime, str] = {}
    high: int | None = None  # the last reading before a step back
    for reading in ordered:
        first = None  # the first of the kept ones that is not believed
        if kept and reading.counts < kept[-1].counts:
            first = _spike(kept, reading)
            if first is None:
                high = len(kept) - 1
        elif high is not None and reading.counts >= kept[high].counts:
            fall = kept[high].counts - kept[high + 1].counts
            if reading.counts - kept[-1].counts >= CAME_BACK * fall:
                first = high + 1
            high = None
        if first is not None:
            shown = kept[first].counts
            skipped[reading.time] = (
                f"the register jumped from {kept[first - 1].counts} to {shown} counts and back"
            )
            del kept[first:]
            if high is not None and high >= len(kept) - 1:
                high = None
        kept.append(reading)
    return kept, skipped


def _spike(kept: Sequence[Reading], after: Reading) -> int | None:
    """Where a jump up began from which `after` is the return; None if it is no return."""
    first = len(kept) - 1
    while first > 0 and kept[first - 1].counts > after.counts:
        first -= 1
    if first == 0:
        return None
    rise = kept[first].counts - kept[first - 1].counts
    fall = kept[-1].counts - after.counts
    return first if rise >= CAME_BACK * fall else None


def _rolled_over(before: int, after: int, size: int) -> bool:
    return ROLLOVER_HIGH * size < before < size and 0 <= after < ROLLOVER_LOW * size


def _us(start: datetime, end: datetime) -> int:
    return (end - start) // _MICROSECOND
