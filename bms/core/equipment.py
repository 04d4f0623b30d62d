"""What a park is made of: kinds of equipment and the roles their points play. Pure.

A *role* is the last part of a point id. Units are canonical; the device file's scale brings raw
registers to them. The kinds themselves: `bms/core/machines/equipment_kinds.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType

from bms.core.machines.limits import LIMITS
from bms.core.machines.relations import Design, Relations, Standing, StartLimits
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
    standing: Standing = field(default_factory=Standing)
    read_only: frozenset[str] = frozenset()
    """Commanded roles that its device only shows: something else moves them."""

    def commanded(self, role: str) -> PointId | None:
        """The point by which the controller may move it; None if there is none."""
        found = self.kind.roles.get(role)
        if found is None or not found.command or role in self.read_only:
            return None
        return self.points.get(role)

    @property
    def relations(self) -> Relations:
        """To other equipment of its base."""
        return self.standing.relations

    @property
    def design(self) -> Design:
        """What it was built for."""
        return self.standing.design

    @property
    def starts(self) -> StartLimits:
        """How often it may start."""
        return self.standing.starts

    @property
    def exempt(self) -> bool:
        """Whether only a person may switch it."""
        return self.standing.exempt

    @property
    def emergency(self) -> bool:
        """Whether nobody may switch it from here, people included."""
        return self.standing.emergency

    @property
    def critical(self) -> bool:
        """Whether it is never shed."""
        return self.standing.critical

    @property
    def counter(self) -> PointId | None:
        """The point of its counter; None if its device has none."""
        role = self.kind.counter
        return None if role is None else self.points.get(role)


def base_of(name: str) -> str:
    """The base of a point, a piece of equipment or a group; of a base, itself."""
    return name.partition(".")[0]
