"""`bms meter import`: files of readings, and the questions that they leave open."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bms.cli.common import AS_JSON, SITE, changed, clock_now, fail, load_site, print_json
from bms.cli.energy.meter_entries import REASON
from bms.config.writing.render import problem_line
from bms.core.errors import InvalidInput
from bms.texts.language import say, told
from bms.texts.messages import Message, message_of, msg

if TYPE_CHECKING:
    from bms.config.site import Site
    from bms.ledger.files.series import Question
    from bms.operations.requests.meter_requests import ReadingsImported
    from bms.texts.problems import Problem

_FIRST = 5
"""Of each kind that are told one by one."""
_MOST_QUESTIONS = 200
_KINDS = ("nem12", "green-button", "table")


@click.command("import")
@SITE
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--format",
    "formats",
    multiple=True,
    metavar="KEY=VALUE",
    help="What the file does not say, e.g. decimal=comma, dates=dmy, holds=intervals, stamp=end; "
    "or what it has to be: nem12, green-button, table.",
)
@click.option(
    "--meter",
    "meters",
    multiple=True,
    metavar="[NAME=]METER",
    help="The meter of a name in the file; '-' leaves it alone. Without NAME: of its only one.",
)
@REASON
@AS_JSON
def import_(
    site: Path,
    file: Path,
    formats: Sequence[str],
    meters: Sequence[str],
    reason: str,
    as_json: bool,
) -> None:
    """Add readings or intervals of a file: CSV, .xlsx, NEM12, Green Button.

    What the file does not say is asked once, and kept in readings.yaml beside the site.
    """
    from bms.ledger.entered.errors import NotTaken

    loaded = load_site(site)
    said = dict(_pair(text) for text in formats)
    named = dict(_meter(text) for text in meters)
    asks = sys.stdin.isatty() and not as_json
    asked = 0
    while True:
        try:
            answer = _carry_out(loaded, file, reason, said, named)
            break
        except InvalidInput as error:
            questions = error.questions if isinstance(error, NotTaken) else ()
            if not questions or not asks or asked >= _MOST_QUESTIONS:
                _refuse(error, as_json=as_json)
            for question in questions:
                asked += 1
                _ask(question, loaded, said, named)
    if as_json:
        print_json(answer.plain())
    else:
        _tell(answer)


def _carry_out(
    site: Site, file: Path, reason: str, said: Mapping[str, str], named: Mapping[str, str]
) -> ReadingsImported:
    from bms.ledger.files.recognising import read_bytes
    from bms.operations.requests.meter_requests import IMPORT, ImportReadings
    from bms.operations.use_cases.meter_cases import import_readings, questions_answered

    # The controller may not look where the person does.
    asked = ImportReadings(
        file=file, format=dict(said), meters=dict(named), reason=reason, text=read_bytes(file)
    )
    questions_answered(site, asked, clock_now())
    return changed(
        site.state_dir, IMPORT, asked, lambda who: import_readings(site, asked, who, clock_now())
    )


def _pair(text: str) -> tuple[str, str]:
    key, found, value = text.partition("=")
    if text in _KINDS:
        return "kind", text
    if not found or not key.strip():
        raise InvalidInput(
            msg("{option}: '{text}' has no value; write {example}", option="--format", text=text,
                example="decimal=comma")
        )  # fmt: skip
    return key.strip(), value.strip()


def _meter(text: str) -> tuple[str, str]:
    name, found, meter = text.rpartition("=")
    return (name.strip(), meter.strip()) if found else ("*", text.strip())


def _ask(question: Question, site: Site, said: dict[str, str], named: dict[str, str]) -> None:
    """Ask a person, and note the answer."""
    click.echo(told(question.text))
    if question.key == "meters":
        names = ", ".join(spec.name for spec in site.metering.values() if not spec.virtual)
        click.echo(say("meters: {names}; - leaves it alone", names=names))
        named[question.about] = click.prompt(say("meter of '{name}'", name=question.about)).strip()
    elif question.choices:
        kind = click.Choice(question.choices)
        said[question.key] = click.prompt(question.key, type=kind)
    else:
        said[question.key] = click.prompt(question.key).strip()


def _tell(answer: ReadingsImported) -> None:
    click.echo(
        say(
            "{added} readings added, {known} were there already",
            added=answer.added,
            known=answer.known,
        )
    )
    for one in answer.series:
        click.echo(f"  {one.name} → {one.meter}: {told(_what(one))}")
        if one.beneath:
            click.echo(
                "    "
                + say(
                    "{count} quarter hours were measured by its register, which stay",
                    count=one.beneath,
                )
            )
        if one.estimated:
            click.echo("    " + say("{count} are estimated", count=one.estimated))
    for left in answer.left:
        click.echo("  " + told(_left_alone(left.why, left.lines)))
    if answer.kept:
        click.echo("  " + say("files of this kind are taken like this from now on: readings.yaml"))


def _what(one: Any) -> Message:
    period = {"start": (one.start or "—")[:16], "end": (one.end or "—")[:16]}
    if one.holds == "registers":
        kind = (
            msg("readings by an instrument")
            if one.by == "instrument"
            else msg("readings by a person")
        )
        return msg("{kind}, {start} .. {end}, {added} new, {known} known", kind=kind, **period,
                   added=one.added, known=one.known)  # fmt: skip
    return msg(
        "intervals of {minutes:g} min, {start} .. {end}, {added} new ({amount}), {known} known",
        minutes=one.step_min or 0,
        **period,
        added=one.added,
        amount="—" if one.amount is None else f"{one.amount:,.2f}",
        known=one.known,
    )


def _left_alone(why: str, lines: Sequence[int]) -> Message:
    shown = ", ".join(map(str, lines[:_FIRST])) + (", …" if len(lines) > _FIRST else "")
    return msg("left alone: {why}: {count} (lines {lines})", why=why, count=len(lines), lines=shown)


def _refuse(error: InvalidInput, *, as_json: bool) -> None:
    """Say what is in the way, the first of each kind; as JSON all of it."""
    from bms.ledger.entered.errors import NotTaken

    # A running controller sends what is wrong, and no more of it.
    whole = error if isinstance(error, NotTaken) else None
    if as_json and error.problems:
        print_json(
            {
                "added": 0,
                "known": 0,
                "refused": [
                    {
                        "line": problem.line,
                        "column": problem.column,
                        "message": str(problem.message),
                        "hint": str(problem.hint),
                    }
                    for problem in error.problems
                ],
                "questions": [
                    {
                        "key": question.key,
                        "about": question.about,
                        "text": str(question.text),
                        "choices": list(question.choices),
                    }
                    for question in (whole.questions if whole is not None else ())
                ],
                "left": [
                    {"why": str(why), "count": len(lines), "lines": lines}
                    for why, lines in (whole.left.lines.items() if whole is not None else ())
                ],
            }
        )
        sys.exit(error.exit_code)
    kinds: dict[str, list[Problem]] = {}
    for problem in error.problems:
        template = getattr(problem.message, "template", str(problem.message))
        kinds.setdefault(template, []).append(problem)
    if all(len(found) <= _FIRST for found in kinds.values()):
        fail(error)
    click.echo(f"{say('error')}: {told(message_of(error))}", err=True)
    for found in kinds.values():
        for problem in found[:_FIRST]:
            click.echo(problem_line(problem), err=True)
        if len(found) > _FIRST:
            more = msg("… and {count} more like this; --json lists all", count=len(found) - _FIRST)
            click.echo(told(more), err=True)
    sys.exit(error.exit_code)
