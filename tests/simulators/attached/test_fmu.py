"""FMUs attached by their mapping files; skipped without `make peers`, which .ci/run requires."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import tempfile
import zipfile
from datetime import UTC, datetime, timedelta
from math import isnan
from pathlib import Path

import pytest
from click.testing import CliRunner

from bms.core.errors import InvalidInput, NotAvailable
from bms.field.plants import make_plant
from drivers.plant import PlantEnded, PlantError
from simulators.__main__ import main
from simulators.fmu.fmu_plant import Fmu
from simulators.parks.works.works import Works
from tests.patience import PATIENCE_S
from tests.simulators.left_behind import nothing_is_left

SPEC = "simulators.fmu.fmu_plant:Fmu"
MAPPING = """\
fmu: Heater.fmu
step_s: 60
utc_offset_h: 8
points:
  tank.speed: {input: share_u, activate: share_activate, scale: 100, unit: "%", rest: 0}
  tank.setpoint: {input: setpoint, offset: -273.15, low: 30, high: 80, unit: degC}
  tank.other_setpoint: {constant: 1}
  tank.stage: {input: stage, levels: {0: 1, 1: 2}}
  tank.temp: {variable: tank, offset: -273.15, unit: degC}
  tank.power: {variable: power, scale: 0.001, unit: kW}
  tank.energy: {variable: power, counts: true, unit: kWh}
  tank.status: {variable: power, above: 1}
  tank.now: {variable: now}
"""
MIDNIGHT = datetime(2026, 3, 2, 16, tzinfo=UTC)
"""3 March where the tank stands: day 61 of a year of 365 days, counted from 0."""
MINUTE = timedelta(minutes=1)
needed = pytest.mark.usefixtures("_packages")


@pytest.fixture
def _packages() -> None:
    """Skips what needs FMPy and pythonfmu where they are not installed."""
    if all(importlib.util.find_spec(name) is not None for name in ("fmpy", "pythonfmu")):
        return
    text = "FMPy and pythonfmu are not installed here: make peers"
    if os.environ.get("BMS_REQUIRE_PEERS"):
        pytest.fail(text)
    pytest.skip(text)


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tank as an FMU, built by pythonfmu in a process of its own."""
    folder = tmp_path_factory.mktemp("built")
    script = Path(__file__).with_name("heater_fmu.py")
    command = [sys.executable, "-m", "pythonfmu", "build", "-f", str(script), "-d", str(folder)]
    subprocess.run(command, check=True, capture_output=True, timeout=PATIENCE_S)
    return folder / "Heater.fmu"


@pytest.fixture
def folder(_packages: None, built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The FMU, its mapping, and a place for what is unpacked."""
    (tmp_path / "Heater.fmu").symlink_to(built)
    (tmp_path / "map.yaml").write_text(MAPPING, encoding="utf-8")
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    return tmp_path


def fmu(folder: Path, start: datetime = MIDNIGHT, more: str = "", **options: str) -> Fmu:
    (folder / "map.yaml").write_text(MAPPING + more, encoding="utf-8")
    return Fmu(start, str(folder / "map.yaml"), **options)


def test_it_goes_in_steps_of_its_day_from_the_start(folder: Path) -> None:
    plant = fmu(folder, MIDNIGHT + timedelta(seconds=90), more="warm_up_h: 1\n")
    try:
        read = plant.read()
        assert isnan(read["tank.temp"])
        assert read["tank.setpoint"] == pytest.approx(56.85), "what the input starts with"
        assert list((folder / "scratch").iterdir()) == [], "looked at, and nothing runs"
        assert plant.advance(MIDNIGHT + timedelta(seconds=100)) == MIDNIGHT + 2 * MINUTE
        read = plant.read()
        assert read["tank.now"] == 61 * 86_400 + 120
        # An hour of warm-up and a minute at 6 kW; only the minute is counted.
        assert read["tank.temp"] == pytest.approx(40.0 + 6000 * 3660 / 4e6)
        assert (read["tank.power"], read["tank.status"]) == (6.0, 1.0)
        assert read["tank.energy"] == pytest.approx(0.1)
    finally:
        plant.close()
    assert list((folder / "scratch").iterdir()) == []


def test_commands_hold_until_they_are_given_back(folder: Path) -> None:
    plant = fmu(folder)
    now = MIDNIGHT
    try:
        for commands, power, speed, setpoint in (
            ({}, 6.0, 0.0, 56.85),
            ({"tank.speed": 50.0}, 3.0, 50.0, 56.85),
            ({"tank.stage": 1.0}, 6.0, 50.0, 56.85),
            ({"tank.speed": None}, 12.0, 0.0, 56.85),
            ({"tank.setpoint": 5.0}, 0.0, 0.0, 30.0),
            ({"tank.setpoint": None, "tank.stage": None}, 6.0, 0.0, 56.85),
        ):
            plant.write(commands)
            now = plant.advance(now + MINUTE)
            read = plant.read()
            assert read["tank.power"] == pytest.approx(power), commands
            assert read["tank.speed"] == speed
            assert read["tank.setpoint"] == pytest.approx(setpoint)
        with pytest.raises(ValueError, match="cannot be written"):
            plant.write({"tank.power": 1.0})
        with pytest.raises(KeyError):
            plant.write({"tank.level": 1.0})
    finally:
        plant.close()


def test_new_year_and_the_end_of_a_run(folder: Path) -> None:
    eve = datetime(2026, 12, 31, 15, 58, tzinfo=UTC)  # 23:58 there
    plant = fmu(folder, eve, until="2027-01-02")
    try:
        plant.advance(eve + 5 * MINUTE)
        assert plant.read()["tank.now"] == 365 * 86_400 + 180, "its time goes on, as its weather"
        with pytest.raises(PlantEnded, match="ends on 2027-01-02"):
            plant.advance(eve + timedelta(days=3))
        assert plant.read()["tank.now"] == 366 * 86_400
        with pytest.raises(PlantEnded):
            plant.advance(eve + timedelta(days=3))
    finally:
        plant.close()
    new = fmu(folder, datetime(2026, 12, 31, 16, tzinfo=UTC), more="warm_up_h: 2\n")
    try:
        new.advance(datetime(2026, 12, 31, 16, 1, tzinfo=UTC))
        # Warmed up in the last hours of the year before, which the model calls its first.
        assert new.read()["tank.now"] == 365 * 86_400 + 60
    finally:
        new.close()


@pytest.mark.parametrize(
    ("trouble", "error", "words"),
    [
        (1, PlantError, r"the FMU Heater.fmu ended its process \(signal SIGABRT\)"),
        (2, PlantError, r"the FMU Heater.fmu hangs: no answer within 2 s"),
        (3, PlantError, r"the FMU Heater.fmu gave up: .*the tank boils"),
        (4, PlantEnded, r"the FMU Heater.fmu ends at 2026-03-02T16:02"),
    ],
)
def test_what_goes_wrong_in_an_fmu_is_one_sentence(
    folder: Path, trouble: int, error: type[PlantError], words: str
) -> None:
    more = f"time: zero\nwithin_s: {2 if trouble == 2 else 60}\n"
    more += f"parameters: {{trouble: {trouble}, trouble_s: 120}}\n"
    plant = fmu(folder, more=more)
    plant.advance(MIDNIGHT + 2 * MINUTE)
    with pytest.raises(PlantError, match=words) as failed:
        plant.advance(MIDNIGHT + 5 * MINUTE)
    assert type(failed.value) is error
    assert plant.read()["tank.energy"] == pytest.approx(0.2), "the last step that was made"
    plant.close()
    assert list((folder / "scratch").iterdir()) == []


@needed
@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("variable: tank,", "variable: tunk,", "map.yaml:9: no variable 'tunk'; did you mean 'ta"),
        ("input: stage", "input: stages", "map.yaml:8: no input 'stages'; did you mean 'stage'"),
        ("input: stage", "input: tank", "map.yaml:8: no input 'tank'"),
        ("step_s: 60", "parameters: {rate: 1}", "map.yaml: no parameter 'rate'"),
        ("step_s: 60", "step_s: 7000", "map.yaml:2: step_s: .*whole number of steps"),
        ("{constant: 1}", "{input: setpoint}", "map.yaml:6: .*command one thing .setpoint."),
        ("Heater.fmu", "map.yaml", "map.yaml is no FMU"),
        ("Heater.fmu", "none.fmu", "there is no FMU .*none.fmu"),
    ],
)
def test_what_cannot_be_attached_is_said_before_it_runs(
    folder: Path, old: str, new: str, words: str
) -> None:
    (folder / "map.yaml").write_text(MAPPING.replace(old, new), encoding="utf-8")
    with pytest.raises(InvalidInput, match=words):
        make_plant(SPEC, MIDNIGHT, {"map": str(folder / "map.yaml")})


def test_units_and_limits_that_the_fmu_says_count(folder: Path, built: Path) -> None:
    """pythonfmu writes neither, other tools do."""
    with zipfile.ZipFile(built) as read, zipfile.ZipFile(folder / "other.fmu", "w") as written:
        for item in read.infolist():
            data = read.read(item)
            if item.filename == "modelDescription.xml":
                text = data.decode().replace('name="setpoint"', 'name="setpoint" ')
                for name, said in (("tank", 'unit="K"'), ("share_u", 'unit="1" min="0" max="1"')):
                    text = with_attributes(text, name, said)
                data = text.encode()
            written.writestr(item, data)
    text = MAPPING.replace("Heater.fmu", "other.fmu").replace("tank, offset: -273.15,", "tank,")
    text = text.replace('scale: 100, unit: "%"', 'unit: "%"')
    (folder / "map.yaml").write_text(text, encoding="utf-8")
    plant = Fmu(MIDNIGHT, str(folder / "map.yaml"))
    try:
        plant.write({"tank.speed": 150.0})
        plant.advance(MIDNIGHT + MINUTE)
        assert plant.read()["tank.power"] == 6.0, "the share stops at 1"
        assert plant.read()["tank.temp"] == pytest.approx(40.09)
    finally:
        plant.close()
    (folder / "map.yaml").write_text(text.replace("degC}", "bar}"), encoding="utf-8")
    with pytest.raises(ValueError, match="map.yaml:9: tank is in K, the point in bar; give scale"):
        Fmu(MIDNIGHT, str(folder / "map.yaml"))


def with_attributes(text: str, name: str, said: str) -> str:
    before, found, after = text.partition(f'name="{name}"')
    assert found
    real, tag, rest = after.partition("<Real")
    assert tag
    return before + found + real + tag + " " + said + rest


def test_a_process_whose_parent_is_killed_ends_and_leaves_nothing(folder: Path) -> None:
    nothing_is_left(folder, "simulators.fmu.fmu_plant:Fmu", MIDNIGHT)


def test_a_missing_package_is_one_line_with_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "map.yaml").write_text(MAPPING, encoding="utf-8")
    monkeypatch.setitem(sys.modules, "fmpy", None)
    with pytest.raises(NotAvailable, match=r"FMPy is not installed: pip install 'bms\[fmu\]'"):
        make_plant(SPEC, MIDNIGHT, {"map": str(tmp_path / "map.yaml")})


@needed
def test_our_own_plant_as_an_fmu_is_the_same_plant(tmp_path: Path) -> None:
    """Works, written as an FMU, valid for FMPy, and run by it: value for value the plant."""
    from fmpy.validation import validate_fmu

    (tmp_path / "mill.yaml").write_text(
        "base: mill\nchillers: {ch-1: {curve: screw, capacity_kw: 350}}\n"
        "chw_pumps: {chwp-1: }\ncw_pumps: {cwp-1: }\ntowers: {ct-1: }\n"
        "processes: {line: {design_kw: 200}}\n",
        encoding="utf-8",
    )
    blueprint = str(tmp_path / "mill.yaml")
    asked = ["fmu", "simulators.parks.works.works:Works", str(tmp_path)]
    done = CliRunner().invoke(main, [*asked, "--option", f"blueprint={blueprint}"])
    assert done.exit_code == 0, done.output
    assert validate_fmu(str(tmp_path / "Works.fmu")) == []
    names = ["mill.chwp-1.enable", "mill.chw-header.flow", "mill.chwp-1.power"]
    told = "mill.chwp_1.enable"
    points = [f"  a: {{input: {told}_u, activate: {told}_activate, variable: {told}}}\n"]
    for key, name in zip("bc", names[1:], strict=True):
        points.append(f"  {key}: {{variable: {name.replace('-', '_')}}}\n")
    text = "fmu: Works.fmu\nutc_offset_h: 8\npoints:\n" + "".join(points)
    (tmp_path / "map.yaml").write_text(text, encoding="utf-8")
    ours = Works(MIDNIGHT, blueprint=blueprint)
    theirs = Fmu(MIDNIGHT, str(tmp_path / "map.yaml"))
    try:
        for minute in range(1, 21):
            command = {5: 1.0, 15: None}.get(minute, ...)
            if command is not ...:
                ours.write({names[0]: command})
                theirs.write({"a": command})
            ours.advance(MIDNIGHT + minute * MINUTE)
            theirs.advance(MIDNIGHT + minute * MINUTE)
            expected = [ours.read()[name] for name in names]
            assert [theirs.read()[key] for key in "abc"] == pytest.approx(expected), minute
        assert expected[1] >= 0.0
    finally:
        ours.close()
        theirs.close()
