"""The operations of the local API: arguments in, plain JSON values out."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bms.api import views
from bms.api.server import Handler
from bms.commissioning import raw
from bms.durations import parse_duration
from bms.errors import InvalidInput, Refused
from bms.model import Override
from bms.people import Action, may
from bms.runtime import Runtime
from drivers.base import Driver
from schedules.yamltext import suggestion

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Handlers:
    """What the API needs of the running controller. `add` and `clear` return once it is durable."""

    runtime: Runtime
    now: Callable[[], datetime]
    cycle: Callable[[], Mapping[str, Any]]
    kwh_today: Callable[[datetime], Awaitable[Mapping[str, float | None]]]
    add: Callable[[Override], Awaitable[Override]]
    clear: Callable[[Override, datetime, str], Awaitable[None]]

    def table(self) -> Mapping[str, Handler]:
        """The operations by name."""
        return {
            "status": self._status,
            "points": self._points,
            "why": self._why,
            "override.set": self._override_set,
            "override.clear": self._override_clear,
            "override.list": self._override_list,
            "raw.read": self._raw_read,
            "raw.write": self._raw_write,
        }

    async def _status(self, _args: Mapping[str, Any], _user: str) -> Any:
        now = self.now()
        kwh_today = await self.kwh_today(now)
        return views.status(self.runtime, now, cycle=self.cycle(), kwh_today=kwh_today)

    async def _points(self, args: Mapping[str, Any], _user: str) -> Any:
        return views.points(self.runtime, args.get("filter"), self.now())

    async def _why(self, args: Mapping[str, Any], _user: str) -> Any:
        return views.why(self.runtime, _text(args, "point"), self.now())

    async def _raw_read(self, args: Mapping[str, Any], _user: str) -> Any:
        return await raw.look(*self._raw(args))

    async def _raw_write(self, args: Mapping[str, Any], user: str) -> Any:
        may(self.runtime.site, user, Action.RAW)
        driver, place = self._raw(args)
        reason, text, where = (_text(args, name) for name in ("reason", "value", "place"))
        found = await raw.put_audited(
            driver,
            place,
            text,
            self.runtime.site.state_dir,
            self.now,
            who=user,
            via="api",
            why=reason,
            link=_text(args, "link"),
            place_text=where,
        )
        _log.warning("%s set to %s by hand by %s: %s", where, text, user, reason)
        return found

    def _raw(self, args: Mapping[str, Any]) -> tuple[Driver, raw.Register | str]:
        link = _text(args, "link")
        links = self.runtime.site.links
        if link not in links:
            raise InvalidInput(f"no link '{link}'; {suggestion(link, links)}")
        return self.runtime.field.driver(link), raw.place_of(_text(args, "place"), args)

    async def _override_list(self, _args: Mapping[str, Any], _user: str) -> Any:
        return views.overrides(self.runtime, self.now())

    async def _override_set(self, args: Mapping[str, Any], user: str) -> Any:
        try:
            duration = parse_duration(_text(args, "duration"))
        except ValueError as error:
            raise InvalidInput(str(error)) from error
        now = self.now()
        wanted = self.runtime.new_override(
            _text(args, "point"), _text(args, "value"), duration, _text(args, "reason"), user, now
        )
        stored = await self.add(wanted)
        self.runtime.put_override(stored)
        _log.info(
            "override %d: %s = %s by %s until %s: %s",
            stored.id,
            stored.point,
            stored.value,
            stored.owner,
            stored.until.isoformat(),
            stored.reason,
        )
        return self._view(stored, now)

    async def _override_clear(self, args: Mapping[str, Any], user: str) -> Any:
        which = _text(args, "override")
        now = self.now()
        found = [
            override
            for override in self.runtime.overrides.values()
            if override.until > now and which in (str(override.id), override.point)
        ]
        if not found:
            raise Refused(f"no override '{which}' is in force; see 'bms override list'")
        await self.clear(found[0], now, user)
        self.runtime.drop_override(found[0].id)
        _log.info("override %d on %s cleared by %s", found[0].id, found[0].point, user)
        return self._view(found[0], now)

    def _view(self, override: Override, now: datetime) -> dict[str, Any]:
        return views.override_view(self.runtime, override, now)


def _text(args: Mapping[str, Any], name: str) -> str:
    value = args.get(name)
    if not isinstance(value, str) or not value:
        raise InvalidInput(f"'{name}' is missing")
    return value
