"""What one subscription has told so far: the present value of each of its items."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from math import isfinite
from typing import cast

from bms.texts.messages import msg
from drivers.base import Batch
from drivers.memory import STALE_FOR, GoodSamples, bad_sample
from drivers.opcua.opcua_times import to_ns
from drivers.opcua.subscribing.decode import Changes
from drivers.opcua.values.meaning import Meaning
from drivers.opcua.values.walking import Sent
from drivers.opcua.variants import status_name
from drivers.points import OpcUaAddress, Point, PointId, Quality, Sample, Value

NOT_REPORTED = msg("the server has not sent a value yet")
_OVERTAKEN_FOR = 3
"""Responses after a read that may still tell what was before it: one on its way, one being made
at the server, and one to be sure."""
_ANY = Meaning(Point("", OpcUaAddress("", "")))
_SEVERITY = 30
"""The two highest bits of a StatusCode: good, uncertain, bad (OPC 10000-4, 7.39)."""


class Items:
    """The items of one subscription; an item's client handle is its place.

    Each publish response, a keep-alive too, says of every item that it is as last told: so all are
    delivered, with the time of the response. A value that has not changed for hours is as good
    as one that has. The server's own time of each value is kept beside it.
    """

    def __init__(
        self, points: Sequence[PointId], meanings: Sequence[Meaning] | None = None
    ) -> None:
        self.points = tuple(points)
        self._meanings = tuple(meanings) if meanings is not None else (_ANY,) * len(points)
        self._special = {place for place, m in enumerate(self._meanings) if not m.plain}
        """Places whose values are more, or less, than any number."""
        self._values: list[Value | None] = [None] * len(points)
        self._source = [0] * len(points)
        self._source_ns: list[int] = [0] * len(points)
        self._wrong: dict[int, tuple[Quality, str]] = {}
        self._place = {point: place for place, point in enumerate(points)}
        self._all = list(range(len(points)))
        self._untold = set(self._all)
        """Places of which the server has said nothing in this session."""
        self._read: dict[int, tuple[int, int]] = {}
        """By place: the source time that a read brought, and for how many responses it counts."""
        self._last: datetime | None = None
        self._before: datetime | None = None
        """The end of the last session, for what is still untold in this one."""

    def begin(self) -> None:
        """A new session: whatever was known may have changed, and the server's clock too."""
        self._before = self._last
        self._untold = set(self._all)
        self._source = [0] * len(self.points)
        self._read.clear()

    def take(self, changes: Changes) -> None:
        """Values that the server reports, in its order. Unknown handles are of items given up.

        The order decides, not the source times: a server whose clock is set back goes on.
        """
        if self._take_good(changes):
            return
        for handle, value, status, source in zip(
            changes.handles, changes.values, changes.statuses, changes.source_times, strict=True
        ):
            read = self._read.get(handle)
            overtaken = read is not None and 0 < source < read[0]
            if handle < len(self.points) and not overtaken:
                self.know(handle, value, status, source)
        self._read = {p: (ticks, left - 1) for p, (ticks, left) in self._read.items() if left > 1}

    def _take_good(self, changes: Changes) -> bool:
        """The usual notification: numbers of items that were and are well."""
        handles = changes.handles
        if self._read or any(changes.statuses) or not self._wrong.keys().isdisjoint(handles):
            return False
        if handles and max(handles) >= len(self.points):
            return False
        given = self._meant(changes) if self._special else changes.values
        if given is None or not _usable(given):
            return False
        source_ns = list(map(to_ns, changes.source_times))
        if handles == self._all:
            self._values = list(cast("list[Value | None]", given))
            self._source, self._source_ns = changes.source_times.copy(), source_ns
        else:
            values, source, in_ns = self._values, self._source, self._source_ns
            known = cast("list[Value | None]", given)
            rows = zip(handles, known, changes.source_times, source_ns, strict=True)
            for handle, value, ticks, ns in rows:
                values[handle], source[handle], in_ns[handle] = value, ticks, ns
        self._untold.difference_update(handles)
        return True

    def _meant(self, changes: Changes) -> list[Sent] | None:
        """The values as their points read them; None if one of them is none."""
        given = changes.values.copy()
        for number, handle in enumerate(changes.handles):
            if handle in self._special:
                value, _ = self._meanings[handle].value(given[number])
                if value is None:
                    return None
                given[number] = value
        return given

    def know(self, place: int, value: Sent, status: int, source: int) -> None:
        """One item's value."""
        self._source[place] = source
        self._untold.discard(place)
        severity = status >> _SEVERITY
        if severity > 1:
            self._wrong[place] = (Quality.BAD, status_name(status))
            return
        usable, wrong = self._meanings[place].value(value)
        if usable is None:
            self._wrong[place] = (Quality.BAD, wrong)
            return
        self._values[place] = usable
        self._source_ns[place] = to_ns(source)
        if severity:
            self._wrong[place] = (Quality.STALE, status_name(status))
        else:
            self._wrong.pop(place, None)

    def learn(self, point: PointId, value: Sent, status: int, source: int) -> None:
        """What a read of the point brought meanwhile, unless it was itself overtaken."""
        place = self._place[point]
        if 0 < source < self._source[place]:
            return
        self.know(place, value, status, source)
        if source:
            self._read[place] = (source, _OVERTAKEN_FOR)

    def fail(self, place: int, detail: str) -> None:
        """The server does not monitor this item."""
        self._untold.discard(place)
        self._wrong[place] = (Quality.BAD, detail)

    def batch(self, now: datetime, doubt: str = "") -> Batch:
        """Every item as it is known to be at `now`; none is GOOD if there is `doubt` about the
        server."""
        if doubt:
            samples = [self._doubted(place, now, doubt) for place in self._all]
            return Batch(self.points, samples, False)
        self._last = now
        values = cast("list[Value]", self._values.copy())
        good = GoodSamples((self.points, values, now, self._source_ns.copy()))
        if not self._wrong and not self._untold:
            return Batch(self.points, good, True)
        samples = list(good)
        for place, (quality, detail) in self._wrong.items():
            value = self._values[place] if quality is Quality.STALE else None
            samples[place] = Sample(self.points[place], value, quality, now, detail)
        for place in self._untold:
            samples[place] = self._old(place, now, self._before, NOT_REPORTED)
        return Batch(self.points, samples, False)

    def told(self, now: datetime, doubt: str = "") -> Batch:
        """Only the items of which the server has spoken, while it is still being asked."""
        whole = self.batch(now, doubt)
        kept = [place for place in self._all if place not in self._untold]
        samples = list(whole.samples)
        return Batch(
            [self.points[place] for place in kept], [samples[place] for place in kept], False
        )

    def missed(self, now: datetime, detail: str) -> Batch:
        """The server says nothing: what was good is STALE for a while, then BAD."""
        samples = [
            self._old(place, now, self._before if place in self._untold else self._last, detail)
            for place in self._all
        ]
        return Batch(self.points, samples, False)

    def _doubted(self, place: int, now: datetime, doubt: str) -> Sample:
        """A value as STALE, a worse one as it is."""
        point, value = self.points[place], self._values[place]
        quality, detail = self._wrong.get(place, (Quality.STALE, doubt))
        if place in self._untold or quality is Quality.BAD or value is None:
            return bad_sample(point, now, detail)
        return Sample(point, value, quality, now, doubt)

    def _old(self, place: int, now: datetime, last: datetime | None, detail: str) -> Sample:
        point, value = self.points[place], self._values[place]
        known = value is not None and place not in self._wrong
        if known and last is not None and now - last <= STALE_FOR:
            return Sample(point, value, Quality.STALE, last, detail)
        return bad_sample(point, now, detail)


def _usable(values: Sequence[object]) -> bool:
    """All are finite numbers. False may be a false alarm: then each is looked at."""
    try:
        return isfinite(sum(cast("Sequence[float]", values)))
    except (TypeError, OverflowError):
        return False
