"""The demo park: simulated days per second, the memory of its controller; how fast one starts."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bms.app.simulate import simulate
from bms.cli.demo import TREND_S
from bms.config.load import load
from bms.config.writing.scaffold import init
from bms.control import STRATEGIES
from bms.core.errors import BmsError
from bms.field.plants import make_plant
from tests.acceptance.park import PLANT, SITE, running_park
from tests.asking import ask
from tests.benchmarks.table import Row, median
from tests.patience import until

REPEATS = 3


SEASONS = tuple(datetime(2026, month, 12, tzinfo=UTC) for month in (1, 4, 7, 10))
SEASON_DAYS = 7
"""A week of each season stands for the year: weekends, nights, chillers that stage."""


def _simulated_s(start: datetime, step: timedelta, days: int, trend_s: float = 3600.0) -> float:
    """Seconds for `days`; what is paid once, at the beginning and the end, does not count."""
    marks: list[float] = []
    plant = make_plant(PLANT, start, {})
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(
            simulate(
                load(SITE, STRATEGIES),
                plant,
                start=start,
                end=start + timedelta(days=days),
                step=step,
                into=Path(folder),
                trend_s=trend_s,
                progress=lambda _now: marks.append(time.perf_counter()),
            )
        )
    plant.close()
    return (marks[-2] - marks[0]) / (len(marks) - 2) * days


def _year_s(step: timedelta, trend_s: float = 3600.0) -> float:
    weeks_s = [_simulated_s(start, step, SEASON_DAYS, trend_s) for start in SEASONS]
    return sum(weeks_s) / len(weeks_s) / SEASON_DAYS * 365


def run_simulation() -> list[Row]:
    site = load(SITE, STRATEGIES)
    points = sum(len(link.points) for link in site.links.values())
    year_s = min(_year_s(timedelta(minutes=1)) for _ in range(REPEATS))
    each_us = year_s / (365 * 1440 * points) * 1e6
    fill_s = 2 * min(_year_s(timedelta(minutes=5), TREND_S) for _ in range(REPEATS))
    return [
        Row("simulate: demo park, a year at 1-minute steps", year_s, "s", goal="<= 120"),
        Row("simulate: demo park, a point and step of a minute", each_us, "us", goal="<= 0.28"),
        Row("simulate: demo park, two years at 5-minute steps", fill_s, "s", goal="<= 60"),
    ]


def run_memory() -> list[Row]:
    peaks = []
    for _ in range(REPEATS):
        with tempfile.TemporaryDirectory() as folder, running_park(Path(folder)) as park:
            until(lambda: park.status()["cycle"]["count"] >= 15, "15 cycles")
            assert park.controller is not None
            status = Path(f"/proc/{park.controller.pid}/status").read_text()
            peak = next(line for line in status.splitlines() if line.startswith("VmHWM"))
            peaks.append(int(peak.split()[1]) / 1024)
    return [Row("memory: peak RSS of bms run, demo site", median(peaks), "MiB")]


def _first_cycle_s() -> float:
    with tempfile.TemporaryDirectory() as folder:
        site = Path(folder) / "site"
        init(site)
        begun = time.monotonic()
        running = subprocess.Popen(
            [sys.executable, "-m", "bms", "run", str(site)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            until(lambda: _cycles(site) > 0, "the first cycle")
            return time.monotonic() - begun
        finally:
            running.terminate()
            running.wait()


def _cycles(site: Path) -> int:
    with suppress(BmsError, OSError):
        return int(ask(site / "state", "status")["cycle"]["count"])
    return 0


def run_start() -> list[Row]:
    """The gateway of that site does not answer, which it takes a second to say."""
    first = median([_first_cycle_s() for _ in range(REPEATS)])
    name = "start: bms run to its first cycle, site of bms init"
    return [Row(name, first, "s", goal="<= 1.5")]
