"""A day drawn in half hours, also on the days when clocks change."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from bms.cli.screens.bars import (
    CELLS,
    FORCED,
    NOBODY,
    OFF,
    ON,
    OTHER,
    Part,
    day_bar,
    days_of,
    sign_of,
    within,
)

BERLIN = ZoneInfo("Europe/Berlin")


def local(text: str, zone: ZoneInfo = BERLIN) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC)


def running(start: str, end: str) -> list[Part]:
    return [
        Part(local("2026-01-01T00:00"), local(start), OFF),
        Part(local(start), local(end), ON),
        Part(local(end), local("2027-01-01T00:00"), OFF),
    ]


def test_a_plain_day() -> None:
    bar = day_bar(running("2026-07-06T08:00", "2026-07-06T18:00"), date(2026, 7, 6), BERLIN)
    assert bar == OFF * 16 + ON * 20 + OFF * 12


def test_a_block_over_midnight_shows_on_both_days() -> None:
    parts = running("2026-07-06T22:00", "2026-07-07T06:00")
    assert day_bar(parts, date(2026, 7, 6), BERLIN).endswith(OFF + ON * 4)
    assert day_bar(parts, date(2026, 7, 7), BERLIN).startswith(ON * 12 + OFF)


@pytest.mark.parametrize(("day", "hours"), [("2026-03-29", 5), ("2026-10-25", 7)])
def test_every_day_has_48_signs_and_its_own_hours(day: str, hours: int) -> None:
    parts = running(f"{day}T00:00", f"{day}T06:00")
    bar = day_bar(parts, date.fromisoformat(day), BERLIN)
    assert len(bar) == CELLS
    assert bar == ON * 12 + OFF * 36
    on = within(parts, date.fromisoformat(day), BERLIN, lambda part: part.sign == ON)
    assert on == timedelta(hours=hours)


def test_a_change_within_skipped_time_and_a_day_that_begins_with_it() -> None:
    parts = running("2026-03-29T01:30", "2026-03-29T03:30")
    assert day_bar(parts, date(2026, 3, 29), BERLIN) == OFF * 3 + ON * 4 + OFF * 41
    cairo = ZoneInfo("Africa/Cairo")  # 00:00 to 01:00 is skipped
    edges = ["2026-04-23T22:00", "2026-04-24T01:00", "2026-04-24T01:30", "2026-04-25T00:00"]
    times = [local(edge, cairo) for edge in edges]
    signs = (ON, OFF, ON)
    parts = [Part(a, b, sign) for a, b, sign in zip(times, times[1:], signs, strict=False)]
    assert day_bar(parts, date(2026, 4, 24), cairo) == OFF * 3 + ON * 45


def test_before_the_first_part_nobody_commands() -> None:
    parts = [Part(local("2026-07-06T12:00"), local("2026-07-07T00:00"), ON)]
    assert day_bar(parts, date(2026, 7, 6), BERLIN) == NOBODY * 24 + ON * 24
    assert days_of(parts, BERLIN) == [date(2026, 7, 6)]
    assert days_of([], BERLIN) == []


def test_signs() -> None:
    assert [sign_of(mode, forced=False) for mode in ("on", "off", "purge", None)] == [
        ON,
        OFF,
        OTHER,
        NOBODY,
    ]
    assert sign_of("on", forced=True) == FORCED
