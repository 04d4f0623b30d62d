"""`make demo`, as its user runs it: fill, live table, Ctrl-C."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.acceptance.park import bms
from tests.patience import LONG_PATIENCE_S, PATIENCE_S, until


def _start(directory: Path, log: Path) -> subprocess.Popen[bytes]:
    with log.open("wb") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "bms", "demo", "--dir", str(directory)],
            stdout=output,
            stderr=subprocess.STDOUT,
        )


def _until_live(demo: subprocess.Popen[bytes], log: Path) -> str:
    def shown() -> str:
        text = log.read_text(encoding="utf-8")
        assert demo.poll() is None, text
        return text if "points:" in text else ""

    text: str = until(shown, "the live table", LONG_PATIENCE_S)
    return text


def _stop(demo: subprocess.Popen[bytes]) -> None:
    demo.send_signal(signal.SIGINT)
    assert demo.wait(PATIENCE_S) == 0


def _processes_naming(directory: Path) -> list[str]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(directory) in words:
            found.append(words)
    return found


@pytest.mark.slow
def test_the_demo_fills_runs_and_stops(tmp_path: Path) -> None:
    directory = tmp_path / "demo"
    log = tmp_path / "demo.log"
    demo = _start(directory, log)
    try:
        text = _until_live(demo, log)
        assert "-minute steps" in text
        for group in ("chw", "warehouse", "lighting"):
            assert group in text
        site = directory / "site"
        growth = bms("report", "growth", site, "--year", time.strftime("%Y")).stdout
        assert "cannot tell" not in growth
        _stop(demo)
        assert _processes_naming(directory) == []

        # Started again, it carries on: registers never step back, and little is filled.
        demo = _start(directory, log)
        _until_live(demo, log)
        _stop(demo)
        assert (
            "cannot tell" not in bms("report", "growth", site, "--year", time.strftime("%Y")).stdout
        )
    finally:
        if demo.poll() is None:
            demo.kill()
            demo.wait()
