"""Requests of any size and sense: each is answered, and the cycle goes on meanwhile."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bms.api.client import exchange
from bms.api.protocol import REQUEST_LIMIT
from bms.core.errors import BmsError, Unreachable
from bms.operations.registry import use_cases
from tests.app.running import run_app
from tests.app.test_damaged_files import SITE
from tests.patience import patience

LONG = REQUEST_LIMIT - 2000
MOST_BLOCKED_CYCLES = 100
"""Of 50 ms each: 128 s were taken once. A busy machine needs a few for itself."""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    for name, text in SITE.items():
        path = tmp_path / "site" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path / "site"


def values(rng: random.Random) -> Iterator[Any]:
    """What somebody may send in the place of any argument."""
    yield from ("[" * LONG, "*a" * (LONG // 2), "9" * LONG, "1d" * (LONG // 2), "*[a-z]" * 150)
    yield from ("9999-12-31T23:59", "0001-01-01T00:00", "99999999d", "1e999", "-1", "nan", "", " ")
    yield from ([], {}, [[]] * 5000, {str(n): n for n in range(4000)}, True, None, 1e308, -(2**63))
    yield from ("\x00\x1b[31m", "\u202e", "b.holds.enable", "b.holds.speed", "b.air.mode", "off")
    yield from ("end-of-block", "tomorrow 07:00", f"{rng.randrange(10**6)}h", "2026-02-30T07:00")


@pytest.mark.case(
    "R4",
    when="A request is as long as it may be, or makes no sense: a filter of 40,000 brackets",
    then="It is answered at once, and the control goes on: no request holds it up",
)
async def test_no_request_holds_up_the_control(site: Path) -> None:
    rng = random.Random(4)
    async with run_app(site) as app, patience():
        state = site / "state"
        while app.control.cycles < 3:
            await asyncio.sleep(0.02)
        overruns = app.control.view()["overruns"]
        with pytest.raises(BmsError, match="at most"):
            await asyncio.to_thread(exchange, state, "points", {"filter": "[" * 40_000})
        for case in use_cases():
            fields = case.operation.request.model_fields
            names = [field.alias or name for name, field in fields.items()]
            for value in values(rng):
                args: dict[str, Any] = dict.fromkeys(names, "b.holds.speed")
                if names:
                    args[rng.choice(names)] = value
                try:
                    await asyncio.to_thread(exchange, state, case.operation.name, args)
                except Unreachable as error:
                    pytest.fail(f"{case.operation.name} {str(args)[:80]}: {error}")
                except BmsError as error:
                    if "see its log" in str(error):
                        pytest.fail(f"{case.operation.name} {str(args)[:200]}: {error}")
        before = app.control.cycles
        while app.control.cycles < before + 5:
            await asyncio.sleep(0.02)
        assert app.control.view()["overruns"] - overruns < MOST_BLOCKED_CYCLES
