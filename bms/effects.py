"""What a switch would change: the coming days as they are, beside the days as they would be. Pure.

Asked beside the control loop: it makes resolvers of its own and shares none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from bms.config.models import Site
from bms.control.schedule import resolver_of
from schedules.answers import Entry
from schedules.context import Context
from schedules.resolve import Resolver

HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Effect:
    """What changes for one group within the time looked at."""

    target: str
    first: datetime
    """When the first difference comes (aware UTC)."""
    hours: float
    """For how many hours the mode or a setpoint is another."""
    modes: Mapping[str, tuple[float, float]]
    """Hours in each mode, before and after."""
    setpoints: Mapping[str, tuple[tuple[float, ...], tuple[float, ...]]]
    """Values of each setpoint that differs, before and after."""


def effects(
    site: Site, before: Context, after: Context, now: datetime, days: int
) -> tuple[Effect, ...]:
    """What `after` in place of `before` changes from `now` on, by group; unchanged ones are left
    out."""
    site = replace(site, library=replace(site.library))
    end = now + timedelta(days=days)
    found = []
    for target in site.library.governed:
        if target not in site.groups:
            continue
        old, new = (resolver_of(site, target, context) for context in (before, after))
        if old is None or new is None:
            continue
        effect = _effect(target, _answers(old, now, end), _answers(new, now, end), end)
        if effect is not None:
            found.append(effect)
    return tuple(found)


Answers = Sequence[tuple[datetime, Entry]]


def _answers(resolver: Resolver, now: datetime, end: datetime) -> Answers:
    days = (end - now).days + 2
    return [
        (max(s.start, now), s.entry)
        for s in resolver.preview(now, days)
        if s.end > now and s.start < end
    ]


def _effect(target: str, old: Answers, new: Answers, end: datetime) -> Effect | None:
    edges = sorted({at for at, _ in (*old, *new)} | {end})
    first: datetime | None = None
    differs = timedelta(0)
    modes: dict[str, list[timedelta]] = {}
    setpoints: dict[str, tuple[set[float], set[float]]] = {}
    for start, until in pairwise(edges):
        entries = _at(old, start), _at(new, start)
        for side, entry in enumerate(entries):
            modes.setdefault(entry.mode, [timedelta(0), timedelta(0)])[side] += until - start
            for name, value in entry.setpoints.items():
                setpoints.setdefault(name, (set(), set()))[side].add(value)
        if _given(entries[0]) != _given(entries[1]):
            first = first or start
            differs += until - start
    if first is None:
        return None
    return Effect(
        target,
        first,
        differs / HOUR,
        {mode: (a / HOUR, b / HOUR) for mode, (a, b) in sorted(modes.items())},
        {n: (tuple(sorted(a)), tuple(sorted(b))) for n, (a, b) in setpoints.items() if a != b},
    )


def _given(entry: Entry) -> tuple[str, dict[str, float]]:
    return entry.mode, dict(entry.setpoints)


def _at(answers: Answers, now: datetime) -> Entry:
    return [entry for at, entry in answers if at <= now][-1]


def to_json(found: Sequence[Effect], zones: Mapping[str, Any]) -> list[dict[str, Any]]:
    """As JSON values; `zones` are the bases' (tzinfo), by base."""
    return [
        {
            "target": effect.target,
            "first": effect.first.astimezone(zones[effect.target.partition(".")[0]]).isoformat(
                timespec="minutes"
            ),
            "hours": round(effect.hours, 2),
            "modes": {m: [round(a, 2), round(b, 2)] for m, (a, b) in effect.modes.items()},
            "setpoints": {n: [list(a), list(b)] for n, (a, b) in effect.setpoints.items()},
        }
        for effect in found
    ]
