"""When a block is to be started, from what is seen of its zone and what was learned. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from statistics import median
from typing import Literal
from zoneinfo import ZoneInfo

from bms.config.resolving.optimal_start import Optimal
from bms.config.site import Group
from bms.control.engine.states import Words
from bms.control.supervise.learning import (
    BAND_K,
    Direction,
    Measured,
    Rates,
    nearest_key,
    needed_h,
    told,
)
from bms.core.decisions import Snapshot
from bms.texts.messages import msg
from drivers.points import PointId
from schedules.answering.answers import Change

PLAUSIBLE_C = (-40.0, 60.0)
MISSES = 3
"""Mornings in a row on which the zone moved less than `BAND_K`: then the schedule is kept."""


@dataclass(frozen=True, slots=True)
class Early:
    """The decision for the switch at `switch`; it stands until then."""

    kind: Literal["start", "stop"]
    switch: datetime
    reason: Words


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


@dataclass(frozen=True, slots=True)
class Expected:
    """When a block would be started, at the temperatures of now."""

    start: datetime
    block: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Seen:
    """What one cycle knows; None: not good."""

    zone_c: float | None
    outdoor_c: float | None
    running: bool | None


def observe(group: Group, optimal: Optimal, snapshot: Snapshot) -> Seen:
    """The zone is the median of its sensors, if more than half of them are good."""
    values = [_temperature(snapshot, point) for point in optimal.zone]
    good = [value for value in values if value is not None]
    zone = median(good) if len(good) * 2 > len(values) else None
    outdoor = _temperature(snapshot, optimal.outdoor) if optimal.outdoor is not None else None
    proofs = [member.points.get("status", member.points.get("enable")) for member in group.members]
    flags = [flag for point in proofs if point and (flag := snapshot.flag(point)) is not None]
    return Seen(zone, outdoor, any(flags) if flags else None)


def expected_start(
    optimal: Optimal, state: OptimalState, change: Change, seen: Seen, zone: str
) -> Expected | None:
    """When the block that begins with `change` is to be started; None: as scheduled.

    `zone` is the IANA zone of the base, for the reason.
    """
    target = change.entry.setpoints.get(optimal.file.setpoint)
    if target is None or seen.zone_c is None or state.misses >= MISSES:
        return None
    direction, gap_k = gap_of(optimal, change.entry.season, seen.zone_c, target)
    key = known_key(optimal, state, direction, change.entry.season, seen)
    if gap_k <= BAND_K or key is None:
        return None
    needed = timedelta(hours=needed_h(state.rates, key, gap_k))
    k_per_h = (gap_k - BAND_K) / (needed / timedelta(hours=1))
    known = told(state.rates, key, change.entry.season, seen.outdoor_c)
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
    return Expected(change.time - lead, change.time, reason)


def known_key(
    optimal: Optimal, state: OptimalState, kind: str | None, season: str, seen: Seen
) -> str | None:
    """The key of the rate learned for now; None if none is, or an input is not good."""
    if kind is None or (optimal.outdoor is not None and seen.outdoor_c is None):
        return None
    return nearest_key(state.rates, kind, season, seen.outdoor_c)


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
