"""`bms upload`: what a person types and sees, against a platform on a socket."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from bms.cli import main
from bms.config.load import load
from bms.config.writing.scaffold import init
from bms.control import STRATEGIES
from bms.core.clock import SystemClock
from bms.core.instants import from_ms, to_ms
from bms.core.readings import Reading
from bms.energy.quarters import floor_quarter
from bms.historian.log.embedded import History
from bms.historian.recording.recorder import meters_of
from bms.historian.records import Batch
from bms.storage.lock import SiteLock

MAIN = "plant.meter-main"
UPLOADS = """\
platforms:
  province:
    url: %(url)s
    insecure: true
    enterprise: "91330100"
    format: plain
    since: %(since)s
    paths: {quarter: /q}
    meters: {plant.meter-main: {code: "0101"}}
formats:
  plain:
    body: {id: "{message_id}", rev: "{revision}", data: "{readings}"}
    reading: {code: "{code}", value: "{value}"}
"""


@contextmanager
def platform(status: int) -> Iterator[tuple[str, list[Any]]]:
    """Its address, and the messages that came."""
    found: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            found.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", found
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """The template site with the readings of two hours."""
    directory = tmp_path / "site"
    init(directory)
    loaded = load(directory, STRATEGIES)
    begin = from_ms(floor_quarter(to_ms(SystemClock().now()))) - timedelta(hours=2)
    readings = [
        Reading(f"{MAIN}.energy", begin + timedelta(minutes=15 * i), 100 * i) for i in range(8)
    ]
    with History(loaded.state_dir) as history:
        history.append(Batch(readings=readings, meters=meters_of(loaded)))
    return directory


def describe(site: Path, url: str) -> None:
    since = (SystemClock().now() - timedelta(days=1)).date()
    text = UPLOADS % {"url": url, "since": since}
    (site / "uploads.yaml").write_text(text, encoding="utf-8")


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["upload", *map(str, arguments)])


def test_send_once_look_and_export(site: Path, tmp_path: Path) -> None:
    with platform(204) as (url, came):
        describe(site, url)
        result = run("send", site)
        assert result.exit_code == 0, result.output
        assert "province: all that is due is acknowledged" in result.output
    values = [message["data"][0]["value"] for message in came]
    assert values.count(1.0) == 7
    assert set(values) == {1.0, None}
    shown = run("status", site)
    assert shown.exit_code == 0, shown.output
    assert "not yet proven against a platform" in shown.output
    (row,) = json.loads(run("status", site, "--json").output)
    assert row["waiting"] == 0
    assert row["proven"] is False
    assert row["last_acknowledged"] is not None
    listed = json.loads(run("list", site, "--json").output)
    # What fell due lately did not wait for the backlog.
    assert sorted(row["message_id"] for row in listed) == sorted(m["id"] for m in came)
    file = tmp_path / "sent.jsonl"
    result = run("export", site, "--out", file)
    assert result.exit_code == 0, result.output
    bodies = [json.loads(line)["body"] for line in file.read_text().splitlines()]
    assert bodies == sorted(came, key=lambda message: str(message["id"]))
    assert run("export", site, "--out", file).exit_code == 1  # nothing is written over


def test_what_is_not_taken_is_said_and_waits(site: Path) -> None:
    with platform(503) as (url, came):
        describe(site, url)
        result = run("send", site)
        assert result.exit_code == 1
        assert "503" in result.output
    assert len(came) == 1
    assert "province" in run("list", site, "--waiting").output


def test_a_running_controller_sends_by_itself(site: Path) -> None:
    describe(site, "http://127.0.0.1:1")
    lock = SiteLock(site / "state")
    lock.take()
    try:
        assert run("send", site).exit_code == 4
    finally:
        lock.release()


def test_a_site_without_platforms_says_so(site: Path) -> None:
    result = run("status", site)
    assert result.exit_code == 2
    assert "uploads.yaml" in result.output
    describe(site, "http://127.0.0.1:1")
    result = run("status", site, "--platform", "town")
    assert result.exit_code == 2
    assert "no platform 'town'" in result.output
    assert run("status", site).exit_code == 0
