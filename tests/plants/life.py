"""A site lived on a plant, cycle by cycle, with the truth beside what the controller saw."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from bms.config.site import Site
from bms.control import assemble
from bms.control.engine.cycle import Cycle, Engine
from bms.control.watch.machine_watch import Watch
from bms.core.decisions import Award, Condition, Override, Steady
from drivers.base import WriteResult, WriteStatus
from drivers.plant import Plant
from drivers.points import PlantAddress, PointId, Quality, Sample
from schedules.model.context import NOTHING

START = datetime(2026, 7, 5, 16, 0, tzinfo=UTC)
"""A Monday at midnight in China."""

Meddle = Callable[[dict[PointId, Sample]], None]
"""Changes what the controller reads: a sensor's fault on the wire."""


@dataclass
class Seen:
    """What a life was like, beside the plant's own counters."""

    conditions: dict[str, list[tuple[datetime, datetime | None]]] = field(default_factory=dict)
    """By key: when each began and ended."""
    awards: list[tuple[datetime, PointId, Award | None]] = field(default_factory=list)


class Life:
    """An engine with a site's controllers on an in-process plant.

    `saved` are an earlier engine's states. What the plant takes is confirmed at the next cycle.
    """

    def __init__(
        self,
        site: Site,
        plant: Plant,
        start: datetime = START,
        *,
        saved: Mapping[str, object] | None = None,
        boot: str = "one",
    ) -> None:
        self.site, self.plant, self.now = site, plant, start
        self.boot = boot
        self.steady_s = 0.0
        self.overrides: list[Override] = []
        self.meddle: Meddle | None = None
        self.unreadable: set[str] = set()
        """Prefixes of points whose link is away: stale to the controller, deaf to it."""
        self.seen = Seen()
        self.cycle: Cycle | None = None
        self._names = {
            point.id: point.address.name
            for link in site.links.values()
            for point in link.points
            if isinstance(point.address, PlantAddress)
        }
        self._last: dict[PointId, Sample] = {}
        self._holding: set[str] = set()
        self.engine: Engine
        self._saved = dict(saved or {})
        self.begin()

    def begin(self) -> None:
        """A controller starts, with what the last one saved."""
        self.engine = Engine(
            assemble(self.site, self.overrides, NOTHING),
            self.site.outputs,
            self._saved,
            watched_s=600.0,
        )
        self.watch = Watch(self.site.equipment.values())

    def restart(
        self, away_s: float = 0.0, *, boot: str | None = None, step_s: float = 30.0
    ) -> None:
        """The controller is away while the plant goes on as it was last told."""
        self._saved = self.engine.states()
        self.pass_by(away_s, step_s)
        if boot is not None:
            self.boot, self.steady_s = boot, 20.0
        self.begin()

    def pass_by(self, seconds: float, step_s: float = 30.0) -> None:
        """Time in which nobody controls."""
        end = self.now + timedelta(seconds=seconds)
        while self.now < end:
            self._advance(min(step_s, (end - self.now).total_seconds()))

    def override(self, *overrides: Override) -> None:
        """People command these from now on, and nothing else."""
        self.overrides = list(overrides)
        self.engine.replace(assemble(self.site, self.overrides, NOTHING))

    def run(self, seconds: float, step_s: float = 30.0) -> None:
        """Live for so long."""
        end = self.now + timedelta(seconds=seconds)
        while self.now < end:
            self.step(min(step_s, (end - self.now).total_seconds()))

    def until(self, holds: Callable[[], bool], most_s: float, step_s: float = 30.0) -> float:
        """Live until it holds; how long that took. Fails after `most_s` seconds."""
        begun = self.now
        while not holds():
            spent_s = (self.now - begun).total_seconds()
            assert spent_s < most_s, f"not within {most_s:g} s: {sorted(self.holding)}"
            self.step(step_s)
        return (self.now - begun).total_seconds()

    def step(self, step_s: float = 30.0) -> Cycle:
        """One step of the plant, and the cycle at its end."""
        self._advance(step_s)
        samples = self._read()
        conditions = self.watch.conditions
        self.cycle = cycle = self.engine.cycle(
            samples, self.now, conditions, Steady(self.boot, self.steady_s)
        )
        writes = [w for w in cycle.writes if w.point in self._names]
        deaf = [w for w in writes if self._away(w.point)]
        taken = {self._names[w.point]: w.value for w in writes if not self._away(w.point)}
        if taken:
            self.plant.write({name: None if v is None else float(v) for name, v in taken.items()})
        self.engine.written(
            [
                WriteResult(
                    w.point, w.value, WriteStatus.TIMEOUT if w in deaf else WriteStatus.OK, ""
                )
                for w in writes
            ],
            self.now,
        )
        self.watch.look(samples, cycle.awards, self.now)
        self._note(cycle)
        return cycle

    # --- questions ---------------------------------------------------------------------------

    @property
    def holding(self) -> set[str]:
        """The keys of what is abnormal now."""
        return set(self._holding)

    def condition(self, key: str) -> Condition | None:
        """What holds under that key."""
        return next((c for c in self.engine.conditions if c.key == key), None)

    def value(self, point: PointId) -> float:
        """What the plant truly shows."""
        return self.plant.read()[self._names[point]]

    def on(self, *machines: str) -> bool:
        """Whether machines truly run."""
        return all(self.plant.read()[f"{machine}.status"] for machine in machines)

    def running(self, machines: Iterable[str]) -> list[str]:
        """Those that truly run."""
        return [machine for machine in machines if self.on(machine)]

    def cycle_award(self, point: PointId) -> Any:
        """The value awarded in the last cycle; None if nobody commands the point."""
        award = self.cycle.awards.get(point) if self.cycle is not None else None
        return None if award is None else award.value

    def why(self, point: PointId) -> str:
        """The reason of the award in force, in English."""
        award = self.engine.why(point)
        return "" if award is None else str(award.winner.reason)

    def fact(self, point: PointId) -> Any:
        """The value of a fact; None if nobody works it out."""
        sample = self.cycle.facts.get(point) if self.cycle is not None else None
        return None if sample is None or sample.quality is not Quality.GOOD else sample.value

    # --- one step ----------------------------------------------------------------------------

    def _advance(self, step_s: float) -> None:
        self.now = self.plant.advance(self.now + timedelta(seconds=step_s))
        self.steady_s += step_s

    def _away(self, point: PointId) -> bool:
        return any(point.startswith(prefix) for prefix in self.unreadable)

    def _read(self) -> dict[PointId, Sample]:
        values = self.plant.read()
        samples: dict[PointId, Sample] = {}
        for point, name in self._names.items():
            value = values.get(name)
            if self._away(point) and point in self._last:
                samples[point] = self._last[point]._replace(quality=Quality.STALE)
            elif value is None or value != value:
                samples[point] = Sample(point, None, Quality.BAD, self.now, "no value")
            else:
                samples[point] = Sample(point, value, Quality.GOOD, self.now)
        if self.meddle is not None:
            self.meddle(samples)
        self._last = samples
        return samples | dict(self.cycle.facts if self.cycle is not None else {})

    def _note(self, cycle: Cycle) -> None:
        keys = {condition.key for condition in self.engine.conditions}
        for key in keys - self._holding:
            self.seen.conditions.setdefault(key, []).append((self.now, None))
        for key in self._holding - keys:
            began, _ = self.seen.conditions[key][-1]
            self.seen.conditions[key][-1] = (began, self.now)
        self._holding = keys
        for change in cycle.changed:
            self.seen.awards.append((self.now, change.point, change.award))
