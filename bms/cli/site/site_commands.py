"""Commands about a site as a whole: write, check, run, simulate, demo."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import sys
from pathlib import Path

import click

from bms.cli.common import (
    AS_JSON,
    SITE,
    ProgressBar,
    clock_now,
    duration_of,
    instant,
    load_site,
    pairs,
    print_json,
    show,
    with_endpoints_of,
)
from bms.core.errors import InvalidInput
from bms.texts.language import say, told
from bms.texts.messages import msg
from bms.texts.problems import counted


@click.command()
@click.argument("directory", type=click.Path(path_type=Path))
def init(directory: Path) -> None:
    """Write a small commented site into DIRECTORY (new or empty)."""
    from bms.config.writing.scaffold import init as write_site

    for path in write_site(directory):
        click.echo(path)
    click.echo(say("Next: edit the files, then 'bms check {directory}'.", directory=directory))


@click.command()
@SITE
@AS_JSON
@click.option(
    "--functions", is_flag=True, help="List what strategies can do with the points there are."
)
def check(site: Path, as_json: bool, functions: bool) -> None:
    """Validate a site; list every problem as file:line:column with what is allowed."""
    from bms.cli.screens.ability_table import ability_table
    from bms.config.load import check as check_site
    from bms.config.load import sources
    from bms.config.site_variants import check_variants
    from bms.config.writing.render import render
    from bms.control import STRATEGIES
    from bms.core.time_zones import in_use
    from bms.field.plant_points import plant_problems
    from bms.operations.editing.loading import what_runs
    from bms.operations.overrides.orphaned import without_point

    found, problems = check_site(site, STRATEGIES)
    if found is not None:
        problems += without_point(found, clock_now())
        problems += plant_problems(found, clock_now())
    of_variants, variant_texts = check_variants(site, STRATEGIES)
    problems += of_variants
    if not as_json and (running := what_runs(site, sources(site))):
        click.echo(told(running), err=True)
    if as_json:
        print_json(
            [
                {
                    "file": p.file,
                    "line": p.line,
                    "column": p.column,
                    "message": p.message,
                    "hint": p.hint,
                    "withholds": p.withholds,
                }
                for p in problems
            ]
        )
    elif problems:
        click.echo(render(problems, sources(site) | variant_texts), err=True)
    if problems or found is None:
        if not as_json:
            count = counted(problems)
            click.echo(say("{count}; nothing was put in force", count=count), err=True)
        sys.exit(InvalidInput.exit_code)
    if not as_json:
        points = sum(len(link.points) for link in found.links.values())
        click.echo(
            say(
                "{site}: {bases} bases, {equipment} equipment, {points} points on {links} links, "
                "{groups} groups: no problems",
                site=found.file.id,
                bases=len(found.bases),
                equipment=len(found.equipment),
                points=points,
                links=len(found.links),
                groups=len(found.groups),
            )
        )
        zones = in_use()
        where = zones.path or say("the installed package")
        click.echo(say("time zones: {version} ({where})", version=zones.version, where=where))
        if functions:
            show(ability_table(found, STRATEGIES))


@click.command()
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
    # The first process of a container has no default for a signal: without this one, whoever
    # stops it while it starts waits in vain.
    signal.signal(signal.SIGTERM, _end_while_starting)
    gc.disable()  # nothing of what a start makes is garbage; `composed` looks once, at its end

    from bms.app.log_lines import LogLines
    from bms.app.process import run_site
    from bms.control import STRATEGIES
    from bms.operations.editing.loading import load_to_run

    handler = logging.StreamHandler()
    handler.setFormatter(LogLines())
    logging.basicConfig(level=logging.DEBUG if verbose else logging.INFO, handlers=[handler])
    if not verbose:
        for noisy in ("asyncua", "pymodbus"):
            logging.getLogger(noisy).setLevel(logging.WARNING)
    found, problems = load_to_run(site, STRATEGIES)
    loaded = with_endpoints_of(found, endpoints)
    for problem in problems:
        click.echo(say("not in force: {problem}", problem=problem.sentence), err=True)
    if problems:
        click.echo(say("the files that were last in force run instead"), err=True)
    points = sum(len(link.points) for link in loaded.links.values())

    def ready() -> None:
        click.echo(
            say(
                "controlling {site}: {points} points on {links} links, {groups} groups, "
                "every {cycle_s:g} s; Ctrl-C stops",
                site=loaded.file.id,
                points=points,
                links=len(loaded.links),
                groups=len(loaded.groups),
                cycle_s=loaded.file.cycle_s,
            )
        )
        sys.stdout.flush()

    from bms.app.event_loop import run as run_process

    run_process(run_site(loaded, ready=ready, schedule_problems=problems))


def _end_while_starting(_number: int, _frame: object) -> None:
    # Not by an exception: one raised inside a destructor or a weak reference's callback, as
    # imports have them, is printed and forgotten, and the start would go on.
    os._exit(0)


@click.command()
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

    from bms.app.simulate import simulate as run_simulation
    from bms.field.plant_points import require_points
    from bms.field.plants import make_plant, plant_of

    loaded = load_site(site)
    zone = loaded.file.zone
    since, until = instant(zone, start, "--from"), instant(zone, end, "--to")
    if until <= since:
        raise InvalidInput(msg("--to must lie after --from"))
    given = pairs(options)
    made = make_plant(plant, since, given) if plant else plant_of(loaded, since, given)
    try:
        require_points(loaded, made)
        with ProgressBar(since, until, quiet=as_json) as progress:
            done = asyncio.run(
                run_simulation(
                    loaded,
                    made,
                    start=since,
                    end=until,
                    step=duration_of(step, "--step"),
                    into=into or site / "simulated",
                    progress=progress,
                )
            )
    finally:
        made.close()
    if done.ended:
        text = msg("the plant ended at {end}: {reason}", end=done.end, reason=done.ended)
        click.echo(told(text), err=True)
    if as_json:
        print_json(
            {
                "from": done.start.isoformat(),
                "to": done.end.isoformat(),
                "step_s": done.step_s,
                "cycles": done.cycles,
                "writes": done.writes,
                "alarms_raised": done.alarms_raised,
                "wall_s": round(done.wall_s, 3),
                "days_per_s": round(done.days_per_s, 3),
                "ended": done.ended or None,
            }
        )
        return
    click.echo(
        say(
            "{cycles} cycles of {step_s:g} s, {writes} writes, {alarms_raised} alarms in "
            "{wall_s:.1f} s ({days_per_s:.1f} days/s); history in {directory}",
            cycles=done.cycles,
            step_s=done.step_s,
            writes=done.writes,
            alarms_raised=done.alarms_raised,
            wall_s=done.wall_s,
            days_per_s=done.days_per_s,
            directory=into or site / "simulated",
        )
    )


@click.command()
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
    from bms.cli.demo import run_demo

    run_demo(
        directory,
        step=duration_of(step, "--step") if step else None,
        weather=weather,
        live_for=duration_of(duration, "--for") if duration else None,
        progress=lambda start, end: ProgressBar(
            start, end, quiet=False, text=say("filling history")
        ),
    )
