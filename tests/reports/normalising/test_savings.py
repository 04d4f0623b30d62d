"""The register of measures: each method on a site of which the truth is known."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from bms.core.errors import InvalidInput
from bms.operations.reporting.normalised_case import receipt_of, savings_of
from bms.reports.documents.html_face import to_html
from bms.reports.documents.json_face import to_json
from bms.reports.documents.xlsx_face import to_xlsx
from bms.reports.normalising.measure_savings import MeasureSaving, SavingsReport
from bms.reports.normalising.savings_document import savings_document, savings_plain
from tests.reports.normalising.known_park import DRIVERS, OVER, Park

COMMON = "base: north, means: smart, category: air_conditioning"
MEASURES = f"""\
measures:
  group-control: {{{COMMON}, method: before_after, meter: meter-main, from: 2025-01-01,
                   title: {{zh: 群控, en: Group control}}, expected_kwh: 73000}}
  lamps: {{base: north, means: technical, category: lighting, method: key_parameter,
           from: 2025-12-02, saved_kw: 5, saved_kw_error: 0.5, hours_per_day: 10,
           expected_kwh: 18250}}
  pumps: {{base: north, means: technical, category: machinery, method: avoided, from: 2025-07-01,
           meter: meter-main, output: meter-main, alternative_kwh: 1.05}}
  turns: {{{COMMON}, method: switchback, meter: meter-main, from: 2025-05-01, seed: 4}}
  twin: {{{COMMON}, method: control_group, meter: meter-main, control: meter-main,
          from: 2025-01-01}}
  planned: {{{COMMON}, method: before_after, meter: meter-main, from: 2026-03-01}}
  early: {{{COMMON}, method: before_after, meter: meter-main, from: 2025-02-01,
           baseline_from: 2025-01-10}}
"""


def report_of(park: Park, measures: str = MEASURES, now: datetime = OVER) -> SavingsReport:
    texts = {"drivers.yaml": DRIVERS, "measures.yaml": measures}
    return savings_of(replace(park.site, texts=texts), 2025, now)


@pytest.fixture(scope="module", name="report")
def _report(park: Park) -> SavingsReport:
    return report_of(park)


def measure(report: SavingsReport, name: str) -> MeasureSaving:
    return next(item for item in report.measures if item.id == name)


def test_a_saving_before_and_after_holds_the_truth(park: Park, report: SavingsReport) -> None:
    found = measure(report, "group-control")
    assert found.saving is not None
    low, high = found.saving.kwh.interval()
    out = {item.day for item in found.saving.outside}
    truly = park.data.saved_on(tuple(day for day in park.data.after.days if day not in out))
    assert low < truly < high
    assert found.saving.proven
    assert found.expected_kwh == 73_000


def test_power_times_hours_of_the_days_it_has_worked(report: SavingsReport) -> None:
    found = measure(report, "lamps")
    assert found.saving is not None
    assert (found.saving.kwh.value, found.saving.kwh.error) == (1_500.0, 150.0)
    assert found.expected_kwh == pytest.approx(1_500.0)


def test_what_another_design_would_have_used(park: Park, report: SavingsReport) -> None:
    found = measure(report, "pumps")
    used = math.fsum(park.data.after.between(date(2025, 7, 1), date(2025, 12, 31)).kwh)
    assert found.saving is not None
    assert found.saving.kwh.value == pytest.approx(0.05 * used, rel=1e-3)


def test_turns_that_change_nothing_save_nothing(report: SavingsReport) -> None:
    found = measure(report, "turns")
    assert found.saving is not None
    low, high = found.saving.kwh.interval(0.99)
    assert low < 0 < high


def test_a_twin_that_did_the_same_leaves_nothing(report: SavingsReport) -> None:
    found = measure(report, "twin")
    assert found.saving is not None
    assert found.saving.kwh.value == pytest.approx(0.0, abs=1e-6)


@pytest.mark.case(
    "G45",
    when="a measure is only planned, or too few days before it are known",
    then="It stands in the register with the reason, and no figure is made up.",
)
def test_what_cannot_be_told_has_a_reason(report: SavingsReport) -> None:
    assert measure(report, "planned").saving is None
    assert measure(report, "planned").why == "it has no complete day in this year"
    assert str(measure(report, "early").why).startswith("22 days are known with all their drivers")


def test_measures_and_what_is_left_sum_to_the_main_meters(report: SavingsReport) -> None:
    found = report.reconciled["north"]
    assert "pumps" not in found.measures  # avoided use was never on the meter
    total = math.fsum((*found.reconciled_kwh.values(), found.residual_kwh))
    assert total == pytest.approx(found.main.value, rel=1e-9)


def test_programs_and_people_get_the_same(park: Park, report: SavingsReport) -> None:
    plain = json.loads(json.dumps(savings_plain(report)))
    assert [item["measure"] for item in plain["measures"]][:2] == ["group-control", "lamps"]
    site = replace(park.site, texts={"measures.yaml": MEASURES})
    document = savings_document(site, report, receipt_of(site, ("a",), ()))
    assert "Group control" in to_html(document, "en").decode()
    assert "群控" in to_html(document, "zh").decode()
    assert to_xlsx(document, "zh")
    assert json.loads(to_json(document, "en"))


def test_without_a_register_there_is_nothing_to_tell(park: Park) -> None:
    assert savings_of(park.site, 2025, OVER).measures == ()


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("method: switchback, meter: meter-main, ", "method: switchback, ", "needs meter"),
        ("hours_per_day: 10", "hours_per_day: 25", "25: input should be less than"),
        ("control: meter-main", "control: meter-9", "no meter 'north.meter-9'"),
        ("means: technical", "means: magic", "magic"),
        ("from: 2025-07-01", "from: 1 July", "'1 July' is no day"),
    ],
)
def test_a_wrong_register_is_refused(park: Park, old: str, new: str, says: str) -> None:
    assert old in MEASURES
    with pytest.raises(InvalidInput) as refused:
        report_of(park, MEASURES.replace(old, new, 1), datetime(2026, 1, 5, tzinfo=UTC))
    assert says in " ".join(map(str, refused.value.problems))
