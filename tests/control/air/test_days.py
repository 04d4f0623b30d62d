from __future__ import annotations

import csv

import pytest

from tests.control.air.days import DAYS, GOLDEN, written


@pytest.mark.parametrize("name", DAYS)
def test_a_day_goes_the_way_it_went(name: str) -> None:
    with (GOLDEN / f"{name}.csv").open(newline="", encoding="utf-8") as file:
        golden = list(csv.reader(file))
    found = [written(row) for row in DAYS[name]()]
    assert len(found) == len(golden) > 90
    for here, there in zip(found, golden, strict=True):
        for column, cell, expected in zip(found[0], here, there, strict=True):
            if cell != expected:
                # A percent or a tenth of a kelvin: the last bit of a sum differs between machines.
                assert float(cell) == pytest.approx(float(expected), abs=1.01), (here[0], column)


def test_each_golden_file_has_its_day() -> None:
    assert {path.stem for path in GOLDEN.iterdir()} == set(DAYS)
