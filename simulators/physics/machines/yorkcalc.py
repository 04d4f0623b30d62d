"""The YorkCalc correlation: how near a cooling tower comes to the wet bulb."""

from __future__ import annotations

WET_BULB_C = (-34.0, 26.7)
RANGE_K = (1.1, 22.2)
MOST_WATER_PER_AIR = 8.0
"""Validity of the fit; outside it is held at its border."""

# Modelica Buildings library, Fluid.HeatExchangers.CoolingTowers.Correlations: the wet bulb's
# power varies fastest, then the range's, then that of water over air.
_C = (
    (
        (-0.359741205, -0.055053608, 0.0023850432),
        (0.173926877, -0.0248473764, 0.00048430224),
        (-0.005589849456, 0.0005770079712, -0.00001342427256),
    ),
    (
        (2.84765801111111, -0.121765149, 0.0014599242),
        (1.680428651, -0.0166920786, -0.0007190532),
        (-0.025485194448, 0.0000487491696, 0.00002719234152),
    ),
    (
        (-0.0653766255555556, -0.002278167, 0.0002500254),
        (-0.0910565458, 0.00318176316, 0.000038621772),
        (-0.0034285382352, 0.00000856589904, -0.000001516821552),
    ),
)


def approach_k(wet_bulb_c: float, range_k: float, water_per_air: float) -> float:
    """Leaving water above the wet bulb, in K; `water_per_air` relative to the rating point."""
    a, b, c = _by_range(wet_bulb_c, water_per_air)
    r = min(RANGE_K[1], max(RANGE_K[0], range_k))
    return a + r * (b + r * c)


def leaving_c(entering_c: float, wet_bulb_c: float, water_per_air: float) -> float:
    """Water that leaves a tower: entering - range, and wet bulb + approach at that range.

    The approach is a parabola in the range, so that the balance is a quadratic equation.
    """
    a, b, c = _by_range(wet_bulb_c, water_per_air)
    over = entering_c - wet_bulb_c
    if over <= 0.0:
        return entering_c
    low, high = RANGE_K
    # a + b r + c r^2 = over - r
    if over - low <= (least := a + low * (b + low * c)):
        # Less than the least range of the fit: the same efficiency as there.
        return entering_c - over * low / (low + max(0.0, least))
    if over - high >= (most := a + high * (b + high * c)):
        return wet_bulb_c + most
    p = b + 1.0
    if abs(c) < 1e-12:
        r = (over - a) / p
    else:
        r = (-p + max(0.0, p * p - 4.0 * c * (a - over)) ** 0.5) / (2.0 * c)
    return entering_c - min(high, max(low, r))


def _by_range(wet_bulb_c: float, water_per_air: float) -> tuple[float, float, float]:
    """Coefficients of the approach as a parabola in the range."""
    t = min(WET_BULB_C[1], max(WET_BULB_C[0], wet_bulb_c))
    g = min(MOST_WATER_PER_AIR, max(0.05, water_per_air))
    made = []
    for j in range(3):
        value = 0.0
        for k in (2, 1, 0):
            x, y, z = _C[k][j]
            value = value * g + x + t * (y + t * z)
        made.append(value)
    return made[0], made[1], made[2]
