"""What a person tells about a meter: a replacement, a correction, readings by hand."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from bms.cli.common import (
    AS_JSON,
    ENERGY,
    SITE,
    changed,
    clock_now,
    instant,
    load_for,
    print_json,
)
from bms.texts.language import say

if TYPE_CHECKING:
    from bms.config.site import MeterSpec, Site
    from bms.operations.requests.meter_requests import EntryTold

REASON = click.option("--reason", required=True, help="Why; it goes into the audit.")
METER = click.argument("name", metavar="METER")


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
    from bms.operations.requests.meter_requests import REPLACE, ReplaceMeter
    from bms.operations.use_cases.meter_cases import replace_meter

    loaded = load_for(site, ENERGY)
    at = instant(find_meter_of(loaded, name).zone, when, "--at")
    asked = ReplaceMeter(meter=name, final=final, initial=initial, at=at, reason=reason)
    answer = changed(
        loaded.state_dir,
        REPLACE,
        asked,
        lambda who: replace_meter(loaded, asked, who, clock_now()),
    )
    _tell(answer, as_json=as_json)


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
    label: Literal["corrected", "estimated", "manual"],
    reason: str,
    as_json: bool,
) -> None:
    """Say what a meter used in a period; the register's own account stays underneath."""
    from bms.operations.requests.meter_requests import CORRECT, CorrectMeter
    from bms.operations.use_cases.meter_cases import correct_meter

    loaded = load_for(site, ENERGY)
    zone = find_meter_of(loaded, name).zone
    asked = CorrectMeter(
        meter=name,
        start=instant(zone, start, "--from"),
        end=instant(zone, end, "--to"),
        amount=amount,
        label=label,
        reason=reason,
    )
    answer = changed(
        loaded.state_dir,
        CORRECT,
        asked,
        lambda who: correct_meter(loaded, asked, who, clock_now()),
    )
    _tell(answer, as_json=as_json)


@click.command()
@SITE
@click.argument("entry", type=click.IntRange(min=1))
@REASON
@AS_JSON
def withdraw(site: Path, entry: int, reason: str, as_json: bool) -> None:
    """Take an entry back, by its number in 'bms meter show'; it stays in the record."""
    from bms.operations.requests.meter_requests import WITHDRAW, WithdrawEntry
    from bms.operations.use_cases.meter_cases import withdraw_entry

    asked = WithdrawEntry(entry=entry, reason=reason)
    loaded = load_for(site, ENERGY)
    answer = changed(
        loaded.state_dir,
        WITHDRAW,
        asked,
        lambda who: withdraw_entry(loaded, asked, who, clock_now()),
    )
    if as_json:
        print_json(answer.plain())
    else:
        click.echo(
            say(
                "entry {entry} ({kind} of {meter}) counts no longer",
                entry=entry,
                kind=answer.kind,
                meter=answer.meter,
            )
        )


def _tell(answer: EntryTold, *, as_json: bool) -> None:
    if as_json:
        print_json(answer.plain())
    else:
        click.echo(
            say(
                "entry {number}: {kind} of {meter}; undo: bms meter withdraw",
                number=answer.entry,
                kind=answer.kind,
                meter=answer.meter,
            )
        )
