"""Energy counters: exact inside, whole counts outside."""

from __future__ import annotations

from collections.abc import Sequence


class CounterBank:
    """Energy counters of many machines and meters.

    Inside, kWh are floats; a register shows whole counts of its resolution, rounded down, and
    only ever rises.
    """

    def __init__(self, start_kwh: Sequence[float], counts_per_kwh: Sequence[int]) -> None:
        self.kwh = list(start_kwh)
        self._counts_per_kwh = list(counts_per_kwh)

    def add(self, powers_kw: Sequence[float], dt_s: float) -> list[float]:
        """Count the energy of a step; returns the registers in kWh. Powers are not negative."""
        hours = dt_s / 3600.0
        self.kwh = kwh = [e + p * hours for e, p in zip(self.kwh, powers_kw, strict=True)]
        return [int(e * n) / n for e, n in zip(kwh, self._counts_per_kwh, strict=True)]

    def registers(self) -> list[float]:
        """The registers as they stand, in kWh."""
        return [int(e * n) / n for e, n in zip(self.kwh, self._counts_per_kwh, strict=True)]

    def restore(self, kwh: Sequence[float]) -> None:
        if len(kwh) != len(self.kwh):
            raise ValueError(f"{len(kwh)} counters do not fit {len(self.kwh)} machines")
        self.kwh = list(kwh)
