"""Look at meters and their energy, in the ledger of a site."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from bms.config.site import MeterSpec, Site
from bms.core.errors import InvalidInput
from bms.core.instants import from_ms, local_midnight, to_ms
from bms.energy.quarters import QUARTER_MS
from bms.ledger.database.store import Ledger
from bms.ledger.entered.entering import find_meter
from bms.ledger.up_to_date import open_ledger
from bms.operations.requests.energy_requests import (
    AskDemand,
    AskGrowth,
    AskIntervals,
    AskMeterTree,
    Demand,
    Growths,
    Intervals,
    ListMeters,
    Meters,
    MeterShown,
    MeterTree,
    ShowMeter,
)
from bms.reports.growth import growth_report
from bms.reports.meter_figures import demand_rows, interval_rows, meter_list, meter_view, tree_view
from bms.texts.messages import msg


def list_meters(site: Site, _asked: ListMeters, now: datetime) -> Meters:
    """Every meter, with its energy of this month."""
    with open_ledger(site, site.state_dir, now) as ledger:
        return Meters.model_validate(meter_list(site, ledger, now))


def show_meter(site: Site, asked: ShowMeter, now: datetime) -> MeterShown:
    """One meter: settings, energy, what happened to its register, and what people said."""
    with _looking(site, asked, now) as (ledger, spec, first, last):
        return MeterShown.model_validate(meter_view(site, ledger, spec, first, last))


def intervals(site: Site, asked: AskIntervals, now: datetime) -> Intervals:
    """The energy of each quarter hour, day or month."""
    with _looking(site, asked, now) as (ledger, spec, first, last):
        return Intervals.model_validate(interval_rows(ledger, spec, first, last, asked.by))


def demand(site: Site, asked: AskDemand, now: datetime) -> Demand:
    """The greatest demand of each month, and how much of the month is known."""
    with _looking(site, asked, now) as (ledger, spec, first, last):
        return Demand.model_validate(demand_rows(ledger, spec, first, last))


def meter_tree(site: Site, asked: AskMeterTree, now: datetime) -> MeterTree:
    """Sub-meters behind their meters, and what is not metered apart."""
    first, last = _period(site.file.zone, asked.start, asked.end, now)
    with open_ledger(site, site.state_dir, now) as ledger:
        return MeterTree.model_validate(tree_view(site, ledger, first, last))


def energy_growth(site: Site, asked: AskGrowth, now: datetime) -> Growths:
    """Energy growth per base against its target, with the verdict."""
    with open_ledger(site, asked.ledger or site.state_dir, now) as ledger:
        report = growth_report(site, ledger, asked.year, now)
    return Growths.model_validate(report.to_json())


@contextmanager
def _looking(
    site: Site, asked: ShowMeter | AskIntervals | AskDemand, now: datetime
) -> Iterator[tuple[Ledger, MeterSpec, datetime, datetime]]:
    """The ledger, up to date, one meter of it and a period."""
    spec = find_meter(site, asked.meter)
    first, last = _period(spec.zone, asked.start, asked.end, now)
    with open_ledger(site, site.state_dir, now) as ledger:
        yield ledger, spec, first, last


def _period(
    zone: str, start: datetime | None, end: datetime | None, now: datetime
) -> tuple[datetime, datetime]:
    """A period of whole quarter hours; this month so far if nothing is said."""
    month = now.astimezone(ZoneInfo(zone)).date().replace(day=1)
    first = start or local_midnight(month, ZoneInfo(zone))
    last = end or from_ms(to_ms(now) - to_ms(now) % QUARTER_MS)
    if first == last and not (start or end):
        first = last - timedelta(minutes=15)
    if not first < last:
        raise InvalidInput(msg("--to must lie after --from"))
    for option, moment in (("--from", first), ("--to", last)):
        if to_ms(moment) % QUARTER_MS:
            raise InvalidInput(
                msg(
                    "{option}: energy is known by quarter hours; write :00, :15, :30, :45",
                    option=option,
                )
            )
    return first, last
