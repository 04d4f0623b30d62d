"""Optimal start and stop, and night purge: the block's own commands, earlier than the block. Pure.

How fast a zone comes to its setpoint is learned: the mean of the first three mornings (MBL
`Utilities.OptimalStart`), then S = (1 - L) S + L s with L = 0.25, apart for each season, direction
and 5 K of outdoor temperature (control reference, 5), and for each half kelvin of the way: the
last one takes a zone's own controller several times as long as the ones before (measured on the
simulated rooms: one S for the whole way was wrong by up to 33 min, this by less than 10). A block
is started when the sum over the way to 0.6 K is left until it begins, never more than `max_start`
before. The drift after a stop is learned alike, over half an hour.

Nothing is done on a guess: without a good zone and outdoor temperature, without anything learned
in this season, and after three mornings on which the zone did not follow, the schedule is kept.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from statistics import median
from typing import Literal
from zoneinfo import ZoneInfo

from bms.config.models import Group, Site
from bms.config.optimal import Optimal, PurgeFile
from bms.control.blocks import next_switch
from bms.control.schedule import resolver_of
from bms.model import Command, Condition, Decision, Priority, Severity, Snapshot, Stage
from bms.protection import is_on
from drivers.points import PointId, Value
from schedules.answers import Change, Entry
from schedules.context import Context
from schedules.resolve import Resolver

LEARNING = 0.25
MEAN_OF = 3
BAND_K = 0.6
"""Closer to the setpoint than this counts as there; a smaller gap is no reason to start early. The
0.5 K of the control reference and a tenth: zone controllers have a deadband of 0.5 K, and come to
its edge ever more slowly."""
BIN_K = 5
SLOPE_K_H = (0.05, 30.0)
"""What a building can do; a measurement beyond is that of a broken sensor."""
PLAUSIBLE_C = (-40.0, 60.0)
MISSES = 3
"""Mornings in a row on which the zone moved less than `BAND_K`: then the schedule is kept."""
DRIFT_MEASURED = timedelta(minutes=30)
STEP_K = 0.5
MARK_K = 0.1
SETTLED = timedelta(minutes=20)
"""A zone that has not come nearer for so long, and is within 2 `BAND_K`, is where its own
controller wants it: inside the deadband of that."""
LOOKED_AT = timedelta(minutes=5)
UNSEEN_AT_MOST = timedelta(minutes=20)
HORIZON = timedelta(days=1)
AGAIN = timedelta(hours=1)
"""How long it stands that nothing changes within `HORIZON`."""
WARMER_BY_K = 1.0
"""A purge ends when the air outside is within this of the rooms."""

Direction = Literal["cooling", "heating"]


@dataclass(frozen=True, slots=True)
class Rate:
    """A learned speed of a zone, and on how many days."""

    k_per_h: float
    days: int


@dataclass(frozen=True, slots=True)
class Measured:
    """A measurement under way: how far the zone goes from here."""

    kind: Literal["start", "drift"]
    key: str
    direction: Direction
    begun: datetime
    from_c: float
    target_c: float
    seen: datetime
    """When it was last looked at, to `LOOKED_AT`: a gap, such as a restart, ends it."""
    level_k: float
    """The gap at the last border of a step, and when it was passed."""
    level_at: datetime
    mark_k: float
    """The gap when it last became smaller by `MARK_K`, and when."""
    mark_at: datetime


@dataclass(frozen=True, slots=True)
class Early:
    """What was decided for the switch at `switch`, and stands until then."""

    kind: Literal["start", "stop"]
    switch: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class OptimalState:
    """What is learned, and what is under way."""

    rates: Mapping[str, Rate] = field(default_factory=dict)
    """By `cooling|summer|25`: kind or direction, season, lower end of the outdoor bin; and by
    `cooling|summer|25|3` for the step of the way that begins at 0.6 K + 3 * 0.5 K."""
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


def optimal_controller(
    site: Site, group: Group, setpoints: frozenset[str], context: Context
) -> OptimalController | None:
    """The optimal start and stop of a group; None without an `optimal` block or a schedule."""
    if group.optimal is None:
        return None
    zone = site.bases[group.base].zone
    resolver = resolver_of(site, group.id, context)
    if resolver is None:
        return None
    return OptimalController(group, group.optimal, setpoints, resolver, zone)


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
    direction, gap_k = _gap(optimal, change.entry.season, seen.zone_c, target)
    found = _rate(optimal, state, direction, change.entry.season, seen)
    if gap_k <= BAND_K or found is None:
        return None
    key, rate, known = found
    needed = timedelta(hours=_needed_h(state, key, rate, gap_k))
    k_per_h = (gap_k - BAND_K) / (needed / timedelta(hours=1))
    lead = min(needed, optimal.file.max_start)
    bounded = f", more than the {_minutes(lead)} min allowed" if lead < needed else ""
    reason = (
        f"optimal start: {target:.1f} degC by {change.time.astimezone(ZoneInfo(zone)):%H:%M} needs "
        f"{_minutes(needed)} min at {k_per_h:.1f} K/h{bounded} ({known}), "
        f"{change.entry.reason}, {change.entry.origin}"
    )
    return Expected(change.time - lead, change.time, reason)


class OptimalController:
    """Commands the coming block's mode and setpoints early, and lets the running one end early."""

    stage = Stage.SUPERVISE
    priority = Priority.OPTIMISER

    def __init__(
        self,
        group: Group,
        optimal: Optimal,
        setpoints: frozenset[str],
        resolver: Resolver,
        zone: str,
    ) -> None:
        self.name = f"optimal:{group.id}"
        proofs = {m.points.get("status", m.points.get("enable")) for m in group.members}
        sensors = {*optimal.zone, optimal.outdoor, optimal.humidity, *proofs}
        self.reads = frozenset(point for point in sensors if point is not None)
        self.writes = frozenset({group.mode_point, *map(group.setpoint_point, setpoints)})
        self._group = group
        self._optimal = optimal
        self._resolver = resolver
        self._zone = zone
        self._asked: tuple[datetime, datetime, Change | None] | None = None
        self._looked = False
        self._last: tuple[object, tuple[Command, ...]] = (None, ())

    def initial(self) -> OptimalState:
        return OptimalState()

    def decide(
        self, snapshot: Snapshot, state: OptimalState, now: datetime
    ) -> Decision[OptimalState]:
        entry = self._resolver.in_force(now)
        change = self._next(now)
        seen = observe(self._group, self._optimal, snapshot)
        early = state.early
        if early is not None and (change is None or change.time != early.switch):
            early = None  # the switch came, or the schedule was edited
        state = replace(state, early=early) if early != state.early else state
        state = self._learn(state, seen, entry, change, now)
        self._looked = True
        if is_on(entry.mode):
            state = replace(state, purging=False) if state.purging else state
            return self._stop(state, seen, entry, change, now)
        return self._start(state, seen, snapshot, change, now)

    def _next(self, now: datetime) -> Change | None:
        """The next switch, asked anew only where the answer can be another one."""
        if self._asked is not None and self._asked[0] <= now < self._asked[1]:
            return self._asked[2]
        change = next_switch(self._resolver, now, HORIZON)
        self._asked = (now, now + AGAIN if change is None else change.time, change)
        return change

    # --- starting ----------------------------------------------------------------------------

    def _start(
        self,
        state: OptimalState,
        seen: Seen,
        snapshot: Snapshot,
        change: Change | None,
        now: datetime,
    ) -> Decision[OptimalState]:
        if change is None:
            return Decision((), state)
        if state.early is None:
            expected = expected_start(self._optimal, state, change, seen, self._zone)
            if expected is not None and now >= expected.start:
                early = Early("start", change.time, expected.reason)
                state = replace(state, early=early, purging=False)
        if state.early is not None:
            values = {self._group.mode_point: change.entry.mode} | {
                self._group.setpoint_point(name): value
                for name, value in change.entry.setpoints.items()
            }
            return Decision(self._commands(state.early.reason, values), state)
        purge = self._purge(state, seen, snapshot, change, now)
        if (purge is not None) != state.purging:
            state = replace(state, purging=purge is not None)
        if purge is not None:
            assert self._optimal.file.purge is not None
            mode = self._optimal.file.purge.mode
            commands = self._commands(purge, {self._group.mode_point: mode})
            return Decision(commands, state, self._troubles(state, seen, change, now))
        return Decision((), state, self._troubles(state, seen, change, now))

    def _troubles(
        self, state: OptimalState, seen: Seen, change: Change, now: datetime
    ) -> tuple[Condition, ...]:
        """Why a block is not started early although it could have been; only while it matters."""
        file = self._optimal.file
        if now < change.time - file.max_start:
            return ()
        if change.entry.season not in (*file.cools, *file.heats):
            return ()
        if file.setpoint not in change.entry.setpoints:
            return ()
        why = ""
        if seen.zone_c is None:
            why = "the zone temperature is not good"
        elif self._optimal.outdoor is not None and seen.outdoor_c is None:
            why = "the outdoor temperature is not good"
        elif state.misses >= MISSES:
            why = f"the zone did not follow on {state.misses} mornings in a row"
        if not why:
            return ()
        text = f"{self._group.id} starts as scheduled, not early: {why}"
        return (Condition(f"{self._group.id}:optimal", Severity.NORMAL, text),)

    def _purge(
        self,
        state: OptimalState,
        seen: Seen,
        snapshot: Snapshot,
        change: Change,
        now: datetime,
    ) -> str | None:
        """Why night air is let through the rooms now; None: it is not."""
        purge = self._optimal.file.purge
        target = change.entry.setpoints.get(self._optimal.file.setpoint)
        zone_c, outdoor_c = seen.zone_c, seen.outdoor_c
        if purge is None or target is None or zone_c is None or outdoor_c is None:
            return None
        if change.entry.season not in purge.seasons or not self._in_window(purge, now):
            return None
        if self._optimal.humidity is not None:
            humidity = snapshot.number(self._optimal.humidity)
            if humidity is None or humidity > purge.max_humidity_pct:
                return None
        above_k = 0.0 if state.purging else BAND_K
        colder_k = min(WARMER_BY_K, purge.colder_k) if state.purging else purge.colder_k
        if zone_c <= target + above_k or outdoor_c >= zone_c - colder_k:
            return None
        window = f"{_hhmm(purge.start)}-{_hhmm(purge.end)}"
        return f"night purge {window}: rooms above {target:g} degC, cooler air outside"

    def _in_window(self, purge: PurgeFile, now: datetime) -> bool:
        local = now.astimezone(ZoneInfo(self._zone))
        minute = local.hour * 60 + local.minute
        if purge.start < purge.end:
            return purge.start <= minute < purge.end
        return minute >= purge.start or minute < purge.end

    # --- stopping ----------------------------------------------------------------------------

    def _stop(
        self,
        state: OptimalState,
        seen: Seen,
        entry: Entry,
        change: Change | None,
        now: datetime,
    ) -> Decision[OptimalState]:
        file = self._optimal.file
        target = entry.setpoints.get(file.setpoint)
        if file.max_stop is None or change is None or target is None or seen.zone_c is None:
            # A bad sensor takes an early stop back: the rooms are not to be lost sight of.
            return Decision((), replace(state, early=None) if state.early is not None else state)
        direction = _direction(self._optimal, entry.season)
        if direction is None:
            return Decision((), state)
        sign = 1 if direction == "cooling" else -1
        left_k = file.drift_k - max(0.0, sign * (seen.zone_c - target))
        if state.early is not None and left_k <= 0:
            return Decision((), replace(state, early=None, given_up=change.time))
        if state.early is None and state.given_up != change.time:
            found = _rate(self._optimal, state, "drift", entry.season, seen)
            if found is not None and left_k > 0:
                _, rate, known = found
                lead = min(timedelta(hours=left_k / rate.k_per_h), file.max_stop)
                if now >= change.time - lead:
                    local = change.time.astimezone(ZoneInfo(self._zone))
                    reason = (
                        f"optimal stop: until {local:%H:%M} the zone drifts by at most "
                        f"{file.drift_k:g} K at {rate.k_per_h:.1f} K/h ({known}), "
                        f"{entry.reason}, {entry.origin}"
                    )
                    state = replace(state, early=Early("stop", change.time, reason))
        if state.early is None:
            return Decision((), state)
        values: dict[PointId, Value] = {
            self._group.setpoint_point(file.setpoint): target + sign * file.drift_k
        }
        if file.stop_mode is not None:
            values = {self._group.mode_point: file.stop_mode}
        return Decision(self._commands(state.early.reason, values), state)

    # --- learning ----------------------------------------------------------------------------

    def _learn(
        self,
        state: OptimalState,
        seen: Seen,
        entry: Entry,
        change: Change | None,
        now: datetime,
    ) -> OptimalState:
        if state.measured is not None:
            state = self._measure(state, state.measured, seen, now)
        if seen.running is None or seen.running == state.ran:
            return state
        known = self._looked and state.ran is not None  # after a restart nobody knows since when
        begun, ended = known and seen.running, known and not seen.running
        state = replace(state, ran=seen.running)
        early = state.early is not None and state.early.kind == "start"
        told = change.entry if early and change is not None else entry
        target = told.setpoints.get(self._optimal.file.setpoint)
        if begun and target is not None and is_on(told.mode):
            return self._begin(state, "start", told.season, target, seen, now)
        if ended and not is_on(entry.mode) and change is not None:
            target = change.entry.setpoints.get(self._optimal.file.setpoint)
            if target is not None:
                return self._begin(state, "drift", entry.season, target, seen, now)
        return state

    def _begin(
        self,
        state: OptimalState,
        kind: Literal["start", "drift"],
        season: str,
        target_c: float,
        seen: Seen,
        now: datetime,
    ) -> OptimalState:
        if seen.zone_c is None or (self._optimal.outdoor is not None and seen.outdoor_c is None):
            return state
        direction, gap_k = _gap(self._optimal, season, seen.zone_c, target_c)
        if direction is None or (kind == "start" and gap_k <= BAND_K):
            return state
        key = _key("drift" if kind == "drift" else direction, season, seen.outdoor_c)
        return replace(
            state,
            measured=Measured(
                kind, key, direction, now, seen.zone_c, target_c, now, gap_k, now, gap_k, now
            ),
        )

    def _measure(
        self, state: OptimalState, measured: Measured, seen: Seen, now: datetime
    ) -> OptimalState:
        """Go on with a measurement, or end it with what it taught."""
        elapsed = now - measured.begun
        gone = replace(state, measured=None)
        unseen = now - measured.seen
        if unseen < timedelta(0) or unseen > UNSEEN_AT_MOST or seen.running is None:
            return gone  # the clock was set back, or nobody knows what ran
        if unseen >= LOOKED_AT:
            measured = replace(measured, seen=now)
            state = replace(state, measured=measured)
        if seen.running is (measured.kind == "drift"):
            return gone  # somebody switched it meanwhile
        if seen.zone_c is None:
            return state if elapsed <= self._optimal.file.max_start else gone
        sign = -1 if (measured.direction == "cooling") == (measured.kind == "start") else 1
        moved_k = sign * (seen.zone_c - measured.from_c)
        if measured.kind == "drift":
            if elapsed < DRIFT_MEASURED:
                return state
            return _taught(gone, measured.key, moved_k / _hours(elapsed))
        gap_k = abs(measured.from_c - measured.target_c) - moved_k
        state, measured = _passed(state, measured, gap_k, now)
        if gap_k <= measured.mark_k - MARK_K:
            measured = replace(measured, mark_k=gap_k, mark_at=now)
        settled = now - measured.mark_at >= SETTLED and measured.mark_k <= 2 * BAND_K
        late = elapsed > self._optimal.file.max_start + timedelta(hours=1)
        if gap_k > BAND_K and not settled and not late:
            return state if measured == state.measured else replace(state, measured=measured)
        gone = replace(state, measured=None)
        come_k = moved_k
        if settled and gap_k > BAND_K:
            elapsed, come_k = measured.mark_at - measured.begun, moved_k + gap_k - measured.mark_k
            last_k = measured.level_k - measured.mark_k
            if last_k >= MARK_K:
                taken = measured.mark_at - measured.level_at
                gone = _taught(gone, f"{measured.key}|0", last_k / _hours(taken))
        elif late and come_k < BAND_K:
            return replace(gone, misses=state.misses + 1)
        return _taught(replace(gone, misses=0), measured.key, come_k / _hours(elapsed))

    def _commands(self, reason: str, values: Mapping[PointId, Value]) -> tuple[Command, ...]:
        """The same tuple for the same answer, so that it costs the engine nothing."""
        key = (reason, tuple(values.items()))
        if self._last[0] != key:
            commands = tuple(
                Command(
                    point=point,
                    value=value,
                    priority=self.priority,
                    source=self.name,
                    reason=reason,
                )
                for point, value in values.items()
            )
            self._last = (key, commands)
        return self._last[1]


def _passed(
    state: OptimalState, measured: Measured, gap_k: float, now: datetime
) -> tuple[OptimalState, Measured]:
    """What the borders of steps that the zone has passed since the last look teach."""
    first = math.ceil((measured.level_k - BAND_K) / STEP_K - 1e-9) - 1
    last = max(0, math.ceil((gap_k - BAND_K) / STEP_K - 1e-9))
    if last > first:
        return state, measured
    border_k = BAND_K + last * STEP_K
    way_k, taken = measured.level_k - border_k, now - measured.level_at
    for step in range(last, first + 1):
        # Of a step that it entered near its end the start-up of the plant is most of the time.
        if way_k >= STEP_K / 2 and taken > timedelta(0):
            state = _taught(state, f"{measured.key}|{step}", way_k / _hours(taken))
    return state, replace(measured, level_k=border_k, level_at=now)


def _needed_h(state: OptimalState, key: str, rate: Rate, gap_k: float) -> float:
    """Hours over all steps of the way from a gap to `BAND_K`; unknown steps take the mean speed."""
    hours, step, below_k = 0.0, 0, BAND_K
    while below_k < gap_k:
        above_k = min(below_k + STEP_K, gap_k)
        hours += (above_k - below_k) / state.rates.get(f"{key}|{step}", rate).k_per_h
        step, below_k = step + 1, above_k
    return hours


def _hours(duration: timedelta) -> float:
    return max(duration.total_seconds(), 1.0) / 3600


def _taught(state: OptimalState, key: str, k_per_h: float) -> OptimalState:
    """The state with one more measured day."""
    slope = min(max(k_per_h, SLOPE_K_H[0]), SLOPE_K_H[1])
    before = state.rates.get(key, Rate(0.0, 0))
    share = 1 / (before.days + 1) if before.days < MEAN_OF else LEARNING
    rate = Rate(before.k_per_h + share * (slope - before.k_per_h), before.days + 1)
    return replace(state, rates={**state.rates, key: rate})


def _rate(
    optimal: Optimal, state: OptimalState, kind: str | None, season: str, seen: Seen
) -> tuple[str, Rate, str] | None:
    """The speed to reckon with, its key, and where it comes from; None if nothing is known.

    In weather that has not been met in this season, the speed of the nearest that has; of two as
    near the faster, which starts later.
    """
    if kind is None or (optimal.outdoor is not None and seen.outdoor_c is None):
        return None
    key = _key(kind, season, seen.outdoor_c)
    found = state.rates.get(key)
    here = _bin_text(seen.outdoor_c)
    if found is not None:
        days = "1 day" if found.days == 1 else f"{found.days} days"
        return key, found, f"{season}, {here}learned on {days}"
    known = {
        int(parts[2]): rate
        for other, rate in state.rates.items()
        if len(parts := other.split("|")) == 3 and parts[:2] == [kind, season] and parts[2]
    }
    if not known or seen.outdoor_c is None:
        return None
    bin_c = _bin(seen.outdoor_c)
    nearest = min(known, key=lambda other: (abs(other - bin_c), -known[other].k_per_h))
    told = f"{season}, {here}as learned at {nearest} to {nearest + BIN_K} degC"
    return f"{kind}|{season}|{nearest}", known[nearest], told


def _direction(optimal: Optimal, season: str) -> Direction | None:
    """What the group does in a season; a season of both is told apart by the gap."""
    if season in optimal.file.cools:
        return "cooling"
    return "heating" if season in optimal.file.heats else None


def _gap(
    optimal: Optimal, season: str, zone_c: float, target_c: float
) -> tuple[Direction | None, float]:
    """In which direction the zone has to go, and how far (K); not at all: at most 0."""
    cools, heats = season in optimal.file.cools, season in optimal.file.heats
    if cools and (zone_c >= target_c or not heats):
        return "cooling", zone_c - target_c
    return ("heating", target_c - zone_c) if heats else (None, 0.0)


def _key(kind: str, season: str, outdoor_c: float | None) -> str:
    return f"{kind}|{season}|{'' if outdoor_c is None else _bin(outdoor_c)}"


def _bin(outdoor_c: float) -> int:
    return int(outdoor_c // BIN_K) * BIN_K


def _bin_text(outdoor_c: float | None) -> str:
    return "" if outdoor_c is None else f"{_bin(outdoor_c)} to {_bin(outdoor_c) + BIN_K} degC, "


def _temperature(snapshot: Snapshot, point: PointId) -> float | None:
    value = snapshot.number(point)
    return value if value is not None and PLAUSIBLE_C[0] <= value <= PLAUSIBLE_C[1] else None


def _minutes(duration: timedelta) -> int:
    return round(duration.total_seconds() / 60)


def _hhmm(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"
