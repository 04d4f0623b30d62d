"""Goals as a tree: whether parts fit their whole, and the pace by last year's use."""

from __future__ import annotations

import re
from datetime import date

import pytest

from bms.energy.management.goal_rules import (
    Used,
    acknowledged_share_pct,
    in_tree,
    misfit,
    over_budget,
    pace,
    same_day_last_year,
)
from bms.energy.management.managed_items import Goal, Level

UNTIL = date(2026, 7, 1)


def goal(number: int, level: str, kwh: float, parent: int | None = None, year: int = 2026) -> Goal:
    return Goal(
        number=number, title=f"goal {number}", level=Level(level), year=year, budget_kwh=kwh,
        responsible="wang", parent=parent,
    )  # fmt: skip


def test_the_pace_goes_by_what_last_year_had_used_by_the_same_day() -> None:
    """A base that cools in summer may have used 40 % of its year by July."""
    found = pace(1000.0, UNTIL, Used(440.0), Used(480.0), Used(1200.0))
    assert found.planned_kwh == pytest.approx(400.0)
    assert found.pct == pytest.approx(110.0)


@pytest.mark.parametrize(
    ("used", "so_far", "whole", "says"),
    [
        (Used(None, "m: 90.0 % of it is known", 400.0), Used(1.0), Used(2.0), "this year .*90.0 %"),
        (Used(440.0), Used(None, "m: none"), Used(2.0), "last year .* up to this day: m: none"),
        (Used(440.0), Used(480.0), Used(None), "last year is not known in full"),
        (Used(440.0), Used(0.0), Used(0.0), "last year used nothing: there is no share"),
        (Used(440.0), Used(0.0), Used(10.0), "last year used nothing up to this day"),
    ],
)
def test_what_is_missing_makes_the_pace_unknown_and_says_why(
    used: Used, so_far: Used, whole: Used, says: str
) -> None:
    found = pace(1000.0, UNTIL, used, so_far, whole)
    assert found.pct is None
    assert found.used == used
    assert re.search(says, found.reason)


def test_parts_that_may_use_more_than_their_whole_are_told() -> None:
    company, north = goal(1, "company", 1000.0), goal(2, "base", 700.0, 1)
    assert list(over_budget([company, north, goal(3, "base", 300.0, 1)])) == []
    (told,) = over_budget([company, north, goal(3, "base", 350.0, 1)])
    assert told == ("goal 1 (goal 1): its parts may use 1,050 kWh, 50 kWh more than it may itself")


def test_parts_lie_below_their_whole_in_level_and_have_its_year() -> None:
    company, base, area = goal(1, "company", 9.0), goal(2, "base", 9.0), goal(3, "area", 9.0)
    assert misfit(base, company) is None
    assert misfit(goal(4, "area", 1.0), area) is None
    assert misfit(goal(5, "person", 1.0), company) is None
    assert "level 'base'" in str(misfit(company, base))
    assert "level 'base'" in str(misfit(goal(6, "base", 1.0), base))
    assert "is one of 2026" in str(misfit(goal(7, "area", 1.0, year=2027), base))


def test_a_tree_has_each_part_right_below_its_whole() -> None:
    goals = [goal(1, "company", 9.0), goal(2, "base", 9.0, 1), goal(3, "base", 9.0, 1),
             goal(4, "area", 9.0, 2), goal(5, "person", 9.0, 77)]  # fmt: skip
    assert [(depth, one.number) for depth, one in in_tree(goals)] == [
        (0, 1), (1, 2), (2, 4), (1, 3), (0, 5),
    ]  # fmt: skip


def test_the_share_of_goals_that_are_acknowledged() -> None:
    assert acknowledged_share_pct([]) is None
    assert acknowledged_share_pct([goal(1, "company", 9.0)]) == 0.0


def test_the_same_day_of_the_year_before() -> None:
    assert same_day_last_year(date(2028, 2, 29)) == date(2027, 2, 28)
    assert same_day_last_year(date(2027, 1, 1)) == date(2026, 1, 1)
