"""Look at what schedules will do, from the files of a site and what its state directory keeps.

The state is read beside whoever has it: nothing is opened for writing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path

from bms.config.load import schedule_texts
from bms.config.resolving.singles import with_library
from bms.config.resolving.site_programme import check_schedules
from bms.config.site import Group, Site
from bms.control import STRATEGIES
from bms.core.decisions import Override
from bms.core.errors import InvalidInput
from bms.historian.log.log_queries import opened
from bms.operations.requests.live_requests import EarlyStart, Status
from bms.operations.requests.preview_requests import (
    CompareSchedules,
    EditedFile,
    Preview,
    PreviewGroup,
    SchedulesCompared,
)
from bms.operations.seasons.live_switched import known_context
from bms.reports.diff import schedule_diff, to_json
from bms.reports.preview import schedule_preview
from bms.storage.state import read_in_force
from bms.texts.messages import msg
from bms.texts.problems import suggestion
from schedules.model.context import Context


def find_group(site: Site, group: str) -> Group:
    """The group of that id. Raises InvalidInput."""
    if group not in site.groups:
        raise InvalidInput(
            msg(
                "unknown group '{group}'; {suggestion}",
                group=group,
                suggestion=suggestion(group, site.groups),
            )
        )
    return site.groups[group]


def preview_group(
    site: Site, asked: PreviewGroup, now: datetime, status: Callable[[], Status | None]
) -> Preview:
    """Whole local days of a group; `status` asks the controller, and answers None if none runs."""
    group = find_group(site, asked.group)
    overrides, context = _in_force(site, now)
    view = schedule_preview(site, group, overrides, context, asked.start or now, asked.days)
    early = _expected_start(group, status)
    return Preview.model_validate({**view, "expected_start": early})


def compare_schedules(site: Site, asked: CompareSchedules, now: datetime) -> SchedulesCompared:
    """The site as it stands and with the edited files. Raises InvalidInput with all problems."""
    after = _edited(site, asked.files)
    begin = (asked.start or now).replace(second=0, microsecond=0)
    end = begin + timedelta(days=asked.days)
    overrides, context = _in_force(site, now)
    with opened(site.state_dir) as history:
        found = schedule_diff(site, after, overrides or (), (context, context), begin, end, history)
    return SchedulesCompared.model_validate(to_json(after, found))


def _in_force(site: Site, now: datetime) -> tuple[tuple[Override, ...] | None, Context]:
    kept = read_in_force(site.state_dir, now)
    return kept.overrides, known_context(site.library, kept.switched)


def _edited(site: Site, files: tuple[EditedFile, ...]) -> Site:
    texts = dict(schedule_texts(site.directory))
    for file in files:
        texts[_place(file.path, texts)] = file.text
    library, problems = check_schedules(site, STRATEGIES, texts)
    if library is None:
        raise InvalidInput(msg("the edited schedules cannot be used"), problems)
    return with_library(site, library)


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


def _expected_start(group: Group, status: Callable[[], Status | None]) -> EarlyStart | None:
    """When optimal start will begin the next block, as far as anybody can tell now."""
    found = status() if group.optimal is not None else None
    if found is None:
        return None
    groups = (view for base in found.bases for view in base.groups)
    return next((view.expected_start for view in groups if view.id == group.id), None)
