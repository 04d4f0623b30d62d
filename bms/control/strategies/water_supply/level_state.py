"""What pumps that hold a level remember, and what one look has in hand. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bms.control.blocks.inputs.level_vote import Level
from bms.control.protect.level.tank_gauge import GaugeState
from bms.control.strategies.water.machinery import View
from bms.control.strategies.water_supply.leak_watch import NightState, RunDays
from bms.control.strategies.water_supply.level_steps import Steps
from bms.control.strategies.water_supply.pump_house import HouseState
from bms.core.decisions import Award, Snapshot


@dataclass(frozen=True, slots=True)
class LevelState:
    """What pumps that hold a level remember; times in watched seconds."""

    count: int = 0
    """So many pumps are asked for."""
    house: HouseState = field(default_factory=HouseState)
    gauge: GaugeState = field(default_factory=GaugeState)
    run_since_s: float | None = None
    """Since when pumps have run without a break."""
    overrun: bool = False
    """This run is longer than it can be."""
    last_pct: float | None = None
    """The level when it was last known."""
    blind_s: float = 0.0
    """How long pumps have run since."""
    blind_since_s: float | None = None
    """Since when the level has not been known."""
    night: NightState = field(default_factory=NightState)
    days: RunDays = field(default_factory=RunDays)
    watched_s: float | None = None


@dataclass(frozen=True, slots=True)
class LevelLook:
    """What a look has in hand."""

    snapshot: Snapshot
    mode: Award
    level: Level
    steps: Steps
    views: Mapping[str, View]
    flow_m3h: float | None

    @property
    def watched_s(self) -> float:
        """Of the snapshot."""
        return self.snapshot.watched_s
