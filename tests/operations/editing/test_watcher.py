"""Edits on the disk beside a running controller, and a start with broken files."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bms.config.load import load
from bms.control import STRATEGIES
from bms.core.errors import InvalidInput
from bms.operations.editing.loading import load_to_run
from bms.operations.editing.revisions import Revisions
from bms.operations.editing.watcher import ScheduleFiles
from bms.storage import audit
from tests.app.test_app import controlled
from tests.asking import ask
from tests.operations.editing.sites import AIR, NOW, TEXT, write_site
from tests.patience import async_until


def _files(directory: Path) -> ScheduleFiles:
    return ScheduleFiles(load(directory, STRATEGIES), STRATEGIES, lambda: NOW)


@pytest.mark.parametrize(("seen", "adoptions"), [("aabaaa", 0), ("aabbbb", 1), ("abcddd", 1)])
def test_schedules_are_adopted_once_they_stand_still(
    tmp_path: Path, seen: str, adoptions: int
) -> None:
    path = write_site(tmp_path) / AIR
    files = _files(tmp_path)
    assert [files.look() is not None for _ in range(3)] == [False, False, False]
    adopted = 0
    written = "a"
    for letter in seen:
        if letter != written:
            path.write_text(f"{TEXT}# {letter}\n" if letter != "a" else TEXT, encoding="utf-8")
            written = letter
        adopted += files.look() is not None
    assert adopted == adoptions


@pytest.mark.case(
    "R12",
    when="Somebody edits a schedule file in its place",
    then="The audit says that it was edited on the disk and whose file it is, not who did it.",
)
def test_an_edit_by_hand_becomes_a_revision_of_nobody_known(tmp_path: Path) -> None:
    path = write_site(tmp_path) / AIR
    files = _files(tmp_path)
    files.look(), files.look()
    path.write_text(TEXT.replace("07:30", "06:30"), encoding="utf-8")
    files.look()
    found = files.look()
    assert found is not None
    assert found.library is not None
    first, second = Revisions(tmp_path, tmp_path / "state").of(AIR)
    assert (second.number, second.via, second.before) == (2, "file", first.sha256)
    assert (second.who, second.why) == ("?", f"edited on the disk; owner {path.owner()}")
    last = list(audit.entries(tmp_path / "state"))[-1]
    assert (last["who"], last["why"]) == (second.who, second.why)
    assert last["what"] == "schedule.adopted"
    assert last["files"][AIR]["after"] == second.sha256
    assert audit.verify(tmp_path / "state")[1] == []


def test_a_broken_edit_is_told_once_and_changes_nothing(tmp_path: Path) -> None:
    path = write_site(tmp_path) / AIR
    files = _files(tmp_path)
    files.look(), files.look()
    path.write_text(TEXT.replace("any:", "anny:"), encoding="utf-8")
    found = [files.look() for _ in range(4)]
    (rejected,) = [f for f in found if f is not None]
    assert rejected.library is None
    assert rejected.problems
    told = [entry["what"] for entry in audit.entries(tmp_path / "state")]
    assert told == ["schedule.adopted", "schedule.rejected"]
    good = Revisions(tmp_path, tmp_path / "state").good()
    assert good is not None
    assert good[AIR] == TEXT.encode()


def test_a_start_with_broken_schedules_runs_the_last_good_ones(tmp_path: Path) -> None:
    path = write_site(tmp_path) / AIR
    path.write_text("schedule: [", encoding="utf-8")
    with pytest.raises(InvalidInput):  # there was never anything good
        load_to_run(tmp_path, STRATEGIES)
    path.write_text(TEXT, encoding="utf-8")
    files = _files(tmp_path)
    files.look(), files.look()
    path.write_text("schedule: [", encoding="utf-8")
    site, problems = load_to_run(tmp_path, STRATEGIES)
    assert site.library.governed == {"b.air": "air"}
    assert problems[0].file == AIR
    (tmp_path / "links.yaml").write_text("links: 5\n", encoding="utf-8")
    site, problems = load_to_run(tmp_path, STRATEGIES)
    assert site.links.keys() == {"plc"}
    assert [problem.file for problem in problems] == ["links.yaml", AIR]


async def test_a_restart_with_a_broken_schedule_commands_as_before(tmp_path: Path) -> None:
    text = TEXT.replace('otherwise: {mode: "off"}', 'otherwise: {mode: "on", speed_pct: 60}')
    async with controlled(tmp_path, **{AIR: text}) as (_, _task, told):
        await async_until(lambda: told.get("b.holds.speed") == 60.0)
        await async_until(lambda: Revisions(tmp_path, tmp_path / "state").of(AIR))
    async with controlled(tmp_path, **{AIR: "schedule: ["}) as (_, _task, told):
        await async_until(lambda: told.get("b.holds.speed") == 60.0)
        answer = await asyncio.to_thread(ask, tmp_path / "state", "status")
        assert any(alarm["key"] == "schedules:rejected" for alarm in answer["alarms"])
        (tmp_path / AIR).write_text(text.replace("60", "45"), encoding="utf-8")
        await async_until(lambda: told.get("b.holds.speed") == 45.0)
