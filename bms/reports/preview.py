"""What a group will be commanded over the next days, as plain values."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from bms.config.site import Group, Site
from bms.control.forecast import Expected, expected
from bms.control.supervise.scheduled import resolver_of
from bms.core.decisions import Override
from bms.core.instants import local
from bms.texts.messages import msg
from schedules.answering.resolve import Resolver
from schedules.model.context import Context


def schedule_preview(
    site: Site,
    group: Group,
    overrides: Sequence[Override] | None,
    context: Context,
    start: datetime,
    days: int,
) -> dict[str, Any]:
    """Whole local days from the one that holds `start`; `overrides` None: nobody was asked.

    Every stretch has the mode and setpoints in force, the command that decides the mode (with its
    slot and source), and the schedule's own line also where something else lies on top of it.
    `calendars_lack` has the years that a calendar of the schedule says nothing about: their
    holidays are shown as ordinary days.
    """
    zone = ZoneInfo(site.bases[group.base].zone)
    first = start.astimezone(zone).date()
    begin = datetime(first.year, first.month, first.day, tzinfo=zone)
    last = first + timedelta(days=days)
    end = datetime(last.year, last.month, last.day, tzinfo=zone)
    resolver = resolver_of(site, group.id, context)
    parts = expected(site, group, overrides or (), context, begin, end)
    members = {point for member in group.members for point in member.points.values()}
    return {
        "group": group.id,
        "title": dict(group.title),
        "zone": zone.key,
        "governed": resolver is not None,
        "calendars_lack": {
            name: list(years)
            for name, years in site.library.lacking(
                range(first.year, (last - timedelta(days=1)).year + 1), group.id
            ).items()
        },
        "stretches": [_stretch(group, part, zone, resolver) for part in parts],
        "overrides": None
        if overrides is None
        else [
            {
                "point": override.point,
                "value": override.value,
                "until": local(override.until, zone, "minutes"),
                "owner": override.owner,
                "reason": override.reason,
            }
            for override in overrides
            if override.point in members or override.point.startswith(f"{group.id}.")
        ],
    }


def _stretch(
    group: Group, part: Expected, zone: ZoneInfo, resolver: Resolver | None
) -> dict[str, Any]:
    entry = resolver.in_force(part.start) if resolver is not None else None
    mode = part.awards.get(group.mode_point)
    setpoints = {
        point.rpartition(".")[2]: award.value
        for point, award in part.awards.items()
        if point != group.mode_point
    }
    return {
        "from": local(part.start, zone, "minutes"),
        "to": local(part.end, zone, "minutes"),
        "mode": None if mode is None else mode.value,
        "setpoints": setpoints,
        "season": None if entry is None else entry.season,
        "reason": msg("nobody commands it") if mode is None else mode.winner.reason,
        "priority": None if mode is None else int(mode.winner.priority),
        "source": None if mode is None else mode.winner.source,
        "origin": None if entry is None else str(entry.origin),
    }
