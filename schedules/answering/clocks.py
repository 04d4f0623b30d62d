"""Local dates and instants: when a date begins, and when a wall-clock minute comes on it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from bms.texts.messages import msg
from schedules.model.week import DAY_MINUTES

_SECOND = timedelta(seconds=1)
_MINUTE = timedelta(minutes=1)
_DAY = timedelta(days=1)


def zone_of(name: str) -> ZoneInfo:
    """An IANA zone. Raises ValueError for a name that is none."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # what zoneinfo raises for names it cannot use
        raise ValueError(msg("unknown time zone '{name}'", name=name)) from None


class Clocks:
    """The wall clocks of one zone. Instants given and returned are aware; returned ones in UTC."""

    def __init__(self, zone: ZoneInfo) -> None:
        self.zone = zone
        self._begins: dict[int, datetime] = {}

    def wall(self, now: datetime) -> datetime:
        """An instant in the zone. Raises ValueError for a naive one."""
        if now.tzinfo is None:
            raise ValueError(msg("an instant needs a time zone; this datetime has none"))
        return now.astimezone(self.zone)

    def begin(self, ordinal: int) -> datetime:
        """When a date's first existing minute comes for the first time."""
        found = self._begins.get(ordinal)
        if found is None:
            if len(self._begins) >= 8:
                self._begins.pop(next(iter(self._begins)), None)
            found = self._begins[ordinal] = self._begin(date.fromordinal(ordinal))
        return found

    def _begin(self, day: date) -> datetime:
        midnight = datetime(day.year, day.month, day.day, tzinfo=self.zone)
        at = midnight.astimezone(UTC)
        if at.astimezone(self.zone).replace(tzinfo=None) == midnight.replace(tzinfo=None):
            return at
        # Skipped: Python reckons with the offset before, so the change lies at or before `at`.
        return self._change(at - _DAY, at)

    def pieces(self, ordinal: int, starts: Sequence[int]) -> list[tuple[datetime, int]]:
        """When each piece of a date comes: the instant, and the index of its wall-clock minute.

        `starts` are minutes of the day, ascending, from 0. What lies in a skipped hour does not
        come; what lies in a repeated one comes twice.
        """
        begin, end = self.begin(ordinal), self.begin(ordinal + 1)
        if end - begin == _DAY and self._offset(begin) == self._offset(end):
            return [(begin + minute * _MINUTE, n) for n, minute in enumerate(starts)]
        found: list[tuple[datetime, int]] = []
        at = begin
        while at < end:
            change = self._change(at, end) if self._offset(at) != self._offset(end) else end
            wall = at.astimezone(self.zone)
            first = datetime(wall.year, wall.month, wall.day, tzinfo=self.zone)
            into = wall.replace(fold=0) - first  # in one zone: wall-clock readings are subtracted
            for n, minute in enumerate(starts):
                until = starts[n + 1] if n + 1 < len(starts) else DAY_MINUTES
                if until * _MINUTE > into and at + (minute * _MINUTE - into) < change:
                    when = max(at, at + (minute * _MINUTE - into))
                    if not found or found[-1][1] != n:
                        found.append((when, n))
            at = change
        return found

    def _offset(self, at: datetime) -> timedelta | None:
        return at.astimezone(self.zone).utcoffset()

    def _change(self, before: datetime, after: datetime) -> datetime:
        """The clock change between two instants (UTC) at most two days apart.

        Clocks change at whole seconds, and no zone has changed back within a day.
        """
        before = before.replace(microsecond=0)
        offset = self._offset(before)
        low, high = 0, -((before - after) // _SECOND)
        while high - low > 1:
            middle = (low + high) // 2
            if self._offset(before + middle * _SECOND) == offset:
                low = middle
            else:
                high = middle
        return before + high * _SECOND
