"""The register of measures as a report: what each saved, and what the main meters say of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any, Final
from zoneinfo import ZoneInfo

from bms.config.site import Site
from bms.core.instants import local_midnight
from bms.core.readings import Label
from bms.energy.models.measures.attribution import Reconciled
from bms.reports.documents.document import (
    Column,
    Document,
    Figure,
    Kind,
    Lines,
    Name,
    Receipt,
    Row,
    Section,
    Table,
    missing,
    sum_of,
)
from bms.reports.normalising.measure_savings import MeasureSaving, SavingsReport
from bms.texts.messages import Message, msg

MEANS: Final[Mapping[str, Message]] = {
    "management": msg("management"),
    "technical": msg("technical transformation"),
    "smart": msg("smart control"),
}
CATEGORIES: Final[Mapping[str, Message]] = {
    "air_conditioning": msg("air conditioning"),
    "lighting": msg("lighting"),
    "machinery": msg("electrical machinery"),
    "water_heating": msg("water heating"),
}
METHODS: Final[Mapping[str, Message]] = {
    "before_after": msg("before and after"),
    "control_group": msg("against a control meter"),
    "key_parameter": msg("power times hours"),
    "avoided": msg("against a design that was not built"),
    "switchback": msg("on and off by day"),
}
_NOT_PROMISED: Final = msg("nothing was promised")


def savings_document(site: Site, report: SavingsReport, receipt: Receipt) -> Document:
    """Every measure in one table; then base by base how they add up to the main meters."""
    zone = ZoneInfo(site.file.zone)
    name = Name.of(site.file.id, site.file.title)
    sections = [Section("measures", msg("Measures"), (_measures(report), Lines(report.notes)))]
    for base, found in report.reconciled.items():
        detail = msg("measures of the year against the main meters")
        sections.append(Section(f"{base}-sum", Name(base), (_sum(report, found),), detail))
    proven = [item for item in report.measures if item.saving is not None and item.saving.proven]
    return Document(
        kind="savings",
        title=msg("Savings by measure"),
        site=name,
        subject=name,
        period=f"{report.year}",
        start=local_midnight(date(report.year, 1, 1), zone).astimezone(zone),
        end=local_midnight(date(report.year + 1, 1, 1), zone).astimezone(zone),
        answer=msg(
            "{proven} of {measures} measures have saved for certain (90 %)",
            proven=len(proven),
            measures=len(report.measures),
        ),
        sections=tuple(sections),
        receipt=receipt,
        signatures=(msg("Drawn up by"), msg("Checked by")),
    )


def _measures(report: SavingsReport) -> Table:
    def kwh(key: str, title: Message) -> Column:
        return Column(key, title, Kind.CHANGE, "kWh", 0, summed=False)

    return Table(
        "measures",
        (
            Column("measure", msg("measure"), width=28),
            Column("base", msg("base"), width=12),
            Column("means", msg("means"), width=16),
            Column("category", msg("category"), width=16),
            Column("method", msg("method"), width=20),
            Column("from", msg("from"), Kind.DAY),
            kwh("promised", msg("promised")),
            kwh("saved", msg("saved")),
            kwh("least", msg("at least")),
            kwh("most", msg("at most")),
        ),
        tuple(_row(item) for item in report.measures),
        notes=(
            msg("saved: above zero is less energy; at least and at most with 90 % probability"),
            msg("promised: of a year, for as many of its days as the measure has worked"),
        ),
        empty=msg("no measure is registered; write {file}", file="measures.yaml"),
    )


def _row(item: MeasureSaving) -> Row:
    measure = item.measure
    if item.saving is None:
        untold = missing(item.why or "")
        saved = least = most = untold
    else:
        low, high = item.saving.kwh.interval()
        saved = Figure(item.saving.kwh.value, Label.DERIVED, least=low, most=high)
        least, most = Figure(low, Label.DERIVED), Figure(high, Label.DERIVED)
    expected = item.expected_kwh
    return Row(
        item.id,
        {
            "measure": _name(item),
            "base": Name(measure.base),
            "means": MEANS[measure.means],
            "category": CATEGORIES[measure.category],
            "method": METHODS[measure.method],
            "from": measure.from_,
            "promised": missing(_NOT_PROMISED)
            if expected is None
            else Figure(expected, Label.MANUAL),
            "saved": saved,
            "least": least,
            "most": most,
        },
        marked=item.saving is not None and item.saving.kwh.interval()[1] < 0.0,
    )


def _name(item: MeasureSaving) -> Name:
    return Name.of(item.id, item.measure.title)


def _sum(report: SavingsReport, found: Reconciled) -> Table:
    names = {item.id: _name(item) for item in report.measures}
    rows = tuple(_parts(names, found))
    total = Row("main", {"what": msg("main meters")}, sum_of(*(r.key for r in rows)), total=True)
    return Table(
        "sum",
        (
            Column("what", msg("measure"), width=28),
            Column("measured", msg("as measured"), Kind.CHANGE, "kWh", 0, summed=False),
            Column("reconciled", msg("reconciled"), Kind.CHANGE, "kWh", 0),
        ),
        (*rows, total),
        notes=(msg("each is moved by its share of the doubt; what is left is a line by itself"),),
    )


def _parts(names: Mapping[str, Name], found: Reconciled) -> Iterator[Row]:
    for name, kwh in found.reconciled_kwh.items():
        yield Row(
            f"measure:{name}",
            {
                "what": names[name],
                "measured": Figure(found.measures[name].value, Label.DERIVED),
                "reconciled": Figure(kwh, Label.DERIVED),
            },
            depth=1,
        )
    rest = Figure(found.residual_kwh, Label.DERIVED)
    yield Row("residual", {"what": msg("not claimed by a measure"), "reconciled": rest}, depth=1)


def savings_plain(report: SavingsReport) -> dict[str, Any]:
    """Plain values, in kWh; not rounded, so that sums are exact."""
    return {
        "site": report.site,
        "year": report.year,
        "made": report.made.isoformat(timespec="seconds"),
        "measures": [_plain(item) for item in report.measures],
        "reconciled": {
            base: {
                "main_kwh": found.main.value,
                "measures_kwh": dict(found.reconciled_kwh),
                "residual_kwh": found.residual_kwh,
            }
            for base, found in report.reconciled.items()
        },
        "notes": list(report.notes),
    }


def _plain(item: MeasureSaving) -> dict[str, Any]:
    saving = item.saving
    low, high = saving.kwh.interval() if saving is not None else (None, None)
    return {
        "measure": item.id,
        "base": item.measure.base,
        "means": item.measure.means,
        "category": item.measure.category,
        "method": item.measure.method,
        "from": item.measure.from_.isoformat(),
        "promised_kwh": item.expected_kwh,
        "saved_kwh": None if saving is None else saving.kwh.value,
        "saved_low_kwh": low,
        "saved_high_kwh": high,
        "proven": saving is not None and saving.proven,
        "days": 0 if saving is None else saving.days,
        "outside_days": 0 if saving is None else len({o.day for o in saving.outside}),
        "why": item.why,
    }
