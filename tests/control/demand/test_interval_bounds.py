"""The interval of the utility and the energy that came in since it began: tables at the bounds."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bms.control.strategies.demand.billing_interval import (
    Pulse,
    begun,
    elapsed_s,
    limit_kw,
    watch_pulse,
)
from bms.control.strategies.demand.boundary_account import (
    Account,
    Instant,
    Mark,
    MeterAccount,
    MeterSeen,
    book,
    kwh_at,
    kwh_of,
    mean_kw,
)
from bms.control.strategies.demand.demand_parameters import DemandParameters, LoadFile

NOW_S = 10_000.0

# --- the interval ----------------------------------------------------------------------------

SHANGHAI = ZoneInfo("Asia/Shanghai")
INDIA = ZoneInfo("Asia/Kolkata")


@pytest.mark.parametrize(
    ("pulse", "shown", "after"),
    [
        (Pulse(), None, Pulse()), (Pulse(), False, Pulse()),
        (Pulse(), True, Pulse(True, NOW_S)),
        (Pulse(True, 9990.0), True, Pulse(True, 9990.0)),
        (Pulse(True, 9990.0), False, Pulse(False, 9990.0)),
        (Pulse(True, 9990.0), None, Pulse(True, 9990.0)),
        # A contact that bounces within half an interval is no pulse.
        (Pulse(False, 9551.0, 1), True, Pulse(True, 9551.0, 1)),
        (Pulse(False, 9550.0, 1), True, Pulse(True, NOW_S)),
        # One that stays away is taken for come a tenth of an interval late.
        (Pulse(False, 9010.1), False, Pulse(False, 9010.1)),
        (Pulse(False, 9010.0), False, Pulse(False, 9910.0, 1)),
        (Pulse(False, 8110.0, 1), None, Pulse(False, 9910.0, 3)),
    ],
)  # fmt: skip
def test_the_pulse_of_the_utility(pulse: Pulse, shown: bool | None, after: Pulse) -> None:
    assert watch_pulse(pulse, shown, 900.0, NOW_S) == after


@pytest.mark.parametrize(
    ("zone", "minutes", "begin"),
    [
        (SHANGHAI, 15, "10:45"), (SHANGHAI, 30, "10:30"), (SHANGHAI, 60, "10:00"),
        # In India the hour begins at half past of UTC.
        (INDIA, 60, "10:30"), (INDIA, 30, "10:30"),
    ],
)  # fmt: skip
def test_intervals_begin_by_the_clock_of_the_base(zone: ZoneInfo, minutes: int, begin: str) -> None:
    now = datetime(2026, 7, 1, 10, 52, 30, tzinfo=UTC)
    found = begun(now, zone, 60.0 * minutes)
    assert f"{found:%H:%M}" == begin
    assert elapsed_s(now, zone, 60.0 * minutes, None, 0.0) == (now - found).total_seconds()
    assert elapsed_s(now, zone, 900.0, Pulse(), 0.0) == 450.0


@pytest.mark.parametrize(("ago_s", "into_s"), [(100.0, 100.0), (-5.0, 0.0), (950.0, 900.0)])
def test_after_a_pulse_the_interval_runs_from_it(ago_s: float, into_s: float) -> None:
    now = datetime(2026, 7, 1, 10, 52, 30, tzinfo=UTC)
    pulse = Pulse(False, NOW_S - ago_s)
    assert elapsed_s(now, SHANGHAI, 900.0, pulse, NOW_S) == into_s


NIGHT: dict[str, Any] = {"from": "22:00", "to": "08:00", "limit_kw": 300.0, "days": ["fri"]}


@pytest.mark.parametrize(
    ("given", "local", "kw"),
    [
        ({"limit_kw": 200.0}, "2026-07-01 12:00", 200.0),
        ({"limit_kw": 200.0, "contract_kw": 150.0}, "2026-07-01 12:00", 150.0),
        ({"contract_kw": 150.0}, "2026-07-01 12:00", 150.0),
        # A night of Friday, 3 July 2026, lasts until Saturday morning.
        ({"limit_kw": 200.0, "limits": [NIGHT]}, "2026-07-03 21:59", 200.0),
        ({"limit_kw": 200.0, "limits": [NIGHT]}, "2026-07-03 22:00", 300.0),
        ({"limit_kw": 200.0, "limits": [NIGHT]}, "2026-07-04 07:59", 300.0),
        ({"limit_kw": 200.0, "limits": [NIGHT]}, "2026-07-04 08:00", 200.0),
        ({"limit_kw": 200.0, "limits": [NIGHT]}, "2026-07-04 23:00", 200.0),
        ({"limit_kw": 200.0, "limits": [NIGHT]}, "2026-07-03 07:00", 200.0),
        ({"contract_kw": 250.0, "limits": [NIGHT]}, "2026-07-03 23:00", 250.0),
        ({"limit_kw": 200.0, "limits": [{**NIGHT, "months": [8]}]}, "2026-07-31 23:00", 200.0),
        ({"limit_kw": 200.0, "limits": [{**NIGHT, "months": [7]}]}, "2026-08-01 03:00", 300.0),
        ({"limit_kw": 200.0, "limits": [{"from": "10:00", "to": "12:00", "limit_kw": 90.0}]},
         "2026-07-01 10:00", 90.0),
        ({"limit_kw": 200.0, "limits": [{"from": "10:00", "to": "12:00", "limit_kw": 90.0}]},
         "2026-07-01 12:00", 200.0),
        ({"limit_kw": 200.0, "limits": [{"from": "10:00", "to": "12:00", "limit_kw": 90.0}]},
         "2026-07-01 09:59", 200.0),
    ],
)  # fmt: skip
def test_which_limit_holds(given: dict[str, Any], local: str, kw: float) -> None:
    rules = DemandParameters(loads=[LoadFile(machines=["a"])], **given)
    begin = datetime.fromisoformat(local).replace(tzinfo=SHANGHAI)
    assert limit_kw(rules, begin, SHANGHAI) == kw


# --- the account -----------------------------------------------------------------------------

HALF_KWH = MeterSeen(register=None, power_kw=60.0, most_kw=100.0)
"""60 kW give 0.5 kWh in 30 s."""


def booked(meter: MeterAccount, shown: MeterSeen, step_s: float = 30.0) -> MeterAccount:
    before = Account((meter,), (), "boot", NOW_S - step_s)
    return book(before, [shown], Instant(NOW_S, 0.0, "boot"), 900.0).meters[0]


KNOWN = MeterAccount(register=100.0, kwh=50.0, since_kwh=0.3)


@pytest.mark.parametrize(
    ("register", "after"),
    [
        (None, (100.0, 50.0, 0.8, 0)), (100.0, (100.0, 50.0, 0.8, 0)),
        (100.4, (100.4, 50.4, 0.0, 0)),
        # 3 x 100 kW in 30 s, a count, and twice what power says: 2.5 + 1 + 1.6 kWh.
        (105.1, (105.1, 55.1, 0.0, 0)), (105.2, (105.2, 50.8, 0.0, 1)),
        (99.9, (99.9, 50.8, 0.0, 1)),
    ],
)  # fmt: skip
def test_a_register_is_followed_and_a_jump_is_bridged(
    register: float | None, after: tuple[float, float, float, int]
) -> None:
    found = booked(KNOWN, replace(HALF_KWH, register=register))
    assert (found.register, found.kwh, found.since_kwh, found.swaps) == pytest.approx(after)


def test_a_register_that_is_seen_first_counts_from_there() -> None:
    found = booked(MeterAccount(since_kwh=1.0), replace(HALF_KWH, register=7.0))
    assert found == MeterAccount(7.0, 1.5, 0.0)
    assert booked(KNOWN, replace(HALF_KWH, power_kw=None)).since_kwh == pytest.approx(0.3)
    assert booked(KNOWN, replace(HALF_KWH, power_kw=-60.0)).since_kwh == pytest.approx(0.3)


@pytest.mark.parametrize(
    ("since_kwh", "count_kwh", "total"),
    [
        (0.5, None, 10.5), (0.5, 0.0, 10.5), (0.5, 1.0, 10.5), (2.5, 1.0, 11.0), (3.0, 1.0, 11.0),
        (3.1, 1.0, 13.1), (1.4, 0.5, 10.5), (1.6, 0.5, 11.6),
    ],
)  # fmt: skip
def test_power_bridges_one_count_or_a_frozen_register(
    since_kwh: float, count_kwh: float | None, total: float
) -> None:
    assert MeterAccount(1.0, 10.0, since_kwh).total(count_kwh) == pytest.approx(total)


def test_the_smallest_quick_step_is_a_count() -> None:
    account = Account((KNOWN,), (), "boot", NOW_S - 60.0)
    quick = book(account, [replace(HALF_KWH, register=100.4)], Instant(NOW_S, 0.0, "boot"), 900.0)
    assert quick.count_kwh == pytest.approx(0.4)
    later = Instant(NOW_S + 60.0, 60.0, "boot")
    more = book(quick, [replace(HALF_KWH, register=101.4)], later, 900.0)
    assert more.count_kwh == pytest.approx(0.4)
    less = book(quick, [replace(HALF_KWH, register=100.5)], later, 900.0)
    assert less.count_kwh == pytest.approx(0.1)
    slow = replace(account, steady_s=NOW_S - 61.0)
    found = book(slow, [replace(HALF_KWH, register=100.4)], Instant(NOW_S, 0.0, "boot"), 900.0)
    assert found.count_kwh == 0.0


def test_marks_are_set_thirty_times_an_interval_and_kept_for_one_and_a_half() -> None:
    account, seen = Account(), [replace(HALF_KWH, register=None)]
    for second in range(0, 3000, 10):
        account = book(account, seen, Instant(second, second, "boot"), 900.0)
    gaps = {b.steady_s - a.steady_s for a, b in zip(account.marks, account.marks[1:], strict=False)}
    assert gaps == {30.0}
    assert account.marks[-1].steady_s == 2970.0
    assert account.marks[0].steady_s == 1620.0
    assert kwh_of(account, seen) == pytest.approx(2990.0 / 60.0)
    assert account.marks[-1].kwh == pytest.approx(2970.0 / 60.0)
    # After a long silence the last mark stays, and other meters begin again.
    silent = book(account, seen, Instant(9000.0, 9000.0, "boot"), 900.0)
    assert [mark.steady_s for mark in silent.marks] == [2970.0, 9000.0]
    other = book(account, [*seen, *seen], Instant(3000.0, 3000.0, "boot"), 900.0)
    assert [mark.kwh for mark in other.marks] == [pytest.approx(20.0 / 60.0)]


def test_over_a_boot_the_wall_tells_the_time() -> None:
    marks = (Mark(5000.0, 1000.0, 1.0), Mark(5030.0, 1030.0, 1.5))
    account = Account((KNOWN,), marks, "one", 5040.0)
    after = book(account, [HALF_KWH], Instant(20.0, 1090.0, "two"), 900.0)
    assert after.meters[0].since_kwh == pytest.approx(0.3 + 1.0)
    assert [mark.steady_s for mark in after.marks] == [-70.0, -40.0, 20.0]
    assert [mark.wall_s for mark in after.marks] == [1000.0, 1030.0, 1090.0]
    assert (after.boot, after.steady_s) == ("two", 20.0)
    # A wall that was set back says that no time went by.
    back = book(account, [HALF_KWH], Instant(20.0, 1000.0, "two"), 900.0)
    assert back.meters[0].since_kwh == pytest.approx(0.3)


PAST = Account((), (Mark(100.0, 0.0, 10.0), Mark(200.0, 0.0, 30.0)), "boot", 260.0)


@pytest.mark.parametrize(
    ("at_s", "kwh", "span_s"),
    [
        (100.0, 10.0, 100.0), (150.0, 20.0, 100.0), (200.0, 30.0, 60.0), (230.0, 35.0, 60.0),
        (260.0, 40.0, 60.0), (300.0, 40.0, 60.0), (50.0, 10.0, 50.0),
    ],
)  # fmt: skip
def test_the_account_at_an_earlier_moment(at_s: float, kwh: float, span_s: float) -> None:
    assert kwh_at(PAST, 40.0, at_s) == pytest.approx((kwh, span_s))


@pytest.mark.parametrize(
    ("first_s", "last_s", "kw"),
    [
        (60.0, 0.0, 600.0), (160.0, 60.0, 720.0), (160.0, 0.0, 675.0), (161.0, 0.0, None),
        (110.0, 60.0, 720.0),
    ],
)  # fmt: skip
def test_the_mean_power_between_two_moments(
    first_s: float, last_s: float, kw: float | None
) -> None:
    found = mean_kw(PAST, 40.0, first_s, last_s)
    assert found == (None if kw is None else pytest.approx(kw))
    assert mean_kw(replace(PAST, marks=()), 40.0, first_s, last_s) is None
