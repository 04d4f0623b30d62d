"""kWh by tariff period: a bar for each, what is missing hatched up to its most. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bms.reports.pictures.marks import Box, Ink, Mark, Picture, Stroke, Words

_WIDTH: Final = 804.0
_ROW: Final = 26.0
_LABEL, _SHARE, _VALUE = 150.0, 60.0, 110.0
_BOUNDS: Final = 220.0
"""Room for bounds, which are longer than a number."""
_INKS: Final[tuple[Ink, ...]] = ("load-6", "load-5", "load-4", "load-3", "load-2")


@dataclass(frozen=True, slots=True)
class Bar:
    """One period. `kwh` None: missing; `least` and `most` bound it."""

    title: str
    kwh: float | None
    shown: str
    """Its number as people read it."""
    ink: int = 0
    """0 is the dearest and darkest, 4 the cheapest."""
    least: float = 0
    most: float | None = None


def tariff_bars(bars: Sequence[Bar], says: str) -> Picture:
    """Bars one below the other on a common scale, with their numbers and shares."""
    longest = max((_end(bar) for bar in bars), default=0) or 1
    total = sum(bar.kwh for bar in bars if bar.kwh is not None)
    whole = all(bar.kwh is not None for bar in bars) and total > 0
    beside = _VALUE if all(bar.kwh is not None for bar in bars) else _BOUNDS
    room = _WIDTH - _LABEL - beside - _SHARE
    marks: list[Mark] = []
    for place, bar in enumerate(bars):
        y = place * _ROW
        known = bar.least if bar.kwh is None else bar.kwh
        marks.append(Words(0, y + 17, bar.title, 12, fill="ink"))
        marks.append(Box(_LABEL, y + 5, room * known / longest, 16, _INKS[bar.ink]))
        if bar.kwh is None:
            rest = max(_end(bar) - known, longest * 0.03)
            x = _LABEL + room * known / longest
            marks.append(Box(x, y + 5, room * rest / longest, 16, "hatch", "ink-3"))
        x = _LABEL + room + beside
        marks.append(Words(x, y + 17, bar.shown, 12, "end", fill="ink"))
        if whole and bar.kwh is not None:
            share = f"{100 * bar.kwh / total:.1f} %"
            marks.append(Words(_WIDTH, y + 17, share, 12, "end"))
    marks.append(Stroke(((_LABEL, 0), (_LABEL, len(bars) * _ROW)), "ink"))
    return Picture("tariff-bars", _WIDTH, len(bars) * _ROW, tuple(marks), says)


def _end(bar: Bar) -> float:
    if bar.kwh is not None:
        return bar.kwh
    return bar.least if bar.most is None else bar.most
