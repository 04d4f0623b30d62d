"""The report from stored readings, base by base."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from bms.config.shapes.models import EnergyBoundary
from bms.config.site import MeterRole
from bms.core.instants import local_midnight
from bms.core.readings import Reading
from bms.energy.verdict import Verdict
from bms.historian.log.embedded import History
from bms.historian.records import Batch, Meter
from bms.ledger.up_to_date import open_ledger
from bms.reports.growth import GrowthReport, growth_report
from tests.historian.support import make_site

ZONE = ZoneInfo("Asia/Shanghai")
CENT = Decimal("0.01")


def store(
    history: History, point: str, kwh_per_day: dict[int, int], first: date, last: date
) -> None:
    """Hourly readings in counts of 0.01 kWh, `kwh_per_day` by year (a multiple of 24)."""
    time, end = local_midnight(first, ZONE), local_midnight(last + timedelta(days=1), ZONE)
    counts, readings = 5, []
    while time <= end:
        readings.append(Reading(point, time, counts))
        counts += kwh_per_day[time.astimezone(ZONE).year] * 100 // 24
        time += timedelta(hours=1)
    history.append(Batch(readings=readings, meters=[Meter(point, point.split(".")[0], CENT)]))


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> GrowthReport:
    directory: Path = tmp_path_factory.mktemp("site")
    site = make_site(
        directory,
        {
            "north.meter-main": "meter",
            "north.pv-1": "pv_inverter",
            "south.meter-main": "meter",
            "west.meter-main": "meter",
            "east.ch-1": "chiller",
        },
        {
            "north": EnergyBoundary(imports=["meter-main"], generation=["pv-1"]),
            "south": EnergyBoundary(imports=["meter-main"]),
            "west": EnergyBoundary(imports=["meter-main"]),
        },
    )
    first, last = date(2025, 1, 1), date(2026, 5, 20)
    with History(site.state_dir) as history:
        store(history, "north.meter-main.energy", {2025: 2400, 2026: 2400}, first, last)
        store(history, "north.pv-1.energy", {2025: 0, 2026: 240}, first, last)
        store(history, "south.meter-main.energy", {2025: 2400, 2026: 2472}, first, last)
        store(history, "west.meter-main.energy", {2025: 2400, 2026: 24}, date(2026, 1, 1), last)
    now = datetime(2026, 5, 21, 1, 0, tzinfo=UTC)
    with open_ledger(site, site.state_dir, now) as ledger:
        return growth_report(site, ledger, 2026, now)


def test_verdicts_per_base(report: GrowthReport) -> None:
    verdicts = {item.growth.base: item.growth.verdict for item in report.bases}
    assert verdicts == {
        "east": Verdict.CANNOT_TELL,
        "north": Verdict.OVER,
        "south": Verdict.UNDER,
        "west": Verdict.CANNOT_TELL,
    }


def test_numbers_are_those_of_the_registers(report: GrowthReport) -> None:
    south = next(b for b in report.bases if b.growth.base == "south").to_json()
    days = (date(2026, 5, 20) - date(2025, 12, 31)).days
    assert south["last_day"] == "2026-05-20"
    assert south["kwh"] == days * 2472
    assert south["baseline_kwh"] == days * 2400
    assert south["baseline_full_kwh"] == 365 * 2400
    assert south["growth_pct"] == 3.0
    assert south["projection_kwh"] == 365 * 2472
    assert south["coverage_pct"] == south["baseline_coverage_pct"] == 100.0
    assert south["notes"] == [f"year-end by {south['projection_method']}"]


def test_cannot_tell_says_which_meter_and_what_is_known(report: GrowthReport) -> None:
    west = next(b for b in report.bases if b.growth.base == "west")
    content = west.to_json()
    assert content["verdict"] == "cannot tell"
    assert content["kwh"] == (date(2026, 5, 20) - date(2025, 12, 31)).days * 24
    assert (content["baseline_kwh"], content["growth_pct"]) == (None, None)
    assert "west.meter-main has no energy in 2025-01-01..2025-05-20" in content["reason"]
    assert content["reason"] in content["notes"]
    lines = [(m.role, m.first_day.year, m.kwh is None, m.coverage_pct) for m in west.meters]
    assert lines == [(MeterRole.IMPORT, 2026, False, 100.0), (MeterRole.IMPORT, 2025, True, 0.0)]


def test_the_report_is_plain_data(report: GrowthReport) -> None:
    content = report.to_json()
    assert json.loads(json.dumps(content)) == content
    assert (content["year"], content["baseline_year"], content["partial"]) == (2026, 2025, True)
    east = next(b for b in content["bases"] if b["base"] == "east")
    assert east["kwh"] is None
    assert "site.yaml" in east["reason"]


def test_a_site_without_readings_cannot_tell(tmp_path: Path) -> None:
    site = make_site(
        tmp_path, {"b.m": "meter"}, {"b": EnergyBoundary(imports=["m"])}, baseline_year=2023
    )
    now = datetime(2026, 1, 9, tzinfo=UTC)
    with History(site.state_dir), open_ledger(site, site.state_dir, now) as ledger:
        content = growth_report(site, ledger, 2025, now).to_json()
    (base,) = content["bases"]
    assert base["verdict"] == "cannot tell"
    assert (base["kwh"], base["coverage_pct"], base["baseline_year"]) == (None, 0.0, 2023)
