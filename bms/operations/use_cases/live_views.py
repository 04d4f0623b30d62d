"""How a running site is told: what the status, the points and the ladders answer."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from fnmatch import fnmatchcase

from bms.config.points import shown, zone_of
from bms.config.site import Base, Group, Site
from bms.control import STRATEGIES
from bms.control.supervise.next_change import next_effective_change
from bms.core.decisions import Award, Override
from bms.core.instants import local
from bms.core.machines.interventions import Lock
from bms.operations.overrides.orphaned import points_at_nothing
from bms.operations.requests.live_requests import (
    UNUSED,
    AlarmView,
    BaseView,
    EarlyStart,
    GroupView,
    LinkView,
    NextChange,
    Points,
    PointView,
    SchedulesView,
    SilentUnit,
    Why,
)
from bms.operations.requests.override_requests import LockView, OverrideView
from bms.operations.runtime import Runtime
from bms.reports import why as why_report
from bms.texts.messages import msg
from drivers.points import PointId, Quality

AT_ONCE = 500
"""Points in a row of one request; then others have their turn."""
PREVIEWED = timedelta(days=14)
"""How far the status looks for the next change."""


def override_view(site: Site, override: Override, now: datetime, *, stored: bool) -> OverrideView:
    """An override in force; `stored` says whether it is on the disk."""
    zone = zone_of(site, override.point)
    return OverrideView(
        id=override.id,
        point=override.point,
        value=shown(site, override.point, override.value),
        since=local(override.start, zone),
        until=local(override.until, zone),
        age_s=round((now - override.start).total_seconds()),
        left_s=max(0, round((override.until - now).total_seconds())),
        owner=override.owner,
        reason=override.reason,
        stored=stored,
        orphaned=points_at_nothing(site, override.point),
    )


def lock_view(site: Site, lock: Lock) -> LockView:
    """A machine that is locked out."""
    since = local(lock.start, zone_of(site, lock.machine))
    return LockView(machine=lock.machine, since=since, by=lock.by, reason=lock.reason)


async def points(runtime: Runtime, pattern: str | None, now: datetime) -> Points:
    """Live values, of the points whose id contains `pattern` or matches it as a wildcard."""
    wildcard = pattern is not None and any(c in pattern for c in "*?[")
    rows = []
    for number, point in enumerate(tuple(runtime.points()), 1):
        if number % AT_ONCE == 0:
            await asyncio.sleep(0)  # the cycle does not wait for a long list
        if pattern is not None and not (
            fnmatchcase(point, pattern) if wildcard else pattern in point
        ):
            continue
        sample = runtime.sample(point, now)
        source = sample.source_time
        rows.append(
            PointView(
                point=point,
                value=sample.value,
                unit=runtime.unit(point),
                quality=UNUSED if runtime.unused(point) else sample.quality.name.lower(),
                age_s=round((now - sample.time).total_seconds(), 1),
                source_time=None if source is None else source.isoformat(),
                detail=sample.detail,
            )
        )
    return Points(tuple(rows))


def why(runtime: Runtime, point: PointId, now: datetime) -> Why:
    """The priority ladder of one point: who wins, who loses, and what the field shows."""
    sample = runtime.sample(point, now) if runtime.known(point) else None
    ladder = why_report.why(
        runtime.site, STRATEGIES, point, now, runtime.award, sample, units=runtime.units
    )
    return Why.model_validate(ladder)


def group_view(runtime: Runtime, group: Group, zone: str, now: datetime) -> GroupView:
    """Mode, season, reason and next schedule change of one group."""
    award: Award | None = runtime.award(group.mode_point)
    resolver = runtime.resolver(group)
    expected = runtime.expected_start(group, now)
    season = resolver.effective(now).season if resolver is not None else None
    change = next_effective_change(resolver, now, PREVIEWED) if resolver is not None else None
    powers = [
        runtime.sample(e.points["power"], now)
        for e in ([group.meter] if group.meter else group.members)
        if "power" in e.points
    ]
    good = [float(s.value) for s in powers if s.quality is Quality.GOOD and s.value is not None]
    return GroupView(
        id=group.id,
        title=dict(group.title),
        strategy=group.strategy,
        mode=award.value if award else None,
        source=award.winner.source if award else None,
        reason=award.winner.reason if award else msg("nothing commands the mode"),
        season=season,
        next_change=NextChange(
            time=local(change.time, zone),
            mode=change.entry.mode,
            setpoints=dict(change.entry.setpoints),
            reason=change.entry.reason,
        )
        if change
        else None,
        expected_start=EarlyStart(
            time=local(expected.start, zone),
            block=local(expected.block, zone),
            reason=expected.reason,
        )
        if expected
        else None,
        power_kw=round(sum(good), 1) if powers and len(good) == len(powers) else None,
    )


def base_power_kw(runtime: Runtime, base: Base, now: datetime) -> float | None:
    """Load now: imports + generation - exports; None if any of them is not good, or is a meter
    that nobody polls (a formula of tariff registers has no power of its own)."""
    total = 0.0
    found = False
    for sign, meters in ((1, base.imports), (1, base.generation), (-1, base.exports)):
        for name in meters:
            machine = runtime.site.equipment.get(name)
            point = None if machine is None else machine.points.get("power")
            if point is None:
                return None
            sample = runtime.sample(point, now)
            if sample.quality is not Quality.GOOD or sample.value is None:
                return None
            total += sign * float(sample.value)
            found = True
    return round(total, 1) if found else None


async def base_views(
    runtime: Runtime, now: datetime, kwh_today: Mapping[str, float | None]
) -> tuple[BaseView, ...]:
    """Every base with its groups."""
    groups: dict[str, list[GroupView]] = {}
    for group in tuple(runtime.site.groups.values()):
        zone = runtime.site.bases[group.base].zone
        groups.setdefault(group.base, []).append(group_view(runtime, group, zone, now))
        await asyncio.sleep(0)  # the cycle does not wait for what all of them will do next
    return tuple(
        BaseView(
            id=base.id,
            title=base.file.title,
            zone=base.zone,
            power_kw=base_power_kw(runtime, base, now),
            kwh_today=kwh_today.get(base.id),
            groups=tuple(groups.get(base.id, ())),
        )
        for base in runtime.site.bases.values()
    )


def link_views(runtime: Runtime, now: datetime) -> tuple[LinkView, ...]:
    """Every link, and what does not answer behind it."""
    site = runtime.site
    return tuple(
        LinkView(
            id=health.link,
            endpoint=health.endpoint,
            online=health.online,
            points=health.points,
            good=health.good,
            last_good=local(health.last_good, site.file.zone) if health.last_good else None,
            shadow=site.file.mode == "shadow" or site.links[health.link].settings.mode == "shadow",
            requests=health.driver.requests,
            error_pct=round(health.driver.error_pct, 2),
            timeouts=health.driver.timeouts,
            connects=health.driver.connects,
            overruns=health.driver.overruns,
            latency_ms=(
                health.driver.latency_p50_ms,
                health.driver.latency_p95_ms,
                health.driver.latency_p99_ms,
            ),
            clock_skew_s=health.driver.clock_skew_s,
            units=tuple(
                SilentUnit(
                    unit=unit.unit,
                    online=unit.online,
                    failures=unit.failures,
                    detail=unit.detail,
                )
                for unit in health.driver.units
            ),
            write_failures=health.write_failures,
            detail=health.detail,
        )
        for health in runtime.field.health(now)
    )


def alarm_views(runtime: Runtime) -> tuple[AlarmView, ...]:
    """The alarms that are active."""
    return tuple(
        AlarmView(
            key=alarm.key,
            severity=int(alarm.severity),
            text=alarm.text,
            since=local(alarm.since, runtime.site.file.zone),
        )
        for alarm in runtime.engine.alarms()
    )


def qualities(runtime: Runtime) -> dict[str, int]:
    """How many points are of each quality."""
    counts = dict.fromkeys(Quality, 0)
    if runtime.last is not None:
        for sample in runtime.last.snapshot.samples.values():
            counts[sample.quality] += 1
    return {quality.name.lower(): count for quality, count in counts.items()}


def schedules_view(runtime: Runtime) -> SchedulesView:
    """Which schedules run, and what is wrong with those on the disk."""
    problems = runtime.schedule_problems
    return SchedulesView(
        in_force="last good files" if problems else "edited files",
        problems=tuple(problem.sentence for problem in problems),
    )
