"""Commands that ask the running controller."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from bms.cli.common import (
    AS_JSON,
    SITE,
    clock_now,
    print_json,
    show,
    state_dir_of,
    table_of,
)
from bms.texts.language import say


@click.command()
@SITE
@AS_JSON
def status(site: Path, as_json: bool) -> None:
    """Modes, seasons, stale devices, overrides, alarms and the next changes."""
    from bms.api.client import ask
    from bms.cli.screens.tables import status_screen

    answer = ask(state_dir_of(site), "status")
    if as_json:
        print_json(answer)
    else:
        show(status_screen(answer))


@click.command()
@SITE
@AS_JSON
def links(site: Path, as_json: bool) -> None:
    """How each link is doing: answers, errors, latency, and which units are silent."""
    from bms.api.client import ask
    from bms.cli.screens.link_table import links_screen

    rows = ask(state_dir_of(site), "status")["links"]
    if as_json:
        print_json(rows)
    else:
        show(*links_screen(rows))


@click.command()
@SITE
@click.argument("filter", required=False)
@click.option("--abnormal", is_flag=True, help="Only points whose quality is not good.")
@click.option("--watch", is_flag=True, help="Go on, and show what changes.")
@click.option("--interval", type=click.FloatRange(0.2, 3600), default=2.0, show_default=True,
              help="Seconds between looks, with --watch.")  # fmt: skip
@AS_JSON
def points(
    site: Path,
    filter: str | None,  # noqa: A002
    abnormal: bool,
    watch: bool,
    interval: float,
    as_json: bool,
) -> None:
    """Live values with quality and age. FILTER is a part of the id or a wildcard."""
    from bms.api.client import ask
    from bms.cli.live.watch import watch_points
    from bms.cli.screens.tables import quality_text, value_text

    state_dir = state_dir_of(site)

    def look() -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = ask(state_dir, "points", filter=filter)
        return [row for row in rows if row["quality"] != "good"] if abnormal else rows

    if watch:
        watch_points(look, interval, as_json=as_json)
        return
    rows = look()
    if as_json:
        print_json(rows)
        return
    table = table_of(None, "point", "value", "unit", "quality", "age", "detail")
    for row in rows:
        table.add_row(
            row["point"],
            value_text(row["value"]) if row["quality"] == "good" else "—",
            row["unit"],
            quality_text(row["quality"]),
            f"{row['age_s']:.0f} s",
            say(row["detail"]),
        )
    show(table)
    if not rows:
        click.echo(say("no point matches"), err=True)


@click.command()
@SITE
@click.argument("point")
@click.option("--at", help="A past moment: 18:30, 'yesterday 07:00' or 2026-07-01T18:30.")
@AS_JSON
def why(site: Path, point: str, at: str | None, as_json: bool) -> None:
    """Why a point has its value, or had it then: winner, losers, source, reason, expiry."""
    from bms.api.client import ask
    from bms.cli.screens.ladder import why_screen
    from bms.core.errors import Unreachable

    try:
        answer = ask(state_dir_of(site), "why", point=point, at=at)
    except Unreachable:
        if at is None:
            raise
        answer = _why_then(site, point, at)  # the past is known without a controller
    if as_json:
        print_json(answer)
    else:
        show(*why_screen(answer))


def _why_then(directory: Path, point: str, at: str) -> dict[str, Any]:
    from bms.cli.common import load_site
    from bms.config.points import known_units, zone_of
    from bms.control import STRATEGIES
    from bms.core.moments import past
    from bms.historian.log.log_queries import Queries
    from bms.reports.why import why_then

    site, now = load_site(directory), clock_now()
    time = past(at, now, zone_of(site, point))
    units = known_units(site, STRATEGIES)
    with Queries(site.state_dir, read_only=True) as history:
        return why_then(site, STRATEGIES, history, point, time, now, units=units)
