"""A group under an engine, with machines that do what they are told unless a test breaks them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from bms.config.site import Group
from bms.control import STRATEGIES
from bms.control.engine.cycle import Cycle, Engine
from bms.control.protect.flow.flow_paths import guarded_machines
from bms.control.protect.outage import Restartable
from bms.control.protect.protections import AT_ONCE
from bms.control.protect.restart_manager import RestartManager
from bms.control.protect.run_evidence import run_evidence
from bms.control.protect.safety import Safety
from bms.core.decisions import Command, Controller, Decision, OutputRules, Priority, Stage
from bms.core.equipment import Equipment
from bms.core.machines.equipment_kinds import KINDS
from drivers.base import WriteResult, WriteStatus
from drivers.points import PointId, Quality, Sample, Value
from tests.control.engine.parts import at

BASE = "b"


UNSEEN = (
    "flow_switch", "valve_open", "cw_valve_open", "chw_flow", "cw_flow", "far_pressure",
    "differential_pressure",
)  # fmt: skip
"""What most plants have no instrument for."""


def machine(
    name: str, kind: str, *, without: tuple[str, ...] = (), capacity_kw: float | None = None
) -> Equipment:
    roles = KINDS[kind].roles
    lacks = {*without, *UNSEEN, *(("flow",) if kind == "pump" else ())}
    points = {role: f"{BASE}.{name}.{role}" for role in roles if role not in lacks}
    return Equipment(f"{BASE}.{name}", BASE, KINDS[kind], points, capacity_kw=capacity_kw)


def group(
    strategy: str,
    members: list[Equipment],
    others: list[Equipment] | None = None,
    **parameters: Any,
) -> Group:
    equipment = {e.id.split(".")[1]: e for e in [*members, *(others or [])]}
    made = STRATEGIES[strategy].parameters.model_validate(parameters)
    return Group(f"{BASE}.g", BASE, strategy, tuple(members), made, equipment)


class Given:
    """Commands group points as a schedule would, or anything as an operator would."""

    reads: frozenset[PointId] = frozenset()
    stage = Stage.SUPERVISE

    def __init__(self, name: str, priority: Priority) -> None:
        self.name = name
        self.priority = priority
        self.values: dict[PointId, Value] = {}
        self.reason = "weekly daily 07:30-18:00, schedules/x.yaml:12"

    @property
    def writes(self) -> frozenset[PointId]:
        return frozenset(self.values)

    def initial(self) -> None:
        return None

    def decide(self, snapshot: Any, state: None, now: datetime) -> Decision[None]:
        return Decision(
            tuple(
                Command(
                    point=p, value=v, priority=self.priority, source=self.name, reason=self.reason
                )
                for p, v in self.values.items()
            ),
            None,
        )


class Rig:
    """Runs one group second by second, or in whatever steps a test likes."""

    def __init__(
        self,
        made: Group,
        *,
        rules: Callable[[Equipment], OutputRules] = lambda e: OutputRules(),
        saved: Mapping[str, object] | None = None,
    ) -> None:
        self.group = made
        self.spec = STRATEGIES[made.strategy]
        assert self.spec.check(made) == []
        self.schedule = Given("schedule", Priority.SCHEDULE)
        self.operator = Given("override:1", Priority.OPERATOR)
        machines = list(made.equipment.values())
        outputs = {
            e.points[r]: rules(e) if r == "enable" else OutputRules()
            for e in machines
            for r, role in e.kind.roles.items()
            if role.command and r in e.points
        }
        short = {e.id.split(".")[1]: e for e in machines}
        self.protection: list[Controller[Any]] = [
            Safety(BASE, machines, guarded_machines(short, [made])),
            RestartManager(
                BASE,
                "Asia/Shanghai",
                [
                    Restartable(e, e.points["enable"], run_evidence(e), (f"base {BASE}",))
                    for e in machines
                    if e.commanded("enable") and e.kind.name not in AT_ONCE
                ],
            ),
        ]
        self.resets = Given("resets", Priority.OPERATOR)
        self.engine = Engine(
            [
                self.schedule,
                self.operator,
                self.resets,
                *self.spec.build(made),
                *self.protection,
            ],
            outputs,
            saved or {},
        )
        self.values: dict[PointId, Value] = {p: 0 for e in machines for p in e.points.values()}
        self.bad: set[PointId] = set()
        self.dead: set[str] = set()
        """Equipment whose status stays off."""
        self.status_after_s: dict[str, float] = {}
        self._told: dict[PointId, float] = {}
        self.seconds = 0.0
        self.log: list[tuple[float, str, Value | None]] = []
        self.alarms: list[tuple[float, str, str]] = []
        self.plant: Callable[[], None] = lambda: None
        self.last: Cycle | None = None

    def mode(self, mode: str | None) -> None:
        self.give("mode", mode)

    def give(self, name: str, value: Value | None) -> None:
        point = f"{self.group.id}.{name}"
        self.schedule.values.pop(point, None)
        if value is not None:
            self.schedule.values[point] = value

    def put(self, point: str, value: Value) -> None:
        self.values[f"{BASE}.{point}"] = value

    def get(self, point: str) -> Value:
        return self.values[f"{BASE}.{point}"]

    def step(self, seconds: float) -> Cycle:
        """One cycle at `seconds` after T0."""
        self.seconds = seconds
        self._follow()
        self.plant()
        now = at(seconds)
        samples = {
            p: Sample(p, v, Quality.BAD if p in self.bad else Quality.GOOD, now)
            for p, v in self.values.items()
        }
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

    def _follow(self) -> None:
        """Each status follows its enable after the machine's delay."""
        for equipment in self.group.equipment.values():
            enable, status = equipment.points.get("enable"), equipment.points.get("status")
            if enable is None or status is None:
                continue
            name = equipment.id.split(".")[1]
            told = self._told.get(enable)
            late = told is not None and self.seconds - told < self.status_after_s.get(name, 0)
            if name in self.dead:
                self.values[status] = 0
            elif not late:
                self.values[status] = int(bool(self.values[enable]))

    def reset(self, name: str) -> None:
        """A person says that a machine may be used again."""
        self.resets.values[f"{BASE}.{name}.reset"] = 1
        self.step(self.seconds + 1)
        self.resets.values.clear()

    def run(self, until: float, step_s: float = 1.0) -> None:
        """Cycles from now to `until`, both exclusive of the present one."""
        seconds = self.seconds + step_s
        while seconds <= until:
            self.step(seconds)
            seconds += step_s

    def writes(self, role: str = "enable") -> list[tuple[float, str, Value | None]]:
        return [
            (t, p.rpartition(".")[0], v) for t, p, v in self.log if p.rpartition(".")[2] == role
        ]

    def running(self, kind: str) -> set[str]:
        return {
            n
            for n, e in self.group.equipment.items()
            if e.kind.name == kind and self.values[e.points["enable"]]
        }

    def reason(self, point: str) -> str:
        award = self.engine.why(f"{BASE}.{point}")
        assert award is not None
        return award.winner.reason

    def active(self) -> set[str]:
        return {alarm.key for alarm in self.engine.alarms()}
