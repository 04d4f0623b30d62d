"""When a latched machine that nothing stands in for is tried again by itself. Pure.

A pump whose own breaker was open for ten minutes is whole, and a plant that has no other one would
stand still until a person comes. So it is tried again, more and more rarely: a motor takes a start
in a quarter of an hour, and eight vain ones a day (D).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

DAY_S: Final = 86400.0
RETRY_AFTER_S: Final = (900.0, 1800.0, 3600.0)
"""After the first failed proof of a day, the second, and each further one."""
RETRIES_A_DAY: Final = 8
SOUND_S: Final = 60.0
"""One that is tried again is whole once it has shown for so long that it runs (D)."""


def retry_due_s(failures_s: Sequence[float], watched_s: float) -> float | None:
    """When the next try may begin, by the times of failed proofs in watched seconds, oldest first;
    None without one."""
    if not failures_s:
        return None
    recent = [time_s for time_s in failures_s if 0.0 <= watched_s - time_s < DAY_S]
    last_s = failures_s[-1]
    wait_s = RETRY_AFTER_S[min(max(len(recent), 1), len(RETRY_AFTER_S)) - 1]
    if len(recent) <= RETRIES_A_DAY:
        return last_s + wait_s
    return max(last_s + wait_s, recent[-1 - RETRIES_A_DAY] + DAY_S)
