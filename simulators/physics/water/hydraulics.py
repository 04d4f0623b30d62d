"""Quadratic pipe networks and the pumps that drive them.

A branch of conductance k carries V = k * sqrt(dp). Branches side by side add up; in a row, the
squares of their resistances do. So every header network shrinks to one conductance.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from simulators.physics.motor import drive_efficiency, motor_efficiency

WATER_KJ_M3K = 4186.0
KW_PER_M3H_K = WATER_KJ_M3K / 3600.0
"""Heat carried by 1 m3/h of water per kelvin: 1.163 kW."""


def in_row(*conductances: float) -> float:
    """The conductance of branches one behind the other; 0 if one is shut."""
    total = 0.0
    for k in conductances:
        if k <= 0.0:
            return 0.0
        total += 1.0 / (k * k)
    return 1.0 / math.sqrt(total)


def conductance(flow_m3h: float, drop_kpa: float) -> float:
    """The conductance that carries `flow_m3h` at `drop_kpa`."""
    return flow_m3h / math.sqrt(drop_kpa)


@dataclass(frozen=True, slots=True)
class PumpSpec:
    """A centrifugal pump: its design point and what its curve is like.

    H = Hs r^2 + (Hd - Hs) (V / Vd)^2 at relative speed r (affinity laws). Efficiency falls off
    as a parabola on both sides of the design point.
    """

    flow_m3h: float
    head_kpa: float
    shutoff: float = 1.25
    """Head without flow as a share of the design head; above 1."""
    efficiency: float = 0.75
    motor_kw: float = 0.0
    """Rating of the motor; 0: what the design point needs, and 15 % more."""

    @property
    def shaft_kw(self) -> float:
        """Shaft power at the design point."""
        return self.flow_m3h / 3600.0 * self.head_kpa / self.efficiency

    @property
    def rated_kw(self) -> float:
        return self.motor_kw or 1.15 * self.shaft_kw

    def shaft_at_kw(self, flow_m3h: float, speed: float) -> float:
        """Shaft power at relative `speed`. A pump against a shut valve still churns its water."""
        if speed <= 0.0:
            return 0.0
        x = flow_m3h / (speed * self.flow_m3h)
        head = self.head_kpa * (
            self.shutoff * speed * speed + (1.0 - self.shutoff) * (flow_m3h / self.flow_m3h) ** 2
        )
        if head <= 0.0:  # run out past the end of its curve
            return self.shaft_kw * speed**3
        # V H / eta with eta = best (2x - x^2): the x cancels, so that x = 0 needs no care.
        reduced = max(0.3, 2.0 - x)
        return speed * self.flow_m3h / 3600.0 * head / (self.efficiency * reduced)

    def electric_kw(self, shaft_kw: float, speed: float) -> float:
        """What motor and drive draw for `shaft_kw` (Bernier and Bourret)."""
        if shaft_kw <= 0.0:
            return 0.0
        load = shaft_kw / self.rated_kw
        return shaft_kw / (motor_efficiency(load) * drive_efficiency(speed))


class PumpBank:
    """Unlike pumps side by side between two headers, each behind a check valve."""

    __slots__ = ("_coefficients", "_key", "_solved", "flows_m3h", "specs")

    def __init__(self, specs: Sequence[PumpSpec]) -> None:
        self.specs = tuple(specs)
        self.flows_m3h = [0.0] * len(self.specs)
        # V = a sqrt(S r^2 - H)
        self._coefficients = [
            (s.flow_m3h / math.sqrt(s.head_kpa * (s.shutoff - 1.0)), s.head_kpa * s.shutoff)
            for s in self.specs
        ]
        self._key: tuple[tuple[float, ...], float, float] | None = None
        self._solved = (0.0, 0.0)

    def solve(
        self, speeds: Sequence[float], k: float, static_kpa: float = 0.0
    ) -> tuple[float, float]:
        """Total flow and head when these speeds (0-1) drive a network of conductance `k`.

        `static_kpa` is lift that is there without flow (an open tower). `flows_m3h` says who
        carries how much.
        """
        key = (tuple(speeds), k, static_kpa)
        if key == self._key:
            return self._solved
        self._key = key
        running = [
            (a, top * r * r)
            for (a, top), r in zip(self._coefficients, speeds, strict=True)
            if r > 0.0
        ]
        head = _head(running, k, static_kpa) if running else 0.0
        total = 0.0
        for i, ((a, top), r) in enumerate(zip(self._coefficients, speeds, strict=True)):
            spare = top * r * r - head
            self.flows_m3h[i] = v = a * math.sqrt(spare) if r > 0.0 and k > 0.0 < spare else 0.0
            total += v
        self._solved = (total, head)
        return self._solved


def _head(running: Sequence[tuple[float, float]], k: float, static_kpa: float) -> float:
    """The head at which pumps of (a, shut-off) together give what the network takes."""
    highest = max(top for _, top in running)
    if k <= 0.0 or highest <= static_kpa:
        return highest
    kk = k * k
    if len({top for _, top in running}) == 1:
        a = sum(a for a, _ in running)
        return (a * a * highest + kk * static_kpa) / (a * a + kk)
    # Pumps give less and the network takes more, the higher the head: one root in between.
    low, high = static_kpa, highest
    for _ in range(60):
        head = 0.5 * (low + high)
        given = sum(a * math.sqrt(top - head) for a, top in running if top > head)
        if given > k * math.sqrt(head - static_kpa):
            low = head
        else:
            high = head
        if high - low < 1e-9 * highest:
            break
    return 0.5 * (low + high)
