"""The only place that asks what time it is."""

from __future__ import annotations

import ctypes
import sys
import time
from datetime import UTC, datetime
from typing import Protocol

from bms.texts.messages import msg

_TIMEX_BYTES = 512
"""More than `struct timex` has on any architecture; its first word, `modes`, stays 0: read only."""
_UNSYNCHRONISED = 5
"""What adjtimex(2) answers while no time service disciplines the clock (TIME_ERROR)."""


class Clock(Protocol):
    """Aware UTC now. Tests and simulations inject their own."""

    def now(self) -> datetime: ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def settled(self, wait_s: float) -> bool:
        """Whether the time can be believed: set by the network, or nobody will soon set it.

        A machine that has been up for longer than `wait_s` keeps the clock that it has.
        """
        if not sys.platform.startswith("linux"):
            return True
        if time.clock_gettime(time.CLOCK_BOOTTIME) >= wait_s:
            return True
        answer = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))
        return int(answer) not in (-1, _UNSYNCHRONISED)


class SimulatedClock:
    """A clock that stands still until it is set."""

    def __init__(self, start: datetime) -> None:
        self._now = start.astimezone(UTC)

    def now(self) -> datetime:
        return self._now

    def set(self, now: datetime) -> None:
        """Move to `now`; simulated time never runs backwards."""
        if now < self._now:
            raise ValueError(
                msg("simulated time cannot run back from {old} to {new}", old=self._now, new=now)
            )
        self._now = now.astimezone(UTC)
