"""Points that belong to a group and that nobody commands."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.app.test_app import controlled
from tests.asking import ask
from tests.patience import async_until


@pytest.mark.case(
    "N14",
    when="A group has setpoints that nobody uses",
    then="They are shown as not used, and not as bad: the points and the status agree",
)
async def test_points_and_status_agree_on_what_is_bad(tmp_path: Path) -> None:
    async with controlled(tmp_path) as (_, _task, told):
        await async_until(lambda: told.get("b.holds.speed") == 80.0)
        state = tmp_path / "state"

        async def asked(what: str) -> Any:
            return await asyncio.to_thread(ask, state, what)

        rows = await asked("points")
        status = await asked("status")
        by_quality = {row["point"]: row["quality"] for row in rows}
        assert "unused" in by_quality.values()
        for name in ("bad", "stale"):
            shown = sum(1 for quality in by_quality.values() if quality == name)
            assert shown == status["points"][name]
        assert all(row["value"] is None for row in rows if row["quality"] == "unused")
