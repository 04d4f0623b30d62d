"""Energy, coal equivalent and CO2 of a site by year, as a document."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import nullcontext
from datetime import datetime
from hashlib import sha256
from importlib.metadata import version

from bms.config.reading.factor_sets import read_energy_file, shipped_sets
from bms.config.reading.files import ENERGY
from bms.config.reading.sections import Names
from bms.config.shapes.energy_keys import EnergyFile
from bms.config.site import Site
from bms.core.errors import InvalidInput
from bms.energy.carbon.energy_table import Activity, Energy, energy_table
from bms.historian.log.log_queries import FILE_NAME as HISTORY
from bms.ledger.database.store import FILE_NAME as LEDGER
from bms.ledger.up_to_date import open_ledger
from bms.reports.carbon.carbon_document import Carbon, carbon_document
from bms.reports.carbon.factor_book import book_of
from bms.reports.carbon.printed_rules import check_printed
from bms.reports.carbon.yearly_amounts import activity_amounts, meters_of, yearly_energies
from bms.reports.documents.document import Document, Receipt
from bms.texts.messages import msg


def energy_file(site: Site) -> EnergyFile:
    """`energy.yaml` as it stands with the site; an empty one if there is none.

    Raises InvalidInput with every problem of it.
    """
    text = site.texts.get(ENERGY)
    if text is None:
        return EnergyFile()
    names = Names(set(site.bases)), Names({spec.name for spec in site.metering.values()})
    file, problems = read_energy_file(text, *names)
    if file is None:
        raise InvalidInput(msg("{file} cannot be used", file=ENERGY), problems)
    return file


def energy_document(site: Site, years: Sequence[int], now: datetime) -> Document:
    """The report of some years, the earliest first.

    A site that was never run may still report what its `energy.yaml` has.
    """
    file = energy_file(site)
    book = book_of(file, shipped_sets())
    run = any((site.state_dir / name).exists() for name in (HISTORY, LEDGER))
    with open_ledger(site, site.state_dir, now) if run else nullcontext() as ledger:
        energies, entries = yearly_energies(site, file, ledger, years, now)
    activities = [
        Activity(name, file.activities[name].unit, amounts)
        for name, amounts in activity_amounts(file).items()
    ]
    table = energy_table(years, energies, activities, book)
    meters = {spec.name for entry in entries.values() for spec in meters_of(site, entry)}
    receipt = Receipt(
        code=version("bms"),
        data=_hash(energies),
        files=sha256(site.texts.get(ENERGY, "").encode()).hexdigest(),
        meters=tuple(sorted(meters)),
        factors=tuple(sorted(table.sets)),
        assumptions=(
            msg("a year counts if its meters know all of it; invoices count before meters"),
            msg("energy that is generated here from the sun counts nothing"),
        ),
    )
    checked = check_printed(file, energies, book, years)
    return carbon_document(Carbon(site, file, energies, entries, book, table, checked, receipt))


def _hash(energies: Sequence[Energy]) -> str:
    plain = [
        [e.id, e.kind, e.unit, [[y, str(a.amount), str(a.known)] for y, a in e.years.items()]]
        for e in energies
    ]
    return sha256(json.dumps(plain).encode()).hexdigest()
