"""Every file of the state directory damaged in seven ways: the controller starts and controls."""

from __future__ import annotations

import asyncio
import random
import shutil
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from bms.app import state_task
from bms.app.composition import composed
from bms.app.upkeep_round import COMMAND
from bms.config.load import load
from bms.control import STRATEGIES
from bms.core.clock import SystemClock
from bms.core.errors import BmsError
from bms.core.threads import in_thread
from bms.forward.cursors import remember_tags
from bms.historian.log.embedded import History
from bms.historian.records import to_ms
from bms.historian.upkeep.rounds import Request, outcome_of, start
from bms.ledger.database.store import Ledger
from bms.operations.editing.loading import load_to_run
from bms.storage import audit
from bms.storage.aside import lying_aside
from bms.storage.state import Store
from tests.app.running import run_app
from tests.asking import ask
from tests.historian.influx_server import InfluxServer
from tests.operations.seasons.test_crash import PLANT_SITE
from tests.patience import patience

LARGE = 8192
POINTS = {"b.holds.enable", "b.holds.speed"}
SITE = {
    **PLANT_SITE,
    "site.yaml": PLANT_SITE["site.yaml"].replace("trend_s: 0.2", "trend_s: 0.2, clock_wait_s: 0"),
}
DATABASES = ("state.db", "history.db", "ledger.db", "roll.db", "sinks.db")
OTHERS = (
    "audit.jsonl", "audit.head", "revisions", "controller.lock", "compaction.lock", "bms.sock",
)  # fmt: skip


def _scribbled(path: Path) -> None:
    data = bytearray(path.read_bytes() or b"?")
    rng = random.Random(path.name)
    for _ in range(max(8, len(data) // 64)):
        data[rng.randrange(len(data))] = rng.randrange(256)
    path.write_bytes(data)


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 3])


def _emptied(path: Path) -> None:
    path.write_bytes(b"")


def _zeroed(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


def _directory(path: Path) -> None:
    path.unlink()
    path.mkdir()
    (path / "something").write_text("in it", encoding="utf-8")


def _newer(path: Path) -> None:
    if path.suffix != ".db":
        path.write_text('{"layout": 99}\n', encoding="utf-8")
        return
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version=99")


def _unreadable(path: Path) -> None:
    path.chmod(0)


WAYS: Mapping[str, Callable[[Path], None]] = {
    "damaged": _scribbled,
    "cut": _cut,
    "empty": _emptied,
    "zeros": _zeroed,
    "directory": _directory,
    "newer": _newer,
    "unreadable": _unreadable,
}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site that has run for a while, with every file that there can be."""
    directory = tmp_path_factory.mktemp("before") / "site"
    for name, text in SITE.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    async def live() -> None:
        async with run_app(directory) as app, patience():
            while not app.recording.writer.stored or app.control.cycles < 10:
                await asyncio.sleep(0.02)

    asyncio.run(live())
    state = directory / "state"
    now = SystemClock().now()
    remember_tags(state, {"b.holds.enable": "base=b"}, to_ms(now))
    request = Request(str(state), to_ms(now), "Asia/Shanghai", sinks=())
    assert not outcome_of(start(request, COMMAND)).error
    for database in (Store(state), History(state), Ledger(state)):
        database.close()  # what was in their logs is in the files
    for name in (*DATABASES, *OTHERS):
        path = state / name
        if not path.exists():
            path.write_text("{}\n", encoding="utf-8")
    return directory


def damaged(site: Path, directory: Path, name: str, way: str) -> Path:
    """A copy of the site with one file damaged; the state directory."""
    shutil.copytree(site, directory)
    path = directory / "state" / name
    if path.is_dir():
        for part in sorted(path.rglob("*")):
            if part.is_file():
                WAYS[way](part)
    else:
        WAYS[way](path)
    return directory / "state"


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", [*DATABASES, *OTHERS])
@pytest.mark.case(
    "R2",
    when="A file of the state directory is damaged, cut, empty, zeroed, a directory, of a later "
    "version, or cannot be read",
    then="The controller starts and controls. The file is put aside, never destroyed, and an alarm "
    "names it and what was lost",
)
async def test_a_damaged_file_never_keeps_a_park_from_its_control(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, way: str
) -> None:
    monkeypatch.setattr(state_task, "SAVE_STATES_S", 0.1)
    state = damaged(site, tmp_path / "site", name, way)
    was = (state / name).read_bytes() if (state / name).is_file() else None
    load_to_run(tmp_path / "site", STRATEGIES)
    async with run_app(tmp_path / "site") as app, patience():
        while app.control.cycles < 5 or not app.recording.writer.stored:
            await asyncio.sleep(0.02)
        status = await asyncio.to_thread(ask, state, "status")
        keys = {alarm["key"] for alarm in status["alarms"]}
        if name in DATABASES and name != "roll.db" and lying_aside(state):
            while f"{name}:aside" not in keys:
                status = await asyncio.to_thread(ask, state, "status")
                keys = {alarm["key"] for alarm in status["alarms"]}
                await asyncio.sleep(0.02)
            (text,) = [a["text"] for a in status["alarms"] if a["key"] == f"{name}:aside"]
            assert name in text
        assert not {key for key in keys if key.startswith(("task:", "control:"))}, status["alarms"]
    found = lying_aside(state)
    for aside in found:
        assert was is None or (aside.folder / name).read_bytes() == was
    if name in DATABASES and name != "roll.db" and way in ("cut", "empty", "zeros", "newer"):
        assert [aside.name for aside in found] == [name]
        assert found[0].why == ("newer" if way == "newer" else "damaged")


async def test_what_turns_out_damaged_while_running_is_put_aside_too(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state_task, "SAVE_STATES_S", 0.05)
    directory = tmp_path / "site"
    shutil.copytree(site, directory)
    state = directory / "state"
    async with run_app(directory) as app, patience():
        await asyncio.to_thread(
            ask,
            state,
            "override.set",
            point="b.holds.enable",
            value="on",
            duration="9h",
            reason="a",
        )
        await asyncio.to_thread(
            ask, state, "overlay.set", overlay="epidemic", level="full", reason="a case"
        )
        for name in ("history.db", "state.db"):
            for part in (name, f"{name}-wal"):
                with (state / part).open("r+b") as file:  # beneath the open connections
                    file.write(b"\xa5" * max(LARGE, (state / part).stat().st_size))
        kept: Any = app.states._file.store
        forget = kept._connection.execute  # or it goes on with what it has in memory
        await in_thread(app.states._thread, forget, "PRAGMA shrink_memory")
        made = await asyncio.to_thread(
            ask, state, "override.set", point="b.holds.speed", value="40", duration="1h", reason="r"
        )
        assert made["stored"]
        assert {o.point for o in app.runtime.overrides.values()} == POINTS
        while {"history.db", "state.db"} != {aside.name for aside in lying_aside(state)}:
            await asyncio.sleep(0.05)
        before = app.control.cycles
        app.recording.writer.stored = 0
        while app.control.cycles < before + 5 or not app.recording.writer.stored:
            await asyncio.sleep(0.02)
        status = await asyncio.to_thread(ask, state, "status")
        assert not {a["key"] for a in status["alarms"]} & {"store:history", "store:states"}
    # What was in force in memory is in the new file, and in the audit only once.
    with Store(state) as store:
        now = SystemClock().now()
        assert {o.point for o in store.active(now)} == POINTS
        assert [level.level for level in store.switched.read(now).levels] == ["full"]
    told = [entry["what"] for entry in audit.entries(state)]
    assert (told.count("override.set"), told.count("overlay.set")) == (2, 1)


async def test_what_a_later_version_kept_in_force_goes_on(site: Path, tmp_path: Path) -> None:
    directory = tmp_path / "site"
    shutil.copytree(site, directory)
    state = directory / "state"
    async with run_app(directory):
        made = await asyncio.to_thread(
            ask, state, "override.set", point="b.holds.speed", value="40", duration="9h", reason="a"
        )
    WAYS["newer"](state / "state.db")
    async with run_app(directory) as app, patience():
        (override,) = app.runtime.overrides.values()
        assert (override.id, override.value) == (made["id"], 40.0)
        while not lying_aside(state):
            await asyncio.sleep(0.02)
    async with run_app(directory) as app:
        assert [one.value for one in app.runtime.overrides.values()] == [40.0]


async def test_a_copy_goes_on_with_the_new_history(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BMS_INFLUX_TOKEN", "secret")
    directory = tmp_path / "site"
    shutil.copytree(site, directory)
    state = directory / "state"
    async with InfluxServer() as server:
        text = SITE["site.yaml"] + f"influx: {{url: '{server.url}', org: o, bucket: raw}}\n"
        (directory / "site.yaml").write_text(text, encoding="utf-8")
        async with run_app(directory) as app, patience():
            while not server.stored:
                await asyncio.sleep(0.02)
            for part in ("history.db", "history.db-wal", "sinks.db", "sinks.db-wal"):
                with (state / part).open("r+b") as file:
                    file.write(b"\xa5" * max(LARGE, (state / part).stat().st_size))
            while {"history.db", "sinks.db"} != {aside.name for aside in lying_aside(state)}:
                await asyncio.sleep(0.05)
            app.recording.writer.stored = 0
            while not app.recording.writer.stored:
                await asyncio.sleep(0.02)
            before = len(server.stored)
            while len(server.stored) < before + 20:
                await asyncio.sleep(0.02)


@pytest.mark.case(
    "R5",
    when="The state directory of a new site cannot be made",
    then="The controller controls from memory and says so until it can be made",
)
async def test_a_state_directory_that_cannot_be_made(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state_task, "SAVE_STATES_S", 0.05)
    monkeypatch.setattr("bms.historian.recording.writer.RETRY_S", 0.05)
    monkeypatch.setattr("bms.app.watching.state_watch.LOOK_S", 0.05)
    directory = tmp_path / "site"
    shutil.copytree(site, directory, ignore=shutil.ignore_patterns("state"))
    (directory / "state").write_text("no directory", encoding="utf-8")
    async with run_app(directory) as app, patience():
        while app.control.cycles < 5:
            await asyncio.sleep(0.02)
        keys = {condition.key for condition in app.runtime.engine.conditions}
        while not {"store:states", "store:history", "store:lock"} <= keys:
            await asyncio.sleep(0.02)
            keys = {condition.key for condition in app.runtime.engine.conditions}
        (directory / "state").unlink()
        while not app.recording.writer.stored:
            await asyncio.sleep(0.02)
        while {"store:states", "store:history", "store:lock"} & keys:
            await asyncio.sleep(0.02)
            keys = {condition.key for condition in app.runtime.engine.conditions}


async def test_who_may_not_have_the_site_puts_nothing_aside(site: Path, tmp_path: Path) -> None:
    directory = tmp_path / "site"
    shutil.copytree(site, directory)
    async with run_app(directory):
        WAYS["zeros"](directory / "state" / "sinks.db")
        with pytest.raises(BmsError, match="already running"):
            async with composed(load(directory, STRATEGIES), SystemClock()):
                pass
    assert not lying_aside(directory / "state")
