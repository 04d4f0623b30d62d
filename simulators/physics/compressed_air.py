"""Compressors on one header, whose pressure they and the consumers determine."""

from __future__ import annotations

import math
from collections.abc import Sequence

from simulators.physics.motor import Starter

_ATMOSPHERE_KPA = 101.325
FULL_LOAD_KPA = 650.0
"""At and below this gauge pressure every running unit gives all it has."""
UNLOADED_KPA = 750.0
"""At and above this gauge pressure no unit delivers."""
_NOMINAL_KPA = 700.0
_BAND_KPA = UNLOADED_KPA - FULL_LOAD_KPA
_UNLOADED_POWER = 0.28
"""Power of an unloaded screw compressor as a share of full load."""


class AirHeader:
    """Compressors with a joined header.

    dP/dt = patm (Qs - Qd) / V. Running units modulate together from full at 650 kPa to none at
    750 kPa (their local controllers), consumers and leaks draw in proportion to pressure, `demand`
    being what they draw at 700 kPa. Each of the three regimes is linear and solved exactly.
    """

    def __init__(
        self, rated_kw: Sequence[float], flows_m3min: Sequence[float], volume_m3: float
    ) -> None:
        self.rated_kw = list(rated_kw)
        self.flows_m3min = list(flows_m3min)
        self.volume_m3 = volume_m3
        self.starters = [Starter(10.0) for _ in self.rated_kw]
        self.pressure_kpa = _NOMINAL_KPA
        self.delivered_m3min = 0.0
        """Mean free-air delivery over the last step."""
        self.load_pct = 0.0
        self.powers_kw = [0.0] * len(self.rated_kw)

    def step(self, enabled: Sequence[float], demand_m3min: float, dt_s: float) -> None:
        shares = [s.run(on != 0.0, dt_s) for s, on in zip(self.starters, enabled, strict=True)]
        available = sum(q * r for q, r in zip(self.flows_m3min, shares, strict=True))
        supplied = self._advance(available, demand_m3min, dt_s)
        self.delivered_m3min = supplied * 60.0 / dt_s
        load = min(1.0, self.delivered_m3min / available) if available > 0.0 else 0.0
        self.load_pct = 100.0 * load
        factor = _UNLOADED_POWER + (1.0 - _UNLOADED_POWER) * load
        self.powers_kw = [p * r * factor for p, r in zip(self.rated_kw, shares, strict=True)]

    def _advance(self, available: float, demand: float, dt_s: float) -> float:
        """Move the pressure; returns the free air supplied, m3."""
        per_m3 = _ATMOSPHERE_KPA / self.volume_m3  # kPa per m3 of free air
        use = demand / _NOMINAL_KPA / 60.0  # m3/s per kPa
        full = available / 60.0
        p, left, supplied = self.pressure_kpa, dt_s, 0.0
        # Pressure runs monotonically to the one equilibrium, so it meets each regime at most once.
        for _ in range(3):
            if p < FULL_LOAD_KPA or (p == FULL_LOAD_KPA and full < use * p):
                constant, slope, low, high = full, 0.0, -math.inf, FULL_LOAD_KPA
            elif p > UNLOADED_KPA:
                constant, slope, low, high = 0.0, 0.0, UNLOADED_KPA, math.inf
            else:
                slope = full / _BAND_KPA
                constant, low, high = slope * UNLOADED_KPA, FULL_LOAD_KPA, UNLOADED_KPA
            spent, end, mean = _relax(p, per_m3 * constant, per_m3 * (use + slope), left, low, high)
            supplied += spent * max(0.0, constant - slope * mean)
            p = end
            left -= spent
            if left <= 0.0:
                break
        self.pressure_kpa = p
        return supplied

    def state(self) -> list[float]:
        return [self.pressure_kpa, *(starter.state for starter in self.starters)]

    def restore(self, values: Sequence[float]) -> None:
        self.pressure_kpa = values[0]
        for starter, value in zip(self.starters, values[1:], strict=True):
            starter.restore(value)


def _relax(
    p: float, source: float, rate: float, dt: float, low: float, high: float
) -> tuple[float, float, float]:
    """dp/dt = source - rate * p from `p` for `dt`, or until it leaves [low, high].

    Returns the time spent, the end value and the mean over that time.
    """
    if rate <= 0.0:
        end = p + source * dt
        spent = dt
        if source > 0.0 and end > high:
            spent, end = (high - p) / source, high
        return spent, end, (p + end) / 2
    level = source / rate
    spent = dt
    decay = math.exp(-rate * dt)
    end = level + (p - level) * decay
    bound = high if end > high else low if end < low else None
    if bound is not None:
        spent = min(dt, math.log((p - level) / (bound - level)) / rate)
        end = bound
        decay = (bound - level) / (p - level)
    if spent <= 0.0:
        return 0.0, end, p
    return spent, end, level + (p - level) * (1.0 - decay) / (rate * spent)


def dryer_power_kw(rated_kw: float, flow_share: float) -> float:
    """A heat-of-compression dryer: its blower always, its cooler with the air it dries."""
    return rated_kw * (0.35 + 0.65 * min(1.0, flow_share))
