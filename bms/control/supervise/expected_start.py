"""When a block is to be started, from what is seen of its zone and what was learned. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from statistics import median
from typing import Literal
from zoneinfo import ZoneInfo

from bms.config.resolving.optimal_start import Optimal
from bms.config.site import Group
from bms.control.engine.protection import is_on
from bms.control.engine.states import Words
from bms.control.supervise.learning import (
    BAND_K,
    SETBACK,
    Direction,
    Measured,
    Rates,
    known_start,
    nearest_key,
    needed_h,
    rest_of,
    told,
)
from bms.control.supervise.next_change import Steps, next_switch, rested
from bms.core.decisions import Snapshot
from bms.texts.messages import msg
from drivers.points import PointId
from schedules.answering.answers import Change, Entry
from schedules.answering.resolve import Resolver

HORIZON = timedelta(days=1)
"""A block that begins later is nobody's business now."""
PLAUSIBLE_C = (-40.0, 60.0)
MISSES = 3
"""Mornings in a row on which the zone moved less than `BAND_K`: then the schedule is kept."""


@dataclass(frozen=True, slots=True)
class Early:
    """The decision for the switch at `switch`; it stands until then."""

    kind: Literal["start", "stop"]
    switch: datetime
    reason: Words
    sure: bool = False
    """The start is as early as is allowed, or rests on enough days: a zone that is not there in
    time is a fault."""


@dataclass(frozen=True, slots=True)
class OptimalState:
    """The learned rates, and what is under way."""

    rates: Rates = field(default_factory=dict)
    ran: bool | None = None
    measured: Measured | None = None
    early: Early | None = None
    given_up: datetime | None = None
    """The switch before which an early stop was taken back: the zone drifted too far."""
    misses: int = 0
    purging: bool = False
    watched: datetime | None = None
    """Since when the group is looked at: what stood still before is not known to have rested."""
    aim_c: float | None = None
    """The setpoint that the zone is brought to while the group runs."""
    late: int = 0
    """Blocks in a row that were started early, and began with the zone not there."""
    late_k: float = 0.0
    """What was missing at the last of them."""


@dataclass(frozen=True, slots=True)
class Expected:
    """When a block would be started, at the temperatures of now."""

    start: datetime
    block: datetime
    reason: str
    sure: bool = False
    """See `Early`."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What one cycle knows; None: not good."""

    zone_c: float | None
    outdoor_c: float | None
    running: bool | None


def observe(group: Group, optimal: Optimal, snapshot: Snapshot, season: str) -> Seen:
    """What decides in a season, if more than half of the zone's sensors are good."""
    values = [_temperature(snapshot, point) for point in optimal.zone]
    good = [value for value in values if value is not None]
    direction = direction_of(optimal, season) if optimal.one_way(season) else None
    share = optimal.file.ready_pct / 100
    zone = deciding(good, direction, share) if len(good) * 2 > len(values) else None
    outdoor = _temperature(snapshot, optimal.outdoor) if optimal.outdoor is not None else None
    proofs = [member.points.get("status", member.points.get("enable")) for member in group.members]
    flags = [flag for point in proofs if point and (flag := snapshot.flag(point)) is not None]
    return Seen(zone, outdoor, any(flags) if flags else None)


def deciding(zones_c: Sequence[float], direction: Direction | None, share: float) -> float:
    """The zone that is the last of the `share` of zones which have to be there.

    Heating that is the coldest but for those left out, cooling the warmest; the median where both
    may happen. `zones_c` is not empty.
    """
    if direction is None:
        return median(zones_c)
    ordered = sorted(zones_c, reverse=direction == "heating")
    return ordered[max(1, math.ceil(share * len(ordered) - 1e-9)) - 1]


def expected_start(
    optimal: Optimal, state: OptimalState, change: Change, seen: Seen, zone: str, rest: int = 0
) -> Expected | None:
    """When the block that begins with `change` is to be started; None: as scheduled.

    `zone` is the IANA zone of the base, for the reason; `rest` the class of the rest before.
    """
    target = change.entry.setpoints.get(optimal.file.setpoint)
    if target is None or seen.zone_c is None or state.misses >= MISSES:
        return None
    direction, gap_k = gap_of(optimal, change.entry.season, seen.zone_c, target)
    if direction is None or gap_k <= BAND_K or _blind(optimal, seen):
        return None
    season = change.entry.season
    found = known_start(state.rates, direction, rest, season, seen.outdoor_c)
    if found is None:
        return None
    needed = timedelta(hours=found.longer * needed_h(state.rates, found.key, gap_k))
    k_per_h = (gap_k - BAND_K) / (needed / timedelta(hours=1))
    known = told(state.rates, found.key, season, seen.outdoor_c)
    if rest > 0:
        known = msg("{known}, after a longer rest", known=known)
    lead = min(needed, optimal.file.max_start)
    arguments = {
        "target_c": target,
        "time": change.time.astimezone(ZoneInfo(zone)),
        "minutes": _minutes(needed),
        "k_per_h": k_per_h,
        "known": known,
        "reason": change.entry.reason,
        "origin": change.entry.origin,
    }
    if lead < needed:
        reason = msg(
            "optimal start: {target_c:.1f} degC by {time:%H:%M} needs {minutes} min at "
            "{k_per_h:.1f} K/h, more than the {allowed_min} min allowed ({known}), {reason}, "
            "{origin}",
            allowed_min=_minutes(lead),
            **arguments,
        )
    else:
        reason = msg(
            "optimal start: {target_c:.1f} degC by {time:%H:%M} needs {minutes} min at "
            "{k_per_h:.1f} K/h ({known}), {reason}, {origin}",
            **arguments,
        )
    return Expected(change.time - lead, change.time, reason, found.sure or lead < needed)


def known_key(
    optimal: Optimal, state: OptimalState, kind: str | None, season: str, seen: Seen
) -> str | None:
    """The key of the rate learned for now; None if none is, or an input is not good."""
    if kind is None or _blind(optimal, seen):
        return None
    return nearest_key(state.rates, kind, season, seen.outdoor_c)


def _blind(optimal: Optimal, seen: Seen) -> bool:
    """Whether the weather that the rates depend on is not known."""
    return optimal.outdoor is not None and seen.outdoor_c is None


def direction_of(optimal: Optimal, season: str) -> Direction | None:
    """What the group does in a season; a season of both is told apart by the gap."""
    if season in optimal.file.cools:
        return "cooling"
    return "heating" if season in optimal.file.heats else None


def gap_of(
    optimal: Optimal, season: str, zone_c: float, target_c: float
) -> tuple[Direction | None, float]:
    """In which direction the zone has to go, and how far (K); not at all: at most 0."""
    cools, heats = season in optimal.file.cools, season in optimal.file.heats
    if cools and (zone_c >= target_c or not heats):
        return "cooling", zone_c - target_c
    return ("heating", target_c - zone_c) if heats else (None, 0.0)


def _temperature(snapshot: Snapshot, point: PointId) -> float | None:
    value = snapshot.number(point)
    least_c, most_c = PLAUSIBLE_C
    return value if value is not None and least_c <= value <= most_c else None


def _minutes(duration: timedelta) -> int:
    return round(duration.total_seconds() / 60)


def name_for(group_id: str) -> str:
    """The name of a group's controller, under which its state is kept."""
    return f"optimal:{group_id}"


def earliest(
    group: Group,
    state_of: Callable[[str], object],
    resolver: Resolver,
    snapshot: Snapshot,
    now: datetime,
    zone: str,
) -> Expected | None:
    """The first of the group's members, or the group, that is to begin early; see `upcoming`."""
    found = (
        upcoming(one, state_of(name_for(one.id)), resolver, snapshot, now, zone)
        for one in (group.each or (group,))
    )
    return min((e for e in found if e is not None), key=lambda e: e.start, default=None)


def upcoming(
    group: Group, state: object, resolver: Resolver, snapshot: Snapshot, now: datetime, zone: str
) -> Expected | None:
    """When the group's next block is started early, or would be at the temperatures of now.

    `state` is that of the group's `OptimalController`. None: as scheduled, or nothing within a day.
    """
    optimal = group.optimal
    if optimal is None or not isinstance(state, OptimalState):
        return None
    entry = resolver.effective(now)
    change = next_switch(resolver, now, HORIZON, steps_of(optimal))
    if change is None or not is_on(change.entry.mode):
        return None
    early = state.early
    if early is not None and early.switch == change.time:
        return Expected(now, change.time, early.reason)
    seen = observe(group, optimal, snapshot, change.entry.season)
    rest = SETBACK if is_on(entry.mode) else rest_of(rested(resolver, change.time))
    return expected_start(optimal, state, change, seen, zone, rest)


def steps_of(optimal: Optimal) -> Steps:
    """What counts as a step of the setpoint: more than `BAND_K`, where it is clear which way."""
    name = optimal.file.setpoint

    def is_step(before: Entry, after: Entry) -> bool:
        from_c, to_c = before.setpoints.get(name), after.setpoints.get(name)
        if from_c is None or to_c is None or not optimal.one_way(after.season):
            return False
        return abs(to_c - from_c) > BAND_K

    return is_step
