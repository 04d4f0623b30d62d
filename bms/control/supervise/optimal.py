"""Optimal start and stop, and night purge: the block's own commands, earlier than the block. Pure.

`supervise/learning.py` learns how long a zone needs to come within 0.6 K of its setpoint. A block
is started that long before it begins, at most `max_start` before; so is a step of the setpoint in a
block, as after a night setback. A block ends early by the time that the zone takes to drift by
`drift_k`, at most `max_stop`.

Nothing is done on a guess. The schedule is kept without a good zone and outdoor temperature,
without anything learned in this season, and after three mornings on which the zone did not follow.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

from bms.config.resolving.optimal_start import Optimal
from bms.config.site import Group, Site
from bms.control.blocks.commanded import NOTHING, Commanded
from bms.control.engine.protection import is_on
from bms.control.supervise.expected_start import (
    HORIZON,
    MISSES,
    Early,
    OptimalState,
    Seen,
    direction_of,
    expected_start,
    gap_of,
    known_key,
    name_for,
    observe,
    steps_of,
)
from bms.control.supervise.lateness import judged, lateness
from bms.control.supervise.learning import (
    BAND_K,
    SETBACK,
    begin,
    measure,
    rest_of,
    told,
)
from bms.control.supervise.next_change import next_switch, rested
from bms.control.supervise.purge import why_purge
from bms.control.supervise.scheduled import resolver_of
from bms.core.decisions import Command, Condition, Decision, Priority, Severity, Snapshot, Stage
from bms.texts.messages import msg
from drivers.points import PointId, Value
from schedules.answering.answers import Change, Entry
from schedules.answering.resolve import Resolver
from schedules.model.context import Context

AGAIN = timedelta(hours=1)
"""How long it stands that nothing changes within `HORIZON`."""


def optimal_controllers(
    site: Site, group: Group, setpoints: frozenset[str], context: Context
) -> list[OptimalController]:
    """The optimal start and stop of a group, or of each of its members.

    None without an `optimal` block or a schedule.
    """
    zone = site.bases[group.base].zone
    resolver = resolver_of(site, group.id, context)
    if resolver is None:
        return []
    return [
        OptimalController(one, one.optimal, setpoints, resolver, zone)
        for one in (group.each or (group,))
        if one.optimal is not None
    ]


class _Asked(NamedTuple):
    """The next switch, for how long it is known to be that, and the class of the rest before."""

    at: datetime
    until: datetime
    change: Change | None
    rest: int


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
        self.name = name_for(group.id)
        proofs = {m.points.get("status", m.points.get("enable")) for m in group.members}
        sensors = {*optimal.zone, optimal.outdoor, optimal.humidity, *proofs}
        self.reads = frozenset(point for point in sensors if point is not None)
        self.writes = frozenset({group.mode_point, *map(group.setpoint_point, setpoints)})
        self._group = group
        self._optimal = optimal
        self._resolver = resolver
        self._zone = zone
        self._asked: _Asked | None = None
        self._looked = False
        self._last = NOTHING
        self._steps = steps_of(optimal)
        self._proofs = frozenset(point for point in proofs if point is not None)

    def initial(self) -> OptimalState:
        return OptimalState()

    def decide(
        self, snapshot: Snapshot, state: OptimalState, now: datetime
    ) -> Decision[OptimalState]:
        entry = self._resolver.effective(now)
        asked = self._next(now)
        change = asked.change
        season = entry.season if change is None else change.entry.season
        seen = observe(self._group, self._optimal, snapshot, season)
        early = state.early
        if early is not None and (change is None or change.time != early.switch):
            if early.sure and now >= early.switch:
                state = judged(self._optimal, state, seen, entry)
            state = replace(state, early=None)  # the switch came, or the schedule was edited
        if state.watched is None or now < state.watched:
            state = replace(state, watched=now)
        state = self._learn(state, seen, entry, asked, now)
        self._looked = True
        if is_on(entry.mode) and state.purging:
            state = replace(state, purging=False)
        if is_on(entry.mode) and (change is None or not is_on(change.entry.mode)):
            decision = self._stop(state, seen, entry, change, now)
        else:
            decision = self._start(state, seen, snapshot, asked, now)
        decision = self._standing(decision, entry, asked, now)
        late = lateness(self._group.id, decision.state)
        if late is not None:
            return replace(decision, conditions=(*decision.conditions, late))
        return decision

    def _standing(
        self, decision: Decision[OptimalState], entry: Entry, asked: _Asked, now: datetime
    ) -> Decision[OptimalState]:
        """The decision, told until when it stands where nothing is near and nothing is learned."""
        state, change = decision.state, asked.change
        if decision.commands or state.early or state.measured is not None or state.purging:
            return decision
        until = min(asked.until, self._resolver.effective_until(now))
        if change is not None:
            file = self._optimal.file
            stops = is_on(entry.mode) and not is_on(change.entry.mode)
            if not stops and file.purge and change.entry.season in file.purge.seasons:
                return decision
            lead = file.max_stop if stops else file.max_start
            if lead is not None:
                until = min(until, change.time - lead)
        if now >= until:
            return decision
        return replace(decision, stands_until=until, depends_on=self._proofs)

    def _next(self, now: datetime) -> _Asked:
        """The next switch; asked again only where the answer can differ."""
        asked = self._asked
        if asked is not None and asked.at <= now < asked.until:
            return asked
        change = next_switch(self._resolver, now, HORIZON, self._steps)
        rest = 0
        if change is not None and is_on(change.entry.mode):
            on = is_on(self._resolver.effective(now).mode)
            rest = SETBACK if on else rest_of(rested(self._resolver, change.time))
        until = now + AGAIN if change is None else change.time
        self._asked = asked = _Asked(now, until, change, rest)
        return asked

    # --- starting ----------------------------------------------------------------------------

    def _start(
        self,
        state: OptimalState,
        seen: Seen,
        snapshot: Snapshot,
        asked: _Asked,
        now: datetime,
    ) -> Decision[OptimalState]:
        change = asked.change
        if change is None:
            return Decision((), state)
        if state.early is None:
            expected = expected_start(self._optimal, state, change, seen, self._zone, asked.rest)
            if expected is not None and now >= expected.start:
                early = Early("start", change.time, expected.reason, expected.sure)
                state = replace(state, early=early, purging=False)
        if state.early is not None:
            values = {self._group.mode_point: change.entry.mode} | {
                self._group.setpoint_point(name): value
                for name, value in change.entry.setpoints.items()
            }
            return Decision(self._commands(state.early.reason, values), state)
        resting = asked.rest != SETBACK
        purge = self._purge(state, seen, snapshot, change, now) if resting else None
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
            why = msg("the zone temperature is not good")
        elif self._optimal.outdoor is not None and seen.outdoor_c is None:
            why = msg("the outdoor temperature is not good")
        elif state.misses >= MISSES:
            why = msg("the zone did not follow on {misses} mornings in a row", misses=state.misses)
        if not why:
            return ()
        text = msg(
            "{group} starts as scheduled, not early: {reason}", group=self._group.id, reason=why
        )
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
        target_c = change.entry.setpoints.get(self._optimal.file.setpoint)
        if purge is None or change.entry.season not in purge.seasons:
            return None
        if target_c is None or seen.zone_c is None or seen.outdoor_c is None:
            return None
        sensor = self._optimal.humidity
        return why_purge(
            purge,
            target_c=target_c,
            zone_c=seen.zone_c,
            outdoor_c=seen.outdoor_c,
            humidity_pct=snapshot.number(sensor) if sensor is not None else None,
            purging=state.purging,
            now=now,
            zone=self._zone,
        )

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
        direction = direction_of(self._optimal, entry.season)
        if direction is None:
            return Decision((), state)
        sign = 1 if direction == "cooling" else -1
        left_k = file.drift_k - max(0.0, sign * (seen.zone_c - target))
        if state.early is not None and left_k <= 0:
            return Decision((), replace(state, early=None, given_up=change.time))
        if state.early is None and state.given_up != change.time:
            key = known_key(self._optimal, state, "drift", entry.season, seen)
            if key is not None and left_k > 0:
                rate = state.rates[key]
                known = told(state.rates, key, entry.season, seen.outdoor_c)
                lead = min(timedelta(hours=left_k / rate.k_per_h), file.max_stop)
                if now >= change.time - lead:
                    local = change.time.astimezone(ZoneInfo(self._zone))
                    reason = msg(
                        "optimal stop: until {time:%H:%M} the zone drifts by at most "
                        "{drift_k:g} K at {k_per_h:.1f} K/h ({known}), {reason}, {origin}",
                        time=local,
                        drift_k=file.drift_k,
                        k_per_h=rate.k_per_h,
                        known=known,
                        reason=entry.reason,
                        origin=entry.origin,
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
        asked: _Asked,
        now: datetime,
    ) -> OptimalState:
        if state.measured is not None:
            longest = self._optimal.file.max_start + timedelta(hours=1)
            lesson = measure(state.rates, state.measured, seen.zone_c, seen.running, now, longest)
            if lesson.measured != state.measured or lesson.rates is not state.rates:
                state = replace(state, rates=lesson.rates, measured=lesson.measured)
            if lesson.followed is not None:
                state = replace(state, misses=0 if lesson.followed else state.misses + 1)
        early = state.early is not None and state.early.kind == "start"
        change = asked.change
        told = change.entry if early and change is not None else entry
        target = told.setpoints.get(self._optimal.file.setpoint) if is_on(told.mode) else None
        aimed, state = state.aim_c, replace(state, aim_c=target) if target != state.aim_c else state
        stepped = aimed is not None and target is not None and abs(target - aimed) > BAND_K
        if stepped and self._looked and seen.running and seen.running == state.ran:
            assert target is not None
            return self._begin(state, "start", told.season, target, seen, now, SETBACK)
        if seen.running is None or seen.running == state.ran:
            return state
        known = self._looked and state.ran is not None  # after a restart nobody knows since when
        begun, ended = known and seen.running, known and not seen.running
        state = replace(state, ran=seen.running)
        if begun and target is not None:
            rest = min(asked.rest if early else self._rest_before(now), _watched(state, now))
            return self._begin(state, "start", told.season, target, seen, now, rest)
        if ended and not is_on(entry.mode) and change is not None:
            target = change.entry.setpoints.get(self._optimal.file.setpoint)
            if target is not None:
                return self._begin(state, "drift", entry.season, target, seen, now)
        return state

    def _rest_before(self, now: datetime) -> int:
        """The class of the rest before the block that has begun; in its middle it is a setback."""
        if is_on(self._resolver.effective(now - AGAIN).mode):
            return SETBACK
        return rest_of(rested(self._resolver, now))

    def _begin(
        self,
        state: OptimalState,
        kind: Literal["start", "drift"],
        season: str,
        target_c: float,
        seen: Seen,
        now: datetime,
        rest: int = 0,
    ) -> OptimalState:
        if seen.zone_c is None or (self._optimal.outdoor is not None and seen.outdoor_c is None):
            return state
        direction, gap_k = gap_of(self._optimal, season, seen.zone_c, target_c)
        if direction is None or (kind == "start" and gap_k <= BAND_K):
            return state
        measured = begin(kind, direction, season, seen.zone_c, target_c, seen.outdoor_c, now, rest)
        return replace(state, measured=measured)

    def _commands(self, reason: str, values: Mapping[PointId, Value]) -> tuple[Command, ...]:
        """The same tuple for the same answer, so that it costs the engine nothing."""
        key = (reason, tuple(values.items()))
        if self._last.key != key:
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
            self._last = Commanded(key, commands)
        return self._last.commands


def _watched(state: OptimalState, now: datetime) -> int:
    """The class of rest that can have been seen so far."""
    return rest_of(now - (state.watched or now))
