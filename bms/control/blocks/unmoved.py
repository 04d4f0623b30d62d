"""Whether anything has moved that a decision rests on: levels and temperatures creep all day. Pure.

A decision that depends on a level is asked for whenever the level shows another hundredth. This
answers in a few microseconds that nothing else is different, and the level within its step.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from itertools import repeat
from operator import itemgetter
from typing import Generic, TypeVar

from bms.core.decisions import Award, Decision, Priority, Snapshot
from drivers.points import NO_SAMPLE, PointId, Value

S = TypeVar("S")
_VALUE, _QUALITY = itemgetter(1), itemgetter(2)


class Unmoved(Generic[S]):
    """The last decision of a controller, for as long as nothing has moved.

    `points` are looked at as they are, `coarse` in steps of the size that goes with them. Of awards
    the value asked for counts; with `whole_awards` also who asks, and who else would.
    """

    def __init__(
        self,
        points: Iterable[PointId],
        coarse: Mapping[PointId, float],
        *,
        whole_awards: bool = False,
    ) -> None:
        self._coarse = dict(coarse)
        self._points = tuple(point for point in dict.fromkeys(points) if point not in coarse)
        self._seen: object = None
        self._crept: object = None
        self.still = False
        """At the last look nothing but `coarse` points was different, by however much."""
        self._awards: Mapping[PointId, Award] = {}
        self._commanded = (*self._points, *self._coarse)
        self._whole_awards = whole_awards
        self._awarded: list[object] = [None] * len(self._commanded)
        self._decision: Decision[S] | None = None

    def keep(self, decision: Decision[S]) -> Decision[S]:
        """Remember a decision that stands on what was last looked at."""
        self._decision = decision if decision.depends_on is not None else None
        return decision

    def stands(self, snapshot: Snapshot, state: S, now: datetime) -> Decision[S] | None:
        """The last decision, if it is still the answer. Looks in any case."""
        read = snapshot.samples.get
        shown = list(map(read, self._points, repeat(NO_SAMPLE)))
        seen = (list(map(_VALUE, shown)), list(map(_QUALITY, shown)))
        crept = [
            (_rounded(sample[1], step), sample[2])
            for point, step in self._coarse.items()
            if (sample := read(point, NO_SAMPLE))
        ]
        alike = self._awarded_alike(snapshot.awards)
        self.still = alike and seen == self._seen
        same = self.still and crept == self._crept
        self._seen, self._crept = seen, crept
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
        awarded: list[object] = list(map(awards.get, self._commanded))
        if not self._whole_awards:
            awarded = [_asked(award) for award in map(awards.get, self._commanded)]
        same, self._awards, self._awarded = awarded == self._awarded, awards, awarded
        return same


def _asked(award: Award | None) -> Value | None:
    """What somebody asks for; a minimum time that holds an output asks for nothing new."""
    if award is None or award.winner.priority is Priority.MIN_ON_OFF:
        return None
    return award.winner.value


def _rounded(shown: Value | None, step: float) -> object:
    return shown if shown is None or isinstance(shown, str) else round(shown / step)
