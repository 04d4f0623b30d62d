"""Drives the simulated park through a day with the demo site's schedules, and reads its devices."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from bms.app.simulate import simulate
from bms.config.load import load, schedule_texts
from bms.config.resolving.singles import with_library
from bms.config.resolving.site_programme import check_schedules
from bms.config.site import Site
from bms.control import STRATEGIES
from bms.field.plants import make_plant
from drivers.plant import Plant, PlantPoint
from tests.acceptance.park import PLANT, SITE

ZONE = ZoneInfo("Asia/Shanghai")
STEP = timedelta(minutes=1)


class Watched:
    """A plant that notes what its devices show at the end of each step."""

    def __init__(self, plant: Plant, start: datetime) -> None:
        self._plant = plant
        self.times = [start]
        self.seen: list[dict[str, float]] = [dict(plant.read())]

    def points(self) -> Sequence[PlantPoint]:
        return self._plant.points()

    def read(self) -> Mapping[str, float]:
        return self._plant.read()

    def write(self, values: Mapping[str, float | None]) -> None:
        self._plant.write(values)

    def advance(self, until: datetime) -> datetime:
        reached = self._plant.advance(until)
        self.times.append(reached)
        self.seen.append(dict(self._plant.read()))
        return reached

    def close(self) -> None:
        self._plant.close()


class Days:
    """What the devices showed, by local time."""

    def __init__(self, watched: Watched) -> None:
        self._watched = watched

    def at(self, text: str, point: str) -> float:
        """What `point` showed at a local time such as `2026-03-28 20:45`."""
        time = local(text)
        return self._watched.seen[bisect_right(self._watched.times, time) - 1][point]

    def between(self, first: str, last: str, point: str) -> list[float]:
        """Everything that `point` showed between two local times."""
        start, end = local(first), local(last)
        pairs = zip(self._watched.times, self._watched.seen, strict=True)
        return [seen[point] for time, seen in pairs if start <= time <= end]


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZONE).astimezone(UTC)


def demo_site(edits: Mapping[str, tuple[str, str]] | None = None) -> Site:
    """The demo site; `edits` replace text in its schedule files, by file name."""
    site = load(SITE, STRATEGIES)
    if not edits:
        return site
    texts = dict(schedule_texts(SITE))
    for name, (old, new) in edits.items():
        assert old in texts[name], f"{name} does not say {old}"
        texts[name] = texts[name].replace(old, new)
    library, problems = check_schedules(site, STRATEGIES, texts)
    assert library is not None, problems
    return with_library(site, library)


async def days(
    into: Path, first: str, last: str, *, site: Site | None = None, step: timedelta = STEP
) -> Days:
    """Run the park from one local time to another; `into` gets its history and state."""
    start, end = local(first), local(last)
    watched = Watched(make_plant(PLANT, start, {}), start)
    try:
        await simulate(site or demo_site(), watched, start=start, end=end, step=step, into=into)
    finally:
        watched.close()
    return Days(watched)
