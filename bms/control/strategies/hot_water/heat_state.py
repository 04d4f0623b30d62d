"""What a hot-water plant remembers, and what one look has in hand. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bms.control.blocks.loops.pid import PidState
from bms.control.blocks.machines.lead_lag import RunRecord
from bms.control.blocks.machines.start_proof import MachinePhase
from bms.control.blocks.machines.starts import Starts
from bms.control.blocks.plants.pump_stages import PumpStage
from bms.control.engine.states import Words
from bms.control.strategies.hot_water.boiler_stages import BoilerTimers
from bms.control.strategies.hot_water.heat_meters import HeatMeterState, HeatReadings
from bms.control.strategies.hot_water.heat_reset import ResetState
from bms.control.strategies.water.machinery import Proofs, View
from bms.control.strategies.water.pump_bank import SpeedState
from bms.control.strategies.water.unit_steps import Step, UnitState
from bms.core.decisions import Award, Snapshot


@dataclass(frozen=True, slots=True)
class HeatDemand:
    """What consumers ask. None: no consumer says what it needs."""

    requests: float | None = None
    resets: float | None = None

    @property
    def silent(self) -> bool:
        """Consumers say what they need, and none of them asks for heat."""
        return self.requests is not None and self.requests <= 0.0


OPEN_PCT = 5.0
"""A bypass that is open this far bypasses (D)."""


@dataclass(frozen=True, slots=True)
class HeatFlowState:
    """What is remembered of pumps and bypass."""

    stage: PumpStage = field(default_factory=lambda: PumpStage(0))
    pumps: tuple[str, ...] = ()
    """Those on the header that run."""
    speed: SpeedState = field(default_factory=SpeedState)
    bypass: PidState = field(default_factory=lambda: PidState(output_pct=100.0))
    bypass_pct: float = 100.0
    """Open without a pump, so that nothing is pressed against closed valves (5.21.7)."""

    @property
    def bypassing(self) -> bool:
        """The boilers get more water than the consumers take."""
        return bool(self.pumps) and self.bypass_pct > OPEN_PCT


@dataclass(frozen=True, slots=True)
class HeatState:
    """What a hot-water plant remembers. Boilers and pumps are named by short names."""

    enabled: bool = False
    since_s: float | None = None
    """When the plant was last enabled or disabled."""
    locked: bool = False
    """Too warm outside to be needed."""
    unasked_since_s: float | None = None
    unneeded_since_s: float | None = None
    """Since when it is locked, or nobody asks."""
    wanted: tuple[str, ...] = ()
    reason: Words = ""
    """Why this stage."""
    timers: BoilerTimers = field(default_factory=BoilerTimers)
    units: Mapping[str, UnitState] = field(default_factory=dict)
    proofs: Proofs = field(default_factory=dict)
    valve_faults: tuple[str, ...] = ()
    """Boilers whose valve did not open, until they are reset or tried again."""
    valve_failures: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    """When that was, until the boiler fires or is reset."""
    record: RunRecord = field(default_factory=RunRecord)
    starts: Starts = field(default_factory=Starts)
    meters: HeatMeterState = field(default_factory=HeatMeterState)
    reset: ResetState = field(default_factory=ResetState)
    flow: HeatFlowState = field(default_factory=HeatFlowState)


@dataclass(frozen=True, slots=True)
class Look:
    """What a look has in hand."""

    snapshot: Snapshot
    mode: Award
    views: Mapping[str, View]
    readings: HeatReadings
    demand: HeatDemand
    setpoint_c: float
    why_setpoint: Words
    pressure_kpa: float
    """What the pumps hold."""
    resets: frozenset[str]
    """Machines that a person resets now."""
    limit_pct: float | None = None
    """The most that electric heat may draw, of its design; None: no demand limit."""

    @property
    def watched_s(self) -> float:
        """Of the snapshot."""
        return self.snapshot.watched_s


def rests(look: Look, state: HeatState) -> bool:
    """Whether the plant is off, and nothing is waited for that may come with any look."""
    if state.enabled or state.wanted or state.flow.pumps or state.valve_faults:
        return False
    if any(view.status or view.manual for view in look.views.values()):
        return False
    still = all(unit.step is Step.OFF for unit in state.units.values())
    return still and all(
        proof.phase is MachinePhase.OFF and proof.available and not proof.unpowered
        for proof in state.proofs.values()
    )
