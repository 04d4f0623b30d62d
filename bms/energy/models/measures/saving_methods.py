"""What one measure has saved, by the method that its meters allow.

Savings are positive where less was used. Every figure carries its uncertainty: a saving without one
cannot be told from weather.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from bms.energy.models.baseline_model import BaselineModel
from bms.energy.models.daily_frames import Frame
from bms.energy.models.model_terms import Outside
from bms.energy.models.student import Estimate, total


class Method(StrEnum):
    """How a saving was found."""

    BEFORE_AFTER = "before and after"
    CONTROL_GROUP = "control group"
    KEY_PARAMETER = "key parameter"
    AVOIDED = "avoided against a design alternative"
    SWITCHBACK = "switchback"


@dataclass(frozen=True, slots=True)
class Saving:
    """A saving in kWh over some days."""

    method: Method
    kwh: Estimate
    days: int
    outside: tuple[Outside, ...] = ()
    """Days that are not in it, and why."""

    @property
    def proven(self) -> bool:
        """Whether the whole interval lies above nothing."""
        return self.kwh.interval()[0] > 0.0

    @property
    def fractional_error(self) -> float | None:
        """Half the 90 % interval over the saving; None if nothing was saved."""
        if self.kwh.value <= 0.0:
            return None
        return (self.kwh.interval()[1] - self.kwh.value) / self.kwh.value


def before_after(model: BaselineModel, after: Frame, *, other_kwh: float = 0.0) -> Saving:
    """S = sum f(x) - E - other: the days after a measure against the model of those before it.

    `other_kwh` is what something else has saved in the same days (non-routine adjustment); below
    zero where something else was added.
    """
    prediction = model.predict(after.where(after.known))
    used = math.fsum(prediction.frame.kwh)
    expected = prediction.total()
    saved = Estimate(expected.value - used - other_kwh, expected.error, expected.freedom)
    return Saving(Method.BEFORE_AFTER, saved, len(prediction.frame), prediction.outside)


def control_group(treated: Saving, control: Saving, *, scale: float = 1.0) -> Saving:
    """S = (F_T - E_T) - s (F_C - E_C): less what a like meter without the measure changed too.

    `scale` is 1 for meters of the same size, else F_T / F_C.
    """
    kwh = total(treated.kwh, control.kwh.scaled(-scale))
    return Saving(
        Method.CONTROL_GROUP,
        kwh,
        min(treated.days, control.days),
        tuple(dict.fromkeys((*treated.outside, *control.outside))),
    )


def key_parameter(kw: Estimate, hours: Estimate, *, days: int = 0) -> Saving:
    """S = dkW x h: the power that a measure takes away, times the hours of it (IPMVP option A)."""
    return Saving(Method.KEY_PARAMETER, _product(kw, hours), days)


def avoided(alternative: Estimate, used_kwh: float, *, days: int = 0) -> Saving:
    """What a design that was not built would have used, less what was used.

    It is avoided use, not a reduction: the site never used more.
    """
    kwh = Estimate(alternative.value - used_kwh, alternative.error, alternative.freedom)
    return Saving(Method.AVOIDED, kwh, days)


def specific_use(per_unit_kwh: Estimate, output: float) -> Estimate:
    """What an alternative would have used for an output: Nm³ of air, m³ of water, MWh of cold."""
    return per_unit_kwh.scaled(output)


def _product(left: Estimate, right: Estimate) -> Estimate:
    error = math.sqrt(
        (left.error * right.value) ** 2
        + (right.error * left.value) ** 2
        + (left.error * right.error) ** 2
    )
    return Estimate(left.value * right.value, error, min(left.freedom, right.freedom))
