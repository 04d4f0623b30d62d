"""An air-source heat pump: capacity and efficiency by outdoor air and by its water."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from simulators.physics.water.actuators import Actuator
from simulators.physics.water.hydraulics import KW_PER_M3H_K, conductance

_KELVIN = 273.15
_CONDENSING_K = 5.0
"""Refrigerant above leaving water."""
_EVAPORATING_K = 8.0
"""Refrigerant below outdoor air."""
_RATED_OUTDOOR_C = 7.0
_RATED_WATER_C = 45.0
_PER_K = 0.022
"""Capacity lost for each kelvin of colder air."""
_DEFROST_C = (-7.0, 5.0)
_DEFROST = 0.9
"""Capacity and efficiency left where the air frosts its coil."""


@dataclass(frozen=True, slots=True)
class HeatPumpSpec:
    """A machine of `capacity_kw` heat at 7 degC outdoors and 45 degC water (EN 14511)."""

    capacity_kw: float
    cop: float = 3.3
    flow_m3h: float = 0.0
    """Water at design; 0: for a difference of 10 K."""
    drop_kpa: float = 40.0
    travel_s: float = 60.0
    least_load: float = 0.3
    """Least speed of its compressor."""
    start_delay_s: float = 120.0
    restart_s: float = 300.0
    start_charge_s: float = 60.0
    """A start costs this long at full power."""
    least_flow: float = 0.5
    differential_k: float = 3.0
    """Its thermostat stops it so far above the set point, and starts it so far below."""
    warmest_c: float = 55.0
    """It makes no warmer water."""
    coldest_outdoor_c: float = -20.0
    """It does not run in colder air."""

    @property
    def hw_m3h(self) -> float:
        return self.flow_m3h or self.capacity_kw / (KW_PER_M3H_K * 10.0)

    def capacity_at_kw(self, outdoor_c: float) -> float:
        """Most heat at this outdoor temperature."""
        share = 1.0 - _PER_K * (_RATED_OUTDOOR_C - outdoor_c)
        return self.capacity_kw * min(1.2, max(0.3, share)) * _frosted(outdoor_c)

    def cop_at(self, outdoor_c: float, leaving_c: float) -> float:
        """Heat per electricity: a fixed share of what Carnot allows between the refrigerant's
        two temperatures."""
        rated = _carnot(_RATED_OUTDOOR_C, _RATED_WATER_C)
        return self.cop * _carnot(outdoor_c, leaving_c) / rated * _frosted(outdoor_c)


class HeatPumpInlet(NamedTuple):
    """What reaches the machine during a step."""

    enabled: bool
    setpoint_c: float
    entering_c: float
    flow_m3h: float
    outdoor_c: float


class HeatPump:
    """Machine and isolation valve. All rates are means over the last step."""

    __slots__ = (
        "conductance", "cycling", "dry_s", "fault", "heating_kw", "leaving_c", "power_kw",
        "running", "source_kw", "spec", "start_kwh", "starts", "stopped_s", "valve", "waited_s",
    )  # fmt: skip

    def __init__(self, spec: HeatPumpSpec) -> None:
        self.spec = spec
        self.valve = Actuator(spec.travel_s)
        self.conductance = conductance(spec.hw_m3h, spec.drop_kpa)
        self.running = self.cycling = False
        self.fault = ""
        """Never by itself: what stops it, lets it go again."""
        self.leaving_c = 20.0
        self.heating_kw = self.power_kw = 0.0
        self.source_kw = 0.0
        """Heat taken from outdoor air."""
        self.waited_s = self.start_kwh = 0.0
        self.stopped_s = spec.restart_s
        self.starts = 0
        self.dry_s = 0.0
        """How long it was enabled without flow, since the beginning."""

    def step(self, inlet: HeatPumpInlet, dt_s: float) -> None:
        """Run for `dt_s` on what reaches it."""
        spec = self.spec
        flow_proven = inlet.flow_m3h >= spec.least_flow * spec.hw_m3h
        if inlet.enabled and not flow_proven:
            self.dry_s += dt_s
        may = inlet.enabled and flow_proven and inlet.outdoor_c >= spec.coldest_outdoor_c
        aim = min(inlet.setpoint_c, spec.warmest_c)
        run = self._run(may, aim, inlet, dt_s)
        if run == 0.0:
            self.heating_kw = self.power_kw = self.source_kw = 0.0
            self.leaving_c = inlet.entering_c
            return
        per_k = KW_PER_M3H_K * inlet.flow_m3h
        wanted = per_k * (aim - inlet.entering_c)
        most = spec.capacity_at_kw(inlet.outdoor_c)
        least = spec.least_load * spec.capacity_kw
        given = max(least, min(most, wanted))
        leaving = inlet.entering_c + given / per_k
        power = given / spec.cop_at(inlet.outdoor_c, leaving) * run
        self.heating_kw = given * run
        self.leaving_c = inlet.entering_c + self.heating_kw / per_k
        if self.start_kwh > 0.0:  # what a start costs heats nothing but the machine's room
            paid = min(self.start_kwh * 3600.0 / dt_s, spec.capacity_kw / spec.cop)
            self.start_kwh = max(0.0, self.start_kwh - paid * dt_s / 3600.0)
        else:
            paid = 0.0
        self.source_kw = self.heating_kw - power
        self.power_kw = power + paid
        if wanted < least and leaving > aim + spec.differential_k:
            self.cycling = True

    def _run(self, may: bool, aim: float, inlet: HeatPumpInlet, dt_s: float) -> float:
        spec = self.spec
        if self.running and may and not self.cycling:
            return 1.0
        if self.running:
            self.running = False
            self.stopped_s = self.start_kwh = 0.0
        before, self.stopped_s = self.stopped_s, min(spec.restart_s, self.stopped_s + dt_s)
        if not may:
            self.waited_s = 0.0
            self.cycling = self.cycling and inlet.enabled
            return 0.0
        if self.cycling and inlet.entering_c > aim - spec.differential_k:
            return 0.0
        waited, self.waited_s = self.waited_s, min(spec.start_delay_s, self.waited_s + dt_s)
        left = max(spec.start_delay_s - waited, spec.restart_s - before, 0.0)
        if left >= dt_s:
            return 0.0
        self.running, self.cycling = True, False
        self.waited_s = 0.0
        self.starts += 1
        self.start_kwh = spec.capacity_kw / spec.cop * spec.start_charge_s / 3600.0
        return 1.0 - left / dt_s


def _carnot(outdoor_c: float, leaving_c: float) -> float:
    hot = leaving_c + _CONDENSING_K + _KELVIN
    cold = outdoor_c - _EVAPORATING_K + _KELVIN
    return hot / max(15.0, hot - cold)


def _frosted(outdoor_c: float) -> float:
    return _DEFROST if _DEFROST_C[0] < outdoor_c < _DEFROST_C[1] else 1.0
