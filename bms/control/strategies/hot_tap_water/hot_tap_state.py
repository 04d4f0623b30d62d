"""What hot tap water remembers, and what one look has in hand. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bms.control.strategies.hot_tap_water.circulation import CirculationState
from bms.control.strategies.hot_tap_water.disinfection import Disinfection
from bms.control.strategies.hot_tap_water.store_heat import SensorState, StoreSeen
from bms.control.strategies.water.machinery import Proofs, View
from bms.control.strategies.water_supply.pump_house import HouseState
from bms.core.decisions import Award, Snapshot


@dataclass(frozen=True, slots=True)
class StoreState:
    """What is remembered of one store; times in watched seconds."""

    heating: bool = False
    sources: tuple[str, ...] = ()
    """Those that heat it."""
    sensors: SensorState = field(default_factory=SensorState)
    short_since_s: float | None = None
    """Since when it has been colder than people need."""
    hot_steady_s: float | None = None
    """When all of it was last as hot as hygiene needs (steady seconds)."""
    disinfection: Disinfection = field(default_factory=Disinfection)


@dataclass(frozen=True, slots=True)
class HotTapState:
    """What a group of hot-water stores remembers."""

    stores: Mapping[str, StoreState] = field(default_factory=dict)
    proofs: Proofs = field(default_factory=dict)
    """Of heat sources."""
    circulation: CirculationState = field(default_factory=CirculationState)
    house: HouseState = field(default_factory=HouseState)
    """Of circulation pumps."""
    circulates: str = ""
    """Why."""


@dataclass(frozen=True, slots=True)
class HotTapLook:
    """What a look has in hand."""

    snapshot: Snapshot
    mode: Award
    views: Mapping[str, View]
    seen: Mapping[str, StoreSeen]
    targets_c: Mapping[str, float]
    return_c: float | None
    scalds: frozenset[str]
    """Stores too hot, without anything proven that keeps them from people."""
    shuts: frozenset[str] = frozenset()
    """Stores too hot without a mixing valve that is proven: their outlets shut."""
    house: Mapping[str, View] = field(default_factory=dict)
    """Circulation pumps."""

    @property
    def watched_s(self) -> float:
        """Of the snapshot."""
        return self.snapshot.watched_s
