"""Starts controllers and commands that are killed: `python -m tests.app.killing`.

A controller lives in a time of its own that goes faster; a command that ended well adds its mark to
a file. How they are started: `tests.forked`.
"""

from __future__ import annotations

import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import bms.app.composition  # noqa: F401
from bms.app.event_loop import run
from bms.app.process import run_site
from bms.cli import main
from bms.control import STRATEGIES
from bms.core.decisions import Steady
from bms.historian.upkeep.upkeep_task import UpkeepTask
from bms.operations.editing.loading import load_to_run
from tests.forked import Order, serve

FASTER = 30.0


class FastClock:
    """A clock that began at a moment, and goes faster."""

    def __init__(self, start: float) -> None:
        self._start = datetime.fromtimestamp(start, UTC)
        self._begun = time.monotonic()

    def now(self) -> datetime:
        return self._start + timedelta(seconds=(time.monotonic() - self._begun) * FASTER)

    def steady(self) -> Steady:
        return Steady("fast", (time.monotonic() - self._begun) * FASTER)


def _control(order: Order) -> None:
    # A round of upkeep in each life, and its process killed with it.
    defaults = UpkeepTask.__init__.__kwdefaults__
    assert defaults is not None
    defaults.update(first_s=0.05, again_s=0.5, between_s=0.2)
    site, problems = load_to_run(Path(order["site"]), STRATEGIES)
    run(run_site(site, clock=FastClock(order["start"]), schedule_problems=problems))


def _command(order: Order) -> None:
    with suppress(SystemExit):
        try:
            main(order["argv"], standalone_mode=True)
        except SystemExit as ended:
            if ended.code in (0, None):
                with Path(order["done"]).open("a") as file:
                    file.write(f"{order['mark']}\n")
            raise


def _run(order: Order) -> None:
    if "start" in order:
        _control(order)
    else:
        _command(order)


if __name__ == "__main__":
    serve(_run)
