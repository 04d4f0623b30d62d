"""The controller's process: it controls a site until a signal ends it."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import TYPE_CHECKING

from bms.app.watching.beginning import Beginning
from bms.config.site import Site
from bms.core.clock import Clock, SystemClock
from bms.core.errors import BmsError
from bms.texts.problems import Problem

if TYPE_CHECKING:
    from bms.app.controller import App


async def run_site(
    site: Site,
    *,
    clock: Clock | None = None,
    ready: Callable[[], None] = lambda: None,
    schedule_problems: Sequence[Problem] = (),
) -> None:
    """Control a site until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    clock = clock or SystemClock()
    try:
        async with AsyncExitStack() as stack:
            begun = await Beginning.of(site, clock.now, stack)
            begun.read_at_once()
            composed = await asyncio.to_thread(_rest)
            async with composed(site, clock, schedule_problems, begun) as app:
                await app.run(stop, ready)
    except BaseExceptionGroup as group:
        expected, other = group.split(BmsError)
        if expected is not None and other is None:
            raise _leaf(expected) from None
        raise


def _rest() -> Callable[
    [Site, Clock, Sequence[Problem], Beginning], AbstractAsyncContextManager[App]
]:
    """What else the controller is made of, imported while the links connect."""
    from bms.app.composition import composed

    return composed


def _leaf(group: BaseExceptionGroup[BmsError]) -> BaseException:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
