"""The cap of a Sunday goes half an hour before Monday's shift."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bms.control import STRATEGIES
from bms.control.supervise.ahead.early_rise import EarlyRise, early_rises
from bms.core.decisions import Command, Priority, Snapshot
from schedules.model.context import NOTHING
from tests.acceptance.days import demo_site

MONDAY = datetime(2026, 7, 12, 16, 0, tzinfo=UTC)
"""Midnight in China, when the demo's schedule raises the cap from 3 to 4."""


def rise() -> EarlyRise:
    site = demo_site()
    [found] = early_rises(
        site, site.groups["tonglu.compressors"], STRATEGIES["compressors"], NOTHING
    )
    return found


def at(controller: EarlyRise, now: datetime) -> tuple[tuple[Command, ...], datetime | None]:
    decision = controller.decide(Snapshot(now, {}), None, now)
    return decision.commands, decision.stands_until


@pytest.mark.case(
    "P62",
    when="A working day with a higher cap on the compressors follows a Sunday",
    then="The higher cap holds from 30 minutes before it is written in the schedule",
)
def test_the_cap_rises_half_an_hour_early() -> None:
    controller = rise()
    assert at(controller, MONDAY - timedelta(minutes=31)) == ((), MONDAY - timedelta(minutes=30))
    commands, until = at(controller, MONDAY - timedelta(minutes=30))
    assert until == MONDAY
    [command] = commands
    assert (command.point, command.value) == ("tonglu.compressors.max_units", 4)
    assert command.priority is Priority.OPTIMISER
    assert "already as from 00:00" in command.reason
    assert at(controller, MONDAY)[0] == ()


def test_a_cap_that_falls_is_left_to_its_time() -> None:
    saturday_midnight = MONDAY - timedelta(days=1)
    assert at(rise(), saturday_midnight - timedelta(minutes=5))[0] == ()
