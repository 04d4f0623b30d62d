"""What a picture is made of: plain values and messages, without a language yet. Pure.

Lengths are in CSS pixels, from the top left. Colours are those of the design, by name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

Ink: TypeAlias = Literal[
    "ink", "ink-2", "ink-3", "accent", "red", "line", "line-2", "canvas", "paper", "running",
    "load-0", "load-1", "load-2", "load-3", "load-4", "load-5", "load-6", "hatch", "none",
]  # fmt: skip
"""`load-0` to `load-6`: greys from nothing to the most, which a grey print keeps apart.
`hatch`: what is not known."""

LOADS: Final[tuple[Ink, ...]] = (
    "load-0", "load-1", "load-2", "load-3", "load-4", "load-5", "load-6",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle."""

    x: float
    y: float
    width: float
    height: float
    fill: Ink = "none"
    stroke: Ink = "none"
    stroke_width: float = 1
    tip: str = ""
    """A message that a pointer over it shows."""


@dataclass(frozen=True, slots=True)
class Stroke:
    """A line through points; `closed` also from the last to the first, filled if asked."""

    points: tuple[tuple[float, float], ...]
    stroke: Ink = "ink"
    stroke_width: float = 1
    dashed: bool = False
    closed: bool = False
    fill: Ink = "none"


@dataclass(frozen=True, slots=True)
class Dot:
    """A circle."""

    x: float
    y: float
    radius: float
    fill: Ink = "ink"
    stroke: Ink = "none"


@dataclass(frozen=True, slots=True)
class Words:
    """A message at a place; `y` is its base line."""

    x: float
    y: float
    text: str
    size: float = 11
    anchor: Literal["start", "middle", "end"] = "start"
    bold: bool = False
    fill: Ink = "ink-2"


Mark: TypeAlias = Box | Stroke | Dot | Words


@dataclass(frozen=True, slots=True)
class Picture:
    """Marks in the order they are drawn, and the sentence for who cannot see them."""

    key: str
    width: float
    height: float
    marks: tuple[Mark, ...]
    says: str
