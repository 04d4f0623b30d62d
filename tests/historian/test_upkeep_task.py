"""Upkeep beside the controller, in a separate process, and what it says when it cannot."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from bms.app.upkeep_round import COMMAND
from bms.config.load import load
from bms.control import STRATEGIES
from bms.historian.log.embedded import History
from bms.historian.reading.trends import Trends
from bms.historian.upkeep.rounds import parsed
from bms.historian.upkeep.upkeep_task import UpkeepTask
from bms.storage.aside import lying_aside
from tests.historian.crash import FILES
from tests.historian.test_compaction import POWER, at, recorded, sample
from tests.patience import patience


def site_of(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path


async def rounds(tmp_path: Path, now: datetime) -> tuple[UpkeepTask, list[tuple[int, int]]]:
    """Run the upkeep until it has made a round, or failed at one."""
    pruned: list[tuple[int, int]] = []
    site = load(site_of(tmp_path), STRATEGIES)

    async def prune(before: datetime, compacted: tuple[int, int], untaken: bool) -> int:
        pruned.append(compacted)
        assert before == now - timedelta(hours=48)
        with History(site.state_dir) as history:
            return history.prune(before, compacted=compacted, taken=None)

    upkeep = UpkeepTask(site, lambda: now, prune, [], COMMAND, first_s=0.0)
    task = asyncio.create_task(upkeep.run())
    async with patience():
        while upkeep.last is None and not upkeep.error:
            await asyncio.sleep(0.02)
        await asyncio.sleep(0)
        while upkeep.last is not None and not pruned:
            await asyncio.sleep(0.02)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    return upkeep, pruned


async def test_a_round_compacts_and_prunes(tmp_path: Path) -> None:
    state = tmp_path / "state"
    samples = [sample(POWER, float(i), i * 600) for i in range(6 * 72)]
    state.mkdir()
    with History(state) as history:
        for i in range(0, len(samples), 6):
            history.append(recorded(samples[i : i + 6], (i + 5) * 600))
    now = samples[-1].time + timedelta(minutes=5)
    upkeep, pruned = await rounds(tmp_path, now)
    assert upkeep.error == ""
    assert upkeep.conditions() == []
    assert upkeep.last is not None
    assert upkeep.last.finished
    assert pruned[0] == upkeep.last.compacted
    assert upkeep.view()["compacted_until"] is not None
    with History(state, read_only=True) as history, Trends(state) as trends:
        first, _, count = history.log_extent()
        assert first > 1  # what is older than 48 h is in segments only
        assert 0 < count < 72
        assert history.samples(POWER, at(0), now) == samples
        assert trends.last_rollup() > 200


async def test_a_broken_roll_db_is_put_aside_and_made_again(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    with History(state) as history:
        history.append(recorded([sample(POWER, 1.0, 0)], 3000))
    garbage = b"not a database, but somebody's file" * 100
    (state / "roll.db").write_bytes(garbage)
    upkeep, pruned = await rounds(tmp_path, at(4000))
    assert upkeep.error == ""
    assert len(pruned) == 1
    (aside,) = lying_aside(state)
    assert (aside.folder / "roll.db").read_bytes() == garbage


async def test_roll_ups_of_another_history_are_put_aside_with_their_raw_files(
    tmp_path: Path,
) -> None:
    state = tmp_path / "state"
    state.mkdir()
    with History(state) as history:
        history.append(recorded([sample(POWER, 1.0, 0)], 3000))
    await rounds(tmp_path, at(4000))
    raw = {path.name for path in state.glob("raw-*.db")}
    assert raw
    for path in state.glob("history.db*"):
        path.unlink()
    with History(state) as history:
        history.append(recorded([sample(POWER, 2.0, 0)], 3000))
    upkeep, _ = await rounds(tmp_path, at(4000))
    assert upkeep.error == ""
    (aside,) = lying_aside(state)
    assert aside.why == "misplaced"
    assert {path.name for path in aside.folder.glob("raw-*.db")} == raw
    with Trends(state) as trends:
        assert trends.raw(POWER, at(0), at(4000)).values.tolist() == [2.0]


def test_a_program_of_another_version_is_understood_and_a_dead_one_reported() -> None:
    said = '{"seq": 7, "horizon_ms": 9, "new": 1}'
    assert parsed(0, said, "").compacted == (7, 9)
    dead = parsed(-9, "", "Traceback ...\nMemoryError")
    assert "MemoryError" in dead.error
    assert dead.compacted is None
