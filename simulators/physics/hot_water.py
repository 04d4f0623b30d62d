"""A hot-water loop heated by gas boilers, of which the electricity is metered."""

from __future__ import annotations

from collections.abc import Sequence

from simulators.physics.chilled_water import KW_PER_M3H_K, WATER_KJ_M3K
from simulators.physics.motor import Starter

_COOLEST_USEFUL_C = 30.0
_CONTROL_S = 300.0
_AMBIENT_KW_K = 0.8
_FIRING_DELAY_S = 60.0
_FAN_SHARE = 0.008
"""Electricity of burner fan at full fire, as a share of heat output."""
_PUMP_SHARE = 0.012
"""Electricity of the circulation pump built into each boiler, while it is enabled."""


class HotWaterPlant:
    """Boilers of `capacity_kw` each on one well-mixed loop; steps as `ChilledWaterPlant` does."""

    def __init__(self, capacities_kw: Sequence[float], volume_m3: float) -> None:
        self.capacities_kw = list(capacities_kw)
        self.starters = [Starter(_FIRING_DELAY_S) for _ in capacities_kw]
        self.heat_kj_k = volume_m3 * WATER_KJ_M3K
        self.supply_c = 25.0
        self.return_c = 25.0
        self.heating_kw = [0.0] * len(self.capacities_kw)
        self.powers_kw = [0.0] * len(self.capacities_kw)
        self._run = [0.0] * len(self.capacities_kw)
        self._setpoint_c = 60.0

    def begin(self, commands: Sequence[tuple[float, float]], dt_s: float) -> float:
        """`commands` are (enable, set point in degC); returns the most that may be drawn, kW."""
        total = weighted = 0.0
        for i, (enable, setpoint_c) in enumerate(commands):
            self._run[i] = run = self.starters[i].run(enable != 0.0, dt_s)
            total += run * self.capacities_kw[i]
            weighted += run * self.capacities_kw[i] * setpoint_c
        if total == 0.0:
            return 0.0
        self._setpoint_c = weighted / total
        return total + self.heat_kj_k * max(0.0, self.supply_c - _COOLEST_USEFUL_C) / dt_s

    def coil_share(self) -> float:
        """Heating-coil capacity (0-1) at the present water temperature, against 60 degC."""
        return min(1.0, max(0.0, (self.supply_c - 20.0) / 40.0))

    def finish(self, drawn_kw: float, dt_s: float) -> None:
        """Balance the loop over the step; `drawn_kw` is the mean heat given to the coils."""
        loss = drawn_kw + _AMBIENT_KW_K * (self.supply_c - 20.0)
        total = sum(r * c for r, c in zip(self._run, self.capacities_kw, strict=True))
        heating = 0.0
        if total > 0.0:
            missing = self.heat_kj_k * (self._setpoint_c - self.supply_c)
            heating = min(total, max(0.0, loss + missing / max(dt_s, _CONTROL_S)))
        for i, run in enumerate(self._run):
            capacity = self.capacities_kw[i]
            share = heating / total if total > 0.0 else 0.0
            self.heating_kw[i] = given = run * capacity * share
            self.powers_kw[i] = _FAN_SHARE * given + _PUMP_SHARE * capacity * run
        self.supply_c += (heating - loss) * dt_s / self.heat_kj_k
        flow = total / (KW_PER_M3H_K * 20.0)  # designed for a difference of 20 K
        self.return_c = self.supply_c - (drawn_kw / (KW_PER_M3H_K * flow) if flow > 0.0 else 0.0)

    def state(self) -> list[float]:
        return [self.supply_c, *(starter.state for starter in self.starters)]

    def restore(self, values: Sequence[float]) -> None:
        self.supply_c = values[0]
        for starter, value in zip(self.starters, values[1:], strict=True):
            starter.restore(value)
