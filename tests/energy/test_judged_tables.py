"""Registers and growth are judged as they were when the tables were written."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from tests.energy.judged_tables import GOLDEN, LIVES, SITES, TABLES, Row, growth_of, life_of, read

NUMBERS = range(2, 8)
"""The columns of the table of growth that hold numbers."""


def rows(name: str, seed: int) -> list[list[str]]:
    return [row for row in read(name) if row[0] == str(seed)]


def words(found: Iterable[Row]) -> list[list[str]]:
    return [[str(cell) for cell in row] for row in found]


@pytest.mark.parametrize("seed", range(LIVES))
def test_a_register_is_judged_as_it_was(seed: int) -> None:
    assert words(life_of(seed)) == rows("registers", seed)


@pytest.mark.parametrize("seed", SITES)
def test_growth_is_judged_as_it_was(seed: int) -> None:
    (found,), (golden,) = words([growth_of(seed)]), rows("growth", seed)
    for column, (cell, expected) in enumerate(zip(found, golden, strict=True)):
        if column in NUMBERS and cell and expected:
            assert float(cell) == pytest.approx(float(expected), rel=1e-6, abs=1e-6)
        else:
            assert cell == expected, column


def test_each_table_is_looked_at() -> None:
    assert {path.stem for path in GOLDEN.iterdir()} == set(TABLES)
    assert [row[0] for row in read("growth")[1:]] == [str(seed) for seed in SITES]
