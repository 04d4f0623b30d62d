"""A dated job comes once at its time, whatever the gateway's clock does."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from bms.app.watching.dated import Dated, after, every_midnight

ZONE = "Asia/Shanghai"
NOON = datetime(2026, 7, 1, 4, tzinfo=UTC)


class Watch:
    """A clock that shows what it is given, and a job that notes when it was called."""

    def __init__(self, *shown: datetime) -> None:
        self.shown = list(shown)
        self.called: list[datetime] = []
        self.now = shown[0]
        self.over = asyncio.Event()

    def look(self) -> datetime:
        if self.shown:
            self.now = self.shown.pop(0)
        else:
            self.over.set()
        return self.now

    async def call(self) -> None:
        self.called.append(self.now)

    async def watched(self) -> list[datetime]:
        job = Dated(lambda: every_midnight(ZONE), self.call, self.look, look_every_s=0.0)
        task = asyncio.create_task(job.run())
        await self.over.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return self.called


def test_the_next_local_midnight() -> None:
    trigger = every_midnight(ZONE)
    assert after(trigger, NOON) == datetime(2026, 7, 1, 16, tzinfo=UTC)
    midnight = datetime(2026, 7, 1, 16, tzinfo=UTC)
    assert after(trigger, midnight) == midnight + timedelta(days=1)


async def test_it_comes_once_a_day() -> None:
    hours = [NOON + timedelta(hours=h) for h in range(60)]
    assert await Watch(*hours).watched() == [NOON + timedelta(hours=h) for h in (12, 36)]


async def test_a_leap_of_years_is_one_call() -> None:
    start = datetime(1970, 1, 1, tzinfo=UTC)
    assert await Watch(start, NOON, NOON + timedelta(hours=1)).watched() == [NOON]


async def test_a_clock_that_was_set_back_goes_on_from_there() -> None:
    ahead = NOON + timedelta(days=400)
    back = [NOON + timedelta(hours=h) for h in range(30)]
    assert await Watch(ahead, *back).watched() == [NOON + timedelta(hours=12)]
