"""`bms report normalised` and `bms report baseline`: growth at equal conditions, and models."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import click

from bms.cli.common import AS_JSON, ENERGY, SITE, YEARS, clock_now, load_for, print_json
from bms.cli.reports.document_options import FORMAT, OUT, formats_of, hand_out
from bms.core.errors import InvalidInput
from bms.texts.messages import msg


@click.command("normalised")
@SITE
@click.option("--year", type=click.IntRange(*YEARS), required=True)
@FORMAT
@OUT
@AS_JSON
def normalised(site: Path, year: int, formats: str | None, out: Path | None, as_json: bool) -> None:
    """Growth at equal weather, production and calendar; its causes; the budget that is left."""
    from bms.operations.reporting.normalised_case import normalised_growth, receipt_of
    from bms.reports.normalising.normalised_document import normalised_document
    from bms.reports.normalising.plain_values import report_plain

    faces = formats_of(formats)
    loaded = load_for(site, ENERGY)
    report = normalised_growth(loaded, year, clock_now())
    if as_json:
        print_json(report_plain(report))
        return
    models = [item.model for item in report.bases if item.model is not None]
    meters = tuple(
        sorted(
            part.meter
            for item in report.bases
            for part in (() if item.growth.this is None else item.growth.this.meters)
        )
    )
    receipt = receipt_of(loaded, tuple(model.data_hash for model in models), meters)
    hand_out(normalised_document(loaded, report, receipt), faces, out)


@click.command("savings")
@SITE
@click.option("--year", type=click.IntRange(*YEARS), required=True)
@FORMAT
@OUT
@AS_JSON
def savings(site: Path, year: int, formats: str | None, out: Path | None, as_json: bool) -> None:
    """What the measures of measures.yaml have saved, with intervals, and how they add up."""
    from bms.operations.reporting.normalised_case import receipt_of, savings_of
    from bms.reports.normalising.savings_document import savings_document, savings_plain

    faces = formats_of(formats)
    loaded = load_for(site, ENERGY)
    report = savings_of(loaded, year, clock_now())
    if as_json:
        print_json(savings_plain(report))
        return
    figures = tuple(
        f"{item.id} {item.saving.kwh.value!r}" for item in report.measures if item.saving
    )
    hand_out(savings_document(loaded, report, receipt_of(loaded, figures, ())), faces, out)


@click.command("baseline")
@SITE
@click.argument("meter")
@click.option("--from", "start", required=True, help="First day, e.g. 2025-01-01.")
@click.option("--to", "end", required=True, help="Last day, included.")
@FORMAT
@OUT
@AS_JSON
def baseline(
    site: Path,
    meter: str,
    start: str,
    end: str,
    formats: str | None,
    out: Path | None,
    as_json: bool,
) -> None:
    """The model of METER: what its days depend on, how well it fits, and whether it may be used."""
    from bms.operations.reporting.normalised_case import baseline_of, receipt_of
    from bms.reports.normalising.normalised_document import baseline_document
    from bms.reports.normalising.plain_values import model_plain

    faces = formats_of(formats)
    loaded = load_for(site, ENERGY)
    first, last = _day(start, "--from"), _day(end, "--to")
    found = baseline_of(loaded, meter, first, last, clock_now())
    if as_json:
        plain = model_plain(found.model, found.rules)
        print_json({"meter": found.meter.name, **plain, "notes": list(found.notes)})
        return
    receipt = receipt_of(loaded, (found.model.data_hash,), (found.meter.name,))
    hand_out(baseline_document(loaded, found, receipt), faces, out)


def _day(text: str, option: str) -> date:
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise InvalidInput(
            msg("{option}: '{text}' is no day; write 2026-03-01", option=option, text=text)
        ) from None
