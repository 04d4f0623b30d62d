"""Twenty gateways, each with its own token, into one server; and a report across them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import closing, suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from bms.config.shapes.sinks import InfluxFile
from bms.forward.copying.opened import Copied
from bms.forward.copying.sink import InfluxSink
from bms.forward.copying.timing import Timing
from bms.forward.server.asking import Reader
from bms.forward.server.destination import Destination
from bms.forward.server.setup import initialise
from bms.forward.streams.tags import Tagging, tag_text
from bms.historian.log.embedded import History
from bms.historian.records import Batch, to_ms
from drivers.points import Quality, Sample
from tests.forward.rows import Quarter, Rows, all_sources
from tests.patience import patience
from tests.servers.influx import BUCKET, ORG, ROLLUPS, TOKEN, Influx2

pytestmark = pytest.mark.servers

GATEWAYS = [f"site-{number:02}" for number in range(20)]
METERS = 5
START = datetime(2026, 3, 1, 16, tzinfo=UTC)
"""Midnight in Shanghai: 2 March."""
DAY = date(2026, 3, 2)


@pytest.fixture(scope="module")
def server() -> Iterator[Influx2]:
    with Influx2() as running:
        yield running


def wh(gateway: int, meter: int, quarter: int) -> int:
    return 1000 * (gateway + 1) + 100 * meter + quarter


def fill(directory: Path, number: int, base: str) -> Tagging:
    directory.mkdir()
    tags = {}
    with History(directory) as history, closing(Rows(directory)) as rows:
        for meter in range(METERS):
            point = f"{base}.m-{meter}.energy"
            role = "main" if meter == 0 else "sub"
            tags[point] = [(0, tag_text({"base": base, "point": point, "role": role}))]
            rows.add_energy(
                Quarter(point, to_ms(START) + q * 900_000, wh(number, meter, q), DAY).row()
                for q in range(96)
            )
        for second in range(0, 600, 60):
            time = START + timedelta(seconds=second)
            history.append(
                Batch([
                    Sample(f"{base}.m-{m}.power", float(m), Quality.GOOD, time)
                    for m in range(METERS)
                ])
            )  # fmt: skip
    return Tagging(tags)


async def test_a_report_across_twenty_gateways(tmp_path: Path, server: Influx2) -> None:
    settings = InfluxFile(url=server.url, org=ORG, bucket=BUCKET, rollup_bucket=ROLLUPS)
    taggings = [fill(tmp_path / base, n, base) for n, base in enumerate(GATEWAYS)]
    tokens = []
    async with Reader(settings, TOKEN) as admin:
        for base in GATEWAYS:
            _, token = await initialise(settings, admin, create_token=True, site=base)
            assert token is not None
            tokens.append(token)
    assert len(set(tokens)) == len(GATEWAYS)
    sinks = [
        InfluxSink(
            Destination(settings, token),
            Copied(tmp_path / base, tagging=tagging, sources=all_sources),
            timing=Timing(now=lambda: START + timedelta(hours=24), jitter=lambda: 0.0, idle_s=0.05),
            reconcile=False,
        )
        for base, tagging, token in zip(GATEWAYS, taggings, tokens, strict=True)
    ]
    tasks = [asyncio.create_task(sink.run()) for sink in sinks]
    async with patience():
        while not all(s.status.cursors and s.status.backlog_rows == 0 for s in sinks):
            await asyncio.sleep(0.02)
    for task in tasks:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    assert {sink.status.dead_lines for sink in sinks} == {0}

    # The park: the base's load by its main meter, and everything.
    answer = server.influxql(
        "SELECT sum(kwh) FROM energy_15m WHERE role = 'main' AND date = 20260302 GROUP BY base",
        ROLLUPS,
    )
    found = {series["tags"]["base"]: series["values"][0][1] for series in answer}
    wanted = {base: sum(wh(n, 0, q) for q in range(96)) / 1000 for n, base in enumerate(GATEWAYS)}
    assert found == pytest.approx(wanted, rel=1e-12)
    (total,) = server.influxql("SELECT sum(kwh), count(kwh) FROM energy_15m", ROLLUPS)
    assert total["values"][0][2] == len(GATEWAYS) * METERS * 96
    # Cardinality is the number of points, whatever the days.
    (row,) = server.flux(
        'import "influxdata/influxdb"\n'
        f'influxdb.cardinality(bucket: "{ROLLUPS}", start: 2026-01-01T00:00:00Z)'
    )
    assert int(row["_value"]) == len(GATEWAYS) * METERS
