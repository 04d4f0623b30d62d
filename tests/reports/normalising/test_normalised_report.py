"""Normalised growth of a site of which the truth is known: registers, a weather station, a file."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pytest

from bms.config.site import Site
from bms.core.errors import InvalidInput, NotAvailable
from bms.operations.reporting.normalised_case import (
    baseline_of,
    normalised_growth,
    receipt_of,
)
from bms.reports.documents.csv_face import to_csv
from bms.reports.documents.html_face import to_html
from bms.reports.documents.json_face import to_json
from bms.reports.documents.xlsx_face import to_xlsx
from bms.reports.normalising.normalised_document import baseline_document, normalised_document
from bms.reports.normalising.normalised_report import BaseNormalised
from bms.reports.normalising.plain_values import report_plain
from tests.reports.normalising.known_park import DRIVERS, MIDSUMMER, OVER, STEP, Park


def base_of(park: Park, now: datetime, site: Site | None = None) -> BaseNormalised:
    return normalised_growth(site or park.site, 2025, now).bases[0]


def test_a_year_that_is_over(park: Park) -> None:
    found = base_of(park, OVER)
    assert found.compared is not None
    assert found.compared.enough
    low, high = found.compared.interval_pct()
    assert low < -100 * STEP < high
    assert found.growth.growth_pct is not None
    assert found.growth.growth_pct > 0  # raw, it grew
    assert found.compared.probability_under(5.0) > 0.99
    assert found.standard is not None
    low, high = found.standard.interval_pct()
    assert low < -100 * STEP < high
    assert all(rule.kept for rule in found.rules)
    assert found.notes == ()


def test_the_daily_values_are_those_of_the_registers(park: Park) -> None:
    found = base_of(park, OVER)
    assert found.years is not None
    frame = found.years.baseline()
    assert frame.kwh == pytest.approx(park.data.before.kwh, abs=0.2)
    assert frame.outdoor_c == pytest.approx(park.data.before.outdoor_c, abs=1e-6)
    assert frame.drivers["production"] == pytest.approx(
        park.data.before.drivers["production"], abs=1e-3
    )


@pytest.mark.case(
    "G43",
    when="somebody asks why a base has grown",
    then="Weather, production, the calendar and what nothing explains are named in kWh. They sum "
    "to the change of the meters exactly.",
)
def test_the_bridge_sums_to_the_change_of_the_meters(park: Park) -> None:
    for now in (OVER, MIDSUMMER):
        found = base_of(park, now)
        assert found.bridge is not None
        assert found.growth.this is not None
        assert found.growth.baseline is not None
        change = float(found.growth.this.kwh or 0) - float(found.growth.baseline.kwh or 0)
        steps = found.bridge.steps()
        assert math.fsum(kwh for _, kwh in steps) == pytest.approx(change, rel=1e-9)
        assert dict(steps)["production"] > 0


def test_a_year_that_runs_is_projected_to_its_end(park: Park) -> None:
    found = base_of(park, MIDSUMMER)
    assert found.ahead is not None
    budget = found.ahead.budget
    truly = float(np.sum(park.data.after.kwh))
    low, high = budget.year_end.interval(0.99)
    assert low < truly < high
    assert budget.used_kwh == pytest.approx(
        float(np.sum(park.data.after.between(date(2025, 1, 1), date(2025, 7, 9)).kwh)), rel=1e-4
    )
    assert budget.left_kwh == pytest.approx(budget.cap_kwh - budget.used_kwh)
    assert any("fewer than 10" in text for text in found.ahead.assumptions)


@pytest.mark.case(
    "G44",
    when="a base has no file of its production, or the file cannot be read",
    then="The report is made without it and says so, and the model is marked as not valid for a "
    "factory.",
)
def test_a_file_that_is_missing_is_told(park: Park) -> None:
    text = DRIVERS.replace("production.csv", "nowhere.csv")
    found = base_of(park, OVER, replace(park.site, texts={"drivers.yaml": text}))
    assert [n for n in found.notes if n.startswith("production is left out: cannot read")]
    assert "production" in {rule.key for rule in found.rules if not rule.kept}


def test_a_wrong_file_of_drivers_is_refused(park: Park) -> None:
    with pytest.raises(InvalidInput, match=r"drivers\.yaml cannot be used"):
        base_of(park, OVER, replace(park.site, texts={"drivers.yaml": "bases: {south: {}}"}))


def test_a_year_without_days_says_so(park: Park) -> None:
    found = base_of(park, datetime(2024, 12, 30, tzinfo=UTC))
    assert found.compared is None
    assert found.notes


def test_programs_get_every_figure(park: Park) -> None:
    report = normalised_growth(park.site, 2025, MIDSUMMER)
    plain: dict[str, Any] = json.loads(json.dumps(report_plain(report)))
    (base,) = plain["bases"]
    assert base["normalised"]["low_pct"] < base["normalised"]["growth_pct"]
    assert base["model"]["valid"] is True
    assert base["model"]["whole"]["engine"] == "change-point"
    assert base["budget"]["year_end_low_kwh"] < base["budget"]["year_end_kwh"]
    assert [step["cause"] for step in base["bridge"]["steps"]] == [
        "weather", "production", "calendar", "left out", "residual",
    ]  # fmt: skip


def test_the_same_data_give_the_same_report(park: Park) -> None:
    one, other = (report_plain(normalised_growth(park.site, 2025, OVER)) for _ in range(2))
    assert one == other


def test_every_face_shows_it(park: Park) -> None:
    report = normalised_growth(park.site, 2025, MIDSUMMER)
    receipt = receipt_of(park.site, ("a",), ("north.meter-main",))
    document = normalised_document(park.site, report, receipt)
    for language in ("en", "zh"):
        html = to_html(document, language).decode()
        assert "north" in html
        assert to_csv(document, language)
        assert to_xlsx(document, language)
    plain = json.loads(to_json(document, "en"))
    assert plain


def test_the_baseline_of_one_meter(park: Park) -> None:
    found = baseline_of(park.site, "north.meter-main", date(2024, 1, 1), date(2024, 12, 31), OVER)
    assert found.model.metrics.days == 366
    assert found.model.metrics.r2 > 0.8
    document = baseline_document(park.site, found, receipt_of(park.site, ("a",), ()))
    assert "keeps all rules" in str(document.answer)
    with pytest.raises(NotAvailable, match="a baseline needs 60"):
        baseline_of(park.site, "north.meter-main", date(2024, 1, 1), date(2024, 1, 31), OVER)
