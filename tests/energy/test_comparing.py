"""The parts of the interval of growth, each by itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from itertools import product
from math import hypot

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bms.config.site import MeterRole
from bms.core.instants import local_midnight, to_ms
from bms.core.readings import Label
from bms.energy.comparing.alignment import shifted
from bms.energy.comparing.borders import Crossing, crossings
from bms.energy.comparing.day_kinds import DayKinds, Kind
from bms.energy.comparing.day_values import (
    Day,
    Period,
    same_date,
    whole_kwh,
    whole_year,
    years_asked,
)
from bms.energy.comparing.evidence import Evidence, Exchange, widths
from bms.energy.comparing.festivals import Holidays, moved, with_spring_festival
from bms.energy.comparing.gaps import MeterDays, Pair, unknowns_of
from bms.energy.comparing.plausible import Course
from bms.energy.comparing.unknowns import Interval, Sums, Unknown, doubt, ratio
from bms.energy.intervals import Event
from bms.energy.quarters import Stretch
from bms.energy.verdict import Verdict, growth
from tests.energy.growth_sites import ZONE, Meter, days_from

PAIR = Pair(whole_year(2025), whole_year(2024))
CHINA = with_spring_festival(Holidays(), years_asked(2025, 2024))
KINDS = DayKinds(CHINA, frozenset(years_asked(2025, 2024)))


def unknown(*corners: tuple[float, float], mid: tuple[float, float] | None = None) -> Unknown:
    day = date(2025, 3, 3)
    found = tuple(Sums(*corner) for corner in corners)
    return Unknown("m", Period(day, day), day, Sums(*(mid or corners[0])), found)


def test_what_makes_an_interval_wide_is_told_the_most_first() -> None:
    gap = unknown((0.0, 0.0), (30.0, 0.0))
    border = Crossing("m", date(2025, 1, 1), 20.0, this=True, before=True)
    exchange = Exchange("m", date(2025, 5, 1), 0.03)
    evidence = Evidence(
        Interval(0.9, 1.5, 2.0), Sums(1500.0, 1000.0), (gap,), (border,), (exchange,)
    )
    found = widths(evidence)
    assert [part for _, part in found] == [border, exchange, gap]
    # A crossing lies in both periods: 20 x (1 + 1.5) each way; an exchange 0.03 each way.
    assert [width for width, _ in found] == pytest.approx([0.1, 0.06, 0.03])
    assert widths(replace(evidence, interval=None)) == []


amounts = st.floats(0, 100)


def test_the_days_around_a_day_are_those_of_its_year() -> None:
    day = date(2025, 6, 11)  # a Wednesday
    around = [(other - day).days for other in KINDS.neighbours(day, 3, same_week=False)]
    assert around == [-3, -2, -1, 1, 2, 3]
    alike = [(other - day).days for other in KINDS.neighbours(day, 5, same_week=True)]
    assert alike == [-5, -2, -1, 1, 2, 5]
    last = date(2025, 12, 31)
    assert list(KINDS.neighbours(last, 1, same_week=False)) == [date(2025, 12, 30)]


@settings(max_examples=200)
@given(
    st.floats(100, 1000),
    st.floats(100, 1000),
    st.lists(st.lists(st.tuples(amounts, amounts), min_size=1, max_size=4), max_size=4),
)
def test_the_interval_holds_every_way_in_which_it_can_be(
    this: float, before: float, options: list[list[tuple[float, float]]]
) -> None:
    known = Sums(this, before)
    found = ratio(known, [unknown(*corners) for corners in options])
    assert found is not None
    ways = [
        (this + sum(n for n, _ in way)) / (before + sum(d for _, d in way))
        for way in product(*options)
    ]
    assert found.low == pytest.approx(min(ways))
    assert found.high == pytest.approx(max(ways))
    assert found.low - 1e-9 <= found.mid <= found.high + 1e-9


def test_a_load_that_may_be_nothing_has_no_ratio() -> None:
    assert ratio(Sums(10, 5), [unknown((0, -5), (0, 3), mid=(0, 1))]) is None
    assert ratio(Sums(10, 0), []) is None
    assert ratio(Sums(10, 5), [unknown((0, 3), (0, 5), mid=(0, -5))]) is None
    assert ratio(Sums(10, 5), [unknown((0, -5), (0, -5), mid=(0, 1))]) is None
    assert ratio(Sums(0, 5), []) == (0, 0, 0)


def test_what_is_most_in_doubt() -> None:
    assert doubt(unknown((0, 10), (0, 30)), 1.1, 200) == pytest.approx(0.11)
    assert doubt(unknown((10, 0), (30, 0)), 1.1, 200) == pytest.approx(0.1)


# --- days ------------------------------------------------------------------------------------


def test_days_are_compared_with_days_like_them() -> None:
    monday = date(2024, 6, 10)
    partners = KINDS.partners(monday, 2025)
    assert all(day.weekday() < 5 for day in partners)
    assert (min(partners), max(partners)) == (date(2025, 6, 2), date(2025, 6, 20))
    assert {d.weekday() for d in KINDS.partners(date(2024, 6, 8), 2025)} == {5}
    assert {d.weekday() for d in KINDS.partners(date(2024, 6, 9), 2025)} == {6}
    assert all(day.year == 2025 for day in KINDS.partners(date(2024, 1, 2), 2025))


def test_a_make_up_day_is_a_working_day() -> None:
    sunday = date(2025, 9, 28)
    kinds = DayKinds(Holidays(worked=frozenset([sunday])), frozenset([2024, 2025]))
    assert kinds.kind(sunday) == Kind("work")
    assert kinds.kind(date(2025, 9, 21)) == Kind("sun")


def test_days_of_a_festival_are_compared_with_the_same_festival() -> None:
    new_years_day = date(2024, 2, 10)
    assert KINDS.partners(new_years_day, 2025) == tuple(days_from(date(2025, 1, 28), 4))
    # A working day two days before its eve, with such days before the other eve.
    before = KINDS.partners(date(2024, 2, 7), 2025)
    assert before == (date(2025, 1, 24), date(2025, 1, 27))
    assert KINDS.kind(date(2024, 2, 7)).offset == -2
    # The other year's festival is no partner of a usual day of the same date.
    around = KINDS.partners(date(2024, 1, 23), 2025)
    assert all(not KINDS.kind(day).name for day in around)
    assert not {d for d in KINDS.distant(date(2024, 1, 29), 2025) if KINDS.kind(d).name}


def test_a_holiday_without_a_like_is_compared_with_sundays() -> None:
    free = Holidays({date(2025, 5, 2): "May"})
    kinds = DayKinds(free, frozenset([2024, 2025]))
    assert kinds.partners(date(2025, 5, 2), 2024) == ()
    assert {d.weekday() for d in kinds.distant(date(2025, 5, 2), 2024)} == {6}


def test_a_day_is_whole_or_not_known() -> None:
    days = {date(2025, 1, 1): Day(99.8, 0.998), date(2025, 1, 2): Day(50, 0.9)}
    assert whole_kwh(days, date(2025, 1, 1)) == pytest.approx(100)
    assert whole_kwh(days, date(2025, 1, 2)) is None
    assert whole_kwh(days, date(2025, 1, 3)) is None
    assert same_date(date(2024, 2, 29), 2025) == date(2025, 2, 28)
    assert years_asked(2026, 2020) == [2017, 2018, 2019, 2020, 2023, 2024, 2025, 2026]


# --- festivals -------------------------------------------------------------------------------


def test_the_spring_festival_is_known_and_what_a_calendar_says_comes_first() -> None:
    told = dict.fromkeys(days_from(date(2026, 2, 15), 9), "春节")
    found = with_spring_festival(Holidays(told, frozenset([date(2025, 1, 26)])), [2025, 2026])
    runs = {year: found.runs(year)["春节"] for year in (2025, 2026)}
    assert runs[2025] == Period(date(2025, 1, 28), date(2025, 2, 4))
    assert runs[2026] == Period(date(2026, 2, 15), date(2026, 2, 23))
    (only,) = moved(found, 2026, 2025)
    assert (only.name, only.long) == ("春节", True)
    assert found.worked == {date(2025, 1, 26)}


def test_a_bridge_day_does_not_move_a_holiday() -> None:
    may = dict.fromkeys(days_from(date(2025, 5, 1), 5), "May")
    may |= dict.fromkeys(days_from(date(2024, 4, 28), 3), "May")
    easter = {date(2025, 4, 21): "Easter", date(2024, 4, 1): "Easter"}
    (only,) = moved(Holidays(may | easter), 2025, 2024)
    assert (only.name, only.long) == ("Easter", False)


def standing_still(year_days: dict[date, float]) -> MeterDays:
    return MeterDays("m", 1, {day: Day(kwh, 1.0) for day, kwh in year_days.items()})


@pytest.mark.parametrize(
    ("last", "apart"),
    [
        (date(2025, 1, 18), False),  # neither year has had it
        (date(2025, 2, 10), True),
        (date(2025, 2, 22), True),  # of the week after it there is more in one
        (date(2025, 2, 23), False),
    ],
)
def test_a_festival_in_one_period_only_is_found_with_what_it_took(last: date, apart: bool) -> None:
    festival = {
        day for run in moved(CHINA, 2025, 2024) for r in (run.this, run.before) for day in r
    }
    days = [*whole_year(2024), *whole_year(2025)]
    meter = standing_still({day: 30.0 if day in festival else 100.0 for day in days})
    this = Period(date(2025, 1, 1), last)
    pair = Pair(this, Period(date(2024, 1, 1), same_date(last, 2024)))
    found = shifted(CHINA, [meter], pair, KINDS)
    assert bool(found) is apart
    if last == date(2025, 2, 10):
        # All eight days of 2025 are in it, and the first two of 2024.
        assert found[0].effect == Sums(6 * 70.0, 0.0)
        assert found[0].until == date(2025, 2, 24)


# --- what lost days may have used ------------------------------------------------------------


def test_bounds_are_as_wide_as_known_days_are_foretold_wrong() -> None:
    steady = Course([100.0] * 200, [100.0] * 200)
    assert steady.misses(10) == pytest.approx([0.0] * len(steady.misses(10)))
    close = Course([None if 90 <= n < 100 else 110.0 for n in range(200)], [100.0] * 200)
    found = close.bounds(range(90, 100))
    assert found is not None
    assert found.mid == pytest.approx(1100)
    assert 1050 < found.low < 1100 < found.high < 1150
    wild = Course(
        [None if 90 <= n < 100 else 110.0 * (0.7 + 0.6 * (n // 10 % 2)) for n in range(200)],
        [100.0] * 200,
    )
    wider = wild.bounds(range(90, 100))
    assert wider is not None
    assert wider.high - wider.low > 5 * (found.high - found.low)


def test_a_stop_makes_less_possible_and_not_more() -> None:
    course = Course(
        [None if 100 <= n < 114 else 10.0 if 40 <= n < 50 else 100.0 for n in range(300)],
        [100.0] * 300,
    )
    found = course.bounds(range(100, 114))
    assert found is not None
    assert found.mid - found.low > 1.4 * (found.high - found.mid)


def test_nothing_is_bounded_from_a_handful_of_days() -> None:
    assert Course([100.0] * 7 + [None], [100.0] * 8).bounds([7]) is None
    assert Course([None] * 50, [100.0] * 50).bounds([7]) is None
    assert Course([100.0] * 50, [None] * 50).pairs == 0


def test_the_level_is_that_of_all_days_where_nothing_is_foretold_close_by() -> None:
    course = Course([10.0] * 300, [0.0] * 150 + [20.0] * 150)
    inner = 300 * 10 - 100
    assert course.level(50, 60) == pytest.approx(inner / (150 * 20))
    assert course.level(200, 210) == pytest.approx(
        70 / 90 * 0.5 + 20 / 90 * inner / (150 * 20 - 200)
    )
    assert Course([None] * 300, [20.0] * 300).level(50, 60) is None
    assert Course([10.0] * 300, [0.0] * 300).level(50, 60) is None
    assert course.between(-5, 400) == (3000.0, 3000.0, 300)
    assert course.between(10, 10) == (0.0, 0.0, 0)


def test_a_meter_that_only_counts_up_uses_no_less_than_nothing() -> None:
    course = Course([None if n == 30 else 100.0 * (n % 2) for n in range(60)], [50.0] * 60)
    found = course.bounds([30])
    assert found is not None
    assert found.low == 0.0
    signed = Course([None if n == 30 else 100.0 * (-1) ** n for n in range(60)], [50.0] * 60)
    below = signed.bounds([30])
    assert below is not None
    assert below.low < 0


def meter_days(
    lost: Sequence[date] = (), rate: float = 1.1, added: date | None = None, sign: int = 1
) -> MeterDays:
    days = [day for year in (2024, 2025) for day in whole_year(year)]
    known = {
        day: Day(
            100.0 * (rate if day.year == 2025 else 1.0) * (1.0 if day.weekday() < 5 else 0.4), 1
        )
        for day in days
        if day not in lost
    }
    return MeterDays("m", sign, known, added)


def used(days: Sequence[date], rate: float = 1.0) -> float:
    return sum(100 * rate * (1.0 if day.weekday() < 5 else 0.4) for day in days)


def test_nothing_lost_is_nothing_unknown() -> None:
    assert unknowns_of(meter_days(), PAIR, KINDS) == []


@pytest.mark.parametrize("sign", [1, -1])
def test_a_gap_of_one_year_is_bounded_from_the_other(sign: int) -> None:
    gap = days_from(date(2024, 7, 3), 17)
    found = unknowns_of(meter_days(gap, sign=sign), PAIR, KINDS)
    assert found is not None
    (only,) = found
    assert (only.days, only.reading) == (Period(gap[0], gap[-1]), date(2024, 7, 20))
    assert only.mid.this == 0
    assert only.mid.before == pytest.approx(sign * used(gap), rel=0.01)
    assert {corner.this for corner in only.corners} == {0.0}
    low, high = sorted(abs(corner.before) for corner in only.corners)
    assert 0.9 * used(gap) < low < used(gap) < high < 1.1 * used(gap)


def test_a_gap_of_this_year_is_bounded_at_the_level_of_this_year() -> None:
    gap = days_from(date(2025, 7, 3), 17)
    found = unknowns_of(meter_days(gap), PAIR, KINDS)
    assert found is not None
    assert found[0].mid.this == pytest.approx(used(gap, 1.1), rel=0.01)
    assert found[0].mid.before == 0.0


def test_the_same_weeks_lost_in_both_years_keep_how_the_years_go_together() -> None:
    gap = [*days_from(date(2024, 7, 1), 60), *days_from(date(2025, 7, 1), 60)]
    found = unknowns_of(meter_days(gap), PAIR, KINDS)
    assert found is not None
    both = [u for u in found if u.mid.this and u.mid.before]
    assert both
    for each in both:
        assert each.mid.this == pytest.approx(1.1 * each.mid.before, rel=0.01)
        assert len(each.corners) == 4
    known = Sums(used([d for d in whole_year(2025) if d not in gap], 1.1),
                 used([d for d in whole_year(2024) if d not in gap]))  # fmt: skip
    interval = ratio(known, found)
    assert interval is not None
    assert 1.07 < interval.low < 1.1 < interval.high < 1.13


def test_before_an_added_meter_there_may_have_been_nothing() -> None:
    gap = days_from(date(2024, 1, 1), 40)
    found = unknowns_of(meter_days(gap, added=date(2024, 2, 10)), PAIR, KINDS)
    assert found is not None
    assert min(corner.before for corner in found[0].corners) == 0.0
    assert found[0].reading == date(2024, 1, 1)
    later = days_from(date(2024, 3, 1), 4)
    other = unknowns_of(meter_days(later, added=date(2024, 2, 10)), PAIR, KINDS)
    assert other is not None
    assert min(corner.before for corner in other[0].corners) > 0


def test_a_meter_that_no_other_year_knows_has_no_bounds() -> None:
    assert unknowns_of(meter_days(list(whole_year(2024))), PAIR, KINDS) is None


# --- borders and exchanges -------------------------------------------------------------------


def stretch(first: datetime, last: datetime, kwh: int | None) -> Stretch:
    amount = None if kwh is None else Fraction(kwh)
    return Stretch(to_ms(first), to_ms(last), Event.GAP, Label.ALLOCATED, amount, "")


def test_across_new_year_some_of_it_may_lie_on_the_other_side() -> None:
    edge = local_midnight(date(2025, 1, 1), ZONE)
    four_days = stretch(edge - timedelta(days=2), edge + timedelta(days=2), 400)
    (found,) = crossings("m", [four_days], *PAIR, ZONE)
    assert (found.day, found.this, found.before) == (date(2025, 1, 1), True, True)
    assert 50 < found.kwh < 100
    assert found.doubt(1.1, 1000) == pytest.approx(found.kwh * 2.1 / 1000)
    hours = stretch(edge - timedelta(days=30), edge + timedelta(hours=6), 3025)
    (small,) = crossings("m", [hours], *PAIR, ZONE)
    assert small.kwh == pytest.approx(25)  # six hours of it: all or nothing
    outer = stretch(edge + timedelta(days=363), edge + timedelta(days=367), 400)
    (last,) = crossings("m", [outer], *PAIR, ZONE)
    assert (last.this, last.before) == (True, False)


def test_what_lies_within_a_period_or_is_missing_is_not_in_doubt() -> None:
    edge = local_midnight(date(2025, 1, 1), ZONE)
    inside = stretch(edge, edge + timedelta(days=9), 900)
    lost = stretch(edge - timedelta(days=2), edge + timedelta(days=2), None)
    assert crossings("m", [inside, lost], *PAIR, ZONE) == []
    known = stretch(edge - timedelta(days=2), edge + timedelta(days=2), 400)
    assert len(crossings("m", [lost, inside, known], *PAIR, ZONE)) == 1


def judged(*meters: Meter) -> tuple[float, float, Verdict, tuple[str, ...]]:
    found = growth(
        "b",
        [meter.data() for meter in meters],
        zone=ZONE,
        year=2025,
        now=datetime(2026, 2, 1, tzinfo=UTC),
        target_pct=5.0,
        holidays=CHINA,
    )
    assert found.low_pct is not None
    assert found.high_pct is not None
    return found.low_pct, found.high_pct, found.verdict, found.decides


def flow(name: str, before: float, this: float) -> Meter:
    days = [day for year in (2024, 2025) for day in whole_year(year)]
    return Meter(name, MeterRole.IMPORT, {d: this if d.year == 2025 else before for d in days})


def test_a_meter_that_stayed_cancels_its_error_and_one_that_was_exchanged_does_not() -> None:
    low, high, verdict, _ = judged(flow("m", 100, 104))
    assert high - low < 1e-9
    assert verdict is Verdict.UNDER
    exchanged = flow("m", 100, 104)
    exchanged.swapped = date(2025, 1, 1)
    low, high, verdict, decides = judged(exchanged)
    half = 104 * 365 / 36600 * hypot(1, 1)  # both of class 1
    assert (high - low) / 2 == pytest.approx(half, rel=1e-6)
    assert verdict is Verdict.CANNOT_TELL
    assert decides == ("the accuracy of m before and after 2025-01-01",)
    exchanged.accuracy_pct = 0.5
    assert judged(exchanged)[2] is Verdict.UNDER


def test_classes_count_by_their_share_and_meters_in_squares() -> None:
    first, second = flow("m", 100, 104), flow("n", 100, 104)
    first.swapped = second.swapped = date(2025, 1, 1)
    low, high, *_ = judged(first, second)
    one = 104 * 365 / 36600 * hypot(1, 1) / 2
    assert (high - low) / 2 == pytest.approx(hypot(one, one), rel=1e-6)
    mid_year = flow("m", 100, 104)
    mid_year.swapped = date(2025, 7, 2)
    low, high, *_ = judged(mid_year)
    assert 0.6 < (high - low) / 2 < 0.8  # half of this year was measured as the year before
