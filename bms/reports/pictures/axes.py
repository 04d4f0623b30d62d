"""Round numbers for axes. Pure."""

from __future__ import annotations

from math import ceil, floor, log10


def ticks(most: float, wanted: int = 4) -> list[float]:
    """Round numbers from zero to above `most`, about `wanted` steps apart."""
    if most <= 0:
        return [0.0, 1.0]
    rough = most / wanted
    power = 10.0 ** floor(log10(rough))
    step = next(power * n for n in (1, 2, 2.5, 5, 10) if power * n >= rough * 0.999)
    return [step * n for n in range(ceil(most / step * 0.9999) + 1)]


def tick_text(value: float) -> str:
    """A number of an axis: no more digits than it needs."""
    return f"{value:,.0f}" if value == int(value) else f"{value:g}"
