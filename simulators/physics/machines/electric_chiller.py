"""An electric chiller as a machine: EIR curves, and what its own controller does.

It starts after a while, loads slowly, holds its leaving water, stops by its own thermostat when
it cannot give less, and trips where a real one does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from simulators.physics.chiller import ChillerCurve
from simulators.physics.water.actuators import Actuator
from simulators.physics.water.hydraulics import KW_PER_M3H_K, conductance

_LEAST_LOADED = 0.25
"""Vanes or slide at the start of loading."""
_WARMEST_LEAVING_C = 16.0
"""Curves are not asked beyond: in pull-down the motor, not the temperature, is the limit."""
_CONDENSER_FACTOR = 1.2
"""Heat rejected per cooling at design."""


@dataclass(frozen=True, slots=True)
class ChillerSpec:
    """A machine of `capacity_kw` at the reference conditions of its curve."""

    curve: ChillerCurve
    capacity_kw: float
    flow_m3h: float = 0.0
    """Chilled water at design; 0: for a difference of 5 K."""
    cw_flow_m3h: float = 0.0
    """Condenser water at design; 0: for a range of 5 K."""
    drop_kpa: float = 60.0
    cw_drop_kpa: float = 50.0
    travel_s: float = 90.0
    """Of its isolation valves."""
    start_delay_s: float = 120.0
    restart_s: float = 300.0
    """Shortest time between a stop and the next start, by its own timer."""
    start_charge_s: float = 180.0
    """A start costs this long at full power: oil, purge and the pull-down that curves leave out."""
    loading_s: float = 240.0
    least_flow: float = 0.4
    """Share of design flow at which its flow switches open."""
    differential_k: float = 2.0
    """Its thermostat stops it so far below the set point and starts it so far above."""
    frost_c: float = 2.5
    head_c: float = 43.0
    """Leaving condenser water at which it trips."""
    lift_k: float = 5.0
    """Entering condenser over leaving chilled water that the oil needs."""
    lift_within_s: float = 900.0

    @property
    def chw_m3h(self) -> float:
        return self.flow_m3h or self.capacity_kw / (KW_PER_M3H_K * 5.0)

    @property
    def cw_m3h(self) -> float:
        return self.cw_flow_m3h or _CONDENSER_FACTOR * self.capacity_kw / (KW_PER_M3H_K * 5.0)


class ChillerInlet(NamedTuple):
    """What reaches the machine during a step."""

    enabled: bool
    setpoint_c: float
    limit: float
    """Demand limit, 0-1."""
    entering_c: float
    flow_m3h: float
    cw_entering_c: float
    cw_flow_m3h: float


class Chiller:
    """Machine and isolation valves. All rates are means over the last step."""

    __slots__ = (
        "conductance", "cooling_kw", "cw_conductance", "cw_leaving_c", "cw_valve", "cycling",
        "dry_s", "fault", "leaving_c", "loaded_s", "low_lift_s", "power_kw", "rejected_kw",
        "running", "spec", "start_kwh", "starts", "stopped_s", "valve", "waited_s",
    )  # fmt: skip

    def __init__(self, spec: ChillerSpec) -> None:
        self.spec = spec
        self.valve = Actuator(spec.travel_s)
        self.cw_valve = Actuator(spec.travel_s)
        self.conductance = conductance(spec.chw_m3h, spec.drop_kpa)
        self.cw_conductance = conductance(spec.cw_m3h, spec.cw_drop_kpa)
        self.running = False
        self.cycling = False
        """Stopped by its own thermostat, and waits for warmer water."""
        self.fault = ""
        """What it tripped on: `frost`, `head` or `oil`; latched until `reset`."""
        self.leaving_c = self.cw_leaving_c = 20.0
        self.cooling_kw = self.power_kw = self.rejected_kw = 0.0
        self.waited_s = self.loaded_s = self.low_lift_s = 0.0
        self.stopped_s = spec.restart_s
        self.start_kwh = 0.0
        self.starts = 0
        """Since the beginning."""
        self.dry_s = 0.0
        """How long it was enabled without both flows, since the beginning."""

    def reset(self) -> None:
        """A person resets it at the machine."""
        self.fault = ""
        self.low_lift_s = 0.0

    @property
    def load(self) -> float:
        """Share of rated capacity, 0-1 or a little above."""
        return self.cooling_kw / self.spec.capacity_kw

    def step(self, inlet: ChillerInlet, dt_s: float) -> None:
        """Run for `dt_s` on what reaches it."""
        spec = self.spec
        flow_proven = (
            inlet.flow_m3h >= spec.least_flow * spec.chw_m3h
            and inlet.cw_flow_m3h >= spec.least_flow * spec.cw_m3h
        )
        if inlet.enabled and not flow_proven:
            self.dry_s += dt_s
        run = self._run(inlet, inlet.enabled and flow_proven and not self.fault, dt_s)
        if run == 0.0:
            self.cooling_kw = self.power_kw = self.rejected_kw = 0.0
            self.leaving_c, self.cw_leaving_c = inlet.entering_c, inlet.cw_entering_c
            return
        self._cool(inlet, run, dt_s)
        self._protect(inlet, dt_s)

    def _run(self, inlet: ChillerInlet, may: bool, dt_s: float) -> float:
        """Share of the step during which the compressor runs."""
        spec = self.spec
        if self.running and may and not self.cycling:
            return 1.0
        if self.running:
            self.running = False
            self.stopped_s = 0.0
            self.start_kwh = 0.0
        before, self.stopped_s = self.stopped_s, min(spec.restart_s, self.stopped_s + dt_s)
        if not may:
            self.waited_s = 0.0
            if not inlet.enabled:
                self.cycling = False
            return 0.0
        if self.cycling and inlet.entering_c < inlet.setpoint_c + spec.differential_k:
            return 0.0
        waited, self.waited_s = self.waited_s, min(spec.start_delay_s, self.waited_s + dt_s)
        left = max(spec.start_delay_s - waited, spec.restart_s - before)
        if self.cycling:  # oil is warm: only its timer holds it
            left = spec.restart_s - before
        if left > dt_s:
            return 0.0
        self.running, self.cycling = True, False
        self.loaded_s = 0.0
        self.starts += 1
        self.start_kwh = spec.capacity_kw / spec.curve.cop * spec.start_charge_s / 3600.0
        return 1.0 - max(0.0, left) / dt_s if left < dt_s else 0.0

    def _cool(self, inlet: ChillerInlet, run: float, dt_s: float) -> None:
        spec, curve = self.spec, self.spec.curve
        loading = min(1.0, _LEAST_LOADED + self.loaded_s / spec.loading_s)
        self.loaded_s = min(spec.loading_s, self.loaded_s + run * dt_s)
        aim = min(_WARMEST_LEAVING_C, max(inlet.setpoint_c, 3.0))
        capacity = curve.capacity_kw(spec.capacity_kw, aim, inlet.cw_entering_c)
        per_k = KW_PER_M3H_K * inlet.flow_m3h
        wanted = per_k * (inlet.entering_c - inlet.setpoint_c)
        most = capacity * min(loading, inlet.limit)
        least = capacity * curve.least_load(inlet.cw_entering_c - aim)
        given = max(least, min(most, wanted))
        self.leaving_c = leaving = inlet.entering_c - given / per_k
        power = curve.power_kw(given, spec.capacity_kw, aim, inlet.cw_entering_c) * run
        self.cooling_kw = given * run
        if run < 1.0:
            self.leaving_c = inlet.entering_c - self.cooling_kw / per_k
        if self.start_kwh > 0.0:
            paid = min(self.start_kwh * 3600.0 / dt_s, spec.capacity_kw / curve.cop)
            self.start_kwh = max(0.0, self.start_kwh - paid * dt_s / 3600.0)
            power += paid
        self.power_kw = power
        # The motor is cooled by refrigerant: all it draws ends in the condenser.
        self.rejected_kw = self.cooling_kw + power
        self.cw_leaving_c = inlet.cw_entering_c + self.rejected_kw / (
            KW_PER_M3H_K * inlet.cw_flow_m3h
        )
        # Its thermostat is set above the frost cut-out, so that low load is no fault.
        if wanted < least and leaving < max(
            inlet.setpoint_c - spec.differential_k, spec.frost_c + 0.5
        ):
            self.cycling = True

    def _protect(self, inlet: ChillerInlet, dt_s: float) -> None:
        spec = self.spec
        lift = inlet.cw_entering_c - self.leaving_c
        self.low_lift_s = self.low_lift_s + dt_s if lift < spec.lift_k else 0.0
        if self.leaving_c < spec.frost_c:
            self.fault = "frost"
        elif self.cw_leaving_c > spec.head_c:
            self.fault = "head"
        elif self.low_lift_s > spec.lift_within_s:
            self.fault = "oil"

    def state(self) -> list[float]:
        """Numbers that the next step depends on."""
        faults = ("", "frost", "head", "oil")
        return [
            float(self.running), float(self.cycling), float(faults.index(self.fault)),
            self.waited_s, self.loaded_s, self.low_lift_s, self.stopped_s, self.start_kwh,
            self.valve.position, self.cw_valve.position,
        ]  # fmt: skip

    def restore(self, values: Sequence[float]) -> None:
        self.running, self.cycling = bool(values[0]), bool(values[1])
        self.fault = ("", "frost", "head", "oil")[int(values[2])]
        self.waited_s, self.loaded_s, self.low_lift_s, self.stopped_s = values[3:7]
        self.start_kwh, self.valve.position, self.cw_valve.position = values[7:10]
