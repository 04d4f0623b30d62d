"""What is in force now, when it changes, and what the next days will bring.

The answer is a function of the local date and minute only: it repeats in the repeated hour of
autumn, and what lies in the skipped hour of spring does not happen.

On one day, in this order: what `add` exceptions lay on top (the first listed wins), the blocks
of the day (of the first `replace` or `use` exception that matches, else of the week), what is
left of yesterday's blocks, and `otherwise`. On a day that an exception decided, the exception
is also the reason while none of its blocks is in force.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TypeVar
from zoneinfo import ZoneInfo

from schedules.answers import Change, Entry, Stretch
from schedules.overlays import OverlayEntry
from schedules.programme import Block, Schedule, Setting
from schedules.week import DAY_MINUTES

T = TypeVar("T")

_DAYS_KEPT = 8
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class _Day:
    """What one local date brings, before yesterday's blocks are considered."""

    layers: tuple[tuple[Block, Entry], ...]
    """The first that covers a minute wins."""
    rest: Entry


@dataclass(frozen=True, slots=True)
class _Plan:
    """The answer for every minute of one local date: `entries[i]` from minute `starts[i]`."""

    starts: tuple[int, ...]
    """Ascending, beginning with 0."""
    entries: tuple[Entry, ...]


class Resolver:
    """Answers for one schedule in one time zone.

    Instants are aware datetimes in any zone; answers carry aware UTC. Raises ValueError for an
    unknown zone and for naive datetimes.
    """

    def __init__(self, schedule: Schedule, zone: str) -> None:
        try:
            self._zone = ZoneInfo(zone)
        except (KeyError, ValueError, OSError):  # what zoneinfo raises for names it cannot use
            raise ValueError(f"unknown time zone '{zone}'") from None
        self.schedule = schedule
        self._days: dict[int, _Day] = {}
        self._plans: dict[int, _Plan] = {}

    def in_force(self, now: datetime) -> Entry:
        """The one answer at an instant."""
        wall = self._wall(now)
        ordinal = wall.toordinal()
        plan = self._plans.get(ordinal) or self._plan(ordinal)
        return plan.entries[bisect_right(plan.starts, wall.hour * 60 + wall.minute) - 1]

    def overlay(self, now: datetime) -> OverlayEntry | None:
        """What the overlays give at an instant; None if they give nothing."""
        self._wall(now)
        return None

    def effective(self, now: datetime) -> Entry:
        """The schedule with the overlays on top of it."""
        return self.in_force(now)

    def next_change(self, now: datetime, horizon_days: int = 400) -> Change | None:
        """The first later instant whose answer differs in anything; None within the horizon."""
        self._wall(now)
        end = now + timedelta(days=horizon_days)
        pieces = self._pieces(now.astimezone(UTC))
        current = next(pieces)[2]
        for start, _, entry in pieces:
            if start > end:
                return None
            if entry != current:
                return Change(start, entry)
        return None

    def preview(self, start: date, days: int) -> list[Stretch]:
        """The answers of `days` whole local days, contiguous, neighbours merged.

        `start` is a date, or an aware instant that stands for its local date. A day begins when
        its first existing minute comes for the first time.
        """
        first = self._wall(start).date() if isinstance(start, datetime) else start
        at, end = self._begin(first), self._begin(first + timedelta(days=days))
        stretches: list[Stretch] = []
        if at >= end:
            return stretches
        for begin, until, entry in self._pieces(at):
            if stretches and stretches[-1].entry == entry:
                begin = stretches.pop().start
            stretches.append(Stretch(begin, min(until, end), entry))
            if until >= end:
                break
        return stretches

    def _wall(self, now: datetime) -> datetime:
        if now.tzinfo is None:
            raise ValueError("an instant needs a time zone; this datetime has none")
        return now.astimezone(self._zone)

    def _pieces(self, at: datetime) -> Iterator[tuple[datetime, datetime, Entry]]:
        """From an instant (UTC) on for ever: from, until, answer; each piece within one date."""
        while True:
            wall = at.astimezone(self._zone)
            ordinal = wall.toordinal()
            plan = self._plans.get(ordinal) or self._plan(ordinal)
            index = bisect_right(plan.starts, wall.hour * 60 + wall.minute) - 1
            last = index + 1 == len(plan.starts)
            minutes = DAY_MINUTES if last else plan.starts[index + 1]
            midnight = datetime(wall.year, wall.month, wall.day, tzinfo=self._zone)
            # both in one zone: Python subtracts their wall-clock readings
            until = at + (midnight + timedelta(minutes=minutes) - wall)
            if self._offset(until) != self._offset(at):
                until = self._clock_change(at, until)
            yield at, until, plan.entries[index]
            at = until

    def _offset(self, at: datetime) -> timedelta | None:
        return at.astimezone(self._zone).utcoffset()

    def _clock_change(self, before: datetime, after: datetime) -> datetime:
        """The clock change between two instants (UTC) at most a day apart.

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

    def _begin(self, day: date) -> datetime:
        midnight = datetime(day.year, day.month, day.day, tzinfo=self._zone)
        at = midnight.astimezone(UTC)
        if at.astimezone(self._zone).replace(tzinfo=None) == midnight.replace(tzinfo=None):
            return at
        # Skipped: Python reckons with the offset before, so the change lies at or before `at`.
        return self._clock_change(at - timedelta(days=1), at)

    def _plan(self, ordinal: int) -> _Plan:
        today, yesterday = self._day(ordinal), self._day(ordinal - 1)
        layers = [(block.start, min(block.end, DAY_MINUTES), e) for block, e in today.layers]
        layers += [
            (0, block.end - DAY_MINUTES, entry)
            for block, entry in yesterday.layers
            if block.end > DAY_MINUTES
        ]
        starts: list[int] = []
        entries: list[Entry] = []
        edges = {0, *(edge for start, end, _ in layers for edge in (start, end))} - {DAY_MINUTES}
        for minute in sorted(edges):
            entry = next((e for start, end, e in layers if start <= minute < end), today.rest)
            if not entries or entries[-1] != entry:
                starts.append(minute)
                entries.append(entry)
        plan = _Plan(tuple(starts), tuple(entries))
        _keep(self._plans, ordinal, plan)
        return plan

    def _day(self, ordinal: int) -> _Day:
        day = self._days.get(ordinal)
        if day is None:
            day = self._decide(date.fromordinal(ordinal))
            _keep(self._days, ordinal, day)
        return day

    def _decide(self, day: date) -> _Day:
        schedule = self.schedule
        season = schedule.season(day)
        suffix = f" ({season})" if schedule.seasons is not None else ""
        programme = schedule.programme(season, day.weekday())
        blocks = programme.blocks if programme is not None else ()
        before = f"weekly {programme.label} " if programme is not None else ""
        after = suffix
        rest = _entry(schedule.otherwise, season, f"otherwise{suffix}")
        added: list[tuple[Block, Entry]] = []
        decided = False
        for rule in schedule.exceptions:
            if decided and rule.do != "add":
                continue
            label = rule.label(day)
            if label is None:
                continue
            if rule.do == "add":
                added += [
                    (b, _entry(b.setting, season, f"{label}: {b.text} on top")) for b in rule.blocks
                ]
                continue
            decided, after = True, ""
            if rule.do == "replace":
                blocks, why = rule.blocks, f"{label}: replaced"
            else:
                programme = schedule.programme(season, rule.day)
                blocks, why = programme.blocks if programme else (), f"{label}: as {rule.weekday}"
            before = f"{why} "
            otherwise = schedule.otherwise
            rest = Entry(otherwise.mode, otherwise.setpoints, season, why, rule.origin)
        own = [(b, _entry(b.setting, season, f"{before}{b.text}{after}")) for b in blocks]
        return _Day((*added, *own), rest)


def _entry(setting: Setting, season: str, reason: str) -> Entry:
    return Entry(setting.mode, setting.setpoints, season, reason, setting.origin)


def _keep(cache: dict[int, T], ordinal: int, value: T) -> None:
    """Remember a date; forget the one that was remembered first when there are too many."""
    if len(cache) >= _DAYS_KEPT:
        cache.pop(next(iter(cache)), None)
    cache[ordinal] = value
