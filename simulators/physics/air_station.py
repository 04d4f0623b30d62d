"""A station of unlike compressors on one header, each with its own pressure switch.

dP/dt = patm (Qs - Qd) / V. Each running unit gives all it can below its band and nothing above it,
in between its share: a screw that loads and unloads, as a mean; a drive by its speed. What it
draws is Pf (0.28 + 0.72 load), of a drive Pf (0.12 + 0.88 load), 7 % more for each bar above 7 bar.
Consumers and leaks draw in proportion to the pressure: higher pressure is used, not saved.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from simulators.physics.motor import Starter

ATMOSPHERE_KPA = 101.325
NOMINAL_KPA = 700.0
UNLOADED_SHARE = 0.28
"""Of its rating, what a screw draws that delivers nothing."""
DRIVEN_SHARE = 0.12
"""The same of one with a drive."""
PER_KPA = 0.07 / 100.0
"""More power for each kPa (7 % a bar)."""
STEP_S = 2.0
"""Inner steps: storages of works answer within half a minute."""


@dataclass(frozen=True, slots=True)
class AirUnitSpec:
    """One compressor as it was built and set."""

    rated_kw: float
    flow_m3min: float
    full_kpa: float = 650.0
    """At and below this pressure it gives all it has; at `none_kpa` nothing."""
    none_kpa: float = 750.0
    driven: bool = False
    """It has a drive: it draws less at part load."""
    stops_s: float | None = None
    """Unloaded for so long it stops by itself, and starts again when the pressure is back in its
    band; None: it runs unloaded until it is switched off."""
    start_s: float = 10.0


class AirStation:
    """Units, storage, consumers and leaks; see the module."""

    def __init__(
        self, units: Sequence[AirUnitSpec], volume_m3: float, leaks_m3min: float = 0.0
    ) -> None:
        self.units = tuple(units)
        self.volume_m3 = volume_m3
        self.leaks_m3min = leaks_m3min
        """At 7 bar."""
        self.pressure_kpa = NOMINAL_KPA
        self.loads = [0.0] * len(units)
        """Mean share of what each can give, of the last step."""
        self.powers_kw = [0.0] * len(units)
        self.delivered_m3min = 0.0
        self.used_m3min = 0.0
        self.running = [False] * len(units)
        self._starters = [Starter(unit.start_s) for unit in units]
        self._unloaded_s = [0.0] * len(units)
        self._rests = [False] * len(units)

    def step(
        self,
        enabled: Sequence[bool],
        demand_m3min: float,
        dt_s: float,
        speeds: Sequence[float | None] = (),
        setpoints: Sequence[float | None] = (),
    ) -> None:
        """Advance. `demand_m3min` at 7 bar; a `speed` (0-1) takes the place of a unit's band, a
        `setpoint` is the middle of it."""
        count = len(self.units)
        sums, drawn = [0.0] * count, [0.0] * count
        used = left_s = 0.0
        left_s = dt_s
        while left_s > 1e-9:
            step_s = min(STEP_S, left_s)
            left_s -= step_s
            supplied = 0.0
            for i, unit in enumerate(self.units):
                share = self._run(i, enabled[i], step_s)
                load = self._load(unit, i, speeds, setpoints)
                self._rest(i, unit, load, share > 0.0, step_s)
                supplied += share * load * unit.flow_m3min
                sums[i] += share * load * step_s
                idle = DRIVEN_SHARE if unit.driven else UNLOADED_SHARE
                factor = 1.0 + PER_KPA * (self.pressure_kpa - NOMINAL_KPA)
                drawn[i] += share * unit.rated_kw * (idle + (1.0 - idle) * load) * factor * step_s
            taken = (demand_m3min + self.leaks_m3min) * self.pressure_kpa / NOMINAL_KPA
            used += taken * step_s
            change = ATMOSPHERE_KPA * (supplied - taken) / 60.0 / self.volume_m3
            self.pressure_kpa = max(0.0, self.pressure_kpa + change * step_s)
        self.loads = [amount / dt_s for amount in sums]
        self.powers_kw = [amount / dt_s for amount in drawn]
        self.used_m3min = used / dt_s
        self.delivered_m3min = sum(
            load * unit.flow_m3min for load, unit in zip(self.loads, self.units, strict=True)
        )
        self.running = [s.running for s in self._starters]

    def _run(self, i: int, enabled: bool, step_s: float) -> float:
        unit = self.units[i]
        if self._rests[i] and self.pressure_kpa < (unit.full_kpa + unit.none_kpa) / 2.0:
            self._rests[i] = False
        if not enabled:
            self._rests[i], self._unloaded_s[i] = False, 0.0
        return self._starters[i].run(enabled and not self._rests[i], step_s)

    def _load(
        self,
        unit: AirUnitSpec,
        i: int,
        speeds: Sequence[float | None],
        setpoints: Sequence[float | None],
    ) -> float:
        speed = speeds[i] if speeds else None
        if speed is not None and self.pressure_kpa < unit.none_kpa:
            return min(max(speed, 0.0), 1.0)
        full_kpa, none_kpa = unit.full_kpa, unit.none_kpa
        middle_kpa = setpoints[i] if setpoints else None
        if middle_kpa is not None:
            half_kpa = (none_kpa - full_kpa) / 2.0
            full_kpa, none_kpa = middle_kpa - half_kpa, middle_kpa + half_kpa
        share = (none_kpa - self.pressure_kpa) / (none_kpa - full_kpa)
        return min(max(share, 0.0), 1.0)

    def _rest(self, i: int, unit: AirUnitSpec, load: float, runs: bool, step_s: float) -> None:
        """Whether it has run unloaded for so long that it stops by itself."""
        if not runs or load > 0.0 or unit.stops_s is None:
            self._unloaded_s[i] = 0.0
            return
        self._unloaded_s[i] += step_s
        if self._unloaded_s[i] >= unit.stops_s:
            self._rests[i], self._unloaded_s[i] = True, 0.0
