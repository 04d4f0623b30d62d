"""Pumps that fill a tank or empty a pit: starts, turns, the alarm level, economy."""

from __future__ import annotations

from itertools import pairwise

import pytest

from bms.core.machines.relations import StartLimits
from tests.control.water_supply.waterworks import Waterworks


def test_a_tank_is_filled_between_its_two_levels_and_pumps_take_turns() -> None:
    works = Waterworks(level_pct=75.0)
    works.use_m3h = 4.0
    works.live(24)
    names = [name for _, name in works.starts()]
    assert len(names) >= 4
    assert all(a != b for a, b in pairwise(names))
    assert 68.0 < works.least_pct <= 70.0
    assert 90.0 <= works.most_pct < 91.0
    assert works.active() == set()


def test_another_pump_comes_as_the_level_goes_on_falling() -> None:
    works = Waterworks(level_pct=75.0)
    works.use_m3h = 12.0
    works.live(2.5)
    assert len(works.on()) == 2
    assert works.least_pct > 58.0
    assert "2 of 2 pumps, from 70 % until 90 %" in works.reason("p-1.enable")


def test_economy_lets_a_tank_fall_further_and_fills_it_less() -> None:
    works = Waterworks(level_pct=75.0)
    works.mode("economy")
    works.use_m3h = 4.0
    works.live(24)
    assert 42.0 < works.least_pct <= 42.5  # halfway from 70 to 15
    assert works.most_pct <= 75.0


def test_the_schedule_may_give_the_levels_and_they_stay_inside_the_tank() -> None:
    works = Waterworks(level_pct=60.0)
    works.give("start_level_pct", 55.0)
    works.give("stop_level_pct", 100.0)
    works.use_m3h = 1.0
    works.live(24)
    assert works.most_pct < 96.0
    assert 53.0 < works.least_pct <= 60.0


def test_floats_alone_hold_a_tank() -> None:
    works = Waterworks(instruments=("low_float", "high_float"), level_pct=60.0)
    works.use_m3h = 4.0
    works.live(48)
    assert 38.0 < works.least_pct <= 40.0
    assert 85.0 <= works.most_pct < 87.0


def test_off_is_off_for_a_tank_and_not_for_a_pit_that_floods() -> None:
    tank = Waterworks(level_pct=20.0)
    tank.mode("off")
    tank.live(1)
    assert tank.on() == set()
    pit = Waterworks("sump", level_pct=50.0)
    pit.mode("off")
    pit.use_m3h = 6.0
    pit.live(12)
    assert pit.most_pct < 90.0
    assert pit.basin.overflow_m3 == 0.0


def test_a_pump_that_may_not_start_again_yet_is_passed_over() -> None:
    works = Waterworks("sump", level_pct=15.0, starts=StartLimits(per_hour=1), stop_pct=50.0)
    works.use_m3h = 5.0
    works.live(10)
    by_pump: dict[str, list[float]] = {}
    for at, name in works.starts():
        by_pump.setdefault(name, []).append(at)
    for times in by_pump.values():
        gaps = [b - a for a, b in pairwise(times)]
        assert all(gap >= 3600 for gap in gaps)


@pytest.mark.case(
    "P65",
    when="A pit's level rises to its alarm level",
    then="All its pumps run until it is down again, in every mode, and an alarm names it",
)
def test_a_pit_at_its_alarm_level_runs_all_its_pumps() -> None:
    works = Waterworks("sump", level_pct=84.0)
    works.use_m3h = 15.0
    works.live(0.5)
    assert works.on() == {"p-1", "p-2"}
    works.use_m3h = 60.0
    works.live(0.2, 10)
    assert "b.g:high-level" in works.active()
    works.use_m3h = 0.0
    works.live(6)
    assert works.on() == set()
    assert works.active() == set()


@pytest.mark.case(
    "P66",
    when="A pump is told to run and does not, or its fault contact closes",
    then="The other pump runs within half a minute, and an alarm names the one that failed",
)
@pytest.mark.parametrize("how", ["dead", "fault"])
def test_the_standby_takes_over_from_a_pump_that_fails(how: str) -> None:
    works = Waterworks(level_pct=69.0)
    works.use_m3h = 4.0
    if how == "dead":
        works.dead.add("p-1")
    works.live(0.02, 1)
    if how == "fault":
        assert works.on() == {"p-1"}
        works.put("p-1.fault", 1)
        works.run(works.seconds + 3)
    assert works.on() == {"p-2"}
    assert "b.p-1:proof" in works.active()


@pytest.mark.case(
    "P66",
    when="A pump turns and its flow meter shows nothing",
    then="The other one runs in its place, and it stays out of use until a person resets it",
)
def test_a_pump_that_turns_without_moving_water_is_replaced() -> None:
    works = Waterworks(level_pct=69.0, more=("flow",))
    works.pumps["p-1"].broken = True
    works.use_m3h = 4.0
    works.live(0.1, 5)
    assert works.on() == {"p-2"}
    assert "moves no water" in works.text("b.p-1:proof")
    works.live(24)
    assert "p-1" not in {name for at, name in works.starts() if at > 400}
    works.pumps["p-1"].broken = False
    works.reset("p-1")
    works.live(24)
    assert "b.p-1:proof" not in works.active()


@pytest.mark.case(
    "P67",
    when="Pumps run longer than a tank or pit takes, or day after day longer than they did",
    then="One more pump comes, and an alarm says where to look: a burst, a leak, a blocked valve",
)
def test_a_run_that_takes_too_long_is_named() -> None:
    burst = Waterworks(level_pct=75.0)
    burst.use_m3h = 19.5
    burst.live(24)
    assert "b.g:run-time" in burst.active()
    assert "burst" in burst.text("b.g:run-time")


def test_a_pit_that_gets_more_than_it_used_to_is_named() -> None:
    pit = Waterworks("sump", level_pct=15.0)
    pit.use_m3h = 0.8
    pit.live(8 * 24, 120)
    assert pit.active() == set()
    pit.use_m3h = 3.0
    pit.live(5 * 24, 120)
    assert "b.g:run-hours" in pit.active()


def test_water_that_flows_every_night_is_a_leak() -> None:
    works = Waterworks(instruments=("water_level", "outflow"), level_pct=75.0)
    for _ in range(7):
        for hour in range(24):
            works.use_m3h = 3.0 if 7 <= (hour + 16) % 24 < 20 else 0.1
            works.live(1, 60)
    assert works.active() == set()
    for _ in range(4):
        for hour in range(24):
            works.use_m3h = 3.6 if 7 <= (hour + 16) % 24 < 20 else 0.7
            works.live(1, 60)
    assert "b.g:leak" in works.active()
    assert "0.60 m3/h" in works.text("b.g:leak")


@pytest.mark.case(
    "P77",
    when="The only pump of a tank does not run, or moves no water, for half an hour.",
    then="It is named all the time, and tried again at long intervals. The tank is filled again.",
)
@pytest.mark.parametrize("how", ["dead", "airlocked"])
def test_the_only_pump_of_a_tank_is_tried_again(how: str) -> None:
    works = Waterworks(count=1, level_pct=30.0, more=("flow",))
    works.use_m3h = 2.0
    works.live(0.1)
    assert works.on() == {"p-1"}
    if how == "dead":
        works.dead.add("p-1")
    else:
        works.airlocked = True
    works.live(0.05)
    key = "b.p-1:proof"
    for _ in range(60):
        works.live(1 / 120)
        assert key in works.active()
    works.dead.clear()
    works.airlocked = False
    lowest_pct = works.basin.level_pct
    works.live(1.0)
    assert key not in works.active()
    assert works.basin.level_pct > lowest_pct + 5.0
