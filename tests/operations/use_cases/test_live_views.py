"""What the status says of a group, from a runtime without any field."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from bms.cli import main
from bms.config.load import load
from bms.control import STRATEGIES, assemble
from bms.core.decisions import Decision, Fact, FactKind, Snapshot
from bms.field.image import Field
from bms.historian.log.embedded import History
from bms.historian.recording.recorder import Recorder
from bms.historian.records import Batch
from bms.operations.overrides.planning import wanted
from bms.operations.requests.override_requests import SetOverride
from bms.operations.runtime import Runtime
from bms.operations.use_cases import live_views as views
from bms.texts.messages import Message, msg
from bms.texts.problems import Problem
from tests.app.test_app import FILES
from tests.control.engine.parts import Scripted

SCHEDULE = """\
schedule: air
governs: [b.air]
otherwise: {mode: "off"}
week:
  any:
    daily:
      - {from: "06:00", to: "12:00", mode: "on", speed_pct: 80}
      - {from: "12:00", to: "15:00", mode: "on", speed_pct: 80}
      - {from: "15:00", to: "18:00", mode: "on", speed_pct: 40}
"""


def _runtime(directory: Path, schedule: str, now: datetime) -> Runtime:
    for name, text in {**FILES, "schedules/air.yaml": schedule}.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    runtime = Runtime(load(directory, STRATEGIES), Field(lambda: now), (), {})
    runtime.cycle(now)
    return runtime


def test_the_next_change_is_one_that_people_notice(tmp_path: Path) -> None:
    now = datetime(2026, 3, 2, 0, 0, tzinfo=UTC)  # 08:00 in Shanghai
    runtime = _runtime(tmp_path, SCHEDULE, now)
    view = views.group_view(runtime, runtime.site.groups["b.air"], "Asia/Shanghai", now)
    assert view.mode == "on"
    assert view.next_change is not None
    assert view.next_change.time == "2026-03-02T15:00:00+08:00"
    assert view.next_change.setpoints == {"speed_pct": 40.0}


def test_a_schedule_that_never_changes_has_no_next_change(tmp_path: Path) -> None:
    now = datetime(2026, 3, 2, 0, 0, tzinfo=UTC)
    runtime = _runtime(tmp_path, FILES["schedules/air.yaml"], now)
    view = views.group_view(runtime, runtime.site.groups["b.air"], "Asia/Shanghai", now)
    assert view.next_change is None


@pytest.mark.parametrize("pattern", ["b.holds.*", "holds"])
async def test_points_are_found_by_part_and_by_wildcard(tmp_path: Path, pattern: str) -> None:
    now = datetime(2026, 3, 2, 0, 0, tzinfo=UTC)
    runtime = _runtime(tmp_path, SCHEDULE, now)
    assert [row.point for row in (await views.points(runtime, pattern, now)).root] == [
        "b.holds.enable",
        "b.holds.speed",
    ]


def test_a_state_is_shown_alike_however_it_was_commanded(tmp_path: Path) -> None:
    now = datetime(2026, 3, 2, 0, 0, tzinfo=UTC)
    runtime = _runtime(tmp_path, SCHEDULE, now)
    enable = views.why(runtime, "b.holds.enable", now).winner
    speed = views.why(runtime, "b.holds.speed", now).winner
    assert enable is not None
    assert speed is not None
    assert (enable.value, speed.value) == (True, 80.0)
    assert isinstance(enable.value, bool)
    reason = " 皮带\n\x1b[31m 更换 "
    asked = SetOverride(point="b.holds.enable", value="off", duration="1h", reason=reason)
    by_hand = wanted(runtime.site, asked, "ming", now, runtime.resolver)
    assert by_hand.reason == "皮带 [31m 更换"
    assert views.override_view(runtime.site, by_hand, now, stored=True).value is False


def test_a_negative_value_is_no_option(tmp_path: Path) -> None:
    _runtime(tmp_path, SCHEDULE, datetime(2026, 3, 2, 0, 0, tzinfo=UTC))
    words = [str(tmp_path), "b.air.zone_setpoint_c", "-5.5", "--for", "5m", "--reason", "x"]
    said = CliRunner().invoke(main, ["override", "set", *words])
    assert "no controller answers" in said.output
    assert said.exit_code == 3


def test_what_is_wrong_with_schedules_stays_a_message(tmp_path: Path) -> None:
    now = datetime(2026, 3, 2, 0, 0, tzinfo=UTC)
    runtime = _runtime(tmp_path, SCHEDULE, now)
    assert views.schedules_view(runtime).in_force == "edited files"
    runtime.reject([Problem("schedules/air.yaml", 3, 1, msg("no mode '{mode}'", mode="onn"))])
    told = views.schedules_view(runtime)
    assert told.in_force == "last good files"
    assert told.problems == ("schedules/air.yaml:3:1: no mode 'onn'",)
    assert isinstance(told.problems[0], Message)


async def test_facts_are_points_that_people_can_read(tmp_path: Path) -> None:
    """Listed with their unit, their history and why; BAD, and never unused, while nobody has
    worked them out; gone with their group."""
    now = datetime(2026, 3, 2, 0, 0, tzinfo=UTC)
    runtime = _runtime(tmp_path, SCHEDULE, now)
    site = runtime.site
    group = replace(
        site.groups["b.air"], tells=lambda _: {"load_kw": FactKind("kW"), "stage": FactKind()}
    )
    load_kw, stage = group.fact_point("load_kw"), group.fact_point("stage")
    runtime.renew(replace(site, groups={"b.air": group}), ())

    def told(snapshot: Snapshot, state: Any, now: datetime) -> Decision[Any]:
        return Decision((), state, facts=(Fact(load_kw, 87.5),))

    plan = Scripted("plan", told, frozenset())
    runtime.engine.replace([*assemble(runtime.site, ()), plan])
    for second in (1, 2):
        runtime.cycle(now + timedelta(seconds=second))
    now += timedelta(seconds=2)
    found = {row.point: row for row in (await views.points(runtime, "b.air.*", now)).root}
    assert (found[load_kw].value, found[load_kw].unit) == (87.5, "kW")
    assert (found[load_kw].quality, found[stage].quality) == ("good", "bad")
    assert found[stage].detail == "nobody works it out at present"
    why = views.why(runtime, load_kw, now)
    assert why.winner is None
    assert (why.reading.value, why.reading.unit) == (87.5, "kW")
    runtime.renew(site, ())
    runtime.cycle(now + timedelta(seconds=1))
    runtime.cycle(now + timedelta(seconds=2))
    assert not runtime.known(load_kw)
    assert runtime.last is not None
    assert load_kw not in runtime.last.snapshot.samples


def test_facts_have_a_history(tmp_path: Path) -> None:
    """What stays the same is stored again every ten minutes; texts and states when they change."""
    now = datetime(2026, 3, 2, 0, 0, tzinfo=UTC)
    runtime = _runtime(tmp_path, SCHEDULE, now)
    kinds = {"load_kw": FactKind("kW"), "sort": FactKind(text=True), "free": FactKind(state=True)}
    group = replace(runtime.site.groups["b.air"], tells=lambda _: kinds)
    site = replace(runtime.site, groups={"b.air": group})
    facts = (
        Fact(group.fact_point("load_kw"), 87.5),
        Fact(group.fact_point("sort"), "warm-up"),
        Fact(group.fact_point("free"), True),
    )

    def told(snapshot: Snapshot, state: Any, now: datetime) -> Decision[Any]:
        return Decision((), state, facts=facts)

    runtime.renew(site, ())
    runtime.engine.replace([*assemble(site, ()), Scripted("plan", told, frozenset())])
    recorder = Recorder(site, trend_s=60, commit_s=1)
    end = now + timedelta(minutes=61)
    with History(tmp_path / "kept") as history:
        for minute in range(1, 61):
            cycle = runtime.cycle(now + timedelta(minutes=minute))
            recorder.offer(cycle.time, cycle.snapshot.samples)
        history.append(recorder.flush() or Batch())
        values = {
            fact.point: [sample.value for sample in history.samples(fact.point, now, end)]
            for fact in facts
        }
    assert list(values.values()) == [[87.5] * 6, ["warm-up"], [True]]
