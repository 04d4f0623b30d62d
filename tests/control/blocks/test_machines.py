from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bms.control.blocks.machines.lead_lag import (
    Candidate,
    MachineHours,
    RunRecord,
    lead_order,
    make_up,
    record_hours,
    reset_staging_hours,
)
from bms.control.blocks.machines.start_proof import (
    STILL,
    Failure,
    MachinePhase,
    ProofInputs,
    ProofRules,
    ProofState,
    watch_machine,
)
from bms.control.blocks.machines.starts import (
    CHILLER_STARTS,
    Starts,
    count_starts,
    may_start,
    may_start_s,
)
from bms.control.engine.states import Codec
from bms.core.machines.relations import StartLimits

HOUR_S = 3600.0

# --- starts ----------------------------------------------------------------------------------


def test_starts_are_limited_within_a_sliding_hour_and_day() -> None:
    limits = StartLimits(per_hour=2, per_day=4)
    starts = Starts()
    for begin_s in (0.0, 1000.0):
        assert may_start(starts, "a", limits, begin_s)
        starts = count_starts(starts, ["a"], begin_s)
        starts = count_starts(starts, [], begin_s + 100.0)
    assert starts.within("a", HOUR_S, 1100.0) == 2
    assert may_start_s(starts, "a", limits, 1200.0) == 2400.0
    assert may_start(starts, "a", limits, 3600.0)
    for begin_s in (3600.0, 5000.0):
        starts = count_starts(count_starts(starts, ["a"], begin_s), [], begin_s + 100.0)
    assert may_start_s(starts, "a", limits, 10_000.0) == 86_400.0 - 10_000.0
    assert may_start(starts, "a", limits, 86_400.0)
    assert may_start(starts, "b", limits, 10_000.0)
    assert StartLimits(None, 8) == CHILLER_STARTS


def test_what_is_on_may_stay_on_and_is_no_new_start_after_a_restart_of_the_controller() -> None:
    limits = StartLimits(per_day=1)
    starts = count_starts(Starts(), ["a"], 0.0)
    assert may_start(starts, "a", limits, 10.0)
    kept = Codec().decode(Starts, Codec().encode(starts))
    assert kept == starts
    assert count_starts(kept, ["a"], 7200.0) is kept
    swapped = count_starts(count_starts(kept, ["a", "b"], 7210.0), ["a", "c"], 7220.0)
    assert [swapped.within(name, HOUR_S, 7220.0) for name in "abc"] == [0, 1, 1]
    stopped = count_starts(kept, [], 7300.0)
    assert not may_start(stopped, "a", limits, 7300.0)
    assert not may_start(stopped, "a", StartLimits(per_day=0), 7300.0)


@given(
    st.lists(st.tuples(st.floats(1.0, 4000.0), st.booleans()), max_size=120),
    st.integers(1, 4),
    st.integers(1, 8),
)
def test_there_are_never_more_starts_than_allowed(
    looks: list[tuple[float, bool]], per_hour: int, per_day: int
) -> None:
    limits = StartLimits(per_hour, per_day)
    starts, steady_s, begun, on = Starts(), 0.0, [], False
    for step_s, wanted in looks:
        steady_s += step_s
        before = on
        on = wanted and may_start(starts, "a", limits, steady_s)
        if on and not before:
            begun.append(steady_s)
        starts = count_starts(starts, ["a"] if on else [], steady_s)
    for time_s in begun:
        assert sum(time_s - HOUR_S < other <= time_s for other in begun) <= per_hour
        assert sum(time_s - 86_400.0 < other <= time_s for other in begun) <= per_day


# --- lead and lag ----------------------------------------------------------------------------


def hours(**staging_h: float) -> RunRecord:
    return RunRecord({name: MachineHours(value, value) for name, value in staging_h.items()})


def test_the_order_of_the_reference() -> None:
    """On and available, off and available, each the least run first; the newest fault last."""
    found = lead_order(
        [
            Candidate("fault-new", available=False, faulted_s=900.0),
            Candidate("off-much"),
            Candidate("on-much", on=True),
            Candidate("fault-old", available=False, faulted_s=100.0),
            Candidate("off-little"),
            Candidate("on-little", on=True),
        ],
        hours(**{"on-little": 5.0, "on-much": 50.0, "off-little": 1.0, "off-much": 2.0}),
    )
    assert found == ("on-little", "on-much", "off-little", "off-much", "fault-old", "fault-new")


def test_what_runs_is_never_swapped_to_balance_hours() -> None:
    candidates = [Candidate("a", on=True), Candidate("b", on=True), Candidate("c")]
    record = hours(a=500.0, b=20.0, c=0.0)
    assert set(make_up(candidates, record, 2)) == {"a", "b"}
    assert make_up(candidates, record, 1) == ("b",)  # the most run goes first
    assert set(make_up(candidates, record, 3)) == {"a", "b", "c"}


def test_a_failed_one_is_replaced_and_not_tried() -> None:
    candidates = [
        Candidate("a", on=True, available=False, faulted_s=1.0),
        Candidate("b"),
        Candidate("c"),
    ]
    assert make_up(candidates, hours(b=9.0, c=3.0), 1) == ("c",)
    assert set(make_up(candidates, hours(), 3)) == {"b", "c"}


def test_one_that_stands_by_runs_in_place_of_another_and_not_beside_all() -> None:
    def stage(count: int, *, first: bool = True, standby_on: bool = False) -> set[str]:
        candidates = [
            Candidate("p1", on=first, available=first, faulted_s=None if first else 5.0),
            Candidate("p2"),
            Candidate("spare", on=standby_on, stands_by_for=("p1", "p2")),
        ]
        return set(make_up(candidates, hours(p1=100.0, p2=100.0), count))

    assert stage(3) == {"p1", "p2"}
    assert stage(1, first=False) == {"p2"}
    assert stage(2, first=False) == {"p2", "spare"}
    assert stage(2, standby_on=True) == {"p1", "spare"}  # p1 was repaired: no swap
    assert stage(3, standby_on=True) == {"p1", "spare"}


@pytest.mark.parametrize("step_s", [1.0, 15.0, 900.0])
def test_hours_count_alike_at_any_step(step_s: float) -> None:
    record = RunRecord()
    for look in range(int(7200 / step_s) + 1):
        record = record_hours(record, ["a"] if look * step_s < 5400.0 else [], look * step_s)
    assert record.of("a").lifetime_h == pytest.approx(1.5)
    assert record.of("a").starts == 1
    assert record.of("b").lifetime_h == 0.0
    fresh = reset_staging_hours(record, "a")
    assert fresh.of("a").staging_h == 0.0
    assert fresh.of("a").lifetime_h == pytest.approx(1.5)
    assert Codec().decode(RunRecord, Codec().encode(fresh)) == fresh


def test_hours_are_recorded_once_a_minute() -> None:
    record = record_hours(RunRecord(), ["a"], 1000.0)
    assert record_hours(record, ["a"], 1059.0) is record
    assert record_hours(record, ["a"], 1060.0).of("a").lifetime_h == pytest.approx(60.0 / 3600.0)


CANDIDATE = st.tuples(
    st.booleans(), st.booleans(), st.floats(0, 1000), st.sampled_from([(), ("m0",), ("m0", "m1")])
)


@given(st.lists(CANDIDATE, max_size=6), st.integers(0, 6))
def test_a_stage_has_only_what_is_available_and_keeps_what_runs(
    drawn: list[tuple[bool, bool, float, tuple[str, ...]]], count: int
) -> None:
    candidates = [
        Candidate(f"m{n}", on, available, None if available else run_h, stands if n > 1 else ())
        for n, (on, available, run_h, stands) in enumerate(drawn)
    ]
    record = hours(**{f"m{n}": run_h for n, (_, _, run_h, _) in enumerate(drawn)})
    found = make_up(candidates, record, count)
    by_name = {candidate.name: candidate for candidate in candidates}
    assert len(found) == len(set(found)) <= count
    assert all(by_name[name].available for name in found)
    assert sorted(lead_order(candidates, record)) == sorted(by_name)
    plain = [c for c in candidates if c.available and not c.stands_by_for]
    if not any(c.stands_by_for for c in candidates):
        assert len(found) == min(count, len(plain))
        kept = [c.name for c in plain if c.on]
        assert len(set(kept) & set(found)) == min(count, len(kept))


# --- proof -----------------------------------------------------------------------------------

PUMP = ProofRules()
CHILLER = ProofRules(300.0, 15.0, cycles=True)


def watched(
    rules: ProofRules,
    looks: Sequence[tuple[float, ProofInputs]],
    state: ProofState = STILL,
) -> list[ProofState]:
    codec, found = Codec(), []
    for watched_s, inputs in looks:
        state = watch_machine(state, rules, inputs, watched_s)
        assert codec.decode(ProofState, codec.encode(state)) == state
        found.append(state)
    return found


def wanted(status: bool | None, **more: bool | None) -> ProofInputs:
    return replace(ProofInputs(True, status), **more)  # type: ignore[arg-type]


STOP = ProofInputs(False, False)


def test_a_start_that_is_proven() -> None:
    states = watched(PUMP, [(0.0, wanted(False)), (10.0, wanted(False)), (12.0, wanted(True))])
    assert [s.phase for s in states] == [
        MachinePhase.STARTING,
        MachinePhase.STARTING,
        MachinePhase.RUNNING,
    ]
    assert [s.proven for s in states] == [False, False, True]
    assert all(s.on and s.available for s in states)


@pytest.mark.parametrize("status", [False, None])
def test_a_start_that_is_never_proven_fails_within_its_time(status: bool | None) -> None:
    states = watched(PUMP, [(0.0, wanted(status)), (29.0, wanted(status)), (30.0, wanted(status))])
    assert [s.available for s in states] == [True, True, False]
    assert not states[-1].on
    if status is None:
        assert (states[-1].failure, states[-1].latched) == (Failure.UNREAD, False)
        assert states[-1].failed == "its run status cannot be read"
    else:
        assert (states[-1].failure, states[-1].latched) == (Failure.NOT_PROVEN, True)
        assert states[-1].failed == "shows no run status within 30 s"


def test_a_failed_machine_stays_out_of_use_until_a_person_resets_it() -> None:
    """Control cases: plant off for the night and on again; not tried first each morning."""
    state = watched(PUMP, [(0.0, wanted(False)), (30.0, wanted(False))])[-1]
    looks = [(1e5 * n, inputs) for n in range(1, 4) for inputs in (STOP, wanted(False))]
    assert all(s.latched and not s.on for s in watched(PUMP, looks, state))
    again = watched(PUMP, [(5e5, wanted(False, reset=True)), (5e5 + 5.0, wanted(True))], state)
    assert again[0].phase is MachinePhase.STARTING
    assert again[1].proven


def _hours_of_tries(
    hours: float, status: Callable[[float], bool], **more: bool
) -> tuple[list[float], list[ProofState]]:
    """When a machine that is always wanted is told to start, and its state at each look."""
    state, tries, states = STILL, list[float](), list[ProofState]()
    for look in range(int(hours * 360)):
        watched_s = 10.0 * look
        inputs = wanted(state.on and status(watched_s), **more)
        after = watch_machine(state, PUMP, inputs, watched_s)
        if after.on and not state.on:
            tries.append(watched_s)
        state = after
        states.append(after)
    return tries, states


def test_what_nothing_stands_in_for_is_tried_again_and_named_all_the_time() -> None:
    tries, states = _hours_of_tries(48.0, lambda _: False, alone=True)
    waits = [after - before for before, after in itertools.pairwise(tries)]
    assert waits[:4] == pytest.approx([930.0, 1830.0, 3630.0, 3630.0])
    for tried_s in tries:
        assert sum(tried_s <= other_s < tried_s + 86400.0 for other_s in tries) <= 9
    assert len([t for t in tries if t >= 86400.0]) >= 6  # it does not give up for ever
    assert all(s.failed or s.doubted for s in states[3:])
    assert tries == _hours_of_tries(48.0, lambda _: False, alone=True)[0]


def test_what_was_only_without_power_runs_again_and_its_name_is_cleared() -> None:
    tries, states = _hours_of_tries(2.0, lambda watched_s: watched_s > 600.0, alone=True)
    assert tries == [0.0, 930.0]
    assert states[-1].proven
    assert not states[-1].doubted
    named = [bool(s.failed or s.doubted) for s in states]
    assert named[3:99] == [True] * 96
    assert not any(named[101:])


def test_a_third_fault_of_a_day_is_never_tried_again() -> None:
    state = STILL
    for look in range(3 * 360):
        inputs = wanted(state.on, fault=state.phase is MachinePhase.RUNNING, alone=True)
        state = watch_machine(state, PUMP, inputs, 10.0 * look)
    assert state.latched
    assert state.retry_s is None
    assert watched(PUMP, [(4e4, wanted(False, alone=True))], state)[-1].latched


def test_a_status_that_goes_while_it_runs_is_lost() -> None:
    running = watched(PUMP, [(0.0, wanted(True))])[-1]
    states = watched(
        PUMP,
        [(10.0, wanted(False)), (24.0, wanted(False)), (25.0, wanted(False))],
        running,
    )
    assert [s.on for s in states] == [True, True, False]
    assert not states[0].proven
    assert states[-1].failed == "shows no run status for 15 s"
    assert states[-1].latched
    back = watched(PUMP, [(10.0, wanted(False)), (20.0, wanted(True))], running)[-1]
    assert back.proven
    unread = watched(PUMP, [(10.0, wanted(None)), (900.0, wanted(None))], running)[-1]
    assert unread.available


def test_a_fault_withdraws_at_once_in_any_phase() -> None:
    for before in ([], [(0.0, wanted(False))], [(0.0, wanted(True))]):
        state = watched(PUMP, [*before, (5.0, wanted(True, fault=True))])[-1]
        assert not state.on
        assert state.failure is Failure.FAULT
        assert state.failed == "its fault input is on"
        assert not state.latched


def test_the_third_fault_of_a_day_latches() -> None:
    """Control cases: a fault that recurs a minute after each restart restarted 12 times in 6 h."""
    state, begun = STILL, 0
    for minute in range(6 * 60):
        watched_s = 60.0 * minute
        running = state.phase is MachinePhase.RUNNING
        inputs = wanted(state.on, fault=running)
        after = watch_machine(state, PUMP, inputs, watched_s)
        begun += after.on and not state.on
        state = after
    assert begun == 3
    assert state.latched


def test_faults_on_different_days_do_not_latch_and_one_that_stays_waits() -> None:
    state = STILL
    for day in range(4):
        begin_s = 90_000.0 * day
        state = watched(
            PUMP,
            [
                (begin_s, wanted(True)),
                (begin_s + 60.0, wanted(True, fault=True)),
                (begin_s + 3600.0, wanted(True, fault=True)),
                (begin_s + 3601.0, wanted(False, fault=False)),
            ],
            state,
        )[-1]
        assert not state.on  # ten minutes from when it went
        assert not state.latched
        state = watched(PUMP, [(begin_s + 4201.0, wanted(False))], state)[-1]
        assert state.phase is MachinePhase.STARTING


def test_a_machine_that_stops_by_its_own_thermostat_waits() -> None:
    """Control cases: a chiller at low load stops for 6 min; that latched it."""
    looks = [(0.0, wanted(False)), (200.0, wanted(True, needed=True))]
    looks += [(600.0 + 15.0 * n, wanted(False, needed=False)) for n in range(24)]
    looks += [(960.0, wanted(True))]
    states = watched(CHILLER, looks)
    assert states[-2].phase is MachinePhase.PAUSED
    assert all(s.on and s.available for s in states)
    assert states[-1].proven
    assert not states[-2].proven


def test_a_pause_while_its_cold_is_missed_is_a_failure() -> None:
    looks = [(0.0, wanted(True)), (100.0, wanted(False, needed=True))]
    looks += [(399.0, wanted(False, needed=True)), (400.0, wanted(False, needed=True))]
    states = watched(CHILLER, looks)
    assert [s.available for s in states] == [True, True, True, False]
    assert states[-1].failure is Failure.LOST


def test_a_first_start_counts_unless_its_thermostat_is_satisfied() -> None:
    """A compressor without a fault contact that never runs is replaced and named."""
    late = [(0.0, wanted(False, needed=True)), (300.0, wanted(False, needed=True))]
    assert watched(CHILLER, late)[-1].failure is Failure.NOT_PROVEN
    unknown = [(0.0, wanted(False)), (300.0, wanted(False))]
    assert watched(CHILLER, unknown)[-1].failure is Failure.NOT_PROVEN
    satisfied = [(0.0, wanted(False, needed=False)), (9000.0, wanted(False, needed=False))]
    assert watched(CHILLER, satisfied)[-1].phase is MachinePhase.STARTING


def test_proofs_that_fail_while_power_is_away_are_no_faults() -> None:
    """Control cases: 120 s power dip; everything runs again by itself."""
    looks = [(0.0, wanted(True))]
    looks += [(100.0 + s, wanted(False, powered=False)) for s in range(0, 120, 5)]
    looks += [(220.0 + s, wanted(False)) for s in range(0, 85, 5)]
    looks += [(310.0, wanted(True))]
    states = watched(PUMP, looks)
    assert all(s.available for s in states)
    assert states[-1].proven
    dead = watched(PUMP, [(310.0 + s, wanted(False)) for s in range(5, 100, 5)], states[-2])
    assert not dead[-1].available


def test_a_failure_just_before_power_is_known_to_be_away_is_forgiven() -> None:
    looks = [(0.0, wanted(True)), (100.0, wanted(False)), (115.0, wanted(False))]
    failed = watched(PUMP, looks)[-1]
    assert failed.latched
    forgiven = watched(PUMP, [(120.0, wanted(False, powered=False))], failed)[-1]
    assert forgiven.available
    later = watched(PUMP, [(176.0, wanted(False, powered=False))], failed)[-1]
    assert later.latched


def test_a_proof_begins_with_the_command_not_with_the_wish() -> None:
    """Restarts are staggered at slot 7: held back, it cannot fail."""
    looks = [(10.0 * n, wanted(False, commanded=False)) for n in range(60)]
    looks += [(600.0, wanted(False, commanded=True)), (619.0, wanted(False, commanded=True))]
    states = watched(PUMP, looks)
    assert all(s.phase is MachinePhase.STARTING for s in states)
    # the last look without its command was at 590 s
    failed = watched(PUMP, [(620.0, wanted(False, commanded=True))], states[-1])[-1]
    assert failed.failure is Failure.NOT_PROVEN


def test_coasting_is_not_running_by_hand() -> None:
    running = watched(PUMP, [(0.0, wanted(True))])[-1]
    states = watched(
        PUMP,
        [(10.0, ProofInputs(False, True)), (309.0, ProofInputs(False, True))],
        running,
    )
    assert [s.phase for s in states] == [MachinePhase.STOPPING] * 2
    assert not states[-1].runs_though_stopped(PUMP, 309.0)
    assert states[-1].runs_though_stopped(PUMP, 310.0)
    assert watched(PUMP, [(311.0, STOP)], states[-1])[-1].phase is MachinePhase.OFF


def test_a_machine_without_a_status_runs_once_commanded() -> None:
    rules = ProofRules(provable=False)
    assert watched(rules, [(0.0, wanted(None))])[-1].phase is MachinePhase.RUNNING


def test_an_unread_machine_is_tried_again() -> None:
    state = watched(PUMP, [(0.0, wanted(None)), (30.0, wanted(None))])[-1]
    assert not watched(PUMP, [(629.0, wanted(None))], state)[-1].on
    assert watched(PUMP, [(630.0, wanted(None))], state)[-1].phase is MachinePhase.STARTING


INPUTS = st.builds(
    ProofInputs,
    st.booleans(),
    st.sampled_from([True, False, None]),
    st.sampled_from([True, False, None]),
    st.sampled_from([True, False, None]),
    st.sampled_from([True, True, False]),
    st.sampled_from([True, False, None]),
    st.sampled_from([False, False, False, True]),
)


@given(st.lists(st.tuples(st.floats(0.0, 700.0), INPUTS), max_size=60), st.booleans())
def test_a_command_is_never_out_with_a_fault_and_a_latch_stays(
    looks: list[tuple[float, ProofInputs]], cycles: bool
) -> None:
    rules = ProofRules(cycles=cycles)
    state, watched_s = STILL, 0.0
    for step_s, inputs in looks:
        watched_s += step_s
        after = watch_machine(state, rules, inputs, watched_s)
        assert after.on <= inputs.wanted
        if inputs.fault and inputs.powered and not after.unpowered:
            assert not after.on
        if state.latched and not inputs.reset and inputs.powered:
            assert after.latched
        if after.latched and not after.unpowered:
            assert not after.on
        assert bool(after.failed) == (not after.available)
        state = after
