"""Starts controllers and commands that are killed: `python -m tests.app.killing`.

One order as JSON a line, one pid a line back. Each is forked from this process, which has imported
everything and started nothing. A controller lives in a time of its own that goes faster; a command
that ended well adds its mark to a file.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import sys
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import bms.app.composition  # noqa: F401
from bms.app.event_loop import run
from bms.app.process import run_site
from bms.cli import main
from bms.control import STRATEGIES
from bms.historian.upkeep.upkeep_task import UpkeepTask
from bms.operations.editing.loading import load_to_run

FASTER = 30.0


class FastClock:
    """A clock that began at a moment, and goes faster."""

    def __init__(self, start: float) -> None:
        self._start = datetime.fromtimestamp(start, UTC)
        self._begun = time.monotonic()

    def now(self) -> datetime:
        return self._start + timedelta(seconds=(time.monotonic() - self._begun) * FASTER)


def _control(order: dict[str, Any]) -> None:
    # A round of upkeep in each life, and its process killed with it.
    defaults = UpkeepTask.__init__.__kwdefaults__
    assert defaults is not None
    defaults.update(first_s=0.05, again_s=0.5, between_s=0.2)
    site, problems = load_to_run(Path(order["site"]), STRATEGIES)
    run(run_site(site, clock=FastClock(order["start"]), schedule_problems=problems))


def _command(order: dict[str, Any]) -> None:
    with suppress(SystemExit):
        try:
            main(order["argv"], standalone_mode=True)
        except SystemExit as ended:
            if ended.code in (0, None):
                with Path(order["done"]).open("a") as file:
                    file.write(f"{order['mark']}\n")
            raise


def _child(order: dict[str, Any]) -> None:
    os.setsid()
    out = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(out, 1)
    os.dup2(out, 2)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    try:
        if "start" in order:
            _control(order)
        else:
            _command(order)
    finally:
        os._exit(1)


def serve() -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the killed
    gc.collect()
    gc.freeze()
    for line in sys.stdin:
        order = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _child(order)
        print(pid, flush=True)


if __name__ == "__main__":
    serve()
