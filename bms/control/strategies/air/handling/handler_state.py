"""What the controller of one air handler remembers. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bms.control.blocks.inputs.filtered import FilterState
from bms.control.blocks.loops.pid import PidState
from bms.control.strategies.air.handling.air_faults import Doubt
from bms.control.strategies.air.handling.fan_proof import FanState
from bms.control.strategies.air.handling.occupancy_modes import AirMode
from bms.control.strategies.air.handling.outdoor_air import Co2Doubt, OutdoorState
from bms.control.strategies.air.handling.supply_air import ZoneLoops


@dataclass(frozen=True, slots=True)
class HandlerState:
    """Saved, and restored after a restart: loops go on from where they stood."""

    mode: AirMode = AirMode.UNOCCUPIED
    fan: FanState = field(default_factory=FanState)
    supply: FilterState = field(default_factory=FilterState)
    loop: PidState = field(default_factory=PidState)
    """Supply air: -100 full heating, 100 full cooling."""
    zone: ZoneLoops = field(default_factory=ZoneLoops)
    static: PidState = field(default_factory=PidState)
    outdoor: OutdoorState = field(default_factory=OutdoorState)
    aim_c: float | None = None
    """What supply air was held at."""
    co2: Co2Doubt = field(default_factory=Co2Doubt)
    faults: Mapping[str, Doubt] = field(default_factory=dict)
    outputs: Mapping[str, float] = field(default_factory=dict)
    """Where the numeric outputs stand, by role."""
    looked_s: float | None = None
