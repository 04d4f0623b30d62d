"""Air handlers: dampers, coils, a fan against a duct, and the stat that saves the coils."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from simulators.physics.air.coils import Coil, CoilSpec
from simulators.physics.air.moist_air import (
    CP_KJ_KGK,
    HFG_KJ_KG,
    KG_S_PER_M3H,
    Air,
    mixed,
)
from simulators.physics.air.rooms import Surroundings
from simulators.physics.air.terminals import Terminal, TerminalSpec
from simulators.physics.water.actuators import Actuator
from simulators.physics.water.hydraulics import PumpSpec

_DUCT_SHARE = 0.4
"""Of the design static pressure that the duct behind the sensor takes."""
_TURNING = 0.05
_FROST_STAT_C = 3.0
_FROST_STAT_S = 30.0


@dataclass(frozen=True)
class AirHandlerSpec:
    """A unit at its design."""

    terminals: tuple[TerminalSpec, ...]
    airflow_m3h: float
    cooling_kw: float = 0.0
    heating_kw: float = 0.0
    total_pa: float = 1100.0
    """What the fan gives at design."""
    static_pa: float = 300.0
    """Of it in the duct, where the sensor is."""
    efficiency: float = 0.6
    outdoor: bool = True
    """It has an outdoor-air damper; the rest returns."""
    least_oa: float = 0.2
    """Share of the damper's way that people need."""
    damper_s: float = 75.0
    ramp_s: float = 30.0
    frost_stat: bool = True

    @property
    def fan(self) -> PumpSpec:
        """The fan in the words of pumps: m3/h and kPa."""
        return PumpSpec(self.airflow_m3h, 0.001 * self.total_pa, 1.3, self.efficiency)


class AirCommand(NamedTuple):
    """What a unit is told: valves, damper and speed as shares 0-1."""

    enabled: bool
    speed: float
    oa_damper: float
    cooling_valve: float
    heating_valve: float


class AirHandler:
    """One unit with its rooms. A step has three parts, between which the loops step.

    `blow` moves the air, and tells coils what reaches them; `pass_on` hands what the heating
    coil made to the cooling coil; `arrive` brings it to the rooms.
    """

    def __init__(self, spec: AirHandlerSpec) -> None:
        self.spec = spec
        self.terminals = [Terminal(t, 0.001 * spec.static_pa) for t in spec.terminals]
        self.fan = spec.fan
        self.drive = Actuator(spec.ramp_s)
        self.oa_damper = Actuator(spec.damper_s)
        outdoor = Air(30.0, 0.015)
        self.cooling = (
            Coil(CoilSpec(spec.cooling_kw, spec.airflow_m3h, mixed(outdoor, 0.25, Air(26, 0.0105))))
            if spec.cooling_kw > 0.0
            else None
        )
        self.heating = (
            Coil(CoilSpec(-spec.heating_kw, spec.airflow_m3h, Air(5.0, 0.003), 60.0, 20.0, 60.0))
            if spec.heating_kw > 0.0
            else None
        )
        inside = 0.001 * (spec.total_pa - spec.static_pa)
        self._inside = spec.airflow_m3h / math.sqrt(inside)
        self._duct = spec.airflow_m3h / math.sqrt(_DUCT_SHARE * 0.001 * spec.static_pa)
        self._top = self.fan.head_kpa * self.fan.shutoff
        self._fall = (self._top - self.fan.head_kpa) / spec.airflow_m3h**2
        self.running = False
        self.stat = False
        """The frost stat has tripped: latched until `reset`."""
        self.broken = False
        """The belt: the motor turns, and no air moves."""
        self.cold_s = 0.0
        self.starts = 0
        self.airflow_m3h = self.air_kg_s = self.oa_kg_s = 0.0
        self.static_kpa = self.box_kpa = 0.0
        self.power_kw = self.heat_kw = 0.0
        """Electricity; what of it warms the air."""
        self.returned = self.mixed = self.supply = Air(22.0, 0.009, 450.0)
        self.dried_kg_s = 0.0
        """Condensate."""
        self.extracted_m3h = 0.0
        """What other fans draw out of its rooms; what it does not bring comes through cracks."""

    def reset(self) -> None:
        """A person resets the frost stat."""
        self.stat = False
        self.cold_s = 0.0

    @property
    def coils(self) -> list[Coil]:
        """Heating coil and reheat coils: consumers of the hot-water loop."""
        found = [t.reheat for t in self.terminals if t.reheat is not None]
        return [self.heating, *found] if self.heating is not None else found

    # --- the three parts of a step -----------------------------------------------------------

    def blow(self, command: AirCommand, outdoor: Air, dt_s: float) -> None:
        """Move fan, dampers and valves; mix outdoor and return air."""
        spec = self.spec
        on = command.enabled and not self.stat
        speed = self.drive.move(min(1.0, max(0.0, command.speed)) if on else 0.0, dt_s)
        was, self.running = self.running, self.drive.position > _TURNING
        self.starts += self.running and not was
        opening = 0.0
        if spec.outdoor:  # it springs shut when the fan stops
            opening = self.oa_damper.move(command.oa_damper if on else 0.0, dt_s)
        if self.cooling is not None:
            self.cooling.valve.move(1.0 if self.stat else command.cooling_valve, dt_s)
        if self.heating is not None:
            self.heating.valve.move(1.0 if self.stat else command.heating_valve, dt_s)
        self._move_air(speed)
        flow = self.airflow_m3h
        if flow > 0.0:
            total = sum(t.airflow_m3h for t in self.terminals)
            water = sum(t.airflow_m3h * t.room.air.water for t in self.terminals) / total
            temp = sum(t.airflow_m3h * t.room.air.temp_c for t in self.terminals) / total
            co2 = sum(t.airflow_m3h * t.room.air.co2_ppm for t in self.terminals) / total
            self.returned = Air(temp, water, co2)
        self.mixed = mixed(outdoor, opening, self.returned)
        self.air_kg_s = flow * KG_S_PER_M3H
        self.oa_kg_s = self.air_kg_s * opening
        first = self.heating or self.cooling
        if first is not None:
            first.entering = self.mixed
        for coil in (self.heating, self.cooling):
            if coil is not None:
                coil.air_kg_s = self.air_kg_s

    def _move_air(self, speed: float) -> None:
        """Solve fan against duct, and share the air among the boxes."""
        boxes = [t.conductance() for t in self.terminals]
        total = sum(boxes)
        if speed <= 0.0 or self.broken:
            self.airflow_m3h = self.static_kpa = self.box_kpa = self.heat_kw = 0.0
            idle = 0.1 * self.fan.shaft_kw * speed**3
            self.power_kw = self.fan.electric_kw(idle, speed) if speed > 0.0 else 0.0
            for terminal in self.terminals:
                terminal.blow(0.0, self.supply)
            return
        outside = 1.0 / (1.0 / self._duct**2 + 1.0 / total**2)
        resistance = 1.0 / self._inside**2 + 1.0 / outside
        flow = speed * math.sqrt(self._top / (self._fall + resistance))
        self.airflow_m3h = flow
        self.static_kpa = flow * flow / outside
        self.box_kpa = (flow / total) ** 2
        shaft = self.fan.shaft_at_kw(flow, speed)
        self.power_kw = self.fan.electric_kw(shaft, speed)
        self.heat_kw = shaft
        for terminal, k in zip(self.terminals, boxes, strict=True):
            terminal.blow(flow * k / total, self.supply)

    def pass_on(self) -> None:
        """Behind the heating coil comes the cooling coil."""
        if self.cooling is not None:
            self.cooling.entering = self.heating.leaving if self.heating else self.mixed

    def arrive(self, around: Surroundings, dt_s: float) -> None:
        """Bring the air to the rooms, and let them live for a step."""
        m = self.air_kg_s
        self.dried_kg_s = 0.0
        if m > 0.0:
            last = self.cooling or self.heating
            behind = last.leaving if last is not None else self.mixed
            self.dried_kg_s = m * (self.mixed.water - behind.water)
            warmed = behind.temp_c + self.heat_kw / (m * CP_KJ_KGK)
            self.supply = Air(warmed, behind.water, self.mixed.co2_ppm)
            self._watch(self.heating.leaving.temp_c if self.heating else self.mixed.temp_c, dt_s)
        short = max(0.0, self.extracted_m3h * KG_S_PER_M3H - self.oa_kg_s)
        area = sum(terminal.spec.room.area_m2 for terminal in self.terminals)
        for terminal in self.terminals:
            terminal.room.drawn_kg_s = short * terminal.spec.room.area_m2 / area
            terminal.room.step(terminal.warm(self.supply), terminal.air_kg_s, around, dt_s)

    def _watch(self, coldest_c: float, dt_s: float) -> None:
        """The frost stat hangs before the cooling coil."""
        self.cold_s = self.cold_s + dt_s if coldest_c < _FROST_STAT_C else 0.0
        if self.spec.frost_stat and self.cold_s >= _FROST_STAT_S:
            self.stat = True

    # --- balances -----------------------------------------------------------------------------

    @property
    def stored_kj(self) -> float:
        """Heat in the rooms."""
        return sum(t.room.stored_kj for t in self.terminals)

    def gains_kw(self, outdoor: Air) -> float:
        """Heat that came in over the last step, from everywhere but the water of its coils."""
        fresh = self.oa_kg_s * (outdoor.enthalpy - self.returned.enthalpy)
        rooms = sum(t.room.gain_kw - t.room.lost_kw for t in self.terminals)
        return fresh + rooms + self.heat_kw

    @property
    def water_kw(self) -> float:
        """Heat that its coils gave to water over the last step."""
        coils: Sequence[Coil] = self.coils if self.cooling is None else [*self.coils, self.cooling]
        return sum(coil.heat_kw for coil in coils)

    def zone_temp_c(self) -> float:
        """Mean of its rooms, by their air."""
        total = sum(t.spec.airflow_m3h for t in self.terminals)
        return sum(t.room.air.temp_c * t.spec.airflow_m3h for t in self.terminals) / total

    @property
    def latent_kw(self) -> float:
        """Of what the cooling coil takes: what dries the air."""
        return HFG_KJ_KG * self.dried_kg_s
