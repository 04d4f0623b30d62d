"""Commands that read the history: what points did, on the screen or as a file."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from bms.cli.common import (
    AS_JSON,
    PAST,
    SITE,
    clock_now,
    instant,
    load_for,
    print_json,
    show,
    table_of,
)
from bms.cli.grouped import grouped
from bms.core.errors import InvalidInput
from bms.texts.language import say
from bms.texts.messages import msg, quoted

if TYPE_CHECKING:
    from bms.config.site import Site
    from bms.historian.reading.export import Step
    from bms.historian.reading.trends import Trends

MOST_ROWS = 10_000
"""More is for `bms export`."""
CLASSES = ("analog", "state", "counter", "event")

_START = click.option("--from", "start", required=True, help="First day or instant.")
_END = click.option("--to", "end", help="End, not included.  [default: now]")
_STEP = click.option(
    "--step", type=click.Choice(["raw", "15m", "day"]), default="15m", show_default=True
)
_CLASS = click.option("--class", "klass", type=click.Choice(CLASSES), help="Only this class.")
_FROM = click.option(
    "--history",
    "directory",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="Directory with the history.  [default: the site's state directory]",
)


@dataclass(frozen=True, slots=True)
class Selected:
    """What of the history is asked for, as arguments and options say."""

    points: tuple[str, ...]
    start: str
    end: str | None
    klass: str | None
    directory: Path | None


@click.command()
@SITE
@click.argument("points", nargs=-1, required=True)
@_START
@_END
@_STEP
@_CLASS
@_FROM
@AS_JSON
@grouped("selected", Selected)
def history(
    site: Path,
    selected: Selected,
    step: str,
    as_json: bool,
) -> None:
    """What POINTS did: points, wildcards, equipment, groups or bases.

    Means are over time; coverage is the share of the step for which a good value is known. Empty
    cells are gaps.
    """
    from bms.historian.reading.export import columns_of, rows

    with _opened(site, selected) as (loaded, trends, names, span):
        chosen = cast("Step", step)
        found = []
        for row in rows(trends, names, chosen, *span, _zone(loaded)):
            found.append(row)
            if len(found) > MOST_ROWS:
                raise InvalidInput(
                    msg(
                        "that is more than {limit:,} rows; take a shorter time, a longer "
                        "step, or 'bms export'",
                        limit=MOST_ROWS,
                    )
                )
        gaps = _gaps(trends, *span)
        if as_json:
            columns = columns_of(chosen)
            print_json(
                {
                    "rows": [dict(zip(columns, _plain(row), strict=True)) for row in found],
                    **gaps,
                }
            )
            return
        table = table_of(None, *map(quoted, columns_of(chosen)))  # as in files: keys
        for row in found:
            table.add_row(*(_cell(value) for value in row))
        show(table, *_gap_lines(gaps))


@click.command()
@SITE
@click.argument("points", nargs=-1)
@_START
@_END
@_STEP
@_CLASS
@_FROM
@click.option(
    "--format", "form", type=click.Choice(["csv", "parquet"]), default="csv", show_default=True
)
@click.option(
    "-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="[default: stdout]"
)
@AS_JSON
@grouped("selected", Selected)
def export(
    site: Path,
    selected: Selected,
    step: str,
    form: str,
    output: Path | None,
    as_json: bool,
) -> None:
    """Write the history of POINTS (all, if none are named) to a CSV or Parquet file."""
    from bms.historian.reading.export import columns_of, rows, to_csv, to_csv_file, to_parquet

    if output is None and (form == "parquet" or as_json):
        raise InvalidInput(msg("name a file with -o: only CSV goes to the standard output"))
    if output is not None and output.suffix.lower() in (".xlsx", ".xls", ".ods"):
        raise InvalidInput(msg("{output}: workbooks are not written; name a .csv", output=output))
    if output is not None and not output.parent.is_dir():
        raise InvalidInput(msg("{output}: there is no such directory", output=output))
    with _opened(site, selected) as (loaded, trends, names, span):
        chosen = cast("Step", step)
        table = rows(trends, names, chosen, *span, _zone(loaded))
        if output is None:
            to_csv(table, columns_of(chosen), sys.stdout)
            return
        if form == "parquet":
            count = to_parquet(table, chosen, output)
        else:
            count = to_csv_file(table, columns_of(chosen), output)
        gaps = _gaps(trends, *span)
    if as_json:
        print_json({"file": str(output), "rows": count, "points": len(names), **gaps})
    else:
        click.echo(
            say(
                "{count:,} rows of {names} points in {output}",
                count=count,
                names=len(names),
                output=output,
            )
        )
        show(*_gap_lines(gaps))


@contextmanager
def _opened(
    directory: Path, selected: Selected
) -> Iterator[tuple[Site, Trends, list[str], tuple[datetime, datetime]]]:
    from bms.core.equipment import PointClass
    from bms.historian.reading.selection import select
    from bms.historian.reading.trends import Trends

    site = load_for(directory, PAST)
    since = instant(site.file.zone, selected.start, "--from")
    until = instant(site.file.zone, selected.end, "--to") if selected.end else clock_now()
    if until <= since:
        raise InvalidInput(msg("--to must lie after --from"))
    with Trends(selected.directory or site.state_dir) as trends:
        only = None if selected.klass is None else PointClass(selected.klass)
        yield site, trends, select(site, trends.points(), selected.points, only), (since, until)


def _zone(site: Site) -> Any:
    from bms.config.points import zone_of

    return lambda point: zone_of(site, point)


def _gaps(trends: Trends, start: datetime, end: datetime) -> dict[str, Any]:
    """When nothing was recorded, what was given up, and up to when steps are closed."""
    closed = trends.closed_until()
    return {
        "closed_until": None if closed is None else closed.isoformat(timespec="seconds"),
        "outages": [
            {"from": a.isoformat(timespec="seconds"), "to": b.isoformat(timespec="seconds")}
            for a, b in trends.outages(start, end)
        ],
        "dropped": [
            {
                "class": item.group,
                "from": item.start.isoformat(timespec="seconds"),
                "to": item.end.isoformat(timespec="seconds"),
                "samples": item.samples,
                "reason": item.reason,
            }
            for item in trends.dropped(start, end)
        ],
    }


def _gap_lines(gaps: dict[str, Any]) -> list[str]:
    lines = [
        say("nothing was recorded from {start} to {end}", start=g["from"], end=g["to"])
        for g in gaps["outages"]
    ]
    lines += [
        say(
            "{samples:,} samples ({kind}) from {start} to {end} were given up: {reason}",
            samples=d["samples"],
            kind=d["class"],
            start=d["from"],
            end=d["to"],
            reason=d["reason"],
        )
        for d in gaps["dropped"]
    ]
    return lines


def _plain(row: tuple[Any, ...]) -> list[Any]:
    return [v.isoformat() if isinstance(v, datetime) else v for v in row]


def _cell(value: Any) -> str:
    if value is None:
        return "—"
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="seconds")
    return f"{value:g}" if isinstance(value, float) else str(value)
