"""Until when what a block says stands, so that nobody asks it in vain."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bms.control.blocks.delays import later, soonest
from bms.control.blocks.inputs.filtered import (
    RULES,
    Circumstances,
    FilterState,
    filter_due_s,
    filter_input,
)
from bms.control.blocks.inputs.flow_vote import (
    FlowEvidence,
    FlowRules,
    FlowState,
    flow_due_s,
    prove_flow,
)
from bms.control.blocks.inputs.signals import Signal, good_signal
from bms.control.blocks.machines.start_proof import (
    ProofInputs,
    ProofRules,
    ProofState,
    proof_due_s,
    watch_machine,
)
from bms.control.blocks.resets.request_counters import (
    SUPPLY_AIR_TO_RESET,
    RequestState,
    count_requests,
    request_due_s,
)
from bms.control.blocks.resets.trim_respond import (
    CHW_PLANT_RESET,
    TrimRespondState,
    reset,
    reset_due_s,
)
from drivers.points import Quality, Sample
from tests.control.engine.parts import at

LOOK_S = st.sampled_from([0.0, 1.0, 10.0, 60.0, 300.0, 900.0])
EARLIER = st.floats(0.0, 0.999)
NEVER_S = 1e6


def between(watched_s: float, due_s: float | None, share: float) -> float:
    """A time before it is due."""
    return watched_s + share * ((NEVER_S if due_s is None else due_s) - watched_s)


def test_the_soonest_is_the_first_that_is_still_to_come() -> None:
    assert soonest(10.0, 5.0, None, 30.0, 20.0) == 20.0
    assert soonest(10.0, 5.0, 10.0, None) is None
    assert later(5.0, 10.0) == 15.0
    assert later(None, 10.0) is None


@given(
    st.lists(
        st.tuples(LOOK_S, st.booleans(), st.booleans(), st.booleans(), st.booleans()), min_size=1
    ),
    st.booleans(),
    EARLIER,
)
def test_of_a_machine(
    looks: list[tuple[float, bool, bool, bool, bool]], cycles: bool, share: float
) -> None:
    rules, state, watched_s, inputs = ProofRules(cycles=cycles), ProofState(), 0.0, None
    for step_s, wanted, status, fault, powered in looks:
        watched_s += step_s
        inputs = ProofInputs(wanted, status, fault, powered=powered, needed=True)
        state = watch_machine(state, rules, inputs, watched_s)
    assert inputs is not None
    then_s = between(watched_s, proof_due_s(state, rules, watched_s), share)
    after = watch_machine(state, rules, inputs, then_s)
    assert (after.phase, after.failure, after.latched) == (
        state.phase,
        state.failure,
        state.latched,
    )
    assert after.runs_though_stopped(rules, then_s) == state.runs_though_stopped(rules, watched_s)


@given(
    st.lists(st.tuples(LOOK_S, st.sampled_from([0.0, 60.0, None]), st.booleans()), min_size=1),
    EARLIER,
)
def test_of_flow(looks: list[tuple[float, float | None, bool]], share: float) -> None:
    rules, state, watched_s, evidence = FlowRules(40.0), FlowState(), 0.0, FlowEvidence()
    for step_s, flow, on in looks:
        watched_s += step_s
        meter = Signal(None, Quality.BAD) if flow is None else good_signal(flow)
        evidence = FlowEvidence(meter, pumps={"p": good_signal(float(on))})
        state = prove_flow(state, rules, evidence, watched_s)
    then_s = between(watched_s, flow_due_s(state, rules), share)
    after = prove_flow(state, rules, evidence, then_s)
    assert (after.verdict, after.lost(rules)) == (state.verdict, state.lost(rules))


@given(
    st.lists(st.tuples(LOOK_S, st.sampled_from([0.0, 2.0, 3.5]), st.booleans()), min_size=1),
    EARLIER,
)
def test_of_requests(looks: list[tuple[float, float, bool]], share: float) -> None:
    rules, state, watched_s, error_k, valve_pct = SUPPLY_AIR_TO_RESET, RequestState(), 0.0, 0.0, 0.0
    for step_s, error_k, is_open in looks:
        watched_s += step_s
        valve_pct = 100.0 if is_open else 0.0
        state = count_requests(state, rules, error_k, valve_pct, watched_s)
    then_s = between(watched_s, request_due_s(state, rules, watched_s), share)
    assert count_requests(state, rules, error_k, valve_pct, then_s).requests == state.requests


@given(
    st.lists(
        st.tuples(LOOK_S, st.booleans(), st.integers(0, 5), st.booleans()), min_size=1, max_size=30
    ),
    EARLIER,
)
def test_of_a_reset(looks: list[tuple[float, bool, int, bool]], share: float) -> None:
    state, watched_s, proven, requests, staging = TrimRespondState(), 0.0, False, 0, False
    for step_s, proven, requests, staging in looks:
        watched_s += step_s
        state = reset(
            state,
            CHW_PLANT_RESET,
            proven=proven,
            requests=requests,
            watched_s=watched_s,
            staging=staging,
        )
    then_s = between(watched_s, reset_due_s(state, CHW_PLANT_RESET, watched_s), share)
    after = reset(
        state,
        CHW_PLANT_RESET,
        proven=proven,
        requests=requests,
        watched_s=then_s,
        staging=staging,
    )
    assert after.setpoint == state.setpoint


@given(
    st.lists(
        st.tuples(LOOK_S, st.sampled_from([7.0, 7.05, 7.3, 19.0, 400.0, None])),
        min_size=1,
        max_size=40,
    ),
    EARLIER,
)
def test_of_an_input(looks: list[tuple[float, float | None]], share: float) -> None:
    rules = RULES["chilled_water_temp"]
    state, watched_s, shown, related = FilterState(), 0.0, None, 12.0
    for step_s, shown in looks:
        watched_s += step_s
        related += 0.3
        sample = Sample("b.h.t", shown, _quality(shown), at(watched_s))
        around = Circumstances(running=True, related=related)
        state = filter_input(state, rules, sample, watched_s, around)
    # No new reading: the same one is seen again, nothing related moves.
    sample = Sample("b.h.t", shown, _quality(shown), at(watched_s))
    then_s = between(watched_s, filter_due_s(state, rules), share)
    around = Circumstances(running=True, related=related)
    after = filter_input(state, rules, sample, then_s, around)
    assert (after.value, after.flaw) == (state.value, state.flaw)
    late = (after.averaged(rules).quality, state.averaged(rules).quality)
    assert late[0] == late[1]


def _quality(shown: float | None) -> Quality:
    return Quality.GOOD if shown is not None else Quality.BAD
