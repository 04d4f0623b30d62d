"""Commands that read files and history: previews and reports."""

from __future__ import annotations

from pathlib import Path

import click

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
from bms.cli.reports.energy_report import energy_report
from bms.cli.schedules.previews import diff, preview


@click.group(cls=ErrorGroup)
def schedule() -> None:
    """Look at schedules, and change them."""


schedule.add_command(preview)
schedule.add_command(diff)


@click.group(cls=ErrorGroup)
def report() -> None:
    """What an energy manager reads."""


report.add_command(energy_report)


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
