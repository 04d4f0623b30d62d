"""A job at times of the site's calendar: once when such a time comes, looking ahead, never back.

APScheduler says when; it does not run anything. Its own loop lists every time that has passed since
the last one, which are millions when a gateway's clock leaps from 1970 to now.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from apscheduler.triggers.base import BaseTrigger

LOOK_EVERY_S: Final = 20.0
"""By the steady clock. A job comes late by this at most, and a leap of the clock is noticed."""


@dataclass(frozen=True, slots=True)
class Dated:
    """`call` each time that `trigger` names; `now` is the site's clock (aware)."""

    trigger: Callable[[], BaseTrigger]
    """Made when the job begins: APScheduler takes 30 ms to import, which no start waits for."""
    call: Callable[[], Awaitable[None]]
    now: Callable[[], datetime]
    look_every_s: float = LOOK_EVERY_S

    async def run(self) -> None:
        """Wait for one time after the other until cancelled. Times that are missed stay so."""
        trigger = self.trigger()
        due = after(trigger, self.now())
        while due is not None:
            await asyncio.sleep(self.look_every_s)
            at = self.now()
            coming = after(trigger, at)
            if at >= due:
                await self.call()
                due = coming
            elif coming is not None and coming < due:
                due = coming  # the clock was set back
        await asyncio.Event().wait()


def after(trigger: BaseTrigger, at: datetime) -> datetime | None:
    """The first time of a trigger after an instant; None if there is none."""
    found: datetime | None = trigger.get_next_fire_time(None, at + timedelta(seconds=1))
    return found


def every_midnight(zone: str) -> BaseTrigger:
    """The beginning of each local day."""
    from apscheduler.triggers.cron import CronTrigger

    return CronTrigger(hour=0, minute=0, second=0, timezone=ZoneInfo(zone))
