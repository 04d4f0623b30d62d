"""What a station of compressors remembers, and what it looks at. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bms.control.blocks.loops.pid import PidState
from bms.control.blocks.machines.lead_lag import MachineHours, RunRecord
from bms.control.blocks.machines.start_proof import ProofState
from bms.control.blocks.rotation import RunHours
from bms.control.engine.states import Words
from bms.control.strategies.compressed_air.air_units import UnitView
from bms.control.strategies.compressed_air.header_pressure import PressureState
from bms.control.strategies.compressed_air.leak_indicator import LeakState
from bms.core.decisions import Award, Snapshot


@dataclass(frozen=True, slots=True)
class CountTimers:
    """Since when, in watched seconds, something has held that changes the number of units."""

    low_s: float | None = None
    high_s: float | None = None
    roomy_s: float | None = None
    """What the units can give is a unit too much."""
    critical_s: float | None = None
    full_s: float | None = None
    """All that run are at full load."""
    changed_s: float | None = None
    """When the number last changed."""


@dataclass(frozen=True, slots=True)
class Told:
    """A unit that only the pressure shows, since it was told to run."""

    since_s: float
    least_kpa: float | None = None
    answered: bool = False
    """The pressure has risen since then."""


@dataclass(frozen=True, slots=True)
class CompressorState:
    """Which units should run, lead first, and since when the pressure has been where it is."""

    on: bool = False
    wanted: tuple[str, ...] = ()
    leaving: tuple[str, ...] = ()
    """They run on until those that take over show that they run."""
    cap_released: bool = False
    why: Words = ""
    """What last changed the units, with its numbers."""
    timers: CountTimers = field(default_factory=CountTimers)
    pressure: PressureState = field(default_factory=PressureState)
    unloaded_s: Mapping[str, float] = field(default_factory=dict)
    """Since when a unit has run unloaded."""
    still_s: Mapping[str, float] = field(default_factory=dict)
    """Since when a unit that should run has stood still beside others that are loaded."""
    record: RunRecord = field(default_factory=RunRecord)
    proofs: Mapping[str, ProofState] = field(default_factory=dict)
    """Of units that only the pressure shows."""
    told: Mapping[str, Told] = field(default_factory=dict)
    """When such a unit was told to run, and what the pressure did since then."""
    leaks: LeakState = field(default_factory=LeakState)
    trade_s: float | None = None
    """Since when another set of units would do with less."""
    speed: PidState = field(default_factory=PidState)
    run: RunHours = field(default_factory=RunHours)
    """Hours as an earlier version counted them; they are taken over into `record`."""


def taken_over(state: CompressorState) -> CompressorState:
    """The state with the hours that an earlier version has counted."""
    if not state.run.hours or state.record.machines:
        return state
    machines = {name: MachineHours(hours, hours) for name, hours in state.run.hours.items()}
    return CompressorState(record=RunRecord(machines))


@dataclass(frozen=True, slots=True)
class Look:
    """What is known at this look."""

    snapshot: Snapshot
    mode: Award
    views: Mapping[str, UnitView]
    loads: Mapping[str, float | None]
    """The share that each unit gives of what it can; None where nobody knows."""
    cap: int
    cap_award: Award | None
    resets: frozenset[str]

    @property
    def watched_s(self) -> float:
        """The time of delays."""
        return self.snapshot.watched_s
