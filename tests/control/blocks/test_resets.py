from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bms.control.blocks.resets.linear_reset import (
    TOWER_FAN_BY_LOAD,
    ChilledWaterLimits,
    Line,
    LinearState,
    chilled_water,
    follow,
    supply_air_by_outdoor,
)
from bms.control.blocks.resets.request_counters import (
    FAN_COIL,
    NO_ROGUES,
    PLANT,
    SILENT,
    STATIC_PRESSURE,
    SUPPLY_AIR_TO_RESET,
    ZONE_TO_SUPPLY_AIR,
    Asking,
    Quiet,
    RequestRules,
    RequestState,
    RogueRules,
    RogueState,
    count_requests,
    is_quiet,
    left_out,
    quiet_after,
    rogues,
    total_requests,
    watch_rogues,
)
from bms.control.blocks.resets.trim_respond import (
    CHW_PLANT_RESET,
    HOT_WATER_CONDENSING,
    HOT_WATER_NON_CONDENSING,
    SUPPLY_AIR,
    TrimRespondRules,
    TrimRespondState,
    duct_static,
    economizer_pump,
    hot_water_pump,
    reset,
    reset_due_s,
)
from bms.control.engine.states import Codec
from tests.control.blocks.twins import trimmed

TABLE: dict[str, tuple[Callable[[], TrimRespondRules], tuple[float, ...]]] = {
    # start, least, most, Td min, T min, ignored, trim, respond, respond at most: printed there
    "chilled": (lambda: CHW_PLANT_RESET, (100, 0, 100, 15, 5, 2, -2, 3, 7)),
    "hot, non-condensing": (
        lambda: HOT_WATER_NON_CONDENSING,
        (80, 68.3, 80, 10, 5, 2, -1.1, 1.7, 3.9),
    ),
    "hot, condensing": (lambda: HOT_WATER_CONDENSING, (80, 32.2, 80, 10, 5, 2, -1.1, 1.7, 3.9)),
    "supply air": (lambda: SUPPLY_AIR, (18, 12, 18, 10, 2, 2, 0.1, -0.2, -0.6)),
    "duct": (lambda: duct_static(400.0), (120, 25, 400, 10, 2, 2, -12, 15, 32)),
    "economizer": (lambda: economizer_pump(90.0, 30.0), (90, 30, 90, 15, 2, 0, 2, -3, -6)),
    "hot-water pump": (lambda: hot_water_pump(60.0, 25.0), (60, 25, 100, 15, 2, 0, -2, 3, 6)),
}


def row_of(name: str) -> tuple[TrimRespondRules, tuple[float, ...]]:
    rules, row = TABLE[name]
    return rules(), row


@pytest.mark.parametrize("name", TABLE)
def test_the_rules_are_the_rows_of_the_reference(name: str) -> None:
    rules, (start, least, most, delay, period, ignored, trim, respond, respond_most) = row_of(name)
    assert (rules.start, rules.least, rules.most) == (start, least, most)
    assert (rules.delay_s, rules.period_s) == (60 * delay, 60 * period)
    assert (rules.ignored, rules.trim) == (ignored, trim)
    assert (rules.respond, rules.respond_most) == (respond, respond_most)


@pytest.mark.parametrize("name", TABLE)
@pytest.mark.parametrize("step_s", [1.0, 15.0, 60.0])
def test_every_period_trims_and_responds(name: str, step_s: float) -> None:
    rules, row = row_of(name)
    counts = [0, 0, 1, 2, 3, 4, 9, 9, 2, 0, 0, 5, 3, 3, 3, 0, 0, 0]
    expected = trimmed((row[0], row[1], row[2], row[5], row[6], row[7], row[8]), counts)
    state, found = TrimRespondState(), []
    looks = int((rules.delay_s + rules.period_s * len(counts)) / step_s)
    for look in range(looks):
        watched_s = look * step_s
        period = int((watched_s - rules.delay_s) // rules.period_s)
        state = reset(
            state, rules, proven=True, requests=counts[max(period, 0)], watched_s=watched_s
        )
        if period < 0:
            assert state.setpoint == rules.start
        elif watched_s == rules.delay_s + period * rules.period_s:
            assert state.setpoint is not None
            found.append(state.setpoint)
    assert found == pytest.approx(expected)


def test_a_long_step_moves_as_often_as_short_ones() -> None:
    """Two periods at once, with the requests of this look: the remainder is kept."""
    state = reset(TrimRespondState(), SUPPLY_AIR, proven=True, requests=0, watched_s=0.0)
    state = reset(state, SUPPLY_AIR, proven=True, requests=3, watched_s=600.0)
    assert state.setpoint == pytest.approx(17.9)
    state = reset(state, SUPPLY_AIR, proven=True, requests=3, watched_s=900.0)  # 2.5 periods
    assert state.setpoint == pytest.approx(17.7)
    state = reset(state, SUPPLY_AIR, proven=True, requests=3, watched_s=960.0)
    assert state.setpoint == pytest.approx(17.6)


def test_it_rests_while_the_plant_changes_its_stage_and_a_quarter_of_an_hour() -> None:
    state = TrimRespondState()

    def look(minute: float, staging: bool = False) -> float:
        nonlocal state
        state = reset(
            state,
            CHW_PLANT_RESET,
            proven=True,
            requests=0,
            watched_s=60.0 * minute,
            staging=staging,
        )
        assert state.setpoint is not None
        return state.setpoint

    look(0)
    assert look(15) == 98.0
    assert look(16, staging=True) == 98.0
    for minute in range(17, 31):
        assert look(minute) == 98.0
    assert look(31) == 96.0
    for minute in range(32, 60):
        held = look(minute, staging=True)
    assert look(60) == held - 2.0  # the change took longer than 15 min: the rest is over with it


def test_it_begins_at_its_start_whatever_was_before() -> None:
    begun = reset(TrimRespondState(15.0), SUPPLY_AIR, proven=True, requests=0, watched_s=0.0)
    assert begun.setpoint == 18.0


def test_while_it_rests_it_is_asked_each_period() -> None:
    state = TrimRespondState(90.0, 0.0, None, 1000.0)
    assert reset_due_s(state, CHW_PLANT_RESET, 1100.0) == 1400.0
    assert reset_due_s(state, CHW_PLANT_RESET, 1800.0) == 1900.0


def test_off_it_stands_at_its_start() -> None:
    state = reset(TrimRespondState(), SUPPLY_AIR, proven=True, requests=9, watched_s=0.0)
    state = reset(state, SUPPLY_AIR, proven=True, requests=9, watched_s=600.0)
    assert state.setpoint is not None
    assert state.setpoint < 18.0
    state = reset(state, SUPPLY_AIR, proven=False, requests=9, watched_s=615.0)
    assert state == TrimRespondState(18.0)
    assert reset(state, SUPPLY_AIR, proven=False, requests=0, watched_s=620.0) is state
    assert reset(state, SUPPLY_AIR, proven=True, requests=9, watched_s=630.0).setpoint == 18.0


@given(
    st.sampled_from(sorted(TABLE)),
    st.lists(
        st.tuples(st.floats(0, 2000), st.booleans(), st.floats(0, 50), st.booleans()), max_size=60
    ),
)
def test_a_setpoint_never_leaves_its_range(
    name: str, looks: list[tuple[float, bool, float, bool]]
) -> None:
    rules = row_of(name)[0]
    state, watched_s, codec = TrimRespondState(), 0.0, Codec()
    for step_s, proven, requests, staging in looks:
        watched_s += step_s
        before = state.setpoint
        state = reset(
            state,
            rules,
            proven=proven,
            requests=requests,
            watched_s=watched_s,
            staging=staging,
        )
        assert state.setpoint is not None
        assert rules.least <= state.setpoint <= rules.most
        if proven and before is not None and step_s < rules.period_s:
            most = abs(rules.trim) + abs(rules.respond_most)
            assert abs(state.setpoint - before) <= most + 1e-9
        assert codec.decode(TrimRespondState, codec.encode(state)) == state


# --- requests --------------------------------------------------------------------------------


def requests_over(
    rules: RequestRules, inputs: Sequence[tuple[float | None, float | None]], step_s: float = 30.0
) -> list[int]:
    state, found = SILENT, []
    for look, (error, valve_pct) in enumerate(inputs):
        state = count_requests(state, rules, error, valve_pct, look * step_s)
        found.append(state.requests)
    return found


@pytest.mark.parametrize(
    ("rules", "middle", "high", "minutes"),
    [
        (SUPPLY_AIR_TO_RESET, 2.0, 3.0, 2),
        (ZONE_TO_SUPPLY_AIR, 2.0, 3.0, 2),
        (FAN_COIL, 2.78, 5.56, 5),
    ],
)
@pytest.mark.parametrize("step_s", [1.0, 15.0, 60.0])
def test_an_error_that_lasts_asks_for_two_or_three(
    rules: RequestRules, middle: float, high: float, minutes: int, step_s: float
) -> None:
    looks = int(60 * minutes / step_s)
    for error, expected in ((high, 3), (middle, 2), (middle - 0.01, 0)):
        found = requests_over(rules, [(error, 0.0)] * (looks + 1), step_s)
        assert found == [0] * looks + [expected]


def test_an_error_that_flickers_about_its_limit_goes_on_asking() -> None:
    inputs = [(3.1 if look % 2 else 2.9, 0.0) for look in range(20)]
    assert requests_over(SUPPLY_AIR_TO_RESET, inputs)[-10:] == [3] * 10
    assert requests_over(SUPPLY_AIR_TO_RESET, [*inputs, (2.7, 0.0), (1.0, 0.0)])[-2:] == [2, 0]


@pytest.mark.parametrize(("rules", "until"), [(SUPPLY_AIR_TO_RESET, 85.0), (PLANT, 10.0)])
def test_a_valve_asks_once_until_it_has_closed_a_little(rules: RequestRules, until: float) -> None:
    valves = [95.0, 95.1, 90.0, until, until - 0.1, 95.0]
    found = requests_over(rules, [(0.0, valve) for valve in valves])
    assert found == [0, 1, 1, 1, 0, 0]
    assert requests_over(rules, [(None, None)] * 3) == [0, 0, 0]


def test_a_terminal_asks_for_pressure_with_its_damper_open() -> None:
    assert requests_over(STATIC_PRESSURE, [(60.0, 50.0)] * 4) == [0, 0, 0, 0]
    assert requests_over(STATIC_PRESSURE, [(60.0, 98.0)] * 4) == [1, 1, 3, 3]
    assert requests_over(STATIC_PRESSURE, [(35.0, 98.0)] * 4) == [1, 1, 2, 2]
    assert requests_over(STATIC_PRESSURE, [(10.0, 98.0)] * 4) == [1, 1, 1, 1]


def test_after_a_new_setpoint_an_error_asks_nothing_for_nine_minutes_a_kelvin() -> None:
    state = quiet_after(Quiet(), 24.0, 0.0)
    assert not is_quiet(state, 0.0)
    assert quiet_after(state, 24.0, 50.0) is state
    state = quiet_after(state, 22.0, 100.0)
    assert is_quiet(state, 100.0 + 1079.0)
    assert not is_quiet(state, 100.0 + 1080.0)
    far = quiet_after(state, 12.0, 200.0)
    assert far.until_s == 200.0 + 1800.0
    assert quiet_after(far, 12.1, 210.0).until_s == 2000.0  # a small one does not end a long one


def test_importance_multiplies_and_rogues_are_left_out() -> None:
    requests = {"a": 3, "b": 1, "c": 2}
    assert total_requests(requests) == 6
    assert total_requests(requests, {"a": 2.0, "b": 0.0}) == 8.0
    assert total_requests(requests, {"a": 2.0}, without={"c"}) == 7.0


def days_of(requests: dict[str, int], hours: int, state: RogueState = NO_ROGUES) -> RogueState:
    begin_s = state.watched_s or 0.0
    for quarter in range(4 * hours + 1):
        state = watch_rogues(state, RogueRules(), requests, begin_s + 900.0 * quarter)
    return state


def test_a_zone_that_asks_nearly_always_is_left_out_and_listed_until_it_was_repaired() -> None:
    zones = {"a": 0, "b": 0, "c": 0, "broken": 3}
    state = days_of(zones, 40)
    assert rogues(state) == ()
    state = days_of(zones, 16, state)
    assert rogues(state) == ("broken",)
    assert left_out(state, RogueRules(), zones) == {"broken"}
    assert state.zones["broken"].share_pct == pytest.approx(100.0)
    assert Codec().decode(RogueState, Codec().encode(state)) == state
    state = days_of({**zones, "broken": 0}, 40, state)
    assert rogues(state) == ("broken",)
    state = days_of({**zones, "broken": 0}, 80, state)
    assert rogues(state) == ()
    assert left_out(state, RogueRules(), zones) == frozenset()


def test_a_plant_that_is_too_small_has_no_rogues() -> None:
    zones = {"a": 2, "b": 2, "c": 0}
    state = days_of(zones, 60)
    assert rogues(state) == ("a", "b")
    assert left_out(state, RogueRules(), zones) == frozenset()


def test_a_zone_that_asks_half_of_its_time_is_none() -> None:
    state = NO_ROGUES
    for quarter in range(400):
        state = watch_rogues(state, RogueRules(), {"a": quarter % 2}, 900.0 * quarter)
    assert rogues(state) == ()
    assert state.zones["a"].share_pct == pytest.approx(50.0, abs=1.0)
    assert watch_rogues(state, RogueRules(), {"a": 1}, state.watched_s or 0.0) is state
    assert Asking().share_pct == 0.0


@given(
    st.lists(
        st.tuples(st.floats(0, 1000), st.none() | st.floats(-5, 9), st.none() | st.floats(0, 100)),
        max_size=60,
    )
)
def test_requests_are_nought_to_three(
    looks: list[tuple[float, float | None, float | None]],
) -> None:
    state, watched_s, codec = SILENT, 0.0, Codec()
    for step_s, error, valve_pct in looks:
        watched_s += step_s
        state = count_requests(state, SUPPLY_AIR_TO_RESET, error, valve_pct, watched_s)
        assert state.requests in range(4)
        assert state.requests < 2 or (error is not None and error > 1.8)
        assert codec.decode(RequestState, codec.encode(state)) == state


# --- lines -----------------------------------------------------------------------------------


def test_the_plant_reset_raises_pressure_first_and_then_cools_the_supply() -> None:
    """Control reference, 3: 0-50 % from 34.5 kPa to the most, 50-100 % from 15.6 degC down."""
    limits = ChilledWaterLimits(150.0, 6.7)
    assert chilled_water(0.0, limits) == (34.5, 15.6)
    assert chilled_water(25.0, limits) == pytest.approx((92.25, 15.6))
    assert chilled_water(50.0, limits) == (150.0, 15.6)
    assert chilled_water(75.0, limits) == pytest.approx((150.0, 11.15))
    assert chilled_water(100.0, limits) == pytest.approx((150.0, 6.7))


def test_lines_of_the_reference() -> None:
    line = supply_air_by_outdoor(17.0)
    assert [line.at(c) for c in (10.0, 16.0, 18.5, 21.0, 35.0)] == [17.0, 17.0, 14.5, 12.0, 12.0]
    assert [TOWER_FAN_BY_LOAD.at(p) for p in (0.0, 25.0, 50.0, 90.0)] == [70.0, 85.0, 100.0, 100.0]
    assert Line(5.0, 1.0, 5.0, 2.0).at(4.9) == 1.0
    assert Line(5.0, 1.0, 5.0, 2.0).at(5.0) == 2.0


def test_a_setpoint_follows_only_what_moves_far_enough_and_reaches_its_ends() -> None:
    line = Line(-10.0, 75.0, 15.0, 40.0, 0.5)
    state = follow(LinearState(), line, 5.0)
    assert follow(state, line, 5.4) is state
    assert follow(state, line, None) is state
    moved = follow(state, line, 5.6)
    assert moved.followed == 5.6
    near = follow(moved, line, 14.8)
    assert line.at(follow(near, line, 15.1).followed or 0.0) == 40.0


@given(st.floats(-40, 50), st.floats(-40, 50))
def test_a_line_stays_within_its_ends_and_is_even(one: float, other: float) -> None:
    line = Line(-10.0, 75.0, 15.0, 40.0)
    low, high = sorted((line.at(one), line.at(other)))
    assert 40.0 <= low <= high <= 75.0
    assert high - low <= abs(one - other) * 35.0 / 25.0 + 1e-9
    assert math.isfinite(low)
