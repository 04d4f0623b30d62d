"""Water that takes its time: plug flow in pipes, and vessels in which it mixes."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from simulators.physics.water.hydraulics import WATER_KJ_M3K

_FINEST = 1.0 / 60.0
"""Parcels smaller than this share of the pipe are joined to the one before."""


class Pipe:
    """A pipe of `volume_m3` that gives back what came in when that volume has passed.

    Parcels of (volume, temperature) queue up; mixing only happens between neighbours that are
    too small to be kept apart. Volume times temperature is conserved exactly.
    """

    __slots__ = ("_parcels", "out_c", "volume_m3")

    def __init__(self, volume_m3: float, temp_c: float) -> None:
        self.volume_m3 = volume_m3
        self._parcels: deque[list[float]] = deque([[volume_m3, temp_c]] if volume_m3 else [])
        self.out_c = temp_c

    def pop(self, volume_m3: float) -> float:
        """Take the oldest water out; returns its mean temperature.

        `push` as much again in the same step. No more than the pipe holds can be taken: steps
        have to be short enough (`longest_s`).
        """
        if volume_m3 <= 0.0:
            return self.out_c
        parcels = self._parcels
        left, heat = volume_m3, 0.0
        while left > 1e-12 * volume_m3 and parcels:
            first = parcels[0]
            if first[0] > left:
                first[0] -= left
                heat += left * first[1]
                left = 0.0
                break
            left -= first[0]
            heat += first[0] * first[1]
            parcels.popleft()
        self.out_c = heat / (volume_m3 - left)
        return self.out_c

    def push(self, volume_m3: float, temp_c: float) -> None:
        """Let water in at the other end."""
        if volume_m3 <= 0.0:
            return
        last = self._parcels[-1] if self._parcels else None
        if last is not None and last[0] < self.volume_m3 * _FINEST:
            both = last[0] + volume_m3
            last[1] = (last[0] * last[1] + volume_m3 * temp_c) / both
            last[0] = both
        else:
            self._parcels.append([volume_m3, temp_c])

    def longest_s(self, flow_m3h: float) -> float:
        """The longest step in which this flow takes no more than there is."""
        return 3600.0 * 0.95 * self.volume_m3 / flow_m3h

    def warm(self, heat_kwh: float) -> None:
        """Spread heat (negative: cold) over all that is in the pipe."""
        if self.volume_m3 > 0.0:
            rise = heat_kwh * 3600.0 / (WATER_KJ_M3K * self.volume_m3)
            for parcel in self._parcels:
                parcel[1] += rise

    @property
    def stored_m3k(self) -> float:
        """Volume times temperature of all that is in it."""
        return sum(v * t for v, t in self._parcels)

    def state(self) -> list[float]:
        return [self.out_c, *(x for parcel in self._parcels for x in parcel)]

    def restore(self, values: Sequence[float]) -> None:
        self.out_c = values[0]
        self._parcels = deque([values[i], values[i + 1]] for i in range(1, len(values), 2))


class Vessel:
    """Well-mixed water."""

    __slots__ = ("temp_c", "volume_m3")

    def __init__(self, volume_m3: float, temp_c: float) -> None:
        self.volume_m3 = volume_m3
        self.temp_c = temp_c

    def mix(self, volume_m3: float, temp_c: float, early_m3: float = 0.0) -> float:
        """Let `volume_m3` in and as much out; returns the temperature of what leaves.

        Implicit: exact in heat, and never swings, however long the step. `early_m3` of what
        leaves does so at the temperature before.
        """
        if volume_m3 > 0.0:
            before = self.temp_c
            self.temp_c = ((self.volume_m3 - early_m3) * before + volume_m3 * temp_c) / (
                self.volume_m3 + volume_m3 - early_m3
            )
        return self.temp_c

    def warm(self, heat_kwh: float) -> None:
        self.temp_c += heat_kwh * 3600.0 / (WATER_KJ_M3K * self.volume_m3)

    @property
    def stored_m3k(self) -> float:
        return self.volume_m3 * self.temp_c
