"""Terminal units: a box with a damper and maybe a reheat coil, by its own controller."""

from __future__ import annotations

import math
from dataclasses import dataclass

from simulators.physics.air.coils import Coil, CoilSpec
from simulators.physics.air.moist_air import CP_KJ_KGK, KG_S_PER_M3H, Air
from simulators.physics.air.rooms import Room, RoomSpec
from simulators.physics.water.actuators import Actuator

_OPEN_SHARE = 0.25
"""Pressure that a wide open box takes at its design flow, as a share of the duct's."""
_GAIN_PER_K = 0.1
_INTEGRAL_S = 900.0
_MOST_WARM = 0.5
"""Share of the design flow at full heating."""
_WARMEST_K = 12.0
"""Reheated air above the room: warmer air stays under the ceiling."""


class Loop:
    """A proportional-integral loop in steps: -1 asks for all heating, 1 for all cooling."""

    __slots__ = ("_error", "gain", "integral_s", "out")

    def __init__(self, gain: float, integral_s: float) -> None:
        self.gain = gain
        self.integral_s = integral_s
        self.out = 0.0
        self._error = 0.0

    def step(self, error: float, dt_s: float, low: float = -1.0, high: float = 1.0) -> float:
        """Move the output; positive errors raise it."""
        change = error - self._error + error * min(dt_s, self.integral_s) / self.integral_s
        self._error = error
        self.out = min(high, max(low, self.out + self.gain * change))
        return self.out

    def rest(self) -> None:
        """Begin again from the middle."""
        self.out = self._error = 0.0


@dataclass(frozen=True, slots=True)
class TerminalSpec:
    """One room and how air gets into it."""

    room: RoomSpec
    airflow_m3h: float
    least: float = 0.3
    """Share of the design flow that always flows while the unit runs."""
    reheat_kw: float = 0.0
    constant: bool = False
    """No damper: a fixed share of the unit's air."""


class Terminal:
    """A room with its box."""

    __slots__ = (
        "_full", "air_kg_s", "airflow_m3h", "damper", "loop", "reheat", "room", "spec",
        "supply", "wanted_m3h",
    )  # fmt: skip

    def __init__(self, spec: TerminalSpec, static_kpa: float) -> None:
        self.spec = spec
        self.room = Room(spec.room)
        self.damper = Actuator(90.0, 1.0 if spec.constant else spec.least)
        self._full = spec.airflow_m3h / math.sqrt(_OPEN_SHARE * static_kpa)
        self.loop = Loop(_GAIN_PER_K, _INTEGRAL_S)
        self.reheat: Coil | None = None
        if spec.reheat_kw > 0.0:
            self.reheat = Coil(
                CoilSpec(
                    -spec.reheat_kw, 0.5 * spec.airflow_m3h, Air(13.0, 0.008), 60.0, 20.0, 60.0
                )
            )
        self.airflow_m3h = self.air_kg_s = 0.0
        self.wanted_m3h = 0.0
        self.supply = self.room.air

    def conductance(self) -> float:
        """Of the box as it stands now, m3/h at 1 kPa."""
        return self._full if self.spec.constant else self._full * max(0.05, self.damper.position)

    def control(self, cooling_c: float, heating_c: float, box_kpa: float, dt_s: float) -> None:
        """Its own controller, with two maxima as Guideline 36 has them."""
        spec, temp = self.spec, self.room.air.temp_c
        error = temp - cooling_c if temp > cooling_c else min(0.0, temp - heating_c)
        if error == 0.0 and self.loop.out != 0.0:
            # Between the set points a loop gives back what it had asked for.
            self.loop.step(-0.5 * math.copysign(min(1.0, abs(self.loop.out) / _GAIN_PER_K),
                                                self.loop.out), dt_s)  # fmt: skip
        else:
            self.loop.step(error, dt_s)
        share = spec.least + (1.0 - spec.least) * max(0.0, self.loop.out)
        heating = -2.0 * self.loop.out
        if self.reheat is not None and heating > 1.0:  # warmest air first, then more of it
            share += max(0.0, _MOST_WARM - spec.least) * (heating - 1.0)
        self.wanted_m3h = share * spec.airflow_m3h
        if not spec.constant:
            target = self.wanted_m3h / (self._full * math.sqrt(max(0.005, box_kpa)))
            self.damper.move(min(1.0, target), dt_s)
        if self.reheat is not None:
            target = min(1.0, max(0.0, heating))
            if self.supply.temp_c > temp + _WARMEST_K:
                target = min(target, self.reheat.valve.position - 0.05)
            self.reheat.valve.move(max(0.0, target), dt_s)

    def rest(self, dt_s: float) -> None:
        """The unit stands: the box goes to its least, the valve shuts."""
        self.loop.rest()
        self.airflow_m3h = self.air_kg_s = self.wanted_m3h = 0.0
        if not self.spec.constant:
            self.damper.move(self.spec.least, dt_s)
        if self.reheat is not None:
            self.reheat.air_kg_s = 0.0
            self.reheat.valve.move(0.0, dt_s)

    def blow(self, airflow_m3h: float, arriving: Air) -> None:
        """Let that much air through, which arrives like this until the loops have stepped."""
        self.airflow_m3h = airflow_m3h
        self.air_kg_s = airflow_m3h * KG_S_PER_M3H
        if self.reheat is not None:
            self.reheat.entering = arriving
            self.reheat.air_kg_s = self.air_kg_s

    def warm(self, arriving: Air) -> Air:
        """What the room gets of the air that has arrived now."""
        if self.reheat is None or self.air_kg_s == 0.0:
            self.supply = arriving
        else:
            # The coil's heat was worked out for the air of the step before.
            rise = -self.reheat.heat_kw / (self.air_kg_s * CP_KJ_KGK)
            self.supply = arriving._replace(temp_c=arriving.temp_c + rise)
        return self.supply
