"""How hot the water is: by requests, by the weather, as designed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bms.control.strategies.hot_water.heat_reset import (
    Asked,
    HeatRange,
    ResetState,
    reset_water,
    water_c,
)

WITHIN = HeatRange(80.0, 32.2, -5.0, 18.0)


def hot(minutes: int, asked: Asked, within: HeatRange = WITHIN) -> tuple[float, str]:
    state = ResetState()
    for minute in range(minutes + 1):
        state = reset_water(state, within, asked, 60.0 * minute)
    return water_c(state, within, asked)


@pytest.mark.parametrize(
    ("outdoor_c", "setpoint_c"),
    [(-20.0, 80.0), (-5.0, 80.0), (6.5, 56.1), (18.0, 32.2), (30.0, 32.2)],
)
def test_by_the_weather_where_nobody_asks(outdoor_c: float, setpoint_c: float) -> None:
    found, why = hot(10, Asked(None, outdoor_c, True, False))
    assert found == pytest.approx(setpoint_c, abs=0.01)
    assert why == f"{setpoint_c:.1f} degC at {outdoor_c:.1f} degC outdoors"


def test_as_designed_where_nothing_is_known() -> None:
    assert hot(10, Asked(None, None, True, False)) == (80.0, "80.0 degC as designed")


def test_without_requests_it_drifts_down_and_stops_at_the_coolest() -> None:
    # Guideline 36, 5.21.4: after 10 min, 1.1 K each 5 min.
    assert hot(10, Asked(0.0, None, True, False))[0] == pytest.approx(78.9)
    assert hot(40, Asked(0.0, None, True, False))[0] == pytest.approx(80.0 - 7 * 1.1)
    assert hot(24 * 60, Asked(0.0, None, True, False))[0] == pytest.approx(32.2)
    warm = HeatRange(80.0, 68.3, -5.0, 18.0)
    assert hot(24 * 60, Asked(0.0, None, True, False), warm)[0] == pytest.approx(68.3)


def test_requests_bring_it_back() -> None:
    state = ResetState()
    quiet, busy = Asked(0.0, None, True, False), Asked(5.0, None, True, False)
    for minute in range(61):
        state = reset_water(state, WITHIN, quiet, 60.0 * minute)
    low, _ = water_c(state, WITHIN, quiet)
    for minute in range(61, 67):
        state = reset_water(state, WITHIN, busy, 60.0 * minute)
    after, why = water_c(state, WITHIN, busy)
    # Three above the two that are ignored: 5.1 K, at most 3.9, less the trim.
    assert after == pytest.approx(low + 3.9 - 1.1)
    assert why == f"{after:.1f} degC by 5 requests of consumers"


@pytest.mark.parametrize(("drawing", "hotter"), [(None, False), (1.0, True), (12.0, False)])
def test_a_single_one_of_few_consumers_is_heard(drawing: float | None, hotter: bool) -> None:
    state = ResetState()
    quiet = Asked(0.0, None, True, False, drawing)
    for minute in range(120):
        state = reset_water(state, WITHIN, quiet, 60.0 * minute)
    before_c = state.trim.setpoint
    assert before_c is not None
    for minute in range(120, 180):
        state = reset_water(state, WITHIN, replace(quiet, resets=2.0), 60.0 * minute)
    assert state.trim.setpoint is not None
    assert (state.trim.setpoint > before_c) is hotter


def test_it_rests_while_boilers_change() -> None:
    assert hot(60, Asked(0.0, None, True, True))[0] == pytest.approx(80.0)


def test_without_a_boiler_it_begins_again_at_the_hottest() -> None:
    assert hot(60, Asked(0.0, None, False, False))[0] == pytest.approx(80.0)
