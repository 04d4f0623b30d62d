"""How fast a backlog drains into a real InfluxDB 2, beside raw lines that were made beforehand.

Both send the same samples of 5,000 points over one connection to the same server, in turns.
"""

from __future__ import annotations

import asyncio
import resource
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import aiohttp

from bms.config.shapes.sinks import InfluxFile
from bms.core.equipment import PointClass
from bms.forward.copying.catching_up import Pace
from bms.forward.copying.delivery import parcels
from bms.forward.copying.opened import Copied
from bms.forward.copying.sink import InfluxSink
from bms.forward.copying.timing import Timing
from bms.forward.server.destination import Destination
from bms.forward.streams.outgoing import Outgoing
from bms.forward.streams.sources import LogStream, Selection
from bms.forward.streams.tags import Tagging
from bms.historian.log.embedded import History
from bms.historian.records import Batch, Series
from drivers.points import Quality, Sample
from tests.benchmarks.table import Row, median
from tests.machine_time import utc_now
from tests.servers.influx import ORG, TOKEN, Influx2

POINTS = 5000
ROWS = 200
RUNS = 3
START = datetime(2026, 3, 2, tzinfo=UTC)


def run() -> list[Row]:
    with TemporaryDirectory() as name, Influx2() as server:
        directory = Path(name)
        _fill(directory)
        drained: list[float] = []
        raw: list[float] = []
        cpu_us: list[float] = []
        for number in range(RUNS):
            for kind in ("raw", "drain"):
                server.bucket(f"{kind}-{number}")
            prepared = _prepared(directory)
            raw.append(asyncio.run(_raw(server.url, f"raw-{number}", prepared)))
            begun = resource.getrusage(resource.RUSAGE_SELF)
            drained.append(asyncio.run(_drain(server.url, f"drain-{number}", directory)))
            ended = resource.getrusage(resource.RUSAGE_SELF)
            used_s = ended.ru_utime + ended.ru_stime - begun.ru_utime - begun.ru_stime
            cpu_us.append(used_s / (POINTS * ROWS) * 1e6)
    return [
        Row(
            "backlog into InfluxDB 2", median(drained), "samples/s", ">= 150000",
            "raw gzip lines, one connection", median(raw),
        ),
        Row("backlog, our processor time", median(cpu_us), "us/sample"),
    ]  # fmt: skip


def _fill(directory: Path) -> None:
    points = [f"base.m-{i // 5:04}.p{i % 5}" for i in range(POINTS)]
    with History(directory) as history:
        history.append(Batch(series=[Series(p, "kW", PointClass.ANALOG) for p in points]))
        for row in range(ROWS):
            time_ = START + timedelta(seconds=10 * row)
            history.append(
                Batch(
                    [
                        Sample(p, round(20 + (i * 7 + row * 3) % 1000 / 10, 1), Quality.GOOD, time_)
                        for i, p in enumerate(points)
                    ]
                )
            )


def _prepared(directory: Path) -> list[bytes]:
    settings = InfluxFile(url="http://127.0.0.1", org=ORG, bucket="raw")
    bodies = []
    with Outgoing(directory, read_only=True) as history:
        stream = LogStream(history, Tagging({}), Selection(settings))
        at, last = 0, stream.last()
        while at < last:
            take = stream.take(at, last, POINTS)
            bodies += [parcel.packed for parcel in parcels(take.lines, POINTS)]
            at = take.seq
    return bodies


async def _raw(url: str, bucket: str, bodies: list[bytes]) -> float:
    headers = {"Authorization": f"Token {TOKEN}", "Content-Encoding": "gzip"}
    parameters = {"org": ORG, "bucket": bucket, "precision": "ms"}
    connector = aiohttp.TCPConnector(limit=1)
    async with aiohttp.ClientSession(connector=connector, headers=headers) as session:
        begun = time.perf_counter()
        for body in bodies:
            async with session.post(f"{url}/api/v2/write", params=parameters, data=body) as answer:
                assert answer.status == 204, await answer.text()
        return POINTS * ROWS / (time.perf_counter() - begun)


async def _drain(url: str, bucket: str, directory: Path) -> float:
    settings = InfluxFile(name=bucket, url=url, org=ORG, bucket=bucket, send=["raw"])
    sink = InfluxSink(
        Destination(settings, TOKEN),
        Copied(directory),
        timing=Timing(utc_now, jitter=lambda: 0.0),
        reconcile=False,
        pace=Unlimited(1.0),
    )
    begun = time.perf_counter()
    task = asyncio.create_task(sink.run())
    while sink.status.backlog_rows or not sink.status.sent_lines:
        await asyncio.sleep(0.005)
    rate = sink.status.sent_lines / (time.perf_counter() - begun)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    assert sink.status.sent_lines == POINTS * ROWS
    return rate


class Unlimited(Pace):
    """What was missed follows as fast as it can be sent."""

    def allowance(self, now_s: float) -> int:
        return 1_000_000
