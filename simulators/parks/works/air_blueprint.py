"""Units of air from their entries in a blueprint, sized by the floor that they serve."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from simulators.parks.works.air_side import UnitBlueprint
from simulators.parks.works.declared import entries, made
from simulators.physics.air.air_handler import AirHandlerSpec
from simulators.physics.air.rooms import RoomSpec
from simulators.physics.air.terminals import TerminalSpec

_AIR_M3H_M2 = 15.0
_COOLING_W_M2 = 130.0
_HEATING_W_M2 = 60.0
_REHEAT_W_M2 = 40.0
_COIL_SENSIBLE_W_M2 = 90.0
_HERE = ("rooms", "open", "constant", "reheat", "least_air")


def air_handler(name: str, entry: Mapping[str, Any], *, cold: bool, heat: bool) -> UnitBlueprint:
    """`rooms` by name; the rest as `AirHandlerSpec` has it.

    `constant`: no boxes; `reheat`: boxes have coils; `open`: valves and damper are commanded.
    """
    rooms = {room: made(RoomSpec, room, given) for room, given in entries(entry, "rooms")}
    if not rooms:
        raise ValueError(f"{name}: rooms are missing")
    area = sum(room.area_m2 for room in rooms.values())
    constant = bool(entry.get("constant", False))
    reheat = bool(entry.get("reheat", not constant)) and heat and not constant
    airflow = float(entry.get("airflow_m3h", _AIR_M3H_M2 * area))
    terminals = tuple(
        TerminalSpec(
            room,
            airflow * room.area_m2 / area,
            least=float(entry.get("least_air", 0.3)),
            reheat_kw=0.001 * _REHEAT_W_M2 * room.area_m2 if reheat else 0.0,
            constant=constant,
        )
        for room in rooms.values()
    )
    sized: dict[str, Any] = {
        "terminals": terminals,
        "airflow_m3h": airflow,
        "cooling_kw": 0.001 * _COOLING_W_M2 * area,
        "heating_kw": 0.001 * _HEATING_W_M2 * area,
        **{key: value for key, value in entry.items() if key not in _HERE},
    }
    sized["cooling_kw"] *= cold
    sized["heating_kw"] *= heat
    return UnitBlueprint(
        made(AirHandlerSpec, name, sized), tuple(rooms), bool(entry.get("open", False))
    )


def fan_coil(name: str, entry: Mapping[str, Any], *, cold: bool, heat: bool) -> UnitBlueprint:
    """A room with its unit: `open`, the coils' and the fan's sizes, and the room's keys."""
    own = ("open", "cooling_kw", "heating_kw", "airflow_m3h")
    room = made(RoomSpec, name, {key: v for key, v in entry.items() if key not in own})
    airflow = float(entry.get("airflow_m3h", _AIR_M3H_M2 * room.area_m2))
    spec = AirHandlerSpec(
        (TerminalSpec(room, airflow, constant=True),),
        airflow,
        cooling_kw=cold
        * float(entry.get("cooling_kw", 0.001 * _COIL_SENSIBLE_W_M2 * room.area_m2)),
        heating_kw=heat * float(entry.get("heating_kw", 0.001 * _HEATING_W_M2 * room.area_m2)),
        total_pa=80.0,
        static_pa=30.0,
        efficiency=0.35,
        outdoor=False,
        frost_stat=False,
    )
    return UnitBlueprint(spec, (name,), bool(entry.get("open", False)), coil_only=True)
