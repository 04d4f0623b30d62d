"""What a chilled-water plant remembers, and the numbers that it works out for others. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final

from bms.config.site import Group
from bms.control.blocks.machines.curves import Learned
from bms.control.blocks.machines.lead_lag import MachineHours, RunRecord
from bms.control.blocks.machines.start_proof import ProofState
from bms.control.blocks.machines.starts import Starts
from bms.control.blocks.rotation import RunHours
from bms.control.strategies.chilled_water.circuits.chilled_side import ChilledState
from bms.control.strategies.chilled_water.circuits.condensing import CondensingState
from bms.control.strategies.chilled_water.instruments import Measured, MeasuredState
from bms.control.strategies.chilled_water.staging.choosing import Wanted
from bms.control.strategies.chilled_water.staging.enabling import EnableState
from bms.control.strategies.fact_names import LOAD_KW, STAGE
from bms.control.strategies.water.unit_steps import UnitHold, UnitState
from bms.core.decisions import Fact, FactKind
from drivers.points import Quality

STAGING: Final = "staging"
"""A change of the stage is on its way: resets rest."""
SUPPLY_C: Final = "supply_c"
CW_SETPOINT_C: Final = "cw_aim_c"
"""What the towers are asked for."""
PREDICTED_C: Final = "free_cooling_c"
"""What the economizer would leave."""

FACTS: Final[Mapping[str, FactKind]] = MappingProxyType(
    {
        LOAD_KW: FactKind("kW"),
        STAGE: FactKind(),
        STAGING: FactKind(state=True),
        SUPPLY_C: FactKind("degC"),
        CW_SETPOINT_C: FactKind("degC"),
        PREDICTED_C: FactKind("degC"),
    }
)
"""By name."""


@dataclass(frozen=True, slots=True)
class PlantState:
    """What a chilled-water plant remembers. Chillers and machines by name."""

    enabling: EnableState = field(default_factory=EnableState)
    choice: Wanted = field(default_factory=Wanted)
    units: Mapping[str, UnitState] = field(default_factory=dict)
    holds: Mapping[str, UnitHold] = field(default_factory=dict)
    valve_failures: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    """When the valves of a chiller did not open, until it runs, or a person resets it."""
    on: tuple[str, ...] = ()
    """Machines that were commanded on at the last look."""
    proofs: Mapping[str, ProofState] = field(default_factory=dict)
    record: RunRecord = field(default_factory=RunRecord)
    starts: Starts = field(default_factory=Starts)
    measured: MeasuredState = field(default_factory=MeasuredState)
    chilled: ChilledState = field(default_factory=ChilledState)
    condensing: CondensingState = field(default_factory=CondensingState)
    learned: Mapping[str, Learned] = field(default_factory=dict)
    learned_s: float | None = None
    no_flow_s: float | None = None
    """When a change of the stage was last given up for want of flow."""
    idle_s: float | None = None
    """Since when nothing can run though the plant is on."""
    run: RunHours | None = None
    """What an earlier version counted."""
    wanted: tuple[str, ...] = ()
    """What an earlier version ran."""
    enabled: bool = False
    """Whether an earlier version had the plant on."""


def known(state: PlantState, units: Collection[str]) -> PlantState:
    """The state without chillers that are no longer in the files."""
    if set(state.units) <= set(units) and set(state.choice.machines) <= set(units):
        return state
    machines = tuple(name for name in state.choice.machines if name in units)
    return replace(
        state,
        choice=replace(state.choice, machines=machines),
        units={name: unit for name, unit in state.units.items() if name in units},
    )


def taken_over(state: PlantState) -> PlantState:
    """The state, with what an earlier version left in it."""
    if state.run is None and not state.enabled:
        return state
    hours = state.run.hours if state.run is not None else {}
    known = {name: MachineHours(h, h) for name, h in hours.items()}
    record = RunRecord({**known, **state.record.machines})
    enabling, choice = state.enabling, state.choice
    if state.enabled:
        enabling, choice = EnableState(True), Wanted(state.wanted)
    return PlantState(enabling, choice, record=record, starts=state.starts)


def facts(
    group: Group, measured: Measured, state: PlantState, staging: bool, predicted_c: float | None
) -> tuple[Fact, ...]:
    """What the plant works out, rounded to what matters."""
    values: dict[str, float | None] = {
        LOAD_KW: _rounded(measured.load_kw, 0),
        STAGE: float(len(state.choice.machines)),
        STAGING: float(staging),
        SUPPLY_C: _rounded(measured.supply_c, 1),
    }
    if state.condensing.setpoint_c is not None:
        values[CW_SETPOINT_C] = _rounded(state.condensing.setpoint_c, 1)
    if predicted_c is not None:
        values[PREDICTED_C] = _rounded(predicted_c, 1)
    return tuple(
        Fact(group.fact_point(name), value)
        if value is not None
        else Fact(group.fact_point(name), None, Quality.BAD)
        for name, value in values.items()
    )


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)
