"""Public holidays: a table of facts against both libraries, the shipped files, and the command."""

from __future__ import annotations

import json
import sys
from datetime import date, timedelta
from pathlib import Path

import chinese_calendar
import holidays
import pytest
from click.testing import CliRunner

from bms.cli import main
from bms.config.writing.public_holidays import PublicHolidays, calendar_text, gather, works
from bms.config.writing.scaffold import init
from bms.core.errors import InvalidInput, NotAvailable
from schedules.files.folder import load

ROOT = Path(__file__).parents[2]
FACTS = ROOT / "tests" / "schedules" / "facts_cn.txt"
SHIPPED = [
    ROOT / "schedules" / "library" / "calendars" / "cn-2026.yaml",
    ROOT / "bms" / "config" / "template" / "schedules" / "calendars" / "cn-2026.yaml",
    *(ROOT / f"simulators/parks/demo/site/schedules/calendars/cn-{y}.yaml" for y in (2025, 2026)),
]


def _facts() -> tuple[set[date], set[date]]:
    free: set[date] = set()
    worked: set[date] = set()
    for line in FACTS.read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            continue
        word, *texts = line.split()
        for text in texts:
            first, _, last = text.partition("..")
            day, end = date.fromisoformat(first), date.fromisoformat(last or first)
            while day <= end:
                (free if word == "free" else worked).add(day)
                day += timedelta(days=1)
    return free, worked


def _year(year: int) -> list[date]:
    return [day for n in range(366) if (day := date(year, 1, 1) + timedelta(days=n)).year == year]


@pytest.mark.parametrize("year", [2024, 2025, 2026])
def test_every_day_is_worked_or_free_as_the_notice_says(year: int) -> None:
    free, worked = _facts()
    other = holidays.country_holidays("CN", years=year)
    found = gather("CN", year)
    assert found.differences == ()
    calendar, problems = load({"schedules/calendars/cn.yaml": calendar_text(found)})
    assert calendar is not None, problems
    cn = calendar.calendars["cn"]
    for day in _year(year):
        expected = works(day, free, worked)
        assert chinese_calendar.is_workday(day) == expected, day
        assert other.is_working_day(day) == expected, day
        assert (cn.entry("holiday", day) is not None) == (day in free), day
        assert (cn.entry("workday", day) is not None) == (day in worked), day


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: "-".join(path.parts[-5:]))
def test_shipped_calendars_say_what_the_notice_says(path: Path) -> None:
    free, worked = _facts()
    library, problems = load({f"schedules/calendars/{path.name}": path.read_text("utf-8")})
    assert library is not None, problems
    cn = library.calendars["cn"]
    assert cn.years is not None
    for year in cn.years:
        for day in _year(year):
            assert (cn.entry("holiday", day) is not None) == (day in free), day
            assert (cn.entry("workday", day) is not None) == (day in worked), day


def test_a_difference_between_the_libraries_is_named() -> None:
    day = date(2026, 10, 9)
    found = PublicHolidays("CN", 2026, {day: 'a "b"'}, {}, (f"{day}: …",), ("one 1", "two 2"))
    text = calendar_text(found)
    assert "from one 1 and two 2" in text
    assert f"#   {day}: …" in text
    library, problems = load({"schedules/calendars/cn.yaml": text})
    assert library is not None, problems
    entry = library.calendars["cn"].entry("holiday", day)
    assert entry is not None
    assert entry.name == 'a "b"'


def test_libraries_that_disagree_are_compared_day_by_day(monkeypatch: pytest.MonkeyPatch) -> None:
    changed = {**chinese_calendar.holidays}
    del changed[date(2026, 10, 7)]
    monkeypatch.setattr(chinese_calendar, "holidays", changed)
    (difference,) = gather("CN", 2026).differences
    assert difference.startswith("2026-10-07: free in holidays ")
    assert ", worked in chinesecalendar " in difference


def test_a_year_that_nobody_has_announced_is_not_made_up() -> None:
    with pytest.raises(NotAvailable, match="notice for 2199 is not in it"):
        gather("CN", 2199)


def test_other_countries_and_no_country() -> None:
    found = gather("DE", 2026)
    assert date(2026, 10, 3) in found.holidays
    library, problems = load({"schedules/calendars/de.yaml": calendar_text(found)})
    assert library is not None, problems
    with pytest.raises(InvalidInput, match="no country 'XX'"):
        gather("XX", 2026)


def test_without_the_libraries_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("holidays", "chinese_calendar"):
        with monkeypatch.context() as patch:
            patch.setitem(sys.modules, name, None)
            with pytest.raises(NotAvailable, match=r"bms\[calendars\]"):
                gather("CN", 2026)


def test_the_command_writes_a_draft_and_overwrites_nothing(tmp_path: Path) -> None:
    init(tmp_path / "site")
    site = str(tmp_path / "site")
    folder = tmp_path / "site" / "schedules" / "calendars"
    run = CliRunner().invoke
    assert "calendar: cn" in run(main, ["calendar", "import", "cn", "2025"]).output
    made = run(main, ["calendar", "import", "CN", "2025", "--into", site])
    assert made.exit_code == 0, made.output
    draft = folder / "cn-2025.yaml.draft"
    before = draft.read_text("utf-8")
    assert run(main, ["calendar", "import", "CN", "2025", "--into", site]).exit_code == 4
    assert run(main, ["calendar", "import", "CN", "2026", "--into", site]).exit_code == 4
    again = ["calendar", "import", "CN", "2025", "--into", site, "--replace"]
    assert run(main, again).exit_code == 2
    assert draft.read_text("utf-8") == before
    assert run(main, [*again, "--reason", "newer library"]).exit_code == 0
    assert draft.read_text("utf-8") == f"# Written again: newer library\n{before}"
    assert run(main, ["calendar", "import", "CN", "2199"]).exit_code == 1
    draft.rename(folder / "cn-2025.yaml")
    listed = json.loads(run(main, ["calendar", "list", site, "--json"]).output)
    assert listed[0]["years"] == [2025, 2026]
    shown = json.loads(
        run(main, ["calendar", "show", site, "cn", "--year", "2025", "--json"]).output
    )
    assert next(row["date"] for row in shown if row["kind"] == "workday") == "2025-01-26"
    assert run(main, ["calendar", "show", site, "de"]).exit_code == 2
    assert "cn" in run(main, ["calendar", "list", site]).output
    assert "2025-10-01" in run(main, ["calendar", "show", site, "cn", "--year", "2025"]).output
