"""Around air handlers: fan coils, exhaust, a showroom with its own source, boxes."""

from __future__ import annotations

import pytest

from bms.core.machines.relations import Design
from tests.control.air.rigs import AirRig, group_of, made

COIL = ("enable", "status", "zone_temp", "fan_speed", "cooling_valve", "heating_valve")


def fan_coil(*more: str) -> AirRig:
    rig = AirRig(group_of([made("fc-1", "fan_coil", (*COIL, *more))]))
    rig.plant = lambda: None
    rig.put("fc-1.zone_temp", 24.0)
    rig.mode("on")
    rig.give("heating_setpoint_c", 20.0)
    rig.give("cooling_setpoint_c", 25.0)
    return rig


def test_a_fan_coil_opens_its_valve_first_and_its_fan_then() -> None:
    rig = fan_coil()
    rig.run(600, 5)
    assert rig.out("enable") == 1
    assert rig.out("cooling_valve") == rig.out("heating_valve") == 0.0
    rig.put("fc-1.zone_temp", 26.0)
    rig.run(900, 5)
    assert rig.out("cooling_valve") > 20.0
    assert rig.out("fan_speed") == 20.0
    rig.run(4 * 3600, 10)
    assert rig.out("cooling_valve") == 100.0
    assert rig.out("fan_speed") > 60.0
    rig.put("fc-1.zone_temp", 18.0)
    rig.run(rig.seconds + 7200, 10)
    assert rig.out("cooling_valve") == 0.0
    assert rig.out("heating_valve") > 0.0
    assert rig.out("fan_speed") <= 60.0


def test_an_open_window_shuts_its_valves() -> None:
    rig = fan_coil("window")
    rig.put("fc-1.zone_temp", 29.0)
    rig.run(3600, 10)
    assert rig.out("cooling_valve") == 100.0
    rig.put("fc-1.window", 1)
    rig.run(3600 + 600, 10)
    assert rig.out("cooling_valve") == 0.0


def test_an_empty_room_is_kept_half_a_kelvin_wider_after_five_minutes() -> None:
    rig = fan_coil("occupied")
    rig.put("fc-1.occupied", 0)
    rig.put("fc-1.zone_temp", 25.4)
    rig.run(3600, 10)
    assert rig.out("cooling_valve") == 0.0
    rig.put("fc-1.occupied", 1)
    rig.run(2 * 3600, 10)
    assert rig.out("cooling_valve") > 0.0


def test_a_room_that_cannot_be_read_is_taken_for_its_neighbours() -> None:
    members = [made(f"fc-{i}", "fan_coil", COIL) for i in (1, 2, 3)]
    rig = AirRig(group_of(members))
    rig.plant = lambda: None
    for i in (1, 2, 3):
        rig.put(f"fc-{i}.zone_temp", 27.0)
    rig.bad.add("b.fc-1.zone_temp")
    rig.mode("on")
    rig.run(7200, 10)
    assert rig.out("cooling_valve") > 50.0
    rig.bad |= {"b.fc-2.zone_temp", "b.fc-3.zone_temp"}
    rig.run(rig.seconds + 900, 10)
    assert rig.out("cooling_valve") == 0.0


def ventilation() -> AirRig:
    handler = made("ahu-1", "air_handler", ("enable", "status"))
    fans = [made(n, "fan", ("enable", "status", "speed")) for n in ("ex-1", "wc-1", "ex-2")]
    fans[2] = made("ex-2", "fan", ("enable", "status"), stands_by_for=("ex-1",))
    rig = AirRig(group_of([handler, *fans], exhaust=["ex-1"], toilets=["wc-1"]))
    rig.plant = lambda: None
    return rig


def test_exhaust_follows_air_handlers_for_a_minute_and_toilets_for_half_an_hour() -> None:
    rig = ventilation()
    rig.mode("on")
    rig.run(60)
    assert rig.running("fan") == {"ex-1", "wc-1"}
    rig.mode("off")
    stopped = rig.seconds
    rig.run(stopped + 50)
    assert rig.running("fan") == {"ex-1", "wc-1"}
    rig.run(stopped + 80)
    assert rig.running("fan") == {"wc-1"}
    rig.run(stopped + 1900, 5)
    assert rig.running("fan") == set()


def test_an_exhaust_fan_follows_the_air_handler_that_it_serves() -> None:
    handlers = [made(f"ahu-{i}", "air_handler", ("enable", "status")) for i in (1, 2)]
    fan = made("ex-1", "fan", ("enable", "status"), serves=("ahu-2",))
    rig = AirRig(group_of([*handlers, fan]))
    rig.plant = lambda: None
    rig.mode("on")
    rig.operator.values["b.ahu-2.enable"] = 0
    rig.run(120)
    assert rig.running("fan") == set()
    rig.operator.values.clear()
    rig.run(240)
    assert rig.running("fan") == {"ex-1"}


def test_a_lost_exhaust_fan_is_replaced_and_named() -> None:
    rig = ventilation()
    rig.mode("on")
    rig.run(60)
    rig.dead.add("ex-1")
    rig.run(120)
    assert "ex-2" in rig.running("fan")
    assert "b.ex-1:fan" in rig.active()
    assert "in place of ex-1" in rig.reason("ex-2.enable")


def test_in_epidemics_exhaust_runs_at_full_speed_and_stops_where_air_is_isolated() -> None:
    rig = ventilation()
    rig.mode("full")
    rig.run(60)
    assert rig.get("ex-1.speed") == 100.0
    rig.mode("isolate")
    rig.run(120)
    assert rig.running("fan") == set()


def showroom() -> AirRig:
    coils = [made(f"fc-{i}", "fan_coil", COIL) for i in (1, 2)]
    fan = made("vent", "fan", ("enable", "status", "speed"))
    pump = made("pump", "pump", ("enable", "status"))
    source = made("hp", "heat_pump", ("enable", "status", "heating", "chw_setpoint", "hw_setpoint"))
    rig = AirRig(group_of([*coils, fan, pump, source]))
    rig.plant = lambda: None
    for i in (1, 2):
        rig.put(f"fc-{i}.zone_temp", 22.5)
    return rig


def test_a_showroom_starts_its_own_source_when_a_room_asks_and_the_pump_first() -> None:
    rig = showroom()
    rig.mode("on")
    rig.run(600, 5)
    assert rig.running("heat_pump") == set()
    rig.put("fc-1.zone_temp", 27.0)
    rig.status_after_s["pump"] = 10.0
    rig.run(7200, 5)
    assert rig.running("heat_pump") == {"hp"}
    assert rig.get("hp.heating") == 0
    starts = {name: t for t, name, value in rig.writes() if value == 1}
    assert starts["hp"] >= starts["pump"] + 10.0
    rig.put("fc-1.zone_temp", 22.5)
    rig.run(3 * 3600, 5)
    assert rig.running("heat_pump") == set()
    stops = {name: t for t, name, value in rig.writes() if value == 0}
    assert stops["pump"] >= stops["hp"] + 180.0


def test_its_source_turns_to_heating_in_the_cold() -> None:
    rig = showroom()
    for i in (1, 2):
        rig.put(f"fc-{i}.zone_temp", 17.0)
    rig.mode("on")
    rig.run(7200, 5)
    assert rig.running("heat_pump") == {"hp"}
    assert rig.get("hp.heating") == 1


def test_its_source_waits_for_a_pump_that_does_not_run() -> None:
    rig = showroom()
    rig.dead.add("pump")
    rig.put("fc-1.zone_temp", 27.0)
    rig.mode("on")
    rig.run(7200, 5)
    assert rig.running("heat_pump") == set()
    assert "b.g:pumps" in rig.active()


def test_a_box_without_a_controller_moves_its_air_and_its_reheat_coil() -> None:
    roles = ("zone_temp", "damper", "airflow_setpoint", "reheat_valve")
    box = made("box-1", "terminal_unit", roles, design=Design(airflow_m3h=1000.0))
    handler = made("ahu-1", "air_handler", ("enable", "status"), serves=("box-1",))
    rig = AirRig(group_of([handler], [box]))
    rig.plant = lambda: None
    rig.put("box-1.zone_temp", 22.5)
    rig.mode("on")
    rig.run(600, 5)
    assert rig.get("box-1.damper") == 20.0
    assert rig.get("box-1.airflow_setpoint") == 200.0
    rig.put("box-1.zone_temp", 26.0)
    rig.run(3600, 10)
    assert float(rig.get("box-1.damper")) > 40.0
    assert rig.get("box-1.reheat_valve") == 0.0
    rig.put("box-1.zone_temp", 19.0)
    rig.run(2 * 3600, 10)
    assert rig.get("box-1.damper") == 20.0
    assert float(rig.get("box-1.reheat_valve")) > 20.0
    rig.mode("off")
    rig.run(3 * 3600, 10)
    assert rig.get("box-1.damper") == 0.0


def test_a_fan_coil_and_a_box_say_what_they_need() -> None:
    rig = fan_coil()
    rig.put("fc-1.zone_temp", 29.0)
    rig.run(3600, 10)
    assert rig.fact("chw_requests") == pytest.approx(1)
    assert rig.fact("chw_reset_requests") == pytest.approx(3)
