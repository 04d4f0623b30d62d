"""Water through the boilers: pumps on the header, their speed, the bypass. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bms.control.blocks.delays import passed_s
from bms.control.blocks.loops.pid import PidRules, regulate, track
from bms.control.blocks.plants.pump_stages import PumpInputs, minimum_flow
from bms.control.blocks.resets.linear_reset import Line
from bms.control.strategies.hot_water.boiler_plant import HeatLayout, HeatUnit
from bms.control.strategies.hot_water.heat_meters import HeatReadings
from bms.control.strategies.hot_water.heat_state import HeatFlowState, HeatState, Look
from bms.control.strategies.hot_water.hot_water_parameters import HotWaterPlantParameters
from bms.control.strategies.water.pump_bank import (
    chosen,
    enough,
    hold_pressure,
    staged_by_flow,
)

BYPASS = PidRules(30.0, 60.0, low_pct=0.0)
"""Percent per unit of the flow by the least flow (D)."""
MARGIN = 1.15
"""Of the least flow: flow switches open below it, and flow swings (D)."""
CLOSES_PCT_PER_MIN = 8.0
WARM_RETURN = Line(57.2, 100.0, 60.0, 0.0)
"""Guideline 36, 5.21.5: the bypass by the return of boilers that must not condense."""
RAISED = 0.95
"""Of the least flow: it is there."""


class HeatFlow:
    """Decides on pumps and bypass of one plant."""

    def __init__(self, layout: HeatLayout, parameters: HotWaterPlantParameters) -> None:
        self._layout = layout
        self._parameters = parameters
        self._design_m3h = layout.design_m3h
        speeds = [pump.speed for pump in layout.pumps]
        self.regulated = any(speeds) and bool(layout.pressures) and parameters.functions.pumps
        """Whether speeds follow a pressure; otherwise pumps run at full speed."""

    def raised(self, readings: HeatReadings, unit: HeatUnit) -> bool:
        """Whether the least flow of a boiler is there; True where nobody can tell."""
        if unit.flow is None or readings.flow_m3h is None:
            return True
        return readings.flow_m3h >= RAISED * unit.flow.least

    def step(
        self,
        look: Look,
        plant: HeatState,
    ) -> HeatFlowState:
        """Pumps and bypass at a look."""
        watched_s, readings, state = look.watched_s, look.readings, plant.flow
        asking = [self._layout.units[name] for name, u in plant.units.items() if u.needs_water]
        bank = self._layout.pumps
        flows = [unit.flow.most if unit.flow is not None else None for unit in asking]
        known = [flow for flow in flows if flow is not None]
        least = enough(
            [pump.design.flow_m3h for pump in bank],
            minimum_flow([u.flow for u in asking if u.flow is not None])
            if len(known) == len(flows)
            else None,
            len(asking),
        )
        shares = self._shares(readings, look)
        short = [share for share in shares if share is not None]
        inputs = PumpInputs(
            readings.flow_m3h / self._design_m3h
            if readings.flow_m3h is not None and self._design_m3h
            else None,
            state.speed.pct if self.regulated else None,
            (1.0 - min(short)) * look.pressure_kpa if short else None,
        )
        stage = staged_by_flow(state.stage, len(bank), least, inputs, watched_s)
        manual = any(look.views[pump.name].manual for pump in bank)
        pumps: tuple[str, ...] = ()
        if stage.count or manual:
            pumps = chosen(bank, look.views, plant.proofs, plant.record, state.pumps, stage.count)
        speed = state.speed
        if self.regulated:
            least_pct = self._parameters.least_speed_pct
            speed = hold_pressure(state.speed, least_pct, bool(pumps), shares, watched_s)
        after = replace(state, stage=stage, pumps=pumps, speed=speed)
        return self._bypassed(after, readings, asking, watched_s)

    def _bypassed(
        self,
        state: HeatFlowState,
        readings: HeatReadings,
        asking: Sequence[HeatUnit],
        watched_s: float,
    ) -> HeatFlowState:
        functions = self._parameters.functions
        if not asking:
            bypass = track(state.bypass, 100.0, watched_s)
            return replace(state, bypass=bypass, bypass_pct=bypass.output_pct)
        ranges = [unit.flow for unit in asking if unit.flow is not None]
        least_m3h = minimum_flow(ranges)
        if functions.bypass and least_m3h > 0.0:
            share = None if readings.flow_m3h is None else readings.flow_m3h / least_m3h
            bypass = regulate(state.bypass, BYPASS, MARGIN, share, watched_s)
            closing_s = passed_s(state.bypass.watched_s, watched_s)
            slowest = state.bypass.output_pct - CLOSES_PCT_PER_MIN * closing_s / 60.0
            if bypass.output_pct < slowest:
                # Two loops on one pump: what opens at once and closes slowly does not swing.
                bypass = replace(bypass, output_pct=slowest)
        else:
            bypass = track(state.bypass, 0.0, watched_s)
        protects = 0.0
        if functions.return_protection and any(not unit.condensing for unit in asking):
            return_c = readings.return_c
            protects = 0.0 if return_c is None else WARM_RETURN.at(return_c)
        return replace(state, bypass=bypass, bypass_pct=max(bypass.output_pct, protects))

    def _shares(self, readings: HeatReadings, look: Look) -> list[float | None]:
        """Pressures by their setpoint."""
        setpoint_kpa = look.pressure_kpa
        if setpoint_kpa <= 0.0:
            return []
        return [
            None if pressure is None else pressure / setpoint_kpa
            for pressure in readings.pressures_kpa
        ]
