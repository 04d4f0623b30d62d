"""What is shed, when, and what is learned of it: tables at the bounds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from bms.control.strategies.demand.demand_parameters import DemandParameters, LoadFile
from bms.control.strategies.demand.load_learning import judged, pending_kw
from bms.control.strategies.demand.sheddable_loads import Load, LoadSeen
from bms.control.strategies.demand.shedding import (
    Choice,
    LoadState,
    Outlook,
    available,
    back_now,
    choose,
    gives_kw,
    left_kwh,
    left_s,
    must_return,
    returning,
    shed_kw,
    shed_now,
)

NOW_S = 10_000.0


def load(name: str, level: int = 1, order: int = 0, **file: Any) -> Load:
    made = LoadFile(machines=[name], level=level, **({"takes_s": 0.0} | file))
    return Load(name, made, order, (), (), None, (), (), 10.0)


def shows(kw: float = 10.0, **more: Any) -> LoadSeen:
    seen = LoadSeen(draws_kw=kw, measured=True, on=True, gives_kw=kw, comfortable=True)
    return replace(seen, **more)


def outlook(need_kwh: float, **more: Any) -> Outlook:
    usual = Outlook(need_kwh, error_kwh=0.0, sun_kwh=0.0, remaining_s=600.0, sun_kw=0.0,
                    spare_kw=0.0, hysteresis_kwh=1.0)  # fmt: skip
    return replace(usual, **more)


# --- what may be shed ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seen", "state", "may"),
    [
        ({}, {}, True),
        ({"on": False}, {}, False),
        ({"restarts": True}, {}, False),
        ({"comfortable": None}, {}, False),
        ({"comfortable": False}, {}, False),
        ({}, {"shed_s": NOW_S}, False),
        ({}, {"back_s": NOW_S - 299.0}, False),
        ({}, {"back_s": NOW_S - 300.0}, True),
        ({}, {"obeys": False}, False),
        ({"gives_kw": 0.2}, {}, True),
        ({"gives_kw": 0.19}, {}, False),
        ({"gives_kw": 0.3}, {"learned": 0.5}, False),
        ({"gives_kw": 0.4}, {"learned": 0.5}, True),
    ],
)
def test_which_loads_may_be_shed(seen: dict[str, Any], state: dict[str, Any], *, may: bool) -> None:
    one = load("a", min_back_s=300.0)
    found = available([one], {"a": shows(**seen)}, {"a": LoadState(**state)}, NOW_S)
    assert found == ([one] if may else [])


def test_loads_are_taken_by_level_then_by_turns_then_in_order() -> None:
    loads = [load("late", 2, 0), load("much", 1, 1), load("b", 1, 3), load("a", 1, 2)]
    seen = {one.name: shows() for one in loads}
    states = {one.name: LoadState() for one in loads} | {"much": LoadState(total_s=60.0)}
    assert [one.name for one in available(loads, seen, states, NOW_S)] == ["a", "b", "much", "late"]


def test_what_shedding_gives_until_the_end() -> None:
    one, seen = load("a", takes_s=60.0), shows(12.0, ready_in_s=120.0)
    assert left_s(one, seen, 900.0) == 720.0
    assert left_s(one, seen, 100.0) == 0.0
    assert gives_kw(seen, LoadState(learned=0.5)) == 6.0
    states = {"a": LoadState(learned=0.5), "b": LoadState(shed_s=1.0)}
    both = {"a": seen, "b": shows()}
    assert left_kwh([one, load("b")], both, states, 900.0, NOW_S) == pytest.approx(1.2)


RULES = DemandParameters(limit_kw=100.0, loads=[LoadFile(machines=["a"])], use_pct=60.0,
                         latest_s=240.0)  # fmt: skip
THREE = [load("a", 1, 0), load("b", 1, 1), load("c", 2, 2)]
"""Of 12, 6 and 12 kW: 2, 1 and 2 kWh in ten minutes; 60 % of them are 3 kWh."""
SEEN = {"a": shows(12.0), "b": shows(6.0), "c": shows(12.0)}
FRESH: Mapping[str, LoadState] = {"a": LoadState(), "b": LoadState(), "c": LoadState()}


@pytest.mark.parametrize(
    ("need_kwh", "more", "shed"),
    [
        # Nothing is needed, or far less than there is and it is early.
        (0.0, {"error_kwh": 9.0}, ()), (-1.0, {"remaining_s": 240.0}, ()), (2.9, {}, ()),
        (3.0, {}, ("a", "b")), (3.1, {}, ("a", "b", "c")), (2.0, {"error_kwh": 1.0}, ("a",)),
        (2.0, {"error_kwh": 0.9}, ()), (1.9, {"sun_kwh": 1.1}, ("a",)),
        # Four minutes before its end whatever is needed is shed; a, b and c give 0.8, 0.4, 0.8.
        (0.1, {"remaining_s": 240.0}, ("a",)), (0.1, {"remaining_s": 241.0}, ()),
        (0.9, {"remaining_s": 240.0}, ("a", "b")),
        # The sun may go: one load before it is needed.
        (0.0, {"sun_kwh": 3.0}, ("a",)), (0.0, {"sun_kwh": 2.9}, ()),
        (-1.0, {"sun_kwh": 4.0}, ("a",)),
        (99.0, {"remaining_s": 0.0}, ()),
    ],
)  # fmt: skip
def test_when_and_what_is_shed(
    need_kwh: float, more: dict[str, float], shed: tuple[str, ...]
) -> None:
    found = choose(THREE, SEEN, FRESH, outlook(need_kwh, **more), RULES, NOW_S)
    assert found == Choice(shed)


@pytest.mark.parametrize(
    ("first_kw", "second_kw", "need_kwh", "shed"),
    [
        # b (2 kWh) alone does it: a (1 kWh) of its own level is needless.
        (6.0, 12.0, 2.0, ("b",)), (6.0, 12.0, 2.1, ("a", "b")), (6.0, 12.0, 1.0, ("a",)),
    ],
)  # fmt: skip
def test_what_a_larger_load_made_needless_is_not_shed(
    first_kw: float, second_kw: float, need_kwh: float, shed: tuple[str, ...]
) -> None:
    seen = {"a": shows(first_kw), "b": shows(second_kw)}
    rules = RULES.model_copy(update={"use_pct": 1.0})
    states = {"a": LoadState(), "b": LoadState()}
    assert choose(THREE[:2], seen, states, outlook(need_kwh), rules, NOW_S) == Choice(shed)
    # One of a lower level stays, however small.
    apart = [load("a", 1, 0), load("b", 2, 1)]
    found = choose(apart, seen, states, outlook(need_kwh), rules, NOW_S)
    assert found == Choice(("a",) if need_kwh <= 1.0 else ("a", "b"))


# --- how loads come back ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seen", "ago_s", "returns"),
    [
        ({}, None, False), ({}, 7199.0, False), ({}, 7200.0, True),
        ({"comfortable": False}, 1.0, True), ({"comfortable": None}, 1.0, True),
        ({"comfortable": False}, None, False),
    ],
)  # fmt: skip
def test_what_comes_back_whatever_the_demand(
    seen: dict[str, Any], ago_s: float | None, *, returns: bool
) -> None:
    state = LoadState(shed_s=None if ago_s is None else NOW_S - ago_s)
    assert must_return(load("a", longest_s=7200.0), shows(**seen), state, NOW_S) is returns


def gone(ago_s: float = 900.0, kw: float = 12.0, **more: Any) -> LoadState:
    return LoadState(shed_s=NOW_S - ago_s, expected_kw=kw, **more)


@pytest.mark.parametrize(
    ("states", "now", "back"),
    [
        # 12 kW for ten minutes are 2 kWh, and 1 kWh stays below the target.
        ({"a": gone()}, {"need_kwh": -3.0}, "a"),
        ({"a": gone()}, {"need_kwh": -2.9}, None),
        ({"a": gone()}, {"need_kwh": -3.0, "spare_kw": 11.9}, None),
        ({"a": gone(learned=0.5)}, {"need_kwh": -2.0}, "a"),
        ({"a": gone(learned=0.5)}, {"need_kwh": -2.0, "spare_kw": 6.0}, "a"),
        # The highest level first, of one level the last that was shed.
        ({"a": gone(), "c": gone()}, {}, "c"),
        ({"a": gone(900.0), "b": gone(800.0)}, {}, "b"),
        ({"a": gone(), "b": gone()}, {}, "b"),
        # One that waits for its least time holds up lower levels, not its own.
        ({"a": gone(), "c": gone(179.0)}, {}, None),
        ({"a": gone(), "c": gone(180.0)}, {}, "c"),
        ({"a": gone(), "b": gone(100.0)}, {}, "a"),
        # One that does not fit holds up all.
        ({"a": gone(kw=0.5), "c": gone(kw=99.0)}, {"need_kwh": -5.0}, None),
        ({}, {}, None),
    ],
)
def test_who_comes_back(
    states: dict[str, LoadState], now: dict[str, float], back: str | None
) -> None:
    given = {"need_kwh": -9.0, "spare_kw": 12.0} | now
    found = returning(THREE, {**FRESH, **states}, outlook(**given), NOW_S)
    assert found == back


def test_what_is_remembered_of_a_load() -> None:
    state = replace(gone(), obeys=False, judged=True, total_s=100.0, learned=0.7)
    shed = shed_now(state, shows(8.0, draws_kw=9.0), 50.0, NOW_S, {"p": 1.0}, alone=True)
    assert (shed.shed_s, shed.expected_kw, shed.before_kw) == (NOW_S, 8.0, 9.0)
    assert (shed.alone, shed.judged, shed.held, shed.learned) == (True, False, {"p": 1.0}, 0.7)
    unmeasured = shows(8.0, measured=False)
    assert shed_now(state, unmeasured, 50.0, NOW_S, {}, alone=False).before_kw == 50.0
    assert shed_now(state, unmeasured, None, NOW_S, {}, alone=False).before_kw == 0.0
    back = back_now(state, NOW_S)
    assert (back.shed_s, back.back_s, back.total_s, back.obeys) == (None, NOW_S, 1000.0, True)
    assert back_now(replace(state, shed_s=NOW_S + 5.0), NOW_S).total_s == 100.0
    assert back_now(replace(state, shed_s=None), NOW_S).total_s == 100.0
    states = {"a": gone(kw=10.0, learned=0.5), "b": gone(kw=4.0, obeys=False), "c": LoadState()}
    assert shed_kw(states) == 5.0


# --- what shedding gave ----------------------------------------------------------------------

DUE = gone(150.0, kw=10.0, before_kw=20.0)
"""Shed 150 s ago, of which it takes 30 to obey, 60 for the mean and 60 to settle."""
SLOW = load("a", takes_s=30.0)


@pytest.mark.parametrize(
    ("draws_kw", "learned", "obeys"),
    [
        (10.0, 1.0, True), (15.0, 0.85, True), (17.0, 0.79, True), (17.1, 1.0, False),
        (20.0, 1.0, False), (0.0, 1.15, True),
    ],
)  # fmt: skip
def test_what_a_measured_load_gave_is_learned(
    *, draws_kw: float, learned: float, obeys: bool
) -> None:
    after = judged(SLOW, DUE, shows(draws_kw), 99.0, NOW_S)
    assert after.judged
    assert after.obeys is obeys
    assert after.learned == pytest.approx(learned)


@pytest.mark.parametrize(
    ("state", "seen"),
    [
        (LoadState(), {}), (gone(149.0, kw=10.0), {}), (DUE, {"by_hand": True}),
        (DUE, {"ready_in_s": 1.0}), (replace(DUE, expected_kw=0.0), {}),
        (replace(DUE, judged=True), {"draws_kw": 5.0}),
    ],
)  # fmt: skip
def test_what_is_not_judged(state: LoadState, seen: dict[str, Any]) -> None:
    assert judged(SLOW, state, shows(10.0, **seen), 99.0, NOW_S) is state


def test_what_was_learned_is_what_is_expected_next_time() -> None:
    """Half of 10 kW is expected, half of that comes: it weighs 30 %."""
    after = judged(SLOW, replace(DUE, learned=0.5), shows(17.5), None, NOW_S)
    assert after.learned == pytest.approx(0.5 + 0.3 * (0.25 - 0.5))


def test_a_load_that_does_not_obey_is_judged_again() -> None:
    disobeys = replace(DUE, judged=True, obeys=False, learned=0.9)
    after = judged(SLOW, disobeys, shows(11.0), None, NOW_S)
    assert (after.obeys, after.learned) == (True, 0.9)
    assert judged(SLOW, replace(DUE, judged=True), shows(19.0), None, NOW_S).obeys is False


@pytest.mark.parametrize(
    ("boundary_kw", "state", "learned"),
    [
        (190.0, {}, 1.0), (195.0, {}, 0.95), (170.0, {}, 1.05), (205.0, {}, 0.9),
        (195.0, {"alone": False}, 1.0), (None, {}, 1.0), (195.0, {"before_kw": 334.0}, 1.0),
        (323.3, {"before_kw": 333.3}, 1.0),
    ],
)  # fmt: skip
def test_what_a_load_gave_at_the_boundary_is_learned_slowly(
    boundary_kw: float | None, state: dict[str, Any], learned: float
) -> None:
    before = replace(DUE, **({"alone": True, "before_kw": 200.0} | state))
    after = judged(SLOW, before, shows(10.0, measured=False), boundary_kw, NOW_S)
    assert after.judged
    assert after.obeys
    assert after.learned == pytest.approx(learned)


def test_an_unmeasured_load_that_shows_that_it_runs_does_not_obey() -> None:
    running = shows(10.0, measured=False, status=True)
    assert not judged(SLOW, DUE, running, None, NOW_S).obeys
    assert judged(SLOW, DUE, replace(running, status=None), None, NOW_S).obeys
    limited = load("a", takes_s=30.0, how="limit", role="speed", to=50.0)
    assert judged(limited, DUE, running, None, NOW_S).obeys
    assert judged(limited, DUE, shows(20.0), None, NOW_S).obeys


@pytest.mark.parametrize(
    ("state", "seen", "kw"),
    [
        (LoadState(), {}, 0.0),
        # Shed: what it still draws beyond what it should.
        (gone(10.0, 10.0, before_kw=20.0), {"draws_kw": 20.0}, -10.0),
        (gone(10.0, 10.0, before_kw=20.0), {"draws_kw": 14.0}, -4.0),
        (gone(10.0, 10.0, before_kw=20.0), {"draws_kw": 5.0}, 0.0),
        (gone(10.0, 10.0, before_kw=20.0), {"draws_kw": 25.0}, -10.0),
        (gone(50.0, 10.0, before_kw=20.0), {"draws_kw": 20.0}, -10.0),
        (gone(51.0, 10.0, before_kw=20.0), {"draws_kw": 20.0}, 0.0),
        (gone(10.0, 10.0, before_kw=20.0, obeys=False), {"draws_kw": 20.0}, 0.0),
        (gone(15.0, 10.0), {"measured": False}, -5.0),
        (gone(45.0, 10.0), {"measured": False}, 0.0),
        (gone(15.0, 10.0, learned=0.5), {"measured": False}, -2.5),
        # Back: what it does not draw yet.
        (LoadState(back_s=NOW_S - 15.0, expected_kw=10.0), {"measured": False}, 5.0),
        (LoadState(back_s=NOW_S - 31.0, expected_kw=10.0), {"measured": False}, 0.0),
        (LoadState(back_s=NOW_S - 15.0, expected_kw=10.0, before_kw=20.0), {"draws_kw": 14.0}, 6.0),
        (LoadState(back_s=NOW_S - 15.0, expected_kw=10.0, before_kw=20.0), {"draws_kw": 4.0}, 10.0),
        (LoadState(back_s=NOW_S - 15.0, expected_kw=10.0, before_kw=20.0), {"draws_kw": 25.0}, 0.0),
        (LoadState(back_s=NOW_S - 30.0, expected_kw=10.0, before_kw=20.0), {"draws_kw": 14.0}, 6.0),
    ],
)
def test_what_the_boundary_does_not_show_yet(
    state: LoadState, seen: dict[str, Any], kw: float
) -> None:
    assert pending_kw(SLOW, state, shows(10.0, **seen), NOW_S) == pytest.approx(kw)
