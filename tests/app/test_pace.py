"""The pace of the control, whatever the timers of the machine do."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.app.running import run_app
from tests.app.test_damaged_files import SITE
from tests.patience import patience


class EarlyLoop(asyncio.SelectorEventLoop):
    """A loop of a coarse clock: its timers are due up to 30 ms before their time."""

    def __init__(self) -> None:
        super().__init__()
        self._clock_resolution = 0.03


@pytest.fixture
def site(tmp_path: Path) -> Path:
    for name, text in SITE.items():
        path = tmp_path / "site" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path / "site"


@pytest.mark.case(
    "N15",
    when="Timers of a busy machine are due a little before their time",
    then="Skipped cycles are never negative, and no cycle runs twice",
)
def test_skipped_cycles_are_never_negative(site: Path) -> None:
    async def count() -> tuple[int, float]:
        loop = asyncio.get_running_loop()
        async with run_app(site) as app, patience():
            while app.control.cycles < 2:
                await asyncio.sleep(0.01)
            cycles, begun = app.control.cycles, loop.time()
            while app.control.cycles < cycles + 30:
                await asyncio.sleep(0.01)
            return app.control.view()["overruns"], loop.time() - begun

    with asyncio.Runner(loop_factory=EarlyLoop) as runner:
        overruns, took_s = runner.run(count())
    assert overruns >= 0
    assert took_s >= 29 * 0.05 - 0.06
