"""The copy to InfluxDB: nothing lost, order kept, whatever the server does."""

from __future__ import annotations

import asyncio
import random
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from bms.config.shapes.sinks import InfluxFile
from bms.core.equipment import PointClass
from bms.forward.copying.delivery import MAX_LINES
from bms.forward.copying.opened import Copied
from bms.forward.copying.sink import InfluxSink
from bms.forward.copying.timing import Timing
from bms.forward.cursors import SinkCursor
from bms.forward.server.destination import Destination
from bms.forward.server.retry_after import retry_after_s
from bms.forward.streams.lines import LineWriter
from bms.forward.streams.outgoing import Outgoing
from bms.forward.streams.tags import Tagging
from bms.forward.streams.text import escaped, quoted
from bms.historian.formats.blob import decode, encode
from bms.historian.log.embedded import History
from bms.historian.records import Batch, from_ms
from bms.storage import audit
from drivers.points import Quality, Sample, Value
from tests.forward.conftest import POINT
from tests.historian.influx_server import Answer, InfluxServer, ok
from tests.historian.support import at, good
from tests.patience import PATIENCE_S, async_until, patience

START_MS = 1_772_438_400_000
NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


class Naps:
    """Stands in for asyncio.sleep: remembers, lets others run, and does not wait."""

    def __init__(self) -> None:
        self.delays: list[float] = []
        self.napped = asyncio.Event()

    async def __call__(self, delay_s: float) -> None:
        self.delays.append(delay_s)
        self.napped.set()
        await asyncio.sleep(0)


@asynccontextmanager
async def copying(
    directory: Path,
    server: InfluxServer,
    *,
    naps: Naps | None = None,
    timeout_s: float = PATIENCE_S,
) -> AsyncIterator[InfluxSink]:
    settings = InfluxFile(url=server.url, org="park", bucket="raw")
    sink = InfluxSink(
        Destination(settings, "secret"),
        Copied(directory),
        timing=Timing(
            now=lambda: NOW,
            sleep=naps or Naps(),
            jitter=lambda: 1.0,
            idle_s=0.01,
            timeout_s=timeout_s,
        ),
        reconcile=False,
    )
    task = asyncio.create_task(sink.run())
    try:
        yield sink
    finally:
        assert not task.done() or task.exception() is None
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def fill(history: History, count: int, first: int = 0, rows: int = 1) -> list[str]:
    """Append samples; returns the lines they become."""
    for row in range(rows):
        numbers = range(first + row * count, first + (row + 1) * count)
        history.append(Batch([good(POINT, float(i), i) for i in numbers]))
    return [line(i) for i in range(first, first + rows * count)]


def line(i: int) -> str:
    tags = "base=plant,equip=ch-1,point=plant.ch-1.power"
    return f"bms_analog,{tags} v={float(i)!r} {START_MS + i * 1000}"


def taken(sink: InfluxSink) -> int:
    return sink.status.cursors.get("log", 0)


def retries(sink: InfluxSink) -> int:
    return sum(sink.status.retries.values())


# --- lines -----------------------------------------------------------------------------------


def written(writer: LineWriter, point: str, value: Value | None, quality: Quality) -> str:
    """The line of a sample, by way of the log's own encoding."""
    texts: dict[int, str] = {}

    def number_of(text: str) -> int:
        texts[1] = text
        return 1

    _, _, blob = encode(
        [Sample(point, value, quality, from_ms(5))],
        {point: 1},
        number_of,
    )
    found = decode(blob)
    (built,) = writer.lines([point], [5], found.values, found.status, texts.__getitem__)
    return built


@pytest.mark.parametrize(
    ("point", "value", "quality", "expected"),
    [
        ("b.e.a", 21, Quality.GOOD, "bms_analog,base=b,equip=e,point=b.e.a v=21.0 5"),
        ("b.e.a", -1e-7, Quality.GOOD, "bms_analog,base=b,equip=e,point=b.e.a v=-1e-07 5"),
        ("b.e.c", 7.25, Quality.GOOD, "bms_counter,base=b,equip=e,point=b.e.c v=7.25 5"),
        ("b.e.s", True, Quality.GOOD, "bms_state,base=b,equip=e,point=b.e.s v=1.0 5"),
        ("b.e.a", 2.0, Quality.STALE, "bms_analog,base=b,equip=e,point=b.e.a v=2.0,q=1.0 5"),
        ("b.e.a", None, Quality.BAD, "bms_analog,base=b,equip=e,point=b.e.a q=2.0 5"),
        ("b.e.a", float("nan"), Quality.GOOD, "bms_analog,base=b,equip=e,point=b.e.a q=2.0 5"),
        ("e", 'a "b"\\', Quality.GOOD, r'bms_event,base=e,point=e text="a \"b\"\\" 5'),
        ("b. ,=.a", 1, Quality.GOOD, r"bms_analog,base=b,equip=\ \,\=,point=b.\ \,\=.a v=1.0 5"),
        ("single", 1, Quality.GOOD, "bms_analog,base=single,point=single v=1.0 5"),
    ],
)  # fmt: skip
def test_lines(point: str, value: Value | None, quality: Quality, expected: str) -> None:
    classes = {"b.e.c": PointClass.COUNTER, "b.e.s": PointClass.STATE}
    assert written(LineWriter(Tagging({}), classes), point, value, quality) == expected


def test_escaping_never_breaks_a_line() -> None:
    assert escaped("a\nb\\\\") == "ab"
    assert quoted("a\r\nb") == "a  b"


def test_a_class_that_changes_changes_the_measurement() -> None:
    writer = LineWriter(Tagging({}), {})
    assert written(writer, "b.e.a", 1.0, Quality.GOOD).startswith("bms_analog,")
    writer.know({"b.e.a": PointClass.STATE})
    assert written(writer, "b.e.a", 1.0, Quality.GOOD).startswith("bms_state,")


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, None),
        ("7", 7.0),
        ("0.5", 0.5),
        ("86400", 300.0),
        ("-1", 0.0),
        ("Mon, 02 Mar 2026 08:00:30 GMT", 30.0),
        ("Mon, 02 Mar 2026 07:00:00 GMT", 0.0),
        ("soon", None),
        ("nan", None),
    ],
)
def test_retry_after(header: str | None, expected: float | None) -> None:
    assert retry_after_s(header, NOW) == expected


# --- against a server ------------------------------------------------------------------------


async def test_everything_arrives_in_order_and_then_what_is_new(
    tmp_path: Path, history: History, server: InfluxServer
) -> None:
    expected = fill(history, 7, rows=3)
    async with copying(tmp_path, server) as sink:
        await async_until(lambda: taken(sink) == 3)
        assert server.stored == expected
        expected += fill(history, 2, first=21)
        sink.wake()
        await async_until(lambda: taken(sink) == 4)
    assert server.stored == expected
    assert server.queries[0] == {"org": "park", "bucket": "raw", "precision": "ms"}
    assert server.tokens == {"Token secret"}
    assert sink.status.sent_lines == 23
    assert sink.status.backlog_rows == 0


async def test_requests_stay_within_their_limit(
    tmp_path: Path, history: History, server: InfluxServer
) -> None:
    expected = fill(history, MAX_LINES + 10, rows=1) + fill(history, 6, first=50_000, rows=4)
    async with copying(tmp_path, server) as sink:
        await async_until(lambda: taken(sink) == 5)
    assert server.stored == expected
    assert [len(lines) for lines in server.requests] == [MAX_LINES, 10, 24]


@pytest.mark.parametrize("status", [401, 403, 404, 408, 429, 500, 503, 200])
async def test_what_may_pass_is_kept_and_sent_again(
    tmp_path: Path, history: History, server: InfluxServer, status: int
) -> None:
    expected = fill(history, 3, rows=2)
    failures = 4

    def script(lines: list[str]) -> Answer:
        if len(server.requests) <= failures:
            return web.Response(status=status, text="no")
        return ok(lines)

    server.script = script
    naps = Naps()
    async with copying(tmp_path, server, naps=naps) as sink:
        await async_until(lambda: taken(sink) == 2)
    assert server.stored == expected
    assert naps.delays == [0.5, 1.0, 2.0, 4.0]
    assert retries(sink) == failures
    assert sink.status.last_error == ""


@pytest.mark.parametrize(
    ("answer", "remedy"),
    [
        ({"status": 400, "text": "<html><h1>Bad Request</h1>"}, "is url right?"),
        ({"status": 502, "text": "<!doctype html>"}, "is url right?"),
        ({"status": 302, "headers": {"Location": "https://a.example/"}}, "(https://a.example/)"),
        ({"status": 401, "text": '{"message": "unauthorized access"}'}, "BMS_INFLUX_TOKEN"),
        ({"status": 404, "text": '{"message": "bucket not found"}'}, "bms influx init"),
    ],
)
async def test_an_answer_that_is_not_about_the_lines_costs_none_and_says_what_to_do(
    tmp_path: Path, history: History, server: InfluxServer, answer: dict[str, Any], remedy: str
) -> None:
    expected = fill(history, 3)
    said: list[str] = []

    def script(lines: list[str]) -> Answer:
        if len(server.requests) > 2:
            return ok(lines)
        said.append(sink.status.last_error)
        return web.Response(**answer)

    server.script = script
    async with copying(tmp_path, server) as sink:
        await async_until(lambda: taken(sink) == 1)
    assert server.stored == expected
    assert sink.status.dead_lines == 0
    assert remedy in said[1]


async def test_the_pause_grows_to_a_minute_and_retry_after_is_honoured(
    tmp_path: Path, history: History, server: InfluxServer
) -> None:
    fill(history, 1)

    def script(lines: list[str]) -> Answer:
        if len(server.requests) <= 9:
            return web.Response(status=503)
        if len(server.requests) == 10:
            return web.Response(status=429, headers={"Retry-After": "17"})
        return ok(lines)

    server.script = script
    naps = Naps()
    async with copying(tmp_path, server, naps=naps) as sink:
        await async_until(lambda: taken(sink) == 1)
    assert naps.delays == [0.5, 1, 2, 4, 8, 16, 32, 60, 60, 18.0]


@pytest.mark.parametrize("trouble", ["hang", "reset", "lost"])
async def test_no_answer_means_nothing_is_taken(
    tmp_path: Path, history: History, server: InfluxServer, trouble: str
) -> None:
    expected = fill(history, 4, rows=2)
    server.script = lambda lines: trouble if len(server.requests) <= 2 else ok(lines)
    async with copying(tmp_path, server, timeout_s=0.2) as sink:
        await async_until(lambda: taken(sink) == 2)
    if trouble == "lost":  # stored without our knowing: sent again, which does no harm
        assert server.stored == expected * 3
    else:
        assert server.stored == expected
    assert retries(sink) == 2


async def test_a_server_that_is_not_there_yet(tmp_path: Path, history: History) -> None:
    expected = fill(history, 4)
    naps = Naps()
    async with InfluxServer() as server:
        gone = InfluxServer()
        gone.url = server.url
    async with copying(tmp_path, gone, naps=naps) as sink:
        await asyncio.wait_for(naps.napped.wait(), PATIENCE_S)
        assert taken(sink) == 0
        assert "refused" in sink.status.last_error or "Connect" in sink.status.last_error
    async with InfluxServer() as server, copying(tmp_path, server) as sink:
        await async_until(lambda: taken(sink) == 1)
        assert server.stored == expected


async def test_bad_lines_are_found_and_set_aside(
    tmp_path: Path, history: History, server: InfluxServer
) -> None:
    expected = fill(history, 100)
    poison = {expected[i] for i in (0, 41, 42, 99)}

    def script(lines: list[str]) -> Answer:
        bad = [text for text in lines if text in poison]
        if bad:
            return web.json_response({"message": f"cannot parse {len(bad)}"}, status=400)
        return ok(lines)

    server.script = script
    async with copying(tmp_path, server) as sink:
        await async_until(lambda: taken(sink) == 1)
        assert sink.status.dead_lines == 4
    assert server.stored == [text for text in expected if text not in poison]
    with SinkCursor(tmp_path, "influx", history.uid(), 1) as cursor:
        letters = cursor.dead_letters()
        assert [letter.lines[0].decode() for letter in letters] == [
            text for text in expected if text in poison
        ]
        assert {letter.reason for letter in letters} == {"400: cannot parse 1"}
        assert letters[0].time == NOW


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (400, "points beyond retention policy"),  # InfluxDB 1.6
        (422, "oldest point p dropped because it violates a Retention Policy Lower Bound at t"),
    ],
)
async def test_lines_older_than_the_buckets_retention_are_counted_and_not_kept_again(
    tmp_path: Path, history: History, server: InfluxServer, status: int, reason: str
) -> None:
    expected = fill(history, 1000)
    old = set(expected[:500])

    def script(lines: list[str]) -> Answer:
        dropped = [text for text in lines if text in old]
        if dropped:
            server.stored += [text for text in lines if text not in old]
            message = f"partial write: {reason} dropped={len(dropped)}"
            return web.json_response({"message": message}, status=status)
        return ok(lines)

    server.script = script
    async with copying(tmp_path, server) as sink:
        await async_until(lambda: taken(sink) == 1)
        assert sink.status.expired_lines == 500
    assert set(server.stored) == set(expected[500:])
    assert (sink.status.dead_lines, sink.status.sent_lines) == (0, 500)
    assert len(server.requests) == 1


async def test_too_large_is_halved_and_remembered(
    tmp_path: Path, history: History, server: InfluxServer
) -> None:
    expected = fill(history, 100)
    server.script = lambda lines: web.Response(status=413) if len(lines) > 30 else ok(lines)
    async with copying(tmp_path, server) as sink:
        await async_until(lambda: taken(sink) == 1)
        sizes = [len(lines) for lines in server.requests]
        expected += fill(history, 40, first=100)
        await async_until(lambda: taken(sink) == 2)
    assert server.stored == expected
    assert sizes == [100, 50, 25, 25, 50, 25, 25]
    assert all(len(lines) <= 25 for lines in server.requests[7:])


async def test_a_damaged_row_does_not_hold_up_the_others(
    tmp_path: Path, history: History, server: InfluxServer
) -> None:
    expected = fill(history, 2, rows=3)
    connection = sqlite3.connect(tmp_path / "history.db")
    connection.execute("UPDATE log SET blob = CAST('no blob at all, is it' AS BLOB) WHERE seq = 2")
    connection.commit()
    connection.close()
    async with copying(tmp_path, server) as sink:
        await async_until(lambda: taken(sink) == 3)
    assert server.stored == expected[:2] + expected[4:]
    with SinkCursor(tmp_path, "influx", history.uid(), 3) as cursor:
        (letter,) = cursor.dead_letters()
        assert "row 2 is damaged" in letter.reason


def test_a_series_that_comes_while_the_log_is_read_is_no_damage(
    tmp_path: Path, history: History
) -> None:
    """Found by killing the daemon 400 times: its first row was taken for damaged, and left out."""

    class Interrupted(Outgoing):
        def _rows(self, sql: str, *arguments: object) -> list[Any]:
            found = super()._rows(sql, *arguments)
            number = history.last_seq()
            history.append(Batch([good(f"plant.new-{number}.power", 1.0, number)]))
            return found

    with Interrupted(tmp_path, read_only=True) as reader:
        for _ in range(5):
            assert [row.damage for row in reader.log_after(0, 100) if row.damage] == []


async def test_stopped_at_any_moment_it_carries_on_and_loses_nothing(
    tmp_path: Path, history: History, server: InfluxServer
) -> None:
    rng = random.Random(7)
    expected = []
    count = 0

    def script(lines: list[str]) -> Answer:
        fate = rng.random()
        if fate < 0.15:
            return web.Response(status=503)
        if fate < 0.25:
            return "reset"
        return "lost" if fate < 0.35 else ok(lines)

    server.script = script
    for _ in range(15):
        expected += fill(history, 5, first=count, rows=3)
        count += 15
        async with copying(tmp_path, server):
            before = len(server.requests)
            await async_until(partial(lambda before: len(server.requests) > before, before))
    server.script = ok
    async with copying(tmp_path, server) as sink:
        await async_until(lambda: taken(sink) == 45)
    assert list(dict.fromkeys(server.stored)) == expected  # each line, first arrivals in order


async def test_stale_and_bad_samples_are_marked(
    tmp_path: Path, history: History, server: InfluxServer
) -> None:
    history.append(Batch([Sample(POINT, None, Quality.BAD, at(0) + timedelta(milliseconds=7))]))
    async with copying(tmp_path, server) as sink:
        await async_until(lambda: taken(sink) == 1)
    tags = "base=plant,equip=ch-1,point=plant.ch-1.power"
    assert server.stored == [f"bms_analog,{tags} q=2.0 {START_MS + 7}"]


COPIER = """
import asyncio, sys
from pathlib import Path
from bms.config.shapes.sinks import InfluxFile
from bms.forward.copying.opened import Copied
from bms.forward.copying.sink import InfluxSink
from bms.forward.copying.timing import Timing
from bms.forward.server.destination import Destination
settings = InfluxFile(url=sys.argv[2], org="park", bucket="raw")
from datetime import UTC, datetime
now = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
asyncio.run(
    InfluxSink(
        Destination(settings, "secret"), Copied(Path(sys.argv[1])),
        timing=Timing(now=lambda: now, idle_s=0.01),
    ).run()
)
"""


async def test_killed_in_the_middle_it_resumes_from_its_cursor(
    tmp_path: Path, history: History, server: InfluxServer
) -> None:
    expected = fill(history, 2500, rows=9)  # two rows make a request
    for kill_at in (2, None):
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", COPIER, str(tmp_path), server.url
        )
        try:
            wanted = len(set(expected)) if kill_at is None else kill_at * 5000
            async with patience():
                while len(set(server.stored)) < wanted:
                    await asyncio.sleep(0.002)
        finally:
            process.kill()
            await process.wait()
    assert list(dict.fromkeys(server.stored)) == expected
    assert len(server.stored) <= len(expected) + 5000  # at most one request again


async def test_hashes_of_the_audit_leave_the_machine(tmp_path: Path) -> None:
    for _ in range(3):
        audit.record(tmp_path, NOW, who="wang", via="cli", what="schedule.edit", why="secret")
    async with InfluxServer() as server:
        with History(tmp_path) as history:
            fill(history, 1)
            async with copying(tmp_path, server) as sink:
                await async_until(lambda: sink.status.cursors.get("audit") == 3)
    (line, *_) = [line for line in reversed(server.stored) if line.startswith("bms_audit")]
    assert f'number=3.0,hash="{audit.head(tmp_path).digest}"' in line
    assert not any("secret" in line or "wang" in line for line in server.stored)
