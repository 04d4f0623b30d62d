"""What measures have saved: five methods, and how they add up."""

from __future__ import annotations

import math
from collections import Counter
from datetime import date, timedelta
from random import Random

import numpy as np
import pytest

from bms.energy.models.daily_frames import Frame
from bms.energy.models.measures.attribution import bundles, joint_steps, reconcile
from bms.energy.models.measures.saving_methods import (
    Method,
    Saving,
    avoided,
    before_after,
    control_group,
    key_parameter,
    specific_use,
)
from bms.energy.models.measures.switchback import plan, switchback
from bms.energy.models.model_choice import CannotFit, fit
from bms.energy.models.student import Estimate
from tests.energy.growth_sites import days_from
from tests.energy.models.known_truth import Made, made


def test_what_something_else_saved_is_taken_off() -> None:
    data = made(1)
    model = fit(data.before)
    plain, adjusted = (before_after(model, data.after, other_kwh=kwh) for kwh in (0.0, 500.0))
    assert plain.kwh.value - adjusted.kwh.value == pytest.approx(500.0)
    assert plain.kwh.error == adjusted.kwh.error
    assert plain.method is Method.BEFORE_AFTER


def test_a_large_step_is_proven_and_a_tiny_one_is_not() -> None:
    for step, proven in ((0.1, True), (0.0, False)):
        data = made(6, step=step, gaps=0)
        assert before_after(fit(data.before), data.after).proven is proven


def test_a_control_group_takes_away_what_both_did() -> None:
    treated = Saving(Method.BEFORE_AFTER, Estimate(120.0, 3.0, 50.0), 300)
    control = Saving(Method.BEFORE_AFTER, Estimate(-40.0, 2.0, 50.0), 280)
    found = control_group(treated, control, scale=2.0)
    assert (found.kwh.value, found.kwh.error, found.days) == (200.0, 5.0, 280)


def test_a_key_parameter_times_hours() -> None:
    found = key_parameter(Estimate(6.5, 0.3), Estimate(4_000.0, 100.0))
    assert found.kwh.value == 26_000.0
    assert found.kwh.error == pytest.approx(math.sqrt(1_200**2 + 650**2 + 30**2))
    assert found.fractional_error == pytest.approx(1.645 * found.kwh.error / 26_000, rel=1e-3)


def test_a_design_that_was_not_built() -> None:
    found = avoided(specific_use(Estimate(0.125, 0.005), 2_000_000.0), 227_000.0, days=365)
    assert found.kwh == Estimate(23_000.0, 10_000.0)
    assert found.method is Method.AVOIDED
    assert found.proven


# --- switchback ------------------------------------------------------------------------------

DAYS = days_from(date(2025, 3, 3), 84)


def test_a_plan_is_balanced_in_every_block_and_weekday() -> None:
    for seed in range(20):
        drawn = plan(DAYS, seed)
        assert list(drawn) == DAYS
        for block in range(6):
            part = DAYS[14 * block : 14 * block + 14]
            assert sum(drawn[day] for day in part) == 7
            for weekday in range(7):
                assert sum(drawn[day] for day in part if day.weekday() == weekday) == 1


def test_a_plan_follows_from_its_seed_alone() -> None:
    assert plan(DAYS, 7) == plan(list(reversed(DAYS)), 7)
    assert plan(DAYS, 7) != plan(DAYS, 8)
    firsts = Counter(plan(DAYS, seed)[DAYS[0]] for seed in range(400))
    assert 150 < firsts[True] < 250


def test_a_plan_stands_when_more_days_follow() -> None:
    for count in range(1, len(DAYS)):
        short, whole = plan(DAYS[:count], 7), plan(DAYS, 7)
        assert all(short[day] == whole[day] for day in short)


def test_a_plan_of_some_days_only() -> None:
    work = [day for day in DAYS if day.weekday() < 5]
    drawn = plan(work, 3)
    assert list(drawn) == work
    assert sum(drawn.values()) == len(work) / 2


def switched(seed: int, effect: float) -> tuple[Frame, dict[date, bool]]:
    data = made(seed, step=0.0, gaps=3)
    frame = data.after.between(date(2025, 5, 5), date(2025, 10, 19))
    on = plan(frame.days, seed)
    column = np.array([on[day] for day in frame.days], np.float64)
    kwh = frame.kwh - effect * column
    return Frame(frame.days, kwh, frame.outdoor_c, frame.drivers, frame.classes), on


@pytest.mark.case(
    "G42",
    when="a plant runs by two strategies in turn, by day, on a drawn plan",
    then="Their difference is measured on the plant itself, with its interval, and weather, weeks "
    "and production do not count for either.",
)
def test_the_difference_of_two_strategies_is_found() -> None:
    hits = 0
    for seed in range(30):
        frame, on = switched(seed, 600.0)
        found = switchback(frame, on)
        low, high = found.per_day.interval()
        hits += low <= -600.0 <= high
        assert found.saving(100).kwh.value == pytest.approx(-100 * found.per_day.value)
        assert found.saving().days == found.on_days
    assert 24 <= hits <= 30


def test_the_first_day_after_a_change_can_be_left_out() -> None:
    frame, on = switched(2, 600.0)
    whole, settled = switchback(frame, on), switchback(frame, on, settling=True)
    assert settled.on_days + settled.off_days < whole.on_days + whole.off_days
    changes = sum(on[a] != on[b] for a, b in zip(frame.days, frame.days[1:], strict=False))
    assert settled.on_days + settled.off_days >= whole.on_days + whole.off_days - changes


def test_too_few_days_of_either_way_tell_nothing() -> None:
    frame, on = switched(2, 600.0)
    with pytest.raises(CannotFit, match="of either are needed"):
        switchback(frame, dict.fromkeys(on, False))


# --- attribution -----------------------------------------------------------------------------


def test_savings_are_moved_by_their_doubt_and_sum_to_the_main_meter() -> None:
    main = Estimate(100.0, 10.0)
    found = reconcile(main, {"pumps": Estimate(80.0, 10.0), "lamps": Estimate(50.0, 0.0)})
    assert found.reconciled_kwh == {"pumps": pytest.approx(65.0), "lamps": 50.0}
    assert found.residual_kwh == pytest.approx(-15.0)
    assert found.moved_kwh == pytest.approx(-15.0)


def test_attribution_is_exact_whatever_the_figures() -> None:
    random = Random(3)
    for _ in range(50):
        measures = {
            f"m{n}": Estimate(random.uniform(-1e5, 1e6), random.uniform(0, 5e4)) for n in range(7)
        }
        main = Estimate(random.uniform(0, 3e6), random.uniform(0, 2e5))
        found = reconcile(main, measures)
        total = math.fsum((*found.reconciled_kwh.values(), found.residual_kwh))
        assert total == pytest.approx(main.value, rel=1e-9)
        # What is left is the main meter's share of the doubt.
        doubt = main.error**2 + sum(m.error**2 for m in measures.values())
        excess = sum(m.value for m in measures.values()) - main.value
        assert found.residual_kwh == pytest.approx(-excess * main.error**2 / doubt, abs=1e-3)


def test_measures_that_start_together_are_one_bundle() -> None:
    day = date(2025, 3, 1)
    starts = {
        "a": day,
        "b": day + timedelta(days=29),
        "c": day + timedelta(days=59),
        "d": day + timedelta(days=80),
    }
    assert bundles(starts) == [("a", "b"), ("c", "d")]
    assert bundles({}) == []


def test_two_measures_on_one_meter_are_told_apart() -> None:
    data: Made = made(9, step=0.0, gaps=0, rho=0.0)
    frame = data.after
    starts = {"pumps": date(2025, 4, 1), "lamps": date(2025, 9, 1)}
    kwh = frame.kwh.copy()
    for name, saved in (("pumps", 900.0), ("lamps", 500.0)):
        kwh -= saved * np.array([day >= starts[name] for day in frame.days])
    after = Frame(frame.days, kwh, frame.outdoor_c, frame.drivers, frame.classes)
    both = Frame(
        data.before.days + after.days,
        np.concatenate((data.before.kwh, after.kwh)),
        np.concatenate((data.before.outdoor_c, after.outdoor_c)),  # type: ignore[arg-type]
        {n: np.concatenate((c, after.drivers[n])) for n, c in data.before.drivers.items()},
        data.before.classes + after.classes,
    )
    found = joint_steps(fit(data.before), both, starts)
    assert list(found) == [("pumps",), ("lamps",)]
    for name, saved in (("pumps", 900.0), ("lamps", 500.0)):
        low, high = found[name,].interval(0.99)
        assert low < saved < high


def test_steps_that_hide_each_other_are_one_bundle() -> None:
    random = Random(5)
    days = days_from(date(2021, 1, 1), 1500)
    frame = Frame.of(days, {day: 1000.0 + random.gauss(0, 20) for day in days})
    model = fit(frame.between(days[0], days[600]))
    starts = {"a": days[700], "b": days[733], "c": days[1200]}
    assert list(joint_steps(model, frame, starts)) == [("a", "b"), ("c",)]


def test_a_step_needs_days_before_it() -> None:
    data = made(9, step=0.0, gaps=0)
    with pytest.raises(CannotFit, match="no day before 2025-01-01"):
        joint_steps(fit(data.before), data.after, {"a": date(2025, 1, 1)})
