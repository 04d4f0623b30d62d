"""Condenser water: pumps and tower cells on common headers, for all chillers together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from simulators.physics.loops.pump_station import PumpStation
from simulators.physics.machines.tower_cells import CellSpec, TowerBank
from simulators.physics.water.actuators import Actuator
from simulators.physics.water.hydraulics import KW_PER_M3H_K, PumpSpec, conductance, in_row
from simulators.physics.water.pipes import Pipe


@dataclass(frozen=True, slots=True)
class CondenserSpec:
    """What stands between condensers and outdoor air."""

    pumps: tuple[PumpSpec, ...]
    cells: tuple[CellSpec, ...]
    lift_kpa: float = 40.0
    """From the basin to the nozzles: there without flow."""
    pipe_kpa: float = 40.0
    """Friction at design flow of all cells."""
    pipe_h: float = 0.03
    """Hours that design flow takes from towers to chillers, and as much back."""
    basin_h: float = 0.05
    """Hours of design flow that the basin holds."""
    heater_kw: float = 0.0
    makeup_m3h: float = 1e9
    bypass: bool = False
    """A valve that leads warm water past the cells, for cold weather."""

    @property
    def flow_m3h(self) -> float:
        return sum(cell.flow_m3h for cell in self.cells)


@dataclass(slots=True)
class CondenserCommand:
    """What is commanded: pumps and fans as (enabled, speed in %), valves 0-1."""

    pumps: Sequence[tuple[bool, float]]
    fans: Sequence[tuple[bool, float]]
    valves: Sequence[float]
    bypass: float = 0.0


class CondenserLoop:
    """Step it as `circulate`, then let machines take `supply_c` and hand back `give`."""

    def __init__(self, spec: CondenserSpec) -> None:
        self.spec = spec
        self.pumps = PumpStation(spec.pumps)
        flow = spec.flow_m3h
        self.towers = TowerBank(
            spec.cells, spec.basin_h * flow, heater_kw=spec.heater_kw, makeup_m3h=spec.makeup_m3h
        )
        self.bypass = Actuator(60.0)
        self.supply = Pipe(spec.pipe_h * flow, 20.0)
        self.back = Pipe(spec.pipe_h * flow, 20.0)
        self._pipe = conductance(flow, spec.pipe_kpa)
        self._bypass = conductance(flow, spec.lift_kpa + 20.0)
        self._open_bypass = 0.0
        self.flow_m3h = 0.0
        self.supply_c = self.return_c = 20.0
        """What reaches the condensers; what they give back."""
        self.tower_in_c = 20.0

    def circulate(self, command: CondenserCommand, machines: float, dt_s: float) -> float:
        """Move pumps and valves; returns the flow through `machines`, a conductance."""
        self.pumps.turn(command.pumps, dt_s)
        cells = self.towers.open(command.valves, dt_s)
        self._open_bypass = 0.0
        if self.spec.bypass:
            self._open_bypass = self.bypass.move(command.bypass, dt_s) * self._bypass
        k = in_row(machines, self._pipe, cells + self._open_bypass)
        # The bypass ends in the basin below the nozzles: water that takes it needs no lift.
        share = cells / (cells + self._open_bypass) if cells > 0.0 else 0.0
        self.flow_m3h = self.pumps.circulate(k, self.spec.lift_kpa * share, dt_s)
        if self.flow_m3h > 0.0:
            hours = dt_s / 3600.0
            self.supply_c = self.supply.pop(self.flow_m3h * hours)
        return self.flow_m3h

    def give(self, return_c: float, fans: Sequence[tuple[bool, float]], wet_bulb_c: float,
             dt_s: float) -> None:  # fmt: skip
        """Take the water back from the machines, and let the towers cool it."""
        hours = dt_s / 3600.0
        flow = self.flow_m3h
        self.return_c = return_c
        if flow > 0.0:
            # All water is warmed by the pumps' work; it is metered behind them.
            self.back.push(flow * hours, return_c + self.pumps.heat_kw / (KW_PER_M3H_K * flow))
            self.tower_in_c = self.back.pop(flow * hours)
        elif self.pumps.heat_kw > 0.0:
            self.back.warm(self.pumps.heat_kw * hours)
        cells = sum(c.opening * c.conductance for c in self.towers.cells)
        both = cells + self._open_bypass
        over = flow * cells / both if both > 0.0 else 0.0
        basin_c = self.towers.reject(fans, (over, flow - over, self.tower_in_c), wet_bulb_c, dt_s)
        self.supply.push(flow * hours, basin_c)

    @property
    def stored_m3k(self) -> float:
        return self.supply.stored_m3k + self.back.stored_m3k + self.towers.basin.stored_m3k
