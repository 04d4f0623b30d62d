"""Whether the water of a plant still comes nearer to what is asked, so that it needs no help. Pure.

Water that has just begun to move is too warm (or too cold) for as long as it takes. A machine more
would come when it is no longer needed, and go again.
"""

from __future__ import annotations

from dataclasses import dataclass

NEARER_K = 1.0
WITHIN_S = 300.0
"""Water that has come nearer by a kelvin within 5 min is on its way (D)."""
ARRIVES_S = 900.0
"""At its pace it is there within 15 min: a machine more would come too late to help (D)."""


@dataclass(frozen=True, slots=True)
class Approach:
    """Where the water was, since when, and in how many seconds it came nearer by a kelvin."""

    supply_c: float | None = None
    since_s: float = 0.0
    pace_s: float | None = 0.0
    """0: nobody knows yet; None: it does not come nearer."""

    def goes_on(self, watched_s: float) -> bool:
        """Whether it is on its way now, or may be."""
        if self.supply_c is None or self.pace_s is None or self.pace_s >= WITHIN_S:
            return False
        return 0.0 <= watched_s - self.since_s < WITHIN_S

    def arrives(self, off_k: float | None, watched_s: float) -> bool:
        """Whether water that is `off_k` from its setpoint is on its way, and soon there."""
        if not self.pace_s or off_k is None or off_k * self.pace_s > ARRIVES_S:
            return False
        return self.goes_on(watched_s)


def approach(
    before: Approach, supply_c: float | None, watched_s: float, *, rising: bool
) -> Approach:
    """One look later. `rising`: warmer is nearer; else colder is."""
    if supply_c is None or before.supply_c is None:
        return before if supply_c == before.supply_c else Approach(supply_c, watched_s)
    nearer_k = supply_c - before.supply_c if rising else before.supply_c - supply_c
    if nearer_k >= NEARER_K:
        took_s = max(0.0, watched_s - before.since_s)
        return Approach(supply_c, watched_s, took_s / nearer_k)
    if nearer_k <= -NEARER_K:
        return Approach(supply_c, watched_s, None)
    return before
