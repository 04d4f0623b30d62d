"""Keeps the tasks beside the cycle alive: each fails, is an alarm, and is tried again by itself."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from bms.core.decisions import Condition, Severity
from bms.core.errors import BmsError
from bms.texts.messages import message_of, msg
from bms.texts.system_errors import os_cause

_log = logging.getLogger(__name__)

FIRST_PAUSE_S: Final = 1.0
LONGEST_PAUSE_S: Final = 60.0
WELL_AFTER_S: Final = 30.0
"""A task that has run for so long is well: its alarm ends, and the next pause is the first."""


def pause_s(failures: int, chance: float) -> float:
    """How long to wait after the n-th failure in a row (from 1): 1, 2, 4 … 60 s, of which
    `chance` (0 to 1) takes up to a quarter, so that what failed together does not go on so."""
    longest = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** min(failures - 1, 16))
    return longest * (1.0 - chance / 4)


@dataclass(slots=True)
class Supervisor:
    """Runs tasks again and again. `raise_own` and `clear_own` take their alarms."""

    raise_own: Callable[[Condition], None]
    clear_own: Callable[[str], None]
    chance: Callable[[], float] = random.random

    async def keep(self, name: str, run: Callable[[], Awaitable[None]]) -> None:
        """Run it until cancelled; what it raises becomes the alarm `task:<name>`."""
        key = f"task:{name}"
        failures, said = 0, ""
        loop = asyncio.get_running_loop()
        while True:
            begun = loop.time()
            well = loop.call_later(WELL_AFTER_S, self.clear_own, key)
            try:
                await run()
                cause: str = msg("it ended")
            except Exception as error:
                cause = _cause(error)
                if repr(error) != said:  # the same again and again fills no log
                    said = repr(error)
                    _log.exception("%s failed and is begun again", name)
            finally:
                well.cancel()
            failures = 1 if loop.time() - begun >= WELL_AFTER_S else failures + 1
            text = msg(
                "{task} failed and is tried again by itself: {cause}; the control goes on. If it "
                "stays, see the log",
                task=name,
                cause=cause,
            )
            self.raise_own(Condition(key, Severity.URGENT, text))
            await asyncio.sleep(pause_s(failures, self.chance()))


def _cause(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, BmsError):
        return message_of(error)
    return os_cause(error) if isinstance(error, OSError) else repr(error)
