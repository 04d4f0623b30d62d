"""A year in which the weather switches the seasons, simulated by the engine that runs live."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from bms.app.simulate import simulate
from bms.config.load import load
from bms.control import STRATEGIES
from bms.core.switched import Spell, SpellKey, of_key
from bms.field.plants import EchoPlant, make_plant
from bms.historian.log.embedded import History
from bms.storage import audit
from bms.storage.state import Store, read_in_force
from drivers.points import Point
from simulators.weather import GeneratedWeather
from tests.acceptance.park import PLANT, SITE
from tests.operations.seasons.site import BY_WEATHER, write

ZONE = ZoneInfo("Asia/Shanghai")
STATION = "b.station.outdoor_temp"
YEAR = (datetime(2024, 12, 31, 16, tzinfo=UTC), datetime(2025, 12, 31, 16, tzinfo=UTC))


class Outdoors(EchoPlant):
    """Machines that obey, and a thermometer in the climate of Hangzhou."""

    def __init__(self, points: Sequence[Point], start: datetime) -> None:
        super().__init__(points)
        self._weather = GeneratedWeather("1")
        self._now = start

    def advance(self, until: datetime) -> datetime:
        self._now = until
        return until

    def read(self) -> Mapping[str, float]:
        return {**super().read(), STATION: self._weather.at(self._now).outdoor_temp_c}


async def year(directory: Path, state: Path, *, cuts: int = 0) -> tuple[Spell, ...]:
    """The spells of a year, simulated in so many pieces more than one."""
    site = load(write(directory, **{"schedules/seasons.yaml": BY_WEATHER}), STRATEGIES)
    points = [point for link in site.links.values() for point in link.points]
    start, end = YEAR
    edges = [start + (end - start) * n / (cuts + 1) for n in range(cuts + 2)]
    hours = [e.replace(minute=0, second=0, microsecond=0) for e in edges]
    for since, until in pairwise(hours):
        plant = Outdoors(points, since)
        await simulate(
            site, plant, start=since, end=until, step=timedelta(hours=2), into=state,
            trend_s=86400.0,
        )  # fmt: skip
    return read_in_force(state, end).switched.spells


def plausible(spells: Sequence[Spell]) -> None:
    """As a year in the east of China goes, and each with its cause."""
    assert [s.season for s in spells] == [
        "winter", "transitional", "summer", "transitional", "winter",
    ]  # fmt: skip
    days = [f"{s.start.astimezone(ZONE):%m-%d}" for s in spells]
    assert "02-20" <= days[1] <= "04-10", days
    assert "04-20" <= days[2] <= "06-10", days
    assert "09-10" <= days[3] <= "10-31", days
    assert "11-01" <= days[4] <= "12-15", days
    assert all(b.start - a.start >= timedelta(days=14) for a, b in pairwise(spells))
    assert all("mean" in s.reason and "for 3 days" in s.reason for s in spells[2:])


async def test_a_year_of_weather_switches_at_plausible_dates_whatever_the_restarts(
    tmp_path: Path,
) -> None:
    whole = await year(tmp_path / "site", tmp_path / "whole")
    plausible(whole)
    cut = await year(tmp_path / "site", tmp_path / "cut", cuts=23)
    assert cut == whole
    told = list(audit.entries(tmp_path / "whole"))
    assert [e["season"] for e in told] == [s.season for s in whole]
    assert all(e["why"] == s.reason for e, s in zip(told, whole, strict=True))
    assert audit.verify(tmp_path / "whole") == (len(whole), [])
    # The schedule followed: its mode's reason names the season of the day.
    with History(tmp_path / "whole", read_only=True) as history:
        for spell in whole[1:]:
            noon = spell.start + timedelta(hours=36)
            row = history.award_at("b.air.mode", noon)
            assert row is not None
            assert row.award is not None
            assert f"({spell.season})" in row.award.winner.reason


@pytest.mark.slow
async def test_a_year_of_the_demo_park_is_switched_by_its_weather(tmp_path: Path) -> None:
    site = load(SITE, STRATEGIES)
    start, end = YEAR
    plant = make_plant(PLANT, start, {})
    try:
        await simulate(site, plant, start=start, end=end, step=timedelta(hours=1), into=tmp_path)
    finally:
        plant.close()
    with Store(tmp_path) as store:
        spells = store.switched.read(end).spells
    for base in ("binjiang", "tonglu"):
        plausible(of_key(spells, SpellKey("cn-east", base)))
    west = [s.season for s in of_key(spells, SpellKey("cn-southwest", "chongqing"))]
    assert {"summer", "transitional"} <= set(west)
    assert [s.season for s in of_key(spells, SpellKey("showroom", "binjiang"))] == ["winter"]
