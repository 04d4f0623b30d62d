"""What a person may ask of a commanded role. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

_SHARE: Final = (0.0, 100.0)

LIMITS: Final[Mapping[str, tuple[float, float]]] = MappingProxyType(
    {
        "chw_setpoint": (-15.0, 25.0),  # brine of an ice store to a high-temperature circuit
        "hw_setpoint": (15.0, 130.0),
        "cw_setpoint": (5.0, 50.0),
        "loop_setpoint": (-15.0, 130.0),
        "supply_setpoint": (5.0, 60.0),
        "tank_setpoint": (10.0, 95.0),
        "mix_setpoint": (30.0, 65.0),
        "zone_setpoint": (5.0, 40.0),  # frost protection to a drying room
        "cooling_setpoint": (5.0, 50.0),
        "heating_setpoint": (-5.0, 40.0),
        "humidity_setpoint": _SHARE,
        "co2_setpoint": (300.0, 5000.0),
        "static_setpoint": (0.0, 2500.0),  # Pa
        "dp_setpoint": (0.0, 1500.0),  # kPa
        "airflow_setpoint": (0.0, 1_000_000.0),  # m3/h
        "oa_flow_setpoint": (0.0, 1_000_000.0),
        "pressure_setpoint": (0.0, 4000.0),  # kPa: compressed air, water supply
        "demand_limit": _SHARE,
        "fan_speed": _SHARE,
        "level": _SHARE,
        "speed": _SHARE,
        "position": _SHARE,
        "valve": _SHARE,
        "cw_valve": _SHARE,
        "cooling_valve": _SHARE,
        "heating_valve": _SHARE,
        "preheat_valve": _SHARE,
        "reheat_valve": _SHARE,
        "humidifier": _SHARE,
        "bypass_valve": _SHARE,
        "damper": _SHARE,
        "oa_damper": _SHARE,
        "return_damper": _SHARE,
        "exhaust_damper": _SHARE,
    }
)
"""The least and the most that a person may ask of a commanded role, in its unit. Wide on purpose:
what lies outside is no policy but a slip of the pen, 260 for 26."""
