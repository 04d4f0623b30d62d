"""Baselines by regression: what they find, what they refuse, and what they say of themselves."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from math import cos, pi
from random import Random

import numpy as np
import pytest

from bms.energy.models.baseline_model import BaselineModel, guideline_error_kwh
from bms.energy.models.change_points import Weather
from bms.energy.models.daily_frames import FESTIVAL, Frame
from bms.energy.models.model_choice import CannotFit, fit
from bms.energy.models.model_terms import COOLING, HEATING, INTERCEPT, Cause, Term
from bms.energy.models.validity import rules, valid
from tests.energy.growth_sites import days_from
from tests.energy.models.known_truth import day_classes, made

DAYS = days_from(date(2025, 1, 1), 365)
PRODUCTION = Term(Cause.PRODUCTION, "production")


def outdoor(day: date) -> float:
    angle = 2 * pi * (day.timetuple().tm_yday - 22) / 365
    return 16.0 - 12.0 * cos(angle) + 4.0 * cos(day.toordinal() * 1.7)


def frame_of(
    kwh: Callable[[date, float], float],
    *,
    noise: float = 20.0,
    production: Callable[[date], float] | None = None,
    seed: int = 1,
) -> Frame:
    random = Random(seed)
    temps = {day: outdoor(day) for day in DAYS}
    drivers = {} if production is None else {"production": {d: production(d) for d in DAYS}}
    values = {day: kwh(day, temps[day]) + random.gauss(0, noise) for day in DAYS}
    return Frame.of(DAYS, values, outdoor_c=temps, drivers=drivers)


def both(_day: date, temp: float) -> float:
    return 1000 + 40 * max(0.0, 12 - temp) + 60 * max(0.0, temp - 20)


def test_change_points_and_slopes_are_found() -> None:
    model = fit(frame_of(both))
    assert model.weather is Weather.BOTH
    heating_c, cooling_c = model.bends
    assert heating_c == pytest.approx(12.0, abs=0.4)
    assert cooling_c == pytest.approx(20.0, abs=0.4)
    assert model.value_of(HEATING) == pytest.approx(40, rel=0.05)
    assert model.value_of(COOLING) == pytest.approx(60, rel=0.05)
    assert model.value_of(INTERCEPT) == pytest.approx(1000, rel=0.01)
    assert model.metrics.nmbe_pct == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize(
    ("kwh", "weather"),
    [
        (lambda _d, t: 800 + 50 * max(0.0, t - 18), Weather.COOLING),
        (lambda _d, t: 800 + 50 * max(0.0, 14 - t), Weather.HEATING),
        (lambda _d, _t: 800.0, Weather.NONE),
    ],
)
def test_what_is_not_there_is_not_in_the_model(
    kwh: Callable[[date, float], float], weather: Weather
) -> None:
    model = fit(frame_of(kwh))
    assert model.weather is weather
    assert [t.name for t in model.terms if t.cause is Cause.CALENDAR] == []


def test_weekends_and_festivals_are_told_apart() -> None:
    classes = day_classes()
    random = Random(4)
    level = {"work": 1000.0, "sat": 700.0, "sun": 500.0, "free": 500.0, FESTIVAL: 200.0}
    values = {d: level.get(classes[d].name, 500.0) + random.gauss(0, 15) for d in DAYS}
    model = fit(Frame.of(DAYS, values, class_of=classes.__getitem__))
    found = {t.name: v for t, v in zip(model.terms, model.values, strict=True)}
    assert found["sat"] == pytest.approx(-300, abs=10)
    assert found["sun"] == pytest.approx(-500, abs=10)
    assert found[FESTIVAL] == pytest.approx(-800, abs=15)


def test_moving_festivals_fall_into_one_class() -> None:
    classes = day_classes((2024, 2025))
    of_festival = [day for day, told in classes.items() if told.name == FESTIVAL]
    assert date(2024, 2, 12) in of_festival
    assert date(2025, 1, 30) in of_festival
    assert date(2025, 2, 12) not in of_festival
    assert classes[date(2024, 2, 9)].name in (FESTIVAL, "work", "free")
    assert 0 < classes[date(2025, 2, 6)].after <= 1


@pytest.mark.case(
    "G40",
    when="production goes beyond what the baseline's year has seen, by more than a tenth",
    then="The model says nothing of those days and names each with its reason. They are left out "
    "of the sum, never guessed.",
)
def test_what_the_baseline_has_not_seen_is_refused() -> None:
    model = fit(frame_of(both, production=lambda d: 50.0 + d.toordinal() % 51))
    asked = days_from(date(2026, 7, 1), 4)
    production = {asked[0]: 100.0, asked[1]: 104.9, asked[2]: 105.2, asked[3]: 44.0}
    frame = Frame.of(
        asked,
        {},
        outdoor_c=dict.fromkeys(asked, 20.0),
        drivers={"production": production},
    )
    prediction = model.predict(frame)
    assert prediction.frame.days == (asked[0], asked[1])
    assert [(o.day, o.driver, o.value) for o in prediction.outside] == [
        (asked[2], "production", 105.2),
        (asked[3], "production", 44.0),
    ]
    assert "2026-07-03: production 105.2 lies beyond 45 … 105" in prediction.outside[0].text()


def test_days_of_an_unknown_kind_or_driver_are_refused() -> None:
    classes = day_classes()
    summer = [day for day in DAYS if day.month in (3, 4, 5, 6, 7)]
    frame = frame_of(lambda _d, t: 900 + 30 * max(0.0, t - 18))
    asked = frame.where(np.array([day in summer for day in frame.days]))
    told = Frame(
        asked.days,
        asked.kwh,
        asked.outdoor_c,
        {},
        tuple(classes[day] for day in asked.days),
    )
    model = fit(told)
    festival = date(2025, 1, 30)
    found = model.predict(
        Frame.of(
            [festival, date(2025, 8, 4)],
            {},
            outdoor_c={festival: 15.0},
            class_of=classes.__getitem__,
        )
    )
    assert {(o.day, o.driver) for o in found.outside} == {
        (festival, FESTIVAL),
        (date(2025, 8, 4), "outdoor_c"),
    }
    assert not len(found.frame)
    assert found.total().value == 0.0


def test_more_production_that_uses_less_is_refused() -> None:
    frame = frame_of(
        lambda d, _t: 1000.0 - 3.0 * (d.toordinal() % 11), production=lambda d: d.toordinal() % 11
    )
    model = fit(frame)
    assert PRODUCTION not in model.terms
    refused = [c for c in model.candidates if c.refused]
    assert refused
    assert all(PRODUCTION in c.terms for c in refused)
    assert refused[0].refused == "more production would use less energy"


def test_gaps_are_no_zeros() -> None:
    whole = fit(frame_of(both, noise=0.0))
    frame = frame_of(both, noise=0.0)
    kwh = frame.kwh.copy()
    kwh[::9] = np.nan
    gapped = fit(Frame(frame.days, kwh, frame.outdoor_c, {}, frame.classes))
    assert gapped.metrics.days == int(np.isfinite(kwh).sum())
    assert gapped.value_of(INTERCEPT) == pytest.approx(whole.value_of(INTERCEPT), rel=1e-4)


def test_too_few_days_are_no_baseline() -> None:
    with pytest.raises(CannotFit, match="40 days are known"):
        fit(frame_of(both).between(date(2025, 1, 1), date(2025, 2, 9)))


def test_a_model_comes_back_from_json_as_it_was() -> None:
    frame = made(3).before
    model = fit(frame)
    plain = json.loads(json.dumps(model.to_json()))
    again = BaselineModel.from_json(plain)
    assert again.to_json() == plain
    assert again.predict(frame).total() == model.predict(frame).total()
    assert (plain["engine"], plain["version"]) == ("change-point", 1)
    with pytest.raises(ValueError, match="2 is not read here"):
        BaselineModel.from_json(plain | {"version": 2})


def test_other_data_have_another_hash() -> None:
    frame = made(3).before
    kwh = frame.kwh.copy()
    kwh[np.flatnonzero(frame.known)[100]] += 1.0
    other = Frame(frame.days, kwh, frame.outdoor_c, frame.drivers, frame.classes)
    assert fit(frame).data_hash == fit(frame).data_hash != fit(other).data_hash


def test_memory_of_errors_widens_the_interval() -> None:
    plain, remembering = (fit(made(7, rho=rho, gaps=0).before) for rho in (0.0, 0.6))
    assert plain.metrics.rho < 0.15
    assert remembering.metrics.rho == pytest.approx(0.6, abs=0.12)
    n = remembering.metrics.days
    rho = remembering.metrics.rho
    assert remembering.metrics.independent_days == pytest.approx(n * (1 - rho) / (1 + rho))


def test_the_guideline_gives_about_the_same_interval() -> None:
    for seed in range(4):
        data = made(seed, gaps=0, rho=0.3)
        model = fit(data.before)
        prediction = model.predict(data.after)
        low, high = prediction.total().interval()
        ratio = guideline_error_kwh(model, len(prediction.frame)) / ((high - low) / 2)
        assert 0.7 < ratio < 1.4


def test_the_covariance_of_days_sums_to_that_of_the_total() -> None:
    data = made(5)
    prediction = fit(data.before).predict(data.after)
    assert prediction.covariance.sum() == pytest.approx(prediction.total().error ** 2)
    assert prediction.mean_kwh.sum() == pytest.approx(prediction.total().value)


def test_rules_are_named_with_what_was_found() -> None:
    good = rules(fit(made(2).before), industrial=True)
    assert [rule.key for rule in good] == [
        "coefficients", "intercept", "r2", "variables", "model", "production", "days",
    ]  # fmt: skip
    assert valid(good)


def test_a_factory_without_production_breaks_a_rule() -> None:
    model = fit(made(2, produces=False).before)
    broken = {rule.key for rule in rules(model, industrial=True) if not rule.kept}
    assert "production" in broken
    assert "production" not in {rule.key for rule in rules(model, industrial=False)}


def test_people_are_no_production() -> None:
    model = fit(made(2).before)
    found = rules(model, industrial=True, others={"production"})
    assert [rule.key for rule in found if not rule.kept] == ["production"]


def test_a_flat_meter_breaks_the_rules_of_fit() -> None:
    model = fit(frame_of(lambda _d, _t: 800.0))
    broken = {rule.key: rule.text for rule in rules(model, industrial=False) if not rule.kept}
    assert set(broken) == {"r2", "variables", "model"}
    assert broken["r2"].startswith("R² is ")


def test_part_of_a_year_breaks_the_rule_of_days() -> None:
    model = fit(frame_of(both).between(date(2025, 1, 1), date(2025, 6, 30)))
    assert [r.key for r in rules(model, industrial=False) if not r.kept] == ["days"]
