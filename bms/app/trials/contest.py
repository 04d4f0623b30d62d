"""Two ways of running one plant, on the same weather, by the same engine."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from bms.app.simulate import simulate
from bms.config.site import Site
from bms.core.errors import InvalidInput
from bms.field.plant_points import require_points
from bms.reports.saving.comparison import Comparison, Run
from bms.reports.saving.tally import Tally
from bms.reports.saving.yardstick import Limits, Yardstick
from bms.texts.messages import msg
from drivers.plant import Plant, PlantPoint
from drivers.points import PlantAddress, Point, PointId


@dataclass(frozen=True, slots=True)
class Span:
    """What is simulated."""

    start: datetime
    end: datetime
    step: timedelta


@dataclass(frozen=True, slots=True)
class Contestant:
    """One way of running the plant, and where its history goes."""

    name: str
    site: Site
    into: Path


class WatchedPlant:
    """A plant whose true values are tallied after each step, whatever its sensors will say."""

    def __init__(self, plant: Plant, points: Iterable[Point], start: datetime, tally: Tally):
        self._plant = plant
        self._tally = tally
        self._time = start
        wanted = tally.points
        self._named = [(point.id, *_named(point)) for point in points if point.id in wanted]

    def points(self) -> Sequence[PlantPoint]:
        return self._plant.points()

    def read(self) -> Mapping[str, float]:
        return self._plant.read()

    def write(self, values: Mapping[str, float | None]) -> None:
        self._plant.write(values)

    def advance(self, until: datetime) -> datetime:
        reached = self._plant.advance(until)
        if reached > self._time:
            self._tally.step(self._time, reached, self._values())
            self._time = reached
        return reached

    def close(self) -> None:
        self._plant.close()

    def _values(self) -> dict[PointId, float]:
        read = self._plant.read()
        return {
            point: read[name] * scale + offset
            for point, name, scale, offset in self._named
            if name in read
        }


def _named(point: Point) -> tuple[str, float, float]:
    address = point.address
    if isinstance(address, PlantAddress):
        return address.name, address.scale, address.offset
    return point.id, 1.0, 0.0


async def compare(
    baseline: Contestant,
    candidates: Sequence[Contestant],
    span: Span,
    make: Callable[[Site], Plant],
    *,
    limits: Limits | None = None,
    bases: frozenset[str] = frozenset(),
    progress: Callable[[datetime], None] = lambda _now: None,
) -> list[Comparison]:
    """Run all from the same start on plants that `make` makes; each candidate beside the baseline.

    `bases` leaves all others out of the figures. Raises InvalidInput if a candidate has other
    equipment than the baseline, and what `simulate` raises.
    """
    for candidate in candidates:
        _require_same(baseline, candidate)
    yardstick = Yardstick(limits or Limits())
    runs: list[tuple[Run, datetime]] = []
    for contestant in (baseline, *candidates):
        site = contestant.site
        machines = [m for m in site.equipment.values() if not bases or m.base in bases]
        tally = Tally(machines, yardstick, defines=contestant is baseline)
        plant = make(site)
        try:
            require_points(site, plant)
            points = [point for link in site.links.values() for point in link.points]
            done = await simulate(
                site,
                WatchedPlant(plant, points, span.start, tally),
                start=span.start,
                end=span.end,
                step=span.step,
                into=contestant.into,
                progress=progress,
            )
        finally:
            plant.close()
        runs.append((tally.run(contestant.name, done.alarms_raised), done.end))
    (first, end), *others = runs
    step_s = span.step.total_seconds()
    return [Comparison(span.start, min(end, last), step_s, first, run) for run, last in others]


def _require_same(baseline: Contestant, candidate: Contestant) -> None:
    differing = sorted(baseline.site.equipment.keys() ^ candidate.site.equipment.keys())
    if differing:
        raise InvalidInput(
            msg(
                "'{baseline}' and '{candidate}' have different equipment: {names}",
                baseline=baseline.name,
                candidate=candidate.name,
                names=", ".join(differing[:8]),
            )
        )
