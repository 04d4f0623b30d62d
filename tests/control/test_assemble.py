"""A site's controllers: schedules from files, operators, defaults, strategies, one engine."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bms.config.shapes.models import BaseFile, SiteFile
from bms.config.site import Base, Group, Site
from bms.control import STRATEGIES, assemble
from bms.control.engine.cycle import Engine
from bms.control.strategies.group import flags
from bms.core.decisions import OutputRules, Override, Priority, Snapshot, Stage
from drivers.points import Quality, Sample, Value
from schedules.files.folder import load
from tests.control.parts import group, machine

SCHEDULE = """\
schedule: warehouse
governs: [b.g]
otherwise: {mode: "off"}
week:
  any:
    mon-fri:
      - {from: "07:30", to: "18:00", mode: "on", zone_setpoint_c: 26}
"""
WEDNESDAY = datetime(2026, 7, 1, 1, 0, tzinfo=UTC)  # 09:00 in Shanghai
ENABLE = "b.ahu-1.enable"


def site(text: str = SCHEDULE, **changes: object) -> Site:
    made: Group = group("on_off", [machine("ahu-1", "air_handler")])
    library, problems = load({"schedules/warehouse.yaml": text})
    assert problems == []
    assert library is not None
    files = {"id": "s", "zone": "Asia/Shanghai", "bases": {"b": {}}}
    options = {
        "directory": Path("site"),
        "file": SiteFile.model_validate(files),
        "bases": {"b": Base("b", "Asia/Shanghai", BaseFile())},
        "links": {},
        "equipment": made.equipment,
        "groups": {made.id: made},
        "library": library,
        "outputs": {ENABLE: OutputRules(), "b.ahu-1.zone_setpoint": OutputRules()},
        "defaults": {},
        "meters": {},
    }
    return Site(**(options | changes))  # type: ignore[arg-type]


def override(point: str, value: Value, *, start: float = 0, until: float = 3600) -> Override:
    at = WEDNESDAY
    return Override(
        7,
        point,
        value,
        at + timedelta(seconds=start),
        at + timedelta(seconds=until),
        "filter change",
        "li.wei",
    )


def test_from_a_schedule_line_to_an_output() -> None:
    engine = Engine(assemble(site(), ()), site().outputs)
    cycle = engine.cycle({}, WEDNESDAY)
    assert {w.point: w.value for w in cycle.writes} == {ENABLE: 1, "b.ahu-1.zone_setpoint": 26}
    mode = engine.why("b.g.mode")
    assert mode is not None
    assert (mode.value, mode.winner.source) == ("on", "schedule:b.g")
    assert mode.winner.reason == "weekly mon-fri 07:30-18:00, schedules/warehouse.yaml:7"
    enable = engine.why(ENABLE)
    assert enable is not None
    assert enable.winner.reason == f"group on ← {mode.winner.reason}"


@pytest.mark.parametrize(
    ("local", "mode"),
    [("07:29:59", "off"), ("07:30:00", "on"), ("17:59:59", "on"), ("18:00:00", "off")],
)
def test_a_schedule_is_a_level_right_to_the_second(local: str, mode: str) -> None:
    engine = Engine(assemble(site(), ()), {})
    hours, minutes, seconds = map(int, local.split(":"))
    now = WEDNESDAY.replace(hour=0) + timedelta(hours=hours - 8, minutes=minutes, seconds=seconds)
    engine.cycle({}, now)
    award = engine.why("b.g.mode")
    assert award is not None
    assert award.value == mode


def test_a_schedule_answers_with_the_identical_tuple_while_nothing_changes() -> None:
    schedule, *_ = assemble(site(), ())
    one = schedule.decide(Snapshot(WEDNESDAY, {}), None, WEDNESDAY)
    later = WEDNESDAY + timedelta(minutes=5)
    other = schedule.decide(Snapshot(later, {}), None, later)
    assert other.commands is one.commands
    tomorrow = WEDNESDAY + timedelta(days=1)
    assert schedule.decide(Snapshot(tomorrow, {}), None, tomorrow).commands is one.commands


def test_an_override_of_the_mode_is_in_force_for_its_time_and_is_named() -> None:
    made = site()
    controllers = assemble(made, [override("b.g.mode", "off", start=10, until=60)])
    engine = Engine(controllers, made.outputs)
    values = []
    for seconds in (10, 59, 60, 61):
        engine.cycle({}, WEDNESDAY + timedelta(seconds=seconds))
        award = engine.why(ENABLE)
        assert award is not None
        values.append(award.value)
        if seconds == 10:
            reason = award.winner.reason
            assert reason == "group off ← override by li.wei: filter change"
            mode = engine.why("b.g.mode")
            assert mode is not None
            assert mode.winner.expires == WEDNESDAY + timedelta(seconds=60)
            assert {c.source for c in mode.losers} == {"schedule:b.g"}
    assert values == [0, 0, 1, 1]


@pytest.mark.parametrize(
    ("back", "stands"), [(timedelta(hours=1), True), (timedelta(days=30), False)]
)
def test_a_clock_set_back_leaves_what_an_operator_did(back: timedelta, stands: bool) -> None:
    made = site()
    engine = Engine(assemble(made, [override(ENABLE, 0)]), made.outputs)
    engine.cycle({}, WEDNESDAY)
    engine.cycle({}, WEDNESDAY - back)
    award = engine.why(ENABLE)
    assert award is not None
    assert (award.winner.source == "override:7") is stands


def test_an_override_of_an_output_beats_the_strategy() -> None:
    made = site()
    engine = Engine(assemble(made, [override(ENABLE, 0)]), made.outputs)
    engine.cycle({}, WEDNESDAY)
    award = engine.why(ENABLE)
    assert award is not None
    assert (award.value, award.winner.source, award.winner.priority) == (0, "override:7", 8)


def test_a_cleared_override_gives_way_in_the_next_cycle() -> None:
    made = site()
    engine = Engine(assemble(made, [override(ENABLE, 0)]), made.outputs)
    engine.cycle({}, WEDNESDAY)
    engine.replace(assemble(made, ()))
    cycle = engine.cycle({}, WEDNESDAY + timedelta(seconds=1))
    assert [(w.point, w.value) for w in cycle.writes] == [(ENABLE, 1)]


def test_an_edited_schedule_takes_over_and_only_what_differs_is_written() -> None:
    made = site()
    engine = Engine(assemble(made, ()), made.outputs)
    engine.cycle({}, WEDNESDAY)
    edited = site(SCHEDULE.replace("26", "24"))
    engine.replace(assemble(edited, ()))
    cycle = engine.cycle({}, WEDNESDAY + timedelta(seconds=1))
    assert [(w.point, w.value) for w in cycle.writes] == [("b.ahu-1.zone_setpoint", 24)]


def test_defaults_are_what_is_left_when_nobody_commands() -> None:
    ungoverned = site(SCHEDULE.replace("b.g", "b.other"), defaults={ENABLE: 0})
    engine = Engine(assemble(ungoverned, ()), ungoverned.outputs)
    engine.cycle({}, WEDNESDAY)
    award = engine.why(ENABLE)
    assert award is not None
    assert (award.value, award.winner.priority) == (0, Priority.DEFAULT)
    assert engine.why("b.g.mode") is None


def test_every_controller_has_its_own_name_and_claims() -> None:
    controllers = assemble(site(defaults={ENABLE: 0}), [override(ENABLE, 1)])
    names = [c.name for c in controllers]
    assert len(set(names)) == len(names)
    claims = [(p, c.priority) for c in controllers for p in c.writes]
    assert len(set(claims)) == len(claims)
    stages = [Stage.SUPERVISE] * 3 + [Stage.SEQUENCE, Stage.PROTECT]
    assert [c.stage for c in controllers] == stages


def test_strategies_say_what_they_take() -> None:
    assert set(STRATEGIES) >= {"on_off", "compressors", "chilled_water_plant", "air_handlers"}
    for name, spec in STRATEGIES.items():
        assert spec.name == name
        assert spec.modes[:2] == ("on", "off")
        assert spec.summary
    assert STRATEGIES["compressors"].setpoints["max_units"].unit == "units"
    assert STRATEGIES["chilled_water_plant"].setpoints["chw_setpoint_c"].unit == "degC"
    assert set(STRATEGIES["on_off"].setpoints) == {
        "zone_setpoint_c",
        "supply_setpoint_c",
        "hw_setpoint_c",
        "tank_setpoint_c",
        "level_pct",
        "speed_pct",
    }


def test_many_flags_at_once_mean_the_same_as_one_by_one() -> None:
    now = WEDNESDAY
    samples = {
        "on": Sample("on", 1, Quality.GOOD, now),
        "true": Sample("true", True, Quality.GOOD, now),
        "off": Sample("off", 0.0, Quality.GOOD, now),
        "stale": Sample("stale", 1, Quality.STALE, now),
        "bad": Sample("bad", None, Quality.BAD, now),
        "none": Sample("none", None, Quality.GOOD, now),
        "text": Sample("text", "on", Quality.GOOD, now),
    }
    snapshot = Snapshot(now, samples)
    points = [*samples, "missing"]
    assert flags(snapshot, points) == [snapshot.flag(point) for point in points]
