"""The event loop and the garbage collector of the controller's process."""

from __future__ import annotations

import asyncio
import gc
import resource
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, TypeVar

T = TypeVar("T")

YOUNG_OBJECTS = 50_000
"""Python looks for garbage after each 700 new objects; a gateway makes that many samples many
times a second, and none of them is part of a cycle."""

MOST_FILES = 65_536


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop's where the extra `fast` is installed; None: Python's own."""
    try:
        import uvloop
    except ImportError:
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory


def _take_files() -> None:
    """May open as many files as the machine lets this account: links, databases and people share
    what is left of them."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, MOST_FILES)
    if soft != resource.RLIM_INFINITY and soft < most:
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run the controller until it ends."""
    gc.set_threshold(YOUNG_OBJECTS, 20, 100)
    _take_files()
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        return runner.run(main)
