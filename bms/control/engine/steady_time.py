"""Time that nobody sets, and time that the controller has looked on. Pure.

Delays, proofs and minimum times are measured here, never on the wall: a clock that is set, a
controller that was down and a gateway that was switched off must not make a machine look rested.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import datetime

from bms.core.decisions import Steady


@dataclass(frozen=True, slots=True)
class SteadyTime:
    """Where both times stand; what is saved of it goes on after a restart."""

    steady_s: float = 0.0
    """It goes on within a boot, also while the controller is down. Over a boot it stands still:
    how long the machine was off, nobody measured."""
    watched_s: float = 0.0
    """It goes on only from one look to the next."""
    boot: str = ""
    clock_s: float = 0.0
    """What the machine's own clock showed at the last look."""
    boots: int = 0
    """How many boots this site has lived through, as far as a controller saw them."""


def resumed(saved: SteadyTime, at: Steady) -> SteadyTime:
    """After a restart of the controller: the first look adds nothing that was watched."""
    if saved.boot == at.boot and at.s >= saved.clock_s:
        gone = at.s - saved.clock_s
        return replace(saved, steady_s=saved.steady_s + gone, clock_s=at.s)
    boots = saved.boots + 1
    return replace(saved, boot=at.boot, clock_s=at.s, boots=boots)


def looked(before: SteadyTime, at: Steady, longest_s: float = math.inf) -> SteadyTime:
    """One look later. A step of more than `longest_s` was not watched: the process stood still."""
    if at.boot != before.boot or at.s < before.clock_s:
        return resumed(before, at)
    step_s = at.s - before.clock_s
    return SteadyTime(
        before.steady_s + step_s,
        before.watched_s + (step_s if step_s <= longest_s else 0.0),
        before.boot,
        at.s,
        before.boots,
    )


def by_the_wall(before: SteadyTime, last: datetime | None, now: datetime) -> Steady:
    """For callers without such a clock: the wall's, which here never goes back."""
    if last is None:
        return Steady(before.boot, max(before.clock_s, now.timestamp()))
    return Steady(before.boot, before.clock_s + max(0.0, (now - last).total_seconds()))
