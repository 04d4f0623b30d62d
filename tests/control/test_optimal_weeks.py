"""Optimal start where walls remember: weekends, weak plants, night setback, unequal rooms."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from bms.config.site import Site
from bms.control.supervise.expected_start import Seen, deciding, expected_start, observe, steps_of
from bms.control.supervise.learning import SETBACK, Rate, known_start, rest_of
from bms.control.supervise.next_change import LONGEST_REST, next_switch, rested
from bms.core.decisions import Snapshot
from drivers.points import Quality, Sample
from schedules.answering.resolve import Resolver
from simulators.physics.zones import Around, Water
from tests.control.house import FILES, House, small_site

MONDAY = datetime(2026, 1, 4, 16, tzinfo=UTC)
"""Midnight in Shanghai that begins Monday, 5 January."""
COLD = (1.0, -1.0, 2.0, 0.0, -2.0, 1.0, 0.0)
OFFICE = """\
schedule: air
governs: [b.air]
seasons: s
otherwise: {mode: "off"}
week:
  any:
    mon-fri:
      - {from: "08:00", to: "18:00", mode: "on", zone_setpoint_c: 20}
"""
SETBACK_WEEK = """\
schedule: air
governs: [b.air]
seasons: s
otherwise: {mode: "on", zone_setpoint_c: 15}
week:
  any:
    daily:
      - {from: "08:00", to: "18:00", mode: "on", zone_setpoint_c: 20}
"""
LONG = {"groups/b.yaml": FILES["groups/b.yaml"].replace("max_start: 3h", "max_start: 6h")}


class HeavyRooms:
    """Two rooms of two nodes: air, and walls that hold five times as much heat."""

    air_kj_k = 8_000.0
    mass_kj_k = 40_000.0
    between_kw_k = 3.0
    """From the walls to the air."""
    air_out_kw_k = 0.25
    mass_out_kw_k = 0.25

    def __init__(self, heating_kw: Sequence[float] = (32.0, 32.0), begin_c: float = 18.0) -> None:
        self.heating_kw = list(heating_kw)
        self.temps_c = [begin_c] * len(self.heating_kw)
        self.mass_c = [begin_c] * len(self.heating_kw)
        self.running = [0.0] * len(self.heating_kw)

    def step(
        self,
        dt_s: float,
        around: Around,
        enabled: Sequence[float],
        setpoints_c: Sequence[float],
        speeds: Sequence[float],
        water: Water,
    ) -> None:
        """Advance by short steps of ten seconds; the unit heats within a kelvin, in proportion."""
        assert len(speeds) == len(self.temps_c)
        for i, on in enumerate(enabled):
            air, mass = self.temps_c[i], self.mass_c[i]
            for _ in range(round(dt_s / 10)):
                wanted = min(1.0, max(0.0, setpoints_c[i] + 0.5 - air))
                heat = self.heating_kw[i] * water.heat_share * wanted if on else 0.0
                to_air = self.between_kw_k * (mass - air)
                out = self.air_out_kw_k * (air - around.outdoor_c)
                air += 10 * (heat + to_air - out) / self.air_kj_k
                lost = self.mass_out_kw_k * (mass - around.outdoor_c)
                mass -= 10 * (to_air + lost) / self.mass_kj_k
            self.temps_c[i], self.mass_c[i], self.running[i] = air, mass, float(bool(on))


def _house(site: Site, rooms: HeavyRooms) -> House:
    return House(
        site, MONDAY, lambda day: COLD[day % 7], bank=rooms, start_c=14.0, busy=False
    )  # fmt: skip


def _missing_at(house: House, day: int, hour: int = 8) -> float:
    """What the rooms lack of 20 degC at an hour of a day, K."""
    for time, zone, _, _ in house.day(day):
        if time.hour == hour:
            return 20.0 - zone
    raise AssertionError(day)


@pytest.mark.case(
    "C5",
    when="Rooms have stood cold over a weekend, and their walls are colder than after a night",
    then="What a start after a long rest needs is learned apart: Monday is warm by its start.",
)
def test_mondays_are_warm_when_they_begin(tmp_path: Path) -> None:
    site = small_site(tmp_path, **LONG, **{"schedules/air.yaml": OFFICE})
    house = _house(site, HeavyRooms())
    house.run(7 * 6)
    mondays = [_missing_at(house, 7 * week) for week in range(6)]
    assert mondays[0] > 2.0  # nothing is known on the first day
    assert sum(missing <= 1.0 for missing in mondays[1:]) >= 4, mondays
    tuesdays = [_missing_at(house, 7 * week + 1) for week in range(2, 6)]
    assert max(tuesdays) <= 1.0
    started = [house.started(7 * week) for week in range(3, 6)]
    for week, at in zip(range(3, 6), started, strict=True):
        tuesday = house.started(7 * week + 1)
        assert at is not None
        assert tuesday is not None
        assert at.time() < tuesday.time()
    # Not all night to be safe: within half an hour of what it takes.
    assert all(-0.6 <= missing <= 1.0 for missing in mondays[3:]), mondays
    assert "after a longer rest" in " ".join(house.reasons.values())


@pytest.mark.case(
    "C6",
    when="A boiler gives a third of what it should, and rooms are cold when the day begins",
    then="An alarm says so after the first such day, more urgently after the third.",
)
def test_a_weak_plant_is_an_alarm(tmp_path: Path) -> None:
    site = small_site(
        tmp_path, **{"schedules/air.yaml": SETBACK_WEEK.replace('on", zone_setpoint_c: 15', 'off"')}
    )
    house = _house(site, HeavyRooms())
    house.run(10)
    assert not [text for text in house.alarms if "not at its setpoint" in text]
    house.capacity = 0.35
    house.run(2)
    assert [t for t in house.alarms if "not at its setpoint when the block began, the last" in t]
    house.run(3)
    state = house.learned()
    assert state.late >= 3
    house.capacity = 1.0
    house.run(4)
    assert house.learned().late == 0


@pytest.mark.case(
    "C7",
    when="A group runs all night at a lower setpoint, which rises in the morning",
    then="It is raised early enough for the rooms to be warm at the time that the schedule says.",
)
def test_a_night_setback_ends_early(tmp_path: Path) -> None:
    site = small_site(tmp_path, **{"schedules/air.yaml": SETBACK_WEEK})
    house = _house(site, HeavyRooms())
    house.run(12)
    for day in range(3, 12):
        assert _missing_at(house, day) <= 1.0, day
        raised = next(t for t, _, _, setpoint in house.day(day) if setpoint == 20.0)
        assert 5 <= raised.hour < 8
    assert {key.split("|")[0] for key in house.learned().rates} == {"heating="}
    assert any("optimal start: 20.0 degC by 08:00" in why for why in house.reasons.values())


@pytest.mark.case(
    "C9",
    when="One of several rooms in a group is colder than the others",
    then="The coldest decides when heating starts; a file may leave out a share of the rooms.",
)
def test_the_coldest_room_decides(tmp_path: Path) -> None:
    site = small_site(tmp_path, **{"schedules/air.yaml": OFFICE})
    group = site.groups["b.air"]
    assert group.optimal is not None
    zones = {"b.ahu-1.zone_temp": 19.5, "b.ahu-2.zone_temp": 14.0, "b.weather.outdoor_temp": 0.0}
    samples = {p: Sample(p, v, Quality.GOOD, MONDAY) for p, v in zones.items()}
    seen = observe(group, group.optimal, Snapshot(MONDAY, samples), "winter")
    assert seen.zone_c == 14.0
    assert observe(group, group.optimal, Snapshot(MONDAY, samples), "summer").zone_c == 19.5
    assert [deciding((19, 20, 14, 21), "heating", share) for share in (1.0, 0.75, 0.5)] == [
        14, 19, 20,
    ]  # fmt: skip
    assert deciding((19, 20, 14, 21), "cooling", 1.0) == 21
    assert deciding((19, 20, 14, 21), None, 1.0) == 19.5


def test_a_cold_room_is_warm_when_the_day_begins(tmp_path: Path) -> None:
    site = small_site(tmp_path, **LONG, **{"schedules/air.yaml": OFFICE})
    rooms = HeavyRooms((32.0, 22.0))
    house = _house(site, rooms)
    house.run(9.332)
    assert 20.0 - min(rooms.temps_c) <= 1.0


def _resolver(site: Site) -> Resolver:
    resolver = site.library.resolver("b.air", "Asia/Shanghai")
    assert resolver is not None
    return resolver


def test_a_rest_is_told_from_the_schedule(tmp_path: Path) -> None:
    resolver = _resolver(small_site(tmp_path, **{"schedules/air.yaml": OFFICE}))
    monday, tuesday = MONDAY + timedelta(hours=8), MONDAY + timedelta(hours=32)
    assert rested(resolver, monday) == timedelta(hours=62)
    assert rested(resolver, tuesday) == timedelta(hours=14)
    assert rested(resolver, tuesday + timedelta(minutes=5)) == timedelta(hours=14)
    assert rested(resolver, tuesday + timedelta(hours=11)) == timedelta(hours=1)
    assert [rest_of(timedelta(hours=h)) for h in (14, 38, 62, 86)] == [0, 1, 2, 3]


def test_nothing_ran_for_longer_than_is_looked_at(tmp_path: Path) -> None:
    quiet = OFFICE.replace("exceptions", "") + (
        "exceptions:\n  - {name: works, dates: [2026-01-01..2026-01-31], do: replace, blocks: []}\n"
    )
    resolver = _resolver(small_site(tmp_path, **{"schedules/air.yaml": quiet}))
    at = datetime(2026, 2, 2, tzinfo=UTC)
    assert rested(resolver, at) == LONGEST_REST


def test_what_was_never_met_is_taken_from_what_was() -> None:
    night = {"heating|winter|0": Rate(2.0, 5)}
    assert known_start(night, "heating", 0, "winter", 1.0) is not None
    weekend = known_start(night, "heating", 2, "winter", 1.0)
    assert weekend is not None
    assert (weekend.key, weekend.longer) == ("heating|winter|0", 2.25)
    setback = known_start(night, "heating", SETBACK, "winter", 1.0)
    assert setback is not None
    assert (setback.key, setback.longer) == ("heating|winter|0", 1.0)
    both = {**night, "heating+2|winter|0": Rate(0.8, 2)}
    known = known_start(both, "heating", 1, "winter", 1.0)
    assert known is not None
    assert (known.key, known.longer) == ("heating|winter|0", 1.5)
    only = known_start({"heating+2|winter|0": Rate(0.8, 2)}, "heating", 0, "winter", 1.0)
    assert only is not None
    assert (only.key, only.longer) == ("heating+2|winter|0", 1.0)
    assert known_start(night, "cooling", 2, "winter", 1.0) is None


def test_a_season_that_heats_and_cools_has_no_step(tmp_path: Path) -> None:
    both = FILES["groups/b.yaml"].replace(
        "outdoor: weather", "outdoor: weather\n      cools: [winter]"
    )
    files = {"groups/b.yaml": both, "schedules/air.yaml": SETBACK_WEEK}
    site = small_site(tmp_path, **files)
    optimal = site.groups["b.air"].optimal
    assert optimal is not None
    resolver = _resolver(site)
    assert next_switch(resolver, MONDAY, timedelta(days=1), steps_of(optimal)) is None
    assert next_switch(resolver, MONDAY, timedelta(days=1)) is None
    assert date(2026, 1, 5).weekday() == 0


def test_expected_after_a_weekend(tmp_path: Path) -> None:
    site = small_site(tmp_path, **LONG, **{"schedules/air.yaml": OFFICE})
    house = _house(site, HeavyRooms())
    optimal = site.groups["b.air"].optimal
    assert optimal is not None
    change = next_switch(_resolver(site), MONDAY, timedelta(days=1))
    assert change is not None
    state = house.learned()
    assert expected_start(optimal, state, change, Seen(14.0, 0.0, False), "UTC", 2) is None
