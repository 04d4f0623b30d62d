"""The composition root while the disk, or somebody's editor, does not play along."""

from __future__ import annotations

import asyncio
import shutil
import threading
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from bms.app import controller, state_task
from bms.app.composition import composed
from bms.app.controller import App
from bms.app.watching import beginning
from bms.config.load import load
from bms.config.site import Link
from bms.control import STRATEGIES
from bms.core.clock import SystemClock
from bms.core.errors import StoreError
from bms.field.plants import EchoPlant
from bms.historian.records import Batch
from bms.texts.messages import msg
from drivers.base import Driver, Write, WriteResult
from drivers.plant import PlantDriver
from tests.acceptance.park import SITE
from tests.asking import ask
from tests.patience import PATIENCE_S, patience


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    site = tmp_path / "site"
    shutil.copytree(SITE, site, ignore=shutil.ignore_patterns("state"))
    return site


@pytest.fixture(autouse=True)
def field_that_echoes(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test here goes to the network: every link holds what it is told."""

    def echo(
        _site: object, link: Link, _ticker: object, now: Callable[[], datetime], _stack: object
    ) -> tuple[Driver, str]:
        return PlantDriver(EchoPlant(link.points), link.points, now=now), "here"

    monkeypatch.setattr(beginning, "driver_for", echo)


@asynccontextmanager
async def running(directory: Path) -> AsyncIterator[App]:
    stop, ready = asyncio.Event(), asyncio.Event()
    async with composed(load(directory, STRATEGIES), SystemClock()) as app:
        task = asyncio.ensure_future(app.run(stop, ready.set))
        waiting = asyncio.ensure_future(ready.wait())
        await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED, timeout=PATIENCE_S)
        assert waiting.done()
        try:
            yield app
            assert not task.done(), task
        finally:
            stop.set()
            await task


async def alarm(app: App, directory: Path, key: str) -> dict[str, Any]:
    """The alarm, once it is active."""
    state = directory / "state"
    async with patience():
        while True:
            status = await asyncio.to_thread(ask, state, "status")
            for found in status["alarms"]:
                if found["key"] == key:
                    return dict(found)
            await asyncio.sleep(0.05)


async def test_nothing_is_decided_before_the_links_were_read(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    units = ("ac-1", "ac-2", "ac-3")
    running_ones = {f"tonglu.{unit}.{role}" for unit in units for role in ("enable", "status")}
    written: list[Write] = []

    def echo(
        _site: object, link: Link, _ticker: object, now: Callable[[], datetime], _stack: object
    ) -> tuple[Driver, str]:
        plant = EchoPlant(link.points)
        here = {point.id for point in link.points}
        plant.write(dict.fromkeys(running_ones & here, 1.0))
        driver = PlantDriver(plant, link.points, now=now)
        write = driver.write

        async def noted(writes: Sequence[Write]) -> list[WriteResult]:
            written.extend(writes)
            return await write(writes)

        monkeypatch.setattr(driver, "write", noted)
        return driver, "here"

    monkeypatch.setattr(beginning, "driver_for", echo)
    async with running(directory) as app, patience():
        while app.control.cycles < 3:
            await asyncio.sleep(0.05)
    assert [w for w in written if w.point in running_ones] == []


async def test_an_edit_in_another_encoding_does_not_end_the_control(directory: Path) -> None:
    async with running(directory) as app:
        broken = min((directory / "schedules").glob("*.yaml"))
        broken.write_bytes(broken.read_bytes() + "# 滨江\n".encode("gb18030"))
        found = await alarm(app, directory, "schedules:rejected")
        assert "UTF-8" in found["text"]


async def test_what_can_never_be_stored_holds_up_nothing(directory: Path) -> None:
    async with running(directory) as app:
        history: Any = app.recording.history
        append: Callable[[Batch], int] = history.append
        stored: list[Batch] = []

        def first_fails(batch: Batch) -> int:
            stored.append(batch)
            if batch is stored[0]:
                raise OverflowError("Python int too large to convert to SQLite INTEGER")
            return append(batch)

        history.append = first_fails
        async with patience():
            while len(stored) < 2 or app.recording.writer.waiting:
                await asyncio.sleep(0.05)
        assert stored[1] is not stored[0]
        assert stored[1].series == stored[0].series


async def test_a_full_disk_does_not_end_the_control(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state_task, "SAVE_STATES_S", 0.05)
    async with running(directory) as app:
        store: Any = app.states._file.store
        save: Callable[..., None] = store.save_states

        def full(*_args: object) -> None:
            raise StoreError(msg("state.db: database or disk is full"))

        store.save_states = full
        found = await alarm(app, directory, "store:states")
        assert "disk is full" in found["text"]
        store.save_states = save


async def test_the_databases_close_after_the_last_statement(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(controller, "STOP_WITHIN_S", 0.05)
    order: list[str] = []
    writing = threading.Event()
    async with running(directory) as app:
        history: Any = app.recording.history
        close: Callable[[], None] = history.close

        def slow(_batch: Batch) -> int:
            writing.set()
            time.sleep(0.5)  # a slow disk
            order.append("stored")
            return 0

        def closed() -> None:
            order.append("closed")
            close()

        history.append, history.close = slow, closed
        async with patience():
            await asyncio.to_thread(writing.wait)
    assert order == ["stored", "closed"]
