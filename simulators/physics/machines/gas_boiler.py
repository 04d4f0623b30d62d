"""A gas boiler as a machine: efficiency by its return water, firing rate, flue, protection."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from simulators.physics.water.actuators import Actuator
from simulators.physics.water.hydraulics import KW_PER_M3H_K, conductance

GAS_KWH_M3 = 9.9
"""Lower heating value of pipeline gas, 35.6 MJ/m3; efficiencies refer to it."""

_CONDENSING = ((30.0, 0.97), (55.0, 0.89), (70.0, 0.87))
"""Efficiency over the return temperature: below 55 degC vapour of the flue gas condenses."""
_OTHER = 0.85


def condensing_efficiency(return_c: float) -> float:
    """Efficiency of a condensing boiler at this return temperature."""
    for (low_c, low), (high_c, high) in pairwise(_CONDENSING):
        if return_c < high_c:
            share = max(0.0, return_c - low_c) / (high_c - low_c)
            return low + (high - low) * share
    return _CONDENSING[-1][1]


@dataclass(frozen=True, slots=True)
class BoilerSpec:
    """A boiler of `capacity_kw` heat into water."""

    capacity_kw: float
    condensing: bool = True
    flow_m3h: float = 0.0
    """Water at design; 0: for a difference of 20 K."""
    drop_kpa: float = 30.0
    travel_s: float = 60.0
    """Of its isolation valve."""
    least_fire: float = 0.2
    firing_delay_s: float = 60.0
    """Purge and ignition."""
    restart_s: float = 120.0
    least_flow: float = 0.3
    """Share of design flow at which its flow switch opens."""
    differential_k: float = 5.0
    """Its thermostat stops it so far above the set point, and starts it so far below."""
    limit_c: float = 95.0
    """Safety limiter: latched."""
    fan_share: float = 0.008
    """Electricity of burner fan and controls as a share of heat."""
    coldest_return_c: float = 57.0
    """Below it flue gas condenses in a boiler that is not made for it."""

    @property
    def hw_m3h(self) -> float:
        return self.flow_m3h or self.capacity_kw / (KW_PER_M3H_K * 20.0)


class BoilerInlet(NamedTuple):
    """What reaches the boiler during a step."""

    enabled: bool
    setpoint_c: float
    entering_c: float
    flow_m3h: float


class Boiler:
    """Burner, body and isolation valve. All rates are means over the last step."""

    __slots__ = (
        "cold_return_s",
        "conductance",
        "cycling",
        "dry_s",
        "fault",
        "flue_kw",
        "gas_kw",
        "heating_kw",
        "leaving_c",
        "power_kw",
        "running",
        "spec",
        "starts",
        "stopped_s",
        "valve",
        "waited_s",
    )  # fmt: skip

    def __init__(self, spec: BoilerSpec) -> None:
        self.spec = spec
        self.valve = Actuator(spec.travel_s)
        self.conductance = conductance(spec.hw_m3h, spec.drop_kpa)
        self.running = self.cycling = False
        self.fault = ""
        """`limit` after the safety limiter; latched until `reset`."""
        self.leaving_c = 20.0
        self.heating_kw = self.gas_kw = self.flue_kw = self.power_kw = 0.0
        self.waited_s = 0.0
        self.stopped_s = spec.restart_s
        self.starts = 0
        self.dry_s = 0.0
        """How long it was enabled without flow, since the beginning."""
        self.cold_return_s = 0.0
        """How long it fired on water too cold for it, since the beginning."""

    def reset(self) -> None:
        """A person resets it at the boiler."""
        self.fault = ""

    def step(self, inlet: BoilerInlet, dt_s: float) -> None:
        """Fire for `dt_s` on what reaches it."""
        spec = self.spec
        flow_proven = inlet.flow_m3h >= spec.least_flow * spec.hw_m3h
        if inlet.enabled and not flow_proven:
            self.dry_s += dt_s
        run = self._run(inlet, inlet.enabled and flow_proven and not self.fault, dt_s)
        if run == 0.0:
            self.heating_kw = self.gas_kw = self.flue_kw = self.power_kw = 0.0
            self.leaving_c = inlet.entering_c
            return
        per_k = KW_PER_M3H_K * inlet.flow_m3h
        wanted = per_k * (inlet.setpoint_c - inlet.entering_c)
        least = spec.least_fire * spec.capacity_kw
        given = max(least, min(spec.capacity_kw, wanted)) * run
        efficiency = condensing_efficiency(inlet.entering_c) if spec.condensing else _OTHER
        self.heating_kw = given
        self.gas_kw = given / efficiency
        self.flue_kw = self.gas_kw - given
        self.power_kw = spec.fan_share * given
        self.leaving_c = leaving = inlet.entering_c + given / per_k
        if not spec.condensing and inlet.entering_c < spec.coldest_return_c:
            self.cold_return_s += run * dt_s
        if leaving > spec.limit_c:
            self.fault = "limit"
        elif wanted < least and leaving > inlet.setpoint_c + spec.differential_k:
            self.cycling = True

    def _run(self, inlet: BoilerInlet, may: bool, dt_s: float) -> float:
        spec = self.spec
        if self.running and may and not self.cycling:
            return 1.0
        if self.running:
            self.running = False
            self.stopped_s = 0.0
        before, self.stopped_s = self.stopped_s, min(spec.restart_s, self.stopped_s + dt_s)
        if not may:
            self.waited_s = 0.0
            self.cycling = self.cycling and inlet.enabled
            return 0.0
        if self.cycling and inlet.entering_c > inlet.setpoint_c - spec.differential_k:
            self.waited_s = 0.0
            return 0.0
        waited, self.waited_s = self.waited_s, min(spec.firing_delay_s, self.waited_s + dt_s)
        left = max(spec.firing_delay_s - waited, spec.restart_s - before, 0.0)
        if left >= dt_s:
            return 0.0
        self.running, self.cycling = True, False
        self.waited_s = 0.0
        self.starts += 1
        return 1.0 - left / dt_s

    def state(self) -> list[float]:
        """Numbers that the next step depends on."""
        return [
            float(self.running), float(self.cycling), float(bool(self.fault)), self.waited_s,
            self.stopped_s, self.valve.position,
        ]  # fmt: skip

    def restore(self, values: Sequence[float]) -> None:
        self.running, self.cycling = bool(values[0]), bool(values[1])
        self.fault = "limit" if values[2] else ""
        self.waited_s, self.stopped_s, self.valve.position = values[3:6]
