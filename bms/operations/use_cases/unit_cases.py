"""List time units, and let their areas run longer, or not."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime

from bms.operations.requests.unit_requests import (
    CancelUnit,
    ExtendUnit,
    ListUnits,
    ResumeUnit,
    UnitChanged,
    Units,
)
from bms.operations.running import Running
from bms.operations.seasons import season_plans, unit_plans
from bms.operations.seasons.unit_plans import UnitPlan
from bms.operations.use_cases import switched_views as views
from bms.texts.messages import msg

_log = logging.getLogger(__name__)


async def list_units(running: Running, _asked: ListUnits, _user: str) -> Units:
    """Every time unit: who may extend what, and what is extended."""
    return views.units(running.runtime, running.now())


async def extend_unit(running: Running, asked: ExtendUnit, user: str) -> UnitChanged:
    """Running from now on, whatever the schedule says."""

    def plan(now: datetime) -> UnitPlan:
        return unit_plans.plan_extension(
            running.runtime.site, running.runtime.live_switched, user, asked, now
        )

    return await _put(running, asked, user, plan)


async def cancel_unit(running: Running, asked: CancelUnit, user: str) -> UnitChanged:
    """Off until what runs now would have ended, or for the rest of the day."""

    def plan(now: datetime) -> UnitPlan:
        return unit_plans.plan_cancel(
            running.runtime.site, running.runtime.live_switched, user, asked, now
        )

    return await _put(running, asked, user, plan)


async def resume_unit(running: Running, asked: ResumeUnit, user: str) -> UnitChanged:
    """Back to the schedule."""

    def plan(now: datetime) -> UnitPlan:
        return unit_plans.plan_resume(
            running.runtime.site, running.runtime.live_switched, user, asked, now
        )

    return await _put(running, asked, user, plan)


async def _put(
    running: Running,
    asked: ExtendUnit | CancelUnit | ResumeUnit,
    user: str,
    plan: Callable[[datetime], UnitPlan],
) -> UnitChanged:
    runtime = running.runtime

    def planned(now: datetime) -> tuple[UnitPlan, str]:
        return plan(now), season_plans.reason_for(msg("a change of a time unit"), asked.reason)

    if asked.dry_run:
        now = running.now()
        trial, _ = planned(now)
        shown = views.extension_views(runtime, trial.made, now)
        return UnitChanged(unit=asked.unit, extensions=shown, ended=trial.ended)

    async def change() -> UnitChanged:
        now = running.now()
        wanted, reason = planned(now)
        made = await running.in_store(
            lambda store: store.switched.put_extensions(
                wanted.made, now, ended=wanted.ended, by=user, reason=reason
            )
        )
        runtime.live_switched.put_extensions(made, now, wanted.ended)
        runtime.take_switched()
        _log.info("time unit %s by %s: %s", asked.unit, user, reason)
        shown = views.extension_views(runtime, made, now)
        return UnitChanged(unit=asked.unit, extensions=shown, ended=wanted.ended)

    return await running.changes.carry_out(change)
