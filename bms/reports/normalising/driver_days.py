"""What the energy of a base depends on, by day: from the history, from meters, from files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from bms.config.reading.drivers_file import full_meter, full_point, read_drivers
from bms.config.reading.files import DRIVERS
from bms.config.reading.sections import Names
from bms.config.shapes.driver_files import BaseDrivers, DriverFile
from bms.config.site import Base, Site
from bms.core.errors import InvalidInput
from bms.core.instants import from_ms
from bms.energy.comparing.day_values import Day, Period, whole_kwh
from bms.historian.reading.trends import Trends
from bms.ledger.database.store import Ledger
from bms.reports.normalising.daily_file import read_daily
from bms.texts.messages import Message, msg
from drivers.points import PointId

LEAST_COVERAGE_PCT: Final = 75.0
"""A mean of less of a day is not that day's mean: a lost night makes it warm."""
WEATHER_KIND: Final = "weather_station"
OUTDOOR_ROLE: Final = "outdoor_temp"


class Books(NamedTuple):
    """Where days come from."""

    ledger: Ledger
    trends: Trends | None
    """None where there is no history."""


@dataclass(frozen=True, slots=True)
class DriverDays:
    """Of one base."""

    outdoor_c: Mapping[date, float] | None
    outdoor_point: PointId | None
    drivers: Mapping[str, Mapping[date, float]] = field(default_factory=dict)
    industrial: bool = True
    others: frozenset[str] = frozenset()
    """The drivers that are no production."""
    notes: tuple[Message, ...] = ()
    """What is declared and cannot be had, and why."""


def declared_drivers(site: Site) -> Mapping[str, BaseDrivers]:
    """`drivers.yaml` by base; empty without it. Raises InvalidInput with every problem of it."""
    text = site.texts.get(DRIVERS)
    if text is None:
        return {}
    found, problems = read_drivers(
        text,
        Names(set(site.bases)),
        Names({p for machine in site.equipment.values() for p in machine.points.values()}),
        Names({spec.name for spec in site.metering.values()}),
    )
    if problems:
        raise InvalidInput(msg("{file} cannot be used", file=DRIVERS), problems)
    return found


def outdoor_point(site: Site, base: Base, told: BaseDrivers) -> PointId | None:
    """The outdoor temperature of a base: as declared, of its own station, or of another's."""
    if told.outdoor is not None:
        return full_point(base.id, told.outdoor)
    stations = [
        machine
        for machine in site.equipment.values()
        if machine.kind.name == WEATHER_KIND and OUTDOOR_ROLE in machine.points
    ]
    own = [machine for machine in stations if machine.base == base.id]
    # Another base's weather is no weather of this one: they may lie 1,500 km apart.
    found = own or (stations if len(site.bases) == 1 else [])
    return found[0].points[OUTDOOR_ROLE] if found else None


def driver_days(
    site: Site, base: Base, told: BaseDrivers, books: Books, days: Period
) -> DriverDays:
    """The drivers of a base on the days of a period. What cannot be had is a note, not an error."""
    notes: list[Message] = []
    point = outdoor_point(site, base, told)
    outdoor: dict[date, float] = {}
    if told.outdoor_past is not None:
        try:
            outdoor |= _days_of(site, base, told.outdoor_past, books, days)
        except InvalidInput as error:
            notes.append(msg("past weather is left out: {cause}", cause=error))
    measured = {} if point is None else point_days(books.trends, point, base, days)
    outdoor |= measured
    if point is None and not outdoor:
        notes.append(msg("no outdoor temperature is known for {base}", base=base.id))
    elif point is not None and not measured:
        notes.append(msg("the history has no days of {point}", point=point))
    drivers: dict[str, Mapping[date, float]] = {}
    for name, driver in told.drivers.items():
        try:
            found = _days_of(site, base, driver, books, days)
        except InvalidInput as error:
            notes.append(msg("{driver} is left out: {cause}", driver=name, cause=error))
            continue
        if found:
            drivers[name] = found
        else:
            notes.append(msg("{driver} is left out: it has no day of these years", driver=name))
    others = frozenset(name for name, one in told.drivers.items() if not one.production)
    return DriverDays(outdoor or None, point, drivers, told.industrial, others, tuple(notes))


def point_days(
    trends: Trends | None, point: PointId, base: Base, days: Period
) -> dict[date, float]:
    """The mean of a point on each local day of which three quarters are known."""
    block = None if trends is None else trends.days(point, days.first, days.last, base.zone)
    if block is None:
        return {}
    zone = ZoneInfo(base.zone)
    known = zip(block.starts_ms, block.mean(), block.coverage_pct(), strict=True)
    return {
        from_ms(int(ms)).astimezone(zone).date(): float(mean)
        for ms, mean, covered_pct in known
        if covered_pct >= LEAST_COVERAGE_PCT and mean == mean
    }


def meter_days(ledger: Ledger, site: Site, name: str, days: Period) -> dict[date, float]:
    """What a meter counted on each local day that is known in full."""
    spec = site.meter_named(name)
    found = {d: Day(*v) for d, v in ledger.days(spec, days.first, days.last).items()}
    return _known((day, whole_kwh(found, day)) for day in found)


def _known(pairs: Iterable[tuple[date, float | None]]) -> dict[date, float]:
    return {day: amount for day, amount in pairs if amount is not None}


def _days_of(
    site: Site, base: Base, driver: DriverFile, books: Books, days: Period
) -> Mapping[date, float]:
    if driver.point is not None:
        return point_days(books.trends, full_point(base.id, driver.point), base, days)
    if driver.meter is not None:
        return meter_days(books.ledger, site, full_meter(base.id, driver.meter), days)
    found = read_daily(site.directory / str(driver.file), driver.column)
    return {day: amount for day, amount in found.items() if day in days}
