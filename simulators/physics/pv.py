"""Photovoltaics behind the meter."""

from __future__ import annotations

_PERFORMANCE = 0.86
"""Wiring, soiling, inverter."""
_PER_K = -0.0038
_CELL_K_PER_W_M2 = 0.028


def pv_power_kw(peak_kw: float, irradiance_w_m2: float, outdoor_c: float) -> float:
    """AC power of `peak_kw` modules; the warmer the cells, the less."""
    cell = outdoor_c + _CELL_K_PER_W_M2 * irradiance_w_m2
    share = irradiance_w_m2 * 0.001 * _PERFORMANCE * (1.0 + _PER_K * (cell - 25.0))
    return peak_kw * min(1.0, max(0.0, share))
