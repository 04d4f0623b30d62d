"""Cooling-tower cells over one basin: rejection by YorkCalc, fans, make-up water, frost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from simulators.physics.machines.yorkcalc import MOST_WATER_PER_AIR, approach_k, leaving_c
from simulators.physics.motor import Motor, cube_power_share
from simulators.physics.water.actuators import Actuator
from simulators.physics.water.hydraulics import KW_PER_M3H_K, conductance
from simulators.physics.water.pipes import Vessel

_EVAPORATION_KJ_KG = 2430.0
_FAN_RULES = 0.3
"""Share of the air above which natural draught does not matter."""
_DRIFT = 2e-5
"""Droplets that the fan carries away, as a share of the water."""
_BASIN_KW_K = 0.3
_HEATER_BELOW_C = 4.0
_FROST_C = 0.5


@dataclass(frozen=True)
class CellSpec:
    """One cell at its rating point."""

    flow_m3h: float
    fan_kw: float
    wet_bulb_c: float = 25.55
    range_k: float = 5.56
    approach_k: float = 3.89
    free_convection: float = 0.125
    """Heat without a fan as a share of that with it (EnergyPlus' default)."""
    drop_kpa: float = 30.0
    """Valve, riser and nozzles at the rated flow; the lift is the loop's."""
    travel_s: float = 90.0
    cycles: float = 4.0
    """Cycles of concentration: how far salts thicken before water is let off."""

    @cached_property
    def water_per_air(self) -> float:
        """L/G of YorkCalc at which this cell has its rated approach."""
        low, high = 0.1, MOST_WATER_PER_AIR
        for _ in range(50):
            middle = 0.5 * (low + high)
            if approach_k(self.wet_bulb_c, self.range_k, middle) < self.approach_k:
                low = middle
            else:
                high = middle
        return 0.5 * (low + high)

    def leaving_c(self, entering_c: float, wet_bulb_c: float, water: float, air: float) -> float:
        """Leaving water at shares of rated water and air."""
        if water <= 0.0:
            return entering_c
        ratio = self.water_per_air * water
        by_fan = entering_c
        if air > 0.0:
            by_fan = leaving_c(entering_c, wet_bulb_c, ratio / air)
            beyond = ratio / air / MOST_WATER_PER_AIR
            if beyond > 1.0:  # less air than the fit knows: heat falls with it
                by_fan = entering_c - (entering_c - by_fan) / beyond
            elif air > _FAN_RULES:
                return by_fan
        full = leaving_c(entering_c, wet_bulb_c, ratio)
        return min(by_fan, entering_c - self.free_convection * (entering_c - full))


class Cell:
    """Valve, fill and fan of one cell."""

    __slots__ = ("conductance", "fan", "flow_m3h", "leaving_c", "opening", "spec", "valve")

    def __init__(self, spec: CellSpec) -> None:
        self.spec = spec
        self.fan = Motor(spec.fan_kw, cube_power_share)
        self.valve = Actuator(spec.travel_s)
        self.conductance = conductance(spec.flow_m3h, spec.drop_kpa)
        self.opening = 0.0
        self.flow_m3h = 0.0
        self.leaving_c = 20.0


class TowerBank:
    """Cells side by side over a common basin, which a float valve keeps full."""

    def __init__(
        self,
        specs: Sequence[CellSpec],
        basin_m3: float,
        *,
        heater_kw: float = 0.0,
        makeup_m3h: float = 1e9,
        makeup_c: float = 15.0,
    ) -> None:
        self.cells = [Cell(spec) for spec in specs]
        self.basin = Vessel(basin_m3, 20.0)
        self.full_m3 = basin_m3
        self.heater_kw = heater_kw
        self.makeup_limit_m3h = makeup_m3h
        self.makeup_c = makeup_c
        self.heating_kw = 0.0
        self.rejected_kw = 0.0
        """Heat taken from the water, in the cells and by the open basin."""
        self.water_kw = 0.0
        """Heat above 0 degC that left with water lost, less what make-up brought."""
        self.makeup_m3h = self.evaporated_m3h = self.lost_m3h = 0.0
        self.frozen_s = 0.0
        """How long the basin has stood at freezing: a plant fact for tests."""

    def open(self, targets: Sequence[float], dt_s: float) -> float:
        """Move the cells' valves (0-1); returns the conductance of all."""
        total = 0.0
        for cell, target in zip(self.cells, targets, strict=True):
            cell.opening = cell.valve.move(target, dt_s)
            total += cell.opening * cell.conductance
        return total

    def reject(
        self,
        fans: Sequence[tuple[bool, float]],
        inflow: tuple[float, float, float],
        wet_bulb_c: float,
        dt_s: float,
    ) -> float:
        """Cool water that comes in; returns the temperature of what leaves the basin.

        `fans` are (enabled, speed in %); `inflow` is the flow over the cells, the flow past them
        (m3/h), and the temperature of both.
        """
        flow, past, entering = inflow
        basin = self.basin
        hours = dt_s / 3600.0
        total = sum(cell.opening * cell.conductance for cell in self.cells)
        heat = mixed = 0.0
        worked_out: dict[tuple[float, float, CellSpec], float] = {}  # cells are often alike
        for cell, (on, speed_pct) in zip(self.cells, fans, strict=True):
            air = cell.fan.step(on, speed_pct, dt_s)
            share = cell.opening * cell.conductance / total if total > 0.0 else 0.0
            cell.flow_m3h = v = flow * share
            if v > 0.0:
                key = (v, air, cell.spec)
                found = worked_out.get(key)
                if found is None:
                    found = worked_out[key] = cell.spec.leaving_c(
                        entering, wet_bulb_c, v / cell.spec.flow_m3h, air
                    )
                cell.leaving_c = found
                mixed += v * cell.leaving_c
                heat += KW_PER_M3H_K * v * (entering - cell.leaving_c)
        leaving = basin.temp_c
        if flow + past > 0.0:
            leaving = basin.mix((flow + past) * hours, (mixed + past * entering) / (flow + past))
        # The basin lies open to the sky.
        idle = _BASIN_KW_K * (basin.temp_c - wet_bulb_c)
        basin.warm(-idle * hours)
        self.heating_kw = 0.0
        if self.heater_kw > 0.0 and basin.temp_c < _HEATER_BELOW_C:
            needed = basin.volume_m3 * KW_PER_M3H_K * (_HEATER_BELOW_C - basin.temp_c) / hours
            self.heating_kw = min(self.heater_kw, needed)
            basin.warm(self.heating_kw * hours)
        self._lose(heat + idle, flow, wet_bulb_c, hours)
        if basin.temp_c < _FROST_C:
            self.frozen_s += dt_s
        return leaving

    def _lose(self, heat_kw: float, flow_m3h: float, wet_bulb_c: float, hours: float) -> None:
        """Evaporate, drift and let off; the float valve fills up again."""
        basin = self.basin
        # Colder air takes more of the heat by warming and less by vapour.
        latent = min(0.95, max(0.4, 0.55 + 0.012 * wet_bulb_c))
        evaporated = max(0.0, heat_kw) * latent * 3.6 / _EVAPORATION_KJ_KG
        drift = _DRIFT * flow_m3h
        cycles = self.cells[0].spec.cycles
        lost = evaporated + max(drift, evaporated / (cycles - 1.0))
        lost = min(lost, 0.5 * basin.volume_m3 / hours)
        short = self.full_m3 - basin.volume_m3
        makeup = min(self.makeup_limit_m3h, lost + short / hours)
        # What leaves has the basin's temperature, what comes the main's.
        kept, added = basin.volume_m3 - lost * hours, makeup * hours
        self.water_kw = KW_PER_M3H_K * (lost * basin.temp_c - makeup * self.makeup_c)
        basin.temp_c = (kept * basin.temp_c + added * self.makeup_c) / (kept + added)
        basin.volume_m3 = kept + added
        self.evaporated_m3h, self.lost_m3h, self.makeup_m3h = evaporated, lost, makeup
        self.rejected_kw = heat_kw
