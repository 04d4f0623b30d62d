"""An outage longer than the log is kept, on a disk too small for it. The samples that the store
still has reach the server, as the same lines as from the log. Those it gave up are counted."""

from __future__ import annotations

import asyncio
import random
from collections import Counter, defaultdict
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from bms.config.shapes.sinks import InfluxFile
from bms.core.equipment import PointClass
from bms.core.readings import Reading
from bms.forward.checking.compare import LocalCounts, comparison
from bms.forward.checking.verify import mark_for_backfill
from bms.forward.copying.catching_up import Pace
from bms.forward.copying.opened import Copied, open_sources
from bms.forward.copying.sink import InfluxSink
from bms.forward.copying.timing import Timing
from bms.forward.cursors import DAY_MS, SinkCursor
from bms.forward.positions import least_taken, losses, taken
from bms.forward.server.destination import Destination
from bms.forward.streams.lines import rollup_line
from bms.forward.streams.outgoing import Outgoing
from bms.forward.streams.sources import LogStream, Selection
from bms.forward.streams.tags import Tagging
from bms.historian.files.rolldb import RollDb
from bms.historian.log.embedded import History
from bms.historian.reading.trends import Trends
from bms.historian.records import Batch, Meter, Series, to_ms
from bms.historian.streams import RollupRow
from bms.historian.upkeep.rounds import Request, run
from drivers.points import Quality, Sample
from tests.historian.influx_server import InfluxServer, fault, ok
from tests.patience import patience

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

    def upkeep(self) -> tuple[int, int]:
        # Beside so small a budget the write-ahead log (4 MB) would be nearly all there is.
        self.history._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        done = run(
            Request(
                str(self.directory), to_ms(self.now), "Asia/Shanghai", sinks=["influx"],
                max_bytes=self.max_bytes,
            ), taken
        )  # fmt: skip
        assert done.compacted is not None
        hour_ago = self.now - timedelta(hours=1)
        while self.history.prune(hour_ago, compacted=done.compacted, taken=self.taken()):
            pass
        if done.prune_log:
            while n := self.history.prune(self.now, compacted=done.compacted, taken=None):
                self.pruned += n
        return done.compacted

    def taken(self) -> int | None:
        return least_taken(self.directory, ["influx"], self.history.uid())

    async def copy(self, server: InfluxServer, until: str) -> InfluxSink:
        """Run the sink until it is up to date, or has seen an outage."""
        settings = InfluxFile(url=server.url, org="o", bucket="b", send=["raw", "rollups"])
        seconds = [0.0]

        async def sleep(delay_s: float) -> None:
            seconds[0] += delay_s
            await asyncio.sleep(0)

        sink = InfluxSink(
            Destination(settings, "secret"),
            Copied(self.directory),
            timing=Timing(
                now=lambda: self.now,
                monotonic=lambda: seconds[0],
                sleep=sleep,
                jitter=lambda: 0.0,
                idle_s=0.005,
            ),
            reconcile=False,
            pace=Swift(5.0),
        )
        task = asyncio.create_task(sink.run())
        async with patience():
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


def verified(directory: Path, site: Site, got: list[str]) -> None:
    """What `bms influx verify` finds: nothing differs, and only what is lost is missing."""
    settings = InfluxFile(url="http://127.0.0.1", org="o", bucket="b")
    with open_sources(directory) as sources:
        local = LocalCounts(sources, settings, list)
        span = to_ms(BEGIN), to_ms(site.now)
        raw, given_up = local.raw(*span, {}), local.given_up(*span)
    for name in ("bms_analog", "bms_state", "bms_counter"):
        sent = {x for x in site.lines if x.startswith(name)}
        there = Counter(key(x)[0] for x in set(got) & sent)
        found = comparison(name, "count", raw.get(name, {}), there, given_up.get(name, {}))
        assert found.differences == ()
        assert found.lost == len(sent - set(got))


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
        by_day: dict[tuple[str, int], list[int]] = defaultdict(list)
        for line in absent:
            group = {"bms_analog": "analog", "bms_state": "state"}[line.split(",")[0]]
            by_day[group, key(line)[1] // DAY_MS].append(key(line)[1])
        told = {
            (lost.group, lost.start_ms // DAY_MS): (lost.samples, lost.start_ms, lost.end_ms)
            for lost in losses(tmp_path, "influx")
        }
        assert told == {of: (len(ms), min(ms), max(ms)) for of, ms in by_day.items()}
        from_store = {line for line in there if key(line) in stored and "_analog" in line}
        assert len(from_store) > 1000  # not only what is never given up
        verified(tmp_path, site, got)
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
    await outage(tmp_path, 7, 900_000)
    assert losses(tmp_path, "influx")


async def test_a_database_that_is_new_gets_all_there_is_and_a_backfill_reaches_as_far(
    tmp_path: Path,
) -> None:
    """Also quarter hours that the stream of roll-ups no longer numbers."""
    site = Site(tmp_path, None)
    for _ in range(3):
        site.live(24)
        compacted = site.upkeep()
    with Trends(tmp_path) as trends:
        streamed = [rollup_line(row, Tagging({})) for row in all_rollups(trends)]
        uid = trends.history.uid()
    with RollDb(tmp_path, uid) as roll, roll.transaction():
        roll.prune(to_ms(BEGIN + timedelta(days=2)), 0)  # as after 35 days
    while site.history.prune(site.now, compacted=compacted, taken=None):
        pass
    async with InfluxServer() as server:
        sink = await site.copy(server, "done")
        assert (sink.status.missing_rows, sink.status.lost_samples) == (0, 0)
        assert set(server.stored) == {*site.lines, *streamed}
        server.stored.clear()
        settings = InfluxFile(url=server.url, org="o", bucket="b", send=["raw", "rollups"])
        marked = mark_for_backfill(
            settings, tmp_path, "site", BEGIN, BEGIN + timedelta(hours=30), "the bucket was lost"
        )
        assert {(row["stream"], row.get("days")) for row in marked} >= {("log", 2), ("rollups", 2)}
        await site.copy(server, "done")
        until_ms = to_ms(BEGIN + timedelta(hours=30))
        assert set(server.stored) >= {x for x in site.lines if key(x)[1] < until_ms}
        assert set(server.stored) >= {x for x in streamed if key(x)[1] < until_ms}
        assert set(server.stored) <= {*site.lines, *streamed}
    site.history.close()


async def test_quarter_hours_revised_since_they_left_the_stream_add_up(tmp_path: Path) -> None:
    site = Site(tmp_path, None)
    for day in range(3):
        if day == 2:  # recorded two days late
            for seconds in (7, 61, 1000):
                time = BEGIN + timedelta(hours=5, seconds=seconds)
                site.history.append(Batch([Sample(POWERS[0], 5000.0, Quality.GOOD, time)]))
        site.live(24)
        site.upkeep()
    with Trends(tmp_path) as trends:
        streamed = [rollup_line(row, Tagging({})) for row in all_rollups(trends)]
        uid = trends.history.uid()
    assert any(",rev=1 " in line for line in streamed)
    for until in (2, 4):  # the first numbers are gone, then all
        with RollDb(tmp_path, uid) as roll, roll.transaction():
            roll.prune(to_ms(BEGIN + timedelta(days=until)), 0)
        with SinkCursor(tmp_path, "influx", uid, 0, stream="rollups") as cursor:
            assert cursor.seq == 0
        async with InfluxServer() as server:
            await site.copy(server, "done")
            sent = set(server.stored)
            assert added_up(sent) == pytest.approx(added_up(streamed), abs=1e-3)
        settings = InfluxFile(url="http://127.0.0.1", org="o", bucket="b", send=["rollups"])
        with open_sources(tmp_path) as sources:
            counts = LocalCounts(sources, settings, list).rollups(
                to_ms(BEGIN), to_ms(BEGIN + timedelta(days=9)), {}
            )
        assert counts == Counter(key(line)[0] for line in sent if line.startswith("analog_15m"))
    site.history.close()


def added_up(lines: Iterable[str]) -> dict[str, float]:
    """Integrals by point and quarter hour, over all revisions."""
    found: dict[str, float] = defaultdict(float)
    for line in lines:
        if line.startswith("analog_15m"):
            point, ms = key(line)
            integral = float(line.split("integral=")[1].split(",")[0])
            found[f"{point} {ms}"] += integral
    return dict(found)


def all_rollups(trends: Trends) -> list[RollupRow]:
    rows: list[RollupRow] = []
    while found := trends.rollups(len(rows), 5000):
        rows += found
    return rows
