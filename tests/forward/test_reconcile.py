"""The hourly comparison: what a server is short of follows once, from wherever it is kept."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bms.config.shapes.sinks import InfluxFile
from bms.core.equipment import PointClass
from bms.forward.checking.compare import LocalCounts, kept_from
from bms.forward.checking.reconcile import UNTIL
from bms.forward.copying.catching_up import Pace
from bms.forward.copying.opened import Copied, open_sources
from bms.forward.copying.sink import InfluxSink
from bms.forward.copying.timing import Timing
from bms.forward.cursors import DAY_MS, DeadLetter, SinkCursor
from bms.forward.positions import taken
from bms.forward.server.asking import Reader
from bms.forward.server.destination import Destination
from bms.forward.server.http import InfluxTransport
from bms.forward.streams.lines import energy_line, rollup_line
from bms.forward.streams.tags import Tagging
from bms.historian.log.embedded import History
from bms.historian.records import Batch, Series, to_ms
from bms.historian.streams import RollupRow
from bms.historian.upkeep.rounds import Request, run
from drivers.points import Quality, Sample
from tests.forward.rows import Quarter, Rows, all_sources
from tests.patience import patience
from tests.servers.influx import ORG, TOKEN, Influx1, Influx2

BEGIN = datetime(2026, 3, 2, tzinfo=UTC)
HOURS = 8
END = BEGIN + timedelta(hours=HOURS)
POWER = "b.e.power"


@pytest.fixture
def server() -> Iterator[Influx1]:
    with Influx1() as running:
        yield running


class Walking:
    """A clock from some moment on that is two minutes on whenever it is looked at."""

    def __init__(self, start: datetime) -> None:
        self._now = start

    def __call__(self) -> datetime:
        self._now += timedelta(minutes=2)
        return self._now


class Swallowing(InfluxTransport):
    """Acknowledges everything and passes nothing on."""

    posts = 0

    async def post(self, packed: bytes, *, rollup: bool = False) -> None:
        del packed, rollup
        type(self).posts += 1


def recorded(directory: Path, *, in_log: bool) -> None:
    """Some hours of one point, acknowledged by a server that has none of it."""
    with History(directory) as history:
        history.append(Batch(series=[Series(POWER, "kW", PointClass.ANALOG)]))
        for minute in range(0, HOURS * 60, 5):
            time = BEGIN + timedelta(minutes=minute)
            history.append(Batch([Sample(POWER, minute / 7, Quality.GOOD, time)], alive=time))
        if not in_log:
            done = run(Request(str(directory), to_ms(END) + DAY_MS, "Asia/Shanghai"), taken)
            assert done.compacted is not None
            while history.prune(END, compacted=done.compacted, taken=None):
                pass
    with open_sources(directory) as sources:
        last, uid = sources.history.last_seq(), sources.history.uid()
        assert sources.history.log_reaches(to_ms(BEGIN)) == in_log
    with SinkCursor(directory, "influx", uid, last) as cursor:
        cursor.advance(last, newest_ms=to_ms(END))
        cursor.know(UNTIL, to_ms(BEGIN))


@asynccontextmanager
async def copying(
    directory: Path, server: Influx1, told: list[str], transport: type[InfluxTransport]
) -> AsyncIterator[InfluxSink]:
    settings = InfluxFile(dialect="v1", url=server.url, db="raw", send=["raw"])
    now = Walking(END + timedelta(hours=2))
    sink = InfluxSink(
        Destination(settings, ""),
        Copied(directory),
        timing=Timing(now=now, jitter=lambda: 0.0, idle_s=0.002),
        pace=Pace(5.0),
        transport=lambda: transport(settings, "", timeout_s=10, now=now),
        trouble=lambda kind, text: told.append(text) if kind == "reconcile" and text else None,
    )
    task = asyncio.create_task(sink.run())
    try:
        async with patience():
            while (sink.status.reconciled_until or "") < END.isoformat()[:16]:
                assert not task.done()
                await asyncio.sleep(0.01)
        yield sink
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@pytest.mark.servers
@pytest.mark.parametrize("in_log", [True, False])
async def test_what_left_the_log_follows_from_the_store(
    tmp_path: Path, server: Influx1, in_log: bool
) -> None:
    recorded(tmp_path, in_log=in_log)
    told: list[str] = []
    async with copying(tmp_path, server, told, InfluxTransport) as sink:
        assert sink.status.mismatches >= 1
        assert sink.status.lost_samples == 0
    assert told == []
    (series,) = server.influxql("SELECT count(v) FROM bms_analog")
    assert series["values"][0][1] == HOURS * 12


@pytest.mark.servers
@pytest.mark.parametrize("in_log", [True, False])
async def test_a_server_that_keeps_nothing_is_told_of_and_not_sent_to_for_ever(
    tmp_path: Path, server: Influx1, in_log: bool
) -> None:
    recorded(tmp_path, in_log=in_log)
    told: list[str] = []
    Swallowing.posts = 0
    async with copying(tmp_path, server, told, Swallowing) as sink:
        assert sink.status.mismatches == HOURS  # one point, hour by hour
    assert len(told) == HOURS
    assert "does not keep what it acknowledged" in told[0]
    assert Swallowing.posts <= 2 * HOURS


def test_what_was_refused_for_good_is_not_expected_there(tmp_path: Path) -> None:
    settings = InfluxFile(url="http://127.0.0.1", org="o", bucket="b")
    start = to_ms(BEGIN)
    quarters = [
        Quarter("b.m.energy", start, 1500, BEGIN.date()).row(),
        Quarter("b.m.energy", start, -250, BEGIN.date(), 1).row(),
        Quarter("b.m.energy", start + 900_000, 2000, BEGIN.date()).row(),
    ]
    rollups = [
        RollupRow(0, POWER, start + q * 900_000, 0, 15, 9e4, 900.0, 9.0, 11.0, 10.0, 0.0, 0,
                  BEGIN.date())
        for q in range(3)
    ]  # fmt: skip
    rows = Rows(tmp_path)
    rows.add_energy(quarters)
    rows.add_rollups(rollups)
    rows.close()
    lines = [energy_line(quarters[1], Tagging({})), rollup_line(rollups[2], Tagging({}))]
    letter = DeadLetter(BEGIN, "422: dropped=1", [line.encode() for line in lines])
    with History(tmp_path), all_sources(tmp_path) as sources:
        local = LocalCounts(sources, settings, lambda: [letter])
        counts, kwh = local.energy(start, start + DAY_MS, local.refused())
        assert (counts["b.m.energy"], kwh["b.m.energy"]) == (2, 3.5)
        assert local.rollups(start, start + DAY_MS, local.refused())[POWER] == 2


@pytest.fixture(params=["v1", "v2"])
def forgetful(request: pytest.FixtureRequest) -> Iterator[InfluxFile]:
    """A database that keeps an hour."""
    if request.param == "v1":
        with Influx1() as one:
            one.influxql('CREATE RETENTION POLICY "short" ON raw DURATION 1h REPLICATION 1')
            yield InfluxFile(dialect="v1", url=one.url, db="raw", rp="short", send=["raw"])
        return
    with Influx2() as two:
        two.bucket("short", keep_s=3600)
        yield InfluxFile(url=two.url, org=ORG, bucket="short", send=["raw"])


@pytest.mark.servers
async def test_what_is_older_than_the_server_keeps_is_counted_and_no_difference(
    tmp_path: Path, forgetful: InfluxFile
) -> None:
    """It is not kept again as dead letters either: a backfill of years would drown in them."""
    token = TOKEN if forgetful.dialect == "v2" else ""
    now = datetime.now(UTC).replace(minute=30, second=0, microsecond=0)
    with History(tmp_path) as history:
        history.append(Batch(series=[Series(POWER, "kW", PointClass.ANALOG)]))
        times = [now - timedelta(minutes=m) for m in range(360, 0, -1)]
        history.append(Batch([Sample(POWER, 1.0, Quality.GOOD, time) for time in times]))
    told: list[str] = []
    sink = InfluxSink(
        Destination(forgetful, token),
        Copied(tmp_path),
        timing=Timing(now=Walking(now + timedelta(minutes=10)), jitter=lambda: 0.0, idle_s=0.002),
        pace=Pace(5.0),
        trouble=lambda kind, text: told.append(kind) if text else None,
    )
    task = asyncio.create_task(sink.run())
    async with patience():
        while (sink.status.reconciled_until or "") < (now - timedelta(hours=2)).isoformat()[:16]:
            assert not task.done()
            await asyncio.sleep(0.01)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    assert sink.status.expired_lines > 200
    assert sink.status.sent_lines + sink.status.expired_lines == 360
    assert (sink.status.dead_lines, sink.status.mismatches) == (0, 0)
    assert set(told) <= {"retention"}
    async with Reader(forgetful, token) as reader:
        kept = await kept_from(reader, forgetful, to_ms(now))
    assert kept["bms_analog"] == kept["energy_15m"] == to_ms(now)
