"""Commands for the time units of employees."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bms.cli.common import (
    AS_JSON,
    SITE,
    ErrorGroup,
    pairs,
    print_json,
    show,
    state_dir_of,
    table_of,
)
from bms.cli.grouped import grouped
from bms.cli.schedules.confirming import DRY_RUN
from bms.cli.schedules.switch import FOR, REASON, UNTIL, check_end
from bms.core.errors import InvalidInput
from bms.texts.language import say, told
from bms.texts.messages import msg
from bms.texts.words import mode_word

if TYPE_CHECKING:
    from bms.operations.requests.unit_requests import UnitChanged


@click.group(cls=ErrorGroup)
def unit() -> None:
    """Time units: let your own area run longer, or not, within its limits."""


@unit.command("list")
@SITE
@AS_JSON
def unit_list(site: Path, as_json: bool) -> None:
    """Every time unit: what runs in it until when, and who may extend it."""
    from bms.api.client import ask
    from bms.cli.screens.tables import title_text, value_text
    from bms.operations.requests.unit_requests import UNIT_LIST, ListUnits

    answer = ask(state_dir_of(site), UNIT_LIST, ListUnits())
    if as_json:
        print_json(answer.plain())
        return
    rows = answer.shown()
    if not rows:
        click.echo(say("time-units.yaml declares no time unit"))
        return
    table = table_of(None, "time unit", "title", "target", "mode", "until", "because", "people")
    for row in rows:
        for n, target in enumerate(row["targets"]):
            table.add_row(
                "" if n else row["unit"],
                "" if n else title_text(row["title"], ""),
                target["target"],
                value_text(target["mode"] or "—"),
                target["until"] or "—",
                told(target["reason"]),
                "" if n else ", ".join(row["people"]),
            )
    show(table)


@unit.command("show")
@SITE
@click.argument("name", metavar="UNIT")
@AS_JSON
def unit_show(site: Path, name: str, as_json: bool) -> None:
    """One time unit with its limits, and what people have extended."""
    from bms.api.client import ask
    from bms.cli.screens.tables import title_text, value_text
    from bms.operations.requests.unit_requests import UNIT_LIST, ListUnits
    from bms.texts.problems import suggestion

    rows = {row.unit: row for row in ask(state_dir_of(site), UNIT_LIST, ListUnits()).root}
    if name not in rows:
        raise InvalidInput(
            msg("no time unit '{name}'; {suggestion}", name=name, suggestion=suggestion(name, rows))
        )
    if as_json:
        print_json(rows[name].plain())
        return
    row = rows[name].shown()
    click.echo(
        say(
            "{unit} {title}: {people} may ask for",
            unit=row["unit"],
            title=title_text(row["title"], ""),
            people=", ".join(row["people"]),
        )
    )
    limits = [
        say("{setpoint} {least:g} to {most:g}", setpoint=n, least=low, most=high)
        for n, (low, high) in row["setpoints"].items()
    ]
    hours, minutes = divmod(row["latest_min"], 60)
    latest = (
        f"{hours:02}:{minutes:02}"
        if hours <= 24
        else say("{hours:02}:{minutes:02} next day", hours=hours - 24, minutes=minutes)
    )
    click.echo(
        say(
            "  {choices}, {longest_min} min at a time, until {latest}, on {days}",
            choices=", ".join([*row["modes"], *limits]),
            longest_min=row["longest_min"],
            latest=latest,
            days=", ".join(row["days"]),
        )
        + (say("; may cancel") if row["may_cancel"] else "")
    )
    table = table_of(None, "target", "mode", "until", "because")
    for target in row["targets"]:
        table.add_row(
            target["target"],
            value_text(target["mode"] or "—"),
            target["until"] or "—",
            told(target["reason"]),
        )
    show(table)
    for extension in row["extensions"]:
        click.echo(_extension(extension))


TARGET = click.option("--target", help="One group or machine of the unit.  [default: all]")


@dataclass(frozen=True, slots=True)
class Wanted:
    """How a unit is to run, as the options say."""

    start: str | None
    duration: str | None
    until: str | None
    mode: str | None
    values: tuple[str, ...]


@unit.command("extend")
@SITE
@click.argument("name", metavar="UNIT")
@TARGET
@click.option("--from", "start", help="Book ahead: 18:30, tomorrow 07:00.  [default: now]")
@FOR
@UNTIL
@click.option("--mode", help="The mode to run in.  [default: the unit's first but off]")
@click.option("--set", "values", multiple=True, help="A setpoint, name=value.")
@REASON
@DRY_RUN
@AS_JSON
@grouped("wanted", Wanted)
def unit_extend(
    site: Path,
    name: str,
    target: str | None,
    wanted: Wanted,
    reason: str,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Let UNIT run from now on or later, for some time or until a time; it ends by itself."""
    from bms.api.client import ask
    from bms.operations.requests.unit_requests import UNIT_EXTEND, ExtendUnit

    check_end(wanted.duration, wanted.until)
    setpoints = {}
    for key, value in pairs(wanted.values).items():
        try:
            setpoints[key] = float(value)
        except ValueError:
            raise InvalidInput(
                msg("--set {setpoint}={text}: '{text}' is not a number", setpoint=key, text=value)
            ) from None
    asked = ExtendUnit(
        unit=name,
        target=target,
        start=wanted.start,
        duration=wanted.duration,
        until=wanted.until,
        mode=wanted.mode,
        setpoints=setpoints,
        reason=reason,
        dry_run=dry_run,
    )
    answer = ask(state_dir_of(site), UNIT_EXTEND, asked)
    _say_unit(answer, dry_run=dry_run, as_json=as_json)


@unit.command("cancel")
@SITE
@click.argument("name", metavar="UNIT")
@TARGET
@click.option("--day", is_flag=True, help="Off for the rest of the day, not only of the block.")
@REASON
@DRY_RUN
@AS_JSON
def unit_cancel(
    site: Path, name: str, target: str | None, day: bool, reason: str, dry_run: bool, as_json: bool
) -> None:
    """Switch UNIT off until what runs now would have ended."""
    from bms.api.client import ask
    from bms.operations.requests.unit_requests import UNIT_CANCEL, CancelUnit

    asked = CancelUnit(unit=name, target=target, day=day, reason=reason, dry_run=dry_run)
    answer = ask(state_dir_of(site), UNIT_CANCEL, asked)
    _say_unit(answer, dry_run=dry_run, as_json=as_json)


@unit.command("resume")
@SITE
@click.argument("name", metavar="UNIT")
@TARGET
@REASON
@AS_JSON
def unit_resume(site: Path, name: str, target: str | None, reason: str, as_json: bool) -> None:
    """End what people changed in UNIT: it runs as its schedule says."""
    from bms.api.client import ask
    from bms.operations.requests.unit_requests import UNIT_RESUME, ResumeUnit

    asked = ResumeUnit(unit=name, target=target, reason=reason)
    answer = ask(state_dir_of(site), UNIT_RESUME, asked)
    _say_unit(answer, dry_run=False, as_json=as_json)


def _say_unit(answer: UnitChanged, *, dry_run: bool, as_json: bool) -> None:
    if as_json:
        print_json(answer.plain())
        return
    for extension in answer.extensions:
        click.echo(_extension(extension.shown()))
    if not answer.extensions:
        click.echo(say("{unit} runs as its schedule says", unit=answer.unit))
    if dry_run:
        click.echo(say("nothing was changed"))


def _extension(extension: Mapping[str, Any]) -> str:
    number = f"{extension['id']}: " if extension["id"] else ""
    setpoints = "".join(f" {name}={value:g}" for name, value in extension["setpoints"].items())
    return say(
        "{number}{target} {mode}{setpoints} from {start} until {until} ({person}: {reason})",
        number=number,
        target=extension["target"],
        mode=mode_word(extension["mode"]),
        setpoints=setpoints,
        start=extension["from"],
        until=extension["until"],
        person=extension["who"],
        reason=extension["reason"],
    )
