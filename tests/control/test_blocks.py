from __future__ import annotations

import pytest

from bms.control.blocks.rotation import RunHours, accumulate, by_run_hours
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
