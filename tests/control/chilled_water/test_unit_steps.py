"""Every step of one chiller, and what moves it to another."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bms.control.strategies.water.unit_steps import (
    COLD,
    CONDENSER_SETTLES_S,
    FLOW_SETTLES_S,
    FLOW_WAIT_S,
    WARM,
    Moved,
    Outcome,
    Step,
    UnitInputs,
    UnitRules,
    UnitState,
    move,
    told,
)

RULES = UnitRules(overrun_s=180.0, valve_s=120.0)
NOTHING = UnitInputs(
    wanted=False,
    available=True,
    running=False,
    still=True,
    water=False,
    others_ready=False,
    flow_raised=False,
    valves_open=False,
)
WANTED = replace(NOTHING, wanted=True)
NOW_S = 10_000.0


def at(state: UnitState, inputs: UnitInputs, now_s: float = NOW_S, *, cold: bool = True) -> Moved:
    return move(state, RULES, inputs, cold, now_s)


@pytest.mark.parametrize(
    ("inputs", "cold", "step"),
    [
        (NOTHING, True, Step.OFF),
        (WANTED, True, Step.VALVES),
        (WANTED, False, Step.LIMIT),
        (replace(WANTED, available=False), True, Step.OFF),
        (replace(WANTED, available=False, running=True), True, Step.STOPPING),
        (replace(NOTHING, running=True, still=False), True, Step.STOPPING),
        # It runs already: with its water it goes on, without it needs water first.
        (replace(WANTED, running=True, water=True, valves_open=True), True, Step.CHILLER),
        (replace(WANTED, running=True, water=True, valves_open=None), True, Step.CHILLER),
        (replace(WANTED, running=True, water=False), True, Step.VALVES),
        (replace(WANTED, running=True, water=True, valves_open=False), True, Step.VALVES),
    ],
)
def test_from_standing_still(inputs: UnitInputs, cold: bool, step: Step) -> None:
    assert at(UnitState(), inputs, cold=cold).state.step is step


@pytest.mark.parametrize(
    ("inputs", "since_s", "after"),
    [
        (replace(NOTHING, still=False), NOW_S - 500.0, UnitState(Step.STOPPING, NOW_S, True)),
        (NOTHING, NOW_S - 180.0, UnitState(Step.OFF, NOW_S)),
        (NOTHING, NOW_S - 179.0, UnitState(Step.STOPPING, NOW_S - 179.0)),
        (replace(WANTED, available=False), NOW_S, UnitState(Step.STOPPING, NOW_S)),
        (WANTED, NOW_S - 10.0, UnitState(Step.VALVES, NOW_S)),
        (
            replace(WANTED, running=True, water=True, valves_open=True),
            NOW_S - 10.0,
            UnitState(Step.CHILLER, NOW_S),
        ),
    ],
)
def test_from_stopping(inputs: UnitInputs, since_s: float, after: UnitState) -> None:
    assert at(UnitState(Step.STOPPING, since_s), inputs).state == after


@pytest.mark.parametrize("path", [COLD, WARM])
def test_a_start_goes_through_its_path(path: tuple[Step, ...]) -> None:
    cold = path is COLD
    all_there = replace(WANTED, others_ready=True, flow_raised=True, water=True, valves_open=True)
    state, seen = UnitState(path[0], 0.0, cold), [path[0]]
    for look in range(1, 400):
        state = at(state, all_there, float(look), cold=cold).state
        if state.step is not seen[-1]:
            seen.append(state.step)
    assert seen == [step for step in path if step in (Step.FLOW, Step.SETTLING, path[0], path[-1])]


@pytest.mark.parametrize(
    ("step", "cold", "there", "waits_s", "following"),
    [
        (Step.LIMIT, False, {"others_ready": True}, 0.0, Step.FLOW),
        (Step.FLOW, False, {"flow_raised": True}, FLOW_SETTLES_S, Step.WATER),
        (Step.VALVES, True, {"valves_open": True}, 0.0, Step.WATER),
        (Step.VALVES, False, {"valves_open": True}, 0.0, Step.CHILLER),
        (Step.WATER, True, {"water": True}, 0.0, Step.SETTLING),
        (
            Step.SETTLING,
            True,
            {"water": True, "flow_raised": True},
            FLOW_SETTLES_S,
            Step.CHILLER,
        ),
        (
            Step.SETTLING,
            False,
            {"water": True, "flow_raised": True},
            CONDENSER_SETTLES_S,
            Step.VALVES,
        ),
    ],
)
def test_a_step_waits_for_its_proof_and_for_calm(
    step: Step, cold: bool, there: dict[str, bool], waits_s: float, following: Step
) -> None:
    """Not without, not a second early; what is lost meanwhile begins again."""
    state = UnitState(step, NOW_S, cold)
    without = at(state, WANTED, NOW_S + 1.0, cold=cold).state
    assert without.step is (Step.WATER if step is Step.SETTLING else step)
    proven = replace(WANTED, **there)
    if waits_s:
        state = at(state, proven, NOW_S, cold=cold).state
        assert (state.step, state.proven_since_s) == (step, NOW_S)
        state = at(state, proven, NOW_S + waits_s - 1.0, cold=cold).state
        assert (state.step, state.proven_since_s) == (step, NOW_S)
        lost = at(state, replace(proven, flow_raised=False), NOW_S + waits_s - 0.5, cold=cold).state
        assert (lost.step, lost.proven_since_s) == (step, None)
    assert at(state, proven, NOW_S + waits_s, cold=cold).state.step is following


def test_time_that_went_back_proves_nothing() -> None:
    state = UnitState(Step.FLOW, NOW_S, False, NOW_S + 500.0)
    inputs = replace(WANTED, flow_raised=True)
    assert at(state, inputs, cold=False).state.proven_since_s == NOW_S


@pytest.mark.parametrize(
    ("step", "cold", "late_s", "outcome"),
    [
        (Step.FLOW, False, FLOW_WAIT_S, Outcome.NO_FLOW),
        (Step.SETTLING, True, FLOW_WAIT_S, Outcome.NO_FLOW),
        (Step.VALVES, True, 120.0, Outcome.VALVE),
    ],
)
def test_what_never_comes_is_given_up(
    step: Step, cold: bool, late_s: float, outcome: Outcome
) -> None:
    inputs = replace(WANTED, water=True)
    state = UnitState(step, NOW_S, cold)
    assert at(state, inputs, NOW_S + late_s - 1.0, cold=cold) == Moved(state)
    given_up = at(state, inputs, NOW_S + late_s, cold=cold)
    assert given_up == Moved(UnitState(Step.OFF, NOW_S + late_s), outcome)


def test_a_valve_that_cannot_tell_is_given_its_time() -> None:
    inputs = replace(WANTED, valves_open=None)
    state = UnitState(Step.VALVES, NOW_S)
    assert at(state, inputs, NOW_S + 119.0).state == state
    assert at(state, inputs, NOW_S + 120.0).state.step is Step.WATER


@pytest.mark.parametrize(
    ("step", "inputs", "after"),
    [
        (Step.VALVES, NOTHING, Step.OFF),
        (Step.VALVES, replace(NOTHING, running=True), Step.STOPPING),
        (Step.WATER, NOTHING, Step.STOPPING),
        (Step.WATER, replace(NOTHING, available=False), Step.OFF),
        (Step.SETTLING, NOTHING, Step.STOPPING),
        (Step.CHILLER, NOTHING, Step.STOPPING),
        (Step.CHILLER, replace(NOTHING, available=False), Step.STOPPING),
    ],
)
def test_a_start_that_nobody_wants_any_longer(step: Step, inputs: UnitInputs, after: Step) -> None:
    assert at(UnitState(step, NOW_S - 5.0), replace(inputs, still=False)).state.step is after


def test_whoever_is_left_alone_starts_cold() -> None:
    assert at(UnitState(Step.LIMIT, 0.0, False), WANTED).state == UnitState(Step.VALVES, NOW_S)
    runs = UnitState(Step.CHILLER, 0.0, False)
    assert at(runs, WANTED).state == runs


@pytest.mark.parametrize(
    ("state", "reached"),
    [
        (UnitState(), ""),
        (UnitState(Step.VALVES), "limit flow valves"),
        (UnitState(Step.SETTLING), "limit flow valves water settling"),
        (UnitState(Step.LIMIT, cold=False), "limit"),
        (UnitState(Step.SETTLING, cold=False), "limit flow water settling"),
        (UnitState(Step.CHILLER, cold=False), "limit flow valves water settling chiller"),
        (UnitState(Step.STOPPING), "flow valves water settling off stopping"),
    ],
)
def test_what_a_start_has_come_to(state: UnitState, reached: str) -> None:
    # A step that its path does not have is behind it.
    found = {step.value for step in Step if state.reached(step)}
    assert found - {"off", "stopping"} == set(reached.split()) - {"off", "stopping"}


@pytest.mark.parametrize(
    ("state", "running", "failed", "text"),
    [
        (UnitState(Step.CHILLER), True, "", "ch-1 running"),
        (UnitState(Step.CHILLER), False, "", "ch-1 proving"),
        (UnitState(Step.CHILLER), True, "its fault", "ch-1 out of use: its fault"),
        (UnitState(), False, "", "ch-1 off"),
        (UnitState(Step.STOPPING), True, "", "ch-1 stopping"),
        (UnitState(Step.LIMIT), False, "", "ch-1 starting: others held back"),
        (UnitState(Step.FLOW), False, "", "ch-1 starting: least flow rises"),
        (UnitState(Step.VALVES), False, "", "ch-1 starting: valves open"),
        (UnitState(Step.SETTLING), False, "", "ch-1 starting: water settles"),
        (UnitState(Step.WATER), False, "", "ch-1 starting"),
    ],
)
def test_what_people_are_told(state: UnitState, running: bool, failed: str, text: str) -> None:
    assert told("ch-1", state, running, failed) == text
