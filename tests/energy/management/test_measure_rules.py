"""Measures: a part of a year counts as such, and manual interventions before and since."""

from __future__ import annotations

from datetime import date

import pytest

from bms.energy.management.managed_items import Category, Means, Measure
from bms.energy.management.measure_rules import (
    Interventions,
    days_in_year,
    expected_in_year_kwh,
    interventions,
)


def measure(first: date | None, last: date | None = None, state: str = "launched") -> Measure:
    return Measure.model_validate(
        {
            "title": "LED", "base": "b", "means": Means.TECHNICAL, "category": Category.LIGHTING,
            "first_day": first, "last_day": last, "state": state, "expected_kwh": 3650.0,
        }
    )  # fmt: skip


@pytest.mark.parametrize(
    ("first", "last", "state", "days"),
    [
        (date(2026, 10, 3), None, "launched", 90),
        (date(2025, 5, 1), None, "launched", 365),
        (date(2025, 5, 1), date(2026, 1, 10), "ongoing", 10),
        (date(2027, 1, 1), None, "ongoing", 0),
        (date(2026, 10, 3), None, "planned", 0),
        (None, None, "planned", 0),
    ],
)
def test_a_part_of_a_year_counts_as_such(
    first: date | None, last: date | None, state: str, days: int
) -> None:
    one = measure(first, last, state)
    assert days_in_year(one, 2026) == days
    assert expected_in_year_kwh(one, 2026) == pytest.approx(10.0 * days)


def test_a_leap_year_is_no_more_than_a_year() -> None:
    assert days_in_year(measure(date(2024, 1, 1)), 2028) == 365
    none = measure(date(2024, 1, 1)).model_copy(update={"expected_kwh": None})
    assert expected_in_year_kwh(none, 2028) is None


def test_interventions_are_counted_in_whole_months_that_are_recorded() -> None:
    days = [date(2026, 1, 20)] * 5 + [date(2026, 2, 3)] * 4 + [date(2026, 3, 3)] * 2
    days += [date(2026, 4, 9)] * 9 + [date(2026, 5, 2)]
    found = interventions(measure(date(2026, 4, 10)), days, date(2026, 1, 15), date(2026, 7, 4))
    # January is recorded in part, in April it began, and July is not over.
    assert found == Interventions(3.0, 0.5, 2, 2)


def test_months_that_nobody_recorded_are_unknown_and_not_without_interventions() -> None:
    one = measure(date(2026, 4, 1))
    assert interventions(one, [], None, date(2026, 7, 4)) == Interventions(None, None)
    found = interventions(one, [], date(2026, 4, 1), date(2026, 7, 4))
    assert (found.before, found.since, found.months_since) == (None, 0.0, 3)
    assert interventions(
        measure(None, state="planned"), [], date(2026, 1, 1), date(2026, 7, 4)
    ) == (Interventions(None, None))
