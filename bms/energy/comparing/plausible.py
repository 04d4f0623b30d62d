"""The plausible least and most of days that are not known, from how well others foretold.

A meter's days are foretold by their partners in another year. How far wrong that goes is measured
on the meter itself: on every window of known days as long as the gap. So what happens to this
meter from year to year (growth, weather, stops) is in the bounds, and nothing is assumed of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from math import hypot, sqrt
from statistics import fmean, median
from typing import Final, NamedTuple

FLANK_DAYS: Final = 35
"""So many known days before and after a gap tell how this year goes against the other."""

_WIDER: Final = 1.75
"""Times the root mean square by which windows were foretold wrong, less and more apart: a stop of
production makes the bounds wide below, not above."""

_OTHER_SIDE: Final = 0.6
"""What was wrong to one side only may be wrong to the other by this share of it."""

_LEAST: Final = 0.02
_SEASON: Final = 0.25
"""Heating and cooling of four weeks differ between years beyond what the windows show: by this
times the square of the share that goes with the season. (One summer is 1.5 K hotter than the next:
where cooling is all, that is a quarter; where it is little, what else is used hides it.)"""

_IN_HEAT: Final = 2.0
"""Weeks are lost in heat and frost rather than in mild ones: more may be missing by so much more
than less."""

_SHIFTS: Final = (-21, -14, -7, 7, 14, 21)
"""In days; whole weeks keep the weekend in its place."""

_FEWEST_DAYS: Final = 8
_STEADY_DAYS: Final = 20
_SEASON_DAYS: Final = 28


class Bounds(NamedTuple):
    """An amount in kWh: at least, probably, at most."""

    low: float
    mid: float
    high: float

    def scaled(self, factor: float) -> Bounds:
        """Times a factor that is not negative."""
        return Bounds(self.low * factor, self.mid * factor, self.high * factor)


@dataclass(frozen=True)
class Course:
    """Days in a row: what a meter used, and what the partners of each day used (kWh; None where
    that is not known)."""

    known: Sequence[float | None]
    foretold: Sequence[float | None]
    _sums: tuple[list[float], list[float], list[int]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        pairs = [
            (a, p, 1) if a is not None and p is not None else (0.0, 0.0, 0)
            for a, p in zip(self.known, self.foretold, strict=True)
        ]
        sums = (
            list(accumulate((a for a, _, _ in pairs), initial=0.0)),
            list(accumulate((p for _, p, _ in pairs), initial=0.0)),
            list(accumulate((n for _, _, n in pairs), initial=0)),
        )
        object.__setattr__(self, "_sums", sums)

    def between(self, first: int, last: int) -> tuple[float, float, int]:
        """Known, foretold and the number of days with both, from `first` to before `last`."""
        first, last = max(first, 0), min(last, len(self.known))
        if first >= last:
            return 0.0, 0.0, 0
        known, foretold, days = self._sums
        return (
            known[last] - known[first],
            foretold[last] - foretold[first],
            days[last] - days[first],
        )

    @property
    def pairs(self) -> int:
        """The number of days that are known and foretold."""
        return self._sums[2][-1]

    def level(self, first: int, last: int) -> float | None:
        """What is used against what is foretold around a window: that of the days close by, held
        together by that of all."""
        low = self.between(first - FLANK_DAYS, first)
        high = self.between(last, last + FLANK_DAYS)
        used, told, days = (a + b for a, b in zip(low, high, strict=True))
        inner = self.between(first, last)
        all_used, all_told, all_days = (
            a - b for a, b in zip(self.between(0, len(self.known)), inner, strict=True)
        )
        if all_days <= 0 or all_told <= 0:
            return None
        overall = all_used / all_told
        if days <= 0 or told <= 0:
            return overall
        weight = days / (days + _STEADY_DAYS)
        return weight * used / told + (1 - weight) * overall

    def misses(self, length: int) -> list[float]:
        """How far off each window of so many days would have been foretold, in shares of it."""
        _, told, days = self.between(0, len(self.known))
        least = 0.25 * told / max(days, 1)
        found: list[float] = []
        for first in range(0, len(self.known) - length + 1, max(1, length // 7)):
            used, foretold, known = self.between(first, first + length)
            if known < max(1.0, 0.8 * length):
                continue
            level = self.level(first, first + length)
            if level is not None:
                found.append((used - level * foretold) / max(foretold, least * known))
        return found

    def bounds(self, gap: Sequence[int]) -> Bounds | None:
        """What the days of a gap (ascending places; all are foretold) used together.

        None if too few days are known to say how well they are foretold.
        """
        if self.pairs < _FEWEST_DAYS:
            return None
        told = [p for at in gap if (p := self.foretold[at]) is not None]
        total = sum(told)
        level = self.level(gap[0], gap[-1] + 1)
        misses = self.misses(max(1, min(len(gap), self.pairs // 4)))
        if level is None or len(misses) < 3:
            return None
        _, all_told, days = self.between(0, len(self.known))
        scale = max(total, 0.25 * all_told / days * len(gap))
        less, more = self.spread(misses, len(gap), total / len(gap))
        mid = level * total
        low, high = mid + scale * less, max(mid, level * self._peak_near(gap)) + scale * more
        if all(value >= 0 for value in self.known if value is not None):
            low, high = max(0.0, low), max(0.0, high)
        return Bounds(low, mid, high)

    def _peak_near(self, gap: Sequence[int]) -> float:
        """The most that as many days some weeks earlier or later were foretold to use: the hottest
        weeks of two years are not the same."""
        most = 0.0
        for shift in _SHIFTS:
            moved = [at + shift for at in gap]
            if moved[0] >= 0 and moved[-1] < len(self.foretold):
                told = [p for at in moved if (p := self.foretold[at]) is not None]
                if told:
                    most = max(most, sum(told) / len(told) * len(gap))
        return most

    def spread(
        self, misses: Sequence[float], days: int, daily: float | None = None
    ) -> tuple[float, float]:
        """How much less and more than foretold a gap of so many days can have used, in shares.

        `daily`: what is foretold for one of its days; None: for one at the peak of the season.
        """
        seasonal = 0.5 if daily is None else self._above_base(daily)
        season = _SEASON * seasonal**2 * sqrt(_SEASON_DAYS / max(days, 7))
        usual = sqrt(fmean(miss * miss for miss in misses))

        def wide(sided: Iterable[float], season: float) -> float:
            own = sqrt(2 * sum(miss * miss for miss in sided) / len(misses))
            return _LEAST + hypot(_WIDER * max(own, _OTHER_SIDE * usual), season)

        return (
            -wide((miss for miss in misses if miss < 0), season),
            wide((miss for miss in misses if miss > 0), _IN_HEAT * season),
        )

    def _above_base(self, daily: float) -> float:
        """The share of a daily amount that goes with the season."""
        told = [p for p in self.foretold if p is not None]
        means = sorted(
            sum(told[at : at + _SEASON_DAYS]) / _SEASON_DAYS
            for at in range(0, len(told) - _SEASON_DAYS + 1, 7)
        )
        if len(means) < 8 or daily <= 0:
            return 0.5
        return min(1.0, max(0.0, 1 - means[len(means) // 8] / daily))


def foretell(values: Sequence[float], fewest: int) -> float | None:
    """What days with such partners usually use; None if they are too few."""
    return median(values) if len(values) >= fewest else None
