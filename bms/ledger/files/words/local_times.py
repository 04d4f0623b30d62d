"""The instants of a series: local times in the order of the file. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import pairwise
from typing import Final
from zoneinfo import ZoneInfo

from bms.core.instants import shown_at
from bms.ledger.files.series import Series
from bms.ledger.files.words.stamps import YEARS
from bms.texts.messages import Message, msg

_MOMENT: Final = timedelta(seconds=1)


def instants_of(series: Series, zone: tzinfo) -> tuple[list[datetime | None], dict[int, Message]]:
    """The instants (UTC) of a series' times, and what is wrong with those that have none.

    Where the clocks go back, a time comes twice, and only the order of the lines tells which is
    meant: before the line where the times go back it is the first, after it the second. Where
    the lines do not go back, nobody can tell.
    """
    found: list[datetime | None] = [None] * len(series.times)
    wrong: dict[int, Message] = {}
    open_ones: list[int] = []
    for at, time in enumerate(series.times):
        candidates = _candidates(series, at, zone)
        if len(candidates) == 1:
            found[at] = candidates[0]
        elif len(candidates) > 1:
            open_ones.append(at)
        else:
            wrong[at] = _skipped(time)
    if open_ones:
        assert isinstance(zone, ZoneInfo)
        _by_order(series, zone, open_ones, found, wrong)
    return found, wrong


def _candidates(series: Series, at: int, zone: tzinfo) -> list[datetime]:
    time = series.times[at]
    if time.tzinfo is not None:
        return [time.astimezone(UTC)] if YEARS[0] - 1 < time.year < YEARS[1] + 1 else []
    if not isinstance(zone, ZoneInfo):
        return [time.replace(tzinfo=zone).astimezone(UTC)]
    offset = series.offsets.get(at)
    if offset is not None:  # counted since midnight, through the double hour and all
        return [one + offset for one in shown_at(time - offset, zone)[:1]]
    shown = shown_at(time, zone)
    name = series.zones.get(at)
    if name is not None and len(shown) > 1:
        named = [one for one in shown if one.astimezone(zone).tzname() == name]
        return named or shown
    if not shown and series.stamp == "end":
        # The end of the last interval before the clocks go forward.
        before = shown_at(time - _MOMENT, zone)
        return [one + _MOMENT for one in before]
    return shown


def _skipped(time: datetime) -> Message:
    return msg(
        "{time} does not exist: the clocks went forward over it",
        time=time.isoformat(" ", "minutes"),
    )


def _by_order(
    series: Series,
    zone: ZoneInfo,
    open_ones: Sequence[int],
    found: list[datetime | None],
    wrong: dict[int, Message],
) -> None:
    """Decide each night in which times came twice by the line where they go back."""
    times = series.times
    order = list(range(len(times)))
    falls = sum(1 for a, b in pairwise(times) if a.replace(tzinfo=None) > b.replace(tzinfo=None))
    if falls > len(times) // 2:
        order.reverse()
    nights: dict[object, list[int]] = {}
    place = {index: n for n, index in enumerate(order)}
    for at in sorted(open_ones, key=lambda index: place[index]):
        nights.setdefault(times[at].date(), []).append(at)
    for night in nights.values():
        falls_at = [n for n in range(1, len(night)) if times[night[n]] <= times[night[n - 1]]]
        ending = None
        if not falls_at:
            # Some loggers call the end of the first pass by the time that no clock shows then.
            for n, at in enumerate(night[1:], 1):
                prior = order[place[at] - 1]
                if prior not in night and times[prior] == _end_of_double(times[at], zone):
                    falls_at.append(n)
                    ending = prior
        back = falls_at[0] if len(falls_at) == 1 else None
        for n, at in enumerate(night):
            first, second = shown_at(times[at], zone)[:2]
            if back is None:
                wrong[at] = _twice(times[at], first.astimezone(zone), second.astimezone(zone))
            else:
                found[at] = first if n < back else second
        if ending is not None and back is not None and series.stamp == "end":
            first = shown_at(times[night[0]], zone)[0]
            found[ending] = first + (times[ending] - times[night[0]])


def _end_of_double(time: datetime, zone: ZoneInfo) -> datetime:
    """The first local time after the stretch shown twice that a time lies in."""
    time = time.replace(minute=time.minute - time.minute % 5, second=0, microsecond=0)
    while len(shown_at(time, zone)) > 1:
        time += timedelta(minutes=5)
    return time


def _twice(time: datetime, first: datetime, second: datetime) -> Message:
    return msg(
        "{time} came twice, as the clocks went back: write {first} or {second}",
        time=time.isoformat(" ", "minutes"),
        first=first.isoformat(" ", "minutes"),
        second=second.isoformat(" ", "minutes"),
    )
