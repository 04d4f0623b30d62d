"""Days in words, against a calendar on the wall."""

from __future__ import annotations

from calendar import monthrange
from datetime import date, timedelta

import pytest

from bms.texts.problems import TextError
from schedules.model.recurring import parse_recurring

YEARS = [date(2024, 1, 1) + timedelta(days=n) for n in range(366 + 365)]
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def days_of(text: str) -> list[date]:
    found = parse_recurring(text)
    assert found is not None
    return [day for day in YEARS if day in found]


def of_month(day: date) -> list[date]:
    return [day.replace(day=n) for n in range(1, monthrange(day.year, day.month)[1] + 1)]


@pytest.mark.parametrize("what", [*DAYS, "weekday", "day"])
@pytest.mark.parametrize(("number", "at"), [("1st", 0), ("2nd", 1), ("5th", 4), ("last", -1)])
def test_the_how_many_th_day_of_each_month(what: str, number: str, at: int) -> None:
    def is_what(day: date) -> bool:
        if what == "day":
            return True
        return day.weekday() < 5 if what == "weekday" else DAYS[day.weekday()] == what

    expected = [day for day in YEARS if [day] == [d for d in of_month(day) if is_what(d)][at:][:1]]
    assert days_of(f"{number} {what} of the month") == expected
    odd = [day for day in expected if day.month % 2]
    assert days_of(f"{number} {what} of odd months") == odd
    assert days_of(f"{number} {what} of even months") == [d for d in expected if d not in odd]
    assert days_of(f"{number} {what}") == expected
    assert days_of(f"{number} {what} of 03") == [day for day in expected if day.month == 3]


@pytest.mark.parametrize("text", ["odd days", "even days", "odd months", "even months"])
def test_every_other_day_or_month(text: str) -> None:
    odd, of_days = text.startswith("odd"), text.endswith("days")
    expected = [day for day in YEARS if (day.day if of_days else day.month) % 2 == odd]
    assert days_of(text) == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("6th mon of the month", "is no number here"),
        ("1st maybe of the month", "is no day"),
        ("1st mon of 13", "is no month"),
        ("1st mon of strange months", "is no month"),
        ("1st mon of odd weeks", "is no month"),
        ("Odd  days", "is not a date"),
    ],
)
def test_words_that_mean_no_days(text: str, said: str) -> None:
    with pytest.raises(TextError, match=said):
        parse_recurring(text)


@pytest.mark.parametrize("text", ["2026-01-01", "mon", "", "01-01"])
def test_what_is_not_meant_as_words_is_left_to_others(text: str) -> None:
    assert parse_recurring(text) is None
