"""What a copying task asks for the time, for a wait and for chance; tests give their own."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Timing:
    """The clocks of a copying task and how long it waits."""

    now: Callable[[], datetime]
    """Aware UTC."""
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    jitter: Callable[[], float] = random.random
    """0 to 1: a thousand gateways must not ask at the same moment."""
    idle_s: float = 1.0
    """How often the streams are looked at when there is nothing to send and nobody calls `wake`."""
    timeout_s: float = 20.0
    """How long a request may take."""
