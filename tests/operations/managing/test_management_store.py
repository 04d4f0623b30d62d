"""What is managed stays: every version, its entry of the audit, and files that are damaged."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bms.core.errors import InvalidInput, StoreError
from bms.energy.management.managed_items import Goal, Level, Measure
from bms.operations.managing.management_store import (
    FILE_NAME,
    Author,
    kept,
    open_to_change,
    reading,
)
from bms.storage import audit
from bms.storage.aside import lying_aside

NOW = datetime(2026, 7, 1, 8, 0, tzinfo=UTC)
AUTHOR = Author("li", NOW, "cli")
GOAL = Goal(title="all", level=Level.COMPANY, year=2026, budget_kwh=1.0, responsible="li")


def test_a_change_that_breaks_off_leaves_nothing(tmp_path: Path) -> None:
    with open_to_change(tmp_path, NOW) as store:
        with pytest.raises(InvalidInput), store.changing():
            store.one(Goal, store.put(GOAL, AUTHOR, "add").number + 1)
        assert store.all(Goal) == []
    assert list(audit.entries(tmp_path)) == []


def test_items_are_numbered_by_kind_and_every_version_stays(tmp_path: Path) -> None:
    with open_to_change(tmp_path, NOW) as store, store.changing():
        first = store.put(GOAL, AUTHOR, "add")
        second = store.put(GOAL, AUTHOR, "add")
        store.put(first.model_copy(update={"budget_kwh": 2.0}), AUTHOR, "set", "sold")
        assert (first.number, second.number) == (1, 2)
    with reading(tmp_path) as found:
        assert [goal.budget_kwh for goal in kept(found, Goal)] == [2.0, 1.0]
        assert found is not None
        assert [one.what for one in found.versions(Goal, 1)] == ["goal.add", "goal.set"]
        assert kept(found, Measure) == []
        with pytest.raises(InvalidInput, match="there is no measure 1"):
            found.one(Measure, 1)
    assert [entry["what"] for entry in audit.entries(tmp_path)] == [
        "goal.add", "goal.add", "goal.set",
    ]  # fmt: skip


def test_who_only_looks_makes_no_file(tmp_path: Path) -> None:
    with reading(tmp_path) as found:
        assert kept(found, Goal) == []
    assert not (tmp_path / FILE_NAME).exists()


def _spoil(path: Path, how: str) -> None:
    if how == "bytes":
        path.write_bytes(b"nonsense" * 1000)
        for part in ("-wal", "-shm"):
            Path(f"{path}{part}").unlink(missing_ok=True)
        return
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("UPDATE version SET item = '{\"title\": 3}'")


@pytest.mark.case(
    "T81",
    when="the file of goals, rounds, findings and measures is damaged, and somebody records a goal",
    then="The file is put aside as it is and a new one takes the goal. An alarm of the controller "
    "names the file until it is dealt with.",
)
@pytest.mark.parametrize("how", ["bytes", "item"])
def test_a_damaged_file_is_put_aside_whole(tmp_path: Path, how: str) -> None:
    with open_to_change(tmp_path, NOW) as store, store.changing():
        store.put(GOAL, AUTHOR, "add")
    _spoil(tmp_path / FILE_NAME, how)
    with open_to_change(tmp_path, NOW) as store:
        assert store.all(Goal) == []
    (aside,) = lying_aside(tmp_path)
    assert (aside.name, aside.why) == (FILE_NAME, "damaged")


def test_a_file_of_a_later_version_is_left_where_it_is(tmp_path: Path) -> None:
    open_to_change(tmp_path, NOW).close()
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as database:
        database.execute("PRAGMA user_version = 99")
    with pytest.raises(StoreError, match="newer version"):
        open_to_change(tmp_path, NOW)
    assert lying_aside(tmp_path) == []
