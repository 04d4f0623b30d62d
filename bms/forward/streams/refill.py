"""Rows that a sink missed and its streams no longer have, from those the store keeps by series.

Raw samples come from the segments, quarter hours from `roll.db`. Their order is day of UTC,
series, hour: within a day a series at a time, because that is how they lie there; memory is
bounded by a day of `SERIES_AT_ONCE` series. A position in that order is one number
(`place_of`), so that a gap of it is kept, filled and taken up again like any other.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from bms.config.shapes.sinks import InfluxFile
from bms.core.errors import DiskError, StoreError
from bms.forward.cursors import DAY_MS, LOG, STORED, Gap, Lost, day_of, place_of
from bms.forward.streams.lines import LineWriter, rollup_line
from bms.forward.streams.sources import Selection, Sources, Take
from bms.forward.streams.tags import Tagging
from bms.historian.files.roll_layout import GivenUp
from bms.historian.reading.trends import RawBlock, Trends
from bms.historian.streams import RollupRow
from bms.texts.messages import message_of
from drivers.points import PointId

SERIES_AT_ONCE = 50
LOADS_AT_ONCE = 20
"""So many times a day of so many series is read before the sink looks at anything else."""
REVISED_MS = 7 * DAY_MS
"""Except in rare cases, quarter hours are revised at most this long after they were published."""
HOUR_MS = 3_600_000
HOURS = 24


@dataclass(frozen=True, slots=True)
class Place:
    """Places `first` to `last`. What was given up between the two times counts as lost."""

    first: int
    last: int
    from_ms: int | None = None
    until_ms: int | None = None


class StoredSamples:
    """Raw samples of days whose log is gone."""

    name = LOG + STORED
    rollup = False

    def __init__(self, trends: Trends, uid: str, tagging: Tagging, selection: Selection) -> None:
        self.uid = uid
        self._trends = trends
        self._selection = selection
        self._writer = LineWriter(tagging, {})
        self._day = -1
        self._numbers: list[int] = []
        self._part = -1
        self._blocks: dict[int, RawBlock] = {}
        self._damaged: dict[int, str] = {}
        self._lost: dict[int, list[GivenUp]] = {}

    def gaps(self, start_ms: int, end_ms: int, first_row: int | None = None) -> list[Place]:
        """The places of what is stored of [start, end).

        With `first_row` also of what is older, where it may have come in log rows from that one on.
        """
        begin = start_ms // DAY_MS
        found = []
        if first_row is not None:
            # Whole days: what is sent twice does no harm, and some samples are later than others.
            late = self._days(0, begin * DAY_MS, first_row)
            found = [Place(place_of(day), place_of(day + 1) - 1) for day in late]
        days = self._days(begin * DAY_MS, end_ms)
        if days:
            first, last = place_of(days[0]), place_of(days[-1] + 1) - 1
            found.append(Place(first, last, start_ms, end_ms))
        return found

    def _days(self, start_ms: int, end_ms: int, first_row: int = 0) -> list[int]:
        """The days of UTC of which something is stored, or was and is given up.

        Of what is given up it is not known which rows it came in: it counts for `first_row` 0.
        """
        roll = self._trends.roll
        if roll is None:
            return []
        spans = [(s.t0, s.t1) for s in roll.segments(start_ms, end_ms) if s.last_seq >= first_row]
        if not first_row:
            spans += [
                (int(lost.start_ms.min()), int(lost.end_ms.max()))
                for lost in roll.given_up(start_ms, end_ms)
            ]
        return sorted(
            {
                day
                for first, last in spans
                for day in range(
                    max(first, start_ms) // DAY_MS, min(last, end_ms - 1) // DAY_MS + 1
                )
            }
        )

    def take(self, gap: Gap, most_lines: int) -> Take:
        """The next of a gap: at least one series and hour, about `most_lines` lines."""
        result = Take(gap.last)
        at, loads = gap.first, 0
        while at <= gap.last:
            day, series, hour = day_of(at), (at % place_of(1)) >> 5, at & 31
            if len(result.lines) >= max(1, most_lines) or loads >= LOADS_AT_ONCE:
                result.seq = at - 1
                break
            if day != self._day:
                following = self._open(day, day_of(gap.last))
                if following is None:
                    break
                at = max(at, place_of(following))
                continue
            index = bisect_left(self._numbers, series)
            if index == len(self._numbers):
                at = place_of(day + 1)
            elif self._numbers[index] > series:
                at = place_of(day, self._numbers[index])
            else:
                loads += self._load(index // SERIES_AT_ONCE)
                if hour == 0 and series in self._damaged:
                    result.damaged.append(self._damaged[series])
                if hour >= HOURS or not (series in self._blocks or series in self._lost):
                    at = place_of(day, series + 1)
                else:
                    self._add(result, gap, series, hour)
                    at += 1
        return result

    def _open(self, day: int, last: int) -> int | None:
        """Make ready for the first day from `day` on that has anything; None if none has."""
        days = self._days(day * DAY_MS, (last + 1) * DAY_MS)
        if not days:
            return None
        self._trends.learn()
        classes = self._trends.points()
        self._writer.know(classes)
        self._numbers = sorted(
            number
            for number, point in self._trends.names().items()
            if self._selection.wants(point, classes[point])
        )
        self._day, self._part = days[0], -1
        return days[0]

    def _load(self, part: int) -> bool:
        """Read a part of the day's series; whether it had to be read.

        Raises DiskError.
        """
        if part == self._part:
            return False
        numbers = self._numbers[part * SERIES_AT_ONCE : (part + 1) * SERIES_AT_ONCE]
        start_ms = self._day * DAY_MS
        self._damaged = {}
        try:
            self._blocks, lost = self._trends.stored(numbers, start_ms, start_ms + DAY_MS)
        except DiskError:
            raise
        except (StoreError, KeyError):
            self._blocks, lost = self._one_by_one(numbers, start_ms)
        self._lost = {}
        for counts in lost:
            for number in set(numbers) & set(counts.series.tolist()):
                self._lost.setdefault(number, []).append(counts.where(counts.series == number))
        self._part = part
        return True

    def _one_by_one(
        self, numbers: Sequence[int], start_ms: int
    ) -> tuple[dict[int, RawBlock], list[GivenUp]]:
        """The series that can be read; the damaged ones are noted, so that they hold up no other.

        Raises DiskError.
        """
        found: dict[int, RawBlock] = {}
        lost: list[GivenUp] = []
        for number in numbers:
            try:
                blocks, lost = self._trends.stored([number], start_ms, start_ms + DAY_MS)
                found |= blocks
            except DiskError:
                raise
            except (StoreError, KeyError) as error:
                self._damaged[number] = message_of(error)
        return found, lost

    def _add(self, result: Take, gap: Gap, series: int, hour: int) -> None:
        """Lines of an hour of a series, and its samples that were given up."""
        start_ms = self._day * DAY_MS + hour * HOUR_MS
        end_ms = start_ms + HOUR_MS
        block = self._blocks.get(series)
        if block is not None:
            a, b = np.searchsorted(block.times_ms, (start_ms, end_ms)).tolist()
            result.lines += self._writer.lines(
                [block.point] * (b - a),
                block.times_ms[a:b].tolist(),
                block.values[a:b].tolist(),
                block.status[a:b].astype(np.uint8).tobytes(),
                block.texts.__getitem__,
            )
        if gap.from_ms is not None and gap.until_ms is not None:
            first_ms, last_ms = max(start_ms, gap.from_ms), min(end_ms, gap.until_ms)
            for counts in self._lost.get(series, ()):
                mine = counts.where((counts.start_ms >= first_ms) & (counts.start_ms < last_ms))
                if len(mine.series):
                    result.lost.append(
                        Lost(
                            mine.group,
                            int(mine.start_ms.min()),
                            int(mine.end_ms.max()),
                            int(mine.samples.sum()),
                        )
                    )


def lost_numbers(
    trends: Trends, selection: Selection, start_ms: int, end_ms: int
) -> dict[PointId, int]:
    """Samples with a number that the store gave up in [start, end), by point."""
    found: dict[PointId, int] = defaultdict(int)
    roll = trends.roll
    if roll is None:
        return {}
    names, classes = trends.names(), trends.points()
    for counts in roll.given_up(start_ms, end_ms):
        mine = counts.where((counts.start_ms >= start_ms) & (counts.start_ms < end_ms))
        for number in np.unique(mine.series).tolist():
            point = names[number]
            if selection.wants(point, classes[point]):
                found[point] += int(mine.numbers[mine.series == number].sum())
    return dict(found)


class StoredRollups:
    """Quarter hours that are no longer numbered, revisions summed.

    The sum of the published revisions goes out as revision 0, and the later ones as differences of
    zero: so a sum over revisions is right whichever of them a server has.
    Quarter hours that the stream still has are left to it.
    """

    name = f"rollups{STORED}"
    rollup = True

    def __init__(self, trends: Trends, uid: str, tagging: Tagging) -> None:
        self.uid = uid
        self._trends = trends
        self._tagging = tagging

    def gaps(self, start_ms: int, end_ms: int, first_row: int | None = None) -> list[Place]:
        """The places of the rows stored of [start, end), and of those revised meanwhile."""
        del first_row  # revisions of older quarter hours are found by the margin
        roll = self._trends.roll
        tiles = [] if roll is None else roll.tiles()
        if not tiles:
            return []
        first = max(start_ms - REVISED_MS, tiles[0][0])
        last = min(end_ms + REVISED_MS, tiles[-1][1])
        if first >= last:
            return []
        return [Place(place_of(first // DAY_MS), place_of((last - 1) // DAY_MS + 1) - 1)]

    def take(self, gap: Gap, most_lines: int) -> Take:
        """The next of a gap: at least `SERIES_AT_ONCE` series of a day."""
        result = Take(gap.last)
        roll = self._trends.roll
        if roll is None:
            return result
        self._trends.learn()
        numbers = sorted(self._trends.names())
        day, series = day_of(gap.first), (gap.first % place_of(1)) >> 5
        index = bisect_left(numbers, series)
        while day <= day_of(gap.last):
            while index < len(numbers):
                some = numbers[index : index + SERIES_AT_ONCE]
                result.lines += self._lines(day * DAY_MS, some)
                index += SERIES_AT_ONCE
                if len(result.lines) >= most_lines:
                    result.seq = min(gap.last, place_of(day, some[-1] + 1) - 1)
                    return result
            day, index = day + 1, 0
        return result

    def _lines(self, start_ms: int, numbers: Sequence[int]) -> list[str]:
        lines = []
        for row in self._trends.summed_quarters(numbers, start_ms, start_ms + DAY_MS):
            lines.append(rollup_line(row, self._tagging))
            lines += [rollup_line(_nothing(row, rev), self._tagging) for rev in _later(row)]
        return lines


def _later(row: RollupRow) -> range:
    return range(1, row.seq + 1)  # `seq` tells how often it was revised


def _nothing(row: RollupRow, rev: int) -> RollupRow:
    return RollupRow(
        0, row.point, row.start_ms, rev, 0, 0.0, 0.0, None, None, None, 0.0, 0, row.local_date
    )


Refill: TypeAlias = StoredSamples | StoredRollups
"""Fills gaps by place in time instead of by row."""


def refills_of(sources: Sources, settings: InfluxFile, tagging: Tagging) -> list[Refill]:
    """What fills the holes of the streams that a sink asks for."""
    found: list[Refill] = []
    if sources.trends is not None:
        uid = sources.history.uid()
        if "rollups" in settings.send:
            found.append(StoredRollups(sources.trends, uid, tagging))
        if "raw" in settings.send:
            found.append(StoredSamples(sources.trends, uid, tagging, Selection(settings)))
    return found
