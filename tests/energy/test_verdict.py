"""Verdicts: under, over, and when nobody can tell."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bms.config.site import MeterRole
from bms.core.instants import local_midnight, to_ms
from bms.energy.comparing.day_values import Period
from bms.energy.comparing.loads import MeterData, period_of, same_dates
from bms.energy.intervals import Interval, Mark, intervals
from bms.energy.verdict import Growth, Verdict, growth
from tests.energy.registers import meter_of

ZONE = ZoneInfo("Asia/Shanghai")
AFTER_2026 = datetime(2027, 2, 1, tzinfo=UTC)


def intervals_of(
    per_day: Callable[[date], int],
    *,
    first: date = date(2025, 1, 1),
    last: date = date(2026, 12, 31),
    without: tuple[date, date] | None = None,
) -> list[Interval]:
    """A meter read at every local midnight, with `per_day` kWh a day; `without` is lost."""
    day, register = first, 1000
    marks: list[Mark] = []
    while day <= last + timedelta(days=1):
        marks.append(Mark(to_ms(local_midnight(day, ZONE)), register))
        register += per_day(day)
        day += timedelta(days=1)
    parts = intervals(marks)
    if without is not None:
        start, end = (to_ms(local_midnight(d, ZONE)) for d in without)
        parts = [p for p in parts if p.end_ms <= start or p.start_ms >= end]
    return parts


def data(
    parts: list[Interval],
    role: MeterRole = MeterRole.IMPORT,
    name: str = "b.meter-main",
    resolution: Decimal = Decimal(1),
) -> MeterData:
    return meter_of(parts, resolution, ZONE, role, name)


def meter(
    per_day: Callable[[date], int],
    *,
    role: MeterRole = MeterRole.IMPORT,
    name: str = "b.meter-main",
    **period: Any,
) -> MeterData:
    return data(intervals_of(per_day, **period), role, name)


def judge(*meters: MeterData, now: datetime = AFTER_2026, year: int = 2026, **extra: Any) -> Growth:
    extra.setdefault("target_pct", 5.0)
    return growth("b", meters, zone=ZONE, year=year, now=now, **extra)


def by_year(in_2025: int, in_2026: int) -> Callable[[date], int]:
    return lambda day: in_2025 if day.year <= 2025 else in_2026


@pytest.mark.parametrize(
    ("in_2026", "verdict"),
    [(1040, Verdict.UNDER), (1050, Verdict.OVER), (1060, Verdict.OVER), (900, Verdict.UNDER)],
)
def test_the_target_itself_is_already_over(in_2026: int, verdict: Verdict) -> None:
    result = judge(meter(by_year(1000, in_2026)))
    assert result.verdict is verdict
    assert result.growth_pct == pytest.approx(in_2026 / 10 - 100)
    assert not result.partial
    assert result.this is not None
    assert result.this.exact_kwh == 365 * in_2026
    assert result.this.coverage_pct == 100
    assert result.projection is None  # the year is over
    assert "target below 5 %" in result.reason


def test_year_to_date_against_the_same_dates() -> None:
    # A base whose summer is twice its winter: pace by days alone would mislead.
    def load(day: date) -> int:
        return (2000 if 5 <= day.month <= 9 else 1000) * (102 if day.year == 2026 else 100) // 100

    now = datetime(2026, 6, 30, 17, 0, tzinfo=UTC)  # 1 July, 01:00 there
    result = judge(meter(load, last=date(2026, 7, 3)), now=now)
    assert result.partial
    assert result.this is not None
    assert result.baseline is not None
    assert result.this.period == Period(date(2026, 1, 1), date(2026, 6, 30))
    assert result.baseline.period == Period(date(2025, 1, 1), date(2025, 6, 30))
    assert result.growth_pct == pytest.approx(2.0)
    assert result.verdict is Verdict.UNDER
    assert result.projection is not None
    assert result.projection.kwh == pytest.approx((365 * 1000 + 153 * 1000) * 1.02)
    assert result.projection.method.startswith("pace")


def test_without_a_whole_baseline_year_there_is_a_projection_by_days_and_no_verdict() -> None:
    now = datetime(2026, 4, 10, 12, 0, tzinfo=UTC)
    started_late = meter(by_year(1000, 1000), first=date(2025, 3, 1), last=date(2026, 4, 12))
    result = judge(started_late, now=now)
    assert result.verdict is Verdict.CANNOT_TELL
    assert "covers 40.4 % of 2025-01-01..2025-04-09" in result.reason
    assert result.projection is not None
    assert result.projection.kwh == pytest.approx(365_000)
    assert result.projection.method.startswith("days")


def test_low_coverage_cannot_tell() -> None:
    for gap_days, verdict in ((30, Verdict.UNDER), (40, Verdict.CANNOT_TELL)):
        gap = date(2026, 3, 1), date(2026, 3, 1) + timedelta(days=gap_days)
        result = judge(meter(by_year(1000, 1000), without=gap))
        assert result.verdict is verdict
        assert result.this is not None
        assert result.this.coverage_pct == pytest.approx(100 * (1 - gap_days / 365))
    assert "89.0 % of 2026" in result.reason
    assert result.growth_pct is not None  # the number is shown, the verdict is not given


@pytest.mark.parametrize(
    ("in_2026", "verdict"),
    [
        (1000, Verdict.UNDER),
        (1049, Verdict.CANNOT_TELL),
        (1051, Verdict.CANNOT_TELL),
        (1100, Verdict.OVER),
    ],
)
def test_a_gap_does_not_pass_for_saved_energy(in_2026: int, verdict: Verdict) -> None:
    gap = date(2026, 1, 1), date(2026, 2, 1)
    result = judge(meter(by_year(1000, in_2026), without=gap))
    assert result.verdict is verdict
    low, mid, high = result.low_pct, result.growth_pct, result.high_pct
    assert low is not None
    assert high is not None
    assert mid == pytest.approx(in_2026 / 10 - 100)
    assert low < in_2026 / 10 - 100 < high
    assert any("missing from 2026-01-01 to 2026-01-31" in note for note in result.notes)
    if verdict is Verdict.CANNOT_TELL:
        assert "the target of 5 % lies between" in result.reason
        assert result.decides == ("the register of b.meter-main on 2026-02-01",)


def test_the_worst_meter_is_shown_and_weighs_as_much_as_it_uses() -> None:
    gap = date(2025, 3, 1), date(2025, 6, 1)
    good, small = meter(by_year(900, 900)), meter(by_year(9, 9), without=gap, name="b.meter-2")
    result = judge(good, small)
    assert result.verdict is Verdict.UNDER
    assert result.baseline is not None
    assert result.baseline.coverage_pct == pytest.approx(100 * (1 - 92 / 365))
    half = judge(good, meter(by_year(900, 900), without=gap, name="b.meter-2"))
    assert half.verdict is Verdict.CANNOT_TELL
    assert half.reason.startswith("b.meter-2 covers 74.8 % of 2025")


def test_a_missing_meter_makes_the_load_missing_never_smaller() -> None:
    silent = data([], MeterRole.GENERATION, "b.pv-1")
    result = judge(meter(by_year(1000, 1000)), silent)
    assert result.verdict is Verdict.CANNOT_TELL
    assert result.this is not None
    assert (result.this.exact_kwh, result.this.kwh) == (None, None)
    assert result.growth_pct is None
    assert "b.pv-1 has no energy in 2026" in result.reason
    assert result.decides == (
        "the register of b.pv-1 on 2025-01-01",
        "the register of b.pv-1 on 2026-01-01",
    )
    assert result.projection is None


def test_new_pv_does_not_hide_growth() -> None:
    imports = meter(by_year(1000, 950))
    pv = meter(by_year(0, 200), role=MeterRole.GENERATION, name="b.pv-1")
    exports = meter(by_year(0, 50), role=MeterRole.EXPORT, name="b.export")
    alone, whole = judge(imports), judge(imports, pv, exports)
    assert alone.verdict is Verdict.UNDER
    assert whole.verdict is Verdict.OVER
    assert whole.growth_pct == pytest.approx(10.0)
    assert whole.this is not None
    assert whole.this.exact_kwh == 365 * (950 + 200 - 50)


def test_a_load_of_zero_cannot_be_a_baseline() -> None:
    result = judge(meter(by_year(0, 10)))
    assert result.verdict is Verdict.CANNOT_TELL
    assert "2025 is not above zero" in result.reason


def test_resolutions_are_exact() -> None:
    result = judge(data(intervals_of(by_year(1, 1)), resolution=Decimal("0.1")))
    assert result.this is not None
    assert result.this.exact_kwh == Fraction(365, 10)


# --- calendars -------------------------------------------------------------------------------


def test_a_leap_day_is_named_and_not_removed() -> None:
    leap = meter(lambda _: 1000, first=date(2023, 1, 1), last=date(2024, 12, 31))
    result = judge(leap, year=2024)
    assert result.growth_pct == pytest.approx(100 * (366 / 365 - 1))
    assert any("2024 has a leap day more" in note for note in result.notes)
    ordinary = judge(meter(by_year(1000, 1000)))
    assert not any("leap" in note for note in ordinary.notes)


@pytest.mark.parametrize(
    ("last", "year", "expected"),
    [
        (date(2024, 2, 29), 2023, date(2023, 2, 28)),
        (date(2024, 2, 29), 2020, date(2020, 2, 29)),
        (date(2025, 2, 28), 2024, date(2024, 2, 28)),
        (date(2025, 3, 1), 2024, date(2024, 3, 1)),
        (date(2024, 12, 31), 2023, date(2023, 12, 31)),
    ],
)
def test_same_dates(last: date, year: int, expected: date) -> None:
    found = same_dates(Period(date(last.year, 1, 1), last), year)
    assert found == Period(date(year, 1, 1), expected)


def test_on_29_february_the_days_before_are_compared() -> None:
    now = datetime(2024, 3, 1, 4, 0, tzinfo=UTC)
    leap = meter(lambda _: 1000, first=date(2023, 1, 1), last=date(2024, 3, 1))
    result = judge(leap, year=2024, now=now)
    assert result.this is not None
    assert result.baseline is not None
    assert (result.this.period.days, result.baseline.period.days) == (60, 59)
    assert any("leap day" in note for note in result.notes)


def test_the_year_begins_with_its_first_complete_day_in_the_base() -> None:
    new_year = local_midnight(date(2026, 1, 1), ZONE)
    assert period_of(2026, new_year + timedelta(hours=23), ZONE) is None
    assert period_of(2026, new_year - timedelta(days=9), ZONE) is None
    first = period_of(2026, new_year + timedelta(hours=24), ZONE)
    assert first == Period(date(2026, 1, 1), date(2026, 1, 1))
    result = judge(meter(by_year(1, 1)), now=new_year)
    assert result.verdict is Verdict.CANNOT_TELL
    assert result.reason == "2026 has no complete day yet"


def test_the_baseline_year_is_a_choice() -> None:
    old = meter(lambda day: 1000 if day.year == 2023 else 1200, first=date(2023, 1, 1))
    result = judge(old, baseline_year=2023)
    assert result.baseline_year == 2023
    assert result.growth_pct == pytest.approx(20.0)
    assert judge(old, baseline_year=2026).reason == "the baseline year is 2026 itself"


def test_without_meters_nobody_can_tell() -> None:
    result = judge()
    assert result.verdict is Verdict.CANNOT_TELL
    assert "no import meter" in result.reason


def test_a_reset_is_explained() -> None:
    parts = intervals_of(by_year(1000, 1000))
    cut = parts[400]
    parts[400] = intervals([Mark(cut.start_ms, 500_000), Mark(cut.end_ms, 3)])[0]
    result = judge(data(parts))
    assert result.verdict is Verdict.UNDER
    assert any("b.meter-main: " in n and "stepped back" in n for n in result.notes)


def test_a_gap_across_new_year_is_named() -> None:
    parts = intervals_of(by_year(1000, 1000))
    start, end = (to_ms(local_midnight(d, ZONE)) for d in (date(2025, 12, 30), date(2026, 1, 3)))
    kept = [p for p in parts if p.end_ms <= start or p.start_ms >= end]
    lost = sum(p.counts or 0 for p in parts) - sum(p.counts or 0 for p in kept)
    bridge = intervals([Mark(start, 0), Mark(end, lost)])
    result = judge(data(sorted([*kept, *bridge], key=lambda p: p.start_ms)))
    assert result.this is not None
    assert result.baseline is not None
    assert result.this.exact_kwh == result.baseline.exact_kwh == 365_000
    assert result.this.coverage_pct == 100
    assert result.verdict is Verdict.UNDER
    # Two days on either side of it: so much may lie on the other.
    assert result.low_pct is not None
    assert result.high_pct is not None
    assert result.low_pct == pytest.approx(-result.high_pct)
    assert 0.2 < result.high_pct < 0.6
    assert any("was not read on 2026-01-01" in note for note in result.notes)
