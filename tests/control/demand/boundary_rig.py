"""A boundary with a meter, sun, loads that obey, and a demand limit over them, second by second."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from bms.config.site import Group, Neighbour
from bms.control import STRATEGIES
from bms.control.engine.cycle import Cycle, Engine
from bms.control.strategies.demand.demand_state import DemandState
from bms.core.decisions import Controller, OutputRules, Priority, Steady
from bms.core.equipment import Equipment
from drivers.base import WriteResult, WriteStatus
from drivers.points import PointId, Quality, Sample, Value
from tests.control.parts import BASE, Given, machine

MORNING = datetime(2026, 7, 6, 0, 0, tzinfo=UTC)
"""Eight o'clock in China, a Monday; the begin of an interval."""
GROUP = f"{BASE}.demand"


@dataclass
class Lamp:
    """A load that draws its power while it is enabled."""

    name: str
    kw: float
    level: int = 1
    metered: bool = True
    stuck: bool = False
    """It draws on whatever it is told."""
    keys: Mapping[str, Any] = field(default_factory=dict)

    @property
    def entry(self) -> dict[str, Any]:
        worth = {} if self.metered else {"kw": self.kw}
        return {"machines": [self.name], "level": self.level, **worth, **self.keys}


class Boundary:
    """An engine with a demand limit, and what it measures."""

    def __init__(
        self,
        lamps: Sequence[Lamp],
        base_kw: Callable[[float], float] = lambda _: 500.0,
        *,
        sun_kw: Callable[[float], float] | None = None,
        resolution: float = 0.1,
        start: datetime = MORNING,
        zone: str = "Asia/Shanghai",
        groups: Mapping[str, tuple[str, list[Equipment], Mapping[str, Any]]] | None = None,
        others: Sequence[Equipment] = (),
        **parameters: Any,
    ) -> None:
        self.lamps = {lamp.name: lamp for lamp in lamps}
        self.base_kw, self.sun_kw = base_kw, sun_kw
        self.start, self.resolution = start, resolution
        self.meter = machine("meter-main", "meter")
        self.sun = machine("pv-1", "pv_inverter")
        lacks = {lamp.name: () if lamp.metered else ("power",) for lamp in lamps}
        self.machines = {
            name: machine(name, "lighting_circuit", without=("energy", "level", *lacks[name]))
            for name in self.lamps
        }
        equipment = {
            e.id.partition(".")[2]: e
            for e in (self.meter, self.sun, *self.machines.values(), *others)
        }
        if sun_kw is not None:
            parameters.setdefault("pv", ["pv-1"])
        loads = [lamp.entry for lamp in lamps] + list(parameters.pop("loads", []))
        spec = STRATEGIES["demand_limit"]
        made = spec.parameters.model_validate({"loads": loads, **parameters})
        self.others: list[Group] = []
        neighbours: dict[str, Neighbour] = {}
        for name, (strategy, members, keys) in (groups or {}).items():
            theirs = STRATEGIES[strategy]
            other = Group(
                f"{BASE}.{name}", BASE, strategy, tuple(members),
                theirs.parameters.model_validate(keys), equipment,
            )  # fmt: skip
            assert theirs.check(other) == []
            self.others.append(other)
            neighbours[name] = Neighbour(
                other.id, other.members, None, theirs.modes, theirs.setpoints, theirs.each
            )
        self.group = Group(
            GROUP, BASE, "demand_limit", (self.meter,), made, equipment,
            zone=zone, neighbours=neighbours, tells=spec.tells,
        )  # fmt: skip
        assert spec.check(self.group) == [], spec.check(self.group)
        self.equipment = equipment
        self.schedule = Given("schedule", Priority.SCHEDULE)
        self.operator = Given("override:1", Priority.OPERATOR)
        for name in self.lamps:
            self.schedule.values[f"{BASE}.{name}.enable"] = 1
        self.values: dict[PointId, Value] = {
            point: 0 for e in equipment.values() for point in e.points.values()
        }
        for name in self.lamps:
            self.values[f"{BASE}.{name}.enable"] = 1
        self.bad: set[PointId] = set()
        self.clock_ahead_s = 0.0
        self.register_shift = 0.0
        self.seconds = self.first_s = 0.0
        self.boot = "one"
        self.kwh = 1234.5
        self.cycle: Cycle | None = None
        self.min_off_s: dict[str, float] = {}
        self.intervals: list[float] = []
        """Mean power of each interval of the true clock, kW."""
        self._interval_kwh = 0.0
        self.alarms: list[tuple[float, str, str]] = []
        self.meddle: Callable[[dict[PointId, Sample]], None] | None = None
        self.begin({})

    def begin(self, saved: Mapping[str, object]) -> None:
        outputs = {
            e.points[name]: OutputRules(min_off_s=self.min_off_s.get(e.id.partition(".")[2], 0.0))
            for e in self.equipment.values()
            for name, role in e.kind.roles.items()
            if role.command and name in e.points
        }
        spec = STRATEGIES["demand_limit"]
        controllers: list[Controller[Any]] = [self.schedule, self.operator]
        controllers += spec.build(self.group)
        for other in self.others:
            controllers += STRATEGIES[other.strategy].build(other)
        self.engine = Engine(controllers, outputs, saved, watched_s=600.0)

    def restart(self, away_s: float = 0.0, *, boot: str | None = None) -> None:
        saved = self.engine.states()
        for _ in range(int(away_s)):
            self._draw(1.0)
        if boot is not None:
            self.boot = boot
        self.begin(saved)

    @property
    def interval_s(self) -> float:
        return float(self.group.parameters.interval_min * 60)

    @property
    def now(self) -> datetime:
        return self.start + timedelta(seconds=self.seconds + self.clock_ahead_s)

    @property
    def state(self) -> DemandState:
        found = self.engine.state_of(f"demand_limit:{GROUP}")
        assert isinstance(found, DemandState)
        return found

    def draws(self, lamp: Lamp) -> float:
        on = bool(self.values[f"{BASE}.{lamp.name}.enable"]) or lamp.stuck
        return lamp.kw if on else 0.0

    def _draw(self, step_s: float) -> None:
        """The plant for one step."""
        self.seconds += step_s
        power = self.base_kw(self.seconds)
        for lamp in self.lamps.values():
            kw = self.draws(lamp)
            power += kw
            if lamp.metered:
                self.values[f"{BASE}.{lamp.name}.power"] = kw
            self.values[f"{BASE}.{lamp.name}.status"] = int(kw > 0.0)
        sun = 0.0 if self.sun_kw is None else self.sun_kw(self.seconds)
        self.values[f"{BASE}.pv-1.power"] = sun
        power = max(0.0, power - sun)
        kwh = power * step_s / 3600.0
        self.kwh += kwh
        self._interval_kwh += kwh
        self.values[f"{BASE}.meter-main.power"] = round(power, 2)
        counts = int((self.kwh + self.register_shift) / self.resolution)
        self.values[f"{BASE}.meter-main.energy"] = round(counts * self.resolution, 3)
        offset_s = self.start.timestamp() % self.interval_s
        if (offset_s + self.seconds) % self.interval_s < step_s:
            self.intervals.append(self._interval_kwh * 3600.0 / self.interval_s)
            self._interval_kwh = 0.0

    def step(self, step_s: float = 1.0) -> Cycle:
        self._draw(step_s)
        self.first_s = self.first_s or self.seconds
        now = self.now
        samples = {
            p: Sample(p, None, Quality.BAD, now, "no answer")
            if p in self.bad
            else Sample(p, v, Quality.GOOD, now)
            for p, v in self.values.items()
        }
        if self.meddle is not None:
            self.meddle(samples)
        cycle = self.engine.cycle(samples, now, (), Steady(self.boot, 100.0 + self.seconds))
        results = []
        for write in cycle.writes:
            self.values[write.point] = 0 if write.value is None else write.value
            results.append(WriteResult(write.point, write.value, WriteStatus.OK))
        self.engine.written(results, now)
        self.alarms += [(self.seconds, e.kind, e.key) for e in cycle.alarms]
        self.cycle = cycle
        return cycle

    def run(self, seconds: float, step_s: float = 1.0) -> None:
        end = self.seconds + seconds
        while self.seconds < end - 1e-6:
            self.step(min(step_s, end - self.seconds))

    def until(self, holds: Callable[[], bool], most_s: float, step_s: float = 1.0) -> float:
        begun = self.seconds
        while not holds():
            assert self.seconds - begun < most_s, f"not within {most_s:g} s: {self.shed}"
            self.step(step_s)
        return self.seconds - begun

    @property
    def begun_s(self) -> float:
        """When the interval began as the controller has it: it first looked after a step."""
        return self.state.interval.begin_s + self.first_s

    @property
    def shed(self) -> set[str]:
        return {name for name, load in self.state.loads.items() if load.shed}

    def fact(self, name: str) -> Any:
        assert self.cycle is not None
        sample = self.cycle.facts.get(f"{GROUP}.{name}")
        return None if sample is None or sample.quality is not Quality.GOOD else sample.value

    @property
    def conditions(self) -> set[str]:
        return {condition.key for condition in self.engine.conditions}

    def why(self, point: str) -> str:
        award = self.engine.why(f"{BASE}.{point}")
        assert award is not None
        return str(award.winner.reason)

    def silence(self) -> None:
        self.bad |= set(self.meter.points.values())

    def speak(self) -> None:
        self.bad -= set(self.meter.points.values())
