"""How seasons, overlays and time units are told."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from bms.config.points import zone_of
from bms.control.supervise.season_by_weather import is_bad, mean_of
from bms.core.instants import local
from bms.core.switched import Spell, SpellKey, planned
from bms.operations.requests.season_requests import (
    OutdoorView,
    Overlays,
    OverlayView,
    Seasons,
    SeasonShown,
    SeasonView,
    SpellView,
)
from bms.operations.requests.unit_requests import ExtensionView, TargetView, Units, UnitView
from bms.operations.runtime import Runtime
from bms.operations.seasons.season_plans import targets_of
from bms.operations.seasons.unit_plans import active
from bms.texts.messages import msg
from schedules.model.context import Extension
from schedules.model.overlays import OFF, Overlay
from schedules.model.seasons import OutdoorRule
from schedules.model.timeunits import TimeUnit
from schedules.model.week import WEEKDAYS

TOLD_SPELLS = 12


def running_extensions(runtime: Runtime, now: datetime) -> tuple[ExtensionView, ...]:
    """What people extended and runs now."""
    live = [e for e in active(runtime.live_switched, now) if e.start <= now]
    return extension_views(runtime, live, now)


def seasons(runtime: Runtime, now: datetime) -> Seasons:
    """Every season set of every base that uses it: what is in force, since when and why."""
    return Seasons(tuple(season(runtime, key, now) for key in runtime.live_switched.sets))


def season(runtime: Runtime, key: SpellKey, now: datetime) -> SeasonView:
    """One season set at one base."""
    live = runtime.live_switched
    found, (set_id, base) = live.sets[key], key
    zone = runtime.site.bases[base].zone
    today = now.astimezone(ZoneInfo(zone)).date()
    spell = live.season(key, now) if found.rule is not None else None
    return SeasonView(
        season_set=set_id,
        base=base,
        by=found.by,
        season=found.season(today) if spell is None else spell.season,
        since=None if spell is None else local(spell.start, zone),
        reason=msg("by the dates") if spell is None else spell.reason,
        cause="dates" if spell is None else spell.cause,
        who="bms" if spell is None else spell.by,
        dates_say=found.season(today),
        groups=tuple(targets_of(runtime.site, key)),
        planned=tuple(_spell(s, zone) for s in planned(live.spells(key), now)),
        stays_until=local(spell.start + timedelta(days=found.rule.dwell_days), zone)
        if found.rule is not None and spell is not None and spell.cause != "start"
        else None,
        outdoor=_outdoor(runtime, key, found.rule, now)
        if isinstance(found.rule, OutdoorRule)
        else None,
    )


def _outdoor(runtime: Runtime, key: SpellKey, rule: OutdoorRule, now: datetime) -> OutdoorView:
    state = runtime.live_switched.outdoor(key)
    base = key.base
    mean_c = mean_of(rule, state)
    zone = runtime.site.bases[base].zone
    return OutdoorView(
        point=rule.point_of(base),
        mean=rule.mean,
        mean_c=None if mean_c is None else round(mean_c, 2),
        known_to=local(state.seen, zone) if state.seen is not None else None,
        bad=is_bad(rule, state, now),
        asks_for=state.wanted or None,
        days=state.wanted_days,
        confirm_days=rule.confirm_days,
    )


def season_shown(runtime: Runtime, key: SpellKey, now: datetime) -> SeasonShown:
    """A set at a base with its last spells, the latest first."""
    zone = runtime.site.bases[key.base].zone
    begun = [s for s in runtime.live_switched.spells(key) if s.start <= now]
    history = tuple(_spell(s, zone) for s in reversed(begun[-TOLD_SPELLS:]))
    return SeasonShown(**dict(season(runtime, key, now)), history=history)


def _spell(spell: Spell, zone: str) -> SpellView:
    return SpellView(
        season=spell.season,
        start=local(spell.start, zone),
        cause=spell.cause,
        who=spell.by,
        reason=spell.reason,
    )


def overlays(runtime: Runtime, now: datetime) -> Overlays:
    """Every overlay in declared order, with the level it is at."""
    return Overlays(tuple(overlay(runtime, found, now) for found in runtime.site.library.overlays))


def overlay(runtime: Runtime, found: Overlay, now: datetime) -> OverlayView:
    """One overlay."""
    zone = runtime.site.file.zone
    view = OverlayView(
        overlay=found.id,
        title=dict(found.title),
        by_hand=found.by_hand,
        levels=(*([OFF] if found.by_hand else []), *found.levels),
        level=_given_by(runtime, found.id, now) or OFF,
        renew_days=found.renew_days if found.by_hand else None,
    )
    for level in runtime.live_switched.switched.levels if found.by_hand else ():
        if level.overlay == found.id:
            over = level.until <= now
            return view.model_copy(
                update={
                    "level": OFF if over else level.level,
                    "since": local(level.start, zone),
                    "until": local(level.until, zone),
                    "left_s": max(0, round((level.until - now).total_seconds())),
                    "who": level.by,
                    "reason": level.reason,
                    "ended": over,
                }
            )
    return view


def _given_by(runtime: Runtime, overlay_id: str, now: datetime) -> str | None:
    """The level at which an overlay gives anything to any group now."""
    for target in runtime.site.groups:
        resolver = runtime.answers(target)
        entry = resolver.overlay(now) if resolver is not None else None
        if entry is None:
            continue
        gives = [entry.mode] if entry.mode is not None else []
        for given in (*gives, *entry.setpoints.values(), *(g for _, g in entry.beaten)):
            if given.overlay == overlay_id:
                return given.level
    return None


def units(runtime: Runtime, now: datetime) -> Units:
    """Every time unit: who may extend what, and what is extended."""
    return Units(
        tuple(unit(runtime, found, now) for found in runtime.site.library.time_units.values())
    )


def unit(runtime: Runtime, found: TimeUnit, now: datetime) -> UnitView:
    """One time unit with what runs in it."""
    live = [e for e in active(runtime.live_switched, now) if e.unit == found.id]
    return UnitView(
        unit=found.id,
        title=dict(found.title),
        people=tuple(found.people),
        modes=tuple(found.modes),
        setpoints={name: (least, most) for name, (least, most) in found.setpoints.items()},
        longest_min=found.longest_min,
        latest_min=found.latest_min,
        days=tuple(WEEKDAYS[day] for day in sorted(found.days)),
        may_cancel=found.may_cancel,
        targets=tuple(_target(runtime, target, now) for target in found.targets),
        extensions=extension_views(runtime, live, now),
    )


def _target(runtime: Runtime, target: str, now: datetime) -> TargetView:
    resolver = runtime.answers(target)
    zone = zone_of(runtime.site, target)
    if resolver is None:
        reason = msg("no schedule governs it")
        return TargetView(target=target, mode=None, until=None, reason=reason)
    entry, at = resolver.effective(now), now
    until = None
    while (change := resolver.next_change(at, horizon_days=14)) is not None:
        if change.entry.mode != entry.mode:
            until = local(change.time, zone)
            break
        at = change.time
    return TargetView(target=target, mode=entry.mode, until=until, reason=entry.reason)


def extension_views(
    runtime: Runtime, found: Sequence[Extension], now: datetime
) -> tuple[ExtensionView, ...]:
    """Extensions, the first made first."""
    return tuple(
        ExtensionView(
            id=extension.id,
            unit=extension.unit,
            target=extension.target,
            mode=extension.mode,
            setpoints=dict(extension.setpoints),
            start=local(extension.start, zone_of(runtime.site, extension.target)),
            until=local(extension.end, zone_of(runtime.site, extension.target)),
            left_s=max(0, round((extension.end - now).total_seconds())),
            who=extension.by,
            reason=extension.reason,
        )
        for extension in sorted(found, key=lambda e: e.id)
    )
