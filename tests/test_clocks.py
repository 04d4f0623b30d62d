"""Only the clocks ask the machine for the time; and that who else does is found."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.clocks import LOOP_TIME, SQL_TIME, asks, faults


def test_only_the_clocks_ask_for_the_time() -> None:
    assert faults() == []


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("from datetime import UTC, datetime\ndatetime.now(UTC)", "datetime.datetime.now"),
        ("from datetime import datetime as dt\nf = dt.now", "datetime.datetime.now"),
        ("import datetime\ndatetime.datetime.utcnow()", "datetime.datetime.utcnow"),
        ("from datetime import date\ndate.today()", "datetime.date.today"),
        ("import datetime as d\nd.date.today()", "datetime.date.today"),
        ("import time\ntime.time()", "time.time"),
        ("import time as t\nt.time_ns()", "time.time_ns"),
        ("from time import localtime", "time.localtime"),
        ("def f():\n    from time import time\n    return time()", "time.time"),
        ("import time\ntime.monotonic()", "time.monotonic"),
        ("from time import perf_counter", "time.perf_counter"),
        ("import asyncio\nasyncio.get_running_loop().time()", LOOP_TIME),
        ("def f(loop): return loop.time()", LOOP_TIME),
        ("db.execute(\"INSERT INTO a VALUES (strftime('%s', 'now'))\")", SQL_TIME),
        ("'CREATE TABLE a (at TEXT DEFAULT CURRENT_TIMESTAMP)'", SQL_TIME),
        ("class T:\n    def f(self): return self._loop.time", LOOP_TIME),
    ],
)
def test_who_asks_is_found(source: str, found: str) -> None:
    assert found in {name for name, _ in asks(ast.parse(source))}


@pytest.mark.parametrize(
    "source",
    [
        "def f(clock): return clock.now()",
        "from datetime import datetime\ndef f(at: datetime): return at.time()",
        "from datetime import datetime, time\ndatetime.combine(d, time(7))",
        "from datetime import datetime\ndatetime.fromisoformat('2026-01-01')",
        "def f(sample): return sample.time",
    ],
)
def test_who_is_told_the_time_is_left_alone(source: str) -> None:
    assert list(asks(ast.parse(source))) == []


def test_who_measures_must_say_what(tmp_path: Path) -> None:
    for package in ("bms", "drivers", "schedules", "simulators"):
        (tmp_path / package).mkdir()
    (tmp_path / "drivers/ticker.py").write_text("def f(loop): return loop.time()\n", "utf-8")
    assert faults(tmp_path, {}) == ["drivers/ticker.py:1: asks loop.time"]
    assert faults(tmp_path, {"drivers/ticker.py": "ticks"}) == []
    assert faults(tmp_path, {"drivers/ticker.py": "ticks", "drivers/base.py": "nothing"}) == [
        "drivers/base.py is named here and measures nothing"
    ]


def test_nobody_but_a_clock_may_ask_what_time_it_is(tmp_path: Path) -> None:
    for package in ("bms/core", "drivers", "schedules", "simulators"):
        (tmp_path / package).mkdir(parents=True)
    source = "import time\ntime.time()\n"
    (tmp_path / "bms/core/clock.py").write_text(source, "utf-8")
    (tmp_path / "simulators/clock.py").write_text(source, "utf-8")
    (tmp_path / "drivers/ticker.py").write_text(source, "utf-8")
    assert faults(tmp_path, {"drivers/ticker.py": "measures"}) == [
        "drivers/ticker.py is named here and measures nothing",
        "drivers/ticker.py:2: asks time.time",
    ]


def test_only_who_composes_makes_the_clock_of_the_machine(tmp_path: Path) -> None:
    for package in ("bms/app", "bms/forward", "drivers", "schedules", "simulators"):
        (tmp_path / package).mkdir(parents=True)
    for place in ("bms/app/compose.py", "bms/forward/sink.py"):
        (tmp_path / place).write_text("from bms.core.clock import SystemClock\n", "utf-8")
    assert faults(tmp_path, {}) == [
        "bms/forward/sink.py:1: makes bms.core.clock.SystemClock and should be given a clock"
    ]
