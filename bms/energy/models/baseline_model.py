"""A fitted model of daily consumption: what it predicts, how surely, and what it refuses."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, Self

import numpy as np

from bms.energy.models.change_points import Weather
from bms.energy.models.daily_frames import Bools, Floats, Frame
from bms.energy.models.least_squares import effective, memory, summed_memory
from bms.energy.models.model_terms import (
    COOLING,
    HEATING,
    OUTDOOR,
    Cause,
    Outside,
    Support,
    Term,
    columns_of,
    inside,
)
from bms.energy.models.student import Estimate, quantile
from bms.texts.messages import from_json, to_json

ENGINE: Final = "change-point"
VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class Metrics:
    """How well a model fits the days it was made of."""

    days: int
    parameters: int
    """Change points included."""
    r2: float
    adjusted_r2: float
    cv_rmse_pct: float
    nmbe_pct: float
    """Net bias: (measured - predicted) / measured, 0 for least squares with a base load."""
    rho: float
    """How much of a day's error the next day shares."""
    independent_days: float
    """n' = n (1 - rho) / (1 + rho)."""
    mean_kwh: float
    error_kwh: float
    """Standard deviation of one day's error."""
    p_values: tuple[float, ...]
    """Of the terms, in their order."""
    model_p: float


@dataclass(frozen=True, slots=True)
class Candidate:
    """A model that was tried."""

    weather: Weather
    terms: tuple[Term, ...]
    criterion: float
    """Bayes' information criterion on n'; the least is chosen."""
    refused: str | None = None
    """Why it cannot be chosen, whatever its criterion."""


@dataclass(frozen=True)
class BaselineModel:
    """`kwh = sum of values x columns`, with what is known of its errors."""

    weather: Weather
    bends: tuple[float | None, float | None]
    """Heating and cooling change point in °C."""
    terms: tuple[Term, ...]
    values: Floats
    covariance: Floats
    """Of `values`, then of the change points."""
    metrics: Metrics
    support: Support
    data_hash: str
    first_day: date
    last_day: date
    candidates: tuple[Candidate, ...] = ()

    @property
    def freedom(self) -> float:
        """Degrees of freedom: independent days less parameters."""
        return max(1.0, self.metrics.independent_days - self.metrics.parameters)

    @property
    def variance(self) -> float:
        return self.metrics.error_kwh**2

    def value_of(self, term: Term) -> float:
        """The parameter of a term; 0 if the model has none."""
        return float(self.values[self.terms.index(term)]) if term in self.terms else 0.0

    @property
    def needs(self) -> tuple[str, ...]:
        """The drivers that have to be known for a prediction."""
        names = [t.name for t in self.terms if t.cause is Cause.PRODUCTION]
        return (*names, OUTDOOR) if self.weather is not Weather.NONE else tuple(names)

    def predict(self, frame: Frame) -> Prediction:
        """What the days of a frame would have used; days outside the support are refused."""
        outside = self.support.outside(frame, self.needs)
        usable = inside(frame, outside)
        return Prediction(self, frame.where(usable), tuple(outside), usable)

    def mean_of(self, frame: Frame) -> Floats:
        """The mean of each day, whether or not it lies inside the support."""
        columns = columns_of(self.terms, frame, self.bends)
        return np.asarray(columns @ self.values, np.float64)

    def jacobian(self, frame: Frame) -> Floats:
        """How each day's prediction moves with the parameters, change points included."""
        columns = columns_of(self.terms, frame, self.bends)
        return np.hstack((columns, bend_slopes(self, frame)))

    def to_json(self) -> dict[str, Any]:
        """Plain values: all that a prediction needs, and where it comes from."""
        m = self.metrics
        return {
            "engine": ENGINE,
            "version": VERSION,
            "params": {
                "weather": self.weather.value,
                "heating_c": self.bends[0],
                "cooling_c": self.bends[1],
                "terms": [
                    {"cause": term.cause.value, "name": term.name, "per_day_kwh": float(value)}
                    for term, value in zip(self.terms, self.values, strict=True)
                ],
                "covariance": self.covariance.tolist(),
            },
            "data_hash": self.data_hash,
            "first_day": self.first_day.isoformat(),
            "last_day": self.last_day.isoformat(),
            "metrics": {name: getattr(m, name) for name in Metrics.__slots__}
            | {"p_values": list(m.p_values)},
            "support": {
                "ranges": {name: list(limits) for name, limits in self.support.ranges.items()},
                "classes": sorted(self.support.classes),
            },
            "candidates": [
                {
                    "weather": c.weather.value,
                    "terms": [[term.cause.value, term.name] for term in c.terms],
                    "criterion": c.criterion,
                    "refused": None if c.refused is None else to_json(c.refused),
                }
                for c in self.candidates
            ],
        }

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Self:
        """The model that `to_json` wrote. Raises ValueError for another engine or version."""
        if (plain["engine"], plain["version"]) != (ENGINE, VERSION):
            raise ValueError(f"{plain['engine']} {plain['version']} is not read here")
        params, support = plain["params"], plain["support"]
        return cls(
            Weather(params["weather"]),
            (params["heating_c"], params["cooling_c"]),
            tuple(Term(Cause(t["cause"]), t["name"]) for t in params["terms"]),
            np.array([t["per_day_kwh"] for t in params["terms"]], np.float64),
            np.array(params["covariance"], np.float64),
            Metrics(**plain["metrics"] | {"p_values": tuple(plain["metrics"]["p_values"])}),
            Support(
                {name: (low, high) for name, (low, high) in support["ranges"].items()},
                frozenset(support["classes"]),
            ),
            plain["data_hash"],
            date.fromisoformat(plain["first_day"]),
            date.fromisoformat(plain["last_day"]),
            tuple(
                Candidate(
                    Weather(c["weather"]),
                    tuple(Term(Cause(cause), name) for cause, name in c["terms"]),
                    c["criterion"],
                    None if c["refused"] is None else from_json(c["refused"]),
                )
                for c in plain["candidates"]
            ),
        )


def bend_slopes(model: BaselineModel, frame: Frame) -> Floats:
    """How each day's prediction moves with the change points (days x change points)."""
    found: list[Floats] = []
    heating_c, cooling_c = model.bends
    if frame.outdoor_c is not None and heating_c is not None:
        below = np.asarray(frame.outdoor_c < heating_c, np.float64)
        found.append(model.value_of(HEATING) * below)
    if frame.outdoor_c is not None and cooling_c is not None:
        above = np.asarray(frame.outdoor_c > cooling_c, np.float64)
        found.append(-model.value_of(COOLING) * above)
    return np.column_stack(found) if found else np.zeros((len(frame), 0))


@dataclass(frozen=True)
class Prediction:
    """What the days inside the support would have used."""

    model: BaselineModel
    frame: Frame
    """Only the days that the model can speak for."""
    outside: tuple[Outside, ...]
    inside: Bools
    """Which days of the frame that was asked for are in `frame`."""

    @property
    def mean_kwh(self) -> Floats:
        """By day."""
        return self.model.mean_of(self.frame)

    @property
    def covariance(self) -> Floats:
        """Of what the days would have used (days x days): parameters and the days' own errors."""
        jacobian = self.model.jacobian(self.frame)
        own = memory(self.frame.ordinals, self.model.metrics.rho) * self.model.variance
        return np.asarray(jacobian @ self.model.covariance @ jacobian.T + own, np.float64)

    def total(self, *, own_errors: bool = True) -> Estimate:
        """The sum of all days inside, without the days' own errors if these do not count."""
        if not len(self.frame):
            return Estimate(0.0)
        moved = self.model.jacobian(self.frame).sum(axis=0)
        variance = float(moved @ self.model.covariance @ moved)
        if own_errors:
            shared = summed_memory(self.frame.ordinals, self.model.metrics.rho)
            variance += shared * self.model.variance
        return Estimate(math.fsum(self.mean_kwh), math.sqrt(max(0.0, variance)), self.model.freedom)


def guideline_error_kwh(model: BaselineModel, days: int, confidence: float = 0.9) -> float:
    """Half the interval of a saving over `days` days, by the formula of ASHRAE guideline 14.

    A cross-check of `Prediction.total`, which knows where the days lie.
    """
    m = model.metrics
    independent = effective(m.days, m.rho)
    months = days / 30.4375
    k = -0.00024 * months**2 + 0.03535 * months + 1.00286
    t = quantile(0.5 + confidence / 2, max(1.0, independent - m.parameters))
    spread = math.sqrt(days * (m.days / independent) * (1.0 + 2.0 / independent))
    return t * k * m.cv_rmse_pct / 100.0 * m.mean_kwh * spread
