from __future__ import annotations

import csv

import pytest

from tests.control.blocks.trajectories import GOLDEN, TRAJECTORIES, written


@pytest.mark.parametrize("name", TRAJECTORIES)
def test_a_block_goes_the_way_it_went(name: str) -> None:
    with (GOLDEN / f"{name}.csv").open(newline="", encoding="utf-8") as file:
        golden = list(csv.reader(file))
    found = [written(row) for row in TRAJECTORIES[name]()]
    assert len(found) == len(golden) > 1
    for number, (here, there) in enumerate(zip(found, golden, strict=True)):
        assert len(here) == len(there), number
        for cell, expected in zip(here, there, strict=True):
            if cell != expected:
                assert float(cell) == pytest.approx(float(expected), rel=0, abs=1e-9), number


def test_each_golden_file_has_its_trajectory() -> None:
    assert {path.stem for path in GOLDEN.iterdir()} == set(TRAJECTORIES)
