"""A running controller takes goals and findings over its socket, and keeps who asked."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bms.core.errors import InvalidInput
from bms.operations.managing.management_store import FILE_NAME
from bms.people.accounts import login
from bms.storage import audit
from tests.app.test_app import controlled
from tests.asking import ask


async def test_what_people_manage_goes_through_the_controller(tmp_path: Path) -> None:
    state_dir = tmp_path / "state"
    asked = {"title": "a fan runs at night", "place": "b", "worth_kwh": 1200}
    async with controlled(tmp_path):
        kept = await asyncio.to_thread(ask, state_dir, "finding.add", **asked)
        with pytest.raises(InvalidInput, match="there is no finding 2"):
            await asyncio.to_thread(ask, state_dir, "finding.close", finding=2, note="x")
        done = await asyncio.to_thread(ask, state_dir, "finding.close", finding=1, note="mended")
    assert kept["finding"]["number"] == done["finding"]["number"] == 1
    assert (kept["finding"]["by"], done["finding"]["closed"]["by"]) == (login(), login())
    assert (state_dir / FILE_NAME).exists()
    entries = [one for one in audit.entries(state_dir) if one["what"].startswith("finding.")]
    assert [(one["what"], one["via"], one["who"]) for one in entries] == [
        ("finding.add", "api", login()),
        ("finding.close", "api", login()),
    ]
