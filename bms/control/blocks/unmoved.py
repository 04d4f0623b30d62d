"""Whether anything has moved that a decision rests on: levels and temperatures creep all day. Pure.

A decision that depends on a level is asked for whenever the level shows another hundredth. This
answers in a few microseconds that nothing else is different, and the level within its step.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Generic, TypeVar

from bms.core.decisions import Award, Decision, Priority, Snapshot
from drivers.points import PointId, Sample, Value

S = TypeVar("S")


class Unmoved(Generic[S]):
    """The last decision of a controller, for as long as nothing has moved.

    `points` are looked at as they are, `coarse` in steps of the size that goes with them.
    """

    def __init__(self, points: Iterable[PointId], coarse: Mapping[PointId, float]) -> None:
        self._coarse = dict(coarse)
        self._points = tuple(point for point in dict.fromkeys(points) if point not in coarse)
        self._seen: list[object] = []
        self._awards: Mapping[PointId, Award] = {}
        self._awarded: list[Value | None] = [None] * len((*self._points, *self._coarse))
        self._decision: Decision[S] | None = None

    def keep(self, decision: Decision[S]) -> Decision[S]:
        """Remember a decision that stands on what was last looked at."""
        self._decision = decision if decision.depends_on is not None else None
        return decision

    def stands(self, snapshot: Snapshot, state: S, now: datetime) -> Decision[S] | None:
        """The last decision, if it is still the answer. Looks in any case."""
        seen = self._look(snapshot.samples)
        alike = self._awarded_alike(snapshot.awards)
        same = seen == self._seen and alike
        self._seen = seen
        found = self._decision
        if found is None or not same or found.state is not state:
            return None
        until, until_s = found.stands_until, found.stands_until_s
        if (until is not None and now >= until) or (
            until_s is not None and snapshot.watched_s >= until_s
        ):
            return None
        return found

    def _awarded_alike(self, awards: Mapping[PointId, Award]) -> bool:
        """Whether its points are awarded as they were; what others are awarded is none of its."""
        if awards is self._awards:
            return True
        awarded = [_asked(awards.get(point)) for point in (*self._points, *self._coarse)]
        same, self._awards, self._awarded = awarded == self._awarded, awards, awarded
        return same

    def _look(self, samples: Mapping[PointId, Sample]) -> list[object]:
        read = samples.get
        seen: list[object] = []
        for point in self._points:
            sample = read(point)
            seen.append(None if sample is None else (sample[1], sample[2]))
        for point, step in self._coarse.items():
            sample = read(point)
            seen.append(None if sample is None else (_rounded(sample[1], step), sample[2]))
        return seen


def _asked(award: Award | None) -> Value | None:
    """What somebody asks for; a minimum time that holds an output asks for nothing new."""
    if award is None or award.winner.priority is Priority.MIN_ON_OFF:
        return None
    return award.winner.value


def _rounded(shown: Value | None, step: float) -> object:
    return shown if shown is None or isinstance(shown, str) else round(shown / step)
