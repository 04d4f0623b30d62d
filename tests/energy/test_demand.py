"""Which quarter hours may set a peak, and which month they belong to."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest

from bms.core.instants import to_ms
from bms.core.readings import Label
from bms.energy.demand import demand, fit_for_demand, peaks
from bms.energy.quarters import QUARTER_MS, Slot

ZONE = ZoneInfo("Asia/Shanghai")
MARCH = datetime(2026, 2, 28, 16, tzinfo=UTC)  # its first midnight there
TENTH = Fraction(1, 10)


def slot(counts: int, label: Label = Label.MEASURED, covered_ms: int = QUARTER_MS) -> Slot:
    return Slot(counts, TENTH, label, covered_ms, 0)


@pytest.mark.parametrize(
    ("label", "covered_ms", "fit"),
    [
        (Label.MEASURED, QUARTER_MS, True),
        (Label.CORRECTED, QUARTER_MS, True),
        (Label.DERIVED, QUARTER_MS, True),
        (Label.ALLOCATED, QUARTER_MS, False),
        (Label.ESTIMATED, QUARTER_MS, False),
        (Label.MANUAL, QUARTER_MS, False),
        (Label.MISSING, QUARTER_MS - 1, True),  # known but for a moment
        (Label.MISSING, 855_000, True),  # 95 %
        (Label.MISSING, 854_999, False),
        (Label.MISSING, QUARTER_MS, False),  # a formula of which an input is missing
        (Label.MISSING, 0, False),
        (Label.MEASURED, 854_999, False),
    ],
)
def test_a_quarter_hour_sets_a_peak_if_its_shape_is_known(
    label: Label, covered_ms: int, fit: bool
) -> None:
    found = slot(10, label, covered_ms)
    assert fit_for_demand(found) is fit
    rates = demand([(0, found)])
    assert rates == ([(0, 4 * Fraction(QUARTER_MS, covered_ms))] if fit else [])


def found(*slots: tuple[float, int], end_h: float = 31 * 24) -> list[tuple[str, object, object]]:
    """Hours since the begin of March and counts of a tenth: the peaks of a time from there."""
    made = [(to_ms(MARCH + timedelta(hours=hour)), slot(counts)) for hour, counts in slots]
    result = peaks(made, ZONE, MARCH, MARCH + timedelta(hours=end_h))
    return [
        (p.month, p.peak, None if p.start is None else (p.start - MARCH).total_seconds() / 3600)
        for p in result
    ]


def test_the_first_of_equal_quarter_hours_is_the_peak() -> None:
    assert found((1, 10), (2, 30), (3, 30), (4, 20)) == [("2026-03", Fraction(12), 2)]


def test_a_month_begins_and_ends_at_its_own_midnights() -> None:
    edges = [(-0.25, 99), (0, 10), (31 * 24 - 0.25, 20), (31 * 24, 99)]
    assert found(*edges) == [("2026-03", Fraction(8), 31 * 24 - 0.25)]
    assert found(*edges, end_h=31 * 24 + 0.25) == [
        ("2026-03", Fraction(8), 31 * 24 - 0.25),
        ("2026-04", Fraction(396, 10), 31 * 24),
    ]


def test_a_month_without_a_known_quarter_hour_has_no_peak() -> None:
    assert found((1, 0)) == [("2026-03", Fraction(0), 1)]
    assert found() == [("2026-03", None, None)]
    (nothing,) = peaks([], ZONE, MARCH, MARCH + timedelta(hours=1))
    assert (nothing.filled_pct, nothing.peak) == (0.0, None)


def test_how_much_of_a_month_could_set_its_peak() -> None:
    made = [(to_ms(MARCH) + n * QUARTER_MS, slot(10)) for n in range(3)]
    guessed = (to_ms(MARCH) + 3 * QUARTER_MS, slot(99, Label.ALLOCATED))
    (march,) = peaks([*made, guessed], ZONE, MARCH, MARCH + timedelta(hours=1))
    assert (march.filled_pct, march.peak) == (75.0, Fraction(4))
