"""What the screen, the memory and the disk say of a change while the disk is slow or refuses it."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest

from bms.config.load import load
from bms.control import STRATEGIES
from bms.core.decisions import Override
from bms.core.errors import DiskError, StoreError, Unfinished
from bms.field.image import Field
from bms.operations import changes
from bms.operations.editing.watcher import ScheduleFiles
from bms.operations.overrides import override_record
from bms.operations.overrides.override_record import OverrideChange, OverrideRecord
from bms.operations.runtime import Runtime
from bms.storage import audit, sqlite
from bms.storage.state import FILE_NAME, Store
from bms.texts.messages import msg
from tests.app.running import run_app
from tests.app.test_app import FILES, controlled
from tests.asking import ask
from tests.config.sites import write
from tests.operations.seasons.site import SITE, USER, time_units
from tests.operations.seasons.test_app import ALWAYS_OFF, BY_SEASON, ENABLE, SPEED, run
from tests.operations.seasons.test_crash import PLANT_SITE
from tests.patience import PATIENCE_S, async_until, patience

T = TypeVar("T")

LATE = {"schedules/time-units.yaml": time_units().replace('"23:30"', '"+04:00"')}


async def asked(site: Path, op: str, **args: Any) -> Any:
    return await asyncio.to_thread(lambda: ask(site / "state", op, **args))


@contextmanager
def held(site: Path) -> Iterator[None]:
    """Another program holds the lock of the database: whoever writes to it waits."""
    with closing(sqlite3.connect(site / "state" / FILE_NAME, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits long for a store that would take it in the end."""
    monkeypatch.setattr(changes, "WITHIN_S", 0.2)


@pytest.fixture
def refusing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a locked store fail soon, and be tried again soon."""
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT_S", 0.05)
    monkeypatch.setattr(override_record, "RETRY_S", 0.05)


@asynccontextmanager
async def running(site: Path, **files: str) -> AsyncIterator[dict[str, float]]:
    async with controlled(site, **files) as (_, _, told):
        yield told


async def alarms(site: Path) -> dict[str, str]:
    return {alarm["key"]: alarm["text"] for alarm in (await asked(site, "status"))["alarms"]}


async def _until_stored(site: Path) -> None:
    async with patience():
        while override_record.WAITING in await alarms(site):
            await asyncio.sleep(0.02)


async def _until_raised(site: Path) -> str:
    async with patience():
        while override_record.WAITING not in (found := await alarms(site)):
            await asyncio.sleep(0.02)
    return found[override_record.WAITING]


def on_disk(site: Path) -> list[tuple[str, object, str | None]]:
    """Every override that the disk knows: point, value, how it ended."""
    with Store(site / "state") as store:
        record = store.overrides_since(datetime(2020, 1, 1, tzinfo=UTC))
    return [(one.override.point, one.override.value, one.ended) for one in record]


def audited(site: Path, room: str) -> list[str]:
    kept = [entry["what"] for entry in audit.entries(site / "state")]
    assert audit.verify(site / "state")[1] == []
    return [what for what in kept if what.startswith(room)]


LAMP = {"point": "b.holds.speed", "value": "33", "reason": "belt", "duration": "1h"}


@pytest.mark.parametrize("disk", ["slow", "refusing"])
async def test_an_override_is_in_force_although_the_disk_does_not_take_it(
    tmp_path: Path, disk: str, request: pytest.FixtureRequest
) -> None:
    request.getfixturevalue(disk)
    async with running(tmp_path) as told:
        await async_until(lambda: told.get(SPEED) == 80)
        with held(tmp_path):
            answer = await asked(tmp_path, "override.set", **LAMP)
            assert (answer["value"], answer["stored"]) == (33.0, False)
            await async_until(lambda: told.get(SPEED) == 33)
            text = await _until_raised(tmp_path)
            assert "a restart would forget it" in text
            longer = await asked(
                tmp_path, "override.extend", override=LAMP["point"], duration="1h", reason="more"
            )
            assert longer["id"] == answer["id"]
            words = ("--for", "1h", "--reason", "and more")
            said = await run("override", "extend", tmp_path, LAMP["point"], *words)
            assert (said.exit_code, "in force, and still being stored" in said.output) == (0, True)
            (longer,) = await asked(tmp_path, "override.list")
            (row,) = await asked(tmp_path, "override.list")
            assert (row["id"], row["until"], row["stored"]) == (
                answer["id"],
                longer["until"],
                False,
            )
        await _until_stored(tmp_path)
        (row,) = await asked(tmp_path, "override.list")
        assert (row["id"], row["stored"]) == (answer["id"], True)
        assert audited(tmp_path, "override") == [
            "override.set",
            "override.extend",
            "override.extend",
        ]
    assert on_disk(tmp_path) == [("b.holds.speed", 33.0, None)]
    async with running(tmp_path) as told:
        await async_until(lambda: told.get(SPEED) == 33)
        (row,) = await asked(tmp_path, "override.list")
        assert (row["id"], row["until"]) == (answer["id"], longer["until"])


@pytest.mark.parametrize("disk", ["slow", "refusing"])
async def test_a_release_does_not_wait_for_the_disk(
    tmp_path: Path, disk: str, request: pytest.FixtureRequest
) -> None:
    async with running(tmp_path) as told:
        first = await asked(tmp_path, "override.set", **LAMP)
        assert first["stored"]
        await async_until(lambda: told.get(SPEED) == 33)
        request.getfixturevalue(disk)
    async with running(tmp_path) as told:
        with held(tmp_path):
            answer = await asked(tmp_path, "override.clear", override=str(first["id"]))
            assert not answer["stored"]
            await async_until(lambda: told.get(SPEED) == 80)
            assert await asked(tmp_path, "override.list") == []
            await _until_raised(tmp_path)
            # Set and released again before any of it is on the disk.
            await asked(tmp_path, "override.set", **LAMP | {"value": "44"})
            await async_until(lambda: told.get(SPEED) == 44)
            await asked(tmp_path, "override.clear", override=LAMP["point"], reason="enough")
            await async_until(lambda: told.get(SPEED) == 80)
        await _until_stored(tmp_path)
        assert audited(tmp_path, "override") == ["override.set", "override.clear"] * 2
    how = f"cleared by {USER}"
    assert on_disk(tmp_path) == [("b.holds.speed", 33.0, how), ("b.holds.speed", 44.0, how)]
    async with running(tmp_path) as told:
        await async_until(lambda: told.get(SPEED) == 80)
        assert await asked(tmp_path, "override.list") == []


@pytest.mark.usefixtures("slow")
async def test_what_is_stored_after_all_comes_into_force_and_nothing_else(
    tmp_path: Path,
) -> None:
    files = {**SITE, "schedules/air.yaml": BY_SEASON, **LATE}
    async with running(tmp_path, **files) as told:
        await async_until(lambda: told.get(SPEED) and told.get(ENABLE))
        (season,) = await asked(tmp_path, "season.list")
        to = "winter" if season["season"] == "transitional" else "transitional"
        with held(tmp_path):
            for op, args in (
                ("overlay.set", {"overlay": "epidemic", "level": "full"}),
                ("season.switch", {"set": "two-pipe", "base": "b", "to": to}),
                ("unit.extend", {"unit": "dressing-room", "duration": "1h"}),
            ):
                with pytest.raises(Unfinished, match="not stored within.*look before"):
                    await asked(tmp_path, op, reason="x", **args)
            status = await asked(tmp_path, "status")
            assert [o["level"] for o in status["overlays"]] == ["off"]
            assert status["seasons"][0]["season"] == season["season"]
            assert status["extensions"] == []

        async def everything() -> bool:
            found = await asked(tmp_path, "status")
            return (
                [o["level"] for o in found["overlays"]] == ["full"]
                and found["seasons"][0]["season"] == to
                and [e["id"] for e in found["extensions"]] == [1]
            )

        async with patience():
            while not await everything():
                await asyncio.sleep(0.02)
        await async_until(lambda: told.get(SPEED) == 100)
    assert audited(tmp_path, "overlay") == ["overlay.set"]
    assert audited(tmp_path, "unit") == ["unit.extend"]
    async with running(tmp_path, **files) as told:
        assert await everything()
        await async_until(lambda: told.get(SPEED) == 100)


@pytest.mark.usefixtures("refusing")
async def test_what_the_disk_refuses_is_neither_in_force_nor_on_the_disk(
    tmp_path: Path,
) -> None:
    files = {**SITE, "schedules/air.yaml": ALWAYS_OFF, **LATE}
    async with running(tmp_path, **files):
        with held(tmp_path), pytest.raises(Exception, match="locked") as refused:
            await asked(tmp_path, "unit.extend", unit="dressing-room", duration="1h", reason="x")
        assert not isinstance(refused.value, Unfinished)
        assert (await asked(tmp_path, "status"))["extensions"] == []
        made = await asked(tmp_path, "unit.extend", unit="dressing-room", duration="1h", reason="x")
        assert [e["id"] for e in made["extensions"]] == [1]


@pytest.mark.usefixtures("slow")
async def test_a_change_that_fails_when_nobody_waits_any_longer_is_an_alarm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT_S", 1.0)
    async with running(tmp_path, **{**SITE, "schedules/air.yaml": ALWAYS_OFF}):
        ask_for = {"overlay": "epidemic", "level": "full", "reason": "x"}
        with held(tmp_path):
            with pytest.raises(Unfinished):
                await asked(tmp_path, "overlay.set", **ask_for)
            async with patience():
                while changes.LOST not in (found := await alarms(tmp_path)):
                    await asyncio.sleep(0.02)
            assert "was not carried out" in found[changes.LOST]
            assert [o["level"] for o in (await asked(tmp_path, "status"))["overlays"]] == ["off"]
        await asked(tmp_path, "overlay.set", **ask_for)
        async with patience():
            while changes.LOST in await alarms(tmp_path):
                await asyncio.sleep(0.02)


def test_an_override_is_stored_with_its_audit_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.storage.test_state import WANTED

    def full(*_args: object, **_details: object) -> None:
        raise StoreError(msg("no space left on device"))

    with Store(tmp_path) as store, monkeypatch.context() as disk:
        disk.setattr(audit, "record", full)
        kept = store.add(WANTED)
        assert store.outbox.trouble is not None
        assert list(audit.entries(tmp_path)) == []
        # The power goes, and the entry is there after the restart.
    with Store(tmp_path) as store:
        assert store.outbox.trouble is None
        (entry,) = audit.entries(tmp_path)
        assert (entry["what"], entry["override"], entry["why"]) == ("override.set", kept.id, "测试")
        assert store.clear(kept.id, WANTED.start, "li", "enough")
    assert [e["why"] for e in audit.entries(tmp_path)] == ["测试", "enough"]


async def test_a_number_that_the_disk_turns_out_to_have_is_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The state could not be read when the controller began, and can be read now."""
    monkeypatch.setattr(override_record, "RETRY_S", 0.01)
    now = datetime(2026, 3, 2, 0, 0, tzinfo=UTC)
    site = load(write(tmp_path, FILES), STRATEGIES)
    runtime = Runtime(site, Field(lambda: now), (), {})
    hour = timedelta(hours=1)
    with Store(tmp_path / "state") as store:
        store.add(Override(0, "b.lets-go.speed", 44.0, now, now + hour, "before", "li"))
        readable = asyncio.Event()

        async def in_store(call: Callable[[Store], T]) -> T:
            if not readable.is_set():
                raise DiskError(msg("state.db: not now"))
            return call(store)

        record = OverrideRecord(runtime, in_store, last_number=0)
        task = asyncio.create_task(record.run())
        wanted = Override(0, "b.holds.speed", 33.0, now, now + hour, "belt", "li")
        put, stored = await record.carry_out(OverrideChange("set", wanted, now, "li", "belt"))
        assert (put.id, stored) == (1, False)
        longer = replace(put, until=now + 2 * hour)
        await record.carry_out(OverrideChange("extend", longer, now, "li", "more"))
        readable.set()
        await record.drained(PATIENCE_S)
        assert list(runtime.overrides) == [2]
        assert runtime.overrides[2] == replace(longer, id=2)
        assert store.active(now)[1:] == [replace(longer, id=2)]
        again, stored = await record.carry_out(OverrideChange("set", wanted, now, "li", "belt"))
        assert (again.id, stored) == (3, True)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.mark.case(
    "R11",
    when="A large schedule file is being checked, and somebody sets an override",
    then="It is answered, in force and in the audit at once: the check holds nobody up.",
)
async def test_a_check_that_takes_long_holds_nobody_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked, checking = threading.Event(), threading.Event()

    def look(self: ScheduleFiles) -> None:
        checking.set()
        checked.wait(PATIENCE_S)

    monkeypatch.setattr(ScheduleFiles, "look", look)
    for name, text in PLANT_SITE.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    state = tmp_path / "state"
    try:
        async with run_app(tmp_path) as app:
            await asyncio.to_thread(checking.wait, PATIENCE_S)
            given = {"point": "b.holds.speed", "value": "40", "duration": "1h", "reason": "noise"}
            made = await asyncio.to_thread(lambda: ask(state, "override.set", **given))
            assert made["stored"]
            assert [one.value for one in app.runtime.overrides.values()] == [40.0]
            block = {"from": "08:00", "to": "09:00", "mode": "on", "setpoints": {"speed_pct": "50"}}
            edit = {"schedule": "air", "day": "mon", "add": True, "reason": "warm", **block}
            changed = await asyncio.to_thread(lambda: ask(state, "schedule.set", **edit))
            assert changed["applied"]
            found = {entry["what"] for entry in audit.entries(state)}
            assert found >= {"override.set", "schedule.set"}
            assert not checked.is_set()
            checked.set()
    finally:
        checked.set()
