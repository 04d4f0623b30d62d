"""The engine does what is expected of a group; the diff shows what an edit changes."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bms.config.shapes.models import BaseFile, SiteFile
from bms.config.site import Base, Group, Site
from bms.control import assemble
from bms.control.engine.cycle import Engine
from bms.control.forecast import changes, expected, group_points, hours_by_mode
from bms.core.decisions import Override
from drivers.points import PointId, Value
from schedules.files.folder import load
from schedules.library import Library
from schedules.model.context import NOTHING
from tests.control.parts import group, machine

MINUTE = timedelta(minutes=1)
GROUP: Group = group("on_off", [machine("ahu-1", "air_handler")])
SPRING = datetime(2026, 3, 28, 12, 0, tzinfo=UTC)
"""Half a day before clocks go forward in Berlin; the end of summer time is in AUTUMN."""
AUTUMN = datetime(2026, 10, 24, 12, 0, tzinfo=UTC)
DAYS = 3


def library(schedule: dict[str, Any]) -> Library:
    made, problems = load({"schedules/drawn.yaml": json.dumps(schedule)})
    assert made is not None, [str(p) for p in problems]
    return made


def site(made: Library, zone: str = "Europe/Berlin") -> Site:
    return Site(
        directory=Path("site"),
        file=SiteFile.model_validate({"id": "s", "zone": zone, "bases": {"b": {}}}),
        bases={"b": Base("b", zone, BaseFile())},
        links={},
        equipment=GROUP.equipment,
        groups={GROUP.id: GROUP},
        library=made,
        outputs={},
        defaults={},
        meters={},
    )


def _block(start: int, end: int, number: int) -> dict[str, Any]:
    def text(minutes: int) -> str:
        return f"{minutes // 60:02}:{minutes % 60:02}"

    return {
        "from": text(start),
        "to": text(end if end <= 1440 else end - 1440),
        "mode": "on" if number % 3 else "off",
        "zone_setpoint_c": 18 + number % 9,
    }


@st.composite
def schedules(draw: st.DrawFn, start: datetime) -> dict[str, Any]:
    """A random week without overlaps, and random exceptions close to `start`."""

    def blocks(last: int) -> list[dict[str, Any]]:
        cuts = sorted(draw(st.sets(st.integers(0, last // 15), max_size=6)))
        pairs = zip(cuts[::2], cuts[1::2], strict=False)
        return [_block(a * 15, b * 15, draw(st.integers(0, 20))) for a, b in pairs]

    rules: list[dict[str, Any]] = []
    for number in range(draw(st.integers(0, 3))):
        day = start.date() + timedelta(days=draw(st.integers(-1, DAYS)))
        do = draw(st.sampled_from(["replace", "use", "add"]))
        rule: dict[str, Any] = {"name": f"e{number}", "do": do, "dates": [str(day)]}
        if do == "use":
            rule["day"] = draw(st.sampled_from(["mon", "sat"]))
        else:
            rule["blocks"] = blocks(1440)
        if do != "add" or rule["blocks"]:
            rules.append(rule)
    return {
        "schedule": "drawn",
        "governs": [GROUP.id],
        "otherwise": {"mode": "off"},
        "week": {"any": {day: blocks(1440) for day in ("mon-fri", "sat", "sun")}},
        "exceptions": rules,
    }


@st.composite
def overrides(draw: st.DrawFn, start: datetime) -> list[Override]:
    made: list[Override] = []
    for number, point in enumerate(draw(st.sets(st.sampled_from(group_points(GROUP)[:2])))):
        begins = start + draw(st.integers(-60, 2000)) * MINUTE
        until = begins + draw(st.integers(1, 1500)) * MINUTE
        value: Value = draw(st.sampled_from(["on", "off"])) if point.endswith("mode") else 30.0
        made.append(Override(number + 1, point, value, begins, until, "trial", "wang"))
    return made


def stepped(
    of: Site, given_overrides: list[Override], start: datetime, end: datetime
) -> list[tuple[datetime, PointId, Value | None]]:
    """Every change of a group point's value, found by running the engine minute by minute.

    An override is there from the moment it is made, as the runtime puts it in force.
    """
    engine = Engine(assemble(of, [o for o in given_overrides if o.start <= start]), {})
    points = group_points(GROUP)
    shown: dict[PointId, Value | None] = dict.fromkeys(points)
    found: list[tuple[datetime, PointId, Value | None]] = []
    at = start
    while at < end:
        if any(o.start == at for o in given_overrides):
            engine.replace(assemble(of, [o for o in given_overrides if o.start <= at]))
        awards = engine.cycle({}, at).awards
        for point in points:
            value = awards[point].value if point in awards else None
            if at == start or value != shown[point]:
                found.append((at, point, value))
                shown[point] = value
        at += MINUTE
    return found


@pytest.mark.parametrize("start", [SPRING, AUTUMN])
@settings(max_examples=15)
@given(data=st.data())
def test_expected_is_what_the_engine_does_command_by_command(
    start: datetime, data: st.DataObject
) -> None:
    of = site(library(data.draw(schedules(start))))
    forced = data.draw(overrides(start))
    end = start + timedelta(days=DAYS)
    parts = expected(of, GROUP, forced, NOTHING, start, end)
    assert parts[0].start == start
    assert parts[-1].end == end
    assert all(a.end == b.start for a, b in pairwise(parts))
    told: list[tuple[datetime, PointId, Value | None]] = []
    shown: dict[PointId, Value | None] = {}
    for part in parts:
        for point in group_points(GROUP):
            value = part.awards[point].value if point in part.awards else None
            if point not in shown or shown[point] != value:
                told.append((part.start, point, value))
                shown[point] = value
    assert told == stepped(of, forced, start, end)


@pytest.mark.parametrize("start", [SPRING, AUTUMN])
@settings(max_examples=15)
@given(data=st.data())
def test_the_diff_is_exactly_what_differs_between_two_runs(
    start: datetime, data: st.DataObject
) -> None:
    one = site(library(data.draw(schedules(start))))
    other = replace(one, library=library(data.draw(schedules(start))))
    forced = data.draw(overrides(start))
    end = start + timedelta(days=DAYS)
    found = changes(
        expected(one, GROUP, forced, NOTHING, start, end),
        expected(other, GROUP, forced, NOTHING, start, end),
    )
    told = {
        (change.start + n * MINUTE, change.point): (
            change.before.value if change.before else None,
            change.after.value if change.after else None,
        )
        for change in found
        for n in range(int((change.end - change.start) / MINUTE))
    }
    runs = [_by_minute(of, forced, start, end) for of in (one, other)]
    differ = {key: (runs[0][key], runs[1][key]) for key in runs[0] if runs[0][key] != runs[1][key]}
    assert told == differ


def _by_minute(
    of: Site, forced: list[Override], start: datetime, end: datetime
) -> dict[tuple[datetime, PointId], Value | None]:
    edges = stepped(of, forced, start, end)
    shown: dict[PointId, Value | None] = {}
    values: dict[tuple[datetime, PointId], Value | None] = {}
    at, place = start, 0
    while at < end:
        while place < len(edges) and edges[place][0] == at:
            shown[edges[place][1]] = edges[place][2]
            place += 1
        values.update({(at, point): value for point, value in shown.items()})
        at += MINUTE
    return values


PLAIN = {
    "schedule": "drawn",
    "governs": [GROUP.id],
    "otherwise": {"mode": "off"},
    "week": {"any": {"mon-fri": [{"from": "08:00", "to": "18:00", "mode": "on"}]}},
}


def test_hours_count_the_hour_that_a_clock_change_takes() -> None:
    week = {"any": {"sun": [{"from": "00:00", "to": "12:00", "mode": "on"}]}}
    of = site(library({**PLAIN, "week": week}))
    start = datetime(2026, 3, 28, 23, 0, tzinfo=UTC)  # midnight in Berlin
    parts = expected(of, GROUP, [], NOTHING, start, start + timedelta(hours=23))
    assert hours_by_mode(GROUP, parts) == {"on": 11.0, "off": 12.0}


def test_an_override_hides_what_an_edit_would_change() -> None:
    of = site(library(PLAIN), "Asia/Shanghai")
    early = {"any": {"mon-fri": [{"from": "07:00", "to": "18:00", "mode": "on"}]}}
    edited = replace(of, library=library({**PLAIN, "week": early}))
    monday = datetime(2026, 6, 28, 16, 0, tzinfo=UTC)  # midnight in Shanghai
    end = monday + timedelta(days=2)
    forced = Override(1, GROUP.mode_point, "off", monday, monday + timedelta(hours=7.5), "x", "li")
    found = changes(
        expected(of, GROUP, [forced], NOTHING, monday, end),
        expected(edited, GROUP, [forced], NOTHING, monday, end),
    )
    assert [(c.start - monday, c.end - monday, c.after and c.after.value) for c in found] == [
        (timedelta(hours=7.5), timedelta(hours=8), "on"),
        (timedelta(hours=31), timedelta(hours=32), "on"),
    ]


def test_equal_schedules_differ_in_nothing_even_where_lines_moved() -> None:
    of = site(library(PLAIN))
    moved, problems = load(
        {"schedules/drawn.yaml": "# a comment\n\n" + json.dumps(PLAIN, indent=1)}
    )
    assert moved is not None, problems
    end = SPRING + timedelta(days=DAYS)
    assert (
        changes(
            expected(of, GROUP, [], NOTHING, SPRING, end),
            expected(replace(of, library=moved), GROUP, [], NOTHING, SPRING, end),
        )
        == []
    )
