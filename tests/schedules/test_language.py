"""The wider language: selections, seasons of bases, overlays, time units, days in words."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings

from bms.texts.language import speaking, told
from schedules.answering.resolve import Resolver
from schedules.files.folder import load
from schedules.files.targets import Targets
from schedules.library import Library
from schedules.model.context import Context, Extension, OverlayLevel, Place, SeasonSpell
from schedules.model.seasons import HandRule, OutdoorRule, Thresholds
from tests.schedules.cases import cases, garbled
from tests.schedules.wide import LIGHTS, OVERLAYS, SCHEDULE, TARGETS, WIDE

ZONE = "Asia/Shanghai"
CN = ZoneInfo(ZONE)


def _library(files: dict[str, str] = WIDE, targets: Targets | None = TARGETS) -> Library:
    library, problems = load(files, targets)
    assert library is not None, [str(problem) for problem in problems]
    return library


def _resolver(library: Library, target: str, context: Context | None = None) -> Resolver:
    found = library.resolver(target, ZONE, place=Place(30.19, 120.21), context=context or Context())
    assert found is not None
    return found


# --- problems --------------------------------------------------------------------------------


@pytest.mark.parametrize(("file", "old", "new", "told"), cases("problems_wide.txt", least=50))
def test_a_problem_is_at_its_place_and_says_what_to_write(
    file: str, old: str, new: str, told: list[str]
) -> None:
    assert WIDE[file].count(old) == 1
    library, found = load({**WIDE, file: WIDE[file].replace(old, new)}, TARGETS)
    assert library is None
    assert found == sorted(found)
    assert [str(problem) for problem in found] == told


@settings(max_examples=150)
@given(garbled(WIDE, "sunset hq.* last off base by hand dates"))
def test_nothing_written_raises(files: dict[str, str]) -> None:
    """Any value of the sound files may be anything: the answer is a library or problems."""
    library, found = load(files, TARGETS)
    assert (library is None) == bool(found)
    assert all(problem.message and problem.line >= 1 for problem in found)
    if library is not None:
        for target in library.governed:
            _resolver(library, target).preview(date(2026, 3, 27), 3)


# --- who is governed -------------------------------------------------------------------------


def _governed(*governs: str) -> dict[str, str] | list[str]:
    """Which of several schedules governs what, or the problems."""
    files = {
        f"schedules/{n}.yaml": f"schedule: s{n}\ngoverns: [{text}]\n"
        "otherwise: {mode: off}\nweek: {any: {}}\n"
        for n, text in enumerate(governs)
    }
    library, problems = load(files, TARGETS)
    if library is None:
        return [str(problem) for problem in problems]
    return dict(library.governed)


def test_a_selection_of_a_base_takes_its_groups_and_leaves_their_members() -> None:
    assert _governed('"hq.*"') == dict.fromkeys(
        ("hq.hall", "hq.store", "hq.light-front", "hq.light-rear"), "s0"
    )
    assert _governed('"*.light*"') == dict.fromkeys(
        ("hq.light-front", "hq.light-rear", "yard.light"), "s0"
    )


def test_a_selection_of_a_group_takes_every_member_for_itself() -> None:
    assert _governed('"hq.hall.*"') == dict.fromkeys(("hq.ahu-1", "hq.ahu-2", "hq.ahu-3"), "s0")
    assert _governed('"hq.hall.ahu-[1]"')[0].startswith("schedules/0.yaml:2:")  # type: ignore[index]
    assert _governed('"hq.ahu-?"') == dict.fromkeys(("hq.ahu-1", "hq.ahu-2", "hq.ahu-3"), "s0")


def test_the_more_exact_name_wins_in_any_order() -> None:
    expected = {
        "hq.hall": "s0", "hq.light-front": "s0", "hq.light-rear": "s2", "hq.store": "s1",
    }  # fmt: skip
    assert _governed('"hq.*"', "hq.store", '"hq.light-r*"') == expected
    again = _governed('"hq.light-r*"', "hq.store", '"hq.*"')
    swapped = {"s0": "s2", "s2": "s0", "s1": "s1"}
    assert again == {name: swapped[schedule] for name, schedule in expected.items()}


def test_two_that_are_equally_exact_are_a_problem_only_where_nobody_is_more_exact() -> None:
    assert _governed('"hq.light-*"', '"hq.*front"', "hq.light-front") != {}
    found = _governed('"hq.*-front"', '"hq.light-*"', '"hq.light*-"')
    assert isinstance(found, list)
    (problem,) = _governed('"hq.*"', '"hq.*"')
    assert problem == (
        "schedules/1.yaml:2:11: 'hq.*' selects 'hq.hall' (and 3 more), as exactly as "
        "schedules/0.yaml:2 does; let one of the two name it, or select fewer"
    )
    named = _governed('"hq.*"', '"hq.*"', "hq.hall, hq.store, hq.light-front, hq.light-rear")
    assert isinstance(named, dict)
    assert set(named.values()) == {"s2"}


def test_without_the_site_selections_stand_for_nothing() -> None:
    files = {
        LIGHTS: WIDE[LIGHTS],
        "schedules/calendars/l.yaml": WIDE["schedules/calendars/local.yaml"],
    }
    assert _library(files, None).governed == {}


def test_what_is_not_read_is_not_said_to_be_missing() -> None:
    files = {**WIDE, SCHEDULE: WIDE[SCHEDULE].replace("governs: [", "governs: [[")}
    _, problems = load(files, TARGETS)
    assert {problem.file for problem in problems} == {SCHEDULE}


# --- seasons ---------------------------------------------------------------------------------


def test_seasons_by_weather_and_by_hand_carry_their_rules() -> None:
    library = _library()
    weather, people = library.seasons["weather"], library.seasons["people"]
    assert (weather.by, people.by) == ("outdoor", "hand")
    assert isinstance(weather.rule, OutdoorRule)
    assert weather.rule.point_of("hq") == "hq.weather.outdoor_temp"
    assert (weather.rule.summer, weather.rule.winter) == (Thresholds(22, 20), Thresholds(10, 12))
    assert (weather.rule.alpha, weather.rule.dwell_days, weather.rule.fallback_h) == (0.8, 14, 48)
    assert weather.rule.permits("winter", date(2026, 12, 1))
    assert not weather.rule.permits("winter", date(2026, 10, 1))
    assert weather.rule.permits("summer", date(2026, 1, 1))  # no window is written for it
    assert isinstance(people.rule, HandRule)
    assert people.rule.checklists["heating"][1] == {"zh": "排气", "en": "Vent it"}
    assert weather.way("summer", "winter") == ("transitional", "winter")
    assert weather.way("summer", "transitional") == ("transitional",)
    assert weather.way("winter", "winter") == ()


def test_a_schedule_takes_the_seasons_of_its_base_and_of_its_group_where_it_differs() -> None:
    library = _library()
    winter = datetime(2026, 12, 1, 2, tzinfo=UTC)
    assert _resolver(library, "hq.hall").season(winter) == "winter"
    assert _resolver(library, "hq.ahu-3").season(winter) == "winter"
    assert _resolver(library, "hq.store").season(winter) == "heating"
    assert _resolver(library, "hq.hall").in_force(winter).season == "winter"


def test_a_spell_counts_for_its_set_and_base_only() -> None:
    library = _library()
    at = datetime(2026, 12, 1, 2, tzinfo=UTC)
    spells = (
        SeasonSpell(at, "transitional", "warm"),
        SeasonSpell(at + timedelta(days=9), "winter", "cold"),
    )
    context = Context({("weather", "hq"): spells})
    hall = _resolver(library, "hq.hall", context)
    assert [hall.season(at + timedelta(days=n)) for n in (-1, 0, 8, 9)] == [
        "winter", "transitional", "transitional", "winter",
    ]  # fmt: skip
    assert _resolver(library, "hq.store", context).season(at) == "heating"
    ahu = _resolver(library, "hq.ahu-3", context)
    assert ahu is _resolver(library, "hq.ahu-3", context)
    assert ahu is not _resolver(library, "hq.ahu-3")


def test_a_season_switched_at_midnight_leaves_the_night_and_one_switched_at_night_does_not() -> (
    None
):
    text = (
        "schedule: night\ngoverns: [hq.hall]\nseasons: weather\notherwise: {mode: off}\nweek:\n"
        "  winter: {daily: [{from: 22:00, to: 06:00, mode: on}]}\n  any: {}\n"
    )
    library = _library(
        {"schedules/n.yaml": text, "schedules/seasons.yaml": WIDE["schedules/seasons.yaml"]}
    )
    midnight = datetime(2026, 12, 2, tzinfo=CN)
    for switched, on_at_three in ((midnight, True), (midnight + timedelta(hours=2), False)):
        spell = SeasonSpell(switched.astimezone(UTC), "transitional", "x")
        resolver = _resolver(library, "hq.hall", Context({("weather", "hq"): (spell,)}))
        assert resolver.in_force(midnight + timedelta(hours=1)).mode == "on"
        assert (resolver.in_force(midnight + timedelta(hours=3)).mode == "on") == on_at_three
        assert resolver.in_force(midnight + timedelta(hours=23)).mode == "off"


# --- overlays and extensions -----------------------------------------------------------------


def _level(level: str, start: datetime, hours: float) -> OverlayLevel:
    until = start + timedelta(hours=hours)
    return OverlayLevel("epidemic", level, start, until, "wang", "case in hall 2")


def test_overlays_stack_and_say_what_they_beat() -> None:
    library = _library()
    noon = datetime(2026, 7, 1, 12, tzinfo=CN)
    context = Context(overlays=(_level("isolate", noon, 2),))
    hall = _resolver(library, "hq.hall", context)
    before, during = (
        hall.effective(noon - timedelta(hours=1)),
        hall.effective(noon + timedelta(minutes=90)),
    )
    assert (before.mode, before.setpoints) == ("on", {"zone_setpoint_c": 26})
    assert (during.mode, during.setpoints) == ("off", {"zone_setpoint_c": 28})
    assert during.reason == (
        "overlay epidemic isolate until 2026-07-01 14:00 by wang: case in hall 2; "
        "while on: overlay limit: wed 13:00-15:00"
    )
    with speaking("zh"):
        assert "overlay" not in told(during.reason), "each part is said in the reader's language"
    assert (str(during.origin), during.beaten[0].mode) == (f"{OVERLAYS}:13", "on")
    given = hall.overlay(noon + timedelta(minutes=90))
    assert given is not None
    assert given.mode is not None
    assert (given.mode.value, given.mode.until) == ("off", noon + timedelta(hours=2))
    assert given.setpoints["zone_setpoint_c"].until is None
    assert hall.in_force(noon + timedelta(minutes=90)).setpoints == {"zone_setpoint_c": 26}
    change = hall.next_change(noon + timedelta(minutes=90))
    assert change is not None
    assert (change.time, change.entry.mode) == (noon + timedelta(hours=2), "on")


def test_a_level_holds_on_after_the_schedule() -> None:
    library = _library()
    noon = datetime(2026, 6, 30, 12, tzinfo=CN)
    context = Context(overlays=(_level("full", noon, 24),))
    store = _resolver(library, "hq.store", context)
    stretches = store.preview(date(2026, 6, 30), 1)
    assert [(f"{s.start.astimezone(CN):%H:%M}", s.entry.mode) for s in stretches] == [
        ("00:00", "off"), ("08:00", "on"), ("12:00", "on"), ("18:00", "on"), ("19:00", "off"),
    ]  # fmt: skip
    assert "while on and 60 min after" in stretches[3].entry.reason
    assert _resolver(library, "hq.hall", context).overlay(noon) is None, "its members only"
    assert _resolver(library, "hq.ahu-3", context).overlay(noon) is not None


def test_the_last_level_set_counts() -> None:
    noon = datetime(2026, 6, 30, 12, tzinfo=CN)
    levels = (
        _level("isolate", noon, 48),
        _level("full", noon + timedelta(hours=1), 2),
        _level("off", noon + timedelta(hours=2), 1),
    )
    store = _resolver(_library(), "hq.store", Context(overlays=levels))
    modes = [store.effective(noon + timedelta(minutes=30 + 60 * n)).mode for n in range(4)]
    assert modes == ["off", "on", "on", "off"]
    assert store.overlay(noon + timedelta(hours=2, minutes=30)) is None


def test_an_extension_lies_on_the_schedule_and_under_the_overlays() -> None:
    library = _library()
    six = datetime(2026, 6, 30, 18, tzinfo=CN)
    extension = Extension(
        7,
        "hall",
        "hq.hall",
        six,
        six + timedelta(hours=2),
        "on",
        {"zone_setpoint_c": 25},
        "li.na",
        "stocktaking",
    )
    context = Context(
        overlays=(_level("isolate", six + timedelta(hours=1), 3),), extensions=(extension,)
    )
    hall = _resolver(library, "hq.hall", context)
    entry = hall.in_force(six + timedelta(minutes=5))
    assert (entry.mode, entry.setpoints) == ("on", {"zone_setpoint_c": 25})
    assert entry.reason == "extension 7 of hall by li.na: stocktaking"
    assert str(entry.origin) == "schedules/time-units.yaml:2"
    assert [layer.reason for layer in entry.beaten] == ["otherwise (summer)"]
    assert hall.effective(six + timedelta(minutes=90)).mode == "off"
    assert hall.in_force(six + timedelta(minutes=90)).mode == "on"
    assert hall.in_force(six + timedelta(hours=2)).mode == "off"
    assert _resolver(library, "hq.store", context).in_force(six).mode == "off"


# --- exceptions ------------------------------------------------------------------------------


def test_priority_decides_between_exceptions_and_order_among_equals() -> None:
    def mode(*rules: str) -> str:
        text = "schedule: p\ngoverns: [hq.hall]\notherwise: {mode: off}\nweek: {any: {}}\n"
        text += "exceptions:\n"
        text += "".join(
            f"  - {{name: r{n}, dates: [2026-06-30], {r}}}\n" for n, r in enumerate(rules)
        )
        return (
            _resolver(_library({"schedules/p.yaml": text}), "hq.hall")
            .in_force(datetime(2026, 6, 30, 12, tzinfo=CN))
            .mode
        )

    def rule(do: str, mode: str, priority: int | None = None) -> str:
        word = f", priority: {priority}" if priority else ""
        return f"do: {do}, blocks: [{{from: 00:00, to: 24:00, mode: {mode}}}]{word}"

    assert mode(rule("replace", "a"), rule("replace", "b")) == "a"
    assert mode(rule("replace", "a"), rule("replace", "b", 15)) == "b"
    assert mode(rule("replace", "a"), rule("add", "b")) == "b"
    assert mode(rule("replace", "a", 3), rule("add", "b")) == "a"
    assert mode(rule("replace", "a", 3), rule("add", "b", 3)) == "b"
    assert mode(rule("add", "a", 3), rule("add", "b", 2), rule("replace", "c", 1)) == "c"


def test_earth_hour_is_the_last_saturday_of_march_in_every_year() -> None:
    lights = _resolver(_library(), "hq.light-front")
    for year, day in ((2025, 29), (2026, 28), (2027, 27), (2028, 25)):
        at = datetime(year, 3, day, 21, tzinfo=CN)
        assert lights.in_force(at).reason.startswith("calendar local Earth Hour")
        assert lights.in_force(at - timedelta(days=7)).mode == "on"
        assert lights.in_force(at + timedelta(hours=0, minutes=31)).mode == "on"


def test_a_calendar_of_days_that_recur_never_lacks_a_year() -> None:
    assert _library().missing_years(date(2026, 12, 5)) == {"cn": 2027}


# --- time units ------------------------------------------------------------------------------


@pytest.mark.case(
    "C10",
    when="A shift runs past midnight into a day without work, or is known days ahead",
    then="Its people may extend it until the unit's latest time, and book ahead.",
)
def test_a_shift_that_runs_past_midnight_belongs_to_the_day_it_began_on() -> None:
    unit = replace(_library().time_units["hall"], latest_min=1440 + 120, days=frozenset(range(5)))
    saturday = datetime(2026, 7, 4, 0, 30, tzinfo=CN)

    def refusal(start: datetime, hours: float) -> str | None:
        end = start + timedelta(hours=hours)
        return unit.refusal("li.na", "hq.hall", "on", {}, start, end, ZONE)

    assert refusal(saturday, 1.5) is None
    assert refusal(saturday, 1.75) == "hall may run until 02:00 of the next day"
    assert refusal(saturday + timedelta(hours=1.5), 0.5) == (
        "hall may be extended on mon, tue, wed, thu, fri"
    )
    assert refusal(saturday + timedelta(days=1), 0.5) is not None  # Sunday
    assert refusal(saturday - timedelta(days=1), 3) is None  # Friday has its own evening


def test_a_time_unit_refuses_what_is_beyond_its_limits() -> None:
    unit = _library().time_units["hall"]
    six = datetime(2026, 6, 30, 18, tzinfo=CN)

    def refusal(**changes: Any) -> str | None:
        asked: dict[str, Any] = {
            "user": "li.na", "target": "hq.hall", "mode": "on", "setpoints": {},
            "start": six, "end": six + timedelta(hours=2), "zone": ZONE,
        }  # fmt: skip
        return unit.refusal(**(asked | changes))

    assert refusal() is None
    assert refusal(setpoints={"zone_setpoint_c": 24}) is None
    assert refusal(start=six + timedelta(hours=1), end=six + timedelta(hours=4)) is None
    refused = [
        refusal(user="wang"),
        refusal(target="hq.store"),
        refusal(mode="off"),
        refusal(setpoints={"zone_setpoint_c": 23.9}),
        refusal(setpoints={"speed_pct": 50}),
        refusal(end=six),
        refusal(end=six + timedelta(hours=3, seconds=1)),
        refusal(start=six + timedelta(hours=2), end=six + timedelta(hours=4, seconds=1)),
        refusal(start=six + timedelta(days=4), end=six + timedelta(days=4, hours=1)),
    ]
    assert refused == [
        "wang is not among the people of hall: li.na",
        "hq.store does not belong to hall: hq.hall, hq.ahu-3",
        "hall may run in on, not in off",
        "zone_setpoint_c of hall is 24 to 28, not 23.9",
        "hall may not set speed_pct",
        "it would end before it begins",
        "one extension of hall lasts at most 180 min",
        "hall may run until 22:00",
        "hall may be extended on mon, tue, wed, thu, fri",
    ]
