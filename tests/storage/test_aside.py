"""Files that can never be used are moved out of the way, whole, and told by their names."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path

import pytest

from bms.core.errors import DiskError, StoreError, UnusableFile
from bms.storage.aside import FOLDER, lying_aside, opened, put_aside
from bms.storage.sqlite import Layout, open_database
from bms.storage.state import open_store
from bms.texts.messages import msg

LAYOUT = Layout(msg("test"), 0x7E57, 1, "CREATE TABLE row (n INTEGER NOT NULL)")
NOW = datetime(2026, 11, 28, 10, 15, tzinfo=UTC)
NOBODY = 65534


def now() -> datetime:
    return NOW


def test_a_file_goes_with_all_that_belongs_to_it(tmp_path: Path) -> None:
    path, beside = tmp_path / "a.db", tmp_path / "raw.db"
    for part in (path, tmp_path / "a.db-wal", beside):
        part.write_text(part.name)
    error = UnusableFile(msg("broken"), path, "damaged")
    folder = put_aside(error, NOW, [beside])
    assert folder.name == "20261128T101500Z-a.db-damaged"
    assert {part.name: part.read_text() for part in folder.iterdir()} == {
        name: name for name in ("a.db", "a.db-wal", "raw.db")
    }
    path.write_text("again")
    assert put_aside(error, NOW).name == "20261128T101500Z-a.db-damaged-2"
    found = lying_aside(tmp_path)
    assert [(a.name, a.why, a.time) for a in found] == [("a.db", "damaged", NOW)] * 2
    (tmp_path / FOLDER / "somebody's").mkdir()
    assert lying_aside(tmp_path) == found


@pytest.mark.parametrize("raised", [ValueError("day 99"), KeyError("mode"), OverflowError()])
def test_what_reads_and_makes_no_sense_is_damaged_too(tmp_path: Path, raised: Exception) -> None:
    path = tmp_path / "a.db"
    path.write_text("nonsense")

    def open_it() -> str:
        if path.exists():
            raise raised
        return "new"

    assert opened(path, open_it, now) == "new"
    assert [a.name for a in lying_aside(tmp_path)] == ["a.db"]


def _other(path: Path) -> None:
    raise UnusableFile(msg("broken"), path.with_name("other.db"), "damaged")


def _full(path: Path) -> None:
    raise DiskError(msg("no room"))


@pytest.mark.parametrize("fails", [_other, _full])
def test_what_is_not_its_fault_leaves_a_file_alone(
    tmp_path: Path, fails: Callable[[Path], None]
) -> None:
    path = tmp_path / "a.db"
    path.write_text("good")
    with pytest.raises(StoreError):
        opened(path, lambda: fails(path), now)
    assert path.read_text() == "good"
    assert not lying_aside(tmp_path)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_a_file_that_this_account_may_not_read(tmp_path: Path) -> None:
    open_store(tmp_path, now)[0].close()
    (tmp_path / "state.db").chmod(0)
    tmp_path.chmod(0o777)

    def as_nobody() -> None:
        os.setuid(NOBODY)
        store, trouble = open_store(tmp_path, now)
        os._exit(0 if trouble is None and not store.active(NOW) else 1)

    for parent in tmp_path.parents[:3]:
        parent.chmod(parent.stat().st_mode | 0o111)
    process = get_context("fork").Process(target=as_nobody)
    process.start()
    process.join()
    assert process.exitcode == 0
    assert [(a.name, a.why) for a in lying_aside(tmp_path)] == [("state.db", "unreadable")]


@pytest.mark.parametrize("version", [2, 99])
def test_a_newer_layout_is_kept_as_it_is(tmp_path: Path, version: int) -> None:
    path = tmp_path / "a.db"
    connection = open_database(path, LAYOUT)
    connection.execute("INSERT INTO row VALUES (7)")
    connection.execute(f"PRAGMA user_version={version}")
    connection.close()
    was = path.read_bytes()
    opened(path, lambda: open_database(path, LAYOUT), now).close()
    (aside,) = lying_aside(tmp_path)
    assert aside.why == "newer"
    assert (aside.folder / "a.db").read_bytes() == was
