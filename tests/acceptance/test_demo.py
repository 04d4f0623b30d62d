"""`make demo`, as its user runs it: fill, live table, Ctrl-C."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

from simulators.orders import tell
from tests.acceptance.park import bms
from tests.patience import LONG_PATIENCE_S, PATIENCE_S, until


def _start(directory: Path, log: Path) -> subprocess.Popen[bytes]:
    with log.open("wb") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "bms", "demo", "--dir", str(directory)],
            stdout=output,
            stderr=subprocess.STDOUT,
            # Tests that a shell started in the background hand on that Ctrl-C is ignored.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
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


# The real park and the real controller, without the history of a year before.
UNFILLED = """
import sys
from contextlib import nullcontext
from pathlib import Path
import bms.cli.demo as demo
demo._fill = lambda *_: None
demo.run_demo(
    Path(sys.argv[1]), step=None, weather=None, live_for=None,
    progress=lambda *_: nullcontext(lambda _now: None),
)
"""


def _with_terminal() -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    # Tests that were started by nohup hand on that it is ignored.
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def _in_terminal(directory: Path) -> tuple[subprocess.Popen[bytes], int]:
    """The demo as the leader of a terminal, and the other end of that."""
    ours, theirs = pty.openpty()
    demo = subprocess.Popen(
        [sys.executable, "-c", UNFILLED, str(directory)],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=os.environ | {"COLUMNS": "200", "LINES": "200", "TERM": "xterm", "BMS_LANG": "en"},
        start_new_session=True,
        preexec_fn=_with_terminal,
    )
    os.close(theirs)
    return demo, ours


def _read_until_live(demo: subprocess.Popen[bytes], terminal: int) -> None:
    seen = b""

    def live() -> bool:
        nonlocal seen
        if select.select([terminal], [], [], 0)[0]:
            seen += os.read(terminal, 65536)
        assert demo.poll() is None, seen
        return b"overrides" in seen  # below the tables

    until(live, "the live table")


@pytest.mark.case(
    "N1",
    when="The terminal of the demo is closed, or the demo is killed",
    then="All its processes end by themselves within three seconds, and it can be started again "
    "at once",
)
@pytest.mark.parametrize("way", ["terminal closed", "killed"])
def test_the_demo_ends_with_its_terminal(tmp_path: Path, way: str) -> None:
    directory = tmp_path / "demo"
    demo, terminal = _in_terminal(directory)
    try:
        _read_until_live(demo, terminal)
        assert len(_processes_naming(directory)) >= 3
        if way == "terminal closed":
            os.close(terminal)
        else:
            demo.kill()
        demo.wait(PATIENCE_S)
        again, other = _in_terminal(directory)
        try:
            _read_until_live(again, other)
        finally:
            again.terminate()
            os.close(other)
            again.wait(PATIENCE_S)
        until(lambda: not _processes_naming(directory), "the end of all processes")
    finally:
        if way != "terminal closed":
            os.close(terminal)
        if demo.poll() is None:
            demo.kill()
            demo.wait()


def test_a_fault_that_is_ordered_in_the_demo_reaches_the_controller(tmp_path: Path) -> None:
    directory = tmp_path / "demo"
    demo, terminal = _in_terminal(directory)
    try:
        _read_until_live(demo, terminal)
        point = "binjiang.weather.outdoor_temp"
        answer = tell(directory / "park.sock", f"fault show {point} -39 for 20m")
        assert answer["faults"] == [f"show {point} -39"]

        def shown() -> bool:
            while select.select([terminal], [], [], 0)[0]:  # a full terminal would hold it up
                os.read(terminal, 65536)
            listed = bms("points", directory / "site", point).stdout
            return "-39" in listed

        until(shown, "the false temperature")
    finally:
        demo.terminate()
        os.close(terminal)
        demo.wait(PATIENCE_S)


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
        sheets = bms("report", "month", site, "--format", "html,xlsx,csv,json").stdout
        assert sheets.count("  issue 1\n") == 3
        assert sheets.count("kWh were bought") == 3
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
