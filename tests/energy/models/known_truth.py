"""Meters of which the truth is known: weather, production, holidays, a step, and gaps.

Nothing here knows how the models find it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from random import Random

from bms.energy.comparing.festivals import Holidays, with_spring_festival
from bms.energy.models.daily_frames import DayClass, Frame, classes_of
from tests.energy.growth_sites import Weather, activity, days_from, official

YEARS = (2024, 2025)


def day_classes(years: tuple[int, ...] = YEARS) -> dict[date, DayClass]:
    """By day, from the official holidays."""
    free = {day: name for year in years for day, name in official(year).free.items()}
    worked = frozenset(day for year in years for day in official(year).worked)
    holidays = with_spring_festival(Holidays(free, worked), years)
    told = classes_of(holidays, years)
    return {day: told(day) for year in years for day in days_from(date(year, 1, 1), 366)}


@dataclass(frozen=True)
class Made:
    """One meter: the year before, the year after, and what the step truly saved each day."""

    before: Frame
    after: Frame
    saved: dict[date, float]

    def saved_on(self, days: tuple[date, ...]) -> float:
        return sum(self.saved[day] for day in days)


def made(
    seed: int,
    *,
    step: float = 0.03,
    produces: bool = True,
    production_growth: float = 0.0,
    gaps: int = 20,
    rho: float | None = None,
) -> Made:
    """A meter from a seed; `step` is the share that a measure saves from 2025 on."""
    random = Random(seed)
    weather = Weather(random, YEARS)
    base = random.uniform(2_000, 6_000)
    heating = random.choice((0.0, random.uniform(20, 150)))
    cooling = random.uniform(60, 300)
    heating_c, cooling_c = random.uniform(8, 14), random.uniform(17, 23)
    per_unit = random.uniform(20, 60) if produces else 0.0
    weekend = random.choice(((1.0, 0.5), (0.4, 0.3), (0.9, 0.9)))
    calendar = 0.0 if produces else random.uniform(500, 2_000)
    memory = random.uniform(0.0, 0.6) if rho is None else rho
    noise = random.uniform(0.02, 0.06) * (base + per_unit * 100 + 10 * cooling)
    classes = day_classes()
    error = random.gauss(0, noise)
    frames, saved = [], {}
    for year in YEARS:
        days = days_from(date(year, 1, 1), 366 if year == 2024 else 365)
        kwh, production, outdoor = {}, {}, {}
        for day in days:
            busy = activity(day, weekend, 0.25, 8)
            made_units = 100.0 * busy * random.gauss(1.0, 0.08)
            if year == YEARS[1]:
                made_units *= 1.0 + production_growth
            temp = weather[day]
            true = base + heating * max(0.0, heating_c - temp)
            true += cooling * max(0.0, temp - cooling_c)
            true += per_unit * made_units + calendar * busy
            error = memory * error + random.gauss(0, noise) * (1 - memory**2) ** 0.5
            saved[day] = step * true if year == YEARS[1] else 0.0
            kwh[day] = true - saved[day] + error
            production[day], outdoor[day] = made_units, temp
        for _ in range(gaps):
            kwh.pop(random.choice(days), None)
        drivers = {"production": production} if produces else {}
        frames.append(
            Frame.of(days, kwh, outdoor_c=outdoor, drivers=drivers, class_of=classes.__getitem__)
        )
    return Made(frames[0], frames[1], saved)
