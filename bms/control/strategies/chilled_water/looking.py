"""One look at a plant: what is read and judged once, for all that decides in it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bms.control.strategies.chilled_water.instruments import Measured
from bms.control.strategies.water.machinery import View
from bms.core.decisions import Snapshot

OVERLOADED_K = 3.0
"""Above its setpoint by more, water needs all that the running chillers give (D)."""


@dataclass(frozen=True, slots=True)
class Look:
    """What is known now."""

    snapshot: Snapshot
    views: Mapping[str, View]
    measured: Measured
    setpoint_c: float | None
    """Of chilled water; None if nobody gives it."""
    pressure_kpa: float
    """Setpoint of the differential pressure."""
    watched_s: float
    limit_pct: float | None = None
    """The most that the chillers may draw, of their design; None: no demand limit."""

    def fits(self, running_kw: float, whole_kw: float) -> bool:
        """Whether a set of chillers stays within the demand limit."""
        return self.limit_pct is None or running_kw <= self.limit_pct / 100.0 * whole_kw

    @property
    def too_warm_k(self) -> float | None:
        """Supply water above its setpoint; None if either is not known."""
        if self.measured.supply_c is None or self.setpoint_c is None:
            return None
        return self.measured.supply_c - self.setpoint_c

    @property
    def overloaded(self) -> bool:
        """Whether those that run are not to be held back while another one starts."""
        return self.too_warm_k is not None and self.too_warm_k > OVERLOADED_K

    @property
    def short_kpa(self) -> float | None:
        """The pressure that is shortest below its setpoint; None if none is known."""
        known = [kpa for kpa in self.measured.pressures_kpa if kpa is not None]
        return self.pressure_kpa - min(known) if known else None
