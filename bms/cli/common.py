"""What all commands share: errors to exit codes, output, and reading arguments."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar, cast

import click

from bms.cli.speaking import asked, speak, spoken
from bms.config.writing.render import problem_line
from bms.core.errors import BmsError, InvalidInput
from bms.core.instants import is_zone, local_midnight, shown_at
from bms.core.time_zones import use_newest as use_newest_zones
from bms.texts.clean import escaped
from bms.texts.language import say, told
from bms.texts.messages import message_of, msg

if TYPE_CHECKING:
    from pydantic import BaseModel
    from rich.table import Table

    from bms.config.site import Site
    from bms.operations.requests.operation import Operation, Request

Q = TypeVar("Q", bound="Request")
A = TypeVar("A", bound="BaseModel")

SITE = click.argument("site", type=click.Path(path_type=Path))
YEARS = (1990, 2200)
"""No history is older and no plan reaches further: what lies beyond is a slip of the keyboard."""
AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")


class ErrorGroup(click.Group):
    """Turns our errors into a message and their exit code, for every command."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        command = super().get_command(ctx, cmd_name)
        return spoken(command) if command is not None else None

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BmsError as error:
            fail(error)
        except ValueError as error:
            fail(_wrong_argument(error))


def _wrong_argument(error: ValueError) -> InvalidInput:
    """What a request does not take, where a command could not know it before. Raises anything
    else again."""
    from pydantic import ValidationError

    from bms.operations.requests.operation import invalid

    if not isinstance(error, ValidationError):
        raise error
    return invalid(error)


class Main(ErrorGroup):
    """The outermost group: chooses zones and language before anything is read or said."""

    def main(self, args: Sequence[str] | None = None, *others: Any, **options: Any) -> Any:
        words = sys.argv[1:] if args is None else [*args]
        use_newest_zones()
        with speak(asked(words)):
            return click.Group.main(cast(Main, spoken(self)), words, *others, **options)


def fail(error: BmsError) -> NoReturn:
    click.echo(f"{say('error')}: {told(message_of(error))}", err=True)
    if isinstance(error, InvalidInput):
        for problem in error.problems:
            click.echo(problem_line(problem), err=True)
    sys.exit(error.exit_code)


def print_json(value: object) -> None:
    """As programs read it; what would do something to a terminal is written as `\\u….`"""
    click.echo(escaped(json.dumps(value, ensure_ascii=False, indent=2)))


def show(*renderables: object) -> None:
    from bms.cli.screens.tables import console as make_console

    # When the output is piped, a table is as wide as its content: nothing is cut off.
    console = make_console(None if sys.stdout.isatty() else 200)
    for renderable in renderables:
        console.print(renderable)


def table_of(title: str | None, *columns: str) -> Table:
    from rich.table import Table

    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for column in columns:
        table.add_column(say(column), overflow="fold")
    return table


def clock_now() -> datetime:
    """The machine's time: every other part is told what time it is."""
    from bms.core.clock import SystemClock

    return SystemClock().now()


def load_site(directory: Path) -> Site:
    from bms.config.load import load
    from bms.control import STRATEGIES

    return load(directory, STRATEGIES)


def load_explored(directory: Path, *, to_write: bool) -> Site:
    """The site; where it is not described yet, its links alone."""
    from bms.config.bare import bare_site

    try:
        return load_site(directory)
    except InvalidInput:
        return bare_site(directory, to_write=to_write)


ENERGY = ("schedules", "groups")
"""What does not concern who reads meters."""
METERS_APART = ("meters.yaml",)
"""What does not concern who looks at schedules."""
PAST = (*ENERGY, *METERS_APART)
"""What does not concern who reads the history."""


def load_for(directory: Path, without: Sequence[str]) -> Site:
    """The site for a command whom some files do not concern; says what it does without."""
    from bms.control import STRATEGIES
    from bms.operations.editing.loading import load_to_read

    site, instead = load_to_read(directory, STRATEGIES, without)
    if instead is not None:
        click.echo(told(instead), err=True)
    return site


def with_endpoints_of(site: Site, endpoints: Path | None) -> Site:
    """The site with the addresses that a JSON file gives for some links."""
    from bms.config.load import with_endpoints
    from bms.texts.system_errors import os_cause

    if endpoints is None:
        return site
    try:
        replaced = json.loads(endpoints.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidInput(
            msg(
                "cannot read the endpoints file {endpoints}: {error}",
                endpoints=endpoints,
                error=os_cause(error) if isinstance(error, OSError) else msg("it is not JSON"),
            )
        ) from error
    return with_endpoints(site, replaced)


def instant(zone: str, text: str, option: str) -> datetime:
    """What a person means by a date or time in `zone`, within the years that reports know."""
    from zoneinfo import ZoneInfo

    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidInput(
            msg(
                "{option}: '{text}' is not a date; write 2026-03-28 or 2026-03-28T20:30",
                option=option,
                text=text,
            )
        ) from None
    if not YEARS[0] <= moment.year <= YEARS[1]:
        raise InvalidInput(
            msg(
                "{option}: '{text}' is not between {first_year} and {last_year}",
                option=option,
                text=text,
                first_year=YEARS[0],
                last_year=YEARS[1],
            )
        )
    if moment.tzinfo is not None:
        return moment.astimezone(UTC)
    if len(text) <= len("2026-03-28"):
        return local_midnight(moment.date(), ZoneInfo(zone))
    found = shown_at(moment, ZoneInfo(zone))
    if not found:
        raise InvalidInput(
            msg(
                "{option}: there is no {clock} in {zone}: the clocks go forward",
                option=option,
                clock=text,
                zone=zone,
            )
        )
    if len(found) > 1:
        texts = [m.astimezone(ZoneInfo(zone)).isoformat(timespec="minutes") for m in found]
        raise InvalidInput(
            msg(
                "{option}: {clock} comes twice in {zone}: write {earlier} or {later}",
                option=option,
                clock=text,
                zone=zone,
                earlier=texts[0],
                later=texts[1],
            )
        )
    return found[0]


def pairs(options: tuple[str, ...], name: str = "--option") -> dict[str, str]:
    """`name=value` arguments of an option that may be given several times."""
    pairs = {}
    for option in options:
        key, sign, value = option.partition("=")
        if not sign or not key:
            raise InvalidInput(msg("{name} '{option}': write name=value", name=name, option=option))
        pairs[key] = value
    return pairs


def duration_of(text: str, option: str) -> timedelta:
    from bms.core.durations import parse_duration

    try:
        return parse_duration(text)
    except ValueError as error:
        raise InvalidInput(msg("{option}: {error}", option=option, error=error)) from None


def audit_footer(state_dir: Path) -> None:
    """What a printed report says of the audit, to be held against it later."""
    from bms.storage.audit import head

    last = head(state_dir)
    if last.number:
        click.echo(say("audit: {head} (bms audit verify --anchor)", head=last))


def changed(state_dir: Path, operation: Operation[Q, A], request: Q, here: Callable[[str], A]) -> A:
    """Have the running controller make a change, which knows from the kernel who asks. Where none
    runs, `here` makes it, called with who works here, if the state directory is theirs.

    Raises what `bms.api.client.ask` does, Refused.
    """
    from bms.api.client import ask
    from bms.core.errors import Silent, Unanswered, Unreachable
    from bms.people.accounts import owner_here

    try:
        return ask(state_dir, operation, request)
    except (Unanswered, Silent):
        raise  # it runs, and may make the change still
    except Unreachable:
        who = owner_here(state_dir)
    return here(who)


def state_dir_of(directory: Path) -> Path:
    """The state directory, from site.yaml alone: works while files are being edited, and where
    site.yaml itself is broken or gone, if a controller ever ran. Raises InvalidInput."""
    from bms.operations.editing.last_good import LastGood

    try:
        return directory / str(_site_file(directory).get("state_dir") or "state")
    except InvalidInput:
        good = LastGood.of(directory)
        if not good.kept:
            raise
        return good.state_dir


def zone_name_of(directory: Path) -> str:
    """The site's own zone, from site.yaml alone; UTC if it does not say a known one."""
    try:
        name = _site_file(directory).get("zone")
    except InvalidInput:
        return "UTC"
    return name if isinstance(name, str) and is_zone(name) else "UTC"


def on_clock(moment: object, zone: str) -> str:
    """A kept instant (ISO, UTC) by the wall clock of `zone`, to the second; else as it is."""
    from zoneinfo import ZoneInfo

    try:
        at = datetime.fromisoformat(str(moment))
    except ValueError:
        return str(moment)
    return f"{at.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M:%S}"


def _site_file(directory: Path) -> Mapping[str, Any]:
    from bms.texts.system_errors import os_cause
    from bms.texts.yaml.parsing import read

    path = directory / "site.yaml"
    try:
        document, problems = read("site.yaml", path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(
            msg(
                "{directory} is not a site: cannot read {path} ({error})",
                directory=directory,
                path=path,
                error=os_cause(error) if isinstance(error, OSError) else error,
            )
        ) from error
    if document is None or not isinstance(document.data, dict):
        raise InvalidInput(msg("{path} cannot be read", path=path), problems)
    return document.data


class ProgressBar:
    """A progress bar over simulated time; prints nothing when quiet or not on a terminal."""

    def __init__(
        self, start: datetime, end: datetime, *, quiet: bool, text: str = "simulating"
    ) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        self._start, self._end = start, end
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f} %  {task.fields[day]}"),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            disable=quiet or not sys.stderr.isatty(),
        )
        self._task = self._bar.add_task(text, total=1.0, day="")

    def __enter__(self) -> Callable[[datetime], None]:
        self._bar.start()
        return self._report

    def _report(self, now: datetime) -> None:
        done = (now - self._start) / (self._end - self._start)
        self._bar.update(self._task, completed=min(done, 1.0), day=f"{now:%Y-%m-%d}")

    def __exit__(self, *_: object) -> None:
        self._bar.stop()
