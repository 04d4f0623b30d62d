"""The days of a meter that are not known in one of two years, each with its bounds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from statistics import fmean
from typing import Final, NamedTuple

from bms.energy.comparing.day_kinds import DayKinds
from bms.energy.comparing.day_values import Days, Period, same_date, whole_kwh, whole_year
from bms.energy.comparing.plausible import Bounds, Course, foretell
from bms.energy.comparing.unknowns import Sums, Unknown

_JOINED_DAYS: Final = 3
"""Gaps with fewer known days between them are one."""

_NEIGHBOURS_DAYS: Final = 45
_FEWEST_PARTNERS: Final = {"work": 3}

_OWN_LEAST: Final = 0.6
_OWN_MOST: Final = 1.6
"""Days that no other year tells anything about: from the least to the most of the days around
them, and beyond, since a season can have its peak in between."""

_BY_HOUR: Final = 3.0
"""The part of a day that is missing may be the one in which most of it is used."""


@dataclass(frozen=True, slots=True)
class MeterDays:
    """Days of one meter in every year of which anything is known."""

    meter: str
    sign: int
    """-1 for an export."""
    days: Days
    added: date | None = None
    """The day on which it was first read, if other meters of the base were read before: nobody
    said whether what it measures was there before."""


class Pair(NamedTuple):
    """The two periods that are compared."""

    this: Period
    before: Period


class _Side:
    """One of the two periods of a meter: what is known, and what other years foretell."""

    def __init__(
        self, meter: MeterDays, kinds: DayKinds, period: Period, others: Sequence[Period]
    ) -> None:
        self.period = period
        self.dates = list(period)
        self.days = meter.days
        self._kinds = kinds
        known = [whole_kwh(meter.days, day) for day in self.dates]
        self.courses = [Course(known, self._foretold(other)) for other in others]
        """By other year, the one it is compared with first."""
        self.missing = [at for at, kwh in enumerate(known) if kwh is None]

    def _foretold(self, other: Period) -> list[float | None]:
        result: list[float | None] = []
        year = other.first.year
        for day in self.dates:
            kind = self._kinds.kind(day)
            fewest = 1 if kind.name else _FEWEST_PARTNERS.get(kind.week, 1)
            values = self._known(self._kinds.partners(day, year), other)
            if len(values) < fewest:
                values = self._known(self._kinds.distant(day, year), other)
            result.append(foretell(values, fewest))
        return result

    def _known(self, days: Iterable[date], period: Period) -> list[float]:
        """What some days used, as far as they are known and within a period."""
        return [
            kwh for day in days if day in period and (kwh := whole_kwh(self.days, day)) is not None
        ]

    def share(self, at: int) -> float:
        """The part of a day that is missing."""
        day = self.days.get(self.dates[at])
        return 1.0 if day is None else 1.0 - day.covered

    def foretold_by(self, at: int) -> frozenset[int]:
        """Which courses foretell a day."""
        return frozenset(n for n, course in enumerate(self.courses) if course.foretold[at])

    def best(self, gap: Sequence[int]) -> Bounds | None:
        """The narrowest bounds that any other year gives for a gap."""
        found = [
            bounds
            for course in self.courses
            if all(course.foretold[at] is not None for at in gap)
            and (bounds := course.bounds(gap)) is not None
        ]
        return min(found, key=lambda b: b.high - b.low) if found else None

    def own(self, gap: Sequence[int]) -> Bounds | None:
        """Bounds from the days around it in the same year."""
        total = [0.0, 0.0, 0.0]
        for at in gap:
            day = self.dates[at]
            values = self._around(day, same_week=True) or self._around(day, same_week=False)
            if not values:
                return None
            each = _OWN_LEAST * min(values), fmean(values), _OWN_MOST * max(values)
            total = [a + b for a, b in zip(total, each, strict=True)]
        return Bounds(*total)

    def _around(self, day: date, *, same_week: bool) -> list[float]:
        """What days near a day used, those of its kind of the week or all."""
        near = self._kinds.neighbours(day, _NEIGHBOURS_DAYS, same_week=same_week)
        return self._known(near, self.period)


def unknowns_of(
    meter: MeterDays, pair: Pair, kinds: DayKinds, more: Sequence[Period] = ()
) -> list[Unknown] | None:
    """What is not known of one meter in the two periods; `more` are other years that may be asked.

    None if nothing bounds it: it has no partners.
    """
    if all(whole_kwh(meter.days, day) is not None for period in pair for day in period):
        return []
    known_years = {day.year for day in meter.days}
    older = [period for period in more if period.first.year in known_years]
    this = _Side(meter, kinds, pair.this, (whole_year(pair.before.first.year), *older))
    before = _Side(meter, kinds, pair.before, (pair.this, *older))
    found: list[Unknown] = []
    lost_in_both = _in_both(this, before)
    for side, is_this in ((this, True), (before, False)):
        for gap in _gaps(side.missing):
            rest = [at for at in gap if side.dates[at] not in lost_in_both]
            told = [at for at in rest if side.foretold_by(at)]
            for part, bounding in ((told, side.best), ([a for a in rest if a not in told], None)):
                if part:
                    unknown = _one_sided(meter, side, part, is_this, bounding or side.own)
                    if unknown is None:
                        return None
                    found.append(unknown)
    for gap in _gaps([at for at in before.missing if before.dates[at] in lost_in_both]):
        unknown = _two_sided(meter, this, before, gap)
        if unknown is None:
            return None
        found.append(unknown)
    return found


def _in_both(this: _Side, before: _Side) -> frozenset[date]:
    """Dates that are wholly lost in both years, and that no other year tells anything about."""
    year = this.period.first.year
    theirs = {
        before.dates[at]
        for at in before.missing
        if before.share(at) == 1.0 and not before.foretold_by(at)
    }
    ours = {
        this.dates[at] for at in this.missing if this.share(at) == 1.0 and not this.foretold_by(at)
    }
    shared = {day for day in theirs if same_date(day, year) in ours}
    return frozenset(shared | {same_date(day, year) for day in shared})


def _gaps(missing: Sequence[int]) -> list[list[int]]:
    gaps: list[list[int]] = []
    for at in missing:
        if gaps and at - gaps[-1][-1] <= _JOINED_DAYS:
            gaps[-1].append(at)
        else:
            gaps.append([at])
    return gaps


def _one_sided(
    meter: MeterDays,
    side: _Side,
    gap: Sequence[int],
    is_this: bool,
    bounding: Callable[[Sequence[int]], Bounds | None],
) -> Unknown | None:
    bounds = bounding(gap) or side.own(gap)
    if bounds is None:
        return None
    share = fmean(side.share(at) for at in gap)
    if share < 1.0:
        low = max(0.0, 1 - _BY_HOUR * (1 - share)) if share > 0.5 else 0.0
        bounds = Bounds(
            bounds.low * low, bounds.mid * share, bounds.high * min(1.0, _BY_HOUR * share)
        )
    if meter.added is not None and side.dates[gap[-1]] <= meter.added:
        bounds = Bounds(min(0.0, bounds.low), bounds.mid, max(0.0, bounds.high))
    values = [
        Sums(meter.sign * kwh, 0.0) if is_this else Sums(0.0, meter.sign * kwh) for kwh in bounds
    ]
    return _unknown(meter, side, gap, values[1], (values[0], values[2]))


def _two_sided(meter: MeterDays, this: _Side, before: _Side, gap: Sequence[int]) -> Unknown | None:
    """Days that both years lost: what they used is a guess, but not how they go together."""
    amount = before.own(gap)
    course = this.courses[0]
    if amount is None or course.pairs == 0:
        return None
    misses = course.misses(max(1, min(len(gap), course.pairs // 4)))
    first = this.dates.index(same_date(before.dates[gap[0]], this.period.first.year))
    level = course.level(first, first + len(gap))
    if level is None or len(misses) < 3:
        return None
    spread = course.spread(misses, len(gap))
    sign = meter.sign
    corners = tuple(
        Sums(sign * kwh * max(0.0, level + change), sign * kwh)
        for kwh in (amount.low, amount.high)
        for change in spread
    )
    return _unknown(meter, before, gap, Sums(sign * amount.mid * level, sign * amount.mid), corners)


def _unknown(
    meter: MeterDays, side: _Side, gap: Sequence[int], mid: Sums, corners: tuple[Sums, ...]
) -> Unknown:
    days = Period(side.dates[gap[0]], side.dates[gap[-1]])
    before_first = not any(
        found.covered > 0 for day, found in meter.days.items() if day < days.first
    )
    reading = days.first if before_first else days.last
    following = reading + timedelta(days=0 if before_first else 1)
    return Unknown(meter.meter, days, following, mid, corners)
