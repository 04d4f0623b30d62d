"""Compressed air when something fails: transmitters, machines, caps, bursts of demand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bms.core.machines.equipment_kinds import KINDS
from simulators.physics.air_station import AirUnitSpec
from tests.control.compressed_air.air_rig import Station, compressor, dryer
from tests.control.parts import BASE, machine

FOUR = [AirUnitSpec(110.0, 20.0)] * 4
SEEN_BY_PRESSURE = ("status", "power", "fault", "load")


def four(**parameters: Any) -> Station:
    station = Station(FOUR, critical_kpa=600, **parameters)
    station.start_with(["ac-1", "ac-2"])
    station.demand_m3min = lambda _: 25.0
    station.run(120)
    return station


@pytest.mark.case(
    "P60",
    when="The pressure transmitter of the air header fails, and there is a second one",
    then="The second one is used, and an alarm asks for the repair of the first",
)
def test_a_second_transmitter_takes_over() -> None:
    second = machine("far", "air_header")
    station = Station(FOUR, (), [second], transmitters=["far"])
    station.start_with(["ac-1", "ac-2"])
    station.demand_m3min = lambda _: 25.0
    rig = station.rig
    station.second("far", 0.0)
    station.run(60)
    assert rig.active() == set()
    rig.bad.add("b.hdr.pressure")
    station.run(30)
    assert rig.active() == {"b.g:pressure-sensor"}
    text = str(next(c.text for c in rig.engine.conditions if c.key == "b.g:pressure-sensor"))
    assert "b.hdr.pressure" in text
    assert "b.far.pressure is used" in text
    station.demand_m3min = lambda _: 60.0
    station.until(lambda: len(station.on) == 4, 300)
    assert station.kpa > 600.0
    rig.bad.clear()
    station.run(120)
    assert rig.active() == set()


@pytest.mark.case(
    "P60",
    when="Two pressure transmitters of one air header show different pressures for 5 minutes",
    then="The lower one counts, so that no line stands, and an alarm gives both values",
)
def test_of_two_that_contradict_the_lower_counts() -> None:
    station = Station(FOUR, (), [machine("far", "air_header")], transmitters=["far"])
    station.start_with(["ac-1", "ac-2"])
    station.demand_m3min = lambda _: 20.0
    rig = station.rig
    station.second("far", -40.0)
    station.run(290)
    assert len(station.on) == 2
    station.run(400)
    assert "b.g:pressure-sensor" in rig.active()
    assert station.kpa - 40.0 > 640.0
    assert len(station.on) > 2


@pytest.mark.case(
    "P60",
    when="No pressure of the air header is known any longer",
    then="Compressors go on by their own pressure switches, more join when all are at full load, "
    "none is stopped, and an alarm says so",
)
def test_without_any_pressure_the_machines_own_switches_hold_it() -> None:
    station = four()
    station.rig.bad.add("b.hdr.pressure")
    station.demand_m3min = lambda _: 10.0
    station.run(400)
    assert len(station.on) == 2
    assert station.rig.active() == {"b.g:pressure-sensor"}
    station.demand_m3min = lambda _: 58.0
    station.until(lambda: len(station.on) == 4, 600)
    station.run(120)
    assert station.kpa > 600.0
    station.demand_m3min = lambda _: 10.0
    station.run(3600, 5)
    assert len(station.on) == 4
    station.rig.bad.clear()
    station.run(3600, 5)
    assert len(station.on) == 1
    assert station.rig.active() == set()


def test_without_pressure_and_loads_all_units_are_on_within_the_cap() -> None:
    units = [compressor(f"ac-{i}", without=("load", "power", "speed")) for i in range(1, 5)]
    station = Station(FOUR, units)
    station.rig.give("max_units", 3)
    station.run(60)
    station.rig.bad.add("b.hdr.pressure")
    station.run(250)
    assert len(station.on) < 3
    station.run(100)
    assert len(station.on) == 3


def test_a_cascade_is_told_to_units_that_take_a_set_point() -> None:
    station = four(regulate=True)
    values = station.rig.values
    assert {values[f"b.{n}.pressure_setpoint"] for n in station.on} == {700.0, 675.0}
    station.rig.bad.add("b.hdr.pressure")
    station.run(400)
    assert sorted(values[f"b.{n}.pressure_setpoint"] for n in station.on) == [675.0, 700.0]


NEVER_RUNS = "A compressor is told to run and never does, whatever it can show of itself"
REPLACED = "Within its proof time another one runs in its place, and an alarm names it"


@pytest.mark.case("P61", when=NEVER_RUNS, then=REPLACED)
@pytest.mark.parametrize(
    "lacks",
    [
        (),
        ("fault",),
        ("status",),
        ("status", "fault", "load"),
        SEEN_BY_PRESSURE,
    ],
)
def test_a_lead_that_never_runs_is_replaced_and_named(lacks: tuple[str, ...]) -> None:
    units = [compressor(f"ac-{i}", without=("speed", *lacks)) for i in range(1, 3)]
    station = Station(FOUR[:2], units)
    station.broken = {"ac-1"}
    station.demand_m3min = lambda _: 4.0
    station.rig.give("max_units", 1)
    proof_s = KINDS["air_compressor"].proves_s
    spent_s = station.until(lambda: "ac-2" in station.on, proof_s + 60.0)
    assert spent_s <= proof_s + 15.0
    station.run(5)
    assert "b.ac-1:proof" in station.rig.active()
    station.until(lambda: station.kpa > 650.0, 600)
    if lacks != SEEN_BY_PRESSURE:  # else it is on for its minimum time, and nobody minds
        assert "ac-1" not in station.on


@pytest.mark.case(
    "P61",
    when="The run contact of a compressor is stuck at 'runs' and the machine draws no power",
    then="It counts as one that does not run: another one runs in its place, and an alarm names it",
)
def test_a_stuck_contact_does_not_hide_a_machine_that_draws_nothing() -> None:
    units = [compressor(f"ac-{i}", without=("speed", "fault")) for i in range(1, 3)]
    station = Station(FOUR[:2], units)
    station.broken = {"ac-1"}
    station.rig.give("max_units", 1)
    show = station._show

    def stuck() -> None:
        show()
        station.rig.values["b.ac-1.status"] = 1

    station._show = stuck  # type: ignore[method-assign]
    station.until(lambda: "ac-2" in station.on, 180)
    station.run(5)
    assert "b.ac-1:proof" in station.rig.active()


@pytest.mark.case(
    "P61",
    when="A compressor that ran stands still without a fault while others are loaded",
    then="Another one joins them as the pressure asks, and after 10 minutes an alarm names it",
)
def test_one_that_dies_silently_is_named() -> None:
    station = four()
    dead = station.on[0]
    station.broken = {dead}
    station.until(lambda: len(station.on) == 3, 120)
    station.run(700)
    assert station.rig.active() == {f"b.{dead}:proof"}
    assert station.counted.low_min == 0.0
    station.broken.clear()
    station.run(60)
    assert station.rig.active() == set()


@pytest.mark.case(
    "P62",
    when="Under the Sunday cap the air pressure stays below the critical one for 60 s",
    then="The cap is released with an alarm, and is in force again when the pressure allows it",
)
def test_the_sunday_cap_gives_way_to_the_pressure() -> None:
    station = four()
    station.demand_m3min = lambda _: 5.0
    station.rig.give("max_units", 1)
    station.run(700)
    assert len(station.on) == 1
    station.demand_m3min = lambda _: 26.0
    station.until(lambda: station.kpa < 600.0, 600)
    spent_s = station.until(lambda: len(station.on) > 1, 120)
    assert 55.0 <= spent_s <= 75.0
    station.run(2)
    assert "b.g:pressure" in station.rig.active()
    station.run(600)
    assert station.kpa > 650.0
    station.demand_m3min = lambda _: 5.0
    station.run(2400, 2)
    assert len(station.on) == 1
    assert station.rig.active() == set()


@pytest.mark.case(
    "P63",
    when="A large consumer opens and the air pressure falls fast",
    then="The next compressor starts before the pressure is below its band",
)
def test_a_fall_is_answered_before_the_band_is_left() -> None:
    answered = []
    for ahead_s in (30.0, 0.0):
        station = Station(FOUR, volume_m3=60.0, ahead_s=ahead_s)
        station.start_with(["ac-1", "ac-2"])
        station.demand_m3min = lambda _: 22.0
        station.run(120)
        station.demand_m3min = lambda _: 40.0
        station.until(lambda s=station: len(s.on) == 3, 200)  # type: ignore[misc]
        answered.append(station.kpa)
        assert station.counted.low_min == 0.0
    assert answered[0] > 650.0 > answered[1]
    assert "falls by" in station.rig.reason("ac-1.enable") or answered[0] > answered[1]


@pytest.mark.case(
    "P64",
    when="Nobody works, and the air compressors still deliver",
    then="The least hour of seven days is shown as what leaks, in m3/h and as a share, and is an "
    "alarm above the limit of the site",
)
def test_what_flows_at_night_is_shown_as_leaks() -> None:
    station = Station(FOUR, leaks_m3min=6.0, leak_alarm_pct=20.0)
    station.start_with(["ac-1", "ac-2"])
    station.demand_m3min = lambda t: 24.0 if 8.0 <= (t / 3600.0) % 24.0 < 18.0 else 0.0
    station.run(26 * 3600, 20)
    assert station.rig.last is not None
    facts = {point: sample.value for point, sample in station.rig.last.facts.items()}
    leak_m3h = facts["b.g.leak_flow_m3h"]
    assert isinstance(leak_m3h, float)
    assert leak_m3h == pytest.approx(360.0, rel=0.1)
    mean_m3h = 60.0 * station.counted.used_m3 / (station.counted.seconds / 60.0)
    assert facts["b.g.leak_share_pct"] == pytest.approx(100.0 * leak_m3h / mean_m3h, rel=0.1)
    assert "b.g:leaks" in station.rig.active()


# --- what it does all day -------------------------------------------------------------------------


def test_a_unit_too_many_goes_by_what_they_deliver() -> None:
    station = Station(FOUR)
    station.start_with(["ac-1", "ac-2", "ac-3"])
    station.demand_m3min = lambda _: 22.0
    station.run(290)
    assert len(station.on) == 3
    station.run(30)
    assert len(station.on) == 2
    assert "one is too many" in station.rig.reason("ac-1.enable")
    station.run(7200, 5)
    assert len(station.on) == 2
    assert station.kpa >= 650.0


def test_unlike_units_do_the_work_with_the_least_that_does() -> None:
    specs = [AirUnitSpec(110.0, 20.0), AirUnitSpec(110.0, 20.0), AirUnitSpec(55.0, 10.0)]
    station = Station(specs, leaks_m3min=2.0)
    station.start_with(["ac-1", "ac-2"])
    station.demand_m3min = lambda _: 23.0
    station.run(3 * 3600, 5)
    assert sorted(station.on) in (["ac-1", "ac-3"], ["ac-2", "ac-3"])
    station.demand_m3min = lambda _: 5.0
    station.run(3 * 3600, 5)
    assert station.on == ["ac-3"]
    assert station.counted.low_min == 0.0


def test_the_drive_trims_and_the_others_give_all_they_have() -> None:
    specs = [AirUnitSpec(110.0, 20.0), AirUnitSpec(110.0, 20.0), AirUnitSpec(110.0, 20.0)]
    specs[2] = replace(specs[2], driven=True)
    units = [
        compressor("ac-1", without=("speed",)),
        compressor("ac-2", without=("speed",)),
        compressor("ac-3"),
    ]
    specs = [replace(s, full_kpa=690.0, none_kpa=720.0) for s in specs]
    station = Station(specs, units, regulate=True, leaks_m3min=2.0)
    station.start_with(["ac-1", "ac-3"])
    station.demand_m3min = lambda _: 27.0
    station.run(1800)
    assert sorted(station.on) == ["ac-1", "ac-3"]
    assert station.plant.loads[0] == pytest.approx(1.0, abs=0.02)
    assert 0.2 < station.plant.loads[2] < 0.7
    assert station.kpa == pytest.approx(675.0, abs=8.0)
    assert "trims" in station.rig.reason("ac-3.enable")
    assert "trims" not in station.rig.reason("ac-1.enable")


def test_dryers_follow_the_air_of_the_units_that_run() -> None:
    members = [*(compressor(f"ac-{i}", without=("speed",)) for i in range(1, 5)),
               dryer("dr-1"), dryer("dr-2")]  # fmt: skip
    station = Station(FOUR, members)
    station.demand_m3min = lambda _: 5.0
    station.start_with(["ac-1"])
    station.run(60)
    assert dryers(station) == ["dr-1"]
    station.demand_m3min = lambda _: 44.0
    station.until(lambda: len(station.on) > 2, 300)
    station.run(5)
    assert dryers(station) == ["dr-1", "dr-2"]
    station.rig.put("dr-1.fault", 1)
    station.demand_m3min = lambda _: 3.0
    station.run(2400, 2)
    assert dryers(station) == ["dr-2"]
    station.rig.mode("off")
    station.run(90)
    assert dryers(station) == []


def dryers(station: Station) -> list[str]:
    names = [d.id.split(".")[1] for d in station.dryers]
    return [n for n in names if station.rig.values[f"{BASE}.{n}.enable"]]


def test_starts_stay_within_the_makers_limit_and_minimum_times() -> None:
    station = Station(FOUR)
    station.start_with(["ac-1"])
    station.demand_m3min = lambda t: 45.0 if (t // 900.0) % 2 else 5.0
    station.run(6 * 3600, 2)
    for starts in station.counted.starts.values():
        for first, fifth in zip(starts, starts[4:], strict=False):
            assert fifth - first >= 3600.0
    assert station.counted.low_min == 0.0


def test_hours_that_an_earlier_version_counted_go_on_counting() -> None:
    saved = {
        "compressors:b.g": {
            "on": True,
            "wanted": ["ac-1"],
            "cap_released": False,
            "low_since": "2026-07-06T07:00:00+08:00",
            "run": {"hours": {"ac-1": 900.0, "ac-2": 10.0, "ac-3": 20.0, "ac-4": 30.0}},
        }
    }
    station = Station(FOUR, saved=saved)
    station.demand_m3min = lambda _: 5.0
    station.run(30)
    assert station.on == ["ac-2"]
    assert "saved:compressors:b.g" not in station.rig.active()
