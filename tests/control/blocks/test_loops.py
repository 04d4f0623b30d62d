from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bms.control.blocks.loops.pid import (
    PLANT,
    STATIC_PRESSURE,
    SUPPLY_AIR,
    ZONE,
    PidRules,
    PidState,
    regulate,
    track,
)
from bms.control.blocks.loops.ramp import (
    LoadLimit,
    LoadLimitRules,
    RampState,
    limit_load,
    ramp,
    stands_at,
)
from bms.control.engine.states import Codec
from tests.control.blocks.twins import integral, proportional_integral

SLOW = PidRules(10.0, 900.0, rate_pct_per_min=1e6)


def test_gains_to_begin_with_are_those_of_the_reference() -> None:
    """Outputs in percent: 0.1/K is 10 % for each kelvin."""
    rows = [(rules.gain_pct, rules.integral_s) for rules in (ZONE, SUPPLY_AIR, STATIC_PRESSURE)]
    assert rows == [(10.0, 900.0), (5.0, 600.0), (10.0, 60.0)]
    assert (PLANT.gain_pct, PLANT.integral_s) == (10.0, 10.0)
    assert {rules.rate_pct_per_min for rules in (ZONE, SUPPLY_AIR, PLANT)} == {25.0}


@pytest.mark.parametrize("step_s", [0.5, 1.0, 15.0, 60.0])
def test_the_integral_is_the_area_under_the_error_at_any_step(step_s: float) -> None:
    state, errors = PidState(), []
    for look in range(int(1800 / step_s) + 1):
        watched_s = look * step_s
        measured = 20.0 - 2.0 * watched_s / 1800.0  # falls by 2 K: the error is a straight line
        state = regulate(state, SLOW, 20.0, measured, watched_s)
        errors.append((watched_s, 20.0 - measured))
    expected = 10.0 * (2.0 + integral(errors) / 900.0)
    assert state.output_pct == pytest.approx(expected)
    assert expected == pytest.approx(40.0)


@given(
    st.lists(st.tuples(st.floats(0.1, 60.0), st.floats(-0.5, 0.5)), min_size=2, max_size=40),
    st.booleans(),
)
def test_it_does_what_its_velocity_form_does(
    drawn: list[tuple[float, float]], direct: bool
) -> None:
    """Two ways to write a PI loop, where neither limit nor rate is met."""
    rules = PidRules(1.0, 900.0, direct=direct, rate_pct_per_min=1e6)
    state, watched_s, looks, outputs = track(PidState(), 50.0, 0.0), 0.0, [], []
    for step_s, error in drawn:
        watched_s += step_s
        looks.append((watched_s, error))
        state = regulate(state, rules, 20.0, 20.0 + error if direct else 20.0 - error, watched_s)
        outputs.append(state.output_pct)
    assert outputs == pytest.approx(proportional_integral(looks, 50.0, 1.0, 900.0))


def test_what_stands_is_the_same_object() -> None:
    """Nothing to save, and nothing to tell the engine."""
    state = track(PidState(), 40.0, 0.0)
    assert track(state, 40.0, 15.0) is state
    assert regulate(state, ZONE, 20.0, None, 30.0) is state


def test_a_step_longer_than_the_integral_adds_no_more_than_that() -> None:
    state = regulate(PidState(), SLOW, 20.0, 19.0, 0.0)
    assert regulate(state, SLOW, 20.0, 19.0, 3600.0).integral_pct == pytest.approx(10.0)


@pytest.mark.parametrize(("direct", "measured"), [(True, 22.0), (False, 18.0)])
def test_the_output_rises_the_right_way(direct: bool, measured: float) -> None:
    rules = replace(ZONE, direct=direct)
    state = PidState()
    for look in range(20):
        state = regulate(state, rules, 20.0, measured, 15.0 * look)
    assert state.output_pct > 20.0
    for look in range(20, 60):
        state = regulate(state, rules, 20.0, 40.0 - measured, 15.0 * look)
    assert state.output_pct == 0.0


def test_it_winds_up_nowhere() -> None:
    """An hour at its end, and the output leaves it within a minute of the error's turn."""
    state = PidState()
    for look in range(240):
        state = regulate(state, ZONE, 20.0, 10.0, 15.0 * look)
    assert (state.output_pct, state.integral_pct) == (100.0, 0.0)
    watched_s = 240 * 15.0
    for look in range(5):
        state = regulate(state, ZONE, 20.0, 21.0, watched_s + 15.0 * look)
    assert state.output_pct < 100.0


@pytest.mark.parametrize("measured", [10.0, 19.0, 20.5, 30.0])
def test_it_takes_over_without_a_bump(measured: float) -> None:
    """From manual, an override or a stop: the first look changes nothing, the next the rate."""
    state = track(PidState(), 60.0, 0.0)
    state = regulate(state, ZONE, 20.0, measured, 15.0)
    assert state.output_pct == 60.0
    state = regulate(state, ZONE, 20.0, measured, 16.0)
    assert abs(state.output_pct - 60.0) <= 25.0 / 60.0 + 1e-9


def test_within_its_limits_the_takeover_moves_by_the_integral_only() -> None:
    state = regulate(track(PidState(), 60.0, 0.0), ZONE, 20.0, 19.0, 0.0)
    state = regulate(state, ZONE, 20.0, 19.0, 90.0)
    assert state.output_pct == pytest.approx(60.0 + 10.0 * 90.0 / 900.0)


def test_a_bad_value_holds_the_output_and_comes_back_without_a_bump() -> None:
    state = regulate(track(PidState(), 40.0, 0.0), ZONE, 20.0, 19.5, 0.0)
    held = regulate(state, ZONE, 20.0, None, 600.0)
    assert held.output_pct == 40.0
    assert regulate(held, ZONE, 20.0, 15.0, 615.0).output_pct == 40.0


def test_a_lower_limit_of_somebody_else_counts_at_once() -> None:
    state = regulate(track(PidState(), 90.0, 0.0), ZONE, 20.0, 19.0, 0.0)
    capped = regulate(state, replace(ZONE, high_pct=70.0), 20.0, 19.0, 1.0)
    assert capped.output_pct == 70.0


def test_a_loop_without_an_integral_is_proportional() -> None:
    """CO2: 0 % at 200 ppm below the setpoint, 100 % at it (control reference, 5)."""
    rules = PidRules(0.5, 0.0, direct=True, rate_pct_per_min=1e6)
    state = regulate(PidState(), rules, 694.0, 694.0, 0.0)
    state = regulate(state, rules, 694.0, 794.0, 1.0)
    assert state.output_pct == pytest.approx(50.0)
    assert state.integral_pct == 0.0


def test_the_derivative_works_against_the_movement() -> None:
    rules = PidRules(10.0, 900.0, derivative_s=60.0, rate_pct_per_min=1e6)
    plain = replace(rules, derivative_s=0.0)
    state, without = PidState(50.0), PidState(50.0)
    for look in range(10):
        measured = 20.0 + 0.05 * look
        state = regulate(state, rules, 21.0, measured, 5.0 * look)
        without = regulate(without, plain, 21.0, measured, 5.0 * look)
    assert state.output_pct < without.output_pct
    assert state.derivative_pct == pytest.approx(-10.0 * 60.0 * 0.05 / 5.0, rel=0.05)
    assert regulate(state, rules, 21.0, 20.45, 45.0).derivative_pct == state.derivative_pct


def test_a_coil_comes_to_its_setpoint_alike_at_looks_of_1_and_of_15_seconds() -> None:
    def settled(step_s: float) -> tuple[float, float]:
        state, air_c, highest = PidState(), 26.0, 0.0
        for look in range(int(7200 / step_s)):
            state = regulate(state, replace(SUPPLY_AIR, direct=True), 18.0, air_c, look * step_s)
            highest = max(highest, state.output_pct)
            target_c = 26.0 - 0.16 * state.output_pct
            air_c += (target_c - air_c) * (1.0 - math.exp(-step_s / 90.0))
        return air_c, highest

    slow, fast = settled(15.0), settled(1.0)
    assert slow == pytest.approx(fast, abs=0.3)
    assert slow[0] == pytest.approx(18.0, abs=0.2)


LOOKS = st.lists(
    st.tuples(
        st.floats(0.0, 900.0),
        st.none() | st.floats(-1e3, 1e3),
        st.floats(-100.0, 100.0),
    ),
    min_size=1,
    max_size=40,
)


@given(
    LOOKS,
    st.booleans(),
    st.sampled_from([0.0, 10.0, 900.0]),
    st.sampled_from([0.0, 30.0]),
    st.floats(0.0, 100.0),
)
def test_a_loop_never_leaves_its_limits_nor_its_rate(
    looks: list[tuple[float, float | None, float]],
    direct: bool,
    integral_s: float,
    derivative_s: float,
    began: float,
) -> None:
    rules = PidRules(10.0, integral_s, derivative_s, direct, 10.0, 90.0)
    state = track(PidState(), min(max(began, 10.0), 90.0), 0.0)
    watched_s = 0.0
    codec = Codec()
    for step_s, measured, setpoint in looks:
        watched_s += step_s
        after = regulate(state, rules, setpoint, measured, watched_s)
        assert 10.0 <= after.output_pct <= 90.0
        assert abs(after.output_pct - state.output_pct) <= 25.0 * step_s / 60.0 + 1e-9
        assert 10.0 <= after.integral_pct <= 90.0 or not integral_s or after.error is None
        state = codec.decode(PidState, codec.encode(after))
        assert state == after


# --- ramps -----------------------------------------------------------------------------------


@pytest.mark.parametrize("step_s", [1.0, 15.0, 50.0])
def test_a_ramp_takes_its_time_at_any_step(step_s: float) -> None:
    state, reached_s = stands_at(0.0, 0.0), None
    for look in range(1, int(600 / step_s) + 1):
        state = ramp(state, 100.0, 100.0 / 300.0, look * step_s)
        if reached_s is None and state.value == pytest.approx(100.0):
            reached_s = look * step_s
    assert reached_s == 300.0
    assert ramp(RampState(), 40.0, 1.0, 5.0).value == 40.0


def test_running_machines_are_held_back_before_the_next_one_starts() -> None:
    """Control reference, 3: limit to 75 %; wait for less than 80 %, or 5 min."""
    rules = LoadLimitRules()
    state = limit_load(LoadLimit(), rules, True, 95.0, 0.0)
    assert (state.limit_pct, state.ready) == (75.0, False)
    assert limit_load(state, rules, True, 79.0, 30.0).ready
    assert not limit_load(state, rules, True, 95.0, 299.0).ready
    assert limit_load(state, rules, True, None, 300.0).ready
    freed = limit_load(state, rules, False, 95.0, 60.0)
    assert freed.limit_pct == 85.0
    assert limit_load(freed, rules, False, 95.0, 150.0) == LoadLimit()
    assert limit_load(LoadLimit(), rules, False, 95.0, 150.0) == LoadLimit()
