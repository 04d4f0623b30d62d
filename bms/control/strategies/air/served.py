"""What an air handler is and serves: its points, its zones, what can be done with them. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from bms.config.site import Group
from bms.control.strategies.air.air_parameters import AirParameters, Function
from bms.control.strategies.group import short
from bms.core.equipment import Equipment
from bms.texts.messages import Message, msg
from drivers.points import PointId

ZONE_KINDS = ("terminal_unit", "room")
COIL_KINDS = ("air_handler", "fan_coil")
SOURCE_KINDS = ("chiller", "heat_pump", "boiler")
ALL_OUTDOOR_SHARE = 0.95
"""A design minimum of outdoor air from this share of the airflow on is a fresh-air unit (D)."""


@dataclass(frozen=True)
class Unit:
    """One machine with all that concerns it. Frozen; made once for each controller."""

    machine: Equipment
    zones: tuple[Equipment, ...]
    """With a `zone_temp`: terminals and rooms that it serves, or itself."""
    terminals: tuple[Equipment, ...]
    """Those of them that have a box of their own, which holds the zone by itself."""
    weather: Equipment | None
    parameters: AirParameters

    @cached_property
    def name(self) -> str:
        """Within its base."""
        return short(self.machine)

    def measured(self, role: str) -> PointId | None:
        """A point of the machine, whoever moves it."""
        return self.machine.points.get(role)

    def commanded(self, role: str) -> PointId | None:
        """A point of the machine that the strategy may move."""
        return None if role in self.parameters.leave else self.machine.commanded(role)

    @cached_property
    def outputs(self) -> dict[str, PointId]:
        """Every such point, by role."""
        return {r: p for r in self.machine.points if (p := self.commanded(r)) is not None}

    @cached_property
    def min_damper_pct(self) -> float:
        """Where its outdoor damper stands at least while people are there."""
        p = self.parameters
        return p.min_damper_of.get(self.name, p.min_damper_pct)

    @cached_property
    def zone_led(self) -> bool:
        """Its rooms have nothing of their own: what it supplies is what they get."""
        return bool(self.zones) and not self.terminals

    @cached_property
    def variable(self) -> bool:
        """Its fan turns slower when less air is needed."""
        return bool(
            self.commanded("fan_speed")
            or self.commanded("static_setpoint")
            or self.measured("static_pressure")
        )

    @cached_property
    def cools(self) -> bool:
        points = self.machine.points
        return bool(self.machine.relations.cooled_by) or "cooling_valve" in points

    @cached_property
    def heats(self) -> bool:
        points = self.machine.points
        if self.machine.relations.heated_by or points.keys() & {"heating_valve", "preheat_valve"}:
            return True
        return any(reheats(terminal) for terminal in self.terminals)

    @cached_property
    def full_outdoor(self) -> bool:
        """It draws outdoor air only."""
        design = self.machine.design
        if self.name in self.parameters.full_outdoor_air:
            return True
        if design.airflow_m3h is None or design.min_oa_m3h is None:
            return False
        return design.min_oa_m3h >= ALL_OUTDOOR_SHARE * design.airflow_m3h

    @cached_property
    def loop_valves(self) -> bool:
        """Supply air can be held by valves that the controller moves."""
        valves = self.commanded("cooling_valve") or self.commanded("heating_valve")
        return bool(valves and self.measured("supply_temp"))

    @cached_property
    def mixes(self) -> bool:
        """The share of outdoor air can be commanded."""
        if self.full_outdoor:
            return False
        return bool(self.commanded("oa_damper") or self.flow_commanded)

    @cached_property
    def flow_commanded(self) -> bool:
        """Outdoor air is commanded as a flow, and its least is known."""
        known = self.machine.design.min_oa_m3h is not None
        return known and self.commanded("oa_flow_setpoint") is not None

    @cached_property
    def outdoor_points(self) -> tuple[PointId, ...]:
        """Every outdoor temperature that is measured."""
        own = self.measured("outdoor_temp")
        station = None if self.weather is None else self.weather.points.get("outdoor_temp")
        return tuple(point for point in (station, own) if point is not None)

    @cached_property
    def humid_places(self) -> tuple[Equipment, ...]:
        """The machine and its zones, as far as they measure humidity."""
        places = {place.id: place for place in (self.machine, *self.zones)}
        return tuple(place for place in places.values() if "humidity" in place.points)

    @cached_property
    def humidity_points(self) -> tuple[PointId, ...]:
        return tuple(place.points["humidity"] for place in self.humid_places)

    @cached_property
    def co2_points(self) -> tuple[PointId, ...]:
        found = (m.points.get("co2") for m in (self.machine, *self.zones))
        return tuple(dict.fromkeys(point for point in found if point is not None))

    @cached_property
    def zone_temps(self) -> tuple[PointId, ...]:
        return tuple(zone.points["zone_temp"] for zone in self.zones)

    @cached_property
    def shows_outdoor_share(self) -> bool:
        """How much of its air comes from outdoors can be said."""
        points = self.machine.points
        flows = {"oa_flow", "airflow"} <= points.keys()
        temperatures = {"mixed_temp", "return_temp"} <= points.keys() and self.outdoor_points
        return bool(flows or temperatures or "oa_damper" in points)

    @cached_property
    def active(self) -> frozenset[Function]:
        """The functions that work for it."""
        return frozenset(f for f in Function if lacking(self, f) is None)


def reheats(zone: Equipment) -> bool:
    """Whether a zone has a coil of its own that heats."""
    return "reheat_valve" in zone.points or bool(zone.relations.heated_by)


def unit_of(group: Group, machine: Equipment) -> Unit:
    """A machine of a group with what it serves."""
    parameters: AirParameters = group.parameters
    served = [
        found
        for name in machine.relations.serves
        if (found := group.equipment.get(name)) is not None and found.kind.name in ZONE_KINDS
    ]
    zones = [m for m in (served or [machine]) if "zone_temp" in m.points]
    terminals = [m for m in served if m.kind.name == "terminal_unit"]
    weather = group.equipment.get(parameters.weather or "")
    return Unit(machine, tuple(zones), tuple(terminals), weather, parameters)


def units_of(group: Group, kinds: Iterable[str]) -> tuple[Unit, ...]:
    """The group's machines of some kinds, in the order of its file."""
    wanted = set(kinds)
    return tuple(unit_of(group, m) for m in group.members if m.kind.name in wanted)


def lacking(unit: Unit, function: Function) -> Message | None:
    """Why a function does not work for a machine; None: it does."""
    if not unit.parameters.uses(function):
        return msg("switched off by 'without'")
    return _LACKS[function](unit)


def _setback(unit: Unit) -> Message | None:
    if not unit.zones:
        return msg("no zone_temp, of its own or of what it serves")
    if not unit.heats and not unit.cools:
        return msg("no coil is known: valves, cooled_by, heated_by")
    return None


def _warm_up(unit: Unit) -> Message | None:
    if unit.full_outdoor:
        return msg("draws outdoor air only")
    if unit.mixes:
        return None
    return msg("neither oa_damper nor oa_flow_setpoint (with design min_oa_m3h) can be commanded")


def _supply_reset(unit: Unit) -> Message | None:
    if not unit.zones:
        return msg("no zone_temp, of its own or of what it serves")
    if unit.loop_valves or unit.commanded("supply_setpoint"):
        return None
    return msg("neither supply_setpoint nor valves with supply_temp can be commanded")


def _static_reset(unit: Unit) -> Message | None:
    if not any(t.points.keys() & {"damper", "airflow"} for t in unit.terminals):
        return msg("no terminals with damper or airflow in 'serves'")
    speed = unit.commanded("fan_speed") and unit.measured("static_pressure")
    if speed or unit.commanded("static_setpoint"):
        return None
    return msg("neither static_setpoint nor fan_speed with static_pressure can be commanded")


def _speed_by_zone(unit: Unit) -> Message | None:
    if not unit.commanded("fan_speed"):
        return msg("fan_speed cannot be commanded")
    if unit.measured("static_pressure") and unit.terminals:
        return msg("the fan holds the duct pressure")
    return None if unit.zones else msg("no zone_temp, of its own or of what it serves")


def _economizer(unit: Unit) -> Message | None:
    if unit.full_outdoor:
        return msg("draws outdoor air only")
    if not unit.commanded("oa_damper"):
        return msg("oa_damper cannot be commanded")
    if not unit.outdoor_points:
        return msg("no outdoor temperature: 'weather', or outdoor_temp")
    if unit.measured("supply_temp") or unit.measured("mixed_temp") or unit.zones:
        return None
    return msg("nothing to hold: supply_temp, mixed_temp or zone_temp")


def _demand_ventilation(unit: Unit) -> Message | None:
    if not unit.co2_points:
        return msg("no co2, of its own or of what it serves")
    if unit.mixes or (unit.full_outdoor and unit.commanded("fan_speed")):
        return None
    return msg("neither oa_damper nor oa_flow_setpoint (with design min_oa_m3h) can be commanded")


def _humidity_limit(unit: Unit) -> Message | None:
    if not unit.humidity_points:
        return msg("no humidity, of its own or of what it serves")
    if unit.loop_valves or unit.commanded("supply_setpoint"):
        return None
    return msg("neither supply_setpoint nor valves with supply_temp can be commanded")


def _freeze_protection(unit: Unit) -> Message | None:
    if not (unit.measured("supply_temp") or unit.measured("freezestat")):
        return msg("neither supply_temp nor freezestat")
    if unit.commanded("enable") or unit.commanded("oa_damper"):
        return None
    return msg("neither enable nor oa_damper can be commanded")


_LACKS = {
    Function.SETBACK: _setback,
    Function.WARM_UP: _warm_up,
    Function.SUPPLY_RESET: _supply_reset,
    Function.STATIC_RESET: _static_reset,
    Function.SPEED_BY_ZONE: _speed_by_zone,
    Function.ECONOMIZER: _economizer,
    Function.DEMAND_VENTILATION: _demand_ventilation,
    Function.HUMIDITY_LIMIT: _humidity_limit,
    Function.FREEZE_PROTECTION: _freeze_protection,
}
