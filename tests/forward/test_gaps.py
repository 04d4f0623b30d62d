"""Outages: live first, gaps behind it at their pace, several databases that do not wait for
each other. A real socket, an injected clock."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiohttp import web

from bms.config.shapes.sinks import InfluxFile
from bms.core.equipment import PointClass
from bms.forward.copying.catching_up import FLOOR_LINES_S, START_WITHIN_S, Pace
from bms.forward.copying.opened import Copied
from bms.forward.copying.sink import InfluxSink
from bms.forward.copying.timing import Timing
from bms.forward.cursors import SinkCursor, dead_letters
from bms.forward.positions import least_taken, positions
from bms.forward.server.destination import Destination
from bms.historian.log.embedded import History
from bms.historian.records import Batch, Series, to_ms
from tests.forward.conftest import POINT
from tests.historian.influx_server import FAULTS, Answer, InfluxServer, fault, ok
from tests.historian.support import good
from tests.patience import PATIENCE_S, async_until

BEGIN = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


class Time:
    """A clock for both kinds of time that only sleeping moves (by what was slept)."""

    def __init__(self) -> None:
        self.s = 0.0

    def now(self) -> datetime:
        return BEGIN + timedelta(seconds=self.s)

    def monotonic(self) -> float:
        return self.s

    async def sleep(self, delay_s: float) -> None:
        self.s += delay_s
        await asyncio.sleep(0)


@asynccontextmanager
async def copying(
    directory: Path,
    server: InfluxServer,
    time: Time,
    *,
    name: str = "influx",
    timeout_s: float = PATIENCE_S,
    **settings: object,
) -> AsyncIterator[InfluxSink]:
    file = InfluxFile.model_validate(
        {"name": name, "url": server.url, "org": "o", "bucket": "raw", "send": ["raw"], **settings}
    )
    sink = InfluxSink(
        Destination(file, "secret"),
        Copied(directory),
        timing=Timing(
            now=time.now,
            monotonic=time.monotonic,
            sleep=time.sleep,
            jitter=lambda: 1.0,
            idle_s=0.005,
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


def seconds(history: History, first: int, count: int) -> None:
    """One commit a second, one sample each."""
    for i in range(first, first + count):
        history.append(Batch([good(POINT, float(i), i)]))


def values(server: InfluxServer) -> list[int]:
    return [int(float(line.split(" v=")[1].split()[0])) for line in server.stored]


async def test_after_an_outage_live_comes_first_and_the_gap_behind_it_oldest_first(
    tmp_path: Path, history: History, server: InfluxServer
) -> None:
    time = Time()
    server.script = fault("503")
    async with copying(tmp_path, server, time) as sink:
        seconds(history, 0, 20)
        await async_until(lambda: sink.status.outage)
        seconds(history, 20, 380)
        await async_until(lambda: sink.status.gaps >= 1 and sink.status.cursors["log"] == 400)
        assert sink.status.retries.keys() == {"503"}
        server.script = ok
        seconds(history, 400, 3)
        await async_until(lambda: len(server.stored) >= 3)
        assert values(server)[:3] == [400, 401, 402]  # at once, while the gap waits
        await async_until(lambda: sink.status.backlog_rows == 400)  # the answer is on its way
        assert sink.status.oldest_unsent_s is not None
        waited_until_s = time.s + START_WITHIN_S
        time.s = waited_until_s - 5
        await asyncio.sleep(0.05)
        assert len(server.stored) == 3  # a random time apart from other gateways

        async def tick() -> None:
            while True:
                time.s += 0.2
                await asyncio.sleep(0.01)

        ticking = asyncio.create_task(tick())
        await async_until(lambda: sink.status.backlog_rows == 0 and sink.status.gaps == 0)
        ticking.cancel()
    assert values(server)[3:] == list(range(400))
    # 400 lines at 200 a second, the first second's worth at once.
    assert time.s - waited_until_s >= 400 / FLOOR_LINES_S - 1


@pytest.mark.parametrize("name", FAULTS)
async def test_no_fault_of_any_length_loses_or_reorders_within_a_stream(
    tmp_path: Path, history: History, server: InfluxServer, name: str
) -> None:
    time = Time()
    seconds(history, 0, 30)
    server.script = fault(name, most_lines=7)
    timeout_s = 0.5 if name in ("hang", "lost") else PATIENCE_S
    async with copying(tmp_path, server, time, timeout_s=timeout_s) as sink:
        await async_until(lambda: len(server.requests) >= 3)
        server.script = ok
        time.s += 700
        seconds(history, 30, 30)
        await async_until(lambda: set(values(server)) == set(range(60)))
        await async_until(lambda: sink.status.backlog_rows == 0)
        assert sink.status.dead_lines == 0
    if name == "413":
        with SinkCursor(tmp_path, "influx", history.uid(), 60) as cursor:
            assert cursor.known("most_lines", 5000) <= 7  # remembered for the next process


async def test_a_dead_database_does_not_slow_another(
    tmp_path: Path, history: History, server: InfluxServer
) -> None:
    time = Time()

    def stored(count: int) -> Callable[[], bool]:
        return lambda: len(server.stored) == count

    async with AsyncExitStack() as stack:
        dead = await stack.enter_async_context(InfluxServer())
        dead.script = fault("hang")
        await stack.enter_async_context(copying(tmp_path, dead, Time(), name="dead", timeout_s=0.5))
        sink = await stack.enter_async_context(copying(tmp_path, server, time, name="good"))
        for batch in range(20):
            seconds(history, batch * 5, 5)
            sink.wake()
            await async_until(stored((batch + 1) * 5))
        assert dead.stored == []
        await async_until(lambda: sink.status.cursors["log"] == 100)
        assert least_taken(tmp_path, ["good", "dead"], history.uid()) == 0
    assert {p.sink: p.seq for p in positions(tmp_path)} == {"dead": 0, "good": 100}


async def test_rows_in_a_gap_are_not_pruned(tmp_path: Path, history: History) -> None:
    seconds(history, 0, 10)
    with SinkCursor(tmp_path, "influx", history.uid(), 10) as cursor:
        cursor.advance(3)
        cursor.leave(8, None, "out")
        assert cursor.seq == 8
        assert least_taken(tmp_path, None, history.uid()) == 3
        assert (
            history.prune(
                BEGIN + timedelta(days=1), compacted=(10, to_ms(BEGIN) + 86_400_000), taken=3
            )
            == 3
        )
        (gap,) = cursor.gaps()
        cursor.fill(gap, 6)
        assert [(g.first, g.last) for g in cursor.gaps()] == [(7, 8)]
        cursor.advance(9)
        cursor.leave(10, None, "out again")
        assert [(g.first, g.last) for g in cursor.gaps()] == [(7, 8), (10, 10)]
        for left in cursor.gaps():
            cursor.fill(left, left.last)
        assert cursor.gaps() == []
        assert least_taken(tmp_path, None, history.uid()) == 10


async def test_what_retention_took_is_counted_and_holds_up_nothing(
    tmp_path: Path, history: History, server: InfluxServer
) -> None:
    seconds(history, 0, 300)
    history._connection.execute("DELETE FROM log WHERE seq BETWEEN 11 AND 150")
    time = Time()
    time.s = 1000  # everything is old: a gap
    async with copying(tmp_path, server, time) as sink:
        await async_until(lambda: sink.status.gaps == 1)
        time.s += START_WITHIN_S + 1
        await async_until(lambda: time.s > 0 and (bump(time) or sink.status.backlog_rows == 0))
        assert sink.status.missing_rows == 140
    assert sorted(values(server)) == [*range(10), *range(150, 300)]


def bump(time: Time) -> bool:
    time.s += 0.05
    return False


async def test_a_server_of_another_kind_costs_nothing(
    tmp_path: Path, history: History, server: InfluxServer
) -> None:
    """A wrong address can answer 400 to everything: no reason to bury a site's history."""
    seconds(history, 0, 50)
    server.script = lambda _lines: web.Response(status=400, text="unknown path")
    time = Time()
    async with copying(tmp_path, server, time) as sink:
        await async_until(lambda: "is the dialect right" in sink.status.last_error)
        assert dead_letters(tmp_path, "influx") == []
        server.script = ok
        await async_until(lambda: sink.status.backlog_rows == 0 and len(server.stored) == 50)


async def test_a_selection_sends_only_what_it_names(
    tmp_path: Path, history: History, server: InfluxServer
) -> None:
    history.append(
        Batch(
            [good("plant.m-1.energy", 1.0), good("plant.m-1.power", 2.0), good(POINT, 3.0)],
            series=[Series("plant.m-1.energy", "kWh", PointClass.COUNTER)],
        )
    )
    async with copying(
        tmp_path, server, Time(), classes=["counter", "analog"], points=["plant.m-*"]
    ) as sink:
        await async_until(lambda: sink.status.cursors.get("log") == 1)
    assert [line.split(",point=")[1].split()[0] for line in server.stored] == [
        "plant.m-1.energy", "plant.m-1.power",
    ]  # fmt: skip


async def test_the_plain_write_of_1_x_shows_user_and_password(
    tmp_path: Path, history: History, server: InfluxServer
) -> None:
    seconds(history, 0, 1)
    settings = InfluxFile.model_validate(
        {"dialect": "v1", "url": server.url, "db": "bms", "rp": "raw", "send": ["raw"]}
    )
    sink = InfluxSink(
        Destination(settings, "u:p"),
        Copied(tmp_path),
        timing=Timing(now=lambda: BEGIN, idle_s=0.01),
        reconcile=False,
    )
    task = asyncio.create_task(sink.run())
    await async_until(lambda: server.stored)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    assert server.queries[0] == {"db": "bms", "rp": "raw", "precision": "ms"}
    assert server.tokens == {"Basic dTpw"}


# --- the pace, by itself ---------------------------------------------------------------------


def test_backfill_follows_the_live_rate_and_halves_when_the_server_is_busy() -> None:
    pace = Pace(2.0)
    for second in range(600):
        pace.live(1000, float(second))
    rate = pace.backfill_lines_s(600)
    assert rate == pytest.approx(2000, rel=0.02)
    pace.refused(600)
    pace.refused(600)
    assert pace.backfill_lines_s(600) == pytest.approx(rate / 4)
    assert pace.backfill_lines_s(661) == pytest.approx(rate / 2)
    assert pace.backfill_lines_s(800) == pytest.approx(rate)


def test_backfill_never_outruns_its_rate() -> None:
    pace = Pace(2.0)
    sent = 0
    for tenth in range(1000):
        now_s = tenth / 10
        allowed = pace.allowance(now_s)
        if allowed:
            pace.backfilled(allowed, now_s)
            sent += allowed
    assert sent <= FLOOR_LINES_S * 101
    assert sent >= FLOOR_LINES_S * 98


def test_a_cap_holds_everything_back() -> None:
    pace = Pace(2.0, cap_lines_s=100)
    pace.live(1000, 0.0)
    assert pace.hold_s(0.0) == pytest.approx(9.0)
    assert pace.hold_s(9.0) == 0.0
    assert Pace(2.0).hold_s(0.0) == 0.0


def test_answers_are_typed() -> None:
    answer: Answer = fault("503")(["a"])
    assert isinstance(answer, web.Response)
    assert answer.headers["Retry-After"] == "1"
