"""The points of the park: what can be read, what can be written, and at what limits."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from drivers.plant import PlantPoint


class _Command(NamedTuple):
    """A writable role: its unit, the device's own limits, and where it rests untouched."""

    unit: str
    low: float
    high: float
    rest: float


_COMMANDS = {
    "enable": _Command("", 0, 1, 0),
    "speed": _Command("%", 0, 100, 100),
    "fan_speed": _Command("%", 0, 100, 100),
    "level": _Command("%", 0, 100, 100),
    "chw_setpoint": _Command("degC", 4, 20, 7),
    "hw_setpoint": _Command("degC", 25, 85, 60),
    "zone_setpoint": _Command("degC", 5, 40, 24),
    "tank_setpoint": _Command("degC", 20, 85, 60),
    "supply_setpoint": _Command("degC", 8, 35, 12),
    "demand_limit": _Command("%", 30, 100, 100),
    "valve": _Command("%", 0, 100, 0),
    "valve_enable": _Command("", 0, 1, 0),
    "cw_valve": _Command("%", 0, 100, 0),
    "bypass_valve": _Command("%", 0, 100, 0),
    "cooling_valve": _Command("%", 0, 100, 0),
    "heating_valve": _Command("%", 0, 100, 0),
    "oa_damper": _Command("%", 0, 100, 0),
    "static_setpoint": _Command("Pa", 0, 1500, 250),
    "cooling_setpoint": _Command("degC", 10, 40, 26),
    "heating_setpoint": _Command("degC", 5, 35, 20),
}
_SENSORS = {
    "status": "", "fault": "", "occupied": "", "power": "kW", "energy": "kWh", "load": "%",
    "chw_supply_temp": "degC", "chw_return_temp": "degC", "cw_supply_temp": "degC",
    "hw_supply_temp": "degC", "hw_return_temp": "degC", "supply_temp": "degC",
    "return_temp": "degC", "zone_temp": "degC", "cooling_valve": "%", "flow": "m3/h",
    "differential_pressure": "kPa", "pressure": "kPa", "illuminance": "lx",
    "cw_return_temp": "degC", "basin_temp": "degC", "mixed_temp": "degC", "volume": "m3",
    "local": "", "flow_switch": "", "valve_open": "", "cw_valve_open": "",
    "oa_damper_open": "", "cw_valve_position": "%", "freezestat": "", "speed_feedback": "%",
    "firing": "%", "damper": "%", "reheat_valve": "%", "fan_speed": "%", "co2": "ppm",
    "heating_valve": "%", "oa_damper": "%",
    "chw_flow": "m3/h", "cw_flow": "m3/h", "hw_flow": "m3/h", "airflow": "m3/h",
    "oa_flow": "m3/h", "static_pressure": "Pa", "filter_pressure": "Pa", "far_pressure": "kPa",
    "motion": "", "dark": "",
    "water_level": "%", "dry_float": "", "high_float": "", "overflow_float": "",
    "outflow": "m3/h", "top_temp": "degC", "middle_temp": "degC", "bottom_temp": "degC",
    "outdoor_temp": "degC", "wet_bulb_temp": "degC", "humidity": "%", "irradiance": "W/m2",
}  # fmt: skip


class Board:
    """All points of the park by name. `values` is one dict for good, updated in place."""

    __slots__ = ("_commands", "points", "values")

    def __init__(self) -> None:
        self.values: dict[str, float] = {}
        self.points: list[PlantPoint] = []
        self._commands: dict[str, _Command] = {}

    def add(self, base: str, machine: str, roles: str) -> list[str]:
        """Make the points of one machine; `roles` are words. Returns the names, in order.

        `=role` is measured even if it is a command elsewhere.
        """
        names = []
        for word in roles.split():
            role = word.removeprefix("=")
            name = f"{base}.{machine}.{role}"
            command = _COMMANDS.get(role) if role == word else None
            if command is not None:
                self._commands[name] = command
            self.values[name] = command.rest if command is not None else 0.0
            unit = command.unit if command is not None else _SENSORS[role]
            self.points.append(PlantPoint(name, unit, command is not None))
            names.append(name)
        return names

    def settle(self, name: str, rest: float) -> None:
        """Say where a command rests untouched, in place of what its role says."""
        self._commands[name] = self._commands[name]._replace(rest=rest)
        self.values[name] = rest

    def write(self, values: Mapping[str, float | None]) -> None:
        """Take commands over, all or none; out of range ones stop at the device's limit.

        Raises KeyError for an unknown name, ValueError for one that cannot be written or a value
        that is not a finite number.
        """
        commands = self._commands
        accepted: dict[str, float] = {}
        for name, value in values.items():
            command = commands.get(name)
            if command is None:
                if name in self.values:
                    raise ValueError(f"{name} cannot be written")
                raise KeyError(name)
            if value is None:
                accepted[name] = command.rest
            elif command.low <= value <= command.high:
                accepted[name] = float(value)
            elif math.isfinite(value):
                accepted[name] = command.high if value > command.high else command.low
            else:
                raise ValueError(f"{name}: {value} is not a finite number")
        self.values.update(accepted)


def keys(base: str, machines: Sequence[str], role: str) -> list[str]:
    """The names of one role of several machines."""
    return [f"{base}.{machine}.{role}" for machine in machines]
