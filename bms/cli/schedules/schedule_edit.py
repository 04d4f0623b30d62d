"""Commands that change a part of one schedule file, and the text editor on a copy of it."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Literal

import click

from bms.cli.common import SITE, ErrorGroup, pairs
from bms.cli.grouped import grouped
from bms.cli.schedules.drafts import (
    SCHEDULE,
    Settling,
    changing,
    editor_of,
    settle,
    show_problems,
    show_trial,
    shown_before,
    tried,
)
from bms.core.errors import BmsError, InvalidInput, Refused
from bms.storage.durable import make_directories, open_file
from bms.texts.language import say
from bms.texts.messages import msg
from bms.texts.system_errors import os_cause

if TYPE_CHECKING:
    from bms.operations.editing.editor import Editor
    from bms.operations.requests.schedule_requests import EditSchedule

SEASON = click.option("--season", help="Whose week.  [default: the only one that has the day]")


@dataclass(frozen=True, slots=True)
class BlockChange:
    """What is asked of one block, as the options say."""

    start: str | None
    end: str | None
    mode: str | None
    setpoints: tuple[str, ...]
    unset: tuple[str, ...]
    add: bool
    remove: bool


@click.command("set")
@SITE
@SCHEDULE
@click.argument("day")
@click.argument("block", required=False)
@click.option("--from", "start", help="When the block begins, e.g. 06:30.")
@click.option("--to", "end", help="When it ends; before it begins means after midnight.")
@click.option("--mode", help="What runs meanwhile.")
@click.option("--set", "setpoints", multiple=True, metavar="NAME=VALUE", help="A setpoint.")
@click.option("--unset", multiple=True, metavar="NAME", help="A setpoint to leave to the group.")
@click.option("--add", is_flag=True, help="Add a block; needs --from, --to and --mode.")
@click.option("--remove", is_flag=True, help="Take the block away.")
@SEASON
@changing
@grouped("asked", BlockChange)
def set_(
    site: Path, schedule: str, day: str, block: str | None, season: str | None,
    asked: BlockChange, settling: Settling,
) -> None:  # fmt: skip
    """Change one block of a DAY: BLOCK is its number (1, 2 …) or the time it begins at.

    DAY is mon … sun, mon-fri, sat,sun, daily, or 'otherwise' for what runs outside all blocks.
    Weekdays that share a line in the file and are not named keep what they have.

    \b
    bms schedule set SITE offices mon-fri 1 --from 06:30 --reason "earlier shift"
    bms schedule set SITE offices sat --add --from 08:00 --to 12:00 --mode on --reason "stocktaking"
    bms schedule set SITE offices fri 13:00 --remove --reason "half day"
    """
    from bms.operations.requests.schedule_requests import SetBlock

    wanted = SetBlock(
        schedule=schedule,
        day=day,
        block=block,
        start=asked.start,
        end=asked.end,
        mode=asked.mode,
        setpoints=pairs(asked.setpoints, "--set"),
        unset=asked.unset,
        add=asked.add,
        remove=asked.remove,
        season=season,
    )
    settle(editor_of(site), wanted, settling)


@click.command("copy-day")
@SITE
@SCHEDULE
@click.argument("day")
@click.argument("to", nargs=-1, required=True)
@SEASON
@changing
def copy_day(
    site: Path, schedule: str, day: str, to: tuple[str, ...], season: str | None,
    settling: Settling
) -> None:  # fmt: skip
    """Give the days TO the plan of DAY: bms schedule copy-day SITE offices mon sat sun."""
    from bms.operations.requests.schedule_requests import CopyDay

    settle(editor_of(site), CopyDay(schedule=schedule, day=day, to=to, season=season), settling)


@click.group("exception", cls=ErrorGroup)
def exception() -> None:
    """Days that differ: replaced, run by another day's plan, or with blocks on top."""


@exception.command("add")
@SITE
@SCHEDULE
@click.argument("do", type=click.Choice(["replace", "use", "add"]))
@click.option("--name", required=True, help="What the days are, for people.")
@click.option("--dates", multiple=True, required=True, help="2026-10-01 or 2026-10-01..2026-10-07.")
@click.option("--day", help="With 'use': whose plan, e.g. mon.")
@click.option("--block", "blocks", multiple=True, metavar="FROM-TO=MODE[,NAME=VALUE…]",
              help="With 'replace' or 'add': 20:30-21:30=off; none: nothing runs.")  # fmt: skip
@changing
def exception_add(
    site: Path, schedule: str, do: Literal["replace", "use", "add"], name: str,
    dates: tuple[str, ...], day: str | None, blocks: tuple[str, ...], settling: Settling,
) -> None:  # fmt: skip
    """Add an exception that does one of: replace the day, use another day's plan, add on top.

    \b
    bms schedule exception add SITE offices use --day mon --dates 2026-10-10 --name 调休 --reason …
    bms schedule exception add SITE offices replace --dates 2026-08-03 --name 停产 --reason …
    """
    from bms.operations.requests.schedule_requests import AddException

    asked = AddException(schedule=schedule, do=do, name=name, dates=dates, day=day, blocks=blocks)
    settle(editor_of(site), asked, settling)


@exception.command("remove")
@SITE
@SCHEDULE
@click.argument("which", metavar="NUMBER|NAME")
@changing
def exception_remove(
    site: Path, schedule: str, which: str, settling: Settling
) -> None:  # fmt: skip
    """Take an exception away; its NUMBER counts from 1 in the order of the file."""
    from bms.operations.requests.schedule_requests import RemoveException

    settle(editor_of(site), RemoveException(schedule=schedule, which=which), settling)


# --- the text editor -------------------------------------------------------------------------

_TAKES_LINE = ("vi", "vim", "nvim", "nano", "emacs", "micro", "joe", "kak", "ne")


@click.command()
@SITE
@SCHEDULE
@changing
def edit(site: Path, schedule: str, settling: Settling) -> None:
    """Open SCHEDULE in your editor, on a copy; only a text without problems becomes active.

    With a problem the editor opens again at its line. $VISUAL or $EDITOR name the editor.
    """
    editor = editor_of(site)
    file = editor.file_of(schedule)
    old = editor.text(file)
    copy = _copy_of(editor, file, old)
    try:
        asked = _edited(editor, file, old, copy)
        if asked is None:
            copy.unlink()
            click.echo(say("nothing was changed"), err=settling.as_json)
            return
        settle(editor, asked, settling)
    except (BmsError, click.Abort):
        _keep(copy, old)
        raise
    if settling.dry_run:
        click.echo(say("not in force; your text is kept in {copy}", copy=copy), err=True)
    else:
        copy.unlink()


def _copy_of(editor: Editor, file: str, old: bytes) -> Path:
    folder = editor.revisions.folder / "unfinished"
    name = f"{Path(file).stem}.{os.getpid()}.yaml"
    try:
        make_directories(folder)
        copy = folder / name
        os.close(open_file(copy))
    except OSError:  # who may only look at the state edits elsewhere
        copy = Path(mkdtemp(prefix="bms-")) / name
    copy.write_bytes(old)
    return copy


def _keep(copy: Path, old: bytes) -> None:
    """Leave the text of somebody who has written one; without it there is nothing to keep."""
    if not copy.is_file():
        return
    if copy.read_bytes() == old:
        copy.unlink()
        return
    click.echo(say("not in force; your text is kept in {copy}", copy=copy), err=True)


def _edited(editor: Editor, file: str, old: bytes, copy: Path) -> EditSchedule | None:
    """What the person made of it, without problems; None if it is as before."""
    from bms.operations.requests.schedule_requests import EditSchedule
    from bms.operations.use_cases.schedule_cases import refused
    from bms.storage.durable import on_disk

    line = 1
    while True:
        _open(copy, line)
        new = on_disk(copy) if copy.is_file() else None
        if new is None:
            raise Refused(msg("the editor left no file: nothing was changed"))
        if new == old:
            return None
        asked = EditSchedule(schedule=file, before=old, text=new)
        trial = tried(editor, asked)
        if not trial.problems:
            return asked
        show_problems(trial)
        line = trial.problems[0].line
        error = shown_before(refused(trial))
        if not sys.stdin.isatty():
            raise error
        show_trial(trial)
        if click.prompt(say("(e)dit again or (q)uit"), type=click.Choice(["e", "q"])) == "q":
            raise error


def _editor() -> list[str]:
    """The editor's command. Raises InvalidInput if there is none that could be used here."""
    named = os.environ.get("VISUAL", "").strip() or os.environ.get("EDITOR", "").strip()
    if not named and not sys.stdin.isatty():
        raise InvalidInput(
            msg("there is no terminal for an editor: set EDITOR, or use 'bms schedule set'")
        )
    try:
        words = shlex.split(named or "vi")
    except ValueError:
        words = []
    if not words:
        raise InvalidInput(
            msg("EDITOR '{named}' is no command: a quotation mark is not closed", named=named)
        )
    return words


def _open(path: Path, line: int) -> None:
    """The person's editor on a file, at a line if it is one that takes it."""
    words = _editor()
    if Path(words[0]).name in _TAKES_LINE and line > 1:
        words.append(f"+{line}")
    try:
        ended = subprocess.run([*words, str(path)], check=False).returncode
    except OSError as error:
        raise InvalidInput(
            msg(
                "the editor '{command}' cannot be started ({cause}); set EDITOR to one",
                command=words[0],
                cause=os_cause(error),
            )
        ) from None
    if ended:
        raise Refused(msg("the editor ended with code {ended}: nothing was changed", ended=ended))
