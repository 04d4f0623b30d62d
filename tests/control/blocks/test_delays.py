from __future__ import annotations

from datetime import UTC, datetime

from bms.control.blocks.delays import (
    Accumulated,
    above,
    accumulate,
    held_for,
    holds_since,
    passed_s,
    quarter_after,
)


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


def test_plants_that_rest_are_looked_at_together_on_quarter_hours() -> None:
    half = datetime(2026, 1, 12, 2, 30, tzinfo=UTC)
    assert quarter_after(datetime(2026, 1, 12, 2, 15, tzinfo=UTC)) == half
    assert quarter_after(datetime(2026, 1, 12, 2, 29, 59, 999_000, tzinfo=UTC)) == half
