"""Holds what is recorded before the clock is set, and gives it the time it really was. Pure.

A gateway without a battery starts with the time of its last stop, or in 1970, until the network
tells it better. Until then batches wait in memory, each with what the clock was ahead of a counter
of seconds that nobody sets; once the clock is right, their times are moved by what it was moved.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from bms.historian.records import Batch

BELIEVABLE = timedelta(minutes=5)
"""A clock this far behind what was stored before is wrong, whatever it says of itself."""
STEP = timedelta(milliseconds=500)
"""Smaller corrections are the clock's own business."""
PATIENCE = 10
"""A clock that stays wrong for so many times the wait is taken as it is: nothing better comes."""
HELD_BATCHES = 1200


class ClockGate:
    """Closed until the clock is settled, then open for good."""

    def __init__(self, newest: datetime | None, wait_s: float) -> None:
        """`newest` is the last time that was stored before this start."""
        self._newest = newest
        self._patience_s = wait_s * PATIENCE
        self._held: list[tuple[float, datetime, Batch]] = []
        self._begun_s: float | None = None
        self.open = wait_s <= 0
        self.moved = timedelta(0)
        """By how much what was held had to be moved."""

    @property
    def held(self) -> int:
        return len(self._held)

    def offer(
        self, batch: Batch | None, now: datetime, steady_s: float, *, settled: bool
    ) -> list[Batch]:
        """What may be stored now. `now` and `steady_s` are both clocks at the same moment."""
        if self.open:
            return [] if batch is None else [batch]
        if batch is not None:
            self._held.append((steady_s, now, batch))
            if len(self._held) > HELD_BATCHES:
                # Readings, awards and alarms stay; the trends of the oldest go.
                (first_s, first, oldest), (_, _, following) = self._held[:2]
                joined = oldest.without_samples().joined(following)
                self._held[:2] = [(first_s, first, joined)]
        if self._begun_s is None:
            self._begun_s = steady_s
        behind = self._newest is not None and now < self._newest - BELIEVABLE
        tired = steady_s - self._begun_s >= self._patience_s
        if not tired and (behind or not settled):
            return []
        return self.release(now, steady_s)

    def release(self, now: datetime, steady_s: float) -> list[Batch]:
        """Everything held, at its right time by the clock as it is now."""
        self.open = True
        released = []
        for then_s, then, batch in self._held:
            by = now - then - timedelta(seconds=steady_s - then_s)
            if abs(by) >= STEP:
                self.moved = by
                batch = batch.shifted(by)
            released.append(batch)
        self._held.clear()
        return released
