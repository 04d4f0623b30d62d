"""What lighting by need saves against the same lamps by the clock, and that nobody lacks light."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from bms.config.site import Site
from tests.control.lighting.year import (
    EARTH_HOUR,
    MARCH_28,
    START,
    Figures,
    Garage,
    Grounds,
    Lit,
    Offices,
    Place,
    garage_site,
    grounds_site,
    office_site,
)
from tests.extent import extent


def weeks(sample: int) -> list[datetime]:
    """Where the weeks begin that are lived: some of the year, or all of it."""
    count = extent(sample, 52)
    return [START + timedelta(days=4 + 7 * (52 // count) * n) for n in range(count)]


def lived(site: Site, place: Place, begins: list[datetime]) -> Figures:
    whole = Figures()
    for begin in begins:
        lit = Lit(site, place, begin)
        took = lit.run(begin + timedelta(days=7))
        whole.kwh += took.kwh
        whole.missed_lux_h += took.missed_lux_h
        whole.conditions |= took.conditions
    return whole


@pytest.mark.slow
def test_a_car_park_lit_by_its_bays(tmp_path: Path) -> None:
    """S11: 1,300 lamps, 274,000 kWh a year in the source."""
    begins = weeks(1)
    clock = lived(garage_site(tmp_path / "clock", "on_off"), Garage(), begins)
    need = lived(garage_site(tmp_path / "need", "lighting"), Garage(), begins)
    saved = (clock.kwh - need.kwh) * 52 / len(begins)
    assert saved > 200_000
    assert need.missed_lux_h <= clock.missed_lux_h
    assert need.conditions == set()


@pytest.mark.slow
def test_offices_lit_by_people_and_daylight(tmp_path: Path) -> None:
    begins = weeks(4)
    clock = lived(office_site(tmp_path / "clock", "on_off"), Offices(), begins)
    need = lived(office_site(tmp_path / "need", "lighting"), Offices(), begins)
    assert need.kwh < 0.75 * clock.kwh
    assert need.missed_lux_h <= clock.missed_lux_h
    assert need.conditions == set()


def test_earth_hour_saves_its_hour_and_no_other(tmp_path: Path) -> None:
    """S20: four circuits of 10 kW, an hour of darkness; the rest of the year is the same."""
    kwh = []
    for name, exceptions in (("without", ""), ("with", EARTH_HOUR)):
        lit = Lit(grounds_site(tmp_path / name, exceptions), Grounds())
        before = lit.run(MARCH_28).kwh
        day = lit.run(MARCH_28 + timedelta(days=1)).kwh
        kwh.append((before, day, lit.run(START + timedelta(days=365)).kwh))
    (before, day, after), (before_2, day_2, after_2) = kwh
    assert [before, after] == pytest.approx([before_2, after_2])
    assert day - day_2 == pytest.approx(40.0, abs=0.2)
