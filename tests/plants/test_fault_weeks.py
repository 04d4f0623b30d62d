"""Random weeks of random works: outages, failures, nothing at all; what must never be is not."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from simulators.faults.fault_kinds import FaultKind
from tests.extent import extent
from tests.plants.fault_weeks import FAILURES, OUTAGES, Week, comes_back


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kinds", "weeks"),
    [
        pytest.param((), extent(2, 40), id="nothing"),
        pytest.param(OUTAGES, extent(2, 80), id="outages"),
        pytest.param((*OUTAGES, *FAILURES), extent(2, 80), id="anything"),
    ],
)
def test_weeks_of_random_faults(tmp_path: Path, kinds: Sequence[FaultKind], weeks: int) -> None:
    """Over 200 weeks in `make proofs`. No machine runs dry or starts too often, no two strategies
    want one point, stages change little, every failed machine is named, and after outages that
    left machines whole everything runs again by itself."""
    found: list[str] = []
    for seed in range(weeks):
        week = Week(tmp_path / str(seed), seed, kinds)
        found += week.run()
        if kinds == OUTAGES:
            found += comes_back(week)
    assert not found, "\n".join(found)
