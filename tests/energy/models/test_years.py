"""Growth of a year at equal conditions, its causes, and the budget that is left."""

from __future__ import annotations

import math
from datetime import date

import numpy as np
import pytest

from bms.energy.comparing.day_values import same_date
from bms.energy.models.daily_frames import Frame
from bms.energy.models.model_choice import fit
from bms.energy.models.model_terms import Cause
from bms.energy.models.student import Estimate
from bms.energy.models.years.cause_bridge import CAUSES, bridge, shapley
from bms.energy.models.years.energy_budget import (
    SoFar,
    ToCome,
    budget,
    cap_kwh,
    weather_error_kwh,
)
from bms.energy.models.years.normalised import normalised, per_day_pct, raw_pct, standard
from tests.energy.models.known_truth import Made, made

FACTORY = 11


def without_production(frame: Frame) -> Frame:
    return Frame(frame.days, frame.kwh, frame.outdoor_c, {}, frame.classes)


def joined(one: Frame, other: Frame) -> Frame:
    assert one.outdoor_c is not None
    assert other.outdoor_c is not None
    return Frame(
        one.days + other.days,
        np.concatenate((one.kwh, other.kwh)),
        np.concatenate((one.outdoor_c, other.outdoor_c)),
        {name: np.concatenate((c, other.drivers[name])) for name, c in one.drivers.items()},
        one.classes + other.classes,
    )


@pytest.mark.case(
    "G41",
    when="a factory makes 15 % more and saves energy at the same time",
    then="With production as a driver its normalised growth is below zero, as it is in truth. "
    "With weather alone the sign would be wrong, and the model says that production is missing.",
)
def test_the_sign_of_a_growing_factory_is_right() -> None:
    for seed in range(FACTORY, FACTORY + 5):
        data = made(seed, step=0.03, production_growth=0.15, gaps=0)
        with_it = normalised(fit(data.before), data.after)
        alone = normalised(fit(without_production(data.before)), without_production(data.after))
        assert with_it.growth_pct < 0 < alone.growth_pct
        low, high = with_it.interval_pct()
        assert low < -3.0 < high
        assert alone.interval_pct()[0] > 0


def test_raw_and_per_day_differ_by_the_leap_day() -> None:
    assert raw_pct(365.0, 366.0) == pytest.approx(-0.2732, abs=1e-4)
    assert per_day_pct((365.0, 365), (366.0, 366)) == pytest.approx(0.0)


def test_growth_at_standard_conditions_agrees_with_the_normalised_one() -> None:
    data = made(4, step=0.04, gaps=0)
    before, after = fit(data.before), fit(data.after)
    found = standard(after, before, joined(data.before, data.after))
    assert found is not None
    low, high = found.interval_pct()
    assert low < -4.0 < high
    assert found.days > 700
    assert found.probability_under(0.0) > 0.9 > found.probability_under(-4.0) > 0.1
    wide = normalised(before, data.after).interval_pct()
    assert wide[0] < found.growth_pct < wide[1]


def test_conditions_that_neither_year_has_seen_tell_nothing() -> None:
    data = made(4, gaps=0)
    model = fit(data.before)
    assert data.after.outdoor_c is not None
    hot = Frame(
        data.after.days,
        data.after.kwh,
        data.after.outdoor_c + 100,
        data.after.drivers,
        data.after.classes,
    )
    assert standard(model, model, hot) is None
    assert not normalised(model, hot).enough


def pairs_of(data: Made) -> tuple[Frame, Frame]:
    """Both years, row by row the same date."""
    at = {day: i for i, day in enumerate(data.before.days)}
    rows = [at[same_date(day, 2024)] for day in data.after.days]
    before = data.before
    assert before.outdoor_c is not None
    return data.after, Frame(
        tuple(before.days[i] for i in rows),
        before.kwh[rows],
        before.outdoor_c[rows],
        {name: column[rows] for name, column in before.drivers.items()},
        tuple(before.classes[i] for i in rows),
    )


@pytest.mark.parametrize("seed", range(6))
def test_the_steps_of_a_bridge_sum_to_the_change(seed: int) -> None:
    data = made(seed, step=0.05, production_growth=0.08)
    model = fit(data.before)
    totals = float(np.nansum(data.after.kwh)) + 1234.5, float(np.nansum(data.before.kwh))
    found = bridge(
        model,
        pairs_of(data),
        totals,
        static_kwh={"a hall was built": 20_000.0},
        savings_kwh={"pumps": 15_000.0, "lamps": 3_000.0},
    )
    steps = found.steps()
    change = totals[0] - totals[1]
    assert math.fsum(kwh for _, kwh in steps) == pytest.approx(change, rel=1e-9)
    assert [name for name, _ in steps] == [
        "weather", "production", "calendar", "a hall was built", "pumps", "lamps", "left out",
        "residual",
    ]  # fmt: skip


def test_a_bridge_names_the_cause_that_it_was() -> None:
    data = made(8, step=0.0, production_growth=0.12, gaps=0, rho=0.0)
    model = fit(data.before)
    totals = float(data.after.kwh.sum()), float(data.before.kwh.sum())
    found = bridge(model, pairs_of(data), totals)
    slope = next(
        v for t, v in zip(model.terms, model.values, strict=True) if t.name == "production"
    )
    pairs = pairs_of(data)
    truly = slope * float((pairs[0].drivers["production"] - pairs[1].drivers["production"]).sum())
    assert found.causes[Cause.PRODUCTION] == pytest.approx(truly, rel=0.05)
    assert abs(found.residual_kwh) < 0.25 * found.causes[Cause.PRODUCTION]


def test_shares_of_causes_that_work_together_are_halved() -> None:
    def value(changed: frozenset[Cause]) -> float:
        together = 6.0 if {Cause.WEATHER, Cause.PRODUCTION} <= changed else 0.0
        return together + (10.0 if Cause.WEATHER in changed else 0.0)

    assert shapley(CAUSES, value) == pytest.approx(
        {Cause.WEATHER: 13.0, Cause.PRODUCTION: 3.0, Cause.CALENDAR: 0.0}
    )


def half_year(used: float, *, error: float = 0.0) -> SoFar:
    return SoFar(used, used, Estimate(500_000.0, error, 100.0), 180.0)


def rest(*, weather: float = 0.0, expected: float = 500_000.0, days: int = 182) -> ToCome:
    return ToCome(days, expected, 0.0, 1.0, weather)


def test_a_budget_written_by_hand() -> None:
    """1 GWh before, 5 % allowed; half the year used 3 % more than expected, n' = 180."""
    found = budget(cap_kwh(1_000_000.0, 5.0), half_year(515_000.0), rest(weather=10_000.0))
    assert found.cap_kwh == pytest.approx(1_050_000.0)
    assert found.left_kwh == pytest.approx(535_000.0)
    assert found.pace == pytest.approx(1.07)
    assert found.level == pytest.approx(1 + 0.03 * 180 / 210)
    assert found.year_end.value == pytest.approx(515_000 + 500_000 * found.level)
    error = math.hypot(found.level * 10_000, 500_000 * (30 / 210) * 0.05)
    assert found.year_end.error == pytest.approx(error)
    assert found.light == "green"


@pytest.mark.parametrize(
    ("used", "light"),
    [
        (500_000.0, "green"),  # as before
        (520_000.0, "green"),  # 4 % more: 5 % of the year are allowed
        (526_000.0, "yellow"),  # just above the line, and half of a year to go
        (540_000.0, "red"),
    ],
)
def test_lights_around_five_percent(used: float, light: str) -> None:
    found = budget(1_050_000.0, half_year(used, error=2_000.0), rest(weather=2_000.0))
    assert found.light == light
    assert 0.0 <= found.probability <= 1.0


def test_a_cap_that_is_broken_leaves_less_than_nothing() -> None:
    found = budget(1_050_000.0, half_year(1_060_000.0), rest())
    assert found.left_kwh == -10_000.0
    assert found.light == "red"


def test_a_year_that_is_over_ends_where_it_is() -> None:
    found = budget(1_050_000.0, half_year(1_049_999.0), rest(expected=0.0, days=0))
    assert found.pace is None
    assert found.year_end.value == 1_049_999.0
    assert found.probability == 1.0


def test_few_days_move_the_level_little() -> None:
    few = SoFar(11_000.0, 11_000.0, Estimate(10_000.0, 100.0, 5.0), 4.0)
    found = budget(1_050_000.0, few, rest())
    assert found.level == pytest.approx(1 + 0.1 * 4 / 34)


def test_ten_years_of_weather_or_a_wider_assumption() -> None:
    years = [500_000.0 + 1000.0 * (n % 5) for n in range(10)]
    error, known = weather_error_kwh(years, 9_000.0)
    assert known
    assert error == pytest.approx(float(np.std(years, ddof=1)))
    assert weather_error_kwh(years[:9], -9_000.0) == (13_500.0, False)


def test_dates_are_aware_of_the_leap_day() -> None:
    assert same_date(date(2024, 2, 29), 2025) == date(2025, 2, 28)
