"""A composed controller of a site directory, running in the loop of the test."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from bms.app.composition import composed
from bms.app.controller import App
from bms.control import STRATEGIES
from bms.core.clock import Clock, SystemClock
from bms.operations.editing.loading import load_to_run
from tests.patience import PATIENCE_S


@asynccontextmanager
async def run_app(directory: Path, clock: Clock | None = None) -> AsyncIterator[App]:
    """Started as `bms run` does it, and stopped at the end; it must not have ended before."""
    stop, ready = asyncio.Event(), asyncio.Event()
    site, problems = load_to_run(directory, STRATEGIES)
    async with composed(site, clock or SystemClock(), problems) as app:
        task = asyncio.ensure_future(app.run(stop, ready.set))
        waiting = asyncio.ensure_future(ready.wait())
        await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED, timeout=PATIENCE_S)
        assert waiting.done(), task
        try:
            yield app
            assert not task.done(), task
        finally:
            stop.set()
            await task
