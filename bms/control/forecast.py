"""What a group will be commanded, before it happens: for previews and for comparing an edit. Pure.

The answers come from the controllers themselves, asked at every instant at which one of them can
answer otherwise, and arbitrated as in a cycle. So the engine will do what is expected here, as long
as nobody switches anything in between.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from types import MappingProxyType
from typing import Any

from bms.config.site import Group, Site
from bms.control import STRATEGIES, scheduled
from bms.control.engine.arbiter import award
from bms.control.supervise.operator import OverrideController
from bms.control.supervise.scheduled import resolver_of
from bms.core.decisions import Award, Command, Controller, Override, Snapshot
from drivers.points import PointId
from schedules.model.context import Context


@dataclass(frozen=True, slots=True)
class Expected:
    """One answer for all points of a group from `start` until just before `end` (aware UTC)."""

    start: datetime
    end: datetime
    awards: Mapping[PointId, Award]
    """By group point: the mode and setpoints. A point that nobody commands is not there."""


@dataclass(frozen=True, slots=True)
class Changed:
    """A command of a group point that an edit makes another, from `start` until `end`."""

    point: PointId
    start: datetime
    end: datetime
    before: Command | None
    after: Command | None


def group_points(group: Group) -> tuple[PointId, ...]:
    """The points that carry the mode and the setpoints of a group, the mode first."""
    setpoints = STRATEGIES[group.strategy].setpoints
    return (group.mode_point, *map(group.setpoint_point, setpoints))


def expected(
    site: Site,
    group: Group,
    overrides: Sequence[Override],
    context: Context,
    start: datetime,
    end: datetime,
) -> list[Expected]:
    """The answers between two instants (aware), contiguous, neighbours with equal awards merged."""
    points = group_points(group)
    schedules = scheduled(site, group, context)
    mine = [override for override in overrides if override.point in points]
    found: list[Expected] = []
    instants = [*_instants(site, group, mine, context, start, end), end]
    for begin, until in pairwise(instants):
        # An override is there from its start on; its controller, asked alone, believes the clock
        # to have been set back.
        forced = [OverrideController(o) for o in mine if o.start <= begin]
        awards = _awards([*schedules, *forced], begin)
        if found and found[-1].awards == awards:
            begin = found.pop().start
        found.append(Expected(begin, until, awards))
    return found


def changes(before: Sequence[Expected], after: Sequence[Expected]) -> list[Changed]:
    """Where the value of a command differs between two expectations of the same period.

    By time, then point. A command that only has another reason is not listed.
    """
    points = {point for part in (*before, *after) for point in part.awards}
    edges = sorted({t for part in (*before, *after) for t in (part.start, part.end)})
    was, becomes = _Cursor(before), _Cursor(after)
    found: dict[PointId, list[Changed]] = {point: [] for point in points}
    for begin, until in pairwise(edges):
        old, new = was.at(begin), becomes.at(begin)
        for point in points:
            one, other = _winner(old, point), _winner(new, point)
            if _value(one) == _value(other):
                continue
            known = found[point]
            if known and known[-1].end == begin and _alike(known[-1], one, other):
                last = known.pop()
                known.append(Changed(point, last.start, until, last.before, last.after))
            else:
                known.append(Changed(point, begin, until, one, other))
    listed = [change for changed in found.values() for change in changed]
    return sorted(listed, key=lambda change: (change.start, change.point))


def hours_by_mode(group: Group, parts: Sequence[Expected]) -> dict[str, float]:
    """Hours in each mode; a mode that nobody commands counts as ''."""
    hours: dict[str, float] = {}
    for part in parts:
        winner = part.awards.get(group.mode_point)
        mode = "" if winner is None else str(winner.value)
        hours[mode] = hours.get(mode, 0.0) + (part.end - part.start) / timedelta(hours=1)
    return hours


def _instants(
    site: Site,
    group: Group,
    overrides: Sequence[Override],
    context: Context,
    start: datetime,
    end: datetime,
) -> list[datetime]:
    """Every instant from `start` on at which a controller may answer otherwise, in order."""
    found = {start}
    for override in overrides:
        found |= {edge for edge in (override.start, override.until) if start < edge < end}
    resolver = resolver_of(site, group.id, context)
    at = start
    while resolver is not None:
        change = resolver.next_change(at, horizon_days=max(1, (end - start).days + 1))
        if change is None or change.time >= end:
            break
        at = change.time
        found.add(at)
    return sorted(found)


def _awards(controllers: Sequence[Controller[Any]], now: datetime) -> Mapping[PointId, Award]:
    snapshot = Snapshot(now, {})
    commands: dict[PointId, list[Command]] = {}
    for controller in controllers:
        for command in controller.decide(snapshot, controller.initial(), now).commands:
            commands.setdefault(command.point, []).append(command)
    awards = {point: award(found, now) for point, found in commands.items()}
    return MappingProxyType({point: found for point, found in awards.items() if found is not None})


class _Cursor:
    """Finds the part in force at instants that only grow."""

    def __init__(self, parts: Sequence[Expected]) -> None:
        self._parts: Iterator[Expected] = iter(parts)
        self._now: Expected | None = next(self._parts, None)

    def at(self, time: datetime) -> Expected | None:
        while self._now is not None and self._now.end <= time:
            self._now = next(self._parts, None)
        return self._now if self._now is not None and self._now.start <= time else None


def _winner(part: Expected | None, point: PointId) -> Command | None:
    found = part.awards.get(point) if part is not None else None
    return None if found is None else found.winner


def _value(command: Command | None) -> object:
    return None if command is None else command.value


def _alike(change: Changed, before: Command | None, after: Command | None) -> bool:
    """Whether it is the same change going on: the same values for the same reasons."""
    return (change.before, change.after) == (before, after)
