"""Changes of a day, and the patience that they ask for."""

from __future__ import annotations

import pytest

from bms.control.blocks.plants.stage_changes import (
    DAY_S,
    OWN_STOPS,
    SWINGS_S,
    OwnStops,
    noted,
    patience,
    stopped_themselves,
    unneeded_s,
)


@pytest.mark.parametrize(
    ("changes", "waits", "unneeded"),
    [
        (0, 1.0, 0.0),
        (3, 1.0, 0.0),
        (4, 2.0, 3600.0),
        (5, 8.0, 14400.0),
        (6, 8.0, 14400.0),
        (7, 32.0, 14400.0),
    ],
)
def test_who_changes_often_waits_longer(changes: int, waits: float, unneeded: float) -> None:
    changes_s = tuple(600.0 * change for change in range(changes))
    assert patience(changes_s, OwnStops()) == waits
    assert patience(changes_s, OwnStops(OWN_STOPS)) == 1.0
    assert unneeded_s(changes_s, 6000.0) == unneeded


def test_changes_count_for_a_day() -> None:
    changes_s = noted(noted((), 0.0, counts=2), 3600.0, counts=1)
    assert changes_s == (0.0, 0.0, 3600.0)
    assert noted(changes_s, DAY_S - 1.0, counts=0) == changes_s
    assert noted(changes_s, DAY_S, counts=0) == (3600.0,)
    assert unneeded_s((0.0,) * 5, DAY_S) == 0.0


def test_changes_of_a_count_that_began_again_are_forgotten() -> None:
    assert noted((5000.0,), 10.0, counts=1) == (10.0,)


def test_each_stop_by_an_own_thermostat_counts_once() -> None:
    own = OwnStops()
    for at, paused in enumerate(((), ("a",), ("a",), ("a", "b"), ("b",), (), ("a",))):
        own = stopped_themselves(own, paused, 60.0 * at)
    assert own == OwnStops(3, ("a",), 360.0)
    assert stopped_themselves(own, ("a",), 420.0) is own


def test_water_swings_for_a_while_after_the_last_own_stop() -> None:
    paused = stopped_themselves(OwnStops(), ("a",), 100.0)
    runs = stopped_themselves(paused, (), 400.0)
    assert not OwnStops().lately(100.0)
    assert paused.lately(99_999.0)
    assert runs.lately(100.0 + SWINGS_S - 1.0)
    assert not runs.lately(100.0 + SWINGS_S)
