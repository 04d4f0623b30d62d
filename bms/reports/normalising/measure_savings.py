"""What each measure of the register has saved in a year, and how that adds up."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from bms.config.reading.drivers_file import full_meter
from bms.config.reading.files import MEASURES
from bms.config.reading.measures_file import read_measures
from bms.config.reading.sections import Names
from bms.config.shapes.measure_files import MeasureFile
from bms.config.site import Site
from bms.core.errors import InvalidInput
from bms.energy.comparing.day_values import Period, whole_year
from bms.energy.models.measures.attribution import Reconciled, reconcile
from bms.energy.models.measures.saving_methods import (
    Saving,
    avoided,
    before_after,
    control_group,
    key_parameter,
    specific_use,
)
from bms.energy.models.measures.switchback import plan, switchback
from bms.energy.models.model_choice import CannotFit, fit
from bms.energy.models.student import Estimate
from bms.reports.normalising.driver_days import Books, meter_days
from bms.reports.normalising.meter_baseline import meter_frame
from bms.reports.normalising.normalised_report import BaseNormalised, normalised_report
from bms.texts.messages import Message, msg

YEAR_DAYS: Final = 365
NOT_YET: Final = msg("it has no complete day in this year")


@dataclass(frozen=True)
class MeasureSaving:
    """One measure in one year."""

    id: str
    measure: MeasureFile
    days: Period | None
    """The days of the year with it; None if there is none yet."""
    saving: Saving | None
    why: Message | None = None
    """Why there is no figure."""

    @property
    def expected_kwh(self) -> float | None:
        """What was promised, for as much of the year as it has worked."""
        promised = self.measure.expected_kwh
        if promised is None or self.days is None:
            return None
        return promised * self.days.days / YEAR_DAYS


@dataclass(frozen=True)
class SavingsReport:
    """All measures of a site, in the order of the file."""

    site: str
    year: int
    made: datetime
    measures: tuple[MeasureSaving, ...]
    reconciled: Mapping[str, Reconciled]
    """By base: measures that began in the year, against the saving of its main meters."""
    notes: tuple[Message, ...] = ()


def registered_measures(site: Site) -> Mapping[str, MeasureFile]:
    """`measures.yaml` by id; empty without it. Raises InvalidInput with every problem of it."""
    text = site.texts.get(MEASURES)
    if text is None:
        return {}
    meters = Names({spec.name for spec in site.metering.values()})
    found, problems = read_measures(text, Names(set(site.bases)), meters)
    if problems:
        raise InvalidInput(msg("{file} cannot be used", file=MEASURES), problems)
    return found


def savings_report(site: Site, books: Books, year: int, now: datetime) -> SavingsReport:
    """What every registered measure has saved in `year`, as far as it is known at `now`."""
    found = [
        _measured(site, books, name, measure, _days(site, measure, year, now))
        for name, measure in registered_measures(site).items()
    ]
    begun = [item for item in found if item.measure.from_.year == year and item.saving is not None]
    reconciled, notes = {}, []
    if begun:
        for base in normalised_report(site, books, year, now).bases:
            mine = {
                item.id: item.saving.kwh
                for item in begun
                if item.measure.base == base.base
                and item.measure.method != "avoided"
                and item.saving is not None
            }
            main = _main_saving(base)
            if mine and main is not None:
                reconciled[base.base] = reconcile(main, mine)
            elif mine:
                notes.append(
                    msg("{base}: its main meters tell no saving to reconcile with", base=base.base)
                )
    return SavingsReport(site.file.id, year, now, tuple(found), reconciled, tuple(notes))


def _main_saving(base: BaseNormalised) -> Estimate | None:
    found = base.compared
    if found is None or not found.enough:
        return None
    kwh = found.expected.value - found.metered_kwh
    return Estimate(kwh, found.expected.error, found.expected.freedom)


def _days(site: Site, measure: MeasureFile, year: int, now: datetime) -> Period | None:
    zone = ZoneInfo(site.bases[measure.base].zone)
    yesterday = now.astimezone(zone).date() - timedelta(days=1)
    whole = whole_year(year)
    first = max(measure.from_, whole.first)
    last = min(measure.to or whole.last, whole.last, yesterday)
    return Period(first, last) if first <= last else None


def _measured(
    site: Site, books: Books, name: str, measure: MeasureFile, days: Period | None
) -> MeasureSaving:
    if days is None:
        return MeasureSaving(name, measure, None, None, NOT_YET)
    try:
        saving = _METHODS[measure.method](site, books, measure, days)
    except CannotFit as error:
        return MeasureSaving(name, measure, days, None, error.message)
    if not saving.days:
        why = msg("no day of it can be compared")
        return MeasureSaving(name, measure, days, None, why)
    return MeasureSaving(name, measure, days, saving)


def _regression(site: Site, books: Books, measure: MeasureFile, meter: str, days: Period) -> Saving:
    first = measure.baseline_from or measure.from_ - timedelta(days=YEAR_DAYS)
    spec = site.meter_named(full_meter(measure.base, meter))
    frame, _ = meter_frame(site, spec, books, Period(first, days.last))
    model = fit(frame.between(first, measure.from_ - timedelta(days=1)))
    return before_after(model, frame.between(days.first, days.last))


def _before_after(site: Site, books: Books, measure: MeasureFile, days: Period) -> Saving:
    return _regression(site, books, measure, str(measure.meter), days)


def _control_group(site: Site, books: Books, measure: MeasureFile, days: Period) -> Saving:
    treated = _regression(site, books, measure, str(measure.meter), days)
    control = _regression(site, books, measure, str(measure.control), days)
    sizes = [
        math.fsum(_known(site, books, measure, meter, days).values())
        for meter in (str(measure.meter), str(measure.control))
    ]
    return control_group(treated, control, scale=sizes[0] / sizes[1] if sizes[1] > 0.0 else 1.0)


def _key_parameter(_site: Site, _books: Books, measure: MeasureFile, days: Period) -> Saving:
    kw = Estimate(measure.saved_kw or 0.0, measure.saved_kw_error)
    return key_parameter(kw, Estimate((measure.hours_per_day or 0.0) * days.days), days=days.days)


def _avoided(site: Site, books: Books, measure: MeasureFile, days: Period) -> Saving:
    used = _known(site, books, measure, str(measure.meter), days)
    made = _known(site, books, measure, str(measure.output), days)
    both = sorted(used.keys() & made.keys())
    per_unit = Estimate(measure.alternative_kwh or 0.0, measure.alternative_kwh_error)
    alternative = specific_use(per_unit, math.fsum(made[day] for day in both))
    return avoided(alternative, math.fsum(used[day] for day in both), days=len(both))


def _switchback(site: Site, books: Books, measure: MeasureFile, days: Period) -> Saving:
    spec = site.meter_named(full_meter(measure.base, str(measure.meter)))
    frame, _ = meter_frame(site, spec, books, days)
    drawn = plan(list(Period(measure.from_, days.last)), measure.seed or 0)
    return switchback(frame, drawn, settling=measure.settling).saving()


def _known(
    site: Site, books: Books, measure: MeasureFile, meter: str, days: Period
) -> dict[date, float]:
    return meter_days(books.ledger, site, full_meter(measure.base, meter), days)


_METHODS: Final[Mapping[str, Callable[[Site, Books, MeasureFile, Period], Saving]]] = {
    "before_after": _before_after,
    "control_group": _control_group,
    "key_parameter": _key_parameter,
    "avoided": _avoided,
    "switchback": _switchback,
}
