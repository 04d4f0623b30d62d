"""Intervals conserve: they say what the register did. Golden tables for every event."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from random import Random
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bms.core.instants import DAY_MS, local_midnight, to_ms
from bms.core.readings import Label, worst
from bms.energy.intervals import (
    RETURN_WITHIN_MS,
    Energy,
    Event,
    Mark,
    Register,
    Replacement,
    intervals,
    to_decimal,
)
from bms.energy.quarters import QUARTER_MS, Course
from bms.energy.usual_week import usual
from tests.energy.registers import energy_from

START = datetime(2026, 1, 1, tzinfo=UTC)
T0 = to_ms(START)
CENT = Decimal("0.01")


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def read(*pairs: tuple[float, int]) -> list[Mark]:
    return [Mark(to_ms(at(minutes)), counts) for minutes, counts in pairs]


def energy(marks: list[Mark], start: datetime, end: datetime, resolution: Decimal = CENT) -> Energy:
    return energy_from(intervals(marks), resolution)(start, end)


@st.composite
def registers(draw: st.DrawFn) -> list[Mark]:
    """Marks at irregular times of a register that now and then is reset."""
    steps = draw(
        st.lists(
            st.tuples(
                st.integers(1, 10_000_000),  # milliseconds
                st.one_of(st.integers(0, 10**9), st.just("reset")),
            ),
            max_size=30,
        )
    )
    ms, counts = T0, draw(st.integers(0, 10**12))
    marks = [Mark(ms, counts)]
    for milliseconds, step in steps:
        ms += milliseconds
        counts = counts + step if isinstance(step, int) else draw(st.integers(0, counts))
        marks.append(Mark(ms, counts))
    return marks


@settings(max_examples=150)
@given(registers(), st.randoms(use_true_random=False))
def test_every_stretch_conserves_the_register(marks: list[Mark], rng: Random) -> None:
    shuffled = [*marks, *rng.sample(marks, rng.randrange(len(marks) + 1))]
    rng.shuffle(shuffled)
    parts = intervals(shuffled)
    by_time = {mark.ms: mark.counts for mark in marks}
    if len(marks) > 1:
        assert parts[0].start_ms == marks[0].ms
        assert parts[-1].end_ms == marks[-1].ms
    assert all(one.end_ms == other.start_ms for one, other in pairwise(parts))
    begin, total = marks[0].counts, 0
    for part in parts:
        assert part.shown - by_time[part.end_ms] in (0, 1)  # held, if it fell by one count
        if part.label is Label.MISSING:
            assert part.counts is None
            assert part.event in (Event.RESET, Event.QUARANTINE)
            assert "stepped back" in part.reason
            begin, total = part.shown, 0
        else:
            assert part.counts is not None
            assert part.counts >= 0
            between = sum(part.start_ms < mark.ms < part.end_ms for mark in marks)
            assert (part.label is Label.CORRECTED) == ("and back" in part.reason) == bool(between)
            total += part.counts
            assert total == part.shown - begin


@pytest.mark.parametrize(
    "between",
    [[0], [0, 0, 0, 0, 0], [0, 3, 0], [4_294_967_295], [4_294_967_295] * 3, [999], [1003, 1002]],
)
def test_a_register_that_jumps_away_and_back_invents_no_energy(between: list[int]) -> None:
    shown = [990, 1000, *between, 1000 if between[0] > 1000 else 1010, 1020]
    marks = read(*((15.0 * i, counts) for i, counts in enumerate(shown)))
    result = energy(marks, at(0), at(15 * (len(shown) - 1)), Decimal(1))
    assert result.amount == 30
    assert result.covered == 1
    assert result.problems == ()


def test_a_register_that_climbs_back_after_a_reset_is_believed() -> None:
    shown = [*range(900, 1001, 10), *range(0, 1101, 10)]
    marks = read(*((15.0 * i, counts) for i, counts in enumerate(shown)))
    result = energy(marks, at(0), at(15 * (len(shown) - 1)), Decimal(1))
    assert result.amount == 100 + 1100
    assert len(result.problems) == 1


def test_a_register_that_comes_back_after_more_than_a_week_is_believed_meanwhile() -> None:
    late = RETURN_WITHIN_MS / 60_000 + 30
    marks = read((0, 1000), (15, 0), (30, 5), (late, 1010))
    assert [part.event for part in intervals(marks)] == [Event.RESET, None, Event.GAP]
    marks = read((0, 1000), (15, 0), (30, 5), (late - 60, 1010))
    assert [(part.event, part.counts) for part in intervals(marks)] == [(Event.JUMP, 10)]


# --- golden tables: marks (minutes, counts), what is known of the register, what comes out --------

RATED = Register(1_000_000, Fraction(400))  # counts an hour: 100 in a quarter hour
GOLDEN: dict[
    str,
    tuple[
        list[tuple[float, int]],
        Register,
        list[tuple[float, int | None, int]],
        list[tuple[int | None, Label, Event | None]],
    ],
] = {
    "plain": (
        [(0, 100), (15, 150), (30, 150)],
        RATED,
        [],
        [(50, Label.MEASURED, None), (0, Label.MEASURED, None)],
    ),
    "rollover": (
        [(0, 999_990), (15, 15)],
        RATED,
        [],
        [(25, Label.CORRECTED, Event.ROLLOVER)],
    ),
    "rollover by more than the rating": (
        [(0, 999_900), (15, 400)],
        RATED,
        [],
        [(None, Label.MISSING, Event.QUARANTINE)],
    ),
    "reset": ([(0, 5000), (15, 3)], RATED, [], [(None, Label.MISSING, Event.RESET)]),
    "swapped for a lower register": (
        [(0, 5000), (15, 3000)],
        RATED,
        [],
        [(None, Label.MISSING, Event.QUARANTINE)],
    ),
    "swapped for a higher register": (
        [(0, 5000), (15, 70_000), (30, 70_060)],
        RATED,
        [],
        [(None, Label.MISSING, Event.QUARANTINE), (60, Label.MEASURED, None)],
    ),
    "a full outage at full power is no swap": (
        [(0, 5000), (600, 9000)],
        RATED,
        [],
        [(4000, Label.MEASURED, Event.GAP)],
    ),
    "held below its resolution": (
        [(0, 100), (15, 99), (30, 103)],
        RATED,
        [],
        [(0, Label.MEASURED, None), (3, Label.MEASURED, None)],
    ),
    "replaced, with both readings": (
        [(0, 5000), (15, 5050), (30, 70_040)],
        RATED,
        [(20, 5060, 70_010)],
        [
            (50, Label.MEASURED, None),
            (10, Label.CORRECTED, Event.REPLACEMENT),
            (30, Label.CORRECTED, Event.REPLACEMENT),
        ],
    ),
    "replaced, nobody noted the old one": (
        [(0, 5000), (15, 5050), (30, 40)],
        RATED,
        [(20, None, 10)],
        [
            (50, Label.MEASURED, None),
            (None, Label.MISSING, Event.REPLACEMENT),
            (30, Label.CORRECTED, Event.REPLACEMENT),
        ],
    ),
    "replaced on the minute of a mark": (
        [(0, 5000), (15, 777), (30, 40)],
        RATED,
        [(15, 5020, 10)],
        [(20, Label.CORRECTED, Event.REPLACEMENT), (30, Label.CORRECTED, Event.REPLACEMENT)],
    ),
    "jump": (
        [(0, 5000), (15, 0), (30, 5050)],
        RATED,
        [],
        [(50, Label.CORRECTED, Event.JUMP)],
    ),
}


@pytest.mark.parametrize("name", GOLDEN)
def test_golden(name: str) -> None:
    pairs, register, told, expected = GOLDEN[name]
    changes = [Replacement(to_ms(at(minutes)), final, first) for minutes, final, first in told]
    parts = intervals(read(*pairs), register, changes)
    assert [(part.counts, part.label, part.event) for part in parts] == expected
    assert all(part.reason for part in parts if part.event not in (None, Event.GAP))


@pytest.mark.parametrize(
    ("before", "after", "size", "counts"),
    [
        (999_990, 15, 1_000_000, 25),
        (999_999, 0, 1_000_000, 1),
        (999_990, 15, None, None),  # no size declared: nobody knows
        (500_000, 15, 1_000_000, None),  # not near the end
        (999_990, 500_000, 1_000_000, None),  # too far after zero
        (1_000_500, 15, 1_000_000, None),  # the declared size is wrong
    ],
)
def test_rollover_only_where_the_register_is_declared(
    before: int, after: int, size: int | None, counts: int | None
) -> None:
    (part,) = intervals(read((0, before), (15, after)), Register(size))
    assert part.counts == counts
    assert part.label is (Label.MISSING if counts is None else Label.CORRECTED)
    assert part.reason


def test_a_small_register_that_was_quiet_and_rolls_over_is_no_jump() -> None:
    marks = read((0, 10), (600, 960), (615, 5), (630, 20))
    parts = intervals(marks, Register(1000, Fraction(400)))
    assert [part.counts for part in parts] == [950, 45, 15]


def test_readings_by_hand_say_so() -> None:
    marks = [Mark(T0, 10), Mark(T0 + DAY_MS, 500, True), Mark(T0 + DAY_MS + QUARTER_MS, 505)]
    assert {part.label for part in intervals(marks)} == {Label.MANUAL}


def test_two_marks_of_one_instant_are_refused() -> None:
    with pytest.raises(ValueError, match="two register values"):
        intervals(read((0, 1), (0, 2)))


def test_the_worse_label_wins() -> None:
    assert worst(Label.MEASURED, Label.ALLOCATED) is Label.ALLOCATED
    assert worst(Label.MISSING, Label.DERIVED) is Label.MISSING


# --- quarter hours ---------------------------------------------------------------------------


@settings(max_examples=100)
@given(registers())
def test_quarter_hours_sum_to_the_register(marks: list[Mark]) -> None:
    course = Course()
    parts = intervals(marks)
    found = list(course.quarters(parts))
    total = sum(part.counts for part in parts if part.counts is not None)
    assert sum(q.counts for q in found) + course.opened.counts == total
    assert all(one.start_ms < other.start_ms for one, other in pairwise(found))
    for quarter in found:
        assert (quarter.label is Label.MISSING) == (quarter.covered_ms < QUARTER_MS)
    covered = sum(q.covered_ms for q in found) + course.opened.covered_ms
    assert covered == sum(p.end_ms - p.start_ms for p in parts if p.counts is not None)


def test_marks_between_the_quarter_hours_share_by_time() -> None:
    found = list(Course().quarters(intervals(read((5, 0), (20, 30), (35, 90)))))
    # 5 to 15: 20 of 30 counts; 15 to 20: 10; 20 to 30: 40 of 60.
    assert [(q.counts, q.label, q.covered_ms) for q in found] == [
        (20, Label.MISSING, 600_000),
        (50, Label.MEASURED, QUARTER_MS),
    ]


def test_a_gap_is_allocated_and_its_total_is_true() -> None:
    found = list(Course().quarters(intervals(read((0, 0), (60, 10)))))
    assert [q.counts for q in found] == [2, 3, 2, 3]
    assert {q.label for q in found} == {Label.ALLOCATED}


def test_a_gap_follows_the_usual_week() -> None:
    first = to_ms(at(0))

    def known(low: int, high: int) -> dict[int, int]:
        one = {first + i * QUARTER_MS - 7 * DAY_MS: c for i, c in enumerate([0, 10, 20, 10, 20])}
        two = {first + i * QUARTER_MS - 14 * DAY_MS: c for i, c in enumerate([0, 10, 20, 10, 20])}
        return {ms: c for ms, c in (one | two).items() if low <= ms < high}

    zone = ZoneInfo("Asia/Shanghai")
    course = Course(lambda a, b: usual(known, zone, a, b))
    found = list(course.quarters(intervals(read((0, 0), (75, 600)))))
    assert [q.counts for q in found] == [0, 100, 200, 100, 200]
    # Ten minutes of the second quarter hour: two thirds of its weight.
    found = list(course.quarters(intervals(read((-20, 0), (60, 600)))))
    assert sum(q.counts for q in found) == 600 - course.opened.counts
    assert usual(known, zone, first, first + 6 * QUARTER_MS) is None  # not all of it is known


def test_the_usual_week_goes_by_the_wall_clock() -> None:
    zone = ZoneInfo("Europe/Berlin")
    after = to_ms(datetime(2026, 3, 30, 8, tzinfo=zone))  # the clocks changed on the 29th
    before = to_ms(datetime(2026, 3, 23, 8, tzinfo=zone))
    assert after - before == 7 * DAY_MS - 3_600_000
    weights = usual(lambda _a, _b: {before: 5}, zone, after, after + QUARTER_MS)
    assert weights == [60]


# --- periods ---------------------------------------------------------------------------------


@settings(max_examples=100)
@given(registers(), st.lists(st.integers(-20, 500), min_size=2, max_size=6, unique=True))
def test_adjacent_periods_sum_exactly_to_the_whole(marks: list[Mark], borders: list[int]) -> None:
    known = energy_from(intervals(marks), CENT)
    edges = [at(15 * quarter) for quarter in sorted(borders)]
    pieces = [known(a, b) for a, b in pairwise(edges)]
    whole = known(edges[0], edges[-1])
    amounts = [piece.amount for piece in pieces if piece.amount is not None]
    assert (sum(amounts, Fraction(0)) if amounts else None) == whole.amount
    assert 0 <= whole.covered <= 1
    assert all(0 <= piece.covered <= 1 for piece in pieces)
    assert sum(whole.shares.values(), Fraction(0)) == (whole.amount or 0)


def test_no_marks_are_no_energy_and_not_zero() -> None:
    nothing = energy([], at(0), at(60))
    assert (nothing.amount, nothing.coverage_pct) == (None, 0.0)
    assert energy(read((0, 5)), at(0), at(60)).amount is None
    assert energy(read((0, 5), (15, 9)), at(30), at(60)).amount is None
    still = energy(read((0, 5), (60, 5)), at(0), at(60))
    assert still.amount == 0
    assert still.coverage_pct == 100.0


def test_coverage_of_a_whole_follows_from_its_parts_also_within_a_long_gap() -> None:
    marks = read((0, 0), (1440, 2400), (1500, 2500))
    part = energy(marks, at(720), at(1500))
    assert [part.amount, part.covered] == [13, 1]
    assert part.shares == {Label.ALLOCATED: 13}  # how it was come by
    whole = energy(marks, at(0), at(1500))  # a register bridges its own gaps
    assert [whole.amount, whole.covered] == [25, 1]
    beyond = energy(marks, at(1440), at(1560))
    assert [beyond.amount, beyond.covered] == [1, Fraction(1, 2)]


def test_a_reset_is_missing_with_its_reason_and_lowers_coverage() -> None:
    result = energy(read((0, 900), (30, 1000), (60, 3), (90, 53)), at(0), at(90))
    assert result.amount == Fraction(3, 2)
    assert result.covered == Fraction(2, 3)
    assert "stepped back from 1000 to 3" in result.problems[0]


def test_a_period_has_a_length_and_whole_quarter_hours() -> None:
    with pytest.raises(ValueError, match="length"):
        energy([], at(15), at(15))
    with pytest.raises(ValueError, match="quarter hour"):
        energy([], at(5), at(15))


def test_decimals_of_fractions() -> None:
    assert to_decimal(Fraction(2, 3)) == Decimal("0.6666666666666666666666666667")


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Berlin", date(2026, 3, 29), 23),
        ("Europe/Berlin", date(2026, 10, 25), 25),
        ("Asia/Shanghai", date(2026, 3, 29), 24),
        ("Asia/Shanghai", date(2024, 2, 29), 24),
        ("America/Santiago", date(2026, 9, 6), 23),  # its clocks change at midnight
        ("Australia/Lord_Howe", date(2026, 10, 4), 23.5),
    ],
)
def test_days_are_those_of_the_base(zone: str, day: date, hours: float) -> None:
    local = ZoneInfo(zone)
    first = to_ms(local_midnight(day - timedelta(days=1), local))
    known = energy_from(
        intervals([Mark(first + QUARTER_MS * i, i) for i in range(4 * 24 * 4)]), Decimal(1)
    )
    edges = [local_midnight(day + timedelta(days=n), local) for n in range(3)]
    changed, after = known(edges[0], edges[1]), known(edges[1], edges[2])
    assert changed.amount == 4 * hours
    assert changed.covered == 1
    assert after.amount == 96
