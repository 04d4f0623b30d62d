"""Whose turn it is on a link: writes, then reads of units that answer, then the others."""

from __future__ import annotations

from collections import deque

from drivers.modbus.job import Job

DOUBTFUL_EVERY = 16
"""On a link with more to do than it can, each 16th turn is one of a unit that did not answer."""


class JobQueue:
    """The jobs that wait. A link looks into it at each request: its parts are no secret."""

    __slots__ = ("_turn", "doubtful", "usual", "writes", "writing")

    def __init__(self) -> None:
        self.writes: deque[Job] = deque()
        self.usual: deque[Job] = deque()
        self.doubtful: deque[Job] = deque()
        """For units that failed to answer."""
        self.writing = False
        """What runs now is a write: nothing runs beside it."""
        self._turn = 0

    def next(self, active: int) -> Job | None:
        """Who begins now, while so many jobs run; None: nobody may."""
        if self.writes:
            # A read on its way could bring the old value back after the write.
            if active:
                return None
            self.writing = True
            return self.writes.popleft()
        if active and self.writing:
            return None
        self.writing = False
        self._turn += 1
        if self.doubtful and (not self.usual or self._turn % DOUBTFUL_EVERY == 0):
            return self.doubtful.popleft()
        return self.usual.popleft() if self.usual else None
