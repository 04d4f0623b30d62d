"""The real daemon, sampling as fast as it can, killed at any moment; and what must hold after.

Reusable: `Rig(directory, site=...)` takes more lines for `site.yaml`, so that a killed daemon may
also forward to a server.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

from bms.core.errors import BmsError
from bms.historian.compaction.compaction import Compaction, Zones
from bms.historian.log.embedded import History
from bms.historian.reading.trends import Trends
from bms.historian.records import to_ms
from drivers.plant import PlantPoint
from drivers.points import Quality
from tests.asking import ask

METERS = 8
WRAP = 10_000_000
FILES = {
    "site.yaml": (
        "id: crash\nzone: Asia/Shanghai\ncycle_s: 0.05\nbases: {b: {}}\n"
        "history: {commit_s: 0.05, trend_s: 0.05, clock_wait_s: 0}\n"
    ),
    "links.yaml": (
        "links:\n  field: {protocol: plant, plant: 'tests.historian.crash:Telling', poll_s: 0.05}\n"
    ),
    "devices/meter.yaml": (
        "device: telling\nkind: meter\ndocument: test\nprotocol: plant\npoints:\n"
        "  power: {name: '{equipment}', unit: kW}\n"
        "  energy: {name: '{equipment}-e', unit: kWh}\n"
    ),
    "equipment/b.yaml": (
        f'base: b\nequipment:\n  "m-{{1..{METERS}}}":'
        " {kind: meter, device: telling, link: field}\n"
    ),
}


class Telling:
    """A plant whose every value says when it was read."""

    def __init__(self, start: datetime) -> None:
        self._time = start

    def points(self) -> Sequence[PlantPoint]:
        return [PlantPoint(name) for k in range(1, METERS + 1) for name in (f"m-{k}", f"m-{k}-e")]

    def read(self) -> Mapping[str, float]:
        now = to_ms(self._time)
        values = {f"m-{k}": told(now, k) for k in range(1, METERS + 1)}
        return values | {f"m-{k}-e": float(now // 1000 % WRAP) for k in range(1, METERS + 1)}

    def write(self, values: Mapping[str, float | None]) -> None:
        raise AssertionError("nothing here is written")

    def advance(self, until: datetime) -> datetime:
        self._time = until
        return until

    def close(self) -> None:
        pass


def told(time_ms: int, k: int) -> float:
    """What meter `k` shows at a time."""
    return float(time_ms % WRAP + k)


class Rig:
    """One site and the process that keeps being killed."""

    def __init__(self, directory: Path, *, site: str = "") -> None:
        self.site = directory / "site"
        self.state = self.site / "state"
        self.log = directory / "daemon.log"
        for name, text in FILES.items():
            path = self.site / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text + (site if name == "site.yaml" else ""), encoding="utf-8")
        self._pid: int | None = None
        self.acknowledged = 0
        """The newest log row that the daemon ever said was on disk."""
        self._zygote = subprocess.Popen(
            [sys.executable, "-m", "tests.historian.zygote"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.kill()
        self._zygote.communicate("")

    def start(self) -> None:
        """Start the daemon; returns at once."""
        assert self._zygote.stdin is not None
        assert self._zygote.stdout is not None
        order = {"argv": ["run", str(self.site)], "log": str(self.log)}
        self._zygote.stdin.write(json.dumps(order) + "\n")
        self._zygote.stdin.flush()
        self._pid = int(self._zygote.stdout.readline())

    def kill(self) -> None:
        """kill -9, and wait until it is gone."""
        if self._pid is None:
            return
        with suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGKILL)
        while Path(f"/proc/{self._pid}").exists():
            time.sleep(0.001)
        self._pid = None

    def listen(self) -> int:
        """Ask the daemon what is on disk; 0 while it does not answer yet."""
        with suppress(BmsError, OSError):
            stored = int(ask(self.state, "status")["cycle"]["history_stored"])
            self.acknowledged = max(self.acknowledged, stored)
            return stored
        return 0

    def life(self, rng: random.Random) -> int:
        """Start it, let it live for a random while, kill it; what it acknowledged in this life."""
        self.start()
        heard = 0
        # A few lives end before the first commit, while databases are opened.
        early = rng.random() < 0.1
        ends = time.monotonic() + (rng.random() * 0.3 if early else 30.0)
        while time.monotonic() < ends:
            now_heard = self.listen()
            if now_heard and not heard:
                heard = now_heard
                ends = time.monotonic() + rng.random() * 0.12
            heard = max(heard, now_heard)
            time.sleep(0.005)
        self.kill()
        return heard

    def check_log(self) -> int:
        """Every acknowledged row is there, none is missing between; returns how many there are."""
        with History(self.state) as history:
            first, last, count = history.log_extent()
            assert count == 0 or (first, last - first + 1) == (1, count)
            assert last >= self.acknowledged, f"{last} rows, {self.acknowledged} acknowledged"
            return count

    def check_samples(self) -> int:
        """Every sample says what it was, once; returns how many there are of each meter."""
        counts = []
        with Trends(self.state) as trends:
            start, end = datetime(2020, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
            stored = self._stored()
            for k in range(1, METERS + 1):
                block = trends.raw(f"b.m-{k}.power", start, end)
                good = block.status & 15 == Quality.GOOD
                assert (block.times_ms[1:] > block.times_ms[:-1]).all()
                assert len(block) == stored[f"b.m-{k}.power"], "a sample is there twice"
                shown = block.times_ms[good] % WRAP + k
                assert (block.values[good] == shown).all()
                counts.append(int(good.sum()))
        return min(counts)

    def _stored(self) -> Counter[str]:
        """How often each point stands in the log, counted row by row."""
        found: Counter[str] = Counter()
        with History(self.state, read_only=True) as history:
            seq = 0
            while rows := history.log_after(seq, 100):
                for row in rows:
                    assert not row.damage
                    found.update(row.points)
                seq = rows[-1].seq
        return found

    def check_rollups(self, now: datetime) -> int:
        """Compact it all; quarter hours count exactly the samples that are there."""
        Compaction(self.state, Zones("Asia/Shanghai", {})).run(now + timedelta(minutes=20))
        total = 0
        with Trends(self.state) as trends:
            horizon = trends.closed_until()
            if horizon is None:
                return 0
            start = datetime(2020, 1, 1, tzinfo=UTC)
            for k in range(1, METERS + 1):
                point = f"b.m-{k}.power"
                block = trends.raw(point, start, horizon)
                quarters = trends.quarters(point, start, horizon)
                good = int((block.status & 15 == Quality.GOOD).sum())
                assert quarters is not None
                assert int(quarters.rows.n.sum()) == good
                total += good
        return total
