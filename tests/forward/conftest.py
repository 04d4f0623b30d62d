"""A server that takes lines, and a history with one point."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from bms.core.equipment import PointClass
from bms.historian.log.embedded import History
from bms.historian.records import Batch, Series
from tests.historian.influx_server import InfluxServer

POINT = "plant.ch-1.power"


@pytest.fixture
async def server() -> AsyncIterator[InfluxServer]:
    async with InfluxServer() as running:
        yield running


@pytest.fixture
def history(tmp_path: Path) -> Iterator[History]:
    with History(tmp_path) as opened:
        opened.append(Batch(series=[Series(POINT, "kW", PointClass.ANALOG)]))
        yield opened
