"""The month's sheet: recomputed by another script, with gaps, and as it was issued."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from bms.config.site import Site
from bms.config.tariffs import DemandPrice, PriceList
from bms.core.errors import InvalidInput, Refused
from bms.core.readings import Label
from bms.energy.billing.charges import adjustment_pct, billed_kw, power_factor
from bms.ledger.entered.entering import Author, correct
from bms.ledger.up_to_date import open_ledger
from bms.operations.reporting.month_case import AskMonth, MonthIssued, issue_months, sheet_of
from bms.reports.documents.html_face import to_html
from bms.reports.documents.json_face import plain_document
from bms.reports.meter_figures import interval_rows
from bms.texts.language import speaking
from tests.reports.month.month_sites import METERS, daily, fill, march, site_with

NOW = datetime(2026, 4, 3, tzinfo=UTC)
MARCH = date(2026, 3, 1)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    return march(tmp_path_factory.mktemp("march"))


@pytest.fixture
def own_site(tmp_path: Path) -> Site:
    return march(tmp_path)


def sheet(site: Site, month: date = MARCH, now: datetime = NOW) -> dict[str, Any]:
    with open_ledger(site, site.state_dir, now) as ledger:
        return plain_document(sheet_of(site, site.bases["plant"], ledger, month, now))


def tables(plain: Mapping[str, Any]) -> dict[str, dict[str, dict[str, Any]]]:
    """Rows by table and key."""
    return {
        part["table"].partition("-")[0]: {row["key"]: row["cells"] for row in part["rows"]}
        for section in plain["sections"]
        for part in section["parts"]
        if "table" in part
    }


def heads(plain: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    found = plain["sections"][0]["parts"][0]["figures"]
    return {item["key"].partition("-")[0]: item for item in found}


# --- an independent script: exported quarter hours, the tariff typed in again -------------------

FIRST_PRICES = {"sharp": "1.2", "peak": "1", "flat": "0.7", "valley": "0.3", "deep_valley": "0.2"}
LATER_PRICES = {"sharp": "1.3", "peak": "1.1", "flat": "0.7", "valley": "0.3", "deep_valley": "0.1"}


def period(at: datetime) -> str:
    clock = f"{at:%H:%M}"
    if at.isoweekday() == 7 and "10:00" <= clock < "14:00":
        return "deep_valley"
    if clock < "08:00" or clock >= "23:15" or "11:00" <= clock < "13:00":
        return "valley"
    if clock < "09:00" or "13:00" <= clock < "17:00":
        return "peak"
    return "sharp" if clock < "11:00" else "flat"


def exported(site: Site, name: str, now: datetime = NOW) -> Iterator[tuple[datetime, Decimal]]:
    spec = site.meter_named(name)
    first, last = (datetime(2026, m, 1, tzinfo=UTC) - timedelta(hours=8) for m in (3, 4))
    with open_ledger(site, site.state_dir, now) as ledger:
        for row in interval_rows(ledger, spec, first, last, "15m"):
            yield datetime.fromisoformat(row["start"]), Decimal(str(row["amount"]))


def test_an_independent_script_gets_the_same_sheet(site: Site) -> None:
    kwh: dict[str, Decimal] = defaultdict(Decimal)
    cost, peak = Decimal(0), (Decimal(0), NOW)
    for at, amount in exported(site, "plant.meter-main"):
        later = at.date() >= date(2026, 3, 16)
        since = "2026-03-16" if later else "2024-01-01"
        kwh[f"{period(at)}-{since}"] += amount
        cost += amount * Decimal((LATER_PRICES if later else FIRST_PRICES)[period(at)])
        if amount * 4 > peak[0]:
            peak = amount * 4, at
    found = tables(sheet(site))
    energy = found["energy"]
    assert {key: row["kwh"]["value"] for key, row in energy.items() if key != "sum"} == {
        key: float(amount) for key, amount in kwh.items()
    }
    assert energy["sum"]["kwh"]["value"] == float(sum(kwh.values()))
    assert energy["sum"]["cost"]["value"] == pytest.approx(float(cost), abs=1e-6)
    demand = found["demand"]["plant.meter-main"]
    assert demand["kw"]["value"] == float(peak[0])
    assert datetime.fromisoformat(demand["at"]) == peak[1]
    charges = found["charges"]
    by_demand = peak[0] * Decimal("40.5")
    assert charges["demand"]["amount"]["value"] == pytest.approx(float(by_demand), abs=1e-6)
    assert charges["sum"]["amount"]["value"] == pytest.approx(float(cost + by_demand), abs=1e-6)


def test_departments_and_the_rest_make_the_load(site: Site) -> None:
    sums = {name: sum(a for _, a in exported(site, name)) for name in METERS}
    found = tables(sheet(site))
    departments = {key: row["kwh"]["value"] for key, row in found["departments"].items()}
    load = sums["plant.meter-main"] + sums["plant.pv-1"] - sums["plant.meter-export"]
    # What stands behind the main meter and belongs to others is not the works'.
    assert departments == {
        "works": float(sums["plant.meter-main"] - sums["plant.meter-cold"]),
        "utilities": float(sums["plant.meter-cold"]),
        "rest": float(sums["plant.pv-1"] - sums["plant.meter-export"]),
        "sum": float(load),
    }
    assert found["comparison"]["load"]["this"]["value"] == float(load)


def test_growth_is_told_raw_and_per_day(site: Site) -> None:
    row = tables(sheet(site))["comparison"]["plant.meter-main"]
    this, last = row["this"]["value"], row["last"]["value"]
    assert row["mom"]["value"] == pytest.approx((this / last - 1) * 100, abs=1e-5)
    assert row["mom_day"]["value"] == pytest.approx((this / 31 / (last / 28) - 1) * 100, abs=1e-5)
    assert row["yoy_day"]["value"] == row["yoy"]["value"]


def test_what_is_not_metered_is_said_and_never_a_zero(site: Site) -> None:
    plain = sheet(site)
    assert heads(plain)["factor"]["value"] is None
    assert heads(plain)["factor"]["reason"] == "not metered"
    assert "power-factor" not in tables(plain)["charges"]


@pytest.mark.case(
    "T2",
    when="Readings of a month are missing, and the month is over.",
    then="Its sheet shows a dash with the hours that are missing and what it was at least. No sum "
    "and no cost over it is a number.",
)
def test_a_missing_part_makes_no_sum(tmp_path: Path) -> None:
    site = site_with(tmp_path)
    days = [(date(2026, 2, 1), date(2026, 3, 20))]
    fill(site, {name: daily(*load) for name, load in METERS.items()}, days, "Asia/Shanghai")
    plain = sheet(site)
    energy = tables(plain)["energy"]
    missing = energy["sharp-2026-03-16"]["kwh"]
    assert missing["value"] is None
    # Twelve days of two hours, less the one hour of each of two Sundays.
    assert missing["reason"] == "22.00 hours are missing"
    assert 0 < missing["least"] < missing["most"]
    assert missing["most"] == missing["least"] + 22 * 1500
    assert energy["sharp-2024-01-01"]["kwh"]["value"] > 0
    assert energy["sum"]["kwh"]["value"] is None
    assert energy["sum"]["cost"]["value"] is None
    assert heads(plain)["cost"]["value"] is None
    assert "bounds" in plain["answer"]
    quality = tables(plain)["quality"]["plant.meter-main"]
    assert quality["coverage"]["value"] == pytest.approx(19 / 31 * 100, abs=1e-4)


def test_whoever_makes_a_sheet_its_pictures_speak_the_language_of_their_reader(
    tmp_path: Path,
) -> None:
    site = site_with(tmp_path)
    days = [(date(2026, 2, 1), date(2026, 3, 20))]
    fill(site, {name: daily(*load) for name, load in METERS.items()}, days, "Asia/Shanghai")
    with speaking("zh"), open_ledger(site, site.state_dir, NOW) as ledger:
        made = sheet_of(site, site.bases["plant"], ledger, MARCH, NOW)
    page = to_html(made, "en").decode()
    assert re.findall("[\u4e00-\u9fff]+", page) == []
    assert "between" in page
    assert "之间" in to_html(made, "zh").decode()


@pytest.mark.parametrize(("month", "quarters"), [(3, 31 * 96 - 4), (10, 31 * 96 + 4)])
def test_months_in_which_the_clocks_change_have_all_their_quarter_hours(
    tmp_path: Path, month: int, quarters: int
) -> None:
    zone = "Europe/Berlin"
    site = site_with(tmp_path, zone=zone)
    days = [(date(2026, month, 1), date(2026, month + 1, 1))]
    fill(site, dict.fromkeys(METERS, lambda _: 100), days, zone)
    found = tables(sheet(site, date(2026, month, 1), datetime(2026, 12, 1, tzinfo=UTC)))
    energy = found["energy"]
    assert energy["sum"]["kwh"]["value"] == quarters
    by_period: dict[str, float] = defaultdict(float)
    for key, row in energy.items():
        by_period[key.split("-")[0]] += row["kwh"]["value"]
    # The hour that is lost or told twice lies in the valley: 02:00 to 03:00.
    sundays = 5 if month == 3 else 4
    assert by_period["sharp"] == 31 * 8 - sundays * 4
    assert by_period["valley"] == 31 * (35 + 8) - sundays * 8 + (quarters - 31 * 96)


# --- issues -------------------------------------------------------------------------------------


def issued(site: Site, now: datetime = NOW, **asked: Any) -> MonthIssued:
    given = {"month": MARCH, "formats": ("html", "xlsx", "csv", "json"), "languages": ("en", "zh")}
    (found,) = issue_months(site, AskMonth(**{**given, **asked}), now)
    return found


@pytest.mark.case(
    "T3",
    when="Somebody corrects a month whose sheet was issued.",
    then="The next sheet is a new issue that names the figures that changed. The old one stays as "
    "it was signed.",
)
def test_a_correction_makes_a_new_issue_that_names_what_changed(own_site: Site) -> None:
    site = own_site
    first = issued(site)
    assert (first.issue, first.new, first.changes) == (1, True, ())
    before = {path: Path(path).read_bytes() for path in first.files}
    assert len(before) == 8
    again = issued(site, NOW + timedelta(days=9))
    assert (again.issue, again.new, again.files) == (1, False, first.files)
    with open_ledger(site, site.state_dir, NOW) as ledger:
        correct(
            site, ledger, site.meter_named("plant.meter-main"),
            start=datetime(2026, 3, 3, 1, tzinfo=UTC), end=datetime(2026, 3, 3, 2, tzinfo=UTC),
            amount="50", label=Label.MANUAL,
            author=Author("wang", "fuse replaced", NOW),
        )  # fmt: skip
    second = issued(site)
    assert (second.issue, second.new) == (2, True)
    assert any(str(change).startswith("sharp, prices from") for change in second.changes)
    assert all(Path(path).read_bytes() == data for path, data in before.items())
    page = next(Path(p) for p in second.files if p.endswith("en.html")).read_text()
    assert "Changed since the issue before" in page
    assert "fuse replaced" in page
    plain = json.loads(next(Path(p) for p in second.files if p.endswith("en.json")).read_text())
    (told,) = tables(plain)["corrections"].values()
    assert told["who"] == "wang"
    assert told["amount"]["value"] == 50


def test_an_issue_is_made_again_with_the_same_bytes(own_site: Site) -> None:
    first = issued(own_site)
    before = {path: Path(path).read_bytes() for path in first.files}
    for path in first.files:
        Path(path).unlink()
    again = issued(own_site, NOW + timedelta(days=40))
    assert again.issue == 1
    assert {path: Path(path).read_bytes() for path in again.files} == before


def test_a_month_that_runs_is_shown_and_never_issued(own_site: Site, tmp_path: Path) -> None:
    now = datetime(2026, 3, 20, 4, 10, tzinfo=UTC)
    with pytest.raises(Refused, match="not over"):
        issued(own_site, now)
    found = issued(own_site, now, out=tmp_path / "out", formats=("json",), languages=("en",))
    assert found.issue is None
    assert not (own_site.state_dir / "reports").exists()
    plain = json.loads(Path(found.files[0]).read_text())
    assert plain["to"] == "2026-03-20T12:00+08:00"
    assert plain["signatures"] == []
    row = tables(plain)["comparison"]["plant.meter-main"]
    # The month before is told up to the same day and hour.
    assert row["mom"]["value"] == pytest.approx(row["mom_day"]["value"], abs=1e-6)
    assert abs(row["mom"]["value"]) < 20


def test_a_base_that_is_not_there_and_a_month_that_has_not_begun(own_site: Site) -> None:
    with pytest.raises(InvalidInput, match="no base 'plnt'"):
        issued(own_site, bases=("plnt",))
    with pytest.raises(Refused, match="has not begun"):
        issued(own_site, month=date(2027, 1, 1))


def test_a_month_is_told_from_its_first_quarter_hour_on(own_site: Site, tmp_path: Path) -> None:
    begin = datetime(2026, 3, 31, 16, tzinfo=UTC)
    april = {"month": date(2026, 4, 1), "out": tmp_path / "out"}
    with pytest.raises(Refused, match="has not begun"):
        issued(own_site, begin + timedelta(minutes=14), **april)
    found = issued(own_site, begin + timedelta(minutes=16), **april)
    assert found.issue is None
    # Nothing came in since: the month goes on, and what is missing is missing.
    assert issued(own_site, begin + timedelta(days=20), **april).issue is None


def test_a_base_that_names_no_meters_has_a_sheet_all_the_same(own_site: Site) -> None:
    base = replace(own_site.bases["plant"], imports=(), generation=(), exports=())
    found = issued(replace(own_site, bases={"plant": base}))
    assert "nothing to bill" in found.answer
    assert len(found.files) == 8


def test_without_a_tariff_there_are_kwh_and_no_costs(tmp_path: Path) -> None:
    site = replace(site_with(tmp_path), tariffs={}, applies={})
    fill(site, {name: daily(*load) for name, load in METERS.items()},
         [(date(2026, 3, 1), date(2026, 4, 1))], "Asia/Shanghai")  # fmt: skip
    plain = sheet(site)
    assert tables(plain)["energy"]["none"]["kwh"]["value"] > 0
    assert heads(plain)["cost"]["value"] is None
    assert "charges" not in tables(plain)


# --- charges ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("peak", "kw"), [(800, 1000), (1050, 1000), (1150, 1000 + 2 * 100)]
)  # fmt: skip
def test_what_lies_above_a_contract_is_dearer(peak: int, kw: int) -> None:
    price = DemandPrice(Decimal(40), Decimal(1000), Decimal(5), Decimal(2))
    assert billed_kw(price, Fraction(peak)) == kw
    assert billed_kw(DemandPrice(Decimal(40)), Fraction(peak)) == peak


def test_a_power_factor_counts_to_the_hundredth() -> None:
    clause = ((Decimal("0.9"), Decimal(0)), (Decimal("0.85"), Decimal(2)), (Decimal(0), Decimal(9)))
    prices = PriceList(date(2026, 1, 1), None, {}, power_factor=clause)
    found = [adjustment_pct(prices, factor) for factor in (0.95, 0.896, 0.894, 0.85, 0.2)]
    assert found == [0, 0, 2, 2, 9]
    assert power_factor(80, 60) == pytest.approx(0.8)
    assert power_factor(0, 0) is None


def test_quarter_hours_of_the_ledger_are_what_is_hashed(site: Site, tmp_path: Path) -> None:
    one, other = sheet(site)["receipt"]["data"], sheet(march(tmp_path))["receipt"]["data"]
    assert one == other
