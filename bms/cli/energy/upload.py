"""`bms upload`: figures reported to platforms of authorities."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bms.cli.common import (
    AS_JSON,
    ENERGY,
    SITE,
    ErrorGroup,
    clock_now,
    instant,
    load_for,
    print_json,
    show,
    table_of,
)
from bms.core.errors import StoreError
from bms.core.instants import to_ms
from bms.texts.clean import harmless
from bms.texts.language import say, told
from bms.texts.messages import msg
from bms.texts.system_errors import os_cause

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from bms.config.site import Site

PLATFORM = click.option("--platform", help="One platform of uploads.yaml, by name.  [default: all]")
START = click.option("--from", "start", help="First day or instant.  [default: all that is kept]")
END = click.option("--to", "end", help="End, not included.  [default: now]")


@click.group(cls=ErrorGroup)
def upload() -> None:
    """Figures for platforms of key energy users. Not yet proven against a platform."""


@upload.command()
@SITE
@PLATFORM
@AS_JSON
def status(site: Path, platform: str | None, as_json: bool) -> None:
    """What was acknowledged, what waits, and how complete each month is."""
    from bms.forward.platforms.overview import status_rows
    from bms.forward.platforms.site_platforms import named_plans

    loaded = load_for(site, ENERGY)
    rows = status_rows(loaded, named_plans(loaded, platform), clock_now())
    if as_json:
        print_json(rows)
        return
    table = table_of(
        None, "platform", "last acknowledged", "waiting", "month", "complete", "days apart", ""
    )
    for row in rows:
        months = row["months"] or [{}]
        for at, month in enumerate(months):
            first = (row["platform"], row["last_acknowledged"] or "-", str(row["waiting"]))
            table.add_row(
                *(first if at == 0 else ("", "", "")),
                month.get("month", "-"),
                _pct(month.get("complete_pct")),
                _pct(month.get("days_apart_pct")),
                harmless(told(row["said"])) if at == 0 else "",
            )
    show(table)
    click.echo(say("not yet proven against a platform"))


def _pct(pct: float | None) -> str:
    return "-" if pct is None else f"{pct:.1f} %"


@upload.command("list")
@SITE
@PLATFORM
@START
@END
@click.option("--waiting", is_flag=True, help="Only what is not acknowledged.")
@AS_JSON
def list_messages(
    site: Path,
    platform: str | None,
    start: str | None,
    end: str | None,
    waiting: bool,
    as_json: bool,
) -> None:
    """The messages of six months, and what became of each."""
    loaded = load_for(site, ENERGY)
    found = _messages(loaded, platform, (start, end), waiting=waiting)
    if as_json:
        print_json([{key: row[key] for key in row if key != "body"} for row in found])
        return
    table = table_of(None, "message", "made", "tries", "acknowledged", "")
    for row in found:
        table.add_row(
            row["message_id"],
            row["made"],
            str(row["tries"]),
            row["acknowledged"] or "-",
            harmless(told(row["said"])),
        )
    show(table)


@upload.command()
@SITE
@PLATFORM
@START
@END
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), help="The file.  [default: here]"
)
def export(
    site: Path, platform: str | None, start: str | None, end: str | None, out: Path | None
) -> None:
    """Every message with its body as JSON, one a line."""
    loaded = load_for(site, ENERGY)
    lines = (
        json.dumps(row, ensure_ascii=False)
        for row in _messages(loaded, platform, (start, end), waiting=False)
    )
    if out is None:
        for line in lines:
            click.echo(line)
        return
    count = 0
    try:
        with out.open("x", encoding="utf-8") as file:
            for line in lines:
                file.write(line + "\n")
                count += 1
    except OSError as error:
        raise StoreError(
            msg("{path}: cannot be written: {error}", path=out, error=os_cause(error))
        ) from error
    click.echo(say("{count} messages in {path}", count=count, path=out))


def _messages(
    site: Site, platform: str | None, span: tuple[str | None, str | None], *, waiting: bool
) -> Iterator[dict[str, Any]]:
    from zoneinfo import ZoneInfo

    from bms.forward.platforms.overview import message_rows
    from bms.forward.platforms.postbox import FILE_NAME, Postbox
    from bms.forward.platforms.site_platforms import named_plans

    zone = site.file.zone
    first_ms = 0 if span[0] is None else to_ms(instant(zone, span[0], "--from"))
    last_ms = to_ms(clock_now() if span[1] is None else instant(zone, span[1], "--to"))
    if platform is not None:
        named_plans(site, platform)
    if not (site.state_dir / FILE_NAME).exists():
        return
    with Postbox(site.state_dir, read_only=True) as box:
        found = box.messages(platform, first_ms, last_ms, waiting=waiting)
        yield from message_rows(found, ZoneInfo(zone))


@upload.command()
@SITE
@PLATFORM
def send(site: Path, platform: str | None) -> None:
    """Make and send what is due, once: where no controller runs, which does it by itself."""
    from bms.forward.copying.timing import Timing
    from bms.forward.platforms.sending import Places, PlatformUpload
    from bms.forward.platforms.site_platforms import named_plans
    from bms.ledger.up_to_date import open_ledger
    from bms.storage.lock import SiteLock

    loaded = load_for(site, ENERGY)
    plans = named_plans(loaded, platform)
    lock = SiteLock(loaded.state_dir)
    lock.take()
    try:
        now = clock_now()
        with open_ledger(loaded, loaded.state_dir, now):
            pass  # brought up to date
        places = Places(loaded.directory, loaded.state_dir, lambda: now)
        well = True
        for plan in plans:
            task = PlatformUpload(plan, places, Timing(clock_now))
            done = asyncio.run(task.once())
            well &= done
            text = msg("all that is due is acknowledged") if done else task.said
            click.echo(f"{plan.name}: {harmless(told(text))}")
    finally:
        lock.release()
    if not well:
        raise SystemExit(1)
