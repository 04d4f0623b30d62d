"""Hot tap water at its bounds: sensors, heat, circulation and disinfection, look by look."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from bms.control.strategies.hot_tap_water.circulation import (
    CirculationInputs,
    CirculationState,
    circulate,
)
from bms.control.strategies.hot_tap_water.disinfection import (
    NOT_HOT,
    NOT_SECURED,
    Disinfection,
    DisinfectionInputs,
    DisinfectionPhase,
    overdue,
    step_disinfection,
)
from bms.control.strategies.hot_tap_water.hot_tap_layout import StoreLayout
from bms.control.strategies.hot_tap_water.hot_tap_parameters import DisinfectionFile
from bms.control.strategies.hot_tap_water.store_heat import (
    SensorState,
    StoreSeen,
    judge_sensors,
    needs_heat,
    seen,
    shown_c,
)
from bms.core.decisions import Snapshot
from drivers.points import Quality, Sample
from tests.control.engine.parts import at

TOP, MIDDLE, BOTTOM = "top", "middle", "bottom"
STORE = StoreLayout("store", "b.store", (TOP, MIDDLE, BOTTOM), 2.0, ())


def snapshot(shown: Mapping[str, float | None], watched_s: float = 0.0) -> Snapshot:
    """What sensors show; None: they are bad."""
    samples = {
        point: Sample(
            point, 0.0 if value is None else value,
            Quality.BAD if value is None else Quality.GOOD, at(watched_s),
        )
        for point, value in shown.items()
    }  # fmt: skip
    return Snapshot(at(watched_s), samples, steady_s=watched_s, watched_s=watched_s)


# --- what a store shows ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shows", "believed"),
    [(-5.0, -5.0), (-5.1, None), (110.0, 110.0), (110.1, None), (None, None), (60.0, 60.0)],
)
def test_a_sensor_is_believed_within_its_span(shows: float | None, believed: float | None) -> None:
    assert shown_c(snapshot({TOP: shows}), TOP) == believed


@pytest.mark.parametrize(
    ("shown", "frozen", "found"),
    [
        ((62.0, 58.0, 50.0), (), StoreSeen(62.0, 50.0, 62.0, 3)),
        ((58.0, 62.0, 50.0), (), StoreSeen(58.0, 50.0, 62.0, 3)),
        ((62.0, 58.0, 50.0), (BOTTOM,), StoreSeen(62.0, 58.0, 62.0, 2)),
        ((None, 58.0, 50.0), (), StoreSeen(58.0, 50.0, 58.0, 2)),
        ((62.0, None, None), (), StoreSeen(62.0, 62.0, 62.0, 1)),
        ((None, None, 50.0), (BOTTOM,), StoreSeen()),
    ],
)
def test_what_believed_sensors_show(
    shown: tuple[float | None, ...], frozen: tuple[str, ...], found: StoreSeen
) -> None:
    here = snapshot(dict(zip(STORE.sensors, shown, strict=True)))
    assert seen(STORE, SensorState(frozen=frozen), here) == found


@pytest.mark.parametrize(
    ("heating", "top_c", "low_c", "layers", "wanted"),
    [
        # Until all of it is three kelvin above the target of 60.
        (True, 63.0, 62.9, 3, True),
        (True, 63.0, 63.0, 3, False),
        # From when the top is less than one kelvin above it,
        (False, 60.9, 60.9, 3, True),
        (False, 61.0, 61.0, 3, False),
        # or the lowest of several sensors says that much was drawn.
        (False, 62.0, 49.9, 3, True),
        (False, 62.0, 50.0, 3, False),
        (False, 62.0, 49.9, 1, False),
        # One that shows five kelvin more has enough, whatever the others say.
        (True, 64.9, 20.0, 3, True),
        (True, 65.0, 20.0, 3, False),
        (False, 65.0, 20.0, 3, False),
    ],
)
def test_when_a_store_is_heated(
    *, heating: bool, top_c: float, low_c: float, layers: int, wanted: bool
) -> None:
    shows = StoreSeen(top_c, low_c, max(top_c, low_c), layers)
    assert needs_heat(heating, shows, 60.0) is wanted


@pytest.mark.parametrize("shows", [StoreSeen(), StoreSeen(top_c=20.0), StoreSeen(low_c=20.0)])
@pytest.mark.parametrize("heating", [True, False])
def test_a_store_of_which_nothing_is_known_is_not_heated(
    *, shows: StoreSeen, heating: bool
) -> None:
    assert needs_heat(heating, shows, 60.0) is False


def heated(looks: list[tuple[float, float]], *, kw: float = 23.26, **changed: Any) -> SensorState:
    """The sensors after looks (seconds, what the bottom shows): 23.26 kW heat 2 m3 by 10 K/h."""
    store = replace(STORE, **changed)
    state = SensorState()
    for seconds, bottom_c in looks:
        shown = {TOP: 50.0 + seconds / 360.0, MIDDLE: 48.0 + seconds / 360.0, BOTTOM: bottom_c}
        state = judge_sensors(store, state, snapshot(shown, seconds), kw)
    return state


def every(step_s: float, until_s: float, bottom_c: float = 40.0) -> list[tuple[float, float]]:
    return [(n * step_s, bottom_c) for n in range(int(until_s / step_s) + 1)]


def test_a_bottom_that_stands_still_while_four_kelvin_go_in_is_frozen() -> None:
    assert heated(every(60.0, 1380.0)).frozen == ()
    assert heated(every(60.0, 1440.0)).heated_k == pytest.approx(4.0)
    assert heated(every(60.0, 1500.0)).frozen == (BOTTOM,)


def test_what_nobody_wrote_down_is_taken_as_ten_kelvin_an_hour() -> None:
    for kw, volume_m3 in ((46.52, None), (46.52, 4.0), (23.26, 2.0)):
        assert heated(every(60.0, 360.0), kw=kw, volume_m3=volume_m3).heated_k == pytest.approx(1.0)
    assert heated(every(60.0, 360.0), kw=46.52).heated_k == pytest.approx(2.0)


def test_of_a_long_step_a_quarter_of_an_hour_is_counted() -> None:
    assert heated([(0.0, 40.0), (7200.0, 40.0)]).heated_k == pytest.approx(2.5)


def test_without_heat_nothing_is_counted() -> None:
    state = heated(every(600.0, 36000.0), kw=0.0)
    assert (state.heated_k, state.frozen, state.since_s) == (0.0, (), None)


@pytest.mark.parametrize(("moved_k", "is_frozen"), [(0.19, True), (0.2, False), (-0.25, False)])
def test_a_frozen_sensor_that_moves_is_believed_again(*, moved_k: float, is_frozen: bool) -> None:
    state = heated([*every(60.0, 1500.0), (1560.0, 40.0 + moved_k)])
    assert (BOTTOM in state.frozen) is is_frozen


def test_after_a_frozen_sensor_the_next_one_is_judged_from_there() -> None:
    state = SensorState()
    for minute in range(48):
        shown = {TOP: 50.0 + minute, MIDDLE: 45.0, BOTTOM: 40.0}
        state = judge_sensors(STORE, state, snapshot(shown, 60.0 * minute), 23.26)
        if minute == 26:
            assert state.frozen == (BOTTOM,)
    assert state.frozen == (BOTTOM,)
    for minute in range(48, 52):
        shown = {TOP: 50.0 + minute, MIDDLE: 45.0, BOTTOM: 40.0}
        state = judge_sensors(STORE, state, snapshot(shown, 60.0 * minute), 23.26)
    assert state.frozen == (BOTTOM, MIDDLE)


def test_a_sensor_that_was_bad_is_judged_from_when_it_is_back() -> None:
    state = heated(every(60.0, 1200.0))
    gone = snapshot({TOP: 60.0, MIDDLE: 58.0, BOTTOM: None}, 1260.0)
    state = judge_sensors(STORE, state, gone, 23.26)
    back = snapshot({TOP: 61.0, MIDDLE: 59.0, BOTTOM: 40.0}, 1560.0)
    assert judge_sensors(STORE, state, back, 23.26).frozen == ()


@pytest.mark.parametrize(
    ("from_c", "to_c", "hours"), [(40.0, 60.0, 2.326), (60.0, 60.0, 0.0), (61.0, 60.0, 0.0)]
)
def test_how_long_a_source_heats(from_c: float, to_c: float, hours: float) -> None:
    """2 m3 by 20 K are 46.5 kWh."""
    source: Any = type("Source", (), {"power_kw": 20.0})()
    store = replace(STORE, sources=(source,))
    assert store.lead_h(from_c, to_c) == pytest.approx(hours, rel=1e-3)
    assert replace(store, volume_m3=None).lead_h(from_c, to_c) is None
    assert STORE.lead_h(from_c, to_c) is None
    unknown: Any = type("Source", (), {"power_kw": None})()
    assert replace(STORE, sources=(unknown,)).lead_h(from_c, to_c) is None


# --- circulation -----------------------------------------------------------------------------

PIPES = CirculationInputs(
    use=False, drawn_m3h=None, disinfects=False, safe=True, runs=False, return_c=55.0,
    steady_s=100_000.0, watched_s=50_000.0,
)  # fmt: skip
RULES: Mapping[str, float] = {"overrun_s": 900.0, "stagnant_s": 86_400.0, "least_c": 50.0}


def pipes(state: CirculationState, **now: Any) -> tuple[CirculationState, str]:
    return circulate(state, replace(PIPES, **now), **RULES)


@pytest.mark.parametrize(
    ("use", "drawn_m3h", "why"),
    [
        (True, None, "use"), (False, None, ""), (True, 0.021, "use"), (True, 0.02, ""),
        (True, 0.0, ""), (False, 1.0, ""),
    ],
)  # fmt: skip
def test_hot_water_circulates_with_use(*, use: bool, drawn_m3h: float | None, why: str) -> None:
    state, found = pipes(CirculationState(), use=use, drawn_m3h=drawn_m3h)
    assert found == why
    assert state.used_s == (50_000.0 if why else None)


@pytest.mark.parametrize(("ago_s", "why"), [(0.0, "overrun"), (899.0, "overrun"), (900.0, "")])
def test_and_a_while_after_it(ago_s: float, why: str) -> None:
    before = CirculationState(used_s=50_000.0 - ago_s, flush_since_s=1.0)
    state, found = pipes(before, drawn_m3h=0.0)
    assert found == (why or "flush")
    assert state.flush_since_s == (None if why else 1.0)


@pytest.mark.parametrize(
    ("stood_s", "why"), [(84_599.0, ""), (84_600.0, "flush"), (90_000.0, "flush")]
)
def test_it_is_flushed_half_an_hour_before_it_has_stood_too_long(stood_s: float, why: str) -> None:
    state, found = pipes(CirculationState(ran_steady_s=100_000.0 - stood_s))
    assert found == why
    assert state.flush_since_s == (50_000.0 if why else None)
    assert state.ran_steady_s == 100_000.0 - stood_s


@pytest.mark.parametrize(
    ("since_s", "runs", "why"),
    [(899.0, True, "flush"), (900.0, True, ""), (5000.0, False, "flush")],
)
def test_a_flush_ends_after_a_quarter_of_an_hour_in_which_it_runs(
    *, since_s: float, runs: bool, why: str
) -> None:
    before = CirculationState(ran_steady_s=50_000.0, flush_since_s=50_000.0 - since_s)
    state, found = pipes(before, runs=runs)
    assert found == why
    assert state.flush_since_s == (before.flush_since_s if why else None)
    assert state.ran_steady_s == (100_000.0 if runs else 50_000.0)


def test_what_scalds_never_circulates_and_a_disinfection_always_does() -> None:
    before = CirculationState(flush_since_s=1.0)
    state, why = pipes(before, use=True, disinfects=True, safe=False)
    assert (why, state.flush_since_s) == ("", None)
    state, why = pipes(before, use=False, disinfects=True)
    assert (why, state.flush_since_s) == ("disinfection", 1.0)


@pytest.mark.parametrize(
    ("return_c", "runs", "cool"),
    [(49.9, True, True), (50.0, True, False), (49.9, False, False), (None, True, False)],
)
def test_a_cool_return_is_noted_while_water_runs(
    *, return_c: float | None, runs: bool, cool: bool
) -> None:
    state, _ = pipes(CirculationState(), return_c=return_c, runs=runs)
    assert state.cool_since_s == (50_000.0 if cool else None)
    state, _ = pipes(replace(state, cool_since_s=7.0), return_c=return_c, runs=runs)
    assert state.cool_since_s == (7.0 if cool else None)


# --- disinfection ----------------------------------------------------------------------------

HEAT = DisinfectionFile()  # Sundays at 2, over by 6; 70 degC, 60 in the return, 30 minutes
SUNDAY = datetime(2026, 11, 29, 2, 0, tzinfo=UTC)
TODAY = SUNDAY.toordinal()
NIGHT = DisinfectionInputs(
    asked=False, secured=True, low_c=71.0, hottest_c=75.0, return_c=61.0, measures_return=True,
    steady_s=1_000_000.0, watched_s=500_000.0, now=SUNDAY, zone="UTC",
)  # fmt: skip
IDLE = Disinfection(done_s=900_000.0)


def at_night(state: Disinfection, **now: Any) -> Disinfection:
    return step_disinfection(state, HEAT, replace(NIGHT, **now))


@pytest.mark.parametrize(
    ("now", "state", "asked", "begins"),
    [
        (SUNDAY, IDLE, False, True),
        (SUNDAY.replace(hour=1, minute=59), IDLE, False, False),
        # It begins in the first half of its window, or the next night.
        (SUNDAY.replace(hour=3, minute=59), IDLE, False, True),
        (SUNDAY.replace(hour=4), IDLE, False, False),
        (SUNDAY.replace(day=30), IDLE, False, False),
        (SUNDAY.replace(day=30), replace(IDLE, due=True), False, True),
        (SUNDAY, replace(IDLE, tried=TODAY), False, False),
        (SUNDAY, replace(IDLE, tried=TODAY, due=True), False, False),
        (SUNDAY, replace(IDLE, tried=TODAY - 7), False, True),
        (SUNDAY.replace(hour=15), IDLE, True, True),
        (SUNDAY.replace(hour=15), IDLE, False, False),
    ],
)
def test_when_a_disinfection_begins(
    *, now: datetime, state: Disinfection, asked: bool, begins: bool
) -> None:
    after = at_night(state, now=now, asked=asked)
    assert (after.phase is DisinfectionPhase.SECURING) is begins
    assert after.since_s == (500_000.0 if begins else None)
    in_window = now.hour < 4 and now.hour >= 2
    assert after.tried == (now.toordinal() if begins and in_window else state.tried)
    if not begins:
        assert after is state


def test_the_window_is_by_the_wall_and_may_pass_midnight() -> None:
    rules = DisinfectionFile(weekday=6, from_h=23.0, within_h=4.0)
    for hour, begins in ((14, False), (15, True), (16, True), (17, False)):
        inputs = replace(NIGHT, now=SUNDAY.replace(hour=hour), zone="Asia/Shanghai")
        after = step_disinfection(IDLE, rules, inputs)
        assert (after.phase is DisinfectionPhase.SECURING) is begins, hour


def test_the_first_look_counts_as_the_last_disinfection() -> None:
    after = at_night(Disinfection(), now=SUNDAY.replace(hour=12))
    assert after.done_s == 1_000_000.0
    assert overdue(after, 1_000_000.0 + 10 * 86_400.0) is False
    assert overdue(after, 1_000_001.0 + 10 * 86_400.0) is True
    assert overdue(Disinfection(), 1e9) is False


def in_phase(phase: DisinfectionPhase, since_s: float = 499_900.0, **more: Any) -> Disinfection:
    return replace(IDLE, phase=phase, since_s=since_s, **more)


@pytest.mark.parametrize(
    ("secured", "ago_s", "phase", "failed"),
    [
        (True, 0.0, DisinfectionPhase.HEATING, ""),
        (False, 179.0, DisinfectionPhase.SECURING, ""),
        (False, 180.0, DisinfectionPhase.COOLING, NOT_SECURED),
        (True, 180.0, DisinfectionPhase.HEATING, ""),
    ],
)
def test_it_is_secured_within_three_minutes(
    *, secured: bool, ago_s: float, phase: DisinfectionPhase, failed: str
) -> None:
    before = in_phase(DisinfectionPhase.SECURING, 500_000.0 - ago_s)
    after = at_night(before, secured=secured)
    assert (after.phase, after.failed, after.due) == (phase, failed, bool(failed))
    if phase is DisinfectionPhase.HEATING:
        assert after.since_s == 500_000.0


@pytest.mark.parametrize(
    ("now", "hot"),
    [
        ({}, True), ({"low_c": 70.0}, True), ({"low_c": 69.9}, False), ({"low_c": None}, False),
        ({"return_c": 60.0}, True), ({"return_c": 59.9}, False), ({"return_c": None}, False),
        ({"return_c": 20.0, "measures_return": False}, True),
        ({"low_c": 69.0, "return_c": 20.0, "measures_return": False}, False),
    ],
)  # fmt: skip
def test_it_holds_while_store_and_return_are_hot(now: dict[str, Any], *, hot: bool) -> None:
    for phase in (DisinfectionPhase.HEATING, DisinfectionPhase.HOLDING):
        after = at_night(in_phase(phase, held_since_s=499_950.0), **now)
        assert after.phase is (DisinfectionPhase.HOLDING if hot else DisinfectionPhase.HEATING)
        assert after.held_since_s == (499_950.0 if hot else None)
        assert after.hot
        assert after.shuts


@pytest.mark.parametrize(("held_s", "done"), [(1799.0, False), (1800.0, True)])
def test_it_is_whole_after_half_an_hour(*, held_s: float, done: bool) -> None:
    before = in_phase(DisinfectionPhase.HOLDING, held_since_s=500_000.0 - held_s, due=True,
                      tried=TODAY, failed=NOT_HOT)  # fmt: skip
    after = at_night(before)
    assert (after.phase is DisinfectionPhase.COOLING) is done
    assert after.done_s == (1_000_000.0 if done else 900_000.0)
    assert after.due is not done
    assert after.tried == TODAY
    if done:
        assert after.failed == ""
        assert not after.hot
        assert after.shuts


@pytest.mark.parametrize(
    ("secured", "ago_h", "failed"),
    [(True, 3.999, ""), (True, 4.0, NOT_HOT), (False, 0.1, NOT_SECURED)],
)
def test_what_is_not_reached_is_due(*, secured: bool, ago_h: float, failed: str) -> None:
    before = in_phase(DisinfectionPhase.HEATING, 500_000.0 - 3600.0 * ago_h, held_since_s=1.0)
    after = at_night(before, secured=secured, low_c=65.0)
    assert (after.failed, after.due) == (failed, bool(failed))
    assert after.phase is (DisinfectionPhase.COOLING if failed else DisinfectionPhase.HEATING)
    assert after.held_since_s is None
    assert after.done_s == 900_000.0


@pytest.mark.parametrize(
    ("hottest_c", "over"), [(64.0, True), (64.1, False), (None, False), (20.0, True)]
)
def test_outlets_stay_shut_until_two_kelvin_below_what_scalds(
    *, hottest_c: float | None, over: bool
) -> None:
    after = at_night(in_phase(DisinfectionPhase.COOLING), hottest_c=hottest_c, secured=False)
    assert (after.phase is DisinfectionPhase.IDLE) is over
    assert after.shuts is not over
    assert after.since_s == (None if over else 499_900.0)
