"""Which column of a table has times, meters, units, qualities and values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from bms.ledger.files.tables.cells import Row
from bms.ledger.files.tables.column_words import (
    COUNTED,
    METERS,
    NUMBERED,
    NUMBERED_LINES,
    QUALITY,
    RATIOS,
    TIMES,
    UNITS,
)
from bms.ledger.files.tables.layouts import Column, Kind, Layout, digit_time, is_total, kind_of
from bms.ledger.files.words.measures import name_and_unit, unit_of
from bms.ledger.files.words.stamps import clock_of, range_of

_SAME_KIND: Final = 0.8
_MANY: Final = 12
"""Columns of times of day that make a table with a day per line."""
_FEW_WORDS: Final = 12
_LENGTHS: Final = ((25, 60), (50, 30), (100, 15), (300, 5))
"""Up to how many intervals of a day are how many minutes long; a day may have 25 hours."""


@dataclass(slots=True)
class _Found:
    """The columns by what most of their cells hold."""

    kinds: list[Kind]
    days: list[int] = field(default_factory=list)
    clocks: list[int] = field(default_factory=list)
    stamps: list[int] = field(default_factory=list)


def find_columns(
    layout: Layout, rows: Sequence[Row], units: Row | None, is_meter: Callable[[str], bool]
) -> None:
    """Fill a layout in, from its titles and the rows beneath them. Without a time it is none."""
    body = [row for row in rows[:2000] if not is_total(row)]
    names = [title.lower() for title in layout.titles]
    found = _kinds(body, names)
    _times(layout, found)
    _count(layout, body, names, found)
    used = {layout.time, layout.until, layout.clock, layout.clock_until, layout.number}
    words: list[int] = []
    for at, kind in enumerate(found.kinds):
        title = layout.titles[at]
        if at in used:
            continue
        if names[at] in METERS and layout.meter is None and kind in (Kind.TEXT, Kind.NUMBER):
            layout.meter = at
        elif kind is Kind.TEXT and _has_units(body, at, names[at]):
            layout.unit = at
        elif RATIOS.fullmatch(names[at]) and kind is Kind.NUMBER:
            layout.ratio = at
        elif QUALITY.search(names[at]) and kind in (Kind.TEXT, Kind.BLANK, Kind.NUMBER):
            layout.quality = at if layout.quality is None else layout.quality
            layout.others.append(Column(at, title))
        elif kind is Kind.NUMBER and names[at] not in NUMBERED_LINES:
            _, unit = name_and_unit(title)
            if units is not None and units.at(at).text:
                unit = units.at(at).text
            layout.values.append(Column(at, title, unit))
        elif kind is Kind.TEXT and layout.meter is None and _names_meters(body, at, is_meter):
            layout.meter = at
        elif kind is not Kind.BLANK or not title.startswith("column "):
            layout.others.append(Column(at, title))
            words += [at] if kind is Kind.TEXT else []
    _matrix(layout, found)
    if layout.meter is not None or layout.values:
        layout.kinds = [at for at in words if _tells_apart(body, at)]


def _kinds(rows: Sequence[Row], names: Sequence[str]) -> _Found:
    found = _Found([])
    for at, name in enumerate(names):
        kind, share = _share(rows, at)
        found.kinds.append(kind)
        if kind is Kind.NUMBER and _all_digit_times(rows, at, name):
            digits = all(len(row.at(at).text) in (0, 8) for row in rows)
            (found.days if digits else found.stamps).append(at)
        elif share < _SAME_KIND:
            continue
        elif kind is Kind.STAMP:
            found.stamps.append(at)
        elif kind is Kind.DAY:
            found.days.append(at)
        elif kind is Kind.CLOCK:
            found.clocks.append(at)
    return found


def _times(layout: Layout, found: _Found) -> None:
    days, clocks, stamps = found.days, found.clocks, found.stamps
    by_day = bool(days) and bool(clocks) and (not stamps or days[0] < stamps[0])
    if stamps and not by_day:
        layout.time = stamps[0]
        layout.until = stamps[1] if len(stamps) > 1 else None
    elif days:
        layout.time = days[0]
        if clocks:
            layout.clock = clocks[0]
            layout.clock_until = clocks[1] if len(clocks) > 1 else None
        elif len(days) > 1:
            layout.until = days[1]


def _count(layout: Layout, rows: Sequence[Row], names: Sequence[str], found: _Found) -> None:
    """A column that counts the intervals of a day, beside one of days."""
    if layout.time is None or layout.time not in found.days or layout.clock is not None:
        return
    for at, kind in enumerate(found.kinds):
        if kind is not Kind.NUMBER or not COUNTED.fullmatch(names[at]):
            continue
        texts = {row.at(at).text.removesuffix(".0") for row in rows if row.at(at).text}
        numbers = {int(text) for text in texts if text.isdecimal() and len(text) < 4}
        if numbers and max(numbers) < _LENGTHS[-1][0] and len(numbers) == len(texts):
            layout.number = at
            layout.first_number = 0 if 0 in numbers else 1
            most = 48 if names[at] in ("sp", "settlement period") else max(numbers)
            layout.number_min = next(minutes for limit, minutes in _LENGTHS if most <= limit)
            layout.until = None
            return


def _share(rows: Sequence[Row], at: int) -> tuple[Kind, float]:
    """What most cells of a column hold, and how many of those that hold anything."""
    counts: dict[Kind, int] = {}
    for row in rows:
        kind = kind_of(row.at(at))
        counts[kind] = counts.get(kind, 0) + 1
    counts.pop(Kind.BLANK, None)
    if counts.get(Kind.STAMP) and counts.get(Kind.DAY):
        # A spreadsheet shows midnight as a day alone.
        counts[Kind.STAMP] += counts.pop(Kind.DAY)
    if not counts:
        return Kind.BLANK, 1.0
    kind = max(counts, key=lambda k: counts[k])
    return kind, counts[kind] / sum(counts.values())


def _all_digit_times(rows: Sequence[Row], at: int, title: str) -> bool:
    if not TIMES.search(title):
        return False
    cells = [row.at(at) for row in rows[:50] if row.at(at).text]
    return bool(cells) and all(digit_time(cell) for cell in cells)


def _has_units(rows: Sequence[Row], at: int, title: str) -> bool:
    """Whether a column has the unit of each line. A letter alone (W, A) is a unit only if the
    title says so: it may be a state."""
    texts = {row.at(at).text for row in rows if row.at(at).text}
    if not texts or len(texts) > _FEW_WORDS or any(unit_of(text) is None for text in texts):
        return False
    return title in UNITS or all(len(text) > 1 for text in texts)


def _names_meters(rows: Sequence[Row], at: int, is_meter: Callable[[str], bool]) -> bool:
    texts = {row.at(at).text for row in rows if row.at(at).text}
    return bool(texts) and any(is_meter(text) for text in texts)


def _tells_apart(rows: Sequence[Row], at: int) -> bool:
    """Whether a column of words has a few that come again and again."""
    texts = {row.at(at).text for row in rows}
    return 1 < len(texts) <= _FEW_WORDS and "" not in texts and 2 * len(texts) <= len(rows)


def _matrix(layout: Layout, found: _Found) -> None:
    """A day per line, and a column per time of day or per number of an interval."""
    if layout.time is None or layout.time not in found.days or layout.clock is not None:
        return
    for column in layout.values:
        pair = range_of(column.title)
        text = column.title if pair is None else pair[0]
        if text.isdecimal() and len(text) == 4 and int(text) <= 2400:
            text = f"{text[:2]}:{text[2:]}"
        if clock_of(text) is not None:
            column.clock = text
    if sum(bool(column.clock) for column in layout.values) >= _MANY:
        layout.until = None
        layout.others += [column for column in layout.values if not column.clock]
        layout.values = [column for column in layout.values if column.clock]
        return
    for column in layout.values:
        column.clock = ""
    _numbered(layout)


def _numbered(layout: Layout) -> None:
    found: dict[tuple[str, str], list[tuple[int, Column]]] = {}
    for column in layout.values:
        match = NUMBERED.fullmatch(column.title)
        if match is not None:
            key = (match[1] or "").lower(), (match[3] or "").lower()
            found.setdefault(key, []).append((int(match[2]), column))
    (words, columns) = max(found.items(), key=lambda item: len(item[1]), default=(("", ""), []))
    numbers = [number for number, _ in columns]
    count = len(numbers)
    whole = count >= 23 and numbers == list(range(numbers[0], numbers[0] + count))
    # Feeders may be called 1 to 24, but hardly 1 to 96.
    if not whole or numbers[0] not in (0, 1) or (not any(words) and count not in (48, 96)):
        return
    layout.until = None
    layout.number_min = next(minutes for limit, minutes in _LENGTHS if count <= limit)
    for number, column in columns:
        column.number = number - numbers[0]
    chosen = {column.at for _, column in columns}
    layout.others += [column for column in layout.values if column.at not in chosen]
    layout.values = [column for _, column in columns]
