"""kWh since local midnight: the ledger's day and the register since, or no number."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest

from bms.config.load import load
from bms.config.site import Site
from bms.control import STRATEGIES
from bms.core.instants import to_ms
from bms.energy.today import Day, EnergyToday
from drivers.points import Quality, Sample
from tests.acceptance.park import SITE

NOON = datetime(2026, 3, 2, 4, 7, tzinfo=UTC)  # 12:07 in Shanghai
MARK = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
MIDNIGHT = datetime(2026, 3, 1, 16, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def site() -> Site:
    return load(SITE, STRATEGIES)


def _shown(site: Site, kwh: float) -> dict[str, Sample]:
    return {point: Sample(point, kwh, Quality.GOOD, NOON) for point in site.meters}


def _days(
    site: Site, used: int | None, mark: datetime = MARK, register: int = 140
) -> dict[str, Day]:
    day = Day(None if used is None else Fraction(used), to_ms(mark), Fraction(register))
    return dict.fromkeys(site.meters, day)


def test_load_since_local_midnight(site: Site) -> None:
    today = EnergyToday(site)
    today.offer(NOON, _shown(site, 150.0))
    assert set(today.kwh(NOON, {}).values()) == {None}
    # One import meter: 40 + 150 - 140. With PV and export, load = import + generation - export.
    boundary = site.bases["tonglu"]
    signed = len(boundary.imports) + len(boundary.generation) - len(boundary.exports)
    found = today.kwh(NOON, _days(site, 40))
    assert found == {"binjiang": 50.0, "tonglu": 50.0 * signed, "chongqing": 50.0}
    assert set(today.wanted()) <= set(site.meters)


def test_a_day_of_which_something_is_missing_has_no_number(site: Site) -> None:
    today = EnergyToday(site)
    today.offer(NOON, _shown(site, 150.0))
    assert set(today.kwh(NOON, _days(site, None)).values()) == {None}


def test_right_after_midnight_the_day_has_its_share_of_what_came_since(site: Site) -> None:
    today = EnergyToday(site)
    today.offer(NOON, _shown(site, 150.0))
    now, mark = MIDNIGHT + timedelta(minutes=2), MIDNIGHT - timedelta(minutes=8)
    assert today.kwh(now, _days(site, None, mark))["binjiang"] == 2.0
    stale = MIDNIGHT - timedelta(minutes=40)
    assert today.kwh(now, _days(site, None, stale))["binjiang"] is None


@pytest.mark.parametrize("register", [139.0, 1e9])
def test_a_register_that_fell_or_was_swapped_is_no_number(site: Site, register: float) -> None:
    today = EnergyToday(site)
    today.offer(NOON, _shown(site, register))
    assert set(today.kwh(NOON, _days(site, 40)).values()) == {None}


def test_bad_registers_and_texts_are_not_taken(site: Site) -> None:
    today = EnergyToday(site)
    stale = {p: s._replace(quality=Quality.STALE) for p, s in _shown(site, 150.0).items()}
    today.offer(NOON, stale)
    texts = {p: Sample(p, "offline", Quality.GOOD, NOON) for p in site.meters}
    today.offer(NOON, texts)
    assert set(today.kwh(NOON, _days(site, 40)).values()) == {None}
