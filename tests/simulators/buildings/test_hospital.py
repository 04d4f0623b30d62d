"""The hospital of EnergyPlus itself; skipped without `make peers`, which .ci/run requires."""

from __future__ import annotations

import importlib.util
import json
import os
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from bms.cli import main
from bms.config.load import check
from bms.config.site_variants import check_variants
from bms.control import STRATEGIES
from bms.field.plant_points import plant_problems
from drivers.plant import PlantError
from simulators.energyplus.building import Building
from simulators.energyplus.mapping import read_mapping
from simulators.energyplus.shipped import run_as_shipped
from simulators.parks import hospital

HERE = Path(hospital.__file__).parent
SITE = HERE / "site"
MAP = HERE / "building.yaml"
OFFSET = timedelta(hours=8)
NOW = datetime(2026, 7, 6, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _energyplus(request: pytest.FixtureRequest) -> None:
    """Skips what needs EnergyPlus where it is not installed."""
    if importlib.util.find_spec("pyenergyplus") is not None:
        return
    text = "EnergyPlus is not installed here: make peers"
    if os.environ.get("BMS_REQUIRE_PEERS"):
        pytest.fail(text)
    pytest.skip(text)


def test_the_site_is_whole() -> None:
    site, problems = check(SITE, STRATEGIES)
    assert problems == []
    assert site is not None
    assert plant_problems(site, NOW) == []
    assert check_variants(SITE, STRATEGIES)[0] == []


@pytest.mark.slow
def test_its_counters_are_those_of_energyplus(tmp_path: Path) -> None:
    """Three days through a leap day, nobody commanding: the sums are EnergyPlus' own."""
    start = datetime(2028, 2, 28, tzinfo=UTC) - OFFSET
    plant = Building(start, str(MAP), until="2028-03-02", keep=str(tmp_path / "kept"))
    try:
        plant.advance(start + timedelta(days=3))
        read = dict(plant.read())
    finally:
        plant.close()
    # The same model and days without the adapter, by EnergyPlus' own table.
    kept = tmp_path / "kept"
    model = (kept / "in.idf").read_text(encoding="utf-8")
    alone = tmp_path / "alone.idf"
    alone.write_text(
        model + "\nOutput:Table:SummaryReports, AnnualBuildingUtilityPerformanceSummary;\n",
        encoding="utf-8",
    )
    year = run_as_shipped(str(alone), kept / "weather.epw", tmp_path / "out")
    uses = {use.name: use for use in year.end_uses}
    total = sum(use.electricity_kwh for use in year.end_uses)
    assert read["meter-main.energy"] == pytest.approx(total, rel=1e-3)
    assert read["ch-1.energy"] == pytest.approx(uses["Cooling"].electricity_kwh, rel=1e-3)
    assert read["ct-1.energy"] == pytest.approx(uses["Heat Rejection"].electricity_kwh, rel=1e-3)
    fans = sum(read[f"{name}.energy"] for name in ("cav-1", "cav-2", "vav-1", "vav-2"))
    air = uses["Fans"].electricity_kwh + uses["Humidification"].electricity_kwh
    assert fans == pytest.approx(air, rel=1e-3)
    assert read["gas.volume"] * 10 == pytest.approx(uses["Heating"].gas_kwh, rel=1e-3)


def test_commands_move_the_machines() -> None:
    start = datetime(2026, 7, 6, tzinfo=UTC) - OFFSET
    plant = Building(start, str(MAP))
    now = start

    try:
        now = plant.advance(now + timedelta(hours=8))
        free = dict(plant.read())
        assert free["ch-1.status"] == free["vav-1.status"] == 1.0
        assert free["vav-1.supply_temp"] == pytest.approx(11.1, abs=0.2)
        cold = free["chw.supply_temp"]
        assert cold == pytest.approx(6.7, abs=0.2)
        reset = {"vav-1.supply_setpoint": 15.0, "chw.loop_setpoint": 9.0, "ct-1.cw_setpoint": 29.0}
        plant.write(reset)
        now = plant.advance(now + timedelta(hours=3))
        read = plant.read()
        assert read["vav-1.supply_temp"] == pytest.approx(15.0, abs=0.3)
        assert read["vav-2.supply_temp"] == pytest.approx(11.1, abs=1.5)
        assert read["chw.supply_temp"] == pytest.approx(9.0, abs=0.3)
        assert read["cw.supply_temp"] == pytest.approx(29.0, abs=0.5)
        # The loop and its chiller have one set point: the lower one counts.
        plant.write({"ch-1.chw_setpoint": 7.0})
        now = plant.advance(now + timedelta(hours=2))
        assert plant.read()["chw.supply_temp"] == pytest.approx(7.0, abs=0.3)
        plant.write({"cav-1.enable": 0.0, "ch-1.enable": 0.0, "ch-1.chw_setpoint": None})
        now = plant.advance(now + timedelta(hours=1))
        assert plant.read()["cav-1.status"] == plant.read()["ch-1.status"] == 0.0
        plant.write(dict.fromkeys((*reset, "cav-1.enable", "ch-1.enable")))
        plant.advance(now + timedelta(hours=6))
        assert plant.read()["ch-1.status"] == plant.read()["cav-1.status"] == 1.0
        assert plant.read()["chw.supply_temp"] == pytest.approx(cold, abs=0.3)
    finally:
        plant.close()


@pytest.mark.slow
def test_two_variants_of_the_hospital_are_compared(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    asked = ["--baseline", "clock", "--candidate", "clock", "--step", "15m", "--json"]
    span = ["--from", "2026-07-06", "--to", "2026-07-07"]
    done = CliRunner().invoke(main, ["compare", str(SITE), *asked, *span])
    assert done.exit_code == 0, done.output
    (said,) = json.loads(done.output)
    assert said["baseline"] == said["candidate"]
    uses = {use["kind"]: use for use in said["baseline"]["end_uses"]}
    assert uses["chiller"]["electricity_kwh"] > 3000
    assert uses["gas_meter"]["gas_kwh"] > 2000
    assert len(said["baseline"]["service"]["zones"]) == 55
    assert list(tmp_path.iterdir()) == []


def test_an_error_of_energyplus_is_said_with_its_place(tmp_path: Path) -> None:
    text = MAP.read_text(encoding="utf-8")
    wrong = '  - {object: "Boiler:HotWater", name: HeatSys1 Boiler, field: 2, value: Sunshine}\n'
    path = tmp_path / "building.yaml"
    path.write_text(text.replace("idf:\n", "idf:\n" + wrong), encoding="utf-8")
    start = datetime(2026, 7, 6, tzinfo=UTC) - OFFSET
    plant = Building(start, str(path), keep=str(tmp_path / "kept"))
    with pytest.raises(PlantError, match=r'gave up: .*"Sunshine".*\(see .*eplusout\.err\)'):
        plant.advance(start + timedelta(hours=1))
    plant.close()


def test_every_point_has_a_meaning_of_its_own() -> None:
    mapping = read_mapping(MAP)
    assert len(mapping.points) > 600
