"""`bms influx` as people use it, against a real database."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from bms.cli import main
from bms.config.load import load
from bms.control import STRATEGIES
from bms.forward.copying.sink import InfluxSink
from bms.forward.copying.timing import Timing
from bms.forward.cursors import DeadLetter, SinkCursor
from bms.forward.site_sinks import make_sinks, tagging_of
from bms.historian.log.embedded import History
from bms.historian.records import Batch, Series
from bms.storage import audit
from drivers.points import Quality, Sample
from tests.app.test_app import FILES
from tests.patience import patience
from tests.servers.influx import Influx1

pytestmark = pytest.mark.servers

START = datetime(2026, 3, 2, tzinfo=UTC)
NOW = START + timedelta(days=2)


@pytest.fixture
def server() -> Iterator[Influx1]:
    with Influx1() as running:
        yield running


@pytest.fixture
def site(tmp_path: Path, server: Influx1) -> Path:
    more = f"influx: {{name: plant, dialect: v1, url: '{server.url}', db: raw, send: [raw]}}\n"
    for name, text in {**FILES, "site.yaml": FILES["site.yaml"] + more}.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    with History(tmp_path / "state") as history:
        history.append(Batch(series=[Series("b.holds.speed", "%")]))
        for hour in range(48):
            time = START + timedelta(hours=hour)
            history.append(Batch([Sample("b.holds.speed", float(hour), Quality.GOOD, time)]))
    return tmp_path


def bms(*arguments: object, code: int = 0) -> Any:
    result = CliRunner().invoke(main, [str(a) for a in ("influx", *arguments)])
    assert result.exit_code == code, result.output
    if "--json" in arguments:
        return json.loads(result.output)
    return result.output


def send(site: Path) -> None:
    """What the controller does: send everything, gaps included."""

    async def work(sink: InfluxSink) -> None:
        task = asyncio.create_task(sink.run())
        async with patience():
            while not sink.status.cursors or sink.status.backlog_rows:
                await asyncio.sleep(0.01)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    loaded = load(site, STRATEGIES)
    timing, tagging = Timing(lambda: NOW, jitter=lambda: 0.0), tagging_of(loaded, NOW)
    (sink,) = make_sinks(loaded, timing, tagging, lambda _key, _text: None)
    asyncio.run(work(sink))


def test_verify_backfill_and_status(site: Path, server: Influx1) -> None:
    period = ("--from", "2026-03-02", "--to", "2026-03-04")
    rows = bms("verify", site, *period, "--json", code=1)  # nothing was sent yet
    assert {row["measurement"] for row in rows if not row["equal"]} == {"bms_analog"}
    send(site)
    rows = bms("verify", site, *period, "--json")
    # Days of the site: 2 March in Shanghai began at 16:00 UTC of the day before.
    analog = [row for row in rows if row["measurement"] == "bms_analog"]
    assert [(row["day"], row["here"], row["there"]) for row in analog] == [
        ("2026-03-02", 16, 16), ("2026-03-03", 24, 24),
    ]  # fmt: skip
    server.influxql("DROP SERIES FROM bms_analog")
    rows = bms("verify", site, *period, "--json", code=1)
    assert [r["example"] for r in rows if not r["equal"]] == [
        "b.holds.speed 0 of 16", "b.holds.speed 0 of 24",
    ]  # fmt: skip
    (marked,) = bms("backfill", site, *period, "--reason", "series was dropped", "--json")
    assert marked["rows"] == 40
    (status,) = bms("status", site, "--json")
    assert (status["gaps"], status["gap_rows"]) == (1, 40)
    send(site)
    bms("verify", site, *period)
    assert "series was dropped" in {entry["why"] for entry in audit.entries(site / "state")}
    assert "the controller is not running" in bms("status", site)


def test_dead_letters_are_listed_and_sent_again(site: Path, server: Influx1) -> None:
    send(site)
    with (
        History(site / "state", read_only=True) as history,
        SinkCursor(site / "state", "plant", history.uid(), history.last_seq()) as cursor,
    ):
        good = b"bms_analog,point=x v=1.0 1772438400000"
        bad = b"bms_analog,point=x v="
        cursor.advance(0, [DeadLetter(NOW, "400: was read-only", [good])])
        cursor.advance(0, [DeadLetter(NOW, "400: no value", [bad])])
    assert "400: was read-only" in bms("dead", "list", site)
    (result,) = bms("dead", "resend", site, "--reason", "writable again", "--json", code=1)
    assert (result["taken"], result["refused"]) == (1, 1)
    (left,) = bms("dead", "list", site, "--json")
    assert left["reason"] == "400: no value"
    (series,) = server.influxql("SELECT v FROM bms_analog WHERE point = 'x'")
    assert series["values"] == [[1772438400000, 1]]


def test_init(site: Path) -> None:
    rows = bms("init", site, "--json")
    assert [row["state"] for row in rows] == ["there"] * 3
    bms("init", site, "--create-token", code=1)


def test_a_server_that_is_not_there_is_said(site: Path, server: Influx1) -> None:
    server.stop()
    text = bms("verify", site, "--from", "2026-03-02", code=1)
    assert "does not answer" in text


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (("verify", "--from", "soon"), "is not a date"),
        (("verify", "--from", "2026-03-04", "--to", "2026-03-02"), "not before"),
        (("verify", "--from", "2026-03-02", "--sink", "plnt"), "plant"),
        (("init", "--token-env", "BMS_NO_SUCH"), "BMS_NO_SUCH is empty"),
    ],
)
def test_wrong_arguments(site: Path, arguments: tuple[str, ...], part: str) -> None:
    command, *rest = arguments
    assert part in bms(command, site, *rest, code=2)
