"""Machines that do not do what they are told, and machines that report a fault."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from bms.control.watch.machine_watch import STOPS_S, Watch
from bms.core.decisions import Award
from bms.core.machines.equipment_kinds import KINDS
from bms.core.machines.limits import LIMITS
from drivers.points import PointId, Quality, Sample, Value
from tests.control.engine.parts import at, command
from tests.control.parts import machine

STARTED = sorted(kind.name for kind in KINDS.values() if {"enable", "status"} <= kind.roles.keys())
FAULTY = sorted(kind.name for kind in KINDS.values() if "fault" in kind.roles)


def _told(on: int | None) -> Mapping[PointId, Award]:
    if on is None:
        return {}
    return {"b.m.enable": Award(command(on, point="b.m.enable"))}


def _shows(role: str, value: Value | None, quality: Quality = Quality.GOOD) -> dict[str, Sample]:
    return {f"b.m.{role}": Sample(f"b.m.{role}", value, quality, at(0), "")}


def _keys(watch: Watch) -> list[str]:
    return [condition.key for condition in watch.conditions]


@pytest.mark.case(
    "S1",
    when="A machine is commanded on and its status stays off",
    then="After a time that suits its kind an alarm names it and says where to look",
)
@pytest.mark.parametrize("kind", STARTED)
def test_a_machine_that_does_not_prove_is_told_after_the_time_of_its_kind(kind: str) -> None:
    watch, limit = Watch([machine("m", kind)]), KINDS[kind].proves_s
    for second, expected in ((0, []), (limit - 10, []), (limit, ["b.m:proof"])):
        watch.look(_shows("status", 0), _told(1), at(second))
        assert _keys(watch) == expected, second
    (condition,) = watch.conditions
    assert "b.m " in condition.text
    watch.look(_shows("status", 1), _told(1), at(limit + 10))
    assert _keys(watch) == []


@pytest.mark.case(
    "S2",
    when="A machine is commanded off and its status stays on",
    then="After five minutes an alarm names it and says where to look",
)
@pytest.mark.parametrize("kind", STARTED)
def test_a_machine_that_still_runs_is_told(kind: str) -> None:
    watch = Watch([machine("m", kind)])
    watch.look(_shows("status", True), _told(0), at(0))
    watch.look(_shows("status", True), _told(0), at(STOPS_S - 10))
    assert _keys(watch) == []
    watch.look(_shows("status", True), _told(0), at(STOPS_S))
    assert _keys(watch) == ["b.m:running"]


def test_a_machine_that_cycles_proves_once() -> None:
    watch = Watch([machine("m", "boiler")])
    for second, runs in ((0, 0), (60, 1), (120, 0), (20_000, 0)):
        watch.look(_shows("status", runs), _told(1), at(second))
        assert _keys(watch) == []
    watch.look(_shows("status", 0), _told(0), at(20_010))
    for second in (20_020, 30_000):
        watch.look(_shows("status", 0), _told(1), at(second))
    assert _keys(watch) == ["b.m:proof"]


def test_a_fan_that_stops_by_itself_is_told() -> None:
    watch = Watch([machine("m", "fan")])
    for second, runs in ((0, 1), (1000, 0), (1200, 0)):
        watch.look(_shows("status", runs), _told(1), at(second))
    assert _keys(watch) == ["b.m:proof"]


@pytest.mark.parametrize(
    ("told", "quality", "unsent"),
    [(None, Quality.GOOD, ()), (1, Quality.BAD, ()), (1, Quality.GOOD, ("b.m.enable",))],
)
def test_what_nobody_tells_or_sees_or_sends_is_not_judged(
    told: int | None, quality: Quality, unsent: tuple[str, ...]
) -> None:
    watch = Watch([machine("m", "fan")], unsent)
    for second in (0, 5000):
        watch.look(_shows("status", 0, quality), _told(told), at(second))
    assert _keys(watch) == []


def test_the_time_begins_again_after_the_clock_was_set_back() -> None:
    watch = Watch([machine("m", "fan")])
    for second in (5000, 0, 100):
        watch.look(_shows("status", 0), _told(1), at(second))
    assert _keys(watch) == []
    watch.look(_shows("status", 0), _told(1), at(120))
    assert _keys(watch) == ["b.m:proof"]


@pytest.mark.case(
    "S3",
    when="The fault contact of a machine is on",
    then="An alarm names the machine, whichever group runs it",
)
@pytest.mark.parametrize("kind", FAULTY)
def test_a_fault_contact_is_an_alarm(kind: str) -> None:
    watch = Watch([machine("m", kind)])
    watch.look(_shows("fault", 1, Quality.STALE), {}, at(0))
    assert _keys(watch) == []
    watch.look(_shows("fault", 1), {}, at(10))
    assert _keys(watch) == ["b.m:fault"]
    watch.look(_shows("fault", 0), {}, at(20))
    assert _keys(watch) == []


LIMITED = sorted({role for kind in KINDS.values() for role in kind.roles if role in LIMITS})


@pytest.mark.case(
    "B3",
    when="A set point shows a value that nobody may ask for, whoever wrote it",
    then="An alarm names the point, the value and the limits",
)
@pytest.mark.parametrize("role", LIMITED)
def test_a_set_point_beyond_its_limits_is_told_whoever_wrote_it(role: str) -> None:
    name = next(kind.name for kind in KINDS.values() if role in kind.roles)
    watch = Watch([machine("m", name)])
    least, most = LIMITS[role]
    second = 0
    for value, wrong in ((most, False), (most * 10, True), (most * 11, True), (least - 1, True)):
        watch.look(_shows(role, value), {}, at(second))
        assert _keys(watch) == ([f"b.m.{role}:limits"] if wrong else []), value
        second += 10
    (condition,) = watch.conditions
    assert f"b.m.{role} shows {most * 10:g} " in condition.text, "the same as when it began"
    for value, quality in ((most * 10, Quality.BAD), (most * 10, Quality.STALE)):
        watch.look(_shows(role, value, quality), {}, at(second))
        assert _keys(watch) == []
        second += 10


@pytest.mark.case(
    "P41",
    when="A pump or fan without a status contact is commanded on and draws nothing",
    then="An alarm names it within the proof time of its kind, judged by its power",
)
@pytest.mark.parametrize("kind", ["pump", "fan", "cooling_tower", "air_handler"])
def test_a_machine_without_a_status_is_judged_by_its_power(kind: str) -> None:
    watch = Watch([machine("m", kind, without=("status",))])
    limit = KINDS[kind].proves_s
    for second in range(0, int(limit) + 10, 10):
        watch.look(_shows("power", 0.0), _told(1), at(second))
    assert _keys(watch) == ["b.m:proof"]
    watch.look(_shows("power", 4.0), _told(1), at(limit + 20))
    assert _keys(watch) == []


@pytest.mark.case(
    "P42",
    when="A machine is switched at its panel",
    then="That is told, and it is not called failed for what the controller cannot command",
)
def test_a_machine_at_its_panel_is_told_and_not_judged() -> None:
    watch = Watch([machine("m", "pump")])
    for second in range(0, 900, 10):
        watch.look(_shows("status", 0) | _shows("local", 1), _told(1), at(second))
    assert _keys(watch) == ["b.m:local"]


@pytest.mark.case(
    "P43",
    when="A fan coasts down for four minutes after it was switched off",
    then="It is not called running though told to stop",
)
def test_coasting_down_is_not_running_on() -> None:
    watch = Watch([machine("m", "fan")])
    for second in range(0, 240, 10):
        watch.look(_shows("status", 1), _told(0), at(second))
        assert _keys(watch) == []
    watch.look(_shows("status", 0), _told(0), at(250))
    assert _keys(watch) == []


def test_a_clock_that_is_set_makes_nothing_late() -> None:
    watch = Watch([machine("m", "pump")])
    watch.look(_shows("status", 0), _told(1), at(0), 0.0)
    watch.look(_shows("status", 0), _told(1), at(7200), 10.0)
    assert _keys(watch) == []
