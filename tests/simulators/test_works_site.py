"""The site that is written for a works is one that the controller runs."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bms.app.simulate import simulate
from bms.config.load import load
from bms.control import STRATEGIES
from bms.field.plants import plant_of
from simulators.parks.works.blueprint import read_blueprint
from simulators.parks.works.works import SHIPPED, Works
from simulators.parks.works.works_site import site_files, write_site
from tests.patience import PATIENCE_S

AIR = "heat_pumps: {hp-1: {capacity_kw: 90}}\nhw_pumps: {p-1: }\nvalves: false\n"
START = datetime(2026, 7, 8, 0, tzinfo=UTC)
SECONDARY = """\
base: other
chillers: {a: {capacity_kw: 500}, b: {capacity_kw: 500, curve: centrifugal_vsd}}
chw_pumps: {p-1: , p-2: }
secondary_pumps: {s-1: , s-2: }
cw_pumps: {c-1: , c-2: }
towers: {t-1: }
valves: false
fan_coils: {room: {area_m2: 60}}
"""
HEAT = """\
boilers: {b-1: {capacity_kw: 300, condensing: false}}
heat_pumps: {hp-1: {capacity_kw: 90}}
hw_pumps: {p-1: }
air_handlers: {u: {constant: true, open: true, outdoor: false, rooms: {r: {area_m2: 200}}}}
"""


@pytest.mark.parametrize("text", [SHIPPED.read_text(encoding="utf-8"), SECONDARY, HEAT, AIR])
def test_any_works_becomes_a_site_whose_points_are_the_plants(tmp_path: Path, text: str) -> None:
    source = tmp_path / "plant.yaml"
    source.write_text(text, encoding="utf-8")
    write_site(source, tmp_path / "made")
    site = load(tmp_path / "made" / "site", STRATEGIES)
    assert not site.unmet
    plant = plant_of(site, START)
    assert isinstance(plant, Works)
    offered = {point.name: point for point in plant.points()}
    points = {point.id: point for link in site.links.values() for point in link.points}
    assert points.keys() == offered.keys()
    for name, point in points.items():
        assert (point.unit or "") == offered[name].unit, name
        assert point.writable == offered[name].writable, name
    plant.advance(START + timedelta(minutes=5))


def test_the_command_line_writes_a_site_or_says_why_not(tmp_path: Path) -> None:
    def run(source: Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "simulators", "works", str(source), str(tmp_path / "made")],
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE_S,
        )

    assert run(SHIPPED).returncode == 0
    assert (tmp_path / "made" / "site" / "equipment" / "works.yaml").exists()
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("chillers: {a: {size: 3}}")
    refused = run(wrong)
    assert refused.returncode == 1
    assert "there is no 'size'" in refused.stderr


SITE = SHIPPED.parent / "site"


def test_the_shipped_site_is_what_is_written_for_its_blueprint() -> None:
    for name, text in site_files(read_blueprint(SHIPPED)).items():
        expected = text.replace("{site}/../blueprint.yaml", "{site}/../works.yaml")
        assert (SITE / name).read_text(encoding="utf-8") == expected, name


async def test_a_summer_morning_under_group_control_harms_no_machine(tmp_path: Path) -> None:
    site = load(SITE, STRATEGIES)
    begin = datetime(2026, 7, 5, 22, tzinfo=UTC)  # Monday 06:00 in China
    plant = plant_of(site, begin)
    assert isinstance(plant, Works)
    await simulate(
        site,
        plant,
        start=begin,
        end=begin + timedelta(hours=4),
        step=timedelta(minutes=1),
        into=tmp_path,
    )
    values, facts = plant.read(), plant.facts()
    assert 5.0 < values["works.chw-header.supply_temp"] < 15.0  # as warm as consumers allow
    assert values["works.a-1.zone_temp"] < 26.5
    assert sum(values[f"works.ch-{n}.status"] for n in (1, 2, 3)) >= 1.0
    assert not [name for name, value in facts.items() if name.endswith(".latched") and value]
    # A machine may stand enabled while its flow builds up, never for long.
    assert all(value < 300.0 for name, value in facts.items() if name.endswith(".dry_s"))
