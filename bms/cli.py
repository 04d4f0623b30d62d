"""The command line: parse, call, print. Heavy imports wait until a command needs them."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from bms.errors import BmsError, InvalidInput

if TYPE_CHECKING:
    from rich.table import Table

    from bms.config.models import Site

SITE = click.argument("site", type=click.Path(path_type=Path))
YEARS = (1990, 2200)
"""No history is older and no plan reaches further: what lies beyond is a slip of the keyboard."""
AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")


class _Group(click.Group):
    """Turns our errors into a message and their exit code, for every command."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BmsError as error:
            _fail(error)


def _fail(error: BmsError) -> NoReturn:
    click.echo(f"error: {error}", err=True)
    if isinstance(error, InvalidInput):
        for problem in error.problems:
            click.echo(str(problem), err=True)
    sys.exit(error.exit_code)


def _print_json(value: object) -> None:
    click.echo(json.dumps(value, ensure_ascii=False, indent=2))


def _show(*renderables: object) -> None:
    from bms.screens import console as make_console

    # When the output is piped, a table is as wide as its content: nothing is cut off.
    console = make_console(None if sys.stdout.isatty() else 200)
    for renderable in renderables:
        console.print(renderable)


def _table(title: str | None, *columns: str) -> Table:
    from rich.table import Table

    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _load(directory: Path, endpoints: Path | None = None) -> Site:
    from bms.config.load import load, with_endpoints
    from bms.control import STRATEGIES

    site = load(directory, STRATEGIES)
    if endpoints is not None:
        try:
            replaced = json.loads(endpoints.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise InvalidInput(f"cannot read the endpoints file {endpoints}: {error}") from error
        site = with_endpoints(site, replaced)
    return site


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="bms")
def main() -> None:
    """Park energy management and building automation.

    Exit codes: 0 ok, 1 failed, 2 invalid input, 3 controller unreachable, 4 refused or conflict.
    """


@main.command()
@click.argument("directory", type=click.Path(path_type=Path))
def init(directory: Path) -> None:
    """Write a small commented site into DIRECTORY (new or empty)."""
    from bms.config.scaffold import init as write_site

    for path in write_site(directory):
        click.echo(path)
    click.echo(f"Next: edit the files, then 'bms check {directory}'.")


@main.command()
@SITE
@AS_JSON
def check(site: Path, as_json: bool) -> None:
    """Validate a site; list every problem as file:line:column with what is allowed."""
    from bms.config.load import check as check_site
    from bms.config.load import sources
    from bms.config.render import render
    from bms.control import STRATEGIES

    found, problems = check_site(site, STRATEGIES)
    if as_json:
        _print_json(
            [
                {
                    "file": p.file,
                    "line": p.line,
                    "column": p.column,
                    "message": p.message,
                    "hint": p.hint,
                }
                for p in problems
            ]
        )
    elif problems:
        click.echo(render(problems, sources(site)), err=True)
    if problems or found is None:
        if not as_json:
            files = len({problem.file for problem in problems})
            click.echo(
                f"{len(problems)} problems in {files} files; nothing was put in force", err=True
            )
        sys.exit(InvalidInput.exit_code)
    if not as_json:
        points = sum(len(link.points) for link in found.links.values())
        click.echo(
            f"{found.file.id}: {len(found.bases)} bases, {len(found.equipment)} equipment, "
            f"{points} points on {len(found.links)} links, {len(found.groups)} groups: no problems"
        )


@main.command()
@SITE
@click.option(
    "--endpoints",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="JSON file that replaces host and port (or url) of links by id.",
)
@click.option("-v", "--verbose", is_flag=True, help="Log every detail.")
def run(site: Path, endpoints: Path | None, verbose: bool) -> None:
    """Control a site in the foreground until SIGTERM or Ctrl-C.

    On stopping, each output holds its last value or is released, as its `on_stop` says.
    """
    import asyncio
    import logging

    from bms.app import run_site

    logging.basicConfig(
        level=logging.DEBUG if verbose else logging.INFO,
        format="%(asctime)s %(levelname)-7s %(name)s: %(message)s",
    )
    if not verbose:
        for noisy in ("asyncua", "pymodbus", "apscheduler"):
            logging.getLogger(noisy).setLevel(logging.WARNING)
    loaded = _load(site, endpoints)
    points = sum(len(link.points) for link in loaded.links.values())

    def ready() -> None:
        click.echo(
            f"controlling {loaded.file.id}: {points} points on {len(loaded.links)} links, "
            f"{len(loaded.groups)} groups, every {loaded.file.cycle_s:g} s; Ctrl-C stops"
        )
        sys.stdout.flush()

    asyncio.run(run_site(loaded, ready=ready))


def _instant(zone: str, text: str, option: str) -> datetime:
    """What a person means by a date or time in `zone`, within the years that reports know."""
    from zoneinfo import ZoneInfo

    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidInput(
            f"{option}: '{text}' is not a date; write 2026-03-28 or 2026-03-28T20:30"
        ) from None
    if not YEARS[0] <= moment.year <= YEARS[1]:
        raise InvalidInput(f"{option}: '{text}' is not between {YEARS[0]} and {YEARS[1]}")
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=ZoneInfo(zone))
    return moment.astimezone(UTC)


def _pairs(options: tuple[str, ...]) -> dict[str, str]:
    pairs = {}
    for option in options:
        key, sign, value = option.partition("=")
        if not sign or not key:
            raise InvalidInput(f"--option '{option}': write name=value")
        pairs[key] = value
    return pairs


def _duration(text: str, option: str) -> timedelta:
    from bms.durations import parse_duration

    try:
        return parse_duration(text)
    except ValueError as error:
        raise InvalidInput(f"{option}: {error}") from None


@main.command()
@SITE
@click.option("--from", "start", required=True, help="First day or instant, e.g. 2026-03-01.")
@click.option("--to", "end", required=True, help="End, not included.")
@click.option(
    "--plant", help="module:Class.  [default: the site's own plant, or one that only echoes]"
)
@click.option("--option", "options", multiple=True, help="name=value handed to the plant.")
@click.option("--step", default="1m", show_default=True, help="Simulated time per cycle.")
@click.option(
    "--into",
    type=click.Path(path_type=Path, file_okay=False),
    help="Directory for history and state.  [default: SITE/simulated]",
)
@AS_JSON
def simulate(
    site: Path,
    start: str,
    end: str,
    plant: str | None,
    options: tuple[str, ...],
    step: str,
    into: Path | None,
    as_json: bool,
) -> None:
    """Run the same engine on simulated time, as fast as the machine goes."""
    import asyncio

    from bms.plants import make_plant, plant_of
    from bms.simulate import simulate as run_simulation

    loaded = _load(site)
    zone = loaded.file.zone
    since, until = _instant(zone, start, "--from"), _instant(zone, end, "--to")
    if until <= since:
        raise InvalidInput("--to must lie after --from")
    pairs = _pairs(options)
    if pairs and plant is None:
        raise InvalidInput("--option goes with --plant")
    made = make_plant(plant, since, pairs) if plant else plant_of(loaded, since)
    try:
        with _progress(since, until, quiet=as_json) as progress:
            done = asyncio.run(
                run_simulation(
                    loaded,
                    made,
                    start=since,
                    end=until,
                    step=_duration(step, "--step"),
                    into=into or site / "simulated",
                    progress=progress,
                )
            )
    finally:
        made.close()
    if as_json:
        _print_json(
            {
                "from": done.start.isoformat(),
                "to": done.end.isoformat(),
                "step_s": done.step_s,
                "cycles": done.cycles,
                "writes": done.writes,
                "alarms_raised": done.alarms_raised,
                "wall_s": round(done.wall_s, 3),
                "days_per_s": round(done.days_per_s, 3),
            }
        )
        return
    click.echo(
        f"{done.cycles} cycles of {done.step_s:g} s, {done.writes} writes, {done.alarms_raised} "
        f"alarms in {done.wall_s:.1f} s ({done.days_per_s:.1f} days/s); history in "
        f"{into or site / 'simulated'}"
    )


class _progress:  # noqa: N801  (used as a function: `with _progress(...) as report:`)
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


@main.command()
@SITE
@AS_JSON
def status(site: Path, as_json: bool) -> None:
    """Modes, seasons, stale devices, overrides, alarms and the next changes."""
    from bms.api.client import ask
    from bms.screens import status_screen

    answer = ask(_state_dir(site), "status")
    if as_json:
        _print_json(answer)
    else:
        _show(status_screen(answer))


def _state_dir(directory: Path) -> Path:
    """The state directory, from site.yaml alone: works while other files are being edited."""
    from schedules.yamltext import read

    path = directory / "site.yaml"
    try:
        document, problems = read("site.yaml", path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{directory} is not a site: cannot read {path} ({error})") from error
    if document is None or not isinstance(document.data, dict):
        raise InvalidInput(f"{path} cannot be read", problems)
    return directory / str(document.data.get("state_dir") or "state")


@main.command()
@SITE
@click.argument("filter", required=False)
@click.option("--abnormal", is_flag=True, help="Only points whose quality is not good.")
@AS_JSON
def points(site: Path, filter: str | None, abnormal: bool, as_json: bool) -> None:  # noqa: A002
    """Live values with quality and age. FILTER is a part of the id or a wildcard."""
    from bms.api.client import ask

    rows = ask(_state_dir(site), "points", filter=filter)
    if abnormal:
        rows = [row for row in rows if row["quality"] != "good"]
    if as_json:
        _print_json(rows)
        return
    table = _table(None, "point", "value", "unit", "quality", "age", "detail")
    for row in rows:
        table.add_row(
            row["point"],
            _value(row["value"]) if row["quality"] == "good" else "—",
            row["unit"],
            row["quality"],
            f"{row['age_s']:.0f} s",
            row["detail"],
        )
    _show(table)
    if not rows:
        click.echo("no point matches", err=True)


def _value(value: object) -> str:
    from bms.screens import value_text

    return value_text(value)


@main.command()
@SITE
@click.argument("point")
@AS_JSON
def why(site: Path, point: str, as_json: bool) -> None:
    """Why a point has its value: winner, losers, source, reason, expiry."""
    from bms.api.client import ask
    from bms.screens import why_screen

    answer = ask(_state_dir(site), "why", point=point)
    if as_json:
        _print_json(answer)
    else:
        _show(*why_screen(answer))


@main.group(cls=_Group)
def schedule() -> None:
    """Look at schedules."""


@schedule.command()
@SITE
@click.argument("group")
@click.option("--days", type=click.IntRange(1, 400), default=7, show_default=True)
@click.option("--from", "start", help="First day.  [default: today]")
@AS_JSON
def preview(site: Path, group: str, days: int, start: str | None, as_json: bool) -> None:
    """What will run in GROUP, and because of which line."""
    from bms.clock import SystemClock
    from bms.screens import preview_screen, preview_view
    from schedules.yamltext import suggestion

    loaded = _load(site)
    if group not in loaded.groups:
        raise InvalidInput(f"unknown group '{group}'; {suggestion(group, loaded.groups)}")
    # A day is the base's day: in the site's own zone it may begin on the day before.
    zone = loaded.bases[loaded.groups[group].base].zone
    now = _instant(zone, start, "--from") if start else SystemClock().now()
    view = preview_view(loaded, group, now, days, _overrides_if_running(loaded))
    if as_json:
        _print_json(view)
    else:
        _show(*preview_screen(view))


def _overrides_if_running(site: Site) -> list[dict[str, Any]] | None:
    from bms.api.client import ask
    from bms.errors import Unreachable

    try:
        answer: list[dict[str, Any]] = ask(site.state_dir, "override.list")
    except Unreachable:
        return None
    return answer


@main.group(cls=_Group)
def override() -> None:
    """Take a point over by hand, for a stated time and reason."""


# A value such as -5 is no option.
@override.command("set", context_settings={"ignore_unknown_options": True})
@SITE
@click.argument("point")
@click.argument("value")
@click.option("--for", "duration", required=True, help="How long: 45m, 2h, 1h30m.")
@click.option("--reason", required=True, help="For the next shift.")
@AS_JSON
def override_set(
    site: Path, point: str, value: str, duration: str, reason: str, as_json: bool
) -> None:
    """Command POINT to VALUE until the time is over."""
    from bms.api.client import ask

    _duration(duration, "--for")
    answer = ask(
        _state_dir(site), "override.set", point=point, value=value, duration=duration, reason=reason
    )
    if as_json:
        _print_json(answer)
        return
    click.echo(
        f"{answer['point']} = {_value(answer['value'])} until {answer['until']} "
        f"(override {answer['id']}); undo: bms override clear {site} {answer['id']}"
    )


@override.command("clear")
@SITE
@click.argument("which", metavar="ID|POINT")
@AS_JSON
def override_clear(site: Path, which: str, as_json: bool) -> None:
    """Release an override by its number or its point."""
    from bms.api.client import ask

    answer = ask(_state_dir(site), "override.clear", override=which)
    if as_json:
        _print_json(answer)
    else:
        click.echo(f"{answer['point']} is automatic again")


@override.command("list")
@SITE
@AS_JSON
def override_list(site: Path, as_json: bool) -> None:
    """Overrides in force, oldest first."""
    from bms.api.client import ask

    rows = ask(_state_dir(site), "override.list")
    if as_json:
        _print_json(rows)
        return
    if not rows:
        click.echo("no override is in force")
        return
    table = _table(None, "id", "point", "value", "until", "owner", "reason")
    for row in rows:
        table.add_row(
            str(row["id"]),
            row["point"],
            _value(row["value"]),
            row["until"],
            row["owner"],
            row["reason"],
        )
    _show(table)


@main.group(cls=_Group)
def report() -> None:
    """What an energy manager reads."""


@report.command()
@SITE
@click.option("--year", type=click.IntRange(*YEARS), required=True)
@click.option(
    "--history",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="Directory with the history.  [default: the site's state directory]",
)
@AS_JSON
def growth(site: Path, year: int, history: Path | None, as_json: bool) -> None:
    """Energy growth per base against its target, with the verdict."""
    from bms.clock import SystemClock
    from bms.historian.embedded import History
    from bms.reports.growth import growth_report
    from bms.screens import growth_screen

    loaded = _load(site)
    with History(history or loaded.state_dir, read_only=True) as stored:
        result = growth_report(loaded, stored, year, SystemClock().now())
    if as_json:
        _print_json(result.to_json())
    else:
        _show(*growth_screen(result.to_json()))


@main.command()
@click.option(
    "--dir",
    "directory",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("build/demo"),
    show_default=True,
    help="Where the demo site and its history are kept.",
)
@click.option(
    "--step",
    help="Simulated time per fill cycle.  [default: 15m, or what this machine fills in time]",
)
@click.option("--weather", type=click.Path(path_type=Path, exists=True), help="An EPW file.")
@click.option("--for", "duration", help="Stop by itself after this long, e.g. 30s.")
def demo(directory: Path, step: str | None, weather: Path | None, duration: str | None) -> None:
    """Start the simulated park and its controller, and watch them.

    Fills the history with the whole previous year and this year to date, then polls and controls
    live. Started again, it fills only what passed since. Ctrl-C stops everything.
    """
    from bms.demo import run_demo

    run_demo(
        directory,
        step=_duration(step, "--step") if step else None,
        weather=weather,
        live_for=_duration(duration, "--for") if duration else None,
        progress=lambda start, end: _progress(start, end, quiet=False, text="filling history"),
    )
