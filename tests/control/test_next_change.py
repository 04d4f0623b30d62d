"""When a schedule next does something else for people, and how long it stood still before."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from bms.control.supervise.next_change import (
    LONGEST_REST,
    next_effective_change,
    next_switch,
    rested,
)
from schedules.answering.answers import Entry
from schedules.answering.resolve import Resolver
from schedules.files.folder import load
from schedules.files.targets import Targets

ZONE = ZoneInfo("Asia/Shanghai")
AIR = """\
schedule: air
governs: [b.air]
otherwise: {mode: "off"}
week:
  any:
    mon-fri:
      - {from: "07:00", to: "12:00", mode: "on", zone_setpoint_c: 24}
      - {from: "12:00", to: "13:00", mode: "on", zone_setpoint_c: 26}
      - {from: "13:00", to: "18:00", mode: "on", zone_setpoint_c: 26}
      - {from: "20:00", to: "21:00", mode: "on", zone_setpoint_c: 26}
"""


@pytest.fixture(scope="module")
def resolver() -> Resolver:
    library, problems = load(
        {"schedules/air.yaml": AIR}, Targets({"b.air": ("b.ahu-1",)}, frozenset({"b.ahu-1"}))
    )
    assert library is not None, problems
    found = library.resolver("b.air", "Asia/Shanghai")
    assert found is not None
    return found


def at(day: int, clock: str) -> datetime:
    """A day of July 2026; the sixth is a Monday."""
    hour, minute = map(int, clock.split(":"))
    return datetime(2026, 7, day, hour, minute, tzinfo=ZONE)


@pytest.mark.parametrize(
    ("now", "following"),
    [
        (at(6, "06:59"), at(6, "07:00")),
        (at(6, "07:00"), at(6, "12:00")),
        (at(6, "12:00"), at(6, "18:00")),  # another line from 13:00 on decides the same
        (at(6, "18:00"), at(6, "20:00")),
        (at(10, "21:00"), at(13, "07:00")),  # over the weekend
    ],
)
def test_a_change_is_one_of_mode_or_setpoints(
    resolver: Resolver, now: datetime, following: datetime
) -> None:
    found = next_effective_change(resolver, now)
    assert found is not None
    assert found.time == following


@pytest.mark.parametrize(("hours", "found"), [(10, True), (9.99, False)])
def test_what_lies_beyond_the_horizon_is_not_told(
    resolver: Resolver, hours: float, found: bool
) -> None:
    change = next_effective_change(resolver, at(6, "21:00"), timedelta(hours=hours))
    assert (change is not None) is found
    assert (next_switch(resolver, at(6, "21:00"), timedelta(hours=hours)) is not None) is found


@pytest.mark.parametrize(
    ("now", "switch", "step"),
    [
        (at(6, "06:00"), at(6, "07:00"), at(6, "07:00")),
        (at(6, "07:00"), at(6, "18:00"), at(6, "12:00")),
        (at(6, "12:00"), at(6, "18:00"), at(6, "18:00")),
        (at(6, "18:00"), at(6, "20:00"), at(6, "20:00")),
    ],
)
def test_a_switch_is_on_or_off_or_a_step_of_the_setpoint(
    resolver: Resolver, now: datetime, switch: datetime, step: datetime
) -> None:
    def steps(one: Entry, other: Entry) -> bool:
        return one.setpoints != other.setpoints

    day = timedelta(days=1)
    plain, stepped = next_switch(resolver, now, day), next_switch(resolver, now, day, steps)
    assert plain is not None
    assert stepped is not None
    assert (plain.time, stepped.time) == (switch, step)


@pytest.mark.parametrize(
    ("now", "hours"),
    [
        (at(7, "07:00"), 10),  # from 21:00 of the day before
        (at(7, "17:59"), 10),  # the blocks of a day follow one another
        (at(7, "18:30"), 0.5),  # nothing runs: since the block before
        (at(7, "20:30"), 2),
        (at(13, "07:00"), 2 * 24 + 10),
    ],
)
def test_how_long_it_had_stood_still(resolver: Resolver, now: datetime, hours: float) -> None:
    assert rested(resolver, now) == timedelta(hours=hours)


def test_a_schedule_that_never_runs_has_rested_as_long_as_is_looked() -> None:
    never = AIR[: AIR.index("week:")] + "week: {any: {}}\n"
    library, _ = load({"schedules/air.yaml": never}, Targets({"b.air": ()}, frozenset()))
    assert library is not None
    found = library.resolver("b.air", "Asia/Shanghai")
    assert found is not None
    assert rested(found, at(6, "12:00")) == LONGEST_REST
    assert next_effective_change(found, at(6, "12:00")) is None
    assert next_switch(found, at(6, "12:00"), timedelta(days=3)) is None
