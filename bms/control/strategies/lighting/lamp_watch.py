"""Whether lamps do what they are told, by what they draw. Pure.

A contactor that has welded shows off on its coil's contact, and burns on; a circuit that has
tripped behind its contactor shows on, and is dark. Only the power knows.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from bms.control.blocks.delays import held_for, holds_since

OFF_SHARE: Final = 0.1
"""A circuit that is off draws less than this of its full power: electronics on standby (D)."""
ON_SHARE: Final = 0.1
"""One that is on draws more than this of what its level asks (D)."""
LEAST_PCT: Final = 20.0
"""Below this level nothing is said of lamps that are on."""
LEAST_KW: Final = 0.02
SURE_S: Final = 120.0


@dataclass(frozen=True, slots=True)
class LampWatch:
    """What a circuit is seen to do against its command."""

    full_kw: float = 0.0
    """The most that it has drawn, where its rating is not known."""
    burns_since_s: float | None = None
    """It draws power though it is told to be off."""
    dead_since_s: float | None = None
    """It draws none though it is told to be on."""


def watch_lamps(
    before: LampWatch,
    power_kw: float | None,
    rated_kw: float | None,
    told_pct: float,
    watched_s: float,
) -> LampWatch:
    """The state at a look; `told_pct` is what it is told, 0 for off. Power that cannot be read
    says nothing."""
    if power_kw is None:
        return replace(before, burns_since_s=None, dead_since_s=None)
    full_kw = rated_kw or max(before.full_kw, power_kw if told_pct else 0.0)
    limit_kw = max(OFF_SHARE * full_kw, LEAST_KW)
    burns = told_pct == 0.0 and power_kw > limit_kw
    dead = (
        told_pct >= LEAST_PCT
        and full_kw > LEAST_KW
        and power_kw < ON_SHARE * full_kw * told_pct / 100.0
    )
    after = LampWatch(
        before.full_kw if rated_kw else full_kw,
        holds_since(burns, before.burns_since_s, watched_s),
        holds_since(dead, before.dead_since_s, watched_s),
    )
    return before if after == before else after


def burns(watch: LampWatch, watched_s: float) -> bool:
    """Whether it has burnt for long though it is off."""
    return held_for(watch.burns_since_s, SURE_S, watched_s)


def dead(watch: LampWatch, watched_s: float) -> bool:
    """Whether it has been dark for long though it is on."""
    return held_for(watch.dead_since_s, SURE_S, watched_s)
