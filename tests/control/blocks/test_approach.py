"""Water on its way to its setpoint, in both directions."""

from __future__ import annotations

import pytest

from bms.control.blocks.plants.approach import Approach, approach


def lived(kelvin_a_minute: float, minutes: int, *, rising: bool = False) -> Approach:
    state = Approach()
    for minute in range(minutes + 1):
        state = approach(state, 20.0 + kelvin_a_minute * minute, 60.0 * minute, rising=rising)
    return state


@pytest.mark.parametrize(
    ("kelvin_a_minute", "rising", "goes_on"),
    [
        (-0.5, False, True),
        (-0.15, False, False),  # a kelvin in seven minutes
        (0.5, False, False),  # away from it
        (0.5, True, True),
        (-0.5, True, False),
        (0.0, True, False),
    ],
)
def test_water_that_comes_nearer_quickly_is_on_its_way(
    kelvin_a_minute: float, rising: bool, goes_on: bool
) -> None:
    assert lived(kelvin_a_minute, 20, rising=rising).goes_on(1200.0) is goes_on


def test_it_arrives_only_if_the_rest_is_near() -> None:
    state = lived(-0.5, 20)  # 120 s for a kelvin
    assert state.arrives(7.0, 1200.0)
    assert not state.arrives(8.0, 1200.0)
    assert not state.arrives(None, 1200.0)


def test_who_stands_still_is_no_longer_on_its_way() -> None:
    state = lived(-0.5, 20)
    assert state.arrives(1.0, 1499.0)
    assert not state.arrives(1.0, 1500.0)


def test_nobody_knows_at_first_and_without_a_value() -> None:
    state = approach(Approach(), 20.0, 0.0, rising=False)
    assert state.goes_on(299.0)  # it may be
    assert not state.goes_on(300.0)
    assert not state.arrives(1.0, 10.0)  # nobody has seen it
    assert not approach(state, None, 30.0, rising=False).goes_on(30.0)
