"""The ledger conserves: what the intervals say is what the register did."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bms.energy.ledger import (
    Label,
    Reading,
    daily,
    energy,
    energy_of,
    intervals,
    local_midnight,
)

METER = "b.m.energy"
START = datetime(2026, 1, 1, tzinfo=UTC)
CENT = Decimal("0.01")


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def read(*pairs: tuple[float, int]) -> list[Reading]:
    return [Reading(METER, at(minutes), counts) for minutes, counts in pairs]


@st.composite
def registers(draw: st.DrawFn) -> list[Reading]:
    """Readings at irregular times of a register that now and then is reset."""
    steps = draw(
        st.lists(
            st.tuples(
                st.integers(1, 10_000_000),  # milliseconds
                st.one_of(st.integers(0, 10**9), st.just("reset")),
            ),
            max_size=30,
        )
    )
    time, counts = START, draw(st.integers(0, 10**12))
    readings = [Reading(METER, time, counts)]
    for milliseconds, step in steps:
        time += timedelta(milliseconds=milliseconds)
        counts = draw(st.integers(0, counts)) if step == "reset" else counts + step
        readings.append(Reading(METER, time, counts))
    return readings


@settings(max_examples=150)
@given(registers(), st.randoms(use_true_random=False))
def test_every_stretch_conserves_the_register(readings: list[Reading], rng) -> None:
    shuffled = [*readings, *rng.sample(readings, rng.randrange(len(readings) + 1))]
    rng.shuffle(shuffled)
    parts = intervals(shuffled)
    by_time = {reading.time: reading.counts for reading in readings}
    if len(readings) > 1:
        assert parts[0].start == readings[0].time
        assert parts[-1].end == readings[-1].time
    assert all(one.end == other.start for one, other in pairwise(parts))
    stretch_start, total = readings[0].time, 0
    for part in parts:
        if part.label is Label.MISSING:
            assert part.counts is None
            assert "stepped back" in part.reason
            assert by_time[part.end] < by_time[part.start]
            stretch_start, total = part.end, 0
        else:
            assert part.counts is not None
            assert part.counts >= 0
            between = sum(part.start < r.time < part.end for r in readings)
            assert (part.label is Label.CORRECTED) == ("and back" in part.reason) == bool(between)
            total += part.counts
            assert total == by_time[part.end] - by_time[stretch_start]


@pytest.mark.parametrize(
    "between",
    [[0], [0, 0, 0, 0, 0], [0, 3, 0], [4_294_967_295], [4_294_967_295] * 3, [999], [1001, 1002]],
)
def test_a_register_that_jumps_away_and_back_invents_no_energy(between: list[int]) -> None:
    shown = [990, 1000, *between, 1000 if between[0] > 1000 else 1010, 1020]
    readings = read(*((15.0 * i, counts) for i, counts in enumerate(shown)))
    result = energy(readings, readings[0].time, readings[-1].time, Decimal(1))
    assert result.kwh == 30
    assert result.covered == 1
    assert any("and back" in part.reason for part in intervals(readings))
    assert result.problems == ()


def test_a_register_that_climbs_back_after_a_reset_is_believed() -> None:
    shown = [*range(900, 1001, 10), *range(0, 1101, 10)]
    readings = read(*((15.0 * i, counts) for i, counts in enumerate(shown)))
    result = energy(readings, readings[0].time, readings[-1].time, Decimal(1))
    assert result.kwh == 100 + 1100
    assert len(result.problems) == 1


@settings(max_examples=100)
@given(
    registers(), st.lists(st.integers(-10_000, 400_000_000), min_size=2, max_size=6, unique=True)
)
def test_adjacent_periods_sum_exactly_to_the_whole(
    readings: list[Reading], borders_ms: list[int]
) -> None:
    parts = intervals(readings)
    borders = [START + timedelta(milliseconds=ms) for ms in sorted(borders_ms)]
    pieces = [energy_of(parts, a, b, CENT) for a, b in pairwise(borders)]
    whole = energy_of(parts, borders[0], borders[-1], CENT)
    known = [piece.exact_kwh for piece in pieces if piece.exact_kwh is not None]
    assert (sum(known, Fraction(0)) if known else None) == whole.exact_kwh
    assert 0 <= whole.covered <= 1
    assert all(0 <= piece.covered <= 1 for piece in pieces)


def test_the_sum_is_register_end_minus_start_to_the_last_digit() -> None:
    readings = read(*[(15 * i, 7 + i * i * 13) for i in range(200)])
    whole = energy(readings, readings[0].time, readings[-1].time, CENT)
    assert whole.kwh == (readings[-1].counts - readings[0].counts) * CENT
    assert whole.covered == 1
    assert sum(part.counts or 0 for part in intervals(readings)) == 13 * 199**2


def test_no_readings_are_no_energy_and_not_zero() -> None:
    nothing = energy([], at(0), at(60), CENT)
    assert (nothing.kwh, nothing.exact_kwh, nothing.coverage_pct) == (None, None, 0.0)
    assert energy(read((0, 5)), at(0), at(60), CENT).kwh is None
    assert energy(read((0, 5), (15, 9)), at(20), at(60), CENT).kwh is None
    still = energy(read((0, 5), (60, 5)), at(0), at(60), CENT)
    assert (still.kwh, still.coverage_pct) == (Decimal(0), 100.0)


def test_an_interval_across_a_border_is_shared_by_time() -> None:
    readings = read((0, 0), (15, 100))
    early, late = energy(readings, at(-5), at(5), CENT), energy(readings, at(5), at(15), CENT)
    assert early.exact_kwh == Fraction(1, 3)
    assert late.exact_kwh == Fraction(2, 3)
    assert early.covered == Fraction(1, 2)
    assert late.covered == 1
    assert late.kwh == Decimal("0.6666666666666666666666666667")


def test_a_share_of_a_long_gap_is_counted_but_not_covered() -> None:
    readings = read((0, 0), (1440, 2400), (1500, 2500))
    part = energy(readings, at(720), at(1500), CENT)
    assert part.exact_kwh == 13
    assert part.estimated_kwh == 12
    assert part.covered == Fraction(60, 780)
    whole = energy(readings, at(0), at(1500), CENT)  # a register bridges its own gaps
    assert (whole.exact_kwh, whole.covered, whole.estimated_kwh) == (25, 1, 0)


def test_a_reset_is_missing_with_its_reason_and_lowers_coverage() -> None:
    result = energy(read((0, 900), (30, 1000), (60, 3), (90, 53)), at(0), at(90), CENT)
    assert result.exact_kwh == Fraction(3, 2)
    assert result.covered == Fraction(2, 3)
    assert "stepped back from 1000 to 3" in result.problems[0]


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
    (part,) = intervals(read((0, before), (15, after)), register_size=size)
    assert part.counts == counts
    assert part.label is (Label.MISSING if counts is None else Label.CORRECTED)
    assert part.reason


def test_two_readings_of_one_instant_are_refused() -> None:
    with pytest.raises(ValueError, match="two readings"):
        intervals(read((0, 1), (0, 2)))


def test_a_period_has_a_length() -> None:
    with pytest.raises(ValueError, match="length"):
        energy([], at(5), at(5), CENT)


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Berlin", date(2026, 3, 29), 23),
        ("Europe/Berlin", date(2026, 10, 25), 25),
        ("Asia/Shanghai", date(2026, 3, 29), 24),
        ("America/Santiago", date(2026, 9, 6), 23),  # its clocks change at midnight
        ("Australia/Lord_Howe", date(2026, 10, 4), 23.5),
    ],
)
def test_days_are_those_of_the_base(zone: str, day: date, hours: float) -> None:
    local = ZoneInfo(zone)
    first = local_midnight(day - timedelta(days=1), local)
    readings = [Reading(METER, first + timedelta(minutes=15 * i), i) for i in range(4 * 24 * 4)]
    around = daily(intervals(readings), day, day + timedelta(days=1), local, Decimal(1))
    (_, changed), (_, after) = around
    assert changed.exact_kwh == 4 * hours
    assert changed.covered == 1
    assert after.exact_kwh == 96
    assert changed.end == after.start
