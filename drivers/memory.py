"""The last good samples of a link, and what to show when a poll is missed. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from functools import partial
from itertools import repeat
from typing import cast

from drivers.points import PointId, Quality, Sample, Value

STALE_MISSES = 2
"""Missed polls during which the last good value is still shown, as STALE."""
STALE_FOR = timedelta(seconds=30)
"""Age after which it is not shown any more, however few polls were missed."""

# A NamedTuple's own constructor is a Python call; this one stays in C and costs half.
_sample = partial(tuple.__new__, Sample)


def good_samples(ids: Sequence[PointId], values: Iterable[Value], time: datetime) -> list[Sample]:
    """One GOOD sample per point, all obtained at `time`."""
    rows = zip(ids, values, repeat(Quality.GOOD), repeat(time), repeat(""), strict=False)
    return cast("list[Sample]", list(map(_sample, rows)))


def bad_sample(point: PointId, time: datetime, detail: str) -> Sample:
    return Sample(point, None, Quality.BAD, time, detail)


class Memory:
    """Remembers the last good sample of every point of one driver."""

    def __init__(self) -> None:
        self._last: dict[PointId, Sample] = {}
        self._misses: dict[PointId, int] = {}

    def good(self, ids: Sequence[PointId], samples: Sequence[Sample]) -> None:
        """These points were read, and are good."""
        self._last.update(zip(ids, samples, strict=True))
        if self._misses:
            for point in ids:
                self._misses.pop(point, None)

    def unusable(self, point: PointId, now: datetime, detail: str) -> Sample:
        """The device itself says that there is no good value: BAD, and the old one is void."""
        self._last.pop(point, None)
        self._misses.pop(point, None)
        return bad_sample(point, now, detail)

    def missed(self, point: PointId, now: datetime, detail: str) -> Sample:
        """A poll brought nothing: the last good value as STALE at first, then BAD."""
        misses = self._misses.get(point, 0) + 1
        self._misses[point] = misses
        last = self._last.get(point)
        if last is None:
            return bad_sample(point, now, detail)
        if misses > STALE_MISSES or now - last.time > STALE_FOR:
            del self._last[point]
            return bad_sample(point, now, detail)
        return last._replace(quality=Quality.STALE, detail=detail)
