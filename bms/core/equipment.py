"""What a park is made of: kinds of equipment and the roles their points play. Pure.

A *role* is the last part of a point id. To add a kind, add one entry to `KINDS`.
Units are canonical; the device file's scale brings raw registers to them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from drivers.points import PointId


class Medium(StrEnum):
    """What a meter measures."""

    ELECTRICITY = "electricity"
    HEAT = "heat"
    WATER = "water"
    GAS = "gas"

    @property
    def unit(self) -> str:
        """The unit in which its amounts are kept."""
        return "kWh" if self in (Medium.ELECTRICITY, Medium.HEAT) else "m3"

    @property
    def rate_unit(self) -> str:
        """The unit of its amount per hour."""
        return "kW" if self.unit == "kWh" else "m3/h"


class PointClass(StrEnum):
    """How history treats a point."""

    ANALOG = "analog"
    STATE = "state"
    COUNTER = "counter"
    EVENT = "event"
    """Texts: modes, messages, codes without an order."""


LIMITS: Final[Mapping[str, tuple[float, float]]] = MappingProxyType(
    {
        "chw_setpoint": (-15.0, 25.0),  # brine of an ice store to a high-temperature circuit
        "hw_setpoint": (15.0, 130.0),
        "supply_setpoint": (5.0, 60.0),
        "tank_setpoint": (10.0, 95.0),
        "zone_setpoint": (5.0, 40.0),  # frost protection to a drying room
        "fan_speed": (0.0, 100.0),
        "level": (0.0, 100.0),
        "speed": (0.0, 100.0),
    }
)
"""The least and the most that a person may ask of a commanded role, in its unit. Wide on purpose:
what lies outside is no policy but a slip of the pen, 260 for 26."""


@dataclass(frozen=True, slots=True)
class Role:
    """What one point of a piece of equipment means."""

    name: str
    unit: str = ""
    klass: PointClass = PointClass.ANALOG
    command: bool = False
    """The controller may write it (if the device's point is writable)."""
    required: bool = False

    @property
    def limits(self) -> tuple[float, float] | None:
        """What a person may ask of it; None if it is not commanded, or takes on or off."""
        return LIMITS.get(self.name) if self.command else None


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of equipment. The minimum times are the defaults of its `enable` point, in seconds."""

    name: str
    roles: Mapping[str, Role]
    min_on_s: float = 0.0
    min_off_s: float = 0.0
    medium: Medium = Medium.ELECTRICITY
    """What its counter counts."""
    proves_s: float = 120.0
    """A machine that is commanded on shows that it runs within this time."""
    cycles: bool = False
    """It pauses by itself while it is commanded on, as a burner does: its first start counts."""

    @property
    def states(self) -> frozenset[str]:
        """The roles that are on or off."""
        return frozenset(r.name for r in self.roles.values() if r.klass is PointClass.STATE)

    @property
    def counter(self) -> str | None:
        """The role of its counter, if machines of this kind can have one."""
        counters = [role.name for role in self.roles.values() if role.klass is PointClass.COUNTER]
        return counters[0] if counters else None

    def with_roles(self, roles: Iterable[Role]) -> Kind:
        """The same kind for a device with roles of its own."""
        own = {role.name: role for role in roles}
        return replace(self, roles=MappingProxyType({**self.roles, **own})) if own else self


@dataclass(frozen=True, slots=True)
class Equipment:
    """One machine or meter of a base, with one point per role that its device has."""

    id: str
    """`<base>.<name>`."""
    base: str
    kind: Kind
    points: Mapping[str, PointId]
    """Role name to point id."""
    building: str = ""
    """Where it stands; empty if nobody said."""
    rated_kw: float | None = None
    """Electrical rating."""
    capacity_kw: float | None = None
    """Thermal capacity of chillers and boilers."""
    title: Mapping[str, str] = field(default_factory=dict)
    """Names by language: `{"zh": ..., "en": ...}`."""

    @property
    def counter(self) -> PointId | None:
        """The point of its counter; None if its device has none."""
        role = self.kind.counter
        return None if role is None else self.points.get(role)


def _enable() -> Role:
    return Role("enable", klass=PointClass.STATE, command=True, required=True)


def _status(required: bool = False) -> Role:
    return Role("status", klass=PointClass.STATE, required=required)


def _state(name: str, required: bool = False) -> Role:
    return Role(name, klass=PointClass.STATE, required=required)


def _analog(name: str, unit: str, command: bool = False, required: bool = False) -> Role:
    return Role(name, unit, PointClass.ANALOG, command, required)


def _energy(required: bool = False) -> Role:
    return Role("energy", "kWh", PointClass.COUNTER, required=required)


def _power() -> Role:
    return _analog("power", "kW")


def _volume() -> Role:
    return Role("volume", "m3", PointClass.COUNTER, required=True)


def _kind(
    name: str,
    *roles: Role,
    min_on_s: float = 0.0,
    min_off_s: float = 0.0,
    medium: Medium = Medium.ELECTRICITY,
    proves_s: float = 120.0,
    cycles: bool = False,
) -> Kind:
    by_name = MappingProxyType({r.name: r for r in roles})
    return Kind(name, by_name, min_on_s, min_off_s, medium, proves_s, cycles)


_ALL = (
    # Minimum times: engineering defaults of the control reference, to be commissioned on site.
    _kind(
        "chiller",
        _enable(),
        _status(required=True),
        _state("fault"),
        _analog("chw_setpoint", "degC", command=True),
        _analog("chw_supply_temp", "degC"),
        _analog("chw_return_temp", "degC"),
        _analog("load", "%"),
        _power(),
        _energy(),
        min_on_s=900,
        min_off_s=900,
        proves_s=600,  # oil heating, flow switch, soft start
        cycles=True,
    ),
    _kind(
        "pump",
        _enable(),
        _status(),
        _state("fault"),
        _analog("speed", "%", command=True),
        _power(),
        _energy(),
        min_on_s=120,
        min_off_s=120,
    ),
    _kind(
        "cooling_tower",
        _enable(),
        _status(),
        _state("fault"),
        _analog("speed", "%", command=True),
        _analog("cw_supply_temp", "degC"),
        _power(),
        _energy(),
        min_on_s=180,
        min_off_s=60,
    ),
    _kind(
        "boiler",
        _enable(),
        _status(),
        _state("fault"),
        _analog("hw_setpoint", "degC", command=True),
        _analog("hw_supply_temp", "degC"),
        _analog("hw_return_temp", "degC"),
        _power(),
        _energy(),
        min_on_s=600,
        min_off_s=300,
        proves_s=3600,  # the status is the flame, and warm water needs none
        cycles=True,
    ),
    _kind(
        "air_handler",
        _enable(),
        _status(),
        _state("fault"),
        _analog("supply_temp", "degC"),
        _analog("supply_setpoint", "degC", command=True),
        _analog("zone_temp", "degC"),
        _analog("zone_setpoint", "degC", command=True),
        _analog("cooling_valve", "%"),
        _analog("fan_speed", "%", command=True),
        _power(),
        _energy(),
        min_on_s=300,
        min_off_s=300,
        proves_s=300,  # dampers open first
    ),
    _kind(
        "fan_coil",
        _enable(),
        _status(),
        _analog("zone_temp", "degC"),
        _analog("zone_setpoint", "degC", command=True),
        _power(),
        _energy(),
        min_on_s=60,
        min_off_s=60,
    ),
    _kind(
        "fan",
        _enable(),
        _status(),
        _state("fault"),
        _analog("speed", "%", command=True),
        _power(),
        _energy(),
        min_on_s=60,
        min_off_s=60,
    ),
    _kind(
        "lighting_circuit",
        _enable(),
        _status(),
        _analog("level", "%", command=True),
        _analog("illuminance", "lx"),
        _state("occupied"),
        _power(),
        _energy(),
    ),
    _kind(
        "air_compressor",
        _enable(),
        _status(required=True),
        _state("fault"),
        _analog("load", "%"),
        _power(),
        _energy(),
        min_on_s=600,
        min_off_s=300,
        cycles=True,
    ),
    _kind(
        "air_dryer",
        _enable(),
        _status(),
        _power(),
        _energy(),
        min_on_s=60,
        min_off_s=60,
        cycles=True,
    ),
    _kind(
        "water_heater",
        _enable(),
        _status(),
        _analog("tank_temp", "degC"),
        _analog("tank_setpoint", "degC", command=True),
        _power(),
        _energy(),
        proves_s=6 * 3600,  # a full tank that is hot waits for people
        cycles=True,
    ),
    _kind("pv_inverter", _status(), _power(), _energy(required=True)),
    _kind("meter", _power(), _energy(required=True)),
    _kind("water_meter", _analog("flow", "m3/h"), _volume(), medium=Medium.WATER),
    _kind("gas_meter", _analog("flow", "m3/h"), _volume(), medium=Medium.GAS),
    _kind(
        "heat_meter",
        _power(),
        _energy(required=True),
        _analog("flow", "m3/h"),
        _analog("supply_temp", "degC"),
        _analog("return_temp", "degC"),
        medium=Medium.HEAT,
    ),
    _kind(
        "weather_station",
        _analog("outdoor_temp", "degC", required=True),
        _analog("wet_bulb_temp", "degC"),
        _analog("humidity", "%"),
        _analog("irradiance", "W/m2"),
    ),
    _kind(
        "water_loop",
        _analog("supply_temp", "degC", required=True),
        _analog("return_temp", "degC", required=True),
        _analog("flow", "m3/h"),
        _analog("differential_pressure", "kPa"),
    ),
    _kind("air_header", _analog("pressure", "kPa", required=True), _analog("flow", "m3/h")),
)

KINDS: Mapping[str, Kind] = MappingProxyType({kind.name: kind for kind in _ALL})


def base_of(name: str) -> str:
    """The base of a point, a piece of equipment or a group; of a base, itself."""
    return name.partition(".")[0]
