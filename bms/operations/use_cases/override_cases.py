"""Set, extend, clear and list overrides; lock, unlock and reset machines."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from bms.config.points import zone_of
from bms.config.site import Site
from bms.control.engine.protection import is_on
from bms.control.protect.by_hand import lockable
from bms.core.decisions import Override
from bms.core.durations import parse_duration
from bms.core.errors import InvalidInput
from bms.core.instants import local
from bms.core.reasons import reason_of
from bms.operations.overrides import planning
from bms.operations.overrides.cost import Cost
from bms.operations.overrides.override_record import OverrideChange
from bms.operations.overrides.runnable import may_run
from bms.operations.requests.override_requests import (
    ClearOverride,
    CostView,
    ExtendOverride,
    ListOverrides,
    ListPastOverrides,
    LockMachine,
    LockView,
    MachineReset,
    OverrideListed,
    Overrides,
    OverrideTold,
    PastOverrides,
    PastOverrideView,
    ResetMachine,
    SetOverride,
    UnlockMachine,
)
from bms.operations.running import Running
from bms.operations.use_cases import live_views
from bms.operations.use_cases.live_views import override_view
from bms.people.roles import Action, may
from bms.texts.messages import message_of, msg
from bms.texts.problems import suggestion

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
    if is_on(wanted.value):
        may_run(runtime, wanted.point)
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


async def lock_machine(running: Running, asked: LockMachine, user: str) -> LockView:
    """Hold a machine off until somebody unlocks it."""
    runtime = running.runtime
    machine = _switched(runtime.site, asked.machine)
    may(runtime.site, user, Action.MACHINE, machine)
    reason = reason_of(asked.reason, msg("a lock needs a reason: who works on it, and on what"))

    async def change() -> LockView:
        now = running.now()
        lock = await running.in_store(
            lambda store: store.interventions.lock(machine, now, user, reason)
        )
        known = runtime.interventions
        runtime.put_interventions(replace(known, locks=(*known.locks, lock)))
        return live_views.lock_view(runtime.site, lock)

    return await running.changes.carry_out(change)


async def unlock_machine(running: Running, asked: UnlockMachine, user: str) -> LockView:
    """Let a machine run again."""
    runtime = running.runtime
    may(runtime.site, user, Action.MACHINE, asked.machine)

    async def change() -> LockView:
        now = running.now()
        lock = await running.in_store(
            lambda store: store.interventions.unlock(asked.machine, now, user, asked.reason)
        )
        known = runtime.interventions
        rest = tuple(one for one in known.locks if one.machine != lock.machine)
        runtime.put_interventions(replace(known, locks=rest))
        return live_views.lock_view(runtime.site, lock)

    return await running.changes.carry_out(change)


async def reset_machine(running: Running, asked: ResetMachine, user: str) -> MachineReset:
    """Say that a machine may be used again."""
    runtime = running.runtime
    machine = _switched(runtime.site, asked.machine)
    may(runtime.site, user, Action.MACHINE, machine)
    reason = reason_of(asked.reason, msg("a reset needs a reason: what was found and repaired"))

    async def change() -> MachineReset:
        now = running.now()
        cleared = [c.text for c in runtime.engine.conditions if c.key in _latches(machine)]
        reset = await running.in_store(
            lambda store: store.interventions.reset(machine, now, user, reason)
        )
        known = runtime.interventions
        runtime.put_interventions(replace(known, resets={**known.resets, machine: reset}))
        return MachineReset(machine=machine, cleared=tuple(cleared))

    return await running.changes.carry_out(change)


def _latches(machine: str) -> tuple[str, ...]:
    """Keys of conditions that a reset ends."""
    return tuple(f"{machine}:{what}" for what in ("latched", "proof", "flow"))


def _switched(site: Site, name: str) -> str:
    """The machine of that name, which the controller can switch. Raises InvalidInput."""
    machine = site.equipment.get(name)
    switched = [one.id for one in site.equipment.values() if lockable(one) is not None]
    if machine is None:
        hint = suggestion(name, switched)
        raise InvalidInput(msg("no machine '{name}'; {suggestion}", name=name, suggestion=hint))
    if machine.id not in switched:
        raise InvalidInput(msg("the controller cannot switch {machine}", machine=name))
    return machine.id


def _look_back(text: str) -> timedelta:
    try:
        return min(parse_duration(text), LONGEST_LOOK_BACK)
    except ValueError as error:
        raise InvalidInput(message_of(error)) from None
