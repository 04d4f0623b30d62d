"""What is sent to databases once more: asked of the running controller, entered as who asked."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from bms.cli import main
from bms.config.load import load
from bms.control import STRATEGIES
from bms.core.errors import InvalidInput, Refused
from bms.forward.cursors import DeadLetter, SinkCursor
from bms.historian.log.embedded import History
from bms.operations.copies import sending_again
from bms.operations.requests.copy_requests import Backfill, ResendRefused
from bms.storage import audit
from tests.app.test_app import FILES, controlled
from tests.asking import ask
from tests.config.sites import write
from tests.historian.influx_server import InfluxServer

NOW = datetime(2026, 7, 1, 8, tzinfo=UTC)
NOWHERE = "http://127.0.0.1:1"
START = NOW - timedelta(days=1)


def files(url: str = NOWHERE) -> dict[str, str]:
    copies = f"influx: {{name: plant, dialect: v1, url: '{url}', db: raw, send: [raw]}}\n"
    return {**FILES, "site.yaml": FILES["site.yaml"] + copies}


def entries(directory: Path) -> list[tuple[str, str]]:
    return [
        (entry["what"], entry["via"])
        for entry in audit.entries(directory / "state")
        if entry["what"].startswith("influx")
    ]


async def test_a_running_controller_is_asked(tmp_path: Path) -> None:
    async with InfluxServer() as server, controlled(tmp_path, **files(server.url)):
        state = tmp_path / "state"
        period = {"from": START.isoformat(), "to": NOW.isoformat()}
        asked = {"reason": "the server was restored", **period}
        found = await asyncio.to_thread(ask, state, "influx.backfill", **asked)
        assert all(row["sink"] == "plant" for row in found)
        sent = await asyncio.to_thread(ask, state, "influx.dead.resend", reason="mended")
        assert sent == [{"sink": "plant", "taken": 0, "refused": 0, "error": ""}]
        words = ["influx", "backfill", str(tmp_path), "--from", "2026-06-30", "--reason", "again"]
        done = await asyncio.to_thread(CliRunner().invoke, main, words)
        assert done.exit_code == 0, done.output
        assert entries(tmp_path) == [
            ("influx.backfill", "api"),
            ("influx.dead.resend", "api"),
            ("influx.dead.resend", "api"),
            ("influx.backfill", "api"),
        ]


def test_without_a_controller_whoever_owns_the_state_does_it(tmp_path: Path) -> None:
    write(tmp_path, files())
    History(tmp_path / "state").close()
    words = ["influx", "backfill", str(tmp_path), "--from", "2026-06-30", "--reason", "again"]
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 0, done.output
    assert entries(tmp_path) == [("influx.backfill", "cli")]


def test_a_server_that_is_not_there_leaves_the_lines_and_says_so(tmp_path: Path) -> None:
    site = load(write(tmp_path, files()), STRATEGIES)
    with SinkCursor(site.state_dir, "plant", "uid", 0, stream="log") as cursor:
        cursor.advance(0, [DeadLetter(START, "400: no field", [b"x value=1 1"])])
    (row,) = sending_again.resend(site, ResendRefused(reason="mended"), site.owner, NOW).root
    assert (row.taken, row.refused) == (0, 1)
    assert row.error


def test_who_may_not_and_what_is_not_there_is_refused(tmp_path: Path) -> None:
    people = "default_role: viewer\n"
    both = {**files(), "site.yaml": files()["site.yaml"] + people}
    site = load(write(tmp_path, both), STRATEGIES)
    asked = Backfill(**{"from": START, "to": NOW, "reason": "again"})
    with pytest.raises(Refused, match="may not send copies of the whole site"):
        sending_again.backfill(site, asked, "somebody", NOW)
    with pytest.raises(InvalidInput, match="no database 'plnt'"):
        sending_again.resend(site, ResendRefused(sink="plnt", reason="x"), site.owner, NOW)
    with pytest.raises(InvalidInput, match="say why"):
        sending_again.resend(site, ResendRefused(reason=" "), site.owner, NOW)
    assert entries(tmp_path) == []
