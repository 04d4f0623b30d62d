"""Which model of daily consumption fits best: every plausible one is tried.

Tried are the four forms of weather, with every set of drivers. Calendar terms leave one after the
other while the criterion falls. The criterion is Bayes', on the number of *independent* days: on
plain days it would take the memory of errors for knowledge. A candidate with a negative slope of a
driver is refused: more production does not use less, so something else is being fitted.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Final, NamedTuple

import numpy as np

from bms.energy.models.baseline_model import BaselineModel, Candidate, Metrics, bend_slopes
from bms.energy.models.change_points import ChangePoints, Weather, search
from bms.energy.models.daily_frames import Floats, Frame
from bms.energy.models.least_squares import Fitted, effective, fitted, remembered, solve
from bms.energy.models.model_terms import (
    COOLING,
    HEATING,
    INTERCEPT,
    Cause,
    Support,
    Term,
    calendar_terms,
    columns_of,
)
from bms.energy.models.student import p_of_f, p_value
from bms.texts.messages import Message, msg

LEAST_DAYS: Final = 60
"""A model of fewer days would know neither weeks nor weather."""
_MANY_DRIVERS: Final = 3
"""Beyond, only all drivers or none are tried: sets of them grow by powers."""
_VARIES: Final = 1e-9


class CannotFit(Exception):
    """There is too little to fit a model to. Carries the sentence for people."""

    def __init__(self, message: Message) -> None:
        super().__init__(message)
        self.message = message


class _Tried(NamedTuple):
    weather: Weather
    terms: tuple[Term, ...]
    bends: tuple[float | None, float | None]
    rss: float


def fit(frame: Frame, *, least_days: int = LEAST_DAYS) -> BaselineModel:
    """The best model of the days of a frame whose energy is known.

    Temperature and drivers are used as far as they are known on nine of ten of these days; days
    without one of them are left out. Raises CannotFit if fewer than `least_days` days are left.
    """
    used = _usable(frame)
    if len(used) < least_days:
        raise CannotFit(
            msg(
                "{known_days} days are known with all their drivers; a baseline needs {least}",
                known_days=len(used),
                least=least_days,
            )
        )
    calendar = calendar_terms(used)
    richest: _Tried | None = None
    tried: list[_Tried] = []
    independent = float(len(used))
    for drivers in _driver_sets(used):
        for weather in _forms(used):
            found = _try(used, weather, drivers, calendar, independent)
            if found is None:
                continue
            if richest is None:  # the first has all drivers and both bends, where there are any
                richest = found
                independent = _independent_days(used, found)
                found = _try(used, weather, drivers, calendar, independent) or found
            tried.append(found)
    candidates = [
        Candidate(t.weather, t.terms, _criterion(used, t, independent), _refused(used, t))
        for t in tried
    ]
    order = sorted(range(len(tried)), key=lambda at: candidates[at].criterion)
    best = next(at for at in order if candidates[at].refused is None)
    return _model(used, tried[best], tuple(candidates[at] for at in order))


def _usable(frame: Frame) -> Frame:
    """The days that can be fitted, with the drivers that are known well enough and vary."""
    known = frame.where(frame.known)
    drivers = {n: c for n, c in known.drivers.items() if _told(c)}
    outdoor = known.outdoor_c
    if outdoor is not None and not _told(outdoor):
        outdoor = None
    kept = Frame(known.days, known.kwh, outdoor, drivers, known.classes)
    mask = np.ones(len(kept), np.bool_)
    for column in [*drivers.values(), *([] if outdoor is None else [outdoor])]:
        mask &= np.isfinite(column)
    return kept.where(mask)


def _told(column: Floats) -> bool:
    finite = column[np.isfinite(column)]
    return len(finite) >= 0.9 * len(column) and len(finite) > 0 and float(np.ptp(finite)) > 0.0


def _driver_sets(frame: Frame) -> Iterator[tuple[str, ...]]:
    """All sets of drivers, the largest first."""
    names = sorted(frame.drivers)
    sizes = range(len(names), -1, -1) if len(names) <= _MANY_DRIVERS else (len(names), 0)
    for size in sizes:
        yield from combinations(names, size)


def _forms(frame: Frame) -> tuple[Weather, ...]:
    if frame.outdoor_c is None:
        return (Weather.NONE,)
    return (Weather.BOTH, Weather.COOLING, Weather.HEATING, Weather.NONE)


def _try(
    frame: Frame,
    weather: Weather,
    drivers: Sequence[str],
    calendar: Sequence[Term],
    independent: float,
) -> _Tried | None:
    """The best of one form of weather and one set of drivers; None if the weather tells nothing."""
    others = [INTERCEPT, *(Term(Cause.PRODUCTION, name) for name in drivers), *calendar]
    points = _searched(frame, weather, others)
    if points is None:
        return None
    kept = _without_idle(frame, weather, others, points, independent)
    if len(kept) < len(others):
        points = _searched(frame, weather, kept) or points
    return _Tried(
        weather, (*kept, *_weather_terms(weather)), (points.heating_c, points.cooling_c), points.rss
    )


def _weather_terms(weather: Weather) -> list[Term]:
    return [*([HEATING] if weather.heats else []), *([COOLING] if weather.cools else [])]


def _searched(frame: Frame, weather: Weather, others: Sequence[Term]) -> ChangePoints | None:
    fixed = columns_of(others, frame, (None, None))
    if weather is Weather.NONE or frame.outdoor_c is None:
        residuals = frame.kwh - fixed @ solve(fixed, frame.kwh)
        return ChangePoints(None, None, float(residuals @ residuals))
    return search(fixed, frame.kwh, frame.outdoor_c, weather)


def _without_idle(
    frame: Frame,
    weather: Weather,
    others: Sequence[Term],
    points: ChangePoints,
    independent: float,
) -> list[Term]:
    """The terms without the calendar ones that do not pay for themselves."""
    terms = [*others, *_weather_terms(weather)]
    columns = columns_of(terms, frame, (points.heating_c, points.cooling_c))
    scale = np.linalg.norm(columns, axis=0)
    scale[scale == 0.0] = 1.0
    unit = columns / scale
    gram, moment = unit.T @ unit, unit.T @ frame.kwh
    power = float(frame.kwh @ frame.kwh)
    price = math.log(max(independent, 2.0))
    left = list(range(len(terms)))
    while True:
        inverse = np.linalg.pinv(gram[np.ix_(left, left)], rcond=1e-10, hermitian=True)
        values = inverse @ moment[left]
        rss = max(power - float(values @ moment[left]), 1e-12 * power)
        loss = [
            float(values[i] ** 2 / inverse[i, i]) if inverse[i, i] > 0.0 else 0.0
            for i in range(len(left))
        ]
        removable = [i for i, at in enumerate(left) if terms[at].cause is Cause.CALENDAR]
        if not removable:
            break
        least = min(removable, key=lambda i: loss[i])
        if independent * math.log1p(loss[least] / rss) >= price:
            break
        del left[least]
    return [terms[at] for at in left if at < len(others)]


def _independent_days(frame: Frame, tried: _Tried) -> float:
    columns = columns_of(tried.terms, frame, tried.bends)
    residuals = frame.kwh - columns @ solve(columns, frame.kwh)
    return effective(len(frame), remembered(residuals, frame.ordinals))


def _parameters(tried: _Tried) -> int:
    return len(tried.terms) + sum(at is not None for at in tried.bends)


def _criterion(frame: Frame, tried: _Tried, independent: float) -> float:
    power = float(frame.kwh @ frame.kwh)
    share = max(tried.rss, 1e-18 * power, 1e-300) / len(frame)
    return independent * math.log(share) + _parameters(tried) * math.log(max(independent, 2.0))


def _refused(frame: Frame, tried: _Tried) -> Message | None:
    values = solve(columns_of(tried.terms, frame, tried.bends), frame.kwh)
    for term, slope in zip(tried.terms, values, strict=True):
        if term.cause is Cause.PRODUCTION and slope < 0.0:
            return msg("more {driver} would use less energy", driver=term.name)
    return None


def _model(frame: Frame, tried: _Tried, candidates: tuple[Candidate, ...]) -> BaselineModel:
    columns = columns_of(tried.terms, frame, tried.bends)
    values = solve(columns, frame.kwh)
    zeros = np.zeros((0, 0))
    empty = Metrics(0, 0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, (), 1.0)
    draft = BaselineModel(
        tried.weather,
        tried.bends,
        tried.terms,
        values,
        zeros,
        empty,
        Support.of(frame),
        frame.digest(),
        frame.days[0],
        frame.days[-1],
        candidates,
    )
    found = fitted(columns, frame.kwh, frame.ordinals, bend_slopes(draft, frame))
    return BaselineModel(
        draft.weather,
        draft.bends,
        draft.terms,
        found.values,
        found.covariance,
        _metrics(frame, tried, found),
        draft.support,
        draft.data_hash,
        draft.first_day,
        draft.last_day,
        candidates,
    )


def _metrics(frame: Frame, tried: _Tried, found: Fitted) -> Metrics:
    days, parameters = len(frame), _parameters(tried)
    mean = float(frame.kwh.mean())
    centred = frame.kwh - mean
    spread = float(centred @ centred)
    flat = spread <= _VARIES * max(1.0, mean * mean)
    r2 = 0.0 if flat else 1.0 - found.rss / spread
    freedom = max(1, days - parameters)
    independent = max(1.0, found.independent_days - parameters)
    errors = np.sqrt(np.maximum(0.0, np.diag(found.covariance)[: len(tried.terms)]))
    slopes = parameters - 1
    if flat or not slopes:
        model_p = 1.0
    elif found.rss <= 1e-12 * spread:
        model_p = 0.0
    else:
        model_p = p_of_f((r2 / slopes) / ((1.0 - r2) / independent), slopes, independent)
    scale = 100.0 / mean if mean else math.inf
    return Metrics(
        days,
        parameters,
        r2,
        1.0 - (1.0 - r2) * (days - 1) / freedom,
        math.sqrt(found.rss / freedom) * scale,
        float(found.residuals.sum()) / freedom * scale,
        found.rho,
        found.independent_days,
        mean,
        math.sqrt(found.variance),
        tuple(
            p_value(float(value) / float(error), independent) if error > 0.0 else 0.0
            for value, error in zip(found.values, errors, strict=True)
        ),
        model_p,
    )
