"""`bms finding`: what wastes energy, and who puts it right by when."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from bms.cli.common import (
    AS_JSON,
    ENERGY,
    SITE,
    ErrorGroup,
    changed,
    clock_now,
    instant,
    load_for,
    print_json,
    show,
    table_of,
)
from bms.cli.grouped import grouped
from bms.cli.management.managing import PLACE_HELP, UNPLANNED, day_or_none, make
from bms.texts.language import say, told

if TYPE_CHECKING:
    from bms.energy.management.managed_items import Finding
    from bms.operations.managing.managing_requests import FindingKept

NUMBER = click.argument("finding_number", metavar="NUMBER", type=click.IntRange(min=1))
_KINDS = ("outside_plan", "hand", "leak", "old_override", "waste", "other")


@dataclass(frozen=True, slots=True)
class _Given:
    """What somebody has found."""

    title: str
    kind: str
    place: str
    owner: str
    due: str | None
    worth_kwh: float | None
    worth_per: str
    basis: str

    def asked(self) -> dict[str, Any]:
        """With a day for its text."""
        return {**asdict(self), "due": day_or_none(self.due, "--due")}


@click.group(cls=ErrorGroup)
def finding() -> None:
    """What wastes energy, found by people and by the product."""


@finding.command()
@SITE
@click.option("--title", required=True, help="What is wrong.")
@click.option("--place", required=True, help=PLACE_HELP)
@click.option("--kind", type=click.Choice(_KINDS), default="waste", show_default=True)
@click.option("--owner", default="", help="Account or name of who puts it right.")
@click.option("--due", help="By which day.")
@click.option("--worth", "worth_kwh", type=click.FloatRange(min=0), help="kWh that it is worth.")
@click.option(
    "--per", "worth_per", type=click.Choice(["year", "once"]), default="year", show_default=True
)
@click.option("--basis", default="", help="How the worth was estimated.")
@AS_JSON
@grouped("given", _Given)
def add(site: Path, given: _Given, as_json: bool) -> None:
    """Record something that you found."""
    from bms.operations.managing.finding_cases import add_finding
    from bms.operations.managing.managing_requests import FINDING_ADD, AddFinding

    asked = AddFinding.model_validate(given.asked())
    make(site, FINDING_ADD, asked, add_finding, _said, as_json=as_json)


@finding.command()
@SITE
@NUMBER
@click.option("--owner", required=True, help="Account or name of who puts it right.")
@click.option("--due", help="By which day.  [default: as it was]")
@AS_JSON
def assign(site: Path, finding_number: int, owner: str, due: str | None, as_json: bool) -> None:
    """Say who puts a finding right, and by when."""
    from bms.operations.managing.finding_cases import assign_finding
    from bms.operations.managing.managing_requests import FINDING_ASSIGN, AssignFinding

    asked = AssignFinding(finding=finding_number, owner=owner, due=day_or_none(due, "--due"))
    make(site, FINDING_ASSIGN, asked, assign_finding, _said, as_json=as_json)


@finding.command()
@SITE
@NUMBER
@click.option("--note", required=True, help="What was done.")
@click.option("--on", "day", help="The day.  [default: today]")
@click.option("--achieved", type=click.FloatRange(min=0), help="kWh a year that it really saves.")
@AS_JSON
def close(
    site: Path,
    finding_number: int,
    note: str,
    day: str | None,
    achieved: float | None,
    as_json: bool,
) -> None:
    """Record that a finding is dealt with."""
    from bms.operations.managing.finding_cases import close_finding
    from bms.operations.managing.managing_requests import FINDING_CLOSE, CloseFinding

    asked = CloseFinding(
        finding=finding_number, note=note, on=day_or_none(day, "--on"), achieved_kwh=achieved
    )
    make(site, FINDING_CLOSE, asked, close_finding, _said, as_json=as_json)


@finding.command()
@SITE
@click.option("--from", "start", required=True, help="First day or instant, e.g. 2026-03-01.")
@click.option("--to", "end", help="End, not included.  [default: now]")
@AS_JSON
def look(site: Path, start: str, end: str | None, as_json: bool) -> None:
    """Look through the record of a period: running outside the plan, hand mode, leaks, overrides
    grown old. Each thing is opened once."""
    from bms.operations.managing.finding_cases import look_for_findings
    from bms.operations.managing.managing_requests import FINDING_LOOK, LookForFindings

    loaded = load_for(site, UNPLANNED)
    asked = LookForFindings(
        start=instant(loaded.file.zone, start, "--from"),
        end=instant(loaded.file.zone, end, "--to") if end else None,
    )
    answer = changed(
        loaded.state_dir,
        FINDING_LOOK,
        asked,
        lambda who: look_for_findings(loaded, asked, who, clock_now()),
    )
    if as_json:
        print_json(answer.plain())
        return
    for one in answer.opened:
        click.echo(_line(one))
    if answer.known:
        numbers = ", ".join(map(str, answer.known))
        click.echo(say("open already: {numbers}", numbers=numbers))
    if not answer.opened and not answer.known:
        click.echo(say("nothing was found"))
    for remark in answer.remarks:
        click.echo(told(remark))


@finding.command("list")
@SITE
@click.option(
    "--state", type=click.Choice(["open", "overdue", "closed"]), help="[default: all of them]"
)
@AS_JSON
def list_(site: Path, state: Literal["open", "overdue", "closed"] | None, as_json: bool) -> None:
    """Findings, the overdue ones first."""
    from bms.operations.managing.finding_cases import list_findings
    from bms.operations.managing.managing_requests import ListFindings

    answer = list_findings(load_for(site, ENERGY), ListFindings(state=state), clock_now())
    if as_json:
        print_json(answer.plain())
        return
    if not answer.root:
        click.echo(say("no findings"))
        return
    words = {"open": say("open"), "overdue": say("overdue"), "closed": say("closed")}
    table = table_of(None, "no.", "finding", "place", "owner", "due", "worth", "")
    for row in answer.root:
        one = row.finding
        table.add_row(
            str(one.number),
            told(one.title),
            one.place,
            one.owner or "—",
            "—" if one.due is None else one.due.isoformat(),
            _worth(one),
            words[row.state],
        )
    show(table)


def _said(answer: FindingKept) -> str:
    return _line(answer.finding)


def _line(one: Finding) -> str:
    return say(
        "finding {number}: {title}; {worth}",
        number=one.number,
        title=told(one.title),
        worth=_worth(one),
    )


def _worth(one: Finding) -> str:
    if one.worth is None:
        return told(one.unknown) if one.unknown else "—"
    if one.worth.per == "year":
        return say("{kwh:,.0f} kWh a year", kwh=one.worth.kwh)
    return say("{kwh:,.0f} kWh", kwh=one.worth.kwh)
