"""A store of hot tap water: layers, draw-off, losses, circulation."""

from __future__ import annotations

from collections.abc import Sequence

KJ_M3K = 4180.0
AMBIENT_C = 20.0


class HotStore:
    """A store of layers of one size, the top first. Hot water leaves at the top, cold water follows
    at the bottom, heat comes in at the bottom and rises."""

    def __init__(self, volume_m3: float, temp_c: float, *, layers: int = 6,
                 loss_kw_k: float = 0.004) -> None:  # fmt: skip
        self.volume_m3 = volume_m3
        self.temps_c = [temp_c] * layers
        self.loss_kw_k = loss_kw_k
        self.lost_kwh = 0.0
        self.heated_kwh = 0.0

    @property
    def layer_m3(self) -> float:
        """The volume of a layer."""
        return self.volume_m3 / len(self.temps_c)

    def step(
        self,
        dt_s: float,
        *,
        draw_m3h: float,
        cold_c: float,
        heat_kw: float,
        circulated_m3h: float = 0.0,
        return_c: float = 50.0,
    ) -> float:
        """Advance; returns the mean temperature of what left at the top, degC."""
        temps, layer = self.temps_c, self.layer_m3
        hours = dt_s / 3600.0
        top_before = temps[0]
        out_m3, in_m3 = (draw_m3h + circulated_m3h) * hours, draw_m3h * hours
        back_m3 = circulated_m3h * hours
        parts = max(1, int(out_m3 / (0.5 * layer)) + 1)
        left_c = 0.0
        for _ in range(parts):
            share = out_m3 / parts / layer
            left_c += temps[0] / parts
            middle = len(temps) // 2
            cold = in_m3 / parts / layer
            returned = back_m3 / parts / layer
            moved = list(temps)
            for i in range(middle):
                moved[i] += share * (temps[i + 1] - temps[i])
            # What circulates comes back at half height.
            below = temps[middle + 1] if middle + 1 < len(temps) else cold_c
            moved[middle] += cold * (below - temps[middle]) + returned * (return_c - temps[middle])
            for i in range(middle + 1, len(temps)):
                lower = temps[i + 1] if i + 1 < len(temps) else cold_c
                moved[i] += cold * (lower - temps[i])
            temps[:] = moved
        loss_kw = self.loss_kw_k * (sum(temps) / len(temps) - AMBIENT_C)
        self.lost_kwh += loss_kw * hours
        self.heated_kwh += heat_kw * hours
        capacity = layer * KJ_M3K
        for i in range(len(temps)):
            temps[i] -= self.loss_kw_k / len(temps) * (temps[i] - AMBIENT_C) * dt_s / capacity
        temps[-1] += heat_kw * dt_s / capacity
        self._rise()
        return left_c if out_m3 else top_before

    def _rise(self) -> None:
        """Warmer water rises: what lies beneath colder water mixes with it."""
        temps = self.temps_c
        while True:
            for i in range(len(temps) - 1, 0, -1):
                if temps[i] > temps[i - 1] + 1e-9:
                    j = i
                    total, count = temps[i], 1
                    while j > 0 and total / count > temps[j - 1] + 1e-12:
                        j -= 1
                        total += temps[j]
                        count += 1
                    temps[j : i + 1] = [total / count] * count
                    break
            else:
                return

    @property
    def energy_kwh(self) -> float:
        """Above 0 degC."""
        return sum(self.temps_c) * self.layer_m3 * KJ_M3K / 3600.0

    def state(self) -> list[float]:
        """For `restore`."""
        return list(self.temps_c)

    def restore(self, temps_c: Sequence[float]) -> None:
        """Go on from there."""
        self.temps_c[:] = temps_c


def circulation_return_c(supply_c: float, flow_m3h: float, loss_kw_k: float) -> float:
    """What comes back from a loop of pipes that lose so much."""
    if flow_m3h <= 0.0:
        return AMBIENT_C
    loss_kw = loss_kw_k * (supply_c - AMBIENT_C)
    return max(AMBIENT_C, supply_c - loss_kw * 3600.0 / (KJ_M3K * flow_m3h))
