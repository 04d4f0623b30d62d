"""A chilled-water plant: trains of chiller, two pumps and a tower on one loop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from simulators.physics.chiller import ChillerCurve
from simulators.physics.motor import Motor, Starter, fan_power_share
from simulators.physics.tower import leaving_water_c

WATER_KJ_M3K = 4186.0
KW_PER_M3H_K = WATER_KJ_M3K / 3600.0
"""Heat carried by 1 m3/h of water per kelvin: 1.163 kW."""

WARMEST_USEFUL_C = 18.0
"""Coils draw stored cold from the loop only up to this temperature."""
_DESIGN_SUPPLY_C = 7.0
_COIL_AIR_C = 26.0
_START_CHARGE_S = 180.0
"""A start costs this long at full power: oil, purge and the pull-down that curves leave out."""
_CONTROL_S = 300.0
"""Time constant with which machines bring the loop to its set point."""
_AMBIENT_KW_K = 1.5
"""Heat that pipes and tanks take from a plant room at 25 degC."""


@dataclass(frozen=True, slots=True)
class TrainSpec:
    """One chiller with what runs for it."""

    curve: ChillerCurve
    capacity_kw: float
    chw_pump_kw: float
    cw_pump_kw: float
    tower_kw: float
    start_delay_s: float = 120.0
    chw_design_k: float = 5.0
    """Design temperature difference; gives the design flow."""


class TrainCommand(NamedTuple):
    """What is commanded of one train: enables 0 or 1, speeds in %."""

    chiller: float
    setpoint_c: float
    chw_pump: float
    chw_speed_pct: float
    cw_pump: float
    cw_speed_pct: float
    tower: float
    tower_speed_pct: float


class Train:
    """The machines of one train. A chiller runs only while both its flows are proven."""

    __slots__ = (
        "chiller",
        "chw_pump",
        "cooling_kw",
        "cw_pump",
        "design_flow_m3h",
        "entering_c",
        "flow_m3h",
        "load_pct",
        "power_kw",
        "resting",
        "run_share",
        "setpoint_c",
        "spec",
        "start_kwh",
        "tower",
        "tower_speed",
    )

    def __init__(self, spec: TrainSpec) -> None:
        self.spec = spec
        self.chiller = Starter(spec.start_delay_s)
        self.chw_pump = Motor(spec.chw_pump_kw)
        self.cw_pump = Motor(spec.cw_pump_kw)
        self.tower = Motor(spec.tower_kw, fan_power_share)
        self.design_flow_m3h = spec.capacity_kw / (KW_PER_M3H_K * spec.chw_design_k)
        self.entering_c = 25.0
        self.setpoint_c = _DESIGN_SUPPLY_C
        self.start_kwh = 0.0
        """What is still to be paid for the last start."""
        self.flow_m3h = self.cooling_kw = self.power_kw = self.load_pct = 0.0
        self.run_share = self.tower_speed = 0.0
        self.resting = False
        """Nothing was commanded in the last step, so that everything stands still already."""

    def begin(self, command: TrainCommand, wet_bulb_c: float, dt_s: float) -> float:
        """Start and stop machines; returns the cooling capacity (kW, mean over the step)."""
        self.setpoint_c = command.setpoint_c
        commanded = command.chiller or command.chw_pump or command.cw_pump or command.tower
        if not commanded and self.resting:
            self.entering_c = wet_bulb_c + 1.0
            return 0.0
        self.resting = not commanded
        flow = self.chw_pump.step(command.chw_pump != 0.0, command.chw_speed_pct, dt_s)
        condenser = self.cw_pump.step(command.cw_pump != 0.0, command.cw_speed_pct, dt_s)
        self.tower_speed = self.tower.step(command.tower != 0.0, command.tower_speed_pct, dt_s)
        self.flow_m3h = flow * self.design_flow_m3h
        proven = flow > 0.0 and condenser > 0.0
        run = self.chiller.run(command.chiller != 0.0 and proven, dt_s)
        # Flow that began within the step holds the chiller back by as much.
        self.run_share = run = min(run, self.chw_pump.run_share, self.cw_pump.run_share)
        spec = self.spec
        if not self.chiller.running:
            self.start_kwh = 0.0
        elif self.chiller.starts:
            self.start_kwh = spec.capacity_kw / spec.curve.cop * _START_CHARGE_S / 3600.0
        if run == 0.0:
            self.entering_c = wet_bulb_c + 1.0
            return 0.0
        rejected = 1.2 * self.load_pct * 0.01  # of the step before: the sump is slower than a step
        self.entering_c = leaving_water_c(wet_bulb_c, rejected, self.tower_speed)
        capacity = spec.curve.capacity_kw(spec.capacity_kw, self.setpoint_c, self.entering_c)
        return capacity * run * min(1.0, flow / self.chw_pump.run_share + 0.2)

    def finish(self, cooling_kw: float, dt_s: float) -> None:
        """Give `cooling_kw` (mean over the step) and draw the power for it."""
        self.cooling_kw = cooling_kw
        spec = self.spec
        self.load_pct = 100.0 * cooling_kw / spec.capacity_kw
        run = self.run_share
        if run == 0.0:
            self.power_kw = 0.0
            return
        power = run * spec.curve.power_kw(
            cooling_kw / run, spec.capacity_kw, self.setpoint_c, self.entering_c
        )
        if self.start_kwh > 0.0:
            paid = min(self.start_kwh * 3600.0 / dt_s, spec.capacity_kw / spec.curve.cop)
            self.start_kwh = max(0.0, self.start_kwh - paid * dt_s / 3600.0)
            power += paid
        self.power_kw = power


class ChilledWaterPlant:
    """Trains that keep one well-mixed loop cold.

    A step has two halves, so that coils never take more than there is. `begin` moves the machines
    and returns what can be drawn; `finish` takes what the coils drew.
    """

    def __init__(self, trains: Sequence[TrainSpec], volume_m3: float) -> None:
        self.trains = [Train(spec) for spec in trains]
        self.heat_kj_k = volume_m3 * WATER_KJ_M3K
        self.supply_c = 20.0
        self.return_c = 20.0
        self.flow_m3h = 0.0
        self._capacities: list[float] = [0.0] * len(self.trains)

    def begin(self, commands: Sequence[TrainCommand], wet_bulb_c: float, dt_s: float) -> float:
        """Returns the most that coils may draw over this step, in kW; 0 without flow."""
        flow = total = 0.0
        for i, (train, command) in enumerate(zip(self.trains, commands, strict=True)):
            self._capacities[i] = capacity = train.begin(command, wet_bulb_c, dt_s)
            total += capacity
            flow += train.flow_m3h
        self.flow_m3h = flow
        if flow == 0.0:
            return 0.0
        stored = self.heat_kj_k * max(0.0, WARMEST_USEFUL_C - self.supply_c) / dt_s
        return min(total + stored, flow * KW_PER_M3H_K * 12.0)

    def coil_share(self) -> float:
        """Coil capacity (0-1) at the present water temperature, against that at 7 degC."""
        span = _COIL_AIR_C - _DESIGN_SUPPLY_C
        return min(1.0, max(0.0, (_COIL_AIR_C - self.supply_c) / span))

    def finish(self, drawn_kw: float, dt_s: float) -> None:
        """Balance the loop over the step; `drawn_kw` is the mean heat taken from the coils."""
        gain = drawn_kw + _AMBIENT_KW_K * (25.0 - self.supply_c)
        total = 0.0
        weighted = 0.0
        for train, capacity in zip(self.trains, self._capacities, strict=True):
            total += capacity
            weighted += capacity * train.setpoint_c
        cooling = 0.0
        if total > 0.0:
            excess = self.heat_kj_k * (self.supply_c - weighted / total)
            cooling = min(total, max(0.0, gain + excess / max(dt_s, _CONTROL_S)))
            share = cooling / total
            for train, capacity in zip(self.trains, self._capacities, strict=True):
                train.finish(capacity * share, dt_s)
        else:
            for train in self.trains:
                if not train.resting or train.load_pct or train.power_kw:
                    train.finish(0.0, dt_s)
        self.supply_c += (gain - cooling) * dt_s / self.heat_kj_k
        if self.flow_m3h > 0.0:
            self.return_c = self.supply_c + drawn_kw / (KW_PER_M3H_K * self.flow_m3h)
        else:
            self.return_c = self.supply_c

    def state(self) -> list[float]:
        """Everything that the next step depends on."""
        values = [self.supply_c]
        for train in self.trains:
            values += [
                train.chiller.state, train.chw_pump.starter.state, train.cw_pump.starter.state,
                train.tower.starter.state, train.load_pct, train.start_kwh,
            ]  # fmt: skip
        return values

    def restore(self, values: Sequence[float]) -> None:
        self.supply_c = values[0]
        for i, train in enumerate(self.trains):
            chiller, chw, cw, tower, train.load_pct, train.start_kwh = values[1 + 6 * i : 7 + 6 * i]
            train.chiller.restore(chiller)
            train.chw_pump.starter.restore(chw)
            train.cw_pump.starter.restore(cw)
            train.tower.starter.restore(tower)
