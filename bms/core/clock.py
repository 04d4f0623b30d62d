"""The only place that asks what time it is."""

from __future__ import annotations

import ctypes
import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from bms.core.decisions import Steady
from bms.texts.messages import msg

_TIMEX_BYTES = 512
"""More than `struct timex` has on any architecture; its first word, `modes`, stays 0: read only."""
_UNSYNCHRONISED = 5
"""What adjtimex(2) answers while no time service disciplines the clock (TIME_ERROR)."""


class Clock(Protocol):
    """Aware UTC now, and seconds that nobody sets. Tests and simulations inject their own."""

    def now(self) -> datetime: ...
    def steady(self) -> Steady: ...


class SystemClock:
    """The machine's clock."""

    def __init__(self) -> None:
        self._process = f"process {os.getpid()} of {time.time_ns()}"
        self._boot = _boot_id() or self._process

    def now(self) -> datetime:
        return datetime.now(UTC)

    def steady(self) -> Steady:
        """Seconds since the machine began, sleep included, where the system tells them."""
        if not sys.platform.startswith("linux"):
            return Steady(self._process, time.monotonic())
        return Steady(self._boot, time.clock_gettime(time.CLOCK_BOOTTIME))

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

    def steady(self) -> Steady:
        """Simulations that carry on where one ended are of one boot."""
        return Steady("simulated", self._now.timestamp())

    def set(self, now: datetime) -> None:
        """Move to `now`; simulated time never runs backwards."""
        if now < self._now:
            raise ValueError(
                msg("simulated time cannot run back from {old} to {new}", old=self._now, new=now)
            )
        self._now = now.astimezone(UTC)


def _boot_id() -> str:
    """What Linux calls this boot; empty where it does not say."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    except (OSError, ValueError):
        return ""
