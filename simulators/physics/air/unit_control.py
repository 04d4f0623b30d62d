"""The controller that a unit brings along: it holds what it is given as set points."""

from __future__ import annotations

from dataclasses import dataclass

from simulators.physics.air.air_handler import AirCommand, AirHandler
from simulators.physics.air.moist_air import Air
from simulators.physics.air.terminals import Loop

_FREE_PART = 0.4
"""Share of the cooling signal that outdoor air answers, before the valve opens."""
_COLDEST_MIX_C = 8.0
_NEUTRAL_C = 20.0
_WARMEST_C = 35.0
_BAND_K = 0.5


@dataclass(slots=True)
class UnitTargets:
    """What is asked of a unit with a controller of its own."""

    enabled: bool
    supply_c: float
    """Supply air; of a unit without boxes, the coldest that it may blow."""
    static_pa: float
    oa_damper: float
    """Least outdoor air, 0-1 of the damper's way."""
    zone_c: float
    speed: float
    """Of a fan that is not held by static pressure, 0-1."""


class UnitControl:
    """Loops of one unit: supply air, static pressure, and the room if there are no boxes."""

    __slots__ = ("_room", "_static", "_supply", "boxes")

    def __init__(self, unit: AirHandler) -> None:
        self.boxes = any(not t.spec.constant for t in unit.terminals)
        self._supply = Loop(0.02, 200.0)
        self._static = Loop(0.15, 60.0)
        self._room = Loop(0.15, 600.0)

    def command(
        self, unit: AirHandler, targets: UnitTargets, outdoor: Air, dt_s: float
    ) -> AirCommand:
        """What valves, damper and fan shall do now."""
        if not targets.enabled:
            self._supply.rest()
            self._static.rest()
            self._room.rest()
            return AirCommand(False, 0.0, 0.0, 0.0, 0.0)
        speed = targets.speed
        aim_c = targets.supply_c
        if self.boxes:
            error = targets.static_pa / unit.spec.static_pa - (
                unit.static_kpa * 1000.0 / unit.spec.static_pa
            )
            speed = max(0.2, self._static.step(error, dt_s, 0.2))
        else:
            temp = unit.zone_temp_c()
            over = temp - targets.zone_c
            error = over - _BAND_K if over > _BAND_K else min(0.0, over + _BAND_K)
            asked = self._room.step(error if error else -0.2 * self._room.out, dt_s)
            warmest = _WARMEST_C if unit.heating is not None else _NEUTRAL_C
            aim_c = _NEUTRAL_C - asked * (
                _NEUTRAL_C - targets.supply_c if asked > 0.0 else warmest - _NEUTRAL_C
            )
        signal = 0.0
        if unit.airflow_m3h > 0.0:
            signal = self._supply.step(unit.supply.temp_c - aim_c, dt_s)
        least = targets.oa_damper
        if unit.spec.outdoor and outdoor.temp_c < unit.returned.temp_c - 1.0:
            free = min(1.0, max(0.0, signal / _FREE_PART))
            damper = least + (1.0 - least) * free
            if outdoor.temp_c < _COLDEST_MIX_C:  # its low limit
                most = (unit.returned.temp_c - _COLDEST_MIX_C) / (
                    unit.returned.temp_c - outdoor.temp_c
                )
                damper = min(damper, max(least, most))
            valve = (signal - _FREE_PART) / (1.0 - _FREE_PART)
        else:
            damper, valve = least, signal
        return AirCommand(True, speed, damper, max(0.0, valve), max(0.0, -signal))
