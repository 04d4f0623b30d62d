"""Days that went so before go so again."""

from __future__ import annotations

import csv

import pytest

from tests.control.compressed_air.air_days import DAYS, GOLDEN, written


@pytest.mark.parametrize("name", DAYS)
def test_a_day_of_air_goes_the_way_it_went(name: str) -> None:
    with (GOLDEN / f"{name}.csv").open(newline="", encoding="utf-8") as file:
        golden = list(csv.reader(file))
    found = [written(row) for row in DAYS[name]()]
    assert len(found) == len(golden) == 97
    for here, there in zip(found, golden, strict=True):
        for column, cell, expected in zip(found[0], here, there, strict=True):
            if cell != expected:
                # Of a pressure or a load the last bit of a sum may differ between machines.
                assert float(cell) == pytest.approx(float(expected), abs=1.01), (here[0], column)


def test_each_golden_day_of_air_has_its_code() -> None:
    assert {path.stem for path in GOLDEN.iterdir()} == set(DAYS)
