"""How much power a group takes in each of its modes, for estimates: measured, or else rated.

Measured means: energy by the registers of the group's own meter (or of all its members), over
the intervals of the last weeks during which the group was in one mode, divided by their hours.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Literal

from bms.config.site import Group
from bms.energy.intervals import intervals, marks_of
from bms.historian.log.log_queries import Queries
from drivers.points import PointId, Value

LOOK_BACK = timedelta(days=28)
EVIDENCE_H = 2.0
"""A mode that was in force for less is not counted as measured."""
LONGEST_INTERVAL = timedelta(hours=1)
"""Across a longer one nobody knows when the energy was used."""

_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class GroupPower:
    """Mean electrical power by mode, in kW."""

    by_mode_kw: Mapping[str, float]
    hours: Mapping[str, float]
    """How many hours of each mode the measurement rests on; empty if rated."""
    basis: Literal["measured", "rated"]

    def kwh(self, hours: Mapping[str, float]) -> float | None:
        """Energy of (possibly negative) hours by mode; None if the power of one is not known."""
        if any(mode not in self.by_mode_kw for mode, count in hours.items() if count):
            return None
        return sum(count * self.by_mode_kw[mode] for mode, count in hours.items() if count)


def group_power(
    group: Group, modes: Sequence[str], history: Queries | None, now: datetime
) -> GroupPower | None:
    """The power of a group in `modes`; None if it is neither measured nor rated.

    `rated` takes every mode but `off` at the sum of the members' `rated_kw`: the most they take.
    """
    if history is not None:
        measured = _measured(group, history, now)
        if measured is not None and all(mode in measured.by_mode_kw for mode in modes):
            return measured
    ratings = [member.rated_kw for member in group.members]
    total_kw = 0.0
    for rating in ratings:
        if rating is None:
            return None
        total_kw += rating
    by_mode = {mode: 0.0 if mode in ("off", "") else total_kw for mode in modes}
    return GroupPower(MappingProxyType(by_mode), MappingProxyType({}), "rated")


def _measured(group: Group, history: Queries, now: datetime) -> GroupPower | None:
    since = now - LOOK_BACK
    stretches = list(_modes(group, history, since, now))
    counters = _counters(group)
    if not counters or not stretches:
        return None
    found = [_by_mode(counter, stretches, history, since, now) for counter in counters]
    known = [
        mode
        for mode in found[0]
        if all(mode in part and part[mode][1] >= EVIDENCE_H for part in found)
    ]
    if not known:
        return None
    return GroupPower(
        MappingProxyType(
            {mode: sum(part[mode][0] / part[mode][1] for part in found) for mode in known}
        ),
        MappingProxyType({mode: min(part[mode][1] for part in found) for mode in known}),
        "measured",
    )


def _counters(group: Group) -> list[PointId]:
    """The energy counters that together are the group; empty if a member has none."""
    if group.meter is not None and "energy" in group.meter.points:
        return [group.meter.points["energy"]]
    points = [member.points.get("energy") for member in group.members]
    return [point for point in points if point is not None] if all(points) else []


def _modes(
    group: Group, history: Queries, since: datetime, now: datetime
) -> Iterator[tuple[datetime, datetime, str]]:
    """From, until and mode of every stretch that history knows."""
    first = history.award_at(group.mode_point, since)
    changes: list[tuple[datetime, Value | None]] = []
    if first is not None:
        changes.append((since, None if first.award is None else first.award.value))
    changes += [
        (row.time, None if row.award is None else row.award.value)
        for row in history.awards(group.mode_point, since, now)
    ]
    for number, (start, mode) in enumerate(changes):
        end = changes[number + 1][0] if number + 1 < len(changes) else now
        if mode is not None and end > start:
            yield start, end, str(mode)


def _by_mode(
    counter: PointId,
    stretches: Sequence[tuple[datetime, datetime, str]],
    history: Queries,
    since: datetime,
    now: datetime,
) -> dict[str, tuple[float, float]]:
    """Energy in kWh and hours by mode, from the intervals that lie inside one stretch."""
    meter = history.meter(counter)
    if meter is None:
        return {}
    resolution_kwh = float(meter.resolution)
    begins = [start for start, _, _ in stretches]
    found: dict[str, tuple[float, float]] = {}
    for part in intervals(marks_of(history.readings(counter, since, now))):
        if part.counts is None or part.end - part.start > LONGEST_INTERVAL:
            continue
        place = bisect_right(begins, part.start) - 1
        if place < 0 or part.end > stretches[place][1]:
            continue
        mode = stretches[place][2]
        kwh, hours = found.get(mode, (0.0, 0.0))
        found[mode] = (
            kwh + part.counts * resolution_kwh,
            hours + (part.end - part.start) / _HOUR,
        )
    return found
