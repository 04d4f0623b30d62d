"""Mean of the last minutes, weighted by time. Pure.

Guideline 36 takes loads and temperatures of plants as means over 5 min (5.20.4). A value holds
until the next look; time without a good value has no weight. The same at steps of 1 s and of 15 s:
the past is kept in parts of a twentieth of the window, of which only the oldest is cut as if it
had been even.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

WINDOW_S = 300.0
PARTS = 20


class Part(NamedTuple):
    """A stretch of the past."""

    seconds: float
    known_s: float
    """Of these with a value."""
    area: float
    """Value times seconds, over `known_s`."""


_NOTHING = Part(0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class MeanState:
    """The past of a value, oldest part first, and the value since the last look."""

    parts: tuple[Part, ...] = ()
    """Whole parts."""
    whole: Part = _NOTHING
    """Their sums: a look costs the same whatever the window."""
    open: Part = _NOTHING
    """The part that is not full yet."""
    value: float | None = None
    watched_s: float | None = None


def average(
    state: MeanState, value: float | None, watched_s: float, window_s: float = WINDOW_S
) -> MeanState:
    """The mean at a look, with the value that holds from now; None if there is no good one."""
    before_s = state.watched_s
    step_s = 0.0 if before_s is None else watched_s - before_s
    if step_s <= 0.0:
        return MeanState(state.parts, state.whole, state.open, value, watched_s)
    seconds, known_s, area = state.open
    held = state.value
    full = seconds and seconds + step_s > window_s / PARTS * (1.0 + 1e-9)
    parts, whole = state.parts, state.whole
    if full:
        parts, whole = _kept((*parts, state.open), step_s, window_s)
        seconds = known_s = area = 0.0
    if held is not None:
        known_s += step_s
        area += held * step_s
    return MeanState(parts, whole, Part(seconds + step_s, known_s, area), value, watched_s)


def mean_of(state: MeanState, window_s: float = WINDOW_S) -> float | None:
    """The mean over the window, or over what there is of it.

    At the first look it is the value itself; None if nothing in the window is known.
    """
    beyond_s = state.whole.seconds + state.open.seconds - window_s
    known_s = state.whole.known_s + state.open.known_s
    area = state.whole.area + state.open.area
    if beyond_s > 0.0:  # only the oldest reaches out of the window
        oldest = state.parts[0] if state.parts else state.open
        gone = min(1.0, beyond_s / oldest.seconds)
        known_s -= oldest.known_s * gone
        area -= oldest.area * gone
    return area / known_s if known_s > 1e-6 else state.value


def covered_s(state: MeanState, window_s: float = WINDOW_S) -> float:
    """For how much of the window a value is known, in seconds."""
    return min(window_s, state.whole.known_s + state.open.known_s)


def _kept(parts: tuple[Part, ...], step_s: float, window_s: float) -> tuple[tuple[Part, ...], Part]:
    """Those that are still in the window `step_s` from now, and their sums."""
    seconds = step_s
    known_s = area = 0.0
    first = len(parts)
    while first > 0 and seconds < window_s:
        first -= 1
        part = parts[first]
        seconds += part.seconds
        known_s += part.known_s
        area += part.area
    return parts[first:], Part(seconds - step_s, known_s, area)
