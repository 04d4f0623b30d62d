"""Where water stands, by transmitters and floats that vote. Pure.

A transmitter says "here, give or take"; a float says "above me" or "below me". What most of them
can agree on is true, and who contradicts it is flagged. Where no side has the majority, the level
is disputed: it may be in each of the places, and whoever protects against a harm takes the place
where the harm would be.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import Final

TOLERANCE_PCT: Final = 2.0
"""How far a transmitter that is in order may be off (D)."""
BOTTOM_PCT, BRIM_PCT = -10.0, 110.0
"""Beyond what transmitters in order show."""


@dataclass(frozen=True, slots=True)
class Place:
    """One place where the water may stand, in percent of the height."""

    low_pct: float
    high_pct: float
    shown_pct: float | None = None
    """What transmitters that agree with it show; None: only floats tell."""

    def below(self, limit_pct: float) -> bool:
        """Whether it is, or may well be, below a limit."""
        if self.shown_pct is not None:
            return self.shown_pct < limit_pct + TOLERANCE_PCT
        return self.high_pct <= limit_pct

    def above(self, limit_pct: float) -> bool:
        """Whether it is, or may well be, above a limit."""
        if self.shown_pct is not None:
            return self.shown_pct > limit_pct - TOLERANCE_PCT
        return self.low_pct >= limit_pct

    def clear_of(self, limit_pct: float) -> bool:
        """Whether it is surely above a limit."""
        return not self.below(limit_pct) and (
            self.shown_pct is not None or self.low_pct >= limit_pct
        )


@dataclass(frozen=True, slots=True)
class Level:
    """The outcome of a vote: one place, several where it is disputed, none where nothing tells."""

    places: tuple[Place, ...] = ()
    flagged: tuple[str, ...] = ()
    """Instruments that contradict the others."""

    @property
    def known(self) -> bool:
        """Whether anything tells where the water stands."""
        return bool(self.places)

    @property
    def disputed(self) -> bool:
        """Whether nobody can tell who is right."""
        return len(self.places) > 1

    @property
    def shown_pct(self) -> float | None:
        """The level as one number, where a transmitter is believed."""
        return self.places[0].shown_pct if len(self.places) == 1 else None

    def below(self, limit_pct: float) -> bool:
        """Whether it may be below a limit, as far as anything tells."""
        return any(place.below(limit_pct) for place in self.places)

    def above(self, limit_pct: float) -> bool:
        """Whether it may be above a limit, as far as anything tells."""
        return any(place.above(limit_pct) for place in self.places)

    def clear_of(self, limit_pct: float) -> bool:
        """Whether it is surely above a limit."""
        return self.known and all(place.clear_of(limit_pct) for place in self.places)


UNKNOWN: Final = Level()


@dataclass(frozen=True, slots=True)
class Float:
    """One float: how high it hangs, in percent, and whether water reaches it."""

    height_pct: float
    wet: bool


def vote_level(transmitters: Mapping[str, float], floats: Mapping[str, Float]) -> Level:
    """The level of transmitters (percent) and floats by name, those only that can be read."""
    spans = {
        name: (shown - TOLERANCE_PCT, shown + TOLERANCE_PCT) for name, shown in transmitters.items()
    }
    for name, hung in floats.items():
        # A transmitter beside the float's height contradicts nobody.
        low = hung.height_pct - TOLERANCE_PCT if hung.wet else BOTTOM_PCT
        high = BRIM_PCT if hung.wet else hung.height_pct + TOLERANCE_PCT
        spans[name] = (low, high)
    if not spans:
        return UNKNOWN
    low = max(span[0] for span in spans.values())
    high = min(span[1] for span in spans.values())
    if low <= high:  # all of them agree
        return Level((_place(low, high, transmitters, floats),))
    edges = sorted({edge for span in spans.values() for edge in span})
    probes = sorted({*edges, *((a + b) / 2 for a, b in pairwise(edges))})
    backing = [sum(low <= probe <= high for low, high in spans.values()) for probe in probes]
    most = max(backing)
    places: list[Place] = []
    held: list[float] = []
    for probe, count in [*zip(probes, backing, strict=True), (BRIM_PCT, -1)]:
        if count == most:
            held.append(probe)
        elif held:
            places.append(_place(held[0], held[-1], transmitters, floats))
            held = []
    agreed = [
        name
        for name, (low, high) in spans.items()
        if any(place.high_pct >= low and place.low_pct <= high for place in places)
    ]
    if len(places) > 1:
        flagged = tuple(n for n in spans if not _in_all(spans[n], places))
    else:
        flagged = tuple(name for name in spans if name not in agreed)
    return Level(tuple(places), flagged)


def _in_all(span: tuple[float, float], places: list[Place]) -> bool:
    return all(place.high_pct >= span[0] and place.low_pct <= span[1] for place in places)


def _place(
    low: float, high: float, transmitters: Mapping[str, float], floats: Mapping[str, Float]
) -> Place:
    shown = [value for value in transmitters.values() if _within(value, low, high)]
    if shown:
        return Place(low, high, shown[0] if len(shown) == 1 else median(shown))
    for hung in floats.values():
        # Between floats the level is exact at a float: its tolerance was for transmitters only.
        if hung.wet and low == hung.height_pct - TOLERANCE_PCT:
            low = hung.height_pct
        if not hung.wet and high == hung.height_pct + TOLERANCE_PCT:
            high = hung.height_pct
    return Place(low, high)


def _within(shown: float, low: float, high: float) -> bool:
    """Whether what a transmitter shows, give or take, lies in a place."""
    return shown + TOLERANCE_PCT >= low and shown - TOLERANCE_PCT <= high
