"""The two chillers that the control reference prints (10), and pairs for cases."""

from __future__ import annotations

from bms.control.blocks.machines.chooser import Unit
from bms.control.blocks.machines.curves import ChillerModel
from bms.core.machines.relations import Curve

VSD = ChillerModel(
    1406.6,
    6.04,
    Curve(
        (1.042261, 2.644821e-3, -1.468026e-3, 1.366256e-2, -8.302334e-4, 1.573579e-3),
        (1.026340, -1.612819e-2, -1.092591e-3, -1.784393e-2, 7.961842e-4, -9.586049e-5),
        (0.1188880, 0.6723542, 0.2068754),
    ),
    0.20,
)
"""Carrier 19XR."""
SCREW = ChillerModel(
    780.7,
    5.42,
    Curve(
        (1.002148, 3.300191e-2, 3.741670e-4, -5.925358e-3, -2.599267e-5, -2.172126e-4),
        (0.4475957, -1.054652e-2, 7.126870e-4, 1.158632e-2, 5.151510e-4, -9.831355e-4),
        (0.2519108, 0.2756914, 0.4725826),
    ),
    0.09,
)
"""York YS."""
CHW_C = 6.67

UNLIKE = (
    Unit("vsd", VSD.capacity_kw, 0.20 * VSD.capacity_kw, model=VSD),
    Unit("screw", SCREW.capacity_kw, 0.09 * SCREW.capacity_kw, model=SCREW),
)
PAIR = (Unit("large", 700.0, 105.0), Unit("small", 350.0, 52.5))
"""700 + 350 kW without curves, as in the control cases."""
