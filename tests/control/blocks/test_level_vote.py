"""Where water stands: transmitters and floats vote."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bms.control.blocks.inputs.level_vote import UNKNOWN, Float, vote_level

HEIGHTS = {"dry": 8.0, "low": 40.0, "high": 85.0, "brim": 96.0}


def floats(level: float, **stuck: bool) -> dict[str, Float]:
    return {n: Float(h, stuck.get(n, level >= h)) for n, h in HEIGHTS.items()}


@given(st.floats(0.0, 100.0))
def test_instruments_in_order_agree_at_any_level(level: float) -> None:
    found = vote_level({"t": level, "u": level}, floats(level))
    assert not found.disputed
    assert found.flagged == ()
    assert found.shown_pct == level


@given(st.floats(0.0, 100.0), st.sampled_from(sorted(HEIGHTS)))
def test_one_float_that_sticks_is_outvoted_by_two_transmitters(level: float, name: str) -> None:
    found = vote_level({"t": level, "u": level}, floats(level, **{name: level < HEIGHTS[name]}))
    assert found.shown_pct == level
    assert found.flagged in ((name,), ())  # () where transmitters cannot tell


@given(st.floats(0.0, 100.0), st.sampled_from(sorted(HEIGHTS)))
def test_the_true_level_is_among_the_places_with_one_float_stuck(level: float, name: str) -> None:
    found = vote_level({"t": level}, floats(level, **{name: level < HEIGHTS[name]}))
    assert any(place.low_pct - 2.0 <= level <= place.high_pct + 2.0 for place in found.places)


def test_nothing_tells_nothing() -> None:
    found = vote_level({}, {})
    assert found == UNKNOWN
    assert not found.below(50.0)
    assert not found.above(50.0)
    assert not found.clear_of(50.0)


def test_two_that_contradict_each_other_count_for_each_side() -> None:
    found = vote_level({"t": 50.0}, {"brim": Float(96.0, True)})
    assert found.disputed
    assert found.above(96.0)
    assert not found.above(97.0)
    assert not found.below(40.0)
    assert set(found.flagged) == {"t", "brim"}
    assert found.shown_pct is None


def test_floats_alone_tell_between_which_two_the_water_stands() -> None:
    found = vote_level({}, floats(60.0))
    (place,) = found.places
    assert (place.low_pct, place.high_pct) == (40.0, 85.0)
    assert found.clear_of(40.0)
    assert not found.clear_of(41.0)
    assert not found.below(8.0)
    assert not found.above(85.0)
