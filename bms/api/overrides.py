"""The operations on overrides, and how they are shown."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from bms.api import views
from bms.api.server import Handler
from bms.config.points import zone_of
from bms.core.decisions import Override
from bms.core.durations import parse_duration
from bms.core.errors import InvalidInput, Refused
from bms.operations.overrides import planning
from bms.operations.overrides.cost import Cost
from bms.operations.overrides.planning import Until
from bms.operations.runtime import Runtime
from bms.people.roles import Action, may
from bms.storage.state import PastOverride
from bms.texts.messages import msg

_log = logging.getLogger(__name__)

LONGEST_LOOK_BACK = timedelta(days=3660)


class Keeper(Protocol):
    """Where overrides are kept: durable when a call returns, and never on the loop."""

    async def add(self, override: Override) -> Override: ...
    async def extend(self, override: Override) -> bool: ...
    async def clear(self, override: Override, now: datetime, user: str) -> None: ...
    async def past(self, since: datetime) -> Sequence[PastOverride]: ...
    async def costs(self, periods: Sequence[tuple[Override, datetime]]) -> Mapping[int, Cost]: ...
    async def note(self, now: datetime, who: str, what: str, why: str, **details: Any) -> None: ...


@dataclass(frozen=True, slots=True)
class OverrideHandlers:
    """Set, extend, clear and list; `keeper` keeps them and tells what they cost."""

    runtime: Runtime
    now: Callable[[], datetime]
    keeper: Keeper

    def table(self) -> Mapping[str, Handler]:
        """The operations by name."""
        return {
            "override.set": self._set,
            "override.extend": self._extend,
            "override.clear": self._clear,
            "override.list": self._list,
            "override.past": self._past,
        }

    async def _list(self, _args: Mapping[str, Any], _user: str) -> Any:
        now = self.now()
        live = sorted(self.runtime.overrides.values(), key=lambda o: (o.start, o.id))
        costs = await self.keeper.costs([(override, now) for override in live])
        return [self._view(override, now, costs.get(override.id)) for override in live]

    async def _past(self, args: Mapping[str, Any], _user: str) -> Any:
        now = self.now()
        back = _duration(args, "back", LONGEST_LOOK_BACK)
        kept = [
            (one, ended)
            for one in await self.keeper.past(now - back)
            if (ended := one.ended_at or one.override.until) <= now
        ]
        costs = await self.keeper.costs([(one.override, ended) for one, ended in kept])
        return [
            {
                **self._view(one.override, now, costs.get(one.override.id)),
                "ended": views.local(ended, zone_of(self.runtime.site, one.override.point)),
                "how": one.ended or msg("expired"),
            }
            for one, ended in kept
        ]

    async def _set(self, args: Mapping[str, Any], user: str) -> Any:
        now = self.now()
        wanted = planning.wanted(
            self.runtime.site,
            _text(args, "point"),
            _text(args, "value"),
            _until(args),
            _text(args, "reason"),
            user,
            now,
            self.runtime.resolver,
        )
        stored = await self.keeper.add(wanted)
        self.runtime.put_override(stored)
        await self._note(stored, "override.set", user, stored.reason, now)
        return self._view(stored, now)

    async def _extend(self, args: Mapping[str, Any], user: str) -> Any:
        now = self.now()
        override = self._found(args, now)
        reason = _text(args, "reason")
        wanted = planning.extended(
            self.runtime.site, override, _until(args), reason, user, now, self.runtime.resolver
        )
        if not await self.keeper.extend(wanted):
            raise Refused(msg("override {number} has been cleared meanwhile", number=wanted.id))
        self.runtime.put_override(wanted)
        await self._note(wanted, "override.extend", user, planning.needed(reason), now)
        return self._view(wanted, now)

    async def _clear(self, args: Mapping[str, Any], user: str) -> Any:
        now = self.now()
        override = self._found(args, now)
        may(self.runtime.site, user, Action.OVERRIDE, override.point)
        reason = str(args.get("reason") or "")
        await self.keeper.clear(override, now, user)
        self.runtime.drop_override(override.id)
        await self._note(override, "override.clear", user, reason, now)
        return self._view(override, now)

    def _found(self, args: Mapping[str, Any], now: datetime) -> Override:
        return planning.found(self.runtime.overrides.values(), _text(args, "override"), now)

    async def _note(
        self, override: Override, what: str, user: str, reason: str, now: datetime
    ) -> None:
        """Into the log and the audit, once it is in force: a full disk must not keep an operator
        from taking a machine over."""
        until = override.until.isoformat(timespec="seconds")
        _log.info(
            "%s %d: %s = %s by %s until %s: %s",
            what, override.id, override.point, override.value, user, until, reason,
        )  # fmt: skip
        await self.keeper.note(
            now,
            user,
            what,
            reason,
            override=override.id,
            point=override.point,
            value=override.value,
            until=until,
        )

    def _view(self, override: Override, now: datetime, cost: Cost | None = None) -> dict[str, Any]:
        others = [o for o in self.runtime.overrides.values() if o.id != override.id]
        resolver = self.runtime.resolver
        view = views.override_view(self.runtime, override, now)
        view["then"] = planning.back_to(self.runtime.site, override, others, resolver)
        if cost is not None:
            kwh = None if cost.kwh is None else round(cost.kwh, 3)
            view["cost"] = {"kwh": kwh, "how": cost.how, "detail": cost.detail}
        return view


def _until(args: Mapping[str, Any]) -> Until:
    return Until(str(args.get("duration") or ""), str(args.get("until") or ""))


def _duration(args: Mapping[str, Any], name: str, longest: timedelta) -> timedelta:
    try:
        return min(parse_duration(_text(args, name)), longest)
    except ValueError as error:
        raise InvalidInput(str(error)) from None


def _text(args: Mapping[str, Any], name: str) -> str:
    value = args.get(name)
    if not isinstance(value, str) or not value:
        raise InvalidInput(msg("'{name}' is missing", name=name))
    return value
