"""Growth at equal conditions, and the baselines of meters, from ledger, history and drivers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from hashlib import sha256
from importlib.metadata import version

from bms.config.reading.files import DRIVERS
from bms.config.site import Site
from bms.core.errors import InvalidInput, NotAvailable
from bms.energy.comparing.day_values import Period
from bms.energy.models.baseline_model import ENGINE, VERSION
from bms.energy.models.model_choice import CannotFit
from bms.historian.log.log_queries import FILE_NAME as HISTORY
from bms.historian.reading.trends import Trends
from bms.ledger.entered.entering import find_meter
from bms.ledger.up_to_date import open_ledger
from bms.reports.documents.document import Receipt
from bms.reports.normalising.driver_days import Books
from bms.reports.normalising.measure_savings import SavingsReport, savings_report
from bms.reports.normalising.meter_baseline import MeterBaseline, meter_baseline
from bms.reports.normalising.normalised_report import NormalisedReport, normalised_report
from bms.texts.messages import Message, msg


@contextmanager
def books_of(site: Site, now: datetime) -> Iterator[Books]:
    """The ledger of a site, up to date, and its history if there is one."""
    with open_ledger(site, site.state_dir, now) as ledger:
        if not (site.state_dir / HISTORY).exists():
            yield Books(ledger, None)
            return
        with Trends(site.state_dir) as trends:
            yield Books(ledger, trends)


def normalised_growth(site: Site, year: int, now: datetime) -> NormalisedReport:
    """Every base of a site for a year. Raises StoreError and InvalidInput."""
    with books_of(site, now) as books:
        return normalised_report(site, books, year, now)


def savings_of(site: Site, year: int, now: datetime) -> SavingsReport:
    """What the registered measures have saved in a year. Raises StoreError and InvalidInput."""
    with books_of(site, now) as books:
        return savings_report(site, books, year, now)


def baseline_of(site: Site, meter: str, first: date, last: date, now: datetime) -> MeterBaseline:
    """The model of one meter. Raises NotAvailable where there is too little to fit."""
    if last < first:
        raise InvalidInput(msg("--to must lie after --from"))
    spec = find_meter(site, meter)
    with books_of(site, now) as books:
        try:
            return meter_baseline(site, spec, books, Period(first, last))
        except CannotFit as error:
            raise NotAvailable(
                msg("{meter}: {cause}", meter=spec.name, cause=error.message)
            ) from error


def receipt_of(
    site: Site, hashes: tuple[str, ...], meters: tuple[str, ...], *assumptions: Message
) -> Receipt:
    """What the figures stand on: data, files, the engine of the models."""
    return Receipt(
        code=version("bms"),
        data=sha256(" ".join(hashes).encode()).hexdigest(),
        files=sha256(site.texts.get(DRIVERS, "").encode()).hexdigest(),
        meters=meters,
        model=msg("{engine} {version}", engine=ENGINE, version=VERSION),
        assumptions=(
            msg("a day counts if its meters know all of it"),
            msg("a day beyond what the baseline has seen, and a tenth of it more, is refused"),
            *assumptions,
        ),
    )
