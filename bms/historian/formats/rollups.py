"""Quarter hours and days of points, from their samples. Pure but for NumPy.

A good value holds until the next sample of its point, and no longer than it was recorded at all
(a *session*: from one start of the recorder to the last it was seen alive). STALE and BAD cover
nothing. Texts have no extremes and no integral. Quarter hours are those of UTC, which are those of
every time zone in use; a day is the sum of its quarter hours. Integrals are kept to 1e-4 of unit
times second.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from bms.core import instants
from bms.core.equipment import PointClass
from bms.historian.formats.blob import BOOL, FLOAT, INT, TEXT
from bms.historian.formats.columns import Column, Floats, Ints

QUARTER_MS: Final = 900_000
NEVER_MS: Final = -(2**62)
Bools = NDArray[np.bool_]
ADDED: Final = ("n", "integral", "covered_s", "on_s", "switches")
"""What adds up over revisions, over time and to days."""


@dataclass(frozen=True, slots=True)
class Samples:
    """Columns of equal length. `status` is quality + 16 * kind, as in the log."""

    series: Ints
    times_ms: Ints
    values: Floats
    status: Ints

    def __len__(self) -> int:
        return len(self.times_ms)

    def where(self, rows: Bools | Ints | slice) -> Samples:
        return Samples(self.series[rows], self.times_ms[rows], self.values[rows], self.status[rows])

    def in_order(self) -> Samples:
        """By series and time; of samples of one series and millisecond the first recorded stays."""
        rows = self
        same = self.series[1:] == self.series[:-1]
        later = (self.series[1:] > self.series[:-1]) | (
            same & (self.times_ms[1:] >= self.times_ms[:-1])
        )
        if not later.all():
            # Stable: of equal ones the order in which they were recorded stays.
            rows = self.where(np.lexsort((self.times_ms, self.series)))
        if len(rows) < 2:
            return rows
        again = (rows.series[1:] == rows.series[:-1]) & (rows.times_ms[1:] == rows.times_ms[:-1])
        return rows.where(np.concatenate(([True], ~again))) if again.any() else rows

    @staticmethod
    def joined(parts: Sequence[Samples]) -> Samples:
        parts = [p for p in parts if len(p)]
        if len(parts) < 2:  # not copied: of a month of one point that was a third of the time
            return parts[0] if parts else NOTHING
        return Samples(
            np.concatenate([p.series for p in parts]),
            np.concatenate([p.times_ms for p in parts]),
            np.concatenate([p.values for p in parts]),
            np.concatenate([p.status for p in parts]),
        )


NOTHING: Final = Samples(
    np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float64), np.empty(0, np.int64)
)


@dataclass(frozen=True, slots=True)
class Sessions:
    """When it was recorded, in ms; both columns in order of `begun_ms`."""

    begun_ms: Ints
    seen_ms: Ints

    def of(self, times_ms: Ints) -> Ints:
        """The session of each time, -1 before the first."""
        return np.searchsorted(self.begun_ms, times_ms, side="right").astype(np.int64) - 1

    def until(self, session: Ints) -> Ints:
        """How long a value may hold, by session."""
        if not len(self.seen_ms):
            return np.full(len(session), NEVER_MS)
        return np.where(session < 0, NEVER_MS, self.seen_ms[session])


@dataclass(frozen=True, slots=True)
class Rollups:
    """Columns of equal length, by series and start. NaN: no good value in that quarter hour."""

    series: Ints
    start_ms: Ints
    rev: Ints
    n: Ints
    integral: Floats
    covered_s: Floats
    minimum: Floats
    maximum: Floats
    last: Floats
    on_s: Floats
    switches: Ints

    def __len__(self) -> int:
        return len(self.start_ms)

    def columns(self) -> list[Column]:
        return [getattr(self, field.name) for field in fields(self)]

    def where(self, rows: Bools | Ints | slice) -> Rollups:
        return Rollups.of([column[rows] for column in self.columns()])

    @staticmethod
    def of(columns: Sequence[Any]) -> Rollups:
        """From the columns that `columns` gives."""
        return Rollups(*columns)

    @staticmethod
    def joined(parts: Sequence[Rollups]) -> Rollups:
        if len(parts) == 1:
            return parts[0]
        columns = zip(*(part.columns() for part in parts or [NONE]), strict=True)
        return Rollups.of([np.concatenate(column) for column in columns])


NONE: Final = Rollups.of(
    [np.empty(0, np.int64)] * 4 + [np.empty(0, np.float64)] * 6 + [np.empty(0, np.int64)]
)


def quarters(
    samples: Samples,
    start_ms: int,
    end_ms: int,
    sessions: Sessions,
    classes: Mapping[int, PointClass],
) -> Rollups:
    """The quarter hours from `start_ms` to before `end_ms` (both on the quarter hour).

    `samples` are in order; of each series they may begin with one before `start_ms`, whose value
    may still hold. A quarter hour in which nothing is known has no row.
    """
    count = len(samples)
    if not count:
        return NONE
    series, times, values = samples.series, samples.times_ms, samples.values
    kind = samples.status >> 4
    number = finite_numbers(values, samples.status)
    good = ((samples.status & 15) == 0) & (number | (kind == TEXT))
    known, place = np.unique(series, return_inverse=True)
    state = np.array([classes.get(int(s)) is PointClass.STATE for s in known])[place]
    counter = np.array([classes.get(int(s)) is PointClass.COUNTER for s in known])[place]

    session = sessions.of(times)
    follows = np.zeros(count, np.bool_)  # the sample before is of the same series
    follows[1:] = series[1:] == series[:-1]
    ends = np.full(count, end_ms, np.int64)
    ends[:-1][follows[1:]] = times[1:][follows[1:]]
    ends = np.minimum(ends, sessions.until(session))
    begins = np.maximum(times, start_ms)
    inside = times >= start_ms
    on = values != 0
    switched = np.zeros(count, np.bool_)
    switched[1:] = (
        follows[1:]
        & state[1:]
        & good[1:]
        & good[:-1]
        & (session[1:] == session[:-1])
        & (on[1:] != on[:-1])
    )

    # One row for every quarter hour that a value holds in, and for the one its time is in.
    held = np.maximum(ends - begins, 0)
    first = begins // QUARTER_MS
    spans = np.where(held > 0, (begins + held - 1) // QUARTER_MS - first + 1, inside)
    row = np.repeat(np.arange(count), spans)
    if not len(row):
        return NONE
    behind = np.arange(len(row)) - np.repeat(np.cumsum(spans) - spans, spans)
    quarter = first[row] + behind
    from_ms = np.maximum(begins[row], quarter * QUARTER_MS)
    to_ms = np.minimum(begins[row] + held[row], (quarter + 1) * QUARTER_MS)
    seconds = np.maximum(to_ms - from_ms, 0) / 1000.0
    use = good[row]
    counts = use & number[row]
    own = inside[row] & (behind == 0)
    value = np.where(counts, values[row], 0.0)

    new = np.empty(len(row), np.bool_)
    new[0] = True
    new[1:] = (series[row][1:] != series[row][:-1]) | (quarter[1:] != quarter[:-1])
    at = np.flatnonzero(new)
    covered = np.where(use, seconds, 0.0)
    newest = np.maximum.reduceat(np.where(counts, np.arange(len(row)), -1), at)
    result = Rollups(
        series[row][at],
        quarter[at] * QUARTER_MS,
        np.zeros(len(at), np.int64),
        np.add.reduceat((own & use).astype(np.int64), at),
        _rounded(np.add.reduceat(np.where(counter[row], 0.0, value * covered), at), 4),
        _rounded(np.add.reduceat(covered, at), 3),
        np.minimum.reduceat(np.where(counts, value, np.inf), at),
        np.maximum.reduceat(np.where(counts, value, -np.inf), at),
        np.where(newest >= 0, value[newest], np.nan),
        _rounded(np.add.reduceat(np.where(state[row] & on[row], covered, 0.0), at), 3),
        np.add.reduceat((own & switched[row]).astype(np.int64), at),
    )
    result.minimum[np.isinf(result.minimum)] = np.nan
    result.maximum[np.isinf(result.maximum)] = np.nan
    return result.where((result.n > 0) | (result.covered_s > 0))


def finite_numbers(values: Floats, status: Ints) -> Bools:
    """Which samples hold a finite number, whatever their quality."""
    kind = status >> 4
    found: Bools = ((kind == FLOAT) | (kind == INT) | (kind == BOOL)) & np.isfinite(values)
    return found


def last_of(samples: Samples) -> Samples:
    """The last sample of each series; `samples` are in order."""
    if not len(samples):
        return samples
    return samples.where(np.concatenate((samples.series[1:] != samples.series[:-1], [True])))


def summed(rows: Rollups, keys: Sequence[Ints], *, revisions: bool = False) -> Rollups:
    """Rows with equal `keys` as one: sums, extremes, the newest last value, the highest `rev`.

    `rows` of equal keys stand in order of time and revision among themselves; the result is in
    order of the keys, the first key first, with the least `start_ms` of each. With `revisions`
    the rows are revisions of one quarter hour: the extremes and the last value of the newest hold.
    """
    if not len(rows):
        return rows
    order = np.lexsort(tuple(reversed(keys)))
    if (order[1:] < order[:-1]).any():
        rows, keys = rows.where(order), [key[order] for key in keys]
    new = np.zeros(len(order), np.bool_)
    new[0] = True
    for key in keys:
        new[1:] |= key[1:] != key[:-1]
    at = np.flatnonzero(new)
    if len(at) == len(rows):
        return rows
    if revisions:
        newest = np.append(at[1:], len(rows)) - 1
        minimum, maximum, last = rows.minimum[newest], rows.maximum[newest], rows.last[newest]
    else:
        newest = np.maximum.reduceat(np.where(np.isnan(rows.last), -1, np.arange(len(rows))), at)
        minimum = np.fmin.reduceat(rows.minimum, at)
        maximum = np.fmax.reduceat(rows.maximum, at)
        last = np.where(newest >= 0, rows.last[newest], np.nan)
    return Rollups(
        rows.series[at],
        np.minimum.reduceat(rows.start_ms, at),
        np.maximum.reduceat(rows.rev, at),
        np.add.reduceat(rows.n, at),
        _rounded(np.add.reduceat(rows.integral, at), 4),
        _rounded(np.add.reduceat(rows.covered_s, at), 3),
        minimum,
        maximum,
        last,
        _rounded(np.add.reduceat(rows.on_s, at), 3),
        np.add.reduceat(rows.switches, at),
    )


def _rounded(values: Floats, decimals: int) -> Floats:
    result: Floats = np.round(values, decimals)
    return result


def revised(old: Rollups, new: Rollups) -> Rollups:
    """What has to be added to `old` so that it becomes `new`: signed differences, next revision.

    Both are in order of series and start, one row for each. Quarter hours that are the same give
    no row; extremes and last values are those that are known now.
    """
    at = {
        key: i for i, key in enumerate(zip(old.series.tolist(), old.start_ms.tolist(), strict=True))
    }
    keys = list(zip(new.series.tolist(), new.start_ms.tolist(), strict=True))
    before = np.array([at.get(key, -1) for key in keys], np.int64)
    gone = np.array(
        sorted(set(at.values()) - set(before[before >= 0].tolist())), np.int64
    )  # known then, and nothing now: a quality that turned out bad
    found = before >= 0
    result = Rollups.of([column.copy() for column in new.columns()])
    result.rev[found] = old.rev[before[found]] + 1
    changed = ~found
    for name in ADDED:
        column = getattr(result, name)
        then = getattr(old, name)[before[found]]
        column[found] = _rounded(column[found] - then, 4)
        changed[found] |= column[found] != 0
    for name in ("minimum", "maximum", "last"):
        now, then = getattr(new, name)[found], getattr(old, name)[before[found]]
        changed[found] |= ~((now == then) | (np.isnan(now) & np.isnan(then)))
    parts = [result.where(changed)]
    if len(gone):
        taken = old.where(gone)
        for name in ADDED:
            getattr(taken, name)[:] *= -1
        for name in ("minimum", "maximum", "last"):
            getattr(taken, name)[:] = np.nan
        taken.rev[:] += 1
        parts.append(taken)
    return Rollups.joined(parts)


def local_dates(starts_ms: Ints, series: Ints, zones: Mapping[int, str], default: str) -> Ints:
    """The date (ordinal) in the zone of each series at each start."""
    names = sorted({*zones.values(), default})
    known, which = np.unique(series, return_inverse=True)
    zone = np.array([names.index(zones.get(int(s), default)) for s in known], np.int64)
    starts, when = np.unique(starts_ms, return_inverse=True)
    times = [instants.from_ms(int(ms)) for ms in starts]
    table = np.array(
        [[t.astimezone(ZoneInfo(name)).toordinal() for t in times] for name in names], np.int64
    ).reshape(len(names), len(times))
    return table[zone[which], when]
