from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bms.control.blocks.loops.pid import PidRules, PidState, regulate
from bms.control.blocks.plants.condenser_water import (
    HEAD_PRESSURE_K,
    FanRules,
    FanState,
    LiftReset,
    fan_by_load,
    head_pressure,
    return_setpoint_c,
    run_fans,
    supply_setpoint_c,
)
from bms.control.blocks.plants.free_cooling import (
    FreeCooling,
    FreeCoolingInputs,
    HeatExchanger,
    run_free_cooling,
)
from bms.control.blocks.plants.plant_load import (
    Lift,
    LoadState,
    operating_share,
    reckon_load,
    share_to_go_down,
    share_to_go_up,
    supply_fails,
    variable_speed_share,
    water_kw,
)
from bms.control.blocks.plants.pump_stages import (
    FlowRange,
    PumpInputs,
    PumpStage,
    minimum_flow,
    stage_pumps,
)
from bms.control.engine.states import Codec
from bms.core.machines.relations import Compressor

CONSTANT, VARIABLE, SCREW = (
    Compressor.CONSTANT_CENTRIFUGAL,
    Compressor.VARIABLE_CENTRIFUGAL,
    Compressor.POSITIVE_DISPLACEMENT,
)

# --- load ------------------------------------------------------------------------------------


@pytest.mark.parametrize("step_s", [1.0, 15.0, 60.0])
def test_the_load_is_a_mean_over_five_minutes(step_s: float) -> None:
    state = LoadState()
    for look in range(int(900 / step_s) + 1):
        now_kw = water_kw(100.0, 12.0, 7.0) if look * step_s < 780.0 else 0.0
        state = reckon_load(state, now_kw, look * step_s)
    assert state.load_kw == pytest.approx(581.5 * 180.0 / 300.0)
    assert operating_share(581.5, 700.0) == pytest.approx(0.8307, abs=1e-4)
    assert operating_share(10.0, 0.0) == float("inf")


def test_the_load_stands_while_the_stage_changes_and_for_a_quarter_of_an_hour() -> None:
    state = LoadState()
    found = {}
    for minute in range(61):
        now_kw = 500.0 if minute < 10 else 900.0
        state = reckon_load(state, now_kw, 60.0 * minute, staging=10 <= minute < 12)
        found[minute] = state.load_kw
        assert Codec().decode(LoadState, Codec().encode(state)) == state
    assert [found[m] for m in (9, 10, 17, 24)] == [500.0] * 4
    assert found[25] == 900.0
    long = LoadState()
    for minute in range(31):
        long = reckon_load(long, 500.0 + 10.0 * minute, 60.0 * minute, staging=minute >= 5)
    assert long.load_kw == pytest.approx(515.0)  # the mean before it, over the whole change


def test_a_load_that_is_not_known_is_none_after_five_minutes() -> None:
    state = reckon_load(reckon_load(LoadState(), 500.0, 0.0), None, 60.0)
    assert state.load_kw == 500.0
    assert reckon_load(state, None, 361.0).load_kw is None


@pytest.mark.parametrize(
    ("here", "other", "up", "down"),
    [
        ([SCREW], [SCREW, SCREW], 0.80, None),
        ([SCREW, SCREW], [SCREW], None, 0.80),
        ([SCREW], [SCREW, CONSTANT], 0.90, None),
        ([SCREW, CONSTANT], [SCREW], None, 0.90),
        ([VARIABLE], [VARIABLE, VARIABLE], 0.63, None),
        ([VARIABLE, VARIABLE], [VARIABLE], None, 0.63),
        ([VARIABLE], [VARIABLE, SCREW], 0.63, None),
        ([VARIABLE, SCREW], [SCREW], None, 0.80),
        ([], [VARIABLE], 0.63, None),
    ],
)
def test_staging_shares_by_what_turns_the_machines(
    here: list[Compressor], other: list[Compressor], up: float | None, down: float | None
) -> None:
    """0.9 (16 + 0.4 28 - 1.4 12) / (28 - 12) = 0.585 at a lift of 16 K; 0.63 at 16.8 K."""
    lift = Lift(16.8, 12.0, 28.0)
    if up is not None:
        assert share_to_go_up(here, other, lift) == pytest.approx(up)
    if down is not None:
        assert share_to_go_down(here, other, lift) == pytest.approx(down)


@pytest.mark.parametrize(
    ("lift_k", "expected"),
    [(12.0, 0.45), (13.0, 0.45), (16.0, 0.585), (20.0, 0.81), (22.0, 0.90), (28.0, 0.90)],
)
def test_variable_speed_is_left_the_later_the_larger_the_lift(
    lift_k: float, expected: float
) -> None:
    assert variable_speed_share(Lift(lift_k, 12.0, 28.0)) == pytest.approx(expected)
    assert variable_speed_share(None) == variable_speed_share(Lift(lift_k, 12.0, 12.0)) == 0.90


def test_a_supply_that_fails() -> None:
    assert supply_fails(8.1, 7.0)
    assert not supply_fails(8.0, 7.0)
    assert supply_fails(7.0, 7.0, 60.0, 74.0)
    assert not supply_fails(7.0, 7.0, 61.0, 74.0)
    assert not supply_fails(None, 7.0, None, 74.0)


# --- condenser water -------------------------------------------------------------------------

RESET = LiftReset(35.0, 7.0, 12.0)


def test_the_lift_follows_the_part_load_between_its_ends() -> None:
    """Lmax 28, A = 1.1 (28 - 12) = 17.6, B = 10.4."""
    assert RESET.most_lift_k == 28.0
    assert RESET.lift_k(1.0) == pytest.approx(28.0)
    assert RESET.lift_k(0.5) == pytest.approx(19.2)
    assert RESET.lift_k(0.0) == 12.0
    assert RESET.lift_k(1.3) == 28.0
    assert replace(RESET, slope_k=10.0).lift_k(0.5) == pytest.approx(23.0)
    assert LiftReset(15.0, 7.0).most_lift_k == 12.0


def test_a_start_begins_below_design_and_ramps_to_the_reset() -> None:
    found = [return_setpoint_c(RESET, 7.0, 0.5, 60.0 * m) for m in (0, 10, 15, 20, 60)]
    assert found == pytest.approx([29.4, 29.4, 27.8, 26.2, 26.2])
    assert supply_setpoint_c(26.2, 4.0) == pytest.approx(22.2)
    assert supply_setpoint_c(26.2, -4.0) == 26.2


@given(st.floats(0, 2), st.floats(0, 5000), st.floats(4, 16))
def test_the_return_setpoint_stays_within_its_lifts(
    part_load: float, on_for_s: float, supply_c: float
) -> None:
    found = return_setpoint_c(RESET, supply_c, part_load, on_for_s)
    ends = (29.4, supply_c + 12.0, supply_c + 28.0)
    assert min(ends) - 1e-9 <= found <= max(ends) + 1e-9


def test_fans_stop_at_their_least_speed_and_start_again_after_a_minute() -> None:
    rules, state = FanRules(), FanState()
    state = run_fans(state, rules, 0.5, (0.0,), 0.0)
    assert not state.on
    state = run_fans(state, rules, 0.6, (0.0, 70.0), 60.0)
    assert (state.on, state.speed_pct) == (True, 10.0)
    state = run_fans(state, rules, 2.0, (80.0, 70.0), 75.0)
    assert state.speed_pct == 70.0
    for second in range(90, 500, 15):
        state = run_fans(state, rules, -1.0, (0.0,), float(second))
        assert state.on == (second < 390)
        if not state.on:
            break
    assert not run_fans(state, rules, 3.0, (100.0,), 449.0).on
    assert run_fans(state, rules, 3.0, (100.0,), 450.0).on
    assert run_fans(state, rules, None, (100.0,), 450.0) is state
    assert run_fans(FanState(True, 50.0), rules, None, (30.0,), 0.0).speed_pct == 30.0


def test_caps_of_fans() -> None:
    assert [fan_by_load(p) for p in (0.0, 0.25, 0.5, 1.0)] == [70.0, 85.0, 100.0, 100.0]
    assert head_pressure(0.0, 20.0) == (100.0, 100.0)
    assert head_pressure(25.0, 20.0) == (50.0, 100.0)
    assert head_pressure(50.0, 20.0) == (0.0, 100.0)
    assert head_pressure(75.0, 20.0).fan_most_pct == 0.0
    assert head_pressure(75.0, 20.0).valve_pct == 60.0
    assert head_pressure(100.0, 20.0) == (0.0, 20.0)
    assert head_pressure(50.0, 20.0, free_cooling=True) == (100.0, 60.0)


def test_a_short_lift_throttles_and_a_long_one_does_not() -> None:
    rules = PidRules(5.0, 60.0)
    for lift_k, expected in ((6.0, 100.0), (14.0, 0.0)):
        state = PidState()
        for look in range(120):
            state = regulate(state, rules, HEAD_PRESSURE_K, lift_k, 15.0 * look)
        assert state.output_pct == expected


# --- free cooling ----------------------------------------------------------------------------

EXCHANGER = HeatExchanger(2.0, 4.0, 26.0, 100.0)


def test_the_predicted_leaving_temperature() -> None:
    """PHXLWT = Twb + HXapp min(1, V/Vdes) + CTapp + m (Twb,des - Twb)."""
    assert EXCHANGER.leaving_c(5.0, 100.0) == pytest.approx(11.0)
    assert EXCHANGER.leaving_c(5.0, 50.0) == pytest.approx(10.0)
    assert EXCHANGER.leaving_c(5.0, 500.0, 0.1) == pytest.approx(13.1)


NEVER_RAN = FreeCooling()


def run_for(minutes: int, fans_full: bool = False, state: FreeCooling = NEVER_RAN) -> FreeCooling:
    """It begins, is of use for so many minutes, and stops."""
    begin_s = (state.since_s or 0.0) + 1200.0
    state = run_free_cooling(state, FreeCoolingInputs(14.0, 14.0, 11.0), begin_s)
    assert state.on
    for minute in range(1, minutes + 30):
        downstream_c = 11.0 if minute < minutes - 1 else 13.5
        inputs = FreeCoolingInputs(14.0, downstream_c, 11.0, fans_full)
        state = run_free_cooling(state, inputs, begin_s + 60.0 * minute)
        if not state.on:
            assert state.since_s == begin_s + 60.0 * max(minutes + 1, 20)
            return state
    raise AssertionError("it never stopped")


def test_it_begins_where_it_gains_two_kelvin_and_ends_where_it_gains_none() -> None:
    state = run_free_cooling(FreeCooling(), FreeCoolingInputs(13.0, 13.0, 11.0), 0.0)
    assert not state.on
    assert not run_free_cooling(state, FreeCoolingInputs(None, None, 11.0), 0.0).on
    stopped = run_for(40)
    assert not run_free_cooling(
        stopped, FreeCoolingInputs(14.0, 14.0, 11.0), (stopped.since_s or 0.0) + 1199.0
    ).on
    off = run_free_cooling(
        FreeCooling(True, 0.0), FreeCoolingInputs(14.0, 11.0, 11.0, allowed=False), 60.0
    )
    assert not off.on


def test_it_learns_from_the_length_of_its_runs_within_bounds() -> None:
    assert run_for(90).tuning == pytest.approx(-0.02)
    assert run_for(40).tuning == 0.0
    assert run_for(20, fans_full=True).tuning == pytest.approx(0.02)
    assert run_for(20, fans_full=False).tuning == 0.0
    state = FreeCooling()
    for _ in range(30):
        state = run_for(90, state=state)
        assert Codec().decode(FreeCooling, Codec().encode(state)) == state
    assert state.tuning == -0.2
    for _ in range(60):
        state = run_for(20, fans_full=True, state=state)
    assert state.tuning == 0.5


# --- pumps -----------------------------------------------------------------------------------


def staged(inputs: PumpInputs, minutes: int, count: int = 1, step_s: float = 15.0) -> list[float]:
    """The seconds at which the stage of three pumps changed."""
    state, changes = PumpStage(count), []
    for look in range(int(60 * minutes / step_s) + 1):
        after = stage_pumps(state, 3, inputs, look * step_s)
        assert 1 <= after.count <= 3
        if after.count != state.count:
            changes.append(look * step_s * (1 if after.count > state.count else -1))
        state = after
    return changes


@pytest.mark.parametrize("step_s", [1.0, 15.0, 60.0])
def test_pumps_follow_the_flow_after_ten_minutes(step_s: float) -> None:
    assert staged(PumpInputs(0.31), 15, step_s=step_s) == [600.0]
    assert staged(PumpInputs(0.30), 60, step_s=step_s) == []
    assert staged(PumpInputs(0.30), 15, 2, step_s=step_s) == [-600.0]
    assert staged(PumpInputs(0.31), 60, 2, step_s=step_s) == []


def test_pumps_without_a_meter_follow_their_speed() -> None:
    assert staged(PumpInputs(None, 91.0), 6) == [300.0]
    assert staged(PumpInputs(None, 99.5), 2) == [60.0]
    assert staged(PumpInputs(None, 39.0), 11, 2) == [-600.0]
    assert staged(PumpInputs(None, None), 60, 2) == []


def test_pumps_at_full_speed_that_miss_their_pressure_get_another() -> None:
    assert staged(PumpInputs(0.2, 99.5, 11.0), 6, 1) == [300.0]
    assert staged(PumpInputs(0.2, 99.5, 9.0), 60, 1) == []


def test_there_is_always_a_pump_and_never_more_than_there_are() -> None:
    quiet = PumpInputs(None, None)
    assert stage_pumps(PumpStage(1), 3, quiet, 0.0).count == 1
    assert stage_pumps(PumpStage(0), 3, quiet, 0.0).count == 1
    assert stage_pumps(PumpStage(3), 2, quiet, 0.0).count == 2
    assert stage_pumps(PumpStage(1), 0, quiet, 0.0).count == 1
    assert stage_pumps(PumpStage(1), 1, PumpInputs(0.0), 0.0).down.held_s == 0.0


def test_the_minimum_flow_is_that_of_the_neediest_machine() -> None:
    machines = [FlowRange(40.0, 100.0), FlowRange(30.0, 120.0)]
    assert minimum_flow(machines) == pytest.approx(0.4 * 220.0)
    assert minimum_flow(machines, series=True) == 40.0
    assert minimum_flow([]) == minimum_flow([], series=True) == 0.0
