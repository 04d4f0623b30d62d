from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bms.control.blocks.machines.chooser import (
    LEAST_LOAD_FACTOR,
    Choice,
    ChooserRules,
    ChooserState,
    Demand,
    Unit,
    best,
    choose,
    judge,
)
from bms.control.blocks.machines.curves import (
    UNLEARNED,
    LearningRules,
    correction,
    full_load,
    learn,
    power_kw,
)
from bms.control.engine.states import Codec
from tests.control.blocks.chillers import CHW_C, PAIR, SCREW, UNLIKE, VSD

RULES = ChooserRules()


def chosen(units: Sequence[Unit], load_kw: float, cw_c: float | None = None) -> tuple[str, ...]:
    found = best(units, Demand(load_kw, None if cw_c is None else CHW_C, cw_c))
    assert found is not None
    return found.names


def test_no_machine_does_for_no_load() -> None:
    assert judge((), Demand(0.0)) == Choice((), True, 0.0, 0.0)
    assert judge((), Demand(0.1)) == Choice((), False, 0.0, 0.0)


# --- curves ----------------------------------------------------------------------------------


def test_power_at_half_load_is_as_printed() -> None:
    """Control reference, 10: 50 % of the reference capacity at 6.67/29.44 degC."""
    assert power_kw(VSD, 0.5 * 1406.6, CHW_C, 29.44) == pytest.approx(119.7, abs=0.05)
    assert power_kw(SCREW, 0.5 * 780.7, CHW_C, 29.44) == pytest.approx(73.4, abs=0.05)


@pytest.mark.parametrize(
    ("load_kw", "cw_c", "vsd_kw", "screw_kw"),
    [(400.0, 20.0, 65.2, 54.5), (600.0, 29.44, 104.6, 107.4), (195.0, 20.0, 34.6, 38.0)],
)
def test_golden_cases_of_the_reference(
    load_kw: float, cw_c: float, vsd_kw: float, screw_kw: float
) -> None:
    """Section 3, "Night low-load chiller"; the third is EnergyPlus' ideal cycling (10)."""
    assert power_kw(VSD, load_kw, CHW_C, cw_c, 0.0) == pytest.approx(vsd_kw, abs=0.05)
    assert power_kw(SCREW, load_kw, CHW_C, cw_c, 0.0) == pytest.approx(screw_kw, abs=0.05)


def test_starts_turn_the_flattering_case_round() -> None:
    assert power_kw(VSD, 195.0, CHW_C, 20.0) > power_kw(SCREW, 195.0, CHW_C, 20.0)


def test_capacity_at_the_reference_point_is_that_of_the_plate() -> None:
    assert full_load(VSD, 6.67, 29.44).can_kw == pytest.approx(1406.6, rel=0.02)
    assert full_load(SCREW, 6.67, 29.44).can_kw == pytest.approx(780.7, rel=0.02)
    assert power_kw(SCREW, 780.7, 6.67, 29.44) == pytest.approx(780.7 / 5.42, rel=0.02)


@given(st.floats(0, 2000), st.floats(-30, 40), st.floats(-10, 60))
def test_power_is_finite_and_positive_everywhere(load_kw: float, chw_c: float, cw_c: float) -> None:
    for model in (VSD, SCREW):
        assert 0.0 <= power_kw(model, load_kw, chw_c, cw_c) < 20_000.0
        assert full_load(model, chw_c, cw_c).can_kw > 0.0


def test_a_curve_is_corrected_by_the_meter_within_bounds_and_after_a_day() -> None:
    rules, learned = LearningRules(), UNLEARNED
    for quarter in range(200):
        assert correction(learned, rules) == (learned.factor if quarter >= 96 else 1.0)
        learned = learn(learned, rules, 100.0, 112.0 + quarter % 3)
    assert correction(learned, rules) == pytest.approx(1.13, abs=0.01)
    assert learn(learned, rules, 100.0, 900.0) == learned  # no chiller takes nine times as much
    assert learn(learned, rules, 0.0, 10.0) == learned
    for _ in range(500):
        learned = learn(learned, rules, 100.0, 240.0)
    assert correction(learned, rules) == 1.4
    for _ in range(500):
        learned = learn(learned, rules, 100.0, 45.0)
    assert correction(learned, rules) == 0.7


# --- best set --------------------------------------------------------------------------------


def test_size_alone_does_not_decide_lift_does() -> None:
    assert chosen(UNLIKE, 400.0, 20.0) == ("screw",)
    assert chosen(UNLIKE, 600.0, 29.44) == ("vsd",)


@pytest.mark.parametrize(
    ("load_kw", "expected"),
    [(100.0, {"small"}), (310.0, {"small"}), (400.0, {"large"}), (680.0, {"large", "small"})],
)
def test_without_curves_the_smallest_that_does(load_kw: float, expected: set[str]) -> None:
    assert set(chosen(PAIR, load_kw)) == expected


def test_a_set_outside_its_envelope_is_not_feasible() -> None:
    narrow = (replace(UNLIKE[0], lift_k=(18.0, 40.0)), UNLIKE[1])
    assert chosen(narrow, 600.0, 29.44) == ("vsd",)
    assert chosen(narrow, 600.0, 20.0) == ("screw",)
    assert not judge(narrow[:1], Demand(600.0, CHW_C, 20.0)).feasible


def test_the_auxiliaries_and_what_was_learned_count() -> None:
    thirsty = (UNLIKE[0], replace(UNLIKE[1], auxiliary_kw=15.0))
    assert chosen(thirsty, 400.0, 20.0) == ("vsd",)
    worn = (replace(UNLIKE[0], factor=1.1), UNLIKE[1])
    assert chosen(worn, 600.0, 29.44) == ("screw",)


def test_where_nothing_fits_it_is_all_of_them_or_the_least() -> None:
    assert set(chosen(PAIR, 5000.0)) == {"large", "small"}
    assert chosen(PAIR, 10.0) == ("small",)
    assert not judge(PAIR, Demand(5000.0)).feasible
    assert best([replace(unit, available=False) for unit in PAIR], Demand(10.0)) is None
    assert judge((), Demand(0.0)).feasible


def test_of_machines_alike_the_order_given_decides_and_what_runs_stays() -> None:
    alike = tuple(Unit(f"c{n}", 500.0, 50.0) for n in range(4))
    found = best(alike, Demand(800.0))
    assert found is not None
    assert found.names == ("c0", "c1")
    found = best(alike, Demand(800.0), running=["c2", "c3"])
    assert found is not None
    assert set(found.names) == {"c2", "c3"}
    kept = (*alike[:3], replace(alike[3], kept=True))
    found = best(kept, Demand(400.0))
    assert found is not None
    assert found.names == ("c3",)


UNIT = st.builds(
    lambda size, least, share, available, model: (size, size * least, share, available, model),
    st.sampled_from([100.0, 350.0, 700.0, 1400.0]),
    st.sampled_from([0.0, 0.1, 0.3]),
    st.sampled_from([0.8, 0.9]),
    st.booleans(),
    st.sampled_from([None, VSD, SCREW]),
)


@given(st.lists(UNIT, min_size=1, max_size=5), st.floats(0.0, 3000.0), st.booleans())
def test_a_feasible_set_is_chosen_wherever_there_is_one(
    drawn: list[tuple[float, float, float, bool, object]], load_kw: float, warm: bool
) -> None:
    """Against every subset, worked out plainly."""
    units = [
        Unit(f"u{n}", size, least, share, available, model=model)  # type: ignore[arg-type]
        for n, (size, least, share, available, model) in enumerate(drawn)
    ]
    demand = Demand(load_kw, CHW_C if warm else None, 25.0 if warm else None)
    found = best(units, demand)
    usable = [unit for unit in units if unit.available]
    assert (found is None) == (not usable)
    if found is None:
        return
    sets = [s for n in range(1, len(usable) + 1) for s in combinations(usable, n)]
    feasible = []
    for units_ in sets:
        total = sum(unit.capacity_kw for unit in units_)
        below = load_kw <= sum(unit.share * unit.capacity_kw for unit in units_)
        above = all(
            load_kw * unit.capacity_kw / total >= LEAST_LOAD_FACTOR * unit.least_kw
            for unit in units_
        )
        if below and above:
            feasible.append(units_)
    assert found.feasible == bool(feasible)
    assert {*found.names} <= {unit.name for unit in usable}
    if feasible and not warm:
        smallest = min(sum(unit.capacity_kw for unit in units_) for units_ in feasible)
        assert found.capacity_kw == smallest
    if feasible and warm and all(unit.model is not None for unit in usable):
        powers = [judge(units_, demand).power_kw for units_ in feasible]
        assert found.power_kw == pytest.approx(min(p for p in powers if p is not None), abs=1e-2)


# --- over time -------------------------------------------------------------------------------


def run(
    units: Sequence[Unit],
    load_of: Callable[[float], float | None],
    hours: float,
    *,
    step_s: float = 15.0,
    cw_c: float | None = None,
    state: ChooserState = ChooserState(),  # noqa: B008 - frozen
) -> list[tuple[float, tuple[str, ...]]]:
    """(second, set) at each change."""
    codec, found = Codec(), []
    for look in range(int(hours * 3600 / step_s) + 1):
        watched_s = look * step_s
        load_kw = load_of(watched_s)
        demand = None
        if load_kw is not None:
            demand = Demand(load_kw, None if cw_c is None else CHW_C, cw_c)
        after = choose(state, RULES, units, demand, watched_s)
        if after.chosen != state.chosen:
            found.append((watched_s, after.chosen))
            assert codec.decode(ChooserState, codec.encode(after)) == after
        state = after
    return found


@pytest.mark.parametrize("step_s", [1.0, 15.0, 60.0])
def test_a_load_that_falls_from_680_to_400_leaves_one_large_machine(step_s: float) -> None:
    """Control cases, "The right machine": both ran for 5 h."""
    changes = run(PAIR, lambda s: 680.0 if s < 7200.0 else 400.0, 5.0, step_s=step_s)
    assert [set(names) for _, names in changes] == [{"large", "small"}, {"large"}]
    assert changes[1][0] == pytest.approx(7200.0 + 900.0, abs=61.0)


def test_a_start_at_100_kw_is_led_by_the_small_machine() -> None:
    assert run(PAIR, lambda s: 100.0, 6.0) == [(0.0, ("small",))]


@pytest.mark.parametrize("noise", [0.0, 0.03])
def test_a_load_of_94_per_cent_brings_the_second_machine_in_spite_of_noise(noise: float) -> None:
    """Control cases: 2-3 % flow noise at 1 s; it never came in 6 h."""
    pair = (Unit("c1", 700.0), Unit("c2", 700.0))

    def load_of(watched_s: float) -> float:
        swing = ((watched_s * 7919.0) % 11.0 - 5.0) / 5.0
        return (600.0 if watched_s < 1800.0 else 658.0) * (1.0 + noise * swing)

    changes = run(pair, load_of, 3.0, step_s=1.0)
    assert [len(names) for _, names in changes] == [1, 2]
    assert 2700.0 <= changes[1][0] <= 2700.0 + 1200.0


def test_thirty_seconds_of_load_and_an_unwatched_half_hour_are_no_delay() -> None:
    state = ChooserState()
    for watched_s in range(0, 3600, 30):
        state = choose(state, RULES, PAIR, Demand(400.0), float(watched_s))
    for watched_s in (3600, 3630):  # the stop of the controller adds nothing to watched time
        state = choose(state, RULES, PAIR, Demand(680.0), float(watched_s))
    assert state.chosen == ("large",)


def test_a_load_about_a_border_does_not_change_the_set_to_and_fro() -> None:
    border = 0.9 * 700.0

    def load_of(watched_s: float) -> float:
        return border + (20.0 if (watched_s // 1800.0) % 2 else -20.0)

    assert len(run(PAIR, load_of, 12.0)) <= 2


def test_a_machine_out_of_use_is_replaced_at_once() -> None:
    state = choose(ChooserState(), RULES, PAIR, Demand(300.0), 0.0)
    assert state.chosen == ("small",)
    broken = (PAIR[0], replace(PAIR[1], available=False))
    state = choose(state, RULES, broken, Demand(300.0), 15.0)
    assert state.chosen == ("large",)
    none = [replace(unit, available=False) for unit in PAIR]
    state = choose(state, RULES, none, Demand(300.0), 30.0)
    assert (state.chosen, state.reason) == ((), "none is available")
    assert choose(state, RULES, none, Demand(300.0), 45.0) is state


def test_what_a_person_wants_on_is_taken_in_at_once() -> None:
    state = choose(ChooserState(), RULES, PAIR, Demand(300.0), 0.0)
    wanted = (replace(PAIR[0], kept=True), PAIR[1])
    assert choose(state, RULES, wanted, Demand(300.0), 15.0).chosen == ("large",)


def test_sets_are_weighed_seldom_while_nothing_speaks_for_a_change() -> None:
    state = ChooserState()
    for watched_s in (0.0, 60.0, 120.0):
        state = choose(state, RULES, PAIR, Demand(200.0), watched_s)
    assert state.weighed_s == 60.0
    for demand in (Demand(200.0), Demand(203.0)):
        assert choose(state, RULES, PAIR, demand, 359.0) is state
    assert choose(state, RULES, PAIR, None, 359.0) is state
    assert choose(state, RULES, PAIR, Demand(205.0), 130.0).weighed_s == 130.0
    assert choose(state, RULES, PAIR, Demand(200.0), 360.0).weighed_s == 360.0


def test_without_a_load_the_set_stays_and_the_smallest_begins() -> None:
    state = choose(ChooserState(), RULES, PAIR, None, 0.0)
    assert (state.chosen, state.reason) == (("small",), "the load is not known")
    assert choose(state, RULES, PAIR, None, 9000.0) is state
    broken = (PAIR[0], replace(PAIR[1], available=False))
    assert choose(state, RULES, broken, None, 9000.0).chosen == ("large",)
    wanted = (replace(PAIR[0], kept=True), PAIR[1])
    assert set(choose(state, RULES, wanted, None, 9000.0).chosen) == {"large", "small"}


def test_a_supply_that_stays_warm_brings_more_and_keeps_it_for_an_hour() -> None:
    state = choose(ChooserState(), RULES, PAIR, Demand(250.0), 0.0)
    changes = []
    for minute in range(1, 180):
        before = state.chosen
        warm = minute < 30
        state = choose(state, RULES, PAIR, Demand(250.0), 60.0 * minute, short=warm)
        if state.chosen != before:
            changes.append((minute, state.chosen))
    assert changes[0] == (16, ("large",))
    assert changes[1][1] == ("small",)
    assert changes[1][0] >= 16 + 60


def test_less_power_is_worth_a_swap_after_an_hour_only() -> None:
    state = choose(ChooserState(), RULES, UNLIKE, Demand(600.0, CHW_C, 29.44), 0.0)
    assert state.chosen == ("vsd",)
    assert state.reason == "load 600 kW: least power, 105 kW as modelled"
    swapped_s = None
    for minute in range(1, 120):
        state = choose(state, RULES, UNLIKE, Demand(400.0, CHW_C, 20.0), 60.0 * minute)
        if state.chosen == ("screw",) and swapped_s is None:
            swapped_s = 60.0 * minute
    assert swapped_s == 3600.0
    for minute in range(120, 300):  # 2.6 % less: not worth a change
        state = choose(state, RULES, UNLIKE, Demand(600.0, CHW_C, 29.44), 60.0 * minute)
    assert state.chosen == ("screw",)


@given(
    st.lists(
        st.tuples(
            st.floats(1.0, 2000.0),
            st.none() | st.floats(0.0, 1500.0),
            st.lists(st.booleans(), min_size=3, max_size=3),
            st.booleans(),
        ),
        max_size=60,
    )
)
def test_what_is_chosen_is_always_available_and_changes_are_held(
    looks: list[tuple[float, float | None, list[bool], bool]],
) -> None:
    state, watched_s = ChooserState(), 0.0
    for step_s, load_kw, available, short in looks:
        watched_s += step_s
        units = [
            replace(unit, available=here)
            for unit, here in zip((*PAIR, Unit("third", 700.0, 100.0)), available, strict=True)
        ]
        demand = None if load_kw is None else Demand(load_kw)
        after = choose(state, RULES, units, demand, watched_s, short)
        usable = {unit.name for unit in units if unit.available}
        assert set(after.chosen) <= usable
        assert bool(after.chosen) == bool(usable)
        if set(after.chosen) != set(state.chosen) and set(state.chosen) <= usable and state.chosen:
            assert state.since_s is not None
            assert watched_s - state.since_s >= RULES.hold_s
        state = after
