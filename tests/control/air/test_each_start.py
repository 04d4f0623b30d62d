"""Optimal start for each air handler by itself: the room that is slow no longer hides."""

from __future__ import annotations

from dataclasses import replace
from datetime import time
from pathlib import Path

from bms.config.load import check
from bms.config.points import known_units, points_behind
from bms.control import STRATEGIES
from simulators.physics.zones import ZoneBank
from tests.config.sites import write
from tests.control.house import FILES, ROOM, SUMMER, House, small_site

EACH = {
    "groups/b.yaml": FILES["groups/b.yaml"]
    .replace("on_off", "air_handlers")
    .replace(
        "members: [ahu-*]", "members: [ahu-*]\n    parameters: {weather: weather, stagger_s: 0}"
    )
    .replace("zone: [ahu-*]", "zone: [ahu-*]\n      each: true"),
}


def started(house: House, days: int) -> list[dict[str, time]]:
    """When each machine was switched on, by day."""
    found = []
    for _ in range(days):
        starts: dict[str, time] = {}
        for _ in range(720):
            house.step()
            for name in ("ahu-1", "ahu-2"):
                if house.values[f"b.{name}.enable"]:
                    local = house.log[-1][0]
                    starts.setdefault(name, local.time())
        found.append(starts)
    return found


def test_a_slow_room_starts_earlier_than_a_quick_one(tmp_path: Path) -> None:
    site = small_site(tmp_path, **EACH)
    slow = replace(ROOM, heat_kj_k=2.5 * ROOM.heat_kj_k)
    house = House(site, SUMMER, lambda _: 31.0, bank=ZoneBank([ROOM, slow]))
    last = started(house, 8)[-1]
    assert last["ahu-2"] < last["ahu-1"] < time(8, 4)
    award = house.engine.why("b.ahu-2.mode")
    assert award is None or award.value in ("on", "off")


def test_the_modes_of_single_machines_are_points_like_any_other(tmp_path: Path) -> None:
    site = small_site(tmp_path, **EACH)
    units = known_units(site, STRATEGIES)
    assert "b.ahu-1.mode" in units
    assert units["b.ahu-1.zone_setpoint_c"] == "degC"
    assert "b.ahu-1.mode" in points_behind(site, STRATEGIES, "b.ahu-1.enable")


def test_a_strategy_without_single_modes_refuses_to_begin_each_by_itself(tmp_path: Path) -> None:
    groups = EACH["groups/b.yaml"].replace("air_handlers", "on_off")
    groups = groups.replace("{weather: weather, stagger_s: 0}", "{stagger_s: 0}")
    _, problems = check(write(tmp_path, {**FILES, "groups/b.yaml": groups}), STRATEGIES)
    assert [str(p.message) for p in problems] == ["strategy on_off begins all its members together"]


def test_each_member_needs_a_zone_of_its_own(tmp_path: Path) -> None:
    groups = EACH["groups/b.yaml"].replace("zone: [ahu-*]", "zone: [ahu-1]")
    _, problems = check(write(tmp_path, {**FILES, "groups/b.yaml": groups}), STRATEGIES)
    assert [str(p.message) for p in problems] == ["'ahu-2' has no zone here"]
