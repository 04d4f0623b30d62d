"""The copy against real databases: they hold what was recorded, on every dialect."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bms.config.shapes.sinks import InfluxFile
from bms.core.decisions import Award, Command, Priority, Severity
from bms.core.equipment import PointClass
from bms.core.readings import Label
from bms.forward.checking.compare import Comparison, LocalCounts, compare
from bms.forward.copying.catching_up import Pace
from bms.forward.copying.opened import Copied
from bms.forward.copying.sink import InfluxSink
from bms.forward.copying.timing import Timing
from bms.forward.cursors import SinkCursor, dead_letters
from bms.forward.server.asking import Reader
from bms.forward.server.destination import Destination
from bms.forward.server.http import InfluxTransport, RejectedLines, pack
from bms.forward.server.setup import check_token, initialise
from bms.forward.streams.tags import Tagging, tag_text
from bms.historian.log.embedded import History
from bms.historian.records import AlarmRow, AwardRow, Batch, Series, to_ms
from bms.historian.streams import RollupRow
from drivers.points import Quality, Sample
from tests.forward.rows import Quarter, Rows, all_sources
from tests.patience import patience
from tests.servers.influx import ORG, TOKEN, Influx1, Influx2, Victoria

pytestmark = pytest.mark.servers

START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
NOW = START + timedelta(hours=2)


@dataclass(frozen=True)
class Target:
    """A running database, and settings that reach it."""

    server: Influx1 | Influx2 | Victoria
    dialect: str

    def settings(self, **more: object) -> InfluxFile:
        places: dict[str, dict[str, str]] = {
            "v1": {"db": "raw"},
            "v2": {"org": ORG, "bucket": "raw", "rollup_bucket": "rollup"},
            "victoria": {},
        }
        return InfluxFile.model_validate(
            {"url": self.server.url, "dialect": self.dialect, **places[self.dialect], **more}
        )

    @property
    def token(self) -> str:
        return TOKEN if self.dialect == "v2" else ""

    def settled(self) -> None:
        if isinstance(self.server, Victoria):
            self.server.flush()


@pytest.fixture(scope="module", params=["v1", "v2", "victoria"])
def target(request: pytest.FixtureRequest) -> Iterator[Target]:
    kind = {"v1": Influx1, "v2": Influx2, "victoria": Victoria}[request.param]
    with kind() as server:
        yield Target(server, request.param)


@pytest.fixture(scope="module")
def influx2() -> Iterator[Target]:
    with Influx2() as server:
        yield Target(server, "v2")


def tagging(base: str) -> Tagging:
    tags = {"base": base, "equip": "m-1", "point": f"{base}.m-1.energy", "role": "main",
            "medium": "electricity", "class": "energy", "kind": "meter"}  # fmt: skip
    return Tagging({f"{base}.m-1.energy": [(0, tag_text(tags))]})


def fill(directory: Path, base: str) -> None:
    """Two hours of everything that there is to copy."""
    award = Award(
        Command(
            point=f"{base}.ch-1.enable",
            value=1,
            priority=Priority.SCHEDULE,
            source="schedule",
            reason='"day", from 08:00',
        )
    )
    with History(directory) as history, closing(Rows(directory)) as rows:
        history.append(
            Batch(
                series=[
                    Series(f"{base}.ch-1.power", "kW", PointClass.ANALOG),
                    Series(f"{base}.ch-1.status", "", PointClass.STATE),
                    Series(f"{base}.m-1.energy", "kWh", PointClass.COUNTER),
                ],
                awards=[
                    AwardRow(f"{base}.ch-1.enable", START, award),
                    AwardRow(f"{base}.ch-1.enable", NOW - timedelta(minutes=5), None),
                ],
                alarms=[AlarmRow("link:a b", Severity.URGENT, 'no "answer"', "raised", START)],
            )
        )
        for minute in range(120):
            time = START + timedelta(minutes=minute)
            samples = [
                Sample(f"{base}.ch-1.power", 100.0 + minute / 7, Quality.GOOD, time),
                Sample(f"{base}.m-1.energy", 1000 + minute * 0.25, Quality.GOOD, time),
                Sample(f"{base}.ch-1.mode", "cool, 夏季" if minute % 2 else "off",
                       Quality.GOOD, time),
            ]  # fmt: skip
            if minute % 10 == 0:
                samples.append(Sample(f"{base}.ch-1.status", minute % 20 == 0, Quality.GOOD, time))
            if minute == 63:
                samples[0] = Sample(f"{base}.ch-1.power", None, Quality.BAD, time)
            if minute == 64:
                samples[0] = Sample(f"{base}.ch-1.power", 7.0, Quality.STALE, time)
            history.append(Batch(samples))
        day = START.date()
        rows.add_energy(
            Quarter(f"{base}.m-1.energy", to_ms(START) + q * 900_000, 3750 + q, day).row()
            for q in range(8)
        )
        rows.add_energy(
            [Quarter(f"{base}.m-1.energy", to_ms(START), -250, day, 1, Label.CORRECTED).row()]
        )
        rows.add_rollups(
            RollupRow(0, f"{base}.ch-1.power", to_ms(START) + q * 900_000, 0, 15, 9e4, 900.0,
                      90.0, 110.0, 100.0, 0.0, 0, day)
            for q in range(8)
        )  # fmt: skip


class Hasty:
    """A clock that is ten seconds on whenever it is looked at."""

    def __init__(self) -> None:
        self._looks = 0

    def __call__(self) -> datetime:
        self._looks += 1
        return NOW + timedelta(seconds=10 * self._looks)


@asynccontextmanager
async def copying(
    directory: Path,
    target: Target,
    *,
    base: str,
    reconcile: bool = False,
    now: Callable[[], datetime] = lambda: NOW,
) -> AsyncIterator[InfluxSink]:
    sink = InfluxSink(
        Destination(target.settings(), target.token),
        Copied(directory, tagging=tagging(base), sources=all_sources),
        timing=Timing(now=now, jitter=lambda: 0.0, idle_s=0.02),
        reconcile=reconcile,
        pace=Pace(5.0),
    )
    task = asyncio.create_task(sink.run())
    try:
        yield sink
    finally:
        assert not task.done() or task.exception() is None
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def all_sent(sink: InfluxSink) -> None:
    async with patience():
        while sink.status.backlog_rows or len(sink.status.cursors) < 5:
            await asyncio.sleep(0.01)
    assert sink.status.dead_lines == 0


async def compared(directory: Path, target: Target, end: datetime = NOW) -> list[Comparison]:
    async def here(call: Callable[..., Any], *arguments: Any) -> Any:
        return call(*arguments)

    target.settled()
    settings = target.settings()
    with all_sources(directory) as sources:
        local = LocalCounts(sources, settings, lambda: dead_letters(directory, settings.name))
        async with Reader(settings, target.token) as reader:
            return await compare(reader, settings, local, to_ms(START), to_ms(end), here)


async def test_every_stream_arrives_and_compares_equal(tmp_path: Path, target: Target) -> None:
    fill(tmp_path, "eq")
    async with copying(tmp_path, target, base="eq") as sink:
        await all_sent(sink)
    found = await compared(tmp_path, target)
    assert {c.measurement: c.here for c in found if c.what == "count"} == {
        "bms_analog": 119,
        "bms_counter": 120,
        "bms_state": 12,
        "energy_15m": 9,
        "analog_15m": 8,
    }
    assert [c.differences for c in found] == [()] * len(found)
    (kwh,) = [c.there for c in found if c.what == "kwh"]
    assert kwh == pytest.approx(8 * 3.75 + 0.028 - 0.25, abs=1e-9)


async def test_sent_twice_nothing_is_counted_twice(tmp_path: Path, target: Target) -> None:
    fill(tmp_path, "twice")
    for _ in range(2):
        async with copying(tmp_path, target, base="twice") as sink:
            await all_sent(sink)
        (tmp_path / "sinks.db").unlink()
        for suffix in ("-wal", "-shm"):
            (tmp_path / f"sinks.db{suffix}").unlink(missing_ok=True)
    assert all(c.differences == () for c in await compared(tmp_path, target))


async def test_texts_awards_and_alarms_are_events(tmp_path: Path, influx2: Target) -> None:
    fill(tmp_path, "ev")
    async with copying(tmp_path, influx2, base="ev") as sink:
        await all_sent(sink)
    server = influx2.server
    assert isinstance(server, Influx2)
    (series,) = server.influxql(
        "SELECT text, reason, priority FROM bms_event WHERE point='ev.ch-1.enable'"
    )
    assert [row[1:] for row in series["values"]] == [
        ["1", '"day", from 08:00', 15],
        ["released", None, None],
    ]
    (series,) = server.influxql("SELECT text, severity FROM bms_event WHERE \"key\"='link:a b'")
    assert series["values"][0][1:] == ['no "answer"', 3]
    (series,) = server.influxql("SELECT text FROM bms_event WHERE point='ev.ch-1.mode'")
    assert [row[1] for row in series["values"][:2]] == ["off", "cool, 夏季"]


async def test_what_the_server_lost_is_noticed_and_sent_again(
    tmp_path: Path, target: Target
) -> None:
    fill(tmp_path, "lost")
    with all_sources(tmp_path) as sources:
        # The cursors stand behind everything, as if every request had been acknowledged.
        for name, last in (
            ("log", sources.history.last_seq()),
            ("energy", 9), ("rollups", 8), ("awards", 2), ("alarms", 1),
        ):  # fmt: skip
            uid = "rows" if name == "energy" else sources.history.uid()
            with SinkCursor(tmp_path, "influx", uid, last, stream=name) as cursor:
                cursor.advance(last)
    short = [c for c in await compared(tmp_path, target) if c.short]
    assert {c.measurement for c in short} == {
        "bms_analog", "bms_counter", "bms_state", "energy_15m", "analog_15m",
    }  # fmt: skip
    lost = copying(tmp_path, target, base="lost", reconcile=True, now=Hasty())
    async with lost as sink, patience():
        while (sink.status.reconciled_until or "") < "2026-03-02T10:00":
            target.settled()
            await asyncio.sleep(0.05)
    assert (
        sink.status.mismatches == 9
    )  # the second hour: its roll-ups had come with those of the first
    assert all(c.differences == () for c in await compared(tmp_path, target))


async def test_one_malformed_line_does_not_cost_the_others(influx2: Target) -> None:
    """The reason for bisecting: of a request with one bad line, InfluxDB 2 stores nothing."""
    settings = influx2.settings()
    lines = [f"poison,n=a v={i}.0 {1_772_438_400_000 + i}" for i in range(10)]
    lines[4] = "poison,n=a v= 1"
    async with InfluxTransport(settings, TOKEN, timeout_s=10, now=lambda: NOW) as transport:
        with pytest.raises(RejectedLines, match="400"):
            await transport.post(pack("\n".join(lines).encode()))
    server = influx2.server
    assert isinstance(server, Influx2)
    assert server.influxql("SELECT count(v) FROM poison") == []


async def test_init_makes_buckets_mappings_and_a_token_that_may_do_no_more(
    influx2: Target,
) -> None:
    settings = influx2.settings(bucket="site-raw", rollup_bucket="site-rollup", raw_days=90)
    async with Reader(settings, TOKEN) as admin:
        findings, token = await initialise(settings, admin, create_token=True, site="park")
        again, _ = await initialise(settings, admin)
    assert [f.state for f in findings] == ["made"] * 5
    assert [f.state for f in again] == ["there"] * 4
    assert token is not None
    async with Reader(settings, token) as reader:
        assert {f.state for f in await check_token(settings, reader)} == {"there"}
    async with Reader(settings, TOKEN) as reader:
        assert "note" in {f.state for f in await check_token(settings, reader)}
    async with Reader(settings, "nonsense") as reader:
        assert {f.state for f in await check_token(settings, reader)} == {"wrong"}
    wider = settings.model_copy(update={"raw_days": 400})
    narrower = settings.model_copy(update={"raw_days": 30})
    async with Reader(settings, TOKEN) as admin:
        assert "changed" in [f.state for f in (await initialise(wider, admin))[0]]
        # Less would delete data.
        assert "note" in [f.state for f in (await initialise(narrower, admin))[0]]


async def test_init_on_influxdb_1(tmp_path: Path) -> None:
    with Influx1() as server:
        settings = InfluxFile.model_validate(
            {"dialect": "v1", "url": server.url, "db": "bms", "rp": "raw", "rollup_rp": "long",
             "raw_days": 90}
        )  # fmt: skip
        async with Reader(settings, "") as admin:
            first, _ = await initialise(settings, admin)
            second, _ = await initialise(settings, admin)
            assert [f.state for f in first] == ["there", "made", "made"]
            assert [f.state for f in second] == ["there"] * 3
            assert {f.state for f in await check_token(settings, admin)} == {"there"}
