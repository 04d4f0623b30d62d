"""The values that the control reference prints for simulators, section 10, and what follows."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import pytest

from simulators.activity import WorkCalendar
from simulators.parks.works.blueprint import blueprint
from simulators.parks.works.works import Works
from simulators.physics.air.moist_air import Air
from simulators.physics.air.rooms import Room, RoomSpec, Surroundings
from simulators.physics.chiller import CENTRIFUGAL_VSD, SCREW
from simulators.physics.compressed_air import AirHeader
from simulators.physics.motor import fan_power_share
from simulators.physics.water.actuators import equal_percentage
from simulators.physics.water.exchanger import coil_ua, counterflow
from simulators.physics.water.hydraulics import KW_PER_M3H_K, PumpSpec


def test_chillers_below_their_least_load_cycle_ideally_before_starts_are_charged() -> None:
    small = [c.power_kw(195.0, c.reference_kw, 6.67, 20.0) for c in (CENTRIFUGAL_VSD, SCREW)]
    assert small == pytest.approx([34.6, 38.0], abs=0.1)


def test_a_cubic_metre_an_hour_carries_1_163_kw_a_kelvin() -> None:
    assert pytest.approx(1.163, abs=5e-4) == KW_PER_M3H_K


def test_a_pump_follows_head_and_affinity() -> None:
    pump = PumpSpec(100.0, 200.0, shutoff=1.3, efficiency=0.8)
    # H = Hs + (Hd - Hs) (V / Vd)^2 at full speed; P = rho g V H / eta
    head = 200.0 * (1.3 - 0.3 * 0.25)
    reduced = 2.0 * 0.5 - 0.25  # the efficiency at half flow, as a share of the best
    assert pump.shaft_at_kw(50.0, 1.0) == pytest.approx(50.0 / 3600 * head / (0.8 * reduced))
    for speed in (0.8, 0.5):
        assert pump.shaft_at_kw(100.0 * speed, speed) == pytest.approx(pump.shaft_kw * speed**3)


def test_a_fan_draws_what_90_1_says() -> None:
    shares = [fan_power_share(y) for y in (1.0, 0.5, 0.3)]
    expected = [0.0013 + 0.147 * y + 0.9506 * y**2 - 0.0998 * y**3 for y in (1.0, 0.5, 0.3)]
    assert shares == pytest.approx(expected)
    assert shares[0] == pytest.approx(0.9991)


def test_a_coil_has_the_effectiveness_of_counterflow() -> None:
    n, c = 2.0, 0.5
    expected = (1 - math.exp(-n * (1 - c))) / (1 - c * math.exp(-n * (1 - c)))
    assert counterflow(2.0, 1.0, 2.0) == pytest.approx(expected)
    # 1/UA = 1/UAa m^-0.8 + 1/UAw m^-0.8
    assert coil_ua(10.0, 0.5, 1.0) == pytest.approx(1.0 / (0.05 * 0.5**-0.8 + 0.05))
    assert coil_ua(10.0, 1.0, 0.0) == 0.0
    assert equal_percentage(0.5) == pytest.approx(50.0**-0.5)


def test_a_building_of_10_000_square_metres_has_a_time_constant_of_38_hours() -> None:
    """C = 165 kJ/m2K over UA = 12 kW/K; the way from walls to air adds 3 h."""
    room = Room(RoomSpec(10_000.0, infiltration_ach=0.0))
    room.air, room.mass_c = Air(20.0, 0.007), 20.0
    cold = Surroundings(Air(0.0, 0.003), 0.0, 0.0, 0.0)
    hours = 0
    while room.mass_c > 20.0 / math.e:
        for _ in range(60):
            room.step(room.air, 0.0, cold, 60.0)
        hours += 1
    assert 38 <= hours <= 42


def test_a_compressor_draws_28_percent_unloaded() -> None:
    header = AirHeader([100.0], [20.0], 10.0)
    for load in (0.0, 10.0, 19.0):
        for _ in range(20):
            header.step([1.0], load, 300.0)
        share = header.load_pct / 100.0
        assert header.powers_kw[0] == pytest.approx(28.0 + 72.0 * share)


def test_people_come_and_go_as_in_the_prototype_office() -> None:
    midnight = datetime(2026, 7, 8, tzinfo=UTC).timestamp()
    calendar = WorkCalendar()
    by_hour = {h: calendar.at(midnight + h * 3600.0).occupancy for h in (4, 6, 7, 9, 18, 19, 22)}
    assert by_hour == pytest.approx({4: 0.05, 6: 0.1, 7: 0.3, 9: 0.9, 18: 0.7, 19: 0.5, 22: 0.3})


# --- bad control shows -------------------------------------------------------------------------

PLANT = {
    "base": "w",
    "chillers": {"ch-1": {"curve": "screw", "capacity_kw": 500}},
    "chw_pumps": {"chwp-1": None},
    "cw_pumps": {"cwp-1": None},
    "towers": {"ct-1": {"flow_m3h": 60}, "ct-2": {"flow_m3h": 60}},
    "processes": {"line": {"design_kw": 500}},
}


def plant() -> Works:
    works = Works.of(datetime(2026, 7, 8, tzinfo=UTC), blueprint(PLANT))
    works.force("line", 250.0)
    works.write({f"w.{m}.enable": 1.0 for m in ("chwp-1", "cwp-1", "ct-1")})
    works.write({"w.ch-1.valve_enable": 1.0, "w.ct-1.valve_enable": 1.0})
    works.write({"w.ch-1.cw_valve": 100.0, "w.chw-header.bypass_valve": 40.0})
    return works


def test_a_chiller_that_is_switched_on_and_off_costs_more_for_the_same_cold() -> None:
    """Each start pays three minutes of full power, and warms the loop in between."""
    per_cold = []
    for minutes in (60 * 24, 20):
        works = plant()
        assert works.cold is not None
        cooled = 0.0
        begin = works.read()["w.ch-1.energy"]
        for minute in range(6 * 60):
            works.write({"w.ch-1.enable": float(minute // minutes % 2 == 0)})
            works.advance(works.time + timedelta(minutes=1))
            cooled += works.cold.plant.chillers[0].cooling_kw / 60.0
        per_cold.append((works.read()["w.ch-1.energy"] - begin) / cooled)
    assert per_cold[1] > 1.05 * per_cold[0]


def test_two_cells_at_half_speed_cool_better_than_one_at_full_for_less() -> None:
    """What headered towers are for."""
    seen = []
    for cells, speed in ((("ct-1",), 100.0), (("ct-1", "ct-2"), 55.0)):
        works = plant()
        works.write({"w.ch-1.enable": 1.0})
        for cell in cells:
            works.write({f"w.{cell}.enable": 1.0, f"w.{cell}.valve_enable": 1.0})
            works.write({f"w.{cell}.speed": speed})
        works.advance(works.time + timedelta(hours=2))
        values = works.read()
        power = sum(values[f"w.ct-{n}.power"] for n in (1, 2))
        seen.append((values["w.cw-header.supply_temp"] - values["w.weather.wet_bulb_temp"], power))
    assert seen[1][0] < seen[0][0] + 0.3
    assert seen[1][1] < 0.5 * seen[0][1]


def test_colder_condenser_water_saves_at_the_chiller_what_fans_cost() -> None:
    powers = {}
    for speed in (30.0, 100.0):
        works = plant()
        works.write({"w.ch-1.enable": 1.0, "w.ct-1.speed": speed})
        works.advance(works.time + timedelta(hours=3))
        values = works.read()
        powers[speed] = (values["w.ch-1.power"], values["w.ct-1.power"])
    assert powers[100.0][0] < powers[30.0][0] - 2.0
    assert powers[100.0][1] > powers[30.0][1] + 1.0
