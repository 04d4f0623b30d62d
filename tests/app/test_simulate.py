"""Simulated time listens to whoever stops it."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from bms.app.simulate import Simulated, simulate
from bms.app.simulating.ledger_beside import LedgerBeside
from bms.config.load import load
from bms.config.site import Site
from bms.control import STRATEGIES
from bms.core.errors import PlantFailed, StoreError
from bms.field.plants import EchoPlant, make_plant
from bms.historian.log.embedded import History
from bms.ledger.database.store import Ledger
from bms.ledger.posting import Posting
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


class _Watched:
    """The demo park; notes when it was looked at, and says how long its steps may be."""

    def __init__(self, longest_step_s: float) -> None:
        self.inner = make_plant(PLANT, START, {})
        self.ends: list[datetime] = []
        self.longest_step_s = longest_step_s

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def advance(self, until: datetime) -> datetime:
        self.ends.append(until)
        return self.inner.advance(until)


async def _day(plant: Any, into: Path) -> list[tuple[str, datetime, object]]:
    """What was commanded on a day, in steps of a minute."""
    site = load(SITE, STRATEGIES)
    end = START + timedelta(days=1)
    step = timedelta(minutes=1)
    await simulate(site, plant, start=START, end=end, step=step, into=into)
    with History(into, read_only=True) as history:
        return [
            (point, row.time, row.award and row.award.value)
            for point in sorted(site.outputs)
            for row in history.awards(point, START, end)
        ]


async def test_steps_grow_while_nothing_happens(tmp_path: Path) -> None:
    """A plant that says how long its steps may be is commanded as in steps of a minute; what it
    does by itself within a long one is seen at its end."""
    plain, stretched = _Watched(0.0), _Watched(300.0)
    commanded = await _day(plain, tmp_path / "plain")
    found = await _day(stretched, tmp_path / "stretched")
    assert [(point, value) for point, _, value in found] == [(p, v) for p, _, v in commanded]
    late = [other - time for (_, time, _), (_, other, _) in zip(commanded, found, strict=True)]
    # What ends within a long step (the last draw of hot water) was seen before it, or after it; a
    # store that is heated through the night, in long steps all along, is through six minutes later.
    assert set(late) <= {timedelta(minutes=n) for n in range(-4, 7)}
    assert late.count(timedelta(0)) > 0.98 * len(late)
    assert len(commanded) > 50
    assert len(plain.ends) == 1440
    assert len(stretched.ends) < 1300
    quarters = {START + timedelta(minutes=15 * n) for n in range(1, 97)}
    assert quarters <= set(stretched.ends), "meters are read at each quarter hour"
    longest = max(b - a for a, b in pairwise(stretched.ends))
    assert longest == timedelta(minutes=5)
    read, other = plain.inner.read(), stretched.inner.read()
    counters = [name for name in read if name.endswith(".energy")]
    assert sum(other[n] for n in counters) == pytest.approx(
        sum(read[n] for n in counters), rel=1e-4
    )


def _posted(directory: Path, site: Site) -> dict[str, dict[date, tuple[float, float]]]:
    """By meter and day what the ledger has."""
    days = (START.date(), START.date() + timedelta(days=12))
    with Ledger(directory) as ledger:
        return {spec.id: ledger.days(spec, *days) for spec in site.metering.values()}


async def test_a_ledger_that_is_posted_beside_is_the_same(tmp_path: Path) -> None:
    site, plant = load(SITE, STRATEGIES), make_plant(PLANT, START, {})
    await simulate(
        site,
        plant,
        start=START,
        end=START + timedelta(days=10),
        step=timedelta(hours=1),
        into=tmp_path,
    )
    plant.close()
    found = _posted(tmp_path, site)
    (tmp_path / "ledger.db").unlink()
    with History(tmp_path) as history, Ledger(tmp_path) as ledger:
        Posting(site.metering, history, ledger).catch_up(START + timedelta(days=10))
    assert found == _posted(tmp_path, site)
    assert any(kwh > 0.0 for days in found.values() for kwh, _ in days.values())


def test_a_process_that_keeps_the_ledger_and_fails_is_told(tmp_path: Path) -> None:
    beside = LedgerBeside(load(SITE, STRATEGIES).metering, tmp_path / "nowhere")
    beside.post(START)
    with pytest.raises(StoreError, match="nowhere"):
        beside.finish()
    beside.close()
