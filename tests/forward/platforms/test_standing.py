"""How complete reports are, computed by hand."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from bms.config.shapes.upload_keys import Kind
from bms.core.instants import DAY_MS, to_ms
from bms.forward.platforms.periods import ended, holding
from bms.forward.platforms.standing import (
    Apart,
    Counted,
    Month,
    apart,
    conditions,
    expected,
)

WELL = Counted(0, None, 0, 100 * DAY_MS, "")
NOW = 100 * DAY_MS
BERLIN = ZoneInfo("Europe/Berlin")


def keys(counted: Counted = WELL, months: Sequence[Month] = (), dropped: int = 0) -> list[str]:
    found = conditions("p", counted, months, dropped, NOW, "")
    return [condition.key.removeprefix("upload:p:") for condition in found]


def test_days_are_compared_with_their_month_meter_by_meter() -> None:
    days = [{"a": ("10.0", "measured"), "b": (None, "missing")}] * 3
    month = {"a": ("30.0", "measured"), "b": ("30", "measured"), "c": (None, "missing")}
    assert apart(days, month) == Apart("b", 100.0, 0)
    assert apart(days, {"a": ("30.0", "measured")}) == Apart("a", 0.0, 3)
    assert apart(days, {"a": ("32", "measured")}) == Apart("a", 6.25, 3)
    assert apart(days, {"a": ("0", "measured")}) == Apart("a", 100.0, 3)
    assert apart([], {"a": ("0", "measured")}) == Apart("a", 0.0, 0)
    assert apart(days, {"c": (None, "missing")}) is None


def test_a_quarter_hour_that_nobody_made_a_message_of_is_missing_too() -> None:
    assert expected(made=90, readings=180, quarters=96, meters=2) == 192
    assert expected(made=96, readings=180, quarters=96, meters=2) == 180


@pytest.mark.parametrize(
    ("month", "found"),
    [
        (Month("2026-03", 1000, 900, 1000), []),
        (Month("2026-03", 1000, 899, 1000), ["completeness"]),
        (Month("2026-03", 95, 0, 95), []),  # less than a day
        (Month("2026-03", 0, 0, 0), []),
        (Month("2026-03", 1000, 1000, 1000, Apart("a", 5.0, 31)), []),
        (Month("2026-03", 1000, 1000, 1000, Apart("a", 5.1, 31)), ["agreement"]),
    ],
)
def test_limits_of_a_month(month: Month, found: list[str]) -> None:
    assert keys(months=[month]) == found


def test_silence_of_a_day_is_somebodys_business() -> None:
    hour_ms = DAY_MS // 24
    waits = Counted(3, NOW - 23 * hour_ms, 0, None, "")
    assert keys(waits) == []
    assert keys(Counted(3, NOW - DAY_MS, 0, None, "")) == ["server"]
    assert keys(Counted(3, NOW - DAY_MS, 0, NOW - hour_ms, "")) == []
    assert keys(Counted(0, None, 0, NOW - 9 * DAY_MS, "")) == []
    assert keys(Counted(3, NOW - hour_ms, 2, NOW - hour_ms, "422")) == ["refused"]
    assert keys(dropped=1) == ["lost"]


def test_days_and_months_are_those_of_the_zone() -> None:
    def ms(text: str) -> int:
        return to_ms(datetime.fromisoformat(text))

    day = holding(Kind.DAY, BERLIN, ms("2026-10-25T12:00+01:00"))
    assert day.end_ms - day.start_ms == 25 * 3_600_000
    month = holding(Kind.MONTH, BERLIN, ms("2026-12-31T23:59+01:00"))
    assert month[1:] == (ms("2026-12-01T00:00+01:00"), ms("2027-01-01T00:00+01:00"))
    found = list(ended(Kind.QUARTER, BERLIN, day.start_ms, day.end_ms))
    assert len(found) == 100
    assert found[0].start_ms == day.start_ms
    assert found[-1].end_ms == day.end_ms
