"""Overrides whose point is gone or has another name."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from click.testing import CliRunner

from bms.cli import main
from tests.app.test_app import FILES, controlled
from tests.asking import ask
from tests.patience import async_until, patience

RENAMED = FILES["groups/b.yaml"].replace("air:", "halls:")
GOVERNED = FILES["schedules/air.yaml"].replace("b.air", "b.halls")


@pytest.mark.case(
    "C12",
    when="A group or a machine with an override is renamed, and the controller starts again",
    then="bms check refuses the name; an alarm and 'override list' say that the override does "
    "nothing",
)
@pytest.mark.parametrize(
    ("point", "value", "changes"),
    [
        ("b.air.mode", "off", {"groups/b.yaml": RENAMED, "schedules/air.yaml": GOVERNED}),
        ("b.air.speed_pct", "40", {"groups/b.yaml": RENAMED, "schedules/air.yaml": GOVERNED}),
        (
            "b.holds.enable",
            "0",
            {
                name: FILES[name].replace("holds", "keeps")
                for name in ("equipment/b.yaml", "groups/b.yaml")
            },
        ),
    ],
)
async def test_an_override_that_points_at_nothing_is_told(
    tmp_path: Path, point: str, value: str, changes: dict[str, str]
) -> None:
    state = tmp_path / "state"
    async with controlled(tmp_path) as (_, _task, told):
        await async_until(lambda: told.get("b.holds.speed") == 80.0)
        asked = {"point": point, "value": value, "duration": "8h", "reason": "work on the fan"}
        made = await asyncio.to_thread(ask, state, "override.set", **asked)
        assert not made["orphaned"]
        for name, text in changes.items():
            (tmp_path / name).write_text(text, encoding="utf-8")
        checked = CliRunner().invoke(main, ["check", str(tmp_path)])
        assert checked.exit_code == 2
        assert point in checked.stderr
    async with controlled(tmp_path, **changes):
        async with patience():
            while not (alarm := await _alarm(state, f"override:{made['id']}")):
                await asyncio.sleep(0.01)
        assert point in alarm
        (listed,) = await asyncio.to_thread(ask, state, "override.list")
        assert listed["orphaned"]
        await asyncio.to_thread(ask, state, "override.clear", override=str(made["id"]))
        async with patience():
            while await _alarm(state, f"override:{made['id']}"):
                await asyncio.sleep(0.01)
    assert CliRunner().invoke(main, ["check", str(tmp_path)]).exit_code == 0


async def _alarm(state: Path, key: str) -> str:
    answer = await asyncio.to_thread(ask, state, "status")
    return next((str(a["text"]) for a in answer["alarms"] if a["key"] == key), "")
