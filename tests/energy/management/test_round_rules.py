"""Rounds of inspection: which were kept, which were missed, and which were late."""

from __future__ import annotations

from datetime import date

import pytest
from pydantic import ValidationError

from bms.energy.management.managed_items import Round, Visit
from bms.energy.management.round_rules import turns

YEAR = date(2026, 1, 1), date(2026, 12, 31)


def day(month: int, number: int) -> date:
    return date(2026, month, number)


def visited(*days: date) -> tuple[Visit, ...]:
    return tuple(Visit(on=one, by="wang") for one in days)


def weekly(*days: date) -> Round:
    return Round(
        title="hall", place="b", look_at=("leaks",), every_days=7, first_day=day(3, 2),
        responsible="wang", visits=visited(*days),
    )  # fmt: skip


def fixed(*days: date) -> Round:
    return Round(
        title="hall", place="b", look_at=("leaks",), on_days=(day(4, 1), day(3, 1), day(5, 1)),
        responsible="wang", visits=visited(*days),
    )  # fmt: skip


def test_a_round_every_week_is_kept_once_in_each_week() -> None:
    found = turns(weekly(day(3, 8), day(3, 9), day(3, 12)), *YEAR, day(3, 24))
    assert [(turn.day, turn.state) for turn in found] == [
        (day(3, 2), "kept"), (day(3, 9), "kept"), (day(3, 16), "missed"), (day(3, 23), "due"),
    ]  # fmt: skip
    assert found[1].visit == Visit(on=day(3, 9), by="wang")


def test_a_round_on_fixed_days_may_be_late_until_the_next_one() -> None:
    found = turns(fixed(day(3, 4), day(2, 27)), *YEAR, day(4, 2))
    assert [(turn.day, turn.state, turn.late_days) for turn in found] == [
        (day(3, 1), "kept", 3), (day(4, 1), "missed", 0),
    ]  # fmt: skip
    (first,) = turns(fixed(), *YEAR, day(3, 1))
    assert first.state == "due"


def test_only_the_turns_of_the_period_are_told() -> None:
    found = turns(weekly(), day(3, 10), day(3, 20), day(4, 1))
    assert [turn.day for turn in found] == [day(3, 16)]
    assert turns(weekly(), date(2025, 1, 1), date(2025, 12, 31), day(4, 1)) == []


def test_a_round_has_one_kind_of_days() -> None:
    with pytest.raises(ValidationError):
        Round(title="x", place="b", look_at=("y",), responsible="wang")
    with pytest.raises(ValidationError):
        Round(title="x", place="b", look_at=("y",), responsible="wang", every_days=7)
