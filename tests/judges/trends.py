"""Simulate what is judged, and write its trends: `python -m tests.judges.trends DIRECTORY`.

Each site runs its month of every season, one after the other; a run that is there is not made
again. A trend is one value for each step, the last one that was recorded.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final

import numpy as np

import bms.app.simulate
from bms.config.load import load
from bms.config.site import Site
from bms.control import STRATEGIES
from bms.field.plants import plant_of
from bms.historian.reading.trends import Trends
from drivers.plant import Plant
from drivers.points import Quality
from simulators.faults.fault_script import TimedFault
from simulators.faults.faulted import FaultedPlant
from simulators.parks.demo.park import Park

PARKS: Final = Path(__file__).parents[2] / "simulators" / "parks"
OFFSET: Final = timedelta(hours=8)
SEASONS: Final = {"winter": 1, "spring": 4, "summer": 7, "autumn": 10}


@dataclass(frozen=True, slots=True)
class Judged:
    """A site, and how it is simulated."""

    name: str
    cycle_s: int
    """From one look of the controller to the next."""
    step_s: int
    """From one value of a trend to the next."""


SITES: Final = (Judged("works", 10, 60), Judged("demo", 60, 60), Judged("hospital", 600, 600))
"""Loops of the works are tuned for cycles of seconds: at a minute they swing. The demo park has no
loops of ours, and the hospital's are its own."""


def simulate(
    judged: Judged, first: date, last: date, into: Path, faults: Sequence[TimedFault] = ()
) -> None:
    """Run a site of the parks from one day to another, not included; it stays in `into`."""
    if (into / "history.db").exists():
        return
    draft = into.with_suffix(".draft")
    shutil.rmtree(draft, ignore_errors=True)
    start, end = midnight(first), midnight(last)
    site = load(PARKS / judged.name / "site", STRATEGIES)
    plant = _plant(judged, site, start, faults)
    try:
        asyncio.run(
            bms.app.simulate.simulate(
                site,
                plant,
                start=start,
                end=end,
                step=timedelta(seconds=judged.cycle_s),
                into=draft,
                trend_s=float(judged.step_s),
            )
        )
    finally:
        plant.close()
    draft.rename(into)


def _plant(judged: Judged, site: Site, start: datetime, faults: Sequence[TimedFault]) -> Plant:
    made = Park(start) if judged.name == "demo" else plant_of(site, start)
    return FaultedPlant.around(made, start, faults) if faults else made


def midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC) - OFFSET


def write_trends(state: Path, first: date, last: date, step_s: int, into: Path) -> None:
    """The trends of all points of a run, on a grid of local time, as arrays in one file."""
    trends = Trends(state)
    begin, end = midnight(first), midnight(last)
    at_ms = np.arange(int(begin.timestamp()), int(end.timestamp()), step_s, dtype=np.int64) * 1000
    at_ms += step_s * 1000 - 1
    names = sorted(trends.points())
    values = np.full((len(names), len(at_ms)), np.nan, dtype=np.float32)
    texts: dict[str, dict[int, str]] = {}
    for number, name in enumerate(names):
        block = trends.raw(name, begin, end)
        if not len(block):
            continue
        place = np.searchsorted(block.times_ms, at_ms, side="right") - 1
        known = place >= 0
        told = np.where(block.status & 15 == int(Quality.GOOD), block.values, np.nan)
        values[number, known] = told[place[known]]
        if block.texts:
            texts[name] = block.texts
    trends.close()
    local = int((begin + OFFSET).replace(tzinfo=UTC).timestamp())
    head = {"start_s": local, "step_s": step_s, "names": names, "texts": texts}
    into.with_suffix(".json").write_text(json.dumps(head), encoding="utf-8")
    np.save(into.with_suffix(".npy"), values)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.judges.trends", description=__doc__)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--site", action="append", choices=[judged.name for judged in SITES])
    parser.add_argument("--days", type=int, default=28, help="of each season")
    parser.add_argument("--year", type=int, default=2026)
    asked = parser.parse_args()
    asked.directory.mkdir(parents=True, exist_ok=True)
    for judged in SITES:
        if asked.site and judged.name not in asked.site:
            continue
        for season, month in SEASONS.items():
            first = date(asked.year, month, 1)
            last = first + timedelta(days=asked.days)
            run = asked.directory / f"{judged.name}-{season}"
            simulate(judged, first, last, run)
            write_trends(run, first, last, judged.step_s, run)
            print(f"{run}: {asked.days} days")


if __name__ == "__main__":
    main()
