"""What all commands that change a schedule file do with the change: show, ask, apply, tell."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from bms.cli.common import AS_JSON, changed, clock_now, print_json, state_dir_of
from bms.cli.grouped import grouped
from bms.core.errors import InvalidInput, Refused
from bms.texts.clean import harmless
from bms.texts.language import say, told
from bms.texts.messages import msg

if TYPE_CHECKING:
    from bms.operations.editing.editor import Editor
    from bms.operations.requests.schedule_requests import ScheduleChange, ScheduleChanged

F = TypeVar("F", bound=Callable[..., Any])

REASON = click.option("--reason", help="Why; kept with the revision and in the audit.")
DRY_RUN = click.option(
    "--dry-run", is_flag=True, help="Show what would change, and change nothing."
)
YES = click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
SCHEDULE = click.argument("schedule")


@dataclass(frozen=True, slots=True)
class Settling:
    """How a change is settled, as the options say."""

    reason: str | None
    dry_run: bool
    yes: bool
    as_json: bool


def changing(command: F) -> F:
    """The options of every command that changes a schedule, as its argument `settling`."""
    command = grouped("settling", Settling)(command)
    for option in (AS_JSON, YES, DRY_RUN, REASON):
        command = option(command)
    return command


def editor_of(site: Path) -> Editor:
    """The schedule files of a site, also of one that has problems elsewhere."""
    from bms.operations.editing.editor import Editor

    return Editor(site, state_dir_of(site))


def settle(editor: Editor, asked: ScheduleChange, settling: Settling) -> None:
    """Show the change, ask on a terminal, apply it, and say what became of it."""
    from bms.operations.requests.schedule_requests import CHANGES
    from bms.operations.use_cases.schedule_cases import change_schedule, reason_needed, refused

    yes, as_json = settling.yes, settling.as_json
    trial = tried(editor, asked)
    if not as_json:
        show_trial(trial)
    if trial.problems:
        show_problems(trial)
        raise shown_before(refused(trial))
    if settling.dry_run:
        if as_json:
            print_json(trial.plain())
        return
    why = reason_needed(settling.reason or ask_reason(yes))
    if not yes:
        asks()
        click.confirm(say("Apply this?"), abort=True, err=as_json)
    wanted = asked.model_copy(update={"reason": why, "edited_from": trial.edited_from})
    try:
        made = changed(
            editor.state_dir,
            next(one for one in CHANGES if one.request is type(wanted)),
            wanted,
            lambda who: change_schedule(editor, wanted, who, "cli", clock_now()),
        )
    except Refused as error:
        _show_conflict(editor, trial)
        raise error
    if as_json:
        print_json(made.plain())
        return
    click.echo(
        say(
            "{file} is now revision {number}; a running controller takes it over by itself",
            file=made.file,
            number=made.revision,
        )
    )
    if made.revision is not None and made.revision > 1:
        name = made.file.removeprefix("schedules/").removesuffix(".yaml")
        click.echo(
            say(
                "undo: bms schedule restore {directory} {name} {before} --reason ...",
                directory=editor.directory,
                name=name,
                before=made.revision - 1,
            )
        )


def asks() -> None:
    """Raises Refused where nobody can answer."""
    if not sys.stdin.isatty():
        raise Refused(msg("this asks before it switches: write --yes where nobody can answer"))


def tried(editor: Editor, asked: ScheduleChange) -> ScheduleChanged:
    """What a change would do."""
    from bms.operations.use_cases.schedule_cases import change_schedule
    from bms.people.accounts import login

    trial = asked.model_copy(update={"dry_run": True})
    return change_schedule(editor, trial, login(), "cli", clock_now())


def show_problems(trial: ScheduleChanged) -> None:
    """What is wrong with a text, with its lines."""
    from bms.config.writing.render import render
    from bms.operations.editing.revisions import text_of

    click.echo(render(trial.problems, {trial.file: text_of(trial.after)}), err=True)


def shown_before(error: InvalidInput) -> InvalidInput:
    """The error without its problems, which have been shown."""
    return InvalidInput(error.args[0])


def show_trial(trial: ScheduleChanged) -> None:
    """The lines that change, then what that means."""
    for line in trial.lines:
        click.echo(harmless(line))
    if not trial.changes and trial.before:
        click.echo(say("only comments or layout change"))
    for word in trial.changes if trial.before else ():
        click.echo(f"  {told(word)}")


def ask_reason(yes: bool) -> str:
    """The reason, from the terminal if there is one."""
    if yes or not sys.stdin.isatty():
        return ""
    return str(click.prompt(say("Reason"), default="", show_default=False))


def _show_conflict(editor: Editor, trial: ScheduleChanged) -> None:
    """Theirs and mine, where both changed one file."""
    from bms.operations.editing.editor import Draft
    from bms.storage.durable import on_disk

    theirs = on_disk(editor.directory / trial.file)
    if theirs is None or theirs == trial.before:
        return
    for name, text in ((say("theirs"), theirs), (say("mine"), trial.after)):
        click.echo(f"{name}:", err=True)
        for line in Draft(trial.file, trial.before, text).lines():
            click.echo(f"  {harmless(line)}", err=True)
