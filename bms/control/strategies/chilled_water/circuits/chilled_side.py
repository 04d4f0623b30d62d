"""The chilled side of a plant: pumps on the header, least flow, and the limit on load. Pure.

Guideline 36: pumps by flow with a failsafe by pressure (5.20.6), speed by the differential pressure
that is shortest, the least flow of the chillers that run held by a bypass (5.20.8), which ramps
over 5 min before another one starts, while those that run are limited (5.20.4.16).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from bms.control.blocks.loops.pid import PidRules, PidState, regulate, track
from bms.control.blocks.loops.ramp import (
    LoadLimit,
    LoadLimitRules,
    RampState,
    limit_load,
    ramp,
    stands_at,
)
from bms.control.blocks.plants.pump_stages import (
    FlowRange,
    PumpInputs,
    PumpStage,
    minimum_flow,
)
from bms.control.strategies.chilled_water.plant_layout import Layout, Unit
from bms.control.strategies.water.pump_bank import (
    SpeedState,
    enough,
    hold_pressure,
    staged_by_flow,
)
from bms.control.strategies.water.unit_steps import Step, UnitState

RAMP_S = 300.0
REACHED = 0.95
"""Of the least flow that is there before the next step (5.20.4.16)."""
BYPASS = PidRules(250.0, 90.0, rate_pct_per_min=10.0)
"""Percent of the valve per share of the design flow; slow to close, so that looks of half a minute
do not overshoot it (D)."""
OPENS_PCT_PER_MIN = 100.0
"""It opens faster than other loops move: a chiller stops within a minute without its flow (D)."""
ABOVE = 1.15
"""The least flow is held so much above itself, so that a loop that swings does not fall below (D:
the reference holds it exactly; machines stop at it)."""
LIMIT = LoadLimitRules()


@dataclass(frozen=True, slots=True)
class ChilledState:
    """What is remembered of the chilled side."""

    stage: PumpStage = field(default_factory=lambda: PumpStage(0))
    speed: SpeedState = field(default_factory=SpeedState)
    least_flow: RampState = field(default_factory=RampState)
    bypass: PidState = field(default_factory=lambda: PidState(output_pct=100.0))
    limit: LoadLimit = field(default_factory=LoadLimit)


@dataclass(frozen=True, slots=True)
class ChilledInputs:
    """What is known of the chilled side now; None: not known."""

    flow_m3h: float | None
    flow_mean_m3h: float | None
    pressures_kpa: tuple[float | None, ...]
    pressure_setpoint_kpa: float
    loads_pct: Sequence[float | None]
    """Of the chillers that run."""
    others: bool = False
    """Water is needed by somebody else too: the economizer."""


class ChilledSide:
    """The chilled side of one plant."""

    def __init__(self, layout: Layout, least_speed_pct: float, bypass: bool) -> None:
        self._layout = layout
        self._least_speed_pct = least_speed_pct
        self._bypass = bypass
        self._pump_flows = [pump.design.flow_m3h for pump in layout.chw_pumps]
        known = [flow for flow in self._pump_flows if flow is not None]
        whole = len(known) == len(self._pump_flows) and bool(known)
        self.design_m3h: float | None = sum(known) if whole else _design_flow(layout.units.values())
        """Flow of all pumps, else of all chillers; None where nobody wrote it down."""
        self._unvalved = {
            name
            for name, unit in layout.units.items()
            if layout.chw_pumps and unit.chw_valve is None
        }
        """Chillers through which water of the header flows whenever it flows."""
        self._speeds = all(pump.speed is not None for pump in layout.chw_pumps)
        self._limits = any(unit.limit is not None for unit in layout.units.values())

    def run(
        self,
        state: ChilledState,
        units: Mapping[str, UnitState],
        inputs: ChilledInputs,
        proving: bool,
        watched_s: float,
    ) -> ChilledState:
        """The chilled side at a look. `proving`: a chiller starts beside others that run."""
        asking = [name for name, unit in units.items() if unit.needs_water]
        least_flow = self._least_flow(state.least_flow, units, watched_s)
        running = bool(asking) or inputs.others
        stage = self._stage(state, asking, least_flow.value or 0.0, inputs, watched_s)
        shares = [
            None if kpa is None else kpa / inputs.pressure_setpoint_kpa
            for kpa in inputs.pressures_kpa
        ]
        short = _short(inputs.flow_m3h, least_flow.value)
        before = state.speed.pct
        speed = hold_pressure(state.speed, self._least_speed_pct, running, shares, watched_s)
        if running and short and speed.pct < before:  # pumps do not take what chillers need
            speed = SpeedState(track(speed.loop, before, watched_s))
        bypass = state.bypass
        if self._bypass:
            bypass = self._hold_flow(state.bypass, running, least_flow.value or 0.0, inputs,
                                     watched_s)  # fmt: skip
        loads = [load for load in inputs.loads_pct if load is not None]
        load_pct = max(loads) if loads else None
        limited = proving and self._limits
        limit = limit_load(state.limit, LIMIT, limited, load_pct, watched_s)
        after = ChilledState(stage, speed, least_flow, bypass, limit)
        return state if after == state else after

    def flow_raised(self, state: ChilledState, flow_m3h: float | None) -> bool:
        """Whether the least flow is there; True where it is not known, or not measured."""
        least_m3h = state.least_flow.value
        if not least_m3h or flow_m3h is None:
            return True
        return flow_m3h >= REACHED * least_m3h

    def others_ready(self, state: ChilledState) -> bool:
        """Whether the chillers that run are held back, as far as they can be."""
        return not self._limits or state.limit.ready

    def _stage(
        self,
        state: ChilledState,
        asking: Sequence[str],
        least_m3h: float,
        inputs: ChilledInputs,
        watched_s: float,
    ) -> PumpStage:
        size = len(self._layout.chw_pumps)
        number = len(asking) + int(inputs.others)
        if not size or not number:
            return PumpStage(0)
        if not self._speeds:
            asked = _design_flow(self._layout.units[name] for name in asking)
            return PumpStage(max(1, enough(self._pump_flows, asked, number)))
        least = max(1, enough(self._pump_flows, least_m3h, 1)) if least_m3h else 1
        share = None
        if inputs.flow_mean_m3h is not None and self.design_m3h:
            share = inputs.flow_mean_m3h / self.design_m3h
        known = [kpa for kpa in inputs.pressures_kpa if kpa is not None]
        short_kpa = inputs.pressure_setpoint_kpa - min(known) if known else None
        told = PumpInputs(share, state.speed.pct, short_kpa)
        return staged_by_flow(state.stage, size, least, told, watched_s)

    def _least_flow(
        self, before: RampState, units: Mapping[str, UnitState], watched_s: float
    ) -> RampState:
        """The least flow of the chillers that run, and of the one that starts next.

        Who has no valve takes its part of the water of a header whether it runs or not.
        """
        names = {
            name
            for name, unit in units.items()
            if unit.reached(Step.WATER if unit.cold else Step.FLOW)
        }
        if names:
            names |= self._unvalved
        flowing = [self._layout.units[name].chiller.design for name in sorted(names)]
        ranges = [
            FlowRange(design.min_flow_m3h, design.flow_m3h)
            for design in flowing
            if design.min_flow_m3h is not None and design.flow_m3h is not None
        ]
        if len(ranges) < len(flowing) or not ranges:
            return RampState()
        target = minimum_flow(ranges)
        if not before.value or target <= before.value:
            return stands_at(target, watched_s)
        return ramp(before, target, target / RAMP_S, watched_s)

    def _hold_flow(
        self,
        before: PidState,
        running: bool,
        least_m3h: float,
        inputs: ChilledInputs,
        watched_s: float,
    ) -> PidState:
        if not running:
            return track(before, 100.0, watched_s)  # 5.20.8: open without a pump
        if not least_m3h or not self.design_m3h:
            return track(before, 0.0, watched_s)
        # A flow that is not known may be none: the bypass opens.
        share = 0.0 if inputs.flow_m3h is None else inputs.flow_m3h / self.design_m3h
        rules = BYPASS
        if _short(inputs.flow_m3h, least_m3h):
            # It opens, and never closes: what the slow loop still wants to close is not caught up.
            rules = replace(BYPASS, rate_pct_per_min=OPENS_PCT_PER_MIN, low_pct=before.output_pct)
        return regulate(before, rules, ABOVE * least_m3h / self.design_m3h, share, watched_s)


def _short(flow_m3h: float | None, least_m3h: float | None) -> bool:
    """Whether there is less flow than what is held."""
    return flow_m3h is not None and bool(least_m3h) and flow_m3h < ABOVE * (least_m3h or 0.0)


def _design_flow(units: Iterable[Unit]) -> float | None:
    flows = [unit.chiller.design.flow_m3h for unit in units]
    known = [flow for flow in flows if flow is not None]
    return sum(known) if known and len(known) == len(flows) else None
