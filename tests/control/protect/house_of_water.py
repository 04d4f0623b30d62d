"""A plant of two trains under all its protection, with machines that can lose power and water."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from bms.control.engine.cycle import Engine
from bms.control.protect.flow.flow_paths import guarded_machines
from bms.control.protect.outage import Restartable
from bms.control.protect.restart_manager import RestartManager
from bms.control.protect.run_evidence import run_evidence
from bms.control.protect.safety import Safety
from bms.core.decisions import Controller, OutputRules, Priority, Steady
from bms.core.equipment import Equipment
from drivers.base import WriteResult, WriteStatus
from drivers.points import PointId, Quality, Sample, Value
from tests.control.engine.parts import at
from tests.control.parts import BASE, Given, group, machine

POINT = f"{BASE}."
PLACES = ("link plc", f"base {BASE}")


def plant(trains: int = 2, **changes: Any) -> tuple[Any, list[Equipment]]:
    """The group of a chilled-water plant, and every machine of its base."""
    chillers = [machine(f"ch-{i}", "chiller", capacity_kw=700) for i in range(1, trains + 1)]
    others = [machine("hdr", "water_loop")]
    for i in range(1, trains + 1):
        others += [machine(f"chp-{i}", "pump"), machine(f"cwp-{i}", "pump"),
                   machine(f"ct-{i}", "cooling_tower")]  # fmt: skip
    names = [
        {"chiller": f"ch-{i}", "chw_pump": f"chp-{i}", "cw_pump": f"cwp-{i}", "tower": f"ct-{i}"}
        for i in range(1, trains + 1)
    ]
    made = group("chilled_water_plant", chillers, others, header="hdr", trains=names, **changes)
    return made, list(made.equipment.values())


class World:
    """Machines that run while they are told to, have power and are whole; second by second."""

    def __init__(
        self,
        machines: list[Equipment],
        strategies: list[Controller[Any]],
        groups: list[Any],
        *,
        minimum: bool = True,
    ) -> None:
        self.machines = {m.id.removeprefix(POINT): m for m in machines}
        self.groups = groups
        self.strategies = strategies
        self.schedule = Given("schedule", Priority.SCHEDULE)
        self.operator = Given("override:1", Priority.OPERATOR)
        self.resets = Given("resets", Priority.OPERATOR)
        self.outputs = {
            m.points[name]: OutputRules(m.kind.min_on_s, m.kind.min_off_s)
            if name == "enable" and minimum
            else OutputRules()
            for m in machines
            for name, role in m.kind.roles.items()
            if role.command and name in m.points
        }
        self.values: dict[PointId, Value] = {p: 0 for m in machines for p in m.points.values()}
        self.bad: set[PointId] = set()
        self.dead: set[str] = set()
        self.power = True
        self.silent = False
        """Its link is away: nothing is read, nothing is written."""
        self.seconds = 0.0
        self.boot = "one"
        self.steady_s = 0.0
        self.log: list[tuple[float, str, Value | None]] = []
        self.alarms: list[tuple[float, str, str]] = []
        self.saved: Mapping[str, Any] = {}
        self.water: Callable[[], None] = lambda: None
        self.begin()

    def begin(self) -> None:
        """A controller starts with what the last one saved."""
        whole = list(self.machines.values())
        protection: list[Controller[Any]] = [
            Safety(BASE, whole, guarded_machines(self.machines, self.groups)),
            RestartManager(
                BASE,
                "Asia/Shanghai",
                [
                    Restartable(m, m.points["enable"], run_evidence(m), PLACES)
                    for m in whole
                    if m.commanded("enable")
                ],
            ),
        ]
        self.engine = Engine(
            [self.schedule, self.operator, self.resets, *self.strategies, *protection],
            self.outputs,
            json.loads(json.dumps(self.saved)),
            watched_s=60.0,
        )

    def restart(self, away_s: float, boot: str = "one") -> None:
        """The controller is away; machines go on as they were told."""
        self.saved = self.engine.states()
        self.seconds += away_s
        self.steady_s = self.steady_s + away_s if boot == self.boot else 20.0
        self.boot = boot
        self.begin()

    def put(self, name: str, value: Value) -> None:
        self.values[POINT + name] = value

    def get(self, name: str) -> Value:
        return self.values[POINT + name]

    def on(self, name: str) -> bool:
        """Whether a machine is enabled."""
        return bool(self.values[f"{POINT}{name}.enable"])

    def runs(self, name: str) -> bool:
        return bool(self.values[f"{POINT}{name}.status"])

    def all_off(self) -> None:
        """A PLC forgets what it was told."""
        for point in self.outputs:
            if point.endswith(".enable"):
                self.values[point] = 0

    def step(self, step_s: float = 1.0) -> None:
        self.seconds += step_s
        self.steady_s += step_s
        for name, m in self.machines.items():
            if "status" in m.points and "enable" in m.points:
                told = bool(self.values[m.points["enable"]])
                self.values[m.points["status"]] = int(told and self.power and name not in self.dead)
        flow = any(self.runs(n) for n in self.machines if n.startswith("chp"))
        if f"{POINT}hdr.flow" in self.values:
            self.put("hdr.flow", 120.0 if flow else 0.0)
        self.water()
        now = at(self.seconds)
        samples = {
            p: Sample(p, v, Quality.BAD if self.silent or p in self.bad else Quality.GOOD, now)
            for p, v in self.values.items()
        }
        cycle = self.engine.cycle(samples, now, steady=Steady(self.boot, self.steady_s))
        results = []
        for write in cycle.writes:
            status = WriteStatus.TIMEOUT if self.silent else WriteStatus.OK
            if not self.silent and write.value is not None:
                if self.values[write.point] != write.value:
                    self.log.append((self.seconds, write.point.removeprefix(POINT), write.value))
                self.values[write.point] = write.value
            results.append(WriteResult(write.point, write.value, status))
        self.engine.written(results, now)
        self.alarms += [(self.seconds, e.kind, e.key) for e in cycle.alarms]

    def run(self, seconds: float, step_s: float = 1.0) -> None:
        end = self.seconds + seconds
        while self.seconds < end:
            self.step(step_s)

    def until(self, holds: Any, most_s: float) -> float:
        """Live until it holds; the seconds that it took."""
        begun = self.seconds
        while not holds():
            assert self.seconds - begun < most_s, sorted(self.active())
            self.step()
        return self.seconds - begun

    def reset(self, name: str) -> None:
        self.resets.values[f"{POINT}{name}.reset"] = 1
        self.step()
        self.resets.values.clear()

    def starts(self, since: float = 0.0, kind: str = "") -> list[tuple[float, str]]:
        """When machines were enabled."""
        return [
            (t - since, p.removesuffix(".enable"))
            for t, p, v in self.log
            if t >= since and v == 1 and p.endswith(".enable") and p.startswith(kind)
        ]

    def winner(self, name: str) -> tuple[Value, int, str, str]:
        """Value, slot, source and reason of a machine's enable."""
        award = self.engine.why(f"{POINT}{name}.enable")
        assert award is not None
        won = award.winner
        return won.value, int(won.priority), won.source, str(won.reason)

    def active(self) -> set[str]:
        return {alarm.key for alarm in self.engine.alarms()}

    def text(self, key: str) -> str:
        return next(str(c.text) for c in self.engine.conditions if c.key == key)


def works(trains: int = 2, **changes: Any) -> World:
    """The plant of two trains under its strategy, switched on by a schedule."""
    from bms.control import STRATEGIES

    made, machines = plant(trains, **changes)
    world = World(machines, list(STRATEGIES[made.strategy].build(made)), [made])
    world.put("hdr.supply_temp", 7.0)
    world.put("hdr.return_temp", 9.0)
    world.schedule.values = {f"{made.id}.mode": "on", f"{made.id}.chw_setpoint_c": 7.0}
    return world
