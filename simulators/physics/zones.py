"""Rooms with an air handler or fan coil each: many of them at once, as parallel lists."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress
from typing import NamedTuple

_DEADBAND_K = 0.5
"""A unit cools above set point + this, heats below set point - this."""
_CONTROL_S = 900.0
"""Time constant with which a unit brings its room to the set point."""
_SUPPLY_MIN_C = 8.0


@dataclass(frozen=True, slots=True)
class ZoneSpec:
    """One room and its unit."""

    ua_kw_k: float
    """Heat loss through walls and infiltration."""
    heat_kj_k: float
    gain_kw: float
    """People, lamps and machines at full occupancy."""
    solar_m2: float
    """Effective area through which the sun heats the room."""
    cooling_kw: float
    """Coil at design water temperature, sensible."""
    heating_kw: float
    fan_kw: float

    @property
    def air_kw_k(self) -> float:
        """Heat carried by the unit's air per kelvin: sized for 11 K below the room."""
        return max(self.cooling_kw, self.heating_kw * 0.5, 0.1) / 11.0


class Around(NamedTuple):
    """What heats and cools rooms from outside of their units, for one step."""

    outdoor_c: float
    irradiance_w_m2: float
    occupancy: float
    """0 to 1."""
    extra_kw: float = 0.0
    """Heat that each room gets besides (outdoor air of a separate fan)."""


class Water(NamedTuple):
    """How much (0-1) of their design capacity coils have at the water they get."""

    cool_share: float
    heat_share: float


class ZoneBank:
    """Rooms of one building part, stepped together.

    A room follows C dT/dt = UA (To - T) + gains - coil, solved exactly over a step. The unit's
    controller is the law T -> set point with a time constant of 15 min; the coil gives what that
    needs, limited by its capacity and by the water it gets.
    """

    def __init__(self, specs: Sequence[ZoneSpec], delay_s: float = 10.0) -> None:
        n = len(specs)
        self.specs = tuple(specs)
        self.temps_c = [22.0] * n
        self.supply_c = [22.0] * n
        self.valves_pct = [0.0] * n
        self.powers_kw = [0.0] * n
        self.running = [0.0] * n
        self.cooling_kw = 0.0
        """Sensible cooling of all coils, mean over the step."""
        self.heating_kw = 0.0
        self.delay_s = delay_s
        self.waited_s = [0.0] * n
        self._ua = [s.ua_kw_k for s in specs]
        self._gain = [s.gain_kw for s in specs]
        self._solar_kw = [s.solar_m2 * 0.001 for s in specs]
        self._cool = [s.cooling_kw for s in specs]
        self._heat = [s.heating_kw for s in specs]
        self._fan = [s.fan_kw for s in specs]
        self._air = [s.air_kw_k for s in specs]
        self._dt_s = -1.0
        self._decay: list[float] = []
        self._per_kw: list[float] = []
        self._approach = 0.0
        self._stopped = False
        """No unit was enabled in the last step: everything but temperatures is at rest."""

    def _prepare(self, dt_s: float) -> None:
        self._dt_s = dt_s
        self._decay = [math.exp(-dt_s * s.ua_kw_k / s.heat_kj_k) for s in self.specs]
        # Kelvin at the end of the step per kW during it.
        self._per_kw = [
            -math.expm1(-dt_s * s.ua_kw_k / s.heat_kj_k) / s.ua_kw_k for s in self.specs
        ]
        self._approach = math.exp(-dt_s / _CONTROL_S)

    def demand_kw(self, enabled: Sequence[float]) -> float:
        """Cooling capacity of the enabled units: water is shared out in proportion."""
        return sum(compress(self._cool, enabled))

    def heat_demand_kw(self, enabled: Sequence[float]) -> float:
        return sum(compress(self._heat, enabled))

    def step(
        self,
        dt_s: float,
        around: Around,
        enabled: Sequence[float],
        setpoints_c: Sequence[float],
        speeds: Sequence[float],
        water: Water,
    ) -> None:
        """Advance all rooms. `speeds` are fan powers and capacities as shares 0-1."""
        outdoor_c, irradiance_w_m2, occupancy, extra_kw = around
        cool_share, heat_share = water
        if dt_s != self._dt_s:
            self._prepare(dt_s)
        temps, supply, valves = self.temps_c, self.supply_c, self.valves_pct
        powers, running, waited_s = self.powers_kw, self.running, self.waited_s
        approach, delay = self._approach, self.delay_s
        stopped = not any(enabled)
        if stopped and self._stopped:
            # The same sums as below without a coil: rooms are at rest most hours of a year.
            temps[:] = [
                (level := outdoor_c + (gain * occupancy + solar * irradiance_w_m2 + extra_kw) / ua)
                + (t - level) * decay
                for t, ua, decay, gain, solar in zip(
                    temps, self._ua, self._decay, self._gain, self._solar_kw, strict=True
                )
            ]
            supply[:] = temps
            return
        self._stopped = stopped
        cooling = heating = 0.0
        i = 0
        for t, ua, decay, per_kw, gain, solar, on, setpoint, speed in zip(
            temps, self._ua, self._decay, self._per_kw, self._gain, self._solar_kw,
            enabled, setpoints_c, speeds, strict=True,
        ):  # fmt: skip
            level = outdoor_c + (gain * occupancy + solar * irradiance_w_m2 + extra_kw) / ua
            free = level + (t - level) * decay
            if not on:
                temps[i] = supply[i] = free
                waited_s[i] = running[i] = powers[i] = valves[i] = 0.0
                i += 1
                continue
            run = 1.0
            waited = waited_s[i]
            if waited < delay:
                waited_s[i] = now = min(delay, waited + dt_s)
                if now < delay:
                    run = 0.0
                else:
                    run = (waited + dt_s - delay) / dt_s
                    running[i] = 1.0
            powers[i] = self._fan[i] * run * speed * speed * speed
            upper = setpoint + _DEADBAND_K
            aim = upper + (t - upper) * approach if t > upper else upper
            if free > aim:
                limit = self._cool[i] * cool_share * run * speed
                coil = (free - aim) / per_kw
                if coil > limit:
                    valves[i] = 100.0 if limit > 0.0 else 0.0
                    coil = limit
                else:
                    valves[i] = 100.0 * coil / limit
                cooling += coil
                temps[i] = end = free - coil * per_kw
                low = end - coil / self._air[i]
                supply[i] = low if low > _SUPPLY_MIN_C else _SUPPLY_MIN_C
            else:
                valves[i] = 0.0
                lower = setpoint - _DEADBAND_K
                aim = lower + (t - lower) * approach if t < lower else lower
                coil = 0.0
                if free < aim and heat_share > 0.0:
                    limit = self._heat[i] * heat_share * run * speed
                    coil = (aim - free) / per_kw
                    if coil > limit:
                        coil = limit
                    heating += coil
                temps[i] = end = free + coil * per_kw
                supply[i] = end + coil / self._air[i]
            i += 1
        self.cooling_kw = cooling
        self.heating_kw = heating

    def state(self) -> list[list[float]]:
        return [list(self.temps_c), list(self.waited_s)]

    def restore(self, values: Sequence[Sequence[float]]) -> None:
        self.temps_c[:] = values[0]
        self.waited_s[:] = values[1]
        self.running[:] = [1.0 if w >= self.delay_s else 0.0 for w in values[1]]
