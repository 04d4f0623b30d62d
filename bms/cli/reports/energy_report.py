"""`bms report energy`: coal equivalent and CO2 by year."""

from __future__ import annotations

import re
from pathlib import Path

import click

from bms.cli.common import ENERGY, SITE, YEARS, clock_now, load_for
from bms.cli.reports.document_options import FORMAT, OUT, formats_of, hand_out
from bms.core.errors import InvalidInput
from bms.texts.messages import msg

_MOST_YEARS = 20


@click.command("energy")
@SITE
@click.option("--years", required=True, help="One year, or first and last: 2018-2020.")
@FORMAT
@OUT
def energy_report(site: Path, years: str, formats: str | None, out: Path | None) -> None:
    """Energy, coal equivalent and CO2 by year, with factor sets and a printed table checked."""
    from bms.operations.reporting.carbon_case import energy_document

    asked, faces = _years(years), formats_of(formats)
    loaded = load_for(site, ENERGY)
    hand_out(energy_document(loaded, asked, clock_now()), faces, out)


def _years(text: str) -> list[int]:
    found = re.fullmatch(r"\s*(\d{4})(?:\s*(?:-|–|\.\.)\s*(\d{4}))?\s*", text)
    first, last = (int(found[1]), int(found[2] or found[1])) if found else (0, 0)
    if not YEARS[0] <= first <= last <= YEARS[1] or last - first >= _MOST_YEARS:
        raise InvalidInput(
            msg("--years: '{text}' is no year and no period of years: write 2018-2020", text=text)
        )
    return list(range(first, last + 1))
