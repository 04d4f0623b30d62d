"""A plant wakes with the rooms that optimal start begins early."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bms.control.supervise.behind import behind, consumers_of
from bms.core.decisions import Award, Command, Priority, Snapshot
from tests.control.house import FILES, SUMMER, House, small_site

POINTS = "  status: {table: discrete, address: 0, type: bool}\n"
PLANT = {
    "devices/pump.yaml": (
        "device: pump\nkind: pump\ndocument: test\nprotocol: modbus\npoints:\n"
        "  enable: {table: coil, address: 0, type: bool, writable: true}\n" + POINTS
    ),
    "devices/loop.yaml": (
        "device: loop\nkind: water_loop\ndocument: test\nprotocol: modbus\npoints:\n"
        "  supply_temp: {table: input, address: 0, type: float32, unit: degC}\n"
        "  return_temp: {table: input, address: 2, type: float32, unit: degC}\n"
    ),
    "equipment/b.yaml": FILES["equipment/b.yaml"]
    .replace("unit: 1}", "unit: 1, cooled_by: chw}")
    .replace("unit: 2}", "unit: 2, cooled_by: chw}")
    + "  chw: {kind: water_loop, device: loop, link: plc, unit: 4}\n"
    + "  pump: {kind: pump, device: pump, link: plc, unit: 5, header: chw}\n",
    "groups/b.yaml": FILES["groups/b.yaml"] + "  cold: {strategy: on_off, members: [pump]}\n",
    "schedules/cold.yaml": (
        "schedule: cold\ngoverns: [b.cold]\notherwise: {mode: 'off'}\n"
        "week: {any: {daily: [{from: '08:00', to: '18:00', mode: 'on'}]}}\n"
    ),
}


def test_a_plant_is_found_by_what_hangs_on_its_loop(tmp_path: Path) -> None:
    site = small_site(tmp_path, **PLANT)
    assert consumers_of(site.groups["b.cold"]) == ("b.air",)
    assert consumers_of(site.groups["b.air"]) == ()
    assert behind(site, site.groups["b.air"]) is None
    assert behind(site, site.groups["b.cold"]) is not None


def test_the_plant_runs_as_early_as_the_rooms(tmp_path: Path) -> None:
    site = small_site(tmp_path, **PLANT)
    house = House(site, SUMMER, lambda _: 31.0)
    woken: list[datetime] = []
    reasons: list[str] = []
    while house.now < SUMMER + timedelta(days=12):
        house.step()
        award = house.engine.why("b.cold.mode")
        if award is not None and award.winner.source == "behind:b.cold":
            reasons.append(str(award.winner.reason))
            if not woken or house.now - woken[-1] > timedelta(hours=12):
                woken.append(house.now)
            assert award.value == "on"
            rooms = house.engine.why("b.air.mode")
            assert rooms is not None
            assert rooms.winner.priority is Priority.OPTIMISER
    # Nothing is learned on the first mornings; from then on the plant begins before eight.
    assert len(woken) >= 8
    eight = datetime(2026, 7, 1, 0, 0, tzinfo=UTC).time()
    assert all(moment.time() > eight for moment in woken)
    assert reasons[-1].startswith("for b.air, which begins early ← optimal start: ")


@pytest.mark.parametrize(
    ("priority", "value", "wakes"),
    [
        (Priority.OPTIMISER, "on", True),
        (Priority.OPTIMISER, "off", False),
        (Priority.SCHEDULE, "on", False),
        (Priority.OPERATOR, "on", False),
    ],
)
def test_only_an_early_start_wakes_it(
    tmp_path: Path, priority: Priority, value: str, wakes: bool
) -> None:

    site = small_site(tmp_path, **PLANT)
    controller = behind(site, site.groups["b.cold"])
    assert controller is not None
    command = Command(
        point="b.air.mode", value=value, priority=priority, source="x", reason="because"
    )
    snapshot = Snapshot(SUMMER, {}, {"b.air.mode": Award(command)})
    commands = controller.decide(snapshot, None, SUMMER).commands
    assert [(c.point, c.value) for c in commands] == ([("b.cold.mode", "on")] if wakes else [])
    # The same answer is the same object; when the rooms rest again, so does the plant.
    assert controller.decide(snapshot, None, SUMMER).commands is commands
    assert controller.decide(Snapshot(SUMMER, {}, {}), None, SUMMER).commands == ()
