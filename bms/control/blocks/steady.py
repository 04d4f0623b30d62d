"""Times in steady seconds: delays, accumulated times, and the clock that they are kept by. Pure.

Blocks take `steady_s`, seconds that only grow: no date, no zone, no clock that is set. What they
remember is a steady second, saved with their state. Across a stop of the controller or a boot the
machine's own count begins again; `looked` makes of it one count of *watched* seconds that goes on
where it stood. Feed blocks with `Watched.steady_s`, and time that nobody watched counts for no
delay, no mean and no proof.
"""

from __future__ import annotations

from dataclasses import dataclass

LONGEST_LOOK_S = 3600.0
"""A longer pause between two looks is a stop, not a step (D: steps of tried plants are at most
900 s, and a controller that rests until something changes is asked again within the hour)."""


@dataclass(frozen=True, slots=True)
class Watched:
    """Seconds that somebody watched, ever. Saved with the state of the one who looks."""

    steady_s: float = 0.0
    counted_s: float | None = None
    """What the machine's own steady count showed at the last look."""
    boot: str = ""
    """The boot to which that count belongs."""


def looked(
    watched: Watched, counted_s: float, boot: str = "", longest_s: float = LONGEST_LOOK_S
) -> Watched:
    """The watched time at a look, when the machine's own steady count shows `counted_s`.

    The first look of a boot, a count that went back and a pause longer than `longest_s` add
    nothing.
    """
    before = watched.counted_s
    if before is None or boot != watched.boot:
        return Watched(watched.steady_s, counted_s, boot)
    if counted_s == before:
        return watched
    passed_s = counted_s - before
    if not 0.0 < passed_s <= longest_s:
        return Watched(watched.steady_s, counted_s, boot)
    return Watched(watched.steady_s + passed_s, counted_s, boot)


def passed_s(before_s: float | None, steady_s: float) -> float:
    """Seconds since `before_s`; 0 without one, and 0 if the count began again."""
    return 0.0 if before_s is None else max(0.0, steady_s - before_s)


def holds_since(holds: bool, since_s: float | None, steady_s: float) -> float | None:
    """Since when a condition has held without a break; None while it does not."""
    if not holds:
        return None
    return steady_s if since_s is None or since_s > steady_s else since_s


def held_for(since_s: float | None, duration_s: float, steady_s: float) -> bool:
    """Whether at least `duration_s` seconds have passed since `since_s`; False without it."""
    return since_s is not None and steady_s - since_s >= duration_s


@dataclass(frozen=True, slots=True)
class Accumulated:
    """How long a condition has held, on balance: what noise interrupts is not begun again.

    Control cases: at 94 % load with 2-3 % noise, a delay that any sample resets never ends.
    """

    held_s: float = 0.0
    holds: bool = False
    steady_s: float | None = None


def accumulate(
    timer: Accumulated, holds: bool, steady_s: float, most_s: float = 3600.0
) -> Accumulated:
    """The timer at a look. What held at the last look held until now.

    Time in which the condition does not hold is taken off again, down to 0; the balance never
    exceeds `most_s`, so that an old truth is forgotten within that time.
    """
    step_s = passed_s(timer.steady_s, steady_s)
    held_s = timer.held_s + step_s if timer.holds else timer.held_s - step_s
    return Accumulated(min(max(held_s, 0.0), most_s), holds, steady_s)


def above(value: float, limit: float, hysteresis: float, before: bool) -> bool:
    """Whether a value is above a limit: once it is, until it is `hysteresis` below it."""
    return value > limit - hysteresis if before else value > limit
