from __future__ import annotations

import pytest

from bms.control.blocks.machines.chooser import Demand, Unit
from bms.control.blocks.plants.plant_load import Lift
from bms.control.blocks.plants.stage_changes import patience
from bms.control.strategies.chilled_water.staging.stages import (
    Candidate,
    Situation,
    StageDecision,
    StageRules,
    StageTimers,
    Step,
    candidates,
    changed,
    larger_for,
    limits_of,
    next_below,
    next_step,
    replacing,
    smaller_for,
)
from bms.core.machines.relations import Compressor

RULES = StageRules()
TWO = Candidate(("a", "b"), 1400.0)
ONE = Candidate(("a",), 700.0)
UNLIKE = [Unit("big-1", 700.0), Unit("big-2", 700.0), Unit("small", 350.0)]


def look(
    timers: StageTimers, load_kw: float | None, too_warm_k: float | None, seconds: float
) -> StageDecision:
    situation = Situation(load_kw, too_warm_k)
    return next_step(timers, RULES, situation, TWO, (0.9, 0.8), ONE, seconds)


@pytest.mark.parametrize(
    ("load_kw", "too_warm_k", "expected"),
    [
        (1300.0, 0.0, Step.UP),
        (1260.0, 0.0, Step.HOLD),  # just 90 % of 1400
        (560.0, 0.0, Step.HOLD),  # just 80 % of 700
        (550.0, 0.0, Step.DOWN),
        (550.0, 1.5, Step.UP),  # the failsafe forbids going down
        (550.0, None, Step.DOWN),
        (None, 0.0, Step.HOLD),
        (None, 1.5, Step.UP),
        (None, None, Step.HOLD),
    ],
)
def test_steps_after_the_delay(
    load_kw: float | None, too_warm_k: float | None, expected: Step
) -> None:
    timers, steps = StageTimers(0.0), []
    for seconds in (0, 899, 900):
        decision = look(timers, load_kw, too_warm_k, seconds)
        timers = decision.timers
        steps.append(decision.step)
    assert steps == [Step.HOLD, Step.HOLD, expected]
    assert (decision.reason == "") == (expected is Step.HOLD)


def test_pressure_that_is_too_low_asks_for_more_too() -> None:
    timers = StageTimers(0.0)
    for seconds in (0, 900):
        situation = Situation(1000.0, 0.0, 14.0)
        decision = next_step(timers, RULES, situation, TWO, (0.9, 0.8), ONE, seconds)
        timers = decision.timers
    assert decision.step is Step.UP
    assert "pressure 14 kPa below" in decision.reason


def test_noise_around_a_limit_neither_begins_nor_ends_a_delay() -> None:
    timers, step = StageTimers(0.0), Step.HOLD
    for look_s in range(0, 1000, 10):
        load_kw = 1290.0 if look_s % 20 else 1230.0  # 92 and 88 %: once above, within 5 %
        decision = look(timers, load_kw, 0.0, look_s)
        timers, step = decision.timers, decision.step
        if step is Step.UP:
            break
    assert step is Step.UP
    assert look_s in (900, 910)


def test_the_least_time_in_a_stage_outlasts_the_delay() -> None:
    rules = StageRules(delay_s=60, min_stage_s=600)
    timers = StageTimers(0.0)
    up_at = None
    for seconds in range(0, 700, 10):
        situation = Situation(690.0, None)
        decision = next_step(timers, rules, situation, ONE, (0.9, 0.8), None, seconds)
        timers = decision.timers
        if decision.step is Step.UP:
            up_at = seconds
            break
    assert up_at == 600


def test_candidates_are_sets_of_so_many_of_each_size() -> None:
    found = candidates(UNLIKE, (), None)
    assert [(c.machines, c.capacity_kw) for c in found] == [
        (("small",), 350.0),
        (("big-1",), 700.0),
        (("big-1", "small"), 1050.0),
        (("big-1", "big-2"), 1400.0),
        (("big-1", "big-2", "small"), 1750.0),
    ]


def test_of_machines_alike_the_one_that_runs_stays() -> None:
    found = candidates(UNLIKE, ("big-2",), None)
    assert next(c for c in found if c.capacity_kw == 700.0).machines == ("big-2",)


def test_a_load_gets_the_smallest_set_that_it_leaves_in_its_limit() -> None:
    found = candidates(UNLIKE, (), None)
    small = found[0]
    chosen = larger_for(found, small, 900.0, 0.9)
    assert chosen is not None
    assert chosen.capacity_kw == 1050.0
    largest = larger_for(found, small, 5000.0, 0.9)
    assert largest is not None
    assert largest.capacity_kw == 1750.0
    assert larger_for(found, found[-1], 5000.0, 0.9) is None
    both = next(c for c in found if c.capacity_kw == 1050.0)
    fallen = smaller_for(found, both, 400.0, 0.8)
    assert fallen is not None
    assert fallen.machines == ("big-1",)
    assert smaller_for(found, both, 700.0, 0.8) is None
    below = next_below(found, both)
    assert below is not None
    assert below.capacity_kw == 700.0


def test_what_is_lost_is_replaced_by_as_much() -> None:
    found = candidates([UNLIKE[0], UNLIKE[2]], (), None)
    assert replacing(found, ONE).machines == ("big-1",)
    assert replacing(found, Candidate(("x",), 5000.0)).capacity_kw == 1050.0
    assert replacing([], ONE).machines == ()


@pytest.mark.parametrize(
    ("here", "larger", "smaller", "lift_k", "expected"),
    [
        ("variable-centrifugal", "constant-centrifugal", "variable-centrifugal", 20.0, (0.9, 0.76)),
        ("positive-displacement", "positive-displacement", "positive-displacement", 20.0,
         (0.8, 0.8)),
        ("variable-centrifugal", "variable-centrifugal", "positive-displacement", 30.0,
         (0.9, 0.8)),
    ],
)  # fmt: skip
def test_limits_go_by_the_compressors(
    here: str, larger: str, smaller: str, lift_k: float, expected: tuple[float, float]
) -> None:
    rules = StageRules(None, None)
    found = limits_of(
        rules, [Compressor(here)], [Compressor(larger)], [Compressor(smaller)],
        Lift(lift_k, 12.0, 30.0),
    )  # fmt: skip
    assert found == pytest.approx(expected)


def test_limits_of_the_site_go_first_and_unknown_machines_have_the_usual_ones() -> None:
    assert limits_of(StageRules(0.7, 0.6), [None], [None], [None], None) == (0.7, 0.6)
    assert limits_of(StageRules(None, None), [None], [None], [None], None) == (0.9, 0.8)


def test_many_changes_in_a_day_make_smaller_stages_wait_longer() -> None:
    timers = StageTimers()
    for hour in range(6):
        timers = changed(timers, 3600.0 * hour, counts=True)
    assert len(timers.changes_s) == 6
    assert patience(timers.changes_s[:3]) == 1.0
    assert patience(timers.changes_s[:4]) == 2.0
    assert patience(timers.changes_s) == 8.0
    later = changed(timers, 3600.0 * 26, counts=False)
    assert len(later.changes_s) == 3


def test_a_demand_weighs_the_sets() -> None:
    found = candidates(UNLIKE, (), Demand(300.0))
    assert [c.power_kw for c in found] == [None] * 5
    assert [c.feasible for c in found] == [True] * 5
