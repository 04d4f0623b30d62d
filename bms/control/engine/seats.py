"""The place of one controller in the engine, and what it may command. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from itertools import compress, repeat
from operator import itemgetter, ne
from typing import Any

from bms.core.decisions import (
    Command,
    Condition,
    Controller,
    Decision,
    Fact,
    Stage,
)
from bms.texts.messages import msg
from drivers.points import NO_SAMPLE, PointId, Sample

ALWAYS = datetime.max.replace(tzinfo=UTC)
"""Until when a decision stands that no time ends."""
_VALUE, _QUALITY = itemgetter(1), itemgetter(2)


class Seat:
    """One controller with what the engine keeps for it."""

    __slots__ = (
        "_until", "_until_s", "commands", "conditions", "controller", "depends_on", "facts",
        "failures", "stands", "state",
    )  # fmt: skip

    def __init__(self, controller: Controller[Any], state: object) -> None:
        self.controller = controller
        self.state = state
        self.commands: tuple[Command, ...] = ()
        self.conditions: tuple[Condition, ...] = ()
        self.facts: tuple[Fact, ...] = ()
        self.failures = 0
        self.depends_on: frozenset[PointId] | None = None
        self.stands = False
        """Its last decision stands as far as is known; else it is asked."""
        self._until = ALWAYS
        self._until_s = math.inf

    def asked(self, now: datetime, watched_s: float) -> bool:
        """Whether it has to be asked."""
        return not self.stands or now >= self._until or watched_s >= self._until_s

    def settle(self, decision: Decision[Any]) -> None:
        """Until when, and on what, its decision stands."""
        self.depends_on = decision.depends_on
        self.stands = decision.depends_on is not None
        until, until_s = decision.stands_until, decision.stands_until_s
        self._until = ALWAYS if until is None else until
        self._until_s = math.inf if until_s is None else until_s

    def left_s(self, now: datetime, watched_s: float) -> float:
        """For how many seconds nobody has to ask it by the clock; 0: it is asked in each cycle."""
        if not self.stands:
            return 0.0
        by_wall_s = math.inf if self._until is ALWAYS else (self._until - now).total_seconds()
        return max(0.0, min(by_wall_s, self._until_s - watched_s))


class Standing:
    """Who is to be asked again because something that its decision stands on is different."""

    def __init__(self) -> None:
        self._on: dict[Seat, frozenset[PointId]] = {}
        self._seats: dict[PointId, list[Seat]] = {}
        self._points: tuple[PointId, ...] = ()
        self._values: list[object] = []
        self._qualities: list[object] = []
        self._complete = True
        self._samples: Mapping[PointId, Sample] = {}

    def forget(self) -> None:
        """Others are there now: all of them are asked."""
        self._on, self._seats, self._points, self._complete = {}, {}, (), True

    def stand(self, seat: Seat) -> None:
        """The seat has just decided. A set of points that it had before costs nothing."""
        points = seat.depends_on
        if points is None or self._on.get(seat) == points:
            return
        self._on[seat] = points
        self._complete = False

    def look(self, samples: Mapping[PointId, Sample]) -> None:
        """Call those on whose points there is another value or quality than in the last cycle."""
        if not self._complete:
            self._index()
        if self._points:
            values, qualities = self._read(samples)
            if values != self._values:
                self._differ(self._values, values)
            if qualities != self._qualities:
                self._differ(self._qualities, qualities)
            self._values, self._qualities = values, qualities
        self._samples = samples

    def awarded(self, points: Iterable[PointId], stage: Stage) -> None:
        """Call those of a stage to whom these are awarded otherwise."""
        for point in points:
            for seat in self._seats.get(point, ()):
                if seat.controller.stage is stage:
                    seat.stands = False

    def _differ(self, before: list[object], after: list[object]) -> None:
        for point in compress(self._points, map(ne, before, after)):
            for seat in self._seats[point]:
                seat.stands = False

    def _index(self) -> None:
        self._seats = {}
        for seat, points in self._on.items():
            for point in points:
                self._seats.setdefault(point, []).append(seat)
        self._points = tuple(self._seats)
        self._values, self._qualities = self._read(self._samples)
        self._complete = True

    def _read(self, samples: Mapping[PointId, Sample]) -> tuple[list[object], list[object]]:
        found = list(map(samples.get, self._points, repeat(NO_SAMPLE)))
        return list(map(_VALUE, found)), list(map(_QUALITY, found))


def staged(seats: Iterable[Seat]) -> dict[Stage, list[Seat]]:
    """The seats of each stage, in the order in which they are asked."""
    by_stage: dict[Stage, list[Seat]] = {stage: [] for stage in Stage}
    for seat in seats:
        by_stage[seat.controller.stage].append(seat)
    return by_stage


def check_commands(controller: Controller[Any], commands: tuple[Command, ...]) -> None:
    """Raises ValueError for commands that are not this controller's to give."""
    points: set[PointId] = set()
    for command in commands:
        if command.point in points:
            raise ValueError(msg("commands {point} twice", point=command.point))
        points.add(command.point)
        if command.point not in controller.writes:
            raise ValueError(msg("commands {point}, which it did not declare", point=command.point))
        if command.priority != controller.priority:
            raise ValueError(
                msg(
                    "commands {point} at slot {slot}",
                    point=command.point,
                    slot=int(command.priority),
                )
            )
        if isinstance(command.value, float) and not math.isfinite(command.value):
            raise ValueError(
                msg("commands {point} to {commanded}", point=command.point, commanded=command.value)
            )
