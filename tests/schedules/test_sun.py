"""Sunrise and sunset: against the textbook formula, over midnight, and beyond the polar circles."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from math import acos, cos, degrees, radians, sin
from zoneinfo import ZoneInfo

import pytest

from schedules.answering.resolve import Resolver
from schedules.files.folder import load
from schedules.model.context import Place
from schedules.model.sun import Sun
from schedules.model.week import SunTime, parse_time_of_day

HANGZHOU = Place(30.19, 120.21)


def _textbook(place: Place, zone: ZoneInfo, day: date) -> tuple[float, float]:
    """Minutes of the day of sunrise and sunset (Spencer's series for declination and time)."""
    g = 2 * 3.141592653589793 * (day.timetuple().tm_yday - 0.5) / 365.25
    declination = (
        0.006918 - 0.399912 * cos(g) + 0.070257 * sin(g) - 0.006758 * cos(2 * g)
        + 0.000907 * sin(2 * g) - 0.002697 * cos(3 * g) + 0.00148 * sin(3 * g)
    )  # fmt: skip
    equation_min = 229.18 * (
        0.000075 + 0.001868 * cos(g) - 0.032077 * sin(g) - 0.014615 * cos(2 * g)
        - 0.040849 * sin(2 * g)
    )  # fmt: skip
    latitude = radians(place.latitude)
    offset = datetime(day.year, day.month, day.day, 12, tzinfo=zone).utcoffset()
    assert offset is not None
    noon = 720 - 4 * place.longitude - equation_min + offset / timedelta(minutes=1)
    cosine = (sin(radians(-0.833)) - sin(latitude) * sin(declination)) / (
        cos(latitude) * cos(declination)
    )
    half_day = 4 * degrees(acos(cosine))
    noon %= 1440  # west of the date line, on clocks of the east
    return noon - half_day, noon + half_day


@pytest.mark.parametrize(
    ("place", "zone"),
    [
        (HANGZHOU, "Asia/Shanghai"),
        (Place(43.8, 87.6), "Asia/Shanghai"),  # Ürümqi: two hours behind its clocks
        (Place(-31.55, 159.08), "Australia/Lord_Howe"),
        (Place(40.71, -74.0), "America/New_York"),
        (Place(1.35, 103.8), "Asia/Singapore"),
        (Place(-13.8, -171.8), "Pacific/Apia"),
    ],
)
def test_the_sun_is_where_the_textbook_says(place: Place, zone: str) -> None:
    sun = Sun(place, ZoneInfo(zone))
    for n in range(0, 365, 3):
        day = date(2026, 1, 1) + timedelta(days=n)
        found, expected = sun.minutes(day), _textbook(place, ZoneInfo(zone), day)
        assert found.sunrise == pytest.approx(expected[0], abs=3), day
        assert found.sunset == pytest.approx(expected[1], abs=3), day


def test_the_sun_of_an_almanac() -> None:
    # Hangzhou on the solstices of 2026, as almanacs print them
    sun = Sun(HANGZHOU, ZoneInfo("Asia/Shanghai"))
    summer, winter = sun.minutes(date(2026, 6, 21)), sun.minutes(date(2026, 12, 22))
    assert abs(summer.sunrise - (4 * 60 + 58)) <= 2
    assert abs(summer.sunset - (19 * 60 + 3)) <= 2
    assert abs(winter.sunrise - (6 * 60 + 51)) <= 2
    assert abs(winter.sunset - (17 * 60 + 2)) <= 3


@pytest.mark.parametrize("latitude", [64.1, 66.0, 69.65, 78.2, -77.8, 90.0, -90.0])
def test_days_grow_and_shrink_without_a_jump_up_to_the_poles(latitude: float) -> None:
    """Half a day before and after noon while it does not set, nothing while it does not rise."""
    sun = Sun(Place(latitude, 0.0), ZoneInfo("UTC"))
    lengths = []
    for n in range(366):
        found = sun.minutes(date(2026, 1, 1) + timedelta(days=n))
        assert found.sunrise <= found.sunset
        lengths.append(found.sunset - found.sunrise)
    polar = abs(latitude) > 67
    assert (min(lengths) == 0) == polar
    assert max(lengths) >= (1400 if polar else 1200)
    if abs(latitude) < 80:
        # close to the circle a day grows by an hour and more from one to the next
        assert max(abs(b - a) for a, b in pairwise(lengths)) < 200


def test_a_sunset_after_midnight_belongs_to_its_evening() -> None:
    reykjavik = Sun(Place(64.15, -21.94), ZoneInfo("Atlantic/Reykjavik"))
    assert 1440 < reykjavik.minutes(date(2026, 6, 21)).sunset < 1450
    text = (
        "schedule: s\ngoverns: [is.light]\notherwise: {mode: off}\n"
        "week: {any: {daily: [{from: sunset, to: 02:00, mode: on}]}}\n"
    )
    resolver = _resolver(text, "is.light", "Atlantic/Reykjavik", Place(64.15, -21.94))
    on = [s for s in resolver.preview(date(2026, 6, 21), 2) if s.entry.mode == "on"]
    assert [f"{s.start:%d %H:%M}-{s.end:%H:%M}" for s in on] == [
        "21 00:03-02:00",
        "22 00:03-02:00",
    ]


def _resolver(text: str, target: str, zone: str, place: Place) -> Resolver:
    library, problems = load({"schedules/s.yaml": text})
    assert library is not None, problems
    resolver = library.resolver(target, zone, place=place)
    assert resolver is not None
    return resolver


def test_a_block_that_the_sun_leaves_no_time_for_does_not_run() -> None:
    text = (
        "schedule: s\ngoverns: [b.light]\notherwise: {mode: off}\n"
        "week: {any: {daily: [{from: sunset+00:15, to: 19:00, mode: on}]}}\n"
    )
    resolver = _resolver(text, "b.light", "Asia/Shanghai", HANGZHOU)
    zone = ZoneInfo("Asia/Shanghai")
    summer = resolver.preview(date(2026, 6, 21), 1)
    assert [s.entry.mode for s in summer] == ["off"]
    winter = resolver.in_force(datetime(2026, 12, 22, 18, tzinfo=zone))
    assert (winter.mode, winter.reason) == ("on", "weekly daily sunset+00:15..19:00")


def _minutes_on(resolver: Resolver, first: date, days: int) -> list[int]:
    """How long a schedule is on, by day."""
    return [
        sum(
            round((s.end - s.start).total_seconds() / 60)
            for s in resolver.preview(first + timedelta(days=n), 1)
            if s.entry.mode == "on"
        )
        for n in range(days)
    ]


@pytest.mark.case(
    "C2",
    when="Lights run from 07:00 until ten minutes after sunrise, or from sunset until 18:00",
    then="They are on in winter. In summer the sun leaves no time, and they stay off.",
)
@pytest.mark.parametrize(
    ("start", "end", "winter", "summer"),
    [
        ("07:00", "sunrise+00:10", 1, 0),
        ("06:00", "sunrise", 51, 0),
        ("sunset", "18:00", 58, 0),
        ("sunset-01:00", "16:30", 28, 0),
        ("22:00", "sunrise", 531, 418),
        ("sunrise+06:00", "sunset-05:30", 0, 155),
    ],
)
def test_a_block_of_one_day_may_have_no_time_in_a_season(
    start: str, end: str, winter: int, summer: int
) -> None:
    text = (
        "schedule: s\ngoverns: [b.light]\notherwise: {mode: off}\n"
        f'week: {{any: {{daily: [{{from: "{start}", to: "{end}", mode: on}}]}}}}\n'
    )
    resolver = _resolver(text, "b.light", "Asia/Shanghai", HANGZHOU)
    assert _minutes_on(resolver, date(2026, 12, 22), 1)[0] == pytest.approx(winter, abs=3)
    assert _minutes_on(resolver, date(2026, 6, 21), 1)[0] == pytest.approx(summer, abs=3)
    if not summer:
        assert _minutes_on(resolver, date(2026, 6, 21), 1) == [0]


@pytest.mark.case(
    "C3",
    when="Lights run from sunset to sunrise where the sun does not set for weeks",
    then="They stay off all that time.",
)
@pytest.mark.parametrize(
    ("place", "zone", "first", "days"),
    [
        (Place(69.73, 18.96), "Europe/Oslo", date(2026, 5, 24), 56),
        (Place(78.2, 15.6), "Arctic/Longyearbyen", date(2026, 4, 25), 115),
        (Place(71.3, -156.8), "America/Anchorage", date(2026, 5, 15), 70),
        (Place(-77.8, 166.7), "Antarctica/McMurdo", date(2026, 11, 1), 100),
    ],
)
def test_there_is_no_night_in_polar_day(place: Place, zone: str, first: date, days: int) -> None:
    text = (
        "schedule: s\ngoverns: [b.light]\notherwise: {mode: off}\n"
        "week: {any: {daily: [{from: sunset, to: sunrise, mode: on}]}}\n"
    )
    resolver = _resolver(text, "b.light", zone, place)
    assert _minutes_on(resolver, first, days) == [0] * days


def test_nights_shrink_and_grow_around_polar_day() -> None:
    text = (
        "schedule: s\ngoverns: [b.light]\notherwise: {mode: off}\n"
        "week: {any: {daily: [{from: sunset, to: sunrise, mode: on}]}}\n"
    )
    resolver = _resolver(text, "b.light", "Europe/Oslo", Place(69.73, 18.96))
    spring = _minutes_on(resolver, date(2026, 4, 25), 20)
    assert min(spring) > 0
    assert all(after <= before + 2 for before, after in pairwise(spring))


def test_where_blocks_of_the_sun_meet_others_the_first_written_is_in_force() -> None:
    text = (
        "schedule: s\ngoverns: [b.light]\notherwise: {mode: off}\nweek:\n  any:\n    daily:\n"
        "      - {from: 07:00, to: 18:30, mode: on, n: 1}\n"
        "      - {from: sunset, to: 22:00, mode: on, n: 2}\n"
    )
    resolver = _resolver(text, "b.light", "Asia/Shanghai", HANGZHOU)
    at = datetime(2026, 12, 22, 17, 30, tzinfo=ZoneInfo("Asia/Shanghai"))
    entry = resolver.in_force(at)
    assert entry.setpoints == {"n": 1}
    assert [layer.setpoints for layer in entry.beaten] == [{"n": 2}, {}]
    assert resolver.in_force(at + timedelta(hours=1)).setpoints == {"n": 2}


def test_a_schedule_of_the_sun_needs_a_place() -> None:
    text = (
        "schedule: s\ngoverns: [b.light]\notherwise: {mode: off}\n"
        "week: {any: {daily: [{from: sunset, to: 22:00, mode: on}]}}\n"
    )
    library, _ = load({"schedules/s.yaml": text})
    assert library is not None
    with pytest.raises(ValueError, match=r"schedules/s.yaml:4: sunrise and sunset need the place"):
        library.resolver("b.light", "Asia/Shanghai")


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("sunset", SunTime("sunset")),
        ("sunset-00:15", SunTime("sunset", -15)),
        ("sunrise+30m", SunTime("sunrise", 30)),
        ("sunrise+1h30m", SunTime("sunrise", 90)),
        ("sunset-2h", SunTime("sunset", -120)),
        ("07:30", 450),
    ],
)
def test_times_of_the_sun_as_written(text: str, time: object) -> None:
    assert parse_time_of_day(text) == time


def test_places_move_the_answer() -> None:
    text = (
        "schedule: s\ngoverns: [b.light, c.light]\notherwise: {mode: off}\n"
        "week: {any: {daily: [{from: sunset, to: 23:00, mode: on}]}}\n"
    )
    east = _resolver(text, "b.light", "Asia/Shanghai", HANGZHOU)
    west = _resolver(text, "b.light", "Asia/Shanghai", Place(43.8, 87.6))
    now = datetime(2026, 3, 20, 4, tzinfo=UTC)
    first, second = east.next_change(now), west.next_change(now)
    assert first is not None
    assert second is not None
    assert timedelta(hours=2) < second.time - first.time < timedelta(hours=2, minutes=30)
