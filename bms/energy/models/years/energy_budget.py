"""How much of a year's cap is left, at which pace, and where the year will end.

C = (1 + target) E_b is the cap, U what is used so far, L = C - U what is left. The pace is L over
what the baseline's model expects of the days to come: 1 means that it fits exactly.

The year ends at P = U + k F: F is what the model expects of the days to come, k how the days so far
went against it, drawn towards 1 while they are few: k = 1 + (U / F_past - 1) n' / (n' + 30).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from bms.energy.models.student import Estimate

SHRINK_DAYS: Final = 30.0
"""So many independent days weigh as much as the assumption that nothing has changed."""
UNKNOWN_LEVEL: Final = 0.05
"""Before anything is known of a year it runs so far above or below the baseline's model."""
LEAST_WEATHER_YEARS: Final = 10
GREEN: Final = 0.9
RED: Final = 0.1


@dataclass(frozen=True, slots=True)
class SoFar:
    """The days that are over."""

    used_kwh: float
    compared_kwh: float
    """The part of it that was used on days that the baseline's model can speak for."""
    expected: Estimate
    """By that model for the same days, with the days' own errors."""
    independent_days: float
    """n' of them."""


@dataclass(frozen=True, slots=True)
class ToCome:
    """The days that follow, and those that nobody measured."""

    days: int
    expected_kwh: float
    """By the baseline's model at the weather, calendar and production that are planned for."""
    day_error_kwh: float
    """Standard deviation of one day's own error."""
    day_ratio: float
    """n / n': how much longer it takes for days that hang together to even out."""
    weather_error_kwh: float
    """How far the weather may move `expected_kwh`, as a standard deviation."""
    production_error_kwh: float = 0.0
    """The same of the production plan."""


@dataclass(frozen=True, slots=True)
class Budget:
    """What is left, and where it will end."""

    cap_kwh: float
    used_kwh: float
    left_kwh: float
    """Below zero where the cap is broken already."""
    pace: float | None
    """What is left over what is expected to come; None if nothing is to come."""
    level: float
    """k: how the year runs against the baseline's model."""
    year_end: Estimate

    @property
    def probability(self) -> float:
        """That the year ends under the cap."""
        return self.year_end.below(self.cap_kwh)

    @property
    def light(self) -> Literal["green", "yellow", "red"]:
        """Green from 90 % on, red up to 10 %."""
        if self.probability >= GREEN:
            return "green"
        return "red" if self.probability <= RED else "yellow"


def cap_kwh(baseline_kwh: float, target_pct: float) -> float:
    """The most that a year may use to stay at its target."""
    return baseline_kwh * (1.0 + target_pct / 100.0)


def budget(cap: float, past: SoFar, future: ToCome) -> Budget:
    """What is left of `cap` kWh, and the year's end with its uncertainty."""
    weight = past.independent_days / (past.independent_days + SHRINK_DAYS)
    if past.expected.value <= 0.0:
        weight, ratio, ratio_error = 0.0, 1.0, 0.0
    else:
        ratio = past.compared_kwh / past.expected.value
        ratio_error = ratio * past.expected.error / past.expected.value
    level = 1.0 + (ratio - 1.0) * weight
    level_error = math.hypot(weight * ratio_error, (1.0 - weight) * UNKNOWN_LEVEL)
    variance = (
        (level * future.weather_error_kwh) ** 2
        + (future.expected_kwh * level_error) ** 2
        + future.days * future.day_error_kwh**2 * future.day_ratio
        + (level * future.production_error_kwh) ** 2
    )
    left = cap - past.used_kwh
    return Budget(
        cap,
        past.used_kwh,
        left,
        left / future.expected_kwh if future.days and future.expected_kwh > 0.0 else None,
        level,
        Estimate(past.used_kwh + level * future.expected_kwh, math.sqrt(variance)),
    )


def weather_error_kwh(years_kwh: Sequence[float], by_kelvin_kwh: float) -> tuple[float, bool]:
    """How far the weather moves the days to come, and whether enough years said so.

    `years_kwh` is what the model expects of the same days in past years' weather. With fewer than
    ten of them a whole season 1.5 K off is assumed: wider than seasons are (0.7 … 1.1 K).
    `by_kelvin_kwh` is how far one kelvin over all of the days moves the sum.
    """
    if len(years_kwh) >= LEAST_WEATHER_YEARS:
        mean = math.fsum(years_kwh) / len(years_kwh)
        spread = math.fsum((kwh - mean) ** 2 for kwh in years_kwh) / (len(years_kwh) - 1)
        return math.sqrt(spread), True
    return ASSUMED_K * abs(by_kelvin_kwh), False


ASSUMED_K: Final = 1.5
