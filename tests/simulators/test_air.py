"""Moist air, coils, rooms, terminals and air handlers."""

from __future__ import annotations

import math
from dataclasses import replace
from random import Random

import pytest

from simulators.physics.air.air_handler import AirCommand, AirHandler, AirHandlerSpec
from simulators.physics.air.coils import Coil, CoilSpec, Sides, exchanged
from simulators.physics.air.moist_air import (
    CP_KJ_KGK,
    KG_S_PER_M3H,
    Air,
    mixed,
    relative_pct,
    saturated_enthalpy,
    saturated_temp_c,
    saturated_water,
    water_of,
)
from simulators.physics.air.rooms import Room, RoomSpec, Surroundings
from simulators.physics.air.terminals import TerminalSpec
from simulators.physics.air.unit_control import UnitControl, UnitTargets
from simulators.physics.motor import fan_power_share

SUMMER = Air(32.0, water_of(32.0, 60.0))
WINTER = Air(-5.0, water_of(-5.0, 70.0))
OFFICE = Surroundings(SUMMER, 300.0, 0.9, 1.0)
ROOM = RoomSpec(500.0)
UNIT = AirHandlerSpec(
    (TerminalSpec(ROOM, 7500.0), TerminalSpec(replace(ROOM, people_m2=0.15), 7500.0, reheat_kw=40)),
    15_000.0,
    cooling_kw=130.0,
    heating_kw=60.0,
)


# --- air ---------------------------------------------------------------------------------------


def test_moist_air_against_psychrometric_tables() -> None:
    """ASHRAE Fundamentals, table of moist air at sea level: saturation at 10, 20 and 30 degC."""
    for temp_c, water in ((10.0, 0.007661), (20.0, 0.014758), (30.0, 0.027329)):
        assert saturated_water(temp_c) == pytest.approx(water, rel=0.01)
    assert saturated_enthalpy(20.0) == pytest.approx(57.555, rel=0.01)
    assert water_of(26.0, 50.0) == pytest.approx(0.0105, rel=0.01)
    for temp_c in (-5.0, 8.0, 25.0):
        assert relative_pct(temp_c, water_of(temp_c, 45.0)) == pytest.approx(45.0)
        assert saturated_temp_c(saturated_enthalpy(temp_c)) == pytest.approx(temp_c, abs=1e-4)
    both = mixed(SUMMER, 0.25, Air(24.0, 0.009, 800.0))
    assert both.temp_c == pytest.approx(26.0)
    assert both.co2_ppm == pytest.approx(0.25 * 420 + 0.75 * 800)


# --- coils -------------------------------------------------------------------------------------


def test_a_coil_gives_its_design_at_its_design_point() -> None:
    for spec in (
        CoilSpec(100.0, 15_000.0),
        CoilSpec(-60.0, 15_000.0, Air(5.0, 0.003), 60.0, 20.0),
    ):
        coil = Coil(spec)
        coil.entering, coil.air_kg_s = spec.entering, spec.airflow_m3h * KG_S_PER_M3H
        back = coil.draw(spec.flow_m3h, spec.water_c, 60.0)
        assert coil.heat_kw == pytest.approx(spec.design_kw, rel=1e-3)
        change = math.copysign(spec.water_k, spec.design_kw)
        assert back - spec.water_c == pytest.approx(change, rel=1e-3)


def test_a_cold_coil_dries_the_air_and_a_mild_one_does_not() -> None:
    sides = Sides(5.0, 25.0, 30.0, 30.0)
    wet, behind = exchanged(SUMMER, 7.0, sides)
    assert behind.water < SUMMER.water
    assert relative_pct(behind.temp_c, behind.water) > 85.0
    assert wet == pytest.approx(5.0 * (SUMMER.enthalpy - behind.enthalpy))
    sensible = 5.0 * CP_KJ_KGK * (SUMMER.temp_c - behind.temp_c)
    assert 0.4 < sensible / wet < 0.8
    dry, after = exchanged(Air(32.0, 0.006), 14.0, sides)
    assert after.water == 0.006
    assert dry == pytest.approx(5.0 * CP_KJ_KGK * (32.0 - after.temp_c))
    heated, warm = exchanged(WINTER, 50.0, sides)
    assert heated < 0.0
    assert warm.temp_c > WINTER.temp_c
    assert warm.water == WINTER.water


def test_heat_never_runs_uphill_in_a_coil() -> None:
    random = Random(1)
    for _ in range(3000):
        air = Air(random.uniform(-10.0, 40.0), 0.0)
        air = air._replace(water=water_of(air.temp_c, random.uniform(10.0, 95.0)))
        water_c = random.uniform(4.0, 60.0)
        sides = Sides(*(random.uniform(0.1, 30.0) for _ in range(4)))
        heat, after = exchanged(air, water_c, sides)
        back_c = water_c + heat / sides.water_kw_k
        low, high = sorted((air.temp_c, water_c))
        assert low - 1e-6 <= after.temp_c <= high + 1e-6
        assert after.water <= air.water + 1e-12
        assert low - 1e-6 <= back_c <= high + 1e-6
        assert heat == pytest.approx(sides.air_kg_s * (air.enthalpy - after.enthalpy), abs=1e-6)


def test_frost_on_a_coil_whose_water_stands_is_counted() -> None:
    coil = Coil(CoilSpec(100.0, 15_000.0))
    coil.entering, coil.air_kg_s = WINTER, 5.0
    assert coil.draw(0.0, 9.0, 60.0) == 9.0
    assert coil.frozen_s == 60.0
    assert coil.leaving == WINTER


# --- rooms -------------------------------------------------------------------------------------


@pytest.mark.parametrize("air_kg_s", [0.0, 2.5])
def test_rooms_keep_heat_moisture_and_carbon_dioxide(air_kg_s: float) -> None:
    room = Room(ROOM)
    supply = Air(14.0, 0.009, 500.0)
    for dt_s in (1.0, 30.0, 60.0) * 200:
        before, state = room.stored_kj, room.air
        room.step(supply, air_kg_s, OFFICE, dt_s)
        brought = air_kg_s * (supply.enthalpy - state.enthalpy)
        gained = (brought + room.gain_kw - room.lost_kw) * dt_s
        assert room.stored_kj - before == pytest.approx(gained, abs=1e-6)
    people = ROOM.people_m2 * ROOM.area_m2 * 0.85 / 0.95
    if air_kg_s:
        # In balance: what people breathe out is what supply air and leaks carry away.
        fresh = air_kg_s / KG_S_PER_M3H
        leak = ROOM.infiltration_ach * room.volume_m3
        carried = fresh * (room.air.co2_ppm - 500.0) + leak * (room.air.co2_ppm - 420.0)
        assert carried == pytest.approx(people * 0.019e6, rel=0.02)
    else:
        assert room.air.co2_ppm > 1500.0
        assert room.air.temp_c > 26.0


def test_a_room_at_rest_is_stable_in_steps_of_a_quarter_hour() -> None:
    fine, coarse = Room(ROOM), Room(ROOM)
    night = Surroundings(WINTER, 0.0, 0.05, 0.5)
    for _ in range(48):
        for _ in range(15):
            fine.step(fine.air, 0.0, night, 60.0)
        coarse.step(coarse.air, 0.0, night, 900.0)
    assert coarse.air.temp_c == pytest.approx(fine.air.temp_c, abs=0.1)
    assert fine.air.temp_c < 20.0
    again = Room(ROOM)
    again.restore(fine.state())
    assert again.air == fine.air


# --- units -------------------------------------------------------------------------------------


def run(
    unit: AirHandler, command: AirCommand, around: Surroundings, seconds: float, water: float = 7.0
) -> None:
    """With water of one temperature at all coils."""
    for _ in range(round(seconds / 30.0)):
        unit.blow(command, around.outdoor, 30.0)
        for coil in unit.coils:
            coil.draw(coil.spec.flow_m3h * coil.valve.position, 60.0, 30.0)
        unit.pass_on()
        if unit.cooling is not None:
            cooling = unit.cooling
            cooling.draw(cooling.spec.flow_m3h * cooling.valve.position, water, 30.0)
        before = unit.stored_kj
        unit.arrive(around, 30.0)
        gained = (unit.gains_kw(around.outdoor) - unit.water_kw) * 30.0
        assert unit.stored_kj - before == pytest.approx(gained, abs=1e-3)


FULL = AirCommand(True, 1.0, 0.2, 0.8, 0.0)


def test_a_unit_cools_dries_and_ventilates_its_rooms() -> None:
    unit = AirHandler(UNIT)
    for terminal in unit.terminals:
        terminal.damper.position = 1.0
    run(unit, FULL, OFFICE, 4 * 3600.0)
    assert unit.running
    assert unit.airflow_m3h == pytest.approx(15_000.0, rel=0.05)
    assert unit.supply.temp_c < 16.0
    assert unit.dried_kg_s > 0.0
    assert 0.1 * unit.water_kw < unit.latent_kw < 0.6 * unit.water_kw
    assert unit.oa_kg_s == pytest.approx(0.2 * unit.air_kg_s)
    for terminal in unit.terminals:
        assert terminal.room.air.temp_c < 26.0
        assert terminal.room.air.co2_ppm < 1100.0
    crowded, other = unit.terminals[1].room.air, unit.terminals[0].room.air
    assert crowded.co2_ppm > other.co2_ppm


def test_a_fan_that_holds_its_static_pressure_draws_about_what_90_1_says() -> None:
    unit = AirHandler(UNIT)
    control = UnitControl(unit)
    shares = {}
    for opening in (1.0, 0.8, 0.6, 0.5):
        for terminal in unit.terminals:
            terminal.damper.position = opening * 0.6
        targets = UnitTargets(True, 13.0, 300.0, 0.2, 24.0, 1.0)
        for _ in range(100):
            unit.blow(control.command(unit, targets, SUMMER, 30.0), SUMMER, 30.0)
        assert unit.static_kpa * 1000.0 == pytest.approx(300.0, abs=5.0)
        shares[unit.airflow_m3h / UNIT.airflow_m3h] = unit.power_kw
    most = max(shares)
    design = shares[most] / fan_power_share(most)
    for flow, power in shares.items():
        assert power / design == pytest.approx(fan_power_share(flow), abs=0.1), flow


def test_pressure_asked_lower_saves_fan_power() -> None:
    powers = []
    for static_pa in (300.0, 150.0):
        unit = AirHandler(UNIT)
        control = UnitControl(unit)
        for _ in range(240):
            for terminal in unit.terminals:
                terminal.damper.move(min(1.0, 0.3 * (0.3 / max(0.01, unit.box_kpa)) ** 0.5), 30.0)
            targets = UnitTargets(True, 13.0, static_pa, 0.2, 24.0, 1.0)
            unit.blow(control.command(unit, targets, SUMMER, 30.0), SUMMER, 30.0)
        powers.append(unit.power_kw / unit.airflow_m3h)
    assert powers[1] < 0.85 * powers[0]


def test_boxes_hold_their_rooms_with_air_first_and_reheat_last() -> None:
    unit = AirHandler(UNIT)
    control = UnitControl(unit)
    targets = UnitTargets(True, 13.0, 300.0, 0.2, 24.0, 1.0)

    def day(around: Surroundings) -> None:
        for _ in range(6 * 120):
            for terminal in unit.terminals:
                terminal.control(24.0, 21.0, unit.box_kpa, 30.0)
            command = control.command(unit, targets, around.outdoor, 30.0)
            run(unit, command, around, 30.0)

    day(OFFICE)
    warm = [t.airflow_m3h for t in unit.terminals]
    for terminal in unit.terminals:
        assert terminal.room.air.temp_c == pytest.approx(24.0, abs=0.4)
        assert terminal.airflow_m3h == pytest.approx(terminal.wanted_m3h, rel=0.1)
    assert unit.supply.temp_c == pytest.approx(13.0, abs=0.3)
    day(Surroundings(WINTER, 0.0, 0.3, 1.0))
    assert all(t.airflow_m3h < w for t, w in zip(unit.terminals, warm, strict=True))
    reheat = unit.terminals[1].reheat
    assert reheat is not None
    assert reheat.valve.position > 0.05
    assert unit.terminals[1].room.air.temp_c == pytest.approx(21.0, abs=0.4)
    assert unit.terminals[0].room.air.temp_c < 20.0  # it has no coil
    # Outdoor air cools for nothing: the valve stays shut.
    assert unit.cooling is not None
    assert unit.cooling.valve.position == 0.0
    for terminal in unit.terminals:
        terminal.rest(3600.0)
    assert unit.terminals[0].damper.position == 0.3
    assert reheat.valve.position == 0.0


def test_free_cooling_opens_the_damper_before_the_valve() -> None:
    mild = Surroundings(Air(10.0, 0.006), 300.0, 0.9, 1.0)
    unit = AirHandler(replace(UNIT, terminals=(TerminalSpec(ROOM, 15_000.0, constant=True),)))
    control = UnitControl(unit)
    targets = UnitTargets(True, 12.0, 300.0, 0.2, 22.0, 1.0)
    for _ in range(480):
        run(unit, control.command(unit, targets, mild.outdoor, 30.0), mild, 30.0)
    assert unit.oa_damper.position > 0.25
    assert unit.cooling is not None
    assert unit.cooling.valve.position == 0.0
    assert unit.zone_temp_c() == pytest.approx(22.0, abs=0.7)
    stopped = control.command(unit, replace(targets, enabled=False), mild.outdoor, 30.0)
    assert stopped == AirCommand(False, 0.0, 0.0, 0.0, 0.0)


def test_a_frost_stat_stops_the_fan_until_a_person_resets_it() -> None:
    unit = AirHandler(UNIT)
    winter = Surroundings(WINTER, 0.0, 0.9, 1.0)
    run(unit, FULL._replace(oa_damper=0.9, cooling_valve=0.0), winter, 900.0)
    assert unit.stat
    assert not unit.running
    assert unit.oa_damper.position == 0.0
    assert unit.heating is not None
    assert unit.heating.valve.position == 1.0  # the stat opens it
    unit.reset()
    run(unit, FULL._replace(oa_damper=0.2, cooling_valve=0.0, heating_valve=1.0), winter, 900.0)
    assert unit.running
    assert unit.starts == 2


def test_a_torn_belt_moves_no_air() -> None:
    unit = AirHandler(UNIT)
    unit.broken = True
    run(unit, FULL, OFFICE, 300.0)
    assert unit.running
    assert unit.airflow_m3h == 0.0
    assert 0.0 < unit.power_kw < 2.0
