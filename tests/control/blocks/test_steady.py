from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bms.control.blocks.steady import (
    Accumulated,
    Watched,
    above,
    accumulate,
    held_for,
    holds_since,
    looked,
    passed_s,
)


def test_watched_time_goes_on_over_a_stop_and_a_boot() -> None:
    watched = looked(Watched(), 100.0, "a")
    assert watched.steady_s == 0.0  # nobody knows what was before
    watched = looked(looked(watched, 101.0, "a"), 116.0, "a")
    assert watched.steady_s == 16.0
    stopped = looked(watched, 116.0 + 7200.0, "a")  # the controller stood for two hours
    assert stopped.steady_s == 16.0
    booted = looked(stopped, 5.0, "b")
    assert booted.steady_s == 16.0
    assert looked(booted, 20.0, "b").steady_s == 31.0
    assert looked(booted, 3.0, "b").steady_s == 16.0  # a count that went back


@given(st.lists(st.floats(-5000, 5000), max_size=50))
def test_watched_time_never_runs_back(counts: list[float]) -> None:
    watched = Watched()
    for count in counts:
        after = looked(watched, count)
        assert 0.0 <= after.steady_s - watched.steady_s <= 3600.0
        watched = after


def test_a_delay_runs_while_its_condition_holds_without_a_break() -> None:
    since_s = holds_since(True, None, 10.0)
    assert since_s == 10.0
    assert holds_since(True, since_s, 20.0) == 10.0
    assert holds_since(False, since_s, 21.0) is None
    assert holds_since(True, 100.0, 50.0) == 50.0  # the count began again
    assert not held_for(None, 0.0, 0.0)
    assert not held_for(0.0, 10.0, 9.9)
    assert held_for(0.0, 10.0, 10.0)
    assert passed_s(None, 5.0) == passed_s(9.0, 5.0) == 0.0


def test_noise_does_not_begin_an_accumulated_time_again() -> None:
    timer = Accumulated()
    for second in range(1201):
        timer = accumulate(timer, second % 10 != 9, float(second))
    assert timer.held_s == 1200 * 8 / 10  # nine seconds held, one taken off, of ten
    for second in range(1201, 1201 + 962):
        timer = accumulate(timer, False, float(second))
    assert timer.held_s == 0.0


def test_an_accumulated_time_is_alike_in_any_step_and_bounded() -> None:
    for step_s in (1.0, 15.0, 60.0):
        timer = Accumulated()
        for look in range(int(1800 / step_s) + 1):
            timer = accumulate(timer, look * step_s < 1200.0, look * step_s, 900.0)
        assert timer.held_s == 900.0 - 600.0


def test_a_limit_with_hysteresis() -> None:
    assert not above(0.90, 0.90, 0.05, before=False)
    assert above(0.91, 0.90, 0.05, before=False)
    assert above(0.86, 0.90, 0.05, before=True)
    assert not above(0.85, 0.90, 0.05, before=True)
