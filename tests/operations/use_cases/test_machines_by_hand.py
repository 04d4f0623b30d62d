"""Machines locked out for maintenance and reset, by people, over a running controller."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bms.core.errors import InvalidInput, Refused
from bms.core.machines.interventions import Interventions, Lock
from bms.storage.intervention_store import INTERVENTIONS
from bms.storage.sqlite import Layout, open_database
from bms.storage.state import FILE_NAME, LAYOUT, Store
from tests.app.test_app import controlled
from tests.asking import ask
from tests.patience import async_until

NOW = datetime(2026, 7, 1, 1, 0, tzinfo=UTC)


async def _asked(state: Path, op: str, **arguments: Any) -> Any:
    return await asyncio.to_thread(lambda: ask(state, op, **arguments))


@pytest.mark.slow  # a locked machine starts a minute after its devices began anew
@pytest.mark.case(
    "P40",
    when="A person locks a machine out for maintenance, others override it on, and the controller "
    "starts again",
    then="It stays off until it is unlocked; status and why name who locked it, and why",
)
async def test_a_locked_machine_stays_off_whoever_wants_it(tmp_path: Path) -> None:
    state = tmp_path / "state"
    async with controlled(tmp_path) as (_, _task, told):
        await async_until(lambda: told.get("b.holds.enable") == 1.0)
        locked = await _asked(state, "machine.lock", machine="b.holds", reason="bearing change")
        assert locked["reason"] == "bearing change"
        await async_until(lambda: told["b.holds.enable"] == 0.0)
        with pytest.raises(Refused, match="locked already"):
            await _asked(state, "machine.lock", machine="b.holds", reason="again")
        asked = {"point": "b.holds.enable", "value": "on", "duration": "8h", "reason": "hot"}
        with pytest.raises(Refused, match="bearing change"):
            await _asked(state, "override.set", **asked)
    async with controlled(tmp_path) as (_, _task, told):
        await async_until(lambda: told.get("b.lets-go.enable") == 1.0)
        assert told.get("b.holds.enable", 0.0) == 0.0
        status = await _asked(state, "status")
        assert [lock["machine"] for lock in status["locks"]] == ["b.holds"]
        why = await _asked(state, "why", point="b.holds.enable")
        assert why["winner"]["priority"] == 2
        assert "bearing change" in why["winner"]["reason"]
        await _asked(state, "machine.unlock", machine="b.holds")
        await async_until(lambda: told.get("b.holds.enable") == 1.0)
        with pytest.raises(Refused, match="not locked"):
            await _asked(state, "machine.unlock", machine="b.holds")
    entries = [json.loads(line) for line in (state / "audit.jsonl").read_text().splitlines()]
    what = [entry["what"] for entry in entries if entry["what"].startswith("machine.")]
    assert what == ["machine.lock", "machine.unlock"]


async def test_a_reset_is_told_in_the_audit_and_names_a_machine_that_exists(
    tmp_path: Path,
) -> None:
    state = tmp_path / "state"
    async with controlled(tmp_path):
        with pytest.raises(InvalidInput, match="b.holds"):
            await _asked(state, "machine.reset", machine="b.hold", reason="repaired")
        answer = await _asked(state, "machine.reset", machine="b.holds", reason="repaired")
        assert answer == {"machine": "b.holds", "cleared": []}
    assert '"machine.reset"' in (state / "audit.jsonl").read_text()


def test_an_older_state_directory_takes_locks(tmp_path: Path) -> None:
    ddl = LAYOUT.ddl.replace(INTERVENTIONS, "")
    older = Layout(LAYOUT.title, LAYOUT.application_id, 3, ddl, LAYOUT.upgrades)
    open_database(tmp_path / FILE_NAME, older).close()
    with Store(tmp_path) as store:
        assert store.interventions.read() == Interventions()
        lock = store.interventions.lock("b.x", NOW, "wang", "bearing")
        reset = store.interventions.reset("b.x", NOW, "wang", "repaired")
    with Store(tmp_path) as store:
        found = store.interventions.read()
        assert found.locks == (Lock(lock.id, "b.x", NOW, "wang", "bearing"),)
        assert found.resets == {"b.x": reset}
    with sqlite3.connect(tmp_path / FILE_NAME) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (LAYOUT.version,)
