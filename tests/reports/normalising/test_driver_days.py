"""What drives a base, by day: a weather station, meters, files, and what is missing."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from bms.config.shapes.driver_files import BaseDrivers
from bms.config.site import Site
from bms.core.equipment import PointClass
from bms.core.instants import local_midnight
from bms.core.readings import Reading
from bms.energy.comparing.day_values import Period
from bms.historian.compaction.compaction import Compaction, Zones
from bms.historian.log.embedded import History
from bms.historian.records import Batch, Meter, Series
from bms.operations.reporting.normalised_case import books_of
from bms.reports.normalising.driver_days import DriverDays, declared_drivers, driver_days
from drivers.points import Quality, Sample
from tests.historian.support import make_site

ZONE = ZoneInfo("Asia/Shanghai")
FIRST, LAST = date(2026, 3, 2), date(2026, 3, 6)
NOW = datetime(2026, 3, 7, 3, 0, tzinfo=UTC)
LOST = date(2026, 3, 4)
OUTDOOR, COUNTER = "north.weather.outdoor_temp", "north.gate.energy"


@pytest.fixture(scope="module", name="site")
def _site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    directory: Path = tmp_path_factory.mktemp("site")
    site = make_site(
        directory,
        {"north.gate": "meter", "north.weather": "weather_station", "south.gate": "meter"},
    )
    samples, readings = [], []
    for n, day in enumerate(Period(FIRST, LAST)):
        for hour in range(24):
            at = local_midnight(day, ZONE) + timedelta(hours=hour)
            good = day != LOST or hour > 12
            value = 10.0 + n + (1.0 if hour >= 12 else -1.0)
            samples.append(
                Sample(OUTDOOR, value, Quality.GOOD, at)
                if good
                else Sample(OUTDOOR, None, Quality.BAD, at)
            )
            readings.append(Reading(COUNTER, at, 100 * (24 * n + hour)))
    end = local_midnight(LAST + timedelta(days=1), ZONE)
    readings.append(Reading(COUNTER, end, 100 * 24 * 5))
    with History(site.state_dir) as history:
        history.append(
            Batch(
                samples,
                readings=readings,
                series=[Series(OUTDOOR, "degC", PointClass.ANALOG)],
                meters=[Meter(COUNTER, "north", Decimal("0.01"))],
                alive=end,
                begun=samples[0].time,
            )
        )
    Compaction(site.state_dir, Zones("Asia/Shanghai", {})).run(end + timedelta(hours=1))
    return site


def found(site: Site, text: str = "", base: str = "north") -> DriverDays:
    told = replace(site, texts={"drivers.yaml": text} if text else {})
    with books_of(told, NOW) as books:
        declared = declared_drivers(told)
        return driver_days(
            told, told.bases[base], declared.get(base, BaseDrivers()), books, Period(FIRST, LAST)
        )


def test_the_weather_station_of_a_base_is_found_by_itself(site: Site) -> None:
    days = found(site)
    assert days.outdoor_point == OUTDOOR
    means = {day: 10.0 + n for n, day in enumerate(Period(FIRST, LAST)) if day != LOST}
    assert dict(days.outdoor_c or {}) == pytest.approx(means)
    assert days.notes == ()


def test_half_a_day_has_no_mean(site: Site) -> None:
    assert LOST not in (found(site).outdoor_c or {})


def test_a_file_of_past_weather_fills_what_the_point_does_not_know(site: Site) -> None:
    (site.directory / "past.csv").write_text(f"{FIRST},-3\n{LOST},7.5\n", encoding="utf-8")
    days = found(site, "bases: {north: {outdoor_past: {file: past.csv}}}")
    assert days.outdoor_c is not None
    assert days.outdoor_c[LOST] == 7.5
    assert days.outdoor_c[FIRST] == pytest.approx(10.0)  # the site's own counts


def test_the_weather_of_another_base_is_not_taken(site: Site) -> None:
    days = found(site, base="south")
    assert days.outdoor_c is None
    assert days.notes == ("no outdoor temperature is known for south",)


def test_a_counter_drives_by_what_it_counted(site: Site) -> None:
    days = found(site, "bases: {north: {drivers: {pieces: {meter: gate}}}}")
    counted = dict.fromkeys(Period(FIRST, LAST), 24.0)
    assert dict(days.drivers["pieces"]) == pytest.approx(counted)


def test_a_point_drives_by_its_mean(site: Site) -> None:
    text = "bases: {north: {drivers: {air: {point: weather.outdoor_temp}}, industrial: false}}"
    days = found(site, text)
    assert set(days.drivers["air"]) == set(Period(FIRST, LAST)) - {LOST}
    assert not days.industrial


def test_a_point_without_history_is_told(site: Site) -> None:
    text = "bases: {north: {outdoor: weather.humidity, drivers: {wet: {point: weather.humidity}}}}"
    days = found(site, text)
    assert days.outdoor_c is None
    assert days.notes == (
        "the history has no days of north.weather.humidity",
        "wet is left out: it has no day of these years",
    )
