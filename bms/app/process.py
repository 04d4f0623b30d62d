"""The controller's process: its event loop, its garbage collector, its signals."""

from __future__ import annotations

import asyncio
import gc
import signal
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeVar

from bms.app.composition import composed
from bms.config.site import Site
from bms.core.clock import Clock, SystemClock
from bms.core.errors import BmsError
from bms.texts.problems import Problem

T = TypeVar("T")

YOUNG_OBJECTS = 50_000
"""Python looks for garbage after each 700 new objects; a gateway makes that many samples many
times a second, and none of them is part of a cycle."""


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop's where the extra `fast` is installed; None: Python's own."""
    try:
        import uvloop
    except ImportError:
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run the controller until it ends."""
    gc.set_threshold(YOUNG_OBJECTS, 20, 100)
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        return runner.run(main)


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
    try:
        async with composed(site, clock or SystemClock(), schedule_problems) as app:
            await app.run(stop, ready)
    except BaseExceptionGroup as group:
        expected, other = group.split(BmsError)
        if expected is not None and other is None:
            raise _leaf(expected) from None
        raise


def _leaf(group: BaseExceptionGroup[BmsError]) -> BaseException:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
