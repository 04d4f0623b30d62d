"""What one step of a register is, at the exact edges of every rule that decides it."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import pytest

from bms.core.readings import Label
from bms.energy.intervals import Event, Interval, Mark, Register, judged
from bms.energy.quarters import QUARTER_MS

T0 = QUARTER_MS * 2_000_000
MOST = 600
"""Counts in a quarter hour that the meter can measure."""
RATED = Register(10**6, Fraction(4 * MOST), rated=True, own_past=True, slack=1000)


def shown(*counts: int) -> list[Mark]:
    """A register that was read at each quarter hour."""
    return [Mark(T0 + at * QUARTER_MS, count) for at, count in enumerate(counts)]


def told(parts: list[Interval]) -> list[tuple[int, int, int | None]]:
    """Intervals in quarter hours, and what they count."""
    return [
        ((part.start_ms - T0) // QUARTER_MS, (part.end_ms - T0) // QUARTER_MS, part.counts)
        for part in parts
    ]


def test_the_first_step_of_a_register_that_tells_its_total_rarely_has_a_reason() -> None:
    """It stood, and was never seen to change: so nobody knows since when it counted that."""
    parts = judged(shown(50, 60, 60, 70, 70, 80), RATED).parts
    assert told(parts) == [(0, 1, None), (1, 3, 10), (3, 5, 10)]
    assert [part.label for part in parts[1:]] == [Label.ALLOCATED, Label.ALLOCATED]
    assert parts[0].event is Event.GAP
    assert parts[0].reason
    assert all(one.end_ms == other.start_ms for one, other in pairwise(parts))


def test_a_dip_after_a_gateway_that_slept_is_no_reset() -> None:
    """What the register rose by while it was not told says nothing of the rate of one look."""
    slept = [Mark(T0 + 30 * QUARTER_MS + at * QUARTER_MS, 104) for at in range(2)]
    woken = [
        Mark(T0 + (31 + 400 + at) * QUARTER_MS, count)
        for at, count in enumerate([104, 535, 536, 537, 0, 539])
    ]
    parts = judged([*shown(*range(74, 104)), *slept, *woken], RATED).parts
    assert parts[-1].counts == 2
    assert parts[-1].event is Event.JUMP
    assert sum(part.counts or 0 for part in parts) == 539 - 74


@pytest.mark.parametrize(
    ("before", "after", "event"),
    [
        (1000, 50, Event.RESET),  # a twentieth of what it showed
        (1000, 51, Event.QUARANTINE),
        (1000, 998, Event.QUARANTINE),
        (1000, 0, Event.RESET),
    ],
)
def test_a_register_that_fell_was_reset_if_little_is_left(
    before: int, after: int, event: Event
) -> None:
    (part,) = judged(shown(before, after), Register(own_past=True)).parts
    assert (part.counts, part.event) == (None, event)


@pytest.mark.parametrize(
    ("rise", "known"), [(MOST, True), (MOST + 1, True), (MOST + 2, False), (0, True)]
)
def test_a_rise_is_what_the_rating_allows_and_a_count(rise: int, known: bool) -> None:
    (part,) = judged(shown(100, 100 + rise), RATED).parts
    assert part.counts == (rise if known else None)
    assert part.event is (None if known else Event.QUARANTINE)


@pytest.mark.parametrize("minutes", [60, 61])
def test_nothing_read_for_more_than_an_hour_is_a_gap(minutes: int) -> None:
    marks = [Mark(T0, 100), Mark(T0 + minutes * 60_000, 160)]
    (part,) = judged(marks, RATED).parts
    assert (part.counts, part.event) == (60, Event.GAP if minutes > 60 else None)


@pytest.mark.parametrize(
    ("before", "after", "gone_round"),
    [
        (999_700, 299, 599),
        (999_700, 301, 601),
        (999_700, 302, None),  # more than the rating allows, and a count
        (500_000, 499_000, None),
    ],
)
def test_a_step_back_is_a_rollover_if_the_rating_allows_it(
    before: int, after: int, gone_round: int | None
) -> None:
    (part,) = judged(shown(before, after), RATED).parts
    assert part.counts == gone_round
    assert (part.event is Event.ROLLOVER) is (gone_round is not None)


def test_a_mark_that_is_told_twice_counts_once() -> None:
    marks = shown(100, 110, 120, 130)
    once = judged(marks, RATED).parts
    assert judged([*marks, *marks], RATED).parts == once
    assert judged([marks[0], *marks, marks[-1]], RATED).parts == once
    assert judged([marks[0], marks[0]], RATED).parts == []
