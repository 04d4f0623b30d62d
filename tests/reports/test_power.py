"""The power of a group by mode, from registers and award history, by hand-computed cases."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from bms.config.site import Group
from bms.control import STRATEGIES
from bms.core.decisions import Award, Command, Priority
from bms.core.equipment import Equipment
from bms.core.machines.equipment_kinds import KINDS
from bms.core.readings import Reading
from bms.historian.log.embedded import History
from bms.historian.records import AwardRow, Batch, Meter
from bms.reports.power import group_power

START = datetime(2026, 6, 1, 0, 0, tzinfo=UTC)
NOW = START + timedelta(days=2)
COUNTER = "b.sub.energy"


def _machine(name: str, kind: str, rated_kw: float | None = None) -> Equipment:
    points = {role: f"b.{name}.{role}" for role in KINDS[kind].roles}
    return Equipment(f"b.{name}", "b", KINDS[kind], points, rated_kw=rated_kw)


GROUP = Group(
    "b.g",
    "b",
    "on_off",
    (_machine("ahu-1", "air_handler", 11.0), _machine("ahu-2", "air_handler", 7.5)),
    STRATEGIES["on_off"].parameters(),
    {},
    meter=_machine("sub", "meter"),
)


@pytest.fixture
def history(tmp_path: Path) -> Iterator[History]:
    with History(tmp_path) as made:
        yield made


def _mode(mode: str, hours: float) -> AwardRow:
    command = Command(
        point="b.g.mode", value=mode, priority=Priority.SCHEDULE, source="schedule:b.g", reason="x"
    )
    return AwardRow("b.g.mode", START + timedelta(hours=hours), Award(command))


def _fill(history: History, counter: str, kw: dict[str, float], edges: list[AwardRow]) -> None:
    """Quarter-hour registers in Wh of a day and a half, at `kw` of the mode in force."""
    counts, readings = 0, []
    for quarter in range(4 * 36 + 1):
        time = START + timedelta(minutes=15 * quarter)
        readings.append(Reading(counter, time, counts))
        mode = [row for row in edges if row.time <= time][-1].award
        assert mode is not None
        counts += round(kw[str(mode.value)] * 250)
    meter = Meter(counter, "b", Decimal("0.001"))
    history.append(Batch(readings=readings, meters=[meter], awards=edges))


def test_means_by_mode_over_whole_intervals(history: History) -> None:
    # 08:10 lies inside a quarter hour: that interval belongs to neither mode.
    edges = [_mode("off", 0), _mode("on", 8 + 1 / 6), _mode("off", 20)]
    _fill(history, COUNTER, {"on": 40.0, "off": 2.0}, edges)
    power = group_power(GROUP, ["on", "off"], history, NOW)
    assert power is not None
    assert power.basis == "measured"
    assert power.by_mode_kw == pytest.approx({"on": 40.0, "off": 2.0})
    assert power.hours == pytest.approx({"on": 11.75, "off": 24.0})
    assert power.kwh({"on": 3.0, "off": -3.0}) == pytest.approx(114.0)


def test_members_add_up_where_the_group_has_no_meter_of_its_own(history: History) -> None:
    members = (_machine("m1", "meter"), _machine("m2", "meter"))
    group = replace(GROUP, meter=None, members=members)
    edges = [_mode("off", 0), _mode("on", 8)]
    _fill(history, "b.m1.energy", {"on": 10.0, "off": 0.0}, edges)
    assert group_power(group, ["on"], history, NOW) is None  # m2 has never been read
    _fill(history, "b.m2.energy", {"on": 5.0, "off": 1.0}, edges)
    power = group_power(group, ["on", "off"], history, NOW)
    assert power is not None
    assert power.by_mode_kw == pytest.approx({"on": 15.0, "off": 1.0})


def test_too_little_evidence_is_rated_and_says_so(history: History) -> None:
    edges = [_mode("off", 0), _mode("on", 8), _mode("off", 9)]
    _fill(history, COUNTER, {"on": 40.0, "off": 2.0}, edges)
    power = group_power(GROUP, ["on", "off"], history, NOW)
    assert power is not None
    assert power.basis == "rated"
    assert power.by_mode_kw == {"on": 18.5, "off": 0.0}


def test_without_meter_and_rating_nothing_is_known() -> None:
    bare = replace(GROUP, meter=None, members=(_machine("ahu-1", "air_handler"),))
    assert group_power(bare, ["on"], None, NOW) is None


def test_a_mode_that_nobody_measured_has_no_estimate(history: History) -> None:
    edges = [_mode("off", 0), _mode("on", 8)]
    _fill(history, COUNTER, {"on": 40.0, "off": 2.0}, edges)
    power = group_power(GROUP, ["on", "off"], history, NOW)
    assert power is not None
    assert power.kwh({"purge": 1.0}) is None
