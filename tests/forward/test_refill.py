"""An outage longer than the log is kept, on a disk too small for it: what the store still has
reaches the server, the same lines as from the log, and what it gave up is counted to the sample."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from bms.config.sinks import InfluxFile
from bms.energy.ledger import Reading
from bms.equipment import PointClass
from bms.forward.outgoing import Outgoing
from bms.forward.pace import Pace
from bms.forward.sink import InfluxSink
from bms.forward.sources import LogStream, Selection
from bms.forward.tags import Tagging
from bms.historian.embedded import History
from bms.historian.records import Batch, Meter, Series, to_ms
from bms.historian.sinks import losses
from bms.historian.trends import Trends
from bms.historian.upkeep import Request, run
from drivers.points import Quality, Sample
from tests.historian.influx_server import InfluxServer, fault, ok

BEGIN = datetime(2026, 3, 2, tzinfo=UTC)
METER = Meter("b.m.energy", "b", Decimal("0.01"))
POWERS = [f"b.e-{i}.power" for i in range(6)]
SERIES = [
    *(Series(p, "kW", PointClass.ANALOG) for p in POWERS),
    Series("b.e.status", "", PointClass.STATE),
    Series("b.e.mode", "", PointClass.EVENT),
    Series(METER.point, "kWh", PointClass.COUNTER),
]
EVERY_MIN = 5


class Swift(Pace):
    def allowance(self, now_s: float) -> int:
        return 100_000


class Site:
    """A history that grows, its upkeep as the controller does it, and every line there ever was."""

    def __init__(self, directory: Path, max_bytes: int | None) -> None:
        self.directory = directory
        self.history = History(directory)
        self.history.append(Batch(series=SERIES, meters=[METER]))
        self.max_bytes = max_bytes
        self.now = BEGIN
        self.lines: list[str] = []
        self.pruned = 0
        self._rng = random.Random(5)
        self._settings = InfluxFile(url="http://127.0.0.1", org="o", bucket="b", send=["raw"])

    def live(self, hours: int) -> None:
        for step in range(hours * 60 // EVERY_MIN):
            samples = []
            for minute in range(EVERY_MIN):
                time = self.now + timedelta(minutes=minute)
                samples += [Sample(p, self._rng.random(), self._quality(), time) for p in POWERS]
            samples.append(Sample("b.e.status", step % 3 == 0, Quality.GOOD, self.now))
            if step % 12 == 0:
                mode = f"mode {step % 5}"
                samples.append(Sample("b.e.mode", mode, Quality.GOOD, self.now))
            counts = round((self.now - BEGIN).total_seconds() / 60)
            alive = self.now + timedelta(minutes=EVERY_MIN)
            self.history.append(
                Batch(samples, readings=[Reading(METER.point, self.now, counts)], alive=alive)
            )
            self.now = alive
        with Outgoing(self.directory, read_only=True) as outgoing:
            stream = LogStream(outgoing, Tagging({}), Selection(self._settings))
            at, last = self._known, stream.last()
            while at < last:
                take = stream.take(at, last, 5000)
                self.lines += take.lines
                at = take.seq
            self._known = last

    _known = 0

    def _quality(self) -> Quality:
        return Quality.GOOD if self._rng.random() < 0.95 else Quality.STALE

    def upkeep(self) -> None:
        done = run(
            Request(
                str(self.directory), to_ms(self.now), "Asia/Shanghai", sinks=["influx"],
                max_bytes=self.max_bytes,
            )
        )  # fmt: skip
        assert done.compacted is not None
        hour_ago = self.now - timedelta(hours=1)
        while self.history.prune(hour_ago, compacted=done.compacted, sinks=["influx"]):
            pass
        if done.prune_log:
            while n := self.history.prune(self.now, compacted=done.compacted, sinks=[]):
                self.pruned += n

    async def copy(self, server: InfluxServer, until: str) -> InfluxSink:
        """Run the sink until it is up to date, or has seen an outage."""
        settings = InfluxFile(url=server.url, org="o", bucket="b", send=["raw", "rollups"])
        seconds = [0.0]

        async def sleep(delay_s: float) -> None:
            seconds[0] += delay_s
            await asyncio.sleep(0)

        sink = InfluxSink(
            settings, "secret", self.directory, now=lambda: self.now, sleep=sleep,
            monotonic=lambda: seconds[0], jitter=lambda: 0.0, idle_s=0.005, reconcile=False,
            pace=Swift(5.0),
        )  # fmt: skip
        task = asyncio.create_task(sink.run())
        async with asyncio.timeout(120):
            while not (
                sink.status.outage
                if until == "outage"
                else sink.status.cursors and not sink.status.gaps and not sink.status.backlog_rows
            ):
                assert not task.done()
                await asyncio.sleep(0.005)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        return sink


def stored_samples(directory: Path, end: datetime) -> Counter[tuple[str, int]]:
    """What the store has now, by point and millisecond."""
    found: Counter[tuple[str, int]] = Counter()
    with Trends(directory) as trends:
        for block in trends.raw_samples(None, BEGIN, end):
            found.update((block.point, ms) for ms in block.times_ms.tolist())
    return found


def key(line: str) -> tuple[str, int]:
    head, _, ms = line.rpartition(" ")
    return head.split("point=")[1].split(" ")[0].split(",")[0], int(ms)


async def outage(tmp_path: Path, days: int, max_bytes: int) -> Site:
    site = Site(tmp_path, max_bytes)
    async with InfluxServer() as server:
        site.live(3)
        await site.copy(server, "done")
        server.script = fault("503")
        for part in range(days * 4):
            site.live(6)
            if part in (0, days * 2):
                await site.copy(server, "outage")
            site.upkeep()
        assert site.pruned > 0  # rows left the log untaken
        site.live(1)
        server.script = ok
        sink = await site.copy(server, "done")
        stored = stored_samples(tmp_path, site.now)
        got = [line for line in server.stored if not line.startswith("analog_15m")]
        there = set(got)
        assert there <= set(site.lines)  # the same lines as from the log
        assert {key(line) for line in there} >= set(stored)
        absent = set(site.lines) - there
        assert sink.status.missing_rows == 0
        assert sink.status.lost_samples == len(absent)
        by_class = Counter(
            {"bms_analog": "analog", "bms_state": "state"}[line.split(",")[0]] for line in absent
        )
        told: Counter[str] = Counter()
        for lost in losses(tmp_path, "influx"):
            told[lost.group] += lost.samples
            times = [
                key(x)[1] for x in absent if key(x)[1] // 86_400_000 == lost.start_ms // 86_400_000
            ]
            assert (lost.start_ms, lost.end_ms) == (min(times), max(times))
        assert told == by_class
        registers = {x for x in site.lines if "energy" in x}
        assert registers
        assert registers <= there  # never given up
    site.history.close()
    return site


async def test_a_day_without_a_server_on_a_small_disk(tmp_path: Path) -> None:
    site = await outage(tmp_path, 1, 430_000)
    assert losses(tmp_path, "influx")
    assert len(site.lines) > 5000


@pytest.mark.slow
async def test_a_week_without_a_server_on_a_small_disk(tmp_path: Path) -> None:
    await outage(tmp_path, 7, 700_000)
    assert losses(tmp_path, "influx")
