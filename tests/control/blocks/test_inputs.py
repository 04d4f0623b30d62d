from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bms.control.blocks.inputs.filtered import (
    RULES,
    Circumstances,
    FilterState,
    Flaw,
    InputRules,
    filter_input,
    scaled,
)
from bms.control.blocks.inputs.flow_vote import (
    Flow,
    FlowEvidence,
    FlowRules,
    FlowState,
    prove_flow,
)
from bms.control.blocks.inputs.moving_mean import MeanState, average, covered_s, mean_of
from bms.control.blocks.inputs.plausibility import (
    Contradiction,
    PlausibleState,
    apart,
    backwards,
    beyond,
    doubt,
)
from bms.control.blocks.inputs.signals import MISSING, Signal, good_signal, signal_of
from bms.control.blocks.inputs.voted import SafeSide, VoteRules, VoteState, vote
from bms.control.engine.states import Codec
from drivers.points import Quality, Sample, Value
from tests.control.blocks.twins import mean_before
from tests.control.engine.parts import at

WATER = RULES["chilled_water_temp"]


def reading(value: Value | None, watched_s: float, quality: Quality = Quality.GOOD) -> Sample:
    return Sample("b.h.t", value, quality, at(watched_s), "" if value is not None else "timeout")


def shown(
    values: Sequence[float | None],
    step_s: float = 15.0,
    rules: InputRules = WATER,
    around: Circumstances = Circumstances(),  # noqa: B008 - frozen
    state: FilterState | None = None,
    begin_s: float = 0.0,
) -> list[FilterState]:
    state = state or FilterState()
    states = []
    for look, value in enumerate(values):
        watched_s = begin_s + look * step_s
        quality = Quality.GOOD if value is not None else Quality.BAD
        state = filter_input(state, rules, reading(value, watched_s, quality), watched_s, around)
        states.append(state)
    return states


# --- mean ------------------------------------------------------------------------------------


@pytest.mark.parametrize("step_s", [5.0, 15.0])
def test_the_mean_is_that_of_the_last_five_minutes(step_s: float) -> None:
    state, past = MeanState(), []
    for look in range(200):
        watched_s = look * step_s
        value = 7.0 + math.sin(look / 3.0)
        state = average(state, value, watched_s)
        past.append((watched_s, value))
        expected = mean_before(past, watched_s, 300.0)
        if watched_s == 0.0:
            assert mean_of(state) == value
        elif watched_s <= 300.0 or watched_s % 15.0 == 0.0:
            assert mean_of(state) == pytest.approx(expected, abs=1e-12)
    assert covered_s(state) == 300.0
    assert len(state.parts) <= 21


@given(
    st.lists(
        st.tuples(st.floats(0.1, 700.0), st.none() | st.floats(-50.0, 50.0)),
        min_size=1,
        max_size=80,
    )
)
def test_the_mean_lies_within_the_values_at_any_step(
    looks: list[tuple[float, float | None]],
) -> None:
    state, watched_s, past = MeanState(), 0.0, []
    for step_s, value in looks:
        watched_s += step_s
        state = average(state, value, watched_s)
        past.append((watched_s, value))
        mean, twin = mean_of(state), mean_before(past, watched_s, 300.0)
        known = [v for _, v in past if v is not None]
        if mean is not None:
            assert min(known) - 1e-9 <= mean <= max(known) + 1e-9
        if not math.isnan(twin) and mean is not None:
            # The oldest part of at most 15 s, or one step, is cut as if it had been even.
            cut = max(15.0, max(s for s, _ in looks)) / max(covered_s(state), 1e-9)
            assert abs(mean - twin) <= min(1.0, cut) * (max(known) - min(known)) + 1e-9


def test_a_step_of_one_second_gives_the_mean_of_fifteen() -> None:
    def mean_at(step_s: float) -> float:
        state = MeanState()
        for look in range(int(900 / step_s) + 1):
            watched_s = look * step_s
            state = average(state, 80.0 if watched_s < 750.0 else 100.0, watched_s)
        found = mean_of(state)
        assert found is not None
        return found

    assert mean_at(1.0) == pytest.approx(90.0)
    assert mean_at(15.0) == pytest.approx(90.0)
    assert mean_at(0.2) == pytest.approx(90.0)


def test_time_without_a_value_has_no_weight() -> None:
    state = average(MeanState(), 10.0, 0.0)
    state = average(state, None, 60.0)
    state = average(state, 20.0, 240.0)
    state = average(state, 20.0, 300.0)
    assert mean_of(state) == 15.0
    assert covered_s(state) == 120.0
    assert mean_of(MeanState()) is None


# --- filter ----------------------------------------------------------------------------------


def test_a_good_value_passes_with_its_mean() -> None:
    state = shown([7.0, 7.2, 7.4])[-1]
    assert state.value == Signal(7.4, Quality.GOOD)
    assert state.averaged(WATER).value == pytest.approx(7.1)


def test_an_input_without_a_mean_is_its_value() -> None:
    rules = replace(WATER, mean_s=0.0)
    state = shown([7.0, 7.2, None], rules=rules)
    assert [s.averaged(rules).value for s in state] == [7.0, 7.2, None]


@pytest.mark.parametrize("step_s", [1.0, 5.0])
def test_out_of_range_is_bad_after_ten_seconds_and_never_used(step_s: float) -> None:
    """A span of -10 to 50 reaches, with its margin, from -13 to 53."""
    assert WATER.bounds == (-13.0, 53.0)
    states = shown([7.0, *[53.1] * 30], step_s)
    bad_at_s = step_s + 10.0
    for look, state in enumerate(states):
        expected = Flaw.RANGE if look * step_s >= bad_at_s else Flaw.NONE
        assert state.flaw is expected
        assert state.value.value in (7.0, None)
    assert states[-1].value.quality is Quality.BAD
    assert states[-1].detail == "53.1 is outside -13 to 53, what can be there"
    assert states[-1].averaged(WATER).value is None


def test_what_is_impossible_from_the_first_reading_on_is_never_good() -> None:
    states = shown([-50.0] * 5, rules=RULES["outdoor_temp"])
    assert all(state.value.quality is Quality.BAD for state in states)
    assert states[-1].flaw is Flaw.RANGE


@pytest.mark.parametrize("step_s", [1.0, 15.0])
def test_three_readings_confirm_a_jump(step_s: float) -> None:
    states = shown([7.0, 7.0, 1.0, 1.0, 1.0, 1.0], step_s)
    assert [s.flaw for s in states] == [Flaw.NONE] * 4 + [Flaw.RATE] * 2
    assert states[3].value == Signal(7.0, Quality.GOOD)
    assert states[4].value.value is None
    assert states[4].detail == "went from 7 to 1 faster than it can"


def test_a_spike_is_passed_over() -> None:
    states = shown([7.0, 19.0, 19.0, 7.1, 7.0])
    assert [s.value.value for s in states] == [7.0, 7.0, 7.0, 7.1, 7.0]
    assert states[-1].averaged(WATER).value == pytest.approx((7.0 + 7.1) / 2)


def test_a_reading_that_is_seen_again_confirms_nothing() -> None:
    state = shown([7.0])[-1]
    for second in range(1, 10):
        state = filter_input(state, WATER, reading(1.0, 5.0), float(second))
    assert state.flaw is Flaw.NONE
    assert state.value == Signal(7.0, Quality.GOOD)


def test_a_new_level_is_believed_after_five_minutes_in_order() -> None:
    states = shown([7.0, *[1.0] * 40])
    flawed = [s.flaw is Flaw.RATE for s in states]
    assert flawed.index(True) == 3
    assert flawed.index(False, 3) == 4 + 300 // 15  # from the reading after the confirmed one
    assert states[-1].value == Signal(1.0, Quality.GOOD)


def test_it_may_move_quickly_while_machines_start_and_after_a_stop_of_the_controller() -> None:
    settling = shown([22.0, 9.0, 8.0, 7.0], around=Circumstances(settling=True))
    assert settling[-1].value == Signal(7.0, Quality.GOOD)
    state = shown([7.0])[-1]
    # Watched seconds did not go on; the readings are half an hour apart.
    state = filter_input(state, WATER, reading(20.0, 1800.0), 1.0)
    assert state.value == Signal(20.0, Quality.GOOD)


@pytest.mark.parametrize("step_s", [1.0, 15.0])
def test_noise_is_no_rate(step_s: float) -> None:
    values = [7.0 + 0.5 * (-1) ** look for look in range(100)]
    assert all(s.flaw is Flaw.NONE for s in shown(values, step_s))


def frozen_at(step_s: float, around: Circumstances) -> float | None:
    state = FilterState()
    for look in range(int(4500 / step_s)):
        watched_s = look * step_s
        moving = Circumstances(
            around.running,
            related=None if around.related is None else around.related + look % 3,
            held_at=around.held_at,
        )
        value = 7.0 + math.sin(watched_s) if watched_s < 300.0 else 8.5
        state = filter_input(state, WATER, reading(value, watched_s), watched_s, moving)
        if state.flaw is Flaw.FROZEN:
            return watched_s
    return None


@pytest.mark.parametrize("step_s", [1.0, 15.0, 60.0])
def test_a_value_that_stands_for_an_hour_while_the_machine_works_is_frozen(step_s: float) -> None:
    assert frozen_at(step_s, Circumstances(running=True, related=12.0)) == pytest.approx(
        300.0 + 3600.0, abs=step_s
    )


@pytest.mark.parametrize(
    "around",
    [
        Circumstances(running=False, related=12.0),
        Circumstances(running=True, related=None),
        Circumstances(running=True, related=12.0, held_at=8.4),
    ],
)
def test_a_value_may_stand_where_nothing_moves_it(around: Circumstances) -> None:
    assert frozen_at(15.0, around) is None


def test_what_moves_again_is_believed_after_five_minutes() -> None:
    around = Circumstances(running=True, related=12.0)
    states = shown([7.0] * 250, around=around)
    assert states[-1].flaw is Flaw.NONE  # nothing related moved
    state = states[-1]
    for look in range(300):
        watched_s = 3750.0 + 15.0 * look
        moving = Circumstances(running=True, related=12.0 + look % 3)
        state = filter_input(state, WATER, reading(7.0, watched_s), watched_s, moving)
    assert state.flaw is Flaw.FROZEN
    assert state.detail == "has stood at 7 for 60 min while the machine ran"
    later = shown([7.0 + 0.2 * (n % 2) for n in range(30)], state=state, begin_s=9000.0)
    flaws = [s.flaw for s in later]
    assert flaws.index(Flaw.NONE) == 1 + 300 // 15


def test_a_missing_value_is_bad_at_once_and_its_mean_after_half_a_minute() -> None:
    states = shown([7.0, 7.0, None, None, None, None])
    assert states[2].value == Signal(None, Quality.BAD, "timeout")
    assert [s.averaged(WATER).value for s in states[2:]] == [7.0, 7.0, None, None]
    assert filter_input(FilterState(), WATER, None, 0.0).value == MISSING
    stale = filter_input(states[1], WATER, reading(7.0, 30.0, Quality.STALE), 30.0)
    assert stale.value.value is None
    assert stale.value.quality is Quality.STALE


def test_a_text_and_a_good_nothing_are_no_numbers() -> None:
    for value in ("auto", None):
        state = filter_input(FilterState(), WATER, reading(value, 0.0), 0.0)
        assert state.value.good is None


def test_rules_in_the_unit_of_a_meter() -> None:
    rules = scaled(RULES["flow_share"], 200.0)
    assert (rules.low, rules.high, rules.resolution) == (0.0, 300.0, 0.4)
    assert rules.rate_per_min == 50.0 / 100.0 * 200.0 * 60.0


@given(
    st.lists(
        st.none() | st.floats(allow_nan=True) | st.floats(-20.0, 60.0), min_size=1, max_size=60
    ),
    st.sampled_from([1.0, 15.0, 300.0]),
)
def test_a_good_input_is_always_in_its_bounds(values: list[float | None], step_s: float) -> None:
    codec = Codec()
    for state in shown(values, step_s):
        value, mean = state.value, state.averaged(WATER)
        for signal in (value, mean):
            if signal.quality is Quality.GOOD:
                assert signal.value is not None
                assert -13.0 <= signal.value <= 53.0
            else:
                assert signal.value is None
        assert codec.decode(FilterState, codec.encode(state)) == state


def test_signals_of_samples() -> None:
    assert signal_of(None) == MISSING
    assert signal_of(reading("auto", 0.0)).good is None
    assert signal_of(reading(1, 0.0)).good == 1.0
    assert signal_of(reading(1.0, 0.0, Quality.STALE)).good is None


# --- vote ------------------------------------------------------------------------------------

RULE = VoteRules(1.0, SafeSide.HIGH)


def signals(*values: float | None) -> dict[str, Signal]:
    return {
        name: good_signal(value) if value is not None else Signal(None, Quality.BAD, "timeout")
        for name, value in zip("abcde", values, strict=False)
    }


def test_of_three_the_median_counts_and_who_is_off_is_flagged() -> None:
    found = vote(VoteState(), RULE, signals(7.0, 7.2, 20.0), 0.0)
    assert found.result.value == 7.2
    assert found.state.flagged == ("c",)
    assert found.result.detail == "c shows 20, the others 7.2"
    within_two = vote(VoteState(), RULE, signals(7.0, 7.2, 9.1), 0.0)
    assert within_two.state.flagged == ()
    still = vote(found.state, RULE, signals(7.0, 7.2, 9.1), 0.0)
    assert still.state.flagged == ("c",)
    assert vote(still.state, RULE, signals(7.0, 7.2, 8.1), 0.0).state.flagged == ()


@pytest.mark.parametrize(
    ("side", "expected"), [(SafeSide.LOW, 7.0), (SafeSide.HIGH, 9.0), (SafeSide.MEAN, 8.0)]
)
def test_two_that_disagree_for_five_minutes_give_the_safe_one(
    side: SafeSide, expected: float
) -> None:
    rules = VoteRules(1.0, side)
    state = VoteState()
    for second in range(0, 301, 15):
        found = vote(state, rules, signals(7.0, 9.0), float(second))
        state = found.state
        assert found.disputed == (second >= 300)
        if second < 300:
            assert found.result.value == 8.0
    assert found.result.value == expected
    assert found.result.detail == "a shows 7, b shows 9"
    assert state.flagged == ("a", "b")
    assert vote(state, rules, signals(7.0, 9.0), 310.0).state is state
    agreed = vote(state, rules, signals(8.0, 8.4), 315.0)
    assert not agreed.disputed
    assert agreed.state == VoteState()


def test_one_is_itself_and_none_is_what_can_be_worked_out() -> None:
    assert vote(VoteState(), RULE, signals(7.0, None, None), 0.0).result == good_signal(7.0)
    virtual = Signal(6.0, Quality.STALE)
    found = vote(VoteState(), RULE, signals(None, None), 0.0, virtual)
    assert (found.result, found.voters) == (virtual, 0)
    assert vote(VoteState(), RULE, signals(None), 0.0).result == Signal(
        None, Quality.BAD, "timeout"
    )


@given(st.lists(st.none() | st.floats(-50, 50), max_size=5), st.floats(0, 1e4))
def test_a_vote_lies_within_its_voters(values: list[float | None], watched_s: float) -> None:
    found = vote(VoteState(), RULE, signals(*values), watched_s)
    good = [value for value in values if value is not None]
    assert found.voters == len(good)
    if good:
        assert found.result.value is not None
        assert min(good) <= found.result.value <= max(good)
        if len(good) in (3, 5):  # the median itself is one of them
            assert len(found.state.flagged) < len(good)
    codec = Codec()
    assert codec.decode(VoteState, codec.encode(found.state)) == found.state


# --- flow ------------------------------------------------------------------------------------

FLOW = FlowRules(40.0)
ON, OFF, UNREAD = good_signal(1.0), good_signal(0.0), Signal(None, Quality.BAD, "no link")


@pytest.mark.parametrize(
    ("meter", "pressure", "pumps", "expected", "reason"),
    [
        # control cases: pump statuses on, header flow 0 and GOOD; the same with a bad status
        (good_signal(0.0), None, [ON, ON], Flow.NOT_PROVEN, "flow 0, at least 40 needed"),
        (good_signal(0.0), None, [UNREAD], Flow.NOT_PROVEN, "flow 0, at least 40 needed"),
        (good_signal(0.0), good_signal(60.0), [ON], Flow.NOT_PROVEN, "flow 0, at least 40 needed"),
        (good_signal(55.0), None, [ON, OFF], Flow.PROVEN, "the flow meter shows flow"),
        (good_signal(55.0), None, [UNREAD], Flow.PROVEN, "the flow meter shows flow"),
        (good_signal(55.0), None, [OFF], Flow.NOT_PROVEN, "no pump shows that it runs"),
        (good_signal(55.0), good_signal(30.0), [OFF], Flow.PROVEN, "the flow meter shows flow"),
        (good_signal(55.0), good_signal(2.0), [ON], Flow.PROVEN, "the flow meter shows flow"),
        (None, good_signal(30.0), [], Flow.PROVEN, "the differential pressure shows flow"),
        (
            None,
            good_signal(2.0),
            [ON],
            Flow.NOT_PROVEN,
            "differential pressure 2 kPa, at least 10 needed",
        ),
        (UNREAD, None, [ON], Flow.PROVEN, "a pump shows that it runs"),
        (None, None, [OFF, ON], Flow.PROVEN, "a pump shows that it runs"),
        (None, None, [OFF, OFF], Flow.NOT_PROVEN, "no pump shows that it runs"),
        (None, None, [OFF, UNREAD], Flow.UNKNOWN, "no link"),
        (UNREAD, UNREAD, [UNREAD], Flow.UNKNOWN, "no link"),
        (None, None, [], Flow.UNKNOWN, "nothing that proves the flow can be read"),
    ],
)
def test_flow_is_proven_by_a_vote(
    meter: Signal | None,
    pressure: Signal | None,
    pumps: list[Signal],
    expected: Flow,
    reason: str,
) -> None:
    evidence = FlowEvidence(meter, pressure, {f"p{n}": s for n, s in enumerate(pumps)})
    state = prove_flow(FlowState(), FLOW, evidence, 0.0)
    assert state.verdict is expected
    assert state.proven == (expected is Flow.PROVEN)
    assert reason in state.reason
    assert state.doubtful == (state.proven and any(mark in state.said for mark in "-?"))


@pytest.mark.parametrize(
    ("switch", "valve", "expected", "reason"),
    [
        (OFF, None, Flow.NOT_PROVEN, "the flow switch shows no flow"),
        (ON, ON, Flow.PROVEN, "the flow switch shows flow"),
        (None, OFF, Flow.NOT_PROVEN, "its isolation valve is not open"),
        (UNREAD, UNREAD, Flow.PROVEN, "a pump shows that it runs"),
    ],
)
def test_a_flow_switch_and_a_closed_valve_are_believed_before_pumps(
    switch: Signal | None, valve: Signal | None, expected: Flow, reason: str
) -> None:
    evidence = FlowEvidence(pumps={"p": ON}, switch=switch, valve=valve)
    state = prove_flow(FlowState(), FLOW, evidence, 0.0)
    assert state.verdict is expected
    assert state.reason == reason


def test_an_open_valve_alone_proves_nothing() -> None:
    state = prove_flow(FlowState(), FLOW, FlowEvidence(valve=ON), 0.0)
    assert state.verdict is Flow.UNKNOWN


def test_a_loss_is_quick_and_what_is_unknown_is_one_once_it_lasts() -> None:
    state = prove_flow(FlowState(), FLOW, FlowEvidence(good_signal(60.0)), 0.0)
    assert not state.lost(FLOW)
    dry = prove_flow(state, FLOW, FlowEvidence(good_signal(0.0)), 1.0)
    assert not dry.lost(FLOW)
    assert prove_flow(dry, FLOW, FlowEvidence(good_signal(0.0)), 11.0).lost(FLOW)
    dark = prove_flow(state, FLOW, FlowEvidence(UNREAD), 1.0)
    assert not dark.proven
    assert not prove_flow(dark, FLOW, FlowEvidence(UNREAD), 300.0).lost(FLOW)
    assert prove_flow(dark, FLOW, FlowEvidence(UNREAD), 301.0).lost(FLOW)


def test_a_meter_that_flickers_between_none_and_unread_does_not_hide_a_loss() -> None:
    state = prove_flow(FlowState(), FLOW, FlowEvidence(good_signal(60.0)), 0.0)
    for look in range(1, 62):
        meter = good_signal(0.0) if look % 2 else UNREAD
        state = prove_flow(state, FLOW, FlowEvidence(meter), 5.0 * look)
        assert not state.proven
    assert state.lost(FLOW)


WITNESS = st.sampled_from([None, ON, OFF, UNREAD, good_signal(60.0)])


@given(WITNESS, WITNESS, st.lists(st.sampled_from([ON, OFF, UNREAD]), max_size=3))
def test_flow_is_never_proven_by_nobody_or_against_a_good_meter(
    meter: Signal | None, pressure: Signal | None, pumps: list[Signal]
) -> None:
    evidence = FlowEvidence(meter, pressure, {f"p{n}": s for n, s in enumerate(pumps)})
    state = prove_flow(FlowState(), FLOW, evidence, 0.0)
    flow = None if meter is None else meter.good
    kpa = None if pressure is None else pressure.good
    if flow is not None and flow < 40.0:
        assert not state.proven
    if state.proven:
        assert (
            (flow is not None and flow >= 40.0) or (kpa is not None and kpa >= 10.0) or ON in pumps
        )
    codec = Codec()
    assert codec.decode(FlowState, codec.encode(state)) == state


# --- plausibility ----------------------------------------------------------------------------


def test_contradictions() -> None:
    assert backwards(9.0, 7.0, cooling=True) is Contradiction.BACKWARDS
    assert backwards(7.0, 7.2, cooling=True) is Contradiction.NONE
    assert backwards(60.0, 62.0, cooling=False) is Contradiction.BACKWARDS
    assert backwards(None, 62.0, cooling=False) is Contradiction.NONE
    assert beyond(1.0, 7.0, cooling=True) is Contradiction.BEYOND
    assert beyond(9.0, 7.0, cooling=True) is Contradiction.NONE
    assert beyond(80.0, 60.0, cooling=False) is Contradiction.BEYOND
    assert apart(-50.0, [28.0, 30.0, 29.0], 20.0) is Contradiction.APART
    assert apart(-50.0, [], 20.0) is Contradiction.NONE
    assert apart(None, [1.0], 20.0) is Contradiction.NONE


@pytest.mark.parametrize("step_s", [1.0, 15.0, 60.0])
def test_a_contradiction_that_lasts_is_a_fault_until_it_has_gone_as_long(step_s: float) -> None:
    state, found_s, gone_s = PlausibleState(), None, None
    for look in range(int(2400 / step_s) + 1):
        watched_s = look * step_s
        seen = beyond(1.0 if watched_s < 900.0 else 7.0, 7.0, cooling=True)
        state = doubt(state, seen, (1.0, 7.0), watched_s)
        if state.found is Contradiction.BEYOND and found_s is None:
            found_s = watched_s
            assert state.detail == ("1.0 is further past the setpoint 7.0 than a machine takes it")
        if found_s is not None and gone_s is None and state.found is Contradiction.NONE:
            gone_s = watched_s
    assert found_s == 600.0
    assert gone_s == 1500.0
    assert state.detail == ""


def test_other_contradictions_are_told() -> None:
    for kind, text in {
        Contradiction.BACKWARDS: "supply 9.0 degC and return 7.0 degC are the wrong way round",
        Contradiction.APART: "9.0 is far from 7.0",
    }.items():
        state = PlausibleState()
        for minute in range(130):
            state = doubt(state, kind, (9.0, 7.0), 60.0 * minute)
        assert (state.found, state.detail) == (kind, text)
        assert replace(state, detail="").found is kind
