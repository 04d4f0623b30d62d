"""What the site files make: everything one gateway runs, resolved and frozen."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from pathlib import Path
from typing import Any, Final, NamedTuple, Self

from bms.config.resolving.optimal_start import Optimal
from bms.config.shapes.filemodel import FileModel
from bms.config.shapes.links import LinkSettings
from bms.config.shapes.models import BaseFile, SiteFile
from bms.config.tariffs import Tariff
from bms.core.decisions import Controller, FactKind, OutputRules
from bms.core.equipment import Equipment, Medium
from bms.core.machines.limits import LIMITS
from bms.texts.messages import Message
from bms.texts.problems import Origin, Problem
from drivers.modbus.wire.transport import UnitProfile
from drivers.points import Point, PointId, Value
from schedules.library import Library
from schedules.model.context import Place

MANUAL_RESOLUTION: Final = Decimal("0.01")
"""Of meters that a person reads, if meters.yaml does not say."""


RATING_MARGIN: Final = Fraction(3, 2)
"""A meter reads up to its greatest current, a machine draws more than its plate when it starts:
half as much again is believed. A swapped register is off by orders of magnitude."""


def no_abilities(_group: Group) -> Sequence[Ability]:
    """Of strategies that always do all they can."""
    return ()


class Demand(NamedTuple):
    """What a group's files do not meet; sites of before run all the same (`Problem.withholds`)."""

    where: tuple[str | int, ...]
    """Inside the group entry."""
    text: Message
    hint: Message
    withholds: str
    """The machine, group or point that goes without what it is about."""


def no_demands(_group: Group) -> Sequence[Demand]:
    """Of strategies that ask for nothing new."""
    return ()


def no_facts(_group: Group) -> Mapping[str, FactKind]:
    """Of groups whose strategy works nothing out for others."""
    return {}


def nothing_early(_group: Group) -> Mapping[str, timedelta]:
    """Of groups whose set points wait for the schedule."""
    return {}


@dataclass(frozen=True, slots=True)
class Ability:
    """Something that a strategy can do for one machine of a group, or cannot."""

    machine: str
    """Its name within the base; empty for the group as a whole."""
    title: Message
    lacks: Message | None = None
    """What it would need; None: it does it."""


@dataclass(frozen=True, slots=True)
class Neighbour:
    """Another group of the base, for a strategy that asks something of groups."""

    id: str
    members: tuple[Equipment, ...]
    meter: Equipment | None
    modes: tuple[str, ...]
    setpoints: Mapping[str, Setpoint]
    each: bool
    """Its strategy commands each member by itself; else they run in order (`StrategySpec.each`)."""
    apart: tuple[str, ...] = ()
    """Members that run by themselves, as groups of one: ids of equipment."""


@dataclass(frozen=True, slots=True)
class Group:
    """A group with everything resolved. Its mode and setpoints are points too."""

    id: str
    """`<base>.<group>`."""
    base: str
    strategy: str
    members: tuple[Equipment, ...]
    parameters: Any
    """An instance of the strategy's parameter model."""
    equipment: Mapping[str, Equipment]
    """All equipment of the base by short name, for parameters that name a sensor or a header."""
    meter: Equipment | None = None
    optimal: Optimal | None = None
    title: Mapping[str, str] = field(default_factory=dict)
    origin: Origin = field(default_factory=lambda: Origin("groups", 1))
    tells: Callable[[Group], Mapping[str, FactKind]] = no_facts
    """What the strategy works out of a group."""
    consumers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By loop of the base, short name: the groups whose members draw from it."""
    zone: str = "UTC"
    """The IANA zone of its base, for strategies that go by the hour."""
    place: Place | None = None
    """Where its base is, for strategies that go by the sun."""
    neighbours: Mapping[str, Neighbour] = field(default_factory=dict)
    """The other groups of the base by short name, for a strategy that `reaches` them."""

    @property
    def facts(self) -> Mapping[PointId, FactKind]:
        """What the strategy works out of this one, by point."""
        return {self.fact_point(name): kind for name, kind in self.tells(self).items()}

    @property
    def mode_point(self) -> PointId:
        return f"{self.id}.mode"

    @property
    def each(self) -> tuple[Group, ...]:
        """Its members as groups of one, where optimal start begins each by itself.

        They have the id of their machine, and the schedule of the group.
        """
        if self.optimal is None or not self.optimal.file.each:
            return ()
        singles = [(m, self.optimal.of(m)) for m in self.members if m.id != self.id]
        return tuple(
            replace(self, id=machine.id, members=(machine,), meter=None, optimal=optimal)
            for machine, optimal in singles
            if optimal.zone
        )

    def setpoint_point(self, name: str) -> PointId:
        """The point that carries one of the strategy's setpoints, e.g. `chw_setpoint_c`."""
        return f"{self.id}.{name}"

    def fact_point(self, name: str) -> PointId:
        """The point of something that the strategy works out, e.g. `requests`."""
        return f"{self.id}.{name}"


@dataclass(frozen=True, slots=True)
class Setpoint:
    """A setpoint of a strategy: its unit, and what a schedule or a person may ask of it."""

    unit: str
    least: float
    most: float
    role: str = ""
    """The commanded role of members that it is handed on to; empty: none as it is."""

    @classmethod
    def of(cls, role: str, unit: str) -> Self:
        """The setpoint that is handed on to a commanded role."""
        return cls(unit, *LIMITS[role], role)

    def can_be(self, value: float) -> bool:
        """Whether a value can be meant."""
        return self.least <= value <= self.most


@dataclass(frozen=True, slots=True)
class StrategySpec:
    """One strategy as configuration sees it; `bms.control` registers them.

    `check` returns `(where, message)` pairs, `where` being a path inside the group entry
    (`("members", 2)`, `("parameters", "header")`), for anything missing: roles, equipment.
    `build` makes the controllers of one group; it is called only if `check` found nothing.
    """

    name: str
    summary: str
    modes: tuple[str, ...]
    setpoints: Mapping[str, Setpoint]
    """Setpoints a schedule may give, by name."""
    parameters: type[FileModel]
    check: Callable[[Group], Sequence[tuple[tuple[str | int, ...], Message]]]
    build: Callable[[Group], Sequence[Controller[Any]]]
    demands: Callable[[Group], Sequence[Demand]] = no_demands
    each: bool = False
    """Whether it commands each member by itself: then one may have its own schedule."""
    single_modes: bool = False
    """Whether a member may be asked for something else than its group: `<machine>.mode`."""
    tells: Callable[[Group], Mapping[str, FactKind]] = no_facts
    """What it works out of one group, by name: each is a point, `Group.fact_point`."""
    can: Callable[[Group], Sequence[Ability]] = no_abilities
    """What it can do with the points that there are, and what it lacks for the rest."""
    reaches: bool = False
    """It asks something of other groups of its base (`Group.neighbours`), and may command their
    modes and setpoints."""
    early: Callable[[Group], Mapping[str, timedelta]] = nothing_early
    """Set points whose rise holds so long before the schedule brings it."""


@dataclass(frozen=True, slots=True)
class Link:
    """One endpoint and the points behind it."""

    id: str
    settings: LinkSettings
    points: tuple[Point, ...]
    profiles: Mapping[int, UnitProfile] = field(default_factory=dict)
    """What single Modbus units can take."""


@dataclass(frozen=True, slots=True)
class MeterRegister:
    """The counter of one piece of equipment, in whole counts of its resolution."""

    equipment: str
    point: PointId
    base: str
    resolution: float
    """What one count is worth, in the unit of the medium: the scale of the device's register."""
    register_size: float | None = None
    """The value at which the register is back at zero, if the device's file says."""
    medium: Medium = Medium.ELECTRICITY


class MeterRole(StrEnum):
    """How a meter enters the load of its base: imports + generation - exports."""

    IMPORT = "import"
    GENERATION = "generation"
    EXPORT = "export"
    SUB = "sub"
    """It does not: what it measures is inside."""
    LOAD = "load"
    """It is the load, by formula."""


@dataclass(frozen=True, slots=True)
class MeterSpec:
    """One meter as the ledger keeps it. Amounts are in `medium.unit`."""

    id: str
    """The point id of the counter, or `<base>.<name>`."""
    name: str
    """What people write: the equipment, or the name in meters.yaml."""
    base: str
    zone: str
    medium: Medium
    role: MeterRole = MeterRole.SUB
    resolution: Decimal = MANUAL_RESOLUTION
    register_size: Decimal | None = None
    most_per_h: Fraction | None = None
    """More than this the meter cannot measure in an hour, margin included."""
    rated: bool = False
    """`most_per_h` comes from a rating that somebody wrote down, not from the medium."""
    ratios: tuple[tuple[int, Fraction], ...] = ()
    """From an instant (ms) on, amounts are the register's times this; 1 before the first."""
    terms: tuple[tuple[Fraction, str], ...] = ()
    """Of a virtual meter: factors and meter ids."""
    parent: str | None = None
    """The id of the meter behind which this one sits."""
    accuracy_pct: float = 1.0
    title: Mapping[str, str] = field(default_factory=dict)
    department: Mapping[str, str] = field(default_factory=dict)
    """Who answers for what it measures, by language; empty: nobody is named."""
    power: PointId = ""
    """The point of the same equipment that shows its rate (`medium.rate_unit`), if it has one."""

    @property
    def virtual(self) -> bool:
        return bool(self.terms)

    @property
    def polled(self) -> bool:
        """Whether the history has its readings."""
        return not self.terms and self.id != self.name

    def ratio(self, ms: int) -> Fraction:
        """What the register is multiplied by at an instant."""
        found = Fraction(1)
        for since, factor in self.ratios:
            if since <= ms:
                found = factor
        return found


@dataclass(frozen=True, slots=True)
class Base:
    """One base with what its report needs."""

    id: str
    zone: str
    file: BaseFile
    imports: tuple[str, ...] = ()
    """Names of meters (`MeterSpec.name`): of equipment, or of meters.yaml."""
    generation: tuple[str, ...] = ()
    exports: tuple[str, ...] = ()

    @property
    def place(self) -> Place | None:
        """Where it is, for schedules that hang on the sun."""
        return Place(*self.file.location) if self.file.location is not None else None


@dataclass(frozen=True, slots=True)
class Site:
    """Everything one gateway runs."""

    directory: Path
    file: SiteFile
    bases: Mapping[str, Base]
    links: Mapping[str, Link]
    equipment: Mapping[str, Equipment]
    groups: Mapping[str, Group]
    """As they run: equipment with its own schedule is a group of one."""
    library: Library
    outputs: Mapping[PointId, OutputRules]
    """Every point the controller may write."""
    defaults: Mapping[PointId, Value]
    """Slot 16 values."""
    meters: Mapping[PointId, MeterRegister]
    """By the point id of the counter."""
    metering: Mapping[str, MeterSpec] = field(default_factory=dict)
    """Every meter of the ledger by id, the inputs of a formula before it."""
    tariffs: Mapping[str, Tariff] = field(default_factory=dict)
    applies: Mapping[str, str] = field(default_factory=dict)
    """The tariff by base, and by meter (`MeterSpec.name`) where one has its own."""
    owner: str = ""
    """The local account that the site belongs to: the one its controller runs as."""
    regrouped_from: Mapping[str, Group] = field(default_factory=dict)
    """The groups as their files describe them; empty if they run like that."""
    unmet: tuple[Problem, ...] = ()
    """Demands that the files do not meet; each withholds only what it names."""
    texts: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)
    """The files that it was made of, by name."""
    endpoints: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    """Other addresses that some links were given beside the files."""

    @property
    def facts(self) -> dict[PointId, FactKind]:
        """Every point that strategies work out."""
        return {
            point: kind for group in self.groups.values() for point, kind in group.facts.items()
        }

    def meter_named(self, name: str) -> MeterSpec:
        """The meter that an energy boundary names."""
        return next(spec for spec in self.metering.values() if spec.name == name)

    def tariff_of(self, *payers: str) -> Tariff | None:
        """The tariff of the first of some meters and bases that has one; None if none has."""
        for payer in payers:
            if payer in self.applies:
                return self.tariffs.get(self.applies[payer])
        return None

    @property
    def declared(self) -> Mapping[str, Group]:
        """The groups as their files describe them."""
        return self.regrouped_from or self.groups

    @property
    def state_dir(self) -> Path:
        return self.directory / self.file.state_dir
