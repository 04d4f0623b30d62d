"""Loops move all the time; the record follows them, and is never far from what was commanded."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bms.control.engine.arbiter import AwardChange
from bms.core.decisions import Award, Command, Priority
from bms.historian.recording.award_thinning import AT_ONCE, AwardThinning
from bms.texts.messages import msg
from drivers.points import Value
from tests.historian.support import at

VALVE, STATUS = "b.ahu-1.valve", "b.ahu-1.enable"


def thinning() -> AwardThinning:
    return AwardThinning({VALVE: "%", STATUS: ""}, {STATUS})


def change(
    value: Value | None, point: str = VALVE, source: str = "air", said: str = "supply"
) -> AwardChange:
    if value is None:
        return AwardChange(point, None)
    reason = msg("{name} is {reading:.1f} degC", name=said, reading=float(value))
    return AwardChange(point, Award(Command(
        point=point, value=value, priority=Priority.SEQUENCE, source=source, reason=reason
    )))  # fmt: skip


def recorded(thinned: AwardThinning, second: float, *changes: AwardChange) -> list[Value | None]:
    return [
        found.award.value if found.award is not None else None
        for found in thinned.recorded(at(second), changes)
    ]


def test_a_loop_is_recorded_once_a_minute_while_it_moves() -> None:
    thinned = thinning()
    rows = [
        (second, value)
        for second in range(0, 3600, 3)
        for value in recorded(thinned, second, change(float(second)))
    ]
    assert len(rows) <= 60 + AT_ONCE
    assert all(later - before == 60 for (before, _), (later, _) in pairwise(rows[AT_ONCE:]))
    assert all(value == second for second, value in rows), "as it is then, not as it was"


def test_small_steps_are_recorded_when_they_have_come_to_rest() -> None:
    thinned = thinning()
    assert recorded(thinned, 0, change(50.0)) == [50.0]
    for second in range(10, 300, 10):
        assert recorded(thinned, second, change(50.0 + second / 1000)) == []
    assert recorded(thinned, 880) == []
    assert recorded(thinned, 890) == [50.29]
    assert recorded(thinned, 5000) == []


@pytest.mark.parametrize(
    "other",
    [
        change(None),
        change(50.1, source="override:1"),
        change(50.1, said="mixed air"),
    ],
)
def test_another_winner_or_reason_is_recorded_at_once(other: AwardChange) -> None:
    thinned = thinning()
    recorded(thinned, 0, change(50.0))
    assert recorded(thinned, 1, change(50.2)) == []
    assert len(recorded(thinned, 2, other)) == 1
    assert recorded(thinned, 3000) == [], "what had waited is over"


def test_states_and_words_are_never_thinned() -> None:
    thinned = thinning()
    for second in range(10):
        assert recorded(thinned, second, change(second % 2, STATUS)) == [second % 2]


def test_what_people_and_schedules_ask_for_is_never_thinned() -> None:
    thinned = thinning()
    for second in range(10):
        sequence = change(float(second))
        assert sequence.award is not None
        winner = replace(sequence.award.winner, priority=Priority.SCHEDULE)
        assert recorded(thinned, second, AwardChange(VALVE, Award(winner))) == [second]


def test_a_clock_set_back_makes_nothing_wait_for_it() -> None:
    thinned = thinning()
    assert recorded(thinned, 0, change(50.0)) == [50.0]
    assert recorded(thinned, -3600, change(70.0)) == [70.0]


def test_at_the_end_the_last_value_is_recorded() -> None:
    thinned = thinning()
    recorded(thinned, 0, change(50.0))
    recorded(thinned, 1, change(50.4))
    assert [found.award and found.award.value for found in thinned.rest()] == [50.4]
    assert list(thinned.rest()) == []


@given(st.lists(st.tuples(st.integers(1, 90), st.floats(0, 100)), max_size=60))
def test_the_record_is_never_far_from_the_command(steps: list[tuple[int, float]]) -> None:
    """Within its tolerance, or not older than a minute; at rest it is exact."""
    thinned, second = thinning(), 0
    told = current = 0.0
    far_since = 0

    def look(*changes: AwardChange) -> None:
        nonlocal told, far_since
        for row in recorded(thinned, second, *changes):
            assert isinstance(row, float)
            told = row
        if abs(told - current) <= 0.5:
            far_since = second
        assert second - far_since <= 60

    look(change(0.0))
    for wait, value in steps:
        for _ in range(wait):
            second += 1
            look()
        current = value
        look(change(value))
    second += 3600
    far_since = second
    look()
    assert told == current
