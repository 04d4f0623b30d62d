"""Two rooms with their units, the engine with optimal start, and weather that differs by day."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

from bms.config.load import load
from bms.config.site import Site
from bms.control import STRATEGIES, assemble
from bms.control.engine.cycle import Engine
from bms.control.supervise.expected_start import OptimalState
from bms.control.supervise.learning import Rate
from bms.core.decisions import Override, Priority
from drivers.base import WriteResult, WriteStatus
from drivers.points import PointId, Quality, Sample, Value
from simulators.physics.zones import Around, Water, ZoneBank, ZoneSpec
from tests.config.sites import write

FILES = {
    "site.yaml": "id: small\nzone: Asia/Shanghai\nbases: {b: {}}\n",
    "links.yaml": "links:\n  plc: {protocol: modbus_tcp, host: 127.0.0.1}\n",
    "devices/ahu.yaml": """\
device: ahu
kind: air_handler
document: test
protocol: modbus
points:
  enable: {table: coil, address: 0, type: bool, writable: true}
  status: {table: discrete, address: 0, type: bool}
  zone_setpoint: {table: holding, address: 0, type: float32, unit: degC, writable: true}
  zone_temp: {table: input, address: 0, type: float32, unit: degC}
""",
    "devices/weather.yaml": """\
device: weather
kind: weather_station
document: test
protocol: modbus
points:
  outdoor_temp: {table: input, address: 0, type: float32, unit: degC}
  humidity: {table: input, address: 2, type: float32, unit: "%"}
""",
    "equipment/b.yaml": """\
base: b
equipment:
  ahu-1: {kind: air_handler, device: ahu, link: plc, unit: 1}
  ahu-2: {kind: air_handler, device: ahu, link: plc, unit: 2}
  weather: {kind: weather_station, device: weather, link: plc, unit: 3}
""",
    "groups/b.yaml": """\
base: b
groups:
  air:
    strategy: on_off
    members: [ahu-*]
    optimal:
      zone: [ahu-*]
      outdoor: weather
      max_start: 3h
      max_stop: 60m
      purge: {from: "01:00", to: "05:00", seasons: [transitional], humidity: weather}
""",
    "schedules/air.yaml": """\
schedule: air
governs: [b.air]
seasons: s
otherwise: {mode: "off"}
week:
  summer:
    daily:
      - {from: "08:00", to: "18:00", mode: "on", zone_setpoint_c: 25}
  winter:
    daily:
      - {from: "08:00", to: "18:00", mode: "on", zone_setpoint_c: 20}
  transitional:
    daily:
      - {from: "08:00", to: "18:00", mode: "on", zone_setpoint_c: 22}
""",
    "schedules/seasons.yaml": """\
seasons:
  s: {summer: [06-01..09-30], winter: [12-01..03-15], transitional: rest}
""",
}
ROOM = ZoneSpec(0.6, 43_000.0, 12.0, 15.0, 35.0, 30.0, 0.8)
"""A showroom of the demo park."""
STEP_S = 120.0
SUMMER = datetime(2026, 6, 30, 16, tzinfo=UTC)  # midnight in Shanghai
WINTER = datetime(2025, 12, 31, 16, tzinfo=UTC)
TRANSITIONAL = datetime(2026, 4, 30, 16, tzinfo=UTC)


def small_site(directory: Path, **changes: str) -> Site:
    return load(write(directory, {**FILES, **changes}), STRATEGIES)


class Rooms(Protocol):
    """What a house has inside."""

    temps_c: list[float]
    running: list[float]

    def step(
        self,
        dt_s: float,
        around: Around,
        enabled: Sequence[float],
        setpoints_c: Sequence[float],
        speeds: Sequence[float],
        water: Water,
    ) -> None: ...


@dataclass
class House:
    """Two rooms with their units, weather that differs from day to day, and the engine."""

    site: Site
    now: datetime
    mean_c: Callable[[int], float]
    """Outdoor mean of each day."""
    saved: Mapping[str, object] = field(default_factory=dict)
    overrides: Sequence[Override] = ()
    broken: Mapping[PointId, Value | None] = field(default_factory=dict)
    """What a sensor shows instead; None: it is BAD."""
    start_c: float = 27.0
    capacity: float = 1.0
    bank: Rooms = field(default_factory=lambda: ZoneBank([ROOM, ROOM]))
    busy: bool = True
    """Whether people and machines heat the rooms in the daytime."""
    log: list[tuple[datetime, float, bool, float]] = field(default_factory=list)
    """Local time, zone, running, setpoint."""
    reasons: dict[datetime, str] = field(default_factory=dict)
    alarms: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.bank.temps_c = [self.start_c, self.start_c + 0.4]
        self.values: dict[PointId, Value] = dict.fromkeys(self.site.outputs, 0.0)
        self.begin = self.now
        self.restart(self.saved)

    def restart(self, saved: Mapping[str, object]) -> None:
        # As the store keeps it: through JSON.
        kept = json.loads(json.dumps(saved))
        self.engine = Engine(assemble(self.site, self.overrides), self.site.outputs, kept)

    def outdoor_c(self) -> float:
        hours = (self.now - self.begin).total_seconds() / 3600
        return self.mean_c(int(hours // 24)) + 5 * math.sin((hours % 24 - 9) / 24 * math.tau)

    def run(self, days: float) -> None:
        end = self.now + timedelta(days=days)
        while self.now < end:
            self.step()

    def step(self) -> None:
        self.now += timedelta(seconds=STEP_S)
        local = self.now + timedelta(hours=8)
        on = [float(self.values[f"b.ahu-{i}.enable"]) for i in (1, 2)]
        setpoints = [float(self.values[f"b.ahu-{i}.zone_setpoint"]) for i in (1, 2)]
        busy = 1.0 if self.busy and 8 <= local.hour < 18 else 0.0
        outdoor = self.outdoor_c()
        self.bank.step(
            STEP_S,
            Around(outdoor, 0.0, busy),
            on,
            setpoints,
            [1.0, 1.0],
            Water(self.capacity, self.capacity),
        )
        read: dict[PointId, Value | None] = {
            **self.values,
            "b.weather.outdoor_temp": outdoor,
            "b.weather.humidity": 60.0,
        }
        for i in (0, 1):
            read[f"b.ahu-{i + 1}.status"] = self.bank.running[i]
            read[f"b.ahu-{i + 1}.zone_temp"] = self.bank.temps_c[i]
        read |= self.broken
        samples = {
            p: Sample(p, v, Quality.BAD if v is None else Quality.GOOD, self.now)
            for p, v in read.items()
        }
        cycle = self.engine.cycle(samples, self.now)
        for write_ in cycle.writes:
            self.values[write_.point] = 0.0 if write_.value is None else write_.value
        self.engine.written(
            [WriteResult(w.point, w.value, WriteStatus.OK) for w in cycle.writes], self.now
        )
        self.alarms += [event.text for event in cycle.alarms if event.kind == "raised"]
        for change in cycle.changed:
            if change.award is not None and change.award.winner.priority is Priority.OPTIMISER:
                self.reasons.setdefault(local, change.award.winner.reason)
        zone = sum(self.bank.temps_c) / 2
        self.log.append((local, zone, bool(on[0]), setpoints[0]))

    def day(self, number: int) -> list[tuple[datetime, float, bool, float]]:
        return self.log[number * 720 : (number + 1) * 720]

    def started(self, number: int) -> datetime | None:
        """When it was first running on a day, as local time."""
        return next((time for time, _, on, _ in self.day(number) if on), None)

    def reached(self, number: int, target_c: float, *, cooling: bool = True) -> datetime | None:
        """When the rooms were first where their own controllers keep them: the deadband is 0.5 K,
        approached with a time constant of 15 min."""
        sign = 1 if cooling else -1
        return next(
            (t for t, zone, on, _ in self.day(number) if on and sign * (zone - target_c) <= 0.6),
            None,
        )

    def learned(self) -> OptimalState:
        saved = self.engine.states()["optimal:b.air"]
        learned: OptimalState = self.engine._codec.decode(OptimalState, saved)
        return learned


def minutes_late(house: House, day: int, target_c: float, *, cooling: bool = True) -> float:
    reached = house.reached(day, target_c, cooling=cooling)
    assert reached is not None
    block = reached.replace(hour=8, minute=0, second=0)
    return (reached - block).total_seconds() / 60


def mornings(rates: Mapping[str, Rate]) -> int:
    return sum(r.days for k, r in rates.items() if not k.startswith("drift") and k.count("|") == 2)
