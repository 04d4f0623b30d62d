"""What all commands that change a schedule file do with the change: show, ask, apply, tell."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from bms.cli.common import AS_JSON, clock_now, print_json, state_dir_of
from bms.cli.grouped import grouped
from bms.core.errors import InvalidInput, Refused
from bms.core.reasons import reason_of
from bms.texts.language import say
from bms.texts.messages import msg
from bms.texts.problems import counted

if TYPE_CHECKING:
    from bms.operations.editing.editor import Draft, Editor
    from bms.texts.yaml.parsing import Problem

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


def settle(editor: Editor, draft: Draft, what: str, settling: Settling) -> None:
    """Show the change, ask on a terminal, apply it, and say what became of it."""
    from bms.config.writing.render import render
    from bms.operations.editing.revisions import text_of

    yes, as_json = settling.yes, settling.as_json
    if draft.old == draft.new:
        raise Refused(msg("{file} says so already: there is nothing to change", file=draft.file))
    answer: dict[str, Any] = {
        "file": draft.file,
        "applied": False,
        "changes": draft.words(),
        "lines": draft.lines(),
    }
    if not as_json:
        show_draft(draft)
    found = editor.problems_of(draft)
    if found:
        click.echo(render(found, {draft.file: text_of(draft.new)}), err=True)
        raise refused_text(draft.file, found)
    if settling.dry_run:
        if as_json:
            print_json(answer)
        return
    missing = msg("say why with --reason: the next shift will want to know")
    why = reason_of(settling.reason or ask_reason(yes), missing)
    if not yes and sys.stdin.isatty():
        click.confirm(say("Apply this?"), abort=True, err=as_json)
    try:
        made = editor.apply(draft, what, why, clock_now())
    except Refused as error:
        _show_conflict(editor, draft)
        raise error
    if as_json:
        print_json(answer | {"applied": True, "revision": made.number, "sha256": made.sha256})
        return
    click.echo(
        say(
            "{file} is now revision {number}; a running controller takes it over by itself",
            file=draft.file,
            number=made.number,
        )
    )
    if made.number > 1:
        name = draft.file.removeprefix("schedules/").removesuffix(".yaml")
        before = made.number - 1
        click.echo(
            say(
                "undo: bms schedule restore {directory} {name} {before} --reason ...",
                directory=editor.directory,
                name=name,
                before=before,
            )
        )


def refused_text(file: str, found: Sequence[Problem]) -> InvalidInput:
    """Says that a text does not come into force; the problems were shown before."""
    count = counted(found)
    return InvalidInput(
        msg("{file} would have {count}; nothing was changed", file=file, count=count)
    )


def show_draft(draft: Draft) -> None:
    """The lines that change, then what that means."""
    for line in draft.lines():
        click.echo(line)
    words = draft.words()
    if not words and draft.old:
        click.echo(say("only comments or layout change"))
    for word in words if draft.old else []:
        click.echo(f"  {word}")


def ask_reason(yes: bool) -> str:
    """The reason, from the terminal if there is one."""
    if yes or not sys.stdin.isatty():
        return ""
    return str(click.prompt(say("Reason"), default="", show_default=False))


def _show_conflict(editor: Editor, draft: Draft) -> None:
    """Theirs and mine, where both changed one file."""
    from bms.operations.editing.editor import Draft
    from bms.storage.durable import on_disk

    theirs = on_disk(editor.directory / draft.file)
    if theirs is None or theirs == draft.old:
        return
    for name, text in ((say("theirs"), theirs), (say("mine"), draft.new)):
        click.echo(f"{name}:", err=True)
        for line in Draft(draft.file, draft.old, text).lines():
            click.echo(f"  {line}", err=True)
