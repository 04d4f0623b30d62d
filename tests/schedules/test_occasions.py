"""When an overlay is in force by itself, to the minute; and dates that are none."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from bms.texts.problems import Origin, TextError
from schedules.answering.stacking import _occurs
from schedules.model.calendar import parse_span, parse_yearly
from schedules.model.overlays import Occasion

FRIDAY = date(2026, 7, 3)
EVERY_DAY = frozenset(range(7))


def occasion(start: int, end: int, weekdays: frozenset[int] = frozenset({4})) -> Occasion:
    return Occasion("", (), None, "", weekdays, start, end, Origin("overlays.yaml", 1))


@pytest.mark.parametrize(
    ("start", "end", "days_later", "minute", "said"),
    [
        (480, 600, 0, 479, None),
        (480, 600, 0, 480, "fri 08:00-10:00"),
        (480, 600, 0, 599, "fri 08:00-10:00"),
        (480, 600, 0, 600, None),
        (480, 600, 1, 480, None),
        (1320, 1560, 0, 1319, None),
        (1320, 1560, 0, 1439, "fri 22:00-02:00"),
        (1320, 1560, 1, 0, "fri 22:00-02:00"),
        (1320, 1560, 1, 119, "fri 22:00-02:00"),
        (1320, 1560, 1, 120, None),
        (1320, 1560, 0, 0, None),
        (1320, 1440, 0, 1439, "fri 22:00-24:00"),
        (1320, 1440, 1, 0, None),
        (0, 1440, 0, 0, "fri"),
        (0, 1440, 0, 1439, "fri"),
        (0, 1440, 1, 0, None),
        (0, 1441, 0, 0, "fri 00:00-00:01"),
    ],
)
def test_an_occasion_begins_and_ends_at_its_minute(
    start: int, end: int, days_later: int, minute: int, said: str | None
) -> None:
    day = FRIDAY + timedelta(days=days_later)
    assert _occurs(occasion(start, end), day, minute) == said


def test_between_two_nights_the_evening_before_is_named() -> None:
    nights = occasion(1320, 1560, EVERY_DAY)
    assert _occurs(nights, FRIDAY, 60) == "thu 22:00-02:00"
    assert _occurs(nights, FRIDAY, 1320) == "fri 22:00-02:00"


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("2026-02-29", "the last day of that month is 28"),
        ("2024-02-30", "the last day of that month is 29"),
        ("2000-02-30", "the last day of that month is 29"),
        ("1900-02-29", "the last day of that month is 28"),
        ("2026-04-31", "the last day of that month is 30"),
        ("2026-12-32", "the last day of that month is 31"),
        ("2026-13-01", "months are 01 to 12"),
        ("2026-00-01", "months are 01 to 12"),
        ("2026-7-3", "write 2026-07-03"),
        ("2026/7/3", "write 2026-07-03"),
    ],
)
def test_a_date_that_is_none_says_which_is(text: str, hint: str) -> None:
    with pytest.raises(TextError) as refused:
        parse_span(text)
    assert hint in refused.value.hint


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("02-30", "the last day of that month is 29"),
        ("06-31", "the last day of that month is 30"),
        ("13-01", "months are 01 to 12"),
        ("7-3", "write 07-03"),
    ],
)
def test_a_yearly_date_that_is_none_says_which_is(text: str, hint: str) -> None:
    with pytest.raises(TextError) as refused:
        parse_yearly(text)
    assert hint in refused.value.hint
