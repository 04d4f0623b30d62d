"""A hot-water plant on common headers: boilers, heat pumps, pumps, bypass, consumers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from simulators.physics.loops.consumers import Consumer
from simulators.physics.loops.pump_station import PumpStation
from simulators.physics.machines.gas_boiler import Boiler, BoilerInlet, BoilerSpec
from simulators.physics.machines.heat_pump import HeatPump, HeatPumpInlet, HeatPumpSpec
from simulators.physics.water.actuators import Actuator
from simulators.physics.water.hydraulics import KW_PER_M3H_K, PumpSpec, conductance, in_row
from simulators.physics.water.pipes import Pipe, Vessel

_AMBIENT_C = 20.0


@dataclass(frozen=True, slots=True)
class HeatSpec:
    """A plant; flows of pipes follow the design of what heats."""

    boilers: tuple[BoilerSpec, ...]
    pumps: tuple[PumpSpec, ...]
    heat_pumps: tuple[HeatPumpSpec, ...] = ()
    bypass: bool = True
    """A valve from supply to return header that keeps the least flow through boilers."""
    pipe_kpa: float = 40.0
    pipe_h: float = 0.03
    """Hours that design flow takes to the consumers, and as much back."""
    header_h: float = 0.04
    """Hours of design flow that headers and boilers hold, mixed."""
    leak_kw_k: float = 0.004
    """Heat that gets lost through insulation, per kelvin and m3/h of design flow."""

    @property
    def flow_m3h(self) -> float:
        boilers = sum(boiler.hw_m3h for boiler in self.boilers)
        return boilers + sum(heat_pump.hw_m3h for heat_pump in self.heat_pumps)


@dataclass(slots=True)
class HeatCommand:
    """What is commanded: boilers, then heat pumps, as (enabled, set point in degC), with their
    valves 0-1, and pumps."""

    heaters: Sequence[tuple[bool, float]]
    valves: Sequence[float]
    pumps: Sequence[tuple[bool, float]]
    bypass: float = 0.0


class HeatPlant:
    """The loop of one plant, and the heat that goes round in it."""

    def __init__(self, spec: HeatSpec) -> None:
        self.spec = spec
        self.boilers = [Boiler(boiler) for boiler in spec.boilers]
        self.heat_pumps = [HeatPump(heat_pump) for heat_pump in spec.heat_pumps]
        self.heaters: list[Boiler | HeatPump] = [*self.boilers, *self.heat_pumps]
        self.pumps = PumpStation(spec.pumps)
        self.bypass = Actuator(60.0)
        self._leak_kw_k = spec.leak_kw_k * spec.flow_m3h
        self._pipe = conductance(spec.flow_m3h, spec.pipe_kpa)
        self._bypass = conductance(0.5 * spec.flow_m3h, 60.0)
        self.header = Vessel(spec.header_h * spec.flow_m3h, 25.0)
        self.supply = Pipe(spec.pipe_h * spec.flow_m3h, 25.0)
        self.back = Pipe(spec.pipe_h * spec.flow_m3h, 25.0)
        # Pumps that run out past their design take no more than a pipe holds.
        most = 1.5 * sum(pump.flow_m3h for pump in spec.pumps)
        self.longest_s = min(60.0, self.supply.longest_s(most))
        """The longest step while water moves."""
        self.flow_m3h = self.consumers_m3h = 0.0
        """Through what heats; to the consumers."""
        self.flows_m3h = [0.0] * len(self.heaters)
        """Through each boiler, then each heat pump."""
        self.header_kpa = self.far_kpa = 0.0
        self.supply_c = self.return_c = 25.0
        self.drawn_kw = 0.0
        """Heat that consumers took from the water, mean over the last step."""
        self.ambient_kw = 0.0

    def step(
        self, command: HeatCommand, consumers: Sequence[Consumer], outdoor_c: float, dt_s: float
    ) -> None:
        """Advance the loop by `dt_s`, at most `longest_s` while water moves."""
        opened = [
            heater.valve.move(target, dt_s) * heater.conductance
            for heater, target in zip(self.heaters, command.valves, strict=True)
        ]
        machines = sum(opened)
        load = in_row(self._pipe, sum(consumer.conductance() for consumer in consumers))
        bypass = 0.0
        if self.spec.bypass:
            bypass = self.bypass.move(command.bypass, dt_s) * self._bypass
        around = bypass + load
        self.pumps.turn(command.pumps, dt_s)
        v = self.flow_m3h = self.pumps.circulate(in_row(machines, around), 0.0, dt_s)
        if v > 0.0:
            self.header_kpa = (v / around) ** 2
        else:
            self.header_kpa = self.pumps.head_kpa if machines > 0.0 else 0.0
        self.consumers_m3h = v * load / around if around > 0.0 else 0.0
        self.far_kpa = self.header_kpa - (self.consumers_m3h / self._pipe) ** 2
        per = v / machines if machines > 0.0 else 0.0
        self.flows_m3h = [k * per for k in opened]
        self._consume(consumers, dt_s)
        self._fire(command, outdoor_c, dt_s)

    def _consume(self, consumers: Sequence[Consumer], dt_s: float) -> None:
        """Lead warm water to the consumers, and cooler water back."""
        total = self.consumers_m3h
        if total <= 0.0:
            for consumer in consumers:
                consumer.draw(0.0, self.supply.out_c, dt_s)
            self.drawn_kw = 0.0
            return
        volume = total * dt_s / 3600.0
        arriving = self.supply.pop(volume)
        coils = [consumer.conductance() for consumer in consumers]
        per = total / sum(coils)
        mixed = 0.0
        for consumer, k in zip(consumers, coils, strict=True):
            mixed += k * per * consumer.draw(k * per, arriving, dt_s)
        returned = mixed / total
        self.drawn_kw = KW_PER_M3H_K * total * (arriving - returned)
        self.back.push(volume, returned)
        self.back.pop(volume)

    def _fire(self, command: HeatCommand, outdoor_c: float, dt_s: float) -> None:
        """Lead return water through what heats it into the header."""
        hours = dt_s / 3600.0
        v, past = self.flow_m3h, self.flow_m3h - self.consumers_m3h
        if v > 0.0:
            back_c, short_c = self.back.out_c, self.header.temp_c
            self.return_c = (self.consumers_m3h * back_c + past * short_c) / v
        mixed = 0.0
        for heater, flow, (enabled, setpoint_c) in zip(
            self.heaters, self.flows_m3h, command.heaters, strict=True
        ):
            if isinstance(heater, Boiler):
                heater.step(BoilerInlet(enabled, setpoint_c, self.return_c, flow), dt_s)
            else:
                heater.step(
                    HeatPumpInlet(enabled, setpoint_c, self.return_c, flow, outdoor_c), dt_s
                )
            mixed += flow * heater.leaving_c
        if v > 0.0:
            self.header.mix(v * hours, mixed / v, past * hours)
            self.supply.push(self.consumers_m3h * hours, self.header.temp_c)
        self.ambient_kw = self._leak_kw_k * (_AMBIENT_C - self.header.temp_c)
        self.supply_c = self.header.temp_c
        self.header.warm((self.ambient_kw + self.pumps.heat_kw) * hours)

    @property
    def stored_kwh(self) -> float:
        """Heat above 0 degC in all water of the plant."""
        water = self.header.stored_m3k + self.supply.stored_m3k + self.back.stored_m3k
        return KW_PER_M3H_K * water

    @property
    def power_kw(self) -> float:
        """Electricity of all machines, mean over the last step."""
        return sum(heater.power_kw for heater in self.heaters) + sum(self.pumps.powers_kw)

    @property
    def gas_kw(self) -> float:
        return sum(boiler.gas_kw for boiler in self.boilers)
