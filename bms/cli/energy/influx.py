"""`bms influx`: the copies of history in other databases."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bms.cli.common import (
    AS_JSON,
    ENERGY,
    SITE,
    ErrorGroup,
    changed,
    clock_now,
    instant,
    load_for,
    print_json,
    show,
    state_dir_of,
    table_of,
)
from bms.core.errors import InvalidInput
from bms.texts.clean import harmless
from bms.texts.language import say, told
from bms.texts.messages import msg

if TYPE_CHECKING:
    from datetime import datetime

    from bms.config.shapes.sinks import InfluxFile
    from bms.config.site import Site


SINK = click.option("--sink", help="One database of site.yaml, by name.  [default: all]")


@click.group(cls=ErrorGroup)
def influx() -> None:
    """Copies of the history in InfluxDB and its relatives."""


@influx.command()
@SITE
@SINK
@click.option("--token-env", help="Variable with a token that may make buckets.")
@click.option("--create-token", is_flag=True, help="2.x: make a token for these buckets only.")
@AS_JSON
def init(
    site: Path, sink: str | None, token_env: str | None, create_token: bool, as_json: bool
) -> None:
    """Make buckets, retention and mappings, and check what the token may do."""
    import os

    from bms.forward.server.asking import Reader
    from bms.forward.server.setup import check_token, initialise
    from bms.forward.site_sinks import ca_of, named_sink

    loaded = load_for(site, ENERGY)
    rows: list[dict[str, Any]] = []
    for settings in named_sink(loaded, sink):
        everyday = os.environ.get(settings.token_variable, "")
        admin_token = os.environ.get(token_env, "") if token_env else everyday
        if token_env and not admin_token:
            raise InvalidInput(
                msg("the environment variable {token_env} is empty", token_env=token_env)
            )

        async def work(
            settings: InfluxFile = settings, everyday: str = everyday, admin: str = admin_token
        ) -> list[dict[str, Any]]:
            ca = ca_of(loaded, settings)
            async with Reader(settings, admin, ca=ca) as reader:
                findings, token = await initialise(
                    settings, reader, create_token=create_token, site=loaded.file.id
                )
            used = token or everyday or admin
            async with Reader(settings, used, ca=ca) as reader:
                findings += await check_token(settings, reader)
            found = [{"sink": settings.name, **asdict(finding)} for finding in findings]
            if token:
                found.append(
                    {
                        "sink": settings.name,
                        "what": msg(
                            "put this into {token_variable}", token_variable=settings.token_variable
                        ),
                        "state": "token",
                        "detail": token,
                    }
                )
            return found

        rows += asyncio.run(work())
    if as_json:
        print_json(rows)
    else:
        table = table_of(None, "database", "what", "state", "")
        for row in rows:
            table.add_row(row["sink"], told(row["what"]), _state(row["state"]), told(row["detail"]))
        show(table)
    if any(row["state"] == "wrong" for row in rows):
        raise SystemExit(1)


@influx.command()
@SITE
@SINK
@click.option("--from", "start", required=True, help="First day or instant.")
@click.option("--to", "end", help="End, not included.  [default: now]")
@AS_JSON
def verify(site: Path, sink: str | None, start: str, end: str | None, as_json: bool) -> None:
    """Compare what each database has with the store here, by measurement and day.

    Exit code 1 if a database has something else.
    """
    from bms.forward.checking.verify import verify_days
    from bms.forward.site_sinks import ca_of, named_sink, token_of

    loaded = load_for(site, ENERGY)
    first, last = _period(loaded, start, end)
    found = []
    for settings in named_sink(loaded, sink):
        found += asyncio.run(
            verify_days(
                loaded,
                settings,
                token_of(settings),
                first,
                last,
                now=clock_now(),
                ca=ca_of(loaded, settings),
            )
        )
    if as_json:
        print_json([row.to_json() for row in found])
    else:
        table = table_of(None, "database", "day", "measurement", "", "here", "there", "")
        for row in found:
            table.add_row(
                row.sink,
                row.day,
                row.measurement,
                row.what,
                f"{row.here:,.12g}",
                f"{row.there:,.12g}",
                told(row.text()),
            )
        show(table)
    if any(row.wrong for row in found):
        raise SystemExit(1)


@influx.command()
@SITE
@SINK
@click.option("--from", "start", required=True, help="First day or instant.")
@click.option("--to", "end", help="End, not included.  [default: now]")
@click.option("--reason", required=True, help="Kept with the gap, and in the audit.")
@AS_JSON
def backfill(
    site: Path, sink: str | None, start: str, end: str | None, reason: str, as_json: bool
) -> None:
    """Have a period sent (again); the running controller does it, behind live data."""
    from bms.operations.copies import sending_again
    from bms.operations.requests.copy_requests import BACKFILL, Backfill

    loaded = load_for(site, ENERGY)
    first, last = _period(loaded, start, end)
    asked = Backfill(sink=sink, start=first, end=last, reason=reason)
    answer = changed(
        loaded.state_dir,
        BACKFILL,
        asked,
        lambda who: sending_again.backfill(loaded, asked, who, clock_now()),
    )
    if as_json:
        print_json(answer.plain())
        return
    rows = answer.shown()
    for row in rows:
        what = (
            say("{days} days", days=row["days"])
            if row["days"] is not None
            else say("{rows} rows", rows=row["rows"])
        )
        click.echo(
            say(
                "{sink}: {spans} of {stream} will be sent again",
                sink=row["sink"],
                spans=what,
                stream=row["stream"],
            )
        )
    if not rows:
        click.echo(say("nothing of that period is kept here as it was recorded"))


@influx.command()
@SITE
@AS_JSON
def status(site: Path, as_json: bool) -> None:
    """How far each database is, what it missed, what it refused."""
    from bms.api.client import ask
    from bms.core.errors import Unreachable
    from bms.forward.cursors import dead_letters
    from bms.forward.positions import losses, positions
    from bms.operations.requests.live_requests import STATUS, AskStatus

    state_dir = state_dir_of(site)
    try:
        sinks = ask(state_dir, STATUS, AskStatus()).cycle.sinks
        rows = [sink.plain() for sink in sinks]
    except Unreachable:
        # The controller is not running: what it left behind.
        rows = []
        found = positions(state_dir)
        for name in dict.fromkeys(position.sink for position in found):
            mine = [position for position in found if position.sink == name]
            rows.append(
                {
                    "name": name,
                    "cursors": {position.stream: position.seq for position in mine},
                    "gaps": sum(len(position.gaps) for position in mine),
                    "gap_rows": sum(gap.rows for position in mine for gap in position.gaps),
                    "dead_lines": sum(len(d.lines) for d in dead_letters(state_dir, name)),
                    "lost": [lost.to_json() for lost in losses(state_dir, name)],
                    "last_error": msg("the controller is not running"),
                }
            )
    if as_json:
        print_json(rows)
        return
    table = table_of(
        None, "database", "unsent rows", "oldest unsent", "gaps", "sent", "retries", "dead",
        "backfill", "mismatches", "last error",
    )  # fmt: skip
    for row in rows:
        oldest_s = row.get("oldest_unsent_s")
        retries = row.get("retries") or {}
        table.add_row(
            row["name"],
            str(row.get("backlog_rows", row.get("gap_rows", ""))),
            "" if oldest_s is None else f"{oldest_s:.0f} s",
            str(row["gaps"]),
            f"{row.get('sent_lines', 0):,}",
            ", ".join(f"{count} × {code}" for code, count in retries.items()),
            str(row["dead_lines"]),
            f"{row.get('backfill_lines_s', 0):.0f}/s",
            str(row.get("mismatches", "")),
            told(row["last_error"]),
        )
    show(table)
    for row in rows:
        if row.get("refill_days"):
            click.echo(
                say(
                    "{name}: {refill_days} days have left the log and follow from what is stored",
                    name=row["name"],
                    refill_days=row["refill_days"],
                )
            )
        if row.get("reconcile_error"):
            click.echo(
                say(
                    "{name}: cannot compare what it has: {error}",
                    name=row["name"],
                    error=row["reconcile_error"],
                )
            )
        if row.get("expired_lines"):
            click.echo(
                say(
                    "{name}: {lines} lines were older than it keeps; the store here has them "
                    "(longer retention, then bms influx backfill)",
                    name=row["name"],
                    lines=row["expired_lines"],
                )
            )
        for lost in row.get("lost", ()):
            click.echo(
                say(
                    "{name}: {samples:,} samples of class {kind} were given up before they "
                    "were sent, {start} to {end}",
                    name=row["name"],
                    samples=lost["samples"],
                    kind=lost["class"],
                    start=lost["start"],
                    end=lost["end"],
                )
            )
    if not rows:
        click.echo(say("history is copied to no database"))


@influx.group(cls=ErrorGroup)
def dead() -> None:
    """Lines that a database refused for good."""


@dead.command("list")
@SITE
@SINK
@click.option("--lines", "most", type=click.IntRange(0, 1000), default=3, show_default=True,
              help="Lines shown of each.")  # fmt: skip
@AS_JSON
def dead_list(site: Path, sink: str | None, most: int, as_json: bool) -> None:
    """What was refused, when and why."""
    from bms.forward.cursors import dead_letters
    from bms.forward.site_sinks import named_sink

    loaded = load_for(site, ENERGY)
    rows: list[dict[str, Any]] = [
        {
            "sink": settings.name,
            "id": letter.number,
            "time": letter.time.isoformat(timespec="seconds"),
            "stream": letter.stream,
            "reason": letter.reason,
            "count": len(letter.lines),
            "lines": [line.decode(errors="replace") for line in letter.lines[:most]],
        }
        for settings in named_sink(loaded, sink)
        for letter in dead_letters(loaded.state_dir, settings.name)
    ]
    if as_json:
        print_json(rows)
        return
    for row in rows:
        click.echo(
            say(
                "{sink} {batch}  {time}  {lines} of {stream}",
                sink=row["sink"],
                batch=row["id"],
                time=row["time"],
                lines=row["count"],
                stream=row["stream"],
            )
        )
        click.echo(f"  {told(row['reason'])}")
        for line in row["lines"]:
            click.echo(f"    {harmless(line)}")
    if not rows:
        click.echo(say("nothing was refused"))


@dead.command("resend")
@SITE
@SINK
@click.option("--reason", required=True, help="What was put right on the server.")
@AS_JSON
def dead_resend(site: Path, sink: str | None, reason: str, as_json: bool) -> None:
    """Send refused lines again; what the database takes now leaves the list."""
    from bms.operations.copies import sending_again
    from bms.operations.requests.copy_requests import RESEND, ResendRefused

    loaded = load_for(site, ENERGY)
    asked = ResendRefused(sink=sink, reason=reason)
    answer = changed(
        loaded.state_dir,
        RESEND,
        asked,
        lambda who: sending_again.resend(loaded, asked, who, clock_now()),
    )
    rows = answer.shown()
    if as_json:
        print_json(answer.plain())
    else:
        for row in rows:
            text = say(
                "{sink}: {taken} lines taken, {refused} still refused",
                sink=row["sink"],
                taken=row["taken"],
                refused=row["refused"],
            )
            click.echo(text + (f"; {told(row['error'])}" if row["error"] else ""))
    if any(row["refused"] or row["error"] for row in rows):
        raise SystemExit(1)


def _state(word: str) -> str:
    words = {
        "made": say("made"),
        "there": say("there"),
        "changed": say("changed"),
        "note": say("note"),
        "wrong": say("wrong"),
        "token": say("token"),
    }
    return words.get(word, word)


def _period(site: Site, start: str, end: str | None) -> tuple[datetime, datetime]:

    zone = site.file.zone
    first = instant(zone, start, "--from")
    last = instant(zone, end, "--to") if end else clock_now()
    if first >= last:
        raise InvalidInput(msg("--from is not before --to"))
    return first, last
