"""The load duration curve: for how many hours the power was at least so much. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from bms.reports.pictures.axes import tick_text, ticks
from bms.reports.pictures.marks import Dot, Mark, Picture, Stroke, Words
from bms.texts.messages import msg

_WIDTH, _HEIGHT = 804.0, 230.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 52.0, 12.0, 22.0, 34.0
_POINTS: Final = 400
"""Corners of the line: more cannot be seen."""


def duration_curve(
    rates_kw: Sequence[float], says: str, *, hours: float, contract_kw: float | None = None
) -> Picture:
    """From the mean powers of quarter hours, in any order; `hours` is how long the month was.

    The curve ends where quarter hours are not known; a contract is a line across.
    """
    ordered = sorted(rates_kw, reverse=True)
    scale = ticks(max([*ordered[:1], contract_kw or 0, 0]))
    high = scale[-1]

    def x(hour: float) -> float:
        return _LEFT + (_WIDTH - _LEFT - _RIGHT) * hour / hours

    def y(kw: float) -> float:
        return _HEIGHT - _BOTTOM - (_HEIGHT - _TOP - _BOTTOM) * kw / high

    marks: list[Mark] = [Words(_LEFT - 8, 12, "kW", 11, "end", fill="ink-3")]
    for value in scale:
        ink = "ink" if value == 0 else "line"
        across = (_LEFT, y(value)), (_WIDTH - _RIGHT, y(value))
        marks.append(Stroke(across, ink))  # type: ignore[arg-type]
        marks.append(Words(_LEFT - 8, y(value) + 4, tick_text(value), 11, "end", fill="ink-3"))
    for hour in ticks(hours, 6):
        if hour <= hours:
            foot = _HEIGHT - _BOTTOM
            marks.append(Stroke(((x(hour), foot), (x(hour), foot + 4)), "ink-3"))
            marks.append(Words(x(hour), foot + 17, tick_text(hour), 11, "middle", fill="ink-3"))
    marks.append(Words(_WIDTH - _RIGHT, _HEIGHT - 2, msg("hours"), 11, "end", fill="ink-3"))
    if ordered:
        step = max(1, len(ordered) // _POINTS)
        places = sorted({*range(0, len(ordered), step), len(ordered) - 1})
        line = [(x(place / 4), y(ordered[place])) for place in places]
        end = x(len(ordered) / 4)
        line.append((end, y(ordered[-1])))
        ground = _HEIGHT - _BOTTOM
        area = ((_LEFT, ground), *line, (end, ground))
        marks.append(Stroke(area, "none", 0, closed=True, fill="load-1"))
        marks.append(Stroke(tuple(line), "running", 1.5))
        marks += _named(ordered, x, y)
    if contract_kw is not None:
        across = ((_LEFT, y(contract_kw)), (_WIDTH - _RIGHT, y(contract_kw)))
        marks.append(Stroke(across, "ink", 1.5))
        marks.append(
            Words(_WIDTH - _RIGHT, y(contract_kw) - 5,
                  msg("contract {kw:,.0f} kW", kw=contract_kw), 11, "end", True, "ink")
        )  # fmt: skip
    return Picture("duration-curve", _WIDTH, _HEIGHT, tuple(marks), says)


def _named(ordered: Sequence[float], x: object, y: object) -> list[Mark]:
    """The greatest, and what was drawn for nearly all of the time."""
    assert callable(x)
    assert callable(y)
    place = min(len(ordered) - 1, len(ordered) * 95 // 100)
    base = ordered[place]
    return [
        Dot(x(0), y(ordered[0]), 3, "ink"),
        Words(x(0) + 8, y(ordered[0]) - 4, f"{ordered[0]:,.0f} kW", 12, bold=True, fill="ink"),
        Dot(x(place / 4), y(base), 3, "ink"),
        Words(x(place / 4), y(base) + 18,
              msg("{kw:,.0f} kW for 95 % of the time", kw=base), 12, "end", fill="ink"),
    ]  # fmt: skip
