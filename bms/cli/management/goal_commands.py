"""`bms goal`: who may use how much in a year."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bms.cli.common import (
    AS_JSON,
    ENERGY,
    SITE,
    YEARS,
    ErrorGroup,
    clock_now,
    load_for,
    print_json,
    show,
    table_of,
)
from bms.cli.grouped import grouped
from bms.cli.management.managing import make, number
from bms.texts.language import say, told

if TYPE_CHECKING:
    from bms.operations.managing.managing_requests import GoalKept, GoalsListed

GOAL = click.argument("goal_number", metavar="NUMBER", type=click.IntRange(min=1))
_LEVELS = ("company", "base", "area", "person")


@dataclass(frozen=True, slots=True)
class _Given:
    """What a goal is."""

    title: str
    level: str
    place: str
    year: int
    budget_kwh: float
    responsible: str
    parent: int | None


@click.group(cls=ErrorGroup)
def goal() -> None:
    """Energy goals as a tree, from the company to bases, areas and people."""


@goal.command()
@SITE
@click.option("--title", required=True, help="What it is called.")
@click.option("--level", type=click.Choice(_LEVELS), required=True)
@click.option(
    "--of",
    "place",
    default="",
    help="The base, group or meter whose energy counts.  [default: all bases]",
)
@click.option("--year", type=click.IntRange(*YEARS), required=True)
@click.option(
    "--budget", "budget_kwh", type=click.FloatRange(min=0), required=True, help="kWh in that year."
)
@click.option("--responsible", required=True, help="Account or name of who answers for it.")
@click.option("--parent", type=click.IntRange(min=1), help="Number of the goal that it is part of.")
@AS_JSON
@grouped("given", _Given)
def add(site: Path, given: _Given, as_json: bool) -> None:
    """Set a goal. Parts that may use more than their whole are told."""
    from bms.operations.managing.goal_cases import add_goal
    from bms.operations.managing.managing_requests import GOAL_ADD, AddGoal

    asked = AddGoal.model_validate(asdict(given))
    make(site, GOAL_ADD, asked, add_goal, _said, as_json=as_json)


@goal.command("set")
@SITE
@GOAL
@click.option("--budget", "budget_kwh", type=click.FloatRange(min=0), help="kWh in its year.")
@click.option("--responsible", help="Account or name of who answers for it.")
@click.option("--reason", required=True, help="Why; it goes into the audit.")
@AS_JSON
def set_(
    site: Path,
    goal_number: int,
    budget_kwh: float | None,
    responsible: str | None,
    reason: str,
    as_json: bool,
) -> None:
    """Change a goal's budget, or who answers for it; it has to be acknowledged again."""
    from bms.operations.managing.goal_cases import set_goal
    from bms.operations.managing.managing_requests import GOAL_SET, SetGoal

    asked = SetGoal(goal=goal_number, budget_kwh=budget_kwh, responsible=responsible, reason=reason)
    make(site, GOAL_SET, asked, set_goal, _said, as_json=as_json)


@goal.command()
@SITE
@GOAL
@AS_JSON
def acknowledge(site: Path, goal_number: int, as_json: bool) -> None:
    """Say that you know a goal as yours."""
    from bms.operations.managing.goal_cases import acknowledge_goal
    from bms.operations.managing.managing_requests import GOAL_ACKNOWLEDGE, AcknowledgeGoal

    asked = AcknowledgeGoal(goal=goal_number)
    make(site, GOAL_ACKNOWLEDGE, asked, acknowledge_goal, _said, as_json=as_json)


@goal.command("list")
@SITE
@click.option("--year", type=click.IntRange(*YEARS), help="One year.  [default: all]")
@AS_JSON
def list_(site: Path, year: int | None, as_json: bool) -> None:
    """The tree of goals: budget, used so far, pace, acknowledged."""
    _list(site, year, None, as_json=as_json)


@goal.command("show")
@SITE
@GOAL
@AS_JSON
def show_(site: Path, goal_number: int, as_json: bool) -> None:
    """One goal, and every change of it."""
    _list(site, None, goal_number, as_json=as_json)


def _list(site: Path, year: int | None, one: int | None, *, as_json: bool) -> None:
    from bms.operations.managing.goal_cases import list_goals
    from bms.operations.managing.managing_requests import ListGoals

    answer = list_goals(load_for(site, ENERGY), ListGoals(year=year, goal=one), clock_now())
    if as_json:
        print_json(answer.plain())
        return
    _show(answer)


def _show(answer: GoalsListed) -> None:
    if not answer.goals:
        click.echo(say("no goals yet: bms goal add"))
        return
    table = table_of(
        None, "no.", "goal", "of", "year", "budget kWh", "used kWh", "pace", "responsible",
        "acknowledged", "",
    )  # fmt: skip
    for row in answer.goals:
        one = row.goal
        pace = "—" if row.pace_pct is None else f"{row.pace_pct:.1f} %"
        known = one.acknowledged
        table.add_row(
            str(one.number),
            "  " * row.depth + one.title,
            one.place or say("all bases"),
            str(one.year),
            number(one.budget_kwh),
            number(row.used_kwh),
            pace,
            one.responsible,
            "—" if known is None else f"{known.at:%Y-%m-%d} {known.by}",
            told(row.reason),
        )
    show(table)
    for remark in answer.remarks:
        click.echo(told(remark))
    for row in answer.goals:
        for change in row.changes:
            click.echo(f"{change.time[:16]}  {change.who}  {change.what}  {change.why}".rstrip())


def _said(answer: GoalKept) -> str:
    one = answer.goal
    lines = [
        say(
            "goal {number}: {title}, {budget_kwh:,.0f} kWh in {year}, {person}",
            number=one.number,
            title=one.title,
            budget_kwh=one.budget_kwh,
            year=one.year,
            person=one.responsible,
        ),
        *(told(remark) for remark in answer.remarks),
    ]
    return "\n".join(lines)
