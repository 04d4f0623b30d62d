"""What the record of a period shows to be wasted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bms.energy.management.managed_items import FindingKind
from bms.energy.management.seen_findings import (
    Amount,
    Raised,
    outside_plan,
    seen_alarm,
    seen_outside,
    seen_override,
)
from bms.energy.management.stretches import Stretch, hours, in_both, together, without

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)


def part(first_h: float, last_h: float) -> Stretch:
    return MONDAY + timedelta(hours=first_h), MONDAY + timedelta(hours=last_h)


def test_arithmetic_of_stretches() -> None:
    one, other = [part(0, 4), part(6, 8)], [part(1, 2), part(3, 7)]
    assert in_both(one, other) == [part(1, 2), part(3, 4), part(6, 7)]
    assert without(one, other) == [part(0, 1), part(2, 3), part(7, 8)]
    assert without(one, []) == one
    assert together([part(3, 5), part(0, 1), part(1, 2), part(4, 4.5)]) == [part(0, 2), part(3, 5)]
    assert hours(one) == 6


def test_running_outside_the_plan_is_what_nothing_above_people_had_run() -> None:
    off = [part(18, 31)]
    runs = {"b.fan": [part(8, 20)], "b.pump": [part(8, 18.1)], "b.frost": [part(20, 22)]}
    found = outside_plan(off, runs, {"b.frost": [part(19, 23)]})
    assert found == {"b.fan": [part(18, 20)]}  # the pump ran down for six minutes


@pytest.mark.parametrize(
    ("looked", "kwh", "per"), [(part(0, 24), 30.0, "once"), (part(0, 24 * 73), 150.0, "year")]
)
def test_what_it_is_worth_a_year_is_told_from_a_week_or_more(
    looked: Stretch, kwh: float, per: str
) -> None:
    amount = Amount(30.0, False, "by b.m.energy")
    seen = seen_outside("b.air", {"b.fan": [part(18, 20)]}, amount, looked)
    assert seen.worth is not None
    assert seen.worth.kwh == pytest.approx(kwh)
    assert seen.worth.per == per
    assert seen.title == "b.air ran for 2.0 h while its plan had it off: b.fan"
    assert "by b.m.energy" in seen.worth.basis


def test_what_nobody_measured_has_no_worth_and_says_why() -> None:
    seen = seen_outside(
        "b.air", {"b.fan": [part(18, 20)]}, Amount(None, how="no register"), part(0, 24)
    )
    assert (seen.worth, seen.unknown) == (None, "no register")
    alarm = seen_alarm(Raised("b.fan:local", "b.fan is switched at its panel", [part(1, 4)]))
    assert (alarm.kind, alarm.place, alarm.worth) == (FindingKind.HAND, "b.fan", None)
    assert alarm.title == "3.0 h: b.fan is switched at its panel"
    assert alarm.unknown


def test_an_old_override_is_worth_what_it_has_cost() -> None:
    seen = seen_override(7, "b.air.mode", part(0, 30), Amount(12.5, False, "by its register"))
    assert seen.key == "override:7"
    assert seen.place == "b.air"
    assert seen.worth is not None
    assert (seen.worth.kwh, seen.worth.per) == (12.5, "once")
    saving = seen_override(7, "b.air.mode", part(0, 30), Amount(-12.5, False, ""))
    assert saving.worth is None
    assert saving.unknown == "it has cost nothing so far"
