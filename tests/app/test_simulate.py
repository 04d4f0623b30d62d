"""Simulated time listens to whoever stops it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bms.app.simulate import simulate
from bms.config.load import load
from bms.control import STRATEGIES
from bms.field.plants import make_plant
from tests.acceptance.park import PLANT, SITE


async def test_it_stops_when_it_is_told_to(tmp_path: Path) -> None:
    site = load(SITE, STRATEGIES)
    start = datetime(2026, 7, 6, tzinfo=UTC)
    plant = make_plant(PLANT, start, {})
    try:
        running = asyncio.create_task(
            simulate(
                site,
                plant,
                start=start,
                end=start + timedelta(days=1),
                step=timedelta(hours=1),
                into=tmp_path,
            )
        )
        await asyncio.sleep(0)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
    finally:
        plant.close()
