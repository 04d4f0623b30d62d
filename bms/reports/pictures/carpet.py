"""Hour by day: how much ran when, with the plan's outline, and what ran outside it boxed. Pure.

Cells are half hours of the clock on the wall, so that the outline lies exactly on them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import date
from typing import Final, TypeAlias

from bms.reports.pictures.marks import LOADS, Box, Dot, Mark, Picture, Stroke, Words
from bms.texts.messages import msg

HALVES: Final = 48
Cell: TypeAlias = tuple[int, int]
"""Which day of the period, and which half hour of the day, both from 0."""

_WIDTH: Final = 804.0
_LEFT, _TOP = 34.0, 44.0
_ROW: Final = 5.5
_GAP: Final = 0.6
_IDLE: Final = 0.03
"""Of the most: less is drawn as nothing."""


@dataclass(frozen=True, slots=True)
class OutOfPlan:
    """A stretch that ran outside the plan, within one day; `last` is not included."""

    number: int
    day: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Carpet:
    """What a carpet shows."""

    days: Sequence[date]
    kwh: Mapping[Cell, float | None]
    """None, or no entry: not known."""
    planned: Set[Cell]
    boxes: Sequence[OutOfPlan]


def carpet(what: Carpet, says: str) -> Picture:
    """The picture, with its scale above."""
    wide = (_WIDTH - _LEFT - 2) / max(len(what.days), 1)
    known = [kwh for kwh in what.kwh.values() if kwh is not None]
    most = max(known, default=0.0)
    marks: list[Mark] = list(_scale(most))

    def x(day: float) -> float:
        return _LEFT + day * wide

    def y(half: float) -> float:
        return _TOP + half * _ROW

    marks += [
        Words(_LEFT - 6, y(half) + 4, f"{half // 2:02}", 11, "end", fill="ink-3")
        for half in range(0, HALVES + 1, 12)
    ]
    for day in range(len(what.days)):
        for half in range(HALVES):
            kwh = what.kwh.get((day, half))
            ink = "hatch" if kwh is None else LOADS[_step(kwh, most)]
            marks.append(Box(x(day), y(half), wide - _GAP, _ROW - _GAP, ink))
    ground = y(HALVES)
    for place, day_of in enumerate(what.days):
        if day_of.weekday() == 0 or place == 0:
            marks.append(Stroke(((x(place), ground), (x(place), ground + 4)), "ink-3"))
            if place == 0 and what.days and (7 - day_of.weekday()) % 7 in (1, 2):
                continue  # the Monday beside it has the room
            title = msg("{month}/{day}", month=day_of.month, day=day_of.day)
            marks.append(Words(x(place), ground + 16, title, 11, fill="ink-3"))
    for (day, half), (end_day, end_half) in _outline(what.planned, len(what.days)):
        line = (x(day), y(half)), (x(end_day), y(end_half))
        marks.append(Stroke(line, "accent", 1.5))
    for box in what.boxes:
        height = (box.last - box.first) * _ROW
        marks.append(Box(x(box.day) - 1, y(box.first) - 1, wide + 1, height + 1, "none", "red", 2))
    marks += _numbers(what.boxes, x, y, wide)
    return Picture("carpet", _WIDTH, ground + 22, tuple(marks), says)


def _numbers(boxes: Sequence[OutOfPlan], x: object, y: object, wide: float) -> Iterator[Mark]:
    assert callable(x)
    assert callable(y)
    for box in boxes:
        above = box.first >= 4
        place = y(box.first) - 10 if above else y(box.last) + 10
        middle = x(box.day) + wide / 2
        yield Dot(middle, place, 7.5, "red")
        yield Words(middle, place + 3.8, str(box.number), 11, "middle", True, "paper")


def _scale(most: float) -> Iterator[Mark]:
    """What the greys mean, and the two outlines."""
    x = _LEFT
    for place, ink in enumerate(LOADS):
        yield Box(x + 14 * place, 2, 14, 10, ink)
    x += 14 * len(LOADS) + 8
    yield Words(x, 11, msg("0 to {most:.3g} kWh in half an hour", most=most), 11, fill="ink-3")
    yield Box(_LEFT + 330, 2, 14, 10, "none", "accent", 1.5)
    yield Words(_LEFT + 350, 11, msg("planned"), 11)
    yield Box(_LEFT + 440, 2, 14, 10, "none", "red", 2)
    yield Words(_LEFT + 460, 11, msg("ran out of plan"), 11)
    yield Box(_LEFT + 590, 2, 14, 10, "hatch")
    yield Words(_LEFT + 610, 11, msg("not known"), 11)


def _step(kwh: float, most: float) -> int:
    """Which grey: nothing is the lightest, and the rest in equal steps."""
    if most <= 0 or kwh < most * _IDLE:
        return 0
    return min(len(LOADS) - 1, max(1, int(kwh / most * (len(LOADS) - 1) + 0.5)))


def _outline(planned: Set[Cell], days: int) -> Iterator[tuple[Cell, Cell]]:
    """The edges between planned and other cells, runs of them as one line."""
    for edge in range(days + 1):  # upright ones, left of a day
        yield from (
            ((edge, first), (edge, last))
            for first, last in _runs(
                [((edge - 1, half) in planned) != ((edge, half) in planned)
                 for half in range(HALVES)]
            )
        )  # fmt: skip
    for edge in range(HALVES + 1):
        yield from (
            ((first, edge), (last, edge))
            for first, last in _runs(
                [((day, edge - 1) in planned) != ((day, edge) in planned) for day in range(days)]
            )
        )


def _runs(flags: Sequence[bool]) -> Iterator[tuple[int, int]]:
    start: int | None = None
    for place, flag in enumerate([*flags, False]):
        if flag and start is None:
            start = place
        elif not flag and start is not None:
            yield start, place
            start = None
