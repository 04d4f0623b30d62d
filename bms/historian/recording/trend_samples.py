"""Decides which samples of a cycle are stored: trends on their grid, and every change. Pure.

In a cycle where nothing is due it compares two lists and returns.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from operator import itemgetter

from bms.core.equipment import PointClass
from bms.historian.records import Series
from drivers.points import PointId, Quality, Sample, Value

STATE_REPEAT_S = 86_400.0
"""States are stored on change, and once a day, which bounds how far back a reader must look."""

_VALUE, _QUALITY = itemgetter(1), itemgetter(2)


class TrendSamples:
    """Analog points every `trend_s` on the wall clock's grid; states when they change; any point
    when its quality changes."""

    def __init__(self, series: Sequence[Series], trend_s: float) -> None:
        self._trend_s = trend_s
        states = [s.point for s in series if s.klass in (PointClass.STATE, PointClass.EVENT)]
        analogs = [s.point for s in series if s.klass is PointClass.ANALOG]
        counters = [s.point for s in series if s.klass is PointClass.COUNTER]
        self._all = [*states, *analogs, *counters]
        self._state_points = frozenset(states)
        self._analog_points = frozenset(analogs)
        self._plan: _Plan | None = None
        self._values: list[Value | None] = []
        self._qualities: list[object] = []
        self._stored_times: dict[PointId, datetime] = {}
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
        changed.update(self._due(time, plan, len(found)))
        kept = (self._kept(time, found[i], analog=i >= plan.states) for i in sorted(changed))
        return [sample for sample in kept if sample is not None]

    def _replan(self, samples: Mapping[PointId, Sample]) -> _Plan:
        old = self._plan
        known: dict[PointId, object] = (
            dict(zip(old.points, self._qualities, strict=True)) if old else {}
        )
        values = dict(zip(old.points[: old.states], self._values, strict=True)) if old else {}
        points = [point for point in self._all if point in samples]
        states = sum(1 for point in points if point in self._state_points)
        plan = self._plan = _Plan(points, states, len(samples))
        # A point seen for the first time differs from everything: it is stored at once.
        self._qualities = [known.get(point, _UNSEEN) for point in points]
        self._values = [values.get(point) for point in points[:states]]
        return plan

    def _due(self, time: datetime, plan: _Plan, count: int) -> Iterable[int]:
        seconds = time.timestamp()
        due: list[int] = []
        state_slot = int(seconds // STATE_REPEAT_S)
        if state_slot != self._state_slot:
            self._state_slot = state_slot
            due += range(plan.states)
        trend_slot = int(seconds // self._trend_s)
        if trend_slot != self._trend_slot:
            self._trend_slot = trend_slot
            due += [i for i in range(plan.states, count) if plan.points[i] in self._analog_points]
        return due

    def _kept(self, time: datetime, sample: Sample, *, analog: bool) -> Sample | None:
        """The sample as it is stored; None if it is stored already."""
        if sample.quality is not Quality.GOOD:
            # Its own time is that of the last good value, which is stored already.
            self._stored_times.pop(sample.point, None)
            return sample._replace(time=time)
        if not analog:
            return sample
        if self._stored_times.get(sample.point) == sample.time:
            return None
        self._stored_times[sample.point] = sample.time
        return sample


class _Plan:
    """Which points of the process image to look at, states first."""

    __slots__ = ("_get", "points", "size", "states")

    def __init__(self, points: list[PointId], states: int, size: int) -> None:
        self.points = points
        self.states = states
        self.size = size
        self._get = itemgetter(*points) if len(points) > 1 else None

    def pick(self, samples: Mapping[PointId, Sample]) -> Sequence[Sample]:
        if self._get is not None:
            found: Sequence[Sample] = self._get(samples)
            return found
        return [samples[point] for point in self.points]


_UNSEEN: object = object()


def _same(new: Value | None, old: Value | None) -> bool:
    return new == old or (new != new and old != old)
