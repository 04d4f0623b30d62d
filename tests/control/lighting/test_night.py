"""Day and night: almanac values, polar places, photocells that vote."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bms.control.strategies.lighting.night import (
    CONTRADICTS_S,
    Darkness,
    Nights,
    contradicting,
    vote,
)
from schedules.model.context import Place
from tests.control.lighting.lamps import HANGZHOU, Lamps, circuit
from tests.control.parts import machine

HOUR = timedelta(hours=1)


def edges(place: Place, zone: str, day: datetime) -> list[datetime]:
    """When dark begins and ends within the 24 hours after `day`."""
    nights = Nights(place, zone, 0.0, 45.0)
    found, now = [], day
    before = nights.at(day).dark
    while now < day + 24 * HOUR:
        now = nights.at(now).until
        if nights.at(now).dark is not before:
            before = nights.at(now).dark
            found.append(now)
    return found


# Rise and set of the sun's upper limb as almanacs print them, to the minute; UTC.
ALMANAC = [
    (Place(51.48, 0.0), "UTC", "2026-06-21", "03:43", "20:21"),  # Greenwich, midsummer
    (Place(51.48, 0.0), "UTC", "2026-12-21", "08:04", "15:53"),
    (Place(40.71, -74.01), "UTC", "2026-06-21", "09:25", "00:31"),  # New York, 20:31 EDT
    (Place(0.0, 0.0), "UTC", "2026-03-20", "06:04", "18:11"),  # the equator at the equinox
]


@pytest.mark.parametrize(("place", "zone", "day", "rise", "fall"), ALMANAC)
def test_edges_of_the_night_are_those_of_the_almanac(
    place: Place, zone: str, day: str, rise: str, fall: str
) -> None:
    begin = datetime.fromisoformat(f"{day}T02:00+00:00")
    found = dict.fromkeys(edges(place, zone, begin))
    assert len(found) == 2
    for text in (rise, fall):
        times = [datetime.fromisoformat(f"{day}T{text}+00:00") + timedelta(days=n) for n in (0, 1)]
        off_s = min(abs((edge - time).total_seconds()) for edge in found for time in times)
        assert off_s <= 120, text


def test_polar_day_has_no_night_and_polar_night_no_day() -> None:
    tromso = Place(69.65, 18.96)
    nights = Nights(tromso, "Europe/Oslo", 0.0, 45.0)
    summer = datetime(2026, 6, 21, tzinfo=UTC)
    winter = datetime(2026, 12, 21, tzinfo=UTC)
    assert not any(nights.at(summer + n * HOUR).dark for n in range(48))
    assert all(nights.at(winter + n * HOUR).dark for n in range(48))
    longer = Nights(tromso, "Europe/Oslo", -30.0, 45.0)
    assert not any(longer.at(summer + n * HOUR / 4).dark for n in range(192))


def garden(**parameters: Any) -> Lamps:
    cell = machine("cell", "photocell", without=("illuminance",))
    rig = Lamps([circuit("l-1")], [cell], place=HANGZHOU, only_dark=True, **parameters)
    rig.mode("on")
    return rig


def test_a_garden_is_lit_from_sunset_to_sunrise() -> None:
    """1 July: the sun sets in Hangzhou at 19:04 and rises at 05:01 (T0 is 16:00 there)."""
    rig = garden()
    rig.run(24 * 3600, 30)
    switched = [(round(t / 60), value) for t, _, value in rig.writes()]
    assert [value for _, value in switched] == [1, 0]
    assert switched[0][0] == pytest.approx(3 * 60 + 4, abs=2)
    assert switched[1][0] == pytest.approx(13 * 60 + 1, abs=2)
    assert "it is day outside" in rig.why("l-1")


@pytest.mark.case(
    "P58",
    when="The photocell of outdoor lamps contradicts the sun: dirt, a lamp above it, its wire.",
    then="Near sunset and sunrise the photocell decides, elsewhere the sun. It is named.",
)
def test_a_photocell_votes_only_near_sunset() -> None:
    rig = garden(photocells=["cell"])
    rig.put("cell.dark", 1)
    rig.run(3600)
    assert not rig.lit("l-1")
    assert rig.active() == {"b.cell:contradicts"}
    rig.run(3 * 3600 - 2000, 10)
    assert rig.lit("l-1")  # a dark evening: before sunset
    assert rig.active() == set()
    rig.put("cell.dark", 0)
    rig.run(7 * 3600, 30)
    assert rig.lit("l-1")
    assert rig.active() == {"b.cell:contradicts"}
    rig.bad.add("b.cell.dark")
    rig.run(24 * 3600, 30)
    assert not rig.lit("l-1")


def test_without_a_place_photocells_decide_and_without_either_there_is_light() -> None:
    assert vote(Darkness(), None, [True, True, False], 0.0).dark is True
    assert vote(Darkness(), None, [False], 0.0).dark is False
    assert vote(Darkness(), None, [None], 0.0).dark is None
    nights = Nights(HANGZHOU, "Asia/Shanghai", 0.0, 45.0)
    noon = nights.at(datetime(2026, 7, 1, 4, tzinfo=UTC))
    state = vote(Darkness(), noon, [True], 0.0)
    assert state.dark is False
    assert contradicting(vote(state, noon, [True], CONTRADICTS_S), CONTRADICTS_S) == [0]
