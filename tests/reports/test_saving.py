"""What two runs took and gave, and when the difference counts."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bms.core.equipment import Equipment
from bms.core.machines.equipment_kinds import KINDS
from bms.core.machines.relations import Design, Standing
from bms.reports.saving.comparison import Comparison, OutdoorAir, Run, ZoneService
from bms.reports.saving.tally import Tally
from bms.reports.saving.yardstick import Limits, Yardstick

START = datetime(2026, 7, 6, tzinfo=UTC)
HOUR = timedelta(hours=1)


def machine(name: str, kind: str, *roles: str) -> Equipment:
    return Equipment(name, "b", KINDS[kind], {role: f"{name}.{role}" for role in roles})


AHU = machine("b.ahu", "air_handler", "enable", "zone_temp", "zone_setpoint", "power")
CHILLER = machine("b.ch", "chiller", "enable", "status", "energy", "power")
GAS = machine("b.gas", "gas_meter", "volume")
METER = machine("b.meter", "meter", "energy")


def tallied(steps: list[dict[str, float]], yardstick: Yardstick, *, defines: bool = True) -> Run:
    tally = Tally([AHU, CHILLER, METER, GAS], yardstick, defines=defines)
    for number, values in enumerate(steps):
        tally.step(START + number * HOUR, START + (number + 1) * HOUR, values)
    return tally.run("a", 0)


def step(**values: float) -> dict[str, float]:
    usual = {
        "b.ahu.enable": 1.0, "b.ahu.zone_temp": 24.0, "b.ahu.zone_setpoint": 24.0,
        "b.ahu.power": 5.0, "b.ch.enable": 1.0, "b.ch.status": 1.0, "b.ch.power": 999.0,
    }  # fmt: skip
    return usual | {name.replace("_1_", "."): value for name, value in values.items()}


def test_counters_come_before_rates_and_meters_count_nothing_twice() -> None:
    steps = [step() | {"b.ch.energy": kwh, "b.meter.energy": kwh} for kwh in (100.0, 140.0, 190.0)]
    uses = {use.kind: use for use in tallied(steps, Yardstick(Limits())).end_uses}
    assert uses["chiller"].electricity_kwh == pytest.approx(90.0)
    assert uses["air_handler"].electricity_kwh == pytest.approx(15.0)
    assert "meter" not in uses
    assert uses["chiller"].gas_kwh is None


def test_gas_is_what_its_meter_counts() -> None:
    steps = [step() | {"b.gas.volume": m3} for m3 in (10.0, 14.0)]
    assert tallied(steps, Yardstick(Limits())).kwh("gas_kwh") == pytest.approx(40.0)


def test_what_nobody_measured_is_none_and_no_zero() -> None:
    run = tallied([{}, {}], Yardstick(Limits()))
    assert [use.electricity_kwh for use in run.end_uses] == [None, None, None]
    assert run.kwh("electricity_kwh") is None
    assert run.service.humidity_h is None
    assert run.service.outdoor_air is None


def test_the_candidate_is_held_against_what_the_baseline_asked_for() -> None:
    yardstick = Yardstick(Limits(around_k=1.0))
    first = tallied([step(), step()], yardstick)
    assert first.service.outside_kh == 0.0
    # It asks for 30 degC and gets it: by the baseline's 24 it is 5 K too hot.
    lax = {"b.ahu.zone_setpoint": 30.0, "b.ahu.zone_temp": 30.0}
    second = tallied([step() | lax, step() | lax], yardstick, defines=False)
    assert second.service.outside_kh == pytest.approx(10.0)
    # It switches off while the baseline served people: they are still there.
    off = {"b.ahu.enable": 0.0, "b.ahu.zone_temp": 27.0}
    third = tallied([step() | off, step() | off], yardstick, defines=False)
    assert third.service.outside_kh == pytest.approx(4.0)


def test_nobody_is_there_while_the_baseline_was_off() -> None:
    yardstick = Yardstick(Limits())
    off = {"b.ahu.enable": 0.0, "b.ahu.zone_temp": 40.0}
    run = tallied([step() | off, step()], yardstick)
    assert run.service.occupied_h == 1.0
    assert run.service.outside_kh == 0.0


def test_starts_and_stages_are_counted_by_what_runs() -> None:
    pattern = [1.0, 0.0, 1.0, 1.0, 0.0, 1.0]
    run = tallied([step() | {"b.ch.status": on} for on in pattern], Yardstick(Limits()))
    chiller = next(item for item in run.switching if item.kind == "chiller")
    assert (chiller.starts, chiller.stage_changes, chiller.most_stage_changes_a_day) == (2, 4, 4)


def compared(candidate: Run) -> Comparison:
    base = tallied([step() | {"b.ch.energy": kwh} for kwh in (0.0, 100.0)], Yardstick(Limits()))
    return Comparison(START, START + 2 * HOUR, 3600.0, base, candidate)


def test_a_saving_counts_only_at_equal_service() -> None:
    steps = [step() | {"b.ch.energy": kwh} for kwh in (0.0, 80.0)]
    saving = tallied(steps, Yardstick(Limits()))
    found = compared(saving)
    assert found.saved_pct("electricity_kwh") == pytest.approx(100 * 20 / 110)
    assert found.saved_pct("gas_kwh") is None
    assert found.lacking == ()
    zones = (ZoneService("b.ahu", 2.0, 3.0, 0.0),)
    cold = replace(saving, service=replace(saving.service, zones=zones))
    said = "; ".join(map(str, compared(cold).lacking))
    assert "zones were 3 K·h outside their band, against 0" in said
    assert "the worst zone, b.ahu" in said


def test_only_water_makes_a_room_moister() -> None:
    room = machine("b.room", "terminal_unit", "zone_temp", "zone_setpoint", "humidity")

    def humidity_h(zone_c: float, humidity_pct: float) -> float | None:
        tally = Tally([room], Yardstick(Limits(band_c=(20.0, 25.0))), defines=True)
        seen = {
            "b.room.zone_temp": zone_c, "b.room.zone_setpoint": 21.0,
            "b.room.humidity": humidity_pct,
        }  # fmt: skip
        tally.step(START, START + HOUR, seen)
        return tally.run("a", 0).service.humidity_h

    assert humidity_h(20.0, 29.0) == 0.0
    assert humidity_h(20.0, 27.0) == 1.0
    # The same water in a warmer room of its band: 27 % at 22 degC are 30.5 % at 20 degC.
    assert humidity_h(22.0, 27.0) == 0.0
    assert humidity_h(22.0, 24.0) == 1.0
    # With the same water, 16 degC and 33 % are 26 % at 20 degC.
    assert humidity_h(16.0, 33.0) == 1.0
    assert humidity_h(16.0, 37.0) == 0.0
    assert humidity_h(30.0, 24.0) == 0.0  # 32 % at 25 degC, 44 % at 20 degC
    assert humidity_h(30.0, 52.0) == 1.0  # 70 %
    assert humidity_h(22.0, 68.0) == 1.0


def test_one_band_for_all_can_be_given() -> None:
    run = tallied([step(), step()], Yardstick(Limits(band_c=(20.0, 22.0))))
    assert run.service.outside_kh == pytest.approx(4.0)


def test_outdoor_air_is_owed_up_to_what_machines_were_designed_for() -> None:
    saving = tallied([step(), step()], Yardstick(Limits()))

    def lacking(before: OutdoorAir, after: OutdoorAir) -> tuple[str, ...]:
        runs = [replace(saving, service=replace(saving.service, outdoor_air=air))
                for air in (before, after)]  # fmt: skip
        return Comparison(START, START + HOUR, 3600.0, *runs).lacking

    assert lacking(OutdoorAir(900.0, 800.0), OutdoorAir(700.0, 780.0)) == ()
    (said,) = lacking(OutdoorAir(900.0, 800.0), OutdoorAir(900.0, 700.0))
    assert "outdoor air fell to 700" in said
    assert lacking(OutdoorAir(900.0, 800.0, 720.0), OutdoorAir(900.0, 700.0, 720.0)) == ()
    (said,) = lacking(OutdoorAir(900.0, 800.0, 720.0), OutdoorAir(900.0, 600.0, 600.0))
    assert "against 720" in said


def test_air_that_cools_one_machine_s_rooms_is_none_for_the_people_of_another() -> None:
    machines = [
        replace(
            machine(name, "air_handler", "oa_flow"),
            standing=Standing(design=Design(min_oa_m3h=1000.0)),
        )
        for name in ("b.a", "b.b")
    ]

    def air(first_m3h: float, second_m3h: float) -> OutdoorAir:
        tally = Tally(machines, Yardstick(Limits()), defines=True)
        values = {"b.a.oa_flow": first_m3h, "b.b.oa_flow": second_m3h}
        tally.step(START, START + HOUR, values)
        found = tally.run("a", 0).service.outdoor_air
        assert found is not None
        return found

    assert air(1200.0, 1000.0).judged_m3h == 2000.0
    short = air(3000.0, 640.0)
    assert short.low_m3h == 3640.0
    assert short.judged_m3h == 1640.0
