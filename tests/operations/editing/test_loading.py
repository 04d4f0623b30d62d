"""A start after a bad edit, and reading beside one."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from click.testing import CliRunner

from bms.cli import main
from bms.config.load import load
from bms.control import STRATEGIES
from bms.core.errors import InvalidInput, StoreError
from bms.operations.editing.last_good import LastGood
from bms.operations.editing.loading import load_to_read, load_to_run
from bms.operations.editing.site_files import SiteFiles
from bms.operations.editing.watcher import ScheduleFiles
from bms.storage import audit
from tests.app.test_app import controlled
from tests.asking import ask
from tests.operations.editing.sites import AIR, NOW, TEXT, write_site
from tests.patience import async_until, patience

METERS = "meters.yaml"
METER_FILES = {
    "devices/meter.yaml": """\
device: m
kind: meter
document: test
protocol: modbus
points:
  energy: {table: holding, address: 0, type: uint32, unit: kWh, scale: 0.1}
""",
    "equipment/m.yaml": "base: b\nequipment:\n  m: {kind: meter, device: m, link: plc, unit: 9}\n",
    METERS: "meters:\n  b.m: {rated_kw: 630}\n",
}


def metered(directory: Path) -> Path:
    """A site with a meter, its files."""
    write_site(directory)
    for name, text in METER_FILES.items():
        (directory / name).write_text(text, encoding="utf-8")
    return directory


def ran(directory: Path) -> Path:
    """A site that a controller has run."""
    SiteFiles(load(directory, STRATEGIES), STRATEGIES, lambda: NOW).keep()
    files = ScheduleFiles(load(directory, STRATEGIES), STRATEGIES, lambda: NOW)
    files.look(), files.look()
    return directory


def _typo(site: Path) -> None:
    path = site / METERS
    path.write_text(path.read_text("utf-8").replace("630", "630kW"), encoding="utf-8")


def _broken(name: str) -> Callable[[Path], None]:
    def edit(site: Path) -> None:
        (site / name).write_text("links: [", encoding="utf-8")

    return edit


def _gone(name: str) -> Callable[[Path], None]:
    return lambda site: (site / name).unlink()


def _pipe(site: Path) -> None:
    (site / "links.yaml").unlink()
    os.mkfifo(site / "links.yaml")


def _bytes(site: Path) -> None:
    (site / METERS).write_bytes("meters: # 表".encode("gb18030"))


def _long(site: Path) -> None:
    (site / METERS).write_text("# " + "x" * 10_000_000, encoding="utf-8")


def _new_key(site: Path) -> None:
    with (site / "site.yaml").open("a", encoding="utf-8") as file:
        file.write("of_a_later_version: true\n")


def _folder_gone(site: Path) -> None:
    shutil.rmtree(site / "equipment")


def _stray(site: Path) -> None:
    (site / "notes.yaml").write_text("{}", encoding="utf-8")


BAD_EDITS = {
    "a typo": (_typo, METERS),
    "broken links": (_broken("links.yaml"), "links.yaml"),
    "a broken site.yaml": (_broken("site.yaml"), "site.yaml"),
    "a broken device": (_broken("devices/fan.yaml"), "devices/fan.yaml"),
    "a removed site.yaml": (_gone("site.yaml"), "site.yaml"),
    "removed groups": (_gone("groups/b.yaml"), AIR),
    "a removed folder": (_folder_gone, "equipment"),
    "a pipe": (_pipe, "links.yaml"),
    "other bytes": (_bytes, METERS),
    "10 MB": (_long, METERS),
    "a new key": (_new_key, "site.yaml"),
    "a stray file": (_stray, "notes.yaml"),
}


@pytest.mark.case(
    "N9",
    when="The controller starts after a bad edit of any file of the site",
    then="It controls with the files that were last good, and an alarm names the file, the line "
    "and what to do",
)
@pytest.mark.parametrize("edit", BAD_EDITS)
def test_a_start_after_a_bad_edit_runs_the_last_good_files(tmp_path: Path, edit: str) -> None:
    site = ran(metered(tmp_path))
    before = load(site, STRATEGIES)
    change, file = BAD_EDITS[edit]
    change(site)
    after, problems = load_to_run(site, STRATEGIES)
    assert after == before
    assert file in {problem.file for problem in problems}


@pytest.mark.parametrize("edit", BAD_EDITS)
def test_only_a_first_start_refuses_a_broken_site(tmp_path: Path, edit: str) -> None:
    site = metered(tmp_path)
    change, file = BAD_EDITS[edit]
    change(site)
    with pytest.raises(InvalidInput) as caught:
        load_to_run(site, STRATEGIES)
    assert file in {problem.file for problem in caught.value.problems}


def test_a_state_directory_elsewhere_is_found_without_site_yaml(tmp_path: Path) -> None:
    site = metered(tmp_path / "site")
    text = (site / "site.yaml").read_text("utf-8") + f"state_dir: {tmp_path / 'var'}\n"
    (site / "site.yaml").write_text(text, encoding="utf-8")
    before = load(ran(site), STRATEGIES)
    (site / "site.yaml").unlink()
    assert load_to_run(site, STRATEGIES)[0] == before


def test_damaged_last_good_files_refuse_as_a_first_start(tmp_path: Path) -> None:
    site = ran(metered(tmp_path))
    _typo(site)
    for path in (site / "state" / "last-good").glob("*.yaml"):
        path.write_text("rust", encoding="utf-8")
    with pytest.raises(InvalidInput):
        load_to_run(site, STRATEGIES)


@pytest.mark.parametrize("failing", range(1, 7))
def test_a_disk_that_fails_at_any_file_leaves_the_old_ones_or_the_new(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: int
) -> None:
    good = LastGood(tmp_path)
    old, new = {"a": "1", "b": "2"}, {"a": "3", "b": "2", "c": "4"}
    good.keep(old, NOW)
    calls, replace = 0, Path.replace

    def full(path: Path, target: Path) -> Path:
        nonlocal calls
        calls += 1
        if calls >= failing:
            raise OSError(errno.ENOSPC, "full")
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", full)
    with suppress(StoreError):
        good.keep(new, NOW)
    monkeypatch.undo()
    kept = good.read()
    assert kept is not None
    assert kept.texts == (new if failing > 3 else old)
    good.keep(new, NOW)
    assert len(list(good.folder.iterdir())) == len(new) + 1


def test_the_last_good_files_stay_few(tmp_path: Path) -> None:
    site = ran(metered(tmp_path))
    for kw in range(5):
        (site / METERS).write_text(f"meters:\n  b.m: {{rated_kw: {600 + kw}}}\n", encoding="utf-8")
        ran(site)
    kept = LastGood(site / "state").read()
    assert kept is not None
    assert kept.texts == load(site, STRATEGIES).texts
    assert len(list((site / "state" / "last-good").iterdir())) == len(kept.texts) + 1


def test_what_was_edited_between_two_runs_is_audited(tmp_path: Path) -> None:
    site = ran(metered(tmp_path))
    (site / METERS).write_text("meters:\n  b.m: {rated_kw: 500}\n", encoding="utf-8")
    for _ in range(2):
        SiteFiles(load(site, STRATEGIES), STRATEGIES, lambda: NOW).keep(at_start=True)
    (entry,) = [e for e in audit.entries(site / "state") if e["what"] == "site.adopted"]
    assert list(entry["files"]) == [METERS]
    assert (site / METERS).owner() in entry["files"][METERS]["why"]


async def test_a_running_controller_says_which_file_is_not_in_force(tmp_path: Path) -> None:
    text = TEXT.replace('otherwise: {mode: "off"}', 'otherwise: {mode: "on", speed_pct: 60}')
    async with controlled(tmp_path, **{AIR: text}) as (_, _task, told):
        await async_until(lambda: told.get("b.holds.speed") == 60.0)
        await async_until(lambda: LastGood(tmp_path / "state").kept)
    broken = {AIR: text, "groups/b.yaml": "base: b\ngroups: {air: {strategy: of_off}}\n"}
    async with controlled(tmp_path, **broken) as (_, _task, told):
        await async_until(lambda: told.get("b.holds.speed") == 60.0)
        alarm = await _alarm(tmp_path, "site:files")
        assert "groups/b.yaml:2:" in alarm
        assert "bms reload" in alarm
        assert "groups/b.yaml" in CliRunner().invoke(main, ["check", str(tmp_path)]).stderr


async def _alarm(site: Path, key: str) -> str:
    async with patience():
        while True:
            answer = await asyncio.to_thread(ask, site / "state", "status")
            for alarm in answer["alarms"]:
                if alarm["key"] == key:
                    return str(alarm["text"])
            await asyncio.sleep(0.01)


@pytest.fixture(scope="module")
def with_history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    site = metered(tmp_path_factory.mktemp("site"))
    words = ["simulate", str(site), "--from", "2026-06-01", "--to", "2026-06-02", "--step", "15m"]
    made = CliRunner().invoke(main, [*words, "--into", str(site / "state")])
    assert made.exit_code == 0, made.output
    return site


# --- reading ---------------------------------------------------------------------------------


@pytest.mark.case(
    "N10",
    when="A schedule has a typo while somebody reads meters, reports or the history",
    then="Meters, reports, history and exports work, and one line says what was wrong",
)
@pytest.mark.parametrize("was_run", [False, True])
@pytest.mark.parametrize("file", [AIR, "groups/b.yaml"])
@pytest.mark.parametrize(
    "command",
    [
        ("meter", "list"),
        ("meter", "tree", "--from", "2026-06-01", "--to", "2026-06-02"),
        ("report", "growth", "--year", "2026"),
        ("history", "b.m", "--from", "2026-06-01"),
        ("export", "b.m", "--from", "2026-06-01"),
    ],
    ids=lambda words: " ".join(words[:2]),
)
def test_reading_needs_no_schedules(
    with_history: Path, tmp_path: Path, command: tuple[str, ...], file: str, was_run: bool
) -> None:
    site = Path(shutil.copytree(with_history, tmp_path / "site"))
    if was_run:
        ran(site)
    words = [*command[: 1 if command[0] in ("history", "export") else 2], str(site)]
    words += command[len(words) - 1 :]
    whole = CliRunner().invoke(main, words)
    (site / file).write_text("schedule: [", encoding="utf-8")
    beside = CliRunner().invoke(main, words)
    assert (whole.exit_code, whole.stderr) == (0, "")
    assert (beside.exit_code, beside.stdout) == (0, whole.stdout)
    assert f"{file}:1:" in beside.stderr.splitlines()[0]


def test_reading_takes_the_last_good_of_what_it_needs(tmp_path: Path) -> None:
    site = ran(metered(tmp_path))
    before = load(site, STRATEGIES)
    _typo(site)
    found, said = load_to_read(site, STRATEGIES, ("schedules", "groups"))
    assert found == before
    assert said is not None
    assert f"{METERS}:2:" in said


# --- removed ---------------------------------------------------------------------------------


@pytest.mark.case(
    "C11",
    when="A schedule file is deleted or moved away while the controller runs",
    then="It stays in force as it was, also over a restart, and an alarm asks for it back or for "
    "'bms schedule remove'",
)
async def test_a_removed_schedule_stays_in_force_until_that_is_confirmed(tmp_path: Path) -> None:
    text = TEXT.replace('otherwise: {mode: "off"}', 'otherwise: {mode: "on", speed_pct: 60}')
    async with controlled(tmp_path, **{AIR: text}) as (_, _task, told):
        await async_until(lambda: told.get("b.holds.speed") == 60.0)
        await async_until(lambda: LastGood(tmp_path / "state").kept)
        await async_until(lambda: (tmp_path / "state" / "revisions" / "good.json").exists())
        (tmp_path / AIR).unlink()
        assert AIR in await _alarm(tmp_path, "schedules:removed")
        assert await _governs(tmp_path)
    site, _ = load_to_run(tmp_path, STRATEGIES)
    assert site.library.governed == {"b.air": "air"}
    done = CliRunner().invoke(
        main,
        ["schedule", "remove", str(tmp_path), "air", "--reason", "torn down", "--json", "--yes"],
    )
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout)["file"] == AIR
    site, problems = load_to_run(tmp_path, STRATEGIES)
    assert (dict(site.library.governed), problems) == ({}, [])


async def _governs(site: Path) -> bool:
    answer = await asyncio.to_thread(ask, site / "state", "why", point="b.air.mode")
    return "schedules/air.yaml" in json.dumps(answer)


def _looked(site: Path) -> tuple[bool, tuple[str, ...]]:
    """Whether `b.air` is governed after a removal, and what is held back."""
    files = ScheduleFiles(load_to_run(site, STRATEGIES)[0], STRATEGIES, lambda: NOW)
    found = [files.look() for _ in range(2)][-1]
    if found is None:
        return "b.air" in load_to_run(site, STRATEGIES)[0].library.governed, ()
    assert found.library is not None
    return "b.air" in found.library.governed, found.held


def test_what_other_files_took_over_is_not_missed(tmp_path: Path) -> None:
    site = ran(write_site(tmp_path))
    (site / AIR).rename(site / "schedules" / "offices.yaml")
    assert _looked(site) == (True, ())
    (site / "schedules" / "offices.yaml").unlink()
    assert _looked(site) == (True, ("schedules/offices.yaml",))
    (site / "schedules" / "other.yaml").write_text(
        TEXT.replace("schedule: air", "schedule: other"), encoding="utf-8"
    )
    assert _looked(site) == (True, ())


def test_a_whole_folder_that_is_gone_stays_in_force(tmp_path: Path) -> None:
    site = ran(write_site(tmp_path))
    shutil.rmtree(site / "schedules")
    assert _looked(site) == (True, (AIR,))


def test_a_schedule_whose_group_is_gone_too_is_not_missed(tmp_path: Path) -> None:
    site = ran(write_site(tmp_path))
    (site / AIR).unlink()
    groups = "base: b\ngroups: {new: {strategy: on_off, members: [holds, lets-go]}}\n"
    (site / "groups" / "b.yaml").write_text(groups, encoding="utf-8")
    assert _looked(site) == (False, ())


def test_a_file_that_came_back_is_missed_again(tmp_path: Path) -> None:
    site = ran(write_site(tmp_path))
    asked = ["schedule", "remove", str(site), "air", "--reason", "x", "--yes"]
    assert CliRunner().invoke(main, asked).exit_code == 0
    assert not (site / AIR).exists()
    assert _looked(site) == (False, ())
    (site / AIR).write_text(TEXT, encoding="utf-8")
    ran(site)
    (site / AIR).unlink()
    assert _looked(site) == (True, (AIR,))
