"""Commands that ask the running controller."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from bms.cli.common import (
    AS_JSON,
    SITE,
    ErrorGroup,
    duration_of,
    print_json,
    show,
    state_dir_of,
    table_of,
)


@click.command()
@SITE
@AS_JSON
def status(site: Path, as_json: bool) -> None:
    """Modes, seasons, stale devices, overrides, alarms and the next changes."""
    from bms.api.client import ask
    from bms.screens import status_screen

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
    from bms.screens import links_screen

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
    from bms.cli.watch import watch_points
    from bms.screens import value_text

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
            row["quality"],
            f"{row['age_s']:.0f} s",
            row["detail"],
        )
    show(table)
    if not rows:
        click.echo("no point matches", err=True)


@click.command()
@SITE
@click.argument("point")
@AS_JSON
def why(site: Path, point: str, as_json: bool) -> None:
    """Why a point has its value: winner, losers, source, reason, expiry."""
    from bms.api.client import ask
    from bms.screens import why_screen

    answer = ask(state_dir_of(site), "why", point=point)
    if as_json:
        print_json(answer)
    else:
        show(*why_screen(answer))


@click.group(cls=ErrorGroup)
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
    from bms.screens import value_text

    duration_of(duration, "--for")
    answer = ask(
        state_dir_of(site),
        "override.set",
        point=point,
        value=value,
        duration=duration,
        reason=reason,
    )
    if as_json:
        print_json(answer)
        return
    click.echo(
        f"{answer['point']} = {value_text(answer['value'])} until {answer['until']} "
        f"(override {answer['id']}); undo: bms override clear {site} {answer['id']}"
    )


@override.command("clear")
@SITE
@click.argument("which", metavar="ID|POINT")
@AS_JSON
def override_clear(site: Path, which: str, as_json: bool) -> None:
    """Release an override by its number or its point."""
    from bms.api.client import ask

    answer = ask(state_dir_of(site), "override.clear", override=which)
    if as_json:
        print_json(answer)
    else:
        click.echo(f"{answer['point']} is automatic again")


@override.command("list")
@SITE
@AS_JSON
def override_list(site: Path, as_json: bool) -> None:
    """Overrides in force, oldest first."""
    from bms.api.client import ask
    from bms.screens import value_text

    rows = ask(state_dir_of(site), "override.list")
    if as_json:
        print_json(rows)
        return
    if not rows:
        click.echo("no override is in force")
        return
    table = table_of(None, "id", "point", "value", "until", "owner", "reason")
    for row in rows:
        table.add_row(
            str(row["id"]),
            row["point"],
            value_text(row["value"]),
            row["until"],
            row["owner"],
            row["reason"],
        )
    show(table)
