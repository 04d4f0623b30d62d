"""What an edit of the schedules, or a switch of a season or an overlay, will do: every command that
becomes another, hours and kWh."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from bms.config.site import Group, Site
from bms.control.forecast import Changed, Expected, changes, expected, hours_by_mode
from bms.control.supervise.scheduled import resolver_of
from bms.core.decisions import Command, Override
from bms.core.instants import local
from bms.historian.log.log_queries import Queries, opened
from bms.reports.power import GroupPower, group_power
from schedules.model.context import Context


@dataclass(frozen=True, slots=True)
class GroupDiff:
    """One group for which the edit or switch makes a difference."""

    group: str
    zone: str
    changes: tuple[Changed, ...]
    hours_before: Mapping[str, float]
    """By mode; `""` is "nobody commands a mode"."""
    hours_after: Mapping[str, float]
    power: GroupPower | None

    @property
    def hours_by(self) -> dict[str, float]:
        """How many hours more (or less) in each mode; modes without a difference are left out."""
        modes = sorted({*self.hours_before, *self.hours_after})
        by = {m: self.hours_after.get(m, 0.0) - self.hours_before.get(m, 0.0) for m in modes}
        return {mode: hours for mode, hours in by.items() if abs(hours) > 1e-9}

    @property
    def kwh(self) -> float | None:
        """Estimate of the hours' difference; None if the group's power is not known.

        Changed setpoints are not in it: nobody has measured what they would do.
        """
        return None if self.power is None else self.power.kwh(self.hours_by)

    @property
    def setpoints_only(self) -> bool:
        """Whether modes stay as they are and only setpoints change."""
        return not self.hours_by and not any(c.point.endswith(".mode") for c in self.changes)


def schedule_diff(
    before: Site,
    after: Site,
    overrides: Sequence[Override],
    contexts: tuple[Context, Context],
    start: datetime,
    end: datetime,
    history: Queries | None,
) -> list[GroupDiff]:
    """Compare a site with the same site under other schedules, or otherwise switched, group by
    group.

    `contexts` are what is switched before and after: the same one for an edit. Equipment that has
    its own schedule on one side only is compared as a group of one that nobody commands on the
    other.
    """
    found = []
    for name in dict.fromkeys((*before.groups, *after.groups)):
        if _untouched(name, before, after, contexts):
            continue
        old, new = (
            expected(site, site.groups[name], overrides, context, start, end)
            if name in site.groups
            else [Expected(start, end, {})]
            for site, context in zip((before, after), contexts, strict=True)
        )
        different = changes(old, new)
        if different:
            site = before if name in before.groups else after
            found.append(_group_diff(site, site.groups[name], different, old, new, history, start))
    return found


def switch_diff(
    site: Site,
    overrides: Sequence[Override],
    contexts: tuple[Context, Context],
    start: datetime,
    end: datetime,
) -> list[GroupDiff]:
    """What other switches change at a running site, with what its history says of power.

    Blocks on the disk: to be called beside the control loop, with which it shares no resolver.
    """
    alone = replace(site, library=replace(site.library))
    with opened(site.state_dir) as history:
        return schedule_diff(alone, alone, overrides, contexts, start, end, history)


def _untouched(group: str, before: Site, after: Site, contexts: tuple[Context, Context]) -> bool:
    """Whether a switch does not bear on a group at all: then both sides have one resolver."""
    if before.library is not after.library:
        return False
    old, new = (resolver_of(before, group, context) for context in contexts)
    return old is new


def _group_diff(
    site: Site,
    group: Group,
    different: Sequence[Changed],
    old: Sequence[Expected],
    new: Sequence[Expected],
    history: Queries | None,
    now: datetime,
) -> GroupDiff:
    before, after = hours_by_mode(group, old), hours_by_mode(group, new)
    made = GroupDiff(group.id, site.bases[group.base].zone, tuple(different), before, after, None)
    return replace(made, power=group_power(group, list(made.hours_by), history, now))


def to_json(after: Site, found: Sequence[GroupDiff]) -> dict[str, Any]:
    """Plain values; times in each base's own zone."""
    estimates = [diff.kwh for diff in found]
    known = [kwh for kwh in estimates if kwh is not None]
    return {
        "groups": [_group_json(after, diff) for diff in found],
        "kwh": round(sum(known), 1) if len(known) == len(estimates) else None,
    }


def _group_json(site: Site, diff: GroupDiff) -> dict[str, Any]:
    zone = ZoneInfo(diff.zone)
    power = diff.power
    return {
        "group": diff.group,
        "title": dict(site.groups[diff.group].title) if diff.group in site.groups else {},
        "zone": diff.zone,
        "hours_before": {mode: round(h, 3) for mode, h in diff.hours_before.items()},
        "hours_after": {mode: round(h, 3) for mode, h in diff.hours_after.items()},
        "hours_by": {mode: round(h, 3) for mode, h in diff.hours_by.items()},
        "kwh": None if diff.kwh is None else round(diff.kwh, 1),
        "power": None
        if power is None
        else {
            "basis": power.basis,
            "kw": {mode: round(kw, 2) for mode, kw in power.by_mode_kw.items()},
            "hours": {mode: round(h, 1) for mode, h in power.hours.items()},
        },
        "setpoints_only": diff.setpoints_only,
        "changes": [
            {
                "point": change.point,
                "from": local(change.start, zone, "minutes"),
                "to": local(change.end, zone, "minutes"),
                "before": _command(change.before),
                "after": _command(change.after),
            }
            for change in diff.changes
        ],
    }


def _command(command: Command | None) -> dict[str, Any] | None:
    if command is None:
        return None
    return {
        "value": command.value,
        "priority": int(command.priority),
        "source": command.source,
        "reason": command.reason,
    }
