"""Look at a running site: its status, its points, and why one has its value."""

from __future__ import annotations

from bms.config.points import zone_of
from bms.core.instants import local
from bms.core.moments import past
from bms.core.reasons import reason_of
from bms.operations.requests.live_requests import (
    AskPoints,
    AskStatus,
    AskWhy,
    Points,
    ReloadSite,
    SiteReloaded,
    Status,
    Why,
)
from bms.operations.running import Running
from bms.operations.use_cases import live_views, switched_views
from bms.people.roles import Action, may
from bms.texts.messages import msg


async def status(running: Running, _asked: AskStatus, _user: str) -> Status:
    """Everything that the status screen shows."""
    now, runtime = running.now(), running.runtime
    site = runtime.site
    kwh_today = await running.kwh_today(now)
    return Status(
        site=site.file.id,
        title=site.file.title,
        zone=site.file.zone,
        time=local(now, site.file.zone),
        cycle=running.cycle(),
        bases=await live_views.base_views(runtime, now, kwh_today),
        links=live_views.link_views(runtime, now),
        points=live_views.qualities(runtime),
        overrides=tuple(
            live_views.override_view(
                site, override, now, stored=running.overrides.is_stored(override.id)
            )
            for override in sorted(runtime.overrides.values(), key=lambda o: o.start)
        ),
        locks=tuple(live_views.lock_view(site, one) for one in runtime.interventions.locks),
        alarms=live_views.alarm_views(runtime),
        schedules=live_views.schedules_view(runtime),
        seasons=switched_views.seasons(runtime, now).root,
        overlays=switched_views.overlays(runtime, now).root,
        extensions=switched_views.running_extensions(runtime, now),
    )


async def points(running: Running, asked: AskPoints, _user: str) -> Points:
    """Live values."""
    return await live_views.points(running.runtime, asked.filter, running.now())


async def why(running: Running, asked: AskWhy, _user: str) -> Why:
    """The ladder of a point, now or at a past moment."""
    now = running.now()
    if not asked.at:
        return live_views.why(running.runtime, asked.point, now)
    time = past(asked.at, now, zone_of(running.runtime.site, asked.point))
    return Why.model_validate(await running.past.why_then(asked.point, time, now))


async def reload(running: Running, asked: ReloadSite, user: str) -> SiteReloaded:
    """Put the files of the site in force while it runs."""
    may(running.runtime.site, user, Action.RELOAD)
    if asked.dry_run:
        return await running.reload(asked, user)
    reason_of(asked.reason, msg("say why with --reason: the next shift will want to know"))
    return await running.changes.carry_out(lambda: running.reload(asked, user))
