"""First physics: energy balances, step lengths, and the direction of things."""

from __future__ import annotations

import math

import pytest

from simulators.activity import WorkCalendar
from simulators.physics.chilled_water import (
    KW_PER_M3H_K,
    ChilledWaterPlant,
    TrainCommand,
    TrainSpec,
)
from simulators.physics.chiller import CENTRIFUGAL_VSD, SCREW
from simulators.physics.compressed_air import AirHeader
from simulators.physics.counters import CounterBank
from simulators.physics.hot_water import HotWaterPlant
from simulators.physics.machines.yorkcalc import approach_k
from simulators.physics.motor import Motor, Starter, fan_power_share, pump_power_share
from simulators.physics.pv import pv_power_kw
from simulators.physics.tower import leaving_water_c
from simulators.physics.zones import Around, Water, ZoneBank, ZoneSpec

STEPS = [1.0, 7.0, 60.0, 900.0, 3600.0]
ROOM = ZoneSpec(1.3, 84_000.0, 6.0, 8.0, 24.0, 20.0, 4.0)
TRAIN = TrainSpec(CENTRIFUGAL_VSD, 700.0, 22.0, 18.5, 7.5)
RUN = TrainCommand(1, 7, 1, 100, 1, 100, 1, 100)
REST = TrainCommand(0, 7, 0, 100, 0, 100, 0, 100)


# --- motors ----------------------------------------------------------------------------------


@pytest.mark.parametrize("dt_s", STEPS)
def test_a_start_is_delayed_by_the_same_time_whatever_the_step(dt_s: float) -> None:
    starter = Starter(120.0)
    ran = sum(starter.run(True, dt_s) * dt_s for _ in range(round(25_200 / dt_s)))
    assert ran == pytest.approx(25_200 - 120)
    assert starter.running
    assert starter.run(False, dt_s) == 0.0
    assert not starter.running


def test_speed_saves_by_the_cube() -> None:
    for curve in (pump_power_share, fan_power_share):
        assert curve(0.0) == 0.0
        assert curve(1.0) == pytest.approx(1.0, abs=0.002)
        shares = [curve(s / 10) for s in range(1, 11)]
        assert shares == sorted(shares)
        assert curve(0.5) < 0.35
    pump = Motor(20.0)
    pump.step(True, 80.0, 900.0)
    pump.step(True, 80.0, 900.0)
    assert pump.power_kw == pytest.approx(20.0 * pump_power_share(0.8))


# --- rooms -----------------------------------------------------------------------------------


def step_room(room: ZoneBank, dt_s: float, outdoor_c: float, on: float, share: float = 1.0) -> None:
    room.step(dt_s, Around(outdoor_c, 300.0, 0.5), [on], [24.0], [1.0], Water(share, 0.0))


def test_a_room_without_its_unit_does_not_care_about_the_step() -> None:
    ends = []
    for dt_s in STEPS:
        room = ZoneBank([ROOM])
        for _ in range(round(25_200 / dt_s)):
            step_room(room, dt_s, 33.0, 0.0)
        ends.append(room.temps_c[0])
    assert ends == pytest.approx([ends[0]] * len(ends), abs=1e-9)
    # the equilibrium: outdoor + gains / UA
    level = 33.0 + (6.0 * 0.5 + 8.0 * 0.3) / 1.3
    expected = level + (22.0 - level) * math.exp(-25_200 * 1.3 / 84_000)
    assert ends[0] == pytest.approx(expected)


@pytest.mark.parametrize("dt_s", STEPS)
@pytest.mark.parametrize("start_c", [20.0, 31.0])
def test_a_cooled_room_settles_at_its_set_point_and_balances(dt_s: float, start_c: float) -> None:
    room = ZoneBank([ROOM])
    room.temps_c[0] = start_c
    for _ in range(round(90_000 / dt_s)):
        before = room.temps_c[0]
        step_room(room, dt_s, 33.0, 1.0)
        after = room.temps_c[0]
        assert min(20.0, start_c) - 0.01 <= after <= max(start_c, 24.6) + 0.01
        # heat stored = gains - coil + heat through the walls, whose mean follows from the solution
        decay = math.exp(-dt_s * 1.3 / 84_000)
        level = 33.0 + (6.0 * 0.5 + 8.0 * 0.3 - room.cooling_kw) / 1.3
        assert after == pytest.approx(level + (before - level) * decay, abs=1e-6)
        assert 0.0 <= room.cooling_kw <= 24.0
        assert 0.0 <= room.valves_pct[0] <= 100.0
    assert room.temps_c[0] == pytest.approx(24.5, abs=0.01)  # upper end of its band
    assert room.powers_kw[0] == pytest.approx(4.0)
    assert room.supply_c[0] < 24.0


def test_without_cold_water_a_running_room_warms_up() -> None:
    room = ZoneBank([ROOM])
    for _ in range(20):
        step_room(room, 900.0, 33.0, 1.0, share=0.0)
    assert room.temps_c[0] > 25.0
    assert room.valves_pct[0] == 100.0 or room.cooling_kw == 0.0
    assert room.cooling_kw == 0.0


def test_a_cold_room_is_heated_by_hot_water() -> None:
    room = ZoneBank([ROOM])
    room.temps_c[0] = 14.0
    for _ in range(120):
        room.step(900.0, Around(8.0, 0.0, 0.2), [1.0], [20.0], [1.0], Water(0.0, 1.0))
    assert room.temps_c[0] == pytest.approx(19.5, abs=0.01)
    assert room.heating_kw == pytest.approx(1.3 * 11.5 - 6.0 * 0.2, rel=0.01)
    assert room.supply_c[0] > 20.0


def test_rooms_at_rest_are_the_same_sums() -> None:
    """The short way for stopped units gives the very same numbers."""
    short, long = ZoneBank([ROOM, ROOM]), ZoneBank([ROOM, ROOM])
    for n in range(50):
        around = Around(10.0 + n, 5.0 * n, 0.3, 0.7)
        short.step(900.0, around, [0.0, 0.0], [24.0] * 2, [1.0] * 2, Water(1.0, 1.0))
        # the second unit keeps the long way open, and is far from needing its coil
        long.step(900.0, around, [0.0, 1.0], [24.0] * 2, [1.0] * 2, Water(0.0, 0.0))
    assert short.temps_c[0] == long.temps_c[0]
    assert short.supply_c == short.temps_c


# --- chillers and the loop -------------------------------------------------------------------


def test_chiller_curves_against_the_reference_checks() -> None:
    """Half of reference capacity at 6.67 / 29.44 degC."""
    for curve, power in ((CENTRIFUGAL_VSD, 119.7), (SCREW, 73.4)):
        rated = curve.reference_kw
        assert curve.power_kw(rated / 2, rated, 6.67, 29.44) == pytest.approx(power, abs=0.1)


def test_size_alone_does_not_decide_which_chiller_is_cheaper() -> None:
    """Golden cases: the screw wins at low lift, the large machine at 600 kW and high lift."""

    def both(cooling_kw: float, condenser_c: float) -> tuple[float, float]:
        small = SCREW.power_kw(cooling_kw, SCREW.reference_kw, 6.67, condenser_c)
        large = CENTRIFUGAL_VSD.power_kw(
            cooling_kw, CENTRIFUGAL_VSD.reference_kw, 6.67, condenser_c
        )
        return small, large

    assert both(400.0, 20.0) == pytest.approx((54.5, 65.2), abs=0.2)
    assert both(600.0, 29.44) == pytest.approx((107.4, 104.6), abs=0.2)


def test_more_load_needs_more_power_and_so_does_warmer_condenser_water() -> None:
    for curve in (CENTRIFUGAL_VSD, SCREW):
        powers = [curve.power_kw(q, 700.0, 7.0, 27.0) for q in range(20, 700, 20)]
        assert powers == sorted(powers)
        lifts = [curve.power_kw(350.0, 700.0, 7.0, tc) for tc in range(18, 33)]
        assert lifts == sorted(lifts)


def run_plant(
    plant: ChilledWaterPlant, command: TrainCommand, load_kw: float, dt_s: float
) -> float:
    """One step; returns what the coils drew."""
    drawn = min(load_kw, plant.begin([command], 24.0, dt_s))
    plant.finish(drawn, dt_s)
    return drawn


@pytest.mark.parametrize("dt_s", STEPS)
def test_the_loop_keeps_its_balance_and_its_set_point(dt_s: float) -> None:
    plant = ChilledWaterPlant([TRAIN], 60.0)
    for _ in range(round(36_000 / dt_s)):
        before = plant.supply_c
        drawn = run_plant(plant, RUN, 400.0, dt_s)
        gain = drawn + 1.5 * (25.0 - before) - plant.trains[0].cooling_kw
        assert plant.supply_c - before == pytest.approx(gain * dt_s / plant.heat_kj_k, abs=1e-9)
    assert plant.supply_c == pytest.approx(7.0, abs=0.05)
    flow = 700.0 / (KW_PER_M3H_K * 5.0)
    assert plant.flow_m3h == pytest.approx(flow)
    assert plant.return_c - plant.supply_c == pytest.approx(400.0 / (KW_PER_M3H_K * flow))


@pytest.mark.parametrize("missing", ["chiller", "chw_pump", "cw_pump"])
def test_no_flow_or_no_enable_no_cooling(missing: str) -> None:
    plant = ChilledWaterPlant([TRAIN], 60.0)
    plant.supply_c = 9.0
    command = RUN._replace(**{missing: 0})
    for _ in range(8):
        run_plant(plant, command, 300.0, 900.0)
    assert not plant.trains[0].chiller.running
    assert plant.trains[0].power_kw == 0.0
    assert plant.supply_c > 9.0


def test_a_stopped_plant_warms_and_the_coils_never_take_what_is_not_there() -> None:
    plant = ChilledWaterPlant([TRAIN], 60.0)
    for _ in range(20):
        run_plant(plant, RUN, 300.0, 900.0)
    temps = [plant.supply_c]
    for _ in range(40):
        run_plant(plant, RUN._replace(chiller=0), 5000.0, 3600.0)
        temps.append(plant.supply_c)
    assert temps == sorted(temps)
    assert temps[-1] < 25.0
    resting = ChilledWaterPlant([TRAIN], 60.0)
    resting.supply_c = 7.0
    for _ in range(40):
        run_plant(resting, REST, 300.0, 900.0)
    assert 7.0 < resting.supply_c < 11.0


def test_a_start_costs_three_minutes_of_full_power() -> None:
    energies = []
    for dt_s in (1.0, 60.0, 900.0):
        plant = ChilledWaterPlant([TRAIN], 60.0)
        plant.supply_c = 7.0
        train = plant.trains[0]
        spent = charged = 0.0
        for _ in range(round(3600 / dt_s)):
            run_plant(plant, RUN, 200.0, dt_s)
            spent += train.power_kw * dt_s / 3600
            running = train.run_share
            if running:
                steady = train.spec.curve.power_kw(
                    train.cooling_kw / running, 700.0, 7.0, train.entering_c
                )
                charged += (train.power_kw - steady * running) * dt_s / 3600
        energies.append(charged)
    assert energies == pytest.approx([700.0 / 6.04 * 180 / 3600] * 3)


def test_a_tower_comes_nearer_to_the_wet_bulb_with_more_air_and_less_load() -> None:
    # YorkCalc at a range of 5 K: nearer where the air is warm, as moist air takes more heat
    assert leaving_water_c(24.0, 1.0, 1.0) == pytest.approx(24.0 + approach_k(24.0, 5.0, 1.15))
    assert leaving_water_c(14.0, 1.0, 1.0) - 14.0 > leaving_water_c(24.0, 1.0, 1.0) - 24.0 + 2.0
    assert leaving_water_c(24.0, 1.0, 0.5) > leaving_water_c(24.0, 1.0, 1.0)
    assert leaving_water_c(24.0, 0.5, 1.0) < leaving_water_c(24.0, 1.0, 1.0)
    by_speed = [leaving_water_c(20.0, 0.3, speed / 20) for speed in range(21)]
    assert by_speed == sorted(by_speed, reverse=True)
    assert by_speed[0] > by_speed[-1] + 5.0
    assert leaving_water_c(24.0, 1.0, 0.0) == 45.0
    assert leaving_water_c(-15.0, 0.5, 1.0) == 12.0


@pytest.mark.parametrize("dt_s", STEPS)
def test_boilers_hold_their_water_and_their_balance(dt_s: float) -> None:
    plant = HotWaterPlant([600.0, 600.0], 30.0)
    for _ in range(round(36_000 / dt_s)):
        drawn = min(500.0, plant.begin(((1.0, 60.0), (1.0, 60.0)), dt_s))
        before = plant.supply_c
        plant.finish(drawn, dt_s)
        change = sum(plant.heating_kw) - drawn - 0.8 * (before - 20.0)
        assert plant.supply_c - before == pytest.approx(change * dt_s / plant.heat_kj_k, abs=1e-9)
    assert plant.supply_c == pytest.approx(60.0, abs=0.05)
    assert plant.return_c < plant.supply_c
    assert all(power > 0 for power in plant.powers_kw)
    plant.begin(((0.0, 60.0), (0.0, 60.0)), dt_s)
    plant.finish(0.0, dt_s)
    assert plant.powers_kw == [0.0, 0.0]


# --- compressed air --------------------------------------------------------------------------


def euler(pressure: float, available: float, demand: float, seconds: float) -> float:
    """The same equation in very small steps."""
    dt = 0.01
    for _ in range(round(seconds / dt)):
        supply = available * min(1.0, max(0.0, (750.0 - pressure) / 100.0))
        change = (supply - demand * pressure / 700.0) / 60.0 * 101.325 / 25.0
        pressure += change * dt
    return pressure


@pytest.mark.parametrize("start", [0.0, 640.0, 650.0, 700.0, 760.0])
@pytest.mark.parametrize("units", [0, 1, 3])
def test_header_pressure_follows_its_equation_through_all_regimes(start: float, units: int) -> None:
    header = AirHeader([110.0] * 3, [20.0] * 3, 25.0)
    enabled = [1.0] * units + [0.0] * (3 - units)
    header.step(enabled, 30.0, 60.0)  # past the start delay
    header.pressure_kpa = start
    header.step(enabled, 30.0, 45.0)
    assert header.pressure_kpa == pytest.approx(euler(start, 20.0 * units, 30.0, 45.0), abs=0.5)


@pytest.mark.parametrize("dt_s", STEPS)
def test_air_is_conserved(dt_s: float) -> None:
    header = AirHeader([110.0] * 4, [20.0] * 4, 25.0)
    for n in range(200):
        before = header.pressure_kpa
        demand = 70.0 if n % 7 < 3 else 10.0
        header.step([1.0] * 4, demand, dt_s)
        assert 0.0 <= header.pressure_kpa <= 751.0
        assert 0.0 <= header.load_pct <= 100.0
        stored = (header.pressure_kpa - before) * 25.0 / 101.325  # m3 of free air
        used = header.delivered_m3min * dt_s / 60.0 - stored
        low, high = sorted((before, header.pressure_kpa))
        per_kpa = demand / 700.0 * dt_s / 60.0
        assert per_kpa * min(low, 600.0) - 1e-6 <= used <= per_kpa * max(high, 751.0) + 1e-6


def test_more_demand_more_power_less_pressure_and_no_unit_no_air() -> None:
    powers, pressures = [], []
    for demand in (5.0, 20.0, 40.0, 60.0, 90.0):
        header = AirHeader([110.0] * 4, [20.0] * 4, 25.0)
        for _ in range(4):
            header.step([1.0] * 4, demand, 900.0)
        powers.append(sum(header.powers_kw))
        pressures.append(header.pressure_kpa)
    assert powers == sorted(powers)
    assert powers[-1] == pytest.approx(440.0)
    assert powers[0] > 440.0 * 0.28
    assert pressures == sorted(pressures, reverse=True)
    assert pressures[-1] < 650.0 < pressures[-2]
    header = AirHeader([110.0], [20.0], 25.0)
    header.step([0.0], 20.0, 3600.0)
    assert header.pressure_kpa == pytest.approx(0.0, abs=1.0)
    assert header.powers_kw == [0.0]


# --- the rest --------------------------------------------------------------------------------


def test_pv_follows_the_sun_and_dislikes_heat() -> None:
    assert pv_power_kw(800.0, 0.0, 30.0) == 0.0
    assert pv_power_kw(800.0, 1000.0, 0.0) > pv_power_kw(800.0, 1000.0, 35.0) > 500.0
    assert pv_power_kw(800.0, 400.0, 20.0) < pv_power_kw(800.0, 800.0, 20.0)
    assert pv_power_kw(800.0, 2000.0, -30.0) <= 800.0


def test_counters_only_rise_and_lose_nothing() -> None:
    bank = CounterBank([99.999, 0.0], [100, 10])
    shown = [bank.registers()]
    shown += [bank.add([0.37 * (n % 3), 12.3], 1.0) for n in range(1000)]
    for column in range(2):
        values = [row[column] for row in shown]
        assert values == sorted(values)
    assert shown[-1][0] == pytest.approx(99.999 + 0.37 * 999 / 3600, abs=0.01)
    assert shown[-1][1] == pytest.approx(12.3 * 1000 / 3600, abs=0.1)
    assert all(round(row[0] * 100) / 100 == row[0] for row in shown)
    with pytest.raises(ValueError, match="3 counters"):
        bank.restore([1.0, 2.0, 3.0])


def test_people_and_production_follow_the_calendar() -> None:
    calendar = WorkCalendar()

    def at(date: str, hour: int) -> tuple[float, float]:
        from datetime import UTC, datetime

        return calendar.at(
            datetime.fromisoformat(date).replace(tzinfo=UTC).timestamp() + hour * 3600
        )

    workday, night = at("2026-07-08", 10), at("2026-07-08", 2)
    saturday, sunday = at("2026-07-11", 10), at("2026-07-12", 10)
    festival, national = at("2026-02-18", 10), at("2026-10-02", 10)
    assert workday[0] > saturday[0] > sunday[0] >= festival[0]
    assert workday[1] > saturday[1] > sunday[1] > festival[1]
    assert national == sunday
    assert night[1] < workday[1]
    assert at("1990-02-18", 10) == sunday  # years without a known New Year still work
