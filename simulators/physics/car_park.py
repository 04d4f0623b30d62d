"""Cars that come and go: bays by the minute, and who moves in the aisles of each row."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from random import Random
from typing import NamedTuple

from simulators.activity import WorkCalendar

MOVES_S = 150.0
"""A car that comes or goes, and its people, are seen in the aisle for so long."""
_DAY_S = 86400.0
_NOON_S = 10 * 3600.0
_NIGHT_SHARE = 0.12
"""Of the cars: the late shift, who leave after midnight."""


class Visit(NamedTuple):
    """One car in one bay; seconds of local time since 1970."""

    bay: int
    comes_s: float
    goes_s: float


class _Plan(NamedTuple):
    """The visits that begin on one day, with everything in order of time."""

    visits: list[Visit]
    moves: list[tuple[float, int]]
    """When somebody comes or goes, and in which row."""
    changes: list[float]


class CarPark:
    """Rows of bays that fill up from the entrance.

    `rows` are the numbers of bays. A function of the time alone: the same at any step, and nothing
    to save. Bays far from the entrance are used on full days only, some never.
    """

    def __init__(self, rows: Sequence[int], seed: int = 1) -> None:
        self.row_of = [row for row, count in enumerate(rows) for _ in range(count)]
        self.rows = len(rows)
        self._seed = seed
        self._calendar = WorkCalendar()
        self._days: dict[int, _Plan] = {}

    def occupied(self, local_s: float) -> list[bool]:
        """Which bays are taken."""
        taken = [False] * len(self.row_of)
        day = int(local_s // _DAY_S)
        for bay, comes_s, goes_s in (*self._plan(day - 1).visits, *self._plan(day).visits):
            if comes_s <= local_s < goes_s:
                taken[bay] = True
        return taken

    def moving(self, since_s: float, local_s: float) -> list[bool]:
        """In which rows somebody moved after `since_s`, up to now."""
        moves = [False] * self.rows
        first, last = since_s - MOVES_S / 2, local_s + MOVES_S / 2
        day = int(local_s // _DAY_S)
        for plan in (self._plan(day - 1), self._plan(day), self._plan(day + 1)):
            for at_s, row in plan.moves[bisect_right(plan.moves, (first, self.rows)) :]:
                if at_s > last:
                    break
                moves[row] = True
        return moves

    def next_change_s(self, local_s: float) -> float:
        """When something is different next; within a day."""
        day = int(local_s // _DAY_S)
        found = local_s + _DAY_S
        for plan in (self._plan(day - 1), self._plan(day), self._plan(day + 1)):
            at = bisect_right(plan.changes, local_s)
            if at < len(plan.changes):
                found = min(found, plan.changes[at])
        return found

    def _plan(self, day: int) -> _Plan:
        found = self._days.get(day)
        if found is None:
            if len(self._days) > 8:
                self._days.clear()
            visits = self._drawn(day)
            moves = sorted((at, self.row_of[v.bay]) for v in visits for at in v[1:])
            edges = (-MOVES_S / 2, 0.0, MOVES_S / 2)
            changes = sorted({at + edge for at, _ in moves for edge in edges})
            found = self._days[day] = _Plan(visits, moves, changes)
        return found

    def _drawn(self, day: int) -> list[Visit]:
        random = Random(self._seed * 1_000_003 + day)
        share = self._calendar.at(day * _DAY_S + _NOON_S).occupancy * random.uniform(0.85, 1.0)
        count = len(self.row_of)
        visits = []
        for bay in range(count):
            used = random.random() < min(1.0, max(0.0, (share - bay / count) * 6.0))
            late = random.random() < _NIGHT_SHARE
            comes_h = random.gauss(16.5, 0.7) if late else random.gauss(8.2, 0.6)
            stays_h = max(0.5, random.gauss(8.7, 1.2))
            if used:
                comes_s = day * _DAY_S + round(comes_h * 3600.0)
                visits.append(Visit(bay, comes_s, comes_s + round(stays_h * 3600.0)))
        return visits
