"""Pumps, towers, chillers and boilers against printed values, and as machines."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from simulators.physics.chiller import CENTRIFUGAL_VSD, SCREW
from simulators.physics.machines.electric_chiller import Chiller, ChillerInlet, ChillerSpec
from simulators.physics.machines.gas_boiler import (
    Boiler,
    BoilerInlet,
    BoilerSpec,
    condensing_efficiency,
)
from simulators.physics.machines.heat_pump import HeatPump, HeatPumpInlet, HeatPumpSpec
from simulators.physics.machines.tower_cells import CellSpec
from simulators.physics.machines.yorkcalc import approach_k, leaving_c
from simulators.physics.motor import drive_efficiency, motor_efficiency
from simulators.physics.water.actuators import Actuator, equal_percentage
from simulators.physics.water.exchanger import counterflow
from simulators.physics.water.hydraulics import KW_PER_M3H_K, PumpBank, PumpSpec, in_row
from simulators.physics.water.pipes import Pipe, Vessel

CHILLER = ChillerSpec(SCREW, 350.0)
RUN = ChillerInlet(True, 7.0, 1.0, 11.0, CHILLER.chw_m3h, 27.0, CHILLER.cw_m3h)


# --- printed values ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wet_bulb_c", "water_per_air", "approach"),
    [(25.55, 1.0, 3.84), (20.0, 1.0, 5.06), (10.0, 1.0, 7.77), (25.55, 2.0, 8.68)],
)
def test_yorkcalc_gives_the_printed_approaches(
    wet_bulb_c: float, water_per_air: float, approach: float
) -> None:
    assert approach_k(wet_bulb_c, 5.56, water_per_air) == pytest.approx(approach, abs=0.005)
    # The balance finds the same point from the other side: entering = wet bulb + approach + range.
    found = approach_k(wet_bulb_c, 5.56, water_per_air)
    leaving = leaving_c(wet_bulb_c + found + 5.56, wet_bulb_c, water_per_air)
    assert leaving == pytest.approx(wet_bulb_c + found, abs=1e-6)


def test_a_drive_has_the_printed_efficiencies() -> None:
    assert [100 * drive_efficiency(s) for s in (1.0, 0.6, 0.3)] == pytest.approx(
        [95.5, 89.3, 78.2], abs=0.05
    )
    assert motor_efficiency(1.0) == pytest.approx(0.9418, abs=0.001)
    assert motor_efficiency(0.0) > 0.0


def test_a_condensing_boiler_has_the_printed_efficiencies() -> None:
    assert [condensing_efficiency(c) for c in (30.0, 55.0, 70.0)] == [0.97, 0.89, 0.87]
    assert condensing_efficiency(20.0) == 0.97
    assert condensing_efficiency(85.0) == 0.87
    assert 0.89 < condensing_efficiency(42.0) < 0.97


# --- towers ------------------------------------------------------------------------------------


def test_a_cell_gives_its_rated_approach_and_more_air_helps() -> None:
    cell = CellSpec(150.0, 7.5, wet_bulb_c=28.0, range_k=5.0, approach_k=4.0)
    held = min(28.0, 26.7)  # the fit ends there; the approach is counted from the real wet bulb
    assert approach_k(held, 5.0, cell.water_per_air) == pytest.approx(4.0, abs=1e-6)
    assert cell.leaving_c(37.0, 28.0, 1.0, 1.0) == pytest.approx(32.0, abs=0.05)
    leaving = [cell.leaving_c(37.0, 24.0, 1.0, air / 20) for air in range(21)]
    assert leaving == sorted(leaving, reverse=True)
    assert 24.0 < leaving[-1] < leaving[0] < 37.0
    # without a fan an eighth of the heat still goes
    assert 37.0 - leaving[0] == pytest.approx(0.125 * (37.0 - leaving[-1]))
    assert cell.leaving_c(37.0, 24.0, 0.0, 1.0) == 37.0
    assert cell.leaving_c(20.0, 24.0, 1.0, 1.0) == 20.0


def test_less_water_and_less_heat_bring_it_nearer_to_the_wet_bulb() -> None:
    cell = CellSpec(150.0, 7.5)
    by_water = [cell.leaving_c(34.0, 24.0, w / 10, 1.0) for w in range(2, 21)]
    assert by_water == sorted(by_water)
    for wet_bulb_c in (-5.0, 5.0, 15.0, 25.0):
        by_heat = [cell.leaving_c(wet_bulb_c + d / 2, wet_bulb_c, 1.0, 0.7) for d in range(1, 80)]
        assert by_heat == sorted(by_heat)
        assert all(wet_bulb_c < t for t in by_heat)


# --- pumps and pipes ---------------------------------------------------------------------------


def test_speed_changes_the_flow_and_pumps_side_by_side_share_it() -> None:
    pump = PumpSpec(100.0, 250.0)
    bank = PumpBank([pump, pump, PumpSpec(60.0, 220.0)])
    k = 100.0 / 250.0**0.5
    assert bank.solve([1.0, 0.0, 0.0], k) == pytest.approx((100.0, 250.0))
    assert bank.solve([0.5, 0.0, 0.0], k) == pytest.approx((50.0, 62.5))  # affinity
    both, high = bank.solve([1.0, 1.0, 0.0], k)
    assert 100.0 < both < 130.0  # a second pump on the same pipe does not double the flow
    assert high > 250.0
    total, head = bank.solve([1.0, 0.9, 1.0], 2.2 * k)
    assert sum(bank.flows_m3h) == pytest.approx(total)
    assert total == pytest.approx(2.2 * k * head**0.5, rel=1e-6)
    for flow, spec, speed in zip(bank.flows_m3h, bank.specs, (1.0, 0.9, 1.0), strict=True):
        curve = spec.head_kpa * (1.25 * speed**2 - 0.25 * (flow / spec.flow_m3h) ** 2)
        assert curve == pytest.approx(head, rel=1e-6)
    # a pump too slow for the header stands behind its check valve
    bank.solve([1.0, 0.3, 0.0], k)
    assert bank.flows_m3h[1] == 0.0


def test_a_lift_needs_speed_before_anything_flows() -> None:
    bank = PumpBank([PumpSpec(150.0, 160.0)])
    assert bank.solve([0.3], 15.0, static_kpa=40.0)[0] == 0.0
    assert bank.solve([0.6], 15.0, static_kpa=40.0)[0] > 0.0
    assert bank.solve([1.0], 0.0) == (0.0, 200.0)  # shut valves: head, and no flow


def test_a_pump_draws_head_times_flow_through_a_chain_of_losses() -> None:
    pump = PumpSpec(100.0, 250.0, efficiency=0.78, motor_kw=11.0)
    shaft = pump.shaft_at_kw(100.0, 1.0)
    assert shaft == pytest.approx(100.0 / 3600 * 250.0 / 0.78)
    load = shaft / 11.0
    expected = shaft / (motor_efficiency(load) * drive_efficiency(1.0))
    assert pump.electric_kw(shaft, 1.0) == pytest.approx(expected)
    assert 0.0 < pump.shaft_at_kw(0.0, 1.0) < shaft  # against a shut valve
    assert pump.shaft_at_kw(50.0, 0.5) == pytest.approx(shaft / 8)


def test_conductances_in_a_row() -> None:
    assert in_row(10.0, 10.0) == pytest.approx(10.0 / 2**0.5)
    assert in_row(10.0, 0.0) == 0.0


def test_water_comes_out_of_a_pipe_when_as_much_has_gone_in() -> None:
    pipe = Pipe(10.0, 20.0)
    out = []
    for _ in range(25):
        pipe.push(0.5, 8.0)
        out.append(pipe.pop(0.5))
    assert out[:19] == [20.0] * 19
    assert out[-4:] == [8.0] * 4
    assert pipe.longest_s(100.0) == pytest.approx(342.0)


def test_heat_in_pipes_and_vessels_is_conserved() -> None:
    pipe, vessel = Pipe(7.0, 20.0), Vessel(3.0, 12.0)
    stored = pipe.stored_m3k + vessel.stored_m3k
    moved = 0.0
    for n in range(500):
        volume, temp = 0.05 + 0.01 * (n % 60), 5.0 + n % 13
        pipe.push(volume, temp)
        out = pipe.pop(volume)
        left = vessel.mix(volume, out)
        moved += volume * (temp - left)
    assert pipe.stored_m3k + vessel.stored_m3k - stored == pytest.approx(moved, abs=1e-8)
    with_heat = vessel.stored_m3k
    vessel.warm(KW_PER_M3H_K)
    assert vessel.stored_m3k - with_heat == pytest.approx(1.0)


def test_a_valve_travels_and_an_equal_percentage_one_shuts() -> None:
    valve = Actuator(90.0)
    assert valve.move(1.0, 45.0) == pytest.approx(0.25)
    assert valve.position == pytest.approx(0.5)
    assert valve.move(1.0, 900.0) == pytest.approx(1.0 - 0.5 * 45 / 900 * 0.5)
    assert valve.position == 1.0
    shares = [equal_percentage(u / 50) for u in range(51)]
    assert shares == sorted(shares)
    assert shares[0] == 0.0
    assert shares[25] == pytest.approx(50**-0.5)
    assert shares[-1] == 1.0


def test_a_counterflow_exchanger() -> None:
    assert counterflow(10.0, 5.0, 5.0) == pytest.approx(2.0 / 3.0)
    assert counterflow(10.0, 5.0, 5.0) == pytest.approx(counterflow(10.0, 5.0, 5.000001), abs=1e-5)
    assert counterflow(10.0, 5.0, 1e9) == pytest.approx(1.0 - 2.718281828**-2, abs=1e-6)
    assert counterflow(10.0, 0.0, 5.0) == 0.0


# --- chillers as machines ----------------------------------------------------------------------


def run(chiller: Chiller, inlet: ChillerInlet, seconds: float, dt_s: float = 30.0) -> float:
    """Run it; returns kWh of electricity."""
    used = 0.0
    for _ in range(round(seconds / dt_s)):
        chiller.step(inlet, dt_s)
        used += chiller.power_kw * dt_s / 3600.0
    return used


@pytest.mark.parametrize("dt_s", [1.0, 30.0, 60.0])
def test_a_chiller_starts_after_its_delay_loads_slowly_and_holds_its_water(dt_s: float) -> None:
    chiller = Chiller(CHILLER)
    run(chiller, RUN, 119.0 if dt_s == 1.0 else 90.0 if dt_s == 30.0 else 60.0, dt_s)
    assert not chiller.running
    run(chiller, RUN, 61.0 if dt_s == 1.0 else 60.0, dt_s)
    assert chiller.running
    assert chiller.starts == 1
    assert chiller.leaving_c > 7.5  # still loading
    run(chiller, RUN, 600.0, dt_s)
    assert chiller.leaving_c == pytest.approx(7.0)
    assert chiller.cooling_kw == pytest.approx(KW_PER_M3H_K * CHILLER.chw_m3h * 4.0)
    assert chiller.rejected_kw == pytest.approx(chiller.cooling_kw + chiller.power_kw)
    # condenser heat warms the condenser water
    rise = chiller.cw_leaving_c - 27.0
    assert rise * KW_PER_M3H_K * CHILLER.cw_m3h == pytest.approx(chiller.rejected_kw)


def test_a_start_costs_three_minutes_of_full_power_whatever_the_step() -> None:
    free = replace(CHILLER, start_charge_s=0.0)
    charges = [
        run(Chiller(CHILLER), RUN, 1800.0, dt_s) - run(Chiller(free), RUN, 1800.0, dt_s)
        for dt_s in (1.0, 15.0, 60.0)
    ]
    assert charges == pytest.approx([350.0 / SCREW.cop * 0.05] * 3)


def test_below_its_least_load_it_stops_by_its_own_thermostat_and_comes_again() -> None:
    chiller = Chiller(CHILLER)
    temp, running = 12.0, []
    for _ in range(24 * 60 * 2):  # 5 kW on a small loop
        chiller.step(RUN._replace(entering_c=temp), 30.0)
        temp += (5.0 - chiller.cooling_kw) * 30.0 / (4.0 * 4186.0)
        running.append(chiller.running)
    stops = sum(a and not b for a, b in pairwise(running))
    assert stops >= 2
    assert not chiller.fault
    assert chiller.starts == pytest.approx(stops, abs=1)
    assert 4.0 < temp < 12.0


@pytest.mark.parametrize("dry", [RUN._replace(flow_m3h=0.0), RUN._replace(cw_flow_m3h=0.0)])
def test_without_a_flow_it_does_not_run_and_the_seconds_are_counted(dry: ChillerInlet) -> None:
    chiller = Chiller(CHILLER)
    run(chiller, RUN, 600.0)
    assert chiller.dry_s == 0.0
    chiller.step(dry, 30.0)
    assert not chiller.running
    assert chiller.power_kw == 0.0
    run(chiller, dry, 270.0)
    assert chiller.dry_s == 300.0
    assert not chiller.fault
    run(chiller, RUN, 600.0)
    assert chiller.running


@pytest.mark.parametrize(
    ("inlet", "fault"),
    [
        (RUN._replace(setpoint_c=2.0, entering_c=6.0), "frost"),
        (RUN._replace(cw_entering_c=41.0), "head"),
        (RUN._replace(cw_entering_c=10.0), "oil"),
    ],
)
def test_what_harms_it_trips_it_until_a_person_resets_it(inlet: ChillerInlet, fault: str) -> None:
    chiller = Chiller(CHILLER)
    run(chiller, inlet, 3600.0)
    assert chiller.fault == fault
    assert not chiller.running
    run(chiller, RUN._replace(enabled=False), 3600.0)
    run(chiller, RUN, 3600.0)
    assert not chiller.running
    chiller.reset()
    run(chiller, RUN, 600.0)
    assert chiller.running


def test_a_wheel_surges_at_little_load_and_high_lift_and_a_screw_does_not() -> None:
    assert CENTRIFUGAL_VSD.least_load(15.0) == CENTRIFUGAL_VSD.plr_min
    assert CENTRIFUGAL_VSD.least_load(25.0) == pytest.approx(0.41)
    assert CENTRIFUGAL_VSD.least_load(60.0) == 0.6
    assert SCREW.least_load(25.0) == SCREW.plr_min


def test_its_own_timer_keeps_starts_apart_and_a_limit_holds_it_back() -> None:
    chiller = Chiller(CHILLER)
    run(chiller, RUN, 600.0)
    chiller.step(RUN._replace(enabled=False), 30.0)
    run(chiller, RUN, 240.0)
    assert not chiller.running
    run(chiller, RUN, 60.0)
    assert chiller.running
    run(chiller, RUN._replace(limit=0.5, entering_c=14.0), 900.0)
    assert chiller.load < 0.55


def test_a_chiller_goes_on_where_it_was() -> None:
    one, other = Chiller(CHILLER), Chiller(CHILLER)
    run(one, RUN, 200.0, 10.0)
    other.restore(one.state())
    for inlet in (RUN, RUN._replace(flow_m3h=0.0), RUN):
        run(one, inlet, 300.0)
        run(other, inlet, 300.0)
        assert other.power_kw == one.power_kw
        assert other.running == one.running


# --- boilers -----------------------------------------------------------------------------------

BOILER = BoilerSpec(400.0)
FIRE = BoilerInlet(True, 60.0, 45.0, BOILER.hw_m3h)


def test_a_boiler_burns_by_its_return_water_and_the_rest_goes_up_the_flue() -> None:
    gas = []
    for entering_c in (30.0, 45.0, 55.0):
        boiler = Boiler(BOILER)
        for _ in range(20):
            boiler.step(FIRE._replace(entering_c=entering_c, setpoint_c=entering_c + 10.0), 30.0)
        assert boiler.running
        assert boiler.leaving_c == pytest.approx(entering_c + 10.0)
        assert boiler.gas_kw == pytest.approx(boiler.heating_kw + boiler.flue_kw)
        gas.append(boiler.gas_kw / boiler.heating_kw)
    assert gas == pytest.approx([1 / 0.97, 1 / (0.97 - 0.08 * 15 / 25), 1 / 0.89])
    other = Boiler(BoilerSpec(400.0, condensing=False))
    for _ in range(20):
        other.step(FIRE, 30.0)
    assert other.gas_kw == pytest.approx(other.heating_kw / 0.85)
    assert other.cold_return_s == pytest.approx(20 * 30.0 - 60.0)
    assert boiler.cold_return_s == 0.0


def test_a_boiler_cycles_below_its_least_fire_and_trips_at_its_limit() -> None:
    boiler = Boiler(BOILER)
    temp, running = 50.0, []
    for _ in range(24 * 120):
        boiler.step(FIRE._replace(entering_c=temp), 30.0)
        temp += (boiler.heating_kw - 10.0) * 30.0 / (3.0 * 4186.0)
        running.append(boiler.running)
    assert 2 <= boiler.starts < 100
    assert not boiler.fault
    assert 50.0 < temp < 70.0
    hot = Boiler(BOILER)
    for _ in range(20):
        hot.step(FIRE._replace(entering_c=93.0, setpoint_c=98.0), 30.0)
    assert hot.fault == "limit"
    assert not hot.running
    hot.reset()
    hot.step(FIRE._replace(flow_m3h=0.0), 30.0)
    assert hot.dry_s == 30.0
    again = Boiler(BOILER)
    again.restore(boiler.state())
    assert again.state() == boiler.state()


# --- heat pumps --------------------------------------------------------------------------------

HEAT_PUMP = HeatPumpSpec(100.0)
PUMPED = HeatPumpInlet(True, 45.0, 38.0, HEAT_PUMP.hw_m3h, 7.0)


def test_a_heat_pump_gives_less_for_more_when_it_is_cold_and_the_water_warm() -> None:
    assert HEAT_PUMP.cop_at(7.0, 45.0) == pytest.approx(3.3)
    assert HEAT_PUMP.capacity_at_kw(7.0) == 100.0
    by_air = [HEAT_PUMP.cop_at(outdoor_c, 45.0) for outdoor_c in (-15.0, -5.0, 7.0, 15.0)]
    assert by_air == sorted(by_air)
    by_water = [HEAT_PUMP.cop_at(7.0, water_c) for water_c in (35.0, 45.0, 55.0)]
    assert by_water == sorted(by_water, reverse=True)
    assert by_water[0] == pytest.approx(4.0, abs=0.3)
    assert 50.0 < HEAT_PUMP.capacity_at_kw(-10.0) < 70.0


def test_a_heat_pump_takes_the_rest_from_the_air_and_protects_itself() -> None:
    machine = HeatPump(HEAT_PUMP)
    for _ in range(20):
        machine.step(PUMPED, 30.0)
    assert machine.running
    assert machine.leaving_c == pytest.approx(45.0)
    assert machine.heating_kw == pytest.approx(machine.power_kw + machine.source_kw)
    for inlet in (
        PUMPED._replace(flow_m3h=0.0),
        PUMPED._replace(outdoor_c=-25.0),
        PUMPED._replace(entering_c=56.0, setpoint_c=60.0),  # it makes no water of 60
    ):
        for _ in range(40):
            machine.step(PUMPED, 30.0)
        assert machine.running
        for _ in range(3):
            machine.step(inlet, 30.0)
        assert not machine.running
        assert machine.power_kw == 0.0
    assert machine.dry_s == 90.0
    assert machine.starts == 3
