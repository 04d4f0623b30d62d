"""Commands that ask the running controller."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from bms.cli.common import (
    AS_JSON,
    PAST,
    SITE,
    clock_now,
    load_for,
    print_json,
    show,
    state_dir_of,
    table_of,
)
from bms.texts.language import say, told

if TYPE_CHECKING:
    from bms.operations.requests.live_requests import PointView


@click.command()
@SITE
@AS_JSON
def status(site: Path, as_json: bool) -> None:
    """Modes, seasons, stale devices, overrides, alarms and the next changes."""
    from bms.api.client import ask
    from bms.cli.screens.tables import status_screen
    from bms.operations.requests.live_requests import STATUS, AskStatus

    answer = ask(state_dir_of(site), STATUS, AskStatus())
    if as_json:
        print_json(answer.plain())
    else:
        show(status_screen(answer.shown()))


@click.command()
@SITE
@AS_JSON
def links(site: Path, as_json: bool) -> None:
    """How each link is doing: answers, errors, latency, and which units are silent."""
    from bms.api.client import ask
    from bms.cli.screens.link_table import links_screen
    from bms.operations.requests.live_requests import STATUS, AskStatus

    answer = ask(state_dir_of(site), STATUS, AskStatus())
    if as_json:
        print_json(answer.plain()["links"])
    else:
        show(*links_screen(answer.shown()["links"]))


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
    from bms.operations.requests.live_requests import POINTS, UNUSED, AskPoints

    state_dir = state_dir_of(site)

    def look() -> list[PointView]:
        answer = ask(state_dir, POINTS, AskPoints(filter=filter))
        return [row for row in answer.root if row.quality not in ("good", UNUSED) or not abnormal]

    if watch:
        watch_points(look, interval, as_json=as_json)
        return
    rows = look()
    if as_json:
        print_json([row.plain() for row in rows])
        return
    table = table_of(None, "point", "value", "unit", "quality", "age", "detail")
    for row in rows:
        table.add_row(
            row.point,
            value_text(row.value) if row.quality == "good" else "—",
            row.unit,
            quality_text(row.quality),
            f"{row.age_s:.0f} s",
            told(row.detail),
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
    from bms.operations.requests.live_requests import WHY, AskWhy

    asked = AskWhy(point=point, at=at)
    try:
        answer = ask(state_dir_of(site), WHY, asked)
    except Unreachable:
        if at is None:
            raise
        from bms.operations.use_cases.past_cases import why_of_the_past

        # the past is known without a controller
        answer = why_of_the_past(load_for(site, PAST), asked, clock_now())
    if as_json:
        print_json(answer.plain())
    else:
        show(*why_screen(answer.shown()))
