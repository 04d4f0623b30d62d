"""Simulated time listens to whoever stops it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bms.app.simulate import Simulated, simulate
from bms.config.load import load
from bms.control import STRATEGIES
from bms.core.errors import PlantFailed
from bms.field.plants import EchoPlant, make_plant
from drivers.plant import PlantEnded
from tests.acceptance.park import PLANT, SITE

START = datetime(2026, 7, 6, tzinfo=UTC)


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


class _Ends(EchoPlant):
    """A plant that has data for three hours."""

    def __init__(self, start: datetime, error: Exception) -> None:
        super().__init__([])
        self._end = start + timedelta(hours=3)
        self._error = error

    def advance(self, until: datetime) -> datetime:
        if until > self._end:
            raise self._error
        return until


async def _simulated(plant: EchoPlant, into: Path) -> Simulated:
    return await simulate(
        load(SITE, STRATEGIES),
        plant,
        start=START,
        end=START + timedelta(days=1),
        step=timedelta(hours=1),
        into=into,
    )


@pytest.mark.case(
    "P48",
    when="A plant that `bms simulate` runs has no more data, or fails.",
    then="What was simulated until then is kept, and the reason is said in one line.",
)
async def test_it_ends_where_the_plant_ends(tmp_path: Path) -> None:
    plant = _Ends(START, PlantEnded("the recorded year is over"))
    done = await _simulated(plant, tmp_path / "ended")
    assert done.end == START + timedelta(hours=3)
    assert done.cycles == 3
    assert done.ended == "the recorded year is over"
    failing = _Ends(START, ZeroDivisionError("no flow"))
    with pytest.raises(PlantFailed, match="the plant failed: no flow"):
        await _simulated(failing, tmp_path / "failed")
