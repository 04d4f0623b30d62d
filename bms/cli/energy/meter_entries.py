"""What a person tells about a meter: a replacement, a correction, readings by hand."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bms.cli.common import (
    AS_JSON,
    SITE,
    clock_now,
    instant,
    load_site,
    print_json,
)
from bms.core.reasons import reason_of
from bms.texts.language import say
from bms.texts.messages import msg

if TYPE_CHECKING:
    from bms.config.site import MeterSpec, Site
    from bms.ledger.entered.entering import Author

REASON = click.option("--reason", required=True, help="Why; it goes into the audit.")
METER = click.argument("name", metavar="METER")


def _author(site: Site, reason: str, now: datetime, *meters: str) -> Author:
    """Who enters something about meters, if they may; without `meters`, about the whole site."""
    from bms.ledger.entered.entering import Author
    from bms.people.accounts import login
    from bms.people.roles import Action, may

    reason = reason_of(reason, msg("--reason: say why"))
    who = login()
    may(site, who, Action.METER, *meters)
    return Author(who, reason, now)


def find_meter_of(site: Site, name: str) -> MeterSpec:
    from bms.ledger.entered.entering import find_meter

    return find_meter(site, name)


@click.command()
@SITE
@METER
@click.option("--final", help="What the old register showed last.  [default: nobody noted it]")
@click.option("--initial", required=True, help="What the new register showed first.")
@click.option("--at", "when", required=True, help="When, e.g. 2026-03-28T10:30.")
@REASON
@AS_JSON
def replace(
    site: Path, name: str, final: str | None, initial: str, when: str, reason: str, as_json: bool
) -> None:
    """Tell that a meter was replaced, or its register reset."""
    from bms.historian.log.log_queries import FILE_NAME, Queries
    from bms.ledger.database.store import Ledger
    from bms.ledger.entered.entering import replace_meter

    loaded, now = load_site(site), clock_now()
    spec = find_meter_of(loaded, name)
    at, author = instant(spec.zone, when, "--at"), _author(loaded, reason, now, spec.id)
    has_history = (loaded.state_dir / FILE_NAME).exists()
    with Ledger(loaded.state_dir) as ledger:
        history = Queries(loaded.state_dir, read_only=True) if has_history else None
        try:
            number = replace_meter(
                loaded, ledger, history, spec, final=final, initial=initial, at=at, author=author
            )
        finally:
            if history is not None:
                history.close()
    _entered(loaded, spec, number, now, as_json)


@click.command()
@SITE
@METER
@click.option("--from", "start", required=True, help="First quarter hour, e.g. 2026-03-28T10:00.")
@click.option("--to", "end", required=True, help="End, not included.")
@click.option("--amount", required=True, help="What was really used, in the meter's unit.")
@click.option(
    "--label",
    type=click.Choice(["corrected", "estimated", "manual"]),
    default="corrected",
    show_default=True,
)
@REASON
@AS_JSON
def correct(
    site: Path,
    name: str,
    start: str,
    end: str,
    amount: str,
    label: str,
    reason: str,
    as_json: bool,
) -> None:
    """Say what a meter used in a period; the register's own account stays underneath."""
    from bms.core.readings import Label
    from bms.ledger.entered.entering import correct as enter
    from bms.ledger.up_to_date import open_ledger

    loaded, now = load_site(site), clock_now()
    spec = find_meter_of(loaded, name)
    author = _author(loaded, reason, now, spec.id)
    first, last = instant(spec.zone, start, "--from"), instant(spec.zone, end, "--to")
    with open_ledger(loaded, loaded.state_dir, now) as ledger:
        number = enter(
            loaded,
            ledger,
            spec,
            start=first,
            end=last,
            amount=amount,
            label=Label(label),
            author=author,
        )
    _entered(loaded, spec, number, now, as_json)


@click.command()
@SITE
@click.argument("entry", type=click.IntRange(min=1))
@REASON
@AS_JSON
def withdraw(site: Path, entry: int, reason: str, as_json: bool) -> None:
    """Take an entry back, by its number in 'bms meter show'; it stays in the record."""
    from bms.ledger.database.store import Ledger
    from bms.ledger.entered.entering import withdraw as enter
    from bms.ledger.up_to_date import open_ledger

    loaded, now = load_site(site), clock_now()
    with Ledger(loaded.state_dir) as ledger:
        found = enter(loaded, ledger, entry, _author(loaded, reason, now))
    with open_ledger(loaded, loaded.state_dir, now):
        pass
    if as_json:
        print_json({"entry": entry, "meter": found.meter, "withdrawn": True})
    else:
        click.echo(
            say(
                "entry {entry} ({kind} of {meter}) counts no longer",
                entry=entry,
                kind=found.kind.value,
                meter=found.meter,
            )
        )


@click.command("import")
@SITE
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@REASON
@AS_JSON
def import_(site: Path, file: Path, reason: str, as_json: bool) -> None:
    """Add readings that people took: a CSV file with the columns meter, time, reading."""
    from bms.ledger.database.store import Ledger
    from bms.ledger.entered.importing import import_readings
    from bms.ledger.up_to_date import open_ledger

    loaded, now = load_site(site), clock_now()
    with Ledger(loaded.state_dir) as ledger:
        added, known = import_readings(loaded, ledger, file, _author(loaded, reason, now))
    with open_ledger(loaded, loaded.state_dir, now):
        pass
    if as_json:
        print_json({"added": added, "known": known})
    else:
        click.echo(
            say("{added} readings added, {known} were there already", added=added, known=known)
        )


def _entered(site: Site, spec: MeterSpec, number: int, now: datetime, as_json: bool) -> None:
    """Bring the ledger up to date with the entry, and say what it was given as."""
    from bms.ledger.up_to_date import open_ledger
    from bms.reports.meter_figures import entry_view

    with open_ledger(site, site.state_dir, now) as ledger:
        entry = next(e for e in ledger.entries(spec.id) if e.number == number)
    if as_json:
        print_json(entry_view(entry, spec))
    else:
        click.echo(
            say(
                "entry {number}: {kind} of {meter}; undo: bms meter withdraw",
                number=number,
                kind=entry.kind.value,
                meter=spec.name,
            )
        )
