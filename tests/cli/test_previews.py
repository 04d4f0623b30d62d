"""`bms schedule preview` and `bms schedule diff`, as a person calls them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bms.core.decisions import Override
from bms.storage.state import Store
from tests.cli.test_cli import bms, refused

SCHEDULE = """\
schedule: air
governs: [b.air]
otherwise: {mode: "off"}
week:
  any:
    mon-fri:
      - {from: "08:00", to: "18:00", mode: "on", speed_pct: 80}
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    from tests.app.test_app import FILES

    for name, text in FILES.items():
        path = tmp_path / "site" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (tmp_path / "site" / "schedules" / "air.yaml").write_text(SCHEDULE, encoding="utf-8")
    return tmp_path / "site"


def _draft(site: Path, text: str, name: str = "air.yaml") -> Path:
    path = site.parent / "draft" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_a_diff_lists_every_command_that_becomes_another_and_the_hours(site: Path) -> None:
    draft = _draft(site, SCHEDULE.replace("08:00", "07:15"))
    said = bms("schedule", "diff", site, draft, "--from", "2026-03-30T00:00", "--days", 7, "--json")
    assert said.exit_code == 0, said.output
    (group,) = json.loads(said.stdout)["groups"]
    assert group["group"] == "b.air"
    assert group["hours_by"] == {"off": -3.75, "on": 3.75}
    modes = [change for change in group["changes"] if change["point"] == "b.air.mode"]
    assert [(c["from"][11:16], c["to"][11:16]) for c in modes] == [("07:15", "08:00")] * 5
    assert {(c["before"]["value"], c["after"]["value"]) for c in modes} == {("off", "on")}
    assert all("schedules/air.yaml:7" in c["after"]["reason"] for c in modes)
    shown = bms("schedule", "diff", site, draft, "--from", "2026-03-30T00:00", "--days", 7)
    assert "on +3.75 h" in shown.output


def test_an_edit_that_changes_nothing_says_so(site: Path) -> None:
    draft = _draft(site, "# a remark\n" + SCHEDULE)
    said = bms("schedule", "diff", site, draft)
    assert said.exit_code == 0, said.output
    assert "nothing changes" in said.output


def test_a_broken_edit_is_answered_with_its_line(site: Path) -> None:
    draft = _draft(site, SCHEDULE.replace("18:00", "25:00"))
    said = refused(bms("schedule", "diff", site, draft), 2)
    assert "schedules/air.yaml:7:" in said
    assert "25:00" in said


def test_a_file_that_is_new_is_compared_as_one_more(site: Path) -> None:
    draft = _draft(site, SCHEDULE.replace("schedule: air", "schedule: more"), "more.yaml")
    said = refused(bms("schedule", "diff", site, draft), 2)
    assert "already governed in schedules/air.yaml:2" in said


def test_an_override_in_force_is_on_top_of_a_preview(site: Path) -> None:
    now = datetime.now(UTC)
    with Store(site / "state") as store:
        store.add(Override(0, "b.air.mode", "on", now, now + timedelta(hours=3), "visit", "wang"))
    said = bms("schedule", "preview", site, "b.air", "--days", 2, "--json")
    assert said.exit_code == 0, said.output
    view = json.loads(said.stdout)
    assert [o["owner"] for o in view["overrides"]] == ["wang"]
    forced = [s for s in view["stretches"] if s["priority"] == 8]
    assert forced
    assert all("override by wang: visit" in s["reason"] for s in forced)
    shown = bms("schedule", "preview", site, "b.air", "--days", 2).output
    assert "override by wang" in shown
    assert "▒" in shown


def test_a_preview_draws_days_with_hours_and_reasons(site: Path) -> None:
    shown = bms("schedule", "preview", site, "b.air", "--from", "2026-03-30", "--days", 7).output
    (monday,) = [line for line in shown.splitlines() if "Mon 2026-03-30" in line]
    assert "·" * 16 + "█" * 20 + "·" * 12 in monday
    assert " 10.0 " in monday
    assert "08:00-18:00 on speed_pct=80: weekly mon-fri 08:00-18:00, schedules/air.yaml:7" in monday
    (sunday,) = [line for line in shown.splitlines() if "Sun 2026-04-05" in line]
    assert "█" not in sunday
    assert "otherwise" in sunday


def test_on_a_day_that_begins_at_one_nothing_is_listed_before_it(site: Path) -> None:
    base = site / "site.yaml"
    base.write_text(base.read_text("utf-8").replace("Asia/Shanghai", "Africa/Cairo"), "utf-8")
    late = SCHEDULE.replace('"08:00", to: "18:00"', '"22:00", to: "01:00"')
    (site / "schedules" / "air.yaml").write_text(late, encoding="utf-8")
    shown = bms("schedule", "preview", site, "b.air", "--from", "2026-04-23", "--days", 2).output
    (line,) = [line for line in shown.splitlines() if "Fri 2026-04-24" in line]
    assert "00:00-" not in line


def test_a_preview_says_which_holidays_it_does_not_know(site: Path) -> None:
    holidays = "  - {calendar: cn, entries: holiday, do: replace, blocks: []}\n"
    (site / "schedules" / "air.yaml").write_text(f"{SCHEDULE}exceptions:\n{holidays}", "utf-8")
    (site / "schedules" / "calendars").mkdir()
    (site / "schedules" / "calendars" / "cn.yaml").write_text(
        "calendar: cn\nyears: [2026]\nentries:\n"
        "  holiday: [{name: New Year, dates: [2026-01-01]}]\n",
        encoding="utf-8",
    )
    until = ("schedule", "preview", site, "b.air", "--days", 3)
    assert "has no" not in bms(*until, "--from", "2026-12-29").output
    shown = bms(*until, "--from", "2026-12-30").output
    assert "calendar cn has no 2027: its holidays are shown as ordinary days" in shown
