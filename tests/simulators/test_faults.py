"""Faults of plants: any plant can be wrapped, by command and by script."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from simulators.faults.fault_kinds import Fault, FaultKind, parsed, seconds
from simulators.faults.fault_script import read_script, script
from simulators.faults.faulted import FaultedPlant
from simulators.parks.demo.park import Park
from simulators.parks.works.works import Works

START = datetime(2026, 7, 8, 0, tzinfo=UTC)  # Wednesday 08:00 in China
CHILLER = "binjiang.ch-1"


def park(script_text: list[dict[str, object]] | None = None) -> FaultedPlant:
    return FaultedPlant.around(Park(START), START, script(script_text or [], START))


def wait(plant: FaultedPlant, minutes: float) -> None:
    end = clock(plant) + timedelta(minutes=minutes)
    plant.advance(end)


def clock(plant: FaultedPlant) -> datetime:
    inside = plant.plant
    assert isinstance(inside, Park | Works)
    return inside.time


def run(plant: FaultedPlant, *machines: str) -> None:
    plant.write({f"binjiang.{machine}.enable": 1.0 for machine in machines})


TRAIN = ("ch-1", "chwp-1", "cwp-1", "ct-1")


def test_a_plant_without_faults_is_the_plant_itself() -> None:
    plant, bare = park(), Park(START)
    for one in (plant, bare):
        one.write({f"binjiang.{machine}.enable": 1.0 for machine in TRAIN})
        one.advance(START + timedelta(hours=3))
    assert dict(plant.read()) == dict(bare.read())
    assert plant.points() == bare.points()
    assert plant.active() == []
    with pytest.raises(KeyError):
        plant.write({"nothing": 1.0})
    with pytest.raises(ValueError, match="cannot be written"):
        plant.write({f"{CHILLER}.power": 1.0})


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("bias {} 2", lambda true, before: true + 2.0),
        ("drift {} -0.5", lambda true, before: true - 1.0),
        ("freeze {}", lambda true, before: before),
        ("show {} -50", lambda true, before: -50.0),
    ],
)
def test_a_sensor_shows_something_else(words: str, shown: object) -> None:
    assert callable(shown)
    plant = park()
    name = "binjiang.weather.outdoor_temp"
    before = plant.read()[name]
    plant.fault(words.format(name))
    wait(plant, 120.0)
    true = plant.plant.read()[name]
    assert plant.read()[name] == pytest.approx(shown(true, before))
    assert plant.read()["tonglu.weather.outdoor_temp"] == true
    assert plant.clear(name) == 1
    assert plant.read()[name] == true


def test_noise_dropout_and_no_value() -> None:
    plant = park()
    name = "binjiang.weather.humidity"
    plant.fault(f"noise {name} 3")
    plant.fault("dropout tonglu.weather.humidity 0.5")
    plant.fault("bad chongqing.weather.*")
    differences, lost = [], 0
    for _ in range(200):
        wait(plant, 1.0)
        values = plant.read()
        differences.append(values[name] - plant.plant.read()[name])
        lost += math.isnan(values["tonglu.weather.humidity"])
        assert math.isnan(values["chongqing.weather.irradiance"])
    mean = sum(differences) / 200
    deviation = math.sqrt(sum((d - mean) ** 2 for d in differences) / 200)
    assert abs(mean) < 1.0
    assert 2.0 < deviation < 4.0
    assert 60 < lost < 140


def test_a_trip_stops_a_machine_says_so_and_lets_it_go_when_it_ends() -> None:
    plant = park()
    run(plant, *TRAIN)
    wait(plant, 30.0)
    assert plant.read()[f"{CHILLER}.status"] == 1.0
    plant.fault(f"trip {CHILLER} for 10m")
    wait(plant, 5.0)
    values = plant.read()
    assert values[f"{CHILLER}.status"] == values[f"{CHILLER}.power"] == 0.0
    assert values[f"{CHILLER}.fault"] == values[f"{CHILLER}.enable"] == 1.0
    wait(plant, 10.0)
    assert plant.read()[f"{CHILLER}.fault"] == 0.0
    assert plant.read()[f"{CHILLER}.status"] == 1.0


def test_a_machine_that_does_not_start_says_nothing() -> None:
    plant = park()
    run(plant, "chwp-1")
    wait(plant, 5.0)
    plant.fault("no_start binjiang.chwp-*")
    run(plant, "chwp-2")
    wait(plant, 5.0)
    values = plant.read()
    assert values["binjiang.chwp-1.status"] == 1.0  # it runs on
    assert values["binjiang.chwp-2.status"] == values["binjiang.chwp-2.fault"] == 0.0
    assert values["binjiang.chwp-2.enable"] == 1.0
    for on in (0.0, 1.0):
        plant.write({"binjiang.chwp-1.enable": on})
        wait(plant, 5.0)
    assert plant.read()["binjiang.chwp-1.status"] == 0.0  # and does not come again
    plant.clear()
    wait(plant, 5.0)
    assert plant.read()["binjiang.chwp-1.status"] == 1.0


def test_a_hand_at_the_machine_wins_and_commands_are_kept() -> None:
    plant = park()
    plant.fault("hand_on binjiang.chwp-1")
    wait(plant, 5.0)
    assert plant.read()["binjiang.chwp-1.status"] == 1.0
    plant.write({"binjiang.chwp-1.enable": 0.0})
    wait(plant, 5.0)
    assert plant.read()["binjiang.chwp-1.status"] == 1.0
    assert plant.read()["binjiang.chwp-1.enable"] == 0.0
    plant.clear("hand_on")
    wait(plant, 5.0)
    assert plant.read()["binjiang.chwp-1.status"] == 0.0
    run(plant, "chwp-1")
    plant.fault("hand_off binjiang.chwp-1")
    wait(plant, 5.0)
    assert plant.read()["binjiang.chwp-1.status"] == 0.0


def test_a_stuck_command_stays_where_it_was() -> None:
    plant = FaultedPlant.around(Works(START), START)
    plant.write({"works.ch-1.valve_enable": 1.0})
    wait(plant, 5.0)
    plant.fault("stick works.ch-1.valve_enable")
    plant.write({"works.ch-1.valve_enable": 0.0})
    wait(plant, 5.0)
    assert plant.read()["works.ch-1.valve_enable"] == 0.0  # what was commanded
    assert plant.read()["works.ch-1.valve_open"] == 1.0  # what is
    plant.clear("works.ch-1")
    wait(plant, 5.0)
    assert plant.read()["works.ch-1.valve_open"] == 0.0
    with pytest.raises(ValueError, match="nothing to stick"):
        plant.fault("stick works.ch-1.status")
    plant.fault("bad works.ch-1")  # what it shows does not matter to where it sticks
    plant.fault("stick works.ch-1.valve_enable")
    plant.clear("bad")
    with pytest.raises(ValueError, match="not a finite"):
        plant.write({"works.ch-1.valve_enable": math.nan})


def test_a_valve_that_nobody_commands_sticks_inside_the_plant() -> None:
    plant = FaultedPlant.around(Works(START), START)
    plant.write({"works.ahu-1.enable": 1.0})
    wait(plant, 60.0)
    assert plant.read()["works.ahu-1.cooling_valve"] == 100.0  # there is no cold water
    for point in ("works.ahu-1.cooling_valve", "works.a-1.damper"):
        plant.fault(f"stick {point}")
    damper = plant.read()["works.a-1.damper"]
    plant.write({"works.ahu-1.enable": 0.0})
    wait(plant, 60.0)
    assert plant.read()["works.ahu-1.cooling_valve"] == 100.0
    assert plant.read()["works.a-1.damper"] == damper
    plant.clear()
    wait(plant, 60.0)
    assert plant.read()["works.ahu-1.cooling_valve"] == 0.0


def test_what_is_silent_shows_nothing_takes_nothing_and_goes_on() -> None:
    plant = park()
    run(plant, "chwp-1")
    wait(plant, 5.0)
    plant.fault("silent binjiang")
    plant.write({"binjiang.chwp-1.enable": 0.0})
    wait(plant, 5.0)
    assert math.isnan(plant.read()["binjiang.chwp-1.status"])
    assert plant.plant.read()["binjiang.chwp-1.status"] == 1.0
    plant.clear("binjiang")
    assert plant.read()["binjiang.chwp-1.enable"] == plant.read()["binjiang.chwp-1.status"] == 1.0


def test_after_a_power_failure_everything_is_off_and_after_a_dip_as_before() -> None:
    dipped, failed = park(), park()
    for plant, words in ((dipped, "power_dip binjiang"), (failed, "power_failure binjiang")):
        run(plant, *TRAIN)
        plant.write({f"{CHILLER}.chw_setpoint": 9.0})
        wait(plant, 30.0)
        plant.fault(f"{words} for 2m")
        wait(plant, 1.0)
        assert plant.plant.read()[f"{CHILLER}.status"] == 0.0
    assert dipped.read()[f"{CHILLER}.enable"] == 1.0
    assert dipped.read()[f"{CHILLER}.status"] == 0.0
    assert math.isnan(failed.read()[f"{CHILLER}.status"])
    assert not math.isnan(failed.read()["tonglu.meter-main.power"])
    for plant in (dipped, failed):
        wait(plant, 30.0)
    assert dipped.read()[f"{CHILLER}.status"] == 1.0
    assert failed.read()[f"{CHILLER}.enable"] == failed.read()[f"{CHILLER}.status"] == 0.0
    assert failed.read()[f"{CHILLER}.chw_setpoint"] == 7.0  # its rest
    run(failed, *TRAIN)
    wait(failed, 30.0)
    assert failed.read()[f"{CHILLER}.status"] == 1.0


def test_a_controller_that_reboots_forgets_what_it_was_told() -> None:
    plant = park()
    run(plant, *TRAIN)
    wait(plant, 30.0)
    plant.fault("reboot binjiang")
    wait(plant, 1.0)
    assert plant.read()[f"{CHILLER}.enable"] == 0.0
    assert plant.active() == []


def test_a_new_meter_goes_on_from_its_own_reading() -> None:
    plant = park()
    name = "binjiang.meter-main.energy"
    plant.fault(f"register {name} 12.5")
    assert plant.read()[name] == pytest.approx(12.5)
    before = plant.plant.read()[name]
    wait(plant, 60.0)
    assert plant.read()[name] - 12.5 == pytest.approx(plant.plant.read()[name] - before)


def test_a_coupling_breaks_and_a_person_resets_what_tripped() -> None:
    plant = FaultedPlant.around(Works(START), START)
    inside = plant.plant
    assert isinstance(inside, Works)
    assert inside.cold is not None
    plant.write({f"works.{m}.enable": 1.0 for m in ("ch-1", "chwp-1", "cwp-1", "ct-1")})
    plant.write(
        {f"works.{v}": 1.0 for v in ("ch-1.valve_enable", "ct-1.valve_enable")}
        | {"works.ch-1.cw_valve": 100.0}
        | {"works.chw-header.bypass_valve": 100.0}
    )
    wait(plant, 15.0)
    assert plant.read()["works.ch-1.status"] == 1.0
    plant.fault("break works.chwp-1 for 20m")
    wait(plant, 10.0)
    values = plant.read()
    assert values["works.chwp-1.status"] == 1.0
    assert values["works.chw-header.flow"] == values["works.ch-1.status"] == 0.0
    wait(plant, 30.0)
    assert plant.read()["works.chw-header.flow"] > 10.0
    inside.cold.plant.chillers[0].fault = "oil"
    plant.fault("reset works.ch-1")
    assert inside.cold.plant.chillers[0].fault == ""
    for words in ("break works.ahu-1", "reset works.ahu-1", "reset works.boiler-1"):
        plant.fault(words)
    with pytest.raises(ValueError, match="nothing to break"):
        plant.fault("break works.ct-1")
    with pytest.raises(ValueError, match="does not know"):
        park().fault(f"break {CHILLER}")


def test_a_script_is_carried_out_at_its_times_whatever_the_step(tmp_path: Path) -> None:
    path = tmp_path / "faults.yaml"
    path.write_text(
        "- {at: 90m, fault: trip binjiang.ch-1 for 30m}\n"
        "- {at: 1h, fault: bias binjiang.weather.outdoor_temp 5}\n"
        "- {at: 2026-07-08T10:00:00+08:00, clear: binjiang.weather.outdoor_temp}\n"
    )
    expected = None
    for step in (1.0, 7.0, 60.0):
        plant = FaultedPlant(START, "simulators.parks.demo.park:Park", faults=str(path), seed="1")
        run(plant, *TRAIN)
        seen = []
        for minute in range(181):
            if minute % step == 0 or minute in (75, 105, 150):
                plant.advance(START + timedelta(minutes=minute))
            if minute in (75, 105, 150):
                values = plant.read()
                off = values["binjiang.weather.outdoor_temp"]
                off -= plant.plant.read()["binjiang.weather.outdoor_temp"]
                seen.append(
                    (round(off, 6), values[f"{CHILLER}.fault"], values[f"{CHILLER}.status"])
                )
        expected = expected or seen
        assert seen == expected
        plant.close()
    assert expected == [(5.0, 0.0, 1.0), (5.0, 1.0, 0.0), (0.0, 0.0, 1.0)]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("", "no fault"),
        ("explode x", "no fault 'explode'"),
        ("trip", "write: trip TARGET"),
        ("bias x", "needs a number"),
        ("trip x 3", "needs no number"),
        ("bias x y", "is no number"),
        ("trip x for", "duration"),
        ("trip x for ever", "no duration"),
        ("reset x for 5m", "at once"),
        ("trip nowhere", "no point, machine or base"),
    ],
)
def test_words_that_are_no_fault_are_refused_with_the_reason(words: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        park().fault(words)


def test_words_and_durations() -> None:
    assert parsed("bias a.b.c -2.5 for 1.5h") == Fault(FaultKind.BIAS, "a.b.c", -2.5, 5400.0)
    assert [seconds(text) for text in ("90s", "20m", "20min", "2h", "1d")] == [
        90.0, 1200.0, 1200.0, 7200.0, 86400.0,
    ]  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        "a: b",
        "- {at: 1h}",
        "- {at: soon, fault: trip x}",
        "- {at: '2026-01-01T00:00:00', fault: trip x}",
        "- {at: 1h, fault: explode x}",
        "- [",
    ],
)
def test_a_script_that_cannot_be_read_names_its_file(tmp_path: Path, text: str) -> None:
    path = tmp_path / "faults.yaml"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"faults\.yaml"):
        read_script(path, START)
