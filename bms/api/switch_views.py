"""How seasons, overlays and time units are shown: plain JSON values made from a `Runtime`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from bms.api.views import local
from bms.config.points import zone_of
from bms.control.supervise.season_by_weather import is_bad, mean_of
from bms.core.switched import Spell, SpellKey, planned
from bms.operations.runtime import Runtime
from bms.operations.seasons.extensions import active
from bms.operations.seasons.plans import targets_of
from bms.texts.messages import msg
from schedules.model.context import Extension
from schedules.model.overlays import OFF, Overlay
from schedules.model.seasons import OutdoorRule
from schedules.model.timeunits import TimeUnit
from schedules.model.week import WEEKDAYS

TOLD_SPELLS = 12


def status(runtime: Runtime, now: datetime) -> dict[str, Any]:
    """What stands switched, for the status screen."""
    live = [e for e in active(runtime.standing, now) if e.start <= now]
    return {
        "seasons": seasons(runtime, now),
        "overlays": overlays(runtime, now),
        "extensions": extensions_view(runtime, live, now),
    }


def seasons(runtime: Runtime, now: datetime) -> list[dict[str, Any]]:
    """Every season set of every base that uses it: what is in force, since when and why."""
    return [season(runtime, key, now) for key in runtime.standing.sets]


def season(runtime: Runtime, key: SpellKey, now: datetime) -> dict[str, Any]:
    """One season set at one base."""
    standing = runtime.standing
    found, (set_id, base) = standing.sets[key], key
    zone = runtime.site.bases[base].zone
    today = now.astimezone(ZoneInfo(zone)).date()
    spell = standing.season(key, now) if found.rule is not None else None
    view: dict[str, Any] = {
        "set": set_id,
        "base": base,
        "by": found.by,
        "season": spell.season if spell is not None else found.season(today),
        "since": local(spell.start, zone) if spell is not None else None,
        "reason": spell.reason if spell is not None else msg("by the dates"),
        "cause": spell.cause if spell is not None else "dates",
        "who": spell.by if spell is not None else "bms",
        "dates_say": found.season(today),
        "groups": targets_of(runtime.site, key),
        "planned": [_spell(s, zone) for s in planned(standing.spells(key), now)],
        "outdoor": None,
    }
    rule = found.rule
    if rule is not None and spell is not None and spell.cause != "start":
        view["stays_until"] = local(spell.start + timedelta(days=rule.dwell_days), zone)
    if isinstance(rule, OutdoorRule):
        state = standing.outdoor(key)
        mean_c = mean_of(rule, state)
        view["outdoor"] = {
            "point": rule.point_of(base),
            "mean": rule.mean,
            "mean_c": None if mean_c is None else round(mean_c, 2),
            "known_to": local(state.seen, zone) if state.seen is not None else None,
            "bad": is_bad(rule, state, now),
            "asks_for": state.wanted or None,
            "days": state.wanted_days,
            "confirm_days": rule.confirm_days,
        }
    return view


def season_history(runtime: Runtime, key: SpellKey, now: datetime) -> list[dict[str, Any]]:
    """The last spells of a set at a base, the latest first."""
    zone = runtime.site.bases[key[1]].zone
    begun = [s for s in runtime.standing.spells(key) if s.start <= now]
    return [_spell(s, zone) for s in reversed(begun[-TOLD_SPELLS:])]


def _spell(spell: Spell, zone: str) -> dict[str, Any]:
    return {
        "season": spell.season,
        "from": local(spell.start, zone),
        "cause": spell.cause,
        "who": spell.by,
        "reason": spell.reason,
    }


def overlays(runtime: Runtime, now: datetime) -> list[dict[str, Any]]:
    """Every overlay in declared order, with the level it is at."""
    return [overlay(runtime, found, now) for found in runtime.site.library.overlays]


def overlay(runtime: Runtime, found: Overlay, now: datetime) -> dict[str, Any]:
    """One overlay."""
    zone = runtime.site.file.zone
    given = _given_by(runtime, found.id, now)
    view: dict[str, Any] = {
        "overlay": found.id,
        "title": dict(found.title),
        "by_hand": found.by_hand,
        "levels": [*([OFF] if found.by_hand else []), *found.levels],
        "level": given or OFF,
        "since": None,
        "until": None,
        "left_s": None,
        "who": None,
        "reason": None,
        "ended": False,
    }
    if not found.by_hand:
        return view
    view["renew_days"] = found.renew_days
    for level in runtime.standing.switched.levels:
        if level.overlay == found.id:
            over = level.until <= now
            view |= {
                "level": OFF if over else level.level,
                "since": local(level.start, zone),
                "until": local(level.until, zone),
                "left_s": max(0, round((level.until - now).total_seconds())),
                "who": level.by,
                "reason": level.reason,
                "ended": over,
            }
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


def units(runtime: Runtime, now: datetime) -> list[dict[str, Any]]:
    """Every time unit: who may extend what, and what is extended."""
    return [unit(runtime, found, now) for found in runtime.site.library.time_units.values()]


def unit(runtime: Runtime, found: TimeUnit, now: datetime) -> dict[str, Any]:
    """One time unit with what runs in it."""
    live = [e for e in active(runtime.standing, now) if e.unit == found.id]
    return {
        "unit": found.id,
        "title": dict(found.title),
        "people": list(found.people),
        "modes": list(found.modes),
        "setpoints": {name: list(limits) for name, limits in found.setpoints.items()},
        "longest_min": found.longest_min,
        "latest_min": found.latest_min,
        "days": [WEEKDAYS[day] for day in sorted(found.days)],
        "may_cancel": found.may_cancel,
        "targets": [_target(runtime, target, now) for target in found.targets],
        "extensions": extensions_view(runtime, live, now),
    }


def _target(runtime: Runtime, target: str, now: datetime) -> dict[str, Any]:
    resolver = runtime.answers(target)
    zone = zone_of(runtime.site, target)
    if resolver is None:
        return {
            "target": target,
            "mode": None,
            "until": None,
            "reason": msg("no schedule governs it"),
        }
    entry, at = resolver.effective(now), now
    until = None
    while (change := resolver.next_change(at, horizon_days=14)) is not None:
        if change.entry.mode != entry.mode:
            until = local(change.time, zone)
            break
        at = change.time
    return {"target": target, "mode": entry.mode, "until": until, "reason": entry.reason}


def extensions_view(
    runtime: Runtime, found: Sequence[Extension], now: datetime
) -> list[dict[str, Any]]:
    """Extensions, the first made first."""
    views = []
    for extension in sorted(found, key=lambda e: e.id):
        zone = zone_of(runtime.site, extension.target)
        views.append(
            {
                "id": extension.id,
                "unit": extension.unit,
                "target": extension.target,
                "mode": extension.mode,
                "setpoints": dict(extension.setpoints),
                "from": local(extension.start, zone),
                "until": local(extension.end, zone),
                "left_s": max(0, round((extension.end - now).total_seconds())),
                "who": extension.by,
                "reason": extension.reason,
            }
        )
    return views
