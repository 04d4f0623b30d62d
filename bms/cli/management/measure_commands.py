"""`bms measure`: the register of renovations and of other ways to run things."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
from bms.cli.management.managing import YEAR, day_of, day_or_none, make, number
from bms.core.errors import InvalidInput
from bms.texts.language import say
from bms.texts.messages import msg

if TYPE_CHECKING:
    from bms.operations.managing.managing_requests import MeasureKept, MeasuresListed

NUMBER = click.argument("measure_number", metavar="NUMBER", type=click.IntRange(min=1))
STATE = click.Choice(["planned", "ongoing", "launched"])
FROM = click.option("--from", "first_day", help="First day on which it works.")
TO = click.option("--to", "last_day", help="Last day on which it works.")
EXPECTED = click.option(
    "--expected",
    "expected_kwh",
    type=click.FloatRange(min=0),
    help="kWh a year that it is to save.",
)
MANPOWER = click.option("--manpower", help="What people are spared.")
COMFORT = click.option("--comfort", help="Comfort and safety, in words.")
MAINTENANCE = click.option("--maintenance", help="Its maintenance, in words.")


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What a measure is to bring, and when; None: not given."""

    state: str | None
    first_day: str | None
    last_day: str | None
    expected_kwh: float | None
    manpower: str | None
    comfort: str | None
    maintenance: str | None

    def given(self) -> dict[str, Any]:
        """What of it is given, with days for texts."""
        days = {
            "first_day": day_or_none(self.first_day, "--from"),
            "last_day": day_or_none(self.last_day, "--to"),
        }
        return {name: one for name, one in {**asdict(self), **days}.items() if one is not None}


@dataclass(frozen=True, slots=True)
class _Kind:
    """What a measure is."""

    title: str
    base: str
    means: str
    category: str
    meters: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Achieved:
    """What a measure saved, as it was entered or worked out."""

    achieved_kwh: float | None
    interval: tuple[float, float] | None
    method: str | None
    period: tuple[str, str] | None

    def given(self) -> dict[str, Any]:
        """Nothing, or all that a saving has. Raises InvalidInput for a half."""
        if self.achieved_kwh is None:
            if self.interval or self.method or self.period:
                raise InvalidInput(msg("--achieved is missing: how much it saved"))
            return {}
        if not self.method or self.period is None:
            raise InvalidInput(msg("--achieved needs --method and --period: how, and from when to"))
        low, high = self.interval or (None, None)
        first, last = (day_of(text, "--period") for text in self.period)
        return {
            "achieved": {
                "kwh": self.achieved_kwh,
                "low_kwh": low,
                "high_kwh": high,
                "method": self.method,
                "first_day": first,
                "last_day": last,
            }
        }


@click.group(cls=ErrorGroup)
def measure() -> None:
    """The register of measures: launched, ongoing, planned; expected against achieved."""


@measure.command()
@SITE
@click.option("--title", required=True, help="What it is called.")
@click.option("--base", required=True)
@click.option("--means", type=click.Choice(["management", "technical", "smart"]), required=True)
@click.option(
    "--category",
    type=click.Choice(
        ["air_conditioning", "lighting", "electrical_machinery", "water_heating", "other"]
    ),
    required=True,
)
@click.option("--meter", "meters", multiple=True, help="A meter that sees it; again.")
@click.option("--state", type=STATE, default="planned", show_default=True)
@FROM
@TO
@EXPECTED
@MANPOWER
@COMFORT
@MAINTENANCE
@AS_JSON
@grouped("kind", _Kind)
@grouped("outcome", _Outcome)
def add(site: Path, kind: _Kind, outcome: _Outcome, as_json: bool) -> None:
    """Enter a measure into the register."""
    from bms.operations.managing.managing_requests import MEASURE_ADD, AddMeasure
    from bms.operations.managing.measure_cases import add_measure

    asked = AddMeasure.model_validate({**asdict(kind), **outcome.given()})
    make(site, MEASURE_ADD, asked, add_measure, _said, as_json=as_json)


@measure.command("set")
@SITE
@NUMBER
@click.option("--state", type=STATE)
@FROM
@TO
@EXPECTED
@MANPOWER
@COMFORT
@MAINTENANCE
@click.option("--achieved", "achieved_kwh", type=float, help="kWh that it saved in --period.")
@click.option("--interval", type=(float, float), help="The least and the most that it can be.")
@click.option("--method", help="How the saving was worked out.")
@click.option("--period", type=(str, str), help="First and last day of the saving.")
@click.option("--reason", required=True, help="Why; it goes into the audit.")
@AS_JSON
@grouped("outcome", _Outcome)
@grouped("achieved", _Achieved)
def set_(
    site: Path,
    measure_number: int,
    outcome: _Outcome,
    achieved: _Achieved,
    reason: str,
    as_json: bool,
) -> None:
    """Change what is given; the rest stays."""
    from bms.operations.managing.managing_requests import MEASURE_SET, SetMeasure
    from bms.operations.managing.measure_cases import set_measure

    given = {**outcome.given(), **achieved.given()}
    asked = SetMeasure.model_validate({"measure": measure_number, "reason": reason, **given})
    make(site, MEASURE_SET, asked, set_measure, _said, as_json=as_json)


@measure.command("list")
@SITE
@YEAR
@AS_JSON
def list_(site: Path, year: int | None, as_json: bool) -> None:
    """The register, with what of each measure counts in a year."""
    _list(site, year, None, as_json=as_json)


@measure.command("show")
@SITE
@NUMBER
@YEAR
@AS_JSON
def show_(site: Path, measure_number: int, year: int | None, as_json: bool) -> None:
    """One measure, and every change of it."""
    _list(site, year, measure_number, as_json=as_json)


def _list(site: Path, year: int | None, one: int | None, *, as_json: bool) -> None:
    from bms.operations.managing.managing_requests import ListMeasures
    from bms.operations.managing.measure_cases import list_measures

    asked = ListMeasures(year=year, measure=one)
    answer = list_measures(load_for(site, ENERGY), asked, clock_now())
    if as_json:
        print_json(answer.plain())
    else:
        _show(answer, whole=one is not None)


def _show(answer: MeasuresListed, *, whole: bool) -> None:
    if not answer.root:
        click.echo(say("no measures yet: bms measure add"))
        return
    states = {"planned": say("planned"), "ongoing": say("ongoing"), "launched": say("launched")}
    table = table_of(
        None, "no.", "measure", "base", "state", "from", "kWh a year", "days", "in the year kWh",
        "achieved kWh", "by hand before", "since",
    )  # fmt: skip
    for row in answer.root:
        one = row.measure
        table.add_row(
            str(one.number),
            one.title,
            one.base,
            states[one.state],
            "—" if one.first_day is None else one.first_day.isoformat(),
            number(one.expected_kwh),
            f"{row.days}/365",
            number(row.expected_in_year_kwh),
            number(None if one.achieved is None else one.achieved.kwh),
            number(row.interventions_before, 1),
            number(row.interventions_since, 1),
        )
    show(table)
    if not whole:
        return
    for row in answer.root:
        one = row.measure
        for title, words in (
            (say("manpower"), one.manpower),
            (say("comfort and safety"), one.comfort),
            (say("maintenance"), one.maintenance),
        ):
            if words:
                click.echo(f"{title}: {words}")
        for change in row.changes:
            click.echo(f"{change.time[:16]}  {change.who}  {change.what}  {change.why}".rstrip())


def _said(answer: MeasureKept) -> str:
    one = answer.measure
    return say("measure {number}: {title}", number=one.number, title=one.title)
