"""Mean of the last minutes, weighted by time. Pure.

Guideline 36 takes loads and temperatures of plants as means over 5 min (5.20.4). A value holds
until the next look; time without a good value has no weight. The same at steps of 1 s and of 15 s:
the past is kept in parts of a twentieth of the window, of which only the oldest is cut as if it
had been even.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from bms.control.blocks.delays import passed_s

WINDOW_S = 300.0
PARTS = 20


class Part(NamedTuple):
    """A stretch of the past."""

    seconds: float
    known_s: float
    """Of these with a value."""
    area: float
    """Value times seconds, over `known_s`."""


@dataclass(frozen=True, slots=True)
class MeanState:
    """The parts of the window, oldest first, and the value since the last look."""

    parts: tuple[Part, ...] = ()
    value: float | None = None
    watched_s: float | None = None


def average(
    state: MeanState, value: float | None, watched_s: float, window_s: float = WINDOW_S
) -> MeanState:
    """The mean at a look, with the value that holds from now; None if there is no good one."""
    step_s = passed_s(state.watched_s, watched_s)
    if not step_s:
        return MeanState(state.parts, value, watched_s)
    known_s = 0.0 if state.value is None else step_s
    area = 0.0 if state.value is None else state.value * step_s
    parts = state.parts
    last = parts[-1] if parts else None
    if last is not None and last.seconds + step_s <= window_s / PARTS * (1.0 + 1e-9):
        parts = parts[:-1]
        new = Part(last.seconds + step_s, last.known_s + known_s, last.area + area)
    else:
        new = Part(step_s, known_s, area)
    return MeanState(_fitting((*parts, new), window_s), value, watched_s)


def mean_of(state: MeanState, window_s: float = WINDOW_S) -> float | None:
    """The mean over the window, or over what there is of it.

    At the first look it is the value itself; None if nothing in the window is known.
    """
    if not state.parts:
        return state.value
    oldest, *later = state.parts
    known_s = sum(part.known_s for part in later)
    area = sum(part.area for part in later)
    rest_s = window_s - sum(part.seconds for part in later)
    share = min(1.0, rest_s / oldest.seconds)
    known_s += oldest.known_s * share
    area += oldest.area * share
    return area / known_s if known_s > 0.0 else state.value


def covered_s(state: MeanState, window_s: float = WINDOW_S) -> float:
    """For how much of the window a value is known, in seconds."""
    return min(window_s, sum(part.known_s for part in state.parts))


def _fitting(parts: tuple[Part, ...], window_s: float) -> tuple[Part, ...]:
    """Without those that have left the window."""
    later_s = sum(part.seconds for part in parts) - parts[0].seconds
    gone = 0
    while gone < len(parts) - 1 and later_s >= window_s:
        gone += 1
        later_s -= parts[gone].seconds
    return parts[gone:] if gone else parts
