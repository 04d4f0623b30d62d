"""Commands that take a point over by hand, and give it back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bms.cli.common import AS_JSON, SITE, ErrorGroup, duration_of, print_json, show, state_dir_of
from bms.core.errors import InvalidInput
from bms.texts.language import say, told
from bms.texts.messages import msg

if TYPE_CHECKING:
    from bms.operations.requests.override_requests import OverrideTold

_FORMS = "18:30, 'tomorrow 07:00', 2026-07-01T18:30, or end-of-block: the group's next change."


@click.group(cls=ErrorGroup)
def override() -> None:
    """Take a point over by hand, until a stated time and for a stated reason."""


def _until(begin: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    def add(command: Callable[..., None]) -> Callable[..., None]:
        command = click.option("--until", "until", help=f"Until when: {_FORMS}")(command)
        return click.option("--for", "duration", help=f"How long{begin}: 45m, 2h, 1h30m.")(command)

    return add


# A value such as -5 is no option.
@override.command("set", context_settings={"ignore_unknown_options": True})
@SITE
@click.argument("point")
@click.argument("value")
@_until("")
@click.option("--reason", required=True, help="For the next shift.")
@AS_JSON
def override_set(
    site: Path,
    point: str,
    value: str,
    duration: str | None,
    until: str | None,
    reason: str,
    as_json: bool,
) -> None:
    """Command POINT to VALUE until the time is over."""
    from bms.api.client import ask
    from bms.operations.requests.override_requests import SET, SetOverride

    _check_end(duration, until)
    asked = SetOverride(point=point, value=value, duration=duration, until=until, reason=reason)
    _tell(site, ask(state_dir_of(site), SET, asked), as_json=as_json)


@override.command("extend")
@SITE
@click.argument("which", metavar="ID|POINT")
@_until(" beyond the end it has")
@click.option("--reason", required=True, help="For the next shift.")
@AS_JSON
def override_extend(
    site: Path, which: str, duration: str | None, until: str | None, reason: str, as_json: bool
) -> None:
    """Let an override last longer."""
    from bms.api.client import ask
    from bms.operations.requests.override_requests import EXTEND, ExtendOverride

    _check_end(duration, until)
    asked = ExtendOverride(override=which, duration=duration, until=until, reason=reason)
    _tell(site, ask(state_dir_of(site), EXTEND, asked), as_json=as_json)


@override.command("clear")
@SITE
@click.argument("which", metavar="ID|POINT")
@click.option("--reason", default="", help="For the audit; going back to automatic needs none.")
@AS_JSON
def override_clear(site: Path, which: str, reason: str, as_json: bool) -> None:
    """Release an override by its number or its point."""
    from bms.api.client import ask
    from bms.operations.requests.override_requests import CLEAR, ClearOverride

    answer = ask(state_dir_of(site), CLEAR, ClearOverride(override=which, reason=reason))
    if as_json:
        print_json(answer.plain())
    else:
        click.echo(say("{point} is automatic again", point=answer.point))
        _warn(answer)


@override.command("list")
@SITE
@click.option("--past", metavar="DURATION", help="Instead, those that ended so long ago: 7d.")
@AS_JSON
def override_list(site: Path, past: str | None, as_json: bool) -> None:
    """Overrides in force, oldest first, with the kWh that each has cost against the schedule."""
    from bms.api.client import ask
    from bms.operations.requests.override_requests import (
        LIST,
        PAST,
        ListOverrides,
        ListPastOverrides,
    )

    if past is not None:
        duration_of(past, "--past")
    rows = (
        ask(state_dir_of(site), LIST, ListOverrides())
        if past is None
        else ask(state_dir_of(site), PAST, ListPastOverrides(back=past))
    )
    if as_json:
        print_json(rows.plain())
    elif not rows.root:
        click.echo(
            say("no override is in force")
            if past is None
            else say("none ended within {past}", past=past)
        )
    else:
        _show(rows.shown(), over=past is not None)


def _check_end(duration: str | None, until: str | None) -> None:
    if (duration is None) == (until is None):
        raise InvalidInput(msg("say either how long (--for 2h) or until when (--until 18:30)"))
    if duration is not None:
        duration_of(duration, "--for")


def _tell(site: Path, answer: OverrideTold, *, as_json: bool) -> None:
    from bms.cli.screens.tables import value_text

    if as_json:
        print_json(answer.plain())
        return
    click.echo(
        say(
            "{point} = {commanded} until {until}, {afterwards} (override {number}); "
            "undo: bms override clear {site} {number}",
            point=answer.point,
            commanded=value_text(answer.value),
            until=answer.until,
            afterwards=answer.then.text,
            number=answer.id,
            site=site,
        )
    )
    _warn(answer)


def _warn(answer: OverrideTold) -> None:
    """Warn of an override that is in force but not on the disk, and say what that means."""
    if not answer.stored:
        click.echo(
            say("in force, and still being stored: a restart before that would forget it"),
            err=True,
        )


def _show(rows: Sequence[Mapping[str, Any]], *, over: bool) -> None:
    from datetime import timedelta

    from bms.cli.screens.labels import basis_text
    from bms.cli.screens.tables import screen_table, value_text
    from bms.core.durations import in_words

    table = (
        screen_table("id", "point", "value", "ended", "how", "kWh", "owner", "reason")
        if over
        else screen_table("id", "point", "value", "age", "left", "kWh", "owner", "reason")
    )
    notes: list[str] = []
    nothing: list[str] = []
    for row in rows:
        cost = row["cost"]
        kwh = "—"
        if cost["kwh"] is not None:
            kwh = f"{cost['kwh']:+.1f} {basis_text(cost['how'])}".rstrip()
        if cost["detail"]:
            notes.append(f"{row['id']}: {told(cost['detail'])}")
        if row.get("orphaned") and not over:
            nothing.append(say("{number} does nothing: there is no such point", number=row["id"]))
        spans = [told(in_words(timedelta(seconds=row[name]))) for name in ("age_s", "left_s")]
        table.add_row(
            str(row["id"]),
            row["point"],
            value_text(row["value"]),
            *([row["ended"], told(row["how"])] if over else spans),
            kwh,
            row["owner"],
            told(row["reason"]),
        )
    show(table, *nothing)
    if notes:
        click.echo(say("\nkWh against the schedule:"))
    for note in notes:
        click.echo(f"  {note}")
