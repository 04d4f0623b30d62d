"""Goals: set, acknowledged by whose they are, and held against the ledger."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from bms.config.site import Site
from bms.core.errors import InvalidInput, Refused
from bms.operations.managing.goal_cases import acknowledge_goal, add_goal, list_goals, set_goal
from bms.operations.managing.managing_requests import (
    AcknowledgeGoal,
    AddGoal,
    GoalKept,
    ListGoals,
    SetGoal,
)
from bms.storage import audit
from tests.operations.managing.managed_site import NOW, local, managed_site, read_two_years


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return managed_site(tmp_path)


def added(site: Site, user: str = "li", **given: object) -> GoalKept:
    asked = {
        "title": "base b", "level": "base", "place": "b", "year": 2026, "budget_kwh": 70080.0,
        "responsible": "guest", **given,
    }  # fmt: skip
    return add_goal(site, AddGoal.model_validate(asked), user, NOW)


def test_a_goal_is_kept_with_its_entry_of_the_audit(site: Site) -> None:
    kept = added(site)
    assert (kept.goal.number, kept.goal.responsible, kept.remarks) == (1, "guest", ())
    (entry,) = audit.entries(site.state_dir)
    assert (entry["who"], entry["via"], entry["what"]) == ("li", "cli", "goal.add")
    assert (entry["goal"], entry["title"], entry["ref"]) == (1, "base b", "management:1")


@pytest.mark.parametrize("user", ["wang", "guest", "zhao"])
def test_engineers_set_goals_and_nobody_else(site: Site, user: str) -> None:
    with pytest.raises(Refused, match=r"may not change goals.*engineers may \(李工\)"):
        added(site, user)
    assert list_goals(site, ListGoals(), NOW).goals == ()


def test_whose_goal_it_is_acknowledges_it_and_nobody_else(site: Site) -> None:
    """They may be a viewer, and be written by account or by name."""
    added(site)
    added(site, responsible="Ms Guest")
    added(site, responsible="the night shift")
    for number in (1, 2):
        with pytest.raises(Refused, match=f"goal {number} is one of Ms Guest"):
            acknowledge_goal(site, AcknowledgeGoal(goal=number), "li", NOW)
        known = acknowledge_goal(site, AcknowledgeGoal(goal=number), "guest", NOW).goal
        assert known.acknowledged is not None
        assert known.acknowledged.by == "guest"
        assert known.acknowledged.at.isoformat() == "2026-07-01T10:00:00+08:00"
    with pytest.raises(Refused, match="may not change goals"):
        acknowledge_goal(site, AcknowledgeGoal(goal=3), "wang", NOW)
    told = acknowledge_goal(site, AcknowledgeGoal(goal=3), "li", NOW).goal.acknowledged
    assert told is not None
    assert told.by == "li"
    assert list_goals(site, ListGoals(), NOW).acknowledged_pct == 100.0


def test_another_budget_has_to_be_acknowledged_again(site: Site) -> None:
    added(site)
    acknowledge_goal(site, AcknowledgeGoal(goal=1), "guest", NOW)
    changed = set_goal(site, SetGoal(goal=1, budget_kwh=60000, reason="a line was sold"), "li", NOW)
    assert (changed.goal.budget_kwh, changed.goal.acknowledged) == (60000, None)
    (row,) = list_goals(site, ListGoals(goal=1), NOW).goals
    assert [(one.what, one.who, one.why) for one in row.changes] == [
        ("goal.add", "li", ""),
        ("goal.acknowledge", "guest", ""),
        ("goal.set", "li", "a line was sold"),
    ]
    with pytest.raises(InvalidInput, match="nothing is given"):
        set_goal(site, SetGoal(goal=1, reason="x"), "li", NOW)


def test_parts_that_exceed_their_whole_are_told_at_once_and_later(site: Site) -> None:
    added(site, level="company", place="b.main", title="all")
    assert added(site, parent=1, budget_kwh=50000).remarks == ()
    (remark,) = added(site, parent=1, level="area", place="b.main", budget_kwh=30000).remarks
    assert "goal 1 (all): its parts may use 80,000 kWh, 9,920 kWh more" in remark
    listed = list_goals(site, ListGoals(year=2026), NOW)
    assert listed.remarks == (remark,)
    assert [(row.depth, row.goal.number) for row in listed.goals] == [(0, 1), (1, 2), (1, 3)]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"parent": 9}, "there is no goal 9"),
        ({"place": "nowhere"}, "no base, group or meter 'nowhere'"),
        ({"place": "c"}, "c has no energy boundary"),
        ({"place": ""}, "c has no energy boundary"),
        ({"place": "b.air"}, "b.air has no meter"),
    ],
)
def test_a_goal_that_nothing_can_measure_is_refused(
    site: Site, given: dict[str, Any], says: str
) -> None:
    with pytest.raises(InvalidInput, match=says):
        added(site, **given)


def test_the_pace_comes_from_the_ledger(site: Site) -> None:
    read_two_years(site)
    added(site)
    (row,) = list_goals(site, ListGoals(), NOW).goals
    quarters = 181 * 96  # January to June
    assert row.until.isoformat() == "2026-07-01"
    assert row.used_kwh == pytest.approx(2 * quarters)
    assert row.planned_kwh == pytest.approx(70080.0 * 181 / 365)
    assert row.pace_pct == pytest.approx(100.0)
    assert row.reason == ""


@pytest.mark.case(
    "T80",
    when="the pace of a goal is asked for, and its meter was put in in March of the year before",
    then="What was used this year is told. The pace is unknown, and the reason names the meter and "
    "how much of last year it knows.",
)
def test_what_last_year_lacks_makes_the_pace_unknown(site: Site) -> None:
    read_two_years(site, local(2025, 3, 1))
    added(site)
    (row,) = list_goals(site, ListGoals(), NOW).goals
    assert row.used_kwh == pytest.approx(2 * 181 * 96)
    assert (row.planned_kwh, row.pace_pct) == (None, None)
    assert re.search("last year .*: b.main: 67.4 % of it is known", row.reason)


def test_what_this_year_lacks_is_never_zero(site: Site) -> None:
    read_two_years(site, local(2026, 6, 1))
    added(site)
    (row,) = list_goals(site, ListGoals(), NOW).goals
    assert (row.used_kwh, row.pace_pct) == (None, None)
    assert row.known_kwh == pytest.approx(2 * 30 * 96)
    assert "this year is not known in full: b.main" in row.reason


def test_a_goal_of_next_year_has_no_pace_yet(site: Site) -> None:
    read_two_years(site)
    added(site, year=2027)
    (row,) = list_goals(site, ListGoals(), NOW).goals
    assert (row.used_kwh, row.pace_pct, row.reason) == (None, None, "2027 has no whole day yet")


def test_a_site_that_was_never_run_has_goals_without_a_pace(site: Site) -> None:
    added(site)
    (row,) = list_goals(site, ListGoals(), local(2026, 7, 1)).goals
    assert (row.used_kwh, row.reason) == (None, "no meter was ever read")
