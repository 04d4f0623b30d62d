from __future__ import annotations

import pytest

from bms.control.blocks.proof import Proof, prove
from bms.control.blocks.rotation import RunHours, accumulate, by_run_hours
from bms.control.blocks.staging import StageRules, StageTimers, Step, cooling_load_kw, next_step
from bms.control.blocks.timers import lasted, since
from tests.control.engine.parts import at


def test_a_timer_runs_while_its_condition_holds_without_a_break() -> None:
    start = since(True, None, at(0))
    assert start == at(0)
    assert since(True, start, at(10)) == at(0)
    assert since(False, start, at(11)) is None
    assert since(True, at(100), at(50)) == at(50)  # the clock was set back
    assert not lasted(None, 0, at(0))
    assert not lasted(at(0), 10, at(9.999))
    assert lasted(at(0), 10, at(10))


@pytest.mark.parametrize(
    ("status", "seconds", "expected"),
    [
        (True, 0, Proof.PROVEN),
        (True, 900, Proof.PROVEN),
        (False, 29, Proof.WAITING),
        (None, 29, Proof.WAITING),
        (False, 30, Proof.FAILED),
        (None, 30, Proof.FAILED),
    ],
)
def test_proof(status: bool | None, seconds: float, expected: Proof) -> None:
    assert prove(status, at(0), 30, at(seconds)) is expected


def test_run_hours_count_alike_in_any_step() -> None:
    for step_s in (1, 60, 900):
        run = RunHours()
        for seconds in range(0, 7200 + 1, step_s):
            run = accumulate(run, ["a"], at(seconds))
        assert run.of("a") == pytest.approx(2.0)
        assert run.of("b") == 0.0


def test_run_hours_do_not_count_a_gap_or_time_that_runs_back() -> None:
    run = accumulate(RunHours({"a": 1.0}, at(0)), ["a"], at(7200))
    assert run.of("a") == 1.0
    assert accumulate(run, ["a"], at(0)).of("a") == 1.0


def test_the_least_run_comes_first_and_equals_keep_their_order() -> None:
    run = RunHours({"a": 5.0, "b": 2.0, "d": 2.0})
    assert by_run_hours(["a", "b", "c", "d"], run) == ("c", "b", "d", "a")
    assert by_run_hours(["a", "b", "c", "d"], run, first=["a"]) == ("a", "c", "b", "d")


def test_load_of_a_water_loop() -> None:
    assert cooling_load_kw(100, 12, 7) == pytest.approx(581.5)
    assert cooling_load_kw(100, 6, 7) == pytest.approx(-116.3)


RULES = StageRules()


@pytest.mark.parametrize(
    ("load_kw", "too_warm_k", "can_go_up", "expected"),
    [
        (1300.0, 0.0, True, Step.UP),
        (1300.0, 0.0, False, Step.HOLD),
        (1260.0, 0.0, True, Step.HOLD),  # just 90 % of 1400
        (560.0, 0.0, True, Step.HOLD),  # just 80 % of 700
        (550.0, 0.0, True, Step.DOWN),
        (550.0, 1.5, True, Step.UP),  # the failsafe forbids going down
        (550.0, None, True, Step.DOWN),
        (None, 0.0, True, Step.HOLD),
        (None, 1.5, True, Step.UP),
        (None, None, True, Step.HOLD),
    ],
)
def test_steps_after_the_delay(
    load_kw: float | None, too_warm_k: float | None, can_go_up: bool, expected: Step
) -> None:
    timers = StageTimers(at(0))
    steps = []
    for seconds in (0, 899, 900):
        decision = next_step(
            timers,
            RULES,
            load_kw=load_kw,
            too_warm_k=too_warm_k,
            capacity_kw=1400.0,
            lower_capacity_kw=700.0,
            can_go_up=can_go_up,
            now=at(seconds),
        )
        timers = decision.timers
        steps.append(decision.step)
    assert steps == [Step.HOLD, Step.HOLD, expected]
    assert (decision.reason == "") == (expected is Step.HOLD)


def test_the_minimum_stage_time_outlasts_the_delay() -> None:
    rules = StageRules(delay_s=60, min_stage_s=600)
    timers = StageTimers(at(0))
    up_at = None
    for seconds in range(0, 700, 10):
        decision = next_step(
            timers,
            rules,
            load_kw=690,
            too_warm_k=None,
            capacity_kw=700,
            lower_capacity_kw=None,
            can_go_up=True,
            now=at(seconds),
        )
        timers = decision.timers
        if decision.step is Step.UP:
            up_at = seconds
            break
    assert up_at == 600
