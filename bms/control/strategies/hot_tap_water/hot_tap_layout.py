"""Hot tap water as its strategy sees it: stores with their sources, valves and sensors. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from bms.config.site import Group
from bms.control.strategies import group as groups
from bms.control.strategies.hot_tap_water.hot_tap_parameters import (
    HeatSourceFile,
    HotTapParameters,
)
from bms.control.strategies.water.fittings import Machine, machine_of
from bms.core.equipment import Equipment
from drivers.points import PointId

COSTS: Final = ("heat_pump", "pump", "boiler", "water_heater")
"""Kinds of heat sources, the cheapest first where nobody says otherwise (D)."""
HOTTEST_C: Final = {"heat_pump": 58.0, "pump": 75.0}
OTHERS_HOTTEST_C: Final = 90.0
SENSORS: Final = ("top_temp", "middle_temp", "bottom_temp")
KWH_M3K: Final = 1.163


@dataclass(frozen=True, slots=True)
class HeatSource:
    """One heat source of a store."""

    machine: Machine
    power_kw: float | None
    hottest_c: float
    setpoint: PointId | None = None
    charges: bool = False
    """It is a pump that brings heat from a loop."""

    @property
    def name(self) -> str:
        """Its short name."""
        return self.machine.name


@dataclass(frozen=True, slots=True)
class StoreLayout:
    """One store, or a heater with a tank inside."""

    name: str
    id: str
    sensors: tuple[PointId, ...]
    """The top first."""
    volume_m3: float | None
    sources: tuple[HeatSource, ...]
    """The cheapest first."""
    setpoint: PointId | None = None
    mixed: PointId | None = None
    """What leaves its mixing valve."""
    mix_setpoint: PointId | None = None
    mix_fault: PointId | None = None
    outlets: PointId | None = None
    """Opens (1) and shuts (0) its outlets."""
    shut: PointId | None = None
    """The end switch that proves them shut."""

    @property
    def guarded(self) -> bool:
        """Whether anything keeps water that scalds from people."""
        return self.mixed is not None or (self.outlets is not None and self.shut is not None)

    def lead_h(self, from_c: float, to_c: float) -> float | None:
        """How long its cheapest source heats it: density, volume, heat capacity, by power."""
        power_kw = self.sources[0].power_kw if self.sources else None
        if power_kw is None or self.volume_m3 is None:
            return None
        return max(0.0, KWH_M3K * self.volume_m3 * (to_c - from_c) / power_kw)


@dataclass(frozen=True, slots=True)
class HotTapLayout:
    """All stores of a group, with their circulation."""

    stores: tuple[StoreLayout, ...]
    circulation: tuple[Equipment, ...]
    back: PointId | None = None
    """The temperature of what comes back."""
    drawn: PointId | None = None
    """What people draw."""

    @property
    def machines(self) -> tuple[Machine, ...]:
        """All heat sources, each once."""
        found = {s.name: s.machine for store in self.stores for s in store.sources}
        return tuple(found.values())


def hot_tap_layout(group: Group) -> HotTapLayout:
    """The plant of a group whose `check` found nothing."""
    parameters: HotTapParameters = group.parameters
    loop = group.equipment.get(parameters.loop or "")
    stores = [m for m in group.members if m.kind.name == "hot_water_store"]
    heaters = [m for m in group.members if m.kind.name in COSTS]
    found = [_store(group, store, heaters, parameters) for store in stores]
    served = {source.machine.id for store in found for source in store.sources}
    found += [
        _store(group, heater, [heater], parameters)
        for heater in heaters
        if heater.kind.name == "water_heater" and heater.id not in served
    ]
    return HotTapLayout(
        tuple(found),
        tuple(group.equipment[name] for name in parameters.circulation),
        None if loop is None else loop.points.get("return_temp"),
        None if loop is None else loop.points.get("flow"),
    )


def _store(
    group: Group, store: Equipment, heaters: list[Equipment], parameters: HotTapParameters
) -> StoreLayout:
    name = groups.short(store)
    mine = [h for h in heaters if h.id == store.id or name in h.relations.serves]
    given = {source.machine: source for source in parameters.sources}
    order = {source.machine: place for place, source in enumerate(parameters.sources)}
    mine.sort(
        key=lambda one: (
            order.get(groups.short(one), len(order)),
            COSTS.index(one.kind.name),
        )
    )
    equipment = group.equipment
    mixing = next(
        (
            e
            for e in equipment.values()
            if e.kind.name == "mixing_valve" and e.relations.draws_from == name
        ),
        None,
    )
    outlets = equipment.get(store.relations.isolation_valve)
    points = store.points
    sensors = [points[role] for role in (*SENSORS, "tank_temp") if role in points]
    return StoreLayout(
        name,
        store.id,
        tuple(sensors),
        store.design.volume_m3,
        tuple(_source(one, given.get(groups.short(one))) for one in mine),
        store.commanded("tank_setpoint"),
        None if mixing is None else mixing.points.get("mixed_temp"),
        None if mixing is None else mixing.commanded("mix_setpoint"),
        None if mixing is None else mixing.points.get("fault"),
        None if outlets is None else outlets.commanded("enable"),
        None if outlets is None else outlets.points.get("closed"),
    )


def _source(heater: Equipment, given: HeatSourceFile | None) -> HeatSource:
    kind = heater.kind.name
    power_kw = None if given is None else given.power_kw
    if power_kw is None:
        power_kw = heater.capacity_kw
    if power_kw is None and kind == "water_heater":
        power_kw = heater.rated_kw
    hottest_c = None if given is None else given.hottest_c
    if hottest_c is None:
        hottest_c = heater.design.hottest_c
    if hottest_c is None:
        hottest_c = HOTTEST_C.get(kind, OTHERS_HOTTEST_C)
    role = "tank_setpoint" if kind == "water_heater" else "hw_setpoint"
    return HeatSource(
        machine_of(heater), power_kw, hottest_c, heater.commanded(role), kind == "pump"
    )
