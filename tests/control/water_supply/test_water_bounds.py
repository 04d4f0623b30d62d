"""Pumps of tanks and mains at their bounds, and water that leaks: look by look."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bms.control.blocks.inputs.level_vote import Level, Place
from bms.control.blocks.loops.pid import PidState
from bms.control.protect.level.tank_gauge import Limits
from bms.control.strategies.water_supply.leak_watch import (
    Night,
    NightState,
    RunDays,
    leaks_m3h,
    next_change,
    runs_too_much,
    usual_hours,
    watch_days,
    watch_night,
)
from bms.control.strategies.water_supply.level_parameters import LevelParameters
from bms.control.strategies.water_supply.level_steps import Steps, count, steps_of
from bms.control.strategies.water_supply.pressure_parameters import PressureParameters
from bms.control.strategies.water_supply.pressure_steps import (
    PressureInputs,
    PressureState,
    step_pressure,
)

# --- the pressure of a main ------------------------------------------------------------------

MAIN = PressureParameters(main="m")  # 400 kPa, a band of 40, at most 520; 40 % at least
NOW_S = 10_000.0


def pressed(
    state: PressureState, kpa: float | None, *, flow: float | None = None,
    drives: bool = True, pumps: int = 3, setpoint_kpa: float = 400.0, running: int = 1,
) -> PressureState:  # fmt: skip
    pump_m3h = None if flow is None else 10.0
    inputs = PressureInputs(kpa, setpoint_kpa, flow, pump_m3h, running)
    return step_pressure(state, MAIN, inputs, pumps=pumps, drives=drives, watched_s=NOW_S)


def runs(count_: int, speed_pct: float = 100.0, **since: float) -> PressureState:
    """The loop as it stands: the next look leaves its output."""
    return PressureState(count_, PidState(output_pct=speed_pct), **since)


@pytest.mark.parametrize(
    ("kpa", "setpoint_kpa", "pumps"),
    [
        (359.9, 400.0, 1), (360.0, 400.0, 0), (520.0, 400.0, 0), (409.9, 450.0, 1),
        (410.0, 450.0, 0),
    ],
)  # fmt: skip
def test_pumps_that_rest_start_below_the_band(kpa: float, setpoint_kpa: float, pumps: int) -> None:
    after = pressed(PressureState(), kpa, setpoint_kpa=setpoint_kpa)
    assert after.count == pumps
    assert after.loop.output_pct == 40.0


@pytest.mark.parametrize(
    ("kpa", "setpoint_kpa", "stops"),
    [
        (520.0, 400.0, False), (520.1, 400.0, True), (585.0, 450.0, False), (585.1, 450.0, True),
        (520.1, 300.0, True), (519.9, 300.0, False),
    ],
)  # fmt: skip
def test_above_what_pipes_bear_all_pumps_stop(
    *, kpa: float, setpoint_kpa: float, stops: bool
) -> None:
    after = pressed(runs(2), kpa, setpoint_kpa=setpoint_kpa)
    assert after.count == (0 if stops else 2)
    assert after.loop.output_pct == (40.0 if stops else 100.0)


@pytest.mark.parametrize(("before", "pumps", "left"), [(0, 3, 1), (2, 3, 2), (3, 2, 2)])
def test_a_main_of_which_nothing_is_known_is_fed_steadily(
    before: int, pumps: int, left: int
) -> None:
    after = pressed(runs(before), None, pumps=pumps)
    assert (after.count, after.loop.output_pct) == (left, 80.0)


@pytest.mark.parametrize(
    ("speed_pct", "ago_s", "kpa", "drives", "pumps"),
    [
        (98.0, 15.0, 359.9, True, 2), (98.0, 14.9, 359.9, True, 1), (97.9, 15.0, 359.9, True, 1),
        (98.0, 15.0, 360.0, True, 1), (50.0, 15.0, 359.9, False, 2),
    ],
)  # fmt: skip
def test_another_pump_comes_when_those_at_full_speed_are_short(
    *, speed_pct: float, ago_s: float, kpa: float, drives: bool, pumps: int
) -> None:
    before = runs(1, speed_pct, short_since_s=NOW_S - ago_s)
    assert pressed(before, kpa, drives=drives).count == pumps
    assert pressed(replace(before, count=3), kpa, drives=drives).count == 3


@pytest.mark.parametrize(
    ("kpa", "flow", "speed_pct", "drives", "pumps"),
    [
        # Of two pumps of 10 m3/h, one carries 8.
        (400.0, 7.9, 99.0, True, 1), (400.0, 8.0, 50.0, True, 2), (380.0, 7.9, 99.0, True, 1),
        (379.9, 7.9, 99.0, True, 2),
        (400.0, None, 87.9, True, 1), (400.0, None, 88.0, True, 2),
        (400.1, None, 99.0, False, 1), (400.0, None, 50.0, False, 2),
    ],
)  # fmt: skip
def test_one_pump_goes_when_the_others_carry_it(
    *, kpa: float, flow: float | None, speed_pct: float, drives: bool, pumps: int
) -> None:
    before = runs(2, speed_pct, slow_since_s=NOW_S - 180.0)
    assert pressed(before, kpa, flow=flow, drives=drives).count == pumps
    early = replace(before, slow_since_s=NOW_S - 179.0)
    assert pressed(early, kpa, flow=flow, drives=drives).count == 2
    # The last one does not go so.
    last = replace(before, count=1)
    assert pressed(last, kpa, flow=1.0 if flow else None, drives=drives).count == 1


@pytest.mark.parametrize(
    ("kpa", "flow", "speed_pct", "drives", "rests"),
    [
        (400.0, 0.29, 99.0, True, True), (400.0, 0.3, 40.0, True, False),
        (379.9, 0.29, 40.0, True, False), (400.0, None, 40.0, True, True),
        (400.0, None, 40.1, True, False), (400.1, None, 99.0, False, True),
        (400.0, None, 99.0, False, False),
    ],
)  # fmt: skip
def test_the_last_pump_rests_when_nobody_draws(
    *, kpa: float, flow: float | None, speed_pct: float, drives: bool, rests: bool
) -> None:
    before = runs(1, speed_pct, still_since_s=NOW_S - 120.0)
    after = pressed(before, kpa, flow=flow, drives=drives)
    assert after.count == (0 if rests else 1)
    assert pressed(replace(before, still_since_s=NOW_S - 119.0), kpa, flow=flow,
                   drives=drives).count == 1  # fmt: skip
    if rests:
        assert after.loop.output_pct == 40.0
    two = replace(before, count=2)
    assert pressed(two, kpa, flow=flow, drives=drives).still_since_s is None


def test_speed_moves_only_while_a_pump_is_proven() -> None:
    moving = PressureState(1, PidState(70.0, 70.0, 0.1, 0.9, 0.0, NOW_S - 1.0))
    assert pressed(moving, 380.0, running=0).loop.output_pct == 70.0
    assert pressed(moving, 380.0, running=1).loop.output_pct > 70.0
    assert pressed(moving, 430.0, running=1).loop.output_pct < 70.0


# --- the level of a tank ---------------------------------------------------------------------

TANK = Limits(dry_pct=8.0, low_pct=40.0, high_pct=85.0, brim_pct=96.0)


def levels(
    direction: str, limits: Limits = TANK, given: tuple[float | None, float | None] = (None, None),
    *, economy: bool = False, floats_only: bool = False, **parameters: Any,
) -> tuple[float, float, float]:  # fmt: skip
    file = LevelParameters(tank="t", direction=direction, **parameters)
    found = steps_of(file, limits, given, economy=economy, floats_only=floats_only)
    assert found.fills is (direction == "fill")
    return found.start_pct, found.stop_pct, found.all_pct


@pytest.mark.parametrize(
    ("direction", "options", "found"),
    [
        ("fill", {}, (70.0, 90.0, 15.0)),
        ("empty", {}, (60.0, 20.0, 85.0)),
        ("fill", {"floats_only": True}, (40.0, 85.0, 8.0)),
        ("empty", {"floats_only": True}, (85.0, 40.0, 96.0)),
        ("fill", {"start_pct": 50.0, "stop_pct": 80.0, "all_pct": 20.0}, (50.0, 80.0, 20.0)),
        ("fill", {"given": (55.0, 75.0)}, (55.0, 75.0, 15.0)),
        # Five per cent from the brim, and from where pumps draw air.
        ("fill", {"stop_pct": 95.0}, (70.0, 91.0, 15.0)),
        ("fill", {"given": (10.0, None)}, (13.0, 90.0, 13.0)),
        ("empty", {"given": (None, 10.0)}, (60.0, 13.0, 85.0)),
        # A start is never beyond the stop.
        ("fill", {"given": (80.0, 60.0)}, (60.0, 60.0, 15.0)),
        ("empty", {"given": (20.0, 30.0)}, (30.0, 30.0, 85.0)),
        # Economy waits for half of what is left; and stops where it usually starts.
        ("fill", {"economy": True}, (42.5, 70.0, 15.0)),
        ("empty", {"economy": True}, (72.5, 60.0, 85.0)),
        ("fill", {"economy": True, "economy_start_pct": 30.0, "economy_stop_pct": 60.0},
         (30.0, 60.0, 15.0)),
        # The fire reserve of 40 % is never needed.
        ("fill", {"limits": replace(TANK, reserve_pct=40.0), "given": (20.0, None)},
         (48.0, 90.0, 45.0)),
    ],
)  # fmt: skip
def test_the_levels_in_force(
    direction: str, options: dict[str, Any], found: tuple[float, float, float]
) -> None:
    assert levels(direction, **options) == found


def shown(pct: float) -> Level:
    return Level((Place(pct - 1.0, pct + 1.0, pct),))


FILL = Steps(True, 70.0, 90.0, 10.0, 15.0)
EMPTY = Steps(False, 60.0, 20.0, 10.0, 75.0)


@pytest.mark.parametrize(
    ("steps", "pct", "before", "pumps"),
    [
        (FILL, 70.1, 0, 0), (FILL, 70.0, 0, 1), (FILL, 60.1, 0, 1), (FILL, 60.0, 0, 2),
        (FILL, 50.0, 0, 3), (FILL, 89.9, 2, 2), (FILL, 90.0, 2, 0), (FILL, 15.0, 0, 4),
        (FILL, 40.0, 0, 4), (FILL, 65.0, 3, 3),
        (EMPTY, 59.9, 0, 0), (EMPTY, 60.0, 0, 1), (EMPTY, 70.0, 0, 2), (EMPTY, 74.9, 0, 2),
        (EMPTY, 75.0, 0, 4), (EMPTY, 20.1, 2, 2), (EMPTY, 20.0, 2, 0),
    ],
)  # fmt: skip
def test_how_many_pumps_a_level_asks_for(steps: Steps, pct: float, before: int, pumps: int) -> None:
    assert count(steps, shown(pct), before, 4) == pumps


def test_where_instruments_disagree_the_safe_place_counts() -> None:
    both = Level((*shown(95.0).places, *shown(10.0).places))
    assert count(FILL, both, 2, 4) == 0
    assert count(EMPTY, both, 2, 4) == 4
    # Floats tell a span: it has to lie beyond the level as a whole.
    assert count(FILL, Level((Place(0.0, 70.0),)), 0, 4) == 1
    assert count(FILL, Level((Place(0.0, 71.0),)), 0, 4) == 0
    assert count(EMPTY, Level((Place(60.0, 100.0),)), 0, 4) == 1
    assert count(EMPTY, Level((Place(59.0, 100.0),)), 0, 4) == 0


# --- leaks -----------------------------------------------------------------------------------

SLEEPS = Night("Asia/Shanghai", 2.0, 4.0)
OVER_MIDNIGHT = Night("Asia/Shanghai", 23.0, 4.5)
FIRST = datetime(2026, 7, 1, tzinfo=UTC)  # eight in the morning in China


@pytest.mark.parametrize(
    ("night", "local", "day"),
    [
        (SLEEPS, "2026-07-02 01:59", None), (SLEEPS, "2026-07-02 02:00", 2),
        (SLEEPS, "2026-07-02 03:59", 2), (SLEEPS, "2026-07-02 04:00", None),
        (OVER_MIDNIGHT, "2026-07-01 22:59", None), (OVER_MIDNIGHT, "2026-07-01 23:00", 2),
        (OVER_MIDNIGHT, "2026-07-02 04:29", 2), (OVER_MIDNIGHT, "2026-07-02 04:30", None),
        (OVER_MIDNIGHT, "2026-07-02 12:00", None),
    ],
)  # fmt: skip
def test_whose_night_it_is(night: Night, local: str, day: int | None) -> None:
    now = datetime.fromisoformat(f"{local}+08:00")
    assert night.day(now) == (None if day is None else datetime(2026, 7, day).toordinal())  # noqa: DTZ001


def night_of(state: NightState, flow_m3h: float | None, day: int, night: Night) -> NightState:
    """One night from 2 to 4, minute by minute, and the minute after it."""
    begin = datetime.fromisoformat("2026-07-01T02:00+08:00") + timedelta(days=day)
    for minute in range(121):
        now = begin + timedelta(minutes=minute)
        state = watch_night(state, night, flow_m3h, now, 86_400.0 * day + 60.0 * minute)
    return state


def nights(flows: Sequence[float | None], usual_m3h: float | None = None) -> NightState:
    night, state = replace(SLEEPS, usual_m3h=usual_m3h), NightState()
    for day, flow in enumerate(flows):
        state = night_of(state, flow, day, night)
    return state


def test_what_is_usual_is_learned_from_five_nights() -> None:
    assert nights([1.0, 0.9, 1.1, 1.0]).usual_m3h(None) is None
    state = nights([1.0, 0.9, 1.1, 1.0, 1.2])
    assert state.usual_m3h(None) == pytest.approx(0.9)
    assert state.usual_m3h(0.5) == 0.5
    assert state.last_m3h == pytest.approx(1.2)
    # A night of which nothing is known counts for nothing.
    assert len(nights([1.0, None, 1.0]).usual) == 2


@pytest.mark.parametrize(
    ("usual_m3h", "flow", "leaks"),
    [
        (1.0, 1.5, None), (1.0, 1.51, 0.51), (0.1, 0.3, None), (0.1, 0.31, 0.21), (0.0, 0.21, 0.21),
        (0.0, 0.2, None),
    ],
)  # fmt: skip
def test_three_nights_above_what_is_usual_are_a_leak(
    usual_m3h: float, flow: float, leaks: float | None
) -> None:
    night = replace(SLEEPS, usual_m3h=usual_m3h)
    assert leaks_m3h(nights([flow] * 2, usual_m3h), night) is None
    found = leaks_m3h(nights([flow] * 3, usual_m3h), night)
    assert found == (None if leaks is None else pytest.approx(leaks))
    # A night without a finding ends the row.
    assert leaks_m3h(nights([flow] * 3 + [usual_m3h], usual_m3h), night) is None


def ran(*hours: float, days: int = 1) -> RunDays:
    """Run hours day by day; the first look begins."""
    state, total = watch_days(RunDays(), 0.0, "UTC", FIRST), 0.0
    for day, each in enumerate(hours, 1):
        total += each
        state = watch_days(state, total, "UTC", FIRST + timedelta(days=day * days))
    return state


@pytest.mark.parametrize(
    ("usual_h", "hours", "too_much"),
    [(2.0, 4.0, False), (2.0, 4.1, True), (0.25, 0.75, False), (0.25, 0.76, True)],
)
def test_pumps_that_run_far_longer_for_three_days_are_named(
    *, usual_h: float, hours: float, too_much: bool
) -> None:
    usual = [usual_h] * 5
    assert usual_hours(ran(*usual[:4])) is None
    assert usual_hours(ran(*usual)) == usual_h
    assert runs_too_much(ran(*usual, hours, hours)) is False
    state = ran(*usual, hours, hours, hours)
    assert runs_too_much(state) is too_much
    assert state.last_h == pytest.approx(hours)
    assert state.above == (3 if too_much else 0)
    assert not runs_too_much(ran(*usual, hours, hours, usual_h))


def test_days_that_nobody_watched_count_for_nothing() -> None:
    state = ran(2.0, 2.0)
    later = watch_days(state, 50.0, "UTC", FIRST + timedelta(days=4))
    assert (later.usual, later.begun_h, later.above) == (state.usual, 50.0, 0)
    replaced = watch_days(state, 1.0, "UTC", FIRST + timedelta(days=3))
    assert (replaced.usual, replaced.begun_h) == (state.usual, 1.0)
    assert watch_days(state, 4.5, "UTC", FIRST + timedelta(days=2, hours=5)) is state


@pytest.mark.parametrize(
    ("local", "minutes"),
    [("01:30", 30.0), ("02:00", 60.0), ("03:15", 45.0), ("04:00", 60.0), ("12:00", 60.0)],
)
def test_when_the_night_is_looked_at_next(local: str, minutes: float) -> None:
    now = datetime.fromisoformat(f"2026-07-02T{local}+08:00")
    assert (next_change(SLEEPS, now) - now).total_seconds() == pytest.approx(60.0 * minutes)


def test_over_midnight_the_night_is_looked_at_to_the_second() -> None:
    late = Night("Asia/Shanghai", 22.0, 0.25)
    now = datetime.fromisoformat("2026-07-02T23:45:30+08:00")
    assert (next_change(late, now) - now).total_seconds() == pytest.approx(29.5 * 60.0, abs=1e-3)


def test_of_a_night_the_least_flow_counts() -> None:
    state, begin = NightState(), datetime.fromisoformat("2026-07-01T02:00+08:00")
    for minute in range(121):
        flow = 0.5 if 40 <= minute < 60 else 3.0
        state = watch_night(state, SLEEPS, flow, begin + timedelta(minutes=minute), 60.0 * minute)
    assert state.last_m3h == pytest.approx(0.5)


def test_without_a_design_flow_speed_tells_and_a_trickle_is_nothing() -> None:
    def step(state: PressureState, flow_m3h: float) -> PressureState:
        inputs = PressureInputs(400.0, 400.0, flow_m3h, None, 1)
        return step_pressure(state, MAIN, inputs, pumps=3, drives=True, watched_s=NOW_S)

    assert step(runs(2, 87.0, slow_since_s=NOW_S - 180.0), 5.0).count == 1
    assert step(runs(2, 89.0, slow_since_s=NOW_S - 180.0), 5.0).count == 2
    assert step(runs(1, 99.0, still_since_s=NOW_S - 120.0), 0.029).count == 0
    assert step(runs(1, 99.0, still_since_s=NOW_S - 120.0), 0.03).count == 1
