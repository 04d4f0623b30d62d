"""The embedded store: sustained commits with everything that follows from them, and queries."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from bms.core.equipment import PointClass
from bms.historian.compaction.compaction import Compaction, Zones
from bms.historian.files.rolldb import RollDb
from bms.historian.files.segments import SegmentWriter, finish_segments
from bms.historian.log.embedded import History
from bms.historian.manifest import ANALOG
from bms.historian.reading.trends import Trends
from bms.historian.records import Batch, Series, to_ms
from drivers.points import Quality, Sample
from tests.benchmarks.table import Row, median

POINTS = 5000
SECONDS = 1100
"""More than a quarter hour, so that a compaction pass is in it."""
START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
MONTH_DAYS = 30
MONTH_POINTS = 50
EVERY_MS = 10_000
REPEATS = 9
ZONES = Zones("Asia/Shanghai", {})


def _written() -> int:
    fields = dict(
        line.split(": ") for line in Path("/proc/self/io").read_text().splitlines() if line
    )
    return int(fields["write_bytes"])


def _peak_mib() -> float:
    status = Path("/proc/self/status").read_text()
    peak = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(peak.split()[1]) / 1024


def ingest(directory: Path) -> dict[str, float]:
    """SECONDS of POINTS samples a second, one durable commit for each, in this process."""
    rng = random.Random(1)
    points = [f"b.e-{i // 10}.p{i % 10}" for i in range(POINTS)]
    values = [round(20 + rng.random() * 5, 1) for _ in points]
    steps = [rng.choice((-0.1, 0.0, 0.0, 0.0, 0.1)) for _ in range(POINTS * 7)]
    commits, cpu_s = [], 0.0
    base_mib = _peak_mib()
    before = _written()
    with History(directory) as history:
        for second in range(SECONDS):
            now = START + timedelta(seconds=second)
            shift = rng.randrange(POINTS * 6)
            values = [round(v + steps[shift + i], 1) for i, v in enumerate(values)]
            samples = [Sample(p, v, Quality.GOOD, now) for p, v in zip(points, values, strict=True)]
            series = [Series(p, "degC", PointClass.ANALOG) for p in points] if not second else ()
            batch = Batch(samples, series=series, alive=now, begun=None if second else now)
            begun, cpu = time.perf_counter(), time.process_time()
            history.append(batch)
            commits.append((time.perf_counter() - begun) * 1000)
            cpu_s += time.process_time() - cpu
        seq = history.last_seq()
    commits.sort()
    total = SECONDS * POINTS
    return {
        "p50": commits[len(commits) // 2],
        "p99": commits[int(len(commits) * 0.99)],
        "bytes": (_written() - before) / total,
        "cpu_us": cpu_s / total * 1e6,
        "rss_mib": _peak_mib(),
        "base_mib": base_mib,
        "rows": seq,
    }


def compaction(directory: Path) -> dict[str, float]:
    """The pass over the quarter hour that `ingest` left, in this process."""
    before = _written()
    cpu = time.process_time()
    done = Compaction(directory, ZONES).run(START + timedelta(seconds=1050))
    assert done.samples == 900 * POINTS
    return {
        "bytes": (_written() - before) / done.samples,
        "cpu_us": (time.process_time() - cpu) / done.samples * 1e6,
        "rss_mib": _peak_mib(),
    }


def _apart(task: str, directory: Path) -> dict[str, float]:
    """A task in a separate process, so that memory and I/O are counted for it alone."""
    out = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.history", task, str(directory)],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    return dict(json.loads(out))


def _month(directory: Path) -> None:
    """A month of raw samples every 10 s, as the nightly merge leaves it."""
    rng = np.random.default_rng(1)
    with History(directory) as history:
        points = [f"b.m.p{i}" for i in range(MONTH_POINTS)]
        history.append(
            Batch(
                [Sample(p, 1.0, Quality.GOOD, START) for p in points],
                series=[Series(p, "kW", PointClass.ANALOG) for p in points],
            )
        )
        uid = history.uid()
    first = to_ms(START + timedelta(days=1)) // 86_400_000 * 86_400_000
    count = 86_400_000 // EVERY_MS
    with RollDb(directory, uid) as roll:
        made = []
        for day in range(MONTH_DAYS):
            start = first + day * 86_400_000
            writer = SegmentWriter(directory, ANALOG, start, 1, whole=True)
            for series in range(1, MONTH_POINTS + 1):
                times = start + np.arange(count, dtype=np.int64) * EVERY_MS
                times += rng.integers(0, 40, count)
                values = np.round(100 + np.cumsum(rng.normal(0, 0.2, count)), 1)
                writer.add(series, times, values, np.full(count, 16, np.int64))
            made += finish_segments(directory, [writer])
        with roll.transaction():
            roll.put_segments(made)


def _query() -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        _month(directory)
        start = START + timedelta(days=1)
        took = []
        with Trends(directory) as trends:
            for number in range(REPEATS):
                begun = time.perf_counter()
                block = trends.raw(f"b.m.p{number}", start, start + timedelta(days=MONTH_DAYS))
                took.append((time.perf_counter() - begun) * 1000)
                assert len(block) > 250_000
        size = sum(p.stat().st_size for p in directory.glob("raw-*"))
    each = size / (MONTH_DAYS * MONTH_POINTS * 86_400_000 / EVERY_MS)
    return [
        Row("history: one point, a month of raw 10 s data", median(took), "ms", "<= 50"),
        Row("history: raw sample kept, merged", each, "B"),
    ]


def run() -> list[Row]:
    with tempfile.TemporaryDirectory(dir=".") as folder:
        directory = Path(folder)
        put = _apart("ingest", directory)
        done = _apart("compaction", directory)
    return [
        Row("history: 5,000 samples/s, commit p50", put["p50"], "ms"),
        Row("history: 5,000 samples/s, commit p99", put["p99"], "ms"),
        Row("history: bytes written per sample, log", put["bytes"], "B"),
        Row(
            "history: bytes written per sample, with segments and roll-ups",
            put["bytes"] + done["bytes"],
            "B",
            "<= 12",
        ),
        Row("history: CPU per sample, commit", put["cpu_us"], "us"),
        Row("history: CPU per sample, compaction", done["cpu_us"], "us"),
        Row("history: peak RSS while committing", put["rss_mib"], "MiB"),
        Row("history: peak RSS of a compaction", done["rss_mib"], "MiB"),
        *_query(),
    ]


if __name__ == "__main__":
    task = {"ingest": ingest, "compaction": compaction}[sys.argv[1]]
    print(json.dumps(task(Path(sys.argv[2]))))
