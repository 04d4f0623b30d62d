"""What all commands do that switch something: show it, ask, do it, tell."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from bms.cli.common import AS_JSON, print_json, state_dir_of
from bms.cli.grouped import grouped
from bms.cli.schedules.drafts import asks
from bms.core.errors import Refused
from bms.texts.language import say
from bms.texts.messages import msg
from bms.texts.words import season_word

F = TypeVar("F", bound=Callable[..., Any])

if TYPE_CHECKING:
    from bms.operations.requests.operation import Operation, Trial
    from bms.operations.requests.season_requests import WithEffects

    T = TypeVar("T", bound=Trial)
    S = TypeVar("S", bound=WithEffects)

YES = click.option("--yes", is_flag=True, help="Do not ask.")
DRY_RUN = click.option("--dry-run", is_flag=True, help="Show what it would do, and do nothing.")


@dataclass(frozen=True, slots=True)
class Confirming:
    """How a change is confirmed, as the options say."""

    dry_run: bool
    yes: bool
    as_json: bool


def confirmed(command: F) -> F:
    """The options of every command that shows a change before it asks, as its argument
    `confirming`."""
    command = grouped("confirming", Confirming)(command)
    for option in (AS_JSON, YES, DRY_RUN):
        command = option(command)
    return command


def carry_out(
    site: Path,
    operation: Operation[T, S],
    request: T,
    draw: Callable[[Any], None],
    confirming: Confirming,
) -> None:
    """Show what a change would do, ask, and do it; programs and `--yes` are not asked."""
    from bms.api.client import ask

    state_dir = state_dir_of(site)
    as_json = confirming.as_json
    if confirming.dry_run or not confirming.yes:
        trial = ask(state_dir, operation, request.model_copy(update={"dry_run": True}))
        if confirming.dry_run:
            if as_json:
                print_json(trial.plain())
            else:
                draw(trial.shown())
                click.echo(say("nothing was changed"))
            return
        asks()
        draw(trial.shown())
        if not click.confirm(say("Switch?"), err=True):
            raise Refused(msg("nothing was changed"))
    answer = ask(state_dir, operation, request)
    if as_json:
        print_json(answer.plain())
    else:
        _done(answer.shown())


def _done(answer: Mapping[str, Any]) -> None:
    if "steps" in answer:
        for step in answer["steps"]:
            click.echo(
                say(
                    "{base}: {season} from {start}",
                    base=answer["base"],
                    season=season_word(step["season"]),
                    start=step["from"],
                )
            )
    elif answer["until"] is not None:
        click.echo(
            say(
                "{overlay}: {level} until {until}",
                overlay=answer["overlay"],
                level=answer["level"],
                until=answer["until"],
            )
        )
    else:
        click.echo(f"{answer['overlay']}: {answer['level']}")
