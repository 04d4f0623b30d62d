"""Commands that look at what schedules will do: preview, and the difference an edit makes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bms.cli.common import (
    AS_JSON,
    METERS_APART,
    SITE,
    clock_now,
    instant,
    load_for,
    load_site,
    print_json,
    show,
)

if TYPE_CHECKING:
    from bms.operations.requests.live_requests import Status

_DAYS = click.IntRange(1, 400)


@click.command()
@SITE
@click.argument("group")
@click.option("--days", type=_DAYS, default=7, show_default=True)
@click.option("--from", "start", help="First day.  [default: today]")
@AS_JSON
def preview(site: Path, group: str, days: int, start: str | None, as_json: bool) -> None:
    """What GROUP will be commanded, day by day, and because of what.

    With overlays, extensions and overrides in force, as they are now.
    """
    from bms.cli.screens.schedule_tables import preview_screen
    from bms.operations.requests.preview_requests import PreviewGroup
    from bms.operations.use_cases.preview_cases import find_group, preview_group

    loaded = load_for(site, METERS_APART)
    # A day is the base's day: in the site's own zone it may begin on the day before.
    zone = loaded.bases[find_group(loaded, group).base].zone
    begin = instant(zone, start, "--from") if start else None
    asked = PreviewGroup(group=group, days=days, start=begin)
    answer = preview_group(loaded, asked, clock_now(), lambda: _status(loaded.state_dir))
    if as_json:
        print_json(answer.plain())
    else:
        show(*preview_screen(answer.shown()))


@click.command()
@SITE
@click.argument("edited", nargs=-1, type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option("--days", type=_DAYS, default=14, show_default=True)
@click.option("--from", "start", help="First instant.  [default: now]")
@AS_JSON
def diff(site: Path, edited: Sequence[Path], days: int, start: str | None, as_json: bool) -> None:
    """What EDITED files would change, if they replaced those of the same name in schedules/.

    Every command that becomes another over the next days, with holidays, seasons, overlays,
    overrides and clock changes as they will be; hours per group; and kWh, estimated from what the
    group was measured to take in each mode, or else from its rated power. Without EDITED the files
    on disk are compared with those in force.
    """
    from bms.cli.screens.schedule_tables import diff_screen
    from bms.operations.requests.preview_requests import CompareSchedules, EditedFile
    from bms.operations.use_cases.preview_cases import compare_schedules

    loaded = load_site(site)
    asked = CompareSchedules(
        files=tuple(EditedFile(path=one, text=one.read_text(encoding="utf-8")) for one in edited),
        days=days,
        start=instant(loaded.file.zone, start, "--from") if start else None,
    )
    answer = compare_schedules(loaded, asked, clock_now())
    if as_json:
        print_json(answer.plain())
    else:
        show(*diff_screen(answer.shown()))


def _status(state_dir: Path) -> Status | None:
    """How the site is now; None if no controller answers."""
    from bms.api.client import ask
    from bms.core.errors import Unreachable
    from bms.operations.requests.live_requests import STATUS, AskStatus

    try:
        return ask(state_dir, STATUS, AskStatus())
    except Unreachable:
        return None
