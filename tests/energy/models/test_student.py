"""Student's t and Fisher's F against printed tables, and sums of estimates."""

from __future__ import annotations

import math

import pytest

from bms.energy.models.student import Estimate, below, p_of_f, p_value, quantile, total


@pytest.mark.parametrize(
    ("share", "freedom", "printed"),
    [
        (0.95, 1, 6.314),
        (0.95, 5, 2.015),
        (0.95, 30, 1.697),
        (0.975, 10, 2.228),
        (0.995, 120, 2.617),
        (0.95, math.inf, 1.645),
        (0.9, 2, 1.886),
    ],
)
def test_quantiles_are_those_of_the_tables(share: float, freedom: float, printed: float) -> None:
    assert quantile(share, freedom) == pytest.approx(printed, abs=6e-4)
    assert quantile(1 - share, freedom) == -quantile(share, freedom)


@pytest.mark.parametrize(
    ("f", "upper", "lower", "p"),
    [(4.9646, 1, 10, 0.05), (3.4928, 2, 20, 0.05), (7.5624, 1, 30, 0.01), (2.5252, 4, 60, 0.05)],
)
def test_f_is_that_of_the_tables(f: float, upper: float, lower: float, p: float) -> None:
    assert p_of_f(f, upper, lower) == pytest.approx(p, abs=2e-4)


def test_both_tails_are_as_heavy() -> None:
    assert p_value(2.0, 12) == pytest.approx(p_value(-2.0, 12))
    assert below(1.3, 7) + below(-1.3, 7) == pytest.approx(1.0)
    assert below(math.inf, 3) == 1.0
    assert p_of_f(0.0, 3, 20) == 1.0


def test_a_square_of_t_is_f() -> None:
    assert p_of_f(2.3**2, 1, 17) == pytest.approx(p_value(2.3, 17), rel=1e-9)


def test_an_estimate_without_error_is_a_number() -> None:
    exact = Estimate(5.0)
    assert exact.interval() == (5.0, 5.0)
    assert (exact.below(5.1), exact.below(5.0)) == (1.0, 0.0)


def test_independent_errors_add_in_squares() -> None:
    found = total(Estimate(10.0, 3.0, 8.0), Estimate(-4.0, 4.0, 8.0), Estimate(1.0))
    assert (found.value, found.error) == (7.0, 5.0)
    assert found.freedom == pytest.approx(5.0**4 / (3.0**4 / 8 + 4.0**4 / 8))
    assert found.scaled(-2.0) == Estimate(-14.0, 10.0, found.freedom)
