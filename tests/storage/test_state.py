"""Overrides and states survive."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bms.core.decisions import Override
from bms.core.errors import Refused, StoreError
from bms.storage.state import FILE_NAME, Store
from drivers.points import Value

NOW = datetime(2026, 3, 2, 8, 0, 0, 123457, tzinfo=UTC)
WANTED = Override(
    0, "b.ahu-1.enable", True, NOW, NOW + timedelta(hours=2, microseconds=1), "测试", "chen"
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path) as opened:
        yield opened


@pytest.mark.parametrize("value", [True, False, 0, 1, 0.0, 1.0, -0.1, 1e300, "on", "", "开"])
def test_values_come_back_exactly_and_with_their_type(tmp_path: Path, value: Value) -> None:
    with Store(tmp_path) as store:
        added = store.add(replace(WANTED, value=value))
    with Store(tmp_path) as store:
        (found,) = store.active(NOW)
    assert found == added == replace(WANTED, id=added.id, value=value)
    assert type(found.value) is type(value)


def test_it_ends_at_the_very_instant(store: Store) -> None:
    store.add(WANTED)
    assert store.active(WANTED.until - timedelta(microseconds=1))
    assert store.active(WANTED.until) == []


def test_a_new_one_replaces_the_old_one_on_its_point(store: Store) -> None:
    first = store.add(WANTED)
    other = store.add(replace(WANTED, point="b.ahu-2.enable"))
    second = store.add(replace(WANTED, value=False, start=NOW + timedelta(minutes=1), owner="li"))
    assert store.active(NOW + timedelta(minutes=1)) == [other, second]
    record = store.overrides_since(NOW)
    assert [(r.override.id, r.ended) for r in record] == [
        (first.id, "replaced by li"),
        (other.id, None),
        (second.id, None),
    ]
    assert record[0].ended_at == NOW + timedelta(minutes=1)


def test_an_expired_one_is_kept_as_expired(store: Store) -> None:
    store.add(WANTED)
    later = WANTED.until + timedelta(minutes=5)
    store.add(replace(WANTED, start=later, until=later + timedelta(hours=1)))
    first, second = store.overrides_since(NOW)
    assert (first.ended, first.ended_at) == ("expired", WANTED.until)
    assert second.ended is None


def test_clear_by_id_or_point(store: Store) -> None:
    one = store.add(WANTED)
    two = store.add(replace(WANTED, point="b.ahu-2.enable"))
    assert store.clear(one.id, NOW, "chen") == one
    assert store.clear(one.id, NOW) is None
    assert store.clear("b.ahu-2.enable", NOW) == two
    assert store.clear("b.ahu-2.enable", NOW) is None
    assert store.active(NOW) == []
    assert [r.ended for r in store.overrides_since(NOW)] == ["cleared by chen", "cleared"]


@pytest.mark.parametrize(
    "wrong", [{"until": NOW}, {"value": float("nan")}, {"value": float("inf")}]
)
def test_what_cannot_be_an_override_is_refused(store: Store, wrong: dict[str, Any]) -> None:
    with pytest.raises(Refused):
        store.add(replace(WANTED, **wrong))
    assert store.overrides_since(NOW) == []


def test_states_are_merged_by_name(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        assert store.load_states() == {}
        store.save_states({"a": {"stage": 2, "since": None}, "b": [1, 2.5]})
        store.save_states({"a": {"stage": 3, "since": "2026-01-01T00:00:00+00:00"}})
    with Store(tmp_path) as store:
        assert store.load_states() == {
            "a": {"stage": 3, "since": "2026-01-01T00:00:00+00:00"},
            "b": [1, 2.5],
        }


def test_an_acknowledged_override_survives_a_kill(tmp_path: Path) -> None:
    code = """
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from bms.core.decisions import Override
from bms.storage.state import Store
now = datetime(2026, 3, 2, tzinfo=UTC)
store = Store(Path(sys.argv[1]))
store.add(Override(0, "b.ahu-1.enable", True, now, now + timedelta(hours=1), "r", "o"))
store.save_states({"a": 1})
print("stored", flush=True)
sys.stdin.read()
"""
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)],
        stdout=subprocess.PIPE,
        stdin=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "stored\n"
        os.kill(process.pid, signal.SIGKILL)
    with Store(tmp_path) as store:
        (found,) = store.active(datetime(2026, 3, 2, tzinfo=UTC))
        assert found.until == datetime(2026, 3, 2, 1, tzinfo=UTC)
        assert store.load_states() == {"a": 1}


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(b"x" * 5000)
    with pytest.raises(StoreError, match=r"state\.db.*damaged"):
        Store(tmp_path)
