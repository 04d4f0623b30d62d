"""kWh since local midnight from registers, and when there is no such number."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from bms.config.load import load
from bms.config.models import Site
from bms.control import STRATEGIES
from bms.energy.ledger import Reading
from bms.energy.today import EnergyToday
from drivers.points import Quality, Sample
from tests.acceptance.park import SITE

NOON = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)  # 12:00 in Shanghai
MIDNIGHT = datetime(2026, 3, 1, 16, 0, tzinfo=UTC)
CENT = Decimal("0.01")


@pytest.fixture(scope="module")
def site() -> Site:
    return load(SITE, STRATEGIES)


def _shown(site: Site, kwh: float, time: datetime) -> dict[str, Sample]:
    return {point: Sample(point, kwh, Quality.GOOD, time) for point in site.meters}


def _learn_all(today: EnergyToday, now: datetime, at: datetime, counts: int) -> None:
    for point, since, until in list(today.wanted(now)):
        assert since < MIDNIGHT < until
        today.learn(point, now, [Reading(point, at, counts)], CENT)


def test_load_since_local_midnight(site: Site) -> None:
    today = EnergyToday(site)
    today.offer(NOON, _shown(site, 150.0, NOON))
    assert set(today.kwh(NOON).values()) == {None}
    _learn_all(today, NOON, MIDNIGHT, 10_000)
    # One import meter: 150 - 100. With PV and export, load = import + generation - export.
    boundary = site.bases["tonglu"]
    signed = len(boundary.imports) + len(boundary.generation) - len(boundary.exports)
    assert today.kwh(NOON) == {"binjiang": 50.0, "tonglu": 50.0 * signed, "chongqing": 50.0}
    assert list(today.wanted(NOON)) == []


def test_no_reading_near_midnight_is_no_number(site: Site) -> None:
    today = EnergyToday(site)
    today.offer(NOON, _shown(site, 150.0, NOON))
    _learn_all(today, NOON, MIDNIGHT + timedelta(minutes=40), 10_000)
    assert set(today.kwh(NOON).values()) == {None}
    assert list(today.wanted(NOON)) == []  # asked again only after a while
    assert list(today.wanted(NOON + timedelta(minutes=2)))


def test_a_register_that_fell_is_no_number_and_a_new_day_begins_anew(site: Site) -> None:
    today = EnergyToday(site)
    today.offer(NOON, _shown(site, 150.0, NOON))
    _learn_all(today, NOON, MIDNIGHT, 20_000)
    assert set(today.kwh(NOON).values()) == {None}
    tomorrow = NOON + timedelta(days=1)
    assert set(today.kwh(tomorrow).values()) == {None}
    assert list(today.wanted(tomorrow))


def test_bad_registers_are_not_taken(site: Site) -> None:
    today = EnergyToday(site)
    bad = {p: s._replace(quality=Quality.STALE) for p, s in _shown(site, 150.0, NOON).items()}
    today.offer(NOON, bad)
    _learn_all(today, NOON, MIDNIGHT, 10_000)
    assert set(today.kwh(NOON).values()) == {None}


def test_a_register_that_sends_a_text_is_not_taken(site: Site) -> None:
    today = EnergyToday(site)
    texts = {p: Sample(p, "offline", Quality.GOOD, NOON) for p in site.meters}
    today.offer(NOON, texts)
    _learn_all(today, NOON, MIDNIGHT, 10_000)
    assert set(today.kwh(NOON).values()) == {None}


def test_a_clock_set_back_does_not_keep_history_from_being_asked(site: Site) -> None:
    today = EnergyToday(site)
    assert list(today.wanted(NOON + timedelta(hours=1)))
    assert list(today.wanted(NOON))
