"""What the status says of a group, from a runtime without any field."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from bms.api import views
from bms.config.load import load
from bms.control import STRATEGIES
from bms.field import Field
from bms.runtime import Runtime
from tests.bms.test_app import FILES

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
    assert view["mode"] == "on"
    assert view["next_change"]["time"] == "2026-03-02T15:00:00+08:00"
    assert view["next_change"]["setpoints"] == {"speed_pct": 40.0}


def test_a_schedule_that_never_changes_has_no_next_change(tmp_path: Path) -> None:
    now = datetime(2026, 3, 2, 0, 0, tzinfo=UTC)
    runtime = _runtime(tmp_path, FILES["schedules/air.yaml"], now)
    view = views.group_view(runtime, runtime.site.groups["b.air"], "Asia/Shanghai", now)
    assert view["next_change"] is None


@pytest.mark.parametrize("pattern", ["b.holds.*", "holds"])
def test_points_are_found_by_part_and_by_wildcard(tmp_path: Path, pattern: str) -> None:
    now = datetime(2026, 3, 2, 0, 0, tzinfo=UTC)
    runtime = _runtime(tmp_path, SCHEDULE, now)
    assert [row["point"] for row in views.points(runtime, pattern, now)] == [
        "b.holds.enable",
        "b.holds.speed",
    ]
