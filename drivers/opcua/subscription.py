"""What one subscription has told so far: the present value of each of its items. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from math import isfinite
from typing import cast

from drivers.base import Batch
from drivers.memory import STALE_FOR, GoodSamples, bad_sample
from drivers.opcua.decode import Changes
from drivers.opcua.times import from_filetime
from drivers.opcua.values import status_name, usable_value
from drivers.points import PointId, Quality, Sample, Value

NOT_REPORTED = "the server has not sent a value yet"
_SEVERITY = 30
"""The two highest bits of a StatusCode: good, uncertain, bad (OPC 10000-4, 7.39)."""


class Items:
    """The items of one subscription; an item's client handle is its place.

    Each publish response, a keep-alive too, says of every item that it is as last told: so all are
    delivered, with the time of the response. A value that has not changed for hours is as good
    as one that has. The server's own time of each value is kept beside it.
    """

    def __init__(self, points: Sequence[PointId]) -> None:
        self.points = tuple(points)
        self._values: list[Value | None] = [None] * len(points)
        self._source: list[int] = [0] * len(points)
        self._wrong: dict[int, tuple[Quality, str]] = dict.fromkeys(
            range(len(points)), (Quality.BAD, NOT_REPORTED)
        )
        self._place = {point: place for place, point in enumerate(points)}
        self._all = range(len(points))
        self._last: datetime | None = None

    def __contains__(self, point: object) -> bool:
        return point in self._place

    def take(self, changes: Changes) -> None:
        """Values that the server reports. Unknown handles are those of items given up."""
        handles = changes.handles
        whole = len(handles) == len(self.points) and handles == list(self._all)
        fresh = whole and not self._wrong and not any(changes.statuses)
        if fresh and not self._older(changes.source_times) and _usable(changes.values):
            self._values = list(changes.values)
            self._source = list(changes.source_times)
            return
        for handle, value, status, source in zip(
            handles, changes.values, changes.statuses, changes.source_times, strict=True
        ):
            if handle < len(self.points):
                self.know(handle, value, status, source)

    def _older(self, times: Sequence[int]) -> bool:
        return any(new < old for new, old in zip(times, self._source, strict=True) if new)

    def know(self, place: int, value: object, status: int, source: int) -> None:
        """One item's value. An older one than is known already was overtaken by a read."""
        if source and source < self._source[place]:
            return
        self._source[place] = source
        severity = status >> _SEVERITY
        if severity > 1:
            self._wrong[place] = (Quality.BAD, status_name(status))
            return
        usable, wrong = usable_value(value)
        if usable is None:
            self._wrong[place] = (Quality.BAD, wrong)
            return
        self._values[place] = usable
        if severity:
            self._wrong[place] = (Quality.STALE, status_name(status))
        else:
            self._wrong.pop(place, None)

    def learn(self, point: PointId, value: object, status: int, source: int) -> None:
        """What a read of the point brought meanwhile."""
        self.know(self._place[point], value, status, source)

    def fail(self, place: int, detail: str) -> None:
        """The server does not monitor this item."""
        self._wrong[place] = (Quality.BAD, detail)

    def batch(self, now: datetime) -> Batch:
        """Every item as it is known to be at `now`."""
        self._last = now
        values = cast("list[Value]", self._values.copy())
        good = GoodSamples((self.points, values, now, self._source_times()))
        if not self._wrong:
            return Batch(self.points, good, True)
        samples = list(good)
        for place, (quality, detail) in self._wrong.items():
            value = self._values[place] if quality is Quality.STALE else None
            samples[place] = Sample(self.points[place], value, quality, now, detail)
        return Batch(self.points, samples, False)

    def missed(self, now: datetime, detail: str) -> Batch:
        """The server says nothing: what was good is STALE for a while, then BAD."""
        last = self._last
        shown = last is not None and now - last <= STALE_FOR
        return Batch(
            self.points,
            [
                Sample(point, self._values[place], Quality.STALE, last, detail)
                if shown and last is not None and place not in self._wrong
                else bad_sample(point, now, detail)
                for place, point in enumerate(self.points)
            ],
            False,
        )

    def _source_times(self) -> list[datetime | None]:
        seen: dict[int, datetime | None] = {}
        return [
            seen[ticks] if ticks in seen else seen.setdefault(ticks, from_filetime(ticks))
            for ticks in self._source
        ]


def _usable(values: Sequence[object]) -> bool:
    """All are finite numbers. False may be a false alarm: then each is looked at."""
    try:
        return isfinite(sum(cast("Sequence[float]", values)))
    except (TypeError, OverflowError):
        return False
