"""Set, extend, clear and list overrides."""

from __future__ import annotations

from datetime import datetime, timedelta

from bms.config.points import zone_of
from bms.core.decisions import Override
from bms.core.durations import parse_duration
from bms.core.errors import InvalidInput
from bms.core.instants import local
from bms.operations.overrides import planning
from bms.operations.overrides.cost import Cost
from bms.operations.overrides.override_record import OverrideChange
from bms.operations.requests.override_requests import (
    ClearOverride,
    CostView,
    ExtendOverride,
    ListOverrides,
    ListPastOverrides,
    OverrideListed,
    Overrides,
    OverrideTold,
    PastOverrides,
    PastOverrideView,
    SetOverride,
)
from bms.operations.running import Running
from bms.operations.use_cases.live_views import override_view
from bms.people.roles import Action, may
from bms.texts.messages import message_of, msg

LONGEST_LOOK_BACK = timedelta(days=3660)


async def list_overrides(running: Running, _asked: ListOverrides, _user: str) -> Overrides:
    """Those in force, oldest first."""
    now = running.now()
    live = sorted(running.runtime.overrides.values(), key=lambda o: (o.start, o.id))
    costs = await running.past.costs([(override, now) for override in live])
    return Overrides(tuple(_listed(running, one, now, costs[one.id]) for one in live))


async def past_overrides(running: Running, asked: ListPastOverrides, _user: str) -> PastOverrides:
    """Those that ended, oldest first."""
    now = running.now()
    since = now - _look_back(asked.back)
    kept = await running.in_store(lambda store: store.overrides_since(since))
    over = [(one, ended) for one in kept if (ended := one.ended_at or one.override.until) <= now]
    costs = await running.past.costs([(one.override, ended) for one, ended in over])
    rows = []
    for one, ended in over:
        listed = _listed(running, one.override, now, costs[one.override.id])
        zone = zone_of(running.runtime.site, one.override.point)
        how = one.ended or msg("expired")
        rows.append(PastOverrideView(**dict(listed), ended=local(ended, zone), how=how))
    return PastOverrides(tuple(rows))


async def set_override(running: Running, asked: SetOverride, user: str) -> OverrideTold:
    """Take a point over."""
    now, runtime = running.now(), running.runtime
    wanted = planning.wanted(runtime.site, asked, user, now, runtime.resolver)
    return await _carry_out(running, OverrideChange("set", wanted, now, user, wanted.reason))


async def extend_override(running: Running, asked: ExtendOverride, user: str) -> OverrideTold:
    """Let it last longer."""
    now, runtime = running.now(), running.runtime
    override = planning.found(runtime.overrides.values(), asked.override, now)
    wanted = planning.extended(runtime.site, override, asked, user, now, runtime.resolver)
    why = planning.needed(asked.reason)
    return await _carry_out(running, OverrideChange("extend", wanted, now, user, why))


async def clear_override(running: Running, asked: ClearOverride, user: str) -> OverrideTold:
    """Give the point back."""
    now, runtime = running.now(), running.runtime
    override = planning.found(runtime.overrides.values(), asked.override, now)
    may(runtime.site, user, Action.OVERRIDE, override.point)
    return await _carry_out(running, OverrideChange("clear", override, now, user, asked.reason))


async def _carry_out(running: Running, change: OverrideChange) -> OverrideTold:
    override, stored = await running.overrides.carry_out(change)
    return _told(running, override, change.now, stored=stored)


def _told(running: Running, override: Override, now: datetime, *, stored: bool) -> OverrideTold:
    runtime = running.runtime
    others = [o for o in runtime.overrides.values() if o.id != override.id]
    view = override_view(runtime.site, override, now, stored=stored)
    then = planning.back_to(runtime.site, override, others, runtime.resolver)
    return OverrideTold(**dict(view), then=then)


def _listed(running: Running, override: Override, now: datetime, cost: Cost) -> OverrideListed:
    stored = running.overrides.is_stored(override.id)
    told = _told(running, override, now, stored=stored)
    kwh = None if cost.kwh is None else round(cost.kwh, 3)
    return OverrideListed(**dict(told), cost=CostView(kwh=kwh, how=cost.how, detail=cost.detail))


def _look_back(text: str) -> timedelta:
    try:
        return min(parse_duration(text), LONGEST_LOOK_BACK)
    except ValueError as error:
        raise InvalidInput(message_of(error)) from None
