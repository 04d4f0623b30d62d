"""Decides which samples of a cycle are stored: trends on their grid, and every change. Pure.

In a cycle where nothing is due it compares two lists and returns.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import compress
from operator import itemgetter, ne

from bms.core.equipment import PointClass
from bms.historian.records import Series
from drivers.points import PointId, Quality, Sample, Value

STATE_REPEAT_S = 86_400.0
"""States are stored on change, and once a day, which bounds how far back a reader must look."""

_VALUE, _QUALITY, _TIME = itemgetter(1), itemgetter(2), itemgetter(3)


class TrendSamples:
    """Analog points every `trend_s` on the wall clock's grid; states when they change; any point
    when its quality changes."""

    def __init__(self, series: Sequence[Series], trend_s: float) -> None:
        self._trend_s = trend_s
        states = [s.point for s in series if s.klass in (PointClass.STATE, PointClass.EVENT)]
        analogs = [s.point for s in series if s.klass is PointClass.ANALOG]
        counters = [s.point for s in series if s.klass is PointClass.COUNTER]
        self._classes = (states, analogs, counters)
        self._plan: _Plan | None = None
        self._values: list[Value | None] = []
        self._qualities: list[object] = []
        self._stored: list[datetime | None] = []
        """When the last stored good sample of each analog point was read."""
        self._trend_slot: int | None = None
        self._state_slot: int | None = None

    def offer(self, time: datetime, samples: Mapping[PointId, Sample]) -> list[Sample]:
        """Take one cycle; the samples that are stored of it."""
        plan = self._plan
        if plan is None or plan.size != len(samples):
            plan = self._replan(samples)
        try:
            found = plan.pick(samples)
        except KeyError:  # as many points as before, but others
            plan = self._replan(samples)
            found = plan.pick(samples)
        qualities: list[object] = list(map(_QUALITY, found))
        values = list(map(_VALUE, found[: plan.states]))
        changed: set[int] = set()
        if qualities != self._qualities:
            changed.update(i for i, q in enumerate(qualities) if q is not self._qualities[i])
        if values != self._values:
            changed.update(i for i, v in enumerate(values) if not _same(v, self._values[i]))
        self._qualities, self._values = qualities, values
        seconds = time.timestamp()
        state_slot, trend_slot = int(seconds // STATE_REPEAT_S), int(seconds // self._trend_s)
        if state_slot != self._state_slot:
            self._state_slot = state_slot
            changed.update(range(plan.states))
        trends: list[Sample] = []
        if trend_slot != self._trend_slot:
            self._trend_slot = trend_slot
            trends = self._trends(time, found, plan)
            changed = {i for i in changed if not plan.states <= i < plan.counters}
        if not changed:
            return trends
        rows = sorted(changed)
        before = bisect_left(rows, plan.states)
        return [
            *(self._kept(time, found[i]) for i in rows[:before]),
            *trends,
            *self._others(time, found, plan, rows[before:]),
        ]

    def _replan(self, samples: Mapping[PointId, Sample]) -> _Plan:
        old = self._plan
        known: dict[PointId, object] = (
            dict(zip(old.points, self._qualities, strict=True)) if old else {}
        )
        values = dict(zip(old.points[: old.states], self._values, strict=True)) if old else {}
        stored = dict(zip(old.analogs, self._stored, strict=True)) if old else {}
        states, analogs, counters = ([p for p in own if p in samples] for own in self._classes)
        plan = self._plan = _Plan(states, analogs, counters, len(samples))
        # A point seen for the first time differs from everything: it is stored at once.
        self._qualities = [known.get(point, _UNSEEN) for point in plan.points]
        self._values = [values.get(point) for point in states]
        self._stored = [stored.get(point) for point in analogs]
        return plan

    def _trends(self, time: datetime, found: Sequence[Sample], plan: _Plan) -> list[Sample]:
        """All analog points at their slot, but those stored already: as columns, or 20,000 points
        hold up a cycle for 12 ms each minute."""
        samples = list(found[plan.states : plan.counters])
        read: list[datetime | None] = list(map(_TIME, samples))
        fresh = list(map(ne, read, self._stored))
        qualities = self._qualities[plan.states : plan.counters]
        if qualities.count(Quality.GOOD) < len(qualities):
            for i, quality in enumerate(qualities):
                if quality is not Quality.GOOD:
                    samples[i], read[i], fresh[i] = self._kept(time, samples[i]), None, True
        self._stored = read
        return list(compress(samples, fresh))

    def _others(
        self, time: datetime, found: Sequence[Sample], plan: _Plan, rows: Sequence[int]
    ) -> Iterator[Sample]:
        """Analog points and counters whose quality is another; no sample is stored twice."""
        for i in rows:
            sample = found[i]
            if i < plan.counters:
                at = i - plan.states
                good = sample.quality is Quality.GOOD
                if good and self._stored[at] == sample.time:
                    continue
                self._stored[at] = sample.time if good else None
            yield self._kept(time, sample)

    def _kept(self, time: datetime, sample: Sample) -> Sample:
        """The sample as it is stored."""
        point, value, quality, _, detail, source_ns = sample
        if quality is Quality.GOOD:
            return sample
        # Its own time is that of the last good value, which is stored already. A link that is down
        # has thousands of these, and `_replace` takes three times as long.
        return Sample(point, value, quality, time, detail, source_ns)


class _Plan:
    """Which points of the process image to look at: states, analog points, counters."""

    __slots__ = ("_get", "analogs", "counters", "points", "size", "states")

    def __init__(
        self,
        states: Sequence[PointId],
        analogs: Sequence[PointId],
        counters: Sequence[PointId],
        size: int,
    ) -> None:
        self.points = [*states, *analogs, *counters]
        self.analogs = analogs
        self.states = len(states)
        """Where analog points begin."""
        self.counters = len(states) + len(analogs)
        """Where counters begin."""
        self.size = size
        self._get = itemgetter(*self.points) if len(self.points) > 1 else None

    def pick(self, samples: Mapping[PointId, Sample]) -> Sequence[Sample]:
        if self._get is not None:
            found: Sequence[Sample] = self._get(samples)
            return found
        return [samples[point] for point in self.points]


_UNSEEN: object = object()


def _same(new: Value | None, old: Value | None) -> bool:
    return new == old or (new != new and old != old)
