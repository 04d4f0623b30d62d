"""What an air handler does from hour to hour, with all points and with few."""

from __future__ import annotations

import json

import pytest

from bms.control import STRATEGIES
from bms.core.decisions import Priority
from bms.core.machines.relations import Design
from tests.control.air.rigs import FULL, AirRig, group_of, made, multi, single


def occupied(rig: AirRig, heating_c: float = 21.0, cooling_c: float = 24.0) -> AirRig:
    rig.mode("on")
    rig.give("heating_setpoint_c", heating_c)
    rig.give("cooling_setpoint_c", cooling_c)
    return rig


def test_a_warm_zone_is_cooled_with_the_fan_as_slow_as_it_can_be() -> None:
    rig = occupied(single())
    rig.air.outdoor_c = 32.0
    rig.run(6 * 3600, 5)
    assert rig.air.zones_c["ahu-1"] == pytest.approx(24.0, abs=0.5)
    assert rig.out("cooling_valve") > 0.0
    assert rig.out("heating_valve") == 0.0
    assert rig.out("fan_speed") < 50.0
    assert rig.out("oa_damper") == 20.0
    assert "the zone needs" in rig.reason("ahu-1.cooling_valve")
    assert rig.reason("ahu-1.cooling_valve").endswith("schedules/x.yaml:12")


def test_a_cold_zone_is_heated() -> None:
    rig = occupied(single())
    rig.air.outdoor_c, rig.air.gains_kw["ahu-1"] = -5.0, 0.5
    rig.run(6 * 3600, 5)
    assert rig.air.zones_c["ahu-1"] == pytest.approx(21.0, abs=0.5)
    assert rig.out("heating_valve") > 0.0
    assert rig.out("cooling_valve") == 0.0


def test_outdoor_air_cools_before_the_coil_does() -> None:
    rig = occupied(multi())
    rig.air.outdoor_c = 12.0
    rig.air.gains_kw = dict.fromkeys(rig.air.zones_c, 9.0)
    rig.run(4 * 3600, 5)
    assert rig.out("oa_damper") > 25.0
    assert rig.out("return_damper") == pytest.approx(100.0 - rig.out("oa_damper"), abs=2.0)
    assert rig.out("cooling_valve") == 0.0
    assert "outdoor air of 12.0 degC cools" in rig.reason("ahu-1.oa_damper")
    rig.air.outdoor_c = 19.0
    rig.run(5 * 3600, 5)
    assert rig.out("oa_damper") == 20.0


def test_when_free_cooling_ends_the_return_damper_opens_first() -> None:
    rig = occupied(multi())
    rig.air.outdoor_c = 12.0
    rig.air.gains_kw = dict.fromkeys(rig.air.zones_c, 9.0)
    rig.run(4 * 3600, 5)
    open_pct, back_pct = rig.out("oa_damper"), rig.out("return_damper")
    rig.air.outdoor_c = 25.0
    began = rig.seconds
    while rig.out("return_damper") - back_pct <= 1.5:
        open_pct, back_pct = rig.out("oa_damper"), rig.out("return_damper")
        rig.step(rig.seconds + 5)
        assert rig.seconds < began + 300
    assert rig.out("oa_damper") >= open_pct
    rig.run(rig.seconds + 170, 5)
    assert rig.out("oa_damper") == 20.0
    assert rig.out("return_damper") == 100.0
    rig.run(rig.seconds + 120, 5)
    assert rig.out("return_damper") == 80.0


def boxes(**parameters: object) -> AirRig:
    """A handler with three boxes, whose supply set point is all that can be commanded."""
    roles = ("enable", "status", "supply_temp", "supply_setpoint")
    names = ("box-1", "box-2", "box-3")
    zone = ("zone_temp", "cooling_setpoint", "heating_setpoint", "airflow", "reheat_valve")
    terminals = [
        made(n, "terminal_unit", zone, read_only=zone, design=Design(airflow_m3h=1000.0))
        for n in names
    ]
    machine = made("ahu-1", "air_handler", roles, serves=names, cooled_by="chw")
    rig = AirRig(group_of([machine], terminals, **parameters))
    for name in names:
        rig.put(f"{name}.cooling_setpoint", 24.0)
        rig.put(f"{name}.heating_setpoint", 21.0)
        rig.put(f"{name}.airflow", 400.0)
    rig.air.gains_kw = dict.fromkeys(names, 0.6)
    rig.air.zones_c = dict.fromkeys(names, 23.8)
    rig.air.loss_kw_k = 0.0
    rig.air.airflow_kw_k = 0.0
    rig.plant = lambda: _rooms(rig)
    rig.mode("on")
    return rig


def _rooms(rig: AirRig, supply_c: float | None = None) -> None:
    """The boxes hold their rooms by themselves: temperatures are what a test says."""
    for name, zone_c in rig.air.zones_c.items():
        rig.put(f"{name}.zone_temp", zone_c)
    rig.put("weather.outdoor_temp", rig.air.outdoor_c)
    rig.put("ahu-1.supply_temp", rig.out("supply_setpoint") if supply_c is None else supply_c)


def test_supply_air_warms_up_until_a_zone_asks_and_cools_as_fast_as_many_ask() -> None:
    rig = boxes()
    rig.air.outdoor_c = 10.0
    rig.run(3600, 10)
    assert rig.out("supply_setpoint") == 18.0  # nobody asks: the warmest
    rig.put("box-1.airflow", 1000.0)  # fully open: it needs colder air
    rig.run(2 * 3600, 10)
    after_one = rig.out("supply_setpoint")
    assert 12.0 <= after_one < 18.0
    assert rig.fact("ahu-1_colder_requests") == 1
    assert "1 requests of 3 zones" in rig.reason("ahu-1.supply_setpoint")
    for name in ("box-2", "box-3"):
        rig.put(f"{name}.airflow", 1000.0)
    rig.run(2.25 * 3600, 10)
    assert rig.out("supply_setpoint") < after_one
    for name in ("box-1", "box-2", "box-3"):
        rig.put(f"{name}.airflow", 500.0)
    rig.run(8 * 3600, 10)
    assert rig.out("supply_setpoint") == 18.0


def test_a_zone_that_counts_for_nothing_moves_nothing() -> None:
    rig = boxes(importance={"box-1": 0.0})
    rig.air.outdoor_c = 10.0
    rig.put("box-1.airflow", 1000.0)
    rig.run(2 * 3600, 10)
    assert rig.out("supply_setpoint") == 18.0


def test_a_zone_that_asks_for_a_week_is_left_out_and_named() -> None:
    rig = boxes()
    rig.air.outdoor_c = 10.0
    rig.put("box-1.airflow", 1000.0)
    rig.run(60 * 3600, 60)
    assert rig.active() == {"b.g:rogue"}
    assert rig.out("supply_setpoint") == 18.0


def test_in_warm_weather_a_variable_machine_supplies_its_coldest_air() -> None:
    rig = boxes(supply_by_outdoor=True)
    rig.air.outdoor_c = 25.0
    rig.run(3600, 10)
    assert rig.out("supply_setpoint") == 12.0


def test_without_the_reset_the_supply_set_point_is_fixed() -> None:
    rig = boxes(without=["supply_reset"])
    rig.run(3600, 10)
    assert rig.out("supply_setpoint") == 12.0
    rig.give("supply_setpoint_c", 14.5)
    rig.run(3660, 10)
    assert rig.out("supply_setpoint") == 14.5


def test_requests_reach_the_plant_while_supply_air_is_too_warm() -> None:
    rig = boxes()
    rig.air.outdoor_c = 10.0
    rig.plant = lambda: _rooms(rig, supply_c=22.0)
    rig.run(900, 10)
    assert rig.fact("chw_requests") == 1
    assert rig.fact("chw_reset_requests") == 3
    rig.mode("off")
    rig.run(1000, 10)
    assert rig.fact("chw_requests") == 0
    assert rig.fact("chw_reset_requests") == 0


def test_nothing_but_an_enable_runs_as_the_schedule_says() -> None:
    machine = made("ahu-1", "air_handler", ("enable",))
    rig = AirRig(group_of([machine]))
    rig.mode("on")
    rig.run(30)
    assert rig.out("enable") == 1
    rig.mode("off")
    rig.run(60)
    assert rig.out("enable") == 0


def test_a_fixed_fan_and_one_valve_hold_the_room() -> None:
    roles = ("enable", "status", "cooling_valve")
    rig = occupied(single(roles=roles))
    rig.air.outdoor_c = 32.0
    rig.run(8 * 3600, 5)
    assert rig.air.zones_c["ahu-1"] == pytest.approx(24.0, abs=0.7)
    assert 0.0 < rig.out("cooling_valve") < 100.0


def test_setpoints_are_handed_on_to_a_machine_that_controls_itself() -> None:
    machine = made("ahu-1", "air_handler", ("enable", "status", "zone_temp", "zone_setpoint"))
    rig = AirRig(group_of([machine]))
    rig.mode("on")
    rig.give("zone_setpoint_c", 26.0)
    rig.run(60)
    assert rig.get("ahu-1.zone_setpoint") == 26.0
    rig.give("zone_setpoint_c", None)
    rig.give("heating_setpoint_c", 20.0)
    rig.give("cooling_setpoint_c", 26.0)
    rig.air.zones_c["ahu-1"] = 25.0
    rig.run(120)
    assert rig.get("ahu-1.zone_setpoint") == 26.0
    rig.air.zones_c["ahu-1"] = 19.0
    rig.run(180)
    assert rig.get("ahu-1.zone_setpoint") == 20.0


def test_while_off_rooms_neither_freeze_nor_overheat() -> None:
    rig = single()
    rig.mode("off")
    rig.air.outdoor_c, rig.air.gains_kw["ahu-1"] = -10.0, 0.0
    coldest = 22.0
    modes = set()
    for second in range(0, 48 * 3600, 30):
        rig.step(second)
        coldest = min(coldest, rig.air.zones_c["ahu-1"])
        modes.add(rig.fact("ahu-1_air_mode"))
        assert rig.out("oa_damper") == 0.0
    assert modes == {"unoccupied", "setback"}
    assert 15.0 < coldest < 16.1


def test_while_off_and_without_setback_nothing_runs() -> None:
    rig = single(without=["setback"])
    rig.mode("off")
    rig.air.outdoor_c, rig.air.gains_kw["ahu-1"] = -10.0, 0.0
    rig.run(24 * 3600, 60)
    assert rig.air.zones_c["ahu-1"] < 10.0
    assert rig.writes() in ([], [(0.0, "ahu-1", 0)])


def test_a_machine_that_cannot_heat_is_not_started_in_the_cold() -> None:
    roles = tuple(r for r in FULL if r != "heating_valve")
    rig = single(roles=roles)
    rig.mode("off")
    rig.air.outdoor_c, rig.air.gains_kw["ahu-1"] = -10.0, 0.0
    rig.run(24 * 3600, 60)
    assert rig.fact("ahu-1_air_mode") == "unoccupied"


def test_before_people_come_outdoor_air_stays_out() -> None:
    rig = single()
    rig.air.outdoor_c, rig.air.zones_c["ahu-1"] = 0.0, 15.0
    rig.mode("off")
    rig.run(60, 5)
    early = rig.schedule
    early.priority = Priority.OPTIMISER  # as optimal start commands a block before it begins
    rig.mode("on")
    rig.run(900, 5)
    assert rig.fact("ahu-1_air_mode") == "warm-up"
    assert rig.out("oa_damper") == 0.0
    assert rig.out("heating_valve") > 50.0
    assert "the coldest zone is" in rig.reason("ahu-1.enable")
    early.priority = Priority.SCHEDULE
    rig.run(960, 5)
    assert rig.fact("ahu-1_air_mode") == "occupied"
    assert rig.out("oa_damper") >= 20.0


def test_co2_decides_how_much_of_the_minimum_comes_in() -> None:
    rig = occupied(single(roles=(*FULL, "co2")))
    rig.air.outdoor_c = 30.0
    rig.put("ahu-1.co2", 600.0)
    rig.run(600, 5)
    assert rig.out("oa_damper") == pytest.approx(8.0, abs=0.1)
    rig.put("ahu-1.co2", 794.0)
    rig.run(1200, 5)
    assert rig.out("oa_damper") == pytest.approx(14.0, abs=0.1)
    rig.put("ahu-1.co2", 1000.0)
    rig.run(1800, 5)
    assert rig.out("oa_damper") == pytest.approx(20.0, abs=0.1)
    rig.bad.add("b.ahu-1.co2")
    rig.put("ahu-1.co2", 400.0)
    rig.run(2400, 5)
    assert rig.out("oa_damper") == 20.0


def test_damp_air_is_dried_by_colder_supply_air() -> None:
    names = ("room-1", "room-2")
    rooms = [made(n, "terminal_unit", ("zone_temp", "humidity", "reheat_valve")) for n in names]
    machine = made("ahu-1", "air_handler", FULL, serves=names)
    rig = AirRig(group_of([machine], rooms, supply_by_outdoor=False))
    rig.mode("on")
    for name in names:
        rig.put(f"{name}.humidity", 52.0)
        rig.put(f"{name}.reheat_valve", 50.0)
    rig.air.outdoor_c = 22.0
    rig.run(1800, 5)
    assert rig.fact("ahu-1_supply_aim_c") == 18.0
    rig.put("room-2.humidity", 70.0)
    rig.run(1900, 5)
    assert rig.fact("ahu-1_supply_aim_c") == 12.0
    assert "humidity 70 %" in rig.reason("ahu-1.cooling_valve")
    rig.put("room-2.humidity", 57.0)  # half of the way to the coldest
    rig.run(2000, 5)
    assert rig.fact("ahu-1_supply_aim_c") == 15.0
    rig.put("room-2.humidity", 52.0)
    rig.run(2100, 5)
    assert rig.fact("ahu-1_supply_aim_c") == 18.0


def test_night_purge_lets_all_outdoor_air_through_without_coils() -> None:
    rig = single()
    rig.air.outdoor_c, rig.air.zones_c["ahu-1"] = 18.0, 27.0
    rig.mode("purge")
    rig.run(900, 5)
    assert rig.out("oa_damper") == 100.0
    assert rig.out("cooling_valve") == rig.out("heating_valve") == 0.0
    assert rig.fact("ahu-1_air_mode") == "purge"


def test_epidemic_ventilation_takes_outdoor_air_only_and_ignores_co2() -> None:
    rig = occupied(single(roles=(*FULL, "co2")))
    rig.air.outdoor_c = 26.0
    rig.put("ahu-1.co2", 500.0)
    rig.mode("elevated")
    rig.run(600, 5)
    assert rig.out("oa_damper") == 20.0
    rig.mode("full")
    rig.run(1200, 5)
    assert rig.out("oa_damper") == 100.0
    assert rig.out("return_damper") == 0.0
    rig.mode("isolate")
    rig.run(1260, 5)
    assert rig.out("enable") == 0
    assert rig.out("oa_damper") == 0.0


def test_epidemic_ventilation_gives_way_to_cold_supply_air() -> None:
    rig = occupied(single())
    rig.air.heating_k = 5.0
    rig.air.outdoor_c = -2.0
    rig.mode("full")
    lowest = 30.0
    for second in range(0, 7200, 5):
        rig.step(second)
        lowest = min(lowest, rig.air.supply_c)
    assert lowest > 3.0
    assert "cannot take more" in rig.reason("ahu-1.oa_damper")


def test_a_fresh_air_unit_opens_its_damper_before_its_fan_and_warms_its_coil() -> None:
    roles = ("enable", "status", "supply_temp", "oa_damper", "oa_damper_open", "heating_valve")
    machine = made("ahu-1", "air_handler", roles)
    rig = AirRig(group_of([machine], full_outdoor_air=["ahu-1"]))
    rig.air.outdoor_c = -3.0
    rig.mode("on")
    rig.run(20, 1)
    assert rig.out("oa_damper") == 100.0
    assert rig.out("heating_valve") >= 30.0
    assert rig.out("enable") == 0
    rig.run(90, 1)
    assert rig.out("enable") == 0
    assert "waits for its outdoor damper" in rig.reason("ahu-1.enable")
    rig.put("ahu-1.oa_damper_open", 1)
    rig.run(100, 1)
    assert rig.out("enable") == 1


def test_machines_start_one_after_the_other_and_after_an_outage_too() -> None:
    members = [made(f"ahu-{i}", "air_handler", ("enable", "status")) for i in (1, 2, 3)]
    rig = AirRig(group_of(members, stagger_s=10))
    rig.mode("off")
    rig.step(0)
    rig.mode("on")
    rig.run(60)
    starts = [(n, t) for t, n, v in rig.writes() if v == 1]
    assert [n for n, _ in starts] == ["ahu-1", "ahu-2", "ahu-3"]
    assert starts[1][1] - starts[0][1] >= 10
    assert starts[2][1] - starts[1][1] >= 10


def test_one_machine_may_be_asked_for_something_else_than_its_group() -> None:
    members = [made(f"ahu-{i}", "air_handler", ("enable", "status")) for i in (1, 2)]
    rig = AirRig(group_of(members))
    rig.mode("off")
    rig.operator.values["b.ahu-2.mode"] = "on"
    rig.run(10)
    assert rig.running("air_handler") == {"ahu-2"}


def test_an_unknown_mode_commands_nothing_and_says_so() -> None:
    rig = single()
    rig.mode("turbo")
    rig.step(0)
    assert rig.writes() == []
    assert rig.active() == {"b.g:mode"}


def test_a_restart_goes_on_where_loops_stood() -> None:
    rig = occupied(single())
    rig.air.outdoor_c = 32.0
    rig.run(3 * 3600, 5)
    saved = json.loads(json.dumps(rig.engine.states()))
    again = occupied(single())
    again = AirRig(again.group, saved=saved)
    occupied(again)
    again.values.update(rig.values)
    again.air = rig.air
    again.seconds = rig.seconds + 1
    before = rig.out("cooling_valve")
    again.run(rig.seconds + 61, 5)
    assert again.out("cooling_valve") == pytest.approx(before, abs=5.0)


def test_what_it_can_do_is_listed_and_what_it_lacks() -> None:
    spec = STRATEGIES["air_handlers"]
    found = {str(a.title): a.lacks for a in spec.can(group_of([made("a", "air_handler", FULL)]))}
    assert found["saves coils from freezing, in three stages"] is None
    assert found["outdoor air by CO2"] == "no co2, of its own or of what it serves"
    assert found["supply-air temperature by requests of the zones"] == (
        "no zone_temp, of its own or of what it serves"
    )


def test_what_is_no_air_handler_is_refused() -> None:
    spec = STRATEGIES["air_handlers"]
    lamp = made("lamp", "lighting_circuit", ("enable",))
    shown = made("ahu-1", "air_handler", ("supply_temp",))
    found = [str(text) for _, text in spec.check(group_of([lamp, shown]))]
    assert len(found) == 2
    assert "lighting_circuit" in found[0]
    assert found[1] == "'ahu-1' has no point that can be commanded"


def test_a_machine_that_somebody_runs_by_hand_gets_its_air_and_its_coils() -> None:
    rig = single()
    rig.mode("off")
    rig.air.outdoor_c = 30.0
    rig.operator.values["b.ahu-1.enable"] = 1
    rig.run(600, 5)
    assert rig.fact("ahu-1_air_mode") == "occupied"
    assert rig.out("oa_damper") == 20.0


def test_a_machine_that_somebody_holds_off_is_no_lost_fan() -> None:
    rig = occupied(single())
    rig.run(600, 5)
    rig.operator.values["b.ahu-1.enable"] = 0
    rig.run(900, 5)
    assert rig.active() == set()
    assert rig.out("oa_damper") == 0.0
