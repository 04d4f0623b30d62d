"""The operations of the local API: arguments in, plain JSON values out."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bms.api import switch_views, views
from bms.api.overrides import OverrideHandlers
from bms.api.server import Handler
from bms.api.switches import SwitchHandlers
from bms.config.points import zone_of
from bms.core.errors import InvalidInput
from bms.core.moments import past
from bms.field.commissioning import raw_access
from bms.operations.overrides.kept import Keeping
from bms.operations.runtime import Runtime
from bms.people.roles import Action, may
from bms.texts.messages import msg
from bms.texts.yaml.parsing import suggestion
from drivers.base import Driver

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Handlers:
    """What the API needs of the running controller."""

    runtime: Runtime
    now: Callable[[], datetime]
    cycle: Callable[[], Mapping[str, Any]]
    kwh_today: Callable[[datetime], Awaitable[Mapping[str, float | None]]]
    keeping: Keeping
    switches: SwitchHandlers

    def table(self) -> Mapping[str, Handler]:
        """The operations by name."""
        return {
            "status": self._status,
            "points": self._points,
            "why": self._why,
            **OverrideHandlers(self.runtime, self.now, self.keeping).table(),
            **self.switches.table(),
            "raw.read": self._raw_read,
            "raw.write": self._raw_write,
        }

    async def _status(self, _args: Mapping[str, Any], _user: str) -> Any:
        now = self.now()
        kwh_today = await self.kwh_today(now)
        status = views.status(self.runtime, now, cycle=self.cycle(), kwh_today=kwh_today)
        return status | switch_views.status(self.runtime, now)

    async def _points(self, args: Mapping[str, Any], _user: str) -> Any:
        return views.points(self.runtime, args.get("filter"), self.now())

    async def _why(self, args: Mapping[str, Any], _user: str) -> Any:
        point, now = _text(args, "point"), self.now()
        if not args.get("at"):
            return views.why(self.runtime, point, now)
        time = past(_text(args, "at"), now, zone_of(self.runtime.site, point))
        return await self.keeping.why_then(point, time, now)

    async def _raw_read(self, args: Mapping[str, Any], _user: str) -> Any:
        return await raw_access.look(*self._raw(args))

    async def _raw_write(self, args: Mapping[str, Any], user: str) -> Any:
        may(self.runtime.site, user, Action.RAW)
        driver, place = self._raw(args)
        reason, text, where = (_text(args, name) for name in ("reason", "value", "place"))
        found = await raw_access.put_audited(
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

    def _raw(self, args: Mapping[str, Any]) -> tuple[Driver, raw_access.Register | str]:
        link = _text(args, "link")
        links = self.runtime.site.links
        if link not in links:
            raise InvalidInput(
                msg("no link '{link}'; {suggestion}", link=link, suggestion=suggestion(link, links))
            )
        return self.runtime.field.driver(link), raw_access.place_of(_text(args, "place"), args)


def _text(args: Mapping[str, Any], name: str) -> str:
    value = args.get(name)
    if not isinstance(value, str) or not value:
        raise InvalidInput(msg("'{name}' is missing", name=name))
    return value
