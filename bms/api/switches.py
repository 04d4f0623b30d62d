"""The operations on seasons, overlays and time units. Each change can be asked for as a trial:
`dry_run` answers with what it would do, and does nothing."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Protocol, TypeVar

from bms.api import switch_views as views
from bms.api.server import Handler
from bms.api.views import local
from bms.config.points import zone_of
from bms.core.errors import InvalidInput
from bms.core.moments import coming
from bms.core.switched import Switched
from bms.operations.runtime import Runtime
from bms.operations.seasons import extensions, plans
from bms.operations.seasons.extensions import UnitPlan
from bms.operations.seasons.plans import SeasonPlan
from bms.operations.seasons.standing import known_context
from bms.reports.diff import switch_diff, to_json
from bms.storage.switches import SwitchStore
from bms.texts.messages import msg
from schedules.model.context import OverlayLevel

_log = logging.getLogger(__name__)

T = TypeVar("T")

PREVIEWED_DAYS = 14


class InStore(Protocol):
    """Runs a call with the store of switches, beside the loop; durable when it returns."""

    async def __call__(self, call: Callable[[SwitchStore], T]) -> T: ...


class Beside(Protocol):
    """Runs a call beside the loop."""

    async def __call__(self, call: Callable[[], T]) -> T: ...


@dataclass(frozen=True, slots=True)
class SwitchHandlers:
    """List and switch. One change at a time: each is planned on what the one before has left."""

    runtime: Runtime
    now: Callable[[], datetime]
    in_store: InStore
    beside: Beside
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)
    _open: set[asyncio.Future[Any]] = field(default_factory=set, init=False)

    def table(self) -> Mapping[str, Handler]:
        """The operations by name."""
        return {
            "season.list": self._season_list,
            "season.show": self._season_show,
            "season.switch": self._changing(self._season_switch),
            "season.withdraw": self._changing(self._season_withdraw),
            "overlay.list": self._overlay_list,
            "overlay.set": self._changing(self._overlay_set),
            "overlay.renew": self._changing(self._overlay_renew),
            "overlay.clear": self._changing(self._overlay_clear),
            "unit.list": self._unit_list,
            "unit.extend": self._changing(self._unit_extend),
            "unit.cancel": self._changing(self._unit_cancel),
            "unit.resume": self._changing(self._unit_resume),
        }

    def _changing(self, handler: Handler) -> Handler:
        """A change that, once begun, is carried out: a caller that gives up waiting must not
        leave it on the disk and not in force."""

        async def alone(args: Mapping[str, Any], user: str) -> Any:
            async with self._lock:
                return await handler(args, user)

        async def call(args: Mapping[str, Any], user: str) -> Any:
            task = asyncio.ensure_future(alone(args, user))
            self._open.add(task)
            task.add_done_callback(self._open.discard)
            return await asyncio.shield(task)

        return call

    # --- seasons -----------------------------------------------------------------------------

    async def _season_list(self, _args: Mapping[str, Any], _user: str) -> Any:
        return views.seasons(self.runtime, self.now())

    async def _season_show(self, args: Mapping[str, Any], _user: str) -> Any:
        now = self.now()
        _, key = plans.season_set(
            self.runtime.site, self.runtime.standing, _text(args, "set"), _text(args, "base")
        )
        view = views.season(self.runtime, key, now)
        view["history"] = views.season_history(self.runtime, key, now)
        return view

    async def _season_switch(self, args: Mapping[str, Any], user: str) -> Any:
        now, site = self.now(), self.runtime.site
        base, at = _text(args, "base"), _optional(args, "at")
        zone = zone_of(site, base or "")
        plan = plans.plan_season(
            site,
            self.runtime.standing,
            user,
            _text(args, "set"),
            base,
            _text(args, "to"),
            _text(args, "reason"),
            now,
            start=coming(at, now, zone) if at else None,
            force=args.get("force") is True,
        )
        switched = self.runtime.standing.switched
        ahead = [s for s in switched.spells if s.key == plan.key and s.start > now]
        kept = tuple(s for s in switched.spells if s not in ahead)
        answer = {
            "set": plan.seasons.id,
            "base": base,
            "present": plan.present,
            "since": local(plan.since, zone) if plan.since is not None else None,
            "steps": [
                {"season": s.season, "from": local(s.start, zone), "reason": s.reason}
                for s in plan.spells
            ],
            "replaces": [
                msg("{season} planned for {time}", season=s.season, time=local(s.start, zone))
                for s in ahead
            ],
            "checklist": [dict(line) for line in plan.checklist],
            **await self._effects(replace(switched, spells=(*kept, *plan.spells)), now, args),
        }
        if not _is_trial(args):
            await self._switch_season(plan, now)
        return answer

    async def _switch_season(self, plan: SeasonPlan, now: datetime) -> None:
        await self.in_store(lambda store: store.switch(plan.spells, now))
        self.runtime.standing.put_spells(plan.spells, now)
        self._done(f"season of {plan.key[1]}", *(s.reason for s in plan.spells))

    async def _season_withdraw(self, args: Mapping[str, Any], user: str) -> Any:
        now, standing = self.now(), self.runtime.standing
        key = plans.plan_withdrawal(
            self.runtime.site, standing, user, _text(args, "set"), _text(args, "base"), now
        )
        reason = plans.reason_of(_text(args, "reason"), msg("a withdrawal"))
        if not _is_trial(args):
            await self.in_store(lambda store: store.withdraw_planned(key, now, user, reason))
            standing.withdraw_planned({key}, now)
            self._done(f"planned season of {key[1]} withdrawn", reason)
        return views.season(self.runtime, key, now)

    # --- overlays ----------------------------------------------------------------------------

    async def _overlay_list(self, _args: Mapping[str, Any], _user: str) -> Any:
        return views.overlays(self.runtime, self.now())

    async def _overlay_set(self, args: Mapping[str, Any], user: str) -> Any:
        now = self.now()
        return await self._put_level(
            plans.plan_level(
                self.runtime.site,
                user,
                _text(args, "overlay"),
                _text(args, "level"),
                _optional(args, "until"),
                _optional(args, "duration"),
                _text(args, "reason"),
                now,
            ),
            args,
            now,
        )

    async def _overlay_renew(self, args: Mapping[str, Any], user: str) -> Any:
        now = self.now()
        return await self._put_level(
            plans.plan_renewal(
                self.runtime.site,
                self.runtime.standing,
                user,
                _text(args, "overlay"),
                _optional(args, "until"),
                _optional(args, "duration"),
                _text(args, "reason"),
                now,
            ),
            args,
            now,
        )

    async def _put_level(self, level: OverlayLevel, args: Mapping[str, Any], now: datetime) -> Any:
        standing = self.runtime.standing
        others = tuple(x for x in standing.switched.levels if x.overlay != level.overlay)
        after = replace(standing.switched, levels=(*others, level))
        answer = {
            "overlay": level.overlay,
            "level": level.level,
            "until": local(level.until, self.runtime.site.file.zone),
            **await self._effects(after, now, args),
        }
        if not _is_trial(args):
            await self.in_store(lambda store: store.put_level(level, now))
            standing.put_level(level)
            self._done(f"overlay {level.overlay} {level.level} by {level.by}", level.reason)
        return answer

    async def _overlay_clear(self, args: Mapping[str, Any], user: str) -> Any:
        now, standing = self.now(), self.runtime.standing
        name = _text(args, "overlay")
        level = plans.plan_clearing(self.runtime.site, standing, user, name)
        reason = plans.reason_of(_text(args, "reason"), msg("an overlay"))
        others = tuple(x for x in standing.switched.levels if x.overlay != name)
        after = replace(standing.switched, levels=others)
        answer = {
            "overlay": name,
            "level": "off",
            "was": level.level,
            **await self._effects(after, now, args),
        }
        if not _is_trial(args):
            await self.in_store(lambda store: store.clear_level(name, now, user, reason))
            standing.clear_level(name)
            self._done(f"overlay {name} cleared by {user}", reason)
        return answer

    # --- time units --------------------------------------------------------------------------

    async def _unit_list(self, _args: Mapping[str, Any], _user: str) -> Any:
        return views.units(self.runtime, self.now())

    async def _unit_extend(self, args: Mapping[str, Any], user: str) -> Any:
        now = self.now()
        plan = extensions.plan_extension(
            self.runtime.site,
            self.runtime.standing,
            user,
            _text(args, "unit"),
            _optional(args, "target"),
            _optional(args, "until"),
            _optional(args, "duration"),
            _optional(args, "mode"),
            _numbers(args, "setpoints"),
            _text(args, "reason"),
            now,
        )
        return await self._put_unit(plan, args, user, now)

    async def _unit_cancel(self, args: Mapping[str, Any], user: str) -> Any:
        now = self.now()
        plan = extensions.plan_cancel(
            self.runtime.site,
            self.runtime.standing,
            user,
            _text(args, "unit"),
            _optional(args, "target"),
            _text(args, "reason"),
            now,
            whole_day=args.get("day") is True,
        )
        return await self._put_unit(plan, args, user, now)

    async def _unit_resume(self, args: Mapping[str, Any], user: str) -> Any:
        now = self.now()
        plan = extensions.plan_resume(
            self.runtime.site,
            self.runtime.standing,
            user,
            _text(args, "unit"),
            _optional(args, "target"),
            now,
        )
        return await self._put_unit(plan, args, user, now)

    async def _put_unit(
        self, plan: UnitPlan, args: Mapping[str, Any], user: str, now: datetime
    ) -> Any:
        reason = plans.reason_of(_text(args, "reason"), "this")
        standing = self.runtime.standing
        made = plan.made
        if not _is_trial(args):
            if plan.ended:
                await self.in_store(
                    lambda store: store.end_extensions(plan.ended, now, user, reason)
                )
            if plan.made:
                made = await self.in_store(lambda store: store.add_extensions(plan.made, now))
            standing.put_extensions(made, now, plan.ended)
            self._done(f"time unit {args['unit']} by {user}", reason)
        return {
            "unit": args["unit"],
            "extensions": views.extensions_view(self.runtime, made, now),
            "ended": list(plan.ended),
        }

    # --- shared ------------------------------------------------------------------------------

    def _done(self, what: str, *why: str) -> None:
        self.runtime.switched()
        _log.info("%s: %s", what, "; ".join(why))

    async def _effects(
        self, after: Switched, now: datetime, args: Mapping[str, Any]
    ) -> dict[str, Any]:
        """What changes within the days to come; only a trial asks for it."""
        if not _is_trial(args):
            return {}
        site, overrides = self.runtime.site, tuple(self.runtime.overrides.values())
        contexts = self.runtime.standing.context, known_context(site.library, after)
        end = now + timedelta(days=PREVIEWED_DAYS)
        found = await self.beside(lambda: switch_diff(site, overrides, contexts, now, end))
        return {"days": PREVIEWED_DAYS, **to_json(site, found)}


def _is_trial(args: Mapping[str, Any]) -> bool:
    return args.get("dry_run") is True


def _text(args: Mapping[str, Any], name: str) -> str:
    value = _optional(args, name)
    if value is None:
        raise InvalidInput(msg("'{name}' is missing", name=name))
    return value


def _optional(args: Mapping[str, Any], name: str) -> str | None:
    value = args.get(name)
    if value is not None and not isinstance(value, str):
        raise InvalidInput(msg("'{name}' is a text", name=name))
    return value or None


def _numbers(args: Mapping[str, Any], name: str) -> dict[str, float]:
    values = args.get(name) or {}
    if not isinstance(values, Mapping):
        raise InvalidInput(msg("'{name}' are numbers by name", name=name))
    found = {}
    for key, value in values.items():
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise InvalidInput(msg("{key} is a number", key=key))
        found[str(key)] = float(value)
    return found
