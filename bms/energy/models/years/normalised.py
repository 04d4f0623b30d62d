"""Growth of a year: raw, per day, at equal conditions, and at standard conditions.

- raw: E_r / E_b - 1.
- per day: the same of the daily means, without the leap day.
- normalised: E_r / sum f(x_r) - 1, with f the baseline's model and x_r the conditions of the
  reported days: what the base would have used, had it gone on as in the baseline.
- standard: sum f_r(x_s) / sum f_b(x_s) - 1, both years' models under the same conditions x_s.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from bms.energy.models.baseline_model import BaselineModel, Prediction
from bms.energy.models.daily_frames import Frame
from bms.energy.models.model_terms import Outside
from bms.energy.models.student import CONFIDENCE, Estimate, quantile

LEAST_SHARE: Final = 0.9
"""Of the reported days: with fewer inside the support nothing is said of the whole."""


@dataclass(frozen=True, slots=True)
class Normalised:
    """Growth at the conditions of the reported days."""

    metered_kwh: float
    """Of the days that are compared."""
    expected: Estimate
    """What the baseline's model says of the same days."""
    compared_days: int
    reported_days: int
    outside: tuple[Outside, ...]
    """Days that the model refuses, and why. They are in neither sum."""

    @property
    def enough(self) -> bool:
        """Whether so many of the days are compared that it speaks for all of them."""
        return self.compared_days >= LEAST_SHARE * self.reported_days and self.expected.value > 0.0

    @property
    def growth_pct(self) -> float:
        return 100.0 * (self.metered_kwh / self.expected.value - 1.0)

    def interval_pct(self, confidence: float = CONFIDENCE) -> tuple[float, float]:
        """The least and the most that growth can be, in percent."""
        low, high = self.expected.interval(confidence)
        if low <= 0.0:
            return 100.0 * (self.metered_kwh / high - 1.0), math.inf
        return 100.0 * (self.metered_kwh / high - 1.0), 100.0 * (self.metered_kwh / low - 1.0)

    def probability_under(self, target_pct: float) -> float:
        """That growth is below the target: that what was expected times the target is more."""
        return 1.0 - self.expected.scaled(1.0 + target_pct / 100.0).below(self.metered_kwh)


def raw_pct(reported_kwh: float, baseline_kwh: float) -> float:
    """In percent; `baseline_kwh` above zero."""
    return 100.0 * (reported_kwh / baseline_kwh - 1.0)


def per_day_pct(reported: tuple[float, int], baseline: tuple[float, int]) -> float:
    """Growth of the daily means, from (kWh, days) of either period."""
    return raw_pct(reported[0] / reported[1], baseline[0] / baseline[1])


def normalised(model: BaselineModel, reported: Frame) -> Normalised:
    """Growth of the reported days against what the baseline's model says of them."""
    prediction = _metered(model.predict(reported))
    return Normalised(
        math.fsum(prediction.frame.kwh),
        prediction.total(),
        len(prediction.frame),
        len(reported),
        prediction.outside,
    )


def _metered(prediction: Prediction) -> Prediction:
    """A prediction of only those days whose energy is known."""
    frame = prediction.frame
    return Prediction(
        prediction.model, frame.where(frame.known), prediction.outside, prediction.inside
    )


@dataclass(frozen=True, slots=True)
class Standard:
    """Growth of two models under the same conditions."""

    reported: Estimate
    baseline: Estimate
    days: int
    outside: tuple[Outside, ...]

    @property
    def growth_pct(self) -> float:
        return raw_pct(self.reported.value, self.baseline.value)

    def _error_pct(self) -> float:
        ratio = self.reported.value / self.baseline.value
        parts = (
            self.reported.error / self.reported.value,
            self.baseline.error / self.baseline.value,
        )
        return 100.0 * abs(ratio) * math.hypot(*parts)

    def interval_pct(self, confidence: float = CONFIDENCE) -> tuple[float, float]:
        """The least and the most that growth can be, in percent."""
        freedom = min(self.reported.freedom, self.baseline.freedom)
        half = quantile(0.5 + confidence / 2.0, freedom) * self._error_pct()
        return self.growth_pct - half, self.growth_pct + half

    def probability_under(self, target_pct: float) -> float:
        """That growth is below the target."""
        freedom = min(self.reported.freedom, self.baseline.freedom)
        return Estimate(self.growth_pct, self._error_pct(), freedom).below(target_pct)


def standard(
    reported: BaselineModel, baseline: BaselineModel, conditions: Frame
) -> Standard | None:
    """Both models under the conditions of some days; None if no day suits both.

    The days' own errors do not count: these are expectations, nobody measured them.
    """
    theirs, ours = baseline.predict(conditions), reported.predict(conditions)
    both = np.asarray(theirs.inside & ours.inside, np.bool_)
    if not both.any():
        return None
    chosen = conditions.where(both)
    before = baseline.predict(chosen).total(own_errors=False)
    after = reported.predict(chosen).total(own_errors=False)
    if before.value <= 0.0 or after.value <= 0.0:
        return None
    outside = tuple(dict.fromkeys((*theirs.outside, *ours.outside)))
    return Standard(after, before, len(chosen), outside)
