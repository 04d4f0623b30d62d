"""Seasons by the weather: days of temperatures in, spells out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bms.control.engine.states import Codec
from bms.control.supervise.season_by_weather import Outdoor, advance, is_bad, mean_of
from bms.core.switched import Spell
from schedules.model.calendar import YEAR, YearlySpan
from schedules.model.seasons import OutdoorRule, SeasonSet, Thresholds

ZONE = ZoneInfo("Asia/Shanghai")
BY_DAY = {
    day: "summer" if (5, 15) <= day <= (9, 30)
    else "winter" if day >= (11, 15) or day <= (3, 15)
    else "transitional"
    for day in YEAR
}  # fmt: skip
ALWAYS = {"summer": (YearlySpan((1, 1), (12, 31)),), "winter": (YearlySpan((1, 1), (12, 31)),)}

Temperature = Callable[[datetime], float | None]


def season_set(**changes: Any) -> SeasonSet:
    rule = replace(OutdoorRule("{base}.weather.outdoor_temp"), **changes)
    return SeasonSet("cn-east", ("summer", "transitional", "winter"), BY_DAY, rule)


def local(text: str, zone: ZoneInfo = ZONE) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC)


@dataclass
class Year:
    """Runs the machine over time, keeping what it decides."""

    seasons: SeasonSet
    zone: ZoneInfo = ZONE
    state: Outdoor = field(default_factory=Outdoor)
    spells: tuple[Spell, ...] = ()

    def run(
        self, since: datetime, until: datetime, outdoor_c: Temperature,
        step: timedelta = timedelta(hours=1), restart: frozenset[date] = frozenset(),
    ) -> Year:  # fmt: skip
        now, codec = since, Codec()
        while now < until:
            if now.astimezone(self.zone).date() in restart:
                self.state = codec.decode(Outdoor, codec.encode(self.state))
            self.state, spell = advance(
                self.seasons, "b", self.spells, self.state, outdoor_c(now), now, self.zone
            )
            if spell is not None:
                self.spells = (*self.spells, spell)
            now += step
        return self

    def hand(self, season: str, start: str) -> None:
        spell = Spell("cn-east", "b", local(start, self.zone), season, "hand", "wang", "because")
        self.spells = (*self.spells, spell)

    @property
    def told(self) -> list[tuple[str, str, str]]:
        """Day, season and cause of each spell."""
        return [
            (f"{s.start.astimezone(self.zone):%m-%d %H:%M}", s.season, s.cause) for s in self.spells
        ]


def by_day(temperatures: Mapping[str, float | None], zone: ZoneInfo = ZONE) -> Temperature:
    """A step function: from each date on (year 2026) this temperature, all day."""
    steps = sorted((date.fromisoformat(f"2026-{day}"), c) for day, c in temperatures.items())

    def at(now: datetime) -> float | None:
        today = now.astimezone(zone).date()
        return [c for day, c in steps if day <= today][-1]

    return at


def test_summer_begins_when_it_is_confirmed_and_says_why() -> None:
    year = Year(season_set(alpha=0.0)).run(
        local("2026-04-01"), local("2026-06-01"), by_day({"04-01": 15, "05-01": 24})
    )
    assert year.told == [
        ("04-01 00:00", "transitional", "start"),
        # The first of May is measured by the second; the third such day confirms.
        ("05-04 00:00", "summer", "weather"),
    ]
    assert year.spells[1].reason == "running mean 24.0 degC, at or above 22 for 3 days"


@pytest.mark.parametrize(
    ("changes", "temperatures", "wanted"),
    [
        # Hysteresis: between leave and enter, summer stays summer.
        ({}, {"01-01": 5, "05-01": 24, "06-01": 20.5}, ["transitional:04-01", "summer:05-04"]),
        # A break restarts the row.
        ({}, {"01-01": 15, "05-01": 24, "05-03": 15, "05-04": 24}, ["summer:05-07"]),
        # No summer before its window, however warm; it begins with the window, confirmed before.
        ({}, {"01-01": 15, "03-20": 30}, ["summer:04-15"]),
        ({"permitted": ALWAYS}, {"01-01": 15, "03-20": 30}, ["summer:03-23"]),
        # From summer to winter there are two switches, a dwell apart.
        ({}, {"01-01": 15, "05-01": 24, "10-20": 2},
         ["summer:05-04", "transitional:10-23", "winter:11-06"]),
        # A warm week does not end a winter that has just begun.
        ({"permitted": ALWAYS}, {"01-01": 15, "02-01": 2, "02-06": 30},
         ["winter:02-04", "transitional:02-18", "summer:03-04"]),
        # The mean of five days passes 22 with the fourth warm one.
        ({"mean": "five_day"}, {"01-01": 15, "05-01": 24}, ["summer:05-07"]),
        ({"confirm_days": 1, "dwell_days": 0}, {"01-01": 15, "05-01": 24, "05-05": 10},
         ["summer:05-02", "transitional:05-06", ]),
        # Thresholds of a site, and a set without winter.
        ({"summer": Thresholds(26, 24), "winter": None}, {"01-01": 0, "05-01": 25, "06-01": 26},
         ["summer:06-04"]),
    ],
)  # fmt: skip
def test_switches(
    changes: dict[str, Any], temperatures: dict[str, float], wanted: list[str]
) -> None:
    seasons = season_set(**{"alpha": 0.0} | changes)
    year = Year(seasons)
    # A winter by the dates that the weather has to end would blur the cases that begin mild.
    if temperatures["01-01"] > 12 or seasons.rule.winter is None:  # type: ignore[union-attr]
        year.spells = (
            Spell("cn-east", "b", local("2025-10-01"), "transitional", "weather", "bms", "before"),
        )
    year.run(local("2026-01-01"), local("2026-12-01"), by_day(temperatures))
    found = [f"{s.season}:{s.start.astimezone(ZONE):%m-%d}" for s in year.spells[1:]]
    assert found[: len(wanted)] == wanted


def test_the_running_mean_is_that_of_the_standard() -> None:
    rule = season_set().rule
    assert isinstance(rule, OutdoorRule)
    days = [10.0, 12.0, 20.0, 16.0]
    start = local("2026-04-01")
    year = Year(season_set()).run(
        start, start + timedelta(days=4, hours=1), lambda now: days[min((now - start).days, 3)]
    )
    mean = days[0]
    for day in days[1:]:
        mean = 0.2 * day + 0.8 * mean
    # A day's last reading stands until midnight, the hour in which a day changes counts for one.
    assert mean_of(rule, year.state) == pytest.approx(mean, abs=0.2)


def test_a_day_is_weighed_by_time_and_not_by_readings() -> None:
    year = Year(season_set(alpha=0.0))
    start = local("2026-04-01")
    year.run(start, start + timedelta(hours=12), lambda _: 10.0, timedelta(minutes=5))
    year.run(start + timedelta(hours=12), start + timedelta(hours=25), lambda _: 20.0)
    rule = year.seasons.rule
    assert isinstance(rule, OutdoorRule)
    assert mean_of(rule, year.state) == pytest.approx(15.0, abs=0.1)


def test_between_two_looks_nothing_changes() -> None:
    seasons = season_set()
    start = local("2026-04-01T08:00")
    state, first = advance(seasons, "b", (), Outdoor(), 15.0, start, ZONE)
    assert first is not None
    spells = (first,)
    for second in range(1, 299):
        found = advance(seasons, "b", spells, state, 15.0, start + timedelta(seconds=second), ZONE)
        assert found == (state, None)
        assert found[0] is state


def test_a_bad_sensor_freezes_the_mean_and_after_two_days_the_dates_decide() -> None:
    mild = Year(season_set()).run(local("2026-04-20"), local("2026-05-13"), lambda _: 18.0)
    rule = mild.seasons.rule
    assert isinstance(rule, OutdoorRule)
    frozen = mean_of(rule, mild.state)
    mild.run(local("2026-05-13"), local("2026-05-14T22:00"), lambda _: None)
    assert mean_of(rule, mild.state) == frozen
    assert not is_bad(rule, mild.state, local("2026-05-14T22:00"))
    assert mild.told == [("04-20 00:00", "transitional", "start")]
    mild.run(local("2026-05-14T22:00"), local("2026-05-20"), lambda _: None)
    assert is_bad(rule, mild.state, local("2026-05-15T01:00"))
    assert mild.told[1:] == [("05-15 00:00", "summer", "dates")]
    assert "no outdoor temperature for 48 h" in mild.spells[1].reason


def test_a_sensor_that_never_answers_leaves_it_to_the_dates_through_transitional() -> None:
    year = Year(season_set()).run(local("2026-01-01"), local("2027-01-01"), lambda _: None)
    assert year.told == [
        ("01-01 00:00", "winter", "start"),
        ("03-16 00:00", "transitional", "dates"),
        ("05-15 00:00", "summer", "dates"),
        ("10-01 00:00", "transitional", "dates"),
        ("11-15 00:00", "winter", "dates"),
    ]


def test_a_gap_in_a_day_neither_confirms_nor_breaks_a_row() -> None:
    warm = by_day({"04-01": 15, "05-01": 24, "05-03": None, "05-04": 24})
    year = Year(season_set(alpha=0.0)).run(local("2026-04-01"), local("2026-06-01"), warm)
    assert year.told[1:] == [("05-05 00:00", "summer", "weather")]


def test_while_the_gateway_was_down_nothing_is_decided_backwards() -> None:
    year = Year(season_set(alpha=0.0)).run(local("2026-04-01"), local("2026-04-20"), lambda _: 15.0)
    year.run(local("2026-07-01T10:00"), local("2026-07-04T01:00"), lambda _: 28.0)
    assert year.told == [("04-01 00:00", "transitional", "start")]
    year.run(local("2026-07-04T01:00"), local("2026-07-10"), lambda _: 28.0)
    # The first whole day is the second of July.
    assert year.told[1:] == [("07-05 00:00", "summer", "weather")]


def test_what_a_person_switched_stands_for_the_dwell_and_what_they_plan_is_not_crossed() -> None:
    year = Year(season_set(alpha=0.0)).run(local("2026-05-01"), local("2026-05-02"), lambda _: 25.0)
    year.hand("winter", "2026-05-02T10:00")
    year.run(local("2026-05-02T10:00"), local("2026-06-10"), lambda _: 25.0)
    assert year.told[2:] == [
        ("05-16 00:00", "transitional", "dates"),  # winter is not permitted in May
        ("05-30 00:00", "summer", "weather"),
    ]
    year.hand("transitional", "2026-09-01")
    year.run(local("2026-06-10"), local("2026-09-10"), lambda _: 5.0)
    assert year.told[4:] == [("09-01 00:00", "transitional", "hand")]


def test_a_clock_that_was_set_back_measures_on() -> None:
    year = Year(season_set(alpha=0.0)).run(local("2029-04-01"), local("2029-04-03"), lambda _: 15.0)
    year.run(local("2026-04-01"), local("2026-04-06"), lambda _: 15.0)
    assert year.state.mean_c == 15.0
    assert year.state.day_end == local("2026-04-06")


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Asia/Shanghai"])
def test_days_are_those_of_the_base_also_when_clocks_change(zone: str) -> None:
    year = Year(season_set(alpha=0.0, confirm_days=1, dwell_days=0), ZoneInfo(zone))
    warm = by_day({"01-01": 15, "05-01": 24, "10-20": 15}, ZoneInfo(zone))
    year.run(local("2026-03-20", year.zone), local("2026-11-20", year.zone), warm)
    assert year.told[1:] == [
        ("05-02 00:00", "summer", "weather"), ("10-21 00:00", "transitional", "weather"),
    ]  # fmt: skip


# --- properties ------------------------------------------------------------------------------

DAYS = 150
Days = Sequence[float | None]
days_of_weather = st.lists(
    st.one_of(st.floats(-10, 40), st.floats(18, 24), st.floats(8, 14), st.none()),
    min_size=DAYS, max_size=DAYS,
)  # fmt: skip
rules = st.fixed_dictionaries(
    {
        "alpha": st.sampled_from([0.0, 0.5, 0.8]),
        "mean": st.sampled_from(["running", "five_day"]),
        "confirm_days": st.integers(1, 4),
        "dwell_days": st.integers(1, 20),
        "permitted": st.sampled_from([ALWAYS, OutdoorRule("x").permitted]),
    }
)
STARTS = [date(2026, 2, 1), date(2026, 8, 20)]


def lived(days: Days, start: date, changes: dict[str, Any], restart: frozenset[date]) -> Year:
    begin = datetime(start.year, start.month, start.day, tzinfo=ZONE).astimezone(UTC)

    def at(now: datetime) -> float | None:
        return days[min((now - begin).days, DAYS - 1)]

    return Year(season_set(**changes)).run(
        begin, begin + timedelta(days=DAYS), at, timedelta(hours=3), restart
    )


@settings(max_examples=150)
@given(days_of_weather, st.sampled_from(STARTS), rules)
def test_never_two_switches_within_a_dwell_and_always_through_transitional(
    days: Days, start: date, changes: dict[str, Any]
) -> None:
    spells = lived(days, start, changes, frozenset()).spells
    dwell = timedelta(days=int(changes["dwell_days"]))
    for before, after in pairwise(spells):
        assert before.season != after.season
        assert "transitional" in (before.season, after.season)
        assert before.cause == "start" or after.start - before.start >= dwell
    assert all(s.reason and s.start.astimezone(ZONE).hour == 0 for s in spells)


@settings(max_examples=75)
@given(days_of_weather, st.sampled_from(STARTS), rules, st.sets(st.integers(0, DAYS - 1)))
def test_restarts_on_any_days_give_the_same_spells(
    days: Days, start: date, changes: dict[str, Any], at: set[int]
) -> None:
    restart = frozenset(start + timedelta(days=n) for n in at)
    whole = lived(days, start, changes, frozenset())
    cut = lived(days, start, changes, restart)
    assert cut.spells == whole.spells
    assert cut.state == whole.state
