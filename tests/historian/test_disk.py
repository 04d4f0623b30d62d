"""A full disk, a read-only one: the controller goes on, says so, and takes up again by itself."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bms.app import state_task
from bms.app.composition import composed
from bms.app.controller import App
from bms.config.load import load
from bms.control import STRATEGIES
from bms.core.clock import SystemClock
from bms.core.threads import in_thread
from bms.forward.positions import taken
from bms.historian.log.embedded import History
from bms.historian.reading.trends import Trends
from bms.historian.recording import writer as writer_module
from bms.historian.records import to_ms
from bms.historian.upkeep.rounds import Request, run
from bms.operations.overrides import override_record
from bms.storage import audit
from bms.storage.state import Store
from tests.asking import ask
from tests.historian.crash import FILES, WRAP
from tests.historian.test_compaction import POWER, STATUS, at, recorded, sample
from tests.operations.seasons.test_crash import PLANT_SITE
from tests.patience import PATIENCE_S, async_until

SIZE = 6_000_000
DISK = {"store:history", "store:states"}


class SmallDisk:
    """A file system of a few megabytes, which can be filled and made read-only."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def fill(self) -> None:
        with (self.path / "ballast").open("wb", buffering=0) as file:
            size = 1 << 20
            while size:
                try:
                    file.write(bytes(size))
                except OSError:
                    size //= 2

    def free(self) -> None:
        (self.path / "ballast").unlink()

    def mode(self, mode: str) -> None:
        subprocess.run(["mount", "-o", f"remount,{mode}", self.path], check=True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    path = tmp_path / "disk"
    path.mkdir()
    made = (
        os.geteuid() == 0
        and not subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "bms-test", path],
            check=False,
            capture_output=True,
        ).returncode
    )
    if not made:
        pytest.skip("a small disk needs the right to mount a tmpfs (root)")
    try:
        yield SmallDisk(path)
    finally:
        subprocess.run(["umount", "-l", path], check=True)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer_module, "RETRY_S", 0.1)
    monkeypatch.setattr(state_task, "SAVE_STATES_S", 0.1)
    monkeypatch.setattr("bms.api.server.LISTEN_AGAIN_S", 0.1)


def site_on(disk: SmallDisk, tmp_path: Path, files: Mapping[str, str] = FILES) -> Path:
    site = tmp_path / "site"
    text = files["site.yaml"] + f"state_dir: {disk.path}/state\n"
    for name, content in {**files, "site.yaml": text}.items():
        path = site / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    (disk.path / "state").mkdir()
    return site


@asynccontextmanager
async def running(site: Path) -> AsyncIterator[App]:
    stop, ready = asyncio.Event(), asyncio.Event()
    async with composed(load(site, STRATEGIES), SystemClock()) as app:
        task = asyncio.create_task(app.run(stop, ready.set))
        waiting = asyncio.create_task(ready.wait())
        await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED, timeout=PATIENCE_S)
        waiting.cancel()
        try:
            if task.done():
                await task
            assert ready.is_set()
            yield app
            assert not task.done(), task
        finally:
            stop.set()
            await task


def alarms(app: App) -> set[str]:
    return set(app.runtime._own)


def gapless(state: Path) -> int:
    """Samples of one meter, each saying when it was read; how many there are."""
    with Trends(state) as trends:
        block = trends.raw(
            "b.m-1.power", datetime(2020, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
        )
        good = block.status & 15 == 0
        assert (block.values[good] == block.times_ms[good] % WRAP + 1).all()
        gaps = block.times_ms[good][1:] - block.times_ms[good][:-1]
        assert not len(gaps) or gaps.max() < 2000
        return int(good.sum())


async def test_what_a_full_disk_refuses_waits_in_memory(disk: SmallDisk, tmp_path: Path) -> None:
    async with running(site_on(disk, tmp_path)) as app:
        await async_until(lambda: app.recording.writer.stored > 3, "stored")
        disk.fill()
        await async_until(lambda: "store:history" in alarms(app), "the alarm")
        stored, cycles = app.recording.writer.stored, app.control.cycles
        await async_until(lambda: app.control.cycles > cycles + 10, "cycles go on")
        await async_until(lambda: app.recording.writer.waiting > 3, "it waits in memory")
        disk.free()
        await async_until(lambda: app.recording.writer.stored > stored + 5, "taken up again")
        await async_until(lambda: not DISK & alarms(app), "the alarm is over")
    assert gapless(disk.path / "state") >= 5


async def test_a_connection_that_became_read_only_is_made_anew(
    disk: SmallDisk, tmp_path: Path
) -> None:
    """As after a remount: the kernel does not remount what is open for writing, so SQLite's own
    switch makes the same error, which only another connection is free of."""
    async with running(site_on(disk, tmp_path)) as app:
        await async_until(lambda: app.recording.writer.stored > 3, "stored")
        stuck = app.recording.history
        assert stuck is not None
        await in_thread(app.recording._thread, stuck._connection.execute, "PRAGMA query_only=ON")
        await async_until(lambda: "store:history" in alarms(app), "the alarm")
        stored = app.recording.writer.stored
        await async_until(lambda: app.recording.writer.stored > stored + 5, "taken up again")
        await async_until(lambda: not DISK & alarms(app), "the alarm is over")
        assert app.recording.history is not stuck
    assert gapless(disk.path / "state") >= 5


@pytest.mark.parametrize("how", ["full", "read-only"])
@pytest.mark.parametrize("before", [False, True])
async def test_a_controller_starts_on_a_disk_that_takes_nothing(
    disk: SmallDisk, tmp_path: Path, how: str, before: bool
) -> None:
    site = site_on(disk, tmp_path)
    if before:
        async with running(site) as app:
            await async_until(lambda: app.recording.writer.stored > 3, "stored")
    disk.fill() if how == "full" else disk.mode("ro")
    async with running(site) as app:
        await async_until(lambda: app.control.cycles > 10, "cycles")
        await async_until(lambda: {"store:history", "store:states"} <= alarms(app), "the alarms")
        disk.free() if how == "full" else disk.mode("rw")
        await async_until(lambda: not DISK & alarms(app), "all is well again")
        await async_until((disk.path / "state" / "bms.sock").is_socket, "the local API")
        status = await asyncio.to_thread(ask, disk.path / "state", "status")
        assert status["cycle"]["history_stored"] > 0
    assert gapless(disk.path / "state") >= 5


@pytest.mark.case(
    "R19",
    when="The disk is full, and somebody takes a machine over by hand",
    then="The override is in force at once and an alarm says that it is not stored; it is stored "
    "and audited when there is room",
)
async def test_an_override_on_a_full_disk_is_in_force_and_stored_when_there_is_room(
    disk: SmallDisk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(override_record, "RETRY_S", 0.1)
    site, state = site_on(disk, tmp_path, PLANT_SITE), disk.path / "state"
    asked = {"point": "b.holds.speed", "duration": "1h", "reason": "belt"}
    async with running(site) as app:
        await async_until((state / "bms.sock").is_socket, "the local API")
        disk.fill()
        stored, value = True, 0
        while stored:  # a file may still have room in its last page
            value += 1
            assert value < 100
            answer = await asyncio.to_thread(
                lambda: ask(state, "override.set", value=str(value), **asked)  # noqa: B023
            )
            stored = answer["stored"]
        assert override_record.WAITING in alarms(app)

        def commanded() -> bool:
            award = app.runtime.award("b.holds.speed")
            return award is not None and award.value == value

        await async_until(commanded, "the override is in force")
        disk.free()
        await async_until(lambda: not {override_record.WAITING, "audit"} & alarms(app), "stored")
    with Store(state) as store:
        (found,) = store.active(SystemClock().now())
    assert (found.id, found.value) == (answer["id"], value)
    sets = [entry for entry in audit.entries(state) if entry["what"] == "override.set"]
    assert [entry["value"] for entry in sets] == list(range(1, value + 1))
    assert audit.verify(state)[1] == []


# --- the budget --------------------------------------------------------------------------------


def filled(directory: Path, days: int) -> None:
    """Some days of a trend that does not compress, a state and a counter."""
    from random import Random

    rng = Random(1)
    with History(directory) as history:
        for day in range(days):
            samples = []
            for i in range(1440):
                second = day * 86400 + i * 60
                samples.append(sample(POWER, rng.random(), second))
                if i % 10 == 0:
                    samples.append(sample(STATUS, i % 20 == 0, second))
                    samples.append(sample("b.m.energy", float(second), second))
            history.append(recorded(samples, (day + 1) * 86400))


def request(directory: Path, now: datetime, **more: Any) -> Request:
    return Request(str(directory), to_ms(now), "Asia/Shanghai", sinks=(), **more)


def test_over_its_budget_analog_goes_first_and_every_sample_is_counted(tmp_path: Path) -> None:
    days = 12
    filled(tmp_path, days)
    now = at(days * 86400 + 3600)
    whole = run(request(tmp_path, now), taken)
    assert whole.dropped_samples == 0
    with History(tmp_path) as history:  # the log is a copy of what is in segments
        while history.prune(now, compacted=whole.compacted or (0, 0), taken=None):
            pass
        before = {p: len(history.samples(p, at(0), now)) for p in (POWER, STATUS, "b.m.energy")}
    base = run(request(tmp_path, now), taken)
    analog = sum(p.stat().st_size for p in tmp_path.glob("raw-*-analog*"))
    budget = int((base.used_bytes - analog // 2) / 0.95)
    done = run(request(tmp_path, now, max_bytes=budget), taken)
    assert done.missing_bytes == 0
    assert 0 < done.dropped_samples < before[POWER]
    assert done.used_bytes <= budget * 0.95
    with History(tmp_path, read_only=True) as history, Trends(tmp_path) as trends:
        left = history.samples(POWER, at(0), now)
        assert len(left) == before[POWER] - done.dropped_samples
        assert left[0].time > at(86400)  # the oldest went
        for point in (STATUS, "b.m.energy"):
            assert len(history.samples(point, at(0), now)) == before[point]
        notes = trends.dropped(at(0), now)
        assert sum(note.samples for note in notes) == done.dropped_samples
        assert {note.group for note in notes} == {"analog"}
        assert "disk full" in notes[0].reason
        # Its quarter hours survive.
        quarters = trends.quarters(POWER, at(0), now)
        assert quarters is not None
        assert quarters.rows.n.sum() == before[POWER]


def test_with_no_room_at_all_counters_and_roll_ups_stay(tmp_path: Path) -> None:
    filled(tmp_path, 5)
    now = at(5 * 86400 + 3600)
    done = run(request(tmp_path, now), taken)
    with History(tmp_path) as history:
        while history.prune(now, compacted=done.compacted or (0, 0), taken=None):
            pass
        registers = history.samples("b.m.energy", at(0), now)
    done = run(request(tmp_path, now, max_bytes=1), taken)
    assert done.missing_bytes > 0
    with History(tmp_path, read_only=True) as history, Trends(tmp_path) as trends:
        assert history.samples("b.m.energy", at(0), now) == registers
        assert trends.raw(POWER, at(0), at(86400)).times_ms.size == 0
        quarters = trends.quarters(STATUS, at(0), now)
        assert quarters is not None
        assert quarters.rows.n.sum() == 5 * 144


def test_what_is_too_old_goes_without_a_note(tmp_path: Path) -> None:
    filled(tmp_path, 5)
    now = at(5 * 86400 + 3600)
    run(request(tmp_path, now), taken)
    with History(tmp_path) as history:
        history.prune(now, compacted=(10**9, to_ms(now)), taken=None)
    run(request(tmp_path, now, retain_days=2), taken)
    with Trends(tmp_path) as trends:
        left = trends.raw(POWER, at(0), now)
        assert len(left)
        assert left.times_ms[0] >= to_ms(now - timedelta(days=3, hours=1))
        assert trends.dropped(at(0), now) == []


@pytest.mark.case(
    "R3",
    when="The clock runs years ahead for a while",
    then="No history is given up for its age: what counts is on how many days it was recorded",
)
def test_a_clock_that_runs_ahead_takes_no_history(tmp_path: Path) -> None:
    filled(tmp_path, 5)
    run(request(tmp_path, at(5 * 86400 + 3600)), taken)
    years = 3 * 365 * 86400
    with History(tmp_path) as history:
        history.append(recorded([sample(POWER, 1.0, years)], years + 3600))
    done = run(request(tmp_path, at(years + 7200), retain_days=7), taken)
    assert done.dropped_samples == 0
    with Trends(tmp_path) as trends:
        assert len(trends.raw(POWER, at(0), at(5 * 86400))) == 5 * 1440
