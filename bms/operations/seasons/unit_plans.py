"""What the people of a time unit ask for: to run longer, or not at all, within its limits. Pure.

Each function answers with what is to be kept and put in force, or raises InvalidInput for what
does not exist and Refused for what is not allowed, saying what to do instead.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from bms.config.points import zone_of
from bms.config.site import Site
from bms.control.supervise.scheduled import resolver_of
from bms.core.errors import InvalidInput, Refused
from bms.core.moments import coming
from bms.operations.requests.unit_requests import CancelUnit, ExtendUnit, ResumeUnit
from bms.operations.seasons.live_switched import LiveSwitched
from bms.operations.seasons.season_plans import end_of, reason_for
from bms.people.roles import name_of
from bms.texts.messages import msg
from bms.texts.problems import suggestion
from schedules.answering.resolve import Resolver
from schedules.model.context import Extension
from schedules.model.timeunits import TimeUnit

OFF_MODE = "off"
"""The mode of every strategy in which nothing runs."""
BOOKED_AHEAD = timedelta(days=62)
"""What lies further ahead is a schedule's exception, which others see and may change."""


@dataclass(frozen=True, slots=True)
class UnitPlan:
    """What changes in a time unit: extensions to come, and the ids of those that they end."""

    made: tuple[Extension, ...]
    ended: tuple[int, ...]


def plan_extension(
    site: Site, live: LiveSwitched, user: str, asked: ExtendUnit, now: datetime
) -> UnitPlan:
    """Running of an area from now on, or booked ahead, whatever its schedule says."""
    unit = _unit(site, user, asked.unit)
    reason = reason_for(msg("an extension"), asked.reason)
    setpoints = asked.setpoints or {}
    if not asked.until and not asked.duration:
        raise InvalidInput(msg("say for how long: --for 2h or --until 21:30"))
    wanted = asked.mode or next((m for m in unit.modes if m != OFF_MODE), OFF_MODE)
    made = []
    for name in _chosen(unit, asked.target):
        zone = zone_of(site, name)
        start = now if asked.start is None else _booked(asked.start, now, zone)
        end = end_of(asked.until, asked.duration, start, zone)
        refusal = unit.refusal(user, name, wanted, setpoints, start, end, zone)
        if refusal is not None:
            raise Refused(refusal)
        given = {**_usual(site, live, name, wanted, start), **setpoints}
        by = name_of(site, user)
        made.append(Extension(0, unit.id, name, start, end, wanted, given, by, reason))
    return UnitPlan(tuple(made), _replaced(live, made, now))


def plan_cancel(
    site: Site, live: LiveSwitched, user: str, asked: CancelUnit, now: datetime
) -> UnitPlan:
    """Off until what runs now would have ended, or for the rest of the day."""
    unit = _unit(site, user, asked.unit)
    reason = reason_for(msg("a cancellation"), asked.reason)
    by = name_of(site, user)
    made: list[Extension] = []
    ended: list[int] = []
    for name in _chosen(unit, asked.target):
        running = [
            e.id
            for e in active(live, now)
            if e.target == name and e.mode != OFF_MODE and e.start <= now
        ]
        end = _off_until(site, live, name, now, whole_day=asked.day)
        if end is None and not running:
            continue
        ended += running
        if end is not None:
            if not unit.may_cancel:
                raise Refused(
                    msg("{unit} may extend what its schedule runs, not switch it off", unit=unit.id)
                )
            made.append(Extension(0, unit.id, name, now, end, OFF_MODE, {}, by, reason))
    if not made and not ended:
        raise Refused(msg("nothing runs in {unit} that could be cancelled", unit=unit.id))
    return UnitPlan(tuple(made), tuple(dict.fromkeys((*ended, *_replaced(live, made, now)))))


def plan_resume(
    site: Site, live: LiveSwitched, user: str, asked: ResumeUnit, now: datetime
) -> UnitPlan:
    """Back to the schedule: what people changed ends."""
    unit = _unit(site, user, asked.unit)
    chosen = _chosen(unit, asked.target)
    ended = tuple(e.id for e in active(live, now) if e.unit == unit.id and e.target in chosen)
    if not ended:
        raise Refused(msg("{unit} runs as its schedule says", unit=unit.id))
    return UnitPlan((), ended)


def active(live: LiveSwitched, now: datetime) -> list[Extension]:
    """Extensions that are not over."""
    return [e for e in live.switched.extensions if e.end > now]


def _unit(site: Site, user: str, unit_id: str) -> TimeUnit:
    units = site.library.time_units
    if unit_id not in units:
        raise InvalidInput(
            msg(
                "no time unit '{unit_id}'; {suggestion}",
                unit_id=unit_id,
                suggestion=suggestion(unit_id, units),
            )
        )
    unit = units[unit_id]
    if user not in unit.people:
        raise Refused(
            msg(
                "{user} is not among the people of {unit}: {people}",
                user=user,
                unit=unit.id,
                people=", ".join(unit.people),
            )
        )
    return unit


def _chosen(unit: TimeUnit, target: str | None) -> tuple[str, ...]:
    if not target:
        return unit.targets
    for name in unit.targets:
        if target in (name, name.partition(".")[2]):
            return (name,)
    raise Refused(
        msg(
            "{target} does not belong to {unit}: {targets}",
            target=target,
            unit=unit.id,
            targets=", ".join(unit.targets),
        )
    )


def _replaced(live: LiveSwitched, made: Sequence[Extension], now: datetime) -> tuple[int, ...]:
    """What people asked for before, for the same targets and times: the last word counts alone."""
    return tuple(
        e.id
        for e in active(live, now)
        if any(e.target == m.target and e.start < m.end and m.start < e.end for m in made)
    )


def _booked(text: str, now: datetime, zone: str) -> datetime:
    start = coming(text, now, zone)
    if start - now > BOOKED_AHEAD:
        raise Refused(msg("an extension may begin within {days} days", days=BOOKED_AHEAD.days))
    return start


def _usual(
    site: Site, live: LiveSwitched, target: str, mode: str, now: datetime
) -> Mapping[str, float]:
    """The setpoints that the schedule last had for a mode, or will have next.

    An extension without setpoints would let go of them in the middle of a shift.
    """
    resolver = _plain(site, live, target)
    if resolver is None:
        return {}
    today = now.astimezone(ZoneInfo(zone_of(site, target))).date()
    around = resolver.preview(today - timedelta(days=7), 14)
    found = [s for s in around if s.entry.mode == mode and s.entry.setpoints]
    before = [s for s in found if s.start <= now]
    nearest = before[-1] if before else found[0] if found else None
    return dict(nearest.entry.setpoints) if nearest is not None else {}


def _off_until(
    site: Site, live: LiveSwitched, target: str, now: datetime, *, whole_day: bool
) -> datetime | None:
    """When what the schedule runs now ends; None if it runs nothing."""
    resolver = _plain(site, live, target)
    if resolver is None:
        return None
    zone = ZoneInfo(zone_of(site, target))
    today = now.astimezone(zone).date()
    ahead = [s for s in resolver.preview(today, 2) if s.end > now]
    midnight = datetime.combine(today + timedelta(days=1), time(), zone)
    if whole_day and any(s.entry.mode != OFF_MODE for s in ahead if s.start < midnight):
        return midnight.astimezone(now.tzinfo)
    if ahead[0].entry.mode == OFF_MODE:
        return None
    ends = next((s.start for s in ahead if s.entry.mode == OFF_MODE), None)
    return ends if ends is not None else midnight.astimezone(now.tzinfo)


def _plain(site: Site, live: LiveSwitched, target: str) -> Resolver | None:
    """The schedule of a target without what people extended."""
    return resolver_of(site, target, replace(live.context, extensions=()))
