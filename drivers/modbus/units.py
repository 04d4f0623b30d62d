"""What a link knows about each unit behind its endpoint."""

from __future__ import annotations

from collections.abc import Callable

from bms.texts.messages import message_of
from drivers.backoff import Backoff, waiting
from drivers.health import UnitHealth
from drivers.modbus.wire.frames import GATEWAY_CANNOT_REACH, ExceptionAnswer, Request

OWED_KEPT = 16
"""Requests given up whose late answers a unit may still send, of which we keep account."""


class Unit:
    """One unit: whether it answers, and what it may still answer."""

    __slots__ = ("backoff", "owed", "reason")

    def __init__(self, chance: Callable[[], float]) -> None:
        self.backoff = Backoff(chance)
        self.reason = ""
        self.owed: list[Request] = []
        """Requests it has not answered and may still answer, where answers carry no id."""

    def answered(self) -> None:
        """It is there."""
        if self.backoff.failures:
            self.backoff.succeeded()
            self.reason = ""

    def refused(self, error: ExceptionAnswer, now_s: float) -> None:
        """An exception is an answer, unless a gateway says by it that the unit gives none."""
        self.owed.clear()
        if error.code in GATEWAY_CANNOT_REACH:
            self.failed(message_of(error), now_s)
        else:
            self.answered()

    def failed(self, reason: str, now_s: float) -> None:
        """Leave it alone for a while."""
        self.backoff.failed(now_s)
        self.reason = reason

    def owes(self, request: Request) -> None:
        """The answer to a request that was given up may still come."""
        self.owed.append(request)
        del self.owed[:-OWED_KEPT]

    def health(self, number: int, now_s: float) -> UnitHealth:
        """For people."""
        failures = self.backoff.failures
        detail = waiting(self.reason, self.backoff.remaining_s(now_s)) if self.reason else ""
        return UnitHealth(str(number), failures == 0, failures, detail)
