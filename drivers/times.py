"""What a driver asks for the time and for chance. Who makes a driver passes the clock."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Times:
    """The clocks of a driver."""

    now: Callable[[], datetime]
    """Aware UTC."""
    monotonic: Callable[[], float] = time.monotonic
    """Seconds of a clock that nobody sets."""
    chance: Callable[[], float] = random.random
    """0 to 1: so that the links of a site do not knock all at once."""
