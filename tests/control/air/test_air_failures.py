"""Air handlers with something broken: sensors, dampers, valves, fans, and frost."""

from __future__ import annotations

import pytest

from bms.core.machines.relations import Design
from tests.control.air.rigs import FULL, AirRig, group_of, made, single
from tests.control.air.test_air_handlers import occupied


def winter(**parameters: object) -> AirRig:
    rig = occupied(single(roles=(*FULL, "freezestat"), **parameters))
    rig.air.outdoor_c, rig.air.gains_kw["ahu-1"] = -8.0, 1.0
    rig.run(1800, 5)
    return rig


def test_a_fan_that_is_lost_for_15_s_shuts_its_dampers_and_is_named() -> None:
    rig = occupied(single())
    rig.air.outdoor_c = 12.0
    rig.run(1800, 1)
    assert rig.out("oa_damper") >= 20.0
    rig.dead.add("ahu-1")
    lost_at = rig.seconds
    rig.run(lost_at + 12, 1)
    assert rig.out("oa_damper") >= 20.0
    rig.run(lost_at + 25, 1)
    assert rig.out("oa_damper") == 0.0
    assert rig.out("cooling_valve") == 0.0
    assert "b.ahu-1:fan" in rig.active()
    rig.dead.clear()
    rig.run(rig.seconds + 30, 1)
    assert "b.ahu-1:fan" not in rig.active()
    assert rig.out("oa_damper") >= 20.0


def test_without_supply_temperature_the_heating_valve_stands_at_half_in_the_cold() -> None:
    rig = winter()
    rig.bad.add("b.ahu-1.supply_temp")
    rig.run(rig.seconds + 400, 5)
    assert rig.out("heating_valve") == 50.0
    assert rig.out("cooling_valve") == 0.0
    assert rig.out("oa_damper") == 20.0


def test_without_supply_temperature_outdoor_air_cools_nothing() -> None:
    rig = occupied(single())
    rig.air.outdoor_c, rig.air.gains_kw["ahu-1"] = 14.0, 9.0
    rig.run(4 * 3600, 5)
    assert rig.out("oa_damper") > 20.0
    rig.bad.add("b.ahu-1.supply_temp")
    rig.run(rig.seconds + 600, 5)
    assert rig.out("oa_damper") == 20.0


def test_a_frozen_supply_temperature_is_flagged_within_the_hour() -> None:
    rig = occupied(single())
    rig.air.outdoor_c = 30.0
    rig.air.gains_kw["ahu-1"] = 6.0
    rig.run(4 * 3600, 10)
    rig.frozen["ahu-1.supply_temp"] = 22.0
    rig.run(rig.seconds + 2 * 3600, 10)
    assert "b.ahu-1:supply-sensor" in rig.active()


def test_an_impossible_outdoor_temperature_is_not_used() -> None:
    rig = occupied(single())
    rig.air.outdoor_c, rig.air.gains_kw["ahu-1"] = 30.0, 9.0
    rig.run(3600, 5)
    rig.frozen["weather.outdoor_temp"] = -50.0
    rig.run(2 * 3600, 5)
    assert rig.out("oa_damper") == 20.0
    assert rig.fact("outdoor_c") is None


def test_a_zone_that_cannot_be_read_is_left_out_of_the_mean() -> None:
    names = ("room-1", "room-2")
    rooms = [made(n, "room", ("zone_temp",)) for n in names]
    rig = occupied(AirRig(group_of([made("ahu-1", "air_handler", FULL, serves=names)], rooms)))
    rig.air.outdoor_c = 30.0
    rig.bad.add("b.room-1.zone_temp")
    rig.run(4 * 3600, 5)
    assert rig.air.zones_c["room-2"] == pytest.approx(24.0, abs=0.7)


def test_a_damper_that_sticks_shut_is_named_and_the_fan_of_a_fresh_air_unit_waits() -> None:
    roles = ("enable", "status", "supply_temp", "oa_damper", "oa_damper_open", "heating_valve")
    rig = AirRig(group_of([made("ahu-1", "air_handler", roles)], full_outdoor_air=["ahu-1"]))
    rig.air.outdoor_c = 15.0
    rig.mode("on")
    rig.run(180)
    assert rig.out("enable") == 0
    assert "b.ahu-1:damper" in rig.active()


def test_a_cooling_valve_that_sticks_open_or_shut_is_named() -> None:
    rig = occupied(single())
    rig.air.outdoor_c, rig.air.gains_kw["ahu-1"] = 32.0, 8.0
    rig.air.stuck = {"cooling_valve": 0.0}
    rig.run(4 * 3600, 10)
    assert "b.ahu-1:no-cooling" in rig.active()
    rig = occupied(single(roles=tuple(r for r in FULL if r != "heating_valve")))
    rig.air.outdoor_c, rig.air.gains_kw["ahu-1"] = 26.0, 10.0
    rig.air.stuck = {"cooling_valve": 60.0}
    rig.run(4 * 3600, 10)
    assert "b.ahu-1:cools-shut" in rig.active()


def test_mixed_air_that_nothing_can_mix_is_named_within_half_an_hour() -> None:
    rig = occupied(single())
    rig.air.outdoor_c = 30.0
    rig.run(4 * 3600, 10)
    assert "b.ahu-1:mixed-air" not in rig.active()
    rig.frozen["ahu-1.mixed_temp"] = 45.0
    rig.run(rig.seconds + 1740, 10)
    assert "b.ahu-1:mixed-air" not in rig.active()
    rig.run(rig.seconds + 120, 10)
    assert "b.ahu-1:mixed-air" in rig.active()
    del rig.frozen["ahu-1.mixed_temp"]
    rig.run(rig.seconds + 1800, 10)
    assert "b.ahu-1:mixed-air" in rig.active()


def test_a_flow_of_outdoor_air_that_reads_zero_does_not_shut_people_off() -> None:
    roles = (*FULL, "oa_flow")
    design = Design(min_oa_m3h=1000.0, airflow_m3h=5000.0)
    machine = made("ahu-1", "air_handler", (*roles, "zone_temp"), design=design)
    rig = occupied(AirRig(group_of([machine])))
    rig.air.outdoor_c = 30.0
    rig.put("ahu-1.oa_flow", 0.0)
    rig.run(1200, 5)
    assert rig.out("oa_damper") > 50.0
    rig.put("ahu-1.oa_flow", 5000.0)  # reads far too much
    rig.run(3 * 3600, 5)
    assert rig.out("oa_damper") >= 10.0


def test_people_get_their_minimum_as_soon_as_outdoor_air_stops_cooling() -> None:
    roles = (*(role for role in FULL if role != "heating_valve"), "oa_flow")
    design = Design(min_oa_m3h=1000.0, airflow_m3h=3000.0)
    machine = made("ahu-1", "air_handler", roles, design=design, serves=("room-1",))
    rig = occupied(AirRig(group_of([machine], [made("room-1", "room", ("zone_temp",))])))
    physics = rig.plant

    def flows() -> None:
        physics()
        rig.put("ahu-1.oa_flow", 30.0 * rig.out("oa_damper"))

    rig.plant = flows
    rig.air.outdoor_c = 25.0
    rig.run(2 * 3600, 10)
    assert rig.get("ahu-1.oa_flow") == pytest.approx(1000.0, rel=0.05)
    rig.air.outdoor_c, rig.air.gains_kw["room-1"] = 12.0, 20.0
    rig.run(8 * 3600, 10)
    assert 30.0 * rig.out("oa_damper") > 2000.0
    rig.air.outdoor_c = 25.0
    least = 3000.0
    for second in range(8 * 3600, 10 * 3600, 10):
        rig.step(second)
        least = min(least, 30.0 * rig.out("oa_damper"))
    assert least > 950.0


def test_frost_goes_through_its_stages_and_back() -> None:
    rig = winter()
    rig.air.heating_k = 13.0
    rig.frozen["ahu-1.supply_temp"] = 4.0
    seen: dict[object, float] = {}
    began = rig.seconds
    while rig.seconds < began + 900:
        rig.step(rig.seconds + 5)
        stage = rig.fact("ahu-1_freeze_stage")
        seen.setdefault(stage, rig.seconds - began)
    assert list(seen) == [0, 1]
    assert 300 <= seen[1] <= 310
    assert rig.out("oa_damper") <= 20.0
    assert rig.fact("hw_requests") == 2
    assert rig.out("heating_valve") == 100.0
    rig.frozen["ahu-1.supply_temp"] = 3.0
    rig.run(rig.seconds + 320, 5)
    assert rig.fact("ahu-1_freeze_stage") == 2
    assert rig.out("oa_damper") == 0.0
    assert rig.active() >= {"b.ahu-1:freeze"}
    rig.frozen["ahu-1.supply_temp"] = 12.0
    rig.run(rig.seconds + 3000, 5)
    assert rig.fact("ahu-1_freeze_stage") == 2  # shut for an hour
    rig.run(rig.seconds + 1200, 5)
    assert rig.fact("ahu-1_freeze_stage") == 0
    assert rig.out("oa_damper") == 20.0


def test_the_last_stage_of_frost_stays_until_a_person_has_looked() -> None:
    rig = winter()
    rig.put("ahu-1.freezestat", 1)
    rig.run(rig.seconds + 10, 5)
    assert rig.out("enable") == 0
    assert rig.out("oa_damper") == 0.0
    assert rig.out("cooling_valve") == 100.0
    assert rig.out("heating_valve") > 0.0
    assert "freeze protection: the freezestat has tripped" in rig.reason("ahu-1.enable")
    rig.put("ahu-1.freezestat", 0)
    rig.run(rig.seconds + 7200, 30)
    assert rig.out("enable") == 0
    rig.operator.values["b.ahu-1.enable"] = 1  # asking for it is no look at the coil
    rig.run(rig.seconds + 60, 5)
    assert rig.out("enable") == 0
    rig.operator.values.clear()
    rig.operator.values["b.ahu-1.reset"] = 1  # as 'bms reset' commands it, for one cycle
    rig.step(rig.seconds + 5)
    rig.operator.values.clear()
    rig.run(rig.seconds + 120, 5)
    assert rig.out("enable") == 1
    assert "b.ahu-1:freeze" not in rig.active()


def test_an_operator_cannot_open_a_damper_onto_a_frozen_coil() -> None:
    rig = winter()
    rig.operator.values["b.ahu-1.oa_damper"] = 100.0
    rig.put("ahu-1.freezestat", 1)
    rig.run(rig.seconds + 30, 5)
    assert rig.out("oa_damper") == 0.0


def test_without_freeze_protection_there_is_none() -> None:
    rig = winter(without=["freeze_protection"])
    rig.put("ahu-1.freezestat", 1)
    rig.run(rig.seconds + 60, 5)
    assert rig.out("enable") == 1


def test_a_co2_sensor_that_cannot_be_right_is_named() -> None:
    rig = occupied(single(roles=(*FULL, "co2")))
    rig.put("ahu-1.co2", 200.0)
    rig.run(1200, 5)
    assert "b.ahu-1:co2" in rig.active()


def test_a_damper_that_is_kept_shut_on_purpose_is_not_stuck() -> None:
    rig = single(roles=(*FULL, "oa_damper_open"))
    rig.mode("off")
    rig.air.outdoor_c, rig.air.zones_c["ahu-1"], rig.air.gains_kw["ahu-1"] = -5.0, 12.0, 0.0
    rig.run(900, 5)
    assert rig.fact("ahu-1_air_mode") == "setback"
    assert rig.out("oa_damper") == 0.0
    assert rig.active() == set()
    rig.mode("on")  # now it is told to open, and does not
    rig.run(980, 5)
    assert rig.active() == set()
    rig.run(1100, 5)
    assert rig.active() == {"b.ahu-1:damper"}
