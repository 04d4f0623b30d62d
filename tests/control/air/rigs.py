"""One air handler and its rooms, simple enough to see through, under an engine."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bms.config.site import Group
from bms.control import STRATEGIES
from bms.control.engine.cycle import Cycle
from bms.core.decisions import OutputRules
from bms.core.equipment import Equipment
from bms.core.machines.equipment_kinds import KINDS
from bms.core.machines.relations import Design, Relations, Standing
from drivers.base import WriteResult, WriteStatus
from drivers.points import Quality, Sample, Value
from tests.control.engine.parts import at
from tests.control.parts import BASE, Rig

FULL = (
    "enable", "status", "supply_temp", "mixed_temp", "return_temp", "fan_speed", "cooling_valve",
    "heating_valve", "oa_damper", "return_damper", "exhaust_damper",
)  # fmt: skip


def made(
    name: str,
    kind: str,
    roles: tuple[str, ...],
    *,
    read_only: tuple[str, ...] = (),
    design: Design | None = None,
    **relations: Any,
) -> Equipment:
    """A machine with these points only."""
    return Equipment(
        f"{BASE}.{name}",
        BASE,
        KINDS[kind],
        {role: f"{BASE}.{name}.{role}" for role in roles},
        standing=Standing(Relations(**relations), design or Design()),
        read_only=frozenset(read_only),
    )


def weather() -> Equipment:
    return made("weather", "weather_station", ("outdoor_temp", "humidity"))


def group_of(
    members: list[Equipment], others: list[Equipment] | None = None, **parameters: Any
) -> Group:
    """A group of air handlers; a weather station is among the others."""
    spec = STRATEGIES["air_handlers"]
    station = weather()
    equipment = {e.id.split(".")[1]: e for e in [*members, *(others or []), station]}
    given = {"weather": "weather", "stagger_s": 0} | parameters
    chosen = spec.parameters.model_validate(given)
    return Group(f"{BASE}.g", BASE, spec.name, tuple(members), chosen, equipment, tells=spec.tells)


@dataclass
class Air:
    """Air, coils and rooms of one handler; temperatures in degC."""

    outdoor_c: float = 15.0
    zones_c: dict[str, float] = field(default_factory=dict)
    gains_kw: dict[str, float] = field(default_factory=dict)
    supply_c: float = 20.0
    mixed_c: float = 20.0
    cooling_k: float = 18.0
    """By how much the cooling coil lowers the air, fully open."""
    heating_k: float = 25.0
    airflow_kw_k: float = 4.0
    heat_kwh_k: float = 3.0
    loss_kw_k: float = 0.4
    stuck: Mapping[str, float] = field(default_factory=dict)
    """Valves and dampers that stand at a position, whatever they are told."""
    fan_dead: bool = False


class AirRig(Rig):
    """A `Rig` whose facts come back to it, with the physics of one handler named `ahu-1`."""

    def __init__(self, group: Group, *, rules: Callable[[Equipment], OutputRules] | None = None,
                 saved: Mapping[str, object] | None = None) -> None:  # fmt: skip
        super().__init__(group, rules=rules or (lambda e: OutputRules()), saved=saved)
        self.air = Air()
        self.handler = group.members[0]
        zones = [e for e in group.equipment.values() if "zone_temp" in e.points]
        self.air.zones_c = {e.id.split(".")[1]: 22.0 for e in zones}
        self.air.gains_kw = dict.fromkeys(self.air.zones_c, 4.0)
        self.frozen: dict[str, Value] = {}
        """Points that show this, whatever is true."""
        self.put("weather.humidity", 50.0)
        self.plant = self._physics
        self.step_s = 0.0

    def step(self, seconds: float) -> Cycle:
        self.step_s = max(0.0, seconds - self.seconds)
        self.seconds = seconds
        self._follow()
        self.plant()
        now = at(seconds)
        samples = {
            p: Sample(p, v, Quality.BAD if p in self.bad else Quality.GOOD, now)
            for p, v in self.values.items()
        }
        if self.last is not None:
            samples |= self.last.facts
        cycle = self.engine.cycle(samples, now)
        results = []
        for write in cycle.writes:
            if write.value is not None:
                self.values[write.point] = write.value
            self._told[write.point] = seconds
            self.log.append((seconds, write.point.removeprefix(f"{BASE}."), write.value))
            results.append(WriteResult(write.point, write.value, WriteStatus.OK))
        self.engine.written(results, now)
        self.alarms += [(seconds, e.kind, e.key) for e in cycle.alarms]
        self.last = cycle
        return cycle

    def out(self, role: str) -> float:
        """Where an output of the handler stands."""
        return float(self.values.get(f"{self.handler.id}.{role}", 0.0))

    def fact(self, name: str) -> Value | None:
        assert self.last is not None
        sample = self.last.facts.get(f"{self.group.id}.{name}")
        return None if sample is None or sample.quality is not Quality.GOOD else sample.value

    def _is(self, role: str) -> float:
        if role in self.air.stuck:
            return self.air.stuck[role]
        if role not in self.handler.points:
            return 0.0
        return self.out(role)

    def _physics(self) -> None:
        air, step_s = self.air, self.step_s
        name = self.handler.id.split(".")[1]
        if air.fan_dead:
            self.put(f"{name}.status", 0)
        runs = bool(self.values.get(f"{self.handler.id}.status", self.out("enable")))
        speed = self.out("fan_speed") / 100.0 if "fan_speed" in self.handler.points else 1.0
        room_c = sum(air.zones_c.values()) / len(air.zones_c) if air.zones_c else 22.0
        if runs:
            share = self._is("oa_damper") / 100.0
            air.mixed_c = room_c + (air.outdoor_c - room_c) * share
            target = air.mixed_c - air.cooling_k * self._is("cooling_valve") / 100.0
            target += air.heating_k * self._is("heating_valve") / 100.0
            air.supply_c += (target - air.supply_c) * (1.0 - math.exp(-step_s / 60.0))
        for zone, zone_c in air.zones_c.items():
            flow = air.airflow_kw_k * speed if runs else 0.0
            level = (air.gains_kw[zone] + air.loss_kw_k * air.outdoor_c + flow * air.supply_c) / (
                air.loss_kw_k + flow
            )
            tau_s = 3600.0 * air.heat_kwh_k / (air.loss_kw_k + flow)
            air.zones_c[zone] = level + (zone_c - level) * math.exp(-step_s / tau_s)
            self._show(f"{zone}.zone_temp", air.zones_c[zone])
        self._show(f"{name}.supply_temp", air.supply_c)
        self._show(f"{name}.mixed_temp", air.mixed_c)
        self._show(f"{name}.return_temp", room_c)
        self._show("weather.outdoor_temp", air.outdoor_c)

    def _show(self, point: str, value: float) -> None:
        full = f"{BASE}.{point}"
        if full in self.values:
            self.values[full] = self.frozen.get(point, round(value, 3))


def single(*, roles: tuple[str, ...] = FULL, **parameters: Any) -> AirRig:
    """A handler with one zone of its own."""
    machine = made("ahu-1", "air_handler", (*roles, "zone_temp"))
    return AirRig(group_of([machine], **parameters))


def multi(zones: int = 3, *, roles: tuple[str, ...] = FULL, **parameters: Any) -> AirRig:
    """A handler that serves several rooms."""
    rooms = [made(f"room-{i}", "room", ("zone_temp",)) for i in range(1, zones + 1)]
    names = tuple(f"room-{i}" for i in range(1, zones + 1))
    machine = made("ahu-1", "air_handler", roles, serves=names)
    return AirRig(group_of([machine], rooms, **parameters))
