"""Cars that come and go: bays by the minute, and who moves in the aisles of each row."""

from __future__ import annotations

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
        self._days: dict[int, list[Visit]] = {}

    def occupied(self, local_s: float) -> list[bool]:
        """Which bays are taken."""
        taken = [False] * len(self.row_of)
        for visit in self._around(local_s):
            if visit.comes_s <= local_s < visit.goes_s:
                taken[visit.bay] = True
        return taken

    def moving(self, since_s: float, local_s: float) -> list[bool]:
        """In which rows somebody moved after `since_s`, up to now."""
        moves = [False] * self.rows
        for visit in self._around(local_s):
            for at_s in (visit.comes_s, visit.goes_s):
                if at_s - MOVES_S / 2 <= local_s and at_s + MOVES_S / 2 > since_s:
                    moves[self.row_of[visit.bay]] = True
        return moves

    def next_change_s(self, local_s: float) -> float:
        """When something is different next; within two days."""
        day = int(local_s // _DAY_S)
        moments = [
            moment
            for visit in (*self._around(local_s), *self._visits(day + 1))
            for at_s in (visit.comes_s, visit.goes_s)
            for moment in (at_s - MOVES_S / 2, at_s, at_s + MOVES_S / 2)
            if moment > local_s
        ]
        return min(moments, default=local_s + _DAY_S)

    def _around(self, local_s: float) -> list[Visit]:
        day = int(local_s // _DAY_S)
        return [*self._visits(day - 1), *self._visits(day)]

    def _visits(self, day: int) -> list[Visit]:
        found = self._days.get(day)
        if found is None:
            if len(self._days) > 4:
                self._days.clear()
            found = self._days[day] = self._drawn(day)
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
