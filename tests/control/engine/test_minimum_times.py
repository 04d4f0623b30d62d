"""Minimum on and off times: counted by a clock that nobody sets."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from bms.control.engine.cycle import Cycle, Engine
from bms.core.decisions import Award, OutputRules, Steady
from drivers.points import Quality, Value
from tests.control.engine.parts import Device, Wish, at

P = "b.p.enable"
MINIMUM = OutputRules(min_on_s=900, min_off_s=600)


class Rig:
    """A machine with minimum times; steady seconds, and a clock on the wall that may be set."""

    def __init__(self, saved: Mapping[str, object] | None = None, running: Value = 0) -> None:
        self.wish = Wish()
        self.engine = Engine([self.wish], {P: MINIMUM}, saved or {})
        self.device = Device({P: running})
        self.boot = "first"
        self.ahead_s = 0.0
        """How far the wall's clock is ahead of what it was."""
        self.last: Cycle | None = None

    def look(self, second: float) -> list[Value | None]:
        """One cycle at a steady second; what was written."""
        now = at(second + self.ahead_s)
        steady = Steady(self.boot, second)
        self.last = cycle = self.engine.cycle(self.device.samples(now), now, (), steady)
        self.engine.written(self.device.write(cycle.writes), now)
        return [write.value for write in cycle.writes]

    def why(self) -> Award:
        award = self.engine.why(P)
        assert award is not None
        return award

    def again(self) -> Rig:
        """The controller starts again, with what it saved."""
        rig = Rig(json.loads(json.dumps(self.engine.states())), self.device.values[P])
        rig.boot, rig.ahead_s = self.boot, self.ahead_s
        rig.wish.commands = self.wish.commands
        return rig


def stopped() -> Rig:
    """A machine that was stopped at 2000 s, and is wanted again from then on."""
    rig = Rig()
    rig.wish.want(1)
    assert rig.look(0) == [1]
    rig.wish.want(0)
    assert rig.look(2000) == [0]
    rig.wish.want(1)
    return rig


@pytest.mark.case(
    "P16",
    when="The controller's clock is set an hour forward or back, ten seconds after a machine was "
    "stopped",
    then="The minimum time counts on as if nobody had touched the clock: the machine starts "
    "neither early nor late",
)
@pytest.mark.parametrize("hours", [1, -1, 24, -24 * 365])
def test_a_clock_that_is_set_changes_no_minimum_time(hours: int) -> None:
    rig = stopped()
    assert rig.look(2010) == []
    rig.ahead_s = hours * 3600.0
    for second in (2011, 2100, 2599):
        assert rig.look(second) == []
    assert rig.look(2600) == [1]


@pytest.mark.parametrize("ahead_s", [3600.0, -3600.0])
def test_what_is_told_of_it_follows_the_clock(ahead_s: float) -> None:
    rig = stopped()
    rig.look(2010)
    assert rig.why().winner.expires == at(2600)
    rig.ahead_s = ahead_s
    rig.look(2120)
    assert rig.last is not None
    assert rig.why().winner.expires == at(2600 + ahead_s)
    assert rig.why().winner.reason.startswith("off for 2 min of at least 10 min")
    # The history keeps its times on the wall, and is told of the other ones.
    assert [change.held_since for change in rig.last.changed] == [at(2000 + ahead_s)]
    rig.look(2121)
    assert rig.last.changed == ()


def test_a_clock_that_drifts_writes_no_rows() -> None:
    rig = stopped()
    for second in range(2000, 2600):
        rig.ahead_s = (second - 2000) / 1000
        assert rig.look(second) == []
        assert rig.last is not None
        assert rig.last.changed == () or second == 2000
    assert rig.look(2600) == [1]


def test_a_running_machine_is_not_kept_on_longer_by_a_clock_set_back() -> None:
    rig = Rig()
    rig.wish.want(1)
    rig.look(0)
    rig.wish.want(0)
    rig.look(10)
    rig.ahead_s = -3600.0
    assert [second for second in range(11, 1000) if rig.look(second)] == [900]


@pytest.mark.case(
    "P17",
    when="The controller starts again while a machine waits for its minimum time",
    then="The time that it was down counts. After another boot of the gateway the minimum time "
    "begins again in full",
)
@pytest.mark.parametrize(("boot", "starts"), [("first", 2600), ("second", 2900)])
def test_a_restart_counts_within_a_boot_only(boot: str, starts: int) -> None:
    rig = stopped()
    rig.look(2010)
    rig = rig.again()
    rig.boot = boot
    # A second boot's clock begins somewhere else; 2300 will do.
    assert [second for second in range(2300, 3000) if rig.look(second)] == [starts]


def test_a_minimum_time_that_was_over_begins_again_after_another_boot() -> None:
    """Nobody knows what the machine did while there was no power."""
    rig = stopped()
    assert rig.look(2600) == [1]
    rig.wish.want(0)
    assert rig.look(9000) == [0]
    rig.look(9700)
    rig = rig.again()
    rig.boot = "second"
    rig.wish.want(1)
    assert [second for second in range(5, 700) if rig.look(second)] == [605]


def test_a_machine_that_a_power_cut_stopped_is_held_off() -> None:
    """It was commanded on; found off after the boot, it has stopped who knows when."""
    rig = Rig()
    rig.wish.want(1)
    rig.look(0)
    rig.look(5000)
    rig = rig.again()
    rig.boot, rig.device.values[P] = "second", 0
    rig.device.quality = Quality.BAD
    assert rig.look(10) == []
    rig.device.quality = Quality.GOOD
    assert [second for second in range(11, 700) if rig.look(second)] == [611]


def test_a_machine_that_still_runs_after_a_boot_goes_on() -> None:
    rig = Rig()
    rig.wish.want(1)
    rig.look(0)
    rig.look(5000)
    rig = rig.again()
    rig.boot = "second"
    assert [second for second in range(10, 2000) if rig.look(second)] == []


def saved_before(since: float, until: float) -> dict[str, Any]:
    """What versions saved that counted on the wall."""
    hold = {"value": 0, "since": at(since).isoformat(), "until": at(until).isoformat()}
    return {"protection": {P: {"hold": hold, "commanded": True}}}


@pytest.mark.parametrize(
    ("since", "starts"), [(2000, 2600), (1000, 2300), (2200, 2800), (9000, 2900)]
)
def test_what_an_earlier_version_saved_counts_on(since: float, starts: int) -> None:
    """Its clock may have been set meanwhile: it never holds for longer than the minimum."""
    rig = Rig(saved_before(since, since + 600))
    rig.wish.want(1)
    assert [second for second in range(2300, 3000) if rig.look(second)] == [starts]
    kept = rig.again()
    assert kept.engine.states()["protection"]
