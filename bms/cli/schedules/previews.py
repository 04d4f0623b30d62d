"""Commands that look at what schedules will do: preview, and the difference an edit makes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bms.cli.common import AS_JSON, SITE, clock_now, instant, load_site, print_json, show
from bms.core.errors import InvalidInput
from bms.texts.messages import msg

if TYPE_CHECKING:
    from bms.config.site import Site
    from bms.core.decisions import Override
    from schedules.model.context import Context

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
    from bms.reports.preview import schedule_preview
    from bms.texts.yaml.parsing import suggestion

    loaded = load_site(site)
    if group not in loaded.groups:
        raise InvalidInput(
            msg(
                "unknown group '{group}'; {suggestion}",
                group=group,
                suggestion=suggestion(group, loaded.groups),
            )
        )
    # A day is the base's day: in the site's own zone it may begin on the day before.
    zone = loaded.bases[loaded.groups[group].base].zone
    now = clock_now()
    begin = instant(zone, start, "--from") if start else now
    overrides, context = in_force_now(loaded, now)
    view = schedule_preview(loaded, loaded.groups[group], overrides, context, begin, days)
    view["expected_start"] = _expected_if_running(loaded, group)
    if as_json:
        print_json(view)
    else:
        show(*preview_screen(view))


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
    from bms.historian.log.log_queries import opened
    from bms.reports.diff import schedule_diff, to_json

    loaded, after = _both(site, edited)
    now = clock_now()
    begin = instant(loaded.file.zone, start, "--from") if start else now
    begin = begin.replace(second=0, microsecond=0)
    overrides, context = in_force_now(loaded, now)
    with opened(loaded.state_dir) as history:
        found = schedule_diff(
            loaded,
            after,
            overrides or (),
            (context, context),
            begin,
            begin + timedelta(days=days),
            history,
        )
    view = to_json(after, found)
    if as_json:
        print_json(view)
    else:
        show(*diff_screen(view))


def _both(directory: Path, edited: Sequence[Path]) -> tuple[Site, Site]:
    """The site as it stands, and with the edited files. Raises InvalidInput with all problems."""
    from bms.config.load import schedule_texts
    from bms.config.resolving.singles import with_library
    from bms.config.resolving.site_programme import check_schedules
    from bms.control import STRATEGIES

    loaded = load_site(directory)
    texts = dict(schedule_texts(directory))
    for path in edited:
        texts[_place(path, texts)] = path.read_text(encoding="utf-8")
    library, problems = check_schedules(loaded, STRATEGIES, texts)
    if library is None:
        raise InvalidInput(msg("the edited schedules cannot be used"), problems)
    return loaded, with_library(loaded, library)


def _place(path: Path, texts: Mapping[str, str]) -> str:
    """The name, relative to the site, of the file that an edited copy stands for."""
    same = [name for name in texts if Path(name).name == path.name]
    if len(same) > 1:
        raise InvalidInput(
            msg(
                "{path}: more than one schedule file has this name: {names}",
                path=path,
                names=", ".join(same),
            )
        )
    return same[0] if same else f"schedules/{path.name}"


def in_force_now(site: Site, now: datetime) -> tuple[list[Override] | None, Context]:
    """Overrides in force and what is switched, as the state directory keeps it.

    None for the overrides of a site that has no state yet.
    """
    from bms.operations.seasons.live_switched import known_context
    from bms.storage.state import FILE_NAME, Store, read_switched

    context = known_context(site.library, read_switched(site.state_dir, now))
    if not (site.state_dir / FILE_NAME).exists():
        return None, context
    with Store(site.state_dir) as store:
        return store.active(now), context


def _expected_if_running(site: Site, group: str) -> dict[str, Any] | None:
    """When optimal start will begin the next block, as far as anybody can tell now."""
    from bms.api.client import ask
    from bms.core.errors import Unreachable
    from bms.operations.requests.live_requests import STATUS, AskStatus

    if site.groups[group].optimal is None:
        return None
    try:
        bases = ask(site.state_dir, STATUS, AskStatus()).bases
    except Unreachable:
        return None
    found = next((g.expected_start for base in bases for g in base.groups if g.id == group), None)
    return found.shown() if found is not None else None
