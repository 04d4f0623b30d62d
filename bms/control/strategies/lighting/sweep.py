"""Closing: a warning, then the lamps go off, unless somebody asks for more light. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from bms.control.blocks.delays import held_for


@dataclass(frozen=True, slots=True)
class Sweep:
    """Where a circuit stands between open and closed."""

    open: bool = False
    """Its schedule had it on at the last look."""
    closing_since_s: float | None = None
    """Since when people are warned."""
    extended_until_s: float | None = None
    pushed: bool = False


@dataclass(frozen=True, slots=True)
class SweepRules:
    """How closing goes; times in seconds."""

    warning_s: float
    """0: no warning."""
    extend_s: float
    blink_s: float


def watch_sweep(
    before: Sweep, rules: SweepRules, watched_s: float, *, on: bool, lit: bool, pushed: bool
) -> Sweep:
    """The state at a look.

    `on` is what the schedule says, `lit` whether lamps burn: nobody is warned in the dark.
    """
    until_s = before.extended_until_s
    if until_s is not None and (watched_s >= until_s or until_s - watched_s > rules.extend_s):
        until_s = None
    if pushed and not before.pushed:
        until_s = watched_s + rules.extend_s
    closing_s = before.closing_since_s
    ended = not on and until_s is None and (before.open or before.extended_until_s is not None)
    if on or until_s is not None:
        closing_s = None
    elif ended and closing_s is None and lit and rules.warning_s > 0.0:
        closing_s = watched_s
    elif held_for(closing_s, rules.warning_s, watched_s) or (closing_s or 0.0) > watched_s:
        closing_s = None
    after = Sweep(on, closing_s, until_s, pushed)
    return before if after == before else after


def blinks(sweep: Sweep, rules: SweepRules, watched_s: float) -> bool:
    """Whether lamps are off for the moment that warns people."""
    since_s = sweep.closing_since_s
    return since_s is not None and not held_for(since_s, rules.blink_s, watched_s)
