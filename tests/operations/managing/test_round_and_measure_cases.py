"""Rounds and their visits, and the register of measures: who may, what stays, what counts."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from bms.config.site import Site
from bms.core.errors import InvalidInput, Refused
from bms.energy.management.managed_items import Achieved
from bms.operations.managing.managing_requests import (
    AddMeasure,
    AddRound,
    AddVisit,
    ListMeasures,
    ListRounds,
    SetMeasure,
)
from bms.operations.managing.measure_cases import add_measure, list_measures, set_measure
from bms.operations.managing.round_cases import add_round, add_visit, list_rounds
from bms.storage import audit
from tests.operations.managing.managed_site import NOW, local, managed_site

TODAY = date(2026, 7, 1)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return managed_site(tmp_path)


def add(site: Site, user: str = "li", **given: object) -> None:
    asked = {"title": "air", "place": "b.air", "look_at": ["leaks", "doors"],
             "responsible": "wang", **given}  # fmt: skip
    add_round(site, AddRound.model_validate(asked), user, NOW)


def test_operators_make_rounds_that_engineers_set(site: Site) -> None:
    with pytest.raises(Refused, match="may not change goals, rounds"):
        add(site, "wang", every_days=7)
    add(site, every_days=7, first_day=TODAY - timedelta(days=14))
    visit = AddVisit(round=1, on=TODAY - timedelta(days=10), found="a door stood open")
    add_visit(site, visit, "zhao", NOW)
    with pytest.raises(Refused, match="may not record rounds and findings"):
        add_visit(site, visit, "guest", NOW)
    with pytest.raises(InvalidInput, match="2026-07-02 is still ahead"):
        add_visit(site, AddVisit(round=1, on=TODAY + timedelta(days=1)), "wang", NOW)
    with pytest.raises(InvalidInput, match="there is no round 2"):
        add_visit(site, AddVisit(round=2), "wang", NOW)
    (row,) = list_rounds(site, ListRounds(), NOW).root
    assert (row.kept, row.missed) == (1, 1)
    assert [turn.state for turn in row.turns] == ["kept", "missed", "due"]
    assert (row.turns[0].by, row.turns[0].found) == ("zhao", "a door stood open")
    assert list_rounds(site, ListRounds(year=2025), NOW).root[0].turns == ()


def test_a_round_has_days_of_one_kind_and_a_place(site: Site) -> None:
    with pytest.raises(InvalidInput, match="either --every"):
        add(site)
    with pytest.raises(InvalidInput, match="either --every"):
        add(site, every_days=7, on_days=[TODAY])
    with pytest.raises(InvalidInput, match="lies in no base"):
        add(site, every_days=7, place="hall")
    add(site, every_days=7)
    (row,) = list_rounds(site, ListRounds(), NOW).root
    assert row.round.first_day == TODAY


def lights(site: Site, **given: object) -> None:
    asked = {"title": "LED", "base": "b", "means": "technical", "category": "lighting",
             "meters": ["b.main"], "expected_kwh": 3650, **given}  # fmt: skip
    add_measure(site, AddMeasure.model_validate(asked), "li", NOW)


def test_a_measure_goes_from_planned_to_launched(site: Site) -> None:
    lights(site)
    with pytest.raises(InvalidInput, match="launched has a first day"):
        set_measure(site, SetMeasure(measure=1, state="launched", reason="done"), "li", NOW)
    launch = SetMeasure(measure=1, state="launched", first_day=date(2026, 4, 2), reason="done")
    with pytest.raises(Refused, match="may not change goals"):
        set_measure(site, launch, "wang", NOW)
    set_measure(site, launch, "li", NOW)
    saved = Achieved(
        kwh=900, low_kwh=700, high_kwh=1100, method="before/after, regression",
        first_day=date(2026, 4, 2), last_day=date(2026, 6, 30),
    )  # fmt: skip
    set_measure(site, SetMeasure(measure=1, achieved=saved, reason="a quarter"), "li", NOW)
    (row,) = list_measures(site, ListMeasures(measure=1), NOW).root
    assert (row.measure.state, row.measure.achieved) == ("launched", saved)
    assert row.days == 274
    assert row.expected_in_year_kwh == pytest.approx(2740)
    assert [one.why for one in row.changes] == ["", "done", "a quarter"]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"base": "d"}, "no base 'd'"),
        ({"meters": ["b.nothing"]}, "no base, group or meter 'b.nothing'"),
        ({"last_day": date(2026, 1, 1)}, "lies after its first one"),
    ],
)
def test_a_measure_that_cannot_be_is_refused(
    site: Site, given: dict[str, object], says: str
) -> None:
    with pytest.raises(InvalidInput, match=says):
        lights(site, **given)
    assert list_measures(site, ListMeasures(), NOW).root == ()


def by_hand(
    site: Site, at: datetime, what: str = "override.set", point: str = "b.air.mode"
) -> None:
    name = "machine" if what == "machine.lock" else "point"
    audit.record(site.state_dir, at, who="wang", via="api", what=what, why="hot", **{name: point})


def test_manual_interventions_are_counted_by_the_audit_of_the_measures_base(site: Site) -> None:
    by_hand(site, local(2026, 1, 31, 23), "override.clear")
    for day in (3, 4, 5):
        by_hand(site, local(2026, 2, day))
    by_hand(site, local(2026, 2, 9), "machine.lock", "b.fan")
    by_hand(site, local(2026, 2, 9), point="c.air.mode")
    by_hand(site, local(2026, 5, 9))
    lights(site, state="launched", first_day=date(2026, 3, 1))
    (row,) = list_measures(site, ListMeasures(), NOW).root
    assert row.interventions_before == 4.0
    assert row.interventions_since == 0.25
