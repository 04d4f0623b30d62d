"""Loading: what sound files make, and every problem at its place with what to write instead."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings

from bms.texts.problems import Origin
from schedules.files.folder import load
from schedules.library import Asked, Library
from tests.schedules.cases import cases, garbled
from tests.schedules.site import CALENDAR, FILES, OFFICE, SEASONS, edited, problems

LIBRARY = Path(__file__).parents[2] / "schedules" / "library"


def _library(files: dict[str, str]) -> Library:
    library, found = load(files)
    assert found == []
    assert library is not None
    return library


# --- sound files -----------------------------------------------------------------------------


def test_nothing_is_an_empty_library() -> None:
    library = _library({})
    assert library.schedules == {}
    assert library.resolver("hq.offices", "Asia/Shanghai") is None
    assert library.uses() == []


def test_a_schedule_knows_its_groups_and_titles() -> None:
    library = _library(FILES)
    office = library.schedules["office"]
    assert dict(office.governs) == {
        "hq.offices": Origin(OFFICE, 3, 11),
        "hq.lobby": Origin(OFFICE, 3, 23),
    }
    assert office.title == {"zh": "办公室", "en": "Offices"}
    assert library.governed == {"hq.offices": "office", "hq.lobby": "office"}
    one_title = _library(edited(OFFICE, "{zh: 办公室, en: Offices}", "Offices"))
    assert one_title.schedules["office"].title == {"zh": "Offices", "en": "Offices"}


def test_every_mode_and_setpoint_is_listed_once_per_group() -> None:
    uses = _library(FILES).uses()
    lobby = [use for use in uses if use.target == "hq.lobby"]
    assert len(uses) == 2 * len(lobby)
    assert [(use.mode, str(use.mode_origin)) for use in lobby] == [
        ("off", f"{OFFICE}:5"),
        ("on", f"{OFFICE}:9"),
        ("on", f"{OFFICE}:13"),
        ("off", f"{OFFICE}:18"),
    ]
    assert dict(lobby[1].setpoints) == {"zone_setpoint_c": Asked(26, 26, Origin(OFFICE, 9, 44))}
    assert lobby[1].mode_origin == Origin(OFFICE, 9, 40)
    assert all(use.target_origin == Origin(OFFICE, 3, 23) for use in lobby)


def test_a_year_that_a_calendar_lacks_is_missing_from_december_on() -> None:
    library = _library(FILES)
    assert library.missing_years(date(2026, 11, 30)) == {}
    assert library.missing_years(date(2026, 12, 1)) == {"cn-2026": 2027}
    assert library.missing_years(date(2027, 1, 1)) == {"cn-2026": 2027}
    unused = {CALENDAR: FILES[CALENDAR]}
    assert _library(unused).missing_years(date(2030, 12, 1)) == {}
    more = FILES[CALENDAR].replace("2026-", "2027-").replace("[2026]", "[2027]")
    both = _library({**FILES, "schedules/calendars/next.yaml": more})
    assert both.calendars["cn-2026"].years == frozenset({2026, 2027})
    assert both.missing_years(date(2026, 12, 31)) == {}
    holidays = [d for d in _days(2026, 730) if both.calendars["cn-2026"].entry("holiday", d)]
    assert len(holidays) == 20


def _days(year: int, count: int) -> list[date]:
    return [date(year, 1, 1) + timedelta(days=n) for n in range(count)]


def test_a_schedule_without_seasons_has_one_week() -> None:
    text = "schedule: plain\ngoverns: hq.x\notherwise: {mode: off}\nweek: {any: {}}\n"
    resolver = _library({"schedules/p.yaml": text}).resolver("hq.x", "UTC")
    assert resolver is not None
    entry = resolver.in_force(datetime(2026, 7, 1, tzinfo=UTC))
    assert (entry.mode, entry.season, entry.reason) == ("off", "any", "otherwise")
    assert entry.origin == Origin("schedules/p.yaml", 3, 1)


def test_a_holiday_of_january_may_begin_in_december_before() -> None:
    files = edited(CALENDAR, "2026-01-01..2026-01-03", "2025-12-30..2026-01-03")
    entry = _library(files).calendars["cn-2026"].entry("holiday", date(2025, 12, 31))
    assert entry is not None
    assert entry.name == "New Year"


@pytest.mark.parametrize("words", ["mon,wed,fri", "mon-wed, fri", "sat-tue", "daily"])
def test_weekday_words(words: str) -> None:
    expected = {
        "mon,wed,fri": "x-x-x--",
        "mon-wed, fri": "xxx-x--",
        "sat-tue": "xx---xx",
        "daily": "xxxxxxx",
    }[words]
    text = (
        "schedule: plain\ngoverns: [hq.x]\notherwise: {mode: off}\n"
        f'week: {{any: {{"{words}": [{{from: "00:00", to: "24:00", mode: on}}]}}}}\n'
    )
    resolver = _library({"schedules/p.yaml": text}).resolver("hq.x", "UTC")
    assert resolver is not None
    monday = datetime(2026, 11, 23, 12, tzinfo=UTC)
    modes = [resolver.in_force(monday.replace(day=23 + n)).mode for n in range(7)]
    assert modes == ["on" if x == "x" else "off" for x in expected]


def test_loading_does_not_depend_on_the_order_of_files() -> None:
    broken = {name: text.replace("2026-10", "2026-1O") for name, text in FILES.items()}
    broken |= {f"schedules/x{n}.yaml": FILES[OFFICE] for n in range(4)}
    for files in (FILES, broken):
        names = list(files)
        first = load(files)
        for seed in range(5):
            random.Random(seed).shuffle(names)
            again = load({name: files[name] for name in names})
            assert again == first


@pytest.mark.parametrize("zone", ["Mars/Olympus", "", "../etc", "Europe", "Asia/Shanghai\x00"])
def test_unknown_zone(zone: str) -> None:
    with pytest.raises(ValueError, match="unknown time zone"):
        _library(FILES).resolver("hq.offices", zone)


def test_the_library_examples_load() -> None:
    files = {
        f"schedules/{path.relative_to(LIBRARY).as_posix()}": path.read_text(encoding="utf-8")
        for path in LIBRARY.rglob("*.yaml")
    }
    library = _library(files)
    assert len(files) >= 8
    assert {"cn-east", "cn-south"} <= library.seasons.keys()
    assert [overlay.id for overlay in library.overlays] == ["demand-limit", "shut-down", "epidemic"]
    assert library.time_units.keys() == {"offices"}
    special = ("seasons.yaml", "overlays.yaml", "time-units.yaml")
    for name in files:
        if "calendars/" not in name and not name.endswith(special):
            alone = {n: t for n, t in files.items() if n == name or "calendars/" in n}
            seasons = {n: t for n, t in files.items() if n.endswith("seasons.yaml")}
            schedule = next(iter(_library(alone | seasons).schedules.values()))
            assert set(schedule.title) == {"zh", "en"}


# --- problems --------------------------------------------------------------------------------


@pytest.mark.parametrize(("file", "old", "new", "told"), cases("problems.txt", least=90))
def test_a_problem_is_at_its_place_and_says_what_to_write(
    file: str, old: str, new: str, told: list[str]
) -> None:
    assert problems(edited(file, old, new)) == told


def test_ids_and_groups_belong_to_one_file() -> None:
    files = FILES | {
        "schedules/other.yaml": FILES[OFFICE].replace("hq.lobby", "hq.hall"),
        "schedules/calendars/again.yaml": FILES[CALENDAR],
    }
    assert problems(files) == [
        f"{CALENDAR}:2:8: the year 2026 of calendar 'cn-2026' is already in "
        "schedules/calendars/again.yaml:1; give each year in one file, or another calendar id",
        "schedules/other.yaml:1:11: schedule 'office' is already in schedules/office.yaml:1; "
        "give each its own id",
        "schedules/other.yaml:3:11: group 'hq.offices' is already governed in "
        "schedules/office.yaml:3; let one schedule govern a group",
    ]


@pytest.mark.parametrize("name", [OFFICE, SEASONS, CALENDAR])
def test_files_without_content(name: str) -> None:
    assert problems({**FILES, name: "# later\n"}) == [
        f"{name}:1:1: there is nothing in this file; write it, or remove the file"
    ]
    assert problems({**FILES, name: "- 1\n"}) == [
        f"{name}:1:1: keys with values belong here; write 'key: value' lines"
    ]


def test_all_problems_of_all_files_at_once() -> None:
    files = {
        OFFICE: FILES[OFFICE].replace("07:30", "7:30").replace("daily", "dialy"),
        SEASONS: FILES[SEASONS].replace("09-30", "09-31"),
        CALENDAR: FILES[CALENDAR].replace("2026-10-10", "2026-10-32"),
        "schedules/second.yaml": "schedule: second\n",
    }
    assert [text.split(": ")[0] for text in problems(files)] == [
        f"{CALENDAR}:8:39",
        f"{OFFICE}:9:16",
        f"{OFFICE}:12:5",
        f"{SEASONS}:3:14",
        "schedules/second.yaml:1:1",
        "schedules/second.yaml:1:1",
        "schedules/second.yaml:1:1",
    ]


@settings(max_examples=150)
@given(garbled(FILES))
def test_nothing_written_raises(files: dict[str, str]) -> None:
    """Any value of the sound files may be anything: the answer is a library or problems."""
    library, found = load(files)
    assert (library is None) == bool(found)
    assert all(problem.message and problem.line >= 1 for problem in found)
