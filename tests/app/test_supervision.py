"""Tasks beside the cycle: what fails is an alarm and is tried again; the control goes on."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from bms.app.composition import composed
from bms.app.control_task import MOST_FAILURES
from bms.app.controller import App
from bms.app.watching import supervision
from bms.app.watching.supervision import Supervisor, pause_s
from bms.config.load import load
from bms.control import STRATEGIES
from bms.core.clock import SystemClock
from bms.core.decisions import Condition
from bms.core.errors import StoreError
from bms.texts.messages import msg
from tests.app.running import run_app
from tests.app.test_damaged_files import SITE
from tests.patience import async_until, patience


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    for name, text in SITE.items():
        path = tmp_path / "site" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path / "site"


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervision, "FIRST_PAUSE_S", 0.01)


def test_pauses_grow_to_a_minute_and_differ_by_chance(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    assert [pause_s(n, 0.0) for n in (1, 2, 3, 6, 7, 1000)] == [1, 2, 4, 32, 60, 60]
    assert pause_s(2, 1.0) == 1.5


class Told:
    """What a supervisor says."""

    def __init__(self) -> None:
        self.raised: dict[str, Condition] = {}
        self.supervisor = Supervisor(self.take, self.clear, lambda: 0.0)

    def take(self, condition: Condition) -> None:
        self.raised[condition.key] = condition

    def clear(self, key: str) -> None:
        self.raised.pop(key, None)


async def test_a_task_is_tried_again_until_it_runs(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(supervision, "WELL_AFTER_S", 0.05)
    told, tries = Told(), 0

    async def task() -> None:
        nonlocal tries
        tries += 1
        if tries < 4:
            raise StoreError(msg("no room"))
        if tries == 4:
            return
        await asyncio.Event().wait()

    running = asyncio.create_task(told.supervisor.keep("history", task))
    await async_until(lambda: told.raised)
    assert "history" in told.raised["task:history"].text
    assert "no room" in told.raised["task:history"].text
    await async_until(lambda: tries == 5 and not told.raised)
    assert caplog.text.count("history failed") == 1  # the same again is not said again
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


BESIDE: dict[str, Callable[[App], Any]] = {
    "schedules": lambda app: app.schedules,
    "states": lambda app: app.states,
    "overrides": lambda app: app.overrides,
    "writer": lambda app: app.recording.writer,
    "upkeep": lambda app: app.recording.upkeep,
    "ledger": lambda app: app.ledger,
    "api": lambda app: app.api,
    "field": lambda app: app.field,
}


@pytest.mark.parametrize("part", BESIDE)
@pytest.mark.case(
    "R1",
    when="A task beside the control fails: no file can be opened, a directory vanishes as it is "
    "read, whatever it may be",
    then="The outputs stay controlled. The task is an alarm and is tried again by itself",
)
async def test_no_task_but_the_cycle_ends_the_control(
    directory: Path, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    failing = True

    def broken(run: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
        async def instead(self: Any, *arguments: Any) -> None:
            if failing:
                raise OSError(24, "Too many open files")
            await run(self, *arguments)

        return instead

    async with composed(load(directory, STRATEGIES), SystemClock()) as app:
        kind = type(BESIDE[part](app))
    monkeypatch.setattr(kind, "run", broken(kind.run))
    async with run_app(directory) as app:
        await async_until(lambda: app.control.cycles >= 5)

        def tasks() -> set[str]:
            return {c.key for c in app.runtime.engine.conditions if c.key.startswith("task:")}

        await async_until(lambda: len(tasks()) == 1)
        monkeypatch.setattr(supervision, "WELL_AFTER_S", 0.05)
        failing = False
        await async_until(lambda: not tasks())


async def test_a_cycle_that_fails_once_ends_nothing(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with run_app(directory) as app:
        cycle, failures = app.runtime.cycle, 0

        def sometimes(now: Any, steady: Any) -> Any:
            nonlocal failures
            if failures < MOST_FAILURES - 1:
                failures += 1
                raise ZeroDivisionError
            return cycle(now, steady)

        monkeypatch.setattr(app.runtime, "cycle", sometimes)
        before = app.control.cycles
        await async_until(lambda: app.control.cycles > before + MOST_FAILURES)
        assert failures == MOST_FAILURES - 1


PARTS: dict[str, tuple[str, str]] = {
    "seasons": ("live_switched", "advance"),
    "switched": ("live_switched", "conditions"),
    "links": ("field", "conditions"),
    "watch": ("watch", "look"),
    "weather": ("_weather", "believed"),
}


@pytest.mark.parametrize("part", PARTS)
async def test_a_defect_beside_the_engine_ends_no_cycle(
    directory: Path, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    def defect(*_: object) -> None:
        raise ZeroDivisionError

    async with run_app(directory) as app:
        name, method = PARTS[part]
        key = f"{part}:defect"
        with monkeypatch.context() as patched:
            patched.setattr(type(getattr(app.runtime, name)), method, defect)
            await async_until(lambda: key in {c.key for c in app.runtime.engine.conditions})
            before = app.control.cycles
            await async_until(lambda: app.control.cycles > before + 2 * MOST_FAILURES)
        await async_until(lambda: key not in {c.key for c in app.runtime.engine.conditions})


async def test_what_cannot_be_recorded_is_an_alarm(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with run_app(directory) as app:
        with monkeypatch.context() as patched:
            patched.setattr(type(app.recording), "offer", lambda *_: 1 / 0)
            keys = "control:unrecorded"
            await async_until(lambda: keys in {c.key for c in app.runtime.engine.conditions})
        await async_until(lambda: keys not in {c.key for c in app.runtime.engine.conditions})


async def test_a_cycle_that_always_fails_ends_the_process(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with composed(load(directory, STRATEGIES), SystemClock()) as app:
        monkeypatch.setattr(app.runtime, "cycle", lambda *_: 1 / 0)
        async with patience():
            with pytest.raises(ExceptionGroup) as ended:
                await app.run(asyncio.Event())
        assert ended.group_contains(ZeroDivisionError)


@pytest.mark.case(
    "R1",
    when="Directories appear and vanish under schedules/ all the time, as in a checkout",
    then="The control goes on, and the schedules in force stay in force",
)
async def test_directories_that_come_and_go(directory: Path) -> None:
    async with run_app(directory) as app:
        going = True

        def churn() -> int:
            turns = 0
            while going:
                new = directory / "schedules" / "new" / "deep"
                new.mkdir(parents=True, exist_ok=True)
                (new / "a.yaml").touch()
                shutil.rmtree(new.parent, ignore_errors=True)
                turns += 1
            return turns

        churning = asyncio.create_task(asyncio.to_thread(churn))
        before = app.control.cycles
        failed: set[str] = set()

        def enough() -> bool:
            failed.update(c.key for c in app.runtime.engine.conditions if "task:" in c.key)
            return app.control.cycles > before + 40

        await async_until(enough)
        assert not failed
        going = False
        assert await churning > 40
        assert app.runtime.site.library is not None
