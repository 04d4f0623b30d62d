"""The intervals of a series: how long they are, and whether a time is their start or end. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from fractions import Fraction
from itertools import pairwise
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from bms.config.shapes.reading_formats import ReadingsFormat
from bms.core.instants import shown_at, to_ms
from bms.core.readings import Label
from bms.ledger.files.series import Holds, Question, Series
from bms.texts.messages import msg

MINUTE_MS: Final = 60_000
_HOUR_MS: Final = 3_600_000
_DAY_MS: Final = 86_400_000
_LONGEST_DAY_MS: Final = 25 * _HOUR_MS
_SHORTEST_DAY_MS: Final = 23 * _HOUR_MS
_MONTH_MS: Final = 30 * _DAY_MS
"""Stands for a calendar month, whatever its length."""
_READ_OFTEN: Final = 24
"""No person reads a register so often, an hour or less apart."""


class Piece(NamedTuple):
    """The amount of one interval, in the unit of the file's numbers (of power: per hour)."""

    start_ms: int
    end_ms: int
    value: Fraction
    label: Label
    line: int


@dataclass(slots=True)
class Pieces:
    """The intervals of a series by time, or what has to be known first."""

    found: list[Piece] = field(default_factory=list)
    questions: list[Question] = field(default_factory=list)
    step: timedelta | None = None


def held(series: Series, instants: Sequence[datetime | None]) -> Holds | None:
    """What the numbers themselves tell: registers never fall, and rise again and again."""
    values = [v for _, v in _by_time(instants, series.values)]
    if len(values) < _READ_OFTEN:
        return None
    falls = sum(1 for a, b in pairwise(values) if b < a)
    rises = sum(1 for a, b in pairwise(values) if b > a)
    if falls == 0 and 2 * rises >= len(values):
        return "registers"
    return "intervals" if 10 * falls > len(values) and rises else None


def taken_by_instrument(instants: Sequence[datetime | None]) -> bool:
    """Whether registers were read so often that no person did."""
    times = sorted(time for time in instants if time is not None)
    gaps = sorted(b - a for a, b in pairwise(times))
    return len(times) >= _READ_OFTEN and gaps[len(gaps) // 2] <= timedelta(hours=1)


def _by_time(
    instants: Sequence[datetime | None], values: Sequence[Fraction | None]
) -> list[tuple[datetime, Fraction]]:
    pairs = [
        (time, value)
        for time, value in zip(instants, values, strict=True)
        if time is not None and value is not None
    ]
    return sorted(pairs, key=lambda pair: pair[0])


def pieces_of(
    series: Series, instants: Sequence[datetime | None], given: ReadingsFormat, zone: tzinfo
) -> Pieces:
    """The intervals of a series whose times have these instants in its zone."""
    result = Pieces()
    known = [at for at, time in enumerate(instants) if time is not None]
    if not known:
        return result
    starts = {at: _rounded(instants[at]) for at in known}
    if series.ends is not None:
        spans = _spans(series, known)
        ends = {at: starts[at] + spans[at] for at in known}
    else:
        ends = _ends(series, starts, given, zone, result)
        if result.questions:
            return result
    for at in known:
        value = series.values[at]
        if value is None:
            continue
        label = series.labels.get(at, Label.MEASURED)
        result.found.append(Piece(starts[at], ends[at], value, label, series.lines[at]))
    result.found.sort(key=lambda piece: (piece.start_ms, piece.line))
    spans = Counter(piece.end_ms - piece.start_ms for piece in result.found)
    if spans:
        result.step = timedelta(milliseconds=spans.most_common(1)[0][0])
    return result


def _rounded(time: datetime | None) -> int:
    """To the minute: loggers are a second late."""
    assert time is not None
    return (to_ms(time) + MINUTE_MS // 2) // MINUTE_MS * MINUTE_MS


def _spans(series: Series, known: Sequence[int]) -> dict[int, int]:
    """How long each interval is, by its two ends; the clocks may have changed in between."""
    assert series.ends is not None
    found: dict[int, int] = {}
    for at in known:
        seconds = (series.ends[at] - series.times[at]).total_seconds()
        found[at] = round(seconds / 60) * MINUTE_MS
    usual = Counter(found.values()).most_common(1)[0][0]
    return {
        at: usual if abs(span - usual) == _HOUR_MS and usual <= _HOUR_MS else span
        for at, span in found.items()
    }


def _ends(
    series: Series,
    starts: dict[int, int],
    given: ReadingsFormat,
    zone: tzinfo,
    result: Pieces,
) -> dict[int, int]:
    """The end of each interval by index. Where times are ends, `starts` is put right."""
    order = sorted(starts, key=lambda at: starts[at])
    step_ms = _step(series, [starts[at] for at in order], given)
    line, column = series.lines[order[0]], series.time_column
    if step_ms is None:
        text = msg("the times do not tell how long an interval of '{name}' is", name=series.name)
        result.questions.append(Question("step_min", text, line, column))
        return {}
    stamp = series.stamp or _stamp(series, order, step_ms)
    if stamp is None:
        text = msg(
            "{time} may be the start of its interval or the end",
            time=series.times[order[0]].isoformat(" ", "minutes"),
        )
        result.questions.append(Question("stamp", text, line, column, ("start", "end")))
        return {}
    ends: dict[int, int] = {}
    for at in order:
        ms = starts[at]
        other = ms + step_ms if stamp == "start" else ms - step_ms
        if step_ms in (_DAY_MS, _MONTH_MS):
            away = 1 if stamp == "start" else -1
            other = _away(series.times[at], zone, away, months=step_ms == _MONTH_MS) or other
        starts[at], ends[at] = min(ms, other), max(ms, other)
    return ends


def _away(time: datetime, zone: tzinfo, count: int, *, months: bool) -> int | None:
    """The same time of the next local day or month, or of the one before."""
    if time.tzinfo is not None or not isinstance(zone, ZoneInfo):
        return None
    other = time + timedelta(days=count)
    if months:
        number = time.year * 12 + time.month - 1 + count
        other = time.replace(year=number // 12, month=number % 12 + 1)
    shown = shown_at(other, zone)
    return to_ms(shown[0]) if shown else None


def _months(series: Series) -> bool:
    """Whether the times are firsts of months that follow each other."""
    months = sorted({time.year * 12 + time.month for time in series.times})
    firsts = all(time.day == 1 for time in series.times)
    return (
        series.days_only
        and firsts
        and len(months) > 1
        and months[-1] - months[0] < 1200
        and (len({time.date() for time in series.times}) == len(months))
    )


def _a_day(first: int, last: int) -> bool:
    """Whether two instants are a local day apart, which has 23 to 25 hours."""
    return _SHORTEST_DAY_MS <= last - first <= _LONGEST_DAY_MS


def _step(series: Series, times: Sequence[int], given: ReadingsFormat) -> int | None:
    if series.step is not None:
        return int(series.step.total_seconds() * 1000)
    if given.step_min is not None:
        return given.step_min * MINUTE_MS
    gaps = Counter(b - a for a, b in pairwise(times) if b > a)
    if not gaps:
        return None
    usual, count = gaps.most_common(1)[0]
    if _months(series):
        return _MONTH_MS
    if _a_day(0, usual) and min(gaps) >= _SHORTEST_DAY_MS:
        return _DAY_MS
    if 2 * count < sum(gaps.values()) or usual > _HOUR_MS or _HOUR_MS % usual:
        return None
    return usual


def _stamp(series: Series, order: Sequence[int], step_ms: int) -> str | None:
    """What the times tell: days without a time, or a day from its first end to midnight."""
    first, last = series.times[order[0]], series.times[order[-1]]
    if step_ms in (_DAY_MS, _MONTH_MS):
        whole = series.months_only if step_ms == _MONTH_MS else series.days_only
        return "start" if whole else None
    since = timedelta(hours=first.hour, minutes=first.minute)
    whole = last.hour == last.minute == 0 and last.date() > first.date()
    return "end" if whole and since == timedelta(milliseconds=step_ms) else None
