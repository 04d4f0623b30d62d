"""`bms report management`: goals, rounds, findings and measures of a year, to be signed."""

from __future__ import annotations

from pathlib import Path

import click

from bms.cli.common import ENERGY, SITE, YEARS, clock_now, load_for
from bms.cli.reports.document_options import FORMAT, OUT, formats_of, hand_out


@click.command("management")
@SITE
@click.option("--year", type=click.IntRange(*YEARS), required=True)
@FORMAT
@OUT
def management(site: Path, year: int, formats: str | None, out: Path | None) -> None:
    """Goals with their pace, rounds kept and missed, findings, measures: to be signed."""
    from bms.operations.reporting.management_case import management_report

    faces = formats_of(formats)
    hand_out(management_report(load_for(site, ENERGY), year, clock_now()), faces, out)
