"""The rest of a year: what the baseline's model expects of it, and how far that may move."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np

from bms.energy.comparing.day_values import same_date, whole_year
from bms.energy.models.baseline_model import BaselineModel
from bms.energy.models.change_points import Weather
from bms.energy.models.daily_frames import Frame
from bms.energy.models.model_terms import Cause
from bms.energy.models.years.energy_budget import (
    ASSUMED_K,
    LEAST_WEATHER_YEARS,
    Budget,
    SoFar,
    ToCome,
    budget,
    weather_error_kwh,
)
from bms.energy.models.years.normalised import Normalised
from bms.reports.normalising.base_years import BaseYears
from bms.texts.messages import Message, msg

PLAN_SHARE: Final = 0.05
"""How far production may miss what is assumed of it, as a standard deviation."""
_LEAST_KNOWN: Final = 0.9


@dataclass(frozen=True, slots=True)
class Ahead:
    """The budget of a year, and what it was assumed on."""

    budget: Budget
    assumptions: tuple[Message, ...]


def ahead(
    years: BaseYears, model: BaselineModel, compared: Normalised, cap_kwh: float
) -> Ahead | None:
    """None if the model can speak for no day so far, or for none of those to come."""
    known = [day for day in years.period if day in years.kwh]
    to_come = [day for day in whole_year(years.year) if day not in years.kwh]
    independent = compared.compared_days * model.metrics.independent_days / model.metrics.days
    past = SoFar(
        math.fsum(years.kwh[day] for day in known),
        compared.metered_kwh,
        compared.expected,
        independent,
    )
    ratio = model.metrics.days / model.metrics.independent_days
    if not to_come:
        nothing = ToCome(0, 0.0, model.metrics.error_kwh, ratio, 0.0)
        return Ahead(budget(cap_kwh, past, nothing), ())
    assumptions: list[Message] = []
    production, production_error = _production(years, model, to_come, assumptions)
    found = [
        (kwh, frame)
        for year in _weather_years(years, model, to_come)
        if (frame := _weather_of(years, to_come, year, production)) is not None
        and (kwh := _expected(model, frame)) is not None
    ]
    if not found:
        return None
    sums = [kwh for kwh, _ in found]
    weather_error = 0.0
    if model.weather is not Weather.NONE:
        weather_error, enough = weather_error_kwh(sums, _by_kelvin(model, found[-1][1]))
        assumptions.append(
            msg("the weather to come is that of {count} years on record", count=len(sums))
            if enough
            else msg(
                "years of weather on record: {count}, fewer than {least}; the rest of the year may "
                "be {kelvin:g} K warmer or colder",
                count=len(sums),
                least=LEAST_WEATHER_YEARS,
                kelvin=ASSUMED_K,
            )
        )
    lost = sum(day in years.period for day in to_come)
    if lost:
        assumptions.append(
            msg("{count} days so far are not known in full: the model fills them", count=lost)
        )
    future = ToCome(
        len(to_come),
        math.fsum(sums) / len(sums),
        model.metrics.error_kwh,
        ratio,
        weather_error,
        production_error,
    )
    return Ahead(budget(cap_kwh, past, future), tuple(assumptions))


def _weather_years(years: BaseYears, model: BaselineModel, to_come: Sequence[date]) -> list[int]:
    """The years whose weather is known on nine of ten of these dates, the baseline's last."""
    if model.weather is Weather.NONE:
        return [years.before]
    known = years.told.outdoor_c or {}
    candidates = sorted({day.year for day in known} - {years.year} | {years.before})
    full = [
        year
        for year in candidates
        if sum(same_date(day, year) in known for day in to_come) >= _LEAST_KNOWN * len(to_come)
    ]
    return sorted(full, key=lambda year: year == years.before)


def _weather_of(
    years: BaseYears, to_come: Sequence[date], year: int, production: dict[str, dict[date, float]]
) -> Frame | None:
    """The days to come in one year's weather; a lost day of this year keeps its own."""
    known = years.told.outdoor_c or {}
    outdoor = {
        day: known[at]
        for day in to_come
        for at in (day if day in known else same_date(day, year),)
        if at in known
    }
    return Frame.of(
        to_come,
        {},
        outdoor_c=outdoor if outdoor else None,
        drivers=production,
        class_of=years.classes.__getitem__,
    )


def _expected(model: BaselineModel, frame: Frame) -> float | None:
    """Of all days; those that the model refuses are taken as the mean of the others."""
    prediction = model.predict(frame)
    if len(prediction.frame) < _LEAST_KNOWN * len(frame) or not len(prediction.frame):
        return None
    return math.fsum(prediction.mean_kwh) * len(frame) / len(prediction.frame)


def _by_kelvin(model: BaselineModel, frame: Frame) -> float:
    """How far one kelvin over all days moves their sum."""
    if frame.outdoor_c is None:
        return 0.0
    sums = [
        float(np.nansum(model.mean_of(_warmer(frame, kelvin))))
        for kelvin in (ASSUMED_K, -ASSUMED_K)
    ]
    level = float(np.nansum(model.mean_of(frame)))
    return max(abs(one - level) for one in sums) / ASSUMED_K


def _warmer(frame: Frame, kelvin: float) -> Frame:
    assert frame.outdoor_c is not None
    return Frame(frame.days, frame.kwh, frame.outdoor_c + kelvin, frame.drivers, frame.classes)


def _production(
    years: BaseYears, model: BaselineModel, to_come: Sequence[date], assumptions: list[Message]
) -> tuple[dict[str, dict[date, float]], float]:
    """Drivers of the days to come, and how far they may move the sum.

    A day of them has the mean of its class in the year before, times how this year went so far.
    What a file already has of the days to come is a plan, and taken as it is.
    """
    names = [term.name for term in model.terms if term.cause is Cause.PRODUCTION]
    plans: dict[str, dict[date, float]] = {}
    error = 0.0
    for name in names:
        known = years.told.drivers.get(name, {})
        level = _level(years, known)
        means = _means(years, known)
        whole = math.fsum(means.values()) / len(means) if means else 0.0
        assumed = {
            day: means.get(years.classes[day].name, whole) * level
            for day in to_come
            if day not in known
        }
        plans[name] = assumed | {day: known[day] for day in to_come if day in known}
        if assumed:
            assumptions.append(
                msg(
                    "{driver} goes on at {level_pct:.0f} % of the year before",
                    driver=name,
                    level_pct=100 * level,
                )
            )
            slope = next(
                float(v) for t, v in zip(model.terms, model.values, strict=True) if t.name == name
            )
            error = math.hypot(error, PLAN_SHARE * slope * math.fsum(assumed.values()))
    return plans, error


def _level(years: BaseYears, known: Mapping[date, float]) -> float:
    """A driver's level this year, over that on the same dates of the year before."""
    pairs = [
        (known[day], known[other])
        for day in years.period
        if day in known and (other := same_date(day, years.before)) in known
    ]
    below = math.fsum(before for _, before in pairs)
    return math.fsum(now for now, _ in pairs) / below if below > 0.0 else 1.0


def _means(years: BaseYears, known: Mapping[date, float]) -> dict[str, float]:
    by_class: dict[str, list[float]] = {}
    for day in whole_year(years.before):
        if day in known:
            by_class.setdefault(years.classes[day].name, []).append(known[day])
    return {name: math.fsum(found) / len(found) for name, found in by_class.items()}
