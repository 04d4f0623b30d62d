"""kill -9 of the daemon while it samples and forwards, and a week without a server: nothing that
was acknowledged is lost, nothing counts twice, here and in a real InfluxDB."""

from __future__ import annotations

import asyncio
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bms.config.load import load
from bms.config.shapes.sinks import InfluxFile
from bms.config.site import Site
from bms.control import STRATEGIES
from bms.core.readings import Reading
from bms.forward.checking.compare import Comparison, LocalCounts, compare
from bms.forward.copying.catching_up import Pace
from bms.forward.copying.opened import Copied, open_sources
from bms.forward.copying.sink import InfluxSink
from bms.forward.copying.timing import Timing
from bms.forward.cursors import dead_letters
from bms.forward.server.asking import Reader
from bms.forward.server.destination import Destination
from bms.forward.site_sinks import tagging_of
from bms.historian.log.embedded import History
from bms.historian.records import Batch, Meter, to_ms
from bms.ledger.database.store import Ledger
from bms.ledger.posting import Posting
from drivers.points import Quality, Sample
from tests.forward.seasons import site_of
from tests.historian.crash import Rig
from tests.machine_time import utc_now
from tests.patience import patience
from tests.servers.influx import BUCKET, ORG, ROLLUPS, TOKEN, Influx2

pytestmark = pytest.mark.servers


class Swift(Pace):
    """What was missed follows as fast as it can be sent."""

    def allowance(self, now_s: float) -> int:
        return 100_000


def drained(state: Path, settings: InfluxFile, site: Site) -> None:
    """Send what is left, as the daemon would in its next hours."""

    async def work() -> None:
        sink = InfluxSink(
            Destination(settings, TOKEN),
            Copied(state, tagging=tagging_of(site, datetime.now(UTC))),
            timing=Timing(utc_now, jitter=lambda: 0.0),
            reconcile=False,
            pace=Swift(5.0),
        )
        task = asyncio.create_task(sink.run())
        async with patience():
            while not sink.status.cursors or sink.status.backlog_rows or sink.status.gaps:
                assert not task.done()
                await asyncio.sleep(0.02)
        assert sink.status.dead_lines == 0
        assert sink.status.missing_rows == 0
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    asyncio.run(work())


def compared(state: Path, settings: InfluxFile, start: datetime, end: datetime) -> list[Comparison]:
    async def here(call: Callable[..., Any], *arguments: Any) -> Any:
        return call(*arguments)

    async def work() -> list[Comparison]:
        with open_sources(state) as sources:
            local = LocalCounts(sources, settings, lambda: dead_letters(state, settings.name))
            async with Reader(settings, TOKEN) as reader:
                return await compare(reader, settings, local, to_ms(start), to_ms(end), here)

    return asyncio.run(work())


def lives(directory: Path, server: Influx2, bucket: str, count: int) -> float:
    """Let a forwarding daemon live and die; how many samples there are of it in the end."""
    directory.mkdir()
    server.bucket(bucket)
    rng = random.Random(bucket)
    begun = datetime.now(UTC) - timedelta(hours=1)
    line = f"influx: {{url: '{server.url}', org: {ORG}, bucket: {bucket}}}\n"
    with Rig(directory, site=line) as rig:
        for _ in range(count):
            rig.life(rng)
            rig.check_log()
        rig.check_samples()
        site = load(rig.site, STRATEGIES)
        (settings,) = site.file.influx
        drained(rig.state, settings, site)
        assert dead_letters(rig.state, settings.name) == []
        found = compared(rig.state, settings, begun, datetime.now(UTC))
        assert [c.differences for c in found] == [()] * len(found)
        return next(c.there for c in found if c.measurement == "bms_analog")


def test_a_killed_daemon_has_forwarded_everything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BMS_INFLUX_TOKEN", TOKEN)
    with Influx2() as server:
        assert lives(tmp_path / "a", server, "killed", 4) > 0


@pytest.mark.slow
def test_four_hundred_kills_while_forwarding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BMS_INFLUX_TOKEN", TOKEN)
    kept: list[float] = []
    with Influx2() as server:
        threads = [
            threading.Thread(
                target=lambda n=n: kept.append(lives(tmp_path / str(n), server, f"killed-{n}", 100))
            )
            for n in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(kept) == 4
    assert all(count > 100 for count in kept)


# --- a week without a server -----------------------------------------------------------------

START = datetime(2026, 3, 26, tzinfo=UTC)
DAYS = 7
RESOLUTION = Decimal("0.01")
COPIER = """
import asyncio, sys
from datetime import UTC, datetime
from pathlib import Path
from bms.config.shapes.sinks import InfluxFile
from bms.forward.copying.opened import Copied
from bms.forward.copying.sink import InfluxSink
from bms.forward.copying.timing import Timing
from bms.forward.server.destination import Destination
from bms.forward.site_sinks import tagging_of
from tests.forward.seasons import site_of
from tests.forward.test_crash import Swift
from tests.machine_time import utc_now
state, url, token = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
settings = InfluxFile(url=url, org="park", bucket="raw", rollup_bucket="rollup")
tagging = tagging_of(site_of(state.parent), datetime.now(UTC))
asyncio.run(InfluxSink(
    Destination(settings, token), Copied(state, tagging=tagging), reconcile=False,
    timing=Timing(utc_now, jitter=lambda: 0.0), pace=Swift(5.0),
).run())
"""


def copier(state: Path, url: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", COPIER, str(state), url, TOKEN], stderr=subprocess.DEVNULL
    )


def killed_after(process: subprocess.Popen[bytes], seconds: float) -> None:
    with suppress(subprocess.TimeoutExpired):
        process.wait(seconds)
    process.send_signal(signal.SIGKILL)
    process.wait()


def record_day(history: History, day: int) -> None:
    """Registers every quarter hour, temperatures every minute."""
    begun = START + timedelta(days=day)
    meters = [Meter(f"north.{m}.energy", "north", RESOLUTION) for m in ("grid", "pv", "feed-in")]
    for hour in range(24):
        readings, samples = [], []
        for quarter in range(4):
            time = begun + timedelta(hours=hour, minutes=15 * quarter)
            index = day * 96 + hour * 4 + quarter
            readings += [
                Reading(m.point, time, 100_000 * (k + 1) + index * (50 + k) + index % 7 * (k + 1))
                for k, m in enumerate(meters)
            ]
        for minute in range(60):
            time = begun + timedelta(hours=hour, minutes=minute)
            samples.append(
                Sample("north.ch-1.chw_supply_temp", 6 + minute / 60, Quality.GOOD, time)
            )
        history.append(Batch(samples, readings=readings, meters=meters))


@pytest.mark.slow
def test_a_week_without_a_server_and_kills_in_it(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    site = site_of(tmp_path)
    rng = random.Random(7)
    with Influx2() as server:
        url, folder = server.url, server.folder
        server.stop()
        with History(state) as history, Ledger(state) as ledger:
            posting = Posting(site.metering, history, ledger)
            for day in range(DAYS):
                record_day(history, day)
                posting.catch_up(START + timedelta(days=day + 1))
                killed_after(copier(state, url), 1.5 + rng.random())
        assert folder.exists()
        server.start()
        assert server.url == url
        for _ in range(4):  # and while it catches up
            killed_after(copier(state, url), 1.0 + rng.random())
        settings = InfluxFile(url=url, org=ORG, bucket=BUCKET, rollup_bucket=ROLLUPS)
        drained(state, settings, site)
        end = START + timedelta(days=DAYS)
        found = compared(state, settings, START, end)
        assert [c.differences for c in found] == [()] * len(found)
        # To the count, by meter and local day: the ledger's own rows against the server's.
        with Ledger(state, read_only=True) as ledger:
            rows = ledger.energy(0, 1_000_000)
        for meter in {row.meter for row in rows}:
            for local in {row.local_date for row in rows}:
                here = sum(
                    row.amount for row in rows if (row.meter, row.local_date) == (meter, local)
                )
                assert kwh_there(server, meter, local) == pytest.approx(float(here), rel=1e-12)
        counted = {c.measurement: c.there for c in found if c.what == "count"}
        assert counted["bms_analog"] == DAYS * 24 * 60


def kwh_there(server: Influx2, meter: str, day: date) -> float:
    number = day.year * 10000 + day.month * 100 + day.day
    answer = server.influxql(
        f"SELECT sum(kwh) FROM energy_15m WHERE point = '{meter}' AND date = {number}", ROLLUPS
    )
    return float(answer[0]["values"][0][1]) if answer else 0.0
