"""kill -9 in the middle of appending: nothing acknowledged is lost, nothing is half there."""

from __future__ import annotations

import random
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bms.historian.embedded import History

KILLS = 20
SAMPLES = 50

WRITER = """
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from bms.energy.ledger import Reading
from bms.historian.embedded import Batch, History
from bms.historian.records import Meter
from drivers.points import Quality, Sample

start = datetime(2026, 1, 1, tzinfo=UTC)
with History(Path(sys.argv[1])) as history:
    last = history.last_reading("b.m.energy")
    i = 0 if last is None else last.counts + 1
    while True:
        time = start + timedelta(seconds=i)
        history.append(Batch(
            [Sample(f"b.e-{k}.power", float(i), Quality.GOOD, time) for k in range(50)],
            readings=[Reading("b.m.energy", time, i)],
            meters=[Meter("b.m.energy", "b", Decimal(1))],
        ))
        print(i, flush=True)
        i += 1
"""


def test_nothing_acknowledged_is_lost_when_killed(tmp_path: Path) -> None:
    rng = random.Random(20260301)
    acknowledged = -1
    for _ in range(KILLS):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            for _ in range(rng.randrange(1, 40)):
                acknowledged = int(process.stdout.readline())
            process.kill()
            for line in process.stdout:
                if line.endswith("\n"):
                    acknowledged = int(line)
        with History(tmp_path) as history:
            first = datetime(2026, 1, 1, tzinfo=UTC)
            readings = history.readings("b.m.energy", first, first + timedelta(days=1))
            counts = [reading.counts for reading in readings]
            assert counts == list(range(len(counts)))
            assert len(counts) > acknowledged
            # Samples and readings of a batch are there together or not at all.
            samples = history.samples("b.e-7.power", first, first + timedelta(days=1))
            assert [s.value for s in samples] == [float(i) for i in counts]
    assert acknowledged > KILLS
