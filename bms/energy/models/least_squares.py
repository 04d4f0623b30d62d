"""Ordinary least squares on daily data whose errors hang together from day to day.

The estimate is that of ordinary least squares. Its covariance is exact for errors of which each
day remembers the share rho of the day before (AR(1)): neighbouring days say less than as many
independent ones, and a plain covariance would promise too much.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from bms.energy.models.daily_frames import Floats

MOST_RHO: Final = 0.95
_SMALL: Final = 1e-10


@dataclass(frozen=True, slots=True)
class Fitted:
    """What a least-squares fit tells."""

    values: Floats
    residuals: Floats
    covariance: Floats
    """Of the parameters, with the memory of the errors; those of change points included."""
    rss: float
    rho: float
    """How much of one day's error the next one shares, 0 to `MOST_RHO`."""
    variance: float
    """Of one day's error."""

    @property
    def independent_days(self) -> float:
        """n' = n (1 - rho) / (1 + rho): so many independent days would say as much."""
        return effective(len(self.residuals), self.rho)


def effective(days: float, rho: float) -> float:
    """n' of `days` days of which each remembers the share `rho` of the one before."""
    return days * (1.0 - rho) / (1.0 + rho)


def remembered(residuals: Floats, ordinals: Floats) -> float:
    """rho of residuals: of pairs of days that follow one another; 0 if there are too few."""
    pairs = np.flatnonzero(np.diff(ordinals) == 1.0)
    power = float(residuals @ residuals) / max(1, len(residuals))
    if len(pairs) < 10 or power <= 0.0:
        return 0.0
    raw = float(np.mean(residuals[pairs] * residuals[pairs + 1])) / power
    # A fit takes part of the memory with it: Kendall's correction of the lag-one estimate.
    return min(MOST_RHO, max(0.0, raw + (1.0 + 3.0 * raw) / len(residuals)))


def memory(ordinals: Floats, rho: float) -> Floats:
    """How the errors of all pairs of days hang together, 0 to 1."""
    if rho <= 0.0:
        return np.eye(len(ordinals))
    lags = np.abs(ordinals[:, None] - ordinals[None, :])
    return np.asarray(np.exp(lags * math.log(rho)), np.float64)


def summed_memory(ordinals: Floats, rho: float) -> float:
    """The sum over all pairs of days: the variance of a sum in terms of that of one day."""
    return float(memory(ordinals, rho).sum())


def solve(columns: Floats, kwh: Floats) -> Floats:
    """The parameters of least squares. Columns that depend on others share their effect."""
    scale = np.linalg.norm(columns, axis=0)
    scale[scale == 0.0] = 1.0
    found, *_ = np.linalg.lstsq(columns / scale, kwh, rcond=_SMALL)
    return np.asarray(found / scale, np.float64)


def fitted(columns: Floats, kwh: Floats, ordinals: Floats, slopes: Floats | None = None) -> Fitted:
    """Fit `kwh` by `columns` (days x parameters).

    `slopes` are the columns by which the result would move with parameters that were searched, not
    solved for (change points): they take their part in the covariance.
    """
    values = solve(columns, kwh)
    residuals = kwh - columns @ values
    jacobian = columns if slopes is None else np.hstack((columns, slopes))
    rho = remembered(residuals, ordinals)
    scale = np.linalg.norm(jacobian, axis=0)
    scale[scale == 0.0] = 1.0
    unit = jacobian / scale
    inverse = np.linalg.pinv(unit.T @ unit, rcond=_SMALL, hermitian=True)
    shared = memory(ordinals, rho)
    middle = unit.T @ shared @ unit
    freedom = len(kwh) - float(np.trace(inverse @ middle))
    rss = float(residuals @ residuals)
    variance = rss / max(freedom, 1.0)
    covariance = inverse @ middle @ inverse * variance / np.outer(scale, scale)
    return Fitted(values, residuals, np.asarray(covariance, np.float64), rss, rho, variance)
