"""The right machine for the load, with few starts."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from bms.config.site import Group
from bms.core.machines.relations import Standing, StartLimits
from tests.control.parts import group, machine
from tests.control.test_chilled_water import Plant


def unlike(starts: StartLimits | None = None, **parameters: Any) -> Group:
    """700 + 350 kW, each with its pumps and tower."""
    sizes = {"big": 700.0, "small": 350.0}
    chillers = [machine(name, "chiller", capacity_kw=kw) for name, kw in sizes.items()]
    if starts is not None:
        chillers = [replace(chiller, standing=Standing(starts=starts)) for chiller in chillers]
    others = [machine("hdr", "water_loop"), machine("wx", "weather_station")]
    trains = []
    for name in sizes:
        others += [machine(f"chp-{name}", "pump"), machine(f"cwp-{name}", "pump")]
        others.append(machine(f"ct-{name}", "cooling_tower"))
        trains.append(
            {
                "chiller": name,
                "chw_pump": f"chp-{name}",
                "cw_pump": f"cwp-{name}",
                "tower": f"ct-{name}",
            }
        )
    return group(
        "chilled_water_plant", chillers, others, header="hdr", weather="wx", trains=trains,
        **parameters,
    )  # fmt: skip


def running(load_kw: Callable[[float], float], made: Group | None = None) -> Plant:
    rig = Plant(made or unlike())
    rig.load_kw = load_kw
    rig.mode("on")
    return rig


@pytest.mark.case(
    "P30",
    when="Of 700 and 350 kW both run, and the load falls from 680 to 400 kW.",
    then="The machine of 700 kW alone carries it within the delay.",
)
def test_one_large_machine_takes_over_from_both() -> None:
    rig = running(lambda seconds: 680.0 if seconds < 4 * 3600 else 400.0)
    rig.run(4 * 3600, 10)
    assert rig.chillers() == {"big", "small"}
    rig.run(4 * 3600 + 900 + 300 + 60, 10)
    assert rig.chillers() == {"big"}


@pytest.mark.case(
    "P31",
    when="The plant starts at a small load.",
    then="The small machine leads.",
)
def test_the_small_machine_leads() -> None:
    rig = running(lambda seconds: 100.0)
    rig.run(3600, 5)
    assert rig.chillers() == {"small"}


@pytest.mark.case(
    "P32",
    when="The load is more than the small machine carries and less than the large one.",
    then="The large one starts, is proven, and only then does the small one stop.",
)
def test_a_swap_keeps_the_old_machine_until_the_new_one_is_proven() -> None:
    rig = running(lambda seconds: 500.0)
    rig.status_after_s = {"big": 60}
    rig.run(900)
    rig.log.clear()
    rig.run(1600)
    assert rig.chillers() == {"big"}
    switched = {(name, value): at for at, name, value in rig.writes()}
    assert switched[("small", 0)] >= switched[("big", 1)] + 60


@pytest.mark.case(
    "P33",
    when="In a swap the new machine does not start.",
    then="The old one goes on, the new one is out of use and named.",
)
def test_a_swap_that_fails_is_rolled_back() -> None:
    rig = running(lambda seconds: 500.0)
    rig.dead = {"big"}
    rig.run(3600, 2)
    assert rig.chillers() == {"small"}
    assert ("small", 0) not in [(name, value) for _, name, value in rig.writes()]
    assert "b.big:proof" in rig.active()
    assert rig.get("chp-big.enable") == 0


@pytest.mark.case(
    "P34",
    when="The load goes up and down all day, and the maker allows four starts in 24 hours.",
    then="No machine starts more often; the one with starts left runs on.",
)
def test_starts_are_limited_by_the_makers_numbers() -> None:
    made = unlike(StartLimits(per_hour=1, per_day=4))
    rig = running(lambda s: 650.0 if (s // 3600) % 2 else 100.0, made)
    rig.run(24 * 3600, 20)
    for name in ("big", "small"):
        starts = [at for at, n, value in rig.writes() if n == name and value == 1]
        assert len(starts) <= 4
        assert all(later - first >= 3600 for first, later in pairwise(starts))


@pytest.mark.case(
    "P35",
    when="The load is high for 30 s, the controller is away for half an hour, it is still high.",
    then="The second machine comes a full delay later: time that nobody watched does not count.",
)
def test_time_that_nobody_watched_is_no_delay() -> None:
    made = unlike()
    rig = running(lambda seconds: 200.0 if seconds < 3600 else 600.0, made)
    rig.run(3630, 5)
    saved = json.loads(json.dumps(rig.engine.states()))
    again = Plant(made, saved=saved)
    again.values |= rig.values
    again.load_kw = rig.load_kw
    again.mode("on")
    again.seconds = 3630 + 1800
    again.run(again.seconds + 600, 5)
    assert again.chillers() == {"small"}
    again.run(again.seconds + 700, 5)
    assert "big" in again.chillers()


@pytest.mark.case(
    "P36",
    when="The load changes all day without any fault.",
    then="The stage changes six times a day at most.",
)
def test_a_restless_day_has_few_changes() -> None:
    rig = running(lambda s: 380.0 + 330.0 * (1 if (s // 2700) % 2 else -1))
    rig.run(24 * 3600, 20)
    state = json.loads(json.dumps(rig.engine.states()))["chilled_water_plant:b.g"]
    assert 2 <= len(state["choice"]["timers"]["changes_s"]) <= 6


@pytest.mark.case(
    "P37",
    when="A chiller stops by its own thermostat at low load for six minutes.",
    then="It is waited for: no fault, and no other machine starts.",
)
def test_a_chiller_that_rests_is_no_failure() -> None:
    rig = running(lambda seconds: 50.0)
    rig.run(1800, 5)
    assert rig.chillers() == {"small"}
    rig.dead = {"small"}
    rig.run(1800 + 360, 5)
    rig.dead = set()
    rig.run(3600, 5)
    assert rig.chillers() == {"small"}
    assert not [key for _, kind, key in rig.alarms if key.endswith(":proof")]


def low_evening(rig: Plant, began_s: float, hours: float) -> int:
    """An evening of 60 kW after a restless day: each machine that runs stops by its thermostat
    for half of any twelve minutes. How often machines started by themselves."""
    own_starts, seconds = 0, began_s
    while seconds < began_s + hours * 3600:
        rests = (seconds // 360) % 2 == 1
        before = len(rig.dead)
        rig.dead = set(rig.chillers()) if rests else set()
        own_starts += max(0, before - len(rig.dead))
        seconds += 10
        rig.step(seconds)
    return own_starts


@pytest.mark.case(
    "P80",
    when="On an evening after a restless day two chillers stop and start by their own thermostats.",
    then="The smaller machine takes over all the same, since waiting spares nobody a start.",
)
def test_machines_that_cycle_are_not_kept_by_the_patience_of_a_restless_day() -> None:
    day_s = 8 * 3600
    rig = running(lambda s: (120.0 if (s // 3600) % 2 else 950.0) if s < day_s else 60.0)
    rig.run(day_s, 20)
    rig.load_kw = lambda s: 950.0 if s < day_s + 1800 else 60.0
    rig.run(day_s + 1800, 20)
    assert rig.chillers() == {"big", "small"}
    starts = low_evening(rig, day_s + 1800, 4.0)
    assert rig.chillers() == {"small"}
    assert starts <= 26  # 22; 31 if both stay for two hours more
