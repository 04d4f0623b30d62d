"""How long tests wait for what has to come, in one place: far longer than it ever takes.

No test measures speed. A wait ends as soon as its condition holds. So patience costs only the time
until a failing test says so.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

PATIENCE_S = 120.0
"""For a machine whose every core has other work several times over."""
LONG_PATIENCE_S = 1200.0
"""For what takes a minute or more even on an idle machine."""
SILENCE_S = 0.6
"""How long drivers under test wait for an answer that never comes: each such trial costs it, and
what does answer must come within it on a busy machine (0.15 s was too short once in three runs)."""
LOOK_AGAIN_S = 0.01


def patience() -> asyncio.Timeout:
    """`async with patience():` around a wait that would never end if the product were wrong."""
    return asyncio.timeout(PATIENCE_S)


async def async_until(
    condition: Callable[[], Any], what: object = "what the test waits for"
) -> Any:
    """Look until a condition is truthy, letting the loop work; fails with `what` if it never is."""
    loop = asyncio.get_running_loop()
    ends = loop.time() + PATIENCE_S
    while not (found := condition()):
        assert loop.time() < ends, f"not within {PATIENCE_S:.0f} s: {what}"
        await asyncio.sleep(LOOK_AGAIN_S)
    return found


def until(condition: Callable[[], Any], what: object, within_s: float = PATIENCE_S) -> Any:
    """Look at the outside world until a condition is truthy; fails with `what` if it never is."""
    ends = time.monotonic() + within_s
    while not (found := condition()):
        assert time.monotonic() < ends, f"not within {within_s:.0f} s: {what}"
        time.sleep(LOOK_AGAIN_S)
    return found
