"""A building in a process of its own, step by step, over a double of EnergyPlus."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from math import isnan
from pathlib import Path

import pytest

from bms.core.errors import InvalidInput
from bms.field.plants import make_plant
from drivers.plant import PlantEnded, PlantError
from simulators.energyplus.building import Building
from simulators.energyplus.epw import write_epw
from simulators.weather import EpwWeather, GeneratedWeather
from tests.simulators.left_behind import nothing_is_left

DOUBLE = Path(__file__).with_name("double")
MAPPING = """
model: room.idf
weather: year.epw
points:
  outdoor_day: {variable: Outdoor, key: Environment}
  meter.energy: {meter: Electricity, unit: kWh}
each:
  - of: {the_room: {fan: Fan}}
    points:
      "{name}.zone_temp": {variable: Room Temperature, key: Room, unit: degC}
      "{name}.zone_temp_k": {variable: Room Temperature, key: Room, offset: 273.15, unit: K}
      "{name}.setpoint":
        {actuator: ["Schedule:Constant", Schedule Value, SET], rest: 20, low: 16, high: 28,
         share: lowest}
      "{name}.other_setpoint":
        {actuator: ["Schedule:Constant", "Schedule Value", Set], rest: 20, share: lowest}
      "{name}.valve":
        {variable: Fan Power, key: Fan, scale: 0.02, or_more: [{variable: Outdoor,
         key: Environment, scale: 10}, {variable: Room Temperature, key: Room, scale: -1}],
         low: 0, high: 100}
      "{fan}.enable": {actuator: [Fan, On, Fan], rest: 1, levels: {0: 0, 1: null}}
      "{fan}.status": {variable: Fan Power, key: Fan, above: 1}
      "{fan}.energy": {variable: Fan Power, key: Fan, counts: true, unit: kWh}
"""
MODEL = "Version, 25.2;\nTimestep, 4;\nSimulationControl, Yes, Yes, Yes, Yes, No;\n"
OFFSET = timedelta(hours=8)
LEAP_NIGHT = datetime(2028, 2, 28, tzinfo=UTC) - OFFSET


@pytest.fixture(autouse=True)
def _double(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The double in place of EnergyPlus, here and in the processes that are started."""
    path = os.pathsep.join(filter(None, [str(DOUBLE), os.environ.get("PYTHONPATH", "")]))
    monkeypatch.setenv("PYTHONPATH", path)
    monkeypatch.syspath_prepend(str(DOUBLE))
    for name in [name for name in sys.modules if name.partition(".")[0] == "pyenergyplus"]:
        monkeypatch.delitem(sys.modules, name)
    yield
    for name in [name for name in sys.modules if name.partition(".")[0] == "pyenergyplus"]:
        del sys.modules[name]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A mapping, its model and its weather, and a place for what EnergyPlus writes."""
    (tmp_path / "map.yaml").write_text(MAPPING, encoding="utf-8")
    (tmp_path / "room.idf").write_text(MODEL, encoding="utf-8")
    write_epw(tmp_path / "year.epw", 2026)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    return tmp_path


def building(folder: Path, start: datetime = LEAP_NIGHT, **options: str) -> Building:
    return Building(start, str(folder / "map.yaml"), **options)


def test_it_runs_in_steps_of_its_own_through_the_leap_day(folder: Path) -> None:
    plant = building(folder)
    try:
        assert isnan(plant.read()["the_room.zone_temp"])
        # The site asks for five minutes, the model steps by fifteen.
        assert plant.advance(LEAP_NIGHT + timedelta(minutes=5)) == LEAP_NIGHT + timedelta(
            minutes=15
        )
        days = []
        for hour in range(0, 73, 24):
            plant.advance(LEAP_NIGHT + timedelta(hours=hour, minutes=30))
            days.append(plant.read()["outdoor_day"])
        assert days == [28, 29, 1, 2]
        assert plant.read()["meter.energy"] == pytest.approx(72.5)
        assert plant.read()["Fan.energy"] == pytest.approx(72.5)
        assert plant.read()["the_room.zone_temp_k"] == pytest.approx(293.15)
    finally:
        plant.close()
    assert list((folder / "scratch").iterdir()) == []


def test_a_start_in_the_day_is_reached_under_the_building_s_own_control(folder: Path) -> None:
    noon = LEAP_NIGHT + timedelta(hours=12)
    plant = building(folder, noon)
    try:
        assert plant.advance(noon + timedelta(minutes=15)) == noon + timedelta(minutes=15)
        assert plant.read()["Fan.energy"] == pytest.approx(12.25)
    finally:
        plant.close()


def test_years_end_and_leap_years_come_and_go(folder: Path) -> None:
    eve = datetime(2027, 12, 31, tzinfo=UTC) - OFFSET
    plant = building(folder, eve, until="2028-03-02")
    try:
        reached = plant.advance(eve + timedelta(days=61))
        assert reached == datetime(2028, 3, 1, tzinfo=UTC) - OFFSET
        assert plant.read()["outdoor_day"] == 29
        with pytest.raises(PlantEnded, match="ends on 2028-03-02"):
            plant.advance(reached + timedelta(days=2))
        assert plant.read()["outdoor_day"] == 1
        with pytest.raises(PlantEnded):
            plant.advance(reached + timedelta(days=2))
    finally:
        plant.close()
    assert list((folder / "scratch").iterdir()) == []


def test_commands_hold_until_they_are_given_back(folder: Path) -> None:
    plant = building(folder)
    now = LEAP_NIGHT
    try:
        for commands, room, fan, shown in (
            ({"the_room.setpoint": 24.0, "Fan.enable": 0.0}, 24.0, 0.0, 24.0),
            ({}, 24.0, 0.0, 24.0),
            ({"the_room.setpoint": 99.0, "Fan.enable": 1.0}, 28.0, 1.0, 28.0),
            ({"the_room.other_setpoint": 22.0}, 22.0, 1.0, 28.0),
            ({"the_room.other_setpoint": None}, 28.0, 1.0, 28.0),
            ({"the_room.setpoint": None, "Fan.enable": 0.0}, 20.0, 0.0, 20.0),
            ({"Fan.enable": None}, 20.0, 1.0, 20.0),
        ):
            plant.write(commands)
            now = plant.advance(now + timedelta(minutes=15))
            read = plant.read()
            assert (read["the_room.zone_temp"], read["Fan.status"]) == (room, fan), commands
            assert read["the_room.setpoint"] == shown
            # 20 by what flows; or ten times the day, the 28th, less the room, at most 100.
            assert read["the_room.valve"] == 100.0
        assert plant.read()["Fan.energy"] == pytest.approx(1.0)
        with pytest.raises(ValueError, match="cannot be written"):
            plant.write({"Fan.status": 1.0})
        with pytest.raises(KeyError):
            plant.write({"Fan.speed": 1.0})
    finally:
        plant.close()


def test_names_that_the_model_does_not_have_are_said_at_once(folder: Path) -> None:
    mapping = MAPPING.replace("Fan Power, key: Fan, above", "Fan Pwr, key: Fan, above")
    mapping = mapping.replace("[Fan, On, Fan]", "[Fan, On, Fun]")
    (folder / "map.yaml").write_text(mapping, encoding="utf-8")
    plant = building(folder)
    with pytest.raises(PlantError, match=r"no variable 'Fan Pwr' of 'Fan'; no actuator 'FAN, ON"):
        plant.advance(LEAP_NIGHT + timedelta(hours=1))
    plant.close()
    assert list((folder / "scratch").iterdir()) == []


@pytest.mark.parametrize(
    ("behaves", "words"),
    [
        ("severe", r'gave up: Node connection error: Coil "A" inlet is no outlet .*; GetPumpInput'),
        ("silent", r"stopped without a word: .*console\.log"),
        ("late", "is at 03-01 where 02-29 follows"),
    ],
)
def test_what_goes_wrong_in_energyplus_is_one_sentence(
    folder: Path, behaves: str, words: str
) -> None:
    (folder / "room.idf").write_text(f"{MODEL}Double, {behaves};\n", encoding="utf-8")
    plant = building(folder)
    plant.write({"the_room.setpoint": 21.0})
    with pytest.raises(PlantError, match=words) as failed:
        plant.advance(LEAP_NIGHT + timedelta(days=2))
    plant.close()
    _, see, path = str(failed.value).partition("(see ")
    # What it wrote stays for who has to look at it.
    assert not see or Path(path.rstrip(")")).is_file()


def test_a_process_whose_parent_is_killed_ends_and_leaves_nothing(folder: Path) -> None:
    nothing_is_left(folder, "simulators.energyplus.building:Building", LEAP_NIGHT)


def test_what_cannot_be_attached_is_said_before_it_runs(folder: Path) -> None:
    spec = "simulators.energyplus.building:Building"
    path = folder / "map.yaml"
    for text, words in (
        ("model: no.idf\n", "No such file"),
        ("model: room.idf\nidf: [{object: Pump, name: P, value: 1}]\n", "no Pump 'P', nor any"),
        ("model: room.idf\npoints:\n  a: {variable: x, metre: 1}\n", "map.yaml:3: metre: extra"),
        ("model: room.idf\npoints:\n  a: {unit: kW}\n", "map.yaml:3: a: .* give a variable"),
        ("model: room.idf\nweather: no.epw\n", "No such file"),
    ):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(InvalidInput, match=words):
            make_plant(spec, LEAP_NIGHT, {"map": str(path)})
    path.write_text(MAPPING.replace(" share: lowest}", " }", 1), encoding="utf-8")
    with pytest.raises(InvalidInput, match="the_room.other_setpoint command one"):
        make_plant(spec, LEAP_NIGHT, {"map": str(path)})
    path.write_text(MAPPING, encoding="utf-8")
    with pytest.raises(InvalidInput, match="until 2028-02-28 is not after the start"):
        make_plant(spec, LEAP_NIGHT, {"map": str(path), "until": "2028-02-28"})


def test_generated_weather_comes_back_from_its_file(tmp_path: Path) -> None:
    write_epw(tmp_path / "leap.epw", 2028)
    back = EpwWeather(tmp_path / "leap.epw")
    drawn = GeneratedWeather("1")
    first = datetime(2028, 1, 1, tzinfo=UTC)
    for hours in (28, 38, 1444, 1454, 4804, 4814):
        written, meant = (weather.at(first + timedelta(hours=hours)) for weather in (back, drawn))
        assert written.outdoor_temp_c == pytest.approx(meant.outdoor_temp_c, abs=0.06)
        assert written.humidity_pct == pytest.approx(meant.humidity_pct, abs=0.6)
    june = [first + timedelta(days=152, hours=hour) for hour in range(30 * 24)]
    sun = [sum(weather.at(at).irradiance_w_m2 for at in june) for weather in (back, drawn)]
    assert sun[0] == pytest.approx(sun[1], rel=0.02)
