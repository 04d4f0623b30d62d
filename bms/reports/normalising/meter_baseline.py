"""The baseline of one meter: which model its days follow, and whether it may be used."""

from __future__ import annotations

from dataclasses import dataclass

from bms.config.shapes.driver_files import BaseDrivers
from bms.config.site import MeterSpec, Site
from bms.energy.comparing.day_values import Period
from bms.energy.models.baseline_model import BaselineModel
from bms.energy.models.daily_frames import Frame, classes_of
from bms.energy.models.model_choice import fit
from bms.energy.models.validity import Rule, rules
from bms.reports.free_days import known_holidays
from bms.reports.normalising.driver_days import (
    Books,
    DriverDays,
    declared_drivers,
    driver_days,
    meter_days,
)
from bms.texts.messages import Message


@dataclass(frozen=True)
class MeterBaseline:
    """A meter of any medium in a period."""

    meter: MeterSpec
    period: Period
    model: BaselineModel
    rules: tuple[Rule, ...]
    notes: tuple[Message, ...]


def meter_frame(
    site: Site, spec: MeterSpec, books: Books, period: Period
) -> tuple[Frame, DriverDays]:
    """The days of a meter, and what is known of the drivers of its base."""
    base = site.bases[spec.base]
    told = declared_drivers(site).get(base.id, BaseDrivers())
    drivers = driver_days(site, base, told, books, period)
    first, last = period.first.year, period.last.year
    holidays = known_holidays(site, base, last, first)
    frame = Frame.of(
        list(period),
        meter_days(books.ledger, site, spec.name, period),
        outdoor_c=drivers.outdoor_c,
        drivers=drivers.drivers,
        class_of=classes_of(holidays, range(first, last + 1)),
    )
    return frame, drivers


def meter_baseline(site: Site, spec: MeterSpec, books: Books, period: Period) -> MeterBaseline:
    """Fit a meter's days. Raises CannotFit if too few are known."""
    frame, told = meter_frame(site, spec, books, period)
    model = fit(frame)
    kept = rules(model, industrial=told.industrial, others=told.others)
    return MeterBaseline(spec, period, model, kept, told.notes)
