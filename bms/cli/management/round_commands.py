"""`bms round`: what is inspected, how often, and who came."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

import click

from bms.cli.common import (
    AS_JSON,
    ENERGY,
    SITE,
    ErrorGroup,
    clock_now,
    load_for,
    print_json,
    show,
    table_of,
)
from bms.cli.grouped import grouped
from bms.cli.management.managing import PLACE_HELP, YEAR, day_of, day_or_none, make
from bms.texts.language import say


@dataclass(frozen=True, slots=True)
class _Given:
    """What a round is."""

    title: str
    place: str
    look_at: tuple[str, ...]
    every_days: int | None
    first_day: str | None
    on_days: tuple[str, ...]
    responsible: str

    def asked(self) -> dict[str, Any]:
        """With days for texts."""
        days = tuple(day_of(text, "--on") for text in self.on_days)
        first = day_or_none(self.first_day, "--from")
        return {**asdict(self), "on_days": days, "first_day": first}


@click.group("round", cls=ErrorGroup)
def rounds() -> None:
    """Rounds of inspection against waste."""


@rounds.command()
@SITE
@click.option("--title", required=True, help="What it is called.")
@click.option("--place", required=True, help=PLACE_HELP)
@click.option("--look-at", multiple=True, required=True, help="One thing to look at; again.")
@click.option(
    "--every", "every_days", type=click.IntRange(1, 366), help="Days from one to another."
)
@click.option("--from", "first_day", help="First day of --every.  [default: today]")
@click.option("--on", "on_days", multiple=True, help="A fixed day; again, in place of --every.")
@click.option("--responsible", required=True, help="Account or name of who goes.")
@AS_JSON
@grouped("given", _Given)
def add(site: Path, given: _Given, as_json: bool) -> None:
    """Set a round: where, what is looked at, and how often or on which days."""
    from bms.operations.managing.managing_requests import ROUND_ADD, AddRound
    from bms.operations.managing.round_cases import add_round

    asked = AddRound.model_validate(given.asked())
    make(
        site,
        ROUND_ADD,
        asked,
        add_round,
        lambda kept: say(
            "round {number}: {title}", number=kept.round.number, title=kept.round.title
        ),
        as_json=as_json,
    )


@rounds.command()
@SITE
@click.argument("round_number", metavar="NUMBER", type=click.IntRange(min=1))
@click.option("--on", "day", help="The day.  [default: today]")
@click.option("--found", default="", help="What was seen.  [default: nothing that is wrong]")
@AS_JSON
def visit(site: Path, round_number: int, day: str | None, found: str, as_json: bool) -> None:
    """Record that you made a round, and what you saw."""
    from bms.operations.managing.managing_requests import ROUND_VISIT, AddVisit
    from bms.operations.managing.round_cases import add_visit

    asked = AddVisit(round=round_number, on=day_or_none(day, "--on"), found=found)
    make(
        site,
        ROUND_VISIT,
        asked,
        add_visit,
        lambda kept: say(
            "round {number}: visited on {day}",
            number=kept.round.number,
            day=kept.round.visits[-1].on.isoformat(),
        ),
        as_json=as_json,
    )


@rounds.command("list")
@SITE
@YEAR
@AS_JSON
def list_(site: Path, year: int | None, as_json: bool) -> None:
    """Rounds with the times they were kept and missed."""
    from bms.operations.managing.managing_requests import ListRounds
    from bms.operations.managing.round_cases import list_rounds

    answer = list_rounds(load_for(site, ENERGY), ListRounds(year=year), clock_now())
    if as_json:
        print_json(answer.plain())
        return
    if not answer.root:
        click.echo(say("no rounds yet: bms round add"))
        return
    table = table_of(
        None, "no.", "round", "place", "how often", "responsible", "kept", "missed", "due since"
    )
    for row in answer.root:
        one = row.round
        due = [turn.day for turn in row.turns if turn.state == "due"]
        table.add_row(
            str(one.number),
            one.title,
            one.place,
            _often(one.every_days, one.on_days),
            one.responsible,
            str(row.kept),
            str(row.missed),
            due[-1].isoformat() if due else "—",
        )
    show(table)


def _often(every_days: int | None, on_days: tuple[date, ...]) -> str:
    if every_days is not None:
        return say("every {days} days", days=every_days)
    return ", ".join(day.isoformat() for day in on_days)
