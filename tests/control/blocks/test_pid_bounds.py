"""A loop at one look: its parts, by the formula."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bms.control.blocks.loops.pid import PidRules, PidState, regulate, track

PI = PidRules(2.0, 100.0)
"""2 % a kelvin, as much again in 100 s; 25 %/min."""
FAST = replace(PI, rate_pct_per_min=6000.0)
AT = PidState(50.0, 46.0, 2.0, 18.0, 0.0, 1000.0)
"""At 20 degC wanted, 18 shown: 4 % by P, 46 by I."""


def test_proportion_and_integral_are_those_of_the_formula() -> None:
    after = regulate(AT, FAST, 20.0, 17.0, 1010.0)
    # P = 2 x 3; I gains 2 x (2 + 3) / 2 x 10 / 100.
    assert after.integral_pct == pytest.approx(46.5)
    assert after.output_pct == pytest.approx(52.5)
    assert (after.error, after.measured, after.derivative_pct) == (3.0, 17.0, 0.0)
    cooling = regulate(replace(AT, error=-2.0), replace(FAST, direct=True), 20.0, 17.0, 1010.0)
    assert cooling.output_pct == pytest.approx(46.0 - 0.5 - 6.0)


def test_the_derivative_brakes_what_rises() -> None:
    """Smoothed over 4 s; the temperature rises by 1 K in 10 s towards its setpoint."""
    rules = replace(FAST, derivative_s=40.0)
    rising, falling = (regulate(AT, rules, 20.0, shown, 1010.0) for shown in (19.0, 17.0))
    still = regulate(AT, rules, 20.0, 18.0, 1010.0)
    assert rising.derivative_pct == -falling.derivative_pct < 0.0
    assert still.derivative_pct == 0.0
    for after, error in ((rising, 1.0), (falling, 3.0)):
        integral_pct = 46.0 + 2.0 * (2.0 + error) / 2.0 * 0.1
        assert after.integral_pct == pytest.approx(integral_pct)
        assert after.output_pct == pytest.approx(2.0 * error + integral_pct + after.derivative_pct)
    # A new setpoint makes no jump, and a direct loop turns the sign.
    assert regulate(AT, rules, 25.0, 18.0, 1010.0).derivative_pct == 0.0
    direct = regulate(AT, replace(rules, direct=True), 20.0, 19.0, 1010.0)
    assert direct.derivative_pct == -rising.derivative_pct
    # It fades, and stands while no time passes.
    fading = regulate(rising, rules, 20.0, 19.0, 1020.0)
    assert rising.derivative_pct < fading.derivative_pct < 0.0
    assert regulate(rising, rules, 20.0, 19.5, 1010.0).derivative_pct == rising.derivative_pct


def test_the_derivative_counts_where_the_integral_stops() -> None:
    """At its upper limit a loop whose derivative brakes goes on integrating."""
    rules = replace(FAST, derivative_s=40.0, high_pct=51.0)
    assert regulate(AT, rules, 20.0, 17.5, 1010.0).integral_pct == 46.0
    assert regulate(AT, rules, 20.0, 18.9, 1010.0).integral_pct > 46.0


@pytest.mark.parametrize(
    ("rate", "measured", "output_pct", "integral_pct"),
    [
        # 6 %/min are 1 % in ten seconds; the integral waits on its side.
        (6.0, 15.0, 51.0, 46.0), (6.0, 25.0, 49.0, 46.0), (6.0, 18.0, 50.4, 46.4),
    ],
)  # fmt: skip
def test_an_output_moves_no_faster_than_its_rate(
    rate: float, measured: float, output_pct: float, integral_pct: float
) -> None:
    after = regulate(AT, replace(PI, rate_pct_per_min=rate), 20.0, measured, 1010.0)
    assert after.output_pct == pytest.approx(output_pct)
    assert after.integral_pct == pytest.approx(integral_pct)


def test_the_integral_waits_at_the_lower_limit_too() -> None:
    rules = replace(FAST, low_pct=49.0)
    after = regulate(replace(AT, error=-1.0), rules, 20.0, 21.0, 1010.0)
    assert (after.output_pct, after.integral_pct) == (49.0, 46.0)


def test_a_start_leaves_the_output_where_it_stands() -> None:
    after = regulate(PidState(60.0), PI, 20.0, 18.0, 5.0)
    assert (after.output_pct, after.integral_pct, after.watched_s) == (60.0, 56.0, 5.0)
    assert regulate(PidState(120.0), PI, 20.0, 18.0, 5.0).output_pct == 100.0
    assert regulate(PidState(1.0), PI, 20.0, 18.0, 5.0).integral_pct == 0.0
    assert (
        regulate(PidState(60.0), replace(PI, integral_s=0.0), 20.0, 18.0, 5.0).integral_pct == 0.0
    )


def test_a_loop_that_cannot_see_holds_and_one_that_is_moved_follows() -> None:
    blind = regulate(AT, PI, 20.0, None, 1010.0)
    assert (blind.output_pct, blind.error, blind.measured) == (50.0, None, None)
    assert regulate(blind, PI, 20.0, None, 1020.0) is blind
    assert track(blind, 50.0, 1020.0) is blind
    assert track(blind, 51.0, 1020.0) == PidState(51.0, watched_s=1020.0)
    assert track(AT, 50.0, 1020.0) == PidState(50.0, watched_s=1020.0)


def test_the_derivative_is_smoothed_over_a_tenth_of_its_time() -> None:
    """2 %/K x 40 s x -1 K over the 10 s of the step and 4 s."""
    rules = replace(FAST, derivative_s=40.0)
    after = regulate(AT, rules, 20.0, 19.0, 1010.0)
    assert after.derivative_pct == pytest.approx(-80.0 / 14.0)
    # What is held back by its rate does not stop an integral that goes the other way.
    held = regulate(AT, replace(rules, rate_pct_per_min=6.0), 20.0, 19.5, 1010.0)
    assert (held.output_pct, held.integral_pct) == pytest.approx((49.0, 46.25))


@pytest.mark.parametrize(
    ("integral_s", "step_s", "integral_pct"),
    [(100.0, 99.0, 49.96), (100.0, 150.0, 50.0), (30.0, 150.0, 54.0), (0.0, 10.0, 46.0)],
)
def test_of_a_long_step_the_integration_time_counts_or_a_minute(
    integral_s: float, step_s: float, integral_pct: float
) -> None:
    rules = replace(FAST, integral_s=integral_s)
    after = regulate(AT, rules, 20.0, 18.0, 1000.0 + step_s)
    assert after.integral_pct == pytest.approx(integral_pct)
    assert after.output_pct == pytest.approx(4.0 + (after.integral_pct if integral_s else 46.0))
