"""A simulated week of any works in which things go wrong at random, held to what must never be."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from bms.control.engine.protection import is_on
from bms.control.protect.withheld import cause_of
from bms.control.strategies.chilled_water.parameters import ChilledWaterPlantParameters
from bms.core.decisions import Command
from simulators.faults.fault_kinds import Fault, FaultKind
from simulators.faults.fault_script import TimedFault
from simulators.faults.faulted import FaultedPlant
from simulators.parks.works.blueprint import Blueprint
from simulators.parks.works.works import Works
from tests.plants.life import Life
from tests.plants.works_site import site_of, works_of

BEGIN = {
    "summer": datetime(2026, 7, 5, 16, tzinfo=UTC),
    "spring": datetime(2026, 4, 12, 16, tzinfo=UTC),
    "winter": datetime(2026, 1, 11, 16, tzinfo=UTC),
}
FINE_S, COARSE_S = 30.0, 120.0
FINE_FOR = timedelta(minutes=15)
"""After anything has changed, steps are fine for so long: they see a proof of 30 s."""
DRY_S = 150.0
"""Pump proof 30 s, loss 10 s to a minute, and the steps at which it is seen."""
NAMED_S = 120.0
"""Beyond the proof of its kind, a machine that does not obey has a condition by then."""
BACK_S = 5400.0
"""After an outage that left the machines whole, what was served is served again (usual start,
minimum off times, machines one by one)."""

OUTAGES = (
    FaultKind.SILENT, FaultKind.POWER_DIP, FaultKind.POWER_FAILURE, FaultKind.REBOOT,
)  # fmt: skip
FAILURES = (
    FaultKind.TRIP, FaultKind.NO_START, FaultKind.HAND_OFF, FaultKind.STICK, FaultKind.BIAS,
    FaultKind.DRIFT, FaultKind.FREEZE, FaultKind.SHOW, FaultKind.NOISE, FaultKind.BAD,
    FaultKind.DROPOUT, FaultKind.BREAK,
)  # fmt: skip
NOT_OBEYED = frozenset({FaultKind.HAND_ON, FaultKind.STICK, FaultKind.SILENT})
"""While one of these hits a machine, nobody can switch it."""


@dataclass
class Broken:
    """What a week did that must never be; empty is right."""

    seed: int
    found: list[str] = field(default_factory=list)

    def say(self, at: datetime, text: str) -> None:
        self.found.append(f"seed {self.seed} at {at:%a %H:%M:%S}: {text}")


def plant_of(rng: Random) -> Blueprint:
    """Some works: one to four chillers, unlike more often than not, and boilers or none."""
    sizes = [rng.choice([250, 350, 500, 700, 1000]) for _ in range(rng.randint(1, 4))]
    chillers = {
        f"ch-{n}": {"curve": rng.choice(["centrifugal_vsd", "screw"]), "capacity_kw": kw}
        for n, kw in enumerate(sizes, 1)
    }
    many = len(sizes) + rng.choice([0, 0, 1])
    sections: dict[str, Any] = {
        "chillers": chillers,
        "chw_pumps": {f"chwp-{n}": None for n in range(1, many + 1)},
        "cw_pumps": {f"cwp-{n}": None for n in range(1, many + 1)},
        "towers": {f"ct-{n}": None for n in range(1, rng.randint(1, len(sizes)) + 1)},
        "processes": {"halls": {"design_kw": round(sum(sizes) * rng.uniform(0.4, 0.9))}},
        "valves": rng.random() < 0.8,
    }
    if rng.random() < 0.5:
        boilers = rng.randint(1, 3)
        sections["boilers"] = {
            f"boiler-{n}": {
                "capacity_kw": rng.choice([200, 400, 600]),
                "condensing": rng.random() < 0.6,
            }
            for n in range(1, boilers + 1)
        }
        sections["hw_pumps"] = {f"hwp-{n}": None for n in range(1, boilers + 2)}
        sections["processes"]["radiators"] = {"design_kw": -300 * boilers}
    return works_of(**sections)


def faults_of(
    rng: Random, works: Works, begin: datetime, kinds: Sequence[FaultKind]
) -> list[TimedFault]:
    """Three to ten faults of a week, most of them for minutes, some for a day."""
    names = [point.name for point in works.points()]
    machines = sorted({name.rpartition(".")[0] for name in names if name.endswith(".enable")})
    sensors = [n for n in names if n.rpartition(".")[2] in (
        "supply_temp", "return_temp", "flow", "differential_pressure", "far_pressure", "status",
        "outdoor_temp", "wet_bulb_temp", "chw_supply_temp",
    )]  # fmt: skip
    stuck = [n for n in names if n.rpartition(".")[2] in ("speed", "bypass_valve")]
    found = []
    for _ in range(rng.randint(3, 10)):
        kind = rng.choice(kinds)
        at = begin + timedelta(seconds=rng.uniform(3600.0, 6.0 * 86400.0))
        for_s: float | None = rng.choice([20.0, 120.0, 1200.0, 7200.0, 40_000.0])
        value = 0.0
        if kind in (FaultKind.POWER_DIP, FaultKind.POWER_FAILURE, FaultKind.SILENT):
            target = rng.choice(["works", "works", *machines])
            for_s = rng.choice([20.0, 120.0, 1200.0, 7200.0])
        elif kind is FaultKind.REBOOT:
            target, for_s = "works", None
        elif kind is FaultKind.STICK:
            target = rng.choice(stuck)
        elif kind in (FaultKind.TRIP, FaultKind.NO_START, FaultKind.HAND_OFF):
            target = rng.choice(machines)
        elif kind is FaultKind.BREAK:
            target = rng.choice([m for m in machines if "p-" in m])
        else:
            target = rng.choice(sensors)
            value = {
                FaultKind.BIAS: rng.uniform(-5.0, 5.0),
                FaultKind.DRIFT: rng.uniform(-1.0, 1.0),
                FaultKind.SHOW: rng.choice([-50.0, 0.0, 1.0, 400.0]),
                FaultKind.NOISE: rng.uniform(0.1, 2.0),
                FaultKind.DROPOUT: rng.uniform(0.1, 0.9),
            }.get(kind, 0.0)
        found.append(TimedFault(at, Fault(kind, target, value, for_s)))
    return found


class Week:
    """One week, watched."""

    def __init__(self, directory: Path, seed: int, kinds: Sequence[FaultKind]) -> None:
        rng = Random(seed)
        self.broken = Broken(seed)
        self.plant = plant_of(rng)
        self.begin = BEGIN[rng.choice(["summer", "summer", "spring", "winter"])]
        self.works = Works.of(self.begin, self.plant)
        self.script = faults_of(rng, self.works, self.begin, kinds) if kinds else []
        self.faulted = FaultedPlant.around(self.works, self.begin, self.script)
        self.site = site_of(directory, self.plant)
        self.life = Life(self.site, self.faulted, self.begin)
        self.restarts = sorted(
            self.begin + timedelta(seconds=rng.uniform(0.0, 6.5 * 86400.0))
            for _ in range(rng.choice([0, 1, 2]) if kinds else 0)
        )
        self.rng = rng
        self._dry: dict[str, float] = {}
        self._dry_for: dict[str, float] = defaultdict(float)
        self._against: dict[str, float] = defaultdict(float)
        self._starts: dict[str, deque[datetime]] = defaultdict(deque)
        self._on: dict[str, bool] = {}
        self._stages: dict[str, list[datetime]] = defaultdict(list)
        self._stage: dict[str, float] = {}
        self._fine_until = self.begin + FINE_FOR
        self.served: list[tuple[datetime, bool]] = []

    def run(self) -> list[str]:
        """Live the week; what must never be."""
        end = self.begin + timedelta(days=7)
        hits = sorted(
            moment
            for timed in self.script
            if timed.fault is not None
            for moment in (timed.at, timed.at + timedelta(seconds=timed.fault.for_s or 0.0))
        )
        while self.life.now < end:
            if self.restarts and self.life.now >= self.restarts[0]:
                self.restarts.pop(0)
                boot = f"boot {self.life.now}" if self.rng.random() < 0.5 else None
                self.life.restart(self.rng.choice([5.0, 60.0, 1800.0]), boot=boot)
                self._dry = {}
            soon = any(timedelta(0) <= hit - self.life.now < timedelta(minutes=2) for hit in hits)
            recent = any(timedelta(0) <= self.life.now - hit < FINE_FOR for hit in hits)
            fine = soon or recent or self.life.now < self._fine_until
            self._step(FINE_S if fine else COARSE_S)
            if len(self.broken.found) > 20:
                break
        self._days()
        return self.broken.found

    def _step(self, step_s: float) -> None:
        cycle = self.life.step(step_s)
        now = self.life.now
        if cycle.changed:
            self._fine_until = now + FINE_FOR
        hit = [fault for fault in self.faulted.active() if fault.kind in NOT_OBEYED]
        self._watch_flow(hit)
        for name, machine in self.site.equipment.items():
            enable = machine.points.get("enable")
            if enable is None or enable not in cycle.awards:
                continue
            award = cycle.awards[enable]
            self._watch_machine(name, is_on(award.value), step_s, hit)
            rivals = [c for c in award.losers if c.priority == award.winner.priority]
            speakers = {_speaker(c) for c in (award.winner, *rivals)}
            if len(speakers) > 1:
                self.broken.say(now, f"{enable} is commanded by two at {award.winner.priority}")
        for group in self.site.groups:
            stage = self.life.fact(f"{group}.stage")
            if stage is not None and stage != self._stage.get(group, stage):
                self._stages[group].append(now)
            if stage is not None:
                self._stage[group] = stage

    def _watch_flow(self, hit: Sequence[Fault]) -> None:
        machines: list[tuple[str, float]] = []
        if self.works.cold is not None:
            machines += zip(
                self.plant.chillers, (c.dry_s for c in self.works.cold.plant.chillers), strict=True
            )
        if self.works.heat is not None:
            machines += zip(
                self.plant.boilers, (b.dry_s for b in self.works.heat.plant.boilers), strict=True
            )
        for name, dry_s in machines:
            before = self._dry.get(name, dry_s)
            self._dry[name] = dry_s
            blind = any(fault.hits(f"works.{name}.enable") for fault in hit)
            if dry_s <= before or blind:
                self._dry_for[name] = 0.0
                continue
            was = self._dry_for[name]
            self._dry_for[name] = was + dry_s - before
            if was <= DRY_S < self._dry_for[name]:
                self.broken.say(self.life.now, f"{name} enabled without flow for {DRY_S:g} s")

    def _watch_machine(self, name: str, told: bool, step_s: float, hit: Sequence[Fault]) -> None:
        now, machine = self.life.now, self.site.equipment[name]
        if told and not self._on.get(name, False):
            starts = self._starts[name]
            starts.append(now)
            while starts and now - starts[0] >= timedelta(days=1):
                starts.popleft()
            most = machine.starts.per_day
            if most is not None and len(starts) > most:
                self.broken.say(now, f"{name} started {len(starts)} times within 24 h")
        self._on[name] = told
        runs = bool(self.works.read().get(f"{name}.status", 1.0))
        failed = [
            fault
            for fault in self.faulted.active()
            if fault.kind in (FaultKind.TRIP, FaultKind.NO_START, FaultKind.HAND_OFF)
            and fault.hits(f"{name}.enable")
        ]
        if told and not runs and failed:
            was = self._against[name]
            self._against[name] = was + step_s
            limit_s = machine.kind.proves_s + NAMED_S
            named = any(key.startswith(f"{name}:") for key in self.life.holding)
            if was <= limit_s < self._against[name] and not named:
                self.broken.say(now, f"{name} does not run for {limit_s:g} s and nobody says so")
        else:
            self._against[name] = 0.0

    def _days(self) -> None:
        """Stage changes of days without faults."""
        if self.script:
            return
        for group, moments in self._stages.items():
            for day in range(7):
                first = self.begin + timedelta(days=day)
                count = sum(first <= m < first + timedelta(days=1) for m in moments)
                if count > 6:
                    self.broken.say(first, f"{group} changed its stage {count} times in a day")


def _locked_out(week: Week) -> bool:
    """Whether it is too cold outside for a cold plant: nobody is served then, outage or not."""
    lockout_c = ChilledWaterPlantParameters(header="").lockout_oat_c
    return week.works.read()["works.weather.outdoor_temp"] <= lockout_c


def _speaker(command: Command) -> str:
    """Who commands: the protection of a base tells each of its causes by a name."""
    return "protection" if cause_of(command) is not None else command.source


def comes_back(week: Week) -> list[str]:
    """After a week of outages everything that is whole runs again by itself."""
    week.faulted.clear()
    for process in week.plant.processes:
        spec, _ = week.plant.processes[process]
        week.works.force(process, 0.6 * abs(spec.design_kw))
    week.life.run(BACK_S)
    found = []
    if week.works.cold is not None and not _locked_out(week):
        supply_c = week.works.read()["works.chw-header.supply_temp"]
        if not any(c.running for c in week.works.cold.plant.chillers) or supply_c > 12.0:
            found.append(
                f"seed {week.broken.seed}: no cold {BACK_S:g} s after the last outage: "
                f"{supply_c:.1f} degC, {sorted(week.life.holding)}"
            )
    return found
