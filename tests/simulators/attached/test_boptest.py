"""A test case of BOPTEST, attached by its mapping file, over a double of the service."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from math import isnan
from pathlib import Path

import pytest
from click.testing import CliRunner

from bms.cli import main
from bms.core.errors import InvalidInput
from bms.field.plants import make_plant
from drivers.plant import PlantEnded, PlantError
from simulators.boptest.boptest_plant import Boptest
from tests.simulators.attached.boptest_double import Double, double

SPEC = "simulators.boptest.boptest_plant:Boptest"
MAPPING = """\
test_case: one_room
step_s: 900
utc_offset_h: 8
warm_up_h: 24
points:
  room.zone_temp: {variable: reaTRoo_y, unit: degC}
  room.setpoint: {input: oveSet_u, unit: degC}
  fan.speed: {input: oveFan_u, unit: "%"}
  fan.status: {variable: reaPFan_y, above: 1}
  fan.power: {variable: reaPFan_y, unit: kW}
  fan.energy: {variable: reaPFan_y, counts: true, unit: kWh}
  fan.airflow: {variable: reaFlo_y, unit: m3/h, scale: 3000}
  weather.soon_temp: {forecast: TDryBul, ahead_h: 6, unit: degC}
  test.energy: {kpi: ener_tot, unit: kWh/m2}
  test.discomfort: {kpi: tdis_tot}
"""
MIDNIGHT = datetime(2026, 3, 2, 16, tzinfo=UTC)
"""3 March where the test case stands: day 61 of a year of 365 days, counted from 0."""
QUARTER = timedelta(minutes=15)


@pytest.fixture
def server() -> Iterator[Double]:
    with double() as running:
        yield running


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "case.yaml"
    path.write_text(MAPPING, encoding="utf-8")
    return path


def test_it_is_selected_warmed_up_stepped_and_stopped(server: Double, file: Path) -> None:
    plant = Boptest(MIDNIGHT + timedelta(minutes=20), str(file), url=server.url)
    assert isnan(plant.read()["room.zone_temp"])
    assert server.tests == {}, "to look at its points begins no test"
    try:
        # The start is in a step, and steps end on the quarter hours of its day.
        assert plant.advance(MIDNIGHT + timedelta(minutes=25)) == MIDNIGHT + 2 * QUARTER
        (case,) = server.tests.values()
        assert server.warm_ups == [86_400.0]
        assert case.time == 61 * 86_400 + 1800
        read = plant.read()
        assert read["room.zone_temp"] == pytest.approx(21.0)
        assert read["room.setpoint"] == pytest.approx(21.0), "the case's own, nobody commands"
        assert read["fan.speed"] == 50.0
        assert (read["fan.status"], read["fan.power"]) == (1.0, 0.5)
        assert read["fan.airflow"] == pytest.approx(900.0)
        assert read["fan.energy"] == pytest.approx(0.125)
        assert read["weather.soon_temp"] == pytest.approx(61 * 24 + 6.5)
        assert read["test.energy"] == pytest.approx(0.125)
        assert isnan(read["test.discomfort"])
    finally:
        plant.close()
    assert server.tests == {}
    assert len(server.stopped) == 1


def test_commands_overwrite_until_they_are_given_back(server: Double, file: Path) -> None:
    plant = Boptest(MIDNIGHT, str(file), url=server.url)
    now = MIDNIGHT
    try:
        for commands, room, speed, sent in (
            ({}, 21.0, 50.0, {"oveSet_activate": 0.0, "oveFan_activate": 0.0}),
            ({"room.setpoint": 25.0}, 25.0, 50.0, {"oveSet_activate": 1.0, "oveSet_u": 298.15}),
            ({"fan.speed": 250.0}, 25.0, 100.0, {"oveFan_u": 1.0, "oveSet_u": 298.15}),
            ({"room.setpoint": None}, 21.0, 100.0, {"oveSet_activate": 0.0, "oveFan_u": 1.0}),
            ({"fan.speed": None}, 21.0, 50.0, {"oveFan_activate": 0.0}),
        ):
            plant.write(commands)
            now = plant.advance(now + QUARTER)
            read = plant.read()
            assert read["room.zone_temp"] == pytest.approx(room), commands
            assert read["fan.speed"] == pytest.approx(speed)
            assert sent.items() <= {k: round(v, 9) for k, v in server.advanced[-1].items()}.items()
        assert all("time" not in body for body in server.advanced)
        with pytest.raises(ValueError, match="cannot be written"):
            plant.write({"fan.power": 1.0})
    finally:
        plant.close()


def test_new_year_and_a_leap_day_go_by_in_whole_steps(server: Double, file: Path) -> None:
    text = file.read_text(encoding="utf-8").replace("step_s: 900", "step_s: 3600")
    file.write_text(text, encoding="utf-8")
    eve = datetime(2027, 12, 31, 15, tzinfo=UTC)  # 23:00 there
    plant = Boptest(eve, str(file), url=server.url, until="2028-01-02")
    try:
        reached = plant.advance(eve + timedelta(hours=24))
        (case,) = server.tests.values()
        # The model's time goes on over the end of its year, as its weather does.
        assert case.time == 364 * 86_400 + 23 * 3600 + 24 * 3600
        with pytest.raises(PlantEnded, match="ends on 2028-01-02"):
            plant.advance(reached + timedelta(days=2))
        with pytest.raises(PlantEnded):
            plant.advance(reached + timedelta(days=2))
    finally:
        plant.close()
    leap = Boptest(datetime(2028, 2, 28, 16, tzinfo=UTC), str(file), url=server.url)
    try:
        leap.advance(datetime(2028, 2, 28, 17, tzinfo=UTC))
        (case,) = server.tests.values()
        assert case.time == 58 * 86_400 + 3600, "29 February is the 28th of its year"
    finally:
        leap.close()


def test_a_scenario_begins_and_ends_where_it_wants(server: Double, file: Path) -> None:
    file.write_text(MAPPING + "scenario: {time_period: peak_cool_day}\n", encoding="utf-8")
    plant = Boptest(MIDNIGHT, str(file), url=server.url)
    with pytest.raises(PlantError, match="begins on 07-13 at 00:00 of its local time"):
        plant.advance(MIDNIGHT + QUARTER)
    assert server.tests == {}, "a test that failed is stopped at once"
    plant.close()
    start = datetime(2026, 7, 12, 16, tzinfo=UTC)
    plant = Boptest(start, str(file), url=server.url)
    try:
        with pytest.raises(PlantEnded, match="scenario of one_room is over"):
            plant.advance(start + timedelta(days=1))
        assert len(server.advanced) == 9, "eight quarters, and one that says it is over"
        assert plant.read()["fan.energy"] == pytest.approx(1.0)
    finally:
        plant.close()


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("reaTRoo_y", "reaTRom_y", r"case.yaml:6: no measurement 'reaTRom_y'; did you mean 'reaT"),
        ("oveSet_u", "oveSat_u", r"case.yaml:7: no input 'oveSat_u'; did you mean 'oveSet_u'"),
        ("TDryBul", "TDry", r"case.yaml:13: no forecast 'TDry'; did you mean 'TDryBul'"),
        ("m3/h, scale: 3000", "m3/h", r"case.yaml:12: reaFlo_y is in kg/s, the point in m3/h"),
        ("one_room", "two_rooms", r"no test case 'two_rooms'; it has one_room, bestest_air"),
    ],
)
def test_what_the_case_does_not_have_is_said_with_its_line(
    server: Double, file: Path, old: str, new: str, words: str
) -> None:
    file.write_text(MAPPING.replace(old, new), encoding="utf-8")
    plant = Boptest(MIDNIGHT, str(file), url=server.url)
    with pytest.raises(PlantError, match=words):
        plant.advance(MIDNIGHT + QUARTER)
    plant.close()
    assert server.tests == {}


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("oveSet_u", "oveSet", r"case.yaml:7: .*ends in _u"),
        ("{kpi: tdis_tot}", "{kpi: a, variable: b}", "case.yaml:15: .*give one of variable, con"),
        ("forecast: TDryBul, ", "variable: T, ", r"case.yaml:13: .*ahead_h goes with a forecast"),
        ("step_s: 900", "step_s: 7000", "case.yaml:2: step_s: .*whole number of steps"),
        ("test_case: one_room\n", "", "test_case: field required"),
        ("step_s: 900", "url: house", "'house' is no address of BOPTEST"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_before_anything_runs(
    file: Path, old: str, new: str, words: str
) -> None:
    file.write_text(MAPPING.replace(old, new), encoding="utf-8")
    with pytest.raises(InvalidInput, match=words):
        make_plant(SPEC, MIDNIGHT, {"map": str(file)})


@pytest.mark.parametrize(
    ("what", "trouble", "words"),
    [
        ("testcases", "vanish", "cannot be asked for testcases: .*closed"),
        ("initialize", "hang", "did not answer initialize in 0.3 s"),
        ("advance", "hang", "did not answer advance in 0.2 s"),
        ("advance", "vanish", "cannot be asked for advance"),
        ("advance", "garbage", "answers advance as BOPTEST does not: <html>a proxy"),
        ("advance", "fail", r"refuses advance \(500\): Timeout for request"),
        ("kpi", "fail", r"refuses kpi \(500\)"),
    ],
)
def test_trouble_with_the_service_is_one_sentence(
    server: Double, file: Path, what: str, trouble: str, words: str
) -> None:
    file.write_text(MAPPING + "within_s: 0.2\nbegins_within_s: 0.3\n", encoding="utf-8")
    server.troubles[what] = trouble
    plant = Boptest(MIDNIGHT, str(file), url=server.url)
    with pytest.raises(PlantError, match=words) as failed:
        plant.advance(MIDNIGHT + QUARTER)
    assert "\n" not in str(failed.value)
    assert not isinstance(failed.value, PlantEnded)
    plant.close()
    assert server.tests == {}, "its worker is free again"


def test_a_service_that_goes_away_ends_the_run_and_not_the_controller(file: Path) -> None:
    with double() as server:
        plant = Boptest(MIDNIGHT, str(file), url=server.url)
        now = plant.advance(MIDNIGHT + QUARTER)
    with pytest.raises(PlantError, match="cannot be asked for advance: .*refused"):
        plant.advance(now + QUARTER)
    plant.close()


def test_a_test_that_another_has_stopped_is_said(server: Double, file: Path) -> None:
    plant = Boptest(MIDNIGHT, str(file), url=server.url)
    plant.advance(MIDNIGHT + QUARTER)
    server.tests.clear()
    with pytest.raises(PlantError, match=r"refuses advance \(400\): Invalid testid"):
        plant.advance(MIDNIGHT + 2 * QUARTER)
    plant.close()


def test_a_port_that_nobody_listens_at_is_said(file: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
        plant = Boptest(MIDNIGHT, str(file), url=url)
        with pytest.raises(PlantError, match="cannot be asked for testcases"):
            plant.advance(MIDNIGHT + QUARTER)
        plant.close()


SITE = {
    "site.yaml": "id: trial\nzone: Asia/Shanghai\nbases: {house: {}}\n",
    "links.yaml": "links:\n  case: {protocol: plant, plant: 'SPEC', options: "
    "{map: '{site}/../case.yaml', url: 'URL'}}\n",
    "devices/fan.yaml": "device: case-fan\nkind: fan\ndocument: case.yaml\nprotocol: plant\n"
    "points:\n  enable: {name: fan.enable, writable: true, type: bool}\n"
    "  status: {name: fan.status, type: bool}\n  power: {name: POWER, unit: kW}\n",
    "equipment/house.yaml": "base: house\nequipment:\n"
    "  fan-1: {kind: fan, device: case-fan, link: case, rated_kw: 1}\n",
    "groups/house.yaml": "base: house\ngroups:\n  air: {strategy: on_off, members: [fan-1]}\n",
    "schedules/air.yaml": "schedule: air\ngoverns: [house.air]\notherwise: {mode: 'off'}\n"
    "week: {any: {daily: [{from: '08:00', to: '18:00', mode: 'on'}]}}\n",
}
FAN = 'fan.speed: {input: oveFan_u, unit: "%"}'
ENABLE = "fan.enable: {input: oveFan_u, rest: 1, levels: {0: 0, 1: null}}"


def site(folder: Path, url: str, power: str) -> Path:
    for name, text in SITE.items():
        (folder / "site" / name).parent.mkdir(parents=True, exist_ok=True)
        for word, meant in (("SPEC", SPEC), ("URL", url), ("POWER", power)):
            text = text.replace(word, meant)
        (folder / "site" / name).write_text(text, encoding="utf-8")
    (folder / "case.yaml").write_text(MAPPING.replace(FAN, ENABLE), encoding="utf-8")
    return folder / "site"


def test_check_refuses_a_point_that_the_file_does_not_map(server: Double, tmp_path: Path) -> None:
    wrong = CliRunner().invoke(main, ["check", str(site(tmp_path / "a", server.url, "fan.pwr"))])
    assert wrong.exit_code != 0
    assert "devices/fan.yaml:8" in wrong.output
    assert "the plant has no point fan.pwr" in wrong.output
    right = CliRunner().invoke(main, ["check", str(site(tmp_path / "b", server.url, "fan.power"))])
    assert right.exit_code == 0, right.output
    assert server.tests == {}, "a check begins no test"


def test_a_site_is_simulated_against_it(server: Double, tmp_path: Path) -> None:
    folder = site(tmp_path / "site", server.url, "fan.power")
    span = ["--from", "2026-07-06", "--to", "2026-07-07", "--step", "15m", "--json"]
    done = CliRunner().invoke(main, ["simulate", str(folder), *span, "--into", str(tmp_path / "h")])
    assert done.exit_code == 0, done.output
    assert json.loads(done.output)["cycles"] == 96
    assert len(server.advanced) == 96
    assert len(server.stopped) == 1
    off = [body for body in server.advanced if body["oveFan_activate"] == 1.0]
    assert len(off) == pytest.approx(14 * 4, abs=2), "off but for ten hours, when it decides itself"
    assert {body["oveFan_u"] for body in off} == {0.0}
