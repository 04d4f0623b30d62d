"""Sites with a month of quarter hours: seeded loads, tariffs, people who correct."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

from bms.config.resolving.energy.meters import MeterEntry
from bms.config.resolving.energy.tariff_checks import read_tariffs
from bms.config.shapes.models import EnergyBoundary
from bms.config.site import Site
from bms.core.instants import local_midnight
from bms.core.readings import Reading
from bms.historian.log.embedded import History
from bms.historian.records import Batch, Meter
from tests.historian.support import make_site
from tests.ledger.support import CENT

TARIFF = """\
tariffs:
  city:
    title: {zh: 城市电价, en: City tariff}
    source: notice 1 of 2026
    read_on: 2026-01-05
    hours:
      - from: 2024-01-01
        days:
          - weekdays: sun
            hours: {deep_valley: "10:00-14:00"}
          - hours:
              sharp: "09:00-11:00"
              peak: "08:00-09:00, 13:00-17:00"
              flat: "17:00-23:15"
              valley: "23:15-08:00, 11:00-13:00"
    prices:
      - from: 2024-01-01
        per_kwh: {sharp: 1.2, peak: 1.0, flat: 0.7, valley: 0.3, deep_valley: 0.2}
      - from: 2026-03-16
        per_kwh: {sharp: 1.3, peak: 1.1, flat: 0.7, valley: 0.3, deep_valley: 0.1}
        demand: {per_kw: 40.5}
        power_factor: [[0.9, 0], [0.85, 2.5], [0, 10]]
applies:
  plant: city
"""

Counts = Callable[[datetime], int]
"""Counts of 0.01 kWh of a quarter hour, by its start."""


def site_with(
    directory: Path,
    *,
    zone: str = "Asia/Shanghai",
    entries: dict[str, MeterEntry] | None = None,
    tariff: str = TARIFF,
) -> Site:
    """A base `plant` that buys, generates and gives back, with two meters behind the main one."""
    site = make_site(
        directory,
        {
            "plant.meter-main": "meter",
            "plant.meter-cold": "meter",
            "plant.meter-air": "meter",
            "plant.pv-1": "pv_inverter",
            "plant.meter-export": "meter",
        },
        {
            "plant": EnergyBoundary(
                imports=["meter-main"], generation=["pv-1"], exports=["meter-export"]
            )
        },
        zone=zone,
        entries={
            "plant.meter-main": MeterEntry(rated_kw=1000, department="works"),
            "plant.meter-cold": MeterEntry(parent="meter-main", department="utilities"),
            "plant.meter-air": MeterEntry(parent="meter-main", department="works"),
            **(entries or {}),
        },
    )
    tariffs, problems = read_tariffs(tariff, {}, ["plant", "plant.meter-main"])
    assert not problems
    texts = {"tariffs.yaml": tariff}
    return replace(site, tariffs=tariffs.tariffs, applies=tariffs.applies, texts=texts)


def daily(seed: int, most: int) -> Counts:
    """More by day than by night, and never the same."""
    noise = Random(seed)

    def counts(start: datetime) -> int:
        part = 1.0 if 7 <= start.hour < 19 else 0.4
        return int(most * part * (0.8 + 0.4 * noise.random()))

    return counts


def fill(
    site: Site, meters: dict[str, Counts], days: Sequence[tuple[date, date]], zone: str
) -> None:
    """Readings at every quarter hour of some spans of local days, the end not included."""
    with History(site.state_dir) as history:
        for name, counts in meters.items():
            point = f"{name}.energy"
            register, readings = 100, []
            for first, last in days:
                time, end = (local_midnight(day, ZoneInfo(zone)) for day in (first, last))
                while time <= end:
                    readings.append(Reading(point, time, register))
                    register += counts(time.astimezone(ZoneInfo(zone)))
                    time += timedelta(minutes=15)
            history.append(Batch(readings=readings, meters=[Meter(point, name, CENT)]))


MARCH = [(date(2025, 3, 1), date(2025, 4, 1)), (date(2026, 2, 1), date(2026, 4, 2))]
METERS: dict[str, tuple[int, int]] = {
    "plant.meter-main": (1, 9000),
    "plant.meter-cold": (2, 2500),
    "plant.meter-air": (3, 1500),
    "plant.pv-1": (4, 1200),
    "plant.meter-export": (5, 60),
}


def march(directory: Path) -> Site:
    """March 2026 of a base in China, with the month before and the one a year before."""
    site = site_with(directory)
    fill(site, {name: daily(*load) for name, load in METERS.items()}, MARCH, "Asia/Shanghai")
    return site
