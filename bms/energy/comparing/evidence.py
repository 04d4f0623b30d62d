"""All that lets the growth between two periods be otherwise than the registers say."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise
from math import hypot
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from bms.core.instants import from_ms, to_ms
from bms.energy.comparing.alignment import Shifted, shifted
from bms.energy.comparing.borders import Crossing, crossings
from bms.energy.comparing.day_kinds import DayKinds
from bms.energy.comparing.day_values import Day, Period, whole_year, years_asked
from bms.energy.comparing.festivals import Holidays, moved
from bms.energy.comparing.gaps import MeterDays, Pair, unknowns_of
from bms.energy.comparing.loads import Load, MeterData
from bms.energy.comparing.unknowns import Interval, Sums, Unknown, doubt, ratio
from bms.energy.quarters import floor_quarter

_TOGETHER: Final = timedelta(days=31)
"""Meters that begin within so many days were put into service together: one after the other, or
read by hand on different days of a month."""


_SHIFT_UNSURE: Final = 0.5
"""What a festival takes away is an estimate too, by so much of itself."""


class Exchange(NamedTuple):
    """The errors of one meter, before and after it was exchanged, no longer cancel."""

    meter: str
    day: date
    doubt: float
    """How far they let the ratio move up or down."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the growth rests on. Ratios are this load over the one before."""

    interval: Interval | None
    """None if it cannot be bounded."""
    known: Sums
    unknowns: tuple[Unknown, ...] = ()
    crossings: tuple[Crossing, ...] = ()
    exchanges: tuple[Exchange, ...] = ()
    shifted: tuple[Shifted, ...] = ()
    shift: float = 0.0
    """How much of the ratio is a matter of festivals that only one of the periods has."""
    without_partners: tuple[str, ...] = ()
    """Meters with days that nothing bounds."""

    def this_bounds(self) -> tuple[float, float, float]:
        """The least, the probable and the greatest load of this year's period, in kWh."""
        low = high = mid = self.known.this
        for unknown in self.unknowns:
            values = [corner.this for corner in unknown.corners]
            low, mid, high = low + min(values), mid + unknown.mid.this, high + max(values)
        apart = hypot(*(crossing.kwh for crossing in self.crossings if crossing.this))
        return low - apart, mid, high + apart


def weigh(
    meters: Sequence[MeterData], this: Load, before: Load, holidays: Holidays, zone: ZoneInfo
) -> Evidence:
    """What the growth between two loads rests on; both are known for every meter."""
    known = Sums(_kwh(this), _kwh(before))
    pair = Pair(this.period, before.period)
    kinds, days = None, []
    years = years_asked(pair.this.first.year, pair.before.first.year)
    festivals = moved(holidays, pair.this.first.year, pair.before.first.year)
    if _incomplete(this) or _incomplete(before) or (festivals and not _is_whole(pair.this)):
        kinds = DayKinds(holidays, frozenset(years))
        days = [_days(meter, pair, meters, years) for meter in meters]
    both = {pair.this.first.year, pair.before.first.year}
    more = [whole_year(year) for year in years if year not in both]
    unknowns: list[Unknown] = []
    alone: list[str] = []
    for meter in days if kinds is not None else ():
        assert kinds is not None
        found = unknowns_of(meter, pair, kinds, more)
        if found is None:
            alone.append(meter.meter)
        else:
            unknowns += found
    crossing = [c for meter in meters for c in _crossings(meter, pair, zone)]
    apart = shifted(holidays, days, pair, kinds) if kinds is not None else []
    gaps = None if alone else ratio(known, unknowns)
    if gaps is None:
        return Evidence(
            None, known, tuple(unknowns), tuple(crossing), without_partners=tuple(alone)
        )
    exchanges = tuple(
        e for meter in meters for e in _exchanges(meter, pair, zone, gaps.mid, known.before)
    )
    independent = hypot(
        *(c.doubt(gaps.mid, known.before) for c in crossing), *(e.doubt for e in exchanges)
    )
    shift = _shift(known, apart)
    either_way = _SHIFT_UNSURE * abs(shift)
    interval = Interval(
        gaps.low - independent - either_way + min(shift, 0.0),
        gaps.mid,
        gaps.high + independent + either_way + max(shift, 0.0),
    )
    return Evidence(
        interval, known, tuple(unknowns), tuple(crossing), exchanges, tuple(apart), abs(shift)
    )


def widths(evidence: Evidence) -> list[tuple[float, Unknown | Crossing | Exchange]]:
    """What makes the interval wide, the most first, as ratios."""
    if evidence.interval is None:
        return []
    at, before = evidence.interval.mid, evidence.known.before
    found: list[tuple[float, Unknown | Crossing | Exchange]] = [
        (doubt(u, at, before), u) for u in evidence.unknowns
    ]
    found += [(2 * c.doubt(at, before), c) for c in evidence.crossings]
    found += [(2 * e.doubt, e) for e in evidence.exchanges]
    return sorted(found, key=lambda item: -item[0])


def _shift(known: Sums, shifted: Sequence[Shifted]) -> float:
    """What the ratio would be more if no day of a festival were in one of the periods only."""
    this = known.this + sum(found.effect.this for found in shifted)
    before = known.before + sum(found.effect.before for found in shifted)
    if known.before <= 0 or before <= 0:
        return 0.0
    return this / before - known.this / known.before


def _kwh(load: Load) -> float:
    return float(load.exact_kwh or 0)


def _incomplete(load: Load) -> bool:
    return any(part.energy.covered != 1 for part in load.meters)


def _is_whole(period: Period) -> bool:
    return period == whole_year(period.first.year)


def _days(
    meter: MeterData, pair: Pair, meters: Sequence[MeterData], years: Iterable[int]
) -> MeterDays:
    found: dict[date, Day] = {}
    for year in years:
        period = pair.this if year == pair.this.first.year else whole_year(year)
        found.update(meter.days(period))
    others = [m.first_day for m in meters if m.first_day is not None]
    first = meter.first_day
    late = first is not None and first > min(others) + _TOGETHER
    return MeterDays(meter.meter, meter.sign, found, first if late else None)


def _crossings(meter: MeterData, pair: Pair, zone: ZoneInfo) -> list[Crossing]:
    borders = {instant for period in pair for instant in period.bounds(zone)}
    near = [s for border in sorted(borders) for s in meter.across(border)]
    return crossings(meter.meter, list(dict.fromkeys(near)), pair.this, pair.before, zone)


def _exchanges(
    meter: MeterData, pair: Pair, zone: ZoneInfo, at: float, before_kwh: float
) -> list[Exchange]:
    """Each meter that was in place errs by its class in what it measured of both periods."""
    (this_start, this_end), (start, end) = (period.bounds(zone) for period in pair)
    moments = [m for m in meter.exchanged if min(start, this_start) < m < max(end, this_end)]
    if not moments:
        return []
    edges = [from_ms(floor_quarter(to_ms(m))) for m in moments]
    marks = [min(start, this_start), *edges, max(end, this_end)]
    errors: list[float] = []
    for first, last in pairwise(marks):
        this = _between(meter, max(first, this_start), min(last, this_end))
        before = _between(meter, max(first, start), min(last, end))
        errors.append(meter.accuracy_pct / 100 * abs(this - at * before) / before_kwh)
    # The first exchange brings in the error of the meter before it too.
    doubts = [hypot(errors[0], errors[1]), *errors[2:]]
    return [
        Exchange(meter.meter, moment.astimezone(zone).date(), error)
        for moment, error in zip(moments, doubts, strict=True)
    ]


def _between(meter: MeterData, start: datetime, end: datetime) -> float:
    return float(meter.energy(start, end).amount or 0) if start < end else 0.0
