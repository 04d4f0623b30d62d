"""Zones that are nearly too damp or too dry, and what an air handler does about it."""

from __future__ import annotations

import pytest

from bms.control.strategies.air.air_parameters import AirParameters
from bms.control.strategies.air.humidity_limits import DriestZone, dry_most_pct
from tests.control.air.rigs import FULL, AirRig, group_of, made

ROOMS = ("room-1", "room-2")


def humid_rooms(**parameters: object) -> AirRig:
    """A handler whose rooms show their humidity, and whose supply air stays too warm."""
    zone = ("zone_temp", "humidity", "reheat_valve")
    rooms = [made(name, "terminal_unit", zone) for name in ROOMS]
    machine = made("ahu-1", "air_handler", FULL, serves=ROOMS)
    rig = AirRig(group_of([machine], rooms, **parameters))
    rig.mode("on")
    rig.give("heating_setpoint_c", 21.0)
    rig.give("cooling_setpoint_c", 24.0)
    for name in ROOMS:
        rig.put(f"{name}.humidity", 45.0)
        rig.put(f"{name}.reheat_valve", 0.0)
        rig.put(f"{name}.zone_temp", 23.0)
    # A sensor that never moved would count as stuck.
    rig.plant = lambda: rig.put("ahu-1.supply_temp", 20.0 + 0.2 * (rig.seconds // 600 % 2))
    rig.put("ahu-1.mixed_temp", 20.0)
    rig.put("ahu-1.return_temp", 23.0)
    rig.put("weather.outdoor_temp", 12.0)
    rig.put("weather.humidity", 40.0)
    return rig


def test_dry_outdoor_air_stops_cooling_before_a_zone_is_too_dry() -> None:
    rig = humid_rooms()
    rig.run(2 * 3600, 10)
    assert rig.out("oa_damper") == 100.0
    rig.put("room-2.humidity", 35.5)  # half of the way
    rig.run(2.5 * 3600, 10)
    assert rig.out("oa_damper") == pytest.approx(60.0, abs=1.0)
    assert "nearly too dry" in rig.reason("ahu-1.oa_damper")
    rig.put("room-2.humidity", 33.0)
    rig.run(3 * 3600, 10)
    assert rig.out("oa_damper") == 20.0
    assert rig.out("cooling_valve") > 0.0


def test_outdoor_air_that_holds_more_water_cools_dry_zones() -> None:
    rig = humid_rooms()
    for name in ROOMS:
        rig.put(f"{name}.humidity", 32.0)
    rig.put("weather.humidity", 95.0)
    rig.run(2 * 3600, 10)
    assert rig.out("oa_damper") == 100.0


def test_without_the_limit_outdoor_air_cools_however_dry_zones_get() -> None:
    rig = humid_rooms(without=["humidity_limit"])
    for name in ROOMS:
        rig.put(f"{name}.humidity", 20.0)
    rig.run(2 * 3600, 10)
    assert rig.out("oa_damper") == 100.0


@pytest.mark.parametrize(
    ("zone", "outdoor_c", "outdoor_pct", "most_pct"),
    [
        (None, 5.0, 50.0, 100.0),
        (DriestZone(25.0, 22.0), None, 50.0, 100.0),
        (DriestZone(25.0, 22.0), 5.0, None, 0.0),  # nobody measures how moist: drier
        (DriestZone(25.0, 22.0), 5.0, 60.0, 0.0),  # 523 Pa outdoors, 660 Pa in the zone
        (DriestZone(25.0, 22.0), 5.0, 80.0, 100.0),  # 698 Pa
        (DriestZone(38.0, 22.0), 5.0, 60.0, 100.0),
    ],
)
def test_how_much_outdoor_air_may_cool(
    zone: DriestZone | None, outdoor_c: float | None, outdoor_pct: float | None, most_pct: float
) -> None:
    assert dry_most_pct(zone, outdoor_c, outdoor_pct, AirParameters()) == most_pct


def drying_handlers(humidity_pct: float) -> AirRig:
    """One of four handlers has damp rooms, and supply air 2.5 K above the coldest."""
    roles = ("enable", "status", "supply_temp", "supply_setpoint", "cooling_valve")
    members = [
        made(f"ahu-{i}", "air_handler", roles, read_only=("cooling_valve",), serves=(f"room-{i}",))
        for i in range(1, 5)
    ]
    zone = ("zone_temp", "humidity", "reheat_valve")
    rooms = [made(f"room-{i}", "terminal_unit", zone, read_only=zone) for i in range(1, 5)]
    rig = AirRig(group_of(members, rooms))
    rig.mode("on")
    rig.plant = lambda: None
    for i in range(1, 5):
        rig.put(f"room-{i}.zone_temp", 22.0)
        rig.put(f"room-{i}.humidity", 45.0)
        rig.put(f"ahu-{i}.supply_temp", 12.0)
        rig.put(f"ahu-{i}.cooling_valve", 50.0)
    rig.put("weather.outdoor_temp", 30.0)
    rig.put("room-2.humidity", humidity_pct)
    rig.put("ahu-2.supply_temp", 14.5)
    rig.put("ahu-2.cooling_valve", 100.0)
    return rig


def test_one_machine_that_cannot_dry_is_heard_by_the_plant() -> None:
    rig = drying_handlers(66.0)
    rig.run(1800, 10)
    requests = rig.fact("chw_reset_requests")
    assert isinstance(requests, float | int)
    assert requests > 3  # a plant ignores two, and trims by the third
    rig = drying_handlers(66.0)
    rig.put("ahu-2.supply_temp", 12.0)
    rig.run(1800, 10)
    assert rig.fact("chw_reset_requests") == 1  # it reaches what it wants


@pytest.mark.parametrize(("damper_pct", "setpoint_c"), [(60.0, 18.0), (100.0, 12.0)])
def test_a_box_asks_for_colder_air_once_its_damper_is_open(
    damper_pct: float, setpoint_c: float
) -> None:
    zone = ("zone_temp", "cooling_setpoint", "heating_setpoint", "damper", "reheat_valve")
    rooms = [made(name, "terminal_unit", zone, read_only=zone) for name in ROOMS]
    roles = ("enable", "status", "supply_temp", "supply_setpoint")
    machine = made("ahu-1", "air_handler", roles, serves=ROOMS)
    rig = AirRig(group_of([machine], rooms))
    rig.mode("on")
    rig.plant = lambda: None
    for name in ROOMS:
        rig.put(f"{name}.zone_temp", 23.9)
        rig.put(f"{name}.cooling_setpoint", 24.0)
        rig.put(f"{name}.heating_setpoint", 21.0)
        rig.put(f"{name}.reheat_valve", 0.0)
        rig.put(f"{name}.damper", damper_pct)
    rig.put("weather.outdoor_temp", 10.0)
    rig.put("ahu-1.supply_temp", 15.0)
    rig.run(8 * 3600, 30)
    assert rig.out("supply_setpoint") == pytest.approx(setpoint_c, abs=0.3)
