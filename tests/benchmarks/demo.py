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


def _days_per_s(step: timedelta, days: int) -> float:
    site = load(SITE, STRATEGIES)
    start = datetime(2026, 7, 6, tzinfo=UTC)  # a working week in July: chillers stage every day
    plant = make_plant(PLANT, start, {})
    with tempfile.TemporaryDirectory() as folder:
        done = asyncio.run(
            simulate(
                site,
                plant,
                start=start,
                end=start + timedelta(days=days),
                step=step,
                into=Path(folder),
            )
        )
    plant.close()
    return done.days_per_s


def run_simulation() -> list[Row]:
    minutes = median([_days_per_s(timedelta(minutes=1), 2) for _ in range(REPEATS)])
    quarters = median([_days_per_s(timedelta(minutes=15), 20) for _ in range(REPEATS)])
    return [
        Row("simulate: demo park, 1-minute steps", minutes, "days/s"),
        Row("simulate: demo park, 15-minute steps", quarters, "days/s"),
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
