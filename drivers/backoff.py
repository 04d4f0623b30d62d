"""When to try again after failures. Pure.

The caller says what time it is.
"""

from __future__ import annotations

from collections.abc import Callable

from bms.texts.messages import Message, msg

FIRST_S = 1.0
LIMIT_S = 60.0
SPREAD = 0.2
"""Jitter, so that the links of a site do not all knock at once after a power cut."""


def waiting(reason: str, remaining_s: float) -> Message:
    """What a link says while it waits: why it failed, and the countdown."""
    return msg("{reason}; next attempt in {wait_s:.1f} s", reason=reason, wait_s=remaining_s)


def without_countdown(detail: str) -> str:
    """The reason alone: the same at each look, as an alarm's text has to be."""
    if isinstance(detail, Message) and detail.arguments.keys() == {"reason", "wait_s"}:
        reason = detail.arguments["reason"]
        return reason if isinstance(reason, str) else str(reason)
    return detail


class Backoff:
    """Waits 1, 2, 4 ... 60 s between attempts, each 20 % longer or shorter by chance.

    `chance` gives numbers from 0 to 1. `succeeded` belongs after a valid answer, never after a
    mere connection: a gateway that accepts and then says nothing must not be hammered.
    """

    __slots__ = ("_chance", "_not_before", "failures")

    def __init__(self, chance: Callable[[], float]) -> None:
        self._chance = chance
        self.failures = 0
        self._not_before = 0.0

    def failed(self, now_s: float) -> None:
        delay = min(FIRST_S * 2 ** min(self.failures, 16), LIMIT_S)
        self.failures += 1
        self._not_before = now_s + delay * (1 - SPREAD + 2 * SPREAD * self._chance())

    def succeeded(self) -> None:
        self.failures = 0

    def remaining_s(self, now_s: float) -> float:
        """Seconds until the next attempt is due; 0 if it is."""
        return max(0.0, self._not_before - now_s) if self.failures else 0.0
