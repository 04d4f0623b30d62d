"""Calls that wait for a disk, made in a thread beside the loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


async def in_thread(
    thread: ThreadPoolExecutor, call: Callable[P, T], *args: P.args, **options: P.kwargs
) -> T:
    """What the call answers; the loop goes on meanwhile. Raises what the call raises."""

    def make() -> T:
        return call(*args, **options)

    return await asyncio.get_running_loop().run_in_executor(thread, make)
