"""Growth of a base at equal conditions, beside the verdict on what was metered.

The verdict (`bms/energy/verdict.py`) stands on metered energy and stays the basis. This report says
how much of the growth weather, production and the calendar explain.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

import numpy as np

from bms.config.site import Base, Site
from bms.energy.models.baseline_model import BaselineModel
from bms.energy.models.daily_frames import Frame
from bms.energy.models.model_choice import CannotFit, fit
from bms.energy.models.validity import Rule, rules
from bms.energy.models.years.cause_bridge import Bridge, bridge
from bms.energy.models.years.energy_budget import cap_kwh
from bms.energy.models.years.normalised import (
    Normalised,
    Standard,
    normalised,
    per_day_pct,
    standard,
)
from bms.energy.verdict import Growth
from bms.reports.growth import growth_report
from bms.reports.normalising.base_years import BaseYears, base_years
from bms.reports.normalising.driver_days import Books
from bms.reports.normalising.year_ahead import Ahead, ahead
from bms.texts.messages import Message, msg

LEAST_STANDARD: Final = 0.9
"""Of both years' days: with fewer that both models can speak for, standard conditions are none."""


@dataclass(frozen=True)
class BaseNormalised:
    """One base. What cannot be told is None, and a note says why."""

    base: str
    growth: Growth
    """The verdict on what was metered: the basis."""
    per_day_pct: float | None = None
    years: BaseYears | None = None
    model: BaselineModel | None = None
    """Of the baseline's year."""
    rules: tuple[Rule, ...] = ()
    compared: Normalised | None = None
    standard: Standard | None = None
    bridge: Bridge | None = None
    ahead: Ahead | None = None
    notes: tuple[Message, ...] = ()


@dataclass(frozen=True)
class NormalisedReport:
    """All bases of a site."""

    site: str
    year: int
    made: datetime
    bases: tuple[BaseNormalised, ...]


def normalised_report(site: Site, books: Books, year: int, now: datetime) -> NormalisedReport:
    """Every base of `site` for `year`. Raises StoreError if ledger or history cannot be read, and
    InvalidInput if `drivers.yaml` cannot be used."""
    verdicts = growth_report(site, books.ledger, year, now)
    bases = [
        _base(site, site.bases[item.growth.base], books, item.growth, now)
        for item in verdicts.bases
    ]
    return NormalisedReport(site.file.id, year, now, tuple(bases))


def _base(site: Site, base: Base, books: Books, growth: Growth, now: datetime) -> BaseNormalised:
    years = base_years(site, base, books, growth.year, now)
    if years is None:
        return BaseNormalised(base.id, growth, notes=(msg("{cause}", cause=growth.reason),))
    notes = list(years.told.notes)
    reported, baseline = years.reported(), years.baseline()
    daily = _per_day(years)
    try:
        model = fit(baseline)
    except CannotFit as error:
        notes.append(error.message)
        return BaseNormalised(base.id, growth, daily, years, notes=tuple(notes))
    notes += _dropped(model, baseline)
    compared = normalised(model, reported)
    if not compared.enough:
        notes.append(
            msg(
                "{compared_days} of {reported_days} days can be compared: too few to speak for all",
                compared_days=compared.compared_days,
                reported_days=compared.reported_days,
            )
        )
    at_standard, why = _standard(model, reported, baseline)
    if why is not None:
        notes.append(why)
    return BaseNormalised(
        base.id,
        growth,
        daily,
        years,
        model,
        rules(model, industrial=years.told.industrial, others=years.told.others),
        compared,
        at_standard,
        _bridge(years, model, growth) if compared.enough else None,
        _ahead(years, model, compared, growth),
        tuple(notes),
    )


def _per_day(years: BaseYears) -> float | None:
    """Growth of the daily means over the dates that both years know."""
    ours, theirs = years.pairs()
    both = ours.known & theirs.known
    before = dict(zip(theirs.where(both).days, theirs.where(both).kwh, strict=True))
    now = dict(zip(ours.where(both).days, ours.where(both).kwh, strict=True))
    if not now or float(np.sum(list(before.values()))) <= 0.0:
        return None
    return per_day_pct(
        (float(np.sum(list(now.values()))), len(now)),
        (float(np.sum(list(before.values()))), len(before)),
    )


def _dropped(model: BaselineModel, baseline: Frame) -> list[Message]:
    """Drivers that the baseline knows too rarely, or that never vary."""
    lost = sorted(set(baseline.drivers) - set(model.support.ranges))
    return [
        msg("{driver} is left out: too few days of the baseline know it", driver=name)
        for name in lost
    ]


def _standard(
    model: BaselineModel, reported: Frame, baseline: Frame
) -> tuple[Standard | None, Message | None]:
    """Growth under both years' conditions together, or why it cannot be told."""
    try:
        now = fit(reported)
    except CannotFit as error:
        return None, msg("no standard conditions: {cause}", cause=error.message)
    both = _joined(reported, baseline)
    found = standard(now, model, both)
    if found is None or found.days < LEAST_STANDARD * len(both):
        return None, msg(
            "no standard conditions: both years' models can speak for {known_days} of {all_days} "
            "days",
            known_days=0 if found is None else found.days,
            all_days=len(both),
        )
    return found, None


def _joined(one: Frame, other: Frame) -> Frame:
    outdoor = None
    if one.outdoor_c is not None and other.outdoor_c is not None:
        outdoor = np.concatenate((one.outdoor_c, other.outdoor_c))
    return Frame(
        (*one.days, *other.days),
        np.concatenate((one.kwh, other.kwh)),
        outdoor,
        {name: np.concatenate((c, other.drivers[name])) for name, c in one.drivers.items()},
        (*one.classes, *other.classes),
    )


def _bridge(years: BaseYears, model: BaselineModel, growth: Growth) -> Bridge | None:
    if growth.this is None or growth.baseline is None:
        return None
    ours, before = growth.this.kwh, growth.baseline.kwh
    return None if ours is None or before is None else bridge(model, years.pairs(), (ours, before))


def _ahead(
    years: BaseYears, model: BaselineModel, compared: Normalised, growth: Growth
) -> Ahead | None:
    full = growth.baseline_full
    if full is None or full.kwh is None or not full.complete or not compared.compared_days:
        return None
    return ahead(years, model, compared, cap_kwh(full.kwh, growth.target_pct))
