"""`bms points --watch`: live values until Ctrl-C."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import click

from bms.cli.common import table_of
from bms.core.errors import Unreachable
from bms.texts.clean import escaped, harmless
from bms.texts.language import say, told

if TYPE_CHECKING:
    from bms.operations.requests.live_requests import PointView


def watch_points(
    look: Callable[[], Sequence[PointView]], interval_s: float, *, as_json: bool
) -> None:
    """A table redrawn in place on a terminal; elsewhere one line per change, or one JSON line.

    A controller that restarts is waited for. The first look must succeed. Ends with Ctrl-C.
    """
    rows = look()
    try:
        if sys.stdout.isatty() and not as_json:
            _redraw(look, rows, interval_s)
        else:
            _print(look, rows, interval_s, as_json=as_json)
    except KeyboardInterrupt:
        pass


def changes(before: Mapping[str, PointView], rows: Sequence[PointView]) -> list[PointView]:
    """The rows whose value or quality is not what it was."""

    def kept(row: PointView) -> tuple[object, ...]:
        return row.value, row.quality, row.detail

    return [row for row in rows if (old := before.get(row.point)) is None or kept(old) != kept(row)]


def _print(
    look: Callable[[], Sequence[PointView]],
    rows: Sequence[PointView],
    interval_s: float,
    *,
    as_json: bool,
) -> None:
    from bms.cli.screens.tables import value_text

    known: dict[str, PointView] = {}
    away = False
    while True:
        for row in changes(known, rows):
            if as_json:
                click.echo(escaped(json.dumps(row.plain(), ensure_ascii=False)))
            else:
                value = value_text(row.value) if row.quality == "good" else "—"
                unit, quality = row.unit, row.quality
                click.echo(harmless(f"{row.point} {value} {unit} {quality} {row.detail}").rstrip())
        known = {row.point: row for row in rows}
        sys.stdout.flush()
        while True:
            time.sleep(interval_s)
            try:
                rows = look()
            except Unreachable as error:
                if not away:
                    click.echo(say("waiting: {error}", error=error), err=True)
                away = True
            else:
                away = False
                break


def _redraw(
    look: Callable[[], Sequence[PointView]], rows: Sequence[PointView], interval_s: float
) -> None:
    from rich.live import Live
    from rich.table import Table
    from rich.text import Text

    from bms.cli.screens.tables import console, quality_text, value_text

    known: dict[str, PointView] = {}

    def table(title: str) -> Table:
        news = {row.point for row in changes(known, rows)} if known else set()
        made = table_of(title, "point", "value", "unit", "quality", "age", "detail")
        for row in rows:
            value = value_text(row.value) if row.quality == "good" else "—"
            style = "reverse" if row.point in news else ""
            age = f"{row.age_s:.0f} s"
            made.add_row(
                row.point, Text(value, style=style), row.unit, quality_text(row.quality),
                age, told(row.detail),
            )  # fmt: skip
        return made

    title = say(
        "{rows} points every {interval_s:g} s; Ctrl-C ends", rows=len(rows), interval_s=interval_s
    )
    with Live(table(title), console=console(None), auto_refresh=False) as live:
        while True:
            known = {row.point: row for row in rows}
            time.sleep(interval_s)
            try:
                rows = look()
            except Unreachable:
                live.update(table(say("the controller does not answer; waiting")), refresh=True)
            else:
                live.update(table(title), refresh=True)
