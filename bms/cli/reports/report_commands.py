"""Commands that make reports: on the screen, or as files to sign."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import click
from pydantic import ValidationError

from bms.cli.common import (
    AS_JSON,
    ENERGY,
    PAST,
    SITE,
    YEARS,
    ErrorGroup,
    audit_footer,
    clock_now,
    instant,
    load_for,
    print_json,
    show,
)
from bms.cli.grouped import grouped
from bms.cli.reports.document_options import formats_of
from bms.cli.reports.energy_report import energy_report
from bms.cli.reports.management_report import management
from bms.cli.reports.normalised_commands import baseline, normalised, savings
from bms.core.errors import InvalidInput
from bms.texts.language import language, say, told
from bms.texts.messages import msg


@click.group(cls=ErrorGroup)
def report() -> None:
    """What an energy manager reads."""


report.add_command(energy_report)
report.add_command(management)
report.add_command(normalised)
report.add_command(baseline)
report.add_command(savings)


@report.command()
@SITE
@click.option("--from", "start", required=True, help="First day or instant, e.g. 2026-03-01.")
@click.option("--to", "end", help="End, not included.  [default: now]")
@click.option("--link", help="One link.  [default: all]")
@AS_JSON
def shadow(site: Path, start: str, end: str | None, link: str | None, as_json: bool) -> None:
    """What would have been written on links in shadow mode, beside what the field showed."""
    from bms.cli.screens.shadow_table import shadow_screen
    from bms.operations.requests.past_requests import AskShadow
    from bms.operations.use_cases.past_cases import unsent_commands

    loaded = load_for(site, PAST)
    asked = AskShadow(
        start=instant(loaded.file.zone, start, "--from"),
        end=instant(loaded.file.zone, end, "--to") if end else None,
        link=link,
    )
    answer = unsent_commands(loaded, asked, clock_now())
    if as_json:
        print_json(answer.plain())
    else:
        show(*shadow_screen(answer.shown()))
        audit_footer(loaded.state_dir)


@report.command()
@SITE
@click.option("--from", "start", required=True, help="First day or instant, e.g. 2026-03-01.")
@click.option("--to", "end", help="End, not included.  [default: now]")
@AS_JSON
def demand(site: Path, start: str, end: str | None, as_json: bool) -> None:
    """What demand limits have shed, why, for how long, and what that avoided."""
    from bms.cli.screens.shed_table import shed_screen
    from bms.operations.requests.past_requests import AskSheds
    from bms.operations.use_cases.past_cases import past_sheds

    loaded = load_for(site, PAST)
    asked = AskSheds(
        start=instant(loaded.file.zone, start, "--from"),
        end=instant(loaded.file.zone, end, "--to") if end else None,
    )
    answer = past_sheds(loaded, asked, clock_now())
    if as_json:
        print_json(answer.plain())
    else:
        show(*shed_screen(answer.shown()))


@report.command()
@SITE
@click.option("--year", type=click.IntRange(*YEARS), required=True)
@click.option(
    "--history",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="Directory with the ledger.  [default: the site's state directory]",
)
@AS_JSON
def growth(site: Path, year: int, history: Path | None, as_json: bool) -> None:
    """Energy growth per base against its target, with the verdict."""
    from bms.cli.screens.tables import growth_screen
    from bms.operations.requests.energy_requests import AskGrowth
    from bms.operations.use_cases.energy_cases import energy_growth

    loaded = load_for(site, ENERGY)
    answer = energy_growth(loaded, AskGrowth(year=year, ledger=history), clock_now())
    if as_json:
        print_json(answer.plain())
    else:
        show(*growth_screen(answer.shown()))
        audit_footer(loaded.state_dir)


@dataclass(frozen=True, slots=True)
class Sheets:
    """Which sheets are asked for, and as what."""

    bases: tuple[str, ...]
    month: str | None
    formats: str
    spoken: str | None
    out: Path | None


@report.command()
@SITE
@click.option("--base", "bases", multiple=True, help="A base, several times if need be.  [all]")
@click.option("--month", help="As 2026-03.  [default: the last one that is over]")
@click.option(
    "--format", "formats", default="html,xlsx", show_default=True, help="html, xlsx, csv, json."
)
@click.option("--language", "spoken", help="en, zh or en,zh.  [default: yours]")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Copies go here.")
@AS_JSON
@grouped("sheets", Sheets)
def month(site: Path, sheets: Sheets, as_json: bool) -> None:
    """The month's sheet of each base, to be signed: kWh and cost by tariff period, demand,
    comparisons, corrections, quality."""
    from bms.operations.reporting.month_case import AskMonth, issue_months
    from bms.operations.requests.operation import invalid

    try:
        asked = AskMonth(
            bases=sheets.bases,
            month=None if sheets.month is None else _month(sheets.month),
            formats=formats_of(sheets.formats),
            languages=tuple((sheets.spoken or language()).split(",")),
            out=sheets.out,
        )
    except ValidationError as error:
        raise invalid(error) from None
    loaded = load_for(site, ())
    answers = issue_months(loaded, asked, clock_now())
    if as_json:
        print_json([answer.plain() for answer in answers])
        return
    for answer in answers:
        click.echo(f"{answer.base} {answer.month}: {told(answer.answer)}")
        if answer.issue is None:
            click.echo(say("  not issued: the month is not over"))
        elif answer.new:
            click.echo(say("  issue {number}", number=answer.issue))
        else:
            click.echo(say("  issue {number}, as it was issued", number=answer.issue))
        for change in answer.changes:
            click.echo(f"  - {told(change)}")
        for path in answer.files:
            click.echo(f"  {path}")


def _month(text: str) -> date:
    try:
        return date.fromisoformat(f"{text}-01")
    except ValueError:
        raise InvalidInput(msg("'{text}' is no month; write 2026-03", text=text)) from None
