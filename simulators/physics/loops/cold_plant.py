"""A chilled-water plant on common headers: chillers, pumps, bypass, economizer, consumers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from simulators.physics.loops.condenser_loop import (
    CondenserCommand,
    CondenserLoop,
    CondenserSpec,
)
from simulators.physics.loops.consumers import Consumer
from simulators.physics.loops.pump_station import PumpStation
from simulators.physics.machines.electric_chiller import Chiller, ChillerInlet, ChillerSpec
from simulators.physics.water.actuators import Actuator
from simulators.physics.water.exchanger import coil_ua, counterflow
from simulators.physics.water.hydraulics import KW_PER_M3H_K, PumpSpec, conductance, in_row
from simulators.physics.water.pipes import Pipe, Vessel

_AMBIENT_C = 25.0


@dataclass(frozen=True, slots=True)
class EconomizerSpec:
    """A plate heat exchanger from return to condenser water, ahead of the chillers."""

    design_kw: float
    approach_k: float = 2.0
    """Chilled water out over condenser water in, at design flows of 5 K each."""
    travel_s: float = 90.0

    @property
    def flow_m3h(self) -> float:
        return self.design_kw / (KW_PER_M3H_K * 5.0)

    @property
    def ua_kw_k(self) -> float:
        """Equal flows: NTU = range / approach."""
        return self.design_kw / self.approach_k


@dataclass(frozen=True, slots=True)
class ColdSpec:
    """A plant; flows of pipes follow the chillers' design."""

    chillers: tuple[ChillerSpec, ...]
    pumps: tuple[PumpSpec, ...]
    condenser: CondenserSpec
    secondary: tuple[PumpSpec, ...] = ()
    """With them, `pumps` serve the chillers alone, and a decoupler lies in between."""
    economizer: EconomizerSpec | None = None
    bypass: bool = True
    """A valve from supply to return header that keeps the least flow through chillers."""
    pipe_kpa: float = 60.0
    """Friction of the distribution at design flow, there and back."""
    pipe_h: float = 0.03
    """Hours that design flow takes to the consumers, and as much back."""
    header_h: float = 0.02
    """Hours of design flow that headers and machines hold, mixed."""
    leak_kw_k: float = 0.002
    """Heat that comes in through insulation, per kelvin and m3/h of design flow."""

    @property
    def flow_m3h(self) -> float:
        return sum(chiller.chw_m3h for chiller in self.chillers)


@dataclass(slots=True)
class ColdCommand:
    """What is commanded: machines and pumps as (enabled, ...), valves 0-1."""

    chillers: Sequence[tuple[bool, float, float]]
    """Enabled, set point in degC, demand limit 0-1."""
    valves: Sequence[float]
    cw_valves: Sequence[float]
    pumps: Sequence[tuple[bool, float]]
    condenser: CondenserCommand
    secondary: Sequence[tuple[bool, float]] = ()
    bypass: float = 0.0
    economizer: tuple[float, float] = (0.0, 0.0)
    """Valve that leads return water through the exchanger; its condenser-water valve."""


@dataclass(slots=True)
class Flows:
    """Who carries how much, m3/h, and what drives it, kPa."""

    primary: float = 0.0
    """Through the chillers."""
    consumers: float = 0.0
    bypass: float = 0.0
    """From supply to return header; negative through a decoupler when consumers take more."""
    header_kpa: float = 0.0
    """Between supply and return header."""
    far_kpa: float = 0.0
    """Across the last consumer."""


class ColdPlant:
    """All loops of one plant, and the heat that goes round in them."""

    def __init__(self, spec: ColdSpec) -> None:
        self.spec = spec
        self.chillers = [Chiller(chiller) for chiller in spec.chillers]
        self.pumps = PumpStation(spec.pumps)
        self.secondary = PumpStation(spec.secondary)
        self.condenser = CondenserLoop(spec.condenser)
        self.bypass = Actuator(60.0)
        economizer = spec.economizer
        self.economizer_valves = [
            Actuator(economizer.travel_s if economizer else 90.0) for _ in range(2)
        ]
        self._economizer_cw = conductance(economizer.flow_m3h, 40.0) if economizer else 0.0
        self._leak_kw_k = spec.leak_kw_k * spec.flow_m3h
        self._pipe = conductance(spec.flow_m3h, spec.pipe_kpa)
        self._bypass = conductance(0.5 * spec.flow_m3h, 100.0)
        self.header = Vessel(spec.header_h * spec.flow_m3h, 20.0)
        self.supply = Pipe(spec.pipe_h * spec.flow_m3h, 20.0)
        self.back = Pipe(spec.pipe_h * spec.flow_m3h, 20.0)
        self.longest_s = self._longest_s()
        """The longest step while water moves."""
        self.flows = Flows()
        self.supply_c = self.return_c = 20.0
        """Of the plant's headers, as its sensors show them."""
        self.economizer_kw = 0.0
        self.cooled_c = 20.0
        """Return water behind the economizer."""
        self.drawn_kw = 0.0
        """Heat that consumers gave to the water, mean over the last step."""
        self.ambient_kw = 0.0
        self.flows_m3h = [0.0] * len(self.chillers)
        """Through each chiller; `cw_flows_m3h` through each condenser."""
        self.cw_flows_m3h = [0.0] * len(self.chillers)
        self._open: list[float] = []

    def _longest_s(self) -> float:
        """Pumps that run out past their design take no more than a pipe holds."""
        flow = 1.5 * max(
            sum(pump.flow_m3h for pump in self.spec.pumps),
            sum(pump.flow_m3h for pump in self.spec.secondary),
        )
        cw = 1.5 * sum(pump.flow_m3h for pump in self.spec.condenser.pumps)
        return min(60.0, self.supply.longest_s(flow), self.condenser.supply.longest_s(cw))

    # --- one step ---------------------------------------------------------------------------

    def step(
        self, command: ColdCommand, consumers: Sequence[Consumer], wet_bulb_c: float, dt_s: float
    ) -> None:
        """Advance all loops by `dt_s`, at most about a minute while water moves."""
        machines = self._open_valves(command, dt_s)
        cw = self._circulate_condenser(command, dt_s)
        self._circulate(command, consumers, machines, dt_s)
        share = self.economizer_valves[0].move(command.economizer[0], dt_s)
        self._consume(consumers, dt_s)
        self._cool(command, (cw, share), wet_bulb_c, dt_s)

    def _open_valves(self, command: ColdCommand, dt_s: float) -> float:
        self._open = [
            chiller.valve.move(target, dt_s) * chiller.conductance
            for chiller, target in zip(self.chillers, command.valves, strict=True)
        ]
        return sum(self._open)

    def _circulate_condenser(self, command: ColdCommand, dt_s: float) -> float:
        """Spread condenser water; returns what the economizer gets of it."""
        opened = [
            chiller.cw_valve.move(target, dt_s) * chiller.cw_conductance
            for chiller, target in zip(self.chillers, command.cw_valves, strict=True)
        ]
        exchanger = 0.0
        if self.spec.economizer is not None:
            position = self.economizer_valves[1].move(command.economizer[1], dt_s)
            exchanger = position * self._economizer_cw
        total = sum(opened) + exchanger
        flow = self.condenser.circulate(command.condenser, total, dt_s)
        per = flow / total if total > 0.0 else 0.0
        self.cw_flows_m3h = [k * per for k in opened]
        return exchanger * per

    def _circulate(
        self, command: ColdCommand, consumers: Sequence[Consumer], machines: float, dt_s: float
    ) -> None:
        flows = self.flows
        coils = sum(consumer.conductance() for consumer in consumers)
        load = in_row(self._pipe, coils)
        self.pumps.turn(command.pumps, dt_s)
        if self.spec.secondary:
            self.secondary.turn(command.secondary, dt_s)
            flows.primary = self.pumps.circulate(machines, 0.0, dt_s)
            flows.consumers = self.secondary.circulate(load, 0.0, dt_s)
            flows.bypass = flows.primary - flows.consumers
            flows.header_kpa = self.secondary.head_kpa if flows.consumers > 0.0 else 0.0
        else:
            bypass = 0.0
            if self.spec.bypass:
                bypass = self.bypass.move(command.bypass, dt_s) * self._bypass
            k = in_row(machines, bypass + load)
            flows.primary = v = self.pumps.circulate(k, 0.0, dt_s)
            around = bypass + load
            drop = (v / around) ** 2 if around > 0.0 else 0.0
            # Pumps against shut consumers still press on the header.
            dead = v == 0.0 and machines > 0.0 and self.pumps.head_kpa > 0.0
            flows.header_kpa = self.pumps.head_kpa if dead else drop
            flows.consumers = v * load / around if around > 0.0 else 0.0
            flows.bypass = v - flows.consumers
        flows.far_kpa = flows.header_kpa - (flows.consumers / self._pipe) ** 2
        per = flows.primary / machines if machines > 0.0 else 0.0
        self.flows_m3h = [k * per for k in self._open]

    def _consume(self, consumers: Sequence[Consumer], dt_s: float) -> None:
        """Lead cold water to the consumers, and warm water back."""
        total = self.flows.consumers
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
            v = k * per
            mixed += v * consumer.draw(v, arriving, dt_s)
        returned = mixed / total
        self.drawn_kw = KW_PER_M3H_K * total * (returned - arriving)
        self.back.push(volume, returned)
        self.back.pop(volume)

    def _cool(
        self, command: ColdCommand, economizer: tuple[float, float], wet_bulb_c: float, dt_s: float
    ) -> None:
        """Lead return water through economizer and chillers into the header."""
        flows, condenser = self.flows, self.condenser
        cw, share = economizer
        hours = dt_s / 3600.0
        primary = flows.primary
        past = max(0.0, flows.bypass)
        back_c = self.back.out_c
        if primary > 0.0:  # what comes back, joined by what took the short way
            self.return_c = ((primary - past) * back_c + past * self.header.temp_c) / primary
        self._economize(share * primary, cw)
        mixed, warm = 0.0, self.economizer_kw / KW_PER_M3H_K + cw * condenser.supply_c
        for i, (chiller, (enabled, setpoint_c, limit)) in enumerate(
            zip(self.chillers, command.chillers, strict=True)
        ):
            v, w = self.flows_m3h[i], self.cw_flows_m3h[i]
            chiller.step(
                ChillerInlet(enabled, setpoint_c, limit, self.cooled_c, v, condenser.supply_c, w),
                dt_s,
            )
            mixed += v * chiller.leaving_c
            warm += w * chiller.cw_leaving_c
        if primary > 0.0:
            self.header.mix(primary * hours, mixed / primary, past * hours)
        leaving = self.header.temp_c
        if flows.bypass < 0.0:  # consumers take more than chillers get: return water mixes in
            leaving = (primary * leaving - flows.bypass * back_c) / flows.consumers
        if flows.consumers > 0.0:
            leaving += self.secondary.heat_kw / (KW_PER_M3H_K * flows.consumers)
        self.supply.push(flows.consumers * hours, leaving)
        self.ambient_kw = self._leak_kw_k * (_AMBIENT_C - self.header.temp_c)
        gains = self.ambient_kw + self.pumps.heat_kw
        if flows.consumers <= 0.0:
            gains += self.secondary.heat_kw
        self.supply_c = self.header.temp_c
        self.header.warm(gains * hours)
        flow = condenser.flow_m3h
        returned = warm / flow if flow > 0.0 else condenser.supply_c
        condenser.give(returned, command.condenser.fans, wet_bulb_c, dt_s)

    def _economize(self, flow: float, cw: float) -> None:
        """Pre-cool that much of the return water by that much condenser water, m3/h."""
        self.cooled_c, self.economizer_kw = self.return_c, 0.0
        spec = self.spec.economizer
        if spec is None or flow <= 0.0 or cw <= 0.0:
            return
        ua = coil_ua(spec.ua_kw_k, flow / spec.flow_m3h, cw / spec.flow_m3h)
        one, other = KW_PER_M3H_K * flow, KW_PER_M3H_K * cw
        over = self.return_c - self.condenser.supply_c
        self.economizer_kw = heat = counterflow(ua, one, other) * min(one, other) * over
        self.cooled_c = self.return_c - heat / (KW_PER_M3H_K * self.flows.primary)

    # --- balances and state -----------------------------------------------------------------

    @property
    def stored_kwh(self) -> float:
        """Heat above 0 degC in all water of the plant."""
        water = self.header.stored_m3k + self.supply.stored_m3k + self.back.stored_m3k
        return KW_PER_M3H_K * (water + self.condenser.stored_m3k)

    @property
    def power_kw(self) -> float:
        """Electricity of all machines, mean over the last step."""
        condenser = self.condenser
        return (
            sum(chiller.power_kw for chiller in self.chillers)
            + sum(self.pumps.powers_kw)
            + sum(self.secondary.powers_kw)
            + sum(condenser.pumps.powers_kw)
            + sum(cell.fan.power_kw for cell in condenser.towers.cells)
            + condenser.towers.heating_kw
        )
