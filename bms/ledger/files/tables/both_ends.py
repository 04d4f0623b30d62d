"""Intervals of which a file gives both ends."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, time, timedelta
from itertools import pairwise
from typing import Final

from bms.ledger.files.series import Question, Series
from bms.texts.messages import msg

_DAY: Final = timedelta(days=1)
_HOUR: Final = timedelta(hours=1)
_LONGEST: Final = timedelta(days=400)


def set_ends(series: Series, ends: list[datetime], last_day: str | None) -> Question | None:
    """Give a series the ends of its intervals: in either order, and also ends that name the last
    minute or the last day. What is no end (when a line was written) is left alone.

    Returns what has to be asked: whether a last day counts.
    """
    starts = series.times
    if any(one.tzinfo != other.tzinfo for one, other in _pairs(starts, ends)):
        return None
    if all(end < start for start, end in _pairs(starts, ends)):
        series.times, ends, starts = ends, starts, ends
    midnight = time(0)
    if all(end.time() == start.time() == midnight for start, end in _pairs(starts, ends)):
        counts = last_day == "counts" if last_day is not None else _last_counts(starts, ends)
        if counts is None:
            text = msg(
                "does {day} still count in the amount from {first}?",
                day=f"{ends[0]:%Y-%m-%d}",
                first=f"{starts[0]:%Y-%m-%d}",
            )
            place = series.lines[0], series.time_column
            return Question("last_day", text, *place, ("counts", "excluded"))
        ends = [end + _DAY for end in ends] if counts else ends
    elif all(end.minute % 5 == 4 and start.minute % 5 == 0 for start, end in _pairs(starts, ends)):
        ends = [end + timedelta(minutes=1) - timedelta(seconds=end.second) for end in ends]
    elif all(end.second == 59 for end in ends):
        ends = [end + timedelta(seconds=1) for end in ends]
    ends = [
        end + _DAY if end <= start and end.time() == midnight else end
        for start, end in _pairs(starts, ends)
    ]
    if _are_ends(starts, ends):
        series.ends = ends
        series.stamp = "start"
        series.holds = series.holds or "intervals"
    return None


def _last_counts(starts: Sequence[datetime], ends: Sequence[datetime]) -> bool | None:
    """Whether the last days of bills count in them, as the next bill or the month tells."""
    begun = set(starts)
    if any(end in begun for end in ends):
        return False
    if any(end + _DAY in begun for end in ends):
        return True
    months = all(start.day == 1 and (end + _DAY).day == 1 for start, end in _pairs(starts, ends))
    return True if months else None


def _are_ends(starts: Sequence[datetime], ends: Sequence[datetime]) -> bool:
    """Whether intervals have a length, and most end where the next begins, or before.

    By the clock one may seem an hour longer or shorter, in the night when clocks change.
    """
    if not all(-_HOUR < end - start <= _LONGEST for start, end in _pairs(starts, ends)):
        return False
    spans = sorted(end - start for start, end in _pairs(starts, ends))
    if spans[len(spans) // 2] < timedelta(minutes=1):
        return False
    # In the hour that comes twice, two intervals begin at one time.
    ordered = sorted(dict(_pairs(starts, ends)).items())
    over = sum(1 for (_, end), (start, _) in pairwise(ordered) if end > start)
    return 10 * over <= len(ordered)


def _pairs(
    one: Sequence[datetime], other: Sequence[datetime]
) -> Iterator[tuple[datetime, datetime]]:
    return zip(one, other, strict=True)
