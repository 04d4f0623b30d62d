"""List and switch seasons and overlays. A trial answers with what a change would do."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from bms.config.points import zone_of
from bms.core.instants import local
from bms.core.switched import Spell, Switched
from bms.operations.requests.season_requests import (
    ClearOverlay,
    ListOverlays,
    ListSeasons,
    Overlays,
    OverlaySwitched,
    RenewOverlay,
    Seasons,
    SeasonShown,
    SeasonStep,
    SeasonSwitched,
    SeasonView,
    SetOverlay,
    ShowSeason,
    SwitchSeason,
    WithdrawSeason,
)
from bms.operations.running import Running
from bms.operations.runtime import Runtime
from bms.operations.seasons import season_plans
from bms.operations.seasons.live_switched import known_context
from bms.operations.seasons.season_plans import SeasonPlan
from bms.operations.use_cases import switched_views as views
from bms.reports.diff import switch_diff, to_json
from bms.texts.messages import msg
from schedules.model.context import OverlayLevel

_log = logging.getLogger(__name__)

PREVIEWED_DAYS = 14


async def list_seasons(running: Running, _asked: ListSeasons, _user: str) -> Seasons:
    """Every season set of every base that uses it."""
    return views.seasons(running.runtime, running.now())


async def show_season(running: Running, asked: ShowSeason, _user: str) -> SeasonShown:
    """One season set at a base, with its past."""
    runtime = running.runtime
    _, key = season_plans.season_set(
        runtime.site, runtime.live_switched, asked.season_set, asked.base
    )
    return views.season_shown(runtime, key, running.now())


async def switch_season(running: Running, asked: SwitchSeason, user: str) -> SeasonSwitched:
    """Switch a season by hand."""
    if asked.dry_run:
        now, switched = running.now(), running.runtime.live_switched.switched
        plan = season_plans.plan_season(
            running.runtime.site, running.runtime.live_switched, user, asked, now
        )
        kept = tuple(s for s in switched.spells if s not in _ahead(switched, plan, now))
        after = replace(switched, spells=(*kept, *plan.spells))
        return _season_answer(running.runtime, plan, now, await _effects(running, after, now))

    async def change() -> SeasonSwitched:
        now = running.now()
        plan = season_plans.plan_season(
            running.runtime.site, running.runtime.live_switched, user, asked, now
        )
        answer = _season_answer(running.runtime, plan, now, {})
        await running.in_store(lambda store: store.switched.switch(plan.spells, now))
        running.runtime.live_switched.put_spells(plan.spells, now)
        running.runtime.take_switched()
        _log.info("season of %s: %s", asked.base, "; ".join(s.reason for s in plan.spells))
        return answer

    return await running.changes.carry_out(change)


async def withdraw_season(running: Running, asked: WithdrawSeason, user: str) -> SeasonView:
    """Take back what is planned."""
    runtime = running.runtime

    async def change() -> SeasonView:
        now, live = running.now(), runtime.live_switched
        key = season_plans.plan_withdrawal(runtime.site, live, user, asked, now)
        reason = season_plans.reason_for(msg("a withdrawal"), asked.reason)
        if not asked.dry_run:
            await running.in_store(
                lambda store: store.switched.withdraw_planned(key, now, user, reason)
            )
            live.withdraw_planned({key}, now)
            runtime.take_switched()
            _log.info("planned season of %s withdrawn: %s", asked.base, reason)
        return views.season(runtime, key, now)

    return await running.changes.carry_out(change)


def _ahead(switched: Switched, plan: SeasonPlan, now: datetime) -> list[Spell]:
    return [s for s in switched.spells if s.key == plan.key and s.start > now]


def _season_answer(
    runtime: Runtime, plan: SeasonPlan, now: datetime, effects: Mapping[str, Any]
) -> SeasonSwitched:
    set_id, base = plan.key
    zone = zone_of(runtime.site, base)
    return SeasonSwitched(
        season_set=set_id,
        base=base,
        present=plan.present,
        since=local(plan.since, zone) if plan.since is not None else None,
        steps=tuple(
            SeasonStep(season=s.season, start=local(s.start, zone), reason=s.reason)
            for s in plan.spells
        ),
        replaces=tuple(
            msg("{season} planned for {time}", season=s.season, time=local(s.start, zone))
            for s in _ahead(runtime.live_switched.switched, plan, now)
        ),
        checklist=tuple(dict(line) for line in plan.checklist),
        **effects,
    )


# --- overlays --------------------------------------------------------------------------------


async def list_overlays(running: Running, _asked: ListOverlays, _user: str) -> Overlays:
    """Every overlay in declared order."""
    return views.overlays(running.runtime, running.now())


async def set_overlay(running: Running, asked: SetOverlay, user: str) -> OverlaySwitched:
    """Set an overlay to a level."""

    def plan(now: datetime) -> OverlayLevel:
        return season_plans.plan_level(running.runtime.site, user, asked, now)

    return await _put_level(running, plan, dry_run=asked.dry_run)


async def renew_overlay(running: Running, asked: RenewOverlay, user: str) -> OverlaySwitched:
    """Keep its level for longer."""

    def plan(now: datetime) -> OverlayLevel:
        return season_plans.plan_renewal(
            running.runtime.site, running.runtime.live_switched, user, asked, now
        )

    return await _put_level(running, plan, dry_run=asked.dry_run)


async def clear_overlay(running: Running, asked: ClearOverlay, user: str) -> OverlaySwitched:
    """Switch it off."""
    runtime, name = running.runtime, asked.overlay

    def plan() -> tuple[OverlayLevel, str]:
        level = season_plans.plan_clearing(runtime.site, runtime.live_switched, user, name)
        return level, season_plans.reason_for(msg("an overlay"), asked.reason)

    if asked.dry_run:
        level, _ = plan()
        after = _with_levels(runtime, name)
        effects = await _effects(running, after, running.now())
        return OverlaySwitched(overlay=name, level="off", was=level.level, **effects)

    async def change() -> OverlaySwitched:
        now = running.now()
        level, reason = plan()
        await running.in_store(lambda store: store.switched.clear_level(name, now, user, reason))
        runtime.live_switched.clear_level(name)
        runtime.take_switched()
        _log.info("overlay %s cleared by %s: %s", name, user, reason)
        return OverlaySwitched(overlay=name, level="off", was=level.level)

    return await running.changes.carry_out(change)


async def _put_level(
    running: Running, plan: Callable[[datetime], OverlayLevel], *, dry_run: bool
) -> OverlaySwitched:
    runtime = running.runtime

    def answer(level: OverlayLevel, effects: Mapping[str, Any]) -> OverlaySwitched:
        until = local(level.until, runtime.site.file.zone)
        return OverlaySwitched(overlay=level.overlay, level=level.level, until=until, **effects)

    if dry_run:
        now = running.now()
        level = plan(now)
        after = _with_levels(runtime, level.overlay, level)
        return answer(level, await _effects(running, after, now))

    async def change() -> OverlaySwitched:
        now = running.now()
        level = plan(now)
        await running.in_store(lambda store: store.switched.put_level(level, now))
        runtime.live_switched.put_level(level)
        runtime.take_switched()
        _log.info("overlay %s %s by %s: %s", level.overlay, level.level, level.by, level.reason)
        return answer(level, {})

    return await running.changes.carry_out(change)


def _with_levels(runtime: Runtime, overlay: str, *levels: OverlayLevel) -> Switched:
    """What would stand if the overlay had these levels."""
    switched = runtime.live_switched.switched
    others = tuple(x for x in switched.levels if x.overlay != overlay)
    return replace(switched, levels=(*others, *levels))


async def _effects(running: Running, after: Switched, now: datetime) -> Mapping[str, Any]:
    """What changes within the days to come."""
    runtime = running.runtime
    site, overrides = runtime.site, tuple(runtime.overrides.values())
    contexts = runtime.live_switched.context, known_context(site.library, after)
    end = now + timedelta(days=PREVIEWED_DAYS)
    found = await running.beside(lambda: switch_diff(site, overrides, contexts, now, end))
    return {"days": PREVIEWED_DAYS, **to_json(site, found)}
